"""What a promotion does to what stands beside it: its category loses, its brand's other categories gain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.base import Base
from planner.marketing.bookings import Floats, Ints
from planner.marketing.parts import Column, Part, Texts

# What stands nearest to a promoted SKU loses most; by how much single SKUs are off the mean of their category.
_UNEVEN_CV = 0.3


@dataclass(frozen=True)
class _Source:
    """Gross of one campaign at one warehouse in one category and brand, by bucket, and what the lift brings into it."""

    campaign: int
    warehouse: int
    category: int
    brand: int
    taken: float
    taken_sd: float
    units: Floats
    spread: Floats
    log_sd: float
    log_mean: float


@dataclass(frozen=True)
class _World:
    """Series by warehouse, category and brand as numbers; 0 is the empty text of category and brand."""

    warehouse: Ints
    category: Ints
    brand: Ints
    by_warehouse: dict[int, Ints]
    promoted: npt.NDArray[np.bool_]  # [campaigns, series]


def spill(own: Part, booked: pd.DataFrame, campaigns: Texts, base: Base, halo_share: float) -> list[Part]:
    """Cannibalised and halo parts. What finds no SKU to fall on is not counted anywhere.

    The loss falls on the SKUs of the same category at the same warehouse, the halo on the brand's SKUs of other
    categories there (without any: on all other categories), never on what the campaign itself promotes; each takes
    its share by base. The share that is lost stands in `booked` (cannibalised, cannibalised_sd).
    """
    if max(halo_share, float(booked["cannibalised"].max())) <= 0:
        return []
    world = _numbered(booked, len(campaigns), base)
    found: dict[Column, list[Part]] = {"cannibalised": [], "halo": []}
    for source in _sources(own, booked, world, base):
        here = world.by_warehouse[source.warehouse]
        others = here[~world.promoted[source.campaign][here]]
        name, losers = str(campaigns[source.campaign]), _losers(source, others, world)
        if source.taken > 0 and len(losers):
            found["cannibalised"].append(
                _fall_on(losers, source, "cannibalised", source.taken, source.taken_sd, base, name)
            )
        winners = _winners(source, others, world) if halo_share > 0 else losers[:0]
        if len(winners):
            found["halo"].append(_fall_on(winners, source, "halo", halo_share, 0.0, base, name))
    return [part for parts in found.values() for part in parts]


def _numbered(booked: pd.DataFrame, campaigns: int, base: Base) -> _World:
    codes = {}
    for name in ("warehouse", "category", "brand"):
        texts = np.unique(np.append(base.keys[name].to_numpy(dtype=object), ""))
        codes[name] = np.searchsorted(texts, base.keys[name].to_numpy(dtype=object)).astype(np.int64)
    order = np.argsort(codes["warehouse"], kind="stable")
    places, start = np.unique(codes["warehouse"][order], return_index=True)
    by_warehouse = dict(zip(places.tolist(), np.split(order, start[1:]), strict=True))
    promoted = np.zeros((campaigns, len(base.keys)), dtype=bool)
    promoted[booked["code"].to_numpy(), booked["series"].to_numpy()] = True
    return _World(codes["warehouse"], codes["category"], codes["brand"], by_warehouse, promoted)


def _sources(own: Part, booked: pd.DataFrame, world: _World, base: Base) -> Iterator[_Source]:
    gains = np.flatnonzero(own.units > 0)
    series, width = own.series[gains], len(base.dates)
    key = np.stack([own.campaign[gains], world.warehouse[series], world.category[series], world.brand[series]])
    groups, at = np.unique(key, axis=1, return_inverse=True)
    place = at.ravel() * width + own.bucket[gains]

    def by_bucket(values: Floats) -> Floats:
        size = groups.shape[1] * width
        return np.bincount(place, values[gains], minlength=size).astype(np.float64).reshape(-1, width)

    units, spread = by_bucket(own.units), by_bucket(own.spread)
    log_sd, log_mean = by_bucket(own.units * own.log_sd), by_bucket(own.units * own.log_mean)
    total = units.sum(axis=1)
    code = world.category[booked["series"].to_numpy(np.int64)]
    taken = dict(zip(code.tolist(), booked[["cannibalised", "cannibalised_sd"]].to_numpy(float).tolist(), strict=True))
    for n, (campaign, warehouse, category, brand) in enumerate(groups.T.tolist()):
        shape = (float(log_sd[n].sum() / total[n]), float(log_mean[n].sum() / total[n]))
        share, sd = taken[category]
        yield _Source(campaign, warehouse, category, brand, share, sd, units[n], spread[n], *shape)


def _losers(source: _Source, others: Ints, world: _World) -> Ints:
    return _as_ints(others[(world.category[others] == source.category) & (source.category != 0)])


def _winners(source: _Source, others: Ints, world: _World) -> Ints:
    outside = (world.category[others] != source.category) | (source.category == 0)
    branded = outside & (world.brand[others] == source.brand) & (source.brand != 0)
    return _as_ints(others[branded if branded.any() else outside])


def _as_ints(values: object) -> Ints:
    return np.asarray(values, dtype=np.int64)


def _fall_on(
    takers: Ints, source: _Source, column: Column, share: float, sd: float, base: Base, name: str
) -> Part:  # fmt: skip
    """Units of each taker = share x gross x its part of the takers' base, bucket by bucket.

    `sd` is that of the share; single SKUs differ from it by `_UNEVEN_CV`.
    """
    uneven = float(np.hypot(sd, _UNEVEN_CV * share))
    when = np.flatnonzero(source.units)
    level = base.mean[np.ix_(takers, when)]
    total = level.sum(axis=0)
    part = np.divide(level, total, out=np.zeros_like(level), where=total > 0)
    row, at = np.nonzero(part)
    bucket, weight = when[at], part[row, at]
    verb = "loses to" if column == "cannibalised" else "gains from"
    text = np.full(len(row), f"{verb} what {name} promotes beside it: {share:.0%} of its gross", dtype=object)
    return Part(
        column, np.full(len(row), source.campaign), takers[row], bucket, weight * share * source.units[bucket],
        weight * np.hypot(share * source.spread[bucket], uneven * source.units[bucket]),
        np.full(len(row), source.log_sd), np.full(len(row), source.log_mean), text,
    )  # fmt: skip
