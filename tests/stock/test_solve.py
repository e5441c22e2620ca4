"""The hand-over to HiGHS or CBC: true status, bound and gap."""

from __future__ import annotations

import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pulp
import pytest

from planner.stock.cbc import Cbc
from planner.stock.exact import solve_exactly
from planner.stock.highs import Highs
from planner.stock.optimise import optimise, room_left
from planner.stock.solve import Column, Solver, hand_over, solve
from tests.stock.world import World, one

BOTH = pytest.mark.parametrize("kind", [Highs, Cbc])


def knapsack() -> pulp.LpProblem:
    problem = pulp.LpProblem("knapsack", pulp.LpMinimize)
    items = [problem.add_variable(f"take_{i}", 0, 1, pulp.LpInteger) for i in range(4)]
    problem.setObjective(pulp.LpAffineExpression(dict(zip(items, (-8.0, -11.0, -6.0, -4.0), strict=True))))
    weight = pulp.LpAffineExpression(dict(zip(items, (5.0, 7.0, 4.0, 3.0), strict=True)))
    problem.addConstraint(pulp.LpConstraint(weight, pulp.LpConstraintLE, "weight", 14.0))
    return problem


def test_optimum_status_and_bound_stand_in_the_problem() -> None:
    problem = knapsack()
    outcome = solve(problem)
    assert (outcome.status, outcome.objective, outcome.bound) == ("optimal", -21.0, pytest.approx(-21.0))
    assert problem.sol_status == pulp.LpSolutionOptimal
    assert [variable.varValue for variable in problem.variables()] == [0.0, 1.0, 1.0, 1.0]


def test_relaxation_bounds_the_optimum() -> None:
    relaxed = hand_over(knapsack()).relaxed()
    assert relaxed.objective == pytest.approx(-22.0)


def test_infeasible_is_called_so() -> None:
    problem = knapsack()
    weight = problem.get_constraint_by_name("weight")
    problem.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(weight), pulp.LpConstraintGE, "more", 60.0))
    outcome = solve(problem)
    assert (outcome.status, outcome.found) == ("infeasible", False)
    assert problem.status == pulp.LpStatusInfeasible


def hard() -> pulp.LpProblem:
    problem = pulp.LpProblem("hard", pulp.LpMinimize)
    items = [problem.add_variable(f"x_{i}", 0, 1, pulp.LpInteger) for i in range(60)]
    problem.setObjective(pulp.LpAffineExpression({x: -(1.0 + (7.3 * i) % 11) for i, x in enumerate(items)}))
    for r in range(12):
        row = pulp.LpAffineExpression({x: 3.0 + (5.7 * i + 3.1 * r * i) % 13 for i, x in enumerate(items)})
        problem.addConstraint(pulp.LpConstraint(row, pulp.LpConstraintLE, f"row_{r}", 97.0 + r))
    return problem


@BOTH
def test_a_plan_that_is_not_proven_is_feasible_not_optimal(kind: type[Solver]) -> None:
    outcome = kind(hard()).whole_numbers(0.0, 3)
    assert outcome.status == "feasible"
    assert outcome.bound < outcome.objective - 0.1


@BOTH
def test_a_time_limit_keeps_the_best_plan_and_the_bound(kind: type[Solver]) -> None:
    solver = kind(hard(), time_limit=0.1)
    outcome = solver.whole_numbers(0.0, 1_000_000, np.zeros(60))
    assert (outcome.status, outcome.timed_out) == ("feasible", True)
    assert outcome.bound < outcome.objective <= 0.0
    solver.write_back(outcome)
    assert solver.problem.sol_status == pulp.LpSolutionIntegerFeasible


@BOTH
def test_a_start_is_never_lost(kind: type[Solver]) -> None:
    best = solve(knapsack()).objective
    solver = kind(knapsack())
    assert solver.whole_numbers(0.0, 1, np.array([0.0, 1.0, 1.0, 1.0])).objective == best


@BOTH
def test_columns_join_a_living_model(kind: type[Solver]) -> None:
    """A new item of which nine units fit: worth 36 by itself, and the relaxation is asked again."""
    solver = kind(knapsack())
    assert (solver.relaxed().objective, solver.duals().tolist()) == (pytest.approx(-22.0), [pytest.approx(-1.5)])
    new = solver.problem.add_variable("new", 0)
    solver.add_columns([Column(new, -4.0, {solver.rows[0]: 1.5})])
    outcome = solver.relaxed()
    assert outcome.objective == pytest.approx(-4.0 * 14 / 1.5)
    assert outcome.values[solver.positions([new])[0]] == pytest.approx(14 / 1.5)
    assert solver.duals() == pytest.approx([-4.0 / 1.5])
    solver.charge_columns(solver.positions([new]), np.array([0.0]))
    assert solver.relaxed().objective == pytest.approx(-22.0)


@BOTH
def test_bounds_can_be_changed_and_taken_back(kind: type[Solver]) -> None:
    solver = kind(knapsack())
    first = solver.positions(solver.variables[1:2])
    solver.bound_columns(first, np.zeros(1), np.zeros(1))
    assert solver.relaxed().objective == pytest.approx(-18.0)
    solver.reset_bounds(first)
    assert solver.relaxed().objective == pytest.approx(-22.0)


def coupled() -> World:
    """A SKU at two warehouses for five weeks, which together want more than the supplier has."""
    base = one(order_cost=4.0, order_multiple=6.0)
    rows = {
        name: [*base.tables[name], {**base.tables[name][-1], column: "V"}]
        for name, column in (("locations", "location"), ("stocking", "warehouse"), ("sourcing", "destination"),
                             ("stock", "warehouse"))
    }  # fmt: skip
    weeks = pd.date_range("2026-03-02", periods=5, freq="W-MON")
    base_limit = {"scope": "supply", "resource": "S", "measure": "units", "limit": 16.0}
    rows["capacities"] = [{**base_limit, "week": week} for week in weeks]
    return replace(base.with_rows(**rows), demand={("A", "W"): 10.0, ("A", "V"): 7.0}, weeks=5)


def test_without_highs_cbc_finds_the_same_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    case = coupled().case
    room = room_left(case)[0]
    with_highs = solve_exactly(case, room, None, 1e-6, 100_000, 30.0)
    plan = optimise(case, coupled().settings.stock)
    monkeypatch.setitem(sys.modules, "highspy", None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(hand_over(knapsack()), Cbc)
        without = solve_exactly(case, room, None, 1e-6, 100_000, 30.0)
        again = optimise(case, coupled().settings.stock)
    assert with_highs.prices.any()
    assert without.bound == pytest.approx(with_highs.bound, rel=1e-5)
    assert without.prices == pytest.approx(with_highs.prices, abs=1e-4)
    assert again.objective == pytest.approx(plan.objective, rel=0.005)
