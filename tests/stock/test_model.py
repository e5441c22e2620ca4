"""The model's equations: a golden LP file for each constraint family."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.stock.board import Board
from planner.stock.case import Case, Solution
from planner.stock.exact import read_plan, solve_exactly
from planner.stock.ledger import order_table, plan_table
from planner.stock.model import build
from planner.stock.optimise import room_left
from planner.stock.resting import read_curves
from planner.stock.solve import hand_over
from planner.stock.usage import costs, held, shipped
from tests.stock.world import World, chain, one

GOLDEN = Path(__file__).parent / "golden"
MONDAY = "2026-03-09"


def short(world: World, weeks: int = 2) -> World:
    return replace(world, weeks=weeks)


def with_limits(world: World, **row: object) -> World:
    base = {"week": MONDAY, "measure": "units", "limit": 15.0}
    return world.with_rows(capacities=[{**base, **row}])


FAMILIES: dict[str, World] = {
    "balance_lost": short(one()),
    "balance_backorder": short(one().changed("items", shortage="backorder")),
    "order_minimum": short(one(moq=25.0, order_multiple=5.0, order_cost=4.0)),
    "price_breaks": short(
        one().with_rows(price_breaks=[{"sku": "A", "source": "S", "min_quantity": 40.0, "unit_cost": 1.5}])
    ),
    "joint_order": short(one().changed("suppliers", min_order_value=50.0, min_order_kg=30.0, order_cost=9.0)),
    "echelon": short(chain()),
    "floor": short(one().changed("stocking", min_stock=4.0, safety_stock=6.0)),
    "ceiling": short(one().changed("stocking", max_stock=18.0)),
    "listing_end": short(one().changed("stocking", listed_to="2026-03-15"), 3),
    "limit_supply": short(with_limits(one(), scope="supply", resource="S", week="2026-03-02")),
    "limit_supply_setup": short(with_limits(one(setup_units=3.0), scope="supply", resource="S", week="2026-03-02")),
    "limit_storage_soft": short(with_limits(one(), scope="storage", resource="W", soft_price=3.0)),
    "limit_inbound": short(with_limits(one(), scope="inbound", resource="W", measure="kg")),
    "limit_outbound": short(with_limits(one(), scope="outbound", resource="W")),
    "limit_lane": short(with_limits(one(), scope="lane", resource="S>W>road", measure="m3", week="2026-03-02")),
    "limit_money": short(one().stock_settings(budget_per_week=30.0, budget_charge="receipt")),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_constraint_family_matches_its_golden_file(family: str, tmp_path: Path) -> None:
    case = FAMILIES[family].case
    caps = room_left(case)[0] if case.limits else None
    model = build(case, np.arange(len(case.nodes)), caps)
    path = tmp_path / f"{family}.lp"
    model.problem.writeLP(str(path))
    golden = GOLDEN / path.name
    if os.environ.get("PLANNER_GOLDEN") == "write":
        golden.write_text(path.read_text())
    assert path.read_text() == golden.read_text()


def test_every_family_has_one_golden_file_and_no_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.lp")} == set(FAMILIES)


def test_no_customer_is_turned_away_to_keep_a_floor() -> None:
    """Nothing arrives for three weeks: a unit not sold would keep the floor in each of them."""
    world = replace(one(lead_days=21.0), weeks=5).changed("stocking", min_stock=30.0).changed("stock", on_hand=34.0)
    case = world.case
    room = room_left(case)[0]
    plan = solve_exactly(case, room, None, 1e-6, 2000, 20.0).solution
    assert plan is not None
    there = held(case, plan)
    curve = [float(read_curves(case.own, np.array([0]), t, there[:, t])[0]) for t in range(5)]
    np.testing.assert_allclose(plan.short[0], curve, atol=1e-4)


def selling_dc(kind: str, on_hand: float) -> World:
    """A dc whose customers are cheap to disappoint feeds two places whose customers are not; goods come late."""
    world = replace(chain(), weeks=6, demand={("A", "D"): 3.0, ("A", "V"): 4.0, ("A", "W"): 10.0})
    first, *moved = world.tables["sourcing"]
    prices = {"D": 1.0, "V": 5.0, "W": 5.0}
    stocking = [{"sku": "A", "warehouse": place, "shortage_cost": price} for place, price in prices.items()]
    stock = [{"sku": "A", "warehouse": place, "on_hand": on_hand * (place == "D")} for place in prices]
    world = world.with_rows(sourcing=[{**first, "order_multiple": 1.0}, *moved], stocking=stocking, stock=stock)
    return world.changed("items", shortage=kind)


def violations(world: World, plan: Solution) -> list[str]:
    case = world.case
    orders = order_table(case, plan, np.zeros((0, case.horizon)), world.uplift_table)
    return world.verify(orders, plan_table(case, plan))


def total(case: Case, board: Board) -> float:
    return sum(costs(case, board.solution(), room_left(case)[0]).values())


@pytest.mark.parametrize("on_hand", [0.0, 9.0, 40.0])
@pytest.mark.parametrize("kind", ["lost", "backorder"])
def test_a_dc_that_sells_sends_only_what_is_there(kind: str, on_hand: float) -> None:
    """It does not owe its own customers more than they ask for, nor turn them away, to have goods for others."""
    world = selling_dc(kind, on_hand)
    case, board = world.case, Board(world.case)
    exact = solve_exactly(case, room_left(case)[0], None, 1e-6, 5000, 20.0)
    assert exact.solution is not None
    dc = np.flatnonzero(case.nodes.feeds)
    there = held(case, exact.solution) - shipped(case, exact.solution)
    curve = [float(read_curves(case.own, dc, t, there[dc, t])[0]) for t in range(case.horizon)]
    np.testing.assert_allclose(exact.solution.short[dc[0]], curve, atol=1e-4)
    board.take(exact.solution)
    plan = board.solution()
    assert not violations(world, plan)
    assert total(case, board) >= exact.bound - 1e-4


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", ["lost", "backorder"])
def test_a_plan_of_a_dc_that_sells_costs_the_same_on_the_board_and_in_the_model(kind: str, seed: int) -> None:
    world, draw = selling_dc(kind, 20.0), np.random.default_rng(seed)
    case, board = world.case, Board(world.case)
    board.field.cap[:] = draw.choice([0.0, 5.0, 20.0, np.inf], size=board.field.cap.shape)
    board.plan()
    plan, model = board.solution(), build(case, np.arange(len(case.nodes)))
    solver = hand_over(model.problem, 20.0)
    columns = solver.positions(model.packs.values())
    packs = np.array([plan.packs[key[:2]] for key in model.packs])
    solver.bound_columns(columns, packs, packs)
    outcome = solver.whole_numbers(1e-9, 5000)
    found = read_plan(case, model, solver, outcome)
    assert found is not None
    np.testing.assert_allclose(found.short, plan.short, atol=1e-4)
    assert outcome.objective == pytest.approx(total(case, board), abs=1e-4)
    assert not violations(world, plan)
