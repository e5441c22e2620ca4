"""The way without HiGHS: CBC, which comes with PuLP, called through PuLP and read from its own log."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pulp

from planner.stock.case import Floats
from planner.stock.solve import Column, Columns, Outcome, Solver

_BOUND = re.compile(r"^Lower bound:\s+(\S+)", re.MULTILINE)
_NODES = re.compile(r"^Enumerated nodes:\s+(\d+)", re.MULTILINE)
_TIME = re.compile(r"^Result - Stopped on time|^Exiting on maximum time", re.MULTILINE)


class Cbc(Solver):
    """One problem that CBC solves, from a file and from the start each time. Bounds stand in PuLP's variables."""

    log = ""

    def bound_columns(self, columns: Columns, lower: Floats, upper: Floats) -> None:
        limits = zip(columns.tolist(), np.asarray(lower).tolist(), np.asarray(upper).tolist(), strict=True)
        for column, low, high in limits:
            variable = self.variables[column]
            variable.lowBound = low if np.isfinite(low) else None
            variable.upBound = high if np.isfinite(high) else None

    def charge_columns(self, columns: Columns, cost: Floats) -> None:
        for column, amount in zip(columns.tolist(), np.asarray(cost).tolist(), strict=True):
            self.problem.objective[self.variables[column]] = amount

    def _join(self, columns: list[Column]) -> None:
        """PuLP has them already, and CBC reads everything anew."""

    def relaxed(self) -> Outcome:
        self._run(mip=False)
        good = self.problem.sol_status == pulp.LpSolutionOptimal
        objective = float(pulp.value(self.problem.objective)) if good else np.nan
        return Outcome(self._status(), objective, objective, self._values(good), 0, self._timed_out())

    def whole_numbers(self, gap: float, nodes: int, start: Floats | None = None) -> Outcome:
        """A solve that ends at its gap or at the root prints no bound: then it is what the gap leaves of the cost."""
        if start is not None:
            for variable, value in zip(self.variables, start.tolist(), strict=True):
                variable.varValue = value
        self._run(gapRel=gap, maxNodes=nodes, warmStart=start is not None)
        status = self._status()
        found = status in ("optimal", "feasible")
        objective = float(pulp.value(self.problem.objective)) if found else np.nan
        told = _BOUND.search(self.log)
        bound = float(told.group(1)) if told else np.nan
        if told is None and status == "optimal":
            bound = objective - gap * abs(objective)
        count = _NODES.search(self.log)
        nodes = int(count.group(1)) if count else 0
        return Outcome(status, objective, bound, self._values(found), nodes, self._timed_out())

    def duals(self) -> Floats:
        return np.array([row.pi or 0.0 for row in self.rows], float)

    def _run(self, **options: Any) -> None:
        """A free variable without a value is one that CBC's file does not name: it is 0."""
        bundled = getattr(pulp, "PULP_CBC_CMD", None)
        path = bundled.pulp_cbc_path if bundled is not None else None
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log"
            solver = pulp.COIN_CMD(
                path=path, msg=False, timeLimit=self.left(), logPath=str(log), options=["randomS 1"], **options
            )
            self.problem.solve(solver)
            self.log = log.read_text(encoding="utf-8", errors="replace")

    def _status(self) -> str:
        """Of a relaxation or a search; `feasible` too where the search ended at the gap that was asked for."""
        solution = self.problem.sol_status
        if self.problem.status == pulp.LpStatusInfeasible:
            return "infeasible"
        found = {pulp.LpSolutionOptimal: "optimal", pulp.LpSolutionIntegerFeasible: "feasible"}
        return found.get(solution, "none")

    def _timed_out(self) -> bool:
        return _TIME.search(self.log) is not None

    def _values(self, found: bool) -> Floats:
        values = [variable.varValue for variable in self.variables] if found else [None] * len(self.variables)
        return np.array([np.nan if value is None else value for value in values], float)
