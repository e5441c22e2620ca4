"""How far off a forecast is: learnt from rolling origins, pooled by demand class, drawn to each series.

Variance of a bucket = scale(series) x c x mean^p, with c and p of the demand class. The errors of one series are too
few to tell its variance, those of its class give the shape, and its own errors move the scale as far as they count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.censored import first_known
from planner.forecast.methods import buckets_of
from planner.forecast.quantiles import quantiles
from planner.panel import Matrix
from planner.periods import Bucket
from planner.tables import QUANTILES

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int8]

CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "new", "silent")
NEW, SILENT = CLASSES.index("new"), CLASSES.index("silent")
DAYS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12}
NEW_WEEKS = 13
YOUNG: Mapping[Bucket, int] = {"day": 28, "week": 13, "month": 3}
_LONGEST_SUM_DAYS = 364.0
_INTERVAL, _VARIATION = 1.32, 0.49
_CELLS, _BINS = 300, 12
_PRIOR_CELLS = 20.0
_WILD = 25.0
_JUDGED = 6000
_SCALES = np.exp(np.linspace(np.log(0.3), np.log(2.5), 18))
_UNKNOWN = (0.5, 1.5)


@dataclass(frozen=True)
class Errors:
    """Forecasts of past origins, [series, origins, buckets ahead], and what came less what was said (NaN: not judged).

    `label` is the class as it was known at the origin.
    """

    forecast: Matrix
    error: Matrix
    label: Labels


@dataclass(frozen=True)
class Spread:
    """`curve`: log c and p by class; `scale`: by series, around 1; `growth`: what a bucket further ahead adds.

    `middle` is the distance (in buckets, from 0) at which the curves hold.
    """

    curve: Floats
    scale: Floats
    growth: float = 0.0
    middle: float = 0.0

    def ahead(self, distance: npt.NDArray[np.intp], farthest: int) -> Floats:
        """Factor of the variance at a distance; beyond `farthest` it stays."""
        factor: Floats = np.maximum(1 + self.growth * (np.minimum(distance, farthest) - self.middle), 0.25)
        return factor

    def variance(self, mean: Floats, label: Labels, row: npt.NDArray[np.intp] | slice = slice(None)) -> Floats:
        """Variance of a bucket with that mean, at the middle distance; `mean` is [series] or [series, ...]."""
        extra = (1,) * (mean.ndim - 1)
        level, power = (self.curve[label, side].reshape(-1, *extra) for side in (0, 1))
        scale = self.scale[row].reshape(-1, *extra)
        return np.where(mean > 0, scale * np.exp(level + power * np.log(np.maximum(mean, 1e-9))), 0.0)


def classify(values: Matrix, bucket: Bucket) -> Labels:
    """Demand class by Syntetos and Boylan (2005): mean interval between demands, and variation of their sizes.

    `values` is NaN before the start only. Less than 13 weeks of history (28 days where buckets are days): new. No
    demand at all: silent.
    """
    sold = values > 0
    number = sold.sum(axis=1)
    size = np.where(sold, values, 0).astype(np.float64)
    mean = size.sum(axis=1) / np.maximum(number, 1)
    square = (size**2).sum(axis=1) / np.maximum(number, 1)
    length = values.shape[1] - first_known(values)
    interval = length / np.maximum(number, 1)
    erratic = (square - mean**2) >= _VARIATION * mean**2
    label: Labels = erratic.astype(np.int8) + 2 * (interval >= _INTERVAL).astype(np.int8)
    label[length < YOUNG[bucket]] = NEW
    label[(number == 0) & (label != NEW)] = SILENT
    return label


def origins_of(length: int, horizon: int, count: int, bucket: Bucket) -> tuple[list[int], int]:
    """Past origins, newest first, and the buckets judged after each: up to 13 weeks and a third of the history."""
    span = max(min(horizon, buckets_of(13, bucket), length // 3), 1)
    smallest = max(span, 4)
    return [length - span * step for step in range(1, count + 1) if length - span * step >= smallest], span


def past_errors(
    values: Matrix, judged: npt.NDArray[np.bool_], forecast: Matrix, origins: Sequence[int], label: Labels
) -> Errors:
    """Errors of `forecast` [series, origins, buckets ahead]; NaN in cells not `judged` and for series too young."""
    ahead = np.array(origins)[:, None] + np.arange(forecast.shape[2])
    error = values[:, ahead] - forecast
    young = first_known(values)[:, None] > np.array(origins) - 2
    error[~judged[:, ahead] | young[:, :, None]] = np.nan
    return Errors(forecast, error, label)


def fit_spread(errors: Errors, whole: npt.NDArray[np.bool_]) -> Spread:
    """Curves by class from moments, scales by series, and a last factor by class that gives the best quantiles.

    Moments alone are led by a few wild cells; the last factor makes the quantile loss on the same errors smallest.
    """
    cells = _cells(errors)
    curve = _curves(cells)
    spread = Spread(curve, np.ones(len(errors.error)))
    spread = Spread(curve, _scales(cells, spread, len(errors.error)))
    growth = _growth(cells, spread, errors.error.shape[2])
    return Spread(_tuned(cells, spread, whole), spread.scale, growth, (errors.error.shape[2] - 1) / 2)


def no_spread(series: int) -> Spread:
    """Where no past origin can be judged: variance = 1.5 x mean^1.5, wide on purpose."""
    return Spread(np.tile([np.log(_UNKNOWN[1]), 1.0 + _UNKNOWN[0]], (len(CLASSES), 1)), np.ones(series))


def fit_dependence(errors: Errors | None, spread: Spread, bucket: Bucket) -> pd.DataFrame:
    """Variance of sums over k buckets, relative to k independent ones: demand_class, buckets, inflation, days.

    Each class follows 1 + (k - 1) r, r being the mean correlation between two errors of one origin; for longer sums
    than an origin could judge it goes on rising only as far as one quarter of a year.
    """
    longest = max(int(_LONGEST_SUM_DAYS / DAYS[bucket]), 1)
    steps = np.arange(1, longest + 1)
    pooled, _ = _correlation(errors, spread, None)
    frames = []
    for number, name in enumerate(CLASSES):
        own, weight = _correlation(errors, spread, number)
        shared = (weight * own + _CELLS * pooled) / (weight + _CELLS)
        reach = np.minimum(steps, buckets_of(NEW_WEEKS, bucket))
        frames.append(
            pd.DataFrame(
                {
                    "demand_class": name,
                    "buckets": steps,
                    "inflation": 1 + (reach - 1) * shared,
                    "days": steps * DAYS[bucket],
                }
            )
        )
    return pd.concat(frames, ignore_index=True).astype({"demand_class": object})


@dataclass(frozen=True)
class _Cells:
    """Judged cells in one column each; `row` is the series."""

    row: npt.NDArray[np.intp]
    label: Labels
    ahead: npt.NDArray[np.intp]
    mean: Floats
    error: Floats


def _cells(errors: Errors) -> _Cells:
    row, origin, ahead = np.nonzero(~np.isnan(errors.error))
    mean = errors.forecast[row, origin, ahead].astype(np.float64)
    error = errors.error[row, origin, ahead].astype(np.float64)
    return _Cells(row, errors.label[row, origin], ahead, mean, error)


def _curves(cells: _Cells) -> Floats:
    """Least squares of log variance on log mean over bins of equal size; a thin class takes the curve of all."""
    usable = cells.mean > 1e-6
    everything = _line(cells.mean[usable], cells.error[usable], np.array([np.log(_UNKNOWN[1]), 1 + _UNKNOWN[0]]))
    curves = [
        _line(cells.mean[part], cells.error[part], everything)
        for part in (usable & (cells.label == number) for number in range(len(CLASSES)))
    ]
    return np.array(curves)


def _line(mean: Floats, error: Floats, default: Floats) -> Floats:
    if mean.size < _CELLS:
        return default
    order = np.argsort(mean, kind="stable")
    bins = np.array_split(order, min(_BINS, mean.size // 50))
    x = np.log([mean[part].mean() for part in bins])
    y = np.log([max(float((error[part] ** 2).mean()), 1e-12) for part in bins])
    spread = float(((x - x.mean()) ** 2).sum())
    power = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread > 0.05 else float(default[1])
    power = float(np.clip(power, 0.75, 2.0))
    return np.array([y.mean() - power * x.mean(), power])


def _scales(cells: _Cells, spread: Spread, series: int) -> Floats:
    """Each series' squared errors over their variance, a wild one counted as 25, with 20 cells of 1 added."""
    expected = spread.variance(cells.mean, cells.label, cells.row)
    usable = expected > 0
    ratio = np.minimum(cells.error[usable] ** 2 / expected[usable], _WILD)
    row = cells.row[usable]
    total = np.bincount(row, ratio, minlength=series)
    return np.asarray((total + _PRIOR_CELLS) / (np.bincount(row, minlength=series) + _PRIOR_CELLS), dtype=np.float64)


def _growth(cells: _Cells, spread: Spread, span: int) -> float:
    """Slope of squared errors over the distance, relative to their mean: never below 0, at most doubling."""
    expected = spread.variance(cells.mean, cells.label, cells.row)
    usable = expected > 0
    if span < 4 or usable.sum() < 4 * _CELLS:
        return 0.0
    ratio = np.minimum(cells.error[usable] ** 2 / expected[usable], _WILD)
    distance = cells.ahead[usable] - (span - 1) / 2
    slope = float((distance * ratio).sum() / (distance**2).sum() / ratio.mean())
    return float(np.clip(slope, 0.0, 1 / span))


def _tuned(cells: _Cells, spread: Spread, whole: npt.NDArray[np.bool_]) -> Floats:
    """Curves times the factor with the smallest quantile loss, by class; thin classes share one factor."""
    usable = np.flatnonzero(cells.mean > 1e-3)
    curve = spread.curve.copy()
    shared = _best_factor(cells, spread, whole, usable)
    for number in range(len(CLASSES)):
        part = usable[cells.label[usable] == number]
        curve[number, 0] += np.log(_best_factor(cells, spread, whole, part) if part.size >= 4 * _CELLS else shared)
    return curve


def _best_factor(cells: _Cells, spread: Spread, whole: npt.NDArray[np.bool_], part: npt.NDArray[np.intp]) -> float:
    if part.size < _CELLS:
        return 1.0
    part = part[:: max(part.size // _JUDGED, 1)]
    mean, label, row = cells.mean[part], cells.label[part], cells.row[part]
    actual, variance = mean + cells.error[part], spread.variance(mean, label, row)
    weight = 1 / np.sqrt(variance)
    losses = [_loss(actual, quantiles(mean, variance * factor, whole[row]), weight) for factor in _SCALES]
    return float(_SCALES[int(np.argmin(losses))])


def _loss(actual: Floats, said: Floats, weight: Floats) -> float:
    """Quantile loss over all levels, in units of the standard deviation."""
    levels = np.array(QUANTILES)
    short = actual[:, None] - said
    return float((np.maximum(levels * short, (levels - 1) * short) * weight[:, None]).sum())


def _correlation(errors: Errors | None, spread: Spread, number: int | None) -> tuple[float, float]:
    """Mean correlation between two errors of one series and origin, at least 0, and the number of pairs of origins."""
    if errors is None or errors.error.shape[2] < 2:
        return 0.0, 0.0
    known = ~np.isnan(errors.error)
    chosen = known.all(axis=2) & (errors.label != SILENT if number is None else errors.label == number)
    row, origin = np.nonzero(chosen)
    if not row.size:
        return 0.0, 0.0
    error = errors.error[row, origin].astype(np.float64)
    variance = spread.variance(errors.forecast[row, origin].astype(np.float64), errors.label[row, origin], row)
    score = np.clip(np.divide(error, np.sqrt(variance), out=np.zeros_like(error), where=variance > 0), -5, 5)
    single, summed = float((score**2).sum()), float((score.sum(axis=1) ** 2).sum())
    count = error.shape[1]
    return float(np.clip((summed / max(single, 1e-9) - 1) / (count - 1), 0.0, 1.0)), float(row.size)
