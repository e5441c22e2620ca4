"""Safety stock over several stages: by hand, by trying every quote, and by the newsvendor."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from planner.errors import UsageError
from planner.stock.echelon import Stages, place_safety_stock, serial_levels, total_deviation
from tests.benchmarks.echelon import every_quote, random_tree


def line(holding: tuple[float, ...]) -> Stages:
    """A serial line, every stage one period and a bound of 1, the last one quoting 0 to customers."""
    count = len(holding)
    return Stages(
        np.ones(count, np.int64), np.array(holding), np.ones(count), np.zeros(count, np.int64),
        np.array([-1] * (count - 1) + [0]), tuple((k, k + 1) for k in range(count - 1)),
    )  # fmt: skip


def test_cheap_stock_upstream_is_held_where_it_is_cheap() -> None:
    placed = place_safety_stock(line((0.01, 1.0)))
    assert placed.quote.tolist() == [0, 0]
    assert placed.stock == pytest.approx([1.0, 1.0])


def test_stock_of_equal_cost_is_pooled_at_the_end() -> None:
    placed = place_safety_stock(line((1.0, 1.0)))
    assert placed.quote.tolist() == [1, 0]
    assert placed.stock == pytest.approx([0.0, np.sqrt(2)])


@pytest.mark.parametrize("seed", range(4))
def test_trees_reach_the_best_of_all_quotes(seed: int) -> None:
    tree = random_tree(np.random.default_rng(seed), 5, 2)
    placed = place_safety_stock(tree)
    assert placed.exact
    assert placed.cost == pytest.approx(every_quote(tree), rel=1e-9)


def test_a_network_that_is_no_tree_says_so_and_keeps_its_promises() -> None:
    diamond = Stages(
        np.array([2, 1, 3, 1]), np.array([1.0, 2.0, 2.0, 5.0]), np.full(4, 2.0), np.zeros(4, np.int64),
        np.array([-1, -1, -1, 0]), ((0, 1), (0, 2), (1, 3), (2, 3)),
    )  # fmt: skip
    placed = place_safety_stock(diamond)
    assert not placed.exact
    assert placed.cost == pytest.approx(every_quote(diamond), rel=0.05)
    assert all(placed.inbound[j] >= placed.quote[i] for i, j in diamond.arcs)


def test_deviations_add_up_as_independent_ones() -> None:
    assert total_deviation(np.array([0.0, 3.0, 4.0]), ((0, 1), (0, 2))) == pytest.approx([5.0, 3.0, 4.0])


def test_a_circle_is_refused() -> None:
    with pytest.raises(UsageError, match="circle"):
        total_deviation(np.ones(2), ((0, 1), (1, 0)))


def test_one_stage_is_the_newsvendor() -> None:
    found = serial_levels(np.array([4.0]), np.array([1.0]), 9.0, 10.0, 2.0)
    level = stats.norm.ppf(0.9, 40.0, 4.0)
    assert found.levels[0] == pytest.approx(level, abs=0.02)
    assert found.cost == pytest.approx(10 * 4.0 * stats.norm.pdf(stats.norm.ppf(0.9)), rel=1e-3)
