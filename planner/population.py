"""The customers of a workspace as a whole: profiles, segments, head-counts and chances to order, with no small cell."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import pandas as pd

from planner.dataset import Dataset
from planner.marketing.segments import (
    head_counts,
    make_profiles,
    one_large_customer,
    propensity,
    segment,
    without_small_cells,
)
from planner.settings import Settings

_MEANS = ("recency_days", "orders", "value", "price_sensitivity", "gap_days", "chance")


@dataclass(frozen=True)
class Population:
    """`profiles` has a row a customer, with segment and chance; the other tables hold no cell below the minimum."""

    profiles: pd.DataFrame
    segments: pd.DataFrame
    cells: pd.DataFrame
    stability: pd.DataFrame
    learners: pd.DataFrame
    notes: tuple[str, ...]


def describe(dataset: Dataset, as_of: dt.date, settings: Settings, by: str, learner: str, weeks: int) -> Population:
    """Everything that `planner segment` shows."""
    told = settings.customers
    lines, people = dataset["order_lines"], dataset["customers"]

    def profile_of(day: dt.date) -> pd.DataFrame:
        return make_profiles(people, lines, dataset["behaviour"], dataset["items"], day)

    profiles = profile_of(as_of)
    found = segment(profiles, by, told.segments, settings.plan.seed)
    likely = propensity(profile_of, lines, as_of, told.propensity_weeks, learner, settings.plan.seed)
    profiles = profiles.assign(segment=found.labels, chance=likely.chance)
    cells = head_counts(profiles, people, lines, as_of, weeks)
    cells = without_small_cells(cells, ["segment", "warehouse", "week"], "customers", told.minimum_cell)
    cells["buyers"] = cells["buyers"].where(cells["buyers"] >= told.minimum_cell)
    expected = f"chance of an order within {likely.weeks} weeks: for the size of an audience, not for volume"
    small = f"cells under {told.minimum_cell} people are merged into others or left empty (customers.minimum_cell)"
    notes = tuple(filter(None, (one_large_customer(lines), expected, small)))
    return Population(profiles, _summary(profiles, told.minimum_cell), cells, found.stability, likely.quality, notes)


def _summary(profiles: pd.DataFrame, least: int) -> pd.DataFrame:
    """One row a segment: customers, means, expected buyers; the largest first."""
    means = list(_MEANS)
    sums = profiles[["segment", *means]].assign(customers=1, expected_buyers=profiles["chance"])
    sums = sums.assign(gaps=sums["gap_days"].notna().astype(int), recent=sums["recency_days"].notna().astype(int))
    table = sums.fillna({"gap_days": 0.0, "recency_days": 0.0}).groupby("segment", as_index=False).sum()
    table = without_small_cells(table, ["segment"], "customers", least)
    for name in means:
        known = {"gap_days": "gaps", "recency_days": "recent"}.get(name, "customers")
        table[name] = table[name] / table[known].where(table[known] > 0)
    ordered = table.sort_values(["customers", "segment"], ascending=[False, True], ignore_index=True)
    return ordered.drop(columns=["gaps", "recent"])
