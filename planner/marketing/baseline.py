"""What would have sold without the campaign: level of the unpromoted neighbourhood x season of the unpromoted rest.

The level is a series' own mean over its nearest unpromoted buckets on both sides. Weekdays, holidays and seasons that
are faster than this window come from an index pooled over everything that was not promoted at that time, first over
all series, then over the category, each as far as its noise allows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from planner.marketing.bookings import Floats, Ints
from planner.periods import SEASON, Bucket

Flags = npt.NDArray[np.bool_]

NEIGHBOURS: dict[Bucket, int] = {"day": 28, "week": 8, "month": 4}
# The level that the season is measured against reaches over half a season, so that it does not follow it.
SEASON_REACH: dict[Bucket, int] = {"day": 28, "week": 26, "month": 6}
MOST_CONTROLS = 4000
_ROUNDS = 3
_TURNS = 8
_SEVERAL = 3
_SEASON_VARIANCE = 0.5**2
_DEVIATION_VARIANCE = 0.1**2
_LARGEST = 6.0
_ROWS_AT_ONCE = 4000


@dataclass(frozen=True)
class Expected:
    """Per cell: the baseline in units and its noise variance; NaN where nothing unpromoted is known.

    `dispersion` is variance over mean of the series around its own baseline.
    """

    units: Floats
    variance: Floats
    dispersion: Floats


def season_index(values: Floats, calm: Flags, sku: Ints, category: Ints, bucket: Bucket) -> Floats:
    """Index [SKUs, buckets] around 1: how a bucket differs from its neighbourhood where nothing is promoted.

    `sku` numbers the rows of `values`, `category` the SKUs. Level and index are fitted in turn: level = sum of units
    / sum of index over the window, index = sum of units / sum of levels over series, weighed by the root of level.
    """
    index = np.ones((len(category), values.shape[1]))
    known = np.where(calm, values, 0.0)
    member = sparse.csr_matrix((np.ones(len(sku)), (sku, np.arange(len(sku)))), shape=(len(category), len(sku)))
    # Within one period a single series cannot tell its season from its trend; several series of a SKU can.
    alone = np.bincount(sku, minlength=len(category)) < _SEVERAL
    own = ~alone | (values.shape[1] >= 2 * SEASON[bucket])
    for _ in range(_ROUNDS):
        now = index[sku]
        level = _rolling(known, SEASON_REACH[bucket]) / np.maximum(_rolling(calm * now, SEASON_REACH[bucket]), 1e-12)
        level[~calm | (level <= 0)] = 0.0
        root = np.sqrt(level)
        units = np.divide(known, root, out=np.zeros_like(known), where=root > 0)
        noise = (root > 0) * _dispersion(known, level * now, root > 0)[:, None]
        index = _pooled([_dense(member @ part) for part in (units, root, noise)], category, own, SEASON[bucket])
    return index


def _dense(values: object) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _pooled(sums: list[Floats], category: Ints, own: Flags, period: int) -> Floats:
    """Index = slow season x what recurs in a single phase x what one bucket has beyond that.

    The slow season is each SKU's own where `own` says so, and smooth over phases: a phase in which it was always
    promoted lies between its neighbours. What recurs (a holiday) and what does not are ratios to it, of all, then of
    the category; the former also of the SKU. `sums` are units, levels and noise by SKU; each ratio is shrunk to the
    one before it.
    """
    phase = np.arange(sums[0].shape[1]) % period
    cycle = [_add(part.T, phase, period).T for part in sums]
    recurring = _shared_peaks([part.sum(axis=0, keepdims=True) for part in cycle])
    for _ in range(_ROUNDS):
        calmed = [cycle[0], cycle[1] * recurring, cycle[2]]
        slow = _chain([_smooth(part) for part in calmed], category, _SEASON_VARIANCE, own)
        recurring = _chain([cycle[0], cycle[1] * slow, cycle[2]], category, _SEASON_VARIANCE, own)
    season = (slow * recurring)[:, phase]
    return season * _chain([sums[0], sums[1] * season, sums[2]], category, _DEVIATION_VARIANCE, np.zeros_like(own))


def _shared_peaks(total: list[Floats]) -> Floats:
    """Single phases that are high for everything: found first, so that they do not leak into the slow seasons."""
    peaks = np.ones_like(total[0])
    for _ in range(_TURNS):
        slow = _shrunk([_smooth(part) for part in (total[0], total[1] * peaks, total[2])], np.ones(1), _SEASON_VARIANCE)
        peaks = _shrunk([total[0], total[1] * slow, total[2]], np.ones(1), _SEASON_VARIANCE)
    return peaks


def _chain(sums: list[Floats], category: Ints, variance: float, own: Flags) -> Floats:
    """Units / level of all, of the category and, where `own`, of the SKU, each shrunk to the one before it."""
    by_category = [_add(part, category, int(category.max(initial=-1)) + 1) for part in sums]
    every = _shrunk([part.sum(axis=0, keepdims=True) for part in by_category], np.ones(1), variance)
    ratio = _shrunk(by_category, every, variance)[category]
    return np.where(own[:, None], _shrunk(sums, ratio, variance), ratio)


def _smooth(cycle: Floats) -> Floats:
    """Weighted sum over the neighbouring phases, around the end of the period."""
    reach = cycle.shape[1] // 12
    steps = range(-reach, reach + 1)
    return _dense(sum((1.0 - abs(step) / (reach + 1)) * np.roll(cycle, step, axis=1) for step in steps))


def _add(values: Floats, group: Ints, groups: int) -> Floats:
    """Rows of `values` added up by group."""
    member = sparse.csr_matrix((np.ones(len(group)), (group, np.arange(len(group)))), shape=(groups, len(group)))
    return _dense(member @ values)


def _shrunk(sums: list[Floats], parent: Floats, variance: float) -> Floats:
    """Units / level, moved from the parent by the share variance / (variance + noise variance of the ratio)."""
    units, level, noise = sums
    safe = np.maximum(level, 1e-12)
    trust = np.where(level > 0, variance / (variance + noise / safe**2), 0.0)
    return _dense(np.clip(parent + trust * (units / safe - parent), 0.05, 20.0))


def _rolling(values: Floats, reach: int) -> Floats:
    """Sum over the buckets t - reach .. t + reach."""
    count = values.shape[1]
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    at = np.arange(count)
    return _dense(sums[:, np.minimum(at + reach + 1, count)] - sums[:, np.maximum(at - reach, 0)])


def _dispersion(values: Floats, expected: Floats, known: Flags) -> Floats:
    """Variance over mean of each series = sum of squared errors / sum of expectations; at least 0.05."""
    errors = np.where(known, values - expected, 0.0)
    total = np.where(known, expected, 0.0).sum(axis=1)
    return _dense(np.maximum(np.divide((errors**2).sum(axis=1), total, out=np.ones_like(total), where=total > 0), 0.05))


def choose_controls(category: npt.NDArray[np.object_], volume: Floats, promoted: npt.NDArray[np.object_]) -> Ints:
    """The series that tell the season: the largest of each category, those in `promoted` categories before others."""
    frame = pd.DataFrame({"category": category, "volume": volume})
    frame = frame[frame["volume"] > 0].sort_values(["category", "volume"], ascending=[True, False], kind="stable")
    rank = frame.groupby("category", sort=False).cumcount()
    turn = rank.where(frame["category"].isin(list(promoted)), rank * 8).sort_values(kind="stable")
    return np.sort(turn.index[:MOST_CONTROLS].to_numpy(dtype=np.int64))


def calm_buckets(promoted: Flags, dipped: Flags, known: Flags, bucket: Bucket) -> Flags:
    """Buckets that tell the baseline: neither promoted nor in a dip; where those are too few, dips count as well."""
    strict = known & ~promoted & ~dipped
    loose = known & ~promoted
    few = strict.sum(axis=1) < np.maximum(NEIGHBOURS[bucket], loose.sum(axis=1) // 4)
    return np.where(few[:, None], loose, strict)


def expect(values: Floats, calm: Flags, index: Floats, sku: Ints, row: Ints, column: Ints, bucket: Bucket) -> Expected:
    """Baseline of the cells (row, column) of `values`; `sku` says which row of `index` is each row's season."""
    units = np.full(len(row), np.nan)
    variance = np.full(len(row), np.nan)
    dispersion = np.ones(len(values))
    for first in range(0, len(values), _ROWS_AT_ONCE):
        block = slice(first, first + _ROWS_AT_ONCE)
        cells = np.flatnonzero((row >= first) & (row < first + _ROWS_AT_ONCE))
        season = index[sku[block]]
        capped = _capped(values[block], calm[block], season)
        near = _nearest(capped, calm[block], season, row[cells] - first, column[cells], NEIGHBOURS[bucket])
        level = _rolling(capped, NEIGHBOURS[bucket]) / np.maximum(
            _rolling(calm[block] * season, NEIGHBOURS[bucket]), 1e-12
        )
        dispersion[block] = _dispersion(capped, level * season, calm[block])
        units[cells] = near[0] * season[row[cells] - first, column[cells]]
        variance[cells] = dispersion[row[cells]] * np.nan_to_num(units[cells]) / np.maximum(near[1], 1)
    return Expected(units, variance, dispersion)


def _capped(values: Floats, calm: Flags, season: Floats) -> Floats:
    """Calm values, a spike cut at six times the median of what sells in its season; zero elsewhere."""
    known = np.where(calm, np.maximum(values, 0.0), 0.0) / season
    order = np.sort(np.where(known > 0, known, np.inf), axis=1)
    count = (known > 0).sum(axis=1)
    median = order[np.arange(len(known)), np.maximum(count - 1, 0) // 2]
    return np.minimum(known, np.where(np.isfinite(median), _LARGEST * median, 0.0)[:, None]) * season


def _nearest(known: Floats, calm: Flags, season: Floats, row: Ints, column: Ints, reach: int) -> tuple[Floats, Floats]:
    """Level at each cell = units / season of the nearest `reach` calm buckets before and after; and their number.

    The nearer side counts for more: each side weighs by the distance of the other, which follows a slope.
    """
    flat = calm.ravel()
    place = np.concatenate([[0], np.cumsum(flat)])
    bucket = np.broadcast_to(np.arange(calm.shape[1], dtype=np.float64), calm.shape).ravel()
    sums = [np.concatenate([[0.0], np.cumsum(part.ravel()[flat])]) for part in (known, season, bucket)]
    width = calm.shape[1]
    here = place[row * width + column]
    sides = (
        (np.maximum(here - reach, place[row * width]), here),
        (here, np.minimum(here + reach, place[(row + 1) * width])),
    )
    level, weight, count = [], [], np.zeros(len(row))
    for low, high in sides:
        number = (high - low).astype(np.float64)
        units, seasons, buckets = (part[high] - part[low] for part in sums)
        found = (number > 0) & (seasons > 0)
        distance = np.abs(np.divide(buckets, number, out=np.zeros(len(row)), where=found) - column)
        level.append(np.divide(units, seasons, out=np.zeros(len(row)), where=found))
        weight.append(np.divide(number, distance, out=np.zeros(len(row)), where=found & (distance > 0)))
        count += number
    total = weight[0] + weight[1]
    mixed = np.divide(
        level[0] * weight[0] + level[1] * weight[1], total, out=np.full(len(row), np.nan), where=total > 0
    )
    return np.where(count >= 2, mixed, np.nan), count
