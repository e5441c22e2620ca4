"""Whether something known happened in a bucket: an event, a lower price, a driver that was not as usual.

Asked of the few cells that stand out, so tables are cut to their series first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.panel import Panel
from planner.periods import Bucket, first_days

Flags = npt.NDArray[np.bool_]

_CHEAPER = 0.95
_UNUSUAL = 3.0
_KEY = ["sku", "warehouse"]


def had_event(cells: pd.DataFrame, calendar: pd.DataFrame, locations: pd.DataFrame, bucket: Bucket) -> Flags:
    """Cells (sku, warehouse, date) whose bucket holds an event, holiday or closure of their place.

    Paydays come too often to excuse a week or a month, so they count for days only. A row of the calendar names a
    country, or a location itself.
    """
    if not len(cells) or not len(calendar):
        return np.zeros(len(cells), dtype=bool)
    told = calendar if bucket == "day" else calendar[calendar["kind"] != "payday"]
    days = pd.MultiIndex.from_arrays([told["country"].astype(str), first_days(told["date"], bucket)])
    country = cells["warehouse"].map(locations.drop_duplicates("location").set_index("location")["country"])
    here = pd.MultiIndex.from_arrays([cells["warehouse"].astype(str), cells["date"]])
    around = pd.MultiIndex.from_arrays([country.astype(str), cells["date"]])
    return np.asarray(here.isin(days) | around.isin(days), dtype=np.bool_)


def was_cheaper(cells: pd.DataFrame, sales: pd.DataFrame, bucket: Bucket) -> Flags:
    """Cells in which the price was 5 % below the list price, or below what the series mostly costs."""
    names = [name for name in ("unit_price", "list_price") if name in sales]
    if not len(cells) or "unit_price" not in names:
        return np.zeros(len(cells), dtype=bool)
    rows = _of_series(sales, cells)[[*_KEY, "date", *names]].astype(dict.fromkeys(_KEY, object))
    rows["date"] = first_days(rows["date"], bucket)
    usual = rows.groupby(_KEY)["unit_price"].median().rename("usual").reset_index()
    found = rows.groupby([*_KEY, "date"])[names].mean().reset_index()
    here = cells.merge(found, on=[*_KEY, "date"], how="left").merge(usual, on=_KEY, how="left")
    against = here[["usual", *(["list_price"] if "list_price" in names else [])]].max(axis=1)
    return (here["unit_price"] < _CHEAPER * against).to_numpy(dtype=bool)


def was_unusual(cells: pd.DataFrame, drivers: pd.DataFrame, locations: pd.DataFrame, bucket: Bucket) -> Flags:
    """Cells in which a driver was three robust deviations off its median, or off it at all if it mostly rests."""
    unusual = np.zeros(len(cells), dtype=bool)
    if not len(cells) or not len(drivers):
        return unusual
    country = cells["warehouse"].map(locations.drop_duplicates("location").set_index("location")["country"]).fillna("")
    asked = cells.assign(country=country.astype(object), cell=np.arange(len(cells)))
    keys = ["sku", "warehouse", "country"]
    told = drivers.assign(**{key: drivers[key].astype(object).fillna("") if key in drivers else "" for key in keys})
    for _, shape in told.groupby([told[key] != "" for key in keys], sort=True):
        by = [key for key in keys if (shape[key] != "").all()]
        rows = shape[_member(shape, asked, by)].assign(date=lambda part: first_days(part["date"], bucket))
        means = rows.groupby([*by, "name", "date"], observed=True)["value"].mean().reset_index()
        group = means.groupby([*by, "name"], observed=True)["value"]
        off = (means["value"] - group.transform("median")).abs()
        spread = 1.4826 * off.groupby([means[key] for key in [*by, "name"]], observed=True).transform("median")
        strange = means[(off > _UNUSUAL * spread) & (off > 1e-9)]
        hits = asked.merge(strange[[*by, "date"]].drop_duplicates(), on=[*by, "date"])
        unusual[hits["cell"].to_numpy(dtype=np.int64)] = True
    return unusual


def _member(rows: pd.DataFrame, asked: pd.DataFrame, by: list[str]) -> Flags:
    kept = np.ones(len(rows), dtype=bool)
    for key in by:
        kept &= rows[key].isin(asked[key].unique()).to_numpy()
    return kept


def _of_series(sales: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    part = sales[sales["sku"].isin(cells["sku"].unique())]
    return part[part["warehouse"].isin(cells["warehouse"].unique())]


def touched(cells: pd.DataFrame, before: Panel, after: Panel) -> Flags:
    """Cells that a stage changed: campaigns, when `after` is `before` cleaned of them."""
    row = pd.MultiIndex.from_frame(before.keys[_KEY]).get_indexer(pd.MultiIndex.from_frame(cells[_KEY]))
    column = before.dates.get_indexer(pd.DatetimeIndex(cells["date"]))
    return np.asarray(before.values[row, column] != after.values[row, column], dtype=np.bool_)
