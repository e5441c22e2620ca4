"""Plans end to end on tiny worlds: what they do, what they prove, and that they are the same every time."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.stock import exposure
from planner.stock.optimise import optimise
from tests.stock.world import World, chain, one, shop

EVERY_MONDAY = pd.date_range("2026-03-02", periods=8, freq="W-MON")


def limits(world: World, limit: float, **row: object) -> World:
    return world.with_rows(
        capacities=[{"measure": "units", "limit": limit, "week": week, **row} for week in EVERY_MONDAY]
    )


def test_exposure_is_lead_time_plus_review_and_a_dc_holds_its_members() -> None:
    frame = exposure(chain().dataset, chain().settings, dt.date(2026, 3, 2)).set_index("warehouse")
    assert frame["weeks"].to_dict() == {"D": 4, "V": 2, "W": 2}  # 14 + 7 + 2 on to the slowest; 2 + 7
    assert frame["members"].to_dict() == {"D": "V|W", "V": "", "W": ""}


def test_what_is_ordered_on_monday_is_there_two_weeks_later() -> None:
    orders = one(lead_days=14.0).replenish().orders
    first = orders.iloc[0]
    assert first["line_id"] == "A|S|W|2026-03-02"
    assert (first["order_week"], first["due_week"]) == (pd.Timestamp("2026-03-02"), pd.Timestamp("2026-03-16"))


def test_setting_up_takes_of_the_capacity_of_the_supplier() -> None:
    """16 units a week are made; an order takes 6 of them to set up: 10 are left, and lots are put together."""
    world = limits(one(setup_units=6.0), 16.0, scope="supply", resource="S").changed("stock", on_hand=0.0)
    result = replace(world, weeks=8).replenish()
    assert result.summary["check"] == []
    assert 0 < result.orders["quantity"].max() <= 10
    free = replace(limits(one(), 16.0, scope="supply", resource="S"), weeks=8).changed("stock", on_hand=0.0)
    assert free.replenish().orders["quantity"].max() > 10


def test_certain_demand_with_a_fixed_cost_is_ordered_in_economic_lots() -> None:
    """Order cost 45, demand 10 a week, holding 0.1: lots of 10 weeks' demand (EOQ 94.9) cost 9.5 a week."""
    world = replace(one(order_cost=45.0, lead_days=0.0), weeks=26, dispersion=0.001).changed("stock", on_hand=0.0)
    result = world.replenish()
    assert 2 <= len(result.orders) <= 4
    assert result.summary["costs"]["shortage"] < 2.0
    assert result.summary["objective"] <= 1.1 * 26 * np.sqrt(2 * 45 * 10 * 0.1)


def test_first_order_is_close_to_the_newsvendor() -> None:
    """Holding 0.2 against 1 a unit short: fill up to the .833 quantile of demand over the exposure, about."""
    world = one(lead_days=7.0).changed("items", holding_cost_per_week=0.2, shortage_cost=1.0)
    result = world.replenish()
    week = result.plan.iloc[1]
    level = week["opening"] + week["receipts"]
    assert level == pytest.approx(week["target"], abs=2.0)
    assert 12 <= level <= 20


@pytest.mark.parametrize(
    ("world", "rule"),
    [
        (one(moq=60.0), "moq"),
        (one(order_multiple=16.0), "order multiple"),
        (one(order_cost=30.0), "order cost"),
        (one().changed("suppliers", min_order_value=120.0), "joint minimum"),
        (one(max_order=9.0).changed("stock", on_hand=5.0), "max order"),
        (limits(one().changed("stock", on_hand=5.0), 8.0, scope="supply", resource="S"), "supply"),
        (one().changed("stock", on_hand=5.0).stock_settings(budget_per_week=16.0), "budget"),
        (limits(one(), 13.0, scope="storage", resource="W"), "storage"),
        (one(), ""),
    ],
)
def test_a_line_says_which_rule_moved_it(world: World, rule: str) -> None:
    assert rule in set(world.replenish().orders["moved_by"])


def test_a_line_above_what_the_minimum_asks_for_is_not_its_work() -> None:
    """A pack more than the MOQ is there for the sake of fewer orders."""
    orders = one(moq=20.0, order_multiple=10.0, order_cost=5.0).replenish().orders
    assert (orders["quantity"] == 30).any()
    assert (orders.loc[orders["quantity"] == 30, "moved_by"] == "order cost").all()


def test_a_price_break_is_taken_when_it_pays() -> None:
    breaks = [{"sku": "A", "source": "S", "min_quantity": 35.0, "unit_cost": 1.5}]
    orders = one().with_rows(price_breaks=breaks).replenish().orders
    assert (orders["quantity"] >= 35).all()
    assert set(orders["unit_cost"]) == {1.5}


def test_currencies_meet_in_the_base_currency() -> None:
    rows = [{"currency": "USD", "date": "2026-01-01", "rate_to_base": 0.9}]
    orders = one(currency="USD").with_rows(currencies=rows).replenish().orders
    assert set(orders["unit_cost"].round(9)) == {1.8}


def test_the_cheaper_source_is_used_and_the_priority_breaks_a_tie() -> None:
    base = one()
    source = dict(base.tables["sourcing"][0])
    cheap = base.with_rows(sourcing=[source, {**source, "source": "T", "unit_cost": 1.0}])
    assert set(cheap.replenish().orders["source"]) == {"T"}
    equal = base.with_rows(sourcing=[{**source, "priority": 2}, {**source, "source": "T", "priority": 1}])
    assert set(equal.replenish().orders["source"]) == {"T"}


@pytest.mark.parametrize("charge", ["order", "receipt", "payment"])
def test_a_hard_budget_holds_and_has_a_price(charge: str) -> None:
    world = one().changed("stock", on_hand=5.0).stock_settings(budget_per_week=16.0, budget_charge=charge)
    result = world.replenish()
    assert result.summary["check"] == []
    assert result.prices["price"].max() > 0
    assert set(result.prices["constraint"]) == {"money all money"}
    assert "limit binds" in set(result.exceptions["type"])


def test_a_soft_limit_is_exceeded_where_that_is_cheaper() -> None:
    world = one().changed("stock", on_hand=5.0)
    hard = limits(world, 4.0, scope="supply", resource="S").replenish()
    soft = limits(world, 4.0, scope="supply", resource="S", soft_price=0.05).replenish()
    assert hard.orders["quantity"].max() <= 4
    assert soft.orders["quantity"].max() > 4
    assert soft.summary["costs"]["over_limit"] > 0
    assert soft.summary["objective"] < hard.summary["objective"]


def test_firm_receipts_beyond_a_limit_are_reported_not_refused() -> None:
    pipeline = [{"order_id": "P", "sku": "A", "destination": "W", "quantity": 50.0, "due_date": "2026-03-04"}]
    result = limits(one().with_rows(pipeline=pipeline), 10.0, scope="inbound", resource="W").replenish()
    assert "limit exceeded by firm quantities" in set(result.exceptions["type"])
    assert result.summary["check"] == []


def test_shared_limits_over_many_parts_hold_and_the_bound_stays_below() -> None:
    world = shop(8, 3, 13)
    free = world.replenish()
    spent = (
        free.orders[free.orders["kind"] == "purchase"]
        .groupby("order_week")
        .apply(lambda rows: float((rows["quantity"] * rows["unit_cost"]).sum()), include_groups=False)
    )
    tight = world.stock_settings(budget_per_week=float(spent.max() * 0.5)).replenish()
    assert tight.summary["check"] == []
    assert tight.summary["bound"] <= tight.summary["objective"]
    assert tight.summary["objective"] >= free.summary["bound"]
    assert tight.summary["bound"] >= 0.97 * free.summary["bound"]


def test_the_safety_limit_leaves_a_true_plan_and_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    world = shop(8, 3, 13)
    spent = world.replenish().orders.query("kind == 'purchase'")
    budget = float((spent["quantity"] * spent["unit_cost"]).groupby(spent["order_week"]).sum().max() * 0.5)
    monkeypatch.setattr("planner.stock.optimise._now", iter([0.0, *[1e9] * 1000]).__next__)
    summary = world.stock_settings(budget_per_week=budget).replenish().summary
    assert summary["time_limit_hit"]
    assert summary["check"] == []
    assert summary["bound"] <= summary["objective"]


def test_networks_by_themselves_cost_what_they_cost_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anything shared the plan is the same, whether all tables are kept at once or one network at a time."""
    world = shop(3, 1, 8)
    bare = world.with_rows(
        suppliers=[],
        price_breaks=[],
        locations=[{k: v for k, v in row.items() if k != "capacity_m3"} for row in world.tables["locations"]],
    )
    together = optimise(bare.case, bare.settings.stock)
    monkeypatch.setattr("planner.stock.board.TABLE_CELLS", 1)
    apart = optimise(bare.case, bare.settings.stock)
    np.testing.assert_array_equal(apart.solution.packs, together.solution.packs)
    assert apart.bound == together.bound


def test_the_same_input_gives_the_same_tables() -> None:
    first, second = (shop(3, 1, 8).replenish() for _ in range(2))
    for name in ("plan", "orders", "prices", "exceptions"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)


def test_the_objective_is_the_sum_of_its_costs_and_the_gap_is_true() -> None:
    summary = shop(3, 1, 8).replenish().summary
    assert summary["objective"] == pytest.approx(sum(summary["costs"].values()), abs=1e-6)
    assert summary["bound"] <= summary["objective"]
    assert summary["gap"] == pytest.approx(1 - summary["bound"] / summary["objective"], abs=1e-9)
    assert (summary["status"] == "optimal") == (summary["gap"] <= 0.005)


def test_the_dc_keeps_stock_for_its_members_and_ships_only_what_it_has() -> None:
    result = chain().replenish()
    dc = result.plan[result.plan["warehouse"] == "D"]
    assert (dc["shipped"] <= dc["opening"] + dc["receipts"] + 1e-6).all()
    assert dc["shipped"].sum() > 0
    assert set(result.orders.loc[result.orders["kind"] == "transfer", "source"]) == {"D"}


def test_campaign_demand_is_pegged_to_the_lines_that_exist_for_it() -> None:
    uplift = [{"campaign": "SPRING", "sku": "A", "warehouse": "W", "date": "2026-04-06", "net": 40.0}]
    with_it, without = (replace(chain(), uplift=rows).replenish() for rows in (uplift, []))
    lines = with_it.orders[with_it.orders["campaign_quantity"] > 0]
    assert set(lines["campaigns"]) == {"SPRING"}
    assert set(lines["kind"]) == {"purchase", "transfer"}
    for kind in ("purchase", "transfer"):
        pegged = lines.loc[lines["kind"] == kind, "campaign_quantity"].sum()
        assert 20 <= pegged <= 40.001
    assert with_it.orders["quantity"].sum() > without.orders["quantity"].sum()
    assert with_it.plan["campaign_demand"].sum() == pytest.approx(40.0)
    assert not (without.orders["campaign_quantity"] > 0).any()


def test_nothing_is_bought_for_what_is_no_longer_sold() -> None:
    result = one().changed("stocking", listed_to="2026-03-22").replenish()
    assert (result.orders["due_date"] <= pd.Timestamp("2026-03-22")).all()
    late = result.plan[result.plan["week"] > pd.Timestamp("2026-03-22")]
    assert late["demand"].sum() == 0
    assert result.summary["costs"]["leftover"] > 0


def test_customer_orders_consume_the_forecast() -> None:
    rows = [
        {"order_id": f"C{i}", "sku": "A", "warehouse": "W", "quantity": 9.0, "due_date": "2026-03-18"} for i in range(3)
    ]
    plan = one().with_rows(customer_orders=rows).replenish().plan.set_index("week")
    assert plan.loc["2026-03-16", "demand"] == 27.0
    assert plan.loc["2026-03-23", "demand"] == 10.0


def test_what_is_owed_comes_off_the_opening() -> None:
    late = [
        {"order_id": "C", "sku": "A", "warehouse": "W", "quantity": 8.0, "due_date": "2026-02-20", "backorder": True}
    ]
    assert one().with_rows(customer_orders=late).replenish().plan["opening"].iloc[0] == 12.0
    result = one().changed("stock", on_hand=-3.0).replenish()
    assert result.plan["opening"].iloc[0] == 0.0
    assert result.plan["demand"].iloc[0] == 13.0


def test_a_week_that_is_partly_gone_asks_for_its_rest() -> None:
    wednesday = replace(one(), as_of=dt.date(2026, 3, 4))
    result = wednesday.replenish()
    assert result.plan["demand"].iloc[0] == pytest.approx(10 * 5 / 7)
    assert result.orders["order_date"].min() >= pd.Timestamp("2026-03-04")


def test_exceptions_are_ranked_by_money() -> None:
    money = shop(6, 2, 10, gap=0.5).replenish().exceptions["money"]
    assert money.is_monotonic_decreasing


@settings(max_examples=12, deadline=None)
@given(
    level=st.floats(0.2, 80), dispersion=st.floats(0.5, 6), moq=st.sampled_from([0.0, 30.0]),
    multiple=st.sampled_from([1.0, 6.0]), lead=st.sampled_from([0.0, 3.0, 14.0, 30.0]),
    order_cost=st.sampled_from([0.0, 8.0]), on_hand=st.floats(-5, 90), kind=st.sampled_from(["lost", "backorder"]),
)  # fmt: skip
def test_every_plan_passes_its_check_and_respects_its_bound(
    level: float,
    dispersion: float,
    moq: float,
    multiple: float,
    lead: float,
    order_cost: float,
    on_hand: float,
    kind: str,
) -> None:
    world = one(moq=moq, order_multiple=multiple, lead_days=lead, order_cost=order_cost)
    world = world.changed("stock", on_hand=on_hand).changed("items", shortage=kind)
    world = replace(world, demand={("A", "W"): level}, dispersion=dispersion).stock_settings(nodes=20)
    summary = world.replenish().summary
    assert summary["check"] == []
    assert summary["bound"] <= summary["objective"] + 1e-9


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(("lead", "moq"), [(14.0, 24.0), (21.0, 0.0), (21.0, 40.0)])
def test_a_dc_keeps_its_ceiling_while_its_places_wait_for_goods(
    whole: bool, lead: float, moq: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Demand that waits for goods not there yet makes no room at a dc: it owes nothing to anybody."""
    if not whole:
        monkeypatch.setattr("planner.stock.optimise.small", lambda case: False)
    world = chain()
    places = {"V": 2.0, "W": 2.0, "D": 0.0}
    bought, *moved = world.tables["sourcing"]
    bought = {name: value for name, value in bought.items() if name != "order_multiple"}
    world = world.with_rows(
        sourcing=[{**bought, "lead_days": lead, "moq": moq}, *moved],
        stock=[{"sku": "A", "warehouse": place, "on_hand": units} for place, units in places.items()],
        stocking=[{"sku": "A", "warehouse": "V"}, {"sku": "A", "warehouse": "W"},
                  {"sku": "A", "warehouse": "D", "max_stock": 12.0, "min_stock": 3.0}],
    )  # fmt: skip
    result = world.replenish()
    assert world.verify(result.orders, result.plan) == []
