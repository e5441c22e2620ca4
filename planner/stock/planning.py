"""The room's front door: tables and demand in, orders and plan out, checked."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock import check
from planner.stock.exceptions import exceptions
from planner.stock.inputs import read_case
from planner.stock.ledger import order_table, plan_table
from planner.stock.optimise import Plan, Progress, optimise
from planner.stock.relief import reliefs
from planner.stock.trucks import loads, vehicles


@dataclass(frozen=True)
class StockResult:
    """`summary`: status, objective, bound, gap, costs by kind, check (violations, empty when clean), seconds."""

    plan: pd.DataFrame
    orders: pd.DataFrame
    prices: pd.DataFrame
    exceptions: pd.DataFrame
    summary: dict[str, Any]


def replenish(
    dataset: Dataset, weekly: pd.DataFrame, cumulative: pd.DataFrame, uplift: pd.DataFrame, settings: Settings,
    as_of: dt.date, progress: Progress | None = None,
) -> StockResult:  # fmt: skip
    """What to buy and move, when, and what follows. `progress` is told (what, done, of how many).

    Raises InfeasibleError if hard limits cannot be met or no plan was found in time.
    """
    seconds = {}
    start = time.perf_counter()
    case = read_case(dataset, weekly, cumulative, settings, as_of)
    seconds["read"] = time.perf_counter() - start
    plan = optimise(case, settings.stock, progress)
    start = time.perf_counter()
    orders = order_table(case, plan.solution, plan.prices, uplift)
    table = plan_table(case, plan.solution)
    seconds["tables"] = time.perf_counter() - start
    start = time.perf_counter()
    violations = check.verify(dataset, weekly, orders, table, settings, as_of)
    seconds["check"] = time.perf_counter() - start
    return StockResult(
        table, orders, price_table(plan), exceptions(plan, dataset), _summary(plan, violations, seconds | plan.seconds)
    )


def price_table(plan: Plan) -> pd.DataFrame:
    """constraint, week, price: what one more unit of a shared limit is worth; limits without worth are left out."""
    limit, week = np.nonzero(plan.prices > 1e-9)
    names = np.array([plan.case.limits[i].name for i in limit], object)
    frame = pd.DataFrame(
        {"constraint": names, "week": plan.case.weeks.to_numpy()[week], "price": plan.prices[limit, week].round(9)}
    )
    return frame.astype({"constraint": object}).sort_values(["constraint", "week"]).reset_index(drop=True)


def _summary(plan: Plan, violations: list[str], seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "status": plan.status, "objective": plan.objective, "bound": plan.bound, "gap": plan.gap, "costs": plan.costs,
        "check": violations, "networks": int(plan.case.nodes.network.max(initial=-1)) + 1, "nodes": plan.nodes,
        "time_limit_hit": plan.timed_out, "limits": [found.record(plan.case.weeks) for found in reliefs(plan)],
        **({"vehicles": _vehicles(plan)} if plan.case.trucks else {}),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }  # fmt: skip


def _vehicles(plan: Plan) -> dict[str, float]:
    """`count` of whole vehicles, their `freight`, how full they are on average, and `relaxed_gap`: the gap to the bound
    that would let parts of vehicles travel."""
    case, quantity = plan.case, plan.solution.quantity(plan.case.links)
    count = vehicles(case, quantity).sum()
    return {
        "count": float(count), "freight": plan.costs["freight"],
        "fill": float(loads(case, quantity).sum() / count) if count else 0.0,
        "relaxed_gap": max(0.0, plan.objective - plan.relaxed) / max(abs(plan.objective), 1e-9),
    }  # fmt: skip
