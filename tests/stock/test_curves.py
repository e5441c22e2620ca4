"""Expected shortage: against sums over the distribution, and the textbook newsvendor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from planner.stock.curves import excess_along, expected_excess, newsvendor_target, shortage_curves


@pytest.mark.parametrize(("mean", "variance"), [(0.3, 0.9), (4.0, 9.0), (60.0, 400.0)])
@pytest.mark.parametrize("level", [0.0, 1.0, 3.5, 40.0])
def test_negative_binomial_excess_is_the_sum_over_its_chances(mean: float, variance: float, level: float) -> None:
    share = mean / variance
    demand = np.arange(4000)
    chance = stats.nbinom.pmf(demand, mean * share / (1 - share), share)
    expected = float((np.maximum(demand - level, 0) * chance).sum())
    assert expected_excess(np.array(level), np.array(mean), np.array(variance)) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(
    ("mean", "variance"),
    [(0.0, 0.0), (1e-6, 1e-6), (0.3, 0.9), (4.0, 4.0), (7.0, 3.0), (60.0, 400.0), (900.0, 1100.0), (5000.0, 9e6)],
)
def test_excess_along_rising_levels_is_that_of_each_level(mean: float, variance: float) -> None:
    levels = np.array([[0.0, 0.0, 1.0, 2.0, 2.0, 5.0, 63.0, 64.0, 300.0, 950.0, 9000.0]])
    found = excess_along(levels, np.array([mean]), np.array([variance]))
    assert found == pytest.approx(expected_excess(levels, np.array(mean), np.array(variance)), rel=1e-8, abs=1e-9)


def test_excess_along_is_the_sum_over_chances_far_in_the_tail() -> None:
    share, demand = 12.0 / 30.0, np.arange(4000)
    chance = stats.nbinom.pmf(demand, 12.0 * share / (1 - share), share)
    levels = np.array([[0.0, 12.0, 40.0, 90.0]])
    expected = [(np.maximum(demand - level, 0) * chance).sum() for level in levels[0]]
    assert excess_along(levels, np.array([12.0]), np.array([30.0]))[0] == pytest.approx(expected, rel=1e-11)


def test_gamma_excess_is_its_integral() -> None:
    shape, scale = 25.0, 0.4
    expected = stats.gamma(shape, scale=scale).expect(lambda x: max(x - 11.0, 0.0))
    found = expected_excess(np.array(11.0), np.array(shape * scale), np.array(shape * scale**2))
    assert found == pytest.approx(expected, rel=1e-5)


def test_certain_demand_is_short_by_what_is_missing() -> None:
    assert expected_excess(np.array([4.0, 12.0]), np.array(10.0), np.array(0.0)) == pytest.approx([6.0, 0.0], abs=1e-2)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.01, 500), st.floats(1.0, 12.0), st.integers(1, 8), st.booleans(), st.floats(0.005, 0.5),
)  # fmt: skip
def test_curves_are_convex_falling_and_never_below_the_certain_shortage(
    mean: float, dispersion: float, weeks: int, lost: bool, tail: float
) -> None:
    week, window = np.array([[mean]]), np.array([[mean * weeks]])
    curve = shortage_curves(week, week * dispersion, window, window * dispersion, np.array([lost]), np.array([tail]))
    available, shortage, slope = (array[0, 0] for array in (curve.available, curve.shortage, curve.slope))
    assert (np.diff(available) >= -1e-9).all()
    assert (np.diff(slope) <= 1e-12).all()
    assert slope.min() >= 0
    assert slope.max() <= 1
    assert (shortage >= mean - available - 1e-6 * max(1.0, mean)).all()
    if lost:
        assert available[0] == pytest.approx(0.0, abs=1e-9)
        assert shortage[0] == pytest.approx(mean, rel=1e-9)


def test_target_is_the_newsvendor_quantile() -> None:
    """One week, holding 0.2 against 1 a unit: the optimum is the quantile at 1 / 1.2 (critical fractile .833)."""
    mean, variance, tail = 8.0, 20.0, 0.2 / 1.2
    one = np.array([[mean]])
    curve = shortage_curves(one, one * 2.5, one, np.array([[variance]]), np.array([True]), np.array([tail]))
    share = mean / variance
    expected = stats.nbinom.ppf(1 - tail, mean * share / (1 - share), share)
    assert newsvendor_target(curve, np.array([tail]))[0, 0] == pytest.approx(expected, abs=1.01)
