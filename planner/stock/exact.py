"""The model of record, solved as one: for small cases, from the plan that the search has found."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.stock.case import Case, Floats, Solution
from planner.stock.model import build
from planner.stock.solve import Outcome, Solver, hand_over, limit_prices
from planner.stock.terms import Model
from planner.stock.trucks import vehicles
from planner.stock.usage import held, shipped

CELLS, SECONDS = 260, 20.0


@dataclass(frozen=True)
class Exact:
    """`solution` is None if no plan was found; `bound` is proven; `prices` [limit, T] are those of the relaxation."""

    solution: Solution | None
    bound: float
    prices: Floats
    nodes: int
    timed_out: bool


def small(case: Case) -> bool:
    """Whether the whole case fits into one model; `SECONDS` are enough for nearly all of it."""
    return len(case.nodes) * case.horizon <= CELLS


def solve_exactly(
    case: Case, room: Floats, start: Solution | None, gap: float, nodes: int, time_limit: float
) -> Exact:  # fmt: skip
    """Branch and bound from a plan, to a relative gap, a number of nodes or seconds: the best plan so far is kept."""
    model = build(case, np.arange(len(case.nodes)), room if case.limits else None)
    solver = hand_over(model.problem, time_limit)
    relaxed = solver.relaxed()
    prices = limit_prices(solver, room) if relaxed.found else np.zeros_like(room)
    values = _complete(model, solver, start) if start is not None else None
    outcome = solver.whole_numbers(gap, nodes, values)
    bound = np.nanmax([-np.inf, relaxed.bound, outcome.bound])
    return Exact(read_plan(case, model, solver, outcome), bound, prices, outcome.nodes, outcome.timed_out)


def _complete(model: Model, solver: Solver, plan: Solution) -> Floats | None:
    """The values of all variables that follow from a plan's orders; None if the model does not allow them."""
    packs = {key: plan.packs[key[:2]] * (plan.tier[key[:2]] == key[2]) for key in model.packs}
    placed = {key: float(packs[key] > 0) for key in model.placed}
    opened = {(int(model.case.links.joint[key[0]]), key[1]) for key, amount in packs.items() if amount > 0}
    joint = {key: float(key in opened) for key in model.joint}
    there = held(model.case, plan) - shipped(model.case, plan)
    full = {key: float(there[key[:2]] >= key[2] - 1e-9) for key in model.full}
    loads = vehicles(model.case, plan.quantity(model.case.links))
    trucks = {key: loads[key] for key in model.trucks}
    every = [*model.packs.values(), *model.placed.values(), *model.joint.values(), *model.full.values(),
             *model.trucks.values()]  # fmt: skip
    columns = solver.positions(every)
    amounts = np.array([*packs.values(), *placed.values(), *joint.values(), *full.values(), *trucks.values()], float)
    if not len(columns):
        return None
    solver.bound_columns(columns, amounts, amounts)
    outcome = solver.relaxed()
    solver.reset_bounds(columns)
    return outcome.values if outcome.found else None


def read_plan(case: Case, model: Model, solver: Solver, outcome: Outcome) -> Solution | None:
    """The values of a model as a plan."""
    if not outcome.found:
        return None
    orders, weeks = (len(case.links), case.horizon), (len(case.nodes), case.horizon)
    plan = Solution(np.zeros(orders), np.zeros(orders, np.int64), np.zeros(weeks), np.zeros(weeks), np.zeros(weeks))
    for (link, week, tier), variable in model.packs.items():
        packs = round(float(outcome.values[solver.index[variable.hash]]))
        if packs > 0:
            plan.packs[link, week], plan.tier[link, week] = packs, tier
    pairs = ((plan.stock, model.stock), (plan.short, model.short), (plan.extra, model.extra))
    for target, variables in pairs:
        for spot, variable in variables.items():
            target[spot] = max(0.0, float(outcome.values[solver.index[variable.hash]]))
    return plan
