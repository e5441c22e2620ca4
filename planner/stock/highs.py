"""The hand-over to HiGHS: sparse arrays in one piece, and a model that lives on between solves."""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
import pulp

from planner.stock.case import Floats
from planner.stock.solve import Column, Columns, Outcome, Solver


class Highs(Solver):
    """One problem inside HiGHS. What is solved again starts where the last solve ended."""

    def __init__(self, problem: pulp.LpProblem, time_limit: float = 1800.0) -> None:
        super().__init__(problem, time_limit)
        self.highs = highspy.Highs()
        for name, value in (("output_flag", False), ("threads", 1), ("random_seed", 1)):
            self.highs.setOptionValue(name, value)
        self.highs.passModel(self._model())

    def _model(self) -> Any:
        arrays, model = self.arrays, highspy.HighsLp()
        model.num_col_, model.num_row_ = len(arrays.cost), len(arrays.row_lower)
        model.col_cost_, model.offset_ = arrays.cost, arrays.offset
        model.sense_ = highspy.ObjSense.kMaximize if self.problem.sense < 0 else highspy.ObjSense.kMinimize
        model.col_lower_, model.col_upper_ = arrays.lower, arrays.upper
        model.row_lower_, model.row_upper_ = arrays.row_lower, arrays.row_upper
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_ = arrays.start, arrays.index
        model.a_matrix_.value_ = arrays.value
        return model

    def bound_columns(self, columns: Columns, lower: Floats, upper: Floats) -> None:
        if len(columns):
            self.highs.changeColsBounds(len(columns), columns, np.asarray(lower, float), np.asarray(upper, float))

    def charge_columns(self, columns: Columns, cost: Floats) -> None:
        if len(columns):
            self.highs.changeColsCost(len(columns), columns, np.asarray(cost, float))

    def _join(self, columns: list[Column]) -> None:
        place = {id(row): number for number, row in enumerate(self.rows)}
        inside = [(place[id(row)], amount) for column in columns for row, amount in column.amounts.items()]
        start = np.cumsum([0, *(len(column.amounts) for column in columns)])[:-1]
        self.highs.addCols(
            len(columns), np.array([column.cost for column in columns], float), np.zeros(len(columns)),
            np.full(len(columns), np.inf), len(inside), start.astype(np.int32),
            np.array([row for row, _ in inside], np.int32), np.array([amount for _, amount in inside], float),
        )  # fmt: skip

    def relaxed(self) -> Outcome:
        self._integrality(False)
        self._run()
        good = self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        objective = self.highs.getInfo().objective_function_value if good else np.nan
        return Outcome(self._status(good, good), objective, objective, self._values(good), 0, self._timed_out())

    def whole_numbers(self, gap: float, nodes: int, start: Floats | None = None) -> Outcome:
        self._integrality(True)
        self.highs.setOptionValue("mip_rel_gap", gap)
        self.highs.setOptionValue("mip_max_nodes", nodes)
        if start is not None:
            solution = highspy.HighsSolution()
            solution.col_value = start.tolist()
            self.highs.setSolution(solution)
        self._run()
        info = self.highs.getInfo()
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        good = self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        bound = info.mip_dual_bound if np.isfinite(info.mip_dual_bound) else np.nan
        if not self.arrays.whole.any():
            bound = info.objective_function_value if good else np.nan
        objective = info.objective_function_value if found else np.nan
        nodes = max(0, int(info.mip_node_count))
        return Outcome(self._status(found, good), objective, bound, self._values(found), nodes, self._timed_out())

    def duals(self) -> Floats:
        return np.array(self.highs.getSolution().row_dual, float)

    def _run(self) -> None:
        """Every run has what is left of the time."""
        self.highs.setOptionValue("time_limit", self.left())
        self.highs.run()

    def _integrality(self, whole: bool) -> None:
        columns = np.flatnonzero(self.arrays.whole).astype(np.int32)
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
