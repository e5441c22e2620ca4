"""Accuracy and calibration on weekly grocery sales."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import History, build_history, combine, fit_baseline
from planner.settings import ForecastSettings
from planner.tables import QUANTILE_COLUMNS
from tests.benchmarks import scores
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark
from tests.forecast.frames import no_uplift, stocking
from tests.forecast.grocery import grocery

ORIGINS, SPAN = (52, 39, 26, 13), 13
PEERS = {"SBA": ("sba",), "moving average of 13 weeks": ("moving-average-13",)}
STATISTICAL = ("ses", "imapa", "tsb", "sba", "moving-average-13", "moving-average-26")


@dataclass(frozen=True)
class Judged:
    """In-stock cells of all origins: flat arrays."""

    actual: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    quantiles: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    series: npt.NDArray[np.int64]


@benchmark("vn2-forecast")
def run(full: bool, smoke: bool) -> list[Figure]:
    """VN2, all store-products: forecasts 52, 39, 26 and 13 weeks before the end of the data, 13 weeks each, each with
    what was known then (stock-outs repaired, season, weights of the blend and spread included). Only weeks in stock
    count. RMSSE: a series' mean squared error over its origins, scaled by its mean squared weekly step before them
    (weeks in stock), root, mean over the series. Weighted quantile loss: twice the pinball loss, mean over eight
    levels, over the sum of sales. Coverage: how far a level lies outside of the shares of weeks strictly below, and
    up to, its quantile (sales are whole units). Peers, in the same run and with the same spread: SBA and a moving
    average of 13 weeks, both without season, and the statistical blend with its season but without LightGBM.
    """
    folder = needed("vn2")
    origins = ORIGINS[-1:] if smoke else ORIGINS
    ours = judged(folder, ForecastSettings(), origins)
    statistical = judged(folder, ForecastSettings(methods=STATISTICAL), origins)
    peers = {name: judged(folder, ForecastSettings(methods=names, seasonality="off"), origins)
             for name, names in PEERS.items()}  # fmt: skip
    sba = peers["SBA"]
    loss = scores.quantile_loss(sba.actual, sba.quantiles)
    figures = [
        Figure("RMSSE", _rmsse(ours), "", 0.79, "lower", "SBA", _rmsse(sba)),
        Figure("weighted quantile loss", scores.quantile_loss(ours.actual, ours.quantiles), "", 0.295, "lower",
               "SBA", loss),
        Figure("bias, absolute", abs(scores.bias(ours.actual, ours.mean)), "", 0.05, "lower",
               "SBA", abs(scores.bias(sba.actual, sba.mean))),
        *(Figure(f"coverage at {level} off by", scores.off_coverage(ours.actual, ours.quantiles, level), "", 0.01,
                 "lower", "SBA", scores.off_coverage(sba.actual, sba.quantiles, level)) for level in (0.95, 0.99)),
        Figure("WAPE", scores.wape(ours.actual, ours.mean), "", None, "lower",
               "SBA", scores.wape(sba.actual, sba.mean)),
    ]  # fmt: skip
    for name, other in {"moving average of 13 weeks": peers["moving average of 13 weeks"],
                        "without LightGBM": statistical}.items():  # fmt: skip
        figures += [
            Figure("RMSSE", _rmsse(ours), "", None, "lower", name, _rmsse(other)),
            Figure("weighted quantile loss", scores.quantile_loss(ours.actual, ours.quantiles), "", None, "lower",
                   name, scores.quantile_loss(other.actual, other.quantiles)),
        ]  # fmt: skip
    return figures


def judged(folder: Path, settings: ForecastSettings, origins: tuple[int, ...]) -> Judged:
    rows, table = grocery(folder)
    last = rows["date"].max().date() + dt.timedelta(weeks=1)
    whole = build_history(rows, stocking(), table, as_of=last, bucket="week")
    parts = []
    for back in origins:
        known = build_history(rows, stocking(), table, as_of=last - dt.timedelta(weeks=back), bucket="week")
        parts.append(_one(whole, known, table, settings, len(whole.sold.dates) - back))
    return Judged(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _one(whole: History, known: History, items: pd.DataFrame, settings: ForecastSettings, origin: int) -> tuple:
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
        np.broadcast_to(_steps(known)[:, None], actual.shape)[stocked],
        np.broadcast_to(series[:, None], actual.shape)[stocked],
    )


def _steps(known: History) -> npt.NDArray[np.float64]:
    """Mean squared step from week to week, both in stock; 0 where there is none."""
    open_weeks = known.in_stock.values >= 1
    both = open_weeks[:, 1:] & open_weeks[:, :-1]
    square = np.where(both, np.diff(known.sold.values.astype(float), axis=1) ** 2, 0.0)
    return np.nan_to_num(square).sum(axis=1) / np.maximum(both.sum(axis=1), 1)


def _rmsse(part: Judged) -> float:
    return scores.rmsse(part.actual, part.mean, part.scale, part.series)
