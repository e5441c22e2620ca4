"""What the learning methods make of the base, now and at past origins, and how much each counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from planner.forecast import weights
from planner.forecast.dispersion import CLASSES, Labels
from planner.forecast.drivers import Driver
from planner.forecast.features import Features
from planner.forecast.learning import Lesson, learn, predict
from planner.forecast.scene import Scene
from planner.forecast.seasonality import Factors
from planner.jobs import each
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]

LEARNT: dict[Bucket, int] = {"day": 560, "week": 260, "month": 120}
_LARGE, _LONG = 500_000, 0.8


def teach(
    scene: Scene, factors: Sequence[Factors], names: Sequence[str], drivers: Sequence[Driver]
) -> dict[str, list[Floats]]:
    """What each learning method says after each end; NaN where it says nothing. Without past origins, nothing.

    The model of a past origin knows nothing that came after it. Where series are many and long, one model as of the
    oldest origin serves all of them.
    """
    if "lightgbm" not in names or not scene.origins:
        return {}
    cut = max(scene.length - LEARNT[scene.bucket], 0)
    values, judged = scene.values[:, cut:], scene.judged[:, cut:]
    plain = values / factors[0].between(cut, scene.length)
    features = Features(
        values, plain, _grouped(scene), scene.dates[cut:], scene.bucket, [driver.since(cut) for driver in drivers]
    )
    lessons = [
        Lesson(features, values, judged, factor.since(cut), end - cut, scene.count(number), scene.seed)
        for number, (end, factor) in enumerate(zip(scene.ends, factors, strict=True))
    ]
    now, past = lessons[0], lessons[1:]
    together = values.size > _LARGE and past[-1].end > _LONG * now.end
    alone = [(past[-1], past)] if together else [(lesson, [lesson]) for lesson in past]
    told = each(_taught, [(now, [now]), *alone])
    return {} if np.isnan(told[0][0]).all() else {"lightgbm": [path for part in told for path in part]}


def _taught(piece: tuple[Lesson, Sequence[Lesson]]) -> list[Floats]:
    """What the model of one origin says after each of some."""
    teacher, asked = piece
    correction = learn(teacher)
    return [predict(correction, lesson) for lesson in asked]


def _grouped(scene: Scene) -> dict[str, npt.NDArray[np.object_]]:
    """The groups that a series may look like."""
    return {
        "sku": scene.keys["sku"].to_numpy(dtype=object),
        "category": scene.attribute("category"),
        "warehouse": scene.keys["warehouse"].to_numpy(dtype=object),
        "all": np.full(len(scene.keys), "", dtype=object),
    }


def shares(scene: Scene, base: Sequence[Floats], learnt: Mapping[str, Sequence[Floats]], labels: Labels) -> Floats:
    """Weight of each learning method by demand class: [classes, methods]."""
    if not learnt:
        return np.zeros((len(CLASSES), 0))
    ahead = np.array(scene.origins)[:, None] + np.arange(scene.span)
    actual = np.where(scene.judged[:, ahead], scene.values[:, ahead], np.nan)
    said = [np.stack(paths[1:], axis=1) for paths in learnt.values()]
    actual[np.isnan(said).any(axis=0)] = np.nan
    return weights.fit_weights(actual, np.stack(base[1:], axis=1), said, labels[:, 1:])


def blended(base: Floats, learnt: Sequence[Floats], share: Floats, label: Labels) -> Floats:
    """Base plus the weighted moves of the methods; where one says nothing, the base stays."""
    moves = [share[label, column, None] * np.nan_to_num(said - base) for column, said in enumerate(learnt)]
    return np.asarray(base + sum(moves, np.zeros_like(base)), dtype=np.float64)
