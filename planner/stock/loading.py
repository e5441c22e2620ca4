"""Fuller vehicles: a started one is filled up, a nearly empty one is spared, while the whole plan gets cheaper.

The number of vehicles of every lane and week is held, but for one week (or two) in which one more or one less shall
travel. Some SKU networks that use that week are taken out and put back into the vehicles that are left, in which room
is free of charge: what they pull forward, put off or drop is decided by their own dynamic programme. What comes out
stays only if the whole cost, whole vehicles included, has fallen.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Floats, Ints
from planner.stock.improve import Search
from planner.stock.kernel.field import FAR
from planner.stock.late import never
from planner.stock.shared import Shared
from planner.stock.trucks import freight, loads, vehicles

ROUNDS, MOST_MOVES = 24, 4000
SUNK = (1.0, 1.0, 0.5)
STEPS = ((-1, 0), (-1, 1), (-1, -1), (1, 0), (-1, 2), (-1, -2))


def fill_vehicles(
    board: Board, shared: Shared, prices: Floats, progress: Callable[[int, int], None] | None = None,
    late: Callable[[], bool] = never, seed: int = 1,
) -> int:  # fmt: skip
    """Try every lane and week a few times, those with the emptiest last vehicle first; returns how many moves helped.

    Rounds end when every kind of step has helped nowhere, or after `MOST_MOVES` moves.
    """
    search = _Loading(board, shared, prices, np.zeros(len(board.case.nodes)), np.random.default_rng(seed))
    done = tried = idle = 0
    for number in range(ROUNDS):
        before = done
        for truck, week in search.worst_first():
            if late() or tried >= MOST_MOVES:
                return done
            tried += 1
            done += search.aim(truck, week, STEPS[number % len(STEPS)])
        if progress:
            progress(number + 1, ROUNDS)
        idle = idle + 1 if done == before else 0
        if idle >= len(STEPS):
            break
    return done


class _Loading(Search):
    """Moves with vehicles: `fleet` [trucks, T] is how many may travel."""

    def __init__(
        self, board: Board, shared: Shared, prices: Floats, fair: Floats, draw: np.random.Generator
    ) -> None:  # fmt: skip
        super().__init__(board, shared, prices, fair, draw)
        self.trucks = board.case.trucks
        self.truck_of = np.full(len(board.case.links), -1)
        self.row = np.zeros(len(board.case.links), np.int64)
        for m, truck in enumerate(self.trucks):
            self.truck_of[truck.links], self.row[truck.links] = m, np.arange(len(truck.links))
        self.fleet = vehicles(board.case, board.quantity)
        self.networks: list[int] = []

    def worst_first(self) -> list[tuple[int, int]]:
        """(truck, week) with a begun vehicle, the emptiest first; what an empty part costs counts."""
        load = loads(self.board.case, self.board.quantity)
        empty = np.ceil(load - 1e-9) - load
        cost = empty * np.array([truck.cost for truck in self.trucks])[:, None]
        order = np.argsort(-cost, axis=None, kind="stable")
        spots = np.column_stack(np.unravel_index(order, cost.shape))
        return [(int(m), int(t)) for m, t in spots if empty[m, t] > 1e-6]

    def aim(self, truck: int, week: int, step: tuple[int, int]) -> bool:
        """One vehicle more or less in a week (the first of `step`), and the other way round in the week as far away as
        the second says; True if the plan got cheaper."""
        change, away = step
        self.fleet = vehicles(self.board.case, self.board.quantity)
        before = float(self.fleet[truck, week])
        if before + change < 0 or not 0 <= week + away < self.fleet.shape[1]:
            return False
        self.fleet[truck, week] += change
        if away:
            self.fleet[truck, week + away] -= change
        self.networks = self._users(truck, week, change)
        return bool(self.networks) and self.move()

    def _users(self, truck: int, week: int, change: int) -> list[int]:
        """Networks that order over the lane: to spare a vehicle those of the week, until enough load is out; to add one
        those of the weeks around it."""
        own, case = self.trucks[truck], self.board.case
        near = slice(max(week - 2, 0), week + 3) if change > 0 else slice(week, week + 1)
        amount = own.share[:, own.tight] * self.board.quantity[own.links, near].sum(axis=1)
        using = np.flatnonzero(amount > 0)
        if not len(using):
            return []
        load = float((own.share.T @ self.board.quantity[own.links, week]).max())
        excess = load - max(float(self.fleet[truck, week]), 0.0) if change < 0 else 1.0
        order = self.draw.permutation(using)
        enough = int(np.searchsorted(np.cumsum(amount[order]), max(excess, 0.0) * self.draw.uniform(1.2, 3.0))) + 1
        nodes = case.links.node[own.links[order[: max(enough, 2)]]]
        return list(dict.fromkeys(case.nodes.network[nodes].tolist()))

    def _chosen(self) -> list[int]:
        return self.networks

    def _charge(self) -> None:
        """Room in vehicles that travel anyway costs nothing, or half of what it does on a full one."""
        self.shared.charge(self.board.field, self.prices, own=self.board.unit)
        self.board.field.unit[:] -= (self.board.case.freight * self.draw.choice(SUNK))[:, None]

    def _cap(self, n: int, mask: dict[int, np.ndarray]) -> None:
        super()._cap(n, mask)
        board = self.board
        for link in board.links_into(n).tolist():
            m = int(self.truck_of[link])
            if m >= 0:
                truck = self.trucks[m]
                left = self.fleet[m] - truck.share.T @ board.quantity[truck.links] + 1e-9
                each = truck.share[self.row[link]][:, None]
                room = np.divide(left, each, out=np.full_like(left, FAR), where=each > 0).min(axis=0)
                board.field.cap[link] = np.minimum(board.field.cap[link], np.maximum(room, 0.0))

    def _cost(self, nodes: Ints, concerned: list[int]) -> float:
        """True cost of these nodes, with whole vehicles of all lanes in place of the price of room on full ones."""
        case, quantity = self.board.case, self.board.quantity
        links = np.concatenate([self.board.links_into(int(n)) for n in nodes])
        on_full_ones = float(case.freight[links] @ quantity[links].sum(axis=1))
        return super()._cost(nodes, concerned) - on_full_ones + freight(case, quantity)
