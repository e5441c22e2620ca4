"""Expected excess of a negative binomial over many whole levels at once: its chances one after the other, summed."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.field import Flags, Floats, Ints, compiled

_STEPS_PER_LEVEL = 200
_MOST_SUCCESSES = 2e4
_SMALLEST = 1e-290


def parameters(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Successes r and their chance p of the negative binomial with this mean r (1 - p) / p and variance."""
    share = np.clip(mean / np.maximum(variance, 1e-12), 1e-9, 1 - 2e-4)
    return mean * share / (1 - share), share


def length(levels: Floats, mean: Floats, variance: Floats) -> Floats:
    """[M] number of chances beyond which nothing is left that counts; rows of `levels` [M, K] rise."""
    _, share = parameters(mean, variance)
    return np.asarray(np.maximum(levels[:, -1], mean) + 10 * np.sqrt(np.maximum(variance, mean)) + 60 / share + 60)


def short_enough(levels: Floats, mean: Floats, variance: Floats) -> Flags:
    """[M] where going through the chances is faster than closed forms, and the chance of 0 is no underflow.

    Not with very many successes, which are as good as Poisson: there the closed forms round in the ninth digit.
    """
    successes, share = parameters(mean, variance)
    few = length(levels, mean, variance) < _STEPS_PER_LEVEL * levels.shape[1]
    return np.asarray(few & (successes < _MOST_SUCCESSES) & (successes * np.log(share) > np.log(_SMALLEST)))


def excess(levels: Floats, mean: Floats, variance: Floats) -> Floats:
    """E[(X - level)^+] [M, K] at whole levels >= 0 that rise along each row."""
    successes, share = parameters(mean, variance)
    result = np.zeros(levels.shape)
    _excess(levels.astype(np.int64), mean, successes, share, length(levels, mean, variance).astype(np.int64), result)
    return result


@compiled
def _excess(levels: Ints, mean: Floats, successes: Floats, share: Floats, length: Ints, result: Floats) -> None:
    """P(k + 1) = P(k) (1 - p) (r + k) / (k + 1) upwards; then P(X > k) and E[(X - k)^+] as sums from the far end."""
    chance = np.empty(length.max() + 2 if len(length) else 2)
    for row in range(len(levels)):
        r, rest = successes[row], 1.0 - share[row]
        top = max(float(levels[row, -1]), mean[row])
        chance[0] = np.exp(r * np.log(share[row]))
        last, least = 0, _SMALLEST
        while last < length[row] and (last <= mean[row] or chance[last] > least):
            chance[last + 1] = chance[last] * (rest * (r + last) / (last + 1.0))
            last += 1
            if last <= top + 1.0:
                least = max(_SMALLEST, 1e-20 * chance[last])
        above, total, k = 0.0, 0.0, levels.shape[1] - 1
        while k >= 0 and levels[row, k] >= last:
            k -= 1
        for level in range(last - 1, -1, -1):
            if k < 0 or levels[row, k] == 0:
                break
            above += chance[level + 1]
            total += above
            while k >= 0 and levels[row, k] == level:
                result[row, k] = total
                k -= 1
        for k in range(levels.shape[1]):
            if levels[row, k] == 0:
                result[row, k] = mean[row]
