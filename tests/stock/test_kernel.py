"""The compiled loops: those over a whole grid say what the plain ones say of a point; kept code never outlives its
sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planner.stock.board import Board
from planner.stock.kernel import forget_stale
from planner.stock.kernel.ahead import between, moved, order, outcome, weigh
from planner.stock.kernel.choosing import choose_again, used_by_chosen
from planner.stock.kernel.field import FAR
from planner.stock.kernel.path import best_order
from tests.stock.world import World, chain, one, shop

WORLDS = {
    "lost": shop(12, 2, 13),
    "backorder": shop(12, 2, 13).changed("items", shortage="backorder"),
    "dc": replace(chain(), weeks=8),
    "dc that sells": replace(chain(), demand={**chain().demand, ("A", "D"): 6.0}, weeks=8),
    "price breaks": one(lead_days=7.0, order_cost=9.0, order_multiple=4.0).with_rows(
        price_breaks=[{"sku": "A", "source": "S", "min_quantity": units, "unit_cost": price}
                      for units, price in ((20.0, 1.9), (60.0, 1.7))]),
}  # fmt: skip


def planned(world: World) -> Board:
    board = Board(world.case, 100)
    board.plan()
    return board


@pytest.mark.parametrize("name", WORLDS)
def test_a_week_costs_at_every_grid_point_what_it_costs_at_one(name: str) -> None:
    """With prices, a floor, goods sent on and a network that is short."""
    field, draw = planned(WORLDS[name]).field, np.random.default_rng(3)
    field.space_price[:] = draw.uniform(0.0, 0.1, field.space_price.shape)
    field.served_price[:] = draw.uniform(0.0, 0.5, field.served_price.shape)
    field.floor[:] = draw.uniform(-2.0, 9.0, field.floor.shape)
    field.floor_price[:] = 0.7
    for n, t in np.ndindex(field.demand.shape):
        row, left = np.empty((2, field.size[n]))
        weigh(field, n, t, row, left)
        found = np.array([outcome(field, n, t, field.lo[n, t] + i * field.step[n])[:2] for i in range(field.size[n])])
        assert row == pytest.approx(found[:, 0], rel=1e-9, abs=1e-7)
        assert left == pytest.approx(found[:, 1], rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("spot", [-45.3, -7.0, -0.2, 0.0, 3.6, 11.0, 38.9, 60.0])
def test_a_grid_that_falls_between_the_points_of_another(spot: float) -> None:
    row, size = np.random.default_rng(1).normal(size=40).cumsum(), 40
    now = np.ones(size)
    moved(row, size, spot, now)
    assert now == pytest.approx([1.0 + between(row, size, spot + i) for i in range(size)])


@pytest.mark.parametrize("bounding", [False, True])
@pytest.mark.parametrize("name", WORLDS)
def test_orders_without_a_most_are_those_with_one_beyond_the_grid(name: str, bounding: bool) -> None:
    field, draw = planned(WORLDS[name]).field, np.random.default_rng(2)
    field.cap[:] = np.inf
    checked = 0
    for n, t in np.ndindex(field.demand.shape):
        at = n * field.demand.shape[1] + t
        for op in range(field.due_first[at], field.due_first[at + 1]):
            link, week, size = field.op_link[op], field.op_week[op], field.size[n]
            rows = np.repeat(draw.normal(0.0, 20.0, size).cumsum()[None, :], 2, axis=0)
            spare, queue, before = np.empty(size), np.empty(size, np.int64), rows[0].copy()
            for row, most in zip(rows, (np.inf, (size - 0.5) * field.step[n]), strict=True):
                field.cap[link, week] = most
                order(field, n, t, link, week, row, spare, queue, bounding)
            assert rows[0] == pytest.approx(rows[1], rel=1e-9, abs=1e-7)
            checked += bool((rows[0] < before - 1e-9).any())
    assert checked


@pytest.mark.parametrize("name", WORLDS)
def test_an_order_is_overlooked_only_if_it_costs_more_than_the_bar(name: str) -> None:
    field, draw = planned(WORLDS[name]).field, np.random.default_rng(4)
    overlooked = 0
    for n, t in np.ndindex(field.demand.shape):
        at = n * field.demand.shape[1] + t
        for op in range(field.due_first[at], field.due_first[at + 1]):
            row = draw.normal(0.0, 3.0, field.size[n]).cumsum().astype(np.float32)
            before = field.lo[n, t] + draw.uniform(-0.2, 1.2) * field.size[n] * field.step[n]
            given = (field, n, t, field.op_link[op], field.op_week[op], row, before)
            quantity, cost = best_order(*given, 2 * FAR)
            assert best_order(*given, cost + 1e-6) == (quantity, cost)
            found, least = best_order(*given, cost - 5.0)
            assert (found, least) in ((quantity, cost), (0.0, FAR)) or least > cost - 5.0
            overlooked += found == 0.0 < quantity
    assert overlooked


def test_networks_in_turn_take_the_plan_that_costs_least_beside_what_others_use() -> None:
    """Beside the same turn with the use of every plan in every cell, and all costs computed anew."""
    draw = np.random.default_rng(5)
    count, plans, cells = 7, 4, 5
    cost = draw.uniform(1.0, 9.0, (count, plans))
    use = draw.uniform(0.0, 4.0, (count, plans, cells)) * (draw.random((count, plans, cells)) < 0.5)
    room, price, order = draw.uniform(2.0, 7.0, cells), draw.uniform(0.5, 2.0, cells), draw.permutation(count)
    chosen = cost.argmin(axis=1)
    plan, cell = np.nonzero(use.reshape(-1, cells))
    first, begin = np.arange(count + 1) * plans, np.searchsorted(plan, np.arange(count * plans + 1))
    listed, used = first[:-1] + chosen, np.zeros(cells)
    amount = use.reshape(-1, cells)[plan, cell]
    used_by_chosen(begin, cell, amount, listed, used)
    assert used == pytest.approx(use[np.arange(count), chosen].sum(axis=0))
    changes = choose_again(first, cost.ravel(), begin, cell, amount, order, room, price, listed, used)
    expected = chosen.copy()
    for k in order:
        others = np.delete(np.arange(count), k)
        total = use[others, expected[others]].sum(axis=0) + use[k]
        expected[k] = (cost[k] + (np.maximum(total - room, 0.0) * price).sum(axis=1)).argmin()
    assert (listed - first[:-1]).tolist() == expected.tolist()
    assert changes == (expected != chosen).sum() > 0
    assert used == pytest.approx(use[np.arange(count), expected].sum(axis=0))


def test_compiled_code_is_dropped_when_any_file_of_the_room_changes(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text("one")
    kept = tmp_path / "__pycache__"
    kept.mkdir()
    (kept / "loop.index.nbi").write_bytes(b"old")
    assert forget_stale(tmp_path)
    assert not list(kept.glob("*.nb*"))
    (kept / "loop.index.nbi").write_bytes(b"new")
    assert not forget_stale(tmp_path)
    (tmp_path / "other.py").write_text("two")
    assert forget_stale(tmp_path)
    assert not list(kept.glob("*.nb*"))
