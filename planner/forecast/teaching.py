"""What the learning methods make of the base, now and at past origins, and how much each counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import weights
from planner.forecast.dispersion import CLASSES, Labels
from planner.forecast.drivers import Driver
from planner.forecast.features import Features
from planner.forecast.learning import Correction, Lesson, contributions, learn, predict
from planner.forecast.memory import Memory
from planner.forecast.regression import regress
from planner.forecast.scene import Scene
from planner.forecast.seasonality import Factors
from planner.forecast.surroundings import elsewhere, of_others, plain, rivals
from planner.jobs import each
from planner.panel import Matrix
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEARNT: dict[Bucket, int] = {"day": 560, "week": 260, "month": 120}
LEARNERS: Mapping[str, Callable[[Lesson], Correction | None]] = {"regression": regress, "lightgbm": learn}
_LARGE, _LONG = 500_000, 0.8
_TINY = 1e-6
_MOSTLY_SOLD = 0.9


@dataclass(frozen=True)
class Taught:
    """What each learning method says after each end [series, buckets ahead], and what drivers added to the first."""

    said: dict[str, list[Floats]] = field(default_factory=dict)
    drivers: dict[str, dict[str, Floats]] = field(default_factory=dict)


def teach(scene: Scene, factors: Sequence[Factors], names: Sequence[str], drivers: Sequence[Driver]) -> Taught:
    """What the learning methods say; NaN where one says nothing. Without past origins, nothing.

    The model of a past origin knows nothing that came after it. Where series are many and long, one model as of the
    oldest origin serves all of them.
    """
    wanted = [name for name in names if name in LEARNERS]
    if not wanted or not scene.origins:
        return Taught()
    lessons = _lessons(scene, factors, drivers)
    now, past = lessons[0], lessons[1:]
    together = now.values.size > _LARGE and past[-1].end > _LONG * now.end
    alone = [(past[-1], past)] if together else [(lesson, [lesson]) for lesson in past]
    groups = [(now, [now]), *alone]
    pieces = [(name, teacher, asked, teacher is now) for name in wanted for teacher, asked in groups]
    done = each(_taught, pieces)
    said: dict[str, list[Floats]] = {name: [] for name in wanted}
    added: dict[str, dict[str, Floats]] = {}
    for (name, _, _, first), (paths, parts) in zip(pieces, done, strict=True):
        said[name] += paths
        added |= {name: parts} if first else {}
    able = [name for name in wanted if not np.isnan(said[name][0]).all()]
    return Taught({name: said[name] for name in able}, {name: added[name] for name in able})


def _lessons(scene: Scene, factors: Sequence[Factors], drivers: Sequence[Driver]) -> list[Lesson]:
    cut = max(scene.length - LEARNT[scene.bucket], 0)
    values, judged = scene.values[:, cut:], scene.judged[:, cut:]
    plain = factors[0].since(cut).plain(values)
    driven = bool(factors[0].drivers)
    steady = driven and _mostly_sold(values, judged)
    seen = [driver.since(cut) for driver in (*drivers, *(_around(scene, drivers, steady) if driven else ()))]
    memory = None
    if steady:
        memory = Memory.of(factors[0].bare().since(cut).plain(values), seen, factors[-1].slopes(), scene.bucket)
    features = Features(values, plain, _grouped(scene), scene.dates[cut:], scene.bucket, seen, driven, memory)
    return [
        Lesson(features, values, judged, factor.since(cut), end - cut, scene.count(number), scene.seed)
        for number, (end, factor) in enumerate(zip(scene.ends, factors, strict=True))
    ]


def _around(scene: Scene, drivers: Sequence[Driver], steady: bool) -> list[Driver]:
    """Drivers of what is around the series; in steady sales prices themselves, not what they are relative to."""
    if not steady:
        return [*of_others(scene, drivers), *elsewhere(scene, drivers)]
    others = [plain(driver) for driver in drivers]
    rest = [driver for driver in drivers if driver.centre is None]
    return [*of_others(scene, others), *rivals(scene, others), *elsewhere(scene, rest)]


def _mostly_sold(values: Matrix, judged: Flags) -> bool:
    told = judged & ~np.isnan(values)
    return bool((values[told] > 0).sum() >= max(_MOSTLY_SOLD * told.sum(), 1))


def _taught(piece: tuple[str, Lesson, Sequence[Lesson], bool]) -> tuple[list[Floats], dict[str, Floats]]:
    """What the model of one origin says after each of some, and if asked for, what drivers add."""
    name, teacher, asked, telling = piece
    correction = LEARNERS[name](teacher)
    said = [predict(correction, lesson) for lesson in asked]
    return said, contributions(correction, asked[0], said[0]) if telling else {}


def _grouped(scene: Scene) -> dict[str, npt.NDArray[np.object_]]:
    """The groups that a series may look like."""
    return {
        "sku": scene.keys["sku"].to_numpy(dtype=object),
        "category": scene.attribute("category"),
        "warehouse": scene.keys["warehouse"].to_numpy(dtype=object),
    }


def past_actual(scene: Scene) -> Floats:
    """Judged demand after each past origin: [series, origins, buckets ahead], NaN where not judged."""
    ahead = np.array(scene.origins)[:, None] + np.arange(scene.span)
    return np.where(scene.judged[:, ahead], scene.values[:, ahead], np.nan)


def shares(scene: Scene, base: Sequence[Floats], learnt: Mapping[str, Sequence[Floats]], labels: Labels) -> Floats:
    """Weight of each learning method by demand class: [classes, methods]."""
    if not learnt:
        return np.zeros((len(CLASSES), 0))
    actual = past_actual(scene)
    said = [np.stack(paths[1:], axis=1) for paths in learnt.values()]
    actual[np.isnan(said).any(axis=0)] = np.nan
    return weights.fit_weights(actual, np.stack(base[1:], axis=1), said, labels[:, 1:])


def blended(base: Floats, learnt: Sequence[Floats], share: Floats, label: Labels) -> Floats:
    """Base plus the weighted moves of the methods; where one says nothing, the base stays."""
    moves = [share[label, column, None] * np.nan_to_num(said - base) for column, said in enumerate(learnt)]
    return np.asarray(base + sum(moves, np.zeros_like(base)), dtype=np.float64)


def contributed(
    scene: Scene, base: Floats, factors: Factors, taught: Taught, share: Floats, label: Labels, listed: Floats
) -> pd.DataFrame:
    """sku, warehouse, date, driver, contribution (units): what each driver adds to the mean, where it adds anything.

    That is the forecast less what it would be with nothing going on with that driver: no promotion, or prices as in the
    last weeks. Contributions of several drivers need not add up, since one can need the other.
    """
    end, weight = scene.length, share[label]
    ahead = factors.between(end, end + scene.horizon)
    still = {name: factors.quiet(name, end).between(end, end + scene.horizon) for name in factors.drivers}
    rest = (1 - weight.sum(axis=1))[:, None] * listed * base
    totals = {name: rest * (1 - line / ahead) for name, line in still.items()}
    for column, parts in enumerate(taught.drivers.values()):
        for name, added in parts.items():
            totals[name] = totals.get(name, np.zeros_like(added)) + weight[:, column, None] * added * listed
    frames = [_rows(scene, name, added) for name, added in sorted(totals.items())]
    table = pd.concat([_rows(scene, "", np.zeros((0, 0))), *frames], ignore_index=True)
    return table.sort_values(["sku", "warehouse", "date", "driver"], kind="stable", ignore_index=True)


def _rows(scene: Scene, name: str, added: Floats) -> pd.DataFrame:
    row, ahead = np.nonzero(np.abs(added) > _TINY)
    return pd.DataFrame(
        {
            "sku": scene.keys["sku"].to_numpy(dtype=object)[row],
            "warehouse": scene.keys["warehouse"].to_numpy(dtype=object)[row],
            "date": scene.ahead.to_numpy(dtype="datetime64[ns]")[ahead],
            "driver": np.full(row.size, name, dtype=object),
            "contribution": added[row, ahead],
        }
    )
