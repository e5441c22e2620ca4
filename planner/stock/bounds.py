"""A cost that no plan can beat: SKU by SKU, with what they share priced instead of enforced (Lagrange).

Any prices >= 0 of the shared limits, and any split of a joint order cost among the lines of the supplier, give a valid
bound: the sum of what each SKU costs at best, less the prices times the room. Where a place feeds others, the SKU's
network is cut in two: all of its stock as one, which is ordered from outside and bears part of the holding and
shortage cost (Clark and Scarf, 1960), and every place by itself with the rest, which is sent whatever it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Case, Flags, Floats, Ints
from planner.stock.field import align, make_field, reach
from planner.stock.joint import Supplier, suppliers
from planner.stock.kernel.field import FAR, Field
from planner.stock.kernel.halves import in_halves
from planner.stock.kernel.path import bound_nodes
from planner.stock.shared import Shared

POINTS = (250, 1000, 4000, 16000)
EFFORT = 2_500_000_000
SCALES = (0.0, 0.3, 0.6, 0.8, 1.0)
SPLITS = ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0), (0.0, 0.5))


def lower_bound(
    board: Board, shared: Shared, prices: Floats, cost: float, gap: float,
    progress: Callable[[int, int], None] | None = None,
) -> float:  # fmt: skip
    """Bound on the cost of every plan: the best of no prices, these prices and parts of them.

    Prices and cuts are chosen on a coarse grid; finer ones are tried for the SKUs that are dear enough, while the gap
    is too wide and finer grids help. `board` holds a plan of this `cost`; how its lines share joint orders says how
    their cost is split.
    """
    networks = _Networks(board.case, shared, joint_shares(board, suppliers(board.case)))
    scales = SCALES if prices.any() else SCALES[:1]
    found = []
    for number, scale in enumerate(scales):
        found.append(networks.best_cut(prices * scale, POINTS[0]))
        if progress:
            progress(number + 1, len(scales) + 1)
    rents = [_rent(shared, prices * scale) for scale in scales]
    chosen = int(np.argmax([own.sum() - rent for (own, _), rent in zip(found, rents, strict=True)]))
    return _refined(networks, prices * scales[chosen], *found[chosen], cost + rents[chosen], rents[chosen], gap)


def _rent(shared: Shared, prices: Floats) -> float:
    """What the room of the limits is worth at these prices."""
    return float((prices * np.where(np.isfinite(shared.room), shared.room - shared.constant(), 0.0)).sum())


def _refined(
    networks: _Networks, prices: Floats, best: Floats, cut: Ints, cost: float, rent: float, gap: float
) -> float:  # fmt: skip
    """The bound on finer grids, until the gap is small enough or a finer grid cannot make it so."""
    for points in POINTS[1:]:
        missing = cost - float(best.sum()) - gap * (cost - rent)
        todo = _worth_it(best, 0.2 * max(missing, 0.0), EFFORT // (points * networks.case.horizon))
        if missing <= 0 or not todo.any():
            break
        finer = np.maximum(best, networks.bound(prices, todo, cut, points))
        gained = float((finer - best).sum())
        best = finer
        if gained < 0.05 * missing:
            break
    return float(best.sum()) - rent


def _worth_it(best: Floats, negligible: float, most: int) -> Flags:
    """Which networks are dear enough that a finer grid could matter, the dearest ones first, at most so many."""
    order = np.argsort(best, kind="stable")
    result = np.ones(len(best), bool)
    result[order[np.cumsum(np.maximum(best[order], 0.0)) < negligible]] = False
    result[order[: max(0, len(order) - most)]] = False
    return result


def joint_shares(board: Board, joint: list[Supplier]) -> Floats:
    """[L] part of its supplier's joint order cost that each line bears: how often it is in a joint order, of all."""
    shares = np.zeros(len(board.case.links))
    for supplier in joint:
        often = (board.quantity[supplier.lines] > 0).sum(axis=1).astype(float) ** 2
        shares[supplier.lines] = supplier.order_cost * (often + 1e-9) / (often + 1e-9).sum()
    return shares


class _Networks:
    """The SKU networks of a case; a bound of each by itself, all of them [K]."""

    def __init__(self, case: Case, shared: Shared, shares: Floats) -> None:
        self.case, self.shared, self.shares = case, shared, shares
        self.network, self.span = case.nodes.network, reach(case)
        self.count = int(self.network.max(initial=-1)) + 1
        feeding = np.bincount(self.network, case.nodes.feeds, self.count)
        self.fed, self.single = feeding > 0, feeding == 1

    def best_cut(self, prices: Floats, points: int) -> tuple[Floats, Ints]:
        """Bounds, and the number of the cut that gave each."""
        everyone = np.ones(self.count, bool)
        values = np.array([self.bound(prices, everyone, np.full(self.count, k), points) for k in range(len(SPLITS))])
        cut = values.argmax(axis=0)
        return values[cut, np.arange(self.count)], cut

    def bound(self, prices: Floats, todo: Flags, cut: Ints, points: int) -> Floats:
        """Bounds on a grid of so many points, by the cut of each network (0 where there is nothing
        to cut); -inf for those not to do."""
        result = np.where(todo, 0.0, -np.inf)
        field, nodes = self._field(prices, points), self.case.nodes
        alone = np.flatnonzero((todo & ~self.fed & (cut == 0))[self.network]).astype(np.int64)
        np.add.at(result, self.network[alone], _bounds(field, alone)[alone])
        for k, (alpha, beta) in enumerate(SPLITS):
            mine = todo & self.fed & (cut == k)
            places = np.flatnonzero(~nodes.feeds & mine[self.network]).astype(np.int64)
            roots = np.flatnonzero(nodes.feeds & (mine & self.single)[self.network])
            split = _Split(self.case, field, roots, alpha, beta)
            if len(places):
                np.add.at(result, self.network[places], _bounds(split.apart(), places)[places])
            if len(roots):
                np.add.at(result, self.network[roots], split.together(points))
        return result

    def _field(self, prices: Floats, points: int) -> Field:
        field = make_field(self.case, points, self.span)
        self.shared.charge(field, prices, cheapest=True)
        field.fixed[:] += self.shares[:, None]
        return field


def _bounds(field: Field, chosen: Ints) -> Floats:
    result = np.zeros(len(field.start))
    in_halves(lambda part: bound_nodes(field, part, result), chosen)
    return result


@dataclass(frozen=True)
class _Whole:
    """[K] or [K, T] of networks taken as one place each. `credit`: holding of units between places, not charged."""

    start: Floats
    arrive: Floats
    demand: Floats
    hold: Floats
    short: Floats
    credit: Floats

    @classmethod
    def empty(cls, count: int, weeks: int) -> _Whole:
        arrive, demand, hold, short = np.zeros((4, count, weeks))
        return cls(np.zeros(count), arrive, demand, hold, short, np.zeros(count))


@dataclass(frozen=True)
class _Split:
    """One way to cut the networks with one feeding place (`roots`). The whole bears `alpha` of the shortage cost and
    `beta` of the holding cost that all places have in common."""

    case: Case
    field: Field
    roots: Ints
    alpha: float
    beta: float

    @cached_property
    def _places(self) -> dict[int, Ints]:
        """Root -> the places of its network."""
        network = self.case.nodes.network
        order = np.argsort(network, kind="stable")
        first = np.searchsorted(network[order], np.arange(int(network.max(initial=-1)) + 2))
        return {n: order[first[network[n]] : first[network[n] + 1]] for n in self.roots.tolist()}

    @cached_property
    def _links(self) -> dict[int, Ints]:
        """Root -> the links into its network."""
        owner = self.case.nodes.network[self.case.links.node]
        order = np.argsort(owner, kind="stable")
        first = np.searchsorted(owner[order], np.arange(int(owner.max(initial=-1)) + 2))
        return {
            n: np.sort(order[first[k] : first[k + 1]]) if (k := int(self.case.nodes.network[n])) + 1 < len(first)
            else order[:0] for n in self.roots.tolist()
        }  # fmt: skip

    def _inside(self, root: int) -> Ints:
        return self._places[root]

    def _common(self, root: int) -> tuple[Ints, float, float]:
        """Places of the network, and the holding and shortage cost that none of them goes below."""
        inside, below = self._inside(root), self.case.nodes.members[root]
        holding = float(self.case.nodes.holding[inside].min())
        shortage = self.case.nodes.shortage
        return inside, self.beta * holding, self.alpha * float(min(shortage[root], shortage[below].min(initial=np.inf)))

    def apart(self) -> Field:
        """Every place with its own part of the costs; orders from outside are free of cost here, they are in the
        whole."""
        links = self.case.links
        hold, short, unit, fixed = (
            a.copy() for a in (self.field.hold, self.field.short_cost, self.field.unit, self.field.fixed)
        )
        extra = self.field.tier_extra.copy()
        for root in self.roots.tolist():
            inside, holding, shortage = self._common(root)
            own = self._links[root]
            hold[inside] -= holding
            short[inside] = np.maximum(short[inside] - shortage, 0.0)
            outside = own[links.origin[own] < 0]
            unit[outside], fixed[outside] = 0.0, 0.0
            for link in outside.tolist():
                extra[self.field.tier_first[link] : self.field.tier_first[link + 1]] = 0.0
            inner = own[links.origin[own] >= 0]
            weeks = np.maximum(links.due[inner] - np.arange(self.case.horizon)[None, :], 0)
            unit[inner] -= holding * weeks
        return self.field._replace(hold=hold, short_cost=short, unit=unit, fixed=fixed, tier_extra=extra)

    def together(self, points: int) -> Floats:
        """[roots] bound of the whole stock of each network, as one place that is ordered for from outside."""
        nodes, count, weeks = self.case.nodes, len(self.roots), self.case.horizon
        whole = _Whole.empty(count, weeks)
        for k, root in enumerate(self.roots.tolist()):
            self._sum_up(whole, k, root)
        due_first, link, week = self._orders(count)
        curves, nothing = self.case.echelon, np.zeros((count, weeks))
        high = curves.available[self.roots, :, -1].max(axis=1, initial=0.0) + self._reach(whole)
        owed = np.minimum(whole.start, 0.0) - 6 * whole.demand.mean(axis=1)
        low = np.where(nodes.lost[self.roots], 0.0, owed)
        step = np.maximum((high - low) / points, 1e-9)
        field = self.field._replace(
            start=whole.start, arrive=whole.arrive, demand=whole.demand, hold=whole.hold, short_cost=whole.short,
            ship=nothing, space_price=nothing, served_price=nothing, floor=nothing, floor_price=np.zeros(count),
            ceiling=np.full((count, weeks), FAR), sells=np.ones(count, bool), lost=nodes.lost[self.roots],
            points=curves.available[self.roots], values=curves.shortage[self.roots], echelon_cost=np.zeros(count),
            echelon_points=curves.available[self.roots], echelon_values=curves.shortage[self.roots],
            echelon_beside=nothing, echelon_short=np.full((count, weeks), FAR), lo=np.zeros((count, weeks)),
            step=step, size=(np.ceil((high - low) / step) + 2).astype(np.int64), offset=np.zeros(count, np.int64),
            due_first=due_first, op_link=link, op_week=week,
        )  # fmt: skip
        align(field, low)
        return _bounds(field, np.arange(count, dtype=np.int64)) - whole.credit

    def _sum_up(self, whole: _Whole, k: int, root: int) -> None:
        """Stock, arrivals from outside, demand and costs of one network; what is moving inside is there already."""
        nodes, weeks = self.case.nodes, self.case.horizon
        inside, holding, shortage = self._common(root)
        moving = nodes.moving[inside].sum(axis=0)
        whole.start[k] = (nodes.opening - nodes.backlog)[inside].sum()
        whole.arrive[k] = nodes.pipeline[inside].sum(axis=0) - (np.append(0.0, moving[:-1]) - moving)
        whole.demand[k] = nodes.demand[nodes.members[root]].sum(axis=0)
        whole.hold[k], whole.credit[k] = holding, holding * moving.sum()
        held = np.arange(weeks, 0, -1) if nodes.lost[root] else np.ones(weeks)
        whole.short[k] = np.maximum(shortage - holding * held, 0.0)

    def _orders(self, count: int) -> tuple[Ints, Ints, Ints]:
        """Orders from outside by network and week of arrival, as `Field` holds them."""
        links = self.case.links
        found = [
            (k, due, link, week)
            for k, root in enumerate(self.roots.tolist())
            for link in self._links[root][links.origin[self._links[root]] < 0].tolist()
            for week, due in self.case.open_weeks(link)
        ]
        table = np.array(sorted(found), np.int64).reshape(-1, 4)
        keys = table[:, 0] * self.case.horizon + table[:, 1]
        first = np.searchsorted(keys, np.arange(count * self.case.horizon + 1)).astype(np.int64)
        return first, table[:, 2].copy(), table[:, 3].copy()

    def _reach(self, whole: _Whole) -> Floats:
        """More stock than any plan would order to: half of the horizon's demand, or what is there."""
        there: Floats = np.maximum(whole.start + whole.arrive.sum(axis=1), 0.0)
        return np.asarray(there + 0.5 * whole.demand.sum(axis=1) + self._lots(), dtype=float)

    def _lots(self) -> Floats:
        most = np.zeros(len(self.roots))
        for k, root in enumerate(self.roots.tolist()):
            own = self._links[root]
            links = own[self.case.links.origin[own] < 0]
            most[k] = max((max(self.case.links.moq[i], self.case.links.tiers[i][-1][0]) for i in links), default=0.0)
        return most
