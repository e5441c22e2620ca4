"""The whole stock plan at the size of a retailer: seconds, memory, proven gap, and how much the shared limits bind."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any, TypeVar

import pandas as pd

from planner.stock import check
from planner.stock.board import Board
from planner.stock.case import Case
from planner.stock.inputs import read_case
from planner.stock.ledger import order_table, plan_table
from planner.stock.optimise import Plan, optimise, room_left
from planner.stock.shared import Shared
from tests.benchmarks.registry import Figure, benchmark
from tests.benchmarks.scale import peak_kib
from tests.benchmarks.stock_cases import AS_OF, Shop, generated

TARGETS = {1000: (3.0, 0.6), 5000: (10.0, 0.5), 30_000: (90.0, 0.5)}
MEMORY, SMOKE = 4.0, 60
T = TypeVar("T")


@dataclass(frozen=True)
class Planned:
    """Seconds of the plan and of its parts, seconds of tables in, tables out and check, gap in %, number of faults, and
    by how many % of its room each limit would be exceeded in its worst week by a plan that knows of none; GiB."""

    seconds: float
    parts: dict[str, float]
    around: float
    gap: float
    faults: int
    binds: dict[str, float]
    memory: float


@benchmark("stock-scale")
def run(full: bool, smoke: bool) -> list[Figure]:
    """1,000, 5,000 and 30,000 generated SKU-warehouses x 26 weeks with order cost, MOQ, packs, price breaks, three
    shared limits, uncertain demand, a third of the SKUs behind a dc (tests/benchmarks/stock_cases.py). Wall seconds of
    the plan, orders to bound, in a process of its own with compiled code at hand, the worst of three seeds (30,000:
    one seed, with --full three); reading the tables, writing and checking the plan beside it; the compile time of a
    first run by itself. Peak memory is that of the whole process."""
    figures = [] if smoke else [Figure("compiling, once", _afresh(_compile), "s")]
    for size in (SMOKE,) if smoke else TARGETS:
        seeds = (1,) if smoke or (size == 30_000 and not full) else (1, 2, 3)
        figures += _figures(size, [apart(_planned, (size, seed)) for seed in seeds])
    return figures


def _figures(size: int, found: list[Planned]) -> list[Figure]:
    seconds, gap = TARGETS.get(size, (None, None))
    worst = max(found, key=lambda planned: planned.seconds)
    told = [
        Figure("plan", worst.seconds, "s", seconds),
        Figure("proven gap", max(p.gap for p in found), "%", gap),
        Figure("faults", float(sum(p.faults for p in found)), "faults", 0.0),
        Figure("peak memory", max(p.memory for p in found), "GiB", MEMORY),
        Figure("tables in, tables out, check", max(p.around for p in found), "s"),
        *(Figure(f"of it {name}", value, "s") for name, value in worst.parts.items()),
        *(Figure(f"plan without limits beyond {name}, worst week", min(p.binds[name] for p in found), "% of the limit")
          for name in found[0].binds),
    ]  # fmt: skip
    return [replace(figure, figure=f"{size:,}: {figure.figure}", seconds=worst.seconds) for figure in told]


def apart(function: Callable[[T], Any], given: T) -> Any:
    """What a function gives in a fresh process."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, given).result()


def _afresh(function: Callable[[None], T]) -> T:
    """What a function gives in a fresh process that finds no compiled code: where that lies is read at the start."""
    kept = os.environ.get("NUMBA_CACHE_DIR")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NUMBA_CACHE_DIR"] = folder
        try:
            return apart(function, None)
        finally:
            del os.environ["NUMBA_CACHE_DIR"]
            if kept is not None:
                os.environ["NUMBA_CACHE_DIR"] = kept


def _planned(given: tuple[int, int]) -> Planned:
    size, seed = given
    _optimised(case_of(generated(SMOKE)), generated(SMOKE))  # compiled code is loaded here
    shop = generated(size, seed=seed)
    start = time.perf_counter()
    case = case_of(shop)
    read = time.perf_counter() - start
    plan = _optimised(case, shop)
    seconds = sum(plan.seconds.values())
    start = time.perf_counter()
    orders, ledger = order_table(case, plan.solution, plan.prices, no_uplift()), plan_table(case, plan.solution)
    faults = check.verify(shop.dataset, shop.weekly, orders, ledger, shop.settings, AS_OF)
    around = read + time.perf_counter() - start
    memory = peak_kib() / 2**20
    return Planned(seconds, plan.seconds, around, 100 * plan.gap, len(faults), _exceeded(case), memory)


def case_of(shop: Shop) -> Case:
    return read_case(shop.dataset, shop.weekly, shop.cumulative, shop.settings, AS_OF)


def _optimised(case: Case, shop: Shop) -> Plan:
    return optimise(case, shop.settings.stock)


def _exceeded(case: Case) -> dict[str, float]:
    """By how many % of the room a plan that knows no limits goes beyond each limit in its worst week."""
    board, room = Board(case), room_left(case)[0]
    board.plan()
    used = Shared(case, room).used(board)
    return {limit.name: float(100 * (used[i] / room[i] - 1).max()) for i, limit in enumerate(case.limits)}


def no_uplift() -> pd.DataFrame:
    frame = pd.DataFrame({"campaign": [], "sku": [], "warehouse": [], "date": [], "net": []})
    return frame.astype({"date": "datetime64[ns]"})


def _compile(_: None) -> float:
    """Seconds by which a first plan, whose loops have to be compiled, takes longer than a second one."""
    seconds = []
    for _ in range(2):
        shop = generated(SMOKE)
        start = time.perf_counter()
        _optimised(case_of(shop), shop)
        seconds.append(time.perf_counter() - start)
    return seconds[0] - seconds[1]
