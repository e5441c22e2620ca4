"""What a series did before when drivers were much like in a bucket ahead: a kernel mean over its own past.

Buckets count by exp(-distance^2 / 2 - age x rate), the distance being that of drivers between them and the target, each
driver times its slope (`effects.Effects`), so that drivers count by what they do to demand; one is reached where they
move its logarithm by 0.2.

Source: Nadaraya (1964), On estimating regression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.forecast.drivers import DAYS_IN, Driver
from planner.panel import Matrix
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_WIDTH, _KEPT_A_WEEK, _PRIOR = 0.2, 0.985, 0.3
_LEAST, _SMALLEST = 0.1, 1e-6
_BLOCK = 8192


@dataclass(frozen=True)
class Memory:
    """`log` of demand without season [series, buckets], NaN where unknown.

    `usual` is its mean up to each bucket, in which a share `kept` of a weight is left after another bucket; `total` and
    `count` are running sums of `log` and of what is known; `slopes` [series, drivers] are those of log demand.
    """

    log: Matrix
    usual: Matrix
    total: Floats
    count: Floats
    drivers: tuple[Driver, ...]
    slopes: Matrix
    kept: float

    @classmethod
    def of(cls, plain: Matrix, drivers: Sequence[Driver], slopes: Mapping[str, Floats], bucket: Bucket) -> Memory:
        """Of `plain`, demand without season, and the `slopes` [series] of some drivers by name. Buckets with next to
        nothing count as a tenth of the mean of the series."""
        log = np.log(np.maximum(plain, np.maximum(_LEAST * _means(plain), _SMALLEST)))
        sloped = tuple(driver for driver in drivers if driver.name in slopes)
        columns = np.column_stack([slopes[driver.name] for driver in sloped])
        kept = _KEPT_A_WEEK ** (DAYS_IN[bucket] / DAYS_IN["week"])
        total, count = (_running(part) for part in (np.nan_to_num(log), ~np.isnan(log)))
        return cls(log, _fading(log, kept), total, count, sloped, columns.astype(np.float32), kept)

    def columns(
        self, row: Ints, known: Ints, target: Ints, windows: Sequence[int], quiet: Driver | None
    ) -> dict[str, Floats]:
        """Usual logarithm at the origin, how far its mean over the last buckets is from it, and that of like buckets,
        drawn to 0, and how many of these there are. `quiet`: as if nothing were going on with that driver."""
        usual = self.usual[row, known - 1].astype(np.float64)
        found = {"usual": usual} | {f"mean {window}": self._mean(row, known, window) - usual for window in windows}
        away, count = np.zeros(len(row)), np.zeros(len(row))
        for start in range(0, len(row), _BLOCK):
            part = slice(start, start + _BLOCK)
            weight = self._weights(row[part], known[part], target[part], quiet)
            apart = np.nan_to_num(self.log[row[part]] - self.usual[row[part], known[part] - 1, None])
            count[part] = weight.sum(axis=1)
            away[part] = (weight * apart).sum(axis=1) / (count[part] + _PRIOR)
        return found | {"remembered": away, "buckets remembered": count}

    def _mean(self, row: Ints, known: Ints, window: int) -> Floats:
        """Mean logarithm of the last known buckets within the window; NaN without one."""
        low = np.maximum(known - window, 0)
        total, count = (part[row, known] - part[row, low] for part in (self.total, self.count))
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _weights(self, row: Ints, known: Ints, target: Ints, quiet: Driver | None) -> Matrix:
        """[cells, buckets]; 0 from the origin on and where nothing is known."""
        width = self.log.shape[1]
        age = (known[:, None] - 1 - np.arange(width)).astype(np.float32)
        distance = np.zeros(age.shape, np.float32)
        for driver, slope in zip(self.drivers, self.slopes.T, strict=True):
            now = driver.columns(row, known, target, driver is quiet)[0].astype(np.float32)
            gap = driver.values[driver.row[row], :width] - now[:, None]
            distance += (gap * (slope[row] / np.float32(_WIDTH))[:, None]) ** 2
        weight = np.exp(-distance / 2 + age * np.float32(np.log(self.kept)))
        return np.where((age >= 0) & ~np.isnan(self.log[row]), weight, np.float32(0))


def _running(values: npt.NDArray[Any]) -> Floats:
    """Sums of the first 0, 1, 2, ... columns."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    return sums


def _means(values: Matrix) -> Matrix:
    """Of the known buckets of each row: [series, 1]."""
    known = np.maximum((~np.isnan(values)).sum(axis=1, keepdims=True), 1)
    return np.asarray(np.nansum(values, axis=1, keepdims=True) / known, dtype=np.float32)


def _fading(log: Matrix, kept: float) -> Matrix:
    """Mean of the known buckets up to each, the older ones fading; 0 before the first."""
    total, count = np.zeros(len(log)), np.zeros(len(log))
    means = np.zeros(log.shape, np.float32)
    for column in range(log.shape[1]):
        value = log[:, column]
        known = ~np.isnan(value)
        total = kept * total + np.where(known, value, 0.0)
        count = kept * count + known
        means[:, column] = total / np.maximum(count, 1e-9)
    return means
