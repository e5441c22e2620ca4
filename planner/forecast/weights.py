"""How much each learning method counts: fitted on past origins by demand class, never per series.

With b the base, m(k) what method k says and y what came, the blend b + sum of w(k) (m(k) - b) has the weights that make

    sum of (y - blend)^2 / (b + 1/10) + prior

smallest, w(k) >= 0 and their sum at most 1. The prior is worth 300 cells of the class: it draws a class to all classes,
and all classes to equal shares. Sums of squares are divided by the base, because variance grows with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls

from planner.forecast.dispersion import CLASSES, Labels

Floats = npt.NDArray[np.float64]

BASE = "base"
_CELLS = 300.0
_OFFSET = 0.1
_PROOF = 3


def fit_weights(actual: Floats, base: Floats, methods: Sequence[Floats], label: Labels) -> Floats:
    """Weights [classes, methods]; all arrays are [series, origins, buckets ahead], NaN in `actual` is not judged."""
    prior = np.full(len(methods), 1 / (len(methods) + 1))
    told = ~np.isnan(actual) & (base > 0)
    row, origin, _ = np.nonzero(told)
    said = base[told].astype(np.float64)
    scale = 1 / np.sqrt(said + _OFFSET)
    error = (actual[told] - said) * scale
    moves = np.column_stack([(method[told] - said) * scale for method in methods])
    pooled = _solve(moves, error, prior)
    of_cell = label[row, origin]
    return np.array(
        [_solve(moves[of_cell == number], error[of_cell == number], pooled) for number in range(len(CLASSES))]
    )


def fit_total(actual: Floats, base: Floats, blend: Floats, group: npt.NDArray[np.int64]) -> float:
    """Weight of the blend in the totals of groups over all buckets ahead; the base has the rest. Arrays as above.

    Trees are good at single series and less so at totals, where all their small errors of one kind meet; the base, a
    level of its own for each series, is the other way round. Errors of totals hang together within an origin, so the
    prior, one half, weighs as much as one origin, and less than three prove nothing: then totals are the base's.
    """
    if actual.shape[1] < _PROOF:
        return 0.0
    told = ~np.isnan(actual)
    came, low, high = (_totals(np.where(told, part, 0).sum(axis=2), group) for part in (actual, base, blend))
    scale = 1 / np.maximum(low, _OFFSET)
    square = float(((high - low) ** 2 * scale).sum())
    cross = float(((high - low) * (came - low) * scale).sum())
    prior = square / actual.shape[1]
    return float(np.clip((cross + prior / 2) / max(square + prior, 1e-12), 0.0, 1.0))


def settled(base: Floats, blend: Floats, group: npt.NDArray[np.int64], weight: float) -> Floats:
    """`blend` [series, buckets], scaled so that totals of groups are the weighted mean of its own and the base's.

    The buckets of a group keep their shape: what a driver does in one of them stays.
    """
    low, high = (_totals(part.sum(axis=1, keepdims=True), group) for part in (base, blend))
    wanted = low + weight * (high - low)
    factor = np.divide(wanted, high, out=np.ones_like(high), where=high > 0)
    return np.asarray(blend * factor[group], dtype=np.float64)


def _totals(values: npt.NDArray[np.floating], group: npt.NDArray[np.int64]) -> Floats:
    sums = np.zeros((int(group.max(initial=-1)) + 1, *values.shape[1:]))
    np.add.at(sums, group, values)
    return sums


def table(weights: Floats, names: Sequence[str]) -> pd.DataFrame:
    """demand_class, method, weight: what is left after the methods is the base's."""
    rows = [
        (CLASSES[number], name, weight)
        for number, own in enumerate(weights)
        for name, weight in zip((BASE, *names), (1 - own.sum(), *own), strict=True)
    ]
    return pd.DataFrame(rows, columns=["demand_class", "method", "weight"]).astype({"weight": float})


def _solve(moves: Floats, error: Floats, prior: Floats) -> Floats:
    if not len(error):
        return prior
    square = moves.T @ moves
    pull = np.maximum(np.diag(square), 1e-12) * _CELLS / len(error)
    root = np.linalg.cholesky(square + np.diag(pull))
    found, _ = nnls(root.T, np.linalg.solve(root, moves.T @ error + pull * prior))
    return np.asarray(found / max(float(found.sum()), 1.0), dtype=np.float64)
