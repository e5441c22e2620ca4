"""The measures against figures worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from planner.forecast.metrics import (
    MEASURES,
    Scored,
    bias,
    coverage,
    mase,
    measured,
    naive_scale,
    quantile_loss,
    rmsse,
    scaled_quantile_loss,
    uncovered,
    wape,
)

HISTORY = [[0.0, 2.0, 4.0, 4.0], [np.nan, 3.0, 3.0, 3.0]]


def scored(judged=((True, True), (True, False))) -> Scored:
    """Two series of two buckets, one cell not judged; the second series never moved before the origin."""
    actual, mean = [[4.0, 8.0], [2.0, np.nan]], [[5.0, 6.0], [2.0, 9.0]]
    quantiles = np.array(mean)[:, :, None] + np.array([-1.0, 0.0, 3.0])
    return Scored.of(actual, mean, quantiles, judged, HISTORY, levels=(0.1, 0.5, 0.9))


def test_scale_starts_at_the_first_demand():
    step, square = naive_scale(HISTORY)
    assert step[0] == 1.0  # steps 2 and 0; the one from the leading zero does not count
    assert square[0] == 2.0
    assert np.isnan(step[1])
    assert np.isnan(naive_scale([[5.0]])[0][0])


def test_points():
    given = scored()
    assert wape(given)[0] == pytest.approx(3 / 14)
    assert bias(given)[0] == pytest.approx(-1 / 14)
    assert mase(given)[0] == pytest.approx(1.5)
    assert rmsse(given)[0] == pytest.approx(np.sqrt(2.5 / 2))


def test_quantiles():
    given = scored()
    # short of the quantiles: 0, -1, -4 | 3, 2, -1 | 1, 0, -3
    loss = np.array([[0.0, 0.5, 0.4], [0.3, 1.0, 0.1], [0.1, 0.0, 0.3]])
    assert quantile_loss(given)[0] == pytest.approx(2 * loss.mean(axis=1).sum() / 14)
    assert scaled_quantile_loss(given)[0] == pytest.approx(loss[:2].mean())
    assert coverage(given)[0] == pytest.approx([1 / 3, 2 / 3, 1.0])
    # below .1: 0 of 3 below, 1 of 3 at or below: calibrated. .5 lies between 1/3 and 2/3. .9: all three below
    assert uncovered(given)[0] == pytest.approx([0.0, 0.0, 0.1])


def test_groups_are_the_same_as_parts():
    given = scored()
    group = given.window
    for measure in MEASURES.values():
        apart = [measure(given.having(group == number))[0] for number in (0, 1)]
        np.testing.assert_allclose(measure(given, group), apart)
    np.testing.assert_allclose(coverage(given, group)[1], coverage(given.having(group == 1))[0])


def test_origins_join_without_mixing_windows():
    one = scored()
    both = Scored.joined([one, one])
    assert len(both.step) == 4
    for name, measure in MEASURES.items():
        assert measure(both) == pytest.approx(measure(one)), name


def test_what_cannot_be_measured_is_nan_and_warns_of_nothing():
    nothing = scored(judged=np.zeros((2, 2), bool))
    assert measured(nothing).isna().all(axis=None)
    still = scored(judged=((False, False), (True, False)))
    assert np.isnan(rmsse(still)[0])
    assert wape(still)[0] == 0.0
    points = Scored.of([[1.0]], [[2.0]], None, [[True]], [[1.0, 2.0]])
    assert np.isnan(quantile_loss(points)[0])
    assert "covers_0.95" not in measured(points)
    assert measured(points)["wape"].item() == 1.0
