"""Whole vehicles: what they cost, the model of record, the search, the bound, and the words for them."""

from __future__ import annotations

import numpy as np
import pytest

from planner.settings import StockSettings
from planner.stock import optimise as search
from planner.stock.board import Board
from planner.stock.case import Case, Floats
from planner.stock.exact import solve_exactly
from planner.stock.kernel.ahead import fits, order, vehicles_for
from planner.stock.kernel.loading import load_again, load_up
from planner.stock.kernel.path import best_order
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


def staircase(case: Case, points: int = 100) -> Board:
    """A plan by load, with vehicles charged as whole ones from now on and its own orders loaded."""
    board = Board(case, points)
    board.plan()
    field = board.field
    for m, truck in enumerate(case.trucks):
        field.truck[truck.links], field.vehicle[m] = m, truck.cost
        field.load[m] = board.quantity[truck.links].T @ truck.share
    field.unit[:] -= case.freight[:, None]
    return board


@pytest.mark.parametrize("weight", [{}, {"capacity_kg": 21.0}])
def test_a_vehicle_more_is_charged_by_the_first_pack_that_does_not_fit(weight: dict[str, float]) -> None:
    case = trucked(one(order_multiple=4.0), {**LANE, **weight}).case
    field = staircase(case).field
    field.load[0] = np.random.default_rng(1).uniform(0.0, 3.0, field.load[0].shape)
    for week in range(case.horizon):
        for more in range(3):
            units = fits(field, 0, week, more)
            assert units % 4.0 == 0.0
            assert vehicles_for(field, 0, week, units) <= 6.0 * more
            assert vehicles_for(field, 0, week, units + 4.0) > 6.0 * more


def test_an_order_in_vehicles_costs_the_least_of_all_quantities() -> None:
    case = trucked(one(order_multiple=3.0, order_cost=2.0), {**LANE, "capacity_m3": 1.3}).case
    board, draw = staircase(case), np.random.default_rng(2)
    field, pack = board.field, 3.0
    field.step[:], field.load[:] = pack, draw.uniform(0.0, 2.0, field.load.shape)
    size = int(field.size[0])
    for week in np.flatnonzero(case.links.due[0] >= 0):
        t, row = int(case.links.due[0, week]), -draw.uniform(0.0, 4.0, size).cumsum()
        before = row.copy()
        price: Floats = np.array([0.0] + [
            field.fixed[0, week] + (field.unit[0, week] + field.tier_extra[0]) * pack * k
            + vehicles_for(field, 0, week, pack * k) for k in range(1, size)
        ])  # fmt: skip
        least = [(price[: size - i] + before[i:]).min() for i in range(size)]
        order(field, 0, t, 0, week, row, np.empty(size), np.empty(size, np.int64), False)
        assert row == pytest.approx(least)
        quantity, cost = best_order(field, 0, t, 0, week, before, field.lo[0, t], np.inf)
        assert cost == pytest.approx((price[1:] + before[1:]).min())
        assert cost == pytest.approx(price[round(quantity / pack)] + before[round(quantity / pack)])


def test_nodes_planned_again_in_vehicles_never_make_the_plan_dearer() -> None:
    world = shop(skus=6, warehouses=1, weeks=8).changed("suppliers", min_order_value=0.0, order_cost=0.0)
    case = trucked(world, {**LANE, "origin": "S0", "destination": "DC", "capacity_m3": 1.0},
                   {**LANE, "origin": "DC", "destination": "W0", "capacity_m3": 0.7}).case  # fmt: skip
    board, fed = staircase(case), np.flatnonzero(case.nodes.fed).astype(np.int64)
    field, total = board.field, [np.inf]
    for _ in range(3):
        gained = load_again(
            field, fed, board.table, board.quantity, board.tier, board.available, board.stock, board.short, board.cost
        )
        field.truck[:], truck = -1, field.truck.copy()
        board.path(fed, again=False, since=case.horizon)
        field.truck[:] = truck
        total.append(float(board.cost[fed].sum()) + 6.0 * vehicles(case, board.quantity)[:, :].sum())
        assert total[-1] <= total[-2] - gained + 1e-6
        assert field.load.max(axis=2) == pytest.approx(loads(case, board.quantity))
    assert total[-1] < total[1] - 1e-6 or gained == 0.0
    for n in range(len(case.nodes)):
        load_up(field, n, board.quantity, -1.0)
    assert field.load == pytest.approx(0.0, abs=1e-9)


def test_lines_of_different_goods_meet_in_a_vehicle() -> None:
    """Two vehicles' worth of load in the same weeks costs less than one half empty vehicle each."""
    world = shop(skus=6, warehouses=1, weeks=8).changed("suppliers", min_order_value=0.0, order_cost=0.0)
    case = trucked(world, {**LANE, "origin": "S0", "destination": "DC", "capacity_m3": 2.0, "cost_per_shipment": 25.0},
                   {**LANE, "origin": "DC", "destination": "W0", "capacity_m3": 0.7}).case  # fmt: skip
    by_load = Board(case)
    by_load.plan()
    plan = optimise(case, StockSettings())
    empty = [vehicles(case, q).sum() - loads(case, q).sum()
             for q in (by_load.quantity, plan.solution.quantity(case.links))]  # fmt: skip
    assert empty[1] < 0.7 * empty[0]
    assert freight(case, plan.solution.quantity(case.links)) < freight(case, by_load.quantity)


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
