"""What a source lacks, filled in alike for all: one supplier, its lead time, the review, the opening stock."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.errors import UsageError

RECENT_WEEKS = 13


def supplier_row(supplier: str, country: str = "") -> pd.DataFrame:
    """The one supplier as a location."""
    return pd.DataFrame(
        {"location": [supplier], "kind": ["supplier"], "name": ["assumed supplier"], "country": [country]}
    )


def places(warehouses: pd.DataFrame, supplier: str, country: str = "") -> pd.DataFrame:
    """The locations table: the source's own places and the supplier, sorted by code.

    Raises UsageError where the supplier would have the code of one of them.
    """
    if supplier in set(warehouses["location"]):
        raise UsageError(f"--supplier {supplier} is the code of a place that sells", "choose a code of its own")
    both = pd.concat([warehouses, supplier_row(supplier, country)], ignore_index=True)
    return both.sort_values("location", ignore_index=True)


def stocking(series: pd.DataFrame, review_days: float) -> pd.DataFrame:
    """Every series is stocked and reviewed at the same rhythm. `series`: sku, warehouse, sorted."""
    return series[["sku", "warehouse"]].assign(review_days=review_days)


def sourcing(series: pd.DataFrame, supplier: str, lead_days: float) -> pd.DataFrame:
    """The one supplier delivers every series."""
    return pd.DataFrame(
        {
            "sku": series["sku"].to_numpy(),
            "source": supplier,
            "destination": series["warehouse"].to_numpy(),
            "lead_days": lead_days,
        }
    )


def opening_stock(series: pd.DataFrame, weekly: pd.Series, cover_weeks: float) -> pd.DataFrame:
    """Stock on hand = weeks of cover x mean weekly demand, rounded up to whole units."""
    on_hand = np.ceil(np.round(weekly.to_numpy(dtype=float) * cover_weeks, 6))
    return series[["sku", "warehouse"]].assign(on_hand=on_hand)


def supply(
    series: pd.DataFrame, weekly: pd.Series, supplier: str, lead_days: float, review_days: float, cover_weeks: float
) -> dict[str, pd.DataFrame]:
    """Stocking, sourcing and stock of every series (sku, warehouse), sorted by key; `weekly` is its mean demand."""
    ordered = series[["sku", "warehouse"]].assign(weekly=weekly.to_numpy()).sort_values(["sku", "warehouse"])
    ordered = ordered.reset_index(drop=True)
    return {
        "stocking": stocking(ordered, review_days),
        "sourcing": sourcing(ordered, supplier, lead_days),
        "stock": opening_stock(ordered, ordered["weekly"], cover_weeks),
    }
