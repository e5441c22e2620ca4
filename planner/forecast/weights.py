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
from planner.panel import Matrix

Floats = npt.NDArray[np.float64]

BASE = "base"
_CELLS = 300.0
_OFFSET = 0.1


def fit_weights(actual: Matrix, base: Floats, methods: Sequence[Floats], label: Labels) -> Floats:
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
