"""Prices of the shared limits: a master problem in PuLP over the plans that groups of nodes have made so far.

Each round every group plans at the present prices; its cost and use become one more column. The master mixes the
columns of each group within the limits; the duals of its rows are the next prices (Dantzig and Wolfe, 1960).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pulp

from planner.stock.board import Board
from planner.stock.case import Flags, Floats, Ints
from planner.stock.shared import Shared
from planner.stock.solve import Solver

ROUNDS, SMOOTH, GROUPS, BEYOND = 10, 0.6, 150, 1.25
SCOUTS = (0.1, 0.3, 0.8)


@dataclass
class Columns:
    """Cost [round][group] and use [round][group, limit, T] of the plans made so far."""

    groups: Ints
    cost: list[Floats] = field(default_factory=list)
    use: list[Floats] = field(default_factory=list)

    def add(self, board: Board, shared: Shared, prices: Floats) -> None:
        """The plan as it stands as one more column of each group; its cost without the prices."""
        count = int(self.groups.max(initial=-1)) + 1
        use = shared.used_by_group(board, self.groups, count)
        charged = (use - self._constants(shared, count)) * prices[None, :, :]
        own = np.bincount(self.groups, board.cost, count) if count else np.zeros(0)
        self.cost.append(own - charged.sum(axis=(1, 2)))
        self.use.append(use)

    def _constants(self, shared: Shared, count: int) -> Floats:
        """Demand served counts in the use, but the loops charge only what is short of it."""
        result = np.zeros((count, *shared.room.shape))
        demand = np.where(shared.case.nodes.sells[:, None], shared.case.nodes.demand, 0.0)
        for i, limit in enumerate(shared.case.limits):
            if limit.served.any():
                np.add.at(result[:, i], self.groups, limit.served[:, None] * demand)
        return result


def find_prices(
    board: Board, shared: Shared, progress: Callable[[int, int], None] | None = None, rounds: int = ROUNDS
) -> Floats:
    """[limit, T] prices at which the plan uses about what there is; zero where nothing is exceeded.

    The board stands at these prices afterwards.
    """
    prices = np.zeros_like(shared.room)
    columns, hot = Columns(_groups(board)), np.zeros(shared.room.shape, bool)
    for number in range(rounds):
        columns.add(board, shared, prices)
        total = columns.use[-1].sum(axis=0)
        hot |= shared.exceeded(total)
        if not hot.any():
            break
        if number < len(SCOUTS):
            prices = SCOUTS[number] * np.where(hot, np.minimum(BEYOND * shared.worth[:, None], shared.soft), 0.0)
        else:
            duals = _master(columns, shared, hot)
            prices = duals if number == len(SCOUTS) else SMOOTH * duals + (1 - SMOOTH) * prices
        prices = prices.astype(np.float32).astype(np.float64)  # no tie hangs on the solver's last bits
        shared.charge(board.field, prices)
        board.replan()
        if progress:
            progress(number + 1, rounds)
    return prices


def _groups(board: Board) -> Ints:
    """[N] number of the group of each node: whole SKU networks, dealt out so that groups are of a size."""
    networks = board.case.nodes.network
    count = int(networks.max(initial=-1)) + 1
    return networks if count <= GROUPS else np.asarray(networks * GROUPS // count, dtype=np.int64)


def _master(columns: Columns, shared: Shared, hot: Flags) -> Floats:
    """Duals of the limits in the master problem; use beyond a hard limit costs many times what a unit could gain."""
    problem = pulp.LpProblem("master", pulp.LpMinimize)
    cost: dict[pulp.LpVariable, float] = {}
    cells = list(zip(*(axis.tolist() for axis in np.nonzero(hot)), strict=True))
    rows: dict[tuple[int, int], dict[pulp.LpVariable, float]] = {cell: {} for cell in cells}
    for g in range(len(columns.cost[0])):
        own = {problem.add_variable(f"plan_g{g}_r{r}", 0): r for r in range(len(columns.cost))}
        problem.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(dict.fromkeys(own, 1.0)), 0, f"one_g{g}", 1.0))
        for variable, r in own.items():
            cost[variable] = float(columns.cost[r][g])
            for cell in cells:
                if columns.use[r][g][cell]:
                    rows[cell][variable] = float(columns.use[r][g][cell])
    for (i, t), terms in rows.items():
        over = problem.add_variable(f"over_c{i}_t{t}", 0)
        cost[over] = float(min(shared.soft[i, t], BEYOND * shared.worth[i]))
        expression = pulp.LpAffineExpression({**terms, over: -1.0})
        problem.addConstraint(pulp.LpConstraint(expression, -1, f"limit_c{i}_t{t}", float(shared.room[i, t])))
    problem.setObjective(pulp.LpAffineExpression(cost))
    return _duals(problem, shared)


def _duals(problem: pulp.LpProblem, shared: Shared) -> Floats:
    prices = np.zeros_like(shared.room)
    solver = Solver(problem)
    if solver.relaxed().found:
        for row, dual in zip(problem.constraints(), solver.highs.getSolution().row_dual, strict=True):
            if row.name.startswith("limit_c"):
                index, week = row.name.removeprefix("limit_c").split("_t")
                prices[int(index), int(week)] = max(0.0, -float(dual))
    return prices
