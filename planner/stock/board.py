"""A plan in the making: the compiled loops applied to one node after the other, those that are fed first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from planner.stock.case import Case, Flags, Floats, Ints, Solution
from planner.stock.field import POINTS, make_field, upstream_first
from planner.stock.kernel.field import Field
from planner.stock.kernel.path import own_costs, plan_nodes
from planner.stock.kernel.sending import look_below, settle
from planner.stock.kernel.threads import in_threads
from planner.stock.resting import read_curves

Table = npt.NDArray[np.float32]
SETTLE_ROUNDS = 4
TABLE_CELLS = 20_000_000


class Board:
    """The state of the search: quantities [L, T] of every link, and what follows for every node [N, T].

    `field.cap` says what an order may be at most, `field.unit`, `field.fixed` and the prices what it is charged beside
    its own cost. `cost` [N] is what each node's path costs with all that, `true_cost` what it costs without.
    `unit` [L, T] is what a unit ordered is charged apart from the prices of limits.
    """

    def __init__(self, case: Case, points: int = POINTS, tables: bool = True) -> None:
        self.case, shape, orders = case, (len(case.nodes), case.horizon), case.links.due.shape
        self.field: Field = make_field(case, points)
        self.table: Table = np.empty(int((self.field.size * case.horizon).sum()) if tables else 0, np.float32)
        self.caps, self.ceiling = self.field.cap.copy(), self.field.ceiling.copy()
        self.own_unit, self.own_hold = 1e-7 * case.links.priority + case.freight, self.field.hold.copy()
        self.own_fixed = case.links.order_cost.astype(float)
        self.unit: Floats = np.repeat(self.own_unit[:, None], case.horizon, axis=1)
        self.true: Floats = np.zeros(len(case.nodes))
        self.quantity, self.tier = np.zeros(orders), np.zeros(orders, np.int64)
        self.available, self.stock, self.short = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.cost = np.zeros(len(case.nodes))
        self.levels = upstream_first(case)
        inner = np.flatnonzero(case.links.origin >= 0)
        by_origin = inner[np.argsort(case.links.origin[inner], kind="stable")]
        self.out_link = by_origin.astype(np.int64)
        self.out_first = np.searchsorted(case.links.origin[by_origin], np.arange(len(case.nodes) + 1)).astype(np.int64)
        self.node = case.links.node.astype(np.int64)
        others = [members[members != n] for n, members in enumerate(case.nodes.members)]
        self.below = np.concatenate([*others, np.zeros(0, np.int64)]).astype(np.int64)
        self.below_first = np.cumsum([0, *(len(members) for members in others)]).astype(np.int64)
        self.whole = np.full(shape[0], case.horizon)
        self.in_link = np.argsort(self.node, kind="stable")
        self.in_first = np.searchsorted(self.node[self.in_link], np.arange(len(case.nodes) + 1))

    def path(self, chosen: Ints, again: bool = True, since: int = 0) -> None:
        """Cheapest paths of these nodes, each by itself."""

        def loop(part: Ints) -> None:
            plan_nodes(
                self.field, part, self.table, again, since, self.quantity, self.tier, self.available, self.stock,
                self.short, self.cost,
            )  # fmt: skip

        in_threads(loop, chosen.astype(np.int64))

    def share(self, holding: Floats, moving: Floats) -> None:
        """Plan from now on as if others bore part of the costs: of a unit left [N, T], of a unit ordered [L, T]."""
        self.field.hold[:] = self.own_hold - holding
        unit = self.own_unit[:, None] - moving
        self.field.unit[:] += unit - self.unit
        self.unit = unit

    def share_like(self, other: Board) -> None:
        """The same parts of the costs borne by others as on another board of the case."""
        self.share(other.own_hold - other.field.hold, other.own_unit[:, None] - other.unit)

    def true_cost(self, chosen: Ints | None = None) -> Floats:
        """[N] what the paths cost without prices and shares; of the nodes not chosen as it was when last asked."""
        nodes = np.arange(len(self.case.nodes)) if chosen is None else chosen.astype(np.int64)
        own_costs(
            self.field, self.own_unit, self.own_fixed, self.own_hold, nodes, self.quantity, self.available,
            self.stock, self.short, self.cost, self.true,
        )  # fmt: skip
        return self.true

    def links_into(self, n: int) -> Ints:
        return self.in_link[self.in_first[n] : self.in_first[n + 1]]

    def take(self, plan: Solution) -> None:
        """The orders of a plan from elsewhere, and what follows from them: customers get what is there."""
        self.quantity[:] = plan.quantity(self.case.links)
        self.stand(again=True)

    def stand(self, again: bool = False) -> None:
        """What follows from the orders as they are, at the prices charged now; tables of cost to go only `again`."""
        self.path(np.arange(len(self.case.nodes)), again, since=self.case.horizon)
        feeding = np.flatnonzero(self.case.nodes.feeds)
        self.before(feeding)
        self.path(feeding, again=False, since=self.case.horizon)

    def replan(self, inside: Flags) -> None:
        """The plan of these nodes, whole networks, again from the caps of `keep_caps`, for other prices."""
        links = inside[self.node]
        self.field.cap[links] = self.caps[links]
        self.plan(inside)

    def keep_caps(self) -> None:
        """What orders may be at most now holds for every plan from here on."""
        self.caps, self.ceiling = self.field.cap.copy(), self.field.ceiling.copy()

    def plan_apart(self, progress: Callable[[int, int], None]) -> None:
        """The whole plan, some networks after the others, so that only their tables have to be kept at once."""
        order = np.argsort(self.case.nodes.network, kind="stable")
        network = self.case.nodes.network[order]
        cells = np.cumsum(self.field.size[order] * self.case.horizon)
        inside, start = np.zeros(len(order), bool), 0
        while start < len(order):
            end = int(np.searchsorted(cells, (cells[start - 1] if start else 0) + TABLE_CELLS)) or 1
            end = int(np.searchsorted(network, network[min(max(end, start + 1), len(order)) - 1], side="right"))
            inside[:] = False
            inside[order[start:end]] = True
            self.make_tables(inside)
            self.plan(inside)
            start = end
            progress(start, len(order))

    def make_tables(self, inside: Flags) -> None:
        """Room for the tables of these nodes alone."""
        chosen = np.flatnonzero(inside)
        sizes = self.field.size[chosen] * self.case.horizon
        self.field.offset[chosen] = np.cumsum(sizes) - sizes
        if self.table.size < sizes.sum():
            self.table = np.empty(int(sizes.sum()), np.float32)

    def plan(self, inside: Flags | None = None) -> None:
        """Paths of all nodes (or those `inside`): who is fed first, then who feeds, then who can send what it has."""
        chosen = np.ones(len(self.case.nodes), bool) if inside is None else inside
        for level in reversed(self.levels):
            nodes = level[chosen[level]]
            self.ration(nodes[self.case.nodes.feeds[nodes]])
            self.path(nodes)
        self.settle(chosen)

    def settle(self, chosen: Flags) -> None:
        """Nobody sends what is not there; from the top down, until no order has to be cut."""
        feeding = [level[chosen[level] & self.case.nodes.feeds[level]] for level in self.levels]
        for round_ in range(SETTLE_ROUNDS):
            cuts = 0
            for depth, level in enumerate(feeding):
                cuts += self._cut(level, self.whole, depth > 0 or round_ > 0)
            if not cuts:
                return

    def ration(self, nodes: Ints) -> None:
        """Feeding nodes send no more than they have before anything ordered now can reach them.

        Who gets less orders again for later, and only then is it decided what the feeding node orders: it would else
        hear of what is missing when it is too late, and serve nobody until its next order.
        """
        self.before(nodes)
        if not len(nodes):
            return
        into = np.concatenate([self.links_into(int(n)) for n in nodes])
        self.quantity[into] = 0.0
        self.path(nodes, again=False, since=self.case.horizon)
        first, due = self.whole.copy(), self.case.links.due[into]
        due = np.where((due >= 0) & (self.field.cap[into] > 0), due, self.case.horizon)
        np.minimum.at(first, self.node[into], due.min(axis=1, initial=self.case.horizon))
        self._cut(nodes, first, frozen=True)

    def _cut(self, nodes: Ints, until: Ints, frozen: bool) -> int:
        """How many orders were cut; nodes of one network are taken by one thread, in their order."""
        cuts: list[int] = []

        def loop(part: Ints) -> None:
            cuts.append(settle(
                self.field, part, until, self.table, frozen, self.below_first, self.below, self.case.nodes.moving,
                self.out_first, self.out_link, self.node, self.quantity, self.tier, self.available, self.stock,
                self.short, self.cost,
            ))  # fmt: skip

        in_threads(loop, nodes.astype(np.int64), self.case.nodes.network[nodes])
        return sum(cuts)

    def before(self, nodes: Ints) -> None:
        """Tell feeding nodes what those below them draw and hold."""
        look_below(
            self.field, nodes.astype(np.int64), self.below_first, self.below, self.case.nodes.moving, self.out_first,
            self.out_link, self.quantity, self.stock, self.short,
        )  # fmt: skip

    def solution(self) -> Solution:
        """The plan as it stands, with what the echelons lack beyond their members."""
        links = self.case.links
        packs = np.round(self.quantity / links.pack[:, None]) if len(links) else self.quantity
        extra = np.zeros_like(self.stock)
        heads = np.flatnonzero(self.field.echelon_cost > 0)
        self.before(heads)
        for t in range(self.case.horizon):
            total = self.available[heads, t] - self.field.ship[heads, t] + self.field.echelon_beside[heads, t]
            own = np.where(self.field.sells[heads], self.short[heads, t], 0.0)
            level = read_curves(self.case.echelon, heads, t, total)
            extra[heads, t] = np.maximum(level - self.field.echelon_short[heads, t] - own, 0.0)
        return Solution(packs, self.tier.copy(), np.maximum(self.stock, 0.0), self.short.copy(), extra)
