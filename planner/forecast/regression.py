"""What drivers do to the base, as one Poisson regression over all series.

Demand is Poisson around base x exp(constant + sum of effect x driver), drivers as their value in the bucket and its
distance from the last weeks; the effects have a ridge and are found by Newton's method.

Source: Cameron and Trivedi (2013), 3.2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.forecast.drivers import Driver
from planner.forecast.features import SMALLEST, Cells, Features
from planner.forecast.learning import Correction, Lesson
from planner.forecast.seasonality import Factors

Floats = npt.NDArray[np.float64]

_RIDGE, _STEPS, _FARTHEST = 10.0, 12, 3.0
_FEWEST = 300


def regress(lesson: Lesson) -> Correction | None:
    """The factor that drivers put on the base; None without drivers, or with too few cells."""
    if not lesson.features.drivers or lesson.end < 2:
        return None
    cells = lesson.cells()
    base = lesson.features.base(cells, lesson.factors)
    cells, base = cells[base > SMALLEST], base[base > SMALLEST]
    if len(cells) < _FEWEST:
        return None
    columns = _columns(lesson.features, cells, None)
    scale = np.maximum(columns.std(axis=0), 1e-9)
    scale[0] = 1.0
    actual = lesson.values[cells.row, cells.target].astype(np.float64)
    effects = _newton(columns / scale, actual, base) / scale

    def factor(asked: Cells, factors: Factors, quiet: Driver | None) -> Floats:
        return np.asarray(np.exp(_line(_columns(lesson.features, asked, quiet), effects)))

    return factor


def _columns(features: Features, cells: Cells, quiet: Driver | None) -> Floats:
    parts = [
        column
        for driver in features.drivers
        for column in driver.columns(cells.row, cells.known, cells.target, driver is quiet)
    ]
    return np.column_stack([np.ones(len(cells)), *parts])


def _line(columns: Floats, effects: Floats) -> Floats:
    return np.asarray(np.clip(columns @ effects, -_FARTHEST, _FARTHEST))


def _newton(columns: Floats, actual: Floats, base: Floats) -> Floats:
    effects = np.zeros(columns.shape[1])
    for _ in range(_STEPS):
        mean = base * np.exp(_line(columns, effects))
        slope = columns.T @ (actual - mean) - _RIDGE * effects
        curve = (columns * mean[:, None]).T @ columns + _RIDGE * np.eye(len(effects))
        effects = effects + np.linalg.solve(curve, slope)
    return effects
