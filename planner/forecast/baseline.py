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
from planner.forecast.features import Features
from planner.forecast.history import listing
from planner.forecast.learning import Lesson, learn, predict
from planner.forecast.methods import GLOBAL, Failure, blend, check_methods
from planner.forecast.newcomers import Newcomers, welcome, widened
from planner.forecast.seasonality import Season, fit_season, positions, season_before
from planner.jobs import each
from planner.panel import Matrix, Panel
from planner.periods import Bucket, bucket_range
from planner.settings import ForecastSettings

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

KEPT: dict[Bucket, int] = {"day": 730, "week": 520, "month": 240}
LEARNT: dict[Bucket, int] = {"day": 560, "week": 260, "month": 120}
_ONE_MODEL = 3_000_000
_TOLD = 0.05


@dataclass(frozen=True)
class Baseline:
    """What the fit gives; all frames are sorted by key.

    `forecast`: sku, warehouse, date, mean, variance, method, whole (units), exactly `horizon` rows a series.
    `series`: sku, warehouse, demand_class, dispersion (variance / mean of the first bucket), level (per bucket, without
    season), buckets (of history), season (the category whose season is used), method, whole.
    `dependence`: demand_class, buckets, inflation, days. `notes`: sku, warehouse, note.
    `weights`: demand_class, method, weight of the learning methods on top of the base.
    """

    forecast: pd.DataFrame
    series: pd.DataFrame
    dependence: pd.DataFrame
    notes: pd.DataFrame
    weights: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class _Scene:
    """What every step reads: `values` [series, buckets] without gaps, and the buckets `ends` that forecasts start at.

    The first end is now, the others are past origins, after each of which `span` buckets are judged.
    """

    keys: pd.DataFrame
    values: Matrix
    judged: Flags
    dates: pd.DatetimeIndex
    items: pd.DataFrame
    bucket: Bucket
    horizon: int
    ends: tuple[int, ...]
    span: int
    seed: int

    @property
    def length(self) -> int:
        return self.ends[0]

    @property
    def origins(self) -> tuple[int, ...]:
        return self.ends[1:]

    def count(self, number: int) -> int:
        """Buckets to forecast after an end."""
        return self.span if number else self.horizon


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
    `seed` draws the sample that the learning methods see. Raises UsageError for a method that is not known.
    """
    names = check_methods(settings.methods)
    demand, in_stock = _recent(demand, bucket), None if in_stock is None else _recent(in_stock, bucket)
    raw = np.where(np.isfinite(demand.values) & (demand.values >= 0), demand.values, np.float32(np.nan))
    judged = ~np.isnan(raw) if in_stock is None else ~np.isnan(raw) & (in_stock.values >= 1)
    scene = _scene(demand, fill_unknown(raw, WINDOW[bucket]), judged, items, settings, horizon, bucket, seed)
    ahead = scene.dates[scene.length :]
    listed, expected = _listed(demand.keys, stocking, items, ahead, bucket)
    season, factors = _seasons(scene, settings)
    labels = _labels(scene.values, scene.ends, expected, bucket)
    levels, failures, new = _levels(scene, factors[0], names, labels, listed)
    base = [_base(scene, levels, factors, number) for number in range(len(scene.ends))]
    learnt = _learnt(scene, factors, names)
    share = _shares(scene, base, learnt, labels)
    final = [_blended(base[number], [said[number] for said in learnt.values()], share, labels[:, number])
             for number in range(len(scene.ends))]  # fmt: skip
    whole = _whole(raw, judged)
    spread, dependence = _spread(scene, final, labels, whole)
    mean = final[0] * listed
    variance = spread.variance(mean, labels[:, 0]) * spread.ahead(np.arange(horizon), 2 * scene.span)
    variance = widened(np.where(whole[:, None], np.maximum(variance, mean), variance), mean, new)
    method = _method(labels[:, 0], failures, names, season, share, tuple(learnt))
    level = levels[:, 0].mean(axis=1)
    return Baseline(
        _forecast_frame(demand.keys, ahead, mean, variance, method, whole),
        _series_frame(demand.keys, level, mean, variance, labels[:, 0], scene.values, season, method, whole),
        dependence,
        _notes(demand, raw, scene.values, failures),
        weights.table(share, tuple(learnt)),
    )


def _scene(
    demand: Panel,
    values: Matrix,
    judged: Flags,
    items: pd.DataFrame,
    settings: ForecastSettings,
    horizon: int,
    bucket: Bucket,
    seed: int,
) -> _Scene:
    length = values.shape[1]
    origins, span = dispersion.origins_of(length, horizon, settings.origins, bucket)
    ahead = bucket_range((demand.dates[-1]).date(), horizon + 1, bucket)[1:]
    dates = pd.DatetimeIndex([*demand.dates, *ahead])
    return _Scene(demand.keys, values, judged, dates, items, bucket, horizon, (length, *origins), span, seed)


def _seasons(scene: _Scene, settings: ForecastSettings) -> tuple[Season, list[Matrix]]:
    """The season, and for each end the factors [series, buckets up to its last one ahead] as they were known then."""
    origins = scene.origins if settings.seasonality == "auto" else ()
    category = list(attribute(scene.keys, scene.items))
    history = scene.dates[: scene.length]
    season = fit_season(scene.values, history, category, scene.bucket, origins, scene.span)
    place = positions(scene.dates, scene.bucket)
    factors = [season.factors(place)]
    for origin in scene.origins:
        known = season_before(season, scene.values, history, scene.bucket, origin)
        factors.append(known.factors(place[: origin + scene.span]))
    return season, factors


def _levels(
    scene: _Scene, factors: Matrix, names: Sequence[str], labels: Labels, listed: Floats
) -> tuple[Floats, list[Failure], Newcomers]:
    """Levels or paths without season [series, ends, 1 or horizon]; new series are guessed from items like them."""
    single = [name for name in names if name not in GLOBAL] or ["ses"]
    plain = scene.values / factors[:, : scene.length]
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


def _base(scene: _Scene, levels: Floats, factors: Sequence[Matrix], number: int) -> Floats:
    """Levels times season after an end: [series, buckets ahead]."""
    end, count = scene.ends[number], scene.count(number)
    return np.asarray(levels[:, number, :count] * factors[number][:, end : end + count], dtype=np.float64)


def _learnt(scene: _Scene, factors: Sequence[Matrix], names: Sequence[str]) -> dict[str, list[Floats]]:
    """What each learning method says after each end; NaN where it says nothing. Without past origins, nothing."""
    if "lightgbm" not in names or not scene.origins:
        return {}
    cut = max(scene.length - LEARNT[scene.bucket], 0)
    values, judged = scene.values[:, cut:], scene.judged[:, cut:]
    features = Features(
        values, values / factors[0][:, cut : scene.length], _grouped(scene), scene.dates[cut:], scene.bucket
    )
    lessons = [
        Lesson(features, values, judged, factor[:, cut:], end - cut, scene.count(number), scene.seed)
        for number, (end, factor) in enumerate(zip(scene.ends, factors, strict=True))
    ]
    now, past = lessons[0], lessons[1:]
    alone = [(lesson, [lesson]) for lesson in past] if values.size <= _ONE_MODEL else [(past[-1], past)]
    told = each(_taught, [(now, [now]), *alone])
    return {} if np.isnan(told[0][0]).all() else {"lightgbm": [path for part in told for path in part]}


def _taught(piece: tuple[Lesson, Sequence[Lesson]]) -> list[Floats]:
    """What the model of one origin says after each of some."""
    teacher, asked = piece
    correction = learn(teacher)
    return [predict(correction, lesson) for lesson in asked]


def _grouped(scene: _Scene) -> dict[str, npt.NDArray[np.object_]]:
    """The groups that a series may look like."""
    return {
        "sku": scene.keys["sku"].to_numpy(dtype=object),
        "category": attribute(scene.keys, scene.items),
        "warehouse": scene.keys["warehouse"].to_numpy(dtype=object),
        "all": np.full(len(scene.keys), "", dtype=object),
    }


def _shares(scene: _Scene, base: Sequence[Floats], learnt: Mapping[str, Sequence[Floats]], labels: Labels) -> Floats:
    """Weight of each learning method by demand class: [classes, methods]."""
    if not learnt:
        return np.zeros((len(CLASSES), 0))
    ahead = np.array(scene.origins)[:, None] + np.arange(scene.span)
    actual = np.where(scene.judged[:, ahead], scene.values[:, ahead], np.nan)
    said = [np.stack(paths[1:], axis=1) for paths in learnt.values()]
    actual[np.isnan(said).any(axis=0)] = np.nan
    return weights.fit_weights(actual, np.stack(base[1:], axis=1), said, labels[:, 1:])


def _blended(base: Floats, learnt: Sequence[Floats], share: Floats, label: Labels) -> Floats:
    """Base plus the weighted moves of the methods; where one says nothing, the base stays."""
    moves = [share[label, column, None] * np.nan_to_num(said - base) for column, said in enumerate(learnt)]
    return np.asarray(base + sum(moves, np.zeros_like(base)), dtype=np.float64)


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


def attribute(keys: pd.DataFrame, items: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Category of each series; "" where nothing is known."""
    if "category" not in items or not len(items):
        return np.full(len(keys), "", dtype=object)
    known = items.drop_duplicates("sku").set_index("sku")["category"]
    return known.reindex(keys["sku"]).fillna("").astype(object).to_numpy()


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


def _spread(scene: _Scene, final: Sequence[Floats], labels: Labels, whole: Flags) -> tuple[Spread, pd.DataFrame]:
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
) -> npt.NDArray[np.object_]:
    """How each series was forecast."""
    single = [name for name in names if name not in GLOBAL] or ["ses"]
    plain = single[0] if len(single) == 1 else "median"
    method = np.where(season.used[season.group], f"{plain} x season", plain).astype(object)
    method[_all_failed(failures, single, len(label))] = "mean"
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
