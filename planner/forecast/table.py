"""The forecast table: base and campaigns joined, with quantiles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.quantiles import quantiles
from planner.periods import Bucket
from planner.tables import QUANTILE_COLUMNS

_KEY = ["sku", "warehouse", "date"]
FORECAST_COLUMNS = (
    "sku", "warehouse", "bucket", "date", "mean", *QUANTILE_COLUMNS,
    "base", "campaign", "method", "overridden", "variance",
)  # fmt: skip


def combine(base_forecast: pd.DataFrame, uplift: pd.DataFrame, bucket: Bucket) -> pd.DataFrame:
    """One row a series and bucket: mean = max(0, base + net uplift of all campaigns), variance = the sum of both.

    `campaign` is mean less base, so that the parts add up where a dip after a campaign would go below zero. Quantiles
    are in whole units where `whole` of `base_forecast` says so (absent: everywhere). Uplift for a series or bucket that
    is not forecast is left out.
    """
    base = base_forecast.sort_values(_KEY, kind="stable").reset_index(drop=True)
    net, extra = _on_rows(base, uplift)
    own = base["mean"].to_numpy(dtype=np.float64)
    mean = np.maximum(own + net, 0.0)
    variance = base["variance"].to_numpy(dtype=np.float64) + extra
    whole = base["whole"].to_numpy(dtype=bool) if "whole" in base else np.ones(len(base), bool)
    levels = quantiles(mean, variance, whole)
    table = base[_KEY].assign(
        bucket=np.full(len(base), bucket, dtype=object),
        mean=mean,
        base=own,
        campaign=mean - own,
        method=base["method"].to_numpy(dtype=object),
        overridden=False,
        variance=variance,
    )
    table = pd.concat([table, pd.DataFrame(levels, columns=list(QUANTILE_COLUMNS))], axis=1)
    return table[list(FORECAST_COLUMNS)]


def _on_rows(base: pd.DataFrame, uplift: pd.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Net uplift and its variance summed over the campaigns, on the rows of `base`."""
    result = np.zeros((2, len(base)))
    if not len(uplift):
        return result[0], result[1]
    known = uplift["sku"].isin(base["sku"].unique()) & uplift["date"].isin(base["date"].unique())
    part = uplift.loc[known, [*_KEY, "net", "variance"]].astype({"sku": object, "warehouse": object})
    touched = np.flatnonzero(base["sku"].isin(part["sku"].unique()).to_numpy())
    place = pd.MultiIndex.from_frame(base.iloc[touched][_KEY])
    row = place.get_indexer(pd.MultiIndex.from_frame(part[_KEY]))
    inside = row >= 0
    for number, name in enumerate(("net", "variance")):
        np.add.at(result[number], touched[row[inside]], part[name].to_numpy(dtype=np.float64)[inside])
    return result[0], result[1]
