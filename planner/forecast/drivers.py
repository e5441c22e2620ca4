"""Drivers: what is known ahead of a bucket besides the calendar of the season, such as prices and promotions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.panel import Matrix

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Driver:
    """`values` [rows, buckets of history and horizon]; `row` of each series in them; `neutral`: when it does nothing.

    `running` are sums of the first 0, 1, 2, ... columns.
    """

    name: str
    values: Matrix
    row: Ints
    neutral: float
    running: npt.NDArray[np.float64]
    window: int

    def columns(self, row: Ints, known: Ints, target: Ints) -> list[npt.NDArray[np.float32]]:
        """Its value in the target bucket, and how far that is from its mean over the last weeks before the origin."""
        mine = self.row[row]
        low = np.maximum(known - self.window, 0)
        before = (self.running[mine, known] - self.running[mine, low]) / np.maximum(known - low, 1)
        now = self.values[mine, target]
        return [now, (now - before).astype(np.float32)]
