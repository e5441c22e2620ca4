"""FreshRetailNet-50K, daily: daily.parquet with one row a store, product and day.

Sales that an empty shelf held down carry the share of opening hours (6 to 22 h) in which there was stock.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.errors import DataError, Issue
from planner.importers import assume
from planner.importers.draft import Draft
from planner.importers.inputs import Inputs, read_columns
from planner.importers.registry import Options
from planner.intake.frames import categorical

GROUPS = {
    "management_group_id": "management_group",
    "first_category_id": "category",
    "second_category_id": "second_category",
    "third_category_id": "third_category",
}
WEATHER = {
    "precpt": "precipitation_mm",
    "avg_temperature": "temperature_c",
    "avg_humidity": "humidity",
    "avg_wind_level": "wind_level",
}
KEY = ["store_id", "product_id", "dt"]
DAY = ["sale_amount", "stockout_hours_6_22", "discount", "holiday_flag", "activity_flag"]
OPEN_HOURS = 16
RECENT_DAYS = 7 * assume.RECENT_WEEKS


def read(inputs: Inputs, options: Options) -> Draft:
    """The file as tables. Raises DataError where it does not fit the layout."""
    (path,) = inputs.find(["daily.parquet", "daily.csv"])
    inputs.say(f"reading {path.name}")
    days = read_columns(path, ["city_id", *GROUPS, *KEY, *DAY], list(WEATHER)).to_pandas()
    days["date"] = pd.to_datetime(days["dt"]).astype("datetime64[ns]")
    _check(days, path.name)
    for name, theirs in (("sku", "product_id"), ("warehouse", "store_id")):
        days[name] = _codes(days[theirs])
    days = days.sort_values(["date", "sku", "warehouse"], ignore_index=True)
    last = days["date"].max()
    supplier, lead, review = str(options["supplier"]), float(options["lead_days"]), float(options["review_days"])
    series, weekly = _weekly(days, last)
    tables = {
        "items": _items(days, options["list_price"], options["cost_share"]),
        "locations": assume.places(_stores(days), supplier, "CN"),
        **assume.supply(series, weekly, supplier, lead, review, options["cover_weeks"]),
        "sales": _sales(days, options["list_price"]),
        "drivers": _drivers(days),
        "calendar": _calendar(days),
    }
    return Draft(
        title="FreshRetailNet, day by day",
        tables=tables,
        as_of=(last + pd.Timedelta(days=1)).date(),
        bucket="day",
        currency="CNY",
        assumptions=options.assumptions() | {"in_stock": "share of the hours from 6 to 22 h with stock"},
        stock={"review_days": review, "lead_days": lead},
        notes=_notes(days),
    )


def _check(days: pd.DataFrame, file: str) -> None:
    """Raises DataError for empty cells, rows that stand twice, and values out of range."""
    faults = {
        "must not be empty": days.isna().any(axis=1),
        "stands twice": days.duplicated(KEY),
        "must be 0 or more": (days[["sale_amount", "stockout_hours_6_22", "discount"]] < 0).any(axis=1),
        f"must be {OPEN_HOURS} hours or fewer": days["stockout_hours_6_22"] > OPEN_HOURS,
    }
    issues = [
        Issue(file, int(np.flatnonzero(rows)[0]) + 2, "", "", f"{rule}, as in {int(rows.sum()):,} rows", "")
        for rule, rows in faults.items()
        if rows.any()
    ]
    if days.empty:
        issues = [Issue(file, None, "", "", "holds no row", "download it again")]
    if issues:
        raise DataError(issues)


def _codes(numbers: pd.Series) -> pd.Categorical:
    """Numbers as the texts they are; categories sorted as texts."""
    codes, names = pd.factorize(numbers)
    return categorical(codes, np.array(names.astype(str), dtype=object))


def _weekly(days: pd.DataFrame, last: pd.Timestamp) -> tuple[pd.DataFrame, pd.Series]:
    """Every store-product, and its mean demand in a week of the last 13 weeks."""
    recent = days[(days["date"] > last - pd.Timedelta(days=RECENT_DAYS)).to_numpy()]
    mean = recent.groupby(["sku", "warehouse"], observed=True)["sale_amount"].mean()
    series = days[["sku", "warehouse"]].drop_duplicates().sort_values(["sku", "warehouse"]).astype(object)
    weekly = mean.reindex(pd.MultiIndex.from_frame(series)).fillna(0.0) * 7.0
    return series.reset_index(drop=True), weekly.reset_index(drop=True)


def _items(days: pd.DataFrame, list_price: float, cost_share: float) -> pd.DataFrame:
    first = days.drop_duplicates("sku").sort_values("sku")
    items = first[["sku", *GROUPS]].rename(columns=GROUPS).astype(object).astype(dict.fromkeys(GROUPS.values(), str))
    return items.assign(unit_price=list_price, unit_cost=list_price * cost_share, quantity_step=0.1)


def _stores(days: pd.DataFrame) -> pd.DataFrame:
    first = days.drop_duplicates("warehouse").sort_values("warehouse")
    stores = pd.DataFrame({"location": first["warehouse"].astype(object), "kind": "store", "country": "CN"})
    return stores.assign(region=first["city_id"].astype(str))


def _paid_share(days: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Price paid as a share of list price: 1 is no discount, 0 in the source is unknown."""
    share = days["discount"].to_numpy(dtype=np.float64)
    return np.where(share > 0, np.minimum(share, 1.0), np.nan).round(4)


def _sales(days: pd.DataFrame, list_price: float) -> pd.DataFrame:
    hours = days["stockout_hours_6_22"].to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            "date": days["date"],
            "sku": days["sku"],
            "warehouse": days["warehouse"],
            "quantity": days["sale_amount"].to_numpy(dtype=np.float64).round(4),
            "unit_price": (_paid_share(days) * list_price).round(4),
            "list_price": list_price,
            "in_stock": 1.0 - hours / OPEN_HOURS,
        }
    )


def _drivers(days: pd.DataFrame) -> pd.DataFrame:
    """Discounts and activities of a store-product, and the weather of a store, day by day."""
    parts = []
    for name, values in (
        ("activity", days["activity_flag"].to_numpy(dtype=float)),
        ("discount", 1.0 - _paid_share(days)),
    ):
        held = days[["date", "sku", "warehouse"]].assign(name=name, value=values.round(4))
        parts.append(held[(held["value"] > 0).to_numpy()])
    stores = days.drop_duplicates(["warehouse", "date"])
    for theirs, name in WEATHER.items():
        if theirs in stores:
            value = stores[theirs].to_numpy(dtype=float).round(4)
            parts.append(stores[["date", "warehouse"]].assign(name=name, value=value))
    drivers = pd.concat(parts, ignore_index=True)
    drivers["sku"] = drivers["sku"].cat.add_categories("").fillna("")
    drivers["name"] = drivers["name"].astype("category")
    return drivers.sort_values(["name", "date", "sku", "warehouse"], ignore_index=True)


def _calendar(days: pd.DataFrame) -> pd.DataFrame:
    """Days that the source flags as holidays; weekends are among them."""
    dates = days.loc[(days["holiday_flag"] > 0).to_numpy(), "date"].drop_duplicates().sort_values()
    return pd.DataFrame({"country": "CN", "date": dates.to_numpy(), "name": "holiday or weekend", "kind": "holiday"})


def _notes(days: pd.DataFrame) -> tuple[str, ...]:
    notes = ["the source knows no holidays, discounts or weather to come"]
    unknown = int((days["discount"] <= 0).sum())
    if unknown:
        notes.append(f"{unknown:,} rows have the discount 0: their price is left empty")
    return tuple(notes)
