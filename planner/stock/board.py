"""A plan in the making: the compiled loops applied to one node after the other, those that are fed first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.stock.case import Case, Flags, Floats, Ints, Solution
from planner.stock.field import POINTS, make_field, upstream_first
from planner.stock.kernel import Field, plan_nodes, send, settle

Table = npt.NDArray[np.float32]
SETTLE_ROUNDS = 4


class Board:
    """The state of the search: quantities [L, T] of every link, and what follows for every node [N, T].

    `field.cap` says what an order may be at most, `field.unit`, `field.fixed` and the prices what it is charged beside
    its own cost. `cost` [N] is what each node's path costs with all that.
    """

    def __init__(self, case: Case, points: int = POINTS, tables: bool = True) -> None:
        self.case, shape, orders = case, (len(case.nodes), case.horizon), case.links.due.shape
        self.field: Field = make_field(case, points)
        self.table: Table = np.empty(int((self.field.size * case.horizon).sum()) if tables else 0, np.float32)
        self.caps, self.ceiling = self.field.cap.copy(), self.field.ceiling.copy()
        self.quantity, self.tier = np.zeros(orders), np.zeros(orders, np.int64)
        self.available, self.stock, self.short = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.cost = np.zeros(len(case.nodes))
        self.levels, self.back = upstream_first(case)
        inner = np.flatnonzero(case.links.origin >= 0)
        by_origin = inner[np.argsort(case.links.origin[inner], kind="stable")]
        self.out_link = by_origin.astype(np.int64)
        self.out_first = np.searchsorted(case.links.origin[by_origin], np.arange(len(case.nodes) + 1)).astype(np.int64)
        self.node = case.links.node.astype(np.int64)
        self.in_link = np.argsort(self.node, kind="stable")
        self.in_first = np.searchsorted(self.node[self.in_link], np.arange(len(case.nodes) + 1))

    def path(self, chosen: Ints, again: bool = True, since: int = 0) -> None:
        """Cheapest paths of these nodes, each by itself."""
        plan_nodes(
            self.field, chosen.astype(np.int64), self.table, again, since, self.quantity, self.tier, self.available,
            self.stock, self.short, self.cost,
        )  # fmt: skip

    def links_into(self, n: int) -> Ints:
        return self.in_link[self.in_first[n] : self.in_first[n + 1]]

    def replan(self) -> None:
        """The whole plan again from the caps of `keep_caps`, for other prices."""
        self.field.cap[:] = self.caps
        self.plan()

    def keep_caps(self) -> None:
        """What orders may be at most now holds for every plan from here on."""
        self.caps, self.ceiling = self.field.cap.copy(), self.field.ceiling.copy()

    def plan(self, inside: Flags | None = None) -> None:
        """Paths of all nodes (or those `inside`): who is fed first, then who feeds, then who can send what it has."""
        chosen = np.ones(len(self.case.nodes), bool) if inside is None else inside
        for level in reversed(self.levels):
            nodes = level[chosen[level]]
            for n in nodes[self.case.nodes.feeds[nodes]].tolist():
                self.before(n)
            self.path(nodes)
        self.settle(chosen)

    def settle(self, chosen: Flags) -> None:
        """Nobody sends what is not there; from the top down, until no order has to be cut."""
        feeding = [level[chosen[level] & self.case.nodes.feeds[level]] for level in self.levels]
        for round_ in range(SETTLE_ROUNDS):
            cuts = 0
            for depth, level in enumerate(feeding):
                for n in level.tolist():
                    self.before(n)
                    cuts += settle(
                        self.field, n, self.table, depth > 0 or round_ > 0, self.out_first, self.out_link, self.node,
                        self.quantity, self.tier, self.available, self.stock, self.short, self.cost,
                    )  # fmt: skip
            if not cuts:
                return

    def before(self, n: int) -> None:
        """What a feeding node has to know of those it feeds: what they draw, and what they hold of its echelon."""
        send(self.field, n, self.out_first, self.out_link, self.quantity)
        below = self.case.nodes.members[n]
        if self.field.echelon_cost[n] <= 0:
            return
        others = below[below != n]
        inside = np.zeros(len(self.case.nodes), bool)
        inside[below] = inside[n] = True
        beside = (self.stock + self.field.demand - self.short)[others].sum(axis=0)
        beside += self.case.nodes.moving[others].sum(axis=0) + self._under_way(inside)
        self.field.echelon_beside[n] = beside
        self.field.echelon_short[n] = self.short[others].sum(axis=0)

    def _under_way(self, inside: Flags) -> Floats:
        """[T] units sent from a place inside and not yet arrived at the end of the week."""
        result = np.zeros(self.case.horizon)
        for n in np.flatnonzero(inside).tolist():
            for link in self.out_link[self.out_first[n] : self.out_first[n + 1]].tolist():
                for week in np.flatnonzero(self.quantity[link] > 0).tolist():
                    result[week : int(self.case.links.due[link, week])] += self.quantity[link, week]
        return result

    def solution(self) -> Solution:
        """The plan as it stands, with what the echelons lack beyond their members."""
        links = self.case.links
        packs = np.round(self.quantity / links.pack[:, None]) if len(links) else self.quantity
        extra = np.zeros_like(self.stock)
        for n in np.flatnonzero(self.field.echelon_cost > 0).tolist():
            self.before(n)
            extra[n] = self._extra(n)
        return Solution(packs, self.tier.copy(), np.maximum(self.stock, 0.0), self.short.copy(), extra)

    def _extra(self, n: int) -> Floats:
        """[T] expected shortage of an echelon beyond that of its members."""
        total = self.available[n] - self.field.ship[n] + self.field.echelon_beside[n]
        points, values = self.field.echelon_points[n], self.field.echelon_values[n]
        level = np.array([
            values[t, 0] + points[t, 0] - total[t] if total[t] < points[t, 0] else np.interp(total[t], points[t], values[t])
            for t in range(len(total))
        ])  # fmt: skip
        own = self.short[n] if self.field.sells[n] else 0.0
        return np.asarray(np.maximum(level - self.field.echelon_short[n] - own, 0.0), dtype=float)
