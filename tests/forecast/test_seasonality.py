from __future__ import annotations

import numpy as np
import pytest

from planner.forecast.dispersion import origins_of
from planner.forecast.seasonality import POSITIONS, fit_season, positions, profile
from planner.periods import BUCKETS
from tests.forecast.frames import panel

FREQUENCY = {"day": "D", "week": "W-MON", "month": "MS"}
LENGTH = {"day": 140, "week": 157, "month": 48}


def season_of(values, bucket="week", category=None):
    history = panel(values, "2021-01-01" if bucket == "month" else "2021-01-04", FREQUENCY[bucket])
    origins, span = origins_of(values.shape[1], 13, 3, bucket)
    return history, fit_season(
        history.values, history.dates, category or ["juice"] * len(values), bucket, origins, span
    )


def wavy(bucket: str, series: int = 60, strength: float = 0.5, seed: int = 1):
    """Poisson demand with a known season; returns it and the factor of each position."""
    draw = np.random.default_rng(seed)
    count = POSITIONS[bucket]
    truth = 1 + strength * np.sin(2 * np.pi * np.arange(count) / count)
    dates = panel(
        np.zeros((1, LENGTH[bucket])), "2021-01-01" if bucket == "month" else "2021-01-04", FREQUENCY[bucket]
    ).dates
    mean = np.exp(draw.normal(1.5, 0.8, (series, 1))) * truth[positions(dates, bucket)]
    return draw.poisson(mean).astype(np.float32), truth


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_season_that_is_there_is_found(bucket):
    values, truth = wavy(bucket)
    _, season = season_of(values, bucket)
    assert season.used.tolist() == [False, True]
    np.testing.assert_allclose(season.profile[1], truth, atol=0.12)
    np.testing.assert_array_equal(season.profile[0], 1)


def test_noise_is_not_taken_for_a_season():
    values = np.random.default_rng(4).poisson(3, (60, 157)).astype(np.float32)
    history, season = season_of(values)
    assert not season.used.any()
    raw = profile(values, np.zeros(60, np.int64), positions(history.dates, "week"), "week", 1)
    assert np.abs(raw - 1).max() < 0.05


def test_less_than_two_years_have_no_yearly_season():
    values, _ = wavy("week")
    assert not season_of(values[:, :103])[1].used.any()
    assert season_of(values[:, :130])[1].used.any()


def test_small_categories_share_a_season():
    values, _ = wavy("week", 45)
    _, season = season_of(values, category=["juice"] * 30 + ["tea"] * 8 + [""] * 7)
    assert season.names == ("", "juice")
    assert season.group.tolist() == [1] * 30 + [0] * 15


def test_factors_follow_the_dates_and_weeks_belong_to_the_year_of_their_thursday():
    values, _ = wavy("week")
    history, season = season_of(values)
    place = positions(history.dates, "week")
    assert place[0] == 0
    assert place.min() == 0
    assert place.max() == 51
    np.testing.assert_allclose(season.factors(place).between(0, len(place))[3], season.profile[1][place], rtol=1e-6)


def test_series_that_start_late_do_not_disturb_the_season():
    values, truth = wavy("week")
    values[::2, :80] = np.nan
    np.testing.assert_allclose(season_of(values)[1].profile[1], truth, atol=0.15)
