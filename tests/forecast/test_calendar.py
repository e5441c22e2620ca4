from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.forecast import fit_baseline
from planner.forecast.drivers import Tables
from planner.panel import Panel
from planner.settings import ForecastSettings
from tests.forecast.frames import items, panel

PLAIN = ForecastSettings(methods=("smoothing",))
LENGTH, AHEAD = 420, 14


def world(series: int = 30, event: float = 2.0) -> tuple[Panel, np.ndarray, pd.DataFrame, pd.DataFrame]:
    """Daily Poisson demand with strong Saturdays and an event that doubles it; returns history, truth, calendar."""
    dates = pd.date_range("2023-01-02", periods=LENGTH + AHEAD, freq="D", unit="ns")
    truth = np.where(dates.weekday == 5, 2.0, 0.8333)
    events = np.arange(20, LENGTH + AHEAD, 50)
    truth[events] *= event
    values = np.random.default_rng(1).poisson(12 * truth, (series, len(dates)))
    calendar = pd.DataFrame({"country": "DE", "date": dates[events], "name": "fair", "kind": "event", "closed": False})
    places = pd.DataFrame({"location": ["w"], "kind": ["warehouse"], "country": ["DE"]})
    return panel(values[:, :LENGTH], "2023-01-02", "D"), 12 * truth[LENGTH:], calendar, places


def fitted(history: Panel, known: Tables) -> np.ndarray:
    table = items(*history.keys["sku"], category="juice")
    base = fit_baseline(history, table, PLAIN, horizon=AHEAD, bucket="day", seed=1, tables=known)
    return base.forecast["mean"].to_numpy().reshape(len(history.keys), AHEAD).mean(axis=0)


def test_weekdays_and_events_of_the_calendar_are_in_the_forecast():
    history, truth, calendar, places = world()
    assert calendar["date"].max() >= history.dates[-1]
    found = fitted(history, Tables(calendar=calendar, locations=places))
    np.testing.assert_allclose(found, truth, rtol=0.12)


def test_an_event_elsewhere_does_nothing_here():
    history, truth, calendar, places = world()
    found = fitted(history, Tables(calendar=calendar.assign(country="FR"), locations=places))
    assert calendar["date"].iloc[-1] == history.dates[-1] + pd.Timedelta(days=1)
    assert found[0] < 0.8 * truth[0]


def test_noise_is_not_taken_for_weekdays():
    values = np.random.default_rng(4).poisson(5, (30, 140))
    history = panel(values, "2023-01-02", "D")
    found = fitted(history, Tables())
    assert found.max() / found.min() < 1.06


@pytest.mark.parametrize("length", [1, 6, 20, 30])
def test_short_daily_histories(length):
    history = panel(np.random.default_rng(1).poisson(5, (5, length)), "2023-01-02", "D")
    found = fitted(history, Tables())
    assert np.isfinite(found).all()
    assert (found > 0).all()
