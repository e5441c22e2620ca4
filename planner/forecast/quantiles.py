"""Quantiles of demand from a mean and a variance, for millions of cells.

Whole units follow a negative binomial (a Poisson where the variance does not exceed the mean), fractional ones a gamma.
Both are read from a table that is computed once: scipy's own inverse takes minutes for what a table does in a second.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special

from planner.tables import QUANTILES

Floats = npt.NDArray[np.float64]

_TABLE_MEANS = np.exp(np.arange(np.log(1e-3), np.log(3000.0), 0.12))
_TABLE_RATIOS = np.concatenate([np.arange(0.0, 0.4, 0.05), np.arange(0.4, 9.0, 0.16)])
_LARGE = 2000.0
_GAMMA_SHAPES = np.linspace(-9.0, 16.0, 1500)
_STEPS = 24


def quantiles(mean: npt.ArrayLike, variance: npt.ArrayLike, whole: npt.ArrayLike = True) -> Floats:
    """Quantiles at `tables.QUANTILES`, one column a level, never negative, never falling from level to level.

    `whole` (one flag, or one per cell) asks for whole units. Against scipy's exact inverse a whole quantile is at most
    one unit off (in 1 of 200 cells at a mean below 50, in 1 of 12 above), and beyond a mean of 2,000 at most 0.2 %.
    """
    mu = np.maximum(np.nan_to_num(np.atleast_1d(np.asarray(mean, dtype=np.float64))), 0.0)
    var = np.broadcast_to(np.nan_to_num(np.asarray(variance, dtype=np.float64)), mu.shape)
    unit = np.broadcast_to(np.asarray(whole, dtype=bool), mu.shape)
    result = rounded(np.expm1(log_quantiles(mu, var, unit, QUANTILES)), mu[:, None], unit[:, None])
    return np.asarray(np.maximum.accumulate(result, axis=1), dtype=np.float64)


def rounded(root: Floats, mean: Floats, whole: npt.NDArray[np.bool_]) -> Floats:
    """Whole units where they are wanted: a root rounded up, beyond the table's means to the nearest."""
    up = np.where(mean > _LARGE, np.ceil(root - 0.5), np.ceil(root - 1e-9))
    return np.asarray(np.maximum(np.where(whole, up, root), 0.0), dtype=np.float64)


def log_quantiles(mean: Floats, variance: Floats, whole: npt.NDArray[np.bool_], levels: tuple[float, ...]) -> Floats:
    """log(1 + quantile) before rounding, [cells, levels]: continuous, so that it can be interpolated between levels."""
    result = np.zeros((mean.size, len(levels)))
    counted = whole & (mean >= _TABLE_MEANS[0]) & (mean <= _LARGE)
    result[counted] = _negative_binomial(mean[counted], variance[counted], levels)
    smooth = (mean > 0) & ~counted & (~whole | (mean > _LARGE))
    spread = np.where(whole, np.maximum(variance, mean), variance)
    result[smooth] = np.log1p(_gamma(mean[smooth], spread[smooth], levels))
    return result


def _negative_binomial(mean: Floats, variance: Floats, levels: tuple[float, ...]) -> Floats:
    """log(1 + real root) of the continuous distribution function, bilinear in two logarithms."""
    table = _roots(levels)
    row, across = _place(np.log(mean), np.log(_TABLE_MEANS))
    ratio = np.log(np.maximum(variance / mean, 1.0))
    column, down = _place(np.minimum(ratio, _TABLE_RATIOS[-1]), _TABLE_RATIOS)
    result = np.empty((mean.size, len(levels)))
    for level in range(len(levels)):
        layer = table[level]
        low = layer[row, column] * (1 - down) + layer[row, column + 1] * down
        high = layer[row + 1, column] * (1 - down) + layer[row + 1, column + 1] * down
        result[:, level] = np.maximum(low * (1 - across) + high * across, np.log(1e-9))
    return result


def _gamma(mean: Floats, variance: Floats, levels: tuple[float, ...]) -> Floats:
    """Gamma of the same mean and variance; without any variance the mean itself."""
    with np.errstate(divide="ignore"):
        shape = np.where(variance > 0, np.log(mean) * 2 - np.log(variance), _GAMMA_SHAPES[-1])
    table = _gamma_roots(levels)
    columns = [mean * np.exp(np.interp(shape, _GAMMA_SHAPES, table[level])) for level in range(len(levels))]
    return np.column_stack(columns) if columns else np.empty((mean.size, 0))


def _place(values: Floats, grid: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """Cell of the grid that holds each value, and how far into it the value lies (0..1)."""
    cell = np.clip(np.searchsorted(grid, values, side="right") - 1, 0, grid.size - 2)
    return cell, (values - grid[cell]) / (grid[cell + 1] - grid[cell])


@lru_cache(maxsize=4)
def _roots(levels: tuple[float, ...]) -> Floats:
    """log of k + 1 where the distribution function meets the level: [level, mean, ratio of variance to mean].

    P(D <= k) = I_p(r, k + 1) for the negative binomial, Q(k + 1, mean) for the Poisson; both are continuous in k, so
    the smallest whole k that reaches the level is the real root rounded up. Bisection on log(k + 1).
    """
    mean, level = _TABLE_MEANS[None, :, None], np.array(levels)[:, None, None]
    ratio = np.exp(_TABLE_RATIOS)[None, None, :]
    shape = (len(levels), _TABLE_MEANS.size, _TABLE_RATIOS.size)
    low = np.full(shape, np.log(0.02))
    spread = np.sqrt(mean * ratio)
    high = np.broadcast_to(np.log(mean + 12 * spread + 30.0), shape).copy()
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        below = _cumulative(np.exp(middle), mean, ratio) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(0.5 * (low + high), dtype=np.float64)


def _cumulative(successes: Floats, mean: Floats, ratio: Floats) -> Floats:
    """P(D <= successes - 1) at a mean and a variance of ratio x mean; a ratio of 1 is the Poisson."""
    result = np.empty(successes.shape)
    result[:, :, 0] = special.gammaincc(successes[:, :, 0], np.broadcast_to(mean, successes.shape)[:, :, 0])
    over = ratio[:, :, 1:]
    result[:, :, 1:] = special.betainc(mean / (over - 1), successes[:, :, 1:], 1 / over)
    return result


@lru_cache(maxsize=4)
def _gamma_roots(levels: tuple[float, ...]) -> Floats:
    """log of quantile / mean by level and log shape; far below the smallest number it stays at that number."""
    shape = np.exp(_GAMMA_SHAPES)
    roots = special.gammaincinv(shape[None, :], np.array(levels)[:, None]) / shape
    return np.asarray(np.log(np.maximum(roots, 1e-200)), dtype=np.float64)
