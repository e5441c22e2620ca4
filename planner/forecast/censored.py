"""Demand where the shelf was empty: what was sold is then a floor under demand, not demand.

A bucket was in stock for a share s of its time. What was sold in that part (`open_sold`) is demand of that part. In the
rest demand is only known to be at least what was sold there (`blocked_sold`, mostly nothing). Demand of a bucket is
negative binomial around a local level m with shape r. Having sold x in the part in stock, the rest demanded D of mean
(1 - s) (r + x) / (r / m + s), because a bucket that ran out early was probably a strong one, and the estimate is

    open_sold + E[D | D >= blocked_sold].

Level and shape come from the same cells, so all three are repeated in turn (expectation-maximisation, with the second
moment of what was cut off). A mean over the cells that are left would ignore that shelves empty when demand is high.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from planner.periods import Bucket

Floats = npt.NDArray[np.float64]

WINDOW: dict[Bucket, int] = {"day": 14, "week": 8, "month": 3}
_PRIOR_BUCKETS = 3.0
_PRIOR_SPREAD = 20.0
_ROUNDS = 24


def repair(open_sold: Floats, blocked_sold: Floats, share: Floats, window: int) -> Floats:
    """Expected demand per bucket; `share` is NaN where the series does not exist, 0 with nothing sold where unknown.

    Rows without a single telling bucket keep what they sold, since nothing says how much more there was.
    """
    known = ~np.isnan(share)
    open_part, floor, shown = (
        np.where(known, np.nan_to_num(values), 0.0) for values in (open_sold, blocked_sold, share)
    )
    telling = ((shown > 0) | (floor > 0)).astype(np.float64)
    rest = shown < 1
    estimate, beyond = open_part + floor, np.zeros_like(open_part)
    for _ in range(_ROUNDS if (rest & (telling > 0)).any() else 2):
        level = local_level(estimate * telling, telling, window)
        shape = 1.0 / _spread(estimate, beyond, telling, level)
        mean = (1 - shown) * (shape + open_part) / (shape / np.maximum(level, 1e-9) + shown)
        hidden, beyond = _at_least(floor, np.where(rest, mean, 0.0), shape + open_part)
        estimate = open_part + hidden
    silent = ~telling.any(axis=1, keepdims=True)
    return np.where(known, np.where(silent, open_part + floor, estimate), np.nan)


def local_level(values: Floats, exposure: Floats, window: int) -> Floats:
    """Demand per whole bucket around each bucket: a centred ratio of sums, drawn towards the row's own mean."""
    total = exposure.sum(axis=1, keepdims=True)
    mean = np.divide(values.sum(axis=1, keepdims=True), total, out=np.zeros_like(total), where=total > 0)
    near, seen = _window_sum(values, window), _window_sum(exposure, window)
    return np.asarray((near + _PRIOR_BUCKETS * mean) / (seen + _PRIOR_BUCKETS), dtype=np.float64)


def fill_unknown(values: npt.NDArray[np.float32], window: int) -> npt.NDArray[np.float32]:
    """NaN between a row's first and last column becomes the local level; NaN before the start stays."""
    start = first_known(values)
    gaps = np.isnan(values) & (np.arange(values.shape[1]) >= start[:, None])
    rows = np.flatnonzero(gaps.any(axis=1))
    if not rows.size:
        return values
    filled = values.copy()
    for block in np.array_split(rows, max(1, rows.size * values.shape[1] // 4_000_000)):
        part = values[block].astype(np.float64)
        level = local_level(np.nan_to_num(part), (~np.isnan(part)).astype(np.float64), window)
        filled[block] = np.where(gaps[block], level, part)
    return filled


def first_known(values: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    """Column of the first value that is not NaN; the number of columns where there is none."""
    known = ~np.isnan(values)
    none = ~known.any(axis=1)
    return np.where(none, values.shape[1], known.argmax(axis=1) if values.shape[1] else 0)


def _window_sum(values: Floats, window: int) -> Floats:
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    position = np.arange(values.shape[1])
    last = np.minimum(position + window + 1, values.shape[1])
    inside: Floats = np.maximum(sums[:, last] - sums[:, np.maximum(position - window, 0)], 0.0)
    return inside


def _spread(estimate: Floats, beyond: Floats, telling: Floats, level: Floats) -> Floats:
    """Excess of variance over the mean, per squared mean; each row is drawn to what all rows say.

    `beyond` is the variance that remains within each estimate: without it censored cells would look too calm.
    """
    excess = (telling * ((estimate - level) ** 2 + beyond - level)).sum(axis=1, keepdims=True)
    weight = (telling * level**2).sum(axis=1, keepdims=True)
    cells = np.maximum(telling.sum(axis=1, keepdims=True), 1)
    pooled = max(float(excess.sum()) / max(float(weight.sum()), 1e-12), 0.0)
    prior = _PRIOR_SPREAD * weight / cells
    drawn = (excess + pooled * prior) / np.maximum(weight + prior, 1e-12)
    spread: Floats = np.clip(drawn, 1e-4, 9.0)
    return spread


def _at_least(floor: Floats, mean: Floats, shape: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of a negative binomial D, given D >= floor.

    E[D; D >= k] = m P(D' >= k - 1) and E[D (D - 1); D >= k] = m^2 (1 + 1/r) P(D'' >= k - 2), with one and two
    successes more. Far in the tail the probabilities vanish; there the rest over the floor is that of a geometric tail.
    """
    first, second = mean.copy(), mean + mean**2 / shape
    cells = np.nonzero((floor > 0) & (mean > 0))
    first[floor > 0], second[floor > 0] = floor[floor > 0], 0.0
    if not cells[0].size:
        return first, second
    low, mu, r = floor[cells], mean[cells], shape[cells]
    chance = mu / (mu + r)
    reach = _reach(low, r, chance)
    near = reach > 1e-10
    over = mu / r
    expected = np.divide(mu * _reach(low - 1, r + 1, chance), reach, out=low + over, where=near)
    pairs = np.divide(mu**2 * (1 + 1 / r) * _reach(low - 2, r + 2, chance), reach, out=expected**2, where=near)
    first[cells] = np.maximum(expected, low)
    second[cells] = np.where(near, np.maximum(pairs + expected - expected**2, 0.0), over * (1 + over))
    return first, second


def _reach(floor: Floats, shape: Floats, chance: Floats) -> Floats:
    """P(D >= floor)."""
    return np.where(floor > 0, special.betainc(np.maximum(floor, 1e-9), shape, chance), 1.0)
