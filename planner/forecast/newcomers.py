"""New items: what few buckets say is drawn towards items of the same category and warehouse.

Credibility (Bühlmann): with n buckets of its own, a level weighs n against k, k being the variance within series over
the variance between the levels of the group. Alike groups pull hard, mixed ones little.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.censored import first_known
from planner.forecast.dispersion import NEW, Labels
from planner.forecast.methods import buckets_of
from planner.panel import Matrix
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]

_ENOUGH = 5


def draw_to_group(
    level: Floats,
    values: Matrix,
    label: Labels,
    category: Sequence[str] | npt.NDArray[np.object_],
    keys: pd.DataFrame,
    bucket: Bucket,
) -> None:
    """Change, in place, the levels of new series; the group is the narrowest one with five established series."""
    rows = np.flatnonzero(label == NEW)
    old = np.flatnonzero((label != NEW) & (first_known(values) < values.shape[1]))
    if not rows.size or not old.size:
        return
    own = values.shape[1] - first_known(values)[rows]
    within = _within(values[old], bucket)
    names = pd.DataFrame({"category": list(category), "warehouse": keys["warehouse"].to_numpy(dtype=object)})
    mean, pull = np.full(rows.size, np.nan), np.full(rows.size, np.nan)
    for by in (["category", "warehouse"], ["category"], ["warehouse"], []):
        group = names.groupby(by, sort=True).ngroup() if by else pd.Series(0, index=names.index)
        table = _groups(np.asarray(group, dtype=np.int64)[old], level[old], within, bucket)
        found = table.reindex(group.to_numpy()[rows])
        enough = np.isnan(mean) & (found["count"].to_numpy(dtype=float) >= (_ENOUGH if by else 1))
        mean[enough], pull[enough] = found["mean"].to_numpy()[enough], found["pull"].to_numpy()[enough]
    level[rows] = (own * level[rows] + pull * mean) / (own + pull)


def _within(values: Matrix, bucket: Bucket) -> Floats:
    """Variance of each row over its last year."""
    recent = values[:, -buckets_of(52, bucket) :].astype(np.float64)
    known = ~np.isnan(recent)
    number = np.maximum(known.sum(axis=1), 1)
    filled = np.where(known, recent, 0.0)
    mean = filled.sum(axis=1) / number
    variance: Floats = np.maximum((filled**2).sum(axis=1) / number - mean**2, 0.0)
    return variance


def _groups(group: npt.NDArray[np.int64], level: Floats, within: Floats, bucket: Bucket) -> pd.DataFrame:
    """Mean level, number and pull (in buckets, from half a week to half a year) of each group."""
    frame = pd.DataFrame({"group": group, "level": level, "within": within})
    table = frame.groupby("group").agg(
        mean=("level", "mean"), between=("level", "var"), within=("within", "mean"), count=("level", "size")
    )
    ratio = table["within"] / table["between"].where(table["between"] > 0)
    low, high = max(buckets_of(1, bucket) / 2, 0.5), buckets_of(26, bucket)
    return table.assign(pull=ratio.fillna(high).clip(low, high))
