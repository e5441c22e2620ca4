"""ABC by value, XYZ by variation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.forecast.importance import importance
from planner.panel import Panel


def panel(values, bucket="week"):
    keys = pd.DataFrame({"sku": [f"s{number}" for number in range(len(values))], "warehouse": "w"})
    dates = pd.date_range("2023-01-02", periods=len(values[0]), freq={"week": "7D", "day": "D"}[bucket])
    return Panel(keys, dates, np.array(values, dtype=np.float32))


def items(*prices):
    return pd.DataFrame({"sku": [f"s{number}" for number in range(len(prices))], "unit_price": prices})


def test_the_first_eighty_per_cent_of_value_are_a():
    year = np.ones((5, 52))
    found = importance(panel(year), items(70.0, 15.0, 11.0, 4.0, 0.01), "week")
    assert found["abc"].tolist() == ["A", "A", "B", "C", "C"]
    assert importance(panel(year * [[1], [1], [1], [1], [0]]), items(1, 1, 1, 1, 900.0), "week")["abc"].iloc[4] == "C"


def test_only_the_last_year_counts_and_units_where_prices_lack():
    values = np.hstack([np.full((2, 52), 9.0) * [[1000], [0]], np.full((2, 52), 1.0) * [[1], [50]]])
    assert importance(panel(values), items(5.0, np.nan), "week")["abc"].tolist() == ["C", "A"]


def test_steady_x_wild_z():
    steady, swinging, rare = np.full(52, 8.0), np.tile([2.0, 14.0], 26), np.zeros(52)
    rare[7] = 40
    young = np.r_[np.full(40, np.nan), np.full(12, 3.0)]
    found = importance(panel([steady, swinging, rare, np.zeros(52), young]), items(*[1.0] * 5), "week")
    assert found["xyz"].tolist() == ["X", "Y", "Z", "Z", "X"]


def test_days_are_summed_to_weeks_first():
    days = np.tile([0.0, 0, 0, 0, 0, 20, 30], 52)
    assert importance(panel([days], "day"), items(1.0), "day")["xyz"].tolist() == ["X"]
