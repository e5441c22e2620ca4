"""Plans along sample paths: goods are conserved, certain demand gives the plan itself, and planning again helps."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from planner.stock.again import orders_now
from planner.stock.board import Board
from planner.stock.case import Case, Floats, Solution
from planner.stock.yard import Yard, frozen
from tests.stock.world import World, chain, one


def planned(case: Case) -> Solution:
    board = Board(case, tables=False)
    board.plan_apart(lambda *_: None)
    return board.solution()


def played(case: Case, solution: Solution, demand: Floats) -> Yard:
    yard = Yard(case, demand.shape[1], demand.shape[2])
    quantity = solution.quantity(case.links)
    for t in range(demand.shape[1]):
        ordered = np.repeat(quantity[:, t, None], demand.shape[2], axis=1)
        yard.week(t, ordered, case.links.due[:, t], np.zeros(demand.shape[2]), demand[:, t])
    return yard


def drawn(case: Case, paths: int, seed: int = 1) -> Floats:
    """Negative binomial demand with the mean and variance of the case, weeks independent."""
    mean, variance = case.nodes.demand, np.maximum(case.nodes.variance, 1.001 * case.nodes.demand + 1e-9)
    share = np.clip(mean / variance, 1e-6, 1 - 1e-6)
    size = np.maximum(mean * share / (1 - share), 1e-9)
    rng = np.random.default_rng(seed)
    return rng.negative_binomial(size[:, :, None], share[:, :, None], (*mean.shape, paths)).astype(float)


def test_demand_as_expected_and_enough_stock_leaves_what_the_balance_says():
    case = one().changed("stock", on_hand=200.0).case
    account = frozen(
        case, np.zeros(case.links.due.shape), np.zeros(case.links.due.shape), case.nodes.demand[:, :, None]
    )
    assert account.mean_stock[0].tolist() == pytest.approx((200.0 - 10.0 * np.arange(1, 9)).tolist())
    assert account.short.sum() == 0


@pytest.mark.parametrize("kind", ["lost", "backorder"])
def test_nothing_appears_or_vanishes_on_the_way_through_a_dc(kind: str):
    case = chain().changed("items", shortage=kind).case
    solution, demand = planned(case), drawn(case, 30)
    yard = played(case, solution, demand)
    inside = case.links.origin < 0
    bought = (solution.quantity(case.links) * inside[:, None] * (case.links.due >= 0)).sum()
    served = np.where(case.nodes.sells[:, None, None], demand, 0.0).sum(axis=(0, 1))
    if kind == "lost":
        served = served - yard.account.short.sum(axis=0)
    start = case.nodes.opening.sum() + case.nodes.pipeline.sum() + bought
    assert yard.on_hand.sum(axis=0) == pytest.approx(start - served)


def test_no_place_sends_more_than_it_has():
    case = chain().changed("stock", on_hand=0.0).case
    quantity = np.where((case.links.origin >= 0)[:, None], 50.0, 0.0) * np.ones(case.horizon)
    yard = Yard(case, case.horizon, 3)
    for t in range(case.horizon):
        ordered = np.repeat(quantity[:, t, None], 3, axis=1)
        yard.week(t, ordered, case.links.due[:, t], np.zeros(3), np.zeros((len(case.nodes), 3)))
    assert yard.on_hand.sum() == 0


def world(dispersion: float) -> World:
    base = one().changed("items", shortage="backorder")
    return World(base.tables, {("A", "W"): 20.0}, dispersion, weeks=12)


def test_the_first_orders_of_every_path_are_those_of_the_plan():
    case = world(4.0).case
    yard = Yard(case, 24, 5)
    ordered, spend = orders_now(case, yard, 0)
    first = planned(case).quantity(case.links)[:, 0]
    assert ordered == pytest.approx(np.repeat(first[:, None], 5, axis=1))
    assert spend == pytest.approx(np.full(5, float(first.sum() * 2.0)))


def test_paths_that_sold_more_order_more():
    case = world(4.0).case
    yard = Yard(case, 24, 2)
    nothing = np.zeros((len(case.links), 2))
    yard.week(0, nothing, case.links.due[:, 0], np.zeros(2), np.array([[5.0, 35.0]]))
    later = dataclasses.replace(world(4.0), as_of=world(4.0).as_of.replace(day=9)).case
    ordered, _ = orders_now(later, yard, 1)
    assert ordered[0, 1] == ordered[0, 0] + 30.0
