"""A cost that no plan can beat: SKU by SKU, with what they share priced instead of enforced (Lagrange).

Any prices >= 0 of the shared limits, and any split of a joint order cost among the lines of the supplier, give a valid
bound: the sum of what each SKU costs at best, less the prices times the room. Where a place feeds others, the SKU's
network is cut in two: all of its stock as one, which is ordered from outside and bears part of the holding and
shortage cost (Clark and Scarf, 1960), and every place by itself with the rest, which is sent whatever it asks for.

Whole vehicles: ceil(load) >= b x (1 if anything is loaded) + (1 - b) x load for every b from 0 to 1, and the first part
can be split among the lines like a joint order cost. With b = 0 this is the linear relaxation.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Case, Flags, Floats, Ints
from planner.stock.field import WEEKS_OWED, make_field, reach
from planner.stock.joint import Supplier, suppliers
from planner.stock.kernel.below import bound_nodes
from planner.stock.kernel.field import Field
from planner.stock.kernel.threads import in_threads
from planner.stock.late import never
from planner.stock.shared import Shared
from planner.stock.split import Shares, Split
from planner.stock.usage import costs_by_node

POINTS = (250, 500, 1000, 2000)
EFFORT = 800_000_000
SCALES = (0.5, 1.0, 0.0)
COARSE, STEPS, FEWEST_STEPS, STEP_EFFORT = 100, 40, 12, 40_000
FEW, MANY, SAMPLE = 4, 4_000, 8


def lower_bound(
    board: Board, shared: Shared, prices: Floats, cost: float, gap: float,
    progress: Callable[[int, int], None] | None = None, late: Callable[[], bool] = never, begun: float = 0.0,
) -> float:  # fmt: skip
    """Bound on the cost of every plan: the best of half of these prices, all of them and none.

    Prices and the cuts of networks are chosen on a coarse grid; finer ones are tried for the SKUs that are dear enough,
    while the gap is too wide and finer grids help. `board` holds a plan of this `cost`; how its lines share joint
    orders says how their cost is split. `begun` is the part of its cost that the first vehicle of a week costs whatever
    it carries, on lanes with few lines; the rest is charged by load.
    """
    networks = _Networks(board, shared, late, begun)
    found: list[tuple[float, Floats, float, Floats]] = []
    for number, scale in enumerate(_scales(networks, prices)):
        if found and (late() or _peaked(found)):
            break
        own = prices * scale
        networks.begin(own)
        bounds, rent = networks.bound(own, POINTS[0]), _rent(shared, own)
        found.append((float(bounds.sum()) - rent, bounds, rent, own))
        if progress:
            progress(number + 1, len(SCALES) + 1)
    _, best, rent, chosen = max(found, key=lambda each: each[0])
    if chosen is not found[-1][-1]:
        networks.begin(chosen)
    return _refined(networks, chosen, networks.cut(chosen, best), cost + rent, rent, gap)


def _scales(networks: _Networks, prices: Floats) -> tuple[float, ...]:
    """The scales of the prices to try; of many networks the one alone that a sample of them, taken for all, finds
    best."""
    if not prices.any():
        return SCALES[2:]
    if networks.count < MANY:
        return SCALES
    asked = np.arange(networks.count) % SAMPLE == 0
    worth = []
    for scale in SCALES:
        networks.begin(prices * scale, choose=False)
        bounds = networks.bound(prices * scale, POINTS[0], asked)[asked]
        worth.append(float(bounds.sum()) * networks.count / asked.sum() - _rent(networks.shared, prices * scale))
    return (SCALES[int(np.argmax(worth))],)


def _peaked(found: list[tuple[float, Floats, float, Floats]]) -> bool:
    """Whether all of the prices gave more than half of them: none at all would give less still, for bounds bend
    downwards from one price to another."""
    return len(found) == 2 and found[1][0] >= found[0][0]


def _rent(shared: Shared, prices: Floats) -> float:
    """What the room of the limits is worth at these prices."""
    return float((prices * np.where(np.isfinite(shared.room), shared.room - shared.constant(), 0.0)).sum())


def _refined(networks: _Networks, prices: Floats, best: Floats, cost: float, rent: float, gap: float) -> float:
    """The bound on finer grids, until the gap is small enough or a finer grid cannot make it so."""
    for points in POINTS[2:3] if networks.count >= MANY else POINTS[1:]:
        missing = cost - float(best.sum()) - gap * (cost - rent)
        todo = _worth_it(best, 0.2 * max(missing, 0.0), EFFORT // (points * networks.case.horizon))
        if missing <= 0 or not todo.any() or networks.late():
            break
        finer = np.maximum(best, networks.bound(prices, points, todo))
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


def few_lines(case: Case) -> Floats:
    """[L] 1 on lanes of vehicles with at most `FEW` lines, where a line can bear its part of a begun vehicle."""
    result = np.zeros(len(case.links))
    for truck in case.trucks:
        result[truck.links] = float(len(truck.links) <= FEW)
    return result


def truck_shares(board: Board) -> Floats:
    """[L] part of the cost of a lane's vehicle that each line bears: what it loads, of all."""
    shares = np.zeros(len(board.case.links))
    for truck in board.case.trucks:
        load = truck.share[:, truck.tight] * board.quantity[truck.links].sum(axis=1) + 1e-9
        shares[truck.links] = truck.cost * load / load.sum()
    return shares


def _unordered(case: Case, until: Ints | None = None) -> Floats:
    """[N] the least stock, net of what is owed, if nothing more is ordered that could be there by week `until` [N]."""
    nodes = case.nodes
    demand = np.where(nodes.sells[:, None], nodes.demand, 0.0)
    path = (nodes.opening - nodes.backlog)[:, None] + np.cumsum(nodes.pipeline - demand, axis=1)
    if until is not None:
        path = np.where(np.arange(case.horizon) < until[:, None], path, 0.0)
    return np.asarray(path.min(axis=1, initial=0.0))


class _Networks:
    """The SKU networks of a case; a bound of each by itself, all of them [K]."""

    def __init__(self, board: Board, shared: Shared, late: Callable[[], bool], begun: float = 0.0) -> None:
        self.board, self.case, self.shared, self.late = board, board.case, shared, late
        nodes = board.case.nodes
        part = begun * few_lines(board.case)
        self.joint = joint_shares(board, suppliers(board.case)) + part * truck_shares(board)
        self.loaded = part * board.case.freight
        self.network, self.count = nodes.network, int(nodes.network.max(initial=-1)) + 1
        feeding = np.bincount(self.network, nodes.feeds, self.count)
        self.split = Split(self.case, np.flatnonzero(nodes.feeds & (feeding == 1)[self.network]))
        self.span, self.shares = self._reach(), self.split.start()
        self.alone = np.flatnonzero(~nodes.feeds & (feeding != 1)[self.network])

    def begin(self, prices: Floats, choose: bool = True) -> None:
        """Shares to begin with: who pays a price for stock must hear of all that it saves, else nothing is ordered.
        Without `choose` they are the usual ones.

        Where a unit is charged more than what it costs to owe it for the weeks that the usual grid reaches down to, the
        grid reaches as deep as can be.
        """
        low, high = self._reach()
        owing = self._owing(prices)
        self.span = np.where(owing, np.minimum(low, _unordered(self.case)), low), high
        self.split.owing[:] = np.isin(self.network[self.split.roots], self.network[owing])
        self.shares = self.split.start()
        if choose and prices.any() and len(self.split.roots):
            field, best = self._field(prices, COARSE), self._worth(self.shares, prices)
            for other in (self.split.start(1.0), self.split.start(0.0, self.split.charged(field))):
                value = self._worth(other, prices)
                self.shares, best = self.shares.where(value > best, other), np.maximum(value, best)

    def _reach(self) -> tuple[Floats, Floats]:
        """Least and most stock of a grid. A place that bears only part of the shortage cost may owe for twice as long
        as usual, and all that is asked for until something can arrive where it is sent from."""
        (low, high), places = reach(self.case), self.split.places
        until = np.zeros(len(low), np.int64)
        until[places] = self.split.first[self.split.owner[places]]
        asked = np.where(self.case.nodes.lost, 0.0, _unordered(self.case, until))
        low[places] = (2 * low + asked)[places]
        return low, high

    def _worth(self, shares: Shares, prices: Floats) -> Floats:
        """[roots] bounds of the networks that are cut in two, on a coarse grid."""
        return self.split.bound(self._field(prices, COARSE), shares, COARSE, np.ones(len(self.split.roots), bool))

    def _owing(self, prices: Floats) -> Flags:
        """[N] which nodes could owe for long at these prices."""
        nodes, charged = self.case.nodes, np.zeros(self.count)
        if prices.any():
            unit = self._field(prices, COARSE).unit.max(axis=1, initial=0.0)
            np.maximum.at(charged, self.network[self.board.node], unit)
        return np.asarray(nodes.sells & ~nodes.lost & (charged[self.network] > WEEKS_OWED * nodes.shortage))

    def cut(self, prices: Floats, best: Floats) -> Floats:
        """Look for better shares of the networks that are cut in two, at these prices; the better of their bounds and
        the `best` [K] so far."""
        roots = self.network[self.split.roots]
        if not len(roots):
            return best
        use = self.shared.used_by_group(self.board, self.network, self.count)
        own = np.asarray(sum(costs_by_node(self.case, self.board.solution()).values()))
        own += np.bincount(self.board.node, self.case.freight * self.board.quantity.sum(axis=1), len(own))
        cost = np.bincount(self.network, own, self.count) + (use * prices).sum(axis=(1, 2))
        field = self._field(prices, COARSE)
        found = self.shares = self.split.rationed(field, self.shares, cost[roots])
        steps = int(np.clip(STEP_EFFORT // len(roots), FEWEST_STEPS, STEPS))
        for _, better in self.split.improved(field, cost[roots], steps, found):
            found = better
            if self.late():
                break
        bound = self.split.bound(self._field(prices, POINTS[0]), found, POINTS[0], np.ones(len(roots), bool))
        self.shares = self.shares.where(bound > best[roots], found)
        best = best.copy()
        best[roots] = np.maximum(best[roots], bound)
        return best

    def bound(self, prices: Floats, points: int, todo: Flags | None = None) -> Floats:
        """Bounds on a grid of so many points; -inf for those not to do."""
        todo = np.ones(self.count, bool) if todo is None else todo
        result, field = np.where(todo, 0.0, -np.inf), self._field(prices, points)
        alone = self.alone[todo[self.network[self.alone]]]
        below = np.zeros(len(self.network))
        in_threads(lambda part: bound_nodes(field, part, below), alone)
        np.add.at(result, self.network[alone], below[alone])
        roots = self.network[self.split.roots]
        if todo[roots].any():
            result[roots] = self.split.bound(field, self.shares, points, todo[roots])
        return result

    def _field(self, prices: Floats, points: int) -> Field:
        field = make_field(self.case, points, self.span)
        self.shared.charge(field, prices, cheapest=True)
        field.fixed[:] += self.joint[:, None]
        field.unit[:] -= self.loaded[:, None]
        return field
