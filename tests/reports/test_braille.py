"""The plot for the terminal: where lines, band and marks lie."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.reports.braille import Plot


def dates(count: int) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-01", periods=count, freq="7D")


def test_a_rising_line_goes_from_the_bottom_left_to_the_top_right():
    rows = Plot(dates(50), [np.linspace(0, 100, 50)]).draw(40, 6)
    body = [row.split("┤")[-1].split("│")[-1] for row in rows[:6]]
    assert body[0].rstrip()[-1] != " "
    assert body[0].startswith(" " * 20)
    assert body[5][0] != " "
    assert body[5].rstrip() == body[5].rstrip()[:12]
    assert "100" in rows[0]
    assert rows[-1].split() == ["2024-01-01", "2024-12-09"]
    assert all(len(row) <= 40 for row in rows)


def test_gaps_stay_empty_and_marks_stand_under_their_bucket():
    values = np.array([5.0, 5.0, np.nan, np.nan, 5.0])
    rows = Plot(dates(5), [values], marks=["", "", "o", "", "x"]).draw(30, 3)
    assert rows[4].index("o") < rows[4].index("x") == len(rows[4]) - 1
    line = max(rows[:3], key=lambda row: sum("\u2801" <= sign <= "\u28ff" for sign in row))
    assert "  " in line.rstrip()[8:]


def test_the_band_is_shaded_where_it_is_known():
    low, high = np.array([np.nan, 1.0, 1.0]), np.array([np.nan, 3.0, 3.0])
    rows = Plot(dates(3), [np.array([2.0, 2.0, 2.0])], low, high).draw(30, 4)
    assert any("░" in row for row in rows)


def test_nothing_known_is_drawn_as_an_empty_plot():
    for values in (np.full(4, np.nan), np.zeros(4), np.array([7.0])):
        assert len(Plot(dates(len(values)), [values]).draw(30, 3)) == 5
