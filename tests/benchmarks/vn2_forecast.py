"""Accuracy and calibration on weekly grocery sales."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import History, build_history, combine, fit_baseline
from planner.forecast.metrics import Scored, bias, quantile_loss, rmsse, uncovered, wape
from planner.settings import ForecastSettings
from planner.tables import QUANTILE_COLUMNS, QUANTILES
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark
from tests.forecast.frames import no_uplift, stocking
from tests.forecast.grocery import grocery

ORIGINS, SPAN = (52, 39, 26, 13), 13
STATISTICAL = tuple(name for name in ForecastSettings().methods if name != "lightgbm")
PEERS = {
    "SBA": ForecastSettings(methods=("sba",), seasonality="off"),
    "moving average of 13 weeks": ForecastSettings(methods=("moving-average-13",), seasonality="off"),
    "without LightGBM": ForecastSettings(methods=STATISTICAL),
}


@benchmark("vn2-forecast")
def run(full: bool, smoke: bool) -> list[Figure]:
    """VN2, all store-products: forecasts 52, 39, 26 and 13 weeks before the end of the data, 13 weeks each, each with
    what was known then (repair of stock-outs, season, weights of the blend and spread included). Only weeks in stock
    are judged. RMSSE: a series' mean squared error over its origins over its mean squared weekly step before them
    (weeks in stock), root, mean over the series. Weighted quantile loss: twice the pinball loss, mean over eight
    levels, over the sum of sales. Coverage: how far a level lies outside of the shares of weeks strictly below, and
    up to, its quantile (sales are whole units). Peers, in the same run and with the same spread: SBA and a moving
    average of 13 weeks, both without season, and the statistical blend with its season but without LightGBM.
    """
    folder = needed("vn2")
    origins = ORIGINS[-1:] if smoke else ORIGINS
    ours = measures(judged(folder, ForecastSettings(), origins))
    peers = {name: measures(judged(folder, settings, origins)) for name, settings in PEERS.items()}
    targets = {"RMSSE": 0.79, "weighted quantile loss": 0.295, "bias, absolute": 0.05,
               "coverage at 0.95 off by": 0.01, "coverage at 0.99 off by": 0.01, "WAPE": None}  # fmt: skip
    return [
        Figure(figure, ours[figure], "", target if name == "SBA" else None, "lower", name, peer[figure])
        for name, peer in peers.items()
        for figure, target in targets.items()
        if name == "SBA" or figure in ("RMSSE", "weighted quantile loss")
    ]


def measures(scored: Scored) -> Mapping[str, float]:
    off = np.abs(uncovered(scored)[0])
    return {
        "RMSSE": float(rmsse(scored)[0]),
        "weighted quantile loss": float(quantile_loss(scored)[0]),
        "bias, absolute": abs(float(bias(scored)[0])),
        "WAPE": float(wape(scored)[0]),
        **{f"coverage at {level} off by": float(off[QUANTILES.index(level)]) for level in (0.95, 0.99)},
    }


def judged(folder: Path, settings: ForecastSettings, origins: tuple[int, ...]) -> Scored:
    """In-stock cells of all origins; a window is a series with all of its origins."""
    rows, table = grocery(folder)
    last = rows["date"].max().date() + dt.timedelta(weeks=1)
    whole = build_history(rows, stocking(), table, as_of=last, bucket="week")
    parts = []
    for back in origins:
        known = build_history(rows, stocking(), table, as_of=last - dt.timedelta(weeks=back), bucket="week")
        parts.append(_one(whole, known, table, settings, len(whole.sold.dates) - back))
    actual, mean, quantiles, series, square = (np.concatenate(values) for values in zip(*parts, strict=True))
    usual = np.bincount(series, square) / np.maximum(np.bincount(series), 1)
    usual = np.where(usual > 0, usual, np.nan)
    return Scored(actual, mean, quantiles, series, np.sqrt(usual), usual)


def _one(
    whole: History, known: History, items: pd.DataFrame, settings: ForecastSettings, origin: int
) -> tuple[npt.NDArray[np.float64], ...]:
    base = fit_baseline(
        known.demand, items, settings, horizon=SPAN, bucket="week", seed=1, in_stock=known.in_stock
    )  # fmt: skip
    forecast = combine(base.forecast, no_uplift(), "week")
    series = pd.MultiIndex.from_frame(whole.sold.keys).get_indexer(pd.MultiIndex.from_frame(known.demand.keys))
    ahead = slice(origin, origin + SPAN)
    actual, stocked = whole.sold.values[series][:, ahead], whole.in_stock.values[series][:, ahead] >= 1
    stocked &= ~np.isnan(actual) & ~np.isnan(known.demand.values).all(axis=1)[:, None]
    return (
        actual[stocked].astype(float),
        forecast["mean"].to_numpy().reshape(actual.shape)[stocked],
        forecast[list(QUANTILE_COLUMNS)].to_numpy().reshape(*actual.shape, -1)[stocked],
        np.broadcast_to(series[:, None], actual.shape)[stocked],
        np.broadcast_to(_steps(known)[:, None], actual.shape)[stocked],
    )


def _steps(known: History) -> npt.NDArray[np.float64]:
    """Mean squared step from week to week, both in stock; 0 where there is none."""
    open_weeks = known.in_stock.values >= 1
    both = open_weeks[:, 1:] & open_weeks[:, :-1]
    square = np.where(both, np.diff(known.sold.values.astype(float), axis=1) ** 2, 0.0)
    return np.asarray(np.nan_to_num(square).sum(axis=1) / np.maximum(both.sum(axis=1), 1))
