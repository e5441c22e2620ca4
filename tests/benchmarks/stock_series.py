"""Single series: the dynamic programme beside HiGHS on the model of record."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from planner.stock.board import Board
from planner.stock.bounds import lower_bound
from planner.stock.case import Case, Solution
from planner.stock.exact import solve_exactly
from planner.stock.optimise import room_left
from planner.stock.shared import Shared
from planner.stock.usage import costs
from tests.benchmarks.registry import Figure, benchmark
from tests.stock.world import World, one

SERIES, WEEKS, SECONDS, ALIKE = 200, 26, 5.0, 1e-4
POINTS = 2000


@dataclass(frozen=True)
class Race:
    """Cost of our plan, of HiGHS's (infinite if it found none), both bounds, both seconds."""

    ours: float
    highs: float
    bound: float
    highs_bound: float
    seconds: float
    highs_seconds: float

    @property
    def proven(self) -> bool:
        return self.highs - self.highs_bound <= ALIKE * abs(self.highs)


@benchmark("stock-series")
def run(full: bool, smoke: bool) -> list[Figure]:
    """200 random single series of 26 weeks (fixed cost, MOQ, multiple, price break, lost sales or backorders, seasons,
    seed 1): our plan (grid of 2,000 points) beside HiGHS with 5 s each, no start. Costs are recomputed from the orders
    of both. Counted: series where HiGHS proves optimality and we cost more than 1e-4 above it; series where it does
    not, and we are above its plan or below its bound."""
    draw = np.random.default_rng(1)
    races = [_race(_world(draw).case, 1.0 if smoke else SECONDS) for _ in range(4 if smoke else SERIES)]
    proven = [race for race in races if race.proven]
    open_ = [race for race in races if not race.proven]
    above = [race.ours / race.highs - 1 for race in proven]
    seconds, peer = sum(race.seconds for race in races), sum(race.highs_seconds for race in races)
    wrong = [r for r in open_ if r.ours > r.highs * (1 + ALIKE) or r.ours < r.highs_bound * (1 - ALIKE)]
    return [
        Figure("proven by HiGHS", len(proven), "series"),
        Figure("dearer than the proven optimum", sum(a > ALIKE for a in above), "series", 0.0),
        Figure("worst above the proven optimum", 100 * max(above, default=0.0), "%"),
        Figure("not proven: above its plan or below its bound", len(wrong), "series", 0.0),
        Figure("gap that we prove, mean", 100 * float(np.mean([1 - r.bound / r.ours for r in races])), "%"),
        Figure("seconds", seconds, "s", None, "lower", "HiGHS", peer, seconds + peer),
    ]


def _world(draw: np.random.Generator) -> World:
    level = float(draw.lognormal(2.0, 1.0))
    season = 1 + 0.5 * np.sin(np.arange(WEEKS) / WEEKS * 2 * np.pi + draw.uniform(0, 6))
    terms = {
        "moq": float(draw.choice([0.0, 2.0, 5.0]) * round(level)),
        "order_multiple": float(draw.choice([1.0, 6.0, 12.0])),
        "order_cost": float(draw.choice([0.0, 5.0, 25.0])), "lead_days": float(draw.choice([0.0, 7.0, 21.0])),
    }  # fmt: skip
    world = replace(one(**terms), demand={("A", "W"): (level * season).tolist()}, weeks=WEEKS)
    world = world.changed("items", shortage=str(draw.choice(["lost", "backorder"])))
    world = world.changed("stock", on_hand=float(round(draw.uniform(0, 6) * level)))
    if draw.random() < 0.4:
        start = float(max(12, 12 * round(draw.uniform(3, 8) * level / 12)))
        world = world.with_rows(price_breaks=[{"sku": "A", "source": "S", "min_quantity": start, "unit_cost": 1.9}])
    return world


def _race(case: Case, limit: float) -> Race:
    room = room_left(case)[0]
    start = time.perf_counter()
    board = Board(case, POINTS)
    board.plan()
    ours = _cost(case, board.solution())
    seconds = time.perf_counter() - start
    bound = lower_bound(board, Shared(case, room), np.zeros_like(room), ours, 0.001)
    start = time.perf_counter()
    exact = solve_exactly(case, room, None, 1e-6, 10**9, limit)
    highs = _cost(case, exact.solution) if exact.solution is not None else np.inf
    return Race(ours, highs, bound, exact.bound, seconds, time.perf_counter() - start)


def _cost(case: Case, plan: Solution) -> float:
    return sum(costs(case, plan, room_left(case)[0]).values())
