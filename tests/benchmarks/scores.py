"""Scores of forecasts. All take flat arrays of the judged cells; quantiles have one column a level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.tables import QUANTILES

Floats = npt.NDArray[np.float64]
LEVELS = np.array(QUANTILES)


def wape(actual: Floats, forecast: Floats) -> float:
    """Sum of absolute errors over the sum of actuals."""
    return float(np.abs(forecast - actual).sum() / actual.sum())


def bias(actual: Floats, forecast: Floats) -> float:
    """How much too high the sum is, as a share."""
    return float(forecast.sum() / actual.sum() - 1)


def rmsse(actual: Floats, forecast: Floats, scale: Floats, series: npt.NDArray[np.int64]) -> float:
    """Mean over series of sqrt(mean squared error / mean squared step of the history before the origin)."""
    count = np.maximum(np.bincount(series), 1)
    error = np.bincount(series, (forecast - actual) ** 2) / count
    usual = np.bincount(series, scale) / count
    told = (np.bincount(series) > 0) & (usual > 0)
    return float(np.sqrt(error[told] / usual[told]).mean())


def quantile_loss(actual: Floats, quantiles: Floats, weight: Floats | float = 1.0) -> float:
    """2 x pinball loss, mean over the levels, summed with the weights over the sum of weighted actuals."""
    short = actual[:, None] - quantiles
    loss = np.maximum(LEVELS * short, (LEVELS - 1) * short).mean(axis=1)
    return float(2 * (loss * weight).sum() / (actual * weight).sum())


def coverage(actual: Floats, quantiles: Floats, level: float) -> tuple[float, float]:
    """Share of actuals strictly below the quantile, and up to it."""
    column = quantiles[:, QUANTILES.index(level)]
    return float((actual < column).mean()), float((actual <= column).mean())


def off_coverage(actual: Floats, quantiles: Floats, level: float) -> float:
    """How far the level lies outside of the two shares of `coverage`.

    Demand in whole units has lumps of probability: a right quantile has at most its level below and at least its level
    up to it, so anything between the two shares is right.
    """
    below, upto = coverage(actual, quantiles, level)
    return max(below - level, level - upto, 0.0)
