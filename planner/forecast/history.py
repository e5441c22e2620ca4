"""Sales rows -> what was sold, how long it was in stock, and what would have been sold: three panels of equal shape.

Memory decides the form here. Sales can be tens of millions of rows, so rows are read in blocks, keys are whole numbers
and sums go straight into the float32 panel.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.censored import WINDOW, repair
from planner.forecast.opening import seen_share, shut, shut_out
from planner.forecast.successors import carry_over
from planner.panel import Matrix, Panel
from planner.periods import SEASON, Bucket, buckets_until, first_day

Ints = npt.NDArray[np.int64]

NOTE_COLUMNS = ("sku", "warehouse", "date", "original", "adjusted", "reason")
EMPTY_SHELF, SUCCESSOR = "out of stock", "history of the predecessor"
RETURNS, PARTLY_UNKNOWN = "more came back than was sold", "some quantities unknown"
PART_OF_BUCKET, CLOSED = "only part of the bucket", "closed that day"
_ROWS = 2_000_000
_CELLS = 2_000_000
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class History:
    """`sold` as booked, `in_stock` the share of the time, `demand` with empty shelves repaired; NaN before the start.

    A bucket whose quantity is unknown is NaN in `sold` and `demand`. `notes`: every bucket where demand is not what
    was sold, with both numbers and the reason.
    """

    sold: Panel
    in_stock: Panel
    demand: Panel
    notes: pd.DataFrame


@dataclass(frozen=True)
class _Sums:
    """Sales by series and bucket; `seen` where there are rows.

    `share` of the time in stock; `observed`: in stock and of known quantity; `blocked`: sold in rows out of stock.
    """

    sold: Matrix
    share: Matrix
    observed: Matrix | None
    blocked: Matrix | None
    seen: npt.NDArray[np.bool_]


def build_history(
    sales: pd.DataFrame,
    stocking: pd.DataFrame,
    items: pd.DataFrame,
    *,
    as_of: dt.date,
    bucket: Bucket,
    keep: int = 0,
    calendar: pd.DataFrame | None = None,
    locations: pd.DataFrame | None = None,
) -> History:
    """Every sku-warehouse that sold before `as_of` or is stocked, over the complete buckets before `as_of`.

    `sales` may be sparse: a missing bucket is zero from the series' start on. A series starts at its first row (or
    where it is listed from, if that is earlier) and ends when it is delisted; leading buckets without stock and
    without a sale do not count as a start. `keep` > 0 keeps only the last so many buckets. Of a first or last bucket
    that was seen in part the rest is estimated. By day, demand of the days on which `calendar` closes a place is
    unknown where nothing was sold there.
    """
    past = (sales["date"] < pd.Timestamp(as_of)).to_numpy()
    sales = sales if past.all() else sales[past]
    keys, rows = _series(sales, stocking)
    dates = _dates(sales, stocking, as_of, bucket)
    sums = _add_up(sales, rows, len(keys), dates, bucket)
    begin, end = _listed(keys, stocking, items, dates, bucket)
    start = _start(sums, begin)
    _blank(sums, start, end)
    part = seen_share(keys, listing(keys, stocking, items), sums.sold, sales["date"], dates, bucket)
    sums = _seen_in_part(sums, part)
    demand = _repaired(sums, WINDOW[bucket])
    closed = shut(keys, dates, calendar, locations) & shut_out(keys, sums.sold) if bucket == "day" else None
    if closed is not None:
        demand[closed] = np.nan
    carried = carry_over(keys, items, demand, start, SEASON[bucket] if bucket != "day" else 365)
    notes = _notes(keys, dates, sums, demand, carried, part, closed)
    cut = slice(max(len(dates) - keep, 0) if keep else 0, None)
    kept = notes[notes["date"].isin(dates[cut])].reset_index(drop=True) if keep else notes
    sold, share, wanted = (Panel(keys, dates[cut], values[:, cut]) for values in (sums.sold, sums.share, demand))
    return History(sold, share, wanted, kept)


def bucket_numbers(dates: npt.NDArray[np.datetime64], bucket: Bucket) -> Ints:
    """Whole number of the bucket of each date; neighbouring buckets differ by one."""
    if bucket == "month":
        return dates.astype("datetime64[M]").astype(np.int64)
    days = dates.astype("datetime64[D]").astype(np.int64)
    return days if bucket == "day" else (days + 3) // 7


def _series(sales: pd.DataFrame, stocking: pd.DataFrame) -> tuple[pd.DataFrame, Ints]:
    """Sorted keys, and the row of the panel of each sales row."""
    sku, warehouse = (sales[name].astype("category").cat for name in ("sku", "warehouse"))
    width = max(len(warehouse.categories), 1)
    pairs = sku.codes.to_numpy().astype(np.int64) * width + warehouse.codes.to_numpy()
    present = _distinct(pairs, len(sku.categories) * width)
    sold = pd.DataFrame(
        {
            "sku": sku.categories.to_numpy(dtype=object)[present // width],
            "warehouse": warehouse.categories.to_numpy(dtype=object)[present % width],
        }
    )
    stocked = stocking[["sku", "warehouse"]].astype(object)
    keys = pd.concat([sold, stocked]).drop_duplicates().sort_values(["sku", "warehouse"]).reset_index(drop=True)
    place = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(sold)).astype(np.int64)
    return keys.astype(object), place[np.searchsorted(present, pairs)]


def _distinct(pairs: Ints, size: int) -> Ints:
    """Sorted distinct pairs; counted where that takes less memory than sorting."""
    if size > 4 * pairs.size + 1_000_000:
        return np.unique(pairs)
    return np.flatnonzero(np.bincount(pairs, minlength=size)).astype(np.int64)


def _dates(sales: pd.DataFrame, stocking: pd.DataFrame, as_of: dt.date, bucket: Bucket) -> pd.DatetimeIndex:
    """Complete buckets from the first sale on (without any sale: the first listing), and always the latest one."""
    first = sales["date"].min() if len(sales) else pd.NaT
    if pd.isna(first):
        first = stocking["listed_from"].min() if "listed_from" in stocking else pd.NaT
    latest = first_day(as_of, bucket) - dt.timedelta(days=1)
    return buckets_until(latest if pd.isna(first) else min(first.date(), latest), as_of, bucket)


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _ROWS):
        yield slice(start, min(start + _ROWS, count))


def _add_up(sales: pd.DataFrame, rows: Ints, series: int, dates: pd.DatetimeIndex, bucket: Bucket) -> _Sums:
    """Sum quantities and average the share in stock; a cell without a row counts as zero sold and in stock.

    Returns are subtracted, in the bucket in which they came back. A cell is unknown if all its rows are; if some are,
    the others stand for the share of the time that was observed.
    """
    count = len(dates)
    shape = (series, count)
    sold, seen = np.zeros(shape, np.float32), np.zeros(shape, bool)
    gaps = _Gaps.empty(shape) if _has_gaps(sales) else None
    stamps = sales["date"].to_numpy()
    first = int(bucket_numbers(dates[:1].to_numpy(), bucket)[0])
    for block in _blocks(len(sales)):
        column = bucket_numbers(stamps[block], bucket) - first
        inside = column < count
        cell = (rows[block] * count + column)[inside]
        quantity = _signed(sales.iloc[block])[inside]
        np.add.at(sold.reshape(-1), cell, quantity if gaps is None else np.nan_to_num(quantity))
        seen.reshape(-1)[cell] = True
        if gaps is not None:
            gaps.add(cell, quantity, _in_stock(sales.iloc[block])[inside])
    if gaps is None:
        return _Sums(sold, np.ones(shape, np.float32), None, None, seen)
    sold[(gaps.unknown == gaps.rows) & seen] = np.nan
    rows_seen = np.maximum(gaps.rows, 1)
    share = np.asarray(1 - gaps.missing / rows_seen, dtype=np.float32)
    observed = np.asarray(share * (1 - gaps.unknown / rows_seen), dtype=np.float32)
    return _Sums(sold, share, observed, np.maximum(gaps.blocked, 0), seen)


@dataclass(frozen=True)
class _Gaps:
    """By cell: rows, rows of unknown quantity, time out of stock (in rows), and what was sold in rows out of stock."""

    rows: Matrix
    unknown: Matrix
    missing: Matrix
    blocked: Matrix

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> _Gaps:
        return cls(*(np.zeros(shape, np.float32) for _ in range(4)))

    def add(self, cell: Ints, quantity: npt.NDArray[np.float32], in_stock: npt.NDArray[np.float32]) -> None:
        np.add.at(self.rows.reshape(-1), cell, np.float32(1))
        np.add.at(self.unknown.reshape(-1), cell, np.isnan(quantity).astype(np.float32))
        np.add.at(self.missing.reshape(-1), cell, 1 - in_stock)
        np.add.at(self.blocked.reshape(-1), cell, np.where(in_stock <= 0, np.nan_to_num(quantity), np.float32(0)))


def _has_gaps(sales: pd.DataFrame) -> bool:
    return bool(sales["quantity"].isna().any()) or ("in_stock" in sales and bool((sales["in_stock"] < 1).any()))


def _in_stock(sales: pd.DataFrame) -> npt.NDArray[np.float32]:
    if "in_stock" not in sales:
        return np.ones(len(sales), np.float32)
    return sales["in_stock"].fillna(1.0).to_numpy(dtype=np.float32)


def _signed(sales: pd.DataFrame) -> npt.NDArray[np.float32]:
    quantity = sales["quantity"].to_numpy(dtype=np.float32)
    if "returned" not in sales:
        return quantity
    return np.where((sales["returned"] == 1).to_numpy(), -np.abs(quantity), quantity)


def _listed(
    keys: pd.DataFrame, stocking: pd.DataFrame, items: pd.DataFrame, dates: pd.DatetimeIndex, bucket: Bucket
) -> tuple[Ints, Ints]:
    """First and last column in which each series is listed; far outside the panel where nothing is said."""
    begin, end = listing(keys, stocking, items)
    first = int(bucket_numbers(dates[:1].to_numpy(), bucket)[0]) if len(dates) else 0
    start = np.where(np.isnat(begin), _NEVER, bucket_numbers(begin, bucket) - first)
    stop = np.where(np.isnat(end), _NEVER, bucket_numbers(end, bucket) - first)
    return start, stop


def listing(
    keys: pd.DataFrame, stocking: pd.DataFrame | None, items: pd.DataFrame
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.datetime64]]:
    """First and last day of sale of each series: from `stocking`, else from `items`; the earlier of the two ends."""
    launch, finish = (_of_item(keys, items, name) for name in ("launch_date", "end_date"))
    if stocking is None or not len(stocking):
        return launch, finish
    table = stocking.drop_duplicates(["sku", "warehouse"]).set_index(["sku", "warehouse"])
    here = table.reindex(pd.MultiIndex.from_frame(keys[["sku", "warehouse"]]))
    blank = np.full(len(keys), np.datetime64("NaT", "ns"))
    begin, end = (
        here[name].to_numpy(dtype="datetime64[ns]") if name in here else blank for name in ("listed_from", "listed_to")
    )
    return np.where(np.isnat(begin), launch, begin), np.fmin(end, finish)


def _of_item(keys: pd.DataFrame, items: pd.DataFrame, column: str) -> npt.NDArray[np.datetime64]:
    if column not in items or not len(items):
        return np.full(len(keys), np.datetime64("NaT", "ns"))
    values = items.drop_duplicates("sku").set_index("sku")[column]
    return values.reindex(keys["sku"]).to_numpy(dtype="datetime64[ns]")


def _start(sums: _Sums, begin: Ints) -> Ints:
    """First row that says something: rows before the listing count only if something was sold in them."""
    width = sums.sold.shape[1]
    column = np.arange(width)
    telling = sums.seen & ((sums.share > 0) | (sums.sold != 0))
    listed = begin[:, None] < _NEVER
    telling &= ~listed | (column >= begin[:, None]) | (sums.sold != 0)
    first = np.where(telling.any(axis=1), telling.argmax(axis=1) if width else 0, width)
    return np.maximum(np.minimum(first, begin), 0)


def _blank(sums: _Sums, start: Ints, end: Ints) -> None:
    """NaN before the start; after the end too, unless something was still sold."""
    column = np.arange(sums.sold.shape[1])
    outside = column < start[:, None]
    outside |= (column > end[:, None]) & (sums.sold == 0)
    sums.sold[outside] = np.nan
    sums.share[outside] = np.nan


def _seen_in_part(sums: _Sums, part: Matrix | None) -> _Sums:
    """Buckets of which only a part could be seen are treated as those of which a part is unknown."""
    if part is None:
        return sums
    share = sums.share if sums.observed is None else sums.observed
    blocked = np.zeros_like(sums.sold) if sums.blocked is None else sums.blocked
    return replace(sums, observed=share * part, blocked=blocked)


def _repaired(sums: _Sums, window: int) -> Matrix:
    """Demand: what was sold, repaired where not all of it could be seen. Returns never take it below zero."""
    demand = np.where(sums.sold < 0, np.float32(0), sums.sold)
    if sums.blocked is None or sums.observed is None:
        return demand
    rows = np.flatnonzero((sums.observed < 1).any(axis=1))
    for block in np.array_split(rows, max(1, rows.size * demand.shape[1] // _CELLS)):
        sold = demand[block].astype(np.float64)
        share = np.where(np.isnan(sums.share[block]), np.nan, sums.observed[block].astype(np.float64))
        blocked = np.minimum(sums.blocked[block], np.nan_to_num(sold))
        unknown = np.isnan(sold) & ~np.isnan(share)
        estimate = repair(sold - blocked, blocked, np.where(unknown, 0.0, share), window)
        demand[block] = np.where((share < 1) & ~unknown, estimate, sold)
    return demand


def _notes(
    keys: pd.DataFrame,
    dates: pd.DatetimeIndex,
    sums: _Sums,
    demand: Matrix,
    before: Matrix,
    part: Matrix | None,
    closed: npt.NDArray[np.bool_] | None,
) -> pd.DataFrame:
    """One row a bucket whose demand is not what was sold."""
    carried = ~np.isnan(demand) & np.isnan(before) & np.isnan(sums.sold)
    changed = carried | (~np.isnan(demand) & (demand != sums.sold))
    if closed is not None:
        changed |= closed & ~np.isnan(sums.sold)
    row, column = np.nonzero(changed)
    partly = np.zeros(row.size, bool) if sums.observed is None else sums.observed[row, column] < 1
    reason = np.where(sums.share[row, column] < 1, EMPTY_SHELF, np.where(partly, PARTLY_UNKNOWN, RETURNS))
    if part is not None:
        reason = np.where((part[row, column] < 1) & (sums.share[row, column] >= 1), PART_OF_BUCKET, reason)
    if closed is not None:
        reason = np.where(closed[row, column], CLOSED, reason)
    reason = np.where(carried[row, column], SUCCESSOR, reason)
    return pd.DataFrame(
        {
            "sku": keys["sku"].to_numpy()[row],
            "warehouse": keys["warehouse"].to_numpy()[row],
            "date": dates[column].to_numpy(),
            "original": sums.sold[row, column].astype(np.float64),
            "adjusted": demand[row, column].astype(np.float64),
            "reason": reason.astype(object),
        },
        columns=list(NOTE_COLUMNS),
    )


__all__ = ["History", "bucket_numbers", "build_history", "listing"]
