"""Service targets and stock set by hand, inside the optimizer: each rule moves the plan, and the check holds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.stock.policy import service_costs, targets
from tests.stock.world import World, chain, one


def calm(**stocking: object) -> World:
    """Backorders, nothing on the shelf, ordered every week without a lot."""
    world = one().changed("items", shortage="backorder").changed("stock", on_hand=0.0)
    return world.changed("stocking", **stocking)


def plan_of(world: World) -> pd.DataFrame:
    result = world.replenish()
    assert result.summary["check"] == []
    return result.plan


def available(plan: pd.DataFrame) -> pd.Series:
    """Stock before plus receipts, net of what is owed."""
    return plan["opening"] + plan["receipts"] - plan["expected_shortage"].shift(fill_value=0.0)


@pytest.mark.parametrize("kind", ["cycle", "fill"])
@pytest.mark.parametrize("target", [0.8, 0.9, 0.99])
def test_the_plan_fills_up_to_the_level_that_the_policy_shows(kind: str, target: float) -> None:
    world = calm(service_target=target, service_kind=kind)
    level = targets(world.dataset, world.weekly, world.cumulative, world.settings, world.as_of)
    row, plan = level.iloc[0], plan_of(world)
    # after the week of receipt the level has lost the demand of the lead time: what is available is the rest
    settled = available(plan).iloc[3:6].to_numpy()
    assert settled == pytest.approx(np.full(3, row["order_up_to"] - row["weekly_demand"]), abs=1.0)
    assert row["implied_shortage_cost"] == pytest.approx(world.case.nodes.shortage[0])


def test_a_higher_target_holds_more_and_is_short_of_less() -> None:
    low, high = (plan_of(calm(service_target=target)) for target in (0.8, 0.99))
    assert high["closing"].iloc[3:].sum() > 1.5 * low["closing"].iloc[3:].sum()
    assert high["expected_shortage"].iloc[3:].sum() < 0.2 * low["expected_shortage"].iloc[3:].sum()


def test_a_fill_rate_is_promised_by_the_plan() -> None:
    world = calm(service_target=0.95, service_kind="fill").changed("items", shortage="lost")
    late = plan_of(world).iloc[3:7]
    assert 1 - late["expected_shortage"].sum() / late["demand"].sum() == pytest.approx(0.95, abs=0.02)


def test_a_dc_takes_the_cost_of_those_it_feeds() -> None:
    world = chain().changed("stocking", service_target=0.99)
    nodes = world.case.nodes
    dc, members = list(nodes.place).index("D"), [list(nodes.place).index(place) for place in ("V", "W")]
    weights = nodes.demand[members].sum(axis=1)
    assert nodes.shortage[dc] == pytest.approx(np.average(nodes.shortage[members], weights=weights))
    assert nodes.shortage[dc] > chain().case.nodes.shortage[dc]


def test_stock_that_costs_nothing_to_hold_implies_no_cost() -> None:
    world = calm(service_target=0.9).changed("items", holding_cost_per_week=0.0)
    assert service_costs(world.dataset, world.weekly, world.cumulative, world.settings, world.as_of) == {}


@pytest.mark.parametrize("column", ["min_stock", "presentation_stock", "safety_stock"])
def test_what_must_lie_there_lies_there_as_soon_as_goods_can_come(column: str) -> None:
    free, bound = plan_of(calm()), plan_of(calm(**{column: 40.0}))
    assert (free["closing"].iloc[2:7] < 40.0).all()
    assert (bound["closing"].iloc[2:7] >= 40.0 - 1e-6).all()


def test_maximum_cover_and_maximum_stock_cut_what_a_service_target_asks_for() -> None:
    asked = {"service_target": 0.999}
    free, cover, most = (plan_of(calm(**asked, **more)) for more in ({}, {"max_cover_weeks": 1.0}, {"max_stock": 14.0}))
    held = [available(plan).iloc[3:].max() for plan in (free, cover, most)]
    assert held[0] > 20.0
    assert held[1] <= 10.0 + 1.0
    assert held[2] <= 14.0 + 1e-6
