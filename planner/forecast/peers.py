"""Simple forecasts that every other one has to beat: naive, seasonal naive, moving average.

They read what was sold as it was booked, since that is what one has without this program.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from planner.forecast.censored import first_known
from planner.forecast.methods import buckets_of, moving_average
from planner.panel import Matrix
from planner.periods import SEASON, Bucket
from planner.tables import QUANTILES

Floats = npt.NDArray[np.float64]

NAIVE, SEASONAL, AVERAGE = "naive", "seasonal naive", "moving average"
PEERS = (NAIVE, SEASONAL, AVERAGE)
AVERAGE_WEEKS: Mapping[Bucket, float] = {"day": 1, "week": 13, "month": 26}
REMEMBERED: Mapping[Bucket, int] = {"day": 28, "week": 52, "month": 24}


def peers(sold: Matrix, horizon: int, bucket: Bucket) -> dict[str, Floats]:
    """Mean forecasts by name, each [series, horizon], from `sold` [series, buckets], NaN where unknown.

    naive: the last known bucket; seasonal naive: the same bucket one season before (7 days, 52 weeks, 12 months), the
    naive where that is unknown; moving average: the last 7 days, 13 weeks or 6 months. 0 where nothing is known.
    """
    last = _last_known(sold)
    season = SEASON[bucket]
    place = sold.shape[1] - season + np.arange(horizon) % season
    before = sold[:, np.maximum(place, 0)].astype(np.float64)
    before[:, place < 0] = np.nan
    flat = np.repeat(last[:, None], horizon, axis=1)
    average = moving_average(sold, buckets_of(AVERAGE_WEEKS[bucket], bucket))
    return {
        NAIVE: np.maximum(flat, 0.0),
        SEASONAL: np.maximum(np.where(np.isnan(before), flat, before), 0.0),
        AVERAGE: np.maximum(np.repeat(average[:, None], horizon, axis=1), 0.0),
    }


def empirical_quantiles(sold: Matrix, bucket: Bucket, levels: tuple[float, ...] = QUANTILES) -> Floats:
    """Quantiles [series, levels] of what was sold in the last 28 days, 52 weeks or 24 months; 0 where nothing is known.

    The quantile of level p is the smallest value that at least a share p of the known buckets does not exceed.
    """
    recent = np.sort(np.maximum(sold[:, -REMEMBERED[bucket] :].astype(np.float64), 0.0), axis=1)
    known = (~np.isnan(recent)).sum(axis=1)
    place = np.ceil(np.array(levels) * known[:, None] - 1e-9).astype(np.int64) - 1
    found = np.take_along_axis(recent, np.clip(place, 0, recent.shape[1] - 1), axis=1)
    return np.where(known[:, None] > 0, found, 0.0)


def _last_known(values: Matrix) -> Floats:
    backwards = values[:, ::-1]
    place = first_known(backwards)
    found = backwards[np.arange(len(values)), np.minimum(place, values.shape[1] - 1)].astype(np.float64)
    return np.where(place < values.shape[1], found, 0.0)
