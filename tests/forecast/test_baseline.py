from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from planner.errors import UsageError
from planner.forecast import Baseline, build_history, fit_baseline
from planner.forecast.dispersion import CLASSES
from planner.panel import Panel
from planner.settings import ForecastSettings
from tests.forecast.frames import items, panel, sales, stocking

STATISTICAL = ("ses", "imapa", "tsb", "sba", "moving-average-13", "moving-average-26")
SETTINGS = ForecastSettings(methods=STATISTICAL)


def fit(demand: Panel, settings=SETTINGS, table=None, bucket="week", horizon=8, **more) -> Baseline:
    known = items(*demand.keys["sku"]) if table is None else table
    return fit_baseline(demand, known, settings, horizon=horizon, bucket=bucket, seed=1, **more)


def poisson(series: int = 40, weeks: int = 120, mean: float = 4.0) -> Panel:
    return panel(np.random.default_rng(7).poisson(mean, (series, weeks)))


def test_exactly_horizon_rows_a_series_from_the_first_bucket_after_history():
    demand = poisson(3)
    found = fit(demand).forecast
    assert found.groupby(["sku", "warehouse"]).size().tolist() == [8, 8, 8]
    assert found["date"].min() == demand.dates[-1] + pd.Timedelta(weeks=1)
    assert found["sku"].is_monotonic_increasing
    assert list(found.columns) == ["sku", "warehouse", "date", "mean", "variance", "plain", "method", "whole"]
    assert found["date"].dtype == "datetime64[ns]"


def test_stationary_demand_has_its_mean_and_nearly_its_variance():
    found = fit(poisson(400, 120))
    assert found.forecast["mean"].mean() == pytest.approx(4, rel=0.03)
    assert found.forecast["variance"].median() == pytest.approx(4, rel=0.3)
    assert (found.forecast["variance"] >= found.forecast["mean"]).all()
    assert set(found.series["demand_class"]) <= set(CLASSES)


def test_bad_series_are_reported_and_change_no_other():
    good = poisson(30)
    bad = np.full((5, 120), np.nan, np.float32)
    bad[0, -1] = 6
    bad[1] = 0
    bad[2] = 0
    bad[2, 60] = 5000
    bad[3] = np.where(np.random.default_rng(1).random(120) < 0.2, np.nan, 5)
    bad[3, 0] = 5
    bad[4, 50:] = [np.inf, -3, *np.full(68, 2.0)]
    both = panel(np.vstack([good.values, bad]))
    found = fit(both)
    level = found.series["level"].to_numpy()
    assert np.isfinite(found.forecast[["mean", "variance"]].to_numpy()).all()
    assert (found.forecast["mean"] >= 0).all()
    np.testing.assert_allclose(level[:30], fit(good).series["level"])
    assert found.series["method"].tolist()[30:32] == ["new item", "no demand"]
    assert level[31] == 0
    assert level[32] < 50
    assert level[33] == pytest.approx(5, rel=0.01)
    assert level[34] == pytest.approx(2, rel=0.1)
    assert found.notes["sku"].tolist() == ["s0033", "s0034"]
    assert "unknown" in found.notes["note"][0]
    assert "2 buckets negative or infinite" in found.notes["note"][1]


def test_a_series_without_any_history_is_forecast_as_silent():
    found = fit(panel(np.full((1, 30), np.nan)))
    assert found.forecast["mean"].tolist() == [0] * 8
    assert found.series["demand_class"].tolist() == ["silent"]


def test_a_listed_item_without_sales_gets_the_level_of_its_category():
    demand = poisson(20, 60, 6.0)
    demand.values[0] = np.nan
    table = items(*demand.keys["sku"], category="juice")
    table.loc[0, "launch_date"] = demand.dates[-1] + pd.Timedelta(weeks=3)
    found = fit(demand, table=table)
    first = found.forecast[found.forecast["sku"] == "s0000"]
    assert first["mean"].tolist()[:2] == [0, 0]
    np.testing.assert_allclose(first["mean"].tolist()[2:], 6, rtol=0.1)
    assert found.series["method"][0] == "new item"


def test_nothing_is_forecast_outside_the_listing():
    demand = poisson(3)
    last = demand.dates[-1]
    listed = stocking(
        {"sku": "s0000", "warehouse": "w", "listed_to": last + pd.Timedelta(days=7 + 7 + 2)},
        {"sku": "s0001", "warehouse": "w", "listed_from": last + pd.Timedelta(weeks=3)},
    )
    table = items(*demand.keys["sku"])
    table.loc[2, "end_date"] = last
    found = fit(demand, table=table, stocking=listed)
    mean = found.forecast["mean"].to_numpy().reshape(3, 8)
    np.testing.assert_allclose(mean[0] / mean[0, 0], [1, 3 / 7, 0, 0, 0, 0, 0, 0])
    assert mean[1, :2].tolist() == [0, 0]
    assert (mean[1, 2:] > 0).all()
    assert mean[2].sum() == 0


def test_a_season_comes_back_into_the_forecast_only_if_asked_for():
    draw = np.random.default_rng(1)
    truth = 1 + 0.6 * np.sin(2 * np.pi * np.arange(183) / 52.18)
    actual = draw.poisson(8 * truth, (60, 183))
    demand = panel(actual[:, :157])
    table = items(*demand.keys["sku"], category="juice")
    seasonal = fit(demand, table=table, horizon=26)
    plain = fit(demand, replace(SETTINGS, seasonality="off"), table=table, horizon=26)
    ahead = actual[:, 157:].mean(axis=0)
    errors = [
        np.abs(found.forecast["mean"].to_numpy().reshape(60, 26).mean(axis=0) - ahead).mean()
        for found in (seasonal, plain)
    ]
    assert errors[0] < 0.3 * errors[1]
    assert seasonal.series["season"].unique().tolist() == ["juice"]
    assert plain.series["method"].unique().tolist() == ["median"]


def test_repaired_buckets_are_not_judged():
    """Half of the weeks hold an estimate, the level itself: judging them would halve the variance."""
    demand = poisson(200, 120)
    empty = np.random.default_rng(2).random(demand.values.shape) < 0.5
    repaired = demand.with_values(np.where(empty, 4.0, demand.values))
    in_stock = demand.with_values(np.where(empty, 0.0, 1.0))
    honest, blind = (fit(repaired, in_stock=flags).forecast["variance"].median() for flags in (in_stock, None))
    assert honest == pytest.approx(4, rel=0.35)
    assert blind <= honest


def test_fractions_stay_fractions():
    found = fit(panel(np.random.default_rng(1).gamma(2, 0.3, (5, 80))))
    assert not found.series["whole"].any()
    assert (found.forecast["variance"] < found.forecast["mean"]).all()


@pytest.mark.parametrize(("bucket", "frequency", "length"), [("day", "D", 90), ("month", "MS", 40)])
def test_other_buckets(bucket, frequency, length):
    demand = panel(np.random.default_rng(1).poisson(5, (25, length)), "2021-01-01", frequency)
    found = fit(demand, bucket=bucket)
    assert found.forecast["mean"].mean() == pytest.approx(5, rel=0.1)
    assert found.forecast["date"][0] == pd.date_range(demand.dates[-1], periods=2, freq=frequency)[1]


@pytest.mark.parametrize("length", [1, 2, 5, 9])
def test_short_histories(length):
    found = fit(panel(np.random.default_rng(1).poisson(5, (4, length))))
    assert np.isfinite(found.forecast[["mean", "variance"]].to_numpy()).all()
    assert (found.forecast["variance"] > 0).all()


def test_no_series_at_all():
    empty = Panel(poisson(1).keys.iloc[:0], poisson(1).dates, np.zeros((0, 120), np.float32))
    found = fit(empty)
    assert len(found.forecast) == len(found.series) == 0


def test_an_unknown_method_is_refused():
    with pytest.raises(UsageError, match="there is no forecast method 'moving-avrage-13'"):
        fit(poisson(1), replace(SETTINGS, methods=("moving-avrage-13",)))


def test_a_single_method_is_named():
    assert fit(poisson(2), replace(SETTINGS, methods=("tsb",))).series["method"].tolist() == ["tsb", "tsb"]


def test_the_same_input_gives_the_same_bytes():
    first, second = fit(poisson()), fit(poisson())
    for name in ("forecast", "series", "dependence", "notes"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(second, name), check_exact=True)
        assert getattr(first, name).to_csv().encode() == getattr(second, name).to_csv().encode()


def test_history_feeds_the_baseline():
    rows = [(str(dt.date(2023, 1, 2) + dt.timedelta(weeks=week)), "a", "w", 3) for week in range(40)]
    history = build_history(sales(rows), stocking(), items("a"), as_of=dt.date(2023, 10, 11), bucket="week")
    found = fit(history.demand, in_stock=history.in_stock, table=items("a"))
    assert found.forecast["date"][0] == pd.Timestamp("2023-10-09")
    assert found.forecast["mean"].iloc[0] == pytest.approx(3, rel=0.05)
