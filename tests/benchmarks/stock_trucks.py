"""The stock plan where goods travel in whole vehicles: gap to a bound that prices whole ones, seconds, how full."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.stock import check
from planner.stock.ledger import order_table, plan_table
from planner.stock.optimise import optimise
from planner.stock.trucks import loads, vehicles
from tests.benchmarks.registry import Figure, benchmark
from tests.benchmarks.stock_cases import AS_OF, Shop, generated, with_vehicles
from tests.benchmarks.stock_scale import SMOKE, apart, case_of, no_uplift

SIZE, SECONDS, GAP = 1000, 60.0, 1.0


@dataclass(frozen=True)
class Loaded:
    """Gaps in % of the cost, seconds, number of faults and of vehicles, mean fill and share of freight in %."""

    gap: float
    relaxed: float
    seconds: float
    faults: int
    count: float
    fill: float
    share: float


@benchmark("stock-trucks")
def run(full: bool, smoke: bool) -> list[Figure]:
    """1,000 generated SKU-warehouses x 26 weeks as in stock-scale, without its limits: on every lane from a supplier or
    the dc two vehicles a week would about carry its demand, at 4 % of the value of their goods. Gap to the bound that
    prices whole vehicles, beside it the gap to the relaxation, in which parts of vehicles travel; wall seconds of the
    plan, orders to bound. One seed, with --full three; the worst of them."""
    size = SMOKE if smoke else SIZE
    found = [apart(_planned, (size, seed)) for seed in ((1, 2, 3) if full else (1,))]
    worst = max(p.seconds for p in found)
    told = [
        Figure("proven gap", max(p.gap for p in found), "%", None if smoke else GAP),
        Figure("gap to the relaxation", max(p.relaxed for p in found), "%"),
        Figure("plan", worst, "s", None if smoke else SECONDS),
        Figure("faults", float(sum(p.faults for p in found)), "faults", 0.0),
        Figure("whole vehicles", found[0].count, "vehicles"),
        Figure("how full", min(p.fill for p in found), "%"),
        Figure("freight, of the cost", max(p.share for p in found), "%"),
    ]
    return [replace(figure, figure=f"{size:,}: {figure.figure}", seconds=worst) for figure in told]


def _planned(given: tuple[int, int]) -> Loaded:
    size, seed = given
    warm = with_vehicles(generated(SMOKE, limits=False))
    optimise(case_of(warm), warm.settings.stock)  # compiled code is loaded here
    shop: Shop = with_vehicles(generated(size, seed=seed, limits=False))
    case = case_of(shop)
    start = time.perf_counter()
    plan = optimise(case, shop.settings.stock)
    seconds = time.perf_counter() - start
    orders: pd.DataFrame = order_table(case, plan.solution, plan.prices, no_uplift())
    faults = check.verify(shop.dataset, shop.weekly, orders, plan_table(case, plan.solution), shop.settings, AS_OF)
    quantity = plan.solution.quantity(case.links)
    count, cost = float(vehicles(case, quantity).sum()), plan.objective
    return Loaded(
        100 * plan.gap, 100 * (cost - plan.relaxed) / cost, seconds, len(faults), count,
        100 * float(np.sum(loads(case, quantity))) / count, 100 * plan.costs["freight"] / cost,
    )  # fmt: skip
