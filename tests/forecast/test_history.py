from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from planner.forecast import build_history
from planner.forecast.history import EMPTY_SHELF, PARTLY_UNKNOWN, RETURNS, bucket_numbers
from planner.forecast.successors import carry_over
from planner.periods import BUCKETS, bucket_range
from tests.forecast.frames import items, sales, stocking, table

AS_OF = dt.date(2024, 3, 6)


def weeks(frame, stocked=None, table=None, **more):
    return build_history(
        frame,
        stocking() if stocked is None else stocked,
        items(*frame["sku"].astype(str).unique()) if table is None else table,
        **{"as_of": AS_OF, "bucket": "week"} | more,
    )


def test_sums_rows_into_weeks_and_fills_missing_ones_with_zero():
    found = weeks(sales([("2024-02-05", "a", "w", 2), ("2024-02-11", "a", "w", 3), ("2024-02-26", "a", "w", 4)]))
    assert found.sold.values.tolist() == [[5, 0, 0, 4]]
    assert [date.date().isoformat() for date in found.sold.dates] == [
        "2024-02-05", "2024-02-12", "2024-02-19", "2024-02-26",
    ]  # fmt: skip
    assert found.demand.values.tolist() == found.sold.values.tolist()
    assert found.in_stock.values.tolist() == [[1, 1, 1, 1]]
    assert found.notes.empty
    assert found.demand.values.dtype == np.float32


def test_the_unfinished_week_and_what_comes_after_are_left_out():
    found = weeks(sales([("2024-02-28", "a", "w", 1), ("2024-03-05", "a", "w", 9), ("2024-03-06", "a", "w", 9)]))
    assert found.sold.values.tolist() == [[1]]


def test_the_days_of_a_daily_history_end_the_day_before():
    found = weeks(sales([("2024-03-04", "a", "w", 1), ("2024-03-05", "a", "w", 9)]), bucket="day")
    assert found.sold.values.tolist() == [[1, 9]]


def test_months_are_complete_months():
    found = weeks(
        sales([("2023-12-31", "a", "w", 1), ("2024-02-05", "a", "w", 9), ("2024-03-01", "a", "w", 5)]), bucket="month"
    )
    assert found.sold.values.tolist() == [[1, 0, 9]]


@pytest.mark.parametrize("bucket", BUCKETS)
def test_numbers_of_buckets_count_on_from_each_other(bucket):
    dates = bucket_range(dt.date(1969, 11, 20), 120, bucket).to_numpy()
    assert np.diff(bucket_numbers(dates, bucket)).tolist() == [1] * 119


def test_series_are_sorted_and_unknown_before_their_first_row():
    found = weeks(sales([("2024-02-19", "b", "w", 1), ("2024-02-05", "b", "v", 2), ("2024-02-12", "a", "w", 3)]))
    assert found.sold.keys.to_numpy().tolist() == [["a", "w"], ["b", "v"], ["b", "w"]]
    nan = np.nan
    np.testing.assert_array_equal(found.sold.values, [[nan, 3, 0, 0], [2, 0, 0, 0], [nan, nan, 1, 0]])


def test_a_series_starts_where_it_is_listed_and_ends_where_it_is_not_any_more():
    found = weeks(
        sales([("2024-02-19", "a", "w", 1), ("2024-02-05", "b", "w", 2), ("2024-02-05", "c", "w", 0)]),
        stocking(
            {"sku": "a", "warehouse": "w", "listed_from": "2024-02-12"},
            {"sku": "b", "warehouse": "w", "listed_to": "2024-02-18"},
            {"sku": "c", "warehouse": "w", "listed_from": "2024-02-19"},
            {"sku": "d", "warehouse": "w"},
        ),
    )
    nan = np.nan
    expected = [[nan, 0, 1, 0], [2, 0, nan, nan], [nan, nan, 0, 0], [nan] * 4]
    np.testing.assert_array_equal(found.sold.values, expected)
    np.testing.assert_array_equal(found.demand.values, expected)


def test_leading_weeks_without_stock_are_no_start():
    frame = sales([(f"2024-02-{day:02d}", "a", "w", sold) for day, sold in ((5, 0), (12, 4), (19, 5))])
    found = weeks(frame.assign(in_stock=[0.0, 1.0, 1.0]))
    np.testing.assert_array_equal(found.demand.values, [[np.nan, 4, 5, 0]])


def test_returns_are_subtracted_and_never_make_demand_negative():
    frame = sales([("2024-02-19", "a", "w", 5), ("2024-02-20", "a", "w", 2), ("2024-02-26", "a", "w", 3)])
    found = weeks(frame.assign(returned=[False, True, True]))
    assert found.sold.values.tolist() == [[3, -3]]
    assert found.demand.values.tolist() == [[3, 0]]
    assert found.notes["reason"].tolist() == [RETURNS]


def test_a_negative_quantity_marked_as_return_is_subtracted_once():
    frame = sales([("2024-02-26", "a", "w", 5), ("2024-02-26", "a", "w", -2)])
    assert weeks(frame.assign(returned=[False, True])).sold.values.tolist() == [[3]]
    assert weeks(frame).sold.values.tolist() == [[3]]


def test_an_unknown_quantity_is_unknown_and_a_partly_unknown_week_is_scaled_up():
    rows = [(f"2024-02-{day:02d}", "a", "w", 2) for day in range(5, 26)] + [("2024-02-26", "a", "w", np.nan)]
    frame = sales(rows)
    frame.loc[2, "quantity"] = np.nan
    found = weeks(frame)
    assert found.sold.values[0].tolist()[:3] == [12, 14, 14]
    assert np.isnan(found.sold.values[0, 3])
    assert np.isnan(found.demand.values[0, 3])
    assert found.demand.values[0, 0] == pytest.approx(14, abs=0.4)
    assert found.notes["reason"].tolist() == [PARTLY_UNKNOWN]


def test_share_in_stock_is_the_mean_over_the_rows_of_a_bucket():
    frame = sales([("2024-02-12", "a", "w", 5), ("2024-02-19", "a", "w", 1), ("2024-02-20", "a", "w", 0)])
    found = weeks(frame.assign(in_stock=[np.nan, 0.5, 0.0]))
    np.testing.assert_allclose(found.in_stock.values, [[1, 0.25, 1]])


def test_an_empty_shelf_is_repaired_and_noted():
    rows = [(f"2024-0{1 + day // 29}-{day % 29 + 1:02d}", "a", "w", 10) for day in range(0, 56, 7)]
    frame = sales(rows).assign(in_stock=1.0)
    frame.loc[3, ["quantity", "in_stock"]] = (0.0, 0.0)
    found = weeks(frame)
    assert found.sold.values[0, 3] == 0
    assert found.demand.values[0, 3] > 8
    assert found.notes[["original", "reason"]].to_numpy().tolist() == [[0.0, EMPTY_SHELF]]
    assert found.notes["adjusted"][0] == pytest.approx(found.demand.values[0, 3])
    others = [column for column in range(found.sold.values.shape[1]) if column != 3]
    np.testing.assert_array_equal(found.demand.values[0, others], found.sold.values[0, others])


def test_a_successor_takes_over_the_history_of_its_predecessor():
    frame = sales([("2024-02-05", "old", "w", 7), ("2024-02-19", "new", "w", 3), ("2024-02-19", "new", "x", 1)])
    table = items("old", "new")
    table.loc[1, "predecessor"] = "old"
    found = weeks(frame, table=table)
    assert found.demand.keys["sku"].tolist() == ["new", "new", "old"]
    np.testing.assert_array_equal(found.demand.values[0], [7, 0, 3, 0])
    np.testing.assert_array_equal(found.sold.values[0], [np.nan, np.nan, 3, 0])
    assert found.notes[["sku", "warehouse"]].drop_duplicates().to_numpy().tolist() == [["new", "w"]]


def test_a_chain_of_predecessors_is_followed_and_a_loop_ignored():
    table = items("a", "b", "c", "x", "y")
    table["predecessor"] = ["", "a", "b", "y", "x"]
    keys = items("a", "b", "c", "x", "y")[["sku"]].assign(warehouse="w").astype(object)
    demand = np.array(
        [[1, 1, 1, 1], [np.nan, 2, 2, 2], [np.nan, np.nan, 3, 3], [np.nan, 4, 4, 4], [5, 5, 5, 5]], np.float32
    )
    carry_over(keys, table, demand, np.array([0, 1, 2, 1, 0]), 52)
    np.testing.assert_array_equal(demand[2], [1, 2, 3, 3])
    np.testing.assert_array_equal(demand[3], [np.nan, 4, 4, 4])


def test_keep_cuts_the_history_and_its_notes():
    frame = sales([("2024-01-01", "a", "w", 5), ("2024-01-08", "a", "w", 5), ("2024-02-26", "a", "w", 4)])
    found = weeks(frame.assign(in_stock=[1.0, 0.0, 1.0]), keep=2)
    assert found.sold.values.tolist() == [[0, 4]]
    assert found.notes.empty
    assert len(weeks(frame.assign(in_stock=[1.0, 0.0, 1.0])).notes) == 1


def test_without_any_sale_there_is_still_a_week_to_plan_from():
    found = weeks(sales([]), stocking({"sku": "a", "warehouse": "w"}))
    assert found.demand.values.shape == (1, 1)
    assert found.demand.dates[0].date() == dt.date(2024, 2, 26)


def test_texts_and_categories_give_the_same_history():
    frame = sales([("2024-02-05", "b", "w", 2), ("2024-02-12", "a", "w", 3)])
    left, right = weeks(frame), weeks(frame.astype({"sku": object, "warehouse": object}))
    assert left.demand.keys.equals(right.demand.keys)
    np.testing.assert_array_equal(left.demand.values, right.demand.values)


def test_a_first_and_a_last_week_seen_in_part_are_estimated():
    rows = [(f"2024-{month}-{day}", sku, "w", 7) for month, day in (("02", "12"), ("02", "19"), ("02", "26"))
            for sku in ("new", "old")]  # fmt: skip
    rows += [("2024-02-09", "new", "w", 2), ("2024-02-05", "old", "w", 7)]
    found = weeks(
        sales(rows),
        stocking(
            {"sku": "new", "warehouse": "w", "listed_from": "2024-02-09"},
            {"sku": "old", "warehouse": "w", "listed_to": "2024-02-27"},
        ),
    )
    new, old = found.demand.values
    assert 5 < new[0] < 8
    assert new[1:].tolist() == [7, 7, 7]
    assert old[:3].tolist() == [7, 7, 7]
    assert old[3] > 10  # 7 in two days
    assert found.notes["reason"].tolist() == ["only part of the bucket"] * 2
    assert found.notes["original"].tolist() == [2, 7]


def test_records_that_begin_within_a_week_make_it_a_part_for_everyone():
    daily = [(day.date().isoformat(), "a", "w", 1.0) for day in pd.date_range("2024-02-09", "2024-03-03")]
    found = weeks(sales(daily))
    assert found.sold.values[0].tolist() == [3, 7, 7, 7]
    assert found.demand.values[0, 0] == pytest.approx(7, abs=0.7)
    booked_on_fridays = [
        (day.date().isoformat(), "a", "w", 5.0) for day in pd.date_range("2024-02-09", "2024-03-03", freq="7D")
    ]
    assert weeks(sales(booked_on_fridays)).notes.empty


def test_a_closed_day_without_sales_is_unknown_and_one_with_sales_counts():
    days = pd.date_range("2024-02-01", "2024-02-20")
    rows = [(day.date().isoformat(), sku, "w", 4.0) for day in days for sku in "ab" if day.day not in (9, 10)]
    rows += [("2024-02-10", "a", "w", 3.0)]
    calendar = table(
        "calendar", [{"country": "DE", "date": date, "closed": True} for date in ("2024-02-09", "2024-02-10")]
    )
    places = table("locations", [{"location": "w", "kind": "store", "country": "DE"}])
    found = build_history(
        sales(rows),
        stocking(),
        items("a", "b"),
        as_of=dt.date(2024, 2, 21),
        bucket="day",
        calendar=calendar,
        locations=places,
    )
    assert np.isnan(found.demand.values[:, 8]).all()
    assert found.demand.values[:, 9].tolist() == [3, 0]
    assert found.sold.values[:, 8].tolist() == [0, 0]
    assert set(found.notes["reason"]) == {"closed that day"}
