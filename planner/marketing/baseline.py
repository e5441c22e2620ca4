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
MOST_CONTROLS = 4000
_ROUNDS = 3
_INDEX_VARIANCE = 0.15**2
_LARGEST = 4.0
_ROWS_AT_ONCE = 4000


@dataclass(frozen=True)
class Expected:
    """Per cell: the baseline in units and its noise variance; NaN where nothing unpromoted is known.

    `dispersion` is variance over mean of the series around its own baseline.
    """

    units: Floats
    variance: Floats
    dispersion: Floats


def season_index(values: Floats, calm: Flags, group: Ints, groups: int, bucket: Bucket) -> Floats:
    """Index [groups, buckets] around 1: how a bucket differs from its neighbourhood where nothing was promoted.

    Level and index are fitted in turn: level = sum of units / sum of index over the window, index = sum of units /
    sum of levels over the series. Series weigh by the root of their level.
    """
    index = np.ones((groups, values.shape[1]))
    known = np.where(calm, values, 0.0)
    member = sparse.csr_matrix((np.ones(len(group)), (group, np.arange(len(group)))), shape=(groups, len(group)))
    for _ in range(_ROUNDS):
        own = index[group]
        level = _rolling(known, NEIGHBOURS[bucket]) / np.maximum(_rolling(calm * own, NEIGHBOURS[bucket]), 1e-12)
        level[~calm | (level <= 0)] = 0.0
        root = np.sqrt(level)
        units = np.divide(known, root, out=np.zeros_like(known), where=root > 0)
        noise = (root > 0) * _dispersion(known, level * own, root > 0)[:, None]
        index = _pooled(_dense(member @ units), _dense(member @ root), _dense(member @ noise), SEASON[bucket])
    return index


def _dense(values: object) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _pooled(units: Floats, level: Floats, noise: Floats, period: int) -> Floats:
    """Ratio of units to level: one period of all series, then all series, then the category, each shrunk to the last.

    Ratios whose noise variance is v move by the share S / (S + v) from the parent, S = 0.15 squared.
    """
    phase = np.arange(units.shape[1]) % period
    total = [part.sum(axis=0) for part in (units, level, noise)]
    cycle = [_dense(np.bincount(phase, part, minlength=period)) for part in total]
    profile = _shrunk(cycle[0], cycle[1], cycle[2], np.ones(period))[phase]
    return _shrunk(units, level, noise, _shrunk(total[0], total[1], total[2], profile)[None, :])


def _shrunk(units: Floats, level: Floats, noise: Floats, parent: Floats) -> Floats:
    safe = np.maximum(level, 1e-12)
    trust = np.where(level > 0, _INDEX_VARIANCE / (_INDEX_VARIANCE + noise / safe**2), 0.0)
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


def expect(
    values: Floats, calm: Flags, index: Floats, group: Ints, row: Ints, column: Ints, bucket: Bucket
) -> Expected:
    """Baseline of the cells (row, column) of `values`; `index` [groups, buckets] and `group` say each row's season."""
    units = np.full(len(row), np.nan)
    variance = np.full(len(row), np.nan)
    dispersion = np.ones(len(values))
    for first in range(0, len(values), _ROWS_AT_ONCE):
        block = slice(first, first + _ROWS_AT_ONCE)
        cells = np.flatnonzero((row >= first) & (row < first + _ROWS_AT_ONCE))
        season = index[group[block]]
        capped = _capped(values[block], calm[block])
        near = _nearest(capped, calm[block], season, row[cells] - first, column[cells], NEIGHBOURS[bucket])
        level = _rolling(capped, NEIGHBOURS[bucket]) / np.maximum(
            _rolling(calm[block] * season, NEIGHBOURS[bucket]), 1e-12
        )
        dispersion[block] = _dispersion(capped, level * season, calm[block])
        units[cells] = near[0] * season[row[cells] - first, column[cells]]
        variance[cells] = dispersion[row[cells]] * np.nan_to_num(units[cells]) / np.maximum(near[1], 1)
    return Expected(units, variance, dispersion)


def _capped(values: Floats, calm: Flags) -> Floats:
    """Calm values, a spike cut at four times the median of what sells; zero elsewhere."""
    known = np.where(calm, np.maximum(values, 0.0), 0.0)
    order = np.sort(np.where(known > 0, known, np.inf), axis=1)
    count = (known > 0).sum(axis=1)
    median = order[np.arange(len(known)), np.maximum(count - 1, 0) // 2]
    return np.minimum(known, np.where(np.isfinite(median), _LARGEST * median, 0.0)[:, None])


def _nearest(known: Floats, calm: Flags, season: Floats, row: Ints, column: Ints, reach: int) -> tuple[Floats, Floats]:
    """Level at each cell = units / season over the nearest `reach` calm buckets before and after; and their number."""
    place = np.concatenate([[0], np.cumsum(calm.ravel())])
    units = np.concatenate([[0.0], np.cumsum(known.ravel()[calm.ravel()])])
    seasons = np.concatenate([[0.0], np.cumsum(season.ravel()[calm.ravel()])])
    width = calm.shape[1]
    here = place[row * width + column]
    low = np.maximum(here - reach, place[row * width])
    high = np.minimum(here + reach, place[(row + 1) * width])
    count = (high - low).astype(np.float64)
    total = seasons[high] - seasons[low]
    level = np.divide(units[high] - units[low], total, out=np.full(len(row), np.nan), where=(count >= 2) & (total > 0))
    return level, count
