"""Profiles, segments and chances on a small population whose habits are known."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from planner.dataset import Dataset
from planner.marketing.segments import (
    LEARNERS,
    head_counts,
    make_profiles,
    one_large_customer,
    propensity,
    segment,
    without_small_cells,
)

DAY = dt.date(2026, 3, 2)
TODAY = pd.Timestamp(DAY)


def population(people: int = 240, seed: int = 1) -> Dataset:
    """A third orders weekly, a third every second month and cheaply, a third ordered once, long ago."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(people):
        kind = who % 3
        days = [range(3, 200, 7), range(5, 360, 60), [320]][kind]
        for ago in days:
            price = 10.0 if kind != 1 else 6.0
            day = TODAY - pd.Timedelta(days=int(ago) + int(rng.integers(0, 3)))
            rows.append((f"O{who}-{ago}", day, f"P{who:03d}", "TC"[who % 2], 1.0 + int(rng.integers(0, 2)), price))
    lines = pd.DataFrame(rows, columns=["order_id", "date", "customer", "sku", "quantity", "unit_price"])
    customers = pd.DataFrame(
        {"customer": [f"P{who:03d}" for who in range(people)] + ["never"], "country": "DE",
         "home_warehouse": ["LEJ", "WAW"][0], "created_on": TODAY - pd.Timedelta(days=400)}
    )  # fmt: skip
    items = pd.DataFrame({"sku": ["T", "C"], "category": ["tea", "coffee"]})
    return Dataset.from_frames({"order_lines": lines, "customers": customers, "items": items})


@pytest.fixture(scope="module")
def data() -> Dataset:
    return population()


def profiles_on(data: Dataset, day: dt.date = DAY) -> pd.DataFrame:
    return make_profiles(data["customers"], data["order_lines"], data["behaviour"], data["items"], day)


def test_a_profile_counts_what_was_known_on_the_day() -> None:
    rows = [
        ("A", 20, "X", 2.0, 5.0, 0.0), ("B", 10, "X", 1.0, 5.0, 0.0), ("B", 10, "Y", 1.0, 3.0, 0.0),
        ("C", 9, "Y", 1.0, 3.0, 1.0), ("D", -1, "X", 9.0, 5.0, 0.0),
    ]  # fmt: skip
    lines = pd.DataFrame(rows, columns=["order_id", "ago", "sku", "quantity", "unit_price", "returned"])
    lines = lines.assign(date=TODAY - pd.to_timedelta(lines["ago"], unit="D"), customer="P").drop(columns="ago")
    seen = pd.DataFrame(
        {"at": [TODAY - pd.Timedelta(days=3)] * 2, "customer": "P", "sku": "X", "kind": ["view", "shown"]}
    )
    items = pd.DataFrame({"sku": ["X", "Y"], "category": ["tea", "coffee"]})
    data = Dataset.from_frames({"order_lines": lines, "behaviour": seen, "items": items})
    row = profiles_on(data).iloc[0]
    assert row[["recency_days", "orders", "value", "gap_days", "looks"]].tolist() == [10, 2, 18, 10, 1]
    assert row["returned_share"] == pytest.approx(3 / 18)
    assert row["share of tea"] == pytest.approx(15 / 18)


def test_whoever_buys_below_the_usual_price_is_price_sensitive(data: Dataset) -> None:
    profiles = profiles_on(data)
    kind = profiles.index % 3
    cheap = profiles["price_sensitivity"].groupby(kind).mean()
    assert cheap[1] > cheap[0] + 0.2


@pytest.mark.parametrize("method", ["kmeans", "hierarchical"])
def test_clusters_find_the_three_habits_and_name_them(data: Dataset, method: str) -> None:
    profiles = profiles_on(data)
    found = segment(profiles, method, count=3)
    names = pd.Series(found.labels).groupby(np.arange(len(profiles)) % 3).agg(lambda part: part.value_counts().index[0])
    assert names.nunique() == 3
    assert "frequent" in names[0]
    assert "bargain seekers" in names[1]
    assert "lapsed" in names[2]
    assert found.stability["stability"].iloc[0] > 0.9
    assert found.labels[profiles["customer"] == "never"].tolist() == ["never ordered"]


def test_rfm_names_the_best_and_the_lost(data: Dataset) -> None:
    labels = pd.Series(segment(profiles_on(data), "rfm").labels)
    kinds = labels.groupby(np.arange(len(labels)) % 3).agg(lambda part: part.value_counts().index[0])
    assert (kinds[0], kinds[2]) == ("champions", "lost")


@pytest.mark.parametrize("learner", LEARNERS)
def test_chances_follow_habits(data: Dataset, learner: str) -> None:
    found = propensity(lambda day: profiles_on(data, day), data["order_lines"], DAY, 4, learner)
    chance = pd.Series(found.chance).groupby(np.arange(len(found.chance)) % 3).mean()
    assert chance[0] > 0.8
    assert chance[2] < 0.1
    assert found.quality.set_index("learner").loc[learner, "auc"] > 0.65
    assert found.quality["chosen"].sum() == 1


def test_nobody_ordering_is_no_error(data: Dataset) -> None:
    none = data["order_lines"].iloc[:0]
    found = propensity(lambda day: profiles_on(data, day), none, DAY, 4)
    assert set(found.chance) == {0.0}


def test_head_counts_and_no_small_cells(data: Dataset) -> None:
    profiles = profiles_on(data).assign(segment=lambda frame: np.where(frame.index < 4, "few", "many"))
    counts = head_counts(profiles, data["customers"], data["order_lines"], DAY, 2)
    assert counts["week"].nunique() == 2
    assert counts.groupby("week")["customers"].sum().tolist() == [241, 241]
    assert (counts["buyers"] <= counts["customers"]).all()
    safe = without_small_cells(counts, ["segment", "warehouse", "week"], "customers", 10)
    assert safe["customers"].min() >= 10
    assert "few" not in set(safe["segment"])
    assert safe.equals(without_small_cells(safe, ["segment", "warehouse", "week"], "customers", 10))


def test_one_customer_with_most_lines_is_named() -> None:
    assert one_large_customer(pd.DataFrame({"customer": ["A"] * 4 + list("BCDEFG")})).startswith(
        "one customer, A, has 40%"
    )
    assert one_large_customer(pd.DataFrame({"customer": list("ABCDEFG")})) == ""
