"""What drivers do to the level of a series: part of the base, beside the season.

Demand of a bucket is the local level of the series times exp of the sum of slope x driver, the level being a centred
moving average of demand without what the drivers did, so level and slopes are found in turn. Slopes of a SKU are drawn
to those of all SKUs by a ridge. Errors weigh like those of a negative binomial, 1 / (mean + spread x mean^2): a cell
that sells much teaches the factor, not the units, and one huge week does not decide alone. A price also stands for what
it takes from the rest of its category: the mean price of the others there is a driver of its own.

They join the base where they lower its error at the past origins; else drivers are left to what is learnt on top.

Source: Wittink, Addona, Hawkes and Porter, SCAN*PRO (1988); Cameron and Trivedi (2013), 3.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.censored import local_level
from planner.forecast.drivers import PRICES, Driver, make
from planner.forecast.methods import buckets_of, moving_average
from planner.forecast.scene import Scene
from planner.forecast.seasonality import Factors
from planner.forecast.surroundings import of_others
from planner.panel import Matrix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ROUNDS, _STEPS = 6, 3
_RIDGE, _FARTHEST = 20.0, 3.0
_CELLS, _FEWEST = 600_000, 300
_HALF_WEEKS, _LEVEL_WEEKS = 13, 13
_USUAL_WEEKS, _SEEN, _MUCH, _WITHIN = 26, 4, 0.2, 2.0
_GAIN, _OFFSET, _SMALLEST = 0.01, 0.1, 1e-6


@dataclass(frozen=True)
class Effects:
    """`slopes` [SKUs, drivers] of log demand, and the SKU of each series."""

    drivers: tuple[Driver, ...]
    slopes: Floats
    sku: Ints

    def lines(self) -> Matrix:
        """The factor on demand [series, buckets]."""
        total = np.zeros((len(self.sku), self.drivers[0].values.shape[1]), np.float32)
        for number, driver in enumerate(self.drivers):
            total += self.slopes[self.sku, number, None].astype(np.float32) * driver.values[driver.row]
        np.clip(total, -_FARTHEST, _FARTHEST, out=total)
        return np.exp(total, out=total)

    def since(self, cut: int) -> Effects:
        """Without the first columns."""
        return replace(self, drivers=tuple(driver.since(cut) for driver in self.drivers))

    def quiet(self, name: str, known: int) -> Effects:
        """As if nothing were going on with that driver: no promotion, prices as in the last weeks before an origin."""
        return replace(self, drivers=tuple(_still(d, known) if d.name == name else d for d in self.drivers))


@dataclass(frozen=True)
class Driven(Factors):
    """A season and what drivers do, multiplied."""

    season: Factors
    effects: Effects
    window: int

    @classmethod
    def of(cls, season: Factors, effects: Effects, window: int, lines: Matrix | None = None) -> Driven:
        """`window` buckets are half a year; `lines` spares the effects' own, where they are known already."""
        lines = effects.lines() if lines is None else lines
        every = np.arange(len(lines), dtype=np.int64)
        return cls(lines * season.lines[season.group], every, season, effects, window)

    @property
    def drivers(self) -> tuple[str, ...]:
        return tuple(driver.name for driver in self.effects.drivers)

    def since(self, cut: int) -> Driven:
        return Driven(self.lines[:, cut:], self.group, self.season.since(cut), self.effects.since(cut), self.window)

    def quiet(self, name: str, known: int) -> Factors:
        if name not in self.drivers:
            return self
        return Driven.of(self.season, self.effects.quiet(name, known), self.window)

    def bare(self) -> Factors:
        return self.season

    def slopes(self) -> dict[str, Floats]:
        return dict(zip(self.drivers, self.effects.slopes[self.effects.sku].T, strict=True))

    def plain(self, values: Matrix) -> Matrix:
        """Also without what drivers did. Buckets in which they did much tell of them rather than of the level: there it
        is kept within half and twice the mean of the half year before."""
        count = values.shape[1]
        plain = super().plain(values)
        driven = self.lines[:, :count] / self.season.between(0, count)
        known = ~np.isnan(plain)
        total, seen = (_before(part, self.window) for part in (np.nan_to_num(plain), known))
        usual = total / np.maximum(seen, 1)
        unsure = (np.abs(np.log(driven)) > _MUCH) & (seen >= _SEEN) & known
        return np.where(unsure, np.clip(plain, usual / _WITHIN, usual * _WITHIN), plain).astype(values.dtype)


def slopes(factors: Factors, keys: pd.DataFrame) -> pd.DataFrame:
    """sku, driver, slope (of the log of demand; that of a price is its elasticity); empty without effects."""
    frame = pd.DataFrame({"sku": pd.Series(dtype=object), "driver": pd.Series(dtype=object), "slope": np.zeros(0)})
    if not isinstance(factors, Driven):
        return frame
    effects = factors.effects
    code, first = np.unique(effects.sku, return_index=True)
    names = keys["sku"].to_numpy(dtype=object)[first]
    parts = [
        pd.DataFrame({"sku": names, "driver": driver.name, "slope": effects.slopes[code, number]})
        for number, driver in enumerate(effects.drivers)
    ]
    return pd.concat(parts, ignore_index=True).sort_values(["sku", "driver"], kind="stable", ignore_index=True)


def _before(values: npt.NDArray[np.generic], window: int) -> Floats:
    """Sums of the buckets before each, at most so many."""
    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    column = np.arange(values.shape[1])
    return np.asarray(sums[:, column] - sums[:, np.maximum(column - window, 0)])


def _still(driver: Driver, known: int) -> Driver:
    """In all buckets as if nothing were going on with it after an origin."""
    rows = np.zeros(len(driver.values), np.int64)
    rows[driver.row] = np.arange(len(driver.row))
    every = np.full(len(rows), known)
    usual = np.zeros(len(rows)) if driver.flag else driver.usual(rows, every)
    values = np.broadcast_to(usual.astype(np.float32)[:, None], driver.values.shape)
    return make(driver.name, values, driver.row, driver.flag, driver.window)


def with_effects(scene: Scene, factors: Sequence[Factors], drivers: Sequence[Driver]) -> list[Factors]:
    """The factors after each end with what drivers do, where that helps.

    Past origins share what was known at the oldest of them. Days keep theirs: the regression of their calendar explains
    weekdays on which promotions run, and what is learnt on top does the rest as well.
    """
    if scene.bucket == "day" or not drivers or not scene.origins:
        return list(factors)
    prices = [driver for driver in drivers if driver.name in PRICES]
    usable = tuple(_centred(driver) for driver in (*drivers, *of_others(scene, prices)))
    then = _fit(scene, factors[-1], usable, scene.ends[-1])
    if then is None:
        return list(factors)
    lines = then.lines()
    if not _helps(scene, factors[-1], lines):
        return list(factors)
    now = _fit(scene, factors[0], usable, scene.length) or then
    window = buckets_of(_USUAL_WEEKS, scene.bucket)
    return [Driven.of(factors[0], now, window), *(Driven.of(past, then, window, lines) for past in factors[1:])]


def _centred(driver: Driver) -> Driver:
    """Around the mean of each row, where it is never at rest and no price, which is around its median already."""
    if driver.flag or driver.name in PRICES:
        return driver
    values = driver.values - driver.values.mean(axis=1, keepdims=True)
    return make(driver.name, values, driver.row, driver.flag, driver.window)


def _fit(scene: Scene, factors: Factors, drivers: tuple[Driver, ...], end: int) -> Effects | None:
    """Slopes as known before an end; None where too few cells tell of them."""
    sku = np.unique(scene.keys["sku"].astype(str).to_numpy(), return_inverse=True)[1].astype(np.int64)
    plain = scene.values[:, :end].astype(np.float64) / factors.between(0, end)
    told = scene.judged[:, :end] & ~np.isnan(plain)
    if told.sum() < _FEWEST:
        return None
    row, column = _sampled(told, scene.seed)
    table = np.column_stack([driver.values[driver.row[row], column] for driver in drivers]).astype(np.float64)
    scale = table.std(axis=0)
    moving = scale > _SMALLEST
    table[:, moving] /= scale[moving]
    lesson = _Lesson(table[:, moving], plain[row, column], sku[row], int(sku.max()) + 1)
    effects = Effects(drivers, np.zeros((lesson.groups, len(drivers))), sku)
    half, exposure = buckets_of(_HALF_WEEKS, scene.bucket), told.astype(np.float64)
    demand = np.where(told, plain, 0.0)
    found = lesson.start()
    for _ in range(_ROUNDS):
        level = local_level(demand / effects.lines()[:, :end], exposure, half)[row, column]
        found = lesson.improved(found, np.maximum(level, _SMALLEST))
        wide = np.zeros_like(effects.slopes)
        wide[:, moving] = found[1:] / scale[moving]
        effects = replace(effects, slopes=wide)
    return effects


def _sampled(told: npt.NDArray[np.bool_], seed: int) -> tuple[Ints, Ints]:
    """Row and column of the cells to learn from, at most so many, in order."""
    cells = np.flatnonzero(told)
    if cells.size > _CELLS:
        cells = np.sort(np.random.default_rng(seed).choice(cells, _CELLS, replace=False))
    row, column = np.divmod(cells, told.shape[1])
    return row.astype(np.int64), column.astype(np.int64)


@dataclass(frozen=True)
class _Lesson:
    """Cells: drivers [cells, columns] in units of their spread, demand without season, and the SKU of each."""

    table: Floats
    actual: Floats
    group: Ints
    groups: int

    def start(self) -> Floats:
        """No slopes: [1 + groups, columns], those of all in the first row."""
        return np.zeros((self.groups + 1, self.table.shape[1]))

    def improved(self, slopes: Floats, level: Floats) -> Floats:
        """Some steps of Newton's method at these levels: first for all SKUs, then for each, drawn to all."""
        own = slopes[1:][self.group]
        spread = self._spread(level * _exp((self.table * own).sum(axis=1)))
        one = np.zeros_like(self.group)
        every = self._newton(slopes[:1], np.zeros_like(slopes[:1]), one, level, spread)
        each = self._newton(slopes[1:], every, self.group, level, spread)
        return np.concatenate([every, each])

    def _spread(self, mean: Floats) -> float:
        excess = float(((self.actual - mean) ** 2 - mean).sum())
        return max(excess / max(float((mean**2).sum()), _SMALLEST), 1e-3)

    def _newton(self, slopes: Floats, prior: Floats, group: Ints, level: Floats, spread: float) -> Floats:
        count, columns = len(slopes), self.table.shape[1]
        for _ in range(_STEPS):
            mean = level * _exp((self.table * slopes[group]).sum(axis=1))
            weight = 1 / (1 + spread * mean)
            push, bend = (self.actual - mean) * weight, mean * weight
            slope = np.empty((count, columns))
            curve = np.empty((count, columns, columns))
            for j in range(columns):
                slope[:, j] = np.bincount(group, self.table[:, j] * push, count)
                for k in range(j + 1):
                    curve[:, j, k] = np.bincount(group, self.table[:, j] * self.table[:, k] * bend, count)
                    curve[:, k, j] = curve[:, j, k]
            slope -= _RIDGE * (slopes - prior)
            step = np.linalg.solve(curve + _RIDGE * np.eye(columns), slope[:, :, None])[:, :, 0]
            slopes = slopes + np.clip(step, -1.0, 1.0)
        return slopes


def _exp(line: Floats) -> Floats:
    return np.asarray(np.exp(np.clip(line, -_FARTHEST, _FARTHEST)))


def _helps(scene: Scene, factors: Factors, lines: Matrix) -> bool:
    """Whether levels and season with these lines are closer to what came after most past origins, and to all of it."""
    errors = np.zeros((2, len(scene.origins)))
    season = factors.lines[factors.group]
    count = buckets_of(_LEVEL_WEEKS, scene.bucket)
    for number, origin in enumerate(scene.origins):
        ahead, before = slice(origin, origin + scene.span), slice(max(origin - count, 0), origin)
        judged = scene.judged[:, ahead] & ~np.isnan(scene.values[:, ahead])
        came = np.nan_to_num(scene.values[:, ahead])
        said = []
        for factor in (season, season * lines):
            plain = scene.values[:, before] / factor[:, before]
            said.append(moving_average(plain.astype(np.float32), count)[:, None] * factor[:, ahead])
        scale = judged / (said[0].mean(axis=1, keepdims=True) + _OFFSET)
        for which, mean in enumerate(said):
            errors[which, number] = float((np.abs(mean - came) * scale).sum())
    better = int((errors[1] < errors[0]).sum())
    return bool(2 * better > len(scene.origins) and errors[1].sum() < (1 - _GAIN) * errors[0].sum())
