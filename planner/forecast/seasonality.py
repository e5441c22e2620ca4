"""Seasons: a factor per week of the year or month, pooled over a category and used only where it helps.

Days have a regression of their own, calendar.py.

One series has too few years to tell its season from noise, a category mostly has enough. The factor of a position p is
the ratio of sums over the category

    s(p) = mean over years of  sum of demand / sum of local levels,

levels being centred moving averages of demand without the season, so both are repeated in turn. Between neighbouring
weeks it is smoothed, and drawn towards 1 by how much the years disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.censored import local_level
from planner.forecast.methods import buckets_of, moving_average
from planner.panel import Matrix
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POSITIONS: Mapping[Bucket, int] = {"day": 7, "week": 52, "month": 12}
_HALF: Mapping[Bucket, int] = {"day": 3, "week": 26, "month": 6}
_NEEDED: Mapping[Bucket, int] = {"day": 42, "week": 104, "month": 24}
_NEEDED_BEFORE_ORIGIN: Mapping[Bucket, int] = {"day": 21, "week": 78, "month": 18}
_KERNEL = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9
_ROUNDS = 3
_SMALLEST_GROUP = 20
_LARGEST_SAMPLE = 400
_GAIN = 0.01


@dataclass(frozen=True)
class Factors:
    """What demand is multiplied by: `lines` [groups, buckets], and the line of each series."""

    lines: Matrix
    group: Ints

    def at(self, row: Ints, column: Ints) -> npt.NDArray[np.float32]:
        return self.lines[self.group[row], column]

    def between(self, first: int, last: int) -> Matrix:
        """[series, buckets] from the column `first` to the one before `last`."""
        return self.lines[:, first:last][self.group]

    def since(self, cut: int) -> Factors:
        return Factors(self.lines[:, cut:], self.group)

    @property
    def drivers(self) -> tuple[str, ...]:
        """The drivers that have a part in it."""
        return ()

    def quiet(self, name: str, known: int) -> Factors:
        """As if nothing were going on with that driver after an origin."""
        return self

    def bare(self) -> Factors:
        """The season alone."""
        return self

    def slopes(self) -> dict[str, npt.NDArray[np.float64]]:
        """Slopes of log demand of each series, by driver."""
        return {}

    def plain(self, values: Matrix) -> Matrix:
        """The first buckets without season, as a level is learnt from them."""
        return np.asarray(values / self.between(0, values.shape[1]), dtype=values.dtype)


@dataclass(frozen=True)
class Season:
    """`profile` [groups, positions] is 1 where no season is used; `group` names the row of each series."""

    names: tuple[str, ...]
    profile: Floats
    group: Ints
    used: npt.NDArray[np.bool_]

    def factors(self, positions: Ints) -> Factors:
        """Factors of the buckets at these positions."""
        return Factors(self.profile.astype(np.float32)[:, positions], self.group)


def positions(dates: pd.DatetimeIndex, bucket: Bucket) -> Ints:
    """Place in the season of each bucket; a week belongs to the year that holds its Thursday."""
    if bucket == "day":
        return dates.weekday.to_numpy(dtype=np.int64)
    if bucket == "month":
        return dates.month.to_numpy(dtype=np.int64) - 1
    thursday = dates + pd.Timedelta(days=3)
    return np.minimum((thursday.dayofyear.to_numpy(dtype=np.int64) - 1) // 7, 51)


def fit_season(
    values: Matrix, dates: pd.DatetimeIndex, category: Sequence[str], bucket: Bucket, origins: Sequence[int], span: int
) -> Season:
    """Seasons of the categories in which they lowered the error at the rolling origins; 1 everywhere else.

    `values` is [series, buckets] without gaps after the start. Categories of fewer than 20 series share one season.
    """
    names, group = _groups(category)
    season = Season(names, np.ones((len(names), POSITIONS[bucket])), group, np.zeros(len(names), bool))
    earlier = [origin for origin in origins if origin >= _NEEDED_BEFORE_ORIGIN[bucket]]
    if values.shape[1] < _NEEDED[bucket] or not earlier:
        return season
    rows = _sample(values, group, len(names))
    sample, place, where = values[rows], group[rows], positions(dates, bucket)
    used = _helps(sample, place, where, bucket, earlier, span, len(names))
    found = profile(sample, place, where, bucket, len(names))
    return Season(names, np.where(used[:, None], found, 1.0), group, used)


def season_before(season: Season, values: Matrix, dates: pd.DatetimeIndex, bucket: Bucket, end: int) -> Season:
    """The same season as it was known at an earlier origin: learnt from what came before it, 1 if that was too little.

    Which categories use one is taken from `season`.
    """
    flat = np.ones_like(season.profile)
    if end < _NEEDED_BEFORE_ORIGIN[bucket] or not season.used.any():
        return replace(season, profile=flat)
    rows = _sample(values[:, :end], season.group, len(season.names))
    rows = rows[season.used[season.group[rows]]]
    found = profile(values[rows, :end], season.group[rows], positions(dates[:end], bucket), bucket, len(season.names))
    return replace(season, profile=np.where(season.used[:, None], found, flat))


def profile(values: Matrix, group: Ints, where: Ints, bucket: Bucket, groups: int) -> Floats:
    """Seasonal factors [groups, positions], mean 1, smoothed and shrunk."""
    known = (~np.isnan(values)).astype(np.float64)
    demand = np.nan_to_num(values).astype(np.float64)
    totals = _by_group(demand, group, groups)
    factors = np.ones((groups, POSITIONS[bucket]))
    ratio = np.ones_like(totals)
    for _ in range(_ROUNDS):
        now = factors[group][:, where]
        level = local_level(demand / now, known, _HALF[bucket]) * known
        expected = _by_group(level, group, groups)
        ratio = np.divide(totals, expected, out=np.ones_like(totals), where=expected > 0)
        factors = _normal(_smooth(_fold(ratio, where, POSITIONS[bucket]), bucket))
    return _shrunk(factors, ratio, where, bucket)


def _groups(category: Sequence[str]) -> tuple[tuple[str, ...], Ints]:
    """Categories large enough for a season of their own, and the group of each series; the rest is group 0."""
    labels = pd.Series(np.asarray(category, dtype=object))
    size = labels.value_counts()
    large = sorted(str(name) for name in size[size >= _SMALLEST_GROUP].index)
    names = ("", *(name for name in large if name))
    code = {name: number for number, name in enumerate(names)}
    group = np.asarray(labels.map(code).fillna(0), dtype=np.int64)
    return names, group


def _sample(values: Matrix, group: Ints, groups: int) -> Ints:
    """The largest series of each group, in order of rows: they carry its season, and the cost stays bounded."""
    volume = np.nansum(values, axis=1)
    chosen = []
    for number in range(groups):
        rows = np.flatnonzero(group == number)
        chosen.append(rows[np.argsort(-volume[rows], kind="stable")[:_LARGEST_SAMPLE]])
    return np.sort(np.concatenate(chosen))


def _helps(
    values: Matrix, group: Ints, where: Ints, bucket: Bucket, origins: Sequence[int], span: int, groups: int
) -> npt.NDArray[np.bool_]:
    """Whether a season learnt before each origin lowers the squared error of the group's total after it."""
    without, seasonal = np.zeros((groups, len(origins))), np.zeros((groups, len(origins)))
    for number, origin in enumerate(origins):
        before, after = values[:, :origin], values[:, origin : origin + span]
        factors = profile(before, group, where[:origin], bucket, groups)[group]
        actual = _by_group(np.nan_to_num(after).astype(np.float64), group, groups)
        known = ~np.isnan(after)
        for loss, factor in ((without, np.ones_like(factors)), (seasonal, factors)):
            level = moving_average((before / factor[:, where[:origin]]).astype(np.float32), buckets_of(26, bucket))
            ahead = level[:, None] * factor[:, where[origin : origin + span]] * known
            loss[:, number] = ((_by_group(ahead, group, groups) - actual) ** 2).sum(axis=1)
    better = (seasonal < without).sum(axis=1) * 2 > len(origins)
    return np.asarray(better & (seasonal.sum(axis=1) < (1 - _GAIN) * without.sum(axis=1)), dtype=np.bool_)


def _by_group(values: Floats, group: Ints, groups: int) -> Floats:
    """Sum of the rows of each group."""
    member = (group[None, :] == np.arange(groups)[:, None]).astype(np.float64)
    return np.asarray(member @ values, dtype=np.float64)


def _fold(ratio: Floats, where: Ints, count: int) -> Floats:
    """Mean over the years at each position; 1 where no year has it."""
    number = np.bincount(where, minlength=count)
    sums = np.zeros((len(ratio), count))
    np.add.at(sums.T, where, ratio.T)
    return np.asarray(np.divide(sums, number, out=np.ones_like(sums), where=number > 0), dtype=np.float64)


def _smooth(factors: Floats, bucket: Bucket) -> Floats:
    """Weeks lean on their two neighbours on each side, the last week of the year on the first."""
    if bucket != "week":
        return factors
    leaned = [weight * np.roll(factors, shift, axis=1) for weight, shift in zip(_KERNEL, range(-2, 3), strict=True)]
    return np.asarray(np.sum(leaned, axis=0), dtype=np.float64)


def _normal(factors: Floats) -> Floats:
    scaled: Floats = np.clip(factors / np.maximum(factors.mean(axis=1, keepdims=True), 1e-9), 0.1, 10.0)
    return scaled


def _shrunk(factors: Floats, ratio: Floats, where: Ints, bucket: Bucket) -> Floats:
    """Factors drawn to 1 by the share of their spread that is disagreement between the years."""
    years = max(ratio.shape[1] / POSITIONS[bucket], 1.0)
    residual = ratio - factors[:, where]
    kept = float((_KERNEL**2).sum()) if bucket == "week" else 1.0
    noise = residual.var(axis=1) * kept / years
    spread = factors.var(axis=1)
    weight = np.clip(1 - np.divide(noise, spread, out=np.ones_like(spread), where=spread > 0), 0.0, 1.0)
    return np.asarray(1 + weight[:, None] * (factors - 1), dtype=np.float64)
