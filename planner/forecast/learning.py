"""One model over all series: gradient boosted trees (LightGBM) that start from the base forecast and correct it.

The raw score starts at the logarithm of the base (`init_score`), so the trees learn by what factor demand differs from
it, and a thin data set stays at the base. Tweedie deviance (power 1.3) suits demand with many zeros. Where drivers join
the base they see which series a cell is of, and what goes on around it (`surroundings`). Where besides most buckets
sell, they start from the usual logarithm of sales instead, without what drivers do, and learn by absolute error of the
logarithm from fewer columns, among them what was sold while drivers were alike (`memory`); so they err otherwise than
the base, and both together err less. One thread and fixed seeds: the same rows give the same trees.

Source: Ke and others (2017); Tweedie trees on retail demand as in Makridakis, Spiliotis and Assimakopoulos (2022).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import PlannerError
from planner.forecast.drivers import Driver
from planner.forecast.features import SMALLEST, Cells, Features
from planner.forecast.memory import Memory
from planner.forecast.seasonality import Factors
from planner.panel import Matrix

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ROWS = (300_000, 1_000_000)
_CELLS_A_ROW = 20
TREES = 150
_FEWEST = 1500
_FEWEST_BUCKETS = 3
_BLOCK = 200_000
_FLOOR = 5e-3
_SETTINGS: dict[str, Any] = {
    "objective": "tweedie",
    "tweedie_variance_power": 1.3,
    "learning_rate": 0.05,
    "num_leaves": 31,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "max_bin": 127,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}

_ABSOLUTE: dict[str, Any] = {"objective": "l1"}
_LEAST = 0.1
_THINNED, _ENOUGH = 3, 100_000

# (cells, factors, driver to be taken as quiet) -> factor on the base of each cell
Correction = Callable[[Cells, Factors, Driver | None], Floats]
Start = Callable[[Cells, Factors], Floats]


@dataclass(frozen=True)
class Lesson:
    """What there is to learn from: `judged` cells of `values` before `end`, up to `horizon` buckets ahead."""

    features: Features
    values: Matrix
    judged: Flags
    factors: Factors
    end: int
    horizon: int
    seed: int

    def cells(self) -> Cells:
        """A sample of cells of every origin before the end, in a fixed order: one row for 20 cells, within ROWS."""
        rows = int(np.clip(self.values.size // _CELLS_A_ROW, *ROWS))
        draw = np.random.default_rng([self.seed, self.end])
        first = max(self.features.windows[-1] // 2, 1) if self.end > 2 * self.features.windows[-1] else 2
        series, origins = len(self.values), np.arange(self.end - 1, first - 1, -1)
        pairs = series * origins.size
        if not pairs:
            return Cells(*(np.zeros(0, np.int64) for _ in range(3)))
        wanted = min(int(1.5 * rows), pairs * min(self.horizon, 4))
        pair = draw.integers(0, pairs, wanted)
        row, known = pair % series, origins[pair // series]
        target = known + draw.integers(0, self.horizon, wanted)
        usable = (target < self.end) & (self.features.start[row] < known)
        cells = Cells(row, known, target)[usable]
        told = self.judged[cells.row, cells.target] & ~np.isnan(self.values[cells.row, cells.target])
        return cells[np.flatnonzero(told)[:rows]]


def learn(lesson: Lesson) -> Correction | None:
    """What the trees say the base has to be multiplied by; None where there is too little to learn from."""
    if lesson.end < _FEWEST_BUCKETS:
        return None
    cells = lesson.cells()
    base = lesson.features.base(cells, lesson.factors)
    alive = base > _FLOOR
    cells, base = cells[alive], base[alive]
    if len(cells) < _FEWEST:
        return None
    actual = lesson.values[cells.row, cells.target]
    if lesson.features.memory is not None:
        part = slice(max(len(cells) // _THINNED, _ENOUGH))
        return _robust(lesson, lesson.features.memory, cells[part], actual[part])
    table = lesson.features.rows(cells, lesson.factors)
    return _correction(lesson.features, _trees(lesson, table, actual, {}, np.log(base)))


def _robust(lesson: Lesson, memory: Memory, cells: Cells, actual: Matrix) -> Correction:
    """Trees of the least absolute error of the logarithm, so that a few huge weeks of promotions do not decide alone,
    scaled from medians to means by the ratio of sums. They start from the usual logarithm and the season.

    Source: Duan, Smearing estimate (1983).
    """
    table = lesson.features.rows(cells, lesson.factors)
    start = _usual(memory, cells, lesson.factors)
    trees = _trees(lesson, table, np.log(np.maximum(actual / start, _LEAST)), _ABSOLUTE, None)
    said = start * np.exp(trees.predict(table, num_threads=1))
    scale = float(actual.sum(dtype=np.float64) / said.sum())
    return _correction(lesson.features, trees, lambda part, factors: scale * _usual(memory, part, factors))


def _usual(memory: Memory, cells: Cells, factors: Factors) -> Floats:
    """What a series usually sells, by its logarithm, times the season."""
    usual = np.exp(memory.usual[cells.row, cells.known - 1].astype(np.float64))
    return np.asarray(usual * factors.bare().at(cells.row, cells.target), dtype=np.float64)


def _trees(lesson: Lesson, table: Matrix, wanted: Any, other: dict[str, Any], start: Floats | None) -> Any:
    """Trained trees; `other` settings than the usual, raw scores that they start from."""
    lightgbm = _library()
    smallest = int(np.clip(len(table) // 1000, 20, 200))
    settings = _SETTINGS | other | {"seed": lesson.seed, "min_data_in_leaf": smallest}
    names = lesson.features.names
    codes = [names.index(name) for name in lesson.features.codes]
    told = lightgbm.Dataset(table, wanted, init_score=start, params=settings, categorical_feature=codes)
    return lightgbm.train(settings, told, TREES)


def _library() -> Any:
    """LightGBM, imported when it is needed. Raises PlannerError where a system library keeps it from loading."""
    try:
        import lightgbm
    except OSError as error:
        hint = "install libgomp (Debian: libgomp1), or forecast without: --methods smoothing; see planner doctor"
        raise PlannerError(f"LightGBM does not load on this machine: {error}", hint) from None
    return lightgbm


def _correction(features: Features, trees: Any, usual: Start | None = None) -> Correction:
    """`usual`: what the trees multiply, where that is not the base."""

    def factor(cells: Cells, factors: Factors, quiet: Driver | None) -> Floats:
        said = np.ones(len(cells))
        alive = np.flatnonzero(features.base(cells, factors) > _FLOOR)
        for start in range(0, alive.size, _BLOCK):
            part = alive[start : start + _BLOCK]
            table = features.rows(cells[part], factors, quiet)
            said[part] = np.exp(trees.predict(table, raw_score=True, num_threads=1))
            if usual is not None:
                said[part] *= usual(cells[part], factors) / features.base(cells[part], factors)
        return said

    return factor


def predict(correction: Correction | None, lesson: Lesson) -> Floats:
    """The corrected base of the buckets after the end: [series, horizon]; NaN where nothing was learnt."""
    shape = (len(lesson.values), lesson.horizon)
    if correction is None or lesson.end < _FEWEST_BUCKETS:
        return np.full(shape, np.nan)
    cells = _ahead(lesson)
    alive = lesson.features.level[cells.row, lesson.end - 1] > SMALLEST
    said = np.full(len(cells), np.nan)
    base = lesson.features.base(cells[alive], lesson.factors)
    said[alive] = base * correction(cells[alive], lesson.factors, None)
    return said.reshape(shape)


def contributions(correction: Correction | None, lesson: Lesson, said: Floats) -> dict[str, Floats]:
    """What each driver adds to `said` [series, horizon]: less what would be said if nothing were going on with it."""
    if correction is None:
        return {}
    cells, found = _ahead(lesson), {}
    here = {driver.name: driver for driver in lesson.features.drivers}
    for name in dict.fromkeys([*here, *lesson.factors.drivers]):
        quiet, driver = lesson.factors.quiet(name, lesson.end), here.get(name)
        speaks = quiet.at(cells.row, cells.target) != lesson.factors.at(cells.row, cells.target)
        if driver is not None:
            speaks |= driver.speaks(cells.row, cells.known, cells.target)
        speaks &= ~np.isnan(said.ravel())
        part, added = cells[speaks], np.zeros(len(cells))
        base = lesson.features.base(part, quiet)
        added[speaks] = said.ravel()[speaks] - base * correction(part, quiet, driver)
        found[name] = added.reshape(said.shape)
    return found


def _ahead(lesson: Lesson) -> Cells:
    series, count = len(lesson.values), lesson.horizon
    row = np.repeat(np.arange(series, dtype=np.int64), count)
    return Cells(row, np.full(row.size, lesson.end), lesson.end + np.tile(np.arange(count), series))
