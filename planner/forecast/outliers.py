"""One-off spikes: found, kept beside what they are replaced by, and never taken from what may come again.

A bucket is a one-off only if all of this holds:

- it stands far above the half year around it: more than SIGMAS robust standard deviations of the square root of demand
  (which makes a Poisson's spread the same everywhere), and more than FACTOR times the level; in sporadic series also
  SPORADIC_FACTOR times every other demand, of which there are more than a few;
- the bucket before and the two after are at the level, so that no change of level, no start and no trend is taken for a
  spike. The last two buckets are never judged;
- nothing like it happened at the same place of another year: then it is a season;
- few others of its category or warehouse jumped in that bucket: then it is an event;
- nothing known happened there (occasions.py): a campaign, an event of the calendar, a lower price, an unusual driver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.methods import buckets_of
from planner.panel import Matrix, Panel
from planner.periods import SEASON, Bucket

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Known = Callable[[pd.DataFrame], Flags]

ONE_OFF = "one-off spike"
OUTLIER_COLUMNS = ("sku", "warehouse", "date", "original", "adjusted", "level", "sigmas", "reason", "kept")
SIGMAS, FACTOR, SPORADIC_FACTOR = 6.0, 3.0, 4.0
_HALF_WEEKS = 13
_DENSE = 0.5
_LEAST_STEP = 1.5
_LEAST_SPREAD = 0.5
_ENOUGH = 8
_CROWD, _CROWD_SHARE = 3, 0.1
_BLOCK_CELLS = 2_000_000


@dataclass(frozen=True)
class Outliers:
    """`cleaned`: demand with one-offs at their level. `notes`: OUTLIER_COLUMNS, one row a spike.

    `kept` says why a spike was left as it is, and is "" where it was adjusted.
    """

    cleaned: Panel
    notes: pd.DataFrame


@dataclass(frozen=True)
class _Spikes:
    """Cells that stand out, with the level they stand on and by how much; `lone` where few others ever sold."""

    row: npt.NDArray[np.intp]
    column: npt.NDArray[np.intp]
    level: Floats
    sigmas: Floats
    lone: Flags


def find_outliers(demand: Panel, groups: pd.DataFrame, bucket: Bucket, known: Known | None = None) -> Outliers:
    """Adjust one-off spikes of `demand` and report every spike.

    `groups` has one row a series, its columns (category, warehouse) name the crowds of which several jump together when
    there is an event. `known` says of cells (sku, warehouse, date) whether something known happened there.
    """
    spikes = _spikes(demand.values, bucket)
    kept = np.full(spikes.row.size, "", dtype=object)
    for reason, cells in (
        ("too little else was sold to tell", spikes.lone),
        ("several of its group jumped together", _crowded(spikes, groups, demand.values)),
        ("it comes again at this time of the year", _recurs(spikes, demand.values, bucket)),
        ("something known happened then", known(_cells(demand, spikes)) if known else np.zeros(kept.size, bool)),
    ):
        kept[cells] = reason
    values = demand.values
    adjusted = np.where(kept == "", spikes.level, values[spikes.row, spikes.column])
    if (kept == "").any():
        values = values.copy()
        values[spikes.row, spikes.column] = adjusted
    return Outliers(demand.with_values(values), _notes(demand, spikes, adjusted, kept))


def _spikes(values: Matrix, bucket: Bucket) -> _Spikes:
    """Cells far above their surroundings whose neighbours are not."""
    half = buckets_of(_HALF_WEEKS, bucket)
    row, column = _candidates(values, half)
    pieces = np.array_split(np.arange(row.size), max(1, row.size * half // _BLOCK_CELLS))
    parts = [_judged(values, row[piece], column[piece], half) for piece in pieces]
    return _Spikes(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Spikes.__annotations__))


def _candidates(values: Matrix, half: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Cells well above the mean of their surroundings, found by running sums: few need a closer look."""
    parts = []
    size = max(_BLOCK_CELLS // max(values.shape[1], 1), 1)
    for start in range(0, max(len(values), 1), size):
        block = np.maximum(values[start : start + size].astype(np.float64), 0)
        known = ~np.isnan(block)
        filled = np.where(known, block, 0.0)
        number = _around(known.astype(np.float64), half)
        mean = _around(filled, half) / np.maximum(number, 1)
        high = (filled > FACTOR / 2 * mean) & (_root(filled) - _root(mean) > _LEAST_STEP) & (number >= _ENOUGH)
        dense = _around((filled > 0).astype(np.float64), half) >= _DENSE * number
        high &= dense | (filled > SPORADIC_FACTOR * _other_sizes(values[start : start + size])[0][:, None])
        row, column = np.nonzero(high)
        parts.append((row + start, column))
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def _around(values: Floats, half: int) -> Floats:
    """Sum over `half` columns to each side, without the column itself."""
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    place = np.arange(values.shape[1])
    last = np.minimum(place + half + 1, values.shape[1])
    return np.asarray(total[:, last] - total[:, np.maximum(place - half, 0)] - values, dtype=np.float64)


def _judged(values: Matrix, row: npt.NDArray[np.intp], column: npt.NDArray[np.intp], half: int) -> _Spikes:
    """Those of the cells that stand out from the median around them, and whose neighbours do not."""
    value = values[row, column].astype(np.float64)
    offsets = np.delete(np.arange(-half, half + 1), half)
    around = np.sort(_shifted(values, row, column, offsets), axis=1)
    number = (~np.isnan(around)).sum(axis=1)
    level = np.nan_to_num(_middle(around, number))
    spread = 1.4826 * _middle(np.sort(np.abs(_root(around) - _root(level)[:, None]), axis=1), number)
    spread = np.maximum(np.nan_to_num(spread, nan=np.inf), _LEAST_SPREAD)
    sigmas = (_root(value) - _root(level)) / spread
    dense = (around > 0).sum(axis=1) >= _DENSE * number
    distinct, place = np.unique(row, return_inverse=True)
    second, enough = (told[place] for told in _other_sizes(values[distinct]))
    high = (sigmas > SIGMAS) & (value > FACTOR * level) & (dense | (value > SPORADIC_FACTOR * second))
    near = (_root(_shifted(values, row, column, np.array([-1, 1, 2]))) - _root(level)[:, None]) / spread[:, None]
    high &= (near < SIGMAS / 2).all(axis=1)  # an unknown neighbour compares as False
    return _Spikes(row[high], column[high], level[high], sigmas[high], ~(dense | enough)[high])


def _root(values: Floats) -> Floats:
    """Anscombe's square root: the spread of a Poisson becomes 1/2 whatever its mean."""
    return np.asarray(np.sqrt(np.maximum(values, 0) + 0.375), dtype=np.float64)


def _shifted(
    values: Matrix, row: npt.NDArray[np.intp], column: npt.NDArray[np.intp], offsets: npt.NDArray[np.intp]
) -> Floats:
    """Values at columns beside the cells, NaN outside: [cells, offsets]."""
    place = column[:, None] + offsets
    inside = (place >= 0) & (place < values.shape[1])
    found = values[row[:, None], np.clip(place, 0, values.shape[1] - 1)].astype(np.float64)
    return np.where(inside, found, np.nan)


def _middle(ordered: Floats, number: npt.NDArray[np.intp]) -> Floats:
    """Median of the first `number` values of the last axis, which is sorted with NaN at its end."""
    low = np.take_along_axis(ordered, np.maximum((number - 1) // 2, 0)[..., None], axis=-1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(number // 2, ordered.shape[-1] - 1)[..., None], axis=-1)[..., 0]
    return np.asarray(0.5 * (low + high), dtype=np.float64)


def _other_sizes(values: Matrix) -> tuple[Floats, Flags]:
    """The second largest bucket of each row, and whether enough others sold to judge it by."""
    sizes = np.maximum(np.nan_to_num(values), 0)
    place = max(values.shape[1] - 2, 0)
    second = np.partition(sizes, place, axis=1)[:, place] if values.shape[1] else np.zeros(len(values))
    return second.astype(np.float64), (sizes > 0).sum(axis=1) > _ENOUGH


def _crowded(spikes: _Spikes, groups: pd.DataFrame, values: Matrix) -> Flags:
    """Spikes in a bucket in which at least three and a tenth of a group that is then alive have one."""
    crowded = np.zeros(spikes.row.size, dtype=bool)
    columns, column = np.unique(spikes.column, return_inverse=True)
    alive = ~np.isnan(values[:, columns])
    for name in groups.columns:
        code = pd.factorize(groups[name].astype(str))[0].astype(np.int64)
        place = code[spikes.row] * len(columns) + column
        order = np.argsort(code, kind="stable")
        starts = np.searchsorted(code[order], np.arange(code.max(initial=-1) + 1))
        size = np.add.reduceat(alive[order].astype(np.int64), starts, axis=0) if len(code) else np.zeros((0, 0))
        jumped = np.bincount(place, minlength=size.size)[place]
        crowded |= (jumped >= _CROWD) & (jumped >= _CROWD_SHARE * size.ravel()[place])
    return crowded


def _recurs(spikes: _Spikes, values: Matrix, bucket: Bucket) -> Flags:
    """Spikes that have one half as high at the same time of another year (a week more or less)."""
    year = 365 if bucket == "day" else SEASON[bucket]
    near = {"day": 7, "week": 1, "month": 0}[bucket]
    found = np.zeros(spikes.row.size, dtype=bool)
    half = spikes.level + (values[spikes.row, spikes.column] - spikes.level) / 2
    for years in range(-(values.shape[1] // year + 1), values.shape[1] // year + 2):
        for shift in range(-near, near + 1):
            column = spikes.column + years * year + shift
            inside = (column >= 0) & (column < values.shape[1]) & (years != 0)
            other = values[spikes.row, np.clip(column, 0, values.shape[1] - 1)]
            found |= inside & (np.nan_to_num(other) >= half)
    return found


def _cells(demand: Panel, spikes: _Spikes) -> pd.DataFrame:
    keys = demand.keys.iloc[spikes.row][["sku", "warehouse"]].astype(object).reset_index(drop=True)
    return keys.assign(date=demand.dates.to_numpy()[spikes.column])


def _notes(demand: Panel, spikes: _Spikes, adjusted: Floats, kept: npt.NDArray[np.object_]) -> pd.DataFrame:
    frame = _cells(demand, spikes).assign(
        original=demand.values[spikes.row, spikes.column].astype(np.float64),
        adjusted=adjusted.astype(np.float64),
        level=spikes.level,
        sigmas=spikes.sigmas,
        reason=np.full(spikes.row.size, ONE_OFF, dtype=object),
        kept=kept,
    )
    return frame[list(OUTLIER_COLUMNS)].sort_values(["sku", "warehouse", "date"], ignore_index=True)
