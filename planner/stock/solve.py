"""A PuLP problem handed to a solver in one piece, and the truth about what came back.

HiGHS solves it where it is installed, CBC, which comes with PuLP, where it is not.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

import numpy as np
import numpy.typing as npt
import pulp

from planner.stock.case import Floats
from planner.stock.terms import no_collector

Columns = npt.NDArray[np.int32]
_hash, _expression = attrgetter("hash"), attrgetter("expr")
_now = time.monotonic


@dataclass(frozen=True)
class Outcome:
    """`status` optimal (within the gap asked for), feasible, infeasible or none; `bound` is proven, or NaN."""

    status: str
    objective: float
    bound: float
    values: Floats
    nodes: int
    timed_out: bool = False

    @property
    def found(self) -> bool:
        return self.status in ("optimal", "feasible")


@dataclass(frozen=True)
class Column:
    """A variable to come: its cost, and its amount in the rows that it takes part in."""

    variable: pulp.LpVariable
    cost: float
    amounts: Mapping[pulp.LpConstraint, float]


@dataclass(frozen=True)
class Sparse:
    """A problem as arrays, row by row: `start` [rows + 1], `index` and `value` [entries]; inf where unbounded."""

    start: Columns
    index: Columns
    value: Floats
    row_lower: Floats
    row_upper: Floats
    cost: Floats
    lower: Floats
    upper: Floats
    whole: npt.NDArray[np.bool_]
    offset: float


class Solver(ABC):
    """One problem inside a solver. Bounds can be changed, columns added, and the problem solved again.

    `variables` are in the order of the columns, `index` gives the column by the hash of a variable. All solving
    together takes no longer than `time_limit` seconds.
    """

    def __init__(self, problem: pulp.LpProblem, time_limit: float = 1800.0) -> None:
        self.problem, self.deadline = problem, _now() + time_limit
        self.rows: list[pulp.LpConstraint] = problem.constraints()
        self.variables: list[pulp.LpVariable] = []
        self.index: dict[int, int] = {}
        with no_collector():
            self.arrays = self._sparse()

    def _sparse(self) -> Sparse:
        """Sparse arrays of the problem, columns in the order in which variables are first met."""
        objective, rows = self.problem.objective, list(map(_expression, self.rows))
        inside = list(chain.from_iterable(rows))
        hashes = list(map(_hash, inside))
        met = {variable.hash: variable for variable in objective}
        met.update(zip(hashes, inside, strict=True))
        self.variables, self.index = list(met.values()), dict(zip(met, range(len(met)), strict=True))
        cost = np.zeros(len(met))
        cost[: len(objective)] = np.fromiter(objective.values(), float, len(objective))
        right = np.array([-row.constant for row in self.rows], float)
        sense = np.array([row.sense for row in self.rows], np.int8)
        return Sparse(
            np.cumsum([0, *map(len, rows)], dtype=np.int32),
            np.fromiter(map(self.index.__getitem__, hashes), np.int32, len(hashes)),
            np.fromiter(chain.from_iterable(map(dict.values, rows)), float, len(hashes)),
            np.where(sense == pulp.LpConstraintLE, -np.inf, right),
            np.where(sense == pulp.LpConstraintGE, np.inf, right),
            cost,
            _bounds([variable.lowBound for variable in self.variables], -np.inf),
            _bounds([variable.upBound for variable in self.variables], np.inf),
            np.array([variable.cat == pulp.LpInteger for variable in self.variables], bool),
            float(objective.constant),
        )

    def positions(self, variables: Iterable[pulp.LpVariable]) -> Columns:
        """Column of each variable."""
        return np.array([self.index[variable.hash] for variable in variables], dtype=np.int32)

    def reset_bounds(self, columns: Columns) -> None:
        """The bounds that these columns had at first."""
        self.bound_columns(columns, self.arrays.lower[columns], self.arrays.upper[columns])

    def add_columns(self, columns: Iterable[Column]) -> None:
        """New variables, of any real amount >= 0, for the problem in PuLP and for the one in the solver."""
        fresh = list(columns)
        for column in fresh:
            self.index[column.variable.hash] = len(self.variables)
            self.variables.append(column.variable)
            self.problem.objective[column.variable] = column.cost
            for row, amount in column.amounts.items():
                row.expr[column.variable] = amount
        self._join(fresh)

    def left(self) -> float:
        """Seconds that are left; never less than one thousandth."""
        return max(1e-3, self.deadline - _now())

    @abstractmethod
    def _join(self, columns: list[Column]) -> None:
        """Take over columns that PuLP has already."""

    @abstractmethod
    def bound_columns(self, columns: Columns, lower: Floats, upper: Floats) -> None:
        """New bounds for some columns."""

    @abstractmethod
    def charge_columns(self, columns: Columns, cost: Floats) -> None:
        """New costs for some columns."""

    @abstractmethod
    def relaxed(self) -> Outcome:
        """Solve without integrality: the objective is the bound."""

    @abstractmethod
    def whole_numbers(self, gap: float, nodes: int, start: Floats | None = None) -> Outcome:
        """Solve with integrality, to a relative gap or a number of nodes, from a start if there is one."""

    @abstractmethod
    def duals(self) -> Floats:
        """[rows] by how much the objective of the last relaxation rises with the right-hand side of each row."""

    def write_back(self, outcome: Outcome) -> None:
        """Put values and the true status into the PuLP problem."""
        for variable, value in zip(self.variables, outcome.values.tolist(), strict=True):
            variable.varValue = value
        status = {"infeasible": pulp.LpStatusInfeasible, "none": pulp.LpStatusNotSolved}
        solution = {
            "optimal": pulp.LpSolutionOptimal, "feasible": pulp.LpSolutionIntegerFeasible,
            "infeasible": pulp.LpSolutionInfeasible, "none": pulp.LpSolutionNoSolutionFound,
        }  # fmt: skip
        self.problem.assignStatus(status.get(outcome.status, pulp.LpStatusOptimal), solution[outcome.status])


def _bounds(values: list[float | None], nothing: float) -> Floats:
    """None, PuLP's word for no bound, becomes infinite."""
    found = np.array(values, float)  # None is read as NaN
    return np.where(np.isnan(found), nothing, found)


def hand_over(problem: pulp.LpProblem, time_limit: float = 1800.0) -> Solver:
    """The problem inside HiGHS, or inside CBC where HiGHS cannot be loaded."""
    try:
        import highspy  # noqa: F401
    except (ImportError, OSError):
        from planner.stock.cbc import Cbc

        return Cbc(problem, time_limit)
    from planner.stock.highs import Highs

    return Highs(problem, time_limit)


def limit_prices(solver: Solver, like: Floats) -> Floats:
    """[limit, T] what one more unit of each shared limit is worth, from the rows named limit_c<limit>_t<week>."""
    prices = np.zeros_like(like)
    for row, dual in zip(solver.rows, solver.duals().tolist(), strict=True):
        if row.name.startswith("limit_c"):
            index, week = row.name.removeprefix("limit_c").split("_t")
            prices[int(index), int(week)] = max(0.0, -dual)
    return prices


def solve(problem: pulp.LpProblem, gap: float = 0.0, nodes: int = 100_000, time_limit: float = 1800.0) -> Outcome:
    """Solve one PuLP problem to the end; values and status stand in it afterwards."""
    solver = hand_over(problem, time_limit)
    outcome = solver.whole_numbers(gap, nodes)
    solver.write_back(outcome)
    return outcome
