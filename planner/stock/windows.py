"""How long a decision is exposed: what is ordered now must last until the next order can arrive."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.sourcing import primary_sources, read_sources, rows_of


def exposure(dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """sku, warehouse, weeks, members: lead time plus review in whole weeks, rounded up.

    One row for every SKU that is stocked or supplied somewhere. A dc that feeds others has them as `members`, joined
    by "|", and its exposure includes the way on to the slowest of them: its stock is echelon stock.
    """
    primary = primary_sources(read_sources(dataset, settings, as_of), as_of)
    kinds = dataset["locations"].set_index("location")["kind"].to_dict()
    below = members_below(primary[primary["transfer"]])
    keys = pd.concat([
        dataset["stocking"][["sku", "warehouse"]],
        primary[["sku", "destination"]].set_axis(["sku", "warehouse"], axis=1),
        pd.DataFrame(list(below), columns=["sku", "warehouse"]),
    ]).drop_duplicates().sort_values(["sku", "warehouse"], kind="stable").reset_index(drop=True)  # fmt: skip
    days = _days(keys, primary, dataset, settings)
    onward = _transit(primary)
    dc = [kinds.get(place) == "dc" and key in below for key, place in zip(_pairs(keys), keys["warehouse"], strict=True)]
    days += np.array([onward.get(key, 0.0) if is_dc else 0.0 for key, is_dc in zip(_pairs(keys), dc, strict=True)])
    members = ["|".join(below[key]) if is_dc else "" for key, is_dc in zip(_pairs(keys), dc, strict=True)]
    weeks = np.maximum(1, np.ceil(days / 7 - 1e-9)).astype(int)
    return keys.assign(weeks=weeks, members=pd.Series(members, dtype=object, index=keys.index))


def _days(keys: pd.DataFrame, primary: pd.DataFrame, dataset: Dataset, settings: Settings) -> np.ndarray:
    """Lead time of the primary source plus review time, in days."""
    lead = primary.rename(columns={"destination": "warehouse"})[["sku", "warehouse", "lead_days"]]
    review = dataset["stocking"][["sku", "warehouse", "review_days"]]
    both = keys.merge(lead, "left", ["sku", "warehouse"]).merge(review, "left", ["sku", "warehouse"])
    lead_days = both["lead_days"].fillna(settings.stock.lead_days)
    return (lead_days + both["review_days"].fillna(settings.stock.review_days)).to_numpy(dtype=float)


def _transit(primary: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Lead time from each feeding place to the slowest place that it feeds directly."""
    slowest = primary[primary["transfer"]].groupby(["sku", "source"], observed=True)["lead_days"].max()
    return {(row.sku, row.source): float(row.lead_days) for row in rows_of(slowest.reset_index())}


def members_below(transfers: pd.DataFrame) -> dict[tuple[str, str], list[str]]:
    """(sku, source) -> every place that is supplied from it, directly or through another, sorted; a loop is cut."""
    direct: dict[tuple[str, str], list[str]] = {}
    for sku, source, destination in zip(transfers["sku"], transfers["source"], transfers["destination"], strict=True):
        direct.setdefault((sku, source), []).append(destination)
    return {key: sorted(_below(direct, *key)) for key in sorted(direct)}


def _below(direct: dict[tuple[str, str], list[str]], sku: str, place: str) -> set[str]:
    found: set[str] = set()
    stack = [place]
    while stack:
        for destination in direct.get((sku, stack.pop()), []):
            if destination not in found and destination != place:
                found.add(destination)
                stack.append(destination)
    return found


def _pairs(keys: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(keys["sku"], keys["warehouse"], strict=True))
