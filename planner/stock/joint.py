"""Joint orders: in which weeks to order from a supplier whose minima or order cost hold for all lines together.

A calendar (every so many weeks, from some week on) tells the cost to go of every line when it can order again. The
calendars of a supplier are compared by the whole cost of its lines; then single weeks are opened and closed while
that helps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Case, Flags, Floats, Ints
from planner.stock.kernel.joining import joint_weeks
from planner.stock.late import never
from planner.stock.shared import Shared

PERIODS = (1, 2, 3, 4, 5, 6, 8)
EFFORT = 60_000


@dataclass(frozen=True)
class Supplier:
    """Lines [K] of a supplier, the nodes that they reach, and its terms: minima of value, m3 and kg a joint order."""

    lines: Ints
    nodes: Ints
    order_cost: float
    minima: Floats
    each: Floats

    @property
    def binds(self) -> bool:
        return bool(len(self.lines) and (self.order_cost > 0 or (self.minima > 0).any()))


def suppliers(case: Case) -> list[Supplier]:
    """The suppliers with joint terms, in the order of the case."""
    found = []
    for s, joint in enumerate(case.joints):
        lines = np.flatnonzero(case.links.joint == s).astype(np.int64)
        each = np.nan_to_num(np.column_stack([np.zeros(len(lines)), case.volume[lines], case.weight[lines]]))
        minima = np.nan_to_num(np.array([joint.value, joint.m3, joint.kg], float))
        found.append(
            Supplier(lines, np.unique(case.links.node[lines]).astype(np.int64), float(joint.order_cost), minima, each)
        )
    return [supplier for supplier in found if supplier.binds]


def sweep(board: Board, supplier: Supplier, force: bool = False) -> float:
    """Fill up or put off the supplier's joint orders on the paths as they stand; returns their joint cost."""
    return float(
        joint_weeks(
            board.field, supplier.lines, supplier.order_cost, supplier.minima, supplier.each, board.node, board.table,
            board.quantity, board.tier, board.available, board.stock, board.short, board.cost, force,
        )
    )  # fmt: skip


def choose_weeks(
    board: Board, shared: Shared, progress: Callable[[int, int], None] | None = None, effort: int = EFFORT,
    late: Callable[[], bool] = never,
) -> None:  # fmt: skip
    """Calendars of all suppliers with joint terms, one supplier after the other. `effort` counts paths of nodes.

    Use of a shared limit beyond its room counts at what a unit of it could gain, so that no calendar piles up orders
    which the limit then cuts.
    """
    chosen = suppliers(board.case)
    size = sum(len(supplier.nodes) for supplier in chosen)
    for number, supplier in enumerate(chosen):
        _Calendar(board, supplier, shared, late).search(int(effort * len(supplier.nodes) / max(size, 1)))
        if progress:
            progress(number + 1, len(chosen))


class _Calendar:
    """The search for one supplier. `caps` are those of its lines without any calendar."""

    def __init__(self, board: Board, supplier: Supplier, shared: Shared, late: Callable[[], bool]) -> None:
        self.board, self.supplier, self.shared, self.late = board, supplier, shared, late
        self.others = shared.used(board) - shared.used_by(board, supplier.nodes)
        self.limited = bool(shared.used_by(board, supplier.nodes).any())
        self.caps = board.field.cap[supplier.lines].copy()
        self.possible: Flags = np.asarray((board.case.links.due[supplier.lines] >= 0).any(axis=0), dtype=bool)
        self.tried = 0

    def search(self, effort: int) -> None:
        """The best calendar, then the best of its neighbours, until nothing helps or the effort is spent."""
        weeks = np.arange(len(self.possible))
        masks = [(weeks % period == phase) & self.possible for period in PERIODS for phase in range(period)]
        affordable = max(3, effort // max(1, 2 * len(self.supplier.nodes)))
        if len(masks) > affordable:
            masks = [(weeks % period == 0) & self.possible for period in PERIODS[:affordable]]
        costs: list[float] = []
        while len(costs) < len(masks) and not (costs and self.late()):
            costs.append(self.cost(masks[len(costs)]))
        best = int(np.argmin(costs))
        mask, cost = masks[best], costs[best]
        while self.tried < effort and not self.late():
            better = self._neighbour(mask, cost, effort)
            if better is None:
                break
            mask, cost = better
        self.cost(mask)

    def _neighbour(self, mask: Flags, cost: float, effort: int) -> tuple[Flags, float] | None:
        """One pass over the weeks: open or closed, or swapped with the next one, wherever that costs less."""
        changed = False
        for week in np.flatnonzero(self.possible).tolist():
            for flips in ([week], [week, week + 1]):
                if self.tried >= effort or self.late():
                    return (mask, cost) if changed else None
                if flips[-1] >= len(mask) or (len(flips) == 2 and mask[week] == mask[week + 1]):
                    continue
                other = mask.copy()
                other[flips] = ~other[flips]
                value = self.cost(other & self.possible)
                if value < cost - 1e-6:
                    mask, cost, changed = other & self.possible, value, True
        return (mask, cost) if changed else None

    def cost(self, mask: Flags) -> float:
        """Cost of the supplier's nodes and joint orders if it is ordered from in these weeks only."""
        board, supplier = self.board, self.supplier
        board.field.cap[supplier.lines] = np.where(mask[None, :], self.caps, 0.0)
        board.path(supplier.nodes)
        joint = sweep(board, supplier)
        self.tried += len(supplier.nodes)
        return joint + float(board.cost[supplier.nodes].sum()) + self._beyond()

    def _beyond(self) -> float:
        """Price of what the supplier's nodes use of the limits beyond what others leave."""
        if not self.limited:
            return 0.0
        used = self.others + self.shared.used_by(self.board, self.supplier.nodes)
        over = np.maximum(used - np.maximum(self.shared.room, self.others), 0.0)
        return float((over * np.minimum(self.shared.soft, self.shared.worth[:, None])).sum())
