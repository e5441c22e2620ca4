"""Whole vehicles: what they cost, the model of record, the search, the bound, and the words for them."""

from __future__ import annotations

import numpy as np
import pytest

from planner.settings import StockSettings
from planner.stock import optimise as search
from planner.stock.exact import solve_exactly
from planner.stock.optimise import optimise, room_left
from planner.stock.trucks import freight, loads, vehicles
from planner.stock.usage import costs
from tests.stock.world import World, chain, one, shop

LANE = {"origin": "S", "destination": "W", "mode": "road", "cost_per_shipment": 6.0, "capacity_m3": 4.0}


def trucked(world: World, *lanes: dict[str, object]) -> World:
    """The world with lanes and whole vehicles on them."""
    return world.with_rows(lanes=list(lanes or [LANE])).stock_settings(whole_trucks=True)


def small_shop(seed: int) -> World:
    world = shop(skus=2, warehouses=2, weeks=6, seed=seed).changed("suppliers", min_order_value=0.0, order_cost=0.0)
    lanes = [{**LANE, "origin": "DC", "destination": f"W{k}", "capacity_m3": 0.4, "cost_per_shipment": 4.0}
             for k in range(2)]  # fmt: skip
    return trucked(world, {**LANE, "origin": "S0", "destination": "DC", "capacity_m3": 0.8}, *lanes)


def test_without_the_setting_lanes_cost_the_plan_nothing() -> None:
    world = one().with_rows(lanes=[LANE])
    assert not world.case.trucks
    assert "freight" not in world.replenish().summary["costs"]


def test_the_cheapest_cubic_metre_of_the_lanes_open_today_counts() -> None:
    far = {**LANE, "mode": "sea", "cost_per_shipment": 1.0, "cost_per_km": 0.1, "distance_km": 90.0}
    old = {**LANE, "mode": "rail", "cost_per_shipment": 0.1, "end": "2026-01-01"}
    big = {**far, "mode": "air", "capacity_m3": 8.0, "capacity_kg": 50.0}
    truck = trucked(one(), LANE, far, old, big).case.trucks[0]
    assert (truck.mode, truck.cost) == ("air", 10.0)
    assert truck.share.tolist() == [[0.1 / 8, 1 / 50]]
    assert truck.tight == 1


def test_freight_is_whole_vehicles_by_volume_or_weight() -> None:
    case = trucked(one(), {**LANE, "capacity_kg": 30.0}).case
    quantity = np.zeros((1, case.horizon))
    quantity[0, :4] = [1.0, 30.0, 31.0, 90.0]
    assert loads(case, quantity)[0, :4] == pytest.approx([1 / 30, 1, 31 / 30, 3])
    assert vehicles(case, quantity)[0, :5].tolist() == [1, 1, 2, 3, 0]
    assert freight(case, quantity) == 7 * 6.0


@pytest.mark.parametrize("seed", [2, 3])
def test_the_search_agrees_with_the_model_of_record(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    case = small_shop(seed).case
    monkeypatch.setattr(search, "small", lambda _: False)
    plan = optimise(case, StockSettings(whole_trucks=True))
    exact = solve_exactly(case, room_left(case)[0], plan.solution, 0.002, 2000, 4.0)
    assert exact.solution is not None
    best = sum(costs(case, exact.solution, plan.room).values())
    assert plan.relaxed <= plan.bound <= best * (1 + 1e-6)
    assert exact.bound <= plan.objective * (1 + 1e-6)
    assert plan.objective <= 1.05 * best


def test_filling_vehicles_never_costs_more_and_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    case = small_shop(2).case
    monkeypatch.setattr(search, "small", lambda _: False)
    filled = optimise(case, StockSettings())
    monkeypatch.setattr(search, "fill_vehicles", lambda *_: 0)
    assert filled.objective < optimise(case, StockSettings()).objective - 1e-6


def test_the_bound_of_whole_vehicles_is_higher_than_that_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    case = trucked(one(), {**LANE, "cost_per_shipment": 20.0, "capacity_m3": 12.0}).case
    monkeypatch.setattr(search, "small", lambda _: False)
    plan = optimise(case, StockSettings())
    exact = solve_exactly(case, room_left(case)[0], plan.solution, 0.0, 2000, 4.0)
    assert plan.relaxed + 1.0 < plan.bound <= exact.bound * (1 + 1e-3)


def test_the_check_counts_vehicles_by_itself() -> None:
    world = trucked(one(), {**LANE, "capacity_kg": 25.0})
    result = world.replenish()
    assert result.summary["check"] == []
    assert result.orders["freight"].sum() == result.summary["costs"]["freight"] > 0
    cheap = result.orders.assign(freight=result.orders["freight"] - 1.0)
    assert any(fault.startswith("freight: S>W") for fault in world.verify(cheap, result.plan))


def test_transfers_travel_in_whole_vehicles_too() -> None:
    lane = {**LANE, "origin": "D", "destination": "W", "capacity_m3": 3.0, "cost_per_shipment": 9.0}
    result = trucked(chain(), lane).replenish()
    assert result.summary["check"] == []
    assert result.summary["vehicles"]["count"] >= 1
    assert set(result.orders.loc[result.orders["freight"] > 0, "destination"]) == {"W"}


def test_a_line_larger_for_a_vehicle_that_travels_anyway_says_so() -> None:
    result = trucked(one(), {**LANE, "cost_per_shipment": 30.0}).replenish()
    assert "truck" in set(result.orders["moved_by"])
    assert "truck" not in set(one().replenish().orders["moved_by"])
