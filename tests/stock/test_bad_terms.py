"""Terms that make no sense: each is named with its row, and planned around where that is safe."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from planner.dataset import validate
from planner.readiness import plan_ready
from planner.stock import StockResult
from tests.stock.world import World, chain, one

WEEKS = pd.date_range("2026-03-02", periods=8, freq="W-MON")


def clean(world: World) -> StockResult:
    """Planned, and every rule holds."""
    result = world.replenish()
    assert result.summary["check"] == []
    return result


def ready(world: World) -> pd.DataFrame:
    sales = [
        {"date": pd.Timestamp("2026-02-20"), "sku": sku, "warehouse": place, "quantity": 10.0}
        for sku, place in world.demand
    ]
    found = plan_ready(world.with_rows(sales=sales).dataset, world.settings, world.as_of)
    return found.set_index("type")


def finding(result: StockResult, kind: str) -> pd.Series:
    rows = result.exceptions[result.exceptions["type"] == kind]
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_minimum_above_any_need_is_flagged_with_what_it_costs():
    row = finding(clean(one(moq=2000.0)), "minimum above need")
    assert "the minimum of 2,000 A from S lasts 200 weeks at W" in row["text"]
    assert "nothing is ordered" in row["text"]
    assert row["money"] == pytest.approx((2000 - 80) * 0.1 * 52 / 2)


def test_a_multiple_above_the_maximum_orders_nothing_and_says_so():
    world = one(order_multiple=48.0, max_order=24.0)
    assert not len(clean(world).orders)
    assert "A from S to W can never be ordered" in ready(world).loc["order-too-small", "text"]


def test_a_lead_time_beyond_the_horizon_is_named():
    world = one(lead_days=100.0)
    row = finding(clean(world), "lead time beyond horizon")
    assert (row["sku"], row["warehouse"]) == ("A", "W")
    assert "late-source" in ready(dataclasses.replace(world).stock_settings(horizon_weeks=8)).index


def test_a_negative_cost_is_refused_with_its_row(tmp_path):
    (tmp_path / "sourcing.csv").write_text("sku,source,destination,unit_cost\nA,S,W,2\nA,S,V,-3\n", encoding="utf-8")
    (issue,) = [issue for issue in validate(tmp_path).issues if issue.column == "unit_cost"]
    assert (issue.file, issue.row, issue.value) == ("sourcing.csv", 3, "-3")


def test_goods_that_cost_nothing_to_hold_are_named_and_planned_without_end_of_stock():
    world = one(unit_cost=0.0).changed("items", holding_cost_per_week=None, unit_cost=0.0)
    assert "A costs 0 and its holding cost is a rate of that" in ready(world).loc["free-goods", "text"]
    assert clean(world).plan["closing"].max() < 200.0


def test_places_that_supply_each_other_are_named_and_one_way_is_cut():
    world = chain()
    back = {"sku": "A", "source": "W", "destination": "V", "lead_days": 2.0}
    world = world.with_rows(sourcing=[*world.tables["sourcing"], back, {**back, "source": "V", "destination": "W"}])
    assert "V and W supply each other" in ready(world).loc["source-loop", "text"]
    plan = clean(world).plan
    assert 1 - plan["expected_shortage"].sum() / plan["demand"].sum() > 0.8


def test_a_capacity_of_nothing_closes_its_weeks_only():
    rows = [{"scope": "supply", "resource": "S", "measure": "units", "week": week, "limit": 0.0} for week in WEEKS[1:4]]
    world = one().with_rows(capacities=rows)
    result = clean(world)
    assert not set(result.orders["order_week"]) & set(WEEKS[1:4])
    assert len(result.orders)
    assert "is 0 in 3 of the planned weeks" in ready(world).loc["capacity-zero", "text"]


def test_an_overdue_order_is_expected_this_week_and_named():
    row = {"order_id": "P-7", "sku": "A", "source": "S", "destination": "W", "quantity": 12.0, "due_date": "2026-02-10"}
    result = clean(one().with_rows(pipeline=[row]))
    assert result.plan["receipts"].iloc[0] == 12.0
    assert "order P-7 of 12 A for W was due 2026-02-10" in finding(result, "overdue pipeline")["text"]


def test_stock_below_zero_is_owed_and_named():
    result = clean(one().changed("stock", on_hand=-5.0))
    assert result.plan["opening"].iloc[0] == 0.0
    assert "A at W shows 5 units below zero" in finding(result, "negative on hand")["text"]


def test_a_shelf_life_shorter_than_the_lead_time_is_named():
    world = one(lead_days=28.0).changed("items", shelf_life_days=20.0)
    assert "A from S to W takes longer than its shelf life lasts" in ready(world).loc["short-life", "text"]
    clean(world)
