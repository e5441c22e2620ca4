from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from planner.forecast.quantiles import quantiles
from planner.tables import QUANTILES


def cells(low: float, high: float, count: int = 3000):
    draw = np.random.default_rng(1)
    mean = np.exp(draw.uniform(np.log(low), np.log(high), count))
    return mean, mean * np.exp(draw.uniform(0.01, 4, count))


def exact(mean, variance):
    shape = mean**2 / (variance - mean)
    return np.column_stack([stats.nbinom.ppf(level, shape, shape / (shape + mean)) for level in QUANTILES])


def test_small_means_are_scipys_negative_binomial_but_for_one_cell_in_two_hundred():
    mean, variance = cells(0.01, 50)
    off = np.abs(quantiles(mean, variance) - exact(mean, variance))
    assert off.max() <= 1
    assert (off > 0).mean() < 1 / 200


def test_larger_means_are_one_unit_off_at_most():
    mean, variance = cells(50, 1990)
    off = np.abs(quantiles(mean, variance) - exact(mean, variance))
    assert off.max() <= 1
    assert (off > 0).mean() < 1 / 12


def test_very_large_means_are_within_a_fifth_of_a_per_cent():
    mean, variance = cells(2001, 1e6)
    np.testing.assert_allclose(quantiles(mean, variance), exact(mean, variance), rtol=0.002)


def test_without_more_variance_than_mean_it_is_poisson():
    mean = np.exp(np.linspace(np.log(0.01), np.log(40), 500))
    expected = np.column_stack([stats.poisson.ppf(level, mean) for level in QUANTILES])
    off = np.abs(quantiles(mean, 0.5 * mean) - expected)
    assert off.max() <= 1
    assert (off > 0).mean() < 1 / 200


def test_fractions_are_gamma():
    mean, variance = cells(0.01, 1e4)
    expected = np.column_stack(
        [stats.gamma.ppf(level, mean**2 / variance, scale=variance / mean) for level in QUANTILES]
    )
    np.testing.assert_allclose(quantiles(mean, variance, False), expected, rtol=2e-3, atol=1e-6)


def test_no_demand_has_no_quantiles_and_no_variance_is_the_mean():
    assert quantiles([0.0, np.nan], [3.0, 1.0]).sum() == 0
    np.testing.assert_allclose(quantiles([2.5], [0.0], False), 2.5, rtol=1e-3)


@given(st.lists(st.tuples(st.floats(0, 1e7), st.floats(0, 1e9), st.booleans()), min_size=1, max_size=30))
def test_quantiles_never_fall_and_are_never_negative(rows):
    mean, variance, whole = (np.array(column) for column in zip(*rows, strict=True))
    found = quantiles(mean, variance, whole)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found[whole] == np.round(found[whole])).all()


@pytest.mark.parametrize("whole", [True, False])
def test_more_variance_widens(whole):
    narrow, wide = quantiles([20.0], [25.0], whole)[0], quantiles([20.0], [100.0], whole)[0]
    assert wide[0] < narrow[0]
    assert wide[-1] > narrow[-1]
