"""A PuLP problem handed to HiGHS in one piece, and the truth about what came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
import pulp

from planner.stock.case import Floats

_SENSE = {pulp.LpConstraintLE: (-np.inf, 0.0), pulp.LpConstraintEQ: (0.0, 0.0), pulp.LpConstraintGE: (0.0, np.inf)}


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


class Solver:
    """One problem inside HiGHS. Bounds can be changed and the problem solved again from where it stood."""

    def __init__(self, problem: pulp.LpProblem, time_limit: float = 1800.0) -> None:
        self.variables: list[pulp.LpVariable] = []
        self.index: dict[int, int] = {}
        self.problem = problem
        model = self._model()
        self.highs = highspy.Highs()
        for name, value in (("output_flag", False), ("threads", 1), ("random_seed", 1), ("time_limit", time_limit)):
            self.highs.setOptionValue(name, value)
        self.whole = np.array([variable.cat == pulp.LpInteger for variable in self.variables], bool)
        self.lower, self.upper = np.array(model.col_lower_), np.array(model.col_upper_)
        self.highs.passModel(model)

    def _model(self) -> Any:
        """Sparse arrays of the problem, in the order in which variables are first met."""
        for variable in self.problem.objective:
            self._position(variable)
        starts, columns, values, lower, upper = [0], [], [], [], []
        for row in self.problem.constraints():
            for variable, amount in row.items():
                columns.append(self._position(variable))
                values.append(amount)
            starts.append(len(columns))
            low, high = _SENSE[row.sense]
            lower.append(low - row.constant)
            upper.append(high - row.constant)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(self.variables), len(lower)
        model.col_cost_ = np.array([self.problem.objective.get(v, 0.0) for v in self.variables], float)
        model.offset_ = float(self.problem.objective.constant)
        model.col_lower_ = np.array([-np.inf if v.lowBound is None else v.lowBound for v in self.variables], float)
        model.col_upper_ = np.array([np.inf if v.upBound is None else v.upBound for v in self.variables], float)
        model.row_lower_, model.row_upper_ = np.array(lower, float), np.array(upper, float)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.array(starts, np.int32)
        model.a_matrix_.index_ = np.array(columns, np.int32)
        model.a_matrix_.value_ = np.array(values, float)
        return model

    def _position(self, variable: pulp.LpVariable) -> int:
        position = self.index.get(variable.hash)
        if position is None:
            position = self.index[variable.hash] = len(self.variables)
            self.variables.append(variable)
        return position

    def positions(self, variables: Any) -> np.ndarray:
        """Column of each variable."""
        return np.array([self.index[variable.hash] for variable in variables], dtype=np.int32)

    def bound_columns(self, columns: np.ndarray, lower: Floats, upper: Floats) -> None:
        """New bounds for some columns."""
        if len(columns):
            self.highs.changeColsBounds(len(columns), columns, np.asarray(lower, float), np.asarray(upper, float))

    def reset_bounds(self, columns: np.ndarray) -> None:
        self.bound_columns(columns, self.lower[columns], self.upper[columns])

    def relaxed(self) -> Outcome:
        """Solve without integrality: the objective is the bound."""
        self._integrality(False)
        self.highs.run()
        good = self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        objective = self.highs.getInfo().objective_function_value if good else np.nan
        return Outcome(self._status(good, good), objective, objective, self._values(good), 0, self._timed_out())

    def whole_numbers(self, gap: float, nodes: int, start: Floats | None = None) -> Outcome:
        """Solve with integrality, to a relative gap or a number of nodes, from a start if there is one."""
        self._integrality(True)
        self.highs.setOptionValue("mip_rel_gap", gap)
        self.highs.setOptionValue("mip_max_nodes", nodes)
        if start is not None:
            solution = highspy.HighsSolution()
            solution.col_value = start.tolist()
            self.highs.setSolution(solution)
        self.highs.run()
        info = self.highs.getInfo()
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        good = self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        bound = info.mip_dual_bound if np.isfinite(info.mip_dual_bound) else np.nan
        if not self.whole.any():
            bound = info.objective_function_value if good else np.nan
        objective = info.objective_function_value if found else np.nan
        return Outcome(
            self._status(found, good),
            objective,
            bound,
            self._values(found),
            int(info.mip_node_count),
            self._timed_out(),
        )

    def _integrality(self, whole: bool) -> None:
        columns = np.flatnonzero(self.whole).astype(np.int32)
        kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
        if len(columns):
            self.highs.changeColsIntegrality(len(columns), columns, np.full(len(columns), int(kind), np.uint8))

    def _status(self, found: bool, good: bool) -> str:
        if self.highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
            return "infeasible"
        return "optimal" if found and good else "feasible" if found else "none"

    def _timed_out(self) -> bool:
        return bool(self.highs.getModelStatus() == highspy.HighsModelStatus.kTimeLimit)

    def _values(self, found: bool) -> Floats:
        return np.array(self.highs.getSolution().col_value) if found else np.full(len(self.variables), np.nan)

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


def solve(problem: pulp.LpProblem, gap: float = 0.0, nodes: int = 100_000) -> Outcome:
    """Solve one PuLP problem to the end; values and status stand in it afterwards."""
    solver = Solver(problem)
    outcome = solver.whole_numbers(gap, nodes)
    solver.write_back(outcome)
    return outcome
