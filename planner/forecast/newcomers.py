"""New items: what items like them sell, the curve of a launch, and how little is known.

A level is taken apart as log level = warehouse + SKU + rest. The SKU part of a new item is the mean over the
established SKUs, weighed by likeness (likeness.py); how sharply likeness counts is chosen by leaving each established
SKU out, which also tells how far off such a guess is. What few buckets say of the item itself is weighed against the
guess by credibility (Bühlmann): n buckets against k, the variance within series over the variance of the guess.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from planner.forecast.censored import first_known
from planner.forecast.dispersion import NEW, NEW_WEEKS, SILENT, Labels
from planner.forecast.likeness import vectors
from planner.forecast.methods import buckets_of
from planner.panel import Matrix, Panel
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SHARPNESS = (0.0, 4.0, 8.0, 16.0, 32.0)
_SAMPLE = 400
_LEAST = 0.01
_SHRINK = 2.0
_UNKNOWN_CV, _LEAST_CV = 1.5, 0.3
_LOG_RANGE = 3.0
_MATURE_WEEKS = 39
_LAUNCHES = 12.0
_CURVE = (0.2, 3.0)


@dataclass(frozen=True)
class Newcomers:
    """`rows` of the new series; `path` [rows, horizon] without season.

    `cv` [rows] is the spread of the level, `within` [rows] that of a bucket around it, both as a share of the level.
    """

    rows: Ints
    path: Floats
    cv: Floats
    within: Floats


def welcome(
    levels: Floats,
    values: Matrix,
    label: Labels,
    keys: pd.DataFrame,
    items: pd.DataFrame,
    bucket: Bucket,
    wait: Ints,
    horizon: int,
) -> Newcomers:
    """What new series will sell.

    `levels` [series] are those of the established, `values` [series, buckets] the history up to the origin, `wait`
    [series] the buckets until the sale begins. Without any established series, nothing is new.
    """
    rows = np.flatnonzero(label == NEW)
    start = first_known(values)
    old = np.flatnonzero((label != NEW) & (label != SILENT) & (start < values.shape[1]) & (levels > 0))
    if not rows.size or not old.size:
        return Newcomers(rows[:0], np.zeros((0, horizon)), np.zeros(0), np.zeros(0))
    guess, cv = _guess(levels, old, rows, keys, items)
    within = _within(values[old], levels[old], bucket)
    curve = launch_curve(values, label, bucket)
    own, sold, shape = _own(values[rows], start[rows], curve)
    low, high = max(buckets_of(1, bucket) / 2, 0.5), float(buckets_of(26, bucket))
    pull = np.clip(within / max(cv**2, 1e-9), low, high)
    level = (sold / np.maximum(shape, 1e-9) * own + pull * guess) / (own + pull)
    age = own[:, None].astype(np.int64) + np.maximum(np.arange(horizon) - wait[rows, None], 0)
    path = level[:, None] * curve[np.minimum(age, len(curve) - 1)]
    return Newcomers(rows, path, cv * np.sqrt(pull / (own + pull)), np.full(rows.size, np.sqrt(within)))


def _guess(levels: Floats, old: Ints, rows: Ints, keys: pd.DataFrame, items: pd.DataFrame) -> tuple[Floats, float]:
    """Expected level of each new series by the items like it, and the coefficient of variation of such a guess."""
    sku, names = pd.factorize(keys["sku"].astype(object))
    place, places = pd.factorize(keys["warehouse"].astype(object))
    log = np.log(np.maximum(levels[old], _LEAST))
    here, effect, known = _effects(log, sku[old], place[old], len(names), len(places))
    table = vectors(list(names), items)
    sharpness = _sharpness(table, effect, known)
    rest = log - here[place[old]] - _alike(table, sku[old], effect, known, sharpness)
    size = np.exp(np.clip(rest, -_LOG_RANGE, np.quantile(rest, 0.95)))
    cv = max(float(size.std() / size.mean()), _LEAST_CV) if old.size > 2 else _UNKNOWN_CV
    expected = _alike(table, sku[rows], effect, known, sharpness)
    number = np.bincount(sku[old], minlength=len(names))
    apart = _apart(log - here[place[old]] - effect[sku[old]], number[sku[old]], rest)
    own = number[sku[rows]] / (number[sku[rows]] + apart)
    expected = own * effect[sku[rows]] + (1 - own) * expected
    return np.exp(here[place[rows]] + expected) * size.mean(), cv


def _apart(within: Floats, number: Ints, between: Floats) -> float:
    """How far warehouses of one SKU lie apart, relative to how far SKUs lie from those like them: ratio of variances.

    At least 1: where a known SKU comes late, it mostly sells less than it did where it came first.
    """
    several, other = number > 1, max(float((between**2).mean()), 1e-9)
    if not several.any():
        return _SHRINK
    same = float((within[several] ** 2).sum()) / float((1 - 1 / number[several]).sum())
    return float(np.clip(same / other, 1.0, _SHRINK))


def _effects(log: Floats, sku: Ints, place: Ints, skus: int, places: int) -> tuple[Floats, Floats, Ints]:
    """Effects of warehouses (drawn to none) and of SKUs, and which SKUs have one: alternating means."""
    count, number = np.bincount(place, minlength=places), np.bincount(sku, minlength=skus)
    here, effect = np.zeros(places), np.full(skus, log.mean())
    for _ in range(8):
        effect = np.bincount(sku, log - here[place], minlength=skus) / np.maximum(number, 1)
        here = np.bincount(place, log - effect[sku], minlength=places) / (count + _SHRINK)
    return here, effect, np.flatnonzero(number > 0)


def _sharpness(table: sparse.csr_matrix, effect: Floats, known: Ints) -> float:
    """The sharpness with the smallest error over established SKUs, each guessed from the others."""
    asked = known[:: max(len(known) // _SAMPLE, 1)]
    errors = [((_alike(table, asked, effect, known, value) - effect[asked]) ** 2).mean() for value in _SHARPNESS]
    return _SHARPNESS[int(np.argmin(errors))]


def _alike(table: sparse.csr_matrix, asked: Ints, effect: Floats, known: Ints, sharpness: float) -> Floats:
    """Mean effect of the known SKUs, weighed by exp(sharpness x likeness); a SKU never counts for itself."""
    distinct, place = np.unique(asked, return_inverse=True)
    found = np.empty(len(distinct))
    for start in range(0, len(distinct), _SAMPLE):
        part = distinct[start : start + _SAMPLE]
        like = np.asarray((table[part] @ table[known].T).todense(), dtype=np.float64)
        weight = np.exp(sharpness * (like - 1))
        weight[part[:, None] == known] = 0.0
        total = weight.sum(axis=1)
        mean = float(effect[known].mean())
        found[start : start + _SAMPLE] = np.where(total > 0, weight @ effect[known] / np.maximum(total, 1e-300), mean)
    return np.asarray(found[place], dtype=np.float64)


def _within(values: Matrix, levels: Floats, bucket: Bucket) -> float:
    """Variance of a bucket over the squared level, as half of the established series have it over their last year."""
    recent = values[:, -buckets_of(52, bucket) :].astype(np.float64)
    known = ~np.isnan(recent)
    number = np.maximum(known.sum(axis=1), 1)
    filled = np.where(known, recent, 0.0)
    mean = filled.sum(axis=1) / number
    variance = np.maximum((filled**2).sum(axis=1) / number - mean**2, 0.0)
    return float(np.median(variance / np.maximum(mean, levels) ** 2))


def _own(values: Matrix, start: Ints, curve: Floats) -> tuple[Floats, Floats, Floats]:
    """Buckets of each new series, what it sold in them, and what the launch curve would have had of a level of 1."""
    age = np.arange(values.shape[1]) - start[:, None]
    known = (age >= 0) & ~np.isnan(values)
    shape = np.where(known, curve[np.clip(age, 0, len(curve) - 1)], 0.0).sum(axis=1)
    return known.sum(axis=1).astype(np.float64), np.where(known, values, 0.0).sum(axis=1, dtype=np.float64), shape


def launch_curve(values: Matrix, label: Labels, bucket: Bucket) -> Floats:
    """Demand of each of the first 13 weeks after a launch over that of the 26 weeks after them; its last value is 1.

    Pooled over the series that began within the history (not with it) and are past all that, each of the same weight;
    smoothed over three buckets and drawn to 1 as if twelve launches had shown no curve.
    """
    young, mature = buckets_of(NEW_WEEKS, bucket), buckets_of(_MATURE_WEEKS, bucket)
    start = first_known(values)
    seen = np.flatnonzero((start >= buckets_of(4, bucket)) & (values.shape[1] - start >= mature) & (label != SILENT))
    if not seen.size:
        return np.ones(young + 1)
    first = values[seen[:, None], start[seen, None] + np.arange(mature)].astype(np.float64)
    later = np.nanmean(first[:, young:], axis=1)
    seen = np.flatnonzero(later > 0)
    if not seen.size:
        return np.ones(young + 1)
    share = np.nanmean(np.minimum(first[seen, :young] / later[seen, None], 4.0), axis=0)
    padded = np.r_[share[0], share, 1.0]
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    weight = seen.size / (seen.size + _LAUNCHES)
    return np.append(np.clip(1 + weight * (smooth - 1), *_CURVE), 1.0)


def widened(variance: Floats, mean: Floats, new: Newcomers) -> Floats:
    """Variance that is, for new series, at least that of a bucket around a level which itself is a guess.

    Var D = E[Var(D | level)] + Var E[D | level] = mean + (within^2 + cv^2) x mean^2.
    """
    if not new.rows.size:
        return variance
    result = variance.copy()
    least = mean[new.rows] + (new.within**2 + new.cv**2)[:, None] * mean[new.rows] ** 2
    result[new.rows] = np.maximum(variance[new.rows], least)
    return result


def where_it_sells(stocking: pd.DataFrame, locations: pd.DataFrame, demand: Panel) -> pd.DataFrame:
    """Stocking without demand at places that only pass goods on: a dc, plant, port or supplier that has never sold."""
    passing = locations.loc[locations["kind"].isin(("dc", "plant", "port", "supplier")), "location"].astype(str)
    sold = demand.keys.loc[np.nansum(demand.values, axis=1) > 0, "warehouse"].astype(str)
    never = set(passing) - set(sold)
    here = stocking["warehouse"].astype(str).isin(never)
    return stocking.assign(listed_to=stocking["listed_to"].mask(here, pd.Timestamp(0))) if here.any() else stocking
