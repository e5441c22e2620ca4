"""Fuller vehicles: whole ones are charged by and by, and every network is planned again into those that others start.

Beside what others have loaded, the freight of a node is a staircase: what fits into a started vehicle is free, each
further vehicle costs all of it. Its dynamic programme takes that as it is. From the plan that pays by load, stairs and
load are mixed, the stairs with more weight from step to step, so that loads move to where others load while it still
costs little. Then weeks of lanes are made dearer or cheaper for a moment, and what comes of it stays only if the whole
cost, whole vehicles included, has fallen (iterated local search; Lourenço, Martin and Stützle, 2003).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Case, Floats, Ints
from planner.stock.improve import Search
from planner.stock.kernel.field import FULL
from planner.stock.kernel.loading import load_again, load_up
from planner.stock.kernel.threads import in_threads
from planner.stock.late import never
from planner.stock.shared import Shared

LADDER = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0)
STEPS = (*LADDER, LADDER[-1])
SHAKES, SHAKEN = 100, 30_000
MOVES, EACH = 1000, 60
TOLL, EVEN, TOGETHER, NEAR = (0.2, 1.5), 0.02, 8, 2


def fill_vehicles(
    board: Board, shared: Shared, prices: Floats, progress: Callable[[int, int], None] | None = None,
    late: Callable[[], bool] = never, seed: int = 1,
) -> float:  # fmt: skip
    """The board's plan with fuller vehicles, never a dearer one; returns what that saves."""
    search = _Loading(board, shared, prices, np.random.default_rng(seed))
    (shakes, moves), begun = search.effort(), search.cost()

    def told(done: int) -> None:
        if progress:
            progress(done, len(STEPS) + shakes + moves)

    search.climb(told, late)
    for number in range(shakes + moves):
        if late():
            break
        if number < shakes:
            search.shake()
        else:
            search.aim()
        told(len(STEPS) + number + 1)
    return begun - search.leave()


def _groups(case: Case, nodes: Ints) -> Ints:
    """[N] a number for these nodes, the same for those that load onto the same lane; -1 for all others."""
    of, before = np.full(len(case.nodes), -1), np.zeros(0)
    of[nodes] = np.arange(len(nodes))
    while not np.array_equal(of, before):
        before = of.copy()
        for truck in case.trucks:
            users = case.links.node[truck.links]
            users = users[of[users] >= 0]
            of[users] = of[users].min(initial=len(of))
    of[nodes] = np.unique(of[nodes], return_inverse=True)[1]
    return of


class _Loading(Search):
    """Moves with whole vehicles. `steep` is the weight of the stairs, the rest of the freight goes by load; `toll`
    [L, T] is what a unit is charged for a moment.

    Nodes that are `alone` in their networks and share nothing but vehicles with others are planned again by the
    compiled loop and judged by `group` [N] (`lane_group` [trucks]); all `others` network by network, and judged by the
    whole plan.
    """

    def __init__(self, board: Board, shared: Shared, prices: Floats, draw: np.random.Generator) -> None:
        super().__init__(board, shared, prices, np.zeros(len(board.case.nodes)), draw)
        case = board.case
        self.steep, self.toll = 1.0, np.zeros(board.field.unit.shape)
        self.each = np.array([truck.cost for truck in case.trucks])
        self.truck = np.full(len(case.links), -1)
        for m, truck in enumerate(case.trucks):
            self.truck[truck.links] = m
        self.user = case.nodes.network[board.node]
        self.place = np.unique(case.nodes.place, return_inverse=True)[1].astype(np.int64)
        self.alone = self._alone()
        self.others = np.setdiff1d(self.user[self.truck >= 0], case.nodes.network[self.alone])
        self.group = _groups(case, self.alone)
        self.lanes = np.unique(self.truck[np.isin(self.user, self.others) & (self.truck >= 0)])
        self.lane_group = np.array([self.group[board.node[truck.links]].max() for truck in case.trucks])
        self.taken: list[int] = []
        links = np.isin(board.node, self.alone)
        board.field.cap[links], board.field.ceiling[self.alone] = board.caps[links], board.ceiling[self.alone]
        self._to(board.quantity.copy())

    def _alone(self) -> Ints:
        """Nodes alone in their networks that use vehicles, but no limit and no joint order."""
        case, network = self.board.case, self.board.case.nodes.network
        bound = [self.user[self.supplier_of >= 0]]
        for limit in case.limits:
            bound += [self.user[limit.orders > 0], network[(limit.held > 0) | (limit.served > 0)]]
        free = np.setdiff1d(self.user[self.truck >= 0], np.concatenate(bound))
        single = np.array([len(members) == 1 for members in self.members])
        return np.flatnonzero(np.isin(network, free) & single[network]).astype(np.int64)

    def effort(self) -> tuple[int, int]:
        """Number of shakes and of moves that a case of this size is worth."""
        shakes = min(SHAKES, SHAKEN // len(self.alone)) if len(self.alone) else 0
        return shakes, min(MOVES, EACH * len(self.others))

    def climb(self, told: Callable[[int], None], late: Callable[[], bool]) -> None:
        """From freight by load to whole vehicles step by step; at once, if that is cheaper."""
        begin, found = self.board.quantity.copy(), []
        for number, self.steep in enumerate(STEPS):
            if number in (0, len(LADDER)):
                self._to(begin)
            if not late():
                self._everyone()
            if number >= len(LADDER) - 1:
                found.append((self.cost(), self.board.quantity.copy()))
            told(number + 1)
        self.steep = 1.0
        self._to(min(found, key=lambda each: each[0])[1])

    def _everyone(self) -> None:
        """Every network that uses vehicles once, in an order that is drawn."""
        self._again()
        for k in self.draw.permutation(self.others).tolist():
            self.taken = [k]
            self.move()

    def _again(self) -> None:
        """Nodes alone one after the other, each place in a thread of its own: no lane ends at two places."""
        board, order = self.board, self.draw.permutation(self.alone)
        self._charge_stairs()

        def loop(part: Ints) -> None:
            load_again(
                board.field, part, board.table, board.quantity, board.tier, board.available, board.stock, board.short,
                board.cost,
            )  # fmt: skip

        in_threads(loop, order, self.place[order])

    def _charge_stairs(self) -> None:
        """Prices of limits, stairs for vehicles, and tolls."""
        own = self.board.unit + self.toll - (self.steep * self.board.case.freight)[:, None]
        self.shared.charge(self.board.field, self.prices, own=own)
        self.board.field.vehicle[:] = self.steep * self.each

    def shake(self) -> int:
        """One week of each lane gets dearer or cheaper for a moment; groups that cost no less then go back. Returns how
        many got cheaper."""
        board, before, kept = self.board, self._by_group(), self.board.quantity.copy()
        for m in np.flatnonzero(self.lane_group >= 0).tolist():
            self._charge_toll(m)
        self._again()
        self.toll[:] = 0.0
        self._again()
        better = self._by_group() < before - 1e-9
        back = ~np.append(better, True)[self.group[board.node]]
        board.quantity[back] = kept[back]
        self._count()
        return int(better.sum())

    def _charge_toll(self, m: int) -> int:
        """A week of a lane, rather one with a vehicle that is nearly empty, gets dearer or cheaper; which one."""
        own, load = self.board.case.trucks[m].links, self.board.field.load[m].max(axis=1)
        weight = np.ceil(load - FULL) - load + EVEN
        week = int(self.draw.choice(len(weight), p=weight / weight.sum()))
        self.toll[own, week] = self.draw.choice((-1.0, 1.0)) * self.draw.uniform(*TOLL) * self.board.case.freight[own]
        return week

    def _by_group(self) -> Floats:
        """[group] cost of the nodes alone and of the vehicles on their lanes."""
        self._note(self.alone)
        own, lanes = (self.true - self._by_load())[self.alone], self.lane_group >= 0
        count = int(self.group.max(initial=-1)) + 1
        cost = np.bincount(self.group[self.alone], own, count)
        return np.asarray(cost + np.bincount(self.lane_group[lanes], self._vehicles()[lanes], count))

    def aim(self) -> bool:
        """A week of a lane gets dearer or cheaper for some of the networks that use it; True if that helped."""
        m = int(self.draw.choice(self.lanes))
        week, own = self._charge_toll(m), self.board.case.trucks[m].links
        wide = NEAR if self.toll[own, week].min() < 0 else 0
        near = slice(max(week - wide, 0), week + wide + 1)
        users = np.unique(self.user[own[(self.board.quantity[own, near] > 0).any(axis=1)]])
        users = self.draw.permutation(np.intersect1d(users, self.others))
        self.taken = users[: int(self.draw.integers(1, TOGETHER + 1))].tolist()
        helped = bool(self.taken) and self.move() > 0
        self.toll[:] = 0.0
        return helped

    def move(self) -> float:
        load = self.board.field.load.copy()
        gain = super().move()
        if gain <= 0:
            self.board.field.load[:] = load
        return gain

    def leave(self) -> float:
        """The plan as it stands, on a board without stairs as other searches know it; what it costs."""
        field, cost = self.board.field, self.cost()
        field.truck[:], field.vehicle[:], field.load[:] = -1, 0.0, 0.0
        self.shared.charge(field, self.prices, own=self.board.unit)
        self.board.stand()
        return cost

    def cost(self) -> float:
        """What all nodes cost, with whole vehicles."""
        self._note(np.arange(len(self.true)))
        return float(self.true.sum() - self._by_load().sum() + self._vehicles().sum())

    def _to(self, quantity: Floats) -> None:
        """These orders and what follows from them."""
        field, board = self.board.field, self.board
        board.quantity[:], field.truck[:] = quantity, -1
        board.stand()
        field.truck[:] = self.truck
        self.used = self.shared.used(board)
        self._count()

    def _count(self) -> None:
        """What is loaded, from the orders as they are; what all nodes cost with them."""
        for m, truck in enumerate(self.board.case.trucks):
            self.board.field.load[m] = self.board.quantity[truck.links].T @ truck.share
        self._note(np.arange(len(self.true)))

    def _by_load(self) -> Floats:
        """[N] freight if it went by load."""
        amount = self.board.case.freight * self.board.quantity.sum(axis=1)
        return np.bincount(self.board.node, amount, len(self.true)).astype(float)

    def _vehicles(self) -> Floats:
        """[trucks] cost of the vehicles that travel."""
        return np.asarray(self.each * np.ceil(self.board.field.load.max(axis=2) - FULL).sum(axis=1))

    def _chosen(self) -> list[int]:
        return self.taken

    def _charge(self, nodes: Ints, links: Ints) -> None:
        """Stairs as they are once those that are taken out have left their vehicles."""
        for k in self.taken:
            for n in self.members[k].tolist():
                load_up(self.board.field, n, self.board.quantity, -1.0)
        self._charge_stairs()

    def _put(self, nodes: Ints, mask: dict[int, np.ndarray]) -> None:
        super()._put(nodes, mask)
        for n in nodes.tolist():
            load_up(self.board.field, n, self.board.quantity, 1.0)

    def _note(self, nodes: Ints) -> None:
        """What these nodes cost without prices, their freight by load."""
        field, kept = self.board.field, self.board.field.truck.copy()
        field.truck[:] = -1
        self.board.path(nodes, again=False, since=self.board.case.horizon)
        super()._note(nodes)
        field.truck[:] = kept

    def _cost(self, nodes: Ints, concerned: list[int]) -> float:
        """True cost of these nodes without tolls, whole vehicles of all lanes with the weight of the stairs."""
        links = np.concatenate([self.board.links_into(int(n)) for n in nodes])
        by_load = float(self.board.case.freight[links] @ self.board.quantity[links].sum(axis=1))
        return super()._cost(nodes, concerned) + self.steep * (float(self._vehicles().sum()) - by_load)
