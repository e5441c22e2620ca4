"""What happens if nothing is ordered or moved any more: the use of space that no plan can avoid."""

from __future__ import annotations

import numpy as np

from planner.stock.case import Case, Floats, Ints


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
    result = np.zeros(len(chosen))
    for i, n in enumerate(chosen.tolist()):
        if case.nodes.sells[n]:
            points, values, _ = case.own.at(n, t)
            result[i] = (
                values[0] + points[0] - there[i] if there[i] < points[0] else np.interp(there[i], points, values)
            )
    return result
