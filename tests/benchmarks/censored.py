"""Demand behind empty shelves: synthetic sales whose true demand is known."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from planner.forecast import build_history
from planner.settings import ForecastSettings
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]

RATES = (0.1, 0.2, 0.3, 0.4)
WEEKS = 104
SEED = 11


@benchmark("censored")
def censored(full: bool, smoke: bool) -> list[Figure]:
    """Bias of demand estimated from sales that empty shelves cut, against the demand that was drawn.

    Weekly demand is negative binomial: levels log-uniform from 0.5 to 80, variance 1.2 to 4 times the mean, a season of
    a fifth. 10, 20, 30 and 40 % of the weeks are out of stock, half of them in each of two ways: the delivery of the
    week is a fixed order-up-to level that demand reaches with that chance (so just the strong weeks are cut), and there
    is nothing at all for runs of one to six weeks, at any time. Sales are the smaller of demand and stock. Once the
    share of the week in stock is known (stock / demand where that ran out), once only that it ran out. Bias is
    sum(estimate) / sum(demand) - 1 over all weeks from a series' start on, in absolute value; the peer is the mean of
    the weeks in stock put into the others, and plain sales have a figure of their own. A last figure compares the
    forecast of the next 13 weeks, made without a season, with the mean that demand then has.
    """
    series = 60 if smoke else 4000 if full else 1000
    figures: list[Figure] = []
    for rate in RATES:
        world = _World(rate, series)
        plain, filled = world.bias(world.sold), world.bias(world.mean_filled())
        figures.append(Figure(f"plain sales are off, {rate:.0%} out of stock", abs(plain), "share"))
        for known in ("share known", "flag only"):
            found = abs(world.bias(world.estimated(known == "share known")))
            name = f"bias of estimated demand, {rate:.0%} out of stock, {known}"
            figures.append(Figure(name, found, "share", 0.02, peer="mean of weeks in stock", peer_value=abs(filled)))
    world = _World(0.3, series)
    ahead, naive = world.forecast_bias(True), world.forecast_bias(False)
    figures.append(Figure("bias of the forecast, 30% out of stock", ahead, "share", 0.02, peer="from plain sales",
                          peer_value=naive))  # fmt: skip
    return figures


class _World:
    """Demand, stock and sales, [series, weeks]."""

    def __init__(self, rate: float, series: int) -> None:
        rng = np.random.default_rng([SEED, int(rate * 100)])
        level = np.exp(rng.uniform(np.log(0.5), np.log(80), series))[:, None]
        season = 1 + 0.2 * np.sin(2 * np.pi * (np.arange(WEEKS) + rng.uniform(0, 52, (series, 1))) / 52)
        ratio = rng.uniform(1.2, 4, series)[:, None]
        self.level = level[:, 0]
        self.mean = level * season
        size = self.mean / (ratio - 1)
        self.demand = rng.negative_binomial(size, 1 / ratio).astype(np.float64)
        short = 1 - (1 - rate) ** 0.5
        upto = stats.nbinom.ppf(1 - short, level / (ratio - 1), 1 / ratio) + 1
        self.stock = np.where(self._outages(rng, short, series), 0.0, upto)
        self.sold = np.minimum(self.demand, self.stock)
        ran_out = self.stock <= self.demand
        self.share = np.where(self.stock > 0, np.minimum(self.stock / np.maximum(self.demand, 1), 1.0), 0.0)
        self.out = ran_out | (self.stock == 0)

    @staticmethod
    def _outages(rng: np.random.Generator, share: float, series: int) -> npt.NDArray[np.bool_]:
        """Weeks without any stock, in runs of one to six, until about that share of them is out."""
        out = np.zeros((series, WEEKS), dtype=bool)
        for row in out:
            while row.mean() < share:
                start = int(rng.integers(0, WEEKS))
                row[start : start + int(rng.integers(1, 7))] = True
        return out

    def bias(self, estimate: Floats) -> float:
        """Of the weeks that have an estimate: a series starts with its first sale or first week in stock."""
        return float(np.nansum(estimate) / self.demand[~np.isnan(estimate)].sum() - 1)

    def mean_filled(self) -> Floats:
        """The mean of the weeks in stock in place of the others."""
        seen = np.where(self.out, np.nan, self.demand)
        mean = np.nan_to_num(np.nansum(seen, axis=1) / np.maximum((~self.out).sum(axis=1), 1))
        return np.where(self.out, mean[:, None], self.sold)

    def rows(self, share_known: bool) -> pd.DataFrame:
        series, weeks = self.sold.shape
        dates = pd.date_range("2022-01-03", periods=weeks, freq="7D").to_numpy()
        flag = self.share if share_known else (~self.out).astype(float)
        frame = pd.DataFrame(
            {
                "date": np.tile(dates, series),
                "sku": np.repeat([f"s{row:05d}" for row in range(series)], weeks),
                "warehouse": "w",
                "quantity": self.sold.ravel(),
                "in_stock": flag.ravel(),
            }
        )
        return frame.astype({"sku": "category", "warehouse": "category"})

    def history(self, share_known: bool):  # type: ignore[no-untyped-def]
        nothing = pd.DataFrame({"sku": [], "warehouse": [], "listed_from": [], "listed_to": []})
        nothing = nothing.astype({"listed_from": "datetime64[ns]", "listed_to": "datetime64[ns]"})
        items = pd.DataFrame({"sku": pd.Series(dtype=object)})
        end = dt.date(2022, 1, 3) + dt.timedelta(weeks=WEEKS)
        return build_history(self.rows(share_known), nothing, items, as_of=end, bucket="week")

    def estimated(self, share_known: bool) -> Floats:
        return np.asarray(self.history(share_known).demand.values, dtype=np.float64)

    def forecast_bias(self, repaired: bool) -> float:
        """Forecast of the next 13 weeks over the series' levels, whose seasons cancel out over all series."""
        from planner.forecast import fit_baseline

        history = self.history(share_known=True)
        demand = history.demand if repaired else history.sold
        methods = ForecastSettings().methods[:-1]
        settings = ForecastSettings(methods=methods, seasonality="off")
        items = pd.DataFrame({"sku": pd.Series(dtype=object)})
        found = fit_baseline(demand, items, settings, horizon=13, bucket="week", seed=1).forecast
        return abs(float(found.groupby("sku", sort=True)["mean"].mean().sum() / self.level.sum() - 1))
