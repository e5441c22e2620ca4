"""Terms that make no sense: each is named with its row, and planned around where that is safe."""

from __future__ import annotations

import dataclasses
from typing import Any

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
    assert row["text"].endswith("See sourcing, column moq: 2000.")
    assert row["money"] == pytest.approx((2000 - 80) * 0.1 * 52 / 2)


@pytest.mark.parametrize(("moq", "multiple", "least"), [(0.0, 48.0, 48), (30.0, 20.0, 40), (26.0, None, 26)])
def test_a_smallest_order_above_the_maximum_orders_nothing_and_says_so(moq: float, multiple: float, least: int):
    world = one(moq=moq, order_multiple=multiple, max_order=25.0)
    assert not len(clean(world).orders)
    text = ready(world).loc["order-too-small", "text"]
    assert f"A from S to W can never be ordered: its smallest order is {least} and max_order 25" in text
    assert text.endswith("See sourcing, column max_order: 25.")


@pytest.mark.parametrize(("days", "late"), [(55.0, False), (56.0, True), (100.0, True)])
def test_a_lead_time_beyond_the_horizon_is_named_once(days: float, late: bool):
    world = one(lead_days=days).stock_settings(horizon_weeks=8)
    assert len(clean(world).orders) == 0 or not late
    found = ready(world)
    assert found.index.tolist().count("late-source") == late
    if late:
        assert f"takes {days:g} days, longer than the 8 weeks planned" in found.loc["late-source", "text"]


def test_a_lead_time_beyond_what_is_forecast_is_named():
    world = one(lead_days=60.0)
    plan = dataclasses.replace(world.settings.plan, horizon=8)
    found = ready(dataclasses.replace(world, settings=dataclasses.replace(world.settings, plan=plan)))
    assert "longer than the 8 weeks planned" in found.loc["late-source", "text"]


def test_a_negative_cost_is_refused_with_its_row(tmp_path):
    (tmp_path / "sourcing.csv").write_text("sku,source,destination,unit_cost\nA,S,W,2\nA,S,V,-3\n", encoding="utf-8")
    (issue,) = [issue for issue in validate(tmp_path).issues if issue.column == "unit_cost"]
    assert (issue.file, issue.row, issue.value) == ("sourcing.csv", 3, "-3")


def test_goods_that_cost_nothing_are_held_as_if_they_cost_their_price():
    """Without a value to take the rate of, one order of the whole horizon would be the cheapest."""
    terms = {"holding_cost_per_week": None, "holding_rate_per_year": 0.5}
    world = one(unit_cost=0.0, order_cost=5.0).changed("items", unit_cost=0.0, **terms)
    text = ready(world).loc["free-goods", "text"]
    assert "A costs 0 and its holding cost is a rate of that: it is held as if it cost its price, 5 (" in text
    assert text.endswith("See sourcing, column unit_cost: 0.")
    most = clean(world).plan["closing"].max()
    assert most == clean(one(unit_cost=5.0, order_cost=5.0).changed("items", **terms)).plan["closing"].max()
    assert most < clean(world.changed("items", unit_price=None)).plan["closing"].max()


def test_goods_without_any_value_are_named():
    world = one(unit_cost=None).changed("items", holding_cost_per_week=None, unit_cost=0.0, unit_price=None)
    text = ready(world).loc["free-goods", "text"]
    assert "keeping it costs nothing, so all of it is ordered early" in text
    assert text.endswith("See items, column unit_cost: 0.")
    known = ready(one(unit_cost=0.0).changed("items", holding_cost_per_week=None, unit_cost=3.0))
    assert "as if it cost what items says, 3 (" in known.loc["free-goods", "text"]
    assert "free-goods" not in ready(one(unit_cost=0.0)).index


def both_ways(**terms: Any) -> World:
    """V and W are fed by D, and supply each other: `terms` are those of the way from W to V."""
    world = chain()
    back = {"sku": "A", "source": "W", "destination": "V", "lead_days": 2.0}
    there = {**back, "source": "V", "destination": "W"}
    return world.with_rows(sourcing=[*world.tables["sourcing"], {**back, **terms}, there])


@pytest.mark.parametrize(
    ("terms", "kept", "unused"),
    [({}, "V to W", "W to V"), ({"priority": 0.0}, "W to V", "V to W"), ({"end": "2026-01-31"}, "V to W", "W to V"),
     ({"start": "2026-03-16", "priority": 0.0}, "V to W", "W to V")],
)  # fmt: skip
def test_places_that_supply_each_other_are_named_with_the_way_that_is_not_used(
    terms: dict[str, Any], kept: str, unused: str
):
    world = both_ways(**terms)
    ended = "end" in terms
    found = ready(world)
    assert ("source-loop" in found.index) is not ended
    if not ended:
        text = found.loc["source-loop", "text"]
        assert "A: V and W supply each other" in text
        assert f"goods from {kept}; nothing goes from {unused} " in text
        assert text.endswith(f"See sourcing, column source: {unused[0]}.")
    result = clean(world)
    assert f"{unused[0]}{unused[-1]}" not in set(result.orders["source"] + result.orders["destination"])
    assert 1 - result.plan["expected_shortage"].sum() / result.plan["demand"].sum() > 0.8


def test_a_way_back_to_where_goods_enter_is_not_used():
    """S -> D -> W -> V -> D: the circle of three is cut where it leads back to the place that buys."""
    world = chain()
    ways = [("D", "W"), ("W", "V"), ("V", "D")]
    moved = [{"sku": "A", "source": a, "destination": b, "lead_days": 2.0} for a, b in ways]
    world = world.with_rows(sourcing=[world.tables["sourcing"][0], *moved])
    text = ready(world).loc["source-loop", "text"]
    assert "A: D and V and W supply each other. The plan sends goods from D to W to V; nothing goes from V to D" in text
    assert set(clean(world).orders["source"]) <= {"S", "D", "W"}


def test_a_capacity_of_nothing_closes_its_weeks_only():
    rows = [{"scope": "supply", "resource": "S", "measure": "units", "week": week, "limit": 0.0} for week in WEEKS[1:4]]
    world = one().with_rows(capacities=rows)
    result = clean(world)
    assert not set(result.orders["order_week"]) & set(WEEKS[1:4])
    assert len(result.orders)
    assert "is 0 in 3 of the planned weeks" in ready(world).loc["capacity-zero", "text"]


def test_room_for_nothing_is_named():
    world = one()
    places = [{**row, "capacity_m3": 0.0} if row["location"] == "W" else row for row in world.tables["locations"]]
    world = world.with_rows(locations=places)
    assert not len(clean(world.changed("stock", on_hand=0.0)).orders)
    assert "W has room for 0 m3" in ready(world).loc["capacity-zero", "text"]


def test_an_overdue_order_is_expected_this_week_and_named():
    row = {"order_id": "P-7", "sku": "A", "source": "S", "destination": "W", "quantity": 12.0, "due_date": "2026-02-10"}
    world = one().with_rows(pipeline=[{**row, "order_id": "P-6", "due_date": "2026-03-03"}, row])
    assert clean(world).plan["receipts"].iloc[0] == 24.0
    found = ready(world)
    assert found.index.tolist().count("overdue-pipeline") == 1
    text = found.loc["overdue-pipeline", "text"]
    assert text.startswith("Order P-7 of 12 A for W was due on 2026-02-10: expected this week.")
    assert text.endswith("See pipeline, column due_date: 2026-02-10.")
    assert found.loc["overdue-pipeline", "money"] == 12 * 5.0


def test_stock_below_zero_is_owed_and_named():
    world = one().changed("stock", on_hand=-5.0)
    assert clean(world).plan["opening"].iloc[0] == 0.0
    text = ready(world).loc["negative-stock", "text"]
    assert text.startswith("A at W shows 5 units below zero: planned as owed")
    assert text.endswith("See stock, column on_hand: -5.")


def test_lots_that_make_up_for_each_other_are_not_below_zero():
    rows = [{"sku": "A", "warehouse": "W", "on_hand": units, "lot": lot} for units, lot in ((-5.0, "1"), (9.0, "2"))]
    world = one().with_rows(stock=rows)
    assert clean(world).plan["opening"].iloc[0] == 4.0
    assert "negative-stock" not in ready(world).index


def test_a_shelf_life_shorter_than_the_lead_time_is_named():
    world = one(lead_days=28.0).changed("items", shelf_life_days=20.0)
    text = ready(world).loc["short-life", "text"]
    assert "A from S to W takes 28 days and keeps for 20: the plan counts shelf life from the receipt" in text
    assert text.endswith("See sourcing, column lead_days: 28 and items, column shelf_life_days: 20.")
    clean(world)
