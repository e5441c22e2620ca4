"""What every step of the base forecast reads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import dispersion
from planner.panel import Matrix, Panel
from planner.periods import Bucket, bucket_range
from planner.settings import ForecastSettings

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
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

    @property
    def history(self) -> pd.DatetimeIndex:
        return self.dates[: self.length]

    @property
    def ahead(self) -> pd.DatetimeIndex:
        return self.dates[self.length :]

    def attribute(self, column: str) -> npt.NDArray[np.object_]:
        """That column of the item of each series; "" where nothing is known."""
        return attribute(self.keys, self.items, column)


def make_scene(
    demand: Panel,
    values: Matrix,
    judged: Flags,
    items: pd.DataFrame,
    settings: ForecastSettings,
    horizon: int,
    bucket: Bucket,
    seed: int,
) -> Scene:
    length = values.shape[1]
    origins, span = dispersion.origins_of(length, horizon, settings.origins, bucket)
    ahead = bucket_range((demand.dates[-1]).date(), horizon + 1, bucket)[1:]
    dates = pd.DatetimeIndex([*demand.dates, *ahead])
    return Scene(demand.keys, values, judged, dates, items, bucket, horizon, (length, *origins), span, seed)


def attribute(keys: pd.DataFrame, items: pd.DataFrame, column: str = "category") -> npt.NDArray[np.object_]:
    """That column of the item of each series; "" where nothing is known."""
    if column not in items or not len(items):
        return np.full(len(keys), "", dtype=object)
    known = items.drop_duplicates("sku").set_index("sku")[column]
    return known.reindex(keys["sku"]).fillna("").astype(object).to_numpy()
