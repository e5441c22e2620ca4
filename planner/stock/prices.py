"""Prices of the shared limits: a master problem in PuLP over the plans that groups of nodes have made so far.

Each round every group plans at the present prices; its cost and use become one more column. The master mixes the
columns of each group within the limits; the duals of its rows lead to the next prices (Dantzig and Wolfe, 1960). They
are kept within a box that grows where it is felt while steps are worth it, and taken part of the way from the best
prices so far, else the first columns would call for absurd ones (Marsten, Hogan and Blankenship, The Boxstep Method,
1975). In large cases a sample of the networks, with its part of the room, says where to begin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pulp

from planner.stock.board import Board
from planner.stock.case import Flags, Floats, Ints
from planner.stock.excerpt import excerpt
from planner.stock.late import never
from planner.stock.shared import Shared
from planner.stock.solve import Column, Solver, hand_over, limit_prices

ROUNDS, MORE, SMOOTH, GROUPS, BEYOND = 10, 10, 0.6, 150, 1.25
FIRST_RENT, FIRST_BOX, GROWTH = 0.02, 0.001, 3.0
TRIFLE, IDLE, FEW, IDLE_OF_FEW = 2e-5, 3, 1_000, 8
MANY, SAMPLE, HEARD, ROUNDS_AFTER, NEAR, LITTLE = 3_000, 1_500, 100, 4, 1.5, 0.02


@dataclass
class Columns:
    """The plans made so far, round by round: the `prices` [limit, T] they were made at, `cost` [network] without
    these, `use` [network, limit, T] and `packs` [L, T] ordered. `group` [network] is that of the master."""

    group: Ints
    prices: list[Floats] = field(default_factory=list)
    cost: list[Floats] = field(default_factory=list)
    use: list[npt.NDArray[np.float32]] = field(default_factory=list)
    packs: list[npt.NDArray[np.float32]] = field(default_factory=list)

    @classmethod
    def of(cls, board: Board) -> Columns:
        """No plan yet. Networks are dealt out to groups of a size."""
        count = int(board.case.nodes.network.max(initial=-1)) + 1
        networks = np.arange(count)
        return cls(networks if count <= GROUPS else networks * GROUPS // count)

    def add(self, board: Board, shared: Shared, prices: Floats) -> Floats:
        """The plan as it stands as one more column of each network; its use [limit, T]."""
        count, network = len(self.group), board.case.nodes.network
        use = shared.used_by_group(board, network, count)
        self.prices.append(prices)
        self.cost.append(np.bincount(network, board.true_cost(), count).astype(float))
        self.use.append(use.astype(np.float32))
        self.packs.append(np.round(board.quantity / board.case.links.pack[:, None]).astype(np.float32))
        return np.asarray(use.sum(axis=0))

    def newest(self) -> tuple[Floats, Floats]:
        """Cost [group] and use [group, limit, T] of the last plans."""
        cost, first = self.cost[-1], np.flatnonzero(np.diff(self.group, prepend=-1))
        return np.add.reduceat(cost, first), np.add.reduceat(self.use[-1], first, axis=0, dtype=float)


def find_prices(
    board: Board, shared: Shared, progress: Callable[[int, int], None] | None = None,
    late: Callable[[], bool] = never, columns: Columns | None = None,
) -> Floats:  # fmt: skip
    """[limit, T] prices at which the plan uses about what there is; zero where nothing is exceeded.

    Of the prices tried those at which plan and room together are worth most (Lagrange). The board stands at these
    prices afterwards. Where a limit binds so hard that its price still meets its box after `ROUNDS`, there are up
    to `MORE` of them; some rounds that gain no more than a trifle end the search, and a few are enough where a sample
    says where to begin. The plans made on the way join `columns`.
    """
    prices = best = np.zeros_like(shared.room)
    columns = Columns.of(board) if columns is None else columns
    hot, box = np.zeros(shared.room.shape, bool), np.zeros_like(prices)
    felt, idle, worth = hot, 0, -np.inf
    stands, master = prices, _Master(shared)
    guess: _Guess | None = None
    patience = IDLE if len(columns.group) > FEW else IDLE_OF_FEW
    for number in range(ROUNDS + MORE):
        used = columns.add(board, shared, prices)
        value = float(columns.cost[-1].sum() + (prices * _over(shared, used)).sum())
        gained = value > worth + TRIFLE * abs(value)
        best, worth = (prices, value) if value > worth else (best, worth)
        idle = 0 if gained or not best.any() else idle + 1
        hot = hot | shared.exceeded(used)
        if number == 0 and hot.any() and len(columns.group) > MANY:
            guess = _guessed(board, shared, late)
        guess = None if guess and number == 1 and not gained else guess
        enough = ROUNDS_AFTER if guess and guess.says_all(hot) else ROUNDS
        if not hot.any() or late() or idle >= patience or (number >= enough - 1 and (guess or not felt.any())):
            break
        box = np.maximum(box, _first_box(shared, hot, columns.cost[0].sum()))
        duals = master.prices(columns, hot, box)
        felt = (duals > 0) & (duals >= 0.99 * box)
        box = np.where(felt & gained, GROWTH * box, box)
        prices = SMOOTH * duals + (1 - SMOOTH) * best
        prices = guess.near(prices, best, box, number == 0) if guess else prices
        prices = prices.astype(np.float32).astype(np.float64)  # no tie hangs on the solver's last bits
        stands = charged(board, shared, prices)
        if progress:
            progress(min(number + 1, enough), enough)
    if stands is not best:
        charged(board, shared, best)
    return best


@dataclass(frozen=True)
class _Guess:
    """What a sample of the networks says: `prices` [limit, T], and of which limits [limit] enough networks are in it
    to be heard."""

    prices: Floats
    heard: Flags

    def says_all(self, hot: Flags) -> bool:
        """Whether it can speak for every limit that is exceeded [limit, T]."""
        return bool(self.heard[hot.any(axis=1)].all())

    def near(self, prices: Floats, best: Floats, box: Floats, first: bool) -> Floats:
        """The sample's prices at `first`, later ones no farther from the `best` than that they can be trusted."""
        own = np.minimum(self.prices, box) if first else np.clip(prices, best / NEAR, NEAR * best + LITTLE * box)
        return np.where(self.heard[:, None], own, prices)


def _guessed(board: Board, shared: Shared, late: Callable[[], bool]) -> _Guess | None:
    """The prices of a few of the networks, alone with their part of what is to be given up; None if there are none."""
    count = int(board.case.nodes.network.max(initial=-1)) + 1
    part = excerpt(board.case, np.arange(count) % -(-count // SAMPLE) == 0)
    small = Board(part.case)
    small.share((board.own_hold - board.field.hold)[part.nodes], (board.own_unit[:, None] - board.unit)[part.links])
    small.plan()
    own, share = Shared(part.case, shared.room).used(small), small.true_cost().sum() / board.true_cost().sum()
    sample = Shared(part.case, own + share * (shared.room - shared.used(board)))
    prices = find_prices(small, sample, late=late)
    heard = [len(sample.links_of[i]) + len(sample.nodes_of[i]) >= HEARD for i in range(len(own))]
    return _Guess(prices, np.array(heard, bool)) if prices.any() else None


def charged(board: Board, shared: Shared, prices: Floats, among: Flags | None = None) -> Floats:
    """The networks (those `among` [network]) for which these prices change anything are planned again; returns the
    prices."""
    field, nodes = board.field, board.case.nodes
    before = [array.copy() for array in (field.unit, field.space_price, field.served_price, field.fixed)]
    shared.charge(field, prices, own=board.unit)
    changed = ((field.space_price != before[1]) | (field.served_price != before[2])).any(axis=1)
    changed[board.node[((field.unit != before[0]) | (field.fixed != before[3])).any(axis=1)]] = True
    again = np.isin(nodes.network, nodes.network[changed])
    board.replan(again if among is None else again & among[nodes.network])
    return prices


def _over(shared: Shared, used: Floats) -> Floats:
    """[limit, T] use beyond the room, below zero where some is left; zero where there is no limit."""
    return np.where(np.isfinite(shared.room), used - shared.room, 0.0)


def _first_box(shared: Shared, hot: Flags, cost: float) -> Floats:
    """[limit, T] the highest prices that the first masters may ask for: the room of the weeks in which a limit is
    exceeded is then worth a small part of what the plan costs, or of what that much could gain."""
    room = np.where(hot, shared.room, 0.0).sum(axis=1)
    price = np.where(room > 0, FIRST_RENT * cost / np.maximum(room, 1e-12), FIRST_BOX * shared.worth)
    return np.repeat(price[:, None], shared.room.shape[1], axis=1)


class _Master:
    """The restricted master, a model that lives from round to round: each round adds one column for every group.

    Least cost of a mix of plans, one in all for each group, whose use stays within the room of each limit; use beyond
    it costs what the box allows, and nothing where no plan has gone beyond.
    """

    def __init__(self, shared: Shared) -> None:
        self.shared, self.problem = shared, pulp.LpProblem("master", pulp.LpMinimize)
        self.cells = list(zip(*(axis.tolist() for axis in np.nonzero(np.isfinite(shared.room))), strict=True))
        self.over: list[pulp.LpVariable] = []
        self.one: list[pulp.LpConstraint] = []
        self.limit: dict[tuple[int, int], pulp.LpConstraint] = {}
        self.solver: Solver | None = None

    def prices(self, columns: Columns, hot: Flags, box: Floats) -> Floats:
        """[limit, T] duals of the limits once the newest plans have joined."""
        if self.solver is None:
            self.solver = hand_over(self._problem(columns))
        else:
            self.solver.add_columns(self._columns(columns))
        allowed = np.minimum(np.minimum(self.shared.soft, box), BEYOND * self.shared.worth[:, None])
        cost = np.array([allowed[cell] if hot[cell] else 0.0 for cell in self.cells], float)
        self.solver.charge_columns(self.solver.positions(self.over), cost)
        if not self.solver.relaxed().found:
            return np.zeros_like(self.shared.room)
        return limit_prices(self.solver, self.shared.room)

    def _problem(self, columns: Columns) -> pulp.LpProblem:
        """The master of the first plans."""
        count, at_most, equal = int(columns.group.max()) + 1, pulp.LpConstraintLE, pulp.LpConstraintEQ
        self.one = [pulp.LpConstraint(None, equal, f"one_g{g}", 1.0) for g in range(count)]
        self.limit = {
            (i, t): pulp.LpConstraint(None, at_most, f"limit_c{i}_t{t}", float(self.shared.room[i, t]))
            for i, t in self.cells
        }
        cost: dict[pulp.LpVariable, float] = {}
        for column in self._columns(columns):
            cost[column.variable] = column.cost
            for row, amount in column.amounts.items():
                row.expr[column.variable] = amount
        for (i, t), row in self.limit.items():
            over = self.problem.add_variable(f"over_c{i}_t{t}", 0)
            self.over.append(over)
            cost[over], row.expr[over] = 0.0, -1.0
        for row in (*self.one, *self.limit.values()):
            self.problem.addConstraint(row)
        self.problem.setObjective(pulp.LpAffineExpression(cost))
        return self.problem

    def _columns(self, columns: Columns) -> list[Column]:
        """The newest plan of each group: its cost, and what it uses of the limits."""
        number = len(columns.cost) - 1
        cost, use = columns.newest()
        use = np.where(np.isfinite(self.shared.room), use, 0.0)
        used: list[dict[pulp.LpConstraint, float]] = [{row: 1.0} for row in self.one]
        for g, i, t in zip(*(axis.tolist() for axis in np.nonzero(use)), strict=True):
            used[g][self.limit[i, t]] = float(use[g, i, t])
        named = [self.problem.add_variable(f"plan_g{g}_r{number}", 0) for g in range(len(cost))]
        return [Column(*parts) for parts in zip(named, cost.tolist(), used, strict=True)]
