from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.errors import UsageError
from planner.forecast import fit_baseline
from planner.forecast.drivers import Tables, known_ahead
from planner.settings import ForecastSettings
from tests.forecast.frames import items, panel

WEEKS, AHEAD = 104, 8


def dates() -> pd.DatetimeIndex:
    return pd.date_range("2023-01-02", periods=WEEKS + AHEAD, freq="W-MON", unit="ns")


def keys(series: int = 4) -> pd.DataFrame:
    return panel(np.zeros((series, 1))).keys


def rows(*values: tuple[str, int, float], **more: str) -> pd.DataFrame:
    """(name, bucket, value), for everything unless `more` says otherwise."""
    frame = pd.DataFrame(values, columns=["name", "bucket", "value"])
    return frame.assign(
        date=dates()[frame["bucket"].astype(int)], **({"sku": "", "warehouse": "", "country": ""} | more)
    )


def found(table: pd.DataFrame, wanted=("auto",), **more):
    return known_ahead(keys(), dates(), WEEKS, Tables(drivers=table, **more), "week", wanted)


def test_the_more_particular_row_wins_and_a_missing_promotion_is_none():
    table = pd.concat([rows(("promo", 10, 1.0), ("promo", 105, 1.0)), rows(("promo", 10, 3.0), sku="s0001")])
    (driver,) = found(table).drivers
    assert driver.flag
    assert driver.values[driver.row, 10].tolist() == [1, 3, 1, 1]
    assert driver.values[driver.row, 11].tolist() == [0, 0, 0, 0]


def test_a_driver_that_is_always_known_keeps_its_last_value():
    table = rows(*(("temperature", week, float(week)) for week in range(WEEKS + 2)))
    (driver,) = found(table).drivers
    assert not driver.flag
    assert driver.values[0, -1] == WEEKS + 1


def test_a_driver_that_ends_within_the_horizon_says_from_when_it_is_carried_on():
    known = found(rows(*(("temperature", week, float(week)) for week in range(WEEKS + 2))))
    (note,) = known.notes()
    assert note.startswith(f"driver temperature is known until {dates()[WEEKS + 1].date()}: later buckets")
    assert found(rows(("promo", 10, 1.0), ("promo", WEEKS, 1.0))).notes() == []  # no promotion is no gap


def test_a_driver_that_begins_after_the_horizon_says_when():
    later = rows(("promo", 10, 1.0), ("promo", 11, 1.0)).assign(date=lambda part: part["date"].where(
        part["bucket"] == 10, dates()[-1] + pd.Timedelta(weeks=3)))  # fmt: skip
    assert "its next value is of" in found(later).refused["promo"]


def test_a_price_continues_what_was_sold_at():
    sold = pd.DataFrame(
        {"date": dates()[[3, 40]], "sku": "s0002", "warehouse": "w", "quantity": 1.0, "list_price": [2.0, 4.0]}
    )
    known = found(rows(("list_price", WEEKS, 8.0), sku="s0002"), sales=sold)
    (driver,) = known.drivers
    path = np.exp(driver.values[driver.row[2]])
    assert path[[3, 39, 40, WEEKS]] / path[3] == pytest.approx([1, 1, 2, 4])


def test_a_driver_without_a_value_ahead_is_refused_by_name():
    known = found(rows(("rain", 3, 1.0), ("promo", 10, 1.0), ("promo", 106, 1.0)))
    assert [driver.name for driver in known.drivers] == ["promo"]
    assert "2023-01-23" in known.refused["rain"]
    with pytest.raises(UsageError, match="rain cannot be used"):
        found(rows(("rain", 3, 1.0)), wanted=("rain",))
    with pytest.raises(UsageError, match="no driver 'snow'"):
        found(rows(("rain", 3, 1.0)), wanted=("snow",))
    assert found(rows(("rain", 3, 1.0)), wanted=("none",)).refused == {}


def test_a_calendar_without_the_horizon_is_refused_by_kind():
    calendar = pd.DataFrame({"country": "DE", "date": dates()[[5, 60]], "name": "x", "kind": "holiday"})
    places = pd.DataFrame({"location": ["w"], "country": ["DE"]})
    assert "no holiday after" in found(rows(), calendar=calendar, locations=places).refused["calendar holiday"]


def test_a_driver_that_never_moved_teaches_nothing():
    assert found(rows(*(("price", week, 5.0) for week in range(WEEKS + AHEAD)))).drivers == ()


@pytest.mark.parametrize("method", ["lightgbm", "regression"])
def test_what_a_promotion_adds_is_in_the_forecast_and_can_be_read(method):
    draw = np.random.default_rng(1)
    on = draw.random((60, WEEKS + AHEAD)) < 0.15
    on[:, WEEKS + 2], on[:, WEEKS + 5] = True, False
    values = draw.poisson(10.0 * (1 + 1.5 * on))
    history = panel(values[:, :WEEKS], "2023-01-02")
    series, week = np.nonzero(on)
    table = pd.DataFrame({"name": "promo", "date": dates()[week], "value": 1.0,
                          "sku": history.keys["sku"].to_numpy()[series], "warehouse": "w"})  # fmt: skip
    settings = ForecastSettings(methods=("smoothing", method))
    base = fit_baseline(history, items(*history.keys["sku"]), settings, horizon=AHEAD, bucket="week", seed=1,
                        tables=Tables(drivers=table))  # fmt: skip
    mean = base.forecast["mean"].to_numpy().reshape(60, AHEAD).mean(axis=0)
    assert mean[2] == pytest.approx(25, rel=0.1)
    assert mean[5] == pytest.approx(10, rel=0.1)
    parts = base.contributions.groupby("date")["contribution"].mean()
    assert list(base.contributions.columns) == ["sku", "warehouse", "date", "driver", "contribution"]
    assert parts[dates()[WEEKS + 2]] == pytest.approx(15, rel=0.15)
    assert dates()[WEEKS + 5] not in parts.index
