"""The plan of small coupled shops beside CBC and HiGHS on the same model, in one piece."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.stock import check
from planner.stock.board import Board
from planner.stock.case import Case, Solution
from planner.stock.cbc import Cbc
from planner.stock.exact import read_plan
from planner.stock.highs import Highs
from planner.stock.inputs import read_case
from planner.stock.ledger import order_table, plan_table
from planner.stock.model import build
from planner.stock.optimise import optimise, room_left
from planner.stock.shared import Shared
from planner.stock.solve import Solver
from planner.stock.usage import costs, used_by_plan
from tests.benchmarks.lot_sizing import SECONDS as LOT_SECONDS
from tests.benchmarks.lot_sizing import instances, read
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, Missing, benchmark
from tests.benchmarks.stock_cases import AS_OF, Shop, generated

SECONDS, SMOKE_SECONDS, ALIKE, WITHIN = 60.0, 2.0, 1e-6, 1.0
SIZES = ((25, 13, None), (100, 26, 0.3))


@dataclass(frozen=True)
class Found:
    """Cost of a plan recomputed from its orders (inf if there is none), its bound, faults that the check finds."""

    cost: float
    bound: float
    faults: int
    seconds: float


@benchmark("stock-monolith")
def run(full: bool, smoke: bool) -> list[Figure]:
    """25 x 13 and 100 x 26 generated SKU-warehouses x weeks (tests/benchmarks/stock_cases.py, seed 1, with --full
    seeds 1 to 3) with default settings, beside CBC and HiGHS on the whole model of record with 60 s each, one thread,
    no start. Of every plan only the orders are taken: what follows from them, and what they cost, is computed anew for
    all alike, and the independent check must find no fault. The worst seed counts. Then eight named instances of lot
    sizing with set-up times (tests/benchmarks/lot_sizing.py; with --full all 52), every way with 30 s: how much dearer
    than the better of the two solvers."""
    figures: list[Figure] = []
    for size, weeks, share in ((6, 5, None),) if smoke else SIZES:
        seeds = (1, 2, 3) if full and not smoke else (1,)
        races = [_race(generated(size, weeks, seed), SMOKE_SECONDS if smoke else SECONDS) for seed in seeds]
        figures += _figures(f"{size} x {weeks}", races, share)
    try:
        return figures + _lot_sizing(full, smoke)
    except Missing as reason:
        print(f"lot sizing skipped: {reason}", file=sys.stderr)
        return figures


def _lot_sizing(full: bool, smoke: bool) -> list[Figure]:
    paths, limit = instances(needed("lot_sizing") / "lot_sizing", full and not smoke), 1.0 if smoke else LOT_SECONDS
    figures, dearer, faults = [], [], 0
    for path in paths[:1] if smoke else paths:
        race = _race(read(path, limit), limit)
        better = min(race[1].cost, race[2].cost)
        dearer.append(100 * (race[0].cost / better - 1))
        faults += sum(found.faults for found in race)
        peer = "CBC" if race[1].cost <= race[2].cost else "HiGHS"
        name = f"lot sizing {path.stem}: dearer than the better solver"
        figures.append(Figure(name, dearer[-1], "%", WITHIN, "lower", peer, better, race[0].seconds))
    return [
        *figures,
        Figure("lot sizing: dearer than the better solver, mean", float(np.mean(dearer)), "%"),
        Figure("lot sizing: faults", float(faults), "faults", 0.0),
    ]


def _figures(name: str, races: list[tuple[Found, Found, Found]], share: float | None) -> list[Figure]:
    worst = {peer: max(races, key=lambda race: race[0].cost / race[place].cost)
             for place, peer in ((1, "CBC"), (2, "HiGHS"))}  # fmt: skip
    ours, cbc, _ = worst["CBC"]
    own, _, highs = worst["HiGHS"]
    bound = max(race[0].cost / max(found.bound for found in race) - 1 for race in races)
    return [
        Figure(f"{name}: cost beside CBC", ours.cost / cbc.cost, "of its cost", share or 1 + ALIKE, "lower", "CBC",
               cbc.cost, ours.seconds),
        Figure(f"{name}: cost beside HiGHS", own.cost / highs.cost, "of its cost", 1 + ALIKE, "lower", "HiGHS",
               highs.cost, own.seconds),
        Figure(f"{name}: above the best bound of the three", 100 * bound, "%", None, "lower", None, None, ours.seconds),
        Figure(f"{name}: faults", float(sum(found.faults for race in races for found in race)), "faults", 0.0, "lower",
               None, None, ours.seconds),
    ]  # fmt: skip


def _race(shop: Shop, limit: float) -> tuple[Found, Found, Found]:
    case = read_case(shop.dataset, shop.weekly, shop.cumulative, shop.settings, AS_OF)
    start = time.perf_counter()
    plan = optimise(case, shop.settings.stock)
    seconds = time.perf_counter() - start
    ours = _judged(shop, case, plan.solution, plan.bound, seconds)
    return ours, _solved(shop, case, Cbc, limit), _solved(shop, case, Highs, limit)


def _solved(shop: Shop, case: Case, kind: type[Solver], limit: float) -> Found:
    """What a solver makes of the whole model in so many seconds."""
    start = time.perf_counter()
    model = build(case, np.arange(len(case.nodes)), room_left(case)[0])
    solver = kind(model.problem, limit)
    outcome = solver.whole_numbers(1e-6, 10**8)
    plan = read_plan(case, model, solver, outcome)
    seconds = time.perf_counter() - start
    bound = float(np.nan_to_num(outcome.bound, nan=-np.inf))
    if plan is None:
        return Found(np.inf, bound, 0, seconds)
    board = Board(case)
    board.take(plan)
    return _judged(shop, case, board.solution(), bound, seconds)


def _judged(shop: Shop, case: Case, plan: Solution, bound: float, seconds: float) -> Found:
    """The cost of a plan, infinite where it breaks a limit, and what the check says."""
    room = room_left(case)[0]
    shared = Shared(case, room)
    orders, ledger = order_table(case, plan, np.zeros_like(room), _no_uplift()), plan_table(case, plan)
    faults = check.verify(shop.dataset, shop.weekly, orders, ledger, shop.settings, AS_OF)
    broken = bool((shared.exceeded(used_by_plan(case, plan, room)) & shared.hard).any())
    cost = np.inf if broken else sum(costs(case, plan, room).values())
    return Found(cost, bound, len(faults), seconds)


def _no_uplift() -> pd.DataFrame:
    frame = pd.DataFrame({"campaign": [], "sku": [], "warehouse": [], "date": [], "net": []})
    return frame.astype({"date": "datetime64[ns]"})
