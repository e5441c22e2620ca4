"""Accuracy and calibration on real weekly grocery sales, four origins, each of which sees only its own past."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from planner.forecast import build_history, combine, cumulate, fit_baseline, weekly
from planner.settings import ForecastSettings
from planner.tables import QUANTILE_COLUMNS
from tests.forecast.frames import no_uplift, stocking
from tests.forecast.grocery import grocery

ORIGINS = (13, 26, 39, 52)
SPAN = 13


@pytest.fixture(scope="module")
def judged(real_data: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Actual, mean, quantiles and moving average of in-stock weeks, and three-week sums with their quantiles."""
    rows, table = grocery(real_data)
    last = rows["date"].max().date() + dt.timedelta(weeks=1)
    whole = build_history(rows, stocking(), table, as_of=last, bucket="week")
    parts: dict[str, list[npt.NDArray[np.float64]]] = {}
    for back in ORIGINS:
        as_of = last - dt.timedelta(weeks=back)
        history = build_history(rows, stocking(), table, as_of=as_of, bucket="week")
        for name, values in _origin(whole, history, table, len(whole.sold.dates) - back).items():
            parts.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in parts.items()}


def _origin(whole, history, table, origin):
    base = fit_baseline(
        history.demand, table, ForecastSettings(), horizon=SPAN, bucket="week", seed=1, in_stock=history.in_stock
    )
    forecast = combine(base.forecast, no_uplift(), "week")
    windows = base.series[["sku", "warehouse"]].assign(weeks=3, members="")
    sums = cumulate(weekly(forecast, base.series, base.dependence, "week"), base.series, base.dependence, windows)
    shape = (len(base.series), SPAN)
    known = pd.MultiIndex.from_frame(whole.sold.keys).get_indexer(
        pd.MultiIndex.from_frame(base.series[["sku", "warehouse"]])
    )
    cells = slice(origin, origin + SPAN)
    actual, stocked = whole.sold.values[known][:, cells], whole.in_stock.values[known][:, cells] == 1
    stocked &= ~np.isnan(history.demand.values).all(axis=1)[:, None]
    naive = np.nan_to_num(
        np.nanmean(history.demand.values[:, -13:], axis=1, where=~np.isnan(history.demand.values[:, -13:]))
    )
    three = sums[list(QUANTILE_COLUMNS)].to_numpy().reshape(*shape, -1)[:, 2::3]
    total = np.stack([actual[:, start : start + 3].sum(axis=1) for start in (0, 3, 6, 9)], axis=1)
    ok = np.stack([stocked[:, start : start + 3].all(axis=1) for start in (0, 3, 6, 9)], axis=1)
    return {
        "actual": actual[stocked],
        "mean": forecast["mean"].to_numpy().reshape(shape)[stocked],
        "quantiles": forecast[list(QUANTILE_COLUMNS)].to_numpy().reshape(*shape, -1)[stocked],
        "naive": np.broadcast_to(naive[:, None], shape)[stocked],
        "total": total[ok],
        "three": three[ok],
    }


def test_the_blend_beats_a_moving_average(judged):
    actual = judged["actual"]
    ours, naive = (np.abs(judged[name] - actual).sum() / actual.sum() for name in ("mean", "naive"))
    assert ours < 0.97 * naive
    squared, plain = (((judged[name] - actual) ** 2).mean() for name in ("mean", "naive"))
    assert squared < plain


def test_the_bias_is_small(judged):
    """Over all four origins: a single quarter of these sales is up to a fifth too high or too low."""
    assert abs(judged["mean"].sum() / judged["actual"].sum() - 1) <= 0.05


@pytest.mark.parametrize(("level", "tolerance"), [(0.50, 0.05), (0.90, 0.03), (0.95, 0.025), (0.99, 0.025)])
def test_quantiles_cover_what_they_say(judged, level, tolerance):
    """Sales are whole units: the level lies between the share strictly below the quantile and the share up to it."""
    _covers(judged["actual"], judged["quantiles"][:, QUANTILE_COLUMNS.index(f"q{level:.2f}")], level, tolerance)


@pytest.mark.parametrize(("level", "tolerance"), [(0.50, 0.05), (0.90, 0.03), (0.95, 0.03)])
def test_sums_of_three_weeks_cover_what_they_say(judged, level, tolerance):
    _covers(judged["total"], judged["three"][:, QUANTILE_COLUMNS.index(f"q{level:.2f}")], level, tolerance)


def _covers(actual, quantile, level, tolerance):
    assert (actual < quantile).mean() - tolerance < level < (actual <= quantile).mean() + tolerance
