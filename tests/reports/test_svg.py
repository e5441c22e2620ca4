"""Axes and labels: sensible ticks, texts that fit, drawings that are valid XML."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.reports.svg import Amounts, Canvas, Dates, fitted, text_width, ticks

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(
    ("high", "marks"),
    [
        (10.0, [0, 2.5, 5, 7.5, 10]),
        (7.0, [0, 2, 4, 6, 8]),
        (1300.0, [0, 500, 1000, 1500]),
        (0.0, [0, 1]),
        (float("nan"), [0, 1]),
    ],
)
def test_ticks_are_round(high: float, marks: list[float]) -> None:
    assert ticks(high) == pytest.approx(marks)


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-6, 1e12))
def test_ticks_reach_the_highest_value(high: float) -> None:
    found = ticks(high)
    assert found[0] == 0
    assert found[-1] >= high * (1 - 1e-6)
    assert 2 <= len(found) <= 7


def test_a_long_text_is_shortened_to_fit() -> None:
    assert fitted("short", 100) == "short"
    assert fitted("a very long name of a place", 60).endswith("…")
    assert text_width(fitted("a very long name of a place", 60)) <= 60
    assert text_width("東京") > text_width("ab")


@pytest.mark.parametrize("days", [7, 28, 60, 90, 400, 2000])
def test_names_of_dates_never_touch(days: int) -> None:
    canvas = Canvas(360, 100, "c", "t", "d")
    first = pd.Timestamp("2026-03-02")
    Dates(first, first + pd.Timedelta(days=days - 1), 38, 354).draw(canvas, 0, 90, 95)
    drawn = ElementTree.fromstring(str(canvas.draw()))
    labels = [(float(label.attrib["x"]), label.text or "") for label in drawn.iter(f"{SVG}text")]
    assert labels
    for (x, text), (following, _) in pairwise(labels):
        assert x + text_width(text, 10.5) <= following
    assert labels[-1][0] + text_width(labels[-1][1], 10.5) <= 360


def test_amounts_run_upwards() -> None:
    amounts = Amounts.upto(90, top=10, bottom=110)
    assert amounts.at(0) == 110
    assert amounts.at(amounts.marks[-1]) == 10


def test_hostile_texts_stay_texts() -> None:
    canvas = Canvas(100, 100, "c", "<script>alert(1)</script>", "a & b\x00\x1b")
    canvas.label(1, 1, "</text><script>")
    canvas.rect(0, 0, -5, 3, "x", title='"quoted" <b>')
    drawn = ElementTree.fromstring(str(canvas.draw()))
    assert drawn.find(f"{SVG}title").text == "<script>alert(1)</script>"  # type: ignore[union-attr]
    assert drawn.find(f"{SVG}desc").text == "a & b"  # type: ignore[union-attr]
    assert not list(drawn.iter(f"{SVG}script"))
    assert drawn.find(f"{SVG}rect").attrib["width"] == "0"  # type: ignore[union-attr]
