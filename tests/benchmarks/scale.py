"""Time and memory of the forecast at the scale of a retailer, in a process of its own."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from planner.forecast import combine, fit_baseline
from planner.panel import Panel
from planner.settings import ForecastSettings
from tests.benchmarks import m5_forecast
from tests.benchmarks.registry import Figure, benchmark
from tests.forecast.frames import no_uplift

SMOKE_SERIES = 1000
WEEKS, WEEKS_AHEAD, SAMPLE = 273, 13, 100
STATISTICAL = ForecastSettings(methods=("smoothing",))
Measured = tuple[float, float]
Given = tuple[Panel, pd.DataFrame]


@benchmark("scale-day")
def run_day(full: bool, smoke: bool) -> list[Figure]:
    """M5 by day, 30,490 series, 1,120 days of history, 28 days ahead: the default forecast with its eight quantiles.
    Wall seconds of one process without loading the data, and the peak memory of that process with the data.
    """
    m5_forecast.needed("m5")
    seconds, memory = alone(_day, smoke)
    return [Figure("default", seconds, "s", 240.0, seconds=seconds),
            Figure("default, peak memory", memory, "GiB", 4.0, seconds=seconds)]  # fmt: skip


@benchmark("scale-week")
def run_week(full: bool, smoke: bool) -> list[Figure]:
    """30,490 series x 273 weeks (M5 by week, its 1,911 whole days), 13 weeks ahead with eight quantiles: without
    LightGBM, and the default. Wall seconds of one process each without loading the data, and the peak memory of that
    process with the data. Peer: AutoETS without season on a sample of 100 series, times 304.9.
    """
    m5_forecast.needed("m5")
    given = weeks(smoke)
    plain, memory = alone(_week_plain, given)
    default, most = alone(_week, given)
    ets, _ = alone(_week_ets, given)
    return [
        Figure("without LightGBM", plain, "s", 10.0, "lower", "AutoETS, from a sample", ets, plain),
        Figure("without LightGBM, peak memory", memory, "GiB", 1.0, seconds=plain),
        Figure("default", default, "s", 90.0, "lower", "AutoETS, from a sample", ets, default),
        Figure("default, peak memory", most, "GiB", 3.0, seconds=default),
    ]


def alone(function: Callable[[Any], float], given: Any) -> Measured:
    """Seconds that the function measured, and the peak memory in GiB of the fresh process that it ran in."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_measured, function, given).result()


def _measured(function: Callable[[Any], float], given: Any) -> Measured:
    seconds = function(given)
    return seconds, peak_kib() / 2**20


def peak_kib() -> float:
    """Largest resident size of this process; the kernel's own account, since rusage counts the parent's in too."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return float(line.split()[1])


def _day(smoke: bool) -> float:
    world = m5_forecast.load(SMOKE_SERIES if smoke else None)
    begin = time.perf_counter()
    base = m5_forecast.forecast(world, m5_forecast.PUBLIC, ForecastSettings())
    combine(base.forecast, no_uplift(), "day")
    return time.perf_counter() - begin


def _week(given: Given) -> float:
    return _weekly(given, ForecastSettings())


def _week_plain(given: Given) -> float:
    return _weekly(given, STATISTICAL)


def _week_ets(given: Given) -> float:
    panel, items = given
    rows = np.arange(0, len(panel.keys), max(len(panel.keys) // SAMPLE, 1))[:SAMPLE]
    sample = Panel(panel.keys.iloc[rows].reset_index(drop=True), panel.dates, panel.values[rows])
    settings = ForecastSettings(methods=("ets",), seasonality="off", origins=0)
    _weekly((Panel(sample.keys[:2], sample.dates, sample.values[:2]), items), settings)
    return _weekly((sample, items), settings) * len(panel.keys) / len(rows)


def weeks(smoke: bool) -> Given:
    """M5 by week, from its first Monday on; NaN before the first sale."""
    world = m5_forecast.load(SMOKE_SERIES if smoke else None)
    first = (7 - world.dates[0].weekday()) % 7
    days = world.sold[:, first : first + WEEKS * 7]
    values = days.reshape(len(days), WEEKS, 7).sum(axis=2)
    values[np.arange(WEEKS) < (values > 0).argmax(axis=1)[:, None]] = np.nan
    names = {"item_id": "sku", "store_id": "warehouse"}
    keys = world.keys[list(names)].rename(columns=names).astype(object)
    return Panel(keys, world.dates[first : first + WEEKS * 7 : 7], values), world.items


def _weekly(given: Given, settings: ForecastSettings) -> float:
    panel, items = given
    begin = time.perf_counter()
    base = fit_baseline(panel, items, settings, horizon=WEEKS_AHEAD, bucket="week", seed=1)
    combine(base.forecast, no_uplift(), "week")
    return time.perf_counter() - begin
