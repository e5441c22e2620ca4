"""Would the forecasts have been right? The flow of plan.py run as of earlier days, beside what then came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.errors import UsageError
from planner.forecast.censored import first_known
from planner.forecast.history import EMPTY_SHELF, PARTLY_UNKNOWN
from planner.forecast.metrics import Scored
from planner.forecast.peers import empirical_quantiles, peers
from planner.forecast.quantiles import quantiles
from planner.judged import FORECAST, Judged
from planner.panel import Panel
from planner.periods import Bucket
from planner.plan import Progress, as_seen_on, compute
from planner.record import Prepared
from planner.tables import QUANTILE_COLUMNS
from planner.workspace import Result

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

STATISTICAL, DRIVERS, BASELINE, CHANGES = "level and season", "without drivers", "baseline", "changes"
OWN_SPREAD = (STATISTICAL, DRIVERS, BASELINE, CHANGES)
_LIKE_IF_IDLE = {STATISTICAL: DRIVERS, DRIVERS: BASELINE, CHANGES: BASELINE}
SHORT, LATE = "shelf empty or quantity unknown", "began after the origin, unknown then"
_KEY = ["sku", "warehouse"]


def backtest(
    prepared: Prepared, origins: int, step: int | None = None, progress: Progress | None = None
) -> tuple[Judged, dict[str, str]]:
    """Judge `origins` forecasts of the scenario's horizon, made every `step` buckets (default: the horizon) so that the
    last one ends with the history. Returns what was judged and what to say about it.

    Judged are cells of known quantity that were in stock all the time. Every stage sees what one knew at the origin:
    the sales before it, and what is known ahead (campaigns, listings, drivers). Raises UsageError where the history is
    too short for one origin.
    """
    horizon = prepared.scenario.settings.plan.buckets
    came = compute(prepared, "history", progress)["history"]
    sold = Panel.from_wide(came.table("sold"))
    judgeable = came_in_full(came, sold)
    days = days_of_origins(sold.dates, origins, step or horizon, horizon, prepared.scenario.settings.plan.bucket)
    parts = [_judge(prepared, day, sold, judgeable, progress) for day in days]
    return without_idle_steps(Judged.joined(parts)), {
        "origins": ", ".join(day.isoformat() for day in days),
        "horizon": str(horizon),
    }


def came_in_full(came: Result, sold: Panel) -> Flags:
    """Cells in which what was sold is what was wanted: in stock all the time, and every quantity known."""
    known = ~np.isnan(sold.values) & (Panel.from_wide(came.table("in_stock")).values >= 1)
    notes = came.table("notes")
    notes = notes[notes["reason"].isin((EMPTY_SHELF, PARTLY_UNKNOWN))]
    row = pd.MultiIndex.from_frame(sold.keys).get_indexer(pd.MultiIndex.from_frame(notes[_KEY]))
    column = sold.dates.get_indexer(pd.DatetimeIndex(notes["date"]))
    inside = (row >= 0) & (column >= 0)
    known[row[inside], column[inside]] = False
    return known


def days_of_origins(dates: pd.DatetimeIndex, count: int, step: int, horizon: int, bucket: Bucket) -> list[dt.date]:
    """Days of the origins, the earliest first."""
    places = [len(dates) - horizon - step * number for number in range(count)]
    usable = [place for place in places if place >= 2]
    if not usable:
        less = f"--horizon {max(len(dates) // 3, 1)} asks for less" if len(dates) > 2 else "add sales of earlier days"
        span = f"{len(dates)} {bucket}{'s' * (len(dates) != 1)}"
        raise UsageError(f"a history of {span} is too short to judge {horizon} ahead", less)
    return [dates[place].date() for place in reversed(usable)]


def _judge(prepared: Prepared, day: dt.date, sold: Panel, judgeable: Flags, progress: Progress | None) -> Judged:
    """One origin: what every step said, beside what came."""
    then = as_seen_on(prepared, day)
    results = compute(then, FORECAST, progress)
    bucket = prepared.scenario.settings.plan.bucket
    history = Panel.from_wide(results["history"].table("sold"))
    said = dict(steps(results, bucket))
    made = next(reversed(said.values()))
    keys, dates = made.keys, made.dates
    row = pd.MultiIndex.from_frame(sold.keys).get_indexer(pd.MultiIndex.from_frame(keys[_KEY]))
    column = sold.dates.get_indexer(dates)
    there: Flags = np.logical_and.outer(row >= 0, column >= 0)
    actual = np.where(there, sold.values[row][:, column], np.nan)
    told = (first_known(history.values) < len(history.dates))[:, None] | (made.mean > 0)
    full = np.logical_and(there, judgeable[row][:, column])
    judged = full & told
    actual = np.maximum(actual, 0.0)
    scores = {name: Scored.of(actual, item.mean, item.levels, judged, history.values) for name, item in said.items()}
    left_out = {SHORT: int((~np.isnan(actual) & ~full).sum()), LATE: int((full & ~told).sum())}
    return Judged(_cells(results, keys, dates, day, judged), scores, left_out)


class Said:
    """What one step says: `mean` [series, horizon], `levels` [series, horizon, quantiles], for `keys` and `dates`."""

    def __init__(self, keys: pd.DataFrame, dates: pd.DatetimeIndex, mean: Floats, levels: Floats) -> None:
        self.keys, self.dates, self.mean, self.levels = keys, dates, mean, levels


def steps(results: Mapping[str, Result], bucket: Bucket) -> Iterator[tuple[str, Said]]:
    """The steps from the plainest forecast to the final one, each as (name, what it says)."""
    final = results["forecast"].table("forecast").sort_values([*_KEY, "date"], kind="stable")
    keys = final[_KEY].drop_duplicates().reset_index(drop=True)
    dates = pd.DatetimeIndex(np.sort(final["date"].unique()))
    shape = (len(keys), len(dates))
    sold = Panel.from_wide(results["history"].table("sold"))
    row = pd.MultiIndex.from_frame(sold.keys).get_indexer(pd.MultiIndex.from_frame(keys))
    values = np.where(row[:, None] >= 0, sold.values[row], np.float32(np.nan))
    plain = np.repeat(empirical_quantiles(values, bucket)[:, None, :], shape[1], axis=1)
    for name, mean in peers(values, shape[1], bucket).items():
        yield name, Said(keys, dates, mean, plain)
    whole = results["baseline"].table("forecast").sort_values([*_KEY, "date"], kind="stable")["whole"]
    base = results["baseline"].table("forecast")
    bare = base.assign(mean=np.maximum(base["mean"] - added_by_drivers(results, base), 0.0))
    tables = (base.assign(mean=base["plain"]), bare, base, results["demand"].table("forecast"))
    for name, table in zip(OWN_SPREAD, tables, strict=True):
        part = table.sort_values([*_KEY, "date"], kind="stable")
        levels = quantiles(part["mean"].to_numpy(), part["variance"].to_numpy(), whole.to_numpy())
        yield name, Said(keys, dates, part["mean"].to_numpy().reshape(shape), levels.reshape(*shape, -1))
    levels = final[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64)
    yield FORECAST, Said(keys, dates, final["mean"].to_numpy().reshape(shape), levels.reshape(*shape, -1))


def added_by_drivers(results: Mapping[str, Result], base: pd.DataFrame) -> Floats:
    """What drivers added to each row of the baseline; 0 where the run tells of none."""
    baseline = results["baseline"]
    told = baseline.table("contributions") if "contributions" in baseline.digests else pd.DataFrame()
    if not len(told):
        return np.zeros(len(base))
    total = told.groupby([*_KEY, "date"], observed=True)["contribution"].sum()
    found = total.reindex(pd.MultiIndex.from_frame(base[[*_KEY, "date"]])).fillna(0.0)
    return found.to_numpy(dtype=np.float64)


def without_idle_steps(judged: Judged) -> Judged:
    """Without the steps in which nothing happened: no method learnt, no driver, or no change of demand."""
    told = {name: like for name, like in _LIKE_IF_IDLE.items() if name in judged.steps}
    idle = {name for name, like in told.items() if (judged.steps[name].mean == judged.steps[like].mean).all()}
    return replace(judged, steps={name: scored for name, scored in judged.steps.items() if name not in idle})


def _cells(
    results: Mapping[str, Result], keys: pd.DataFrame, dates: pd.DatetimeIndex, day: dt.date, judged: Flags
) -> pd.DataFrame:
    series = keys.merge(results["baseline"].table("series"), on=_KEY, how="left")
    row, column = np.nonzero(judged)
    return pd.DataFrame(
        {
            "sku": keys["sku"].to_numpy(dtype=object)[row],
            "warehouse": keys["warehouse"].to_numpy(dtype=object)[row],
            "date": dates.to_numpy()[column],
            "origin": np.full(len(row), np.datetime64(day, "ns")),
            "ahead": column + 1,
            "method": series["method"].to_numpy(dtype=object)[row],
            "class": series["demand_class"].to_numpy(dtype=object)[row],
            **{name: series[name].to_numpy(dtype=object)[row] for name in ("abc", "xyz")},
        }
    )
