"""The bound of networks: never above a plan, near the best one, also where goods are scarce."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from planner.stock.board import Board
from planner.stock.bounds import lower_bound
from planner.stock.case import Case
from planner.stock.exact import solve_exactly
from planner.stock.kernel.ahead import curve
from planner.stock.kernel.pooling import least_together
from planner.stock.networks import share_holding
from planner.stock.optimise import room_left
from planner.stock.shared import Shared
from planner.stock.split import Split
from planner.stock.usage import costs
from tests.stock.world import World, chain


def network(
    bought: Mapping[str, float], moved: Mapping[str, float], on_hand: tuple[float, float, float], kind: str = "lost",
    floor: float = 0.0, demand: tuple[float, float] = (4.0, 10.0), weeks: int = 6,
) -> World:  # fmt: skip
    """A dc D before V and W; terms of what is bought and moved, stock of V, W and D, minimum stock of V."""
    world = replace(chain(), weeks=weeks, demand={("A", "V"): demand[0], ("A", "W"): demand[1]})
    first, *others = world.tables["sourcing"]
    stock: list[dict[str, Any]] = [
        {"sku": "A", "warehouse": place, "on_hand": units} for place, units in zip("VWD", on_hand, strict=True)
    ]
    return world.changed("items", shortage=kind).with_rows(
        sourcing=[{**first, **bought}, *({**row, **moved} for row in others)], stock=stock,
        stocking=[
            {"sku": "A", "warehouse": "V", "shortage_cost": 2.0, "min_stock": floor},
            {"sku": "A", "warehouse": "W", "shortage_cost": 5.0}, {"sku": "A", "warehouse": "D"},
        ],
    )  # fmt: skip


def bound_and_best(case: Case) -> tuple[float, float]:
    """The bound, and what the cheapest plan known costs: ours or that of HiGHS."""
    board, room = Board(case), room_left(case)[0]
    board.plan()
    share_holding(board, trials=4)
    cost = sum(costs(case, board.solution(), room).values())
    bound = lower_bound(board, Shared(case, room), np.zeros_like(room), cost, 0.0)
    exact = solve_exactly(case, room, board.solution(), 1e-3, 1000, 10.0)
    if exact.solution is not None:
        board.take(exact.solution)
        cost = min(cost, sum(costs(case, board.solution(), room).values()))
    return bound, cost


CASES = {
    "little to share out until goods arrive": (network({"lead_days": 21.0}, {}, (0.0, 2.0, 9.0), floor=5.0), 0.15),
    "nothing to share out until goods arrive": (network({"lead_days": 21.0}, {}, (0.0, 0.0, 0.0), floor=5.0), 0.1),
    "owed until goods arrive": (network({"lead_days": 21.0}, {}, (0.0, 2.0, 9.0), "backorder"), 0.15),
    "a fixed cost at both stages": (network({"lead_days": 7.0, "order_cost": 20.0}, {"order_cost": 3.0},
                                            (9.0, 15.0, 20.0)), 0.1),
    "far too much is there, and nothing is charged on the way": (
        network({"lead_days": 21.0, "order_cost": 30.0}, {"order_cost": 2.0, "lead_days": 7.0}, (0.0, 60.0, 60.0),
                demand=(0.5, 0.9), weeks=8), 0.1),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_bound_of_a_network_is_near_its_best_plan_and_never_above(name: str) -> None:
    world, apart = CASES[name]
    bound, best = bound_and_best(world.case)
    assert (1 - apart) * best < bound <= best + 1e-6


def test_a_dc_that_sells_may_send_what_it_owes() -> None:
    """So that what it has until goods arrive is no limit to what it sends, and the bound must not take it for one."""
    world = network({"lead_days": 14.0}, {"order_cost": 2.0}, (0.0, 5.0, 5.0), "backorder", floor=5.0, weeks=8)
    bound, best = bound_and_best(replace(world, demand={**world.demand, ("A", "D"): 6.0}).case)
    assert 0.0 < bound <= best + 1e-6


@pytest.mark.parametrize("raised", [False, True])
@pytest.mark.parametrize("kind", ["lost", "backorder"])
def test_places_together_are_short_of_no_less_than_with_the_best_split(kind: str, raised: bool) -> None:
    """Of all splits of a stock on a fine grid none is short of less than the curve of the whole says; where the
    network's own curve is in it, too, it is the higher one."""
    case = network({}, {}, (9.0, 15.0, 60.0), kind).case
    split, nodes, own, other = Split(case, np.flatnonzero(case.nodes.feeds)), case.nodes, case.own, case.echelon
    members, root = nodes.members[split.roots[0]], split.roots
    points, values = np.zeros((2, 1, case.horizon, 50))
    least_together(
        np.array([0, len(members)]), members, own.available, own.shortage, nodes.demand, nodes.lost,
        np.array([raised]), other.available[root], other.shortage[root], points, values, np.zeros(1),
    )  # fmt: skip
    grid = np.linspace(0.0, 60.0, 241)
    for t, total in itertools.product((0, 3), (0.0, 7.5, 20.0, 45.0)):
        parts = [float(curve(own.available[members[0], t], own.shortage[members[0], t], x)) for x in grid]
        second = members[1]
        best = min(
            short + float(curve(own.available[second, t], own.shortage[second, t], total - x))
            for short, x in zip(parts, grid, strict=True) if x <= total or kind == "backorder"
        )  # fmt: skip
        expected = max(best, curve(other.available[root[0], t], other.shortage[root[0], t], total) if raised else 0.0)
        found = curve(points[0, t], values[0, t], total)
        assert found == pytest.approx(expected, abs=0.02)
        assert found <= expected + 1e-6
