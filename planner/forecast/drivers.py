"""Drivers: what is known ahead of a bucket besides its season: prices, discounts, promotions, holidays, weather.

A row of the table `drivers` may hold for everything, a country, a warehouse, a SKU, or a SKU in a warehouse; the more
particular row wins. A bucket takes the mean of its rows. Drivers named price, unit_price or list_price continue what
`sales` holds in its columns of that name. A driver with a value in most buckets keeps its last one where there is none
(prices, weather); of others a missing value is 0 (promotions). The calendar gives a driver for each of its kinds.

A driver without a value in the horizon can tell nothing of what comes: it is refused, by name, and the forecast says
what it lacks. One that ends within the horizon keeps its last value to the end of it, and the forecast says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.errors import UsageError
from planner.forecast.history import bucket_numbers
from planner.forecast.methods import buckets_of
from planner.panel import Matrix
from planner.periods import Bucket

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

PRICES = {"price": "unit_price", "unit_price": "unit_price", "list_price": "list_price"}
CALENDAR = "calendar "
DAYS_IN: Mapping[Bucket, float] = {"day": 1.0, "week": 7.0, "month": 30.4}
_DENSE = 0.6
_NOTHING = 1e-6
_REFERENCE_WEEKS = 8
_LEVELS = (("country",), ("warehouse",), ("sku",), ("sku", "country"), ("sku", "warehouse"))


@dataclass(frozen=True)
class Tables:
    """What is known ahead, as the workspace holds it; each may be absent."""

    drivers: pd.DataFrame | None = None
    calendar: pd.DataFrame | None = None
    locations: pd.DataFrame | None = None
    sales: pd.DataFrame | None = None


@dataclass(frozen=True)
class Driver:
    """`values` [rows, buckets of history and horizon], `row` of each series in them.

    `flag`: nothing is going on at 0; otherwise nothing is going on at the mean of the last weeks before an origin.
    `running` are sums of the first 0, 1, 2, ... columns, `window` the buckets of that mean. `centre` [rows] is the
    logarithm of what the values of a price are relative to.
    """

    name: str
    values: Matrix
    row: Ints
    flag: bool
    running: Floats
    window: int
    centre: Floats | None = None

    def columns(self, row: Ints, known: Ints, target: Ints, quiet: bool = False) -> list[Floats]:
        """Its value in the target bucket, and how far that is from its mean over the last weeks before the origin.

        `quiet`: as if nothing were going on.
        """
        before = self.usual(row, known)
        if quiet:
            now = np.zeros_like(before) if self.flag else before
        else:
            now = self.values[self.row[row], target].astype(np.float64)
        return [now, now - before]

    def step(self, row: Ints, known: Ints, target: Ints, quiet: bool = False, back: int = 1) -> Floats:
        """How far its value in the target bucket is from that so many buckets before."""
        mine = self.row[row]
        now = self.columns(row, known, target, quiet)[0]
        before = self.values[mine, np.maximum(target - back, 0)].astype(np.float64)
        return now - np.where(quiet & (target - back >= known), now, before)

    def speaks(self, row: Ints, known: Ints, target: Ints) -> npt.NDArray[np.bool_]:
        """Where something is going on."""
        now, change = self.columns(row, known, target)
        return np.asarray(np.abs(now if self.flag else change) > _NOTHING, dtype=np.bool_)

    def usual(self, row: Ints, known: Ints, window: int | None = None) -> Floats:
        """Mean over the last weeks before an origin, or over so many buckets."""
        mine = self.row[row]
        low = np.maximum(known - (window or self.window), 0)
        return np.asarray((self.running[mine, known] - self.running[mine, low]) / np.maximum(known - low, 1))

    def since(self, cut: int) -> Driver:
        """Without the first columns."""
        return make(self.name, self.values[:, cut:], self.row, self.flag, self.window, self.centre)


@dataclass(frozen=True)
class Known:
    """The drivers that can be used, why the others cannot (name -> what to do), and where the last value is carried on
    (name -> from when)."""

    drivers: tuple[Driver, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    carried: Mapping[str, str] = field(default_factory=dict)

    def notes(self) -> list[str]:
        lacking = [f"driver {name} is not used: {why}" for name, why in sorted(self.refused.items())]
        return lacking + [f"driver {name} {what}" for name, what in sorted(self.carried.items())]


def make(name: str, values: Matrix, row: Ints, flag: bool, window: int, centre: Floats | None = None) -> Driver:
    running = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, dtype=np.float64, out=running[:, 1:])
    return Driver(name, values, row, flag, running, window, centre)


def known_ahead(
    keys: pd.DataFrame, dates: pd.DatetimeIndex, length: int, tables: Tables, bucket: Bucket, wanted: Sequence[str]
) -> Known:
    """The drivers of `wanted` ("auto": all) over `dates`, of which the first `length` are history.

    Raises UsageError for a driver wanted by name that is not there, or not known after the history.
    """
    if "none" in wanted or not len(keys):
        return Known()
    place = _Places.of(keys, dates, length, tables.locations, bucket)
    found = _of_table(place, tables) | _of_calendar(place, tables.calendar)
    _check(wanted, found)
    chosen = found if "auto" in wanted else {name: found[name] for name in wanted}
    usable = {name: driver for name, driver in chosen.items() if isinstance(driver, Driver)}
    moving = [driver for driver in usable.values() if _moves(driver, length)]
    refused = {name: why for name, why in chosen.items() if isinstance(why, str)}
    return Known(tuple(moving), refused, _cut_short(place, moving, tables.drivers))


def _check(wanted: Sequence[str], found: Mapping[str, Driver | str]) -> None:
    for name in wanted:
        if name != "auto" and name not in found:
            known = ", ".join(found) or "there are none"
            raise UsageError(f"forecast.drivers: there is no driver {name!r}", f"drivers and calendar hold: {known}")
        why = found.get(name)
        if isinstance(why, str):
            raise UsageError(f"forecast.drivers: {name} cannot be used: {why}", "or leave it out of forecast.drivers")


def _cut_short(place: _Places, drivers: Sequence[Driver], frame: pd.DataFrame | None) -> dict[str, str]:
    """Drivers that are always known, of which the table ends within the horizon."""
    always = [driver.name for driver in drivers if not driver.flag]
    if frame is None or not always:
        return {}
    last = frame[frame["name"].isin(always)].groupby("name", observed=True)["date"].max()
    short = last[place.columns(last) < place.count - 1]
    return {
        str(name): f"is known until {date.date()}: later buckets of the horizon keep its last value"
        for name, date in short.items()
    }


def _moves(driver: Driver, length: int) -> bool:
    """Whether it ever differed in the history: what never moved teaches nothing."""
    past = driver.values[:, :length]
    return bool(length) and bool((past.max(axis=1) - past.min(axis=1) > 1e-9).any())


@dataclass(frozen=True)
class _Places:
    """Series and buckets by name."""

    keys: pd.DataFrame
    warehouses: pd.Index
    warehouse: Ints
    country: npt.NDArray[np.object_]
    first: int
    count: int
    length: int
    dates: pd.DatetimeIndex
    bucket: Bucket

    @classmethod
    def of(
        cls, keys: pd.DataFrame, dates: pd.DatetimeIndex, length: int, locations: pd.DataFrame | None, bucket: Bucket
    ) -> _Places:
        code, names = pd.factorize(keys["warehouse"], sort=True)
        lands = np.full(len(names), "", dtype=object)
        if locations is not None and len(locations) and "country" in locations:
            lands = (
                locations.drop_duplicates("location").set_index("location")["country"].astype(object)
                .reindex(names).fillna("").to_numpy(dtype=object)
            )  # fmt: skip
        first = int(bucket_numbers(dates[:1].to_numpy(), bucket)[0])
        return cls(keys, pd.Index(names), code.astype(np.int64), lands, first, len(dates), length, dates, bucket)

    @property
    def window(self) -> int:
        return buckets_of(_REFERENCE_WEEKS, self.bucket)

    @property
    def none(self) -> Ints:
        return np.full(len(self.keys), -1, dtype=np.int64)

    def columns(self, dates: pd.Series) -> Ints:
        return bucket_numbers(dates.to_numpy(), self.bucket) - self.first


def _of_table(place: _Places, tables: Tables) -> dict[str, Driver | str]:
    frame = tables.drivers
    if frame is None or not len(frame):
        return {}
    found: dict[str, Driver | str] = {}
    for name, part in frame.groupby("name", sort=True, observed=True):
        found[str(name)] = _driver(place, str(name), part, tables.sales)
    return found


def _driver(place: _Places, name: str, part: pd.DataFrame, sales: pd.DataFrame | None) -> Driver | str:
    column = place.columns(part["date"])
    if not ((column >= place.length) & (column < place.count)).any():
        return _lacking(place, part["date"][column >= place.count], part["date"])
    particular = "sku" in part and bool((part["sku"] != "").any())
    price = name in PRICES
    rows = np.arange(len(place.keys)) if particular or price else place.warehouse
    height = len(place.keys) if particular or price else len(place.warehouses)
    values = np.full((height, place.count), np.nan, np.float32)
    if price and sales is not None:
        _fill_prices(values, place, sales, PRICES[name])
    _fill(values, place, part, column, particular or price)
    known = ~np.isnan(values)
    dense = price or known.mean() >= _DENSE
    filled = _carried(values) if dense else np.nan_to_num(values)
    values, centre = _relative(filled) if price else (filled, None)
    return make(name, values, rows.astype(np.int64), not dense, place.window, centre)


def _lacking(place: _Places, later: pd.Series, dates: pd.Series) -> str:
    """Why a driver without a value in the horizon says nothing of it: it ends before, or begins after."""
    begin, end = (place.dates[number].date() for number in (place.length, -1))
    if len(later):
        return f"its next value is of {later.min().date()}, the forecast ends with the {place.bucket} of {end}"
    return f"its last value is of {dates.max().date()}, the forecast starts on {begin}: add values ahead"


def _fill(values: Matrix, place: _Places, part: pd.DataFrame, column: Ints, particular: bool) -> None:
    """Means of the rows of each cell, the less particular ones first."""
    inside = (column >= 0) & (column < place.count)
    part, column = part[inside], column[inside]
    texts = {name: _text(part, name) for name in ("sku", "warehouse", "country")}
    value = part["value"].to_numpy(dtype=np.float64)
    for level in ((), *_LEVELS):
        rows = np.ones(len(part), bool)
        for name, text in texts.items():
            rows &= (text != "") if name in level else (text == "")
        if rows.any():
            owner = _owners(place, {name: texts[name][rows] for name in level}, int(rows.sum()), particular)
            _spread(values, owner, column[rows], value[rows])


def _text(part: pd.DataFrame, name: str) -> npt.NDArray[np.object_]:
    if name not in part:
        return np.full(len(part), "", dtype=object)
    return part[name].astype(object).fillna("").to_numpy(dtype=object)


def _owners(
    place: _Places, texts: Mapping[str, npt.NDArray[np.object_]], count: int, particular: bool
) -> tuple[Ints, Ints]:
    """(row of the table, row of the matrix) of every pair that a row speaks of."""
    here = {"warehouse": place.warehouses.to_numpy(dtype=object), "country": place.country}
    if particular:
        here = {name: values[place.warehouse] for name, values in here.items()}
        here["sku"] = place.keys["sku"].to_numpy(dtype=object)
    height = len(next(iter(here.values())))
    if not texts:
        return np.repeat(np.arange(count), height), np.tile(np.arange(height), count)
    names = list(texts)
    said = pd.DataFrame(texts).assign(table=np.arange(count))
    rows = pd.DataFrame({name: here[name] for name in names}).assign(matrix=np.arange(height))
    both = said.merge(rows, on=names)
    return both["table"].to_numpy(dtype=np.int64), both["matrix"].to_numpy(dtype=np.int64)


def _spread(values: Matrix, owner: tuple[Ints, Ints], column: Ints, value: Floats) -> None:
    table, row = owner
    cell = row * values.shape[1] + column[table]
    order, inverse = np.unique(cell, return_inverse=True)
    total = np.bincount(inverse, value[table], minlength=len(order))
    count = np.bincount(inverse, minlength=len(order))
    values.reshape(-1)[order] = total / np.maximum(count, 1)


def _fill_prices(values: Matrix, place: _Places, sales: pd.DataFrame, name: str) -> None:
    """Mean price of each bucket of history, as sold."""
    if name not in sales:
        return
    priced = sales[sales[name].notna().to_numpy()]
    sku, warehouse = (priced[part].astype("category").cat for part in ("sku", "warehouse"))
    pairs = pd.MultiIndex.from_frame(place.keys[["sku", "warehouse"]])
    grid = pd.MultiIndex.from_product([sku.categories, warehouse.categories])
    row = pairs.get_indexer(grid)[sku.codes.to_numpy().astype(np.int64) * len(warehouse.categories) + warehouse.codes]
    column = place.columns(priced["date"])
    inside = (row >= 0) & (column >= 0) & (column < place.length)
    cells = np.arange(int(inside.sum()))
    _spread(values, (cells, row[inside].astype(np.int64)), column[inside], priced[name].to_numpy(dtype=float)[inside])


def _carried(values: Matrix) -> Matrix:
    """Each gap takes the value before it, the start the first one; 0 where a row has none."""
    known = ~np.isnan(values)
    last = np.maximum.accumulate(np.where(known, np.arange(values.shape[1]), -1), axis=1)
    first = np.where(known.any(axis=1), known.argmax(axis=1), 0)
    place = np.where(last < 0, first[:, None], last)
    return np.nan_to_num(np.take_along_axis(values, place, axis=1))


def _relative(prices: Matrix) -> tuple[Matrix, Floats]:
    """log of the price over its own median, so that cheap and dear items teach each other, and log of that median."""
    usual = np.median(prices, axis=1, keepdims=True)
    usual = np.where(usual > 0, usual, 1.0).astype(np.float64)
    safe = np.where(prices > 0, prices / usual, 1.0)
    return np.log(safe).astype(np.float32), np.log(usual[:, 0])


def _of_calendar(place: _Places, calendar: pd.DataFrame | None) -> dict[str, Driver | str]:
    """Share of the bucket's days of each kind; a row of the calendar names a country or a location."""
    if calendar is None or not len(calendar):
        return {}
    found: dict[str, Driver | str] = {}
    days = calendar.drop_duplicates(["country", "date", "kind"])
    for kind, part in days.groupby("kind", sort=True, observed=True):
        name = str(kind) or "event"
        if name == "closure":
            continue
        last = place.columns(part["date"]).max()
        if last < place.length:
            found[CALENDAR + name] = (
                f"the calendar has no {name} after {part['date'].max().date()}: add those of the horizon"
            )
            continue
        found[CALENDAR + name] = make(CALENDAR + name, _share_of_days(place, part), place.warehouse, True, place.window)
    return found


def _share_of_days(place: _Places, part: pd.DataFrame) -> Matrix:
    values = np.zeros((len(place.warehouses), place.count), np.float32)
    column = place.columns(part["date"])
    where = part["country"].astype(object).to_numpy(dtype=object)
    inside = (column >= 0) & (column < place.count)
    for row, (name, land) in enumerate(zip(place.warehouses, place.country, strict=True)):
        here = inside & ((where == name) | ((where == land) & (land != "")))
        np.add.at(values[row], column[here], 1.0)
    return values / DAYS_IN[place.bucket]
