"""A cost that no plan can beat: SKU by SKU, with what they share priced instead of enforced (Lagrange).

Any prices >= 0 of the shared limits, and any split of a joint order cost among the lines of the supplier, give a valid
bound: the sum of what each SKU costs at best, less the prices times the room. Where a place feeds others, the SKU's
network is cut in two: all of its stock as one, which is ordered from outside and bears part of the holding and
shortage cost (Clark and Scarf, 1960), and every place by itself with the rest, which is sent whatever it asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Case, Flags, Floats, Ints
from planner.stock.field import align, make_field
from planner.stock.joint import Supplier, suppliers
from planner.stock.kernel import FAR, Field, bound_nodes
from planner.stock.shared import Shared

POINTS = (1000, 4000, 16000)
SCALES = (0.0, 0.3, 0.6, 0.8, 1.0)
SPLITS = ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0), (0.0, 0.5))


def lower_bound(
    board: Board, shared: Shared, prices: Floats, cost: float, gap: float,
    progress: Callable[[int, int], None] | None = None,
) -> float:  # fmt: skip
    """Bound on the cost of every plan: the best of no prices, these prices and parts of them.

    Finer grids are tried for the SKUs that are dear enough, while the gap is too wide and finer grids help. `board`
    holds a plan of this `cost`; how its lines share joint orders says how their cost is split.
    """
    shares = joint_shares(board, suppliers(board.case))
    case, scales = board.case, SCALES if prices.any() else SCALES[:1]
    everyone = np.ones(int(case.nodes.network.max(initial=-1)) + 1, bool)
    found = []
    for number, scale in enumerate(scales):
        found.append(_by_network(case, shared, prices * scale, shares, everyone, POINTS[0]))
        if progress:
            progress(number + 1, len(scales) + 1)
    rents = [_rent(shared, prices * scale) for scale in scales]
    chosen = int(np.argmax([own.sum() - rent for own, rent in zip(found, rents, strict=True)]))
    return _refined(case, shared, prices * scales[chosen], shares, found[chosen], cost + rents[chosen], gap)


def _rent(shared: Shared, prices: Floats) -> float:
    """What the room of the limits is worth at these prices."""
    return float((prices * np.where(np.isfinite(shared.room), shared.room - shared.constant(), 0.0)).sum())


def _refined(
    case: Case, shared: Shared, prices: Floats, shares: Floats, best: Floats, cost: float, gap: float
) -> float:  # fmt: skip
    """The bound on finer grids, until the gap is small enough or a finer grid cannot make it so."""
    rent = _rent(shared, prices)
    for points in POINTS[1:]:
        missing = cost - float(best.sum()) - gap * (cost - rent)
        todo = _worth_it(best, 0.2 * max(missing, 0.0))
        if missing <= 0 or not todo.any():
            break
        finer = np.maximum(best, _by_network(case, shared, prices, shares, todo, points))
        gained = float((finer - best).sum())
        best = finer
        if gained < 0.2 * missing:
            break
    return float(best.sum()) - rent


def _worth_it(best: Floats, negligible: float) -> Flags:
    """Which networks are dear enough that a finer grid could matter."""
    order = np.argsort(best, kind="stable")
    result = np.ones(len(best), bool)
    result[order[np.cumsum(np.maximum(best[order], 0.0)) < negligible]] = False
    return result


def joint_shares(board: Board, joint: list[Supplier]) -> Floats:
    """[L] part of its supplier's joint order cost that each line bears: how often it is in a joint order, of all."""
    shares = np.zeros(len(board.case.links))
    for supplier in joint:
        often = (board.quantity[supplier.lines] > 0).sum(axis=1).astype(float) ** 2
        shares[supplier.lines] = supplier.order_cost * (often + 1e-9) / (often + 1e-9).sum()
    return shares


def _by_network(case: Case, shared: Shared, prices: Floats, shares: Floats, todo: Flags, points: int) -> Floats:
    """[K] bound of each network on a grid of so many points; -inf for those not to do."""
    plain = Board(case, points, tables=False)
    shared.charge(plain.field, prices, cheapest=True)
    plain.field.fixed[:] += shares[:, None]
    network, nodes = case.nodes.network, case.nodes
    fed = np.bincount(network, nodes.feeds, len(todo)) > 0
    single = np.bincount(network, nodes.feeds, len(todo)) == 1
    result = np.where(todo, 0.0, -np.inf)
    alone = np.flatnonzero(todo[network] & ~fed[network]).astype(np.int64)
    np.add.at(result, network[alone], _bounds(plain.field, alone)[alone])
    roots = np.flatnonzero(nodes.feeds & todo[network] & single[network])
    others = np.flatnonzero(~nodes.feeds & todo[network] & fed[network]).astype(np.int64)
    best = np.full(len(todo), -np.inf)
    for alpha, beta in SPLITS:
        value = np.zeros(len(todo))
        split = _Split(case, plain.field, roots, alpha, beta)
        np.add.at(value, network[others], _bounds(split.apart(), others)[others])
        if len(roots):
            np.add.at(value, network[roots], split.together(points))
        if not len(others):
            break
        best = np.maximum(best, value)
    chosen = fed & todo & np.isfinite(best)
    result[chosen] = best[chosen]
    return result


def _bounds(field: Field, chosen: Ints) -> Floats:
    result = np.zeros(len(field.start))
    bound_nodes(field, chosen, result)
    return result


@dataclass(frozen=True)
class _Split:
    """One way to cut the networks with one feeding place (`roots`). The whole bears `alpha` of the shortage cost and
    `beta` of the holding cost that all places have in common."""

    case: Case
    field: Field
    roots: Ints
    alpha: float
    beta: float

    def _inside(self, root: int) -> Ints:
        return np.flatnonzero(self.case.nodes.network == self.case.nodes.network[root])

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
            own = np.flatnonzero(np.isin(links.node, inside))
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
        case, nodes, count, weeks = self.case, self.case.nodes, len(self.roots), self.case.horizon
        start, arrive, demand = np.zeros(count), np.zeros((count, weeks)), np.zeros((count, weeks))
        hold, short, credit = np.zeros((count, weeks)), np.zeros((count, weeks)), np.zeros(count)
        ops: list[tuple[int, int, int, int]] = []
        for k, root in enumerate(self.roots.tolist()):
            inside, holding, shortage = self._common(root)
            moving = nodes.moving[inside].sum(axis=0)
            start[k] = (nodes.opening - nodes.backlog)[inside].sum()
            arrive[k] = nodes.pipeline[inside].sum(axis=0) - (np.append(0.0, moving[:-1]) - moving)
            demand[k] = nodes.demand[nodes.members[root]].sum(axis=0)
            hold[k], credit[k] = holding, holding * moving.sum()
            left = np.arange(weeks, 0, -1)
            short[k] = np.maximum(shortage - holding * (left if nodes.lost[root] else 1.0), 0.0)
            for link in np.flatnonzero(np.isin(case.links.node, inside) & (case.links.origin < 0)).tolist():
                ops += [(k, int(case.links.due[link, t]), link, t) for t in np.flatnonzero(case.links.due[link] >= 0)]
        ops.sort()
        keys = np.array([k * weeks + t for k, t, _, _ in ops], np.int64)
        top = case.echelon.available[self.roots, :, -1].max(axis=1, initial=0.0)
        high = top + self._reach(start, arrive, demand)
        low = np.where(nodes.lost[self.roots], 0.0, np.minimum(start, 0.0) - 6 * demand.mean(axis=1))
        step = np.maximum((high - low) / points, 1e-9)
        field = self.field._replace(
            start=start, arrive=arrive, demand=demand, ship=np.zeros((count, weeks)), hold=hold, short_cost=short,
            space_price=np.zeros((count, weeks)), served_price=np.zeros((count, weeks)),
            floor=np.zeros((count, weeks)), floor_price=np.zeros(count), ceiling=np.full((count, weeks), FAR),
            sells=np.ones(count, bool), lost=nodes.lost[self.roots], points=case.echelon.available[self.roots],
            values=case.echelon.shortage[self.roots], echelon_cost=np.zeros(count),
            echelon_points=case.echelon.available[self.roots], echelon_values=case.echelon.shortage[self.roots],
            echelon_beside=np.zeros((count, weeks)), echelon_short=np.full((count, weeks), FAR),
            lo=np.zeros((count, weeks)), step=step, size=(np.ceil((high - low) / step) + 2).astype(np.int64),
            offset=np.zeros(count, np.int64), due_first=np.searchsorted(keys, np.arange(count * weeks + 1)).astype(np.int64),
            op_link=np.array([o[2] for o in ops], np.int64), op_week=np.array([o[3] for o in ops], np.int64),
        )  # fmt: skip
        align(field, low)
        return _bounds(field, np.arange(count, dtype=np.int64)) - credit

    def _reach(self, start: Floats, arrive: Floats, demand: Floats) -> Floats:
        """More stock than any plan would order to: half of the horizon's demand, or what is there."""
        return np.maximum(start + arrive.sum(axis=1), 0.0) + 0.5 * demand.sum(axis=1) + self._lots()

    def _lots(self) -> Floats:
        most = np.zeros(len(self.roots))
        for k, root in enumerate(self.roots.tolist()):
            links = np.flatnonzero(np.isin(self.case.links.node, self._inside(root)) & (self.case.links.origin < 0))
            most[k] = max((max(self.case.links.moq[i], self.case.links.tiers[i][-1][0]) for i in links), default=0.0)
        return most
