from __future__ import annotations

import numpy as np
import pytest

from planner.forecast.censored import fill_unknown, first_known, local_level, repair


def world(level: float, spread: float, seed: int = 3):
    """Known demand of 300 series over two years, negative binomial with levels that differ."""
    draw = np.random.default_rng(seed)
    mean = level * np.exp(draw.normal(0, 0.5, (300, 1))) * np.ones((300, 104))
    noise = draw.gamma(1 / spread, spread, mean.shape) if spread else 1.0
    return draw.poisson(mean * noise).astype(float), mean, draw


@pytest.mark.parametrize(("level", "spread"), [(1.0, 0.5), (5.0, 0.0), (5.0, 0.5), (20.0, 0.3)])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.4])
def test_a_flag_that_hides_strong_weeks_leaves_almost_no_bias(level, spread, share):
    """The shelf empties when demand is high: 10 to 40 % of the weeks are cut at what was there."""
    demand, mean, draw = world(level, spread)
    stock = np.ceil(mean * draw.uniform(0.3, 2.2, mean.shape))
    empty = demand >= stock
    empty &= draw.random(mean.shape) < share / max(empty.mean(), share)
    sold = np.where(empty, stock, demand)
    repaired = repair(np.where(empty, 0, sold), np.where(empty, sold, 0), np.where(empty, 0.0, 1.0), 8)
    assert sold.mean() < 0.97 * demand.mean()
    assert repaired.mean() == pytest.approx(demand.mean(), rel=0.03)


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_hours_out_of_stock_leave_almost_no_bias(spread):
    """A share of each bucket was not served, whatever demand was."""
    demand, mean, draw = world(4.0, spread)
    share = np.where(draw.random(mean.shape) < 0.4, draw.uniform(0, 0.9, mean.shape), 1.0)
    sold = draw.binomial(demand.astype(int), share).astype(float)
    repaired = repair(sold, np.zeros_like(sold), share, 8)
    assert repaired.mean() == pytest.approx(demand.mean(), rel=0.02)


def test_a_repaired_bucket_is_never_below_what_was_sold():
    demand, _, draw = world(3.0, 0.5)
    empty = draw.random(demand.shape) < 0.3
    repaired = repair(np.where(empty, 0, demand), np.where(empty, demand, 0), np.where(empty, 0.0, 1.0), 8)
    assert (repaired >= demand - 1e-9).all()
    np.testing.assert_allclose(repaired[~empty], demand[~empty])


def test_far_beyond_the_level_the_repair_stays_finite_and_small():
    sold = np.ones((1, 50))
    sold[0, 20] = 5000
    share = np.ones((1, 50))
    share[0, 20] = 0
    blocked = np.where(share == 0, sold, 0)
    repaired = repair(sold - blocked, blocked, share, 8)
    assert np.isfinite(repaired).all()
    assert 5000 <= repaired[0, 20] < 50_000


def test_a_series_that_was_never_in_stock_keeps_what_it_sold():
    np.testing.assert_array_equal(repair(np.zeros((1, 4)), np.zeros((1, 4)), np.zeros((1, 4)), 8), np.zeros((1, 4)))


def test_nothing_is_said_about_buckets_before_the_start():
    share = np.array([[np.nan, 1.0, 0.0, 1.0]])
    repaired = repair(np.array([[np.nan, 4, 0, 4]]), np.zeros((1, 4)), share, 8)
    assert np.isnan(repaired[0, 0])
    assert repaired[0, 2] == pytest.approx(4, rel=0.05)


def test_unknown_values_become_the_level_around_them():
    values = np.array([[np.nan, 2, 2, np.nan, 2, 2, np.nan], [1, 1, 1, 1, 1, 1, 1]], dtype=np.float32)
    filled = fill_unknown(values, 2)
    np.testing.assert_allclose(filled, [[np.nan, 2, 2, 2, 2, 2, 2], [1] * 7])
    assert np.isnan(values[0, 3])


def test_level_follows_a_step_and_first_known_finds_the_start():
    values = np.r_[np.ones(40), np.full(40, 9.0)][None, :]
    level = local_level(values, np.ones_like(values), 4)
    assert level[0, 10] < 2.5
    assert level[0, 70] > 7.5
    assert first_known(np.array([[np.nan, 1], [np.nan, np.nan], [1, np.nan]], np.float32)).tolist() == [1, 2, 0]
