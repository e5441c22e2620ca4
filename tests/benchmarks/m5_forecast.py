"""Accuracy on daily sales of a retailer, from items to the total."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from planner.forecast import Baseline, fit_baseline
from planner.forecast.drivers import Tables
from planner.forecast.peers import SEASONAL, peers
from planner.panel import Panel
from planner.settings import ForecastSettings
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]

PUBLIC, EARLIER, SPAN = 1913, (1885, 1857, 1829), 28
LEVELS: tuple[tuple[str, ...], ...] = (
    (), ("state_id",), ("store_id",), ("cat_id",), ("dept_id",), ("state_id", "cat_id"), ("state_id", "dept_id"),
    ("store_id", "cat_id"), ("store_id", "dept_id"), ("item_id",), ("item_id", "state_id"), ("item_id", "store_id"),
)  # fmt: skip
KEPT = 1120
STATISTICAL = ForecastSettings(methods=("smoothing",), drivers=("none",))


@dataclass(frozen=True)
class World:
    """Sales [series, 1941 days], keys in the order of item and store, prices [series, days], and the known tables."""

    keys: pd.DataFrame
    sold: npt.NDArray[np.float32]
    price: npt.NDArray[np.float32]
    dates: pd.DatetimeIndex
    items: pd.DataFrame
    known: Tables


@benchmark("m5-forecast")
def run(full: bool, smoke: bool) -> list[Figure]:
    """M5 by day, all 30,490 series: the 28 public days d_1914-d_1941, and the three windows of 28 days before them.
    WRMSSE over the 12 levels of the competition (scaled by squared daily steps since the first sale, weighted by sales
    value of the 28 days before the window; bottom-up sums). Calendar (events, SNAP days by store) known ahead; groups
    of the calendar regression are store and department. The statistical part is the default without LightGBM. Peers in
    the same run: seasonal naive (the last week again), SES of each series; AutoETS of each series with --full, on the
    public window. Settings were chosen on the earlier windows.
    """
    world = load(2000 if smoke else None)
    windows = (PUBLIC,) if smoke else (PUBLIC, *EARLIER)
    figures: list[Figure] = []
    for end in windows:
        scale = scoring(world, end)
        begin = time.process_time()
        statistical = wrmsse(scale, means(forecast(world, end, STATISTICAL)))
        seconds = time.process_time() - begin
        ours = wrmsse(scale, means(forecast(world, end, ForecastSettings())))
        naive = wrmsse(scale, peers(world.sold[:, :end], SPAN, "day")[SEASONAL])
        ses = wrmsse(
            scale, means(forecast(world, end, ForecastSettings(methods=("ses",), seasonality="off", origins=0)))
        )
        name = "public window" if end == PUBLIC else f"from d_{end + 1}"
        public = end == PUBLIC
        figures += [
            Figure(f"WRMSSE, {name}", ours, "", 0.58 if public else None, "lower", "seasonal naive", naive),
            Figure(f"WRMSSE, {name}", ours, "", None, "lower", "SES bottom-up", ses),
            Figure(
                f"statistical part, {name}", statistical, "", 0.60 if public else None, "lower", "SES bottom-up", ses
            ),
        ]
        if public:
            figures.append(Figure("statistical part, CPU", seconds, "s", 30.0, seconds=seconds))
        if public and full:
            ets = means(forecast(world, end, ForecastSettings(methods=("ets",), seasonality="off", origins=0)))
            figures.append(Figure(f"WRMSSE, {name}", ours, "", None, "lower", "AutoETS bottom-up", wrmsse(scale, ets)))
    return figures


def load(series: int | None = None) -> World:
    """The three files; `series` takes the first so many of each fifteenth."""
    folder = needed("m5") / "m5"
    table = pd.read_parquet(folder / "sales_train_evaluation.parquet")
    table = table.sort_values(["item_id", "store_id"], ignore_index=True)
    if series:
        table = table.iloc[:: max(len(table) // series, 1)].reset_index(drop=True)
    names = ["item_id", "dept_id", "cat_id", "store_id", "state_id"]
    keys = table[names].astype(str)
    sold = table[[name for name in table if name.startswith("d_")]].to_numpy(np.float32)
    calendar = pd.read_parquet(folder / "calendar.parquet")
    item = keys.drop_duplicates("item_id")
    items = pd.DataFrame({"sku": item["item_id"].to_numpy(object), "category": item["cat_id"].to_numpy(object),
                          "department": item["dept_id"].to_numpy(object)})  # fmt: skip
    dates = pd.DatetimeIndex(pd.to_datetime(calendar["date"])).astype("datetime64[ns]")
    price = _prices(pd.read_parquet(folder / "sell_prices.parquet"), keys, calendar)
    return World(keys, sold, price, dates, items, _known(keys, calendar, dates))


def _prices(prices: pd.DataFrame, keys: pd.DataFrame, calendar: pd.DataFrame) -> npt.NDArray[np.float32]:
    weeks, place = np.unique(calendar["wm_yr_wk"], return_inverse=True)
    here = pd.MultiIndex.from_frame(keys[["item_id", "store_id"]])
    row = here.get_indexer(pd.MultiIndex.from_frame(prices[["item_id", "store_id"]].astype(str)))
    table = np.zeros((len(keys), len(weeks)), np.float32)
    known = row >= 0
    table[row[known], np.searchsorted(weeks, prices["wm_yr_wk"])[known]] = prices["sell_price"].to_numpy()[known]
    return table[:, place]


def _known(keys: pd.DataFrame, calendar: pd.DataFrame, dates: pd.DatetimeIndex) -> Tables:
    stores = sorted(keys["store_id"].unique())
    state = keys.drop_duplicates("store_id").set_index("store_id")["state_id"]
    parts = []
    for column in ("event_name_1", "event_name_2"):
        there = calendar[column].notna().to_numpy()
        parts.append(pd.DataFrame({"country": "US", "date": dates[there], "name": calendar[column][there].to_numpy()}))
    for store in stores:
        there = (calendar[f"snap_{state[store]}"] == 1).to_numpy()
        parts.append(pd.DataFrame({"country": store, "date": dates[there], "name": "SNAP"}))
    named = pd.concat(parts, ignore_index=True).assign(kind="event")
    return Tables(None, named, pd.DataFrame({"location": stores, "kind": "store", "country": "US"}))


def forecast(world: World, end: int, settings: ForecastSettings) -> Baseline:
    first = max(end - KEPT, 0)
    values = world.sold[:, first:end].copy()
    start = (world.sold > 0).argmax(axis=1)
    values[np.arange(first, end) < start[:, None]] = np.nan
    keys = pd.DataFrame(
        {"sku": world.keys["item_id"].to_numpy(object), "warehouse": world.keys["store_id"].to_numpy(object)}
    )
    panel = Panel(keys, world.dates[first:end], values)
    return fit_baseline(panel, world.items, settings, horizon=SPAN, bucket="day", seed=1, tables=world.known)


def means(base: Baseline) -> Floats:
    return base.forecast["mean"].to_numpy().reshape(-1, SPAN)


Scale = Sequence[tuple[sparse.csr_matrix, Floats, Floats, Floats]]


def scoring(world: World, end: int) -> Scale:
    """For each level: the sum over series, the actual totals, mean squared daily step, and weight of each total."""
    value = (world.sold[:, end - SPAN : end] * world.price[:, end - SPAN : end]).sum(axis=1)
    return [_level(world, end, list(names), value) for names in LEVELS]


def _level(world: World, end: int, names: list[str], value: Floats) -> tuple[sparse.csr_matrix, Floats, Floats, Floats]:
    code = world.keys.groupby(names, sort=True).ngroup().to_numpy() if names else np.zeros(len(world.keys), int)
    sums = sparse.csr_matrix((np.ones(len(code)), (code, np.arange(len(code)))))
    past = sums @ world.sold[:, :end]
    begun = np.cumsum(past > 0, axis=1)[:, :-1] > 0
    step = (np.diff(past, axis=1) ** 2 * begun).sum(axis=1) / np.maximum(begun.sum(axis=1), 1)
    weight = sums @ value
    return sums, sums @ world.sold[:, end : end + SPAN], step, weight / weight.sum()


def wrmsse(scale: Scale, said: Floats) -> float:
    """Weighted root mean squared scaled error, mean over the levels: Makridakis and others (2022)."""
    losses = []
    for sums, came, step, weight in scale:
        known = step > 0
        error = ((sums @ said - came) ** 2).mean(axis=1)
        losses.append(float((weight[known] * np.sqrt(error[known] / step[known])).sum()))
    return float(np.mean(losses))
