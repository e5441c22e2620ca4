"""Lots that expire: what leaves the balance, what the bound says, and what is no longer bought."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from planner.stock.yard import frozen
from tests.stock.world import World, chain, one


def stocked(*lots: tuple[float, str | None], **item: object) -> World:
    """Lots of A at W, whose demand is 10 a week from Monday 2026-03-02 on."""
    rows = [
        {"sku": "A", "warehouse": "W", "on_hand": units, "lot": f"L{k}", "expiry_date": day}
        for k, (units, day) in enumerate(lots)
    ]
    return one().with_rows(stock=rows).changed("items", unit_cost=2.0, **item)


def expired(world: World) -> list[float]:
    result = world.replenish()
    assert result.summary["check"] == []
    return result.plan["expired"].round(6).tolist()


def test_what_is_not_sold_by_its_last_day_leaves_in_that_week():
    # 10 are sold in the first week, 5.71 of the second week's 10 by its Thursday
    assert expired(stocked((30.0, "2026-03-12"), (20.0, None)))[:3] == [
        0.0,
        pytest.approx(30 - 10 - 40 / 7, abs=1e-5),
        0.0,
    ]


def test_the_first_to_expire_is_sold_first():
    lost = expired(stocked((12.0, "2026-03-08"), (12.0, "2026-03-15")))
    assert lost[:3] == [2.0, 2.0, 0.0]
    assert expired(stocked((10.0, "2026-03-08"), (10.0, "2026-03-15"))) == [0.0] * 8


def test_a_lot_past_its_day_is_gone_at_once():
    assert expired(stocked((30.0, "2026-02-20"), (20.0, None)))[0] == 30.0


def test_the_plan_orders_again_for_what_expires():
    kept, lost = (stocked((60.0, day)).replenish().orders["quantity"].sum() for day in (None, "2026-03-08"))
    assert lost > kept + 30


def test_the_exception_states_a_bound_in_money_that_paths_confirm():
    world = stocked((30.0, "2026-03-15"))
    row = world.replenish().exceptions.set_index("type").loc["expiring stock"]
    case = world.case
    bound = float(case.nodes.wasted[0])
    assert row["money"] == pytest.approx(2.0 * bound, abs=0.01)
    assert bound > case.nodes.expired[0].sum()
    rng = np.random.default_rng(3)
    demand = rng.negative_binomial(10.0, 0.5, (1, 8, 20_000)).astype(float)
    nothing = np.zeros(case.links.due.shape)
    waste = frozen(case, nothing, nothing, demand).waste.sum(axis=0).mean()
    assert waste == pytest.approx(bound, rel=0.03)


def test_nothing_is_bought_beyond_what_sells_within_the_shelf_life():
    world = one(moq=45.0).changed("stock", on_hand=0.0)
    free, short = world.replenish(), world.changed("items", shelf_life_days=21.0).replenish()
    assert free.orders["quantity"].max() >= 45.0
    assert not len(short.orders)
    smaller = world.changed("sourcing", moq=25.0).changed("items", shelf_life_days=21.0).replenish()
    assert len(smaller.orders)
    assert smaller.summary["check"] == []
    held = (smaller.plan["opening"] + smaller.plan["receipts"]).max()
    assert held <= 30.0 + 1e-6


@pytest.mark.parametrize("change", ["expired", "cover"])
def test_the_check_catches_what_the_plan_hides(change: str):
    world = stocked((30.0, "2026-03-12"), (20.0, None), shelf_life_days=21.0)
    result = world.replenish()
    orders, plan = result.orders, result.plan.copy()
    if change == "expired":
        plan["expired"] = 0.0
    else:
        orders = orders.assign(quantity=orders["quantity"] * 9, packs=orders["packs"] * 9)
        first = plan["week"] == orders["due_week"].iloc[0]
        plan.loc[first, "receipts"] = orders["quantity"].iloc[0]
    assert any(text.startswith(change) for text in world.verify(orders, plan))


def test_where_goods_are_sent_on_the_balance_is_left_alone():
    base = chain()
    world = dataclasses.replace(base).changed("stock", expiry_date=pd.Timestamp("2026-03-08"))
    result = world.replenish()
    assert result.summary["check"] == []
    assert result.plan.loc[result.plan["warehouse"] == "D", "expired"].sum() == 0.0
    assert result.plan.loc[result.plan["warehouse"] == "V", "expired"].sum() == 5.0
