"""The base forecast: demand without campaigns, as mean and variance per series and bucket.

check -> season out -> levels by every method, as of now and as of past origins -> median -> season in -> what the
learning methods make of it, weighed by what they did at the past origins -> spread from the errors of the same origins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import dispersion, weights
from planner.forecast.censored import WINDOW, fill_unknown, first_known
from planner.forecast.dispersion import CLASSES, NEW, SILENT, Labels, Spread, classify
from planner.forecast.drivers import Tables, known_ahead
from planner.forecast.effects import slopes, with_effects
from planner.forecast.history import listing
from planner.forecast.methods import GLOBAL, Failure, blend, check_methods
from planner.forecast.newcomers import Newcomers, welcome, widened
from planner.forecast.scene import Scene, make_scene
from planner.forecast.seasonality import Factors, Season
from planner.forecast.seasons import seasons
from planner.forecast.teaching import blended, contributed, past_actual, shares, teach
from planner.panel import Matrix, Panel
from planner.periods import Bucket, bucket_range
from planner.settings import ForecastSettings

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

KEPT: dict[Bucket, int] = {"day": 1120, "week": 520, "month": 240}
REST = "all others"
_NOTHING = Tables()
_TOLD = 0.05


@dataclass(frozen=True)
class Baseline:
    """What the fit gives; all frames are sorted by key.

    `forecast`: sku, warehouse, date, mean, variance, plain (level and season alone, before any method learnt on top),
    method, whole (units), exactly `horizon` rows a series.
    `series`: sku, warehouse, demand_class, dispersion (variance / mean of the first bucket), level (per bucket, without
    season), buckets (of history), season (the category whose season is used), method, whole.
    `dependence`: demand_class, buckets, inflation, days. `notes`: sku, warehouse, note.
    `weights`: demand_class, method, weight of the learning methods on top of the base. `contributions`: sku, warehouse,
    date, driver, contribution (units). `effects`: sku, driver, slope of the log of demand (`effects.slopes`).
    """

    forecast: pd.DataFrame
    series: pd.DataFrame
    dependence: pd.DataFrame
    notes: pd.DataFrame
    weights: pd.DataFrame = field(default_factory=pd.DataFrame)
    contributions: pd.DataFrame = field(default_factory=pd.DataFrame)
    effects: pd.DataFrame = field(default_factory=pd.DataFrame)


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
    tables: Tables = _NOTHING,
) -> Baseline:
    """Forecast `horizon` buckets after the last one of `demand`.

    With `stocking`, series are listed from and to its dates, else to those of `items`; nothing is forecast outside.
    With `in_stock`, repaired buckets teach the level but are not judged: as estimates they would look too certain.
    `tables` hold what is known ahead: drivers, calendar, prices. `seed` draws the sample that the learning methods see.
    Raises UsageError for a method or a driver that is not known.
    """
    names = check_methods(settings.methods)
    demand, in_stock = _recent(demand, bucket), None if in_stock is None else _recent(in_stock, bucket)
    raw = np.where(np.isfinite(demand.values) & (demand.values >= 0), demand.values, np.float32(np.nan))
    judged = ~np.isnan(raw) if in_stock is None else ~np.isnan(raw) & (in_stock.values >= 1)
    scene = make_scene(demand, fill_unknown(raw, WINDOW[bucket]), judged, items, settings, horizon, bucket, seed)
    listed, expected = _listed(demand.keys, stocking, items, scene.ahead, bucket)
    season, factors = seasons(scene, settings, tables)
    labels = _labels(scene.values, scene.ends, expected, bucket)
    known = known_ahead(demand.keys, scene.dates, scene.length, tables, bucket, settings.drivers)
    factors = with_effects(scene, factors, known.drivers)
    levels, failures, new = _levels(scene, factors[0], names, labels, listed)
    base = [_base(scene, levels, factors, number) for number in range(len(scene.ends))]
    taught = teach(scene, factors, names, known.drivers)
    learnt = taught.said
    share = shares(scene, base, learnt, labels)
    final = _final(scene, base, learnt, share, labels, season.group)
    whole = _whole(raw, judged)
    spread, dependence = _spread(scene, final, labels, whole)
    mean = final[0] * listed
    variance = spread.variance(mean, labels[:, 0]) * spread.ahead(np.arange(horizon), 2 * scene.span)
    variance = widened(np.where(whole[:, None], np.maximum(variance, mean), variance), mean, new)
    method = _method(labels[:, 0], failures, names, season, share, tuple(learnt), bool(factors[0].drivers))
    plain = _base(scene, levels, [factors[0].bare()], 0)
    level = levels[:, 0].mean(axis=1)
    on_sale = ~(demand.dates.to_numpy() > listing(demand.keys, stocking, items)[1][:, None])
    return Baseline(
        _forecast_frame(demand.keys, scene.ahead, mean, variance, plain * listed, method, whole),
        _series_frame(demand.keys, level, mean, variance, labels[:, 0], scene.values, season, method, whole),
        dependence,
        _notes(demand, raw, scene.values, on_sale, failures, known.notes()),
        weights.table(share, tuple(learnt)),
        contributed(scene, base[0], factors[0], taught, share, labels[:, 0], listed),
        slopes(factors[0], demand.keys),
    )


def _levels(
    scene: Scene, factors: Factors, names: Sequence[str], labels: Labels, listed: Floats
) -> tuple[Floats, list[Failure], Newcomers]:
    """Levels or paths without season [series, ends, 1 or horizon]; new series are guessed from items like them."""
    single = [name for name in names if name not in GLOBAL] or ["smoothing"]
    plain = factors.plain(scene.values)
    levels, failures = blend(plain, scene.ends, single, scene.bucket, scene.horizon)
    if (labels == NEW).any():
        levels = np.repeat(levels, scene.horizon // levels.shape[2], axis=2)
    guesses = []
    for number, end in enumerate(scene.ends):
        wait = np.where(number or (listed == 0).all(axis=1), 0, (listed > 0).argmax(axis=1))
        level = levels[:, number].mean(axis=1)
        seen = (plain[:, :end], labels[:, number], scene.keys, scene.items, scene.bucket)
        guesses.append(welcome(level, *seen, wait, scene.horizon))
        if guesses[-1].rows.size:
            levels[guesses[-1].rows, number] = guesses[-1].path
    return levels, failures, guesses[0]


def _base(scene: Scene, levels: Floats, factors: Sequence[Factors], number: int) -> Floats:
    """Levels times season after an end: [series, buckets ahead]."""
    end, count = scene.ends[number], scene.count(number)
    return np.asarray(levels[:, number, :count] * factors[number].between(end, end + count), dtype=np.float64)


def _final(
    scene: Scene,
    base: Sequence[Floats],
    learnt: Mapping[str, Sequence[Floats]],
    share: Floats,
    labels: Labels,
    group: npt.NDArray[np.int64],
) -> list[Floats]:
    """The blend after each end: [series, buckets ahead], series by series and in the totals of the season's groups."""
    blends = [
        blended(said, [paths[number] for paths in learnt.values()], share, labels[:, number])
        for number, said in enumerate(base)
    ]
    if not learnt:
        return blends
    weight = weights.fit_total(past_actual(scene), np.stack(base[1:], axis=1), np.stack(blends[1:], axis=1), group)
    return [weights.settled(low, high, group, weight) for low, high in zip(base, blends, strict=True)]


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


def _spread(scene: Scene, final: Sequence[Floats], labels: Labels, whole: Flags) -> tuple[Spread, pd.DataFrame]:
    if not scene.origins or not len(scene.values):
        spread = dispersion.no_spread(len(scene.values))
        return spread, dispersion.fit_dependence(None, spread, scene.bucket)
    forecast = np.stack(final[1:], axis=1).astype(np.float32)
    errors = dispersion.past_errors(scene.values, scene.judged, forecast, scene.origins, labels[:, 1:])
    spread = dispersion.fit_spread(errors, whole)
    return spread, dispersion.fit_dependence(errors, spread, scene.bucket)


def _method(
    label: Labels,
    failures: Sequence[Failure],
    names: Sequence[str],
    season: Season,
    share: Floats,
    learnt: Sequence[str],
    driven: bool,
) -> npt.NDArray[np.object_]:
    """How each series was forecast."""
    single = [name for name in names if name not in GLOBAL] or ["smoothing"]
    plain = single[0] if len(single) == 1 else "median"
    method = np.where(season.used[season.group], f"{plain} x season", plain).astype(object)
    method[_all_failed(failures, single, len(label))] = "mean"
    if driven:
        method += " x drivers"
    for column, name in enumerate(learnt):
        method[share[label, column] >= _TOLD] += f" + {name}"
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
    plain: Floats,
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
            "plain": plain.ravel(),
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
    used = np.where(season.used, np.where(names == "", REST, names), "").astype(object)
    return keys[["sku", "warehouse"]].assign(
        demand_class=np.array(CLASSES, dtype=object)[label],
        dispersion=np.divide(spread, first, out=np.ones_like(first), where=first > 0),
        level=level,
        buckets=values.shape[1] - first_known(values),
        season=used[season.group],
        method=method,
        whole=whole,
    )


def _notes(
    demand: Panel, raw: Matrix, values: Matrix, on_sale: Flags, failures: Sequence[Failure], of_drivers: Sequence[str]
) -> pd.DataFrame:
    """What was wrong with single series, and what was done about it; without a series, what drivers lack."""
    wrong = (np.isnan(raw) & ~np.isnan(demand.values)).sum(axis=1)
    filled = (np.isnan(raw) & ~np.isnan(values) & on_sale).sum(axis=1)
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
    notes = notes.assign(note=pd.Series([text for _, text in rows], dtype=object))
    blank = pd.DataFrame({"sku": "", "warehouse": "", "note": pd.Series(of_drivers, dtype=object)})
    return pd.concat([blank.astype(object), notes], ignore_index=True)
