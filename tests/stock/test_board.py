"""The search: exact where it claims to be, never above what a bound allows, the same with one thread or two."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.stock import bounds, networks
from planner.stock import prices as price_search
from planner.stock.board import Board
from planner.stock.bounds import lower_bound
from planner.stock.case import Case, Solution
from planner.stock.exact import solve_exactly
from planner.stock.excerpt import excerpt
from planner.stock.improve import improve
from planner.stock.inputs import read_case
from planner.stock.joint import choose_weeks, suppliers
from planner.stock.kernel import threads
from planner.stock.networks import share_holding
from planner.stock.optimise import optimise, room_left
from planner.stock.prices import find_prices
from planner.stock.repair import keep_limits
from planner.stock.shared import Shared
from planner.stock.usage import costs, used_by_plan
from tests.benchmarks.stock_cases import AS_OF, generated
from tests.benchmarks.stock_series import _world
from tests.stock.world import World, chain, one, shop


def cost_of(case: Case, plan: Solution) -> float:
    return sum(costs(case, plan, room_left(case)[0]).values())


def planned(case: Case) -> Board:
    board = Board(case)
    board.plan()
    return board


def cheapest_by_trial(case: Case, most: int) -> float:
    """The cheapest of all plans of one link with at most so many packs an order."""
    weeks = [t for t, _ in case.open_weeks(0)]
    best = np.inf
    board = planned(case)
    for packs in itertools.product(range(most + 1), repeat=len(weeks)):
        board.quantity[0, :] = 0.0
        board.quantity[0, weeks] = np.array(packs) * case.links.pack[0]
        placed = board.quantity[0][board.quantity[0] > 0]
        if (placed < case.links.moq[0]).any():
            continue
        board.path(np.array([0]), again=False, since=case.horizon)
        best = min(best, cost_of(case, board.solution()))
    return best


def test_a_finer_table_does_not_promise_that_stock_without_end_pays() -> None:
    """Lots of 120 beside a demand of 34 a week and less: an order ends beyond the table, whose last slope may fall."""
    draw = np.random.default_rng(1)
    case = [_world(draw) for _ in range(173)][172].case
    found = []
    for points in (256, 500, 2000):
        board = Board(case, points)
        board.plan()
        found.append(cost_of(case, board.solution()))
    assert found == pytest.approx([161.7774] * 3, rel=1e-4)  # what HiGHS proves on the model of record


@pytest.mark.parametrize("kind", ["lost", "backorder"])
@pytest.mark.parametrize("terms", [{}, {"order_cost": 6.0}, {"moq": 24.0, "order_cost": 2.0}])
def test_one_series_is_planned_as_cheaply_as_the_best_of_all_plans(kind: str, terms: dict[str, float]) -> None:
    world = replace(one(order_multiple=12.0, **terms), weeks=5).changed("items", shortage=kind)
    case = world.changed("stock", on_hand=6.0).case
    assert cost_of(case, planned(case).solution()) == pytest.approx(cheapest_by_trial(case, 4), rel=1e-3)


@settings(max_examples=15, deadline=None)
@given(
    level=st.floats(0.5, 40), moq=st.sampled_from([0.0, 30.0]), multiple=st.sampled_from([1.0, 6.0]),
    order_cost=st.sampled_from([0.0, 8.0]), on_hand=st.floats(0, 60), floor=st.sampled_from([0.0, 5.0]),
    kind=st.sampled_from(["lost", "backorder"]),
)  # fmt: skip
def test_bound_plan_and_highs_are_in_order(
    level: float, moq: float, multiple: float, order_cost: float, on_hand: float, floor: float, kind: str
) -> None:
    """Bound <= optimum of the model of record <= plan, and the plan is within half a per cent of the optimum."""
    world = replace(one(moq=moq, order_multiple=multiple, order_cost=order_cost), demand={("A", "W"): level}, weeks=8)
    world = world.changed("stock", on_hand=on_hand).changed("stocking", min_stock=floor).changed("items", shortage=kind)
    case = world.case
    board = planned(case)
    cost = cost_of(case, board.solution())
    room = room_left(case)[0]
    exact = solve_exactly(case, room, board.solution(), 1e-6, 5000, 60.0)
    bound = lower_bound(board, Shared(case, room), np.zeros_like(room), cost, 0.0)
    board.take(exact.solution)
    optimum = cost_of(case, board.solution())
    assert bound <= optimum + 1e-6
    assert exact.bound <= cost + 1e-4
    assert cost <= 1.005 * optimum + 0.02


@settings(max_examples=4, deadline=None)
@given(
    kind=st.sampled_from(["lost", "backorder"]), multiple=st.sampled_from([1.0, 5.0]), transfer=st.sampled_from([0, 3]),
    order_cost=st.sampled_from([0.0, 20.0]), lead=st.sampled_from([0.0, 7.0]), on_hand=st.sampled_from([0.0, 40.0]),
)  # fmt: skip
def test_no_plan_of_a_network_costs_less_than_its_bound(
    kind: str, multiple: float, transfer: int, order_cost: float, lead: float, on_hand: float
) -> None:
    """Neither the optimum of the model of record nor any plan; the shares that the bound looks for keep it so."""
    world = replace(chain(), weeks=6).changed("items", shortage=kind).changed("stock", on_hand=on_hand)
    bought, *moved = world.tables["sourcing"]
    world = world.with_rows(sourcing=[
        {**bought, "order_multiple": multiple, "order_cost": order_cost, "lead_days": lead},
        *({**row, "order_cost": transfer} for row in moved),
    ])  # fmt: skip
    case = world.case
    board = planned(case)
    share_holding(board, trials=4)
    room, cost = room_left(case)[0], cost_of(case, board.solution())
    bound = lower_bound(board, Shared(case, room), np.zeros_like(room), cost, 0.0)
    exact = solve_exactly(case, room, board.solution(), 1e-3, 100, 20.0)
    assert exact.solution is not None
    board.take(exact.solution)
    assert 0.2 * cost < bound <= min(cost, cost_of(case, board.solution())) + 1e-6


def test_a_dc_that_runs_out_at_once_orders_for_those_it_could_not_serve() -> None:
    """Who got less asks again for the first week in which an order can be there, not for the dc's next one."""
    world = replace(chain(), weeks=12).changed("stock", on_hand=6.0)
    bought, *moved = world.tables["sourcing"]
    case = world.with_rows(sourcing=[
        {**bought, "order_multiple": 1.0, "lead_days": 7.0}, *({**row, "order_cost": 6.0} for row in moved),
    ]).case  # fmt: skip
    board = planned(case)
    exact = solve_exactly(case, room_left(case)[0], board.solution(), 1e-3, 10_000, 20.0)
    assert exact.solution is not None
    assert cost_of(case, board.solution()) <= 1.15 * cost_of(case, exact.solution)


def tight(world: World, share: float) -> Case:
    """The world with a budget of a share of what it would spend in its dearest week."""
    lines = world.replenish().orders.query("kind == 'purchase'")
    spent = (lines["quantity"] * lines["unit_cost"]).groupby(lines["order_week"]).sum().max()
    return world.stock_settings(budget_per_week=float(spent * share)).case


def test_the_short_ways_of_large_cases_keep_plan_and_bound_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with very many networks: few rounds, of which the later ones are for dear networks, and one scale of prices
    that a sample chooses."""
    monkeypatch.setattr(networks, "EFFORT", 0)
    for name, value in {"MANY": 1, "SAMPLE": 1, "STEP_EFFORT": 0}.items():
        monkeypatch.setattr(bounds, name, value)
    many = shop(12, 3, 13).case
    board, network = planned(many), many.nodes.network
    before = np.bincount(network, board.true_cost())
    share_holding(board)
    after = np.bincount(network, board.true_cost())
    assert (after <= before + 1e-6).all()
    assert after.sum() < before.sum()
    case = tight(replace(chain(), weeks=6).changed("sourcing", order_multiple=5.0), 0.6)
    board, room = planned(case), room_left(case)[0]
    shared = Shared(case, room)
    prices = find_prices(board, shared)
    keep_limits(board, shared)
    assert prices.any()
    exact = solve_exactly(case, room, board.solution(), 1e-3, 1000, 20.0)
    assert exact.solution is not None
    cost = cost_of(case, board.solution())
    bound = lower_bound(board, shared, prices, cost, 0.0)
    board.take(exact.solution)
    assert 0.2 * cost < bound <= min(cost, cost_of(case, board.solution())) + 1e-6


def test_the_search_only_improves_and_keeps_every_limit() -> None:
    case = tight(shop(6, 3, 13), 0.5)
    shared, board = Shared(case, room_left(case)[0]), planned(case)
    prices = find_prices(board, shared)
    choose_weeks(board, shared)
    keep_limits(board, shared)
    before = cost_of(case, board.solution())
    assert not (shared.exceeded(shared.used(board)) & shared.hard).any()
    assert improve(board, shared, prices, 60) > 0
    assert cost_of(case, board.solution()) < before
    assert not (shared.exceeded(shared.used(board)) & shared.hard).any()


def test_the_search_breaks_no_hard_limit_for_what_it_saves_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A little too much in a week costs less than an order saves: what use beyond a limit is charged is no rule."""
    monkeypatch.setattr(price_search, "FIRST_RENT", 0.005)
    made = generated(60)
    case = read_case(made.dataset, made.weekly, made.cumulative, made.settings, AS_OF)
    plan = optimise(case, made.settings.stock)
    used = used_by_plan(case, plan.solution, plan.room)
    assert not (used > plan.room + 1e-5).any()


def test_a_sample_of_the_networks_plans_like_the_same_networks_in_the_whole() -> None:
    case = shop(12, 3, 13).case
    board, chosen = planned(case), np.arange(int(case.nodes.network.max()) + 1) % 3 == 0
    part = excerpt(case, chosen)
    assert 0 < len(part.nodes) < len(case.nodes)
    alone = planned(part.case)
    np.testing.assert_array_equal(alone.quantity, board.quantity[part.links])
    np.testing.assert_allclose(alone.true_cost(), board.true_cost()[part.nodes])
    used = Shared(case, room_left(case)[0]).used_by(board, part.nodes)
    np.testing.assert_allclose(Shared(part.case, room_left(case)[0]).used(alone), used)


def test_prices_that_begin_from_a_sample_are_worth_no_less(monkeypatch: pytest.MonkeyPatch) -> None:
    case = tight(shop(30, 3, 13), 0.6)
    shared = Shared(case, room_left(case)[0])

    def worth() -> float:
        board = planned(case)
        found = find_prices(board, shared)
        over = np.where(np.isfinite(shared.room), shared.used(board) - shared.room, 0.0)
        assert found.any()
        return float(board.true_cost().sum() + (found * over).sum())

    free, usual = planned(case).true_cost().sum(), worth()
    for name, value in {"MANY": 20, "SAMPLE": 12, "HEARD": 5}.items():
        monkeypatch.setattr(price_search, name, value)
    begun = worth()
    assert begun > free
    assert begun >= usual - 0.2 * (usual - free)


def test_joint_orders_meet_their_minima_in_every_week_they_are_placed() -> None:
    case = shop(6, 3, 13).case
    plan = optimise(case, shop(6, 3, 13).settings.stock).solution
    for supplier in suppliers(case):
        value = (plan.quantity(case.links) * plan.unit_cost(case.links))[supplier.lines].sum(axis=0)
        assert (value[value > 0] >= supplier.minima[0] - 1e-6).all()


@pytest.mark.parametrize("count", [2, 3, 8])
def test_several_threads_plan_what_one_plans(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    case = shop(8, 3, 10).case
    monkeypatch.setattr(threads, "THREADS", 1)
    alone = planned(case).quantity
    monkeypatch.setattr(threads, "WORTH_IT", 2)
    monkeypatch.setattr(threads, "THREADS", count)
    np.testing.assert_array_equal(planned(case).quantity, alone)
