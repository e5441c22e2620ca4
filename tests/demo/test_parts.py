"""Distances, feasts and file forms."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.demo.atlas import atlas, kilometres
from planner.demo.catalogue import catalogue
from planner.demo.demand import easter_sunday, weeks_with
from planner.demo.files import write_csv, write_table


@pytest.mark.parametrize(
    ("year", "date"),
    [
        (2000, dt.date(2000, 4, 23)),
        (2024, dt.date(2024, 3, 31)),
        (2025, dt.date(2025, 4, 20)),
        (2026, dt.date(2026, 4, 5)),
        (2038, dt.date(2038, 4, 25)),
    ],
)
def test_easter(year: int, date: dt.date) -> None:
    assert easter_sunday(year) == date


def test_weeks_know_their_holidays_and_paydays() -> None:
    dates = pd.date_range("2025-12-22", periods=2, freq="W-MON", unit="ns")
    holidays, paydays = weeks_with("DE", dates)
    assert holidays.tolist() == [2, 1]
    assert paydays.tolist() == [1, 0]


def test_great_circle() -> None:
    known = atlas().sites
    assert kilometres(known["LEJ"], known["WAW"]) == pytest.approx(603, rel=0.02)
    assert kilometres(known["RTM"], known["RTM"]) == 0


def test_goods_from_overseas_pass_two_ports() -> None:
    known = atlas()
    legs = known.legs(known.suppliers["S-NGBO"].place, known.sites["WAW"])
    assert [leg.mode for leg in legs] == ["road", "sea", "road"]
    assert [leg.destination.code for leg in legs] == ["CNNGB", "PLGDN", "WAW"]
    assert legs[1].customs_days > 0
    assert known.legs(known.sites["RTM"], known.sites["BSL"])[0].customs_days > 0
    assert known.legs(known.sites["RTM"], known.sites["LEJ"])[0].customs_days == 0


def test_seasons_have_a_mean_of_one_and_every_product_a_known_one() -> None:
    book = catalogue()
    assert all(np.isclose(months.mean(), 1) and len(months) == 12 for months in book.seasons.values())
    assert all(product.season in book.seasons for group in book.categories.values() for product in group.products)


def test_csv_says_what_people_expect(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "text": ["a", "", None],
            "whole": [1.0, np.nan, 3.0],
            "share": [0.5, 1.0, np.nan],
            "flag": [True, False, True],
            "day": pd.to_datetime(["2026-03-02", None, "2026-03-03"]),
            "at": pd.to_datetime(["2026-03-02 08:00", None, "2026-03-03 00:00"]),
        }
    )
    write_csv(tmp_path / "t.csv", frame)
    assert (tmp_path / "t.csv").read_text() == (
        "text,whole,share,flag,day,at\n"
        "a,1,0.5,true,2026-03-02,2026-03-02T08:00:00\n"
        ",,1,false,,\n"
        ",3,,true,2026-03-03,2026-03-03T00:00:00\n"
    )


def test_csv_quotes_where_it_must(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sku": ["A", "B"], "text": ["red, large", 'the "best"']})
    write_csv(tmp_path / "t.csv", frame)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), frame, check_dtype=False)


def test_big_tables_become_parts(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sku": pd.Categorical(["A", "B"] * 5), "quantity": np.arange(10.0)})
    write_table(tmp_path, "sales", frame, big=10)
    assert [path.name for path in sorted((tmp_path / "sales").iterdir())] == ["part-00.parquet"]
    assert pd.read_parquet(tmp_path / "sales")["quantity"].tolist() == list(range(10))
