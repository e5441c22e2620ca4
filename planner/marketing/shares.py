"""What promotions took from their category before, as a share of the units that they gained.

Beside a promotion stand the SKUs of its category at its warehouse that no campaign touches in that bucket. What they
missed is their baseline less their units, over all of them. The share is an instrumental variable estimate,

    share = sum of w x missed / sum of w x gained,    w = gain by the built-in lift / noise of what was missed,

for the gain measured has noise of its own, which would draw a regression towards zero; the built-in lift has none.
Categories are drawn to their mean as far as they do not differ beyond their noise (DerSimonian and Laird, 1986), and
the mean to the share of the settings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.baseline import Flags, choose_controls, expect, season_index
from planner.marketing.bookings import Floats, Ints
from planner.periods import Bucket

LARGEST = 0.95
_PRIOR_SD = 0.15
_LEAST_CALM = 0.5


@dataclass(frozen=True)
class Gains:
    """Promoted cells: series, bucket, units above the baseline, and what the built-in lift says they are."""

    series: Ints
    bucket: Ints
    units: Floats
    told: Floats


@dataclass(frozen=True)
class Beside:
    """Every series: numbers of its warehouse and SKU, and of each SKU's category (`categories` by number). `marked`
    [N, T] says where campaigns run or are felt, `calm` [N, T] where the baseline can be read."""

    warehouse: Ints
    sku: Ints
    category: Ints
    categories: npt.NDArray[np.object_]
    marked: Flags
    calm: Flags


def learn_shares(values: Floats, gains: Gains, beside: Beside, settled: float, bucket: Bucket) -> pd.DataFrame:
    """category ("" for those without evidence), share and sd, from the history `values` [N, T].

    `settled` is the share of the settings, which stands where nothing was seen.
    """
    count, width = len(beside.categories), values.shape[1]
    group = beside.warehouse * count + beside.category[beside.sku]
    groups = (int(beside.warehouse.max(initial=-1)) + 1) * count
    gained, told = np.zeros((groups, width)), np.zeros((groups, width))
    np.add.at(gained, (group[gains.series], gains.bucket), gains.units)
    np.add.at(told, (group[gains.series], gains.bucket), gains.told)
    missed, noise = _missed(values, beside, told[group] > 0, group, groups, bucket)
    seen = (told > 0) & (noise > 0)
    safe = np.where(seen, noise, 1.0)
    weight = np.where(seen, told / safe, 0.0)
    category = np.arange(groups) % count
    sums = [np.bincount(category, part.sum(axis=1), count).astype(float)
            for part in (weight * gained, weight * missed, weight**2 * safe)]  # fmt: skip
    known = (sums[0] > 0) & (beside.categories != "")
    share, variance = sums[1][known] / sums[0][known], sums[2][known] / sums[0][known] ** 2
    return _shrunk(beside.categories[known], share, variance, settled)


def _missed(
    values: Floats, beside: Beside, near: Flags, group: Ints, groups: int, bucket: Bucket
) -> tuple[Floats, Floats]:  # fmt: skip
    """[groups, T] units missed by the untouched series of each group while something is promoted in it, and the
    variance of that. A series whose category is promoted most of the time has no baseline and is left out."""
    missed, noise = np.zeros((groups, values.shape[1])), np.zeros((groups, values.shape[1]))
    calm = beside.calm & ~near
    enough = calm.sum(axis=1) >= np.maximum(_LEAST_CALM * beside.calm.sum(axis=1), 1)
    calm = np.where(enough[:, None], calm, beside.calm)
    row, column = np.nonzero(near & ~beside.marked & np.isfinite(values) & enough[:, None])
    if not len(row):
        return missed, noise
    names = beside.categories[beside.category[beside.sku]]
    volume = np.where(calm, values, 0.0).sum(axis=1, dtype=np.float64)
    controls = choose_controls(names, volume, np.unique(names[row]))
    observed = np.where(calm[controls], np.maximum(values[controls], 0.0), 0.0).astype(np.float64)
    index = season_index(observed, calm[controls], beside.sku[controls], beside.category, bucket)
    found = expect(values, calm, index, beside.sku, row, column, bucket)
    good = np.isfinite(found.units)
    row, column, units = row[good], column[good], found.units[good]
    np.add.at(missed, (group[row], column), units - values[row, column])
    np.add.at(noise, (group[row], column), found.dispersion[row] * units + np.nan_to_num(found.variance[good]))
    return missed, noise


def _shrunk(categories: npt.NDArray[np.object_], share: Floats, variance: Floats, settled: float) -> pd.DataFrame:
    """The share of each category, and first that of one without evidence."""
    between = between_groups(share, variance)
    weight = 1.0 / (variance + between)
    total = weight.sum() + 1.0 / _PRIOR_SD**2
    mean = (float((weight * share).sum()) + settled / _PRIOR_SD**2) / total
    trust = between / np.maximum(between + variance, 1e-12)
    spread = np.sqrt((1.0 - trust) ** 2 / total + trust**2 * variance + (1.0 - trust) ** 2 * between)
    table = pd.DataFrame({
        "category": ["", *categories.tolist()], "share": [mean, *(mean + trust * (share - mean))],
        "sd": [float(np.sqrt(1.0 / total + between)), *spread],
    })  # fmt: skip
    return table.assign(share=table["share"].clip(0.0, LARGEST))


def between_groups(share: Floats, variance: Floats) -> float:
    """Variance of a figure between groups beyond the noise of each (DerSimonian and Laird, 1986); never below zero."""
    if len(share) < 2:
        return 0.0
    weight = 1.0 / variance
    mean = float((weight * share).sum() / weight.sum())
    spread = float((weight * (share - mean) ** 2).sum()) - (len(share) - 1)
    return max(0.0, spread / float(weight.sum() - (weight**2).sum() / weight.sum()))
