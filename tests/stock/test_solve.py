"""The hand-over to HiGHS: true status, bound and gap."""

from __future__ import annotations

import pulp
import pytest

from planner.stock.solve import Solver, solve


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
    relaxed = Solver(knapsack()).relaxed()
    assert relaxed.objective == pytest.approx(-22.0)


def test_infeasible_is_called_so() -> None:
    problem = knapsack()
    weight = problem.get_constraint_by_name("weight")
    problem.addConstraint(pulp.LpConstraint(pulp.LpAffineExpression(weight), pulp.LpConstraintGE, "more", 60.0))
    outcome = solve(problem)
    assert (outcome.status, outcome.found) == ("infeasible", False)
    assert problem.status == pulp.LpStatusInfeasible


def test_a_plan_that_is_not_proven_is_feasible_not_optimal() -> None:
    problem = pulp.LpProblem("hard", pulp.LpMinimize)
    items = [problem.add_variable(f"x_{i}", 0, 1, pulp.LpInteger) for i in range(40)]
    problem.setObjective(pulp.LpAffineExpression({x: -(1.0 + (7 * i) % 11) for i, x in enumerate(items)}))
    for r in range(6):
        row = pulp.LpAffineExpression({x: 3.0 + (5 * i + 3 * r * i) % 13 for i, x in enumerate(items)})
        problem.addConstraint(pulp.LpConstraint(row, pulp.LpConstraintLE, f"row_{r}", 97.0 + r))
    solver = Solver(problem)
    start = solver.whole_numbers(0.5, 1)
    assert start.status in ("feasible", "optimal")
    assert start.bound <= start.objective + 1e-6
