"""Sales rows -> what was sold, how long it was in stock, and what would have been sold: three panels of equal shape.

Memory decides the form here. Sales can be tens of millions of rows, so rows are read in blocks, keys are whole numbers
and sums go straight into the float32 panel.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.censored import WINDOW, repair
from planner.panel import Matrix, Panel
from planner.periods import SEASON, Bucket, buckets_until, first_day

Ints = npt.NDArray[np.int64]

NOTE_COLUMNS = ("sku", "warehouse", "date", "original", "adjusted", "reason")
EMPTY_SHELF, SUCCESSOR = "out of stock", "history of the predecessor"
RETURNS = "more came back than was sold"
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
    """Sales by series and bucket: sums, share in stock, what sold in rows out of stock, and which cells have rows."""

    sold: Matrix
    share: Matrix
    blocked: Matrix | None
    seen: npt.NDArray[np.bool_]


def build_history(
    sales: pd.DataFrame, stocking: pd.DataFrame, items: pd.DataFrame, *, as_of: dt.date, bucket: Bucket, keep: int = 0
) -> History:
    """Every sku-warehouse that sold before `as_of` or is stocked, over the complete buckets before `as_of`.

    `sales` may be sparse: a missing bucket is zero from the series' start on. A series starts at its first row (or
    where it is listed from, if that is earlier) and ends when it is delisted; leading buckets without stock and
    without a sale do not count as a start. `keep` > 0 keeps only the last so many buckets.
    """
    past = (sales["date"] < pd.Timestamp(as_of)).to_numpy()
    sales = sales if past.all() else sales[past]
    keys, rows = _series(sales, stocking)
    dates = _dates(sales, stocking, as_of, bucket)
    sums = _add_up(sales, rows, len(keys), dates, bucket)
    begin, end = _listed(keys, stocking, items, dates, bucket)
    start = _start(sums, begin)
    _blank(sums, start, end)
    demand = _repaired(sums, WINDOW[bucket])
    carried = _carry_over(keys, items, demand, start, SEASON[bucket] if bucket != "day" else 365)
    notes = _notes(keys, dates, sums, demand, carried)
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

    Returns are subtracted, in the bucket in which they came back. An unknown quantity makes its cell unknown.
    """
    count = len(dates)
    size = series * count
    sold, seen, share = np.zeros(size, np.float32), np.zeros(size, bool), np.ones(size, np.float32)
    stamps = sales["date"].to_numpy()
    has_stock = "in_stock" in sales and bool((sales["in_stock"] < 1).any())
    missing = np.zeros(size if has_stock else 0, np.float32)
    blocked, number = missing.copy(), np.zeros(missing.size, np.int32)
    first = int(bucket_numbers(dates[:1].to_numpy(), bucket)[0]) if count else 0
    for block in _blocks(len(sales)):
        column = bucket_numbers(stamps[block], bucket) - first
        inside = column < count
        cell = (rows[block] * count + column)[inside]
        quantity = _signed(sales.iloc[block])[inside]
        np.add.at(sold, cell, quantity)
        seen[cell] = True
        if has_stock:
            stocked = sales["in_stock"].iloc[block].fillna(1.0).to_numpy(dtype=np.float32)[inside]
            np.add.at(missing, cell, 1 - stocked)
            np.add.at(number, cell, 1)
            np.add.at(blocked, cell, np.where(stocked <= 0, np.nan_to_num(quantity), np.float32(0)))
    shape = (series, count)
    if has_stock:
        share -= missing / np.maximum(number, 1)
    kept = np.maximum(blocked, 0).reshape(shape) if has_stock else None
    return _Sums(sold.reshape(shape), share.reshape(shape), kept, seen.reshape(shape))


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


def _repaired(sums: _Sums, window: int) -> Matrix:
    """Demand: what was sold, repaired in rows that were ever out of stock. Returns never take it below zero."""
    demand = np.where(sums.sold < 0, np.float32(0), sums.sold)
    if sums.blocked is None:
        return demand
    rows = np.flatnonzero((sums.share < 1).any(axis=1))
    for block in np.array_split(rows, max(1, rows.size * demand.shape[1] // _CELLS)):
        sold, share = demand[block].astype(np.float64), sums.share[block].astype(np.float64)
        blocked = np.minimum(sums.blocked[block], np.nan_to_num(sold))
        unknown = np.isnan(sold) & ~np.isnan(share)
        estimate = repair(sold - blocked, blocked, np.where(unknown, 0.0, share), window)
        demand[block] = np.where((share < 1) & ~unknown, estimate, sold)
    return demand


def _carry_over(keys: pd.DataFrame, items: pd.DataFrame, demand: Matrix, start: Ints, enough: int) -> Matrix:
    """Give a successor with less than `enough` buckets its predecessor's demand before its own start, in place.

    Chains are followed from the oldest on; a loop of predecessors is ignored. Returns the demand as it was.
    """
    pairs = _pairs(items)
    if not pairs:
        return demand
    before = demand.copy()
    place = pd.Series(np.arange(len(keys)), index=pd.MultiIndex.from_frame(keys))
    known = set(keys["sku"])
    for old, new in pairs:
        if old in known and new in known:
            both = pd.concat([place[old], place[new]], axis=1, join="inner").to_numpy()
            for source, target in both[demand.shape[1] - start[both[:, 1]] < enough]:
                demand[target, : start[target]] = demand[source, : start[target]]
    return before


def _pairs(items: pd.DataFrame) -> list[tuple[str, str]]:
    """(predecessor, successor), every predecessor's own history first; members of a loop are left out."""
    if "predecessor" not in items:
        return []
    named = items[items["predecessor"].astype(str) != ""]
    parent = dict(zip(named["sku"].astype(str), named["predecessor"].astype(str), strict=True))
    depth: dict[str, int] = {}
    for sku in parent:
        path = [sku]
        while path[-1] in parent and parent[path[-1]] not in path:
            path.append(parent[path[-1]])
        if path[-1] not in parent:
            depth[sku] = len(path)
    return [(parent[sku], sku) for sku in sorted(depth, key=lambda name: (depth[name], name))]


def _notes(keys: pd.DataFrame, dates: pd.DatetimeIndex, sums: _Sums, demand: Matrix, before: Matrix) -> pd.DataFrame:
    """One row a bucket whose demand is not what was sold."""
    carried = ~np.isnan(demand) & np.isnan(before) & np.isnan(sums.sold)
    changed = carried | (~np.isnan(demand) & (demand != sums.sold))
    row, column = np.nonzero(changed)
    reason = np.where(sums.share[row, column] < 1, EMPTY_SHELF, RETURNS)
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
