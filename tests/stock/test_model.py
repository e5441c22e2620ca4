"""The model's equations: a golden LP file for each constraint family."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.stock.exact import solve_exactly
from planner.stock.model import build
from planner.stock.optimise import room_left
from planner.stock.resting import read_curves
from planner.stock.usage import held
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
