"""Accuracy and calibration on daily sales of fresh food."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import History, build_history, combine, fit_baseline
from planner.forecast.drivers import Tables
from planner.forecast.metrics import Scored, bias, quantile_loss, uncovered, wape
from planner.forecast.peers import AVERAGE, empirical_quantiles, peers
from planner.importers import fresh_retail
from planner.settings import ForecastSettings
from planner.tables import QUANTILE_COLUMNS, QUANTILES
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark
from tests.forecast.frames import items, no_uplift, stocking

ORIGINS, SPAN = (48, 55, 62, 69), 7
KNOWN = ("activity", "discount")
SMOKE_SERIES = 300


@dataclass(frozen=True)
class Days:
    sales: pd.DataFrame
    items: pd.DataFrame
    known: Tables
    first: pd.Timestamp

    def before(self, day: int) -> History:
        as_of = (self.first + pd.Timedelta(days=day)).date()
        return build_history(self.sales, stocking(), self.items, as_of=as_of, bucket="day")


@benchmark("fresh-forecast")
def run(full: bool, smoke: bool) -> list[Figure]:
    """FreshRetailNet, 20,000 store-products by day: forecasts at days 48, 55, 62 and 69, 7 days each, each with what
    was known then; discounts, activities and holidays are known ahead, the weather is not used. Only days without a
    stock-out are judged. WAPE beside the mean of the last 7 days as sold; quantile loss (twice the pinball loss, mean
    over eight levels, over the sum of sales) beside the empirical quantiles of the last 28 days as sold. Targets are
    .88 and .83 of these peers in the same run. Coverage: how far a level lies outside of the shares of days below, and
    up to, its quantile.
    """
    days = load(needed("fresh_retail"), SMOKE_SERIES if smoke else None)
    whole = days.before(ORIGINS[-1] + SPAN)
    parts = [_one(whole, days, day) for day in (ORIGINS[-1:] if smoke else ORIGINS)]
    ours, peer = (Scored.joined([part[place] for part in parts]) for place in (0, 1))
    loss, other = float(quantile_loss(ours)[0]), float(quantile_loss(peer)[0])
    error, naive = float(wape(ours)[0]), float(wape(peer)[0])
    off = np.abs(uncovered(ours)[0])
    return [
        Figure("WAPE", error, "", 0.88 * naive, "lower", "mean of the last 7 days", naive),
        Figure("quantile loss", loss, "", 0.83 * other, "lower", "quantiles of the last 28 days", other),
        *(Figure(f"coverage at {level} off by", float(off[QUANTILES.index(level)]), "", 0.01)
          for level in (0.95, 0.99)),
        Figure("bias, absolute", abs(float(bias(ours)[0])), "", None, "lower", "mean of the last 7 days",
               abs(float(bias(peer)[0]))),
    ]  # fmt: skip


def load(folder: Path, series: int | None) -> Days:
    """The file as tables, by the importer's own functions; `series` takes a sample."""
    rows = pd.read_parquet(folder / "fresh_retail" / "daily.parquet")
    if series:
        chosen = rows[["store_id", "product_id"]].drop_duplicates().sample(series, random_state=1)
        rows = rows.merge(chosen, on=["store_id", "product_id"])
    rows["date"] = pd.to_datetime(rows["dt"]).astype("datetime64[ns]")
    for name, theirs in (("sku", "product_id"), ("warehouse", "store_id")):
        rows[name] = fresh_retail._codes(rows[theirs])
    rows = rows.sort_values(["date", "sku", "warehouse"], ignore_index=True)
    drivers = fresh_retail._drivers(rows)
    known = Tables(
        drivers[drivers["name"].isin(KNOWN)].assign(name=lambda part: part["name"].astype(object)),
        fresh_retail._calendar(rows),
        fresh_retail._stores(rows),
    )
    first = rows.drop_duplicates("sku").sort_values("sku")
    table = items(*first["sku"].astype(str)).assign(category=first["third_category_id"].astype(str).to_numpy())
    return Days(fresh_retail._sales(rows, 10.0), table, known, rows["date"].min())


def _one(whole: History, days: Days, day: int) -> tuple[Scored, Scored]:
    """The forecast of one day, and that of the peers."""
    past = days.before(day)
    base = fit_baseline(
        past.demand, days.items, ForecastSettings(), horizon=SPAN, bucket="day", seed=1, in_stock=past.in_stock,
        tables=days.known,
    )  # fmt: skip
    forecast = combine(base.forecast, no_uplift(), "day")
    series = pd.MultiIndex.from_frame(whole.sold.keys).get_indexer(pd.MultiIndex.from_frame(past.demand.keys))
    ahead = slice(day, day + SPAN)
    actual, judged = whole.sold.values[series][:, ahead], whole.in_stock.values[series][:, ahead] >= 1
    sold = past.sold.values

    def scored(mean: npt.NDArray[np.float64], quantiles: npt.NDArray[np.float64]) -> Scored:
        return Scored.of(actual, mean, quantiles, judged, sold)

    mean, quantiles = forecast["mean"].to_numpy(), forecast[list(QUANTILE_COLUMNS)].to_numpy()
    flat = np.repeat(empirical_quantiles(sold, "day")[:, None], SPAN, axis=1)
    return (
        scored(mean.reshape(actual.shape), quantiles.reshape(*actual.shape, -1)),
        scored(peers(sold, SPAN, "day")[AVERAGE], flat),
    )
