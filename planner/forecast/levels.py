"""Levels of many series at once: exponential smoothing at three speeds, and its mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from planner.panel import Matrix
from planner.periods import Bucket

ALPHAS: Mapping[Bucket, tuple[float, ...]] = {
    "day": (0.02, 0.06, 0.15),
    "week": (0.03, 0.08, 0.2),
    "month": (0.05, 0.1, 0.3),
}


def smooth_levels(values: Matrix, alphas: Sequence[float]) -> Matrix:
    """Level after each bucket: the mean of exponential smoothings, each of them a plain mean while it is young."""
    state = np.zeros((len(alphas), len(values)))
    count = np.zeros(len(values))
    levels = np.zeros(values.shape, np.float32)
    for column in range(values.shape[1]):
        value = values[:, column]
        known = ~np.isnan(value)
        count += known
        now = np.where(known, value, 0.0)
        for number, alpha in enumerate(alphas):
            step = np.maximum(alpha, 1 / np.maximum(count, 1)) * known
            state[number] += step * (now - state[number])
        levels[:, column] = state.mean(axis=0)
    return levels
