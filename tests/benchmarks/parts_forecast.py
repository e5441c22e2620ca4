"""Intermittent demand: car parts by month."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import Baseline, combine, fit_baseline
from planner.forecast.metrics import Scored, rmsse, scaled_quantile_loss
from planner.panel import Panel
from planner.settings import ForecastSettings
from planner.tables import QUANTILE_COLUMNS
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark
from tests.forecast.frames import no_uplift

SPAN = 12
PEERS = {"SES": "ses", "SBA": "sba", "TSB": "tsb", "IMAPA": "imapa", "moving average": "moving-average-52"}


@benchmark("parts-forecast")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Car parts, 2,674 series by month: the last 12 of 51 months from the 39 before them; empty cells are unknown and
    left out. Scaled quantile loss: pinball loss over eight levels over the mean absolute monthly step of the history,
    mean over series. Each peer gets negative-binomial quantiles whose spread is learnt as ours is. Target: the best of
    the peers in the same run.
    """
    panel, items = load(200 if smoke else None)
    ours = judged(panel, items, ForecastSettings())
    peers = {name: judged(panel, items, ForecastSettings(methods=(method,), seasonality="off"))
             for name, method in PEERS.items()}  # fmt: skip
    losses = {name: float(scaled_quantile_loss(peer)[0]) for name, peer in peers.items()}
    own, best = float(scaled_quantile_loss(ours)[0]), min(losses.values())
    return [
        *(Figure("scaled quantile loss", own, "", best if loss == best else None, "lower", name, loss)
          for name, loss in sorted(losses.items(), key=lambda pair: pair[1])),
        *(Figure("RMSSE", float(rmsse(ours)[0]), "", None, "lower", name, float(rmsse(peers[name])[0]))
          for name in ("SES", "SBA")),
    ]  # fmt: skip


def load(series: int | None) -> tuple[Panel, pd.DataFrame]:
    table = pd.read_csv(needed("carparts") / "carparts" / "carparts.csv").iloc[:, :series]
    names = [f"part {number:05d}" for number in range(table.shape[1])]
    keys = pd.DataFrame({"sku": names, "warehouse": "all"}, dtype=object)
    dates = pd.date_range("1998-01-01", periods=len(table), freq="MS", unit="ns")
    return Panel(keys, dates, table.to_numpy(np.float32).T.copy()), pd.DataFrame({"sku": names, "category": "parts"})


def judged(panel: Panel, items: pd.DataFrame, settings: ForecastSettings) -> Scored:
    end = panel.values.shape[1] - SPAN
    past = Panel(panel.keys, panel.dates[:end], panel.values[:, :end])
    base = fit_baseline(past, items, settings, horizon=SPAN, bucket="month", seed=1)
    mean, quantiles = _said(base)
    came = panel.values[:, end:]
    return Scored.of(came, mean, quantiles, ~np.isnan(came), past.values)


def _said(base: Baseline) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    table = combine(base.forecast, no_uplift(), "month")
    mean = table["mean"].to_numpy().reshape(-1, SPAN)
    return mean, table[list(QUANTILE_COLUMNS)].to_numpy().reshape(*mean.shape, -1)
