"""Expected shortage as a convex curve of the stock available, from the distribution of demand over the exposure."""

from __future__ import annotations

import numpy as np
from scipy import special

from planner.stock.case import Curves, Flags, Floats
from planner.stock.kernel import tails
from planner.stock.kernel.threads import in_chunks

# chances of demand above a point, relative to that at the newsvendor's optimum: dense around it, where it matters
TAILS = np.array([6.0, 3.5, 2.0, 1.4, 1.0, 0.7, 0.45, 0.2, 0.05, 0.01])
_CHUNK = 1000


def expected_excess(level: Floats, mean: Floats, variance: Floats) -> Floats:
    """E[(X - level)^+] of a demand X with this mean and variance; level >= 0 or below, where it is mean - level.

    X is negative binomial where the variance is at least the mean (as good as Poisson where they are equal), else
    gamma. The two closed forms are mean P(Y > a - 1) - a P(X > a) with Y the negative binomial of one more success,
    and the same with a gamma of one more shape (Zipkin, Foundations of Inventory Management, 2000, appendix C).
    """
    mean, variance, level = np.broadcast_arrays(mean, variance, level)
    result = np.array(mean - level, dtype=float)
    sold = (level > 0) & (mean > 1e-9)
    result[(level > 0) & ~sold] = 0.0
    counted = variance > 0.999 * np.maximum(mean, 1e-9)
    for chosen, excess in ((sold & counted, _binomial), (sold & ~counted, _gamma)):
        result[chosen] = np.maximum(excess(level[chosen], mean[chosen], variance[chosen]), 0.0)
    return result


def excess_along(levels: Floats, mean: Floats, variance: Floats) -> Floats:
    """`expected_excess` at whole levels >= 0 that rise along the last axis; mean and variance [...] without it."""
    count = levels.shape[-1]
    flat, mean, variance = levels.reshape(-1, count), mean.ravel(), variance.ravel()
    swift = (mean > 1e-9) & (variance > 0.999 * np.maximum(mean, 1e-9))
    swift[swift] = tails.short_enough(flat[swift], mean[swift], variance[swift])
    result = np.empty(flat.shape)
    result[swift] = tails.excess(flat[swift], mean[swift], variance[swift])
    result[~swift] = expected_excess(flat[~swift], mean[~swift, None], variance[~swift, None])
    return result.reshape(levels.shape)


def _binomial(level: Floats, mean: Floats, variance: Floats) -> Floats:
    """The chance of one more success follows from the other: I_x(a, b + 1) = I_x(a + 1, b) + x^a (1 - x)^b
    (a + b) / (a b B(a, b)), x = 1 - share (Abramowitz and Stegun, 1964, 26.5.15 and 26.5.16)."""
    share = np.clip(mean / np.maximum(variance, 1e-12), 1e-9, 1 - 2e-4)
    successes = mean * share / (1 - share)
    whole = np.floor(level)
    above = special.betainc(whole + 1, successes, 1 - share)
    a = np.maximum(whole, 1.0)
    log_term = a * np.log1p(-share) + successes * np.log(share) - special.betaln(a, successes)
    grown = above + np.exp(log_term) * (a + successes) / (a * successes)
    return np.asarray(mean * np.where(whole > 0, grown, 1.0) - level * above)


def _gamma(level: Floats, mean: Floats, variance: Floats) -> Floats:
    spread = np.maximum(variance, 1e-8 * mean**2 + 1e-12)
    shape, scale = mean**2 / spread, spread / mean
    x = np.maximum(level, 0.0) / scale
    return mean * special.gammaincc(shape + 1, x) - level * special.gammaincc(shape, x)


def shortage_curves(
    demand: Floats, variance: Floats, window_mean: Floats, window_variance: Floats, lost: Flags, tail: Floats
) -> Curves:
    """Curves [N, T, K] from demand of the week [N, T] and of the exposure window that ends with it.

    `tail` [N] is holding / (holding + shortage) per unit: the chance of demand above the newsvendor's optimum.

    Backorders: stock position S at the start of the window leaves S - D(window) at its end, so with the mean of the
    weeks before the last taken off, available = S - mean(before) and expected backlog = E[(D(window) - S)^+].

    Lost sales (stated approximation): losses within the window before its last week are not given back, so stock left
    for the last week is (S - D(before))^+. Expected available = S - mean(before) + E[(D(before) - S)^+] and expected
    lost sales = E[(D(window) - S)^+] - E[(D(before) - S)^+]. It meets 0 stock with shortage = demand, and tends to
    order slightly too much where stock-outs are common.
    """

    def part(rows: slice) -> tuple[Floats, Floats, Floats]:
        return _curves(demand[rows], variance[rows], window_mean[rows], window_variance[rows], lost[rows], tail[rows])

    parts = in_chunks(part, len(demand), _CHUNK)
    if not parts:
        empty = np.zeros((0, demand.shape[1], len(TAILS) + 1))
        return Curves(empty, empty, empty[:, :, 1:])
    joined = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Curves(*joined)


def _curves(
    demand: Floats, variance: Floats, window_mean: Floats, window_variance: Floats, lost: Flags, tail: Floats
) -> tuple[Floats, Floats, Floats]:
    points = _points(window_mean, window_variance, tail)
    before = np.maximum(window_mean - demand, 0.0)
    share = np.clip(1 - variance / np.maximum(window_variance, 1e-12), 0.0, 1.0)
    earlier = np.where(before > 1e-9, np.maximum(share, before / np.maximum(window_mean, 1e-9) * 0.5), 0.0)
    over = excess_along(points, window_mean, window_variance)
    gone = np.where(lost[:, None] & (before > 1e-9), before, 0.0)
    over_before = excess_along(points, gone, window_variance * earlier)
    available = points - before[:, :, None] + over_before
    shortage = over - over_before
    return convex(available, np.maximum(shortage, 0.0))


def _points(mean: Floats, variance: Floats, tail: Floats) -> Floats:
    """Stock positions [N, T, K + 1]: 0, then quantiles of demand around the optimum, on distinct whole units.

    Demand comes in units, so the curve bends at whole units only. Quantiles by Wilson and Hilferty (1931).
    """
    chance = np.clip(tail[:, None] * TAILS[None, :], 1e-5, 0.97)
    z = -special.ndtri(chance)[:, None, :]
    c = (variance / np.maximum(mean, 1e-9) ** 2)[:, :, None]
    root = np.maximum(1 - c / 9 + z * np.sqrt(c) / 3, 0.0)
    levels = np.ceil(mean[:, :, None] * root**3 - 1e-9)
    points = np.zeros((*mean.shape, len(TAILS) + 1))
    for k in range(len(TAILS)):
        points[:, :, k + 1] = np.maximum(levels[:, :, k], points[:, :, k] + 1)
    return points


def convex(available: Floats, shortage: Floats) -> tuple[Floats, Floats, Floats]:
    """The same points with falling slopes between 1 and 0, so that a linear programme reads the curve right."""
    width = np.maximum(np.diff(available, axis=-1), 0.0)
    slope = np.divide(-np.diff(shortage, axis=-1), width, out=np.ones_like(width), where=width > 1e-9)
    slope = np.minimum.accumulate(np.clip(slope, 0.0, 1.0), axis=-1)
    start_a, start_f = available[..., :1], shortage[..., :1]
    available = np.concatenate([start_a, start_a + np.cumsum(width, axis=-1)], axis=-1)
    shortage = np.concatenate([start_f, start_f - np.cumsum(width * slope, axis=-1)], axis=-1)
    return available, np.maximum(shortage, 0.0), slope


def newsvendor_target(curves: Curves, tail: Floats) -> Floats:
    """Stock available [N, T] at which one unit more saves less shortage than it costs to hold."""
    worth = np.sum(curves.slope >= tail[:, None, None] - 1e-12, axis=2)
    return np.take_along_axis(curves.available, worth[:, :, None], axis=2)[:, :, 0]


def settled(curves: Curves) -> Curves:
    """The curves to seven digits: processors differ in the last bits of the functions behind them, and a tie between
    two plans must not hang on those."""
    parts = (curves.available, curves.shortage, curves.slope)
    return Curves(*(part.astype(np.float32).astype(np.float64) for part in parts))
