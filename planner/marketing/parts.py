"""Parts of the uplift, and how they add up to one row a campaign, series and bucket.

net = gross - cannibalised + halo - pulled forward
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri

from planner.marketing.base import Base
from planner.marketing.bookings import Floats, Ints
from planner.tables import QUANTILE_COLUMNS, QUANTILES

Texts = npt.NDArray[np.object_]
Column = Literal["gross", "cannibalised", "halo", "pulled_forward"]
PARTS: tuple[Column, ...] = ("gross", "cannibalised", "halo", "pulled_forward")
LOSSES = ("cannibalised", "pulled_forward")
COLUMNS = (
    "campaign", "sku", "warehouse", "date", "base", *PARTS, "net", "variance", "swing", *QUANTILE_COLUMNS, "evidence",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """Units that belong in one column of the uplift table, one entry a campaign, series and bucket.

    `spread` is the standard deviation that the lift brings into the units; `log_sd` is that of the log lift and
    `log_mean` the logarithm of its mean over its median.
    """

    column: Column
    campaign: Ints
    series: Ints
    bucket: Ints
    units: Floats
    spread: Floats
    log_sd: Floats
    log_mean: Floats
    text: Texts

    def frame(self) -> pd.DataFrame:
        return pd.DataFrame({field.name: getattr(self, field.name) for field in fields(self)})


def no_uplift() -> pd.DataFrame:
    text = ("campaign", "sku", "warehouse", "evidence")
    kinds = {name: "object" if name in text else "float64" for name in COLUMNS} | {"date": "datetime64[ns]"}
    return pd.DataFrame({name: pd.Series(dtype=kinds[name]) for name in COLUMNS})


def add_up(parts: list[Part], campaigns: Texts, base: Base) -> pd.DataFrame:
    """The uplift table, sorted by its key; the first part that names a row gives its evidence.

    `campaigns` are the codes that the parts number. Of the standard deviation of net, `swing` is what the lift brings:
    it moves all rows together, those that lose the other way; the rest of `variance` is noise of each row.
    """
    every = pd.concat([part.frame() for part in parts], ignore_index=True)
    every = every[(every["column"] == "gross") | (every["units"] != 0)]
    if every.empty:
        return no_uplift()
    width, height = len(base.dates), len(base.keys)
    place = (every["campaign"].to_numpy() * height + every["series"].to_numpy()) * width + every["bucket"].to_numpy()
    found, first, row = np.unique(place, return_index=True, return_inverse=True)
    series, bucket = found // width % height, found % width
    sums = _summed(every, row, len(found))
    left = _affordable(
        sums["cannibalised"] + sums["pulled_forward"], series * width + bucket, base.mean[series, bucket]
    )
    parts_of: dict[str, Floats] = {name: sums[name] * left if name in LOSSES else sums[name] for name in PARTS}
    keys = base.keys.iloc[series]
    table = pd.DataFrame(
        {
            "campaign": campaigns[found // (width * height)],
            "sku": keys["sku"].to_numpy(dtype=object),
            "warehouse": keys["warehouse"].to_numpy(dtype=object),
            "date": base.dates[bucket].astype("datetime64[ns]"),
            "base": base.mean[series, bucket],
            **parts_of,
        }
    )
    net = table["gross"] - table["cannibalised"] + table["halo"] - table["pulled_forward"]
    gained = np.maximum(table["gross"] + table["halo"], 0.0) * base.dispersion[series, bucket]
    noise = (gained + np.maximum(table["cannibalised"] + table["pulled_forward"], 0.0)).to_numpy(float)
    swing = sums["up"] - left * sums["down"]
    quantiles = _quantiles(net.to_numpy(float), swing, sums["log_sd"], sums["log_mean"], noise)
    evidence = every["text"].to_numpy(dtype=object)[first]
    return table.assign(net=net, variance=swing**2 + noise, swing=swing, **quantiles, evidence=evidence)[list(COLUMNS)]


def _summed(every: pd.DataFrame, row: Ints, size: int) -> dict[str, Floats]:
    """Units by column, spread that works upwards and downwards, shape of the lift weighted by units."""
    column, units, spread = (every[name].to_numpy() for name in ("column", "units", "spread"))
    losing = np.isin(column, LOSSES)
    sums: dict[str, Floats] = {name: _sum(row, np.where(column == name, units, 0.0), size) for name in PARTS}
    sums |= {
        "up": _sum(row, np.where(losing, 0.0, spread), size),
        "down": _sum(row, np.where(losing, spread, 0.0), size),
    }
    weight = np.abs(units) + 1e-12
    for name in ("log_sd", "log_mean"):
        sums[name] = _sum(row, weight * every[name].to_numpy(), size) / _sum(row, weight, size)
    return sums


def _sum(row: Ints, values: npt.NDArray[np.generic], size: int) -> Floats:
    return np.bincount(row, values.astype(np.float64), minlength=size).astype(np.float64)


def _affordable(loss: Floats, place: Ints, base: Floats) -> Floats:
    """Factor on what a row loses, so that all campaigns together take no more from a bucket than its base."""
    _, at = np.unique(place, return_inverse=True)
    total = np.bincount(at, loss)[at]
    return np.minimum(1.0, np.divide(base, total, out=np.ones(len(loss)), where=total > 0))


def _quantiles(net: Floats, swing: Floats, log_sd: Floats, log_mean: Floats, noise: Floats) -> dict[str, Floats]:
    """Quantiles of net: log-normal from the lift (mirrored where a higher lift means less), normal from the noise.

    Both deviations are taken at the same level and scaled so that the variances add up.
    """
    log_sd = np.maximum(log_sd, 1e-3)
    wide, rough = np.abs(swing), np.sqrt(noise)
    scale = np.divide(np.hypot(wide, rough), wide + rough, out=np.zeros_like(wide), where=wide + rough > 0)
    result = {}
    for column, level in zip(QUANTILE_COLUMNS, QUANTILES, strict=True):
        z = float(ndtri(level))
        skewed = np.expm1(np.sign(swing) * z * log_sd - log_mean) / np.sqrt(np.expm1(log_sd**2))
        result[column] = net + scale * (swing * skewed + rough * z)
    return result


def noise(rows: pd.DataFrame) -> Floats:
    """What of the variance of rows of the uplift table is their own: it cancels out in sums, lifts are off together."""
    return np.asarray(np.maximum(rows["variance"].to_numpy(float) - rows["swing"].to_numpy(float) ** 2, 0.0))
