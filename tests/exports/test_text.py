"""A frame as CSV text: what other programs must be able to read."""

from __future__ import annotations

import csv
import datetime as dt
import io
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.exports import frame_to_csv


def cells(frame: pd.DataFrame) -> list[list[str]]:
    return list(csv.reader(io.StringIO(frame_to_csv(frame))))


def test_numbers_are_plain() -> None:
    values = [12.0, 0.00001, 0.1 + 0.2, -1e-9, 1234567.125, math.nan, math.inf, 5e14]
    found = [row[1] for row in cells(pd.DataFrame({"n": range(8), "value": values}))[1:]]
    assert found == ["12", "0.00001", "0.3", "0", "1234567.125", "", "", "500000000000000"]


def test_numbers_beyond_any_decimal_are_still_plain() -> None:
    assert frame_to_csv(pd.DataFrame({"value": [1e300, 2.5, math.nan]})).splitlines()[1:] == [
        f"{1e300:.0f}",
        "2.5",
        '""',
    ]


def test_dates_are_iso() -> None:
    days = pd.to_datetime(["2026-03-02", None])
    times = pd.to_datetime(["2026-03-02 07:30", "2026-03-03 00:00"])
    frame = pd.DataFrame({"day": days, "time": times, "mixed": [dt.date(2026, 3, 2), pd.Timestamp("2026-03-02")]})
    assert (
        frame_to_csv(frame)
        == "day,time,mixed\n2026-03-02,2026-03-02T07:30:00,2026-03-02\n,2026-03-03T00:00:00,2026-03-02\n"
    )


def test_flags_and_whole_numbers() -> None:
    frame = pd.DataFrame({"flag": [True, False], "count": [1, -20], "maybe": pd.array([1, None], dtype="Int64")})
    assert frame_to_csv(frame) == "flag,count,maybe\ntrue,1,1\nfalse,-20,\n"


def test_mixed_cells_are_not_confused() -> None:
    frame = pd.DataFrame({"a": pd.Series([True, 1, 1.0, "x", None, np.bool_(False)], dtype=object), "b": range(6)})
    assert [row[0] for row in cells(frame)[1:]] == ["true", "1", "1", "x", "", "false"]


def test_categories_are_texts() -> None:
    frame = pd.DataFrame({"sku": pd.Categorical(["b", "a", None, "b"]), "n": range(4)})
    assert [row[0] for row in cells(frame)[1:]] == ["b", "a", "", "b"]


def test_quotes_only_where_they_are_needed() -> None:
    frame = pd.DataFrame({'na"me': ["plain", "with, comma", 'with "quote"', "two\nlines"], "n": range(4)})
    assert frame_to_csv(frame).startswith('"na""me",n\nplain,0\n"with, comma",1\n"with ""quote""",2\n"two\nlines",3\n')


def test_texts_that_differ_only_behind_a_zero_byte_stay_apart() -> None:
    assert frame_to_csv(pd.DataFrame({"a": ["x", "x\x00y", None], "n": range(3)})) == "a,n\nx,0\nx\x00y,1\n,2\n"


def test_no_byte_order_mark_and_foreign_scripts() -> None:
    assert frame_to_csv(pd.DataFrame({"sku": ["茶", "Öl"]})).encode() == "sku\n茶\nÖl\n".encode()


def test_an_empty_frame_has_its_header() -> None:
    assert frame_to_csv(pd.DataFrame(columns=["sku", "week"])) == "sku,week\n"
    assert frame_to_csv(pd.DataFrame()) == "\n"


def test_a_frame_longer_than_one_block_is_whole() -> None:
    frame = pd.DataFrame({"n": np.arange(450_001), "x": 0.5})
    text = frame_to_csv(frame)
    assert text.count("\n") == 450_002
    assert text.endswith("\n450000,0.5\n")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(), st.floats(-1e9, 1e9)), min_size=1, max_size=8))
def test_what_is_written_is_read_again(rows: list[tuple[str, float]]) -> None:
    found = cells(pd.DataFrame(rows, columns=["text", "value"]))
    assert [row[0] for row in found[1:]] == [text for text, _ in rows]
    assert [float(row[1]) for row in found[1:]] == pytest.approx([value for _, value in rows], abs=1e-6)
    assert not any("e" in row[1].lower() for row in found[1:])
