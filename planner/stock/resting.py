"""What happens if nothing is ordered or moved any more: the use of space that no plan can avoid."""

from __future__ import annotations

import numpy as np

from planner.stock.case import Case, Curves, Floats, Ints


def resting_stock(case: Case, chosen: Ints) -> Floats:
    """[N, T] stock available (never below 0) if nothing were ordered or moved any more; other nodes stay 0."""
    nodes = case.nodes
    rest = np.zeros((len(nodes), case.horizon))
    left = nodes.opening[chosen] - nodes.backlog[chosen]
    for t in range(case.horizon):
        there = left + nodes.pipeline[chosen, t]
        rest[chosen, t] = np.maximum(there, 0.0)
        short = _curve_at(case, chosen, t, there)
        left = np.where(
            nodes.lost[chosen] | ~nodes.sells[chosen],
            there - nodes.demand[chosen, t] + short,
            there - nodes.demand[chosen, t],
        )
        left = np.where(nodes.sells[chosen], left, there)
    return rest


def _curve_at(case: Case, chosen: Ints, t: int, there: Floats) -> Floats:
    """Expected shortage at this stock available, for nodes that sell."""
    return np.where(case.nodes.sells[chosen], read_curves(case.own, chosen, t, there), 0.0)


def read_curves(curves: Curves, chosen: Ints, t: int, at: Floats) -> Floats:
    """Expected shortage of each chosen node at its stock available: linear between the points, slope 1 before them."""
    points, values = curves.available[chosen, t], curves.shortage[chosen, t]
    last = points.shape[1] - 1
    upper = np.clip((points < at[:, None]).sum(axis=1), 1, last)
    rows = np.arange(len(chosen))
    left, right = points[rows, upper - 1], points[rows, upper]
    share = np.clip((at - left) / np.maximum(right - left, 1e-12), 0.0, 1.0)
    inside = values[rows, upper - 1] + (values[rows, upper] - values[rows, upper - 1]) * share
    return np.asarray(np.where(at < points[:, 0], values[:, 0] + points[:, 0] - at, inside), dtype=float)
