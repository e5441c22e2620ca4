"""The base forecast side by side, with a stand-in level where a promoted SKU has never sold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.marketing.bookings import Floats, Ints

# Items that look alike differ in level by about this factor to either side, as a coefficient of variation.
LIKE_ITEM_CV = 0.75


@dataclass(frozen=True)
class Base:
    """`keys`: sku, warehouse, category, brand, like (text, empty for series with a level of their own), sorted.

    `mean` is [series, buckets]; `dispersion` is variance over mean of the same shape.
    """

    keys: pd.DataFrame
    dates: pd.DatetimeIndex
    mean: Floats
    dispersion: Floats


def side_by_side(forecast: pd.DataFrame, items: pd.DataFrame) -> Base:
    """Every series over every bucket of the base forecast; a bucket without a row sells nothing."""
    sku, skus = pd.factorize(forecast["sku"], sort=True)
    warehouse, warehouses = pd.factorize(forecast["warehouse"], sort=True)
    date, dates = pd.factorize(forecast["date"], sort=True)
    pairs, series = np.unique(sku.astype(np.int64) * len(warehouses) + warehouse, return_inverse=True)
    shape = (len(pairs), len(dates))
    mean, variance = np.zeros(shape), np.zeros(shape)
    mean[series, date] = np.maximum(np.nan_to_num(forecast["mean"].to_numpy(float)), 0.0)
    variance[series, date] = np.maximum(np.nan_to_num(forecast["variance"].to_numpy(float)), 0.0)
    dispersion = np.divide(variance, mean, out=np.ones(shape), where=mean > 0)
    keys = pd.DataFrame(
        {
            "sku": np.asarray(skus, dtype=object)[pairs // len(warehouses)],
            "warehouse": np.asarray(warehouses, dtype=object)[pairs % len(warehouses)],
        }
    )
    return Base(_described(keys, items), pd.DatetimeIndex(dates), mean, dispersion)


def _described(keys: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    known = items.drop_duplicates("sku").set_index("sku")
    described = {name: keys["sku"].map(known[name]).fillna("").astype(object) for name in ("category", "brand")}
    return keys.assign(**described, like="")


def with_like_items(base: Base, asked: pd.DataFrame, items: pd.DataFrame) -> Base:
    """`base` with a level for every promoted series (`asked`: sku, warehouse or *, start) that has none.

    A SKU that sells nowhere in the horizon takes the median of the items of its category at that warehouse, else of
    its category, else of the warehouse, else of all. Items whose last day of sale is over stay at nothing.
    """
    ends = asked["sku"].map(items.drop_duplicates("sku").set_index("sku")["end_date"])
    asked = asked[~(ends < asked["start"])].drop_duplicates(["sku", "warehouse"])
    sells = base.mean.sum(axis=1) > 0
    silent = asked[~asked["sku"].isin(base.keys["sku"][sells])]["sku"].unique()
    base = _with_series(base, _new_pairs(base, asked, items), items)
    sells = base.mean.sum(axis=1) > 0
    rows = np.flatnonzero(~sells & (base.keys["sku"].isin(silent) | (base.keys["like"] != "")).to_numpy())
    return _levelled(base, rows, np.flatnonzero(sells)) if len(rows) and sells.any() else base


def _new_pairs(base: Base, asked: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    """Promoted SKU-warehouses without a series, at warehouses that sell at all (for *: that sell its category)."""
    places = base.keys["warehouse"].unique()
    everywhere = asked["warehouse"].isin(["*", ""])
    named = asked[~everywhere & asked["warehouse"].isin(places)][["sku", "warehouse"]]
    unknown = asked[everywhere & ~asked["sku"].isin(base.keys["sku"])][["sku"]]
    unknown = unknown.assign(category=_described(unknown, items)["category"])
    home = base.keys[["category", "warehouse"]].drop_duplicates()
    homeless = unknown[~unknown["category"].isin(home["category"])][["sku"]]
    spread = [unknown.merge(home, on="category"), homeless.merge(pd.DataFrame({"warehouse": places}), how="cross")]
    pairs = pd.concat([named, *(part[["sku", "warehouse"]] for part in spread)]).drop_duplicates()
    found = pairs.merge(base.keys[["sku", "warehouse"]], how="left", indicator=True)
    return found[found["_merge"] == "left_only"][["sku", "warehouse"]]


def _with_series(base: Base, pairs: pd.DataFrame, items: pd.DataFrame) -> Base:
    if pairs.empty:
        return base
    keys = pd.concat([base.keys, _described(pairs, items).assign(like="?")], ignore_index=True)
    order = keys.sort_values(["sku", "warehouse"], kind="stable").index
    blank = np.zeros((len(pairs), len(base.dates)))
    mean, dispersion = (np.concatenate([part, blank])[order] for part in (base.mean, base.dispersion))
    return replace(base, keys=keys.loc[order].reset_index(drop=True), mean=mean, dispersion=dispersion)


def _levelled(base: Base, rows: Ints, pool: Ints) -> Base:
    """Rows without a level, given the median of their like items; `like` says which."""
    mean, dispersion, like = base.mean.copy(), base.dispersion.copy(), base.keys["like"].to_numpy(dtype=object).copy()
    categories, warehouses = base.keys["category"].to_numpy(), base.keys["warehouse"].to_numpy()
    found: dict[tuple[str, str], tuple[Ints, str]] = {}
    for row in rows:
        group = (str(categories[row]), str(warehouses[row]))
        if group not in found:
            found[group] = _alike(group, categories[pool], warehouses[pool])
        chosen, name = found[group]
        mean[row] = np.median(base.mean[pool[chosen]], axis=0)
        dispersion[row] = np.median(base.dispersion[pool[chosen]], axis=0)
        like[row] = f"median of {len(chosen)} items {name}"
    return replace(base, keys=base.keys.assign(like=like), mean=mean, dispersion=dispersion)


def _alike(group: tuple[str, str], category: Floats, warehouse: Floats) -> tuple[Ints, str]:
    kind, place = group
    tries: tuple[tuple[str, Callable[[], Floats]], ...] = (
        (f"of category {kind} at {place}", lambda: (category == kind) & (warehouse == place) & (kind != "")),
        (f"of category {kind}", lambda: (category == kind) & (kind != "")),
        (f"at {place}", lambda: warehouse == place),
        ("that sell", lambda: np.ones(len(category), dtype=bool)),
    )
    chosen = ((np.flatnonzero(fits()), name) for name, fits in tries)
    return next((rows, name) for rows, name in chosen if len(rows))
