"""ABC and XYZ: which series carry the value, and which can be foretold.

ABC ranks series by the value of their demand over the last year (at the sales price, else at cost, else in units): A
are those that together carry the first 80 %, B the next 15 %, C the rest and all without demand. XYZ is the coefficient
of variation of weekly (monthly) demand over the same year: X up to .5, Y up to 1, Z above.

Source: Silver, Pyke and Thomas (2017), 2.6; the limits of XYZ are those in common use.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.panel import Matrix, Panel
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]

SHARES = (0.80, 0.95)
VARIATIONS = (0.5, 1.0)
YEAR: dict[Bucket, int] = {"day": 364, "week": 52, "month": 12}
_WORTH = ("unit_price", "unit_cost")


def importance(demand: Panel, items: pd.DataFrame, bucket: Bucket) -> pd.DataFrame:
    """sku, warehouse, abc, xyz of each series of `demand`, by its last year."""
    recent = np.maximum(demand.values[:, -YEAR[bucket] :], 0)
    value = np.nansum(recent, axis=1, dtype=np.float64) * _worth(demand.keys["sku"], items)
    keys = demand.keys[["sku", "warehouse"]].astype(object).reset_index(drop=True)
    return keys.assign(abc=_abc(value), xyz=_xyz(_by_week(recent) if bucket == "day" else recent))


def _worth(sku: pd.Series, items: pd.DataFrame) -> Floats:
    """What a unit is worth; one unit where any that would count has neither price nor cost."""
    known = items.drop_duplicates("sku").set_index("sku")
    for name in _WORTH:
        if name in known:
            worth = known[name].reindex(sku).to_numpy(dtype=np.float64)
            if (worth > 0).all():
                return worth
    return np.ones(len(sku))


def _abc(value: Floats) -> npt.NDArray[np.object_]:
    """By the share of all value that more valuable series carry already."""
    order = np.argsort(-value, kind="stable")
    before = np.cumsum(value[order]) - value[order]
    share = np.empty(len(value))
    share[order] = before / max(float(value.sum()), 1e-12)
    label = np.array(["A", "B", "C"], dtype=object)[np.searchsorted(SHARES, share, side="right")]
    label[value <= 0] = "C"
    return label


def _xyz(recent: Matrix) -> npt.NDArray[np.object_]:
    number = np.maximum((~np.isnan(recent)).sum(axis=1), 1)
    mean = np.nansum(recent, axis=1, dtype=np.float64) / number
    square = np.nansum(recent.astype(np.float64) ** 2, axis=1) / number
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    variation = np.divide(deviation, mean, out=np.full_like(mean, np.inf), where=mean > 0)
    place = np.searchsorted(VARIATIONS, variation, side="left")
    label: npt.NDArray[np.object_] = np.array(["X", "Y", "Z"], dtype=object)[place]
    return label


def _by_week(days: Matrix) -> Matrix:
    """Sums of seven days, the last ones complete; unknown where all of them are."""
    whole = days[:, days.shape[1] % 7 :] if days.shape[1] >= 7 else days
    weeks = whole.reshape(len(days), -1, 7) if whole.shape[1] >= 7 else whole[:, None, :]
    return np.where(np.isnan(weeks).all(axis=2), np.nan, np.nansum(weeks, axis=2))
