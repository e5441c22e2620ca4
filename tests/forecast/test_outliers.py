"""One-off spikes: planted ones are found, and what may come again is left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.forecast.occasions import had_event, touched, was_cheaper, was_unusual
from planner.forecast.outliers import find_outliers
from tests.forecast.frames import panel, sales, table

BUCKETS = 120


def poisson(series: int = 40, mean: float = 20.0, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, (series, BUCKETS)).astype(np.float32)


def alone(series: int) -> pd.DataFrame:
    return pd.DataFrame({"category": [f"c{row}" for row in range(series)]})


def found(values: np.ndarray, groups: pd.DataFrame | None = None, **options):
    return find_outliers(panel(values), alone(len(values)) if groups is None else groups, "week", **options)


@pytest.mark.parametrize("mean", [0.3, 2.0, 20.0, 500.0])
def test_plain_noise_holds_no_spike(mean):
    assert found(poisson(200, mean)).notes.empty


@pytest.mark.parametrize(("mean", "spike"), [(3.0, 40), (20.0, 120), (500.0, 2500)])
def test_a_planted_spike_goes_to_its_level_and_is_kept_beside_it(mean, spike):
    values = poisson(40, mean)
    place = np.random.default_rng(5).integers(15, BUCKETS - 3, 40)
    values[np.arange(40), place] = spike
    result = found(values)
    assert len(result.notes) >= 39
    assert (result.notes["original"] == spike).all()
    assert result.notes["adjusted"].mean() == pytest.approx(mean, rel=0.15)
    row, column = np.nonzero(result.cleaned.values != values)
    assert (column == place[row]).all()


def test_a_sporadic_series_is_judged_by_its_other_sizes():
    values = np.zeros((2, BUCKETS), np.float32)
    values[:, ::6] = 10
    values[0, 60], values[1, 60] = 35, 90
    assert found(values).notes["sku"].tolist() == ["s0001"]


def test_a_change_of_level_a_start_and_the_last_weeks_are_not_one_off():
    values = poisson(5)
    values[0, 60:] += 300
    values[1, :50] = np.nan
    values[1, 50] = 300
    values[2, -1] = 300
    values[3, -2] = 300
    values[4, 70:72] = 300  # two weeks long
    assert found(values).notes.empty


def test_a_spike_that_comes_back_next_year_is_a_season():
    values = poisson(2)
    values[:, 30] = 150
    values[0, 81] = 120
    notes = found(values).notes
    assert set(notes.loc[notes["sku"] == "s0000", "kept"]) == {"it comes again at this time of the year"}
    assert notes.loc[notes["sku"] == "s0001", "kept"].tolist() == [""]


def test_what_many_do_together_is_an_event():
    values = poisson(20)
    values[:4, 60] = 150
    values[19, 90] = 150
    together = pd.DataFrame({"category": ["c"] * 20})
    notes = found(values, together).notes
    assert notes.loc[notes["kept"] == "", "sku"].tolist() == ["s0019"]
    assert (notes["kept"] == "several of its group jumped together").sum() == 4


def test_known_occasions_are_left_alone():
    values = poisson(3)
    values[:, 60] = 150
    result = found(values, known=lambda cells: (cells["sku"] == "s0001").to_numpy())
    assert result.notes.set_index("sku")["kept"].tolist() == ["", "something known happened then", ""]
    assert result.cleaned.values[1, 60] == 150


def test_nothing_comes_of_nothing():
    for values in (np.full((3, 30), np.nan), np.zeros((3, 30)), np.zeros((0, 30)), np.full((1, 1), 9.0)):
        assert found(values.astype(np.float32)).notes.empty


def cells(*rows: tuple[str, str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["sku", "warehouse", "date"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


PLACES = table("locations", [{"location": "w", "kind": "store", "country": "DE"}, {"location": "v", "kind": "store"}])


def test_events_of_the_country_or_of_the_place():
    calendar = table(
        "calendar",
        [
            {"country": "DE", "date": "2024-02-14", "kind": "event"},
            {"country": "v", "date": "2024-02-20", "kind": "closure"},
            {"country": "DE", "date": "2024-02-28", "kind": "payday"},
        ],
    )
    asked = cells(
        ("a", "w", "2024-02-12"), ("a", "v", "2024-02-12"), ("a", "v", "2024-02-19"), ("a", "w", "2024-02-26")
    )
    assert had_event(asked, calendar, PLACES, "week").tolist() == [True, False, True, False]


def test_a_lower_price_is_a_reason():
    rows = sales(
        [("2024-02-05", "a", "w", 5), ("2024-02-12", "a", "w", 50), ("2024-02-19", "a", "w", 5)],
        unit_price=[10.0, 8.0, 10.0],
    )
    asked = cells(("a", "w", "2024-02-12"), ("a", "w", "2024-02-19"), ("b", "w", "2024-02-12"))
    assert was_cheaper(asked, rows, "week").tolist() == [True, False, False]
    always = rows.assign(unit_price=8.0, list_price=[8.0, 10.0, 8.0])
    assert was_cheaper(asked, always, "week").tolist() == [True, False, False]
    assert not was_cheaper(asked, rows.drop(columns="unit_price"), "week").any()


def test_a_driver_that_was_not_as_usual_is_a_reason():
    days = pd.date_range("2024-01-01", periods=60)
    values = [float(day == pd.Timestamp("2024-02-14")) for day in days]
    rows = [{"name": "activity", "date": day, "value": value, "sku": "a", "warehouse": "w"}
            for day, value in zip(days, values, strict=True)]  # fmt: skip
    rows += [
        {"name": "heat", "date": day, "value": 40.0 if day.day == 20 else day.day % 3, "country": "DE"} for day in days
    ]
    drivers = table("drivers", rows)
    asked = cells(
        ("a", "w", "2024-02-14"), ("b", "w", "2024-02-14"), ("b", "w", "2024-02-20"), ("b", "v", "2024-02-20")
    )
    assert was_unusual(asked, drivers, PLACES, "day").tolist() == [True, False, True, False]


def test_cells_that_a_stage_changed():
    before, after = panel([[1, 2, 3]]), panel([[1, 9, 3]])
    asked = cells(("s0000", "w", "2021-01-04"), ("s0000", "w", "2021-01-11"))
    assert touched(asked, before, after).tolist() == [False, True]
