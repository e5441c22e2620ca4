"""Sample paths of demand: every bucket as its distribution says, and errors that go together as they did before.

A Gaussian copula. The score of series i in bucket t is a sum of independent parts,

    z(i, t) = sum over groups g of [ U(g) + V(g, t) ] + S(i) + e(i, t),

whose variances add up to 1. Groups are all series, the category, the warehouse and the SKU of i. U and S stay for the
whole horizon (a level that is wrong stays wrong), V and e change from bucket to bucket. How large U and V are is
measured on past errors (fit_shared); S fills up to the dependence between buckets that the baseline measured. The score
becomes demand by the inverse distribution function of the bucket, so each bucket keeps its own distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize, special

from planner.forecast.methods import buckets_of, moving_average
from planner.forecast.quantiles import log_quantiles, rounded
from planner.panel import Panel
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

GROUPS = ("all", "category", "warehouse", "sku")
_KEY = ["sku", "warehouse"]
_STEP, _REACH = 0.5, 4.0
_KNOTS = tuple(float(level) for level in special.ndtr(np.arange(-_REACH, _REACH + _STEP / 2, _STEP)))
_ORIGINS = 12
_LEVEL_WEEKS = 13
_BLOCK_VALUES = 8_000_000
_MOST = 0.9


@dataclass(frozen=True)
class Shared:
    """Variance of the parts that series share, by group: `lasting` for U, `passing` for V."""

    lasting: dict[str, float]
    passing: dict[str, float]


@dataclass(frozen=True)
class Cells:
    """A forecast as matrices: `mean` and `variance` [series, buckets]; `whole` and `own` [series].

    `own` is the correlation between two buckets of one series. `groups`: number of each series' group, by GROUPS.
    """

    keys: pd.DataFrame
    dates: pd.DatetimeIndex
    mean: Floats
    variance: Floats
    whole: npt.NDArray[np.bool_]
    own: Floats
    groups: dict[str, Ints]

    @classmethod
    def of(cls, forecast: pd.DataFrame, series: pd.DataFrame, dependence: pd.DataFrame, groups: pd.DataFrame) -> Cells:
        """From the tables of a forecast; `groups` has sku, warehouse and category of each series."""
        table = forecast.sort_values([*_KEY, "date"], kind="stable")
        keys = table[_KEY].astype(object).drop_duplicates().reset_index(drop=True)
        dates = pd.DatetimeIndex(np.sort(table["date"].unique()))
        shape = (len(keys), len(dates))
        known = keys.merge(series, on=_KEY, how="left").merge(groups, on=_KEY, how="left", suffixes=("", " group"))
        count = np.maximum(dependence["buckets"] - 1, 1)
        rate = dependence.assign(own=(dependence["inflation"] - 1) / count)
        one = rate[rate["buckets"] > 1].groupby("demand_class", observed=True)["own"].first()
        return cls(
            keys,
            dates,
            table["mean"].to_numpy(dtype=np.float64).reshape(shape),
            table["variance"].to_numpy(dtype=np.float64).reshape(shape),
            known["whole"].fillna(True).to_numpy(dtype=bool),
            np.clip(known["demand_class"].map(one).fillna(0.0).to_numpy(dtype=np.float64), 0.0, _MOST),
            numbered(known),
        )


def numbered(table: pd.DataFrame) -> dict[str, Ints]:
    """Number of the group of each row, by GROUPS."""
    codes = {"all": np.zeros(len(table), np.int64)}
    for name in GROUPS[1:]:
        values = table[name].astype(object).where(table[name].notna(), "")
        codes[name] = pd.factorize(values, sort=True)[0].astype(np.int64)
    return codes


def fit_shared(demand: Panel, groups: dict[str, Ints], season: Singles | None, span: int, bucket: Bucket) -> Shared:
    """How far errors of different series go together, from a moving average at up to twelve past origins.

    `season` [series, buckets] is divided out before. The mean product of the errors of two series that share a group,
    over that of their standard deviations, is taken in the same bucket and in different buckets of one origin; the
    second is what lasts, the rest passes. Groups lie in each other, so their parts come from least squares without
    negative parts.
    """
    errors = _errors(demand, season, span, bucket)
    nothing = dict.fromkeys(GROUPS, 0.0)
    if not len(errors) or errors.shape[1] < 2:
        return Shared(nothing, nothing)
    known = ~np.isnan(errors)
    spread = np.sqrt(np.where(known, errors**2, 0.0).sum(axis=(0, 2)) / np.maximum(known.sum(axis=(0, 2)), 1))
    same, lasting, overlap = np.zeros(len(GROUPS)), np.zeros(len(GROUPS)), np.zeros((len(GROUPS), len(GROUPS)))
    for row, name in enumerate(GROUPS):
        same[row], lasting[row] = _together(errors, spread, groups[name])
        overlap[row] = [_chance(groups[name], groups[other], spread) for other in GROUPS]
    kept = optimize.nnls(overlap, np.maximum(lasting, 0.0))[0]
    total = optimize.nnls(overlap, np.maximum(same, 0.0))[0]
    scale = min(_MOST / max(float(np.maximum(total, kept).sum()), 1e-9), 1.0)
    return Shared(
        dict(zip(GROUPS, (kept * scale).tolist(), strict=True)),
        dict(zip(GROUPS, (np.maximum(total - kept, 0.0) * scale).tolist(), strict=True)),
    )


def _errors(demand: Panel, season: Singles | None, span: int, bucket: Bucket) -> Floats:
    """Errors of a moving average, [origins, series, buckets ahead]; NaN where unknown."""
    values = demand.values if season is None else np.asarray(demand.values / np.maximum(season, 0.05), np.float32)
    count = buckets_of(_LEVEL_WEEKS, bucket)
    step = max(span // 2, buckets_of(4, bucket))
    ends = [values.shape[1] - span - step * number for number in range(_ORIGINS)]
    found = []
    for end in ends:
        if end >= count:
            level = moving_average(values[:, :end], count)
            found.append(values[:, end : end + span] - level[:, None])
    return np.stack(found).astype(np.float64) if found else np.zeros((0, len(values), span))


def _together(errors: Floats, spread: Floats, group: Ints) -> tuple[float, float]:
    """Correlation of two series of one group in the same bucket, and in different buckets of one origin."""
    known = ~np.isnan(errors)
    filled, size = np.where(known, errors, 0.0), np.where(known, spread[:, None], 0.0)
    number = int(group.max(initial=0)) + 1
    once, expected = _pairs(filled, group, number), _pairs(size, group, number)
    ever = _pairs(filled.sum(axis=2, keepdims=True), group, number)
    weight = _pairs(size.sum(axis=2, keepdims=True), group, number)
    apart = (ever - once) / (weight - expected) if weight > expected else 0.0
    return (once / expected if expected > 0 else 0.0), apart


def _pairs(values: Floats, group: Ints, number: int) -> float:
    """Sum of products over all pairs of different series of one group: (sum)^2 - sum of squares."""
    total = np.zeros((number, *values.shape[::2]))
    np.add.at(total, group, values.transpose(1, 0, 2))
    return float((total**2).sum() - (values**2).sum())


def _chance(group: Ints, other: Ints, spread: Floats) -> float:
    """Share of the pairs within a group that also share the other one, weighed by standard deviations."""
    both = np.unique(np.column_stack([group, other]), axis=0, return_inverse=True)[1].ravel()
    inside, common = (float((np.bincount(code, spread) ** 2).sum() - (spread**2).sum()) for code in (group, both))
    return min(max(common / inside, 0.0), 1.0) if inside > 0 else 0.0


def sample(cells: Cells, shared: Shared, count: int, seed: int) -> Iterator[tuple[slice, Singles]]:
    """`count` paths in blocks of series: rows of `cells`, and demand [rows, buckets, paths].

    The same seed gives the same paths.
    """
    rng = np.random.default_rng([seed, 7])
    series, buckets = cells.mean.shape
    lasting = {name: _normal(rng, (int(code.max(initial=0)) + 1, count)) for name, code in cells.groups.items()}
    passing = {
        name: _normal(rng, (int(code.max(initial=0)) + 1, buckets, count)) for name, code in cells.groups.items()
    }
    kept, gone = sum(shared.lasting.values()), sum(shared.passing.values())
    own = np.clip(cells.own - kept, 0.0, max(1 - kept - gone, 0.0))
    rest = np.maximum(1 - kept - gone - own, 0.0)
    size = max(_BLOCK_VALUES // max(buckets * count, 1), 1)
    for start in range(0, series, size):
        rows = slice(start, min(start + size, series))
        score = np.sqrt(rest[rows])[:, None, None].astype(np.float32) * _normal(
            rng, (rows.stop - start, buckets, count)
        )
        score += np.sqrt(own[rows])[:, None, None].astype(np.float32) * _normal(rng, (rows.stop - start, 1, count))
        for name, code in cells.groups.items():
            score += np.float32(np.sqrt(shared.lasting[name])) * lasting[name][code[rows]][:, None, :]
            score += np.float32(np.sqrt(shared.passing[name])) * passing[name][code[rows]]
        yield rows, _demand(score, cells.mean[rows], cells.variance[rows], cells.whole[rows])


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Singles:
    return rng.standard_normal(shape, dtype=np.float32)


def _demand(score: Singles, mean: Floats, variance: Floats, whole: npt.NDArray[np.bool_]) -> Singles:
    """The inverse distribution function of each bucket at its scores, between knots half a standard deviation apart."""
    buckets = mean.shape[1]
    unit = np.repeat(whole, buckets)
    knots = log_quantiles(mean.ravel(), variance.ravel(), unit, _KNOTS).astype(np.float32)
    place = np.clip((score.reshape(mean.size, -1) + _REACH) / _STEP, 0, len(_KNOTS) - 1 - 1e-4)
    low = place.astype(np.int64)
    first = np.take_along_axis(knots, low, axis=1)
    second = np.take_along_axis(knots, low + 1, axis=1)
    root = np.expm1(first + (second - first) * (place - low))
    values = rounded(root, mean.reshape(-1, 1), unit[:, None])
    return values.astype(np.float32).reshape(score.shape)
