"""Import duty: which rate holds, what it does to a plan, and that a wrong one is caught."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.stock.check.customs import shares
from planner.stock.costs import unit_costs
from planner.stock.duties import crossings, duty_rates
from planner.stock.optimise import optimise
from planner.stock.sourcing import read_sources
from tests.stock.world import AS_OF, World, one, shop

TARIFF = [
    {"hs_code": "09", "origin": "CN", "destination": "DE", "rate": 0.02},
    {"hs_code": "0902", "origin": "CN", "destination": "DE", "rate": 0.05},
    {"hs_code": "090230", "origin": "IN", "destination": "DE", "rate": 0.10},
    {"hs_code": "0902", "origin": "PL", "destination": "CH", "rate": 0.08},
    {"hs_code": "0902", "origin": "DE", "destination": "CH", "rate": 0.20},
]
PLACES = [
    {"location": "S", "kind": "supplier", "country": "CN"},
    {"location": "P", "kind": "supplier", "country": "PL", "customs_area": "EU"},
    {"location": "W", "kind": "warehouse", "country": "DE", "customs_area": "EU"},
    {"location": "B", "kind": "warehouse", "country": "CH"},
    {"location": "C", "kind": "warehouse", "country": "CH"},
    {"location": "X", "kind": "supplier"},
]


def tea(origin: str = "", hs_code: str = "09021000", **terms: Any) -> World:
    """Tea for W in Germany, bought from S in China; holding is a rate of its landed cost."""
    item = {"sku": "A", "unit_price": 5.0, "holding_rate_per_year": 2.6, "shortage_cost": 2.0, "shortage": "lost"}
    return one(**terms).with_rows(
        items=[{**item, "hs_code": hs_code, "origin_country": origin}], locations=PLACES, duties=TARIFF
    )


def two_sources() -> World:
    """S in China asks 2.00 and 5 % duty is due; P in Poland asks 2.05 and none is due within the union."""
    world = tea()
    here = world.tables["sourcing"][0]
    return world.with_rows(sourcing=[here, {**here, "source": "P", "unit_cost": 2.05}])


@pytest.mark.parametrize(
    ("origin", "hs_code", "source", "destination", "rate"),
    [
        ("", "09021000", "S", "W", 0.05),  # the longest of 09 and 0902, from the country of the supplier
        ("", "09101000", "S", "W", 0.02),
        ("", "1001", "S", "W", 0.0),  # no row fits
        ("", "", "S", "W", 0.0),
        ("IN", "09023010", "S", "W", 0.10),  # the goods' own origin goes before the supplier's
        ("IN", "09021000", "S", "W", 0.0),
        ("CN", "09021000", "P", "W", 0.0),  # within one customs area whatever the origin
        ("", "09021000", "P", "B", 0.08),
        ("", "09021000", "W", "B", 0.20),  # a transfer across the border
        ("DE", "09021000", "S", "W", 0.0),  # goods that come home
        ("PL", "09021000", "B", "C", 0.0),  # within one country
        ("CN", "09021000", "X", "W", 0.0),  # nobody knows where X lies
    ],
)
def test_the_rate_of_a_way(origin: str, hs_code: str, source: str, destination: str, rate: float) -> None:
    data = tea(origin, hs_code).dataset
    ways = pd.DataFrame({"sku": ["A"], "source": [source], "destination": [destination]})
    assert duty_rates(data, ways).tolist() == [rate]
    assert shares(data, ways).tolist() == [rate], "the check finds the same on its own"


def test_a_crossing_says_what_it_read() -> None:
    ways = pd.DataFrame({"sku": ["A"], "source": ["S"], "destination": ["W"]})
    assert crossings(tea().dataset, ways).iloc[0].to_dict() == {
        "hs_code": "09021000", "origin": "CN", "into": "DE", "crosses": True, "code": "0902", "rate": 0.05,
    }  # fmt: skip
    unknown = crossings(tea(hs_code="1001").dataset, ways).iloc[0]
    assert (unknown["crosses"], unknown["code"]) == (True, "")
    assert np.isnan(unknown["rate"])


def test_without_the_table_nothing_is_charged() -> None:
    result = tea().with_rows(duties=[]).replenish()
    assert result.summary["check"] == []
    assert result.orders["duty"].sum() == 0


def test_duty_is_charged_on_the_price_in_base_currency() -> None:
    world = tea(currency="USD").with_rows(currencies=[{"currency": "USD", "date": "2026-01-01", "rate_to_base": 0.5}])
    result = world.replenish()
    orders = result.orders
    assert result.summary["check"] == []
    assert orders["unit_cost"].unique().tolist() == [1.0], "the order shows what the supplier asks"
    assert orders["duty"].to_numpy() == pytest.approx(0.05 * orders["quantity"].to_numpy())
    assert world.case.nodes.cost.tolist() == pytest.approx([1.05])
    assert world.case.nodes.holding.tolist() == pytest.approx([2.6 * 1.05 / 52]), "stock is worth its landed cost"


def test_duty_flips_the_choice_of_the_source() -> None:
    world = two_sources()
    charged, free = world.replenish(), world.changed("duties", rate=0.0).replenish()
    assert charged.summary["check"] == free.summary["check"] == []
    assert set(charged.orders["source"]) == {"P"}
    assert set(free.orders["source"]) == {"S"}


def test_each_tier_is_charged_and_the_dearer_way_costs_its_difference() -> None:
    breaks = [{"sku": "A", "source": "S", "min_quantity": 30.0, "unit_cost": 1.5}]
    case = two_sources().with_rows(price_breaks=breaks).case
    bought, other = (int(np.flatnonzero(case.links.source == name)[0]) for name in "SP")
    assert case.links.tiers[bought] == ((0.0, 2.0), (30.0, 1.5))
    assert case.links.reference.tolist() == pytest.approx([1.5 * 1.05] * 2)
    only_p = replace(case, links=replace(case.links, due=np.where(
        (np.arange(2) == other)[:, None], case.links.due, -1)))  # fmt: skip
    plan = optimise(only_p, two_sources().settings.stock)
    units = float(plan.solution.quantity(case.links).sum())
    assert plan.costs["purchase_difference"] == pytest.approx(units * (2.05 - 1.5 * 1.05))
    assert sum(plan.costs.values()) == pytest.approx(plan.objective)
    assert plan.status == "optimal"
    assert plan.bound == pytest.approx(plan.objective, rel=0.005), "the model of record charges the same"


@pytest.mark.parametrize("charge", ["order", "receipt", "payment"])
def test_the_budget_pays_the_duty(charge: str) -> None:
    """21 a week pay for ten units at 2.10 landed."""
    world = tea().changed("stock", on_hand=0.0).stock_settings(budget_per_week=21.0, budget_charge=charge)
    result = world.replenish()
    orders = result.orders
    assert result.summary["check"] == []
    paid = (orders["quantity"] * orders["unit_cost"] + orders["duty"]).groupby(orders["order_week"]).sum()
    assert 20.0 < paid.max() <= 21.0 + 1e-6
    assert world.stock_settings(budget_per_week=20.5).verify(orders, result.plan), "goods alone would fit"


def test_a_joint_minimum_counts_what_the_supplier_asks() -> None:
    world = tea().with_rows(suppliers=[{"location": "S", "min_order_value": 60.0}])
    result = world.replenish()
    assert result.summary["check"] == []
    assert result.orders["quantity"].min() >= 30.0


@pytest.mark.parametrize("charge", ["order", "receipt"])
def test_a_shop_behind_two_borders_keeps_its_budget_and_its_bound(charge: str) -> None:
    """From China into the dc's country 10 %, on transfers from there into W0's 30 %."""
    world = shop(4, 2, 8).changed("items", hs_code="123", origin_country="CN")
    countries = {"DC": "NL", "S0": "CN", "W0": "CH", "W1": "NL"}
    places = [{**row, "country": countries[row["location"]]} for row in world.tables["locations"]]
    tariff = [{"hs_code": "1", "origin": "CN", "destination": into, "rate": rate}
              for into, rate in (("NL", 0.1), ("CH", 0.3))]  # fmt: skip
    world = world.with_rows(locations=places, duties=tariff)
    result = world.stock_settings(budget_per_week=70.0, budget_charge=charge).replenish()
    duty = result.orders.groupby("kind")["duty"].sum()
    assert result.summary["check"] == []
    assert duty.min() > 0
    assert result.summary["bound"] <= result.summary["objective"] + 1e-6
    assert sum(result.summary["costs"].values()) == pytest.approx(result.summary["objective"])


def test_a_wrong_duty_is_caught() -> None:
    world = tea()
    result = world.replenish()
    wrong = result.orders.assign(duty=result.orders["duty"].where(result.orders.index > 0, 0.0))
    assert [text.split(":")[0] for text in world.verify(wrong, result.plan)] == ["duty"]
    stricter = world.changed("duties", rate=0.5)
    assert any(text.startswith("duty:") for text in stricter.verify(result.orders, result.plan))


def test_a_transfer_pays_where_it_crosses_a_border() -> None:
    """Tea from China for W and, behind a second border, B: 5 % into Germany, then 20 % into Switzerland."""
    world = tea().with_rows(
        stocking=[{"sku": "A", "warehouse": place} for place in ("W", "B")],
        sourcing=[
            {"sku": "A", "source": "S", "destination": "W", "unit_cost": 2.0, "lead_days": 7.0},
            {"sku": "A", "source": "W", "destination": "B", "unit_cost": 2.0, "lead_days": 2.0},
        ],
    )
    world = replace(world, demand={("A", "W"): 10.0, ("A", "B"): 10.0})
    sources = read_sources(world.dataset, world.settings, AS_OF)
    keys = pd.DataFrame({"sku": ["A", "A"], "warehouse": ["W", "B"]})
    assert unit_costs(world.dataset, keys, sources, AS_OF).tolist() == pytest.approx([2.1, 2.1 + 0.2 * 2.0])
    result = world.replenish()
    moved = result.orders[result.orders["kind"] == "transfer"]
    assert result.summary["check"] == []
    assert len(moved)
    assert moved["duty"].to_numpy() == pytest.approx(0.4 * moved["quantity"].to_numpy())


def test_one_sku_in_two_countries_has_two_costs_and_two_orders() -> None:
    """The same demand and price; where 150 % are due, stock is dear to hold and less is ordered."""
    dear = [{"hs_code": "09", "origin": "CN", "destination": "CH", "rate": 1.5}]
    here = tea().tables["sourcing"][0]
    world = tea().with_rows(
        duties=dear, stocking=[{"sku": "A", "warehouse": place} for place in ("W", "B")],
        sourcing=[here, {**here, "destination": "B"}],
        stock=[{"sku": "A", "warehouse": place, "on_hand": 5.0} for place in ("W", "B")],
    )  # fmt: skip
    world = replace(world, demand={("A", "W"): 10.0, ("A", "B"): 10.0})
    result = world.replenish()
    first = result.orders[result.orders["order_week"] == result.orders["order_week"].min()]
    units = first.set_index("destination")["quantity"]
    assert result.summary["check"] == []
    assert dict(zip(world.case.nodes.place, world.case.nodes.cost, strict=True)) == {"B": 5.0, "W": 2.0}
    assert units["B"] < units["W"]
