"""The simple forecasts, on series small enough to work by hand."""

from __future__ import annotations

import numpy as np
import pytest

from planner.forecast.peers import AVERAGE, NAIVE, SEASONAL, empirical_quantiles, peers

NAN = float("nan")


def test_daily_peers():
    sold = np.array([[NAN] * 3 + list(range(1, 12)), [NAN] * 14], dtype=np.float32)
    found = peers(sold, 9, "day")
    assert found[NAIVE][0].tolist() == [11] * 9
    assert found[SEASONAL][0].tolist() == [5, 6, 7, 8, 9, 10, 11, 5, 6]
    assert found[AVERAGE][0].tolist() == [8] * 9
    assert all((mean[1] == 0).all() for mean in found.values())


def test_an_unknown_season_falls_back_to_the_last_bucket():
    found = peers(np.array([[4, NAN]], dtype=np.float32), 3, "week")
    assert found[SEASONAL].tolist() == [[4, 4, 4]]
    assert found[NAIVE].tolist() == [[4, 4, 4]]


def test_returns_never_make_a_forecast_negative():
    assert peers(np.array([[-3]], dtype=np.float32), 1, "week")[NAIVE].tolist() == [[0]]


def test_empirical_quantiles_are_values_that_were_sold():
    sold = np.array([[NAN, *range(1, 11)], [NAN] * 11], dtype=np.float32)
    assert empirical_quantiles(sold, "month", (0.1, 0.5, 0.95))[0] == pytest.approx([1, 5, 10])
    assert empirical_quantiles(sold, "month", (0.1, 0.5, 0.95))[1] == pytest.approx([0, 0, 0])
