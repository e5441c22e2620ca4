"""The hint of a stock-out says why it comes and what would help."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stock.world import World, chain, one


def hint(world: World, warehouse: str = "W", kind: str = "stock-out") -> str:
    found = world.replenish().exceptions
    rows = found[(found["type"] == kind) & (found["warehouse"] == warehouse)]
    assert len(rows) == 1, found[["type", "text"]].to_string()
    return str(rows["hint"].iloc[0])


def two_shops(spare: float) -> World:
    """W has nothing for four weeks; V, beside it, has stock of its own."""
    base = one(lead_days=28.0)
    return replace(
        base.with_rows(
            locations=[*base.tables["locations"], {"location": "V", "kind": "warehouse"}],
            stocking=[*base.tables["stocking"], {"sku": "A", "warehouse": "V"}],
            sourcing=[{**base.tables["sourcing"][0], "destination": place} for place in ("V", "W")],
            stock=[{"sku": "A", "warehouse": "W", "on_hand": 0.0}, {"sku": "A", "warehouse": "V", "on_hand": spare}],
        ),
        demand={("A", "V"): 10.0, ("A", "W"): 10.0},
    )


def test_too_late_names_the_day_of_the_first_arrival() -> None:
    world = one(lead_days=28.0).with_rows(stock=[{"sku": "A", "warehouse": "W", "on_hand": 0.0}])
    assert hint(world) == "no order arrives before 2026-03-30: the lead time is the reason"


def test_what_is_on_its_way_can_be_expedited() -> None:
    world = one(lead_days=42.0).with_rows(
        stock=[{"sku": "A", "warehouse": "W", "on_hand": 0.0}],
        pipeline=[{"order_id": "P", "sku": "A", "source": "S", "destination": "W", "quantity": 30.0,
                   "due_date": "2026-03-23"}],
    )  # fmt: skip
    assert hint(world).startswith("expedite the 30 due 2026-03-23; ")


def test_another_place_with_stock_to_spare_is_named() -> None:
    assert hint(two_shops(500.0)).startswith("transfer from V, which has ")
    assert "transfer" not in hint(two_shops(40.0))


def test_a_minimum_that_lasts_too_long_is_the_reason() -> None:
    world = replace(one(moq=4000.0), weeks=12)
    assert "S sends no less than 4,000, 400 weeks of demand: ask for less" in hint(world)


def test_a_ceiling_is_the_reason() -> None:
    world = one(order_multiple=10.0).changed("stocking", max_stock=10.0)
    assert "max_stock, max_cover_weeks or the shelf life leaves no room for more" in hint(world)


def test_a_budget_is_the_reason() -> None:
    world = one().stock_settings(budget_per_week=8.0)
    assert "binds: more room there is the remedy" in hint(world)


def test_a_budget_that_keeps_the_dc_dry_is_the_reason_behind_it() -> None:
    found = chain().stock_settings(budget_per_week=8.0).replenish().exceptions
    short = found[found["type"].isin(["stock-out", "planned shortage"])]
    assert set(short["warehouse"]) == {"V", "W"}
    assert (short["type"] == "stock-out").all()
    assert short["hint"].str.contains("budget binds: more room there is the remedy").all()


def test_a_minimum_without_sense_is_the_reason_though_a_budget_binds_too() -> None:
    world = one()
    both = {name: [{**row, "sku": sku} for row in world.tables[name] for sku in "AB"] for name in ("items", "stocking")}
    bought = world.tables["sourcing"][0]
    world = world.with_rows(**both, sourcing=[{**bought, "moq": 4000.0}, {**bought, "sku": "B"}])
    world = replace(world, demand={("A", "W"): 10.0, ("B", "W"): 10.0}).stock_settings(budget_per_week=8.0)
    found = world.replenish().exceptions
    hints = found[found["type"] == "stock-out"].set_index("sku")["hint"]
    assert hints["A"] == "S sends no less than 4,000, 400 weeks of demand: ask for less"
    assert "budget binds" in hints["B"]


def test_the_most_of_a_line_is_the_reason() -> None:
    assert "S sends at most 5 a line: raise max_order or add a source" in hint(one(max_order=5.0))


@pytest.mark.parametrize("shop", ["V", "W"])
def test_a_dry_dc_is_the_reason(shop: str) -> None:
    world = chain().with_rows(stock=[])
    world = world.with_rows(
        sourcing=[{**row, "lead_days": 35.0} if row["destination"] == "D" else row for row in world.tables["sourcing"]],
        stock=[{"sku": "A", "warehouse": "W", "on_hand": 0.0}],
    )
    assert hint(world, shop) == "D has none left to send then: supply it first"


def test_without_another_reason_the_money_is() -> None:
    world = one().changed("items", shortage_cost=0.05, holding_cost_per_week=0.5)
    assert "a higher shortage_cost asks for more" in hint(world, kind="planned shortage")
