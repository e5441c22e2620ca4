from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.forecast import cumulate, weekly
from planner.forecast.cumulative import BETWEEN_WAREHOUSES
from planner.tables import QUANTILE_COLUMNS

KEYS = [("a", "v"), ("a", "w"), ("b", "w")]
VALUES = ["mean", "variance", "base", "campaign"]


def forecast(dates: pd.DatetimeIndex, mean: float = 7.0) -> pd.DataFrame:
    """Three series whose mean differs and rises from bucket to bucket."""
    rows = [
        (sku, warehouse, date, mean * (number + 1) + step)
        for number, (sku, warehouse) in enumerate(KEYS)
        for step, date in enumerate(dates)
    ]
    frame = pd.DataFrame(rows, columns=["sku", "warehouse", "date", "mean"]).astype(
        {"sku": object, "warehouse": object}
    )
    return frame.assign(variance=2 * frame["mean"], base=frame["mean"] - 1, campaign=1.0)


def series(whole: bool = True) -> pd.DataFrame:
    frame = pd.DataFrame(KEYS, columns=["sku", "warehouse"], dtype=object)
    return frame.assign(demand_class=np.array(["smooth", "smooth", "lumpy"], dtype=object), whole=whole)


def dependence(days: float = 7.0, smooth: float = 0.1, lumpy: float = 0.0) -> pd.DataFrame:
    steps = np.arange(1, 53)
    return pd.concat(
        [
            pd.DataFrame(
                {"demand_class": name, "buckets": steps, "inflation": 1 + (steps - 1) * rate, "days": steps * days}
            )
            for name, rate in (("lumpy", lumpy), ("smooth", smooth))
        ],
        ignore_index=True,
    )


def windows(weeks: int = 3, members: str = "", keys=KEYS) -> pd.DataFrame:
    return pd.DataFrame(keys, columns=["sku", "warehouse"], dtype=object).assign(weeks=weeks, members=members)


def of_weeks(count: int = 6) -> pd.DataFrame:
    dates = pd.date_range("2024-03-04", periods=count, freq="W-MON", unit="ns")
    return weekly(forecast(dates), series(), dependence(), "week")


def test_weeks_stay_as_they_are():
    dates = pd.date_range("2024-03-04", periods=4, freq="W-MON", unit="ns")
    found = weekly(forecast(dates), series(), dependence(), "week")
    assert list(found.columns) == ["sku", "warehouse", "week", *VALUES]
    np.testing.assert_array_equal(found[VALUES], forecast(dates)[VALUES])


def test_days_are_summed_into_weeks_and_their_variance_is_inflated():
    dates = pd.date_range("2024-03-06", periods=14, freq="D", unit="ns")
    days = forecast(dates)
    found = weekly(days, series(), dependence(1.0), "day")
    assert found["week"].unique().tolist() == pd.date_range("2024-03-04", periods=3, freq="W-MON", unit="ns").tolist()
    for name in ("mean", "base", "campaign"):
        assert found[name].sum() == pytest.approx(days[name].sum())
    first = days[(days["sku"] == "a") & (days["warehouse"] == "v")]
    assert found["variance"][1] == pytest.approx(first["variance"].iloc[5:12].sum() * 1.6)
    assert found["variance"][0] == pytest.approx(first["variance"].iloc[:5].sum() * 1.4)
    lumpy = days[days["sku"] == "b"]
    assert found["variance"].iloc[-2] == pytest.approx(lumpy["variance"].iloc[5:12].sum())


def test_months_are_split_over_their_days():
    dates = pd.date_range("2024-02-01", periods=2, freq="MS", unit="ns")
    months = forecast(dates, 29.0)
    found = weekly(months, series(), dependence(30.4), "month")
    for name in VALUES:
        assert found[name].sum() == pytest.approx(months[name].sum())
    whole_week = found[(found["sku"] == "a") & (found["warehouse"] == "v") & (found["week"] == "2024-02-05")]
    assert whole_week["mean"].item() == pytest.approx(29.0 / 29 * 7)
    assert found["week"].min() == pd.Timestamp("2024-01-29")


def test_a_window_ends_with_each_week_and_is_cut_at_the_first():
    weeks = of_weeks()
    found = cumulate(weeks, series(), dependence(), windows(3))
    assert len(found) == 18
    first = found.iloc[:6]
    means = weeks["mean"].iloc[:6].to_numpy()
    np.testing.assert_allclose(first["mean"], [means[max(0, end - 2) : end + 1].sum() for end in range(6)])
    assert first["to_date"].tolist() == weeks["week"].iloc[:6].tolist()
    assert first["from_date"].tolist() == [weeks["week"].iloc[max(0, end - 2)] for end in range(6)]


def test_the_variance_of_a_sum_is_inflated_by_its_class_and_length():
    weeks = of_weeks()
    found = cumulate(weeks, series(), dependence(), windows(3))
    sums = [weeks["variance"].iloc[start : start + 3].sum() for start in (0, 12)]
    assert found["variance"].iloc[0] == pytest.approx(weeks["variance"].iloc[0])
    assert found["variance"].iloc[2] == pytest.approx(1.2 * sums[0])
    assert found["variance"].iloc[14] == pytest.approx(sums[1])


def test_dependence_of_days_is_not_counted_twice():
    """A week of days is inflated already; a sum of weeks only by what the longer sum adds."""
    found = cumulate(of_weeks(), series(), dependence(1.0), windows(3))
    weeks = of_weeks()
    assert found["variance"].iloc[2] == pytest.approx(weeks["variance"].iloc[:3].sum() * (1 + 20 * 0.1) / (1 + 6 * 0.1))


def test_a_dc_sums_the_warehouses_that_it_feeds():
    found = cumulate(of_weeks(), series(), dependence(), windows(2, "v|w", [("a", "dc")]))
    alone = cumulate(of_weeks(), series(), dependence(), windows(2, "", KEYS[:2]))
    one, two = alone.iloc[:6].reset_index(drop=True), alone.iloc[6:].reset_index(drop=True)
    np.testing.assert_allclose(found["mean"], one["mean"] + two["mean"])
    expected = one["variance"] + two["variance"] + 2 * BETWEEN_WAREHOUSES * np.sqrt(one["variance"] * two["variance"])
    np.testing.assert_allclose(found["variance"], expected)
    assert found["warehouse"].unique().tolist() == ["dc"]


def test_what_is_not_forecast_has_no_demand():
    found = cumulate(of_weeks(), series(), dependence(), windows(2, "x|y", [("a", "dc")]))
    assert len(found) == 6
    assert found[["mean", "variance", *QUANTILE_COLUMNS]].to_numpy().sum() == 0
    assert len(cumulate(of_weeks(), series(), dependence(), windows(keys=[]))) == 0


def test_windows_longer_than_the_horizon_hold_everything():
    weeks = of_weeks()
    found = cumulate(weeks, series(), dependence(), windows(40))
    assert found["mean"].iloc[5] == pytest.approx(weeks["mean"].iloc[:6].sum())


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 8), st.integers(1, 9), st.floats(0, 0.5), st.booleans())
def test_sums_and_quantiles_hold_for_every_window(count, length, rate, whole):
    weeks = of_weeks(count)
    found = cumulate(weeks, series(whole), dependence(smooth=rate), windows(length))
    quantile = found[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(quantile, axis=1) >= 0).all()
    assert (quantile >= 0).all()
    table = weeks["mean"].to_numpy().reshape(3, count)
    expected = [[row[max(0, end + 1 - length) : end + 1].sum() for end in range(count)] for row in table]
    np.testing.assert_allclose(found["mean"].to_numpy().reshape(3, count), expected)


def test_order_of_input_does_not_matter():
    weeks = of_weeks()
    left = cumulate(weeks, series(), dependence(), windows())
    right = cumulate(weeks.sample(frac=1, random_state=1), series(), dependence(), windows().iloc[::-1])
    pd.testing.assert_frame_equal(left, right, check_exact=True)
