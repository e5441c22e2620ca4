"""What the modelling layer costs: the model of record written and handed over, three ways."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pulp

from planner.stock.case import Case
from planner.stock.highs import Highs
from planner.stock.inputs import read_case
from planner.stock.model import build, write
from planner.stock.optimise import room_left
from planner.stock.terms import Model, Terms
from tests.benchmarks.registry import Figure, benchmark
from tests.benchmarks.stock_arrays import Direct
from tests.benchmarks.stock_cases import AS_OF, generated

SIZE, SMOKE = 1000, 30
FASTER, SLOWER = 5.0, 16.0


@benchmark("stock-build")
def run(full: bool, smoke: bool) -> list[Figure]:
    """The model of record of a generated shop of 1,000 SKU-warehouses x 26 weeks, from arrays to HiGHS ready to run:
    PuLP as we write it and our hand-over; the same equations written with lpSum and += and handed over by pulp.HiGHS
    (its own addCol and addRow, without solving); and arrays built by numpy and scipy without a layer. The best of three
    (with --full five) for the first and the last, once for the second; after each the collector runs. Entries of all
    three must be equal, and with --smoke the objectives of the relaxations too."""
    case = _case(SMOKE if smoke else SIZE)
    rounds = 1 if smoke else 5 if full else 3
    ours, own = _best(_ours, case, rounds)
    arrays, direct = _best(_direct, case, rounds)
    plain, theirs = _best(_plain, case, 1)
    models = (own, theirs, direct)
    entries = [model.getNumNz() for model in models]
    assert len(set(entries)) == 1, f"the three ways do not build the same model: {entries} entries"
    if smoke:
        relaxed = [_relaxed(model) for model in models]
        assert np.allclose(relaxed, relaxed[0], rtol=1e-6), f"the three models differ: {relaxed}"
    return [
        Figure("columns", float(own.getNumCol()), "columns"),
        Figure("entries", float(entries[0]), "entries"),
        Figure("build and hand-over", ours, "s", None, "lower", "lpSum and pulp.HiGHS", plain, ours),
        Figure("faster than lpSum and pulp.HiGHS", plain / ours, "times", FASTER, "higher", None, None, plain),
        Figure("slower than direct arrays", ours / arrays, "times", SLOWER, "lower", None, None, arrays),
    ]


def _case(size: int) -> Case:
    shop = generated(size)
    return read_case(shop.dataset, shop.weekly, shop.cumulative, shop.settings, AS_OF)


def _best(way: Callable[[Case], Any], case: Case, rounds: int) -> tuple[float, Any]:
    """Least seconds, and the model inside HiGHS."""
    seconds, model = [], None
    for _ in range(rounds):
        model = None
        gc.collect()
        start = time.perf_counter()
        model = way(case)
        seconds.append(time.perf_counter() - start)
    return min(seconds), model


def _ours(case: Case) -> Any:
    return Highs(build(case, np.arange(len(case.nodes)), room_left(case)[0]).problem).highs


def _direct(case: Case) -> Any:
    return Direct(case, room_left(case)[0]).a.highs()


class _Plain(Model):
    """Variables and expressions as PuLP's own examples write them."""

    def var(
        self, name: str, cost: float = 0.0, low: float | None = 0.0, high: float | None = None, whole: bool = False
    ) -> pulp.LpVariable:
        variable = self.problem.add_variable(name, low, high, pulp.LpInteger if whole else pulp.LpContinuous)
        if cost:
            self.cost[variable] = cost
        return variable

    def row(self, terms: Terms, sense: int, right: float, name: str) -> None:
        total = pulp.lpSum(amount * variable for variable, amount in terms.items())
        self.problem += _compared(total, sense, right), name


def _compared(total: Any, sense: int, right: float) -> Any:
    return total <= right if sense < 0 else total >= right if sense > 0 else total == right


def _plain(case: Case) -> Any:
    nodes = np.arange(len(case.nodes))
    model = _Plain(case, nodes, case.links_of(nodes), pulp.LpProblem("replenish", pulp.LpMinimize))
    write(model, room_left(case)[0])
    model.problem += pulp.lpSum(amount * variable for variable, amount in model.cost.items())
    solver = pulp.HiGHS(msg=False, threads=1)
    solver.createAndConfigureSolver(model.problem)
    solver.buildSolverModel(model.problem)
    return model.problem.solverModel


def _relaxed(solver: Any) -> float:
    solver.setOptionValue("solve_relaxation", True)
    solver.run()
    return float(solver.getInfo().objective_function_value)
