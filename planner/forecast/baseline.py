"""The base forecast: demand without campaigns, as mean and variance per series and bucket.

check -> season out -> levels by every method, as of now and as of past origins -> median -> season in -> spread from
the errors of the past origins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import dispersion
from planner.forecast.censored import WINDOW, fill_unknown, first_known
from planner.forecast.dispersion import CLASSES, NEW, SILENT, Labels, Spread, classify
from planner.forecast.history import listing
from planner.forecast.methods import Failure, blend, check_methods
from planner.forecast.newcomers import draw_to_group
from planner.forecast.seasonality import Season, fit_season, positions
from planner.panel import Matrix, Panel
from planner.periods import Bucket, bucket_range
from planner.settings import ForecastSettings

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

KEPT: dict[Bucket, int] = {"day": 730, "week": 520, "month": 240}


@dataclass(frozen=True)
class Baseline:
    """What the fit gives; all frames are sorted by key.

    `forecast`: sku, warehouse, date, mean, variance, method, whole (units), exactly `horizon` rows a series.
    `series`: sku, warehouse, demand_class, dispersion (variance / mean of the first bucket), level (per bucket, without
    season), buckets (of history), season (the category whose season is used), method, whole.
    `dependence`: demand_class, buckets, inflation, days. `notes`: sku, warehouse, note.
    """

    forecast: pd.DataFrame
    series: pd.DataFrame
    dependence: pd.DataFrame
    notes: pd.DataFrame


def fit_baseline(
    demand: Panel,
    items: pd.DataFrame,
    settings: ForecastSettings,
    *,
    horizon: int,
    bucket: Bucket,
    seed: int,
    stocking: pd.DataFrame | None = None,
    in_stock: Panel | None = None,
) -> Baseline:
    """Forecast `horizon` buckets after the last one of `demand`.

    With `stocking`, series are listed from and to its dates, else to those of `items`; nothing is forecast outside.
    With `in_stock`, repaired buckets teach the level but are not judged: as estimates they would look too certain.
    Nothing here is drawn at random, so `seed` changes nothing; it belongs to the interface of every forecaster.
    Raises UsageError for a method that is not known.
    """
    names = check_methods(settings.methods)
    demand, in_stock = _recent(demand, bucket), None if in_stock is None else _recent(in_stock, bucket)
    raw = np.where(np.isfinite(demand.values) & (demand.values >= 0), demand.values, np.float32(np.nan))
    values = fill_unknown(raw, WINDOW[bucket])
    judged = ~np.isnan(raw) if in_stock is None else ~np.isnan(raw) & (in_stock.values >= 1)
    dates = bucket_range((demand.dates[-1]).date(), horizon + 1, bucket)[1:]
    listed, expected = _listed(demand.keys, stocking, items, dates, bucket)
    length = values.shape[1]
    origins, span = dispersion.origins_of(length, horizon, settings.origins, bucket)
    category = _attribute(demand.keys, items)
    season = _season(values, demand.dates, category, bucket, origins, span, settings)
    factors = season.factors(positions(pd.DatetimeIndex([*demand.dates, *dates]), bucket))
    ends = (length, *origins)
    levels, failures = blend(values / factors[:, :length], ends, names, bucket)
    labels = _labels(values, ends, expected, bucket)
    for number, end in enumerate(ends):
        draw_to_group(levels[:, number], values[:, :end], labels[:, number], category, demand.keys, bucket)
    whole = _whole(raw, judged)
    spread, dependence = _spread(values, judged, levels, factors, origins, labels, whole, bucket)
    mean = levels[:, :1] * factors[:, length:] * listed
    variance = spread.variance(mean, labels[:, 0]) * spread.ahead(np.arange(horizon), 2 * span)
    variance = np.where(whole[:, None], np.maximum(variance, mean), variance)
    method = _method(labels[:, 0], failures, names, season)
    return Baseline(
        _forecast_frame(demand.keys, dates, mean, variance, method, whole),
        _series_frame(demand.keys, levels[:, 0], mean, variance, labels[:, 0], values, season, method, whole),
        dependence,
        _notes(demand, raw, values, failures),
    )


def _recent(panel: Panel, bucket: Bucket) -> Panel:
    kept = KEPT[bucket]
    return Panel(panel.keys, panel.dates[-kept:], panel.values[:, -kept:]) if len(panel.dates) > kept else panel


def _listed(
    keys: pd.DataFrame, stocking: pd.DataFrame | None, items: pd.DataFrame, dates: pd.DatetimeIndex, bucket: Bucket
) -> tuple[Floats, Flags]:
    """Share of the days of each planned bucket on which the series is listed, and whether a start of sale is known."""
    begin, end = listing(keys, stocking, items)
    day = np.timedelta64(1, "D")
    first = dates.to_numpy(dtype="datetime64[D]")
    after = bucket_range(dates[0].date(), len(dates) + 1, bucket)[1:].to_numpy(dtype="datetime64[D]")
    start = np.where(np.isnat(begin), first[0], begin.astype("datetime64[D]"))[:, None]
    stop = np.where(np.isnat(end), after[-1], end.astype("datetime64[D]") + day)[:, None]
    days = (np.minimum(after, stop) - np.maximum(first, start)) / day
    return np.clip(days / ((after - first) / day), 0.0, 1.0), ~np.isnat(begin)


def _attribute(keys: pd.DataFrame, items: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Category of each series; "" where nothing is known."""
    if "category" not in items or not len(items):
        return np.full(len(keys), "", dtype=object)
    known = items.drop_duplicates("sku").set_index("sku")["category"]
    return known.reindex(keys["sku"]).fillna("").astype(object).to_numpy()


def _season(
    values: Matrix,
    dates: pd.DatetimeIndex,
    category: Sequence[str] | npt.NDArray[np.object_],
    bucket: Bucket,
    origins: Sequence[int],
    span: int,
    settings: ForecastSettings,
) -> Season:
    return fit_season(values, dates, list(category), bucket, origins if settings.seasonality == "auto" else (), span)


def _labels(values: Matrix, ends: Sequence[int], expected: Flags, bucket: Bucket) -> Labels:
    """Demand classes as of each end. Without history a series is new only if a start of sale is known, else silent."""
    labels = np.column_stack([classify(values[:, :end], bucket) for end in ends])
    for number, end in enumerate(ends):
        labels[(first_known(values[:, :end]) >= end) & ~expected, number] = SILENT
    return labels


def _whole(raw: Matrix, judged: Flags) -> Flags:
    """Whether at least half of what was sold came in whole units; repaired and cleaned buckets are mostly fractions."""
    sold = judged & (raw > 0)
    whole = sold & (raw == np.round(raw))
    return np.asarray(2 * whole.sum(axis=1) >= sold.sum(axis=1), dtype=np.bool_)


def _spread(
    values: Matrix,
    judged: Flags,
    levels: Floats,
    factors: Matrix,
    origins: Sequence[int],
    labels: Labels,
    whole: Flags,
    bucket: Bucket,
) -> tuple[Spread, pd.DataFrame]:
    if not origins or not len(values):
        spread = dispersion.no_spread(len(values))
        return spread, dispersion.fit_dependence(None, spread, bucket)
    errors = dispersion.past_errors(values, judged, levels[:, 1:], factors, origins, labels[:, 1:])
    spread = dispersion.fit_spread(errors, whole)
    return spread, dispersion.fit_dependence(errors, spread, bucket)


def _method(
    label: Labels, failures: Sequence[Failure], names: Sequence[str], season: Season
) -> npt.NDArray[np.object_]:
    """How each series was forecast."""
    plain = names[0] if len(names) == 1 else "median"
    method = np.where(season.used[season.group], f"{plain} x season", plain).astype(object)
    method[_all_failed(failures, names, len(label))] = "mean"
    method[label == NEW] = "new item"
    method[label == SILENT] = "no demand"
    return method


def _all_failed(failures: Sequence[Failure], names: Sequence[str], series: int) -> Flags:
    rows = np.array([failure.row for failure in failures], dtype=np.int64)
    return np.asarray(np.bincount(rows, minlength=series) >= len(names), dtype=np.bool_)


def _forecast_frame(
    keys: pd.DataFrame,
    dates: pd.DatetimeIndex,
    mean: Floats,
    variance: Floats,
    method: npt.NDArray[np.object_],
    whole: Flags,
) -> pd.DataFrame:
    count = len(dates)
    return pd.DataFrame(
        {
            "sku": np.repeat(keys["sku"].to_numpy(dtype=object), count),
            "warehouse": np.repeat(keys["warehouse"].to_numpy(dtype=object), count),
            "date": np.tile(dates.to_numpy(dtype="datetime64[ns]"), len(keys)),
            "mean": mean.ravel(),
            "variance": variance.ravel(),
            "method": np.repeat(method, count),
            "whole": np.repeat(whole, count),
        }
    )


def _series_frame(
    keys: pd.DataFrame,
    level: Floats,
    mean: Floats,
    variance: Floats,
    label: Labels,
    values: Matrix,
    season: Season,
    method: npt.NDArray[np.object_],
    whole: Flags,
) -> pd.DataFrame:
    first, spread = mean.sum(axis=1), variance.sum(axis=1)
    names = np.array(season.names, dtype=object)
    used = np.where(season.used, np.where(names == "", "all others", names), "").astype(object)
    return keys[["sku", "warehouse"]].assign(
        demand_class=np.array(CLASSES, dtype=object)[label],
        dispersion=np.divide(spread, first, out=np.ones_like(first), where=first > 0),
        level=level,
        buckets=values.shape[1] - first_known(values),
        season=used[season.group],
        method=method,
        whole=whole,
    )


def _notes(demand: Panel, raw: Matrix, values: Matrix, failures: Sequence[Failure]) -> pd.DataFrame:
    """What was wrong with single series, and what was done about it."""
    wrong = (np.isnan(raw) & ~np.isnan(demand.values)).sum(axis=1)
    filled = (np.isnan(raw) & ~np.isnan(values)).sum(axis=1)
    rows = [
        (row, f"{wrong[row]} buckets negative or infinite: taken as unknown") for row in wrong.nonzero()[0].tolist()
    ]
    rows += [
        (row, f"{filled[row]} unknown buckets filled with the level around them")
        for row in filled.nonzero()[0].tolist()
    ]
    rows += [
        (item.row, f"{item.method} failed ({item.reason}): left to the others, or to the mean") for item in failures
    ]
    rows.sort()
    notes = demand.keys[["sku", "warehouse"]].iloc[[row for row, _ in rows]].reset_index(drop=True)
    return notes.assign(note=pd.Series([text for _, text in rows], dtype=object))
