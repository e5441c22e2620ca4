"""M5 (Walmart): sales_train_evaluation, sell_prices and calendar, as Parquet or CSV.

Sales come store by store, each a part of the sales table, sorted by SKU and date. Rows of zero are left out: from a
series' first row on, a bucket without a row is zero. Weeks are Monday weeks, and only complete ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.errors import DataError, Issue
from planner.importers import assume
from planner.importers.draft import Draft, Parts
from planner.importers.inputs import Inputs, missing, read_columns, read_names
from planner.importers.registry import Options
from planner.intake.frames import categorical
from planner.periods import Bucket

KEYS = ["item_id", "dept_id", "cat_id", "store_id", "state_id"]
PRICES = ["store_id", "item_id", "wm_yr_wk", "sell_price"]
EVENTS = ["event_name_1", "event_name_2"]
RECENT_DAYS = 7 * assume.RECENT_WEEKS


@dataclass(frozen=True)
class World:
    """Everything read. `units` is [series, days with sales], in the order of `keys`; `calendar` may reach further."""

    keys: pd.DataFrame
    units: npt.NDArray[np.int32]
    calendar: pd.DataFrame
    prices: pd.DataFrame
    bucket: Bucket

    @property
    def days(self) -> pd.DatetimeIndex:
        return pd.DatetimeIndex(self.calendar["date"])

    @property
    def lead(self) -> int:
        """Days before the first bucket: the week that the source begins within is left out."""
        return -self.days[0].weekday() % 7 if self.bucket == "week" else 0

    @property
    def size(self) -> int:
        return 7 if self.bucket == "week" else 1

    @property
    def buckets(self) -> int:
        """Complete buckets with sales."""
        days: int = self.units.shape[1]
        return (days - self.lead) // self.size

    @property
    def end(self) -> int:
        """Position of the first day that is not history."""
        return self.lead + self.buckets * self.size

    @property
    def as_of(self) -> dt.date:
        return (self.days[self.end - 1] + pd.Timedelta(days=1)).date()

    @property
    def ahead(self) -> int:
        """Complete buckets of the calendar from the as-of date on, for which prices are known."""
        return (len(self.days) - self.end) // self.size

    @cached_property
    def skus(self) -> list[str]:
        return sorted(self.keys["item_id"].unique())

    @cached_property
    def stores(self) -> list[str]:
        return sorted(self.keys["store_id"].unique())

    @cached_property
    def week_of_day(self) -> npt.NDArray[np.int64]:
        """Position of each day's price week."""
        weeks: npt.NDArray[np.int64] = np.unique(self.calendar["wm_yr_wk"].to_numpy(), return_inverse=True)[1]
        return weeks

    def first_days(self, start: int, count: int) -> npt.NDArray[Any]:
        """First day of each of `count` buckets from day `start` on."""
        return self.days.to_numpy()[start : start + count * self.size : self.size]

    def store(self, store: str) -> tuple[pd.DataFrame, npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """One store, sorted by SKU: its keys, units [series, days] and prices [series, days of the calendar]."""
        rows = np.flatnonzero((self.keys["store_id"] == store).to_numpy())
        rows = rows[np.argsort(self.keys["item_id"].to_numpy()[rows].astype(str), kind="stable")]
        keys = self.keys.iloc[rows]
        return keys, self.units[rows], self._prices(store, keys["item_id"])[:, self.week_of_day]

    def _prices(self, store: str, items: pd.Series) -> npt.NDArray[np.float64]:
        """Prices [items, price weeks] of one store; NaN where the item was not sold in that week."""
        own = self.prices[(self.prices["store_id"] == store).to_numpy()]
        row = pd.Index(items).get_indexer(pd.Index(own["item_id"].astype(object)))
        weeks = np.unique(self.calendar["wm_yr_wk"].to_numpy())
        column = pd.Index(weeks).get_indexer(pd.Index(own["wm_yr_wk"]))
        known = (row >= 0) & (column >= 0)
        prices = np.full((len(items), len(weeks)), np.nan)
        prices[row[known], column[known]] = own["sell_price"].to_numpy(dtype=np.float64)[known].round(4)
        return prices


def read(inputs: Inputs, options: Options) -> Draft:
    """The three files as tables. Raises DataError where they do not fit the layout or each other."""
    world = _world(inputs, options["bucket"])
    series = _summary(world, inputs)
    supplier, lead, review = str(options["supplier"]), float(options["lead_days"]), float(options["review_days"])
    tables: dict[str, Parts] = {
        "items": _items(series, options["cost_share"]),
        "locations": _locations(world, supplier),
        **assume.supply(series, series["weekly"], supplier, lead, review, options["cover_weeks"]),
        "sales": _sales(world, inputs),
        "drivers": _known_prices(world),
        "calendar": _calendar(world),
    }
    return Draft(
        title=f"M5, {world.bucket} by {world.bucket}",
        tables=tables,
        as_of=world.as_of,
        bucket=world.bucket,
        currency="USD",
        assumptions=options.assumptions(),
        stock={"review_days": review, "lead_days": lead},
        notes=_notes(world),
    )


def _world(inputs: Inputs, bucket: Bucket) -> World:
    names = ("sales_train_evaluation", "sales_train_validation")
    sales, prices, calendar = inputs.find(
        [f"{name}.{kind}" for name in names for kind in ("parquet", "csv")],
        ["sell_prices.parquet", "sell_prices.csv"],
        ["calendar.parquet", "calendar.csv"],
    )
    inputs.say(f"reading {sales.name}")
    found = read_names(sales)
    days = sorted((name for name in found if name[:2] == "d_" and name[2:].isdigit()), key=lambda name: int(name[2:]))
    missing(sales, found, [*KEYS, "d_1"])
    dates = _read_calendar(calendar, days)
    table = read_columns(sales, [*KEYS, *days])
    keys = table.select(KEYS).to_pandas().astype(str)
    units = np.empty((table.num_rows, len(days)), dtype=np.int32)
    for position, name in enumerate(days):
        units[:, position] = _counts(table.column(name), sales, name)
    inputs.say(f"reading {prices.name}")
    priced = read_columns(prices, PRICES).to_pandas()
    priced = priced.assign(store_id=priced["store_id"].astype("category"), item_id=priced["item_id"].astype("category"))
    world = World(_unique(keys, sales), units, dates, priced, bucket)
    if world.buckets < 1:
        raise DataError([Issue(sales.name, 1, "", "", f"holds no complete {bucket}", "check that the file is whole")])
    return world


def _counts(column: Any, path: Path, name: str) -> npt.NDArray[np.int32]:
    values = column.to_pandas().to_numpy()
    if values.dtype.kind not in "iuf" or not bool(np.all(values >= 0)):
        raise DataError([Issue(path.name, None, name, "", "must hold whole numbers, 0 or more, and no blank", "")])
    counts: npt.NDArray[np.int32] = values.astype(np.int32)
    return counts


def _unique(keys: pd.DataFrame, path: Path) -> pd.DataFrame:
    rows = np.flatnonzero(keys.duplicated(["item_id", "store_id"]).to_numpy())
    if len(rows):
        value = " ".join(keys[["item_id", "store_id"]].iloc[rows[0]])
        issue = Issue(path.name, int(rows[0]) + 2, "item_id + store_id", value, "stands twice", "keep one row")
        raise DataError([issue], len(rows))
    return keys


def _read_calendar(path: Path, days: list[str]) -> pd.DataFrame:
    """The calendar from d_1 on, every day in order."""
    names = read_names(path)
    snap = [name for name in names if name.startswith("snap_")]
    calendar: pd.DataFrame = read_columns(path, ["date", "wm_yr_wk", "d", *EVENTS, *snap]).to_pandas()
    calendar["date"] = pd.to_datetime(calendar["date"]).astype("datetime64[ns]")
    calendar = calendar.sort_values("date", ignore_index=True)
    steps = calendar["date"].diff().dropna()
    if list(calendar["d"][: len(days)]) != days or bool((steps != pd.Timedelta(days=1)).any()):
        raise DataError(
            [Issue(path.name, None, "d", "", "does not list d_1, d_2, ... day by day", "download it again")]
        )
    return calendar


def _summary(world: World, inputs: Inputs) -> pd.DataFrame:
    """One row a series: sku, warehouse, category, department, weekly demand of late, and the newest price."""
    inputs.say("summing up recent demand")
    recent = world.units[:, max(world.end - RECENT_DAYS, 0) : world.end]
    frame = world.keys.rename(columns={"item_id": "sku", "store_id": "warehouse", "cat_id": "category"})
    frame = frame.rename(columns={"dept_id": "department"}).assign(weekly=recent.mean(axis=1) * 7.0)
    newest = (
        world.prices[(world.prices["wm_yr_wk"] <= world.calendar["wm_yr_wk"].iloc[world.end - 1]).to_numpy()]
        .sort_values("wm_yr_wk", kind="stable")
        .drop_duplicates(["store_id", "item_id"], keep="last")
        .rename(columns={"item_id": "sku", "store_id": "warehouse", "sell_price": "price"})
        .astype({"sku": object, "warehouse": object})
    )
    series: pd.DataFrame = frame.merge(newest[["sku", "warehouse", "price"]], how="left", on=["sku", "warehouse"])
    return series


def _items(series: pd.DataFrame, cost_share: float) -> pd.DataFrame:
    """One row an item; its price is the mean of the stores' newest prices."""
    grouped = series.sort_values(["sku", "warehouse"]).groupby("sku", sort=True)
    items = grouped.agg(category=("category", "first"), department=("department", "first"), price=("price", "mean"))
    price = items["price"].astype(float).round(2)
    items = items.drop(columns="price").assign(unit_price=price, unit_cost=(price * cost_share).round(4))
    return items.reset_index()


def _locations(world: World, supplier: str) -> pd.DataFrame:
    stores = world.keys.drop_duplicates("store_id").sort_values("store_id")
    frame = pd.DataFrame({"location": stores["store_id"].to_numpy(), "kind": "store", "country": "US"})
    return assume.places(frame.assign(region=stores["state_id"].to_numpy()), supplier, "US")


def _sales(world: World, inputs: Inputs) -> Iterator[pd.DataFrame]:
    """Store by store one row a bucket with sales; unit_price = revenue / units."""
    for number, store in enumerate(world.stores, start=1):
        inputs.say(f"sales of store {number} of {len(world.stores)}")
        keys, units, prices = world.store(store)
        span = slice(world.lead, world.end)
        shape = (len(keys), world.buckets, world.size)
        sold = units[:, span].astype(np.float64).reshape(shape)
        price = prices[:, span].reshape(shape)
        total = sold.sum(axis=2)
        series, bucket = np.nonzero(total)
        paid = np.where(np.isnan(price), 0.0, sold).sum(axis=2)[series, bucket]
        revenue = (np.nan_to_num(price) * sold).sum(axis=2)[series, bucket]
        with np.errstate(invalid="ignore"):
            unit_price = np.round(revenue / paid, 4)
        yield pd.DataFrame(
            {
                "date": world.first_days(world.lead, world.buckets)[bucket],
                "sku": _codes(keys["item_id"], series, world.skus),
                "warehouse": pd.Categorical([store] * len(series), categories=world.stores),
                "quantity": total[series, bucket],
                "unit_price": unit_price,
            }
        )


def _known_prices(world: World) -> pd.DataFrame:
    """The prices known for the buckets to come, averaged over the days of each."""
    parts = []
    for store in world.stores:
        keys, _, prices = world.store(store)
        to_come = prices[:, world.end : world.end + world.ahead * world.size]
        price = to_come.reshape(len(keys), world.ahead, world.size).mean(axis=2)
        series, bucket = np.nonzero(~np.isnan(price))
        parts.append(
            pd.DataFrame(
                {
                    "name": pd.Categorical(["price"] * len(series)),
                    "date": world.first_days(world.end, world.ahead)[bucket],
                    "value": np.round(price[series, bucket], 4),
                    "sku": _codes(keys["item_id"], series, world.skus),
                    "warehouse": pd.Categorical([store] * len(series), categories=world.stores),
                }
            )
        )
    return pd.concat(parts, ignore_index=True).sort_values(["name", "date", "sku", "warehouse"], ignore_index=True)


def _codes(items: pd.Series, rows: npt.NDArray[np.int64], categories: list[str]) -> pd.Categorical:
    """The items at `rows` as codes of all items."""
    codes = pd.Index(categories).get_indexer(pd.Index(items))
    return categorical(codes[rows], np.array(categories, dtype=object))


def _calendar(world: World) -> pd.DataFrame:
    """Events for the country, SNAP days for the stores of their state."""
    dates = world.calendar[["date"]]
    parts = [
        dates.assign(country="US", name=world.calendar[column])[world.calendar[column].notna().to_numpy()]
        for column in EVENTS
    ]
    states = world.keys.drop_duplicates("store_id").sort_values("store_id")
    for store, state in zip(states["store_id"], states["state_id"], strict=True):
        if f"snap_{state}" in world.calendar:
            days = (world.calendar[f"snap_{state}"] == 1).to_numpy()
            parts.append(dates[days].assign(country=store, name="SNAP"))
    rows = pd.concat(parts, ignore_index=True).assign(kind="event")
    rows = rows[rows["name"] != ""].drop_duplicates(["country", "date", "name"])
    return rows.sort_values(["country", "date", "name"], ignore_index=True)


def _notes(world: World) -> tuple[str, ...]:
    notes = ["buckets without sales are not written: from the first sale on a missing bucket is zero"]
    if world.lead:
        notes.append(f"{world.lead} days before the first Monday, {world.days[world.lead].date()}, are left out")
    left = world.units.shape[1] - world.end
    if left:
        notes.append(f"{left} days of the last, incomplete week are left out")
    silent = int((world.units[:, world.lead : world.end].sum(axis=1) == 0).sum())
    if silent:
        notes.append(f"{silent:,} series never sold: they are stocked but have no sales")
    return tuple(notes)
