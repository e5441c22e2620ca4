"""Prices of the shared limits: a master problem in PuLP over the plans that groups of nodes have made so far.

Each round every group plans at the present prices; its cost and use become one more column. The master mixes the
columns of each group within the limits; the duals of its rows lead to the next prices (Dantzig and Wolfe, 1960). They
are kept within a box that grows where it is felt, and taken halfway from the best prices so far, else the first columns
would call for absurd ones (Marsten, Hogan and Blankenship, The Boxstep Method, 1975).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pulp

from planner.stock.board import Board
from planner.stock.case import Flags, Floats, Ints
from planner.stock.late import never
from planner.stock.shared import Shared
from planner.stock.solve import Solver

ROUNDS, SMOOTH, GROUPS, BEYOND = 10, 0.6, 150, 1.25
FIRST_BOX, GROWTH = 0.001, 3.0


@dataclass
class Columns:
    """Cost [round][group] and use [round][group, limit, T] of the plans made so far."""

    groups: Ints
    cost: list[Floats] = field(default_factory=list)
    use: list[Floats] = field(default_factory=list)

    def add(self, board: Board, shared: Shared) -> Floats:
        """The plan as it stands as one more column of each group, without the prices; its use [limit, T]."""
        count = int(self.groups.max(initial=-1)) + 1
        use = shared.used_by_group(board, self.groups, count)
        self.cost.append(np.bincount(self.groups, board.true_cost(), count).astype(float))
        self.use.append(use)
        return np.asarray(use.sum(axis=0))


def find_prices(
    board: Board, shared: Shared, progress: Callable[[int, int], None] | None = None, rounds: int = ROUNDS,
    late: Callable[[], bool] = never,
) -> Floats:  # fmt: skip
    """[limit, T] prices at which the plan uses about what there is; zero where nothing is exceeded.

    Of the prices tried those at which plan and room together are worth most (Lagrange). The board stands at these
    prices afterwards.
    """
    prices = best = np.zeros_like(shared.room)
    columns, hot, box = Columns(_groups(board)), np.zeros(shared.room.shape, bool), _first_box(shared)
    worth, stands = -np.inf, prices
    for number in range(rounds):
        used = columns.add(board, shared)
        value = float(columns.cost[-1].sum() + (prices * _over(shared, used)).sum())
        best, worth = (prices, value) if value > worth else (best, worth)
        hot |= shared.exceeded(used)
        if not hot.any() or number == rounds - 1 or late():
            break
        duals = _master(columns, shared, hot, box)
        box = np.where(duals >= 0.99 * box, GROWTH * box, box)
        prices = SMOOTH * duals + (1 - SMOOTH) * best
        prices = prices.astype(np.float32).astype(np.float64)  # no tie hangs on the solver's last bits
        stands = _charged(board, shared, prices)
        if progress:
            progress(number + 1, rounds)
    if stands is not best:
        _charged(board, shared, best)
    return best


def _charged(board: Board, shared: Shared, prices: Floats) -> Floats:
    """The networks for which these prices change anything are planned again."""
    field, nodes = board.field, board.case.nodes
    before = [array.copy() for array in (field.unit, field.space_price, field.served_price)]
    shared.charge(field, prices, own=board.unit)
    changed = ((field.space_price != before[1]) | (field.served_price != before[2])).any(axis=1)
    changed[board.node[(field.unit != before[0]).any(axis=1)]] = True
    board.replan(np.isin(nodes.network, nodes.network[changed]))
    return prices


def _over(shared: Shared, used: Floats) -> Floats:
    """[limit, T] use beyond the room, below zero where some is left; zero where there is no limit."""
    return np.where(np.isfinite(shared.room), used - shared.room, 0.0)


def _first_box(shared: Shared) -> Floats:
    """[limit, T] the highest prices that the first master may ask for: small beside what a unit could gain."""
    return np.repeat(FIRST_BOX * shared.worth[:, None], shared.room.shape[1], axis=1)


def _groups(board: Board) -> Ints:
    """[N] number of the group of each node: whole SKU networks, dealt out so that groups are of a size."""
    networks = board.case.nodes.network
    count = int(networks.max(initial=-1)) + 1
    return networks if count <= GROUPS else np.asarray(networks * GROUPS // count, dtype=np.int64)


def _master(columns: Columns, shared: Shared, hot: Flags, box: Floats) -> Floats:
    """Duals of the limits in the master problem; use beyond a limit costs what the box allows."""
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
        cost[over] = float(min(shared.soft[i, t], box[i, t], BEYOND * shared.worth[i]))
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
