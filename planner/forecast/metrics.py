"""How good a forecast was: every measure in one form, over all judged cells or by group.

A measure takes what was scored and the group of each cell, and returns one value a group. Backtest, accuracy and the
benchmarks share them, so a figure means the same wherever it is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.tables import QUANTILES

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scored:
    """Judged cells: what came, what was said, and the size of a naive step that errors are scaled by.

    `actual`, `mean` [cells]; `quantiles` [cells, levels], or [cells, 0] where only means are judged; `window` [cells]
    names the series-origin that a cell belongs to; `step` and `square` [windows] are the mean absolute and mean squared
    naive error before that origin, NaN where there is none to scale by.
    """

    actual: Floats
    mean: Floats
    quantiles: Floats
    window: Ints
    step: Floats
    square: Floats
    levels: tuple[float, ...] = QUANTILES

    @classmethod
    def of(
        cls,
        actual: npt.ArrayLike,
        mean: npt.ArrayLike,
        quantiles: npt.ArrayLike | None,
        judged: npt.ArrayLike,
        history: npt.ArrayLike,
        lag: int = 1,
        levels: tuple[float, ...] = QUANTILES,
    ) -> Scored:
        """From one origin: `actual`, `mean` and `judged` [series, ahead], `quantiles` [series, ahead, levels], and
        `history` [series, buckets] before the origin. Cells without an actual are not judged."""
        came = np.asarray(actual, dtype=np.float64)
        row, column = np.nonzero(np.asarray(judged, dtype=bool) & ~np.isnan(came))
        said = np.zeros((*came.shape, 0)) if quantiles is None else np.asarray(quantiles, dtype=np.float64)
        step, square = naive_scale(history, lag)
        means = np.asarray(mean, dtype=np.float64)[row, column]
        return cls(came[row, column], means, said[row, column], row.astype(np.int64), step, square, levels)

    @classmethod
    def joined(cls, parts: Sequence[Scored]) -> Scored:
        """Several origins, or several sets of series, as one. Raises ValueError without any part."""
        if not parts:
            raise ValueError("there is nothing to join")
        first = np.cumsum([0, *(len(part.step) for part in parts)])
        return cls(
            np.concatenate([part.actual for part in parts]),
            np.concatenate([part.mean for part in parts]),
            np.concatenate([part.quantiles for part in parts]),
            np.concatenate([part.window + start for part, start in zip(parts, first, strict=False)]),
            np.concatenate([part.step for part in parts]),
            np.concatenate([part.square for part in parts]),
            parts[0].levels,
        )

    def having(self, cells: Flags) -> Scored:
        """Only these cells; windows keep their numbers."""
        kept = (self.actual[cells], self.mean[cells], self.quantiles[cells], self.window[cells])
        return Scored(*kept, self.step, self.square, self.levels)


Measure = Callable[[Scored, "Ints | None"], Floats]


def wape(scored: Scored, group: Ints | None = None) -> Floats:
    """Weighted absolute percentage error: sum |mean - actual| / sum |actual|.

    [groups]; 0 is perfect, NaN where nothing came. Lower is better. Kolassa and Schütz (2007).
    """
    return _ratio(np.abs(scored.mean - scored.actual), np.abs(scored.actual), group)


def bias(scored: Scored, group: Ints | None = None) -> Floats:
    """Sum (mean - actual) / sum |actual|: what was said too much, as a share of what came.

    [groups]; 0 is perfect, above 0 the forecast is too high, NaN where nothing came.
    """
    return _ratio(scored.mean - scored.actual, np.abs(scored.actual), group)


def rmsse(scored: Scored, group: Ints | None = None) -> Floats:
    """Root mean squared scaled error: sqrt(mean of squared errors / mean squared naive step), meaned over windows.

    [groups]; 1 is as good as the naive step was before the origin. Lower is better. Windows that nothing can be scaled
    by are left out; NaN where none is left. M5 competition, Makridakis et al. (2022).
    """
    return _scaled((scored.mean - scored.actual) ** 2, scored, scored.square, group, np.sqrt)


def mase(scored: Scored, group: Ints | None = None) -> Floats:
    """Mean absolute scaled error: mean of absolute errors / mean absolute naive step, meaned over windows.

    [groups]; 1 is as good as the naive step was before the origin. Lower is better. Windows that nothing can be scaled
    by are left out; NaN where none is left. Hyndman and Koehler (2006).
    """
    return _scaled(np.abs(scored.mean - scored.actual), scored, scored.step, group)


def quantile_loss(scored: Scored, group: Ints | None = None) -> Floats:
    """Weighted quantile loss: 2 x sum of pinball losses / sum |actual|, meaned over the levels.

    [groups]; at the level 0.5 alone it is the WAPE of the median. Lower is better; NaN where nothing came or no
    quantile was said.
    """
    if not scored.quantiles.shape[1]:
        return np.full(_groups(group), np.nan)
    return _ratio(2 * pinball(scored).mean(axis=1), np.abs(scored.actual), group)


def scaled_quantile_loss(scored: Scored, group: Ints | None = None) -> Floats:
    """Mean pinball loss / mean absolute naive step, meaned over the levels and over windows.

    [groups]; lower is better. Windows that nothing can be scaled by are left out; NaN where none is left or no quantile
    was said. M5 uncertainty competition, Makridakis et al. (2022).
    """
    if not scored.quantiles.shape[1]:
        return np.full(_groups(group), np.nan)
    return _scaled(pinball(scored).mean(axis=1), scored, scored.step, group)


def coverage(scored: Scored, group: Ints | None = None) -> Floats:
    """Share of cells in which what came is at or below each quantile.

    [groups, levels]; a calibrated quantile of a continuous demand covers its level. Whole units overshoot by the share
    of cells that meet the quantile exactly: see `uncovered`. NaN for a group without cells.
    """
    return _shares(scored.actual[:, None] <= scored.quantiles, group)


def uncovered(scored: Scored, group: Ints | None = None) -> Floats:
    """How far the level lies outside of [share of cells below, share at or below] its quantile.

    [groups, levels]; 0 is calibrated, also for whole units, above 0 the quantile is too high, below 0 too low.
    """
    below, upto = _shares(scored.actual[:, None] < scored.quantiles, group), coverage(scored, group)
    level = np.array(scored.levels)[: scored.quantiles.shape[1]]
    outside: Floats = np.maximum(below - level, 0.0) - np.maximum(level - upto, 0.0)
    return outside


MEASURES: Mapping[str, Measure] = {
    "wape": wape,
    "bias": bias,
    "rmsse": rmsse,
    "mase": mase,
    "scaled_quantile_loss": scaled_quantile_loss,
    "quantile_loss": quantile_loss,
}


def measured(scored: Scored, group: Ints | None = None) -> pd.DataFrame:
    """Every measure of MEASURES as a column, then the coverage of each level (`covers_0.95`); one row a group."""
    columns = {name: measure(scored, group) for name, measure in MEASURES.items()}
    shares = coverage(scored, group)
    covers = {f"covers_{level:.2f}": shares[:, place] for place, level in enumerate(scored.levels[: shares.shape[1]])}
    return pd.DataFrame({**columns, **covers})


def pinball(scored: Scored) -> Floats:
    """Pinball loss [cells, levels]: level x what is short, (1 - level) x what is over."""
    short = scored.actual[:, None] - scored.quantiles
    level = np.array(scored.levels)[: scored.quantiles.shape[1]]
    loss: Floats = np.maximum(level * short, (level - 1) * short)
    return loss


def naive_scale(history: npt.ArrayLike, lag: int = 1) -> tuple[Floats, Floats]:
    """Mean absolute and mean squared difference to `lag` buckets before, from the first demand on; NaN where nought.

    `history` is [series, buckets]; NaN is unknown, and so is a step from or to it.
    """
    values = np.asarray(history, dtype=np.float64)
    begun = np.cumsum(np.nan_to_num(values) > 0, axis=1) > 0
    step = np.where(begun[:, :-lag], values[:, lag:] - values[:, :-lag], np.nan)
    known = ~np.isnan(step)
    number = np.maximum(known.sum(axis=1), 1)
    sums = [np.where(known, size, 0.0).sum(axis=1) / number for size in (np.abs(step), step**2)]
    absolute, squared = (np.where(mean > 0, mean, np.nan) for mean in sums)
    return absolute, squared


def _groups(group: Ints | None) -> int:
    return 1 if group is None else int(group.max(initial=-1)) + 1


def _sums(values: Floats, group: Ints | None) -> Floats:
    if group is None:
        return np.array([values.sum()])
    return np.bincount(group, values, minlength=_groups(group)).astype(np.float64)


def _ratio(over: Floats, under: Floats, group: Ints | None) -> Floats:
    top, bottom = _sums(over, group), _sums(under, group)
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def _scaled(
    loss: Floats, scored: Scored, scale: Floats, group: Ints | None, shape: Callable[[Floats], Floats] | None = None
) -> Floats:
    """Mean loss of each window within its group over the window's scale, then the mean over the group's windows."""
    known = ~np.isnan(scale[scored.window])
    place = np.zeros(len(loss), np.int64) if group is None else group
    pair = place[known] * len(scale) + scored.window[known]
    found, cell = np.unique(pair, return_inverse=True)
    mean = np.bincount(cell, loss[known]) / np.maximum(np.bincount(cell), 1)
    each = mean / scale[found % len(scale)] if len(scale) else mean
    each = shape(each) if shape else each
    owner = found // max(len(scale), 1)
    count = _groups(group)
    number = np.bincount(owner, minlength=count)
    total = np.bincount(owner, each, minlength=count)
    return np.asarray(np.divide(total, number, out=np.full(count, np.nan), where=number > 0), dtype=np.float64)


def _shares(hit: Flags, group: Ints | None) -> Floats:
    """Share of cells that are hit, by group and level."""
    number = _sums(np.ones(len(hit)), group)
    sums = [_sums(hit[:, level].astype(np.float64), group) for level in range(hit.shape[1])]
    shares = [np.divide(total, number, out=np.full_like(total, np.nan), where=number > 0) for total in sums]
    return np.column_stack(shares) if shares else np.empty((len(number), 0))
