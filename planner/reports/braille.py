"""A small plot for a terminal: lines of braille dots over a shaded band, an axis, and marks below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.figures import compact
from planner.reports.svg import ticks

Floats = npt.NDArray[np.float64]

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BAND = "░"


@dataclass(frozen=True)
class Plot:
    """`lines` are drawn over `dates`, each of that length, NaN where nothing is; `low` to `high` is shaded.

    `marks` has one sign a date ("" for none), drawn on a row of its own under the axis.
    """

    dates: pd.DatetimeIndex
    lines: Sequence[Floats]
    low: Floats | None = None
    high: Floats | None = None
    marks: Sequence[str] = ()

    def draw(self, width: int = 72, height: int = 8) -> list[str]:
        """Rows of text, at most `width` signs wide, `height` of them for the plot itself."""
        known = [line for line in (*self.lines, self.high) if line is not None and len(line)]
        top = ticks(max((float(np.nanmax(line)) for line in known if not np.isnan(line).all()), default=0.0), 2)
        labels = [compact(value) for value in top]
        gutter = max(len(label) for label in labels) + 1
        wide = max(width - gutter - 1, 10)
        canvas = _Canvas(wide, height, len(self.dates), top[-1])
        if self.low is not None and self.high is not None:
            canvas.shade(self.low, self.high)
        for line in self.lines:
            canvas.line(line)
        rows = [f"{'':>{gutter}}│{row}" for row in canvas.rows()]
        for value, label in zip(top, labels, strict=True):
            place = height - 1 - round(value / top[-1] * (height - 1))
            rows[place] = f"{label:>{gutter - 1}} ┤{rows[place][gutter + 1 :]}"
        rows.append(f"{'':>{gutter}}└{'─' * wide}")
        if any(self.marks):
            rows.append(f"{'':>{gutter + 1}}{canvas.place(self.marks)}".rstrip())
        rows.append(f"{'':>{gutter + 1}}{self._axis(wide)}".rstrip())
        return rows

    def _axis(self, wide: int) -> str:
        """First and last date, and what fits between."""
        text = [" "] * wide
        count = len(self.dates)
        free = 0
        last = _day(self.dates[-1]) if count else ""
        for number in range(count):
            place = round(number * (wide - 1) / max(count - 1, 1))
            name = _day(self.dates[number])
            if place >= free and place + len(name) < wide - len(last) - 2:
                text[place : place + len(name)] = name
                free = place + max(len(name) + 4, wide // 5)
        text[wide - len(last) :] = last
        return "".join(text)


class _Canvas:
    """Cells of braille, each 2 dots wide and 4 high, over `count` points from 0 to `top`."""

    def __init__(self, wide: int, high: int, count: int, top: float) -> None:
        self.cells = np.zeros((high, wide), dtype=np.int64)
        self.band = np.zeros((high, wide), dtype=bool)
        self.wide, self.high, self.count, self.top = wide, high, count, top

    def line(self, values: Floats) -> None:
        """Neighbouring known values are joined."""
        before: tuple[int, int] | None = None
        for number, value in enumerate(values):
            if np.isnan(value):
                before = None
                continue
            here = (self._dot(number), self._row(value))
            for x, y in _between(before or here, here):
                self.cells[y // 4, x // 2] |= _DOTS[y % 4][x % 2]
            before = here

    def shade(self, low: Floats, high: Floats) -> None:
        for column in range(self.wide):
            number = round(column * (self.count - 1) / max(self.wide - 1, 1))
            if not (np.isnan(low[number]) or np.isnan(high[number])):
                self.band[self._row(high[number]) // 4 : self._row(low[number]) // 4 + 1, column] = True

    def place(self, marks: Sequence[str]) -> str:
        text = [" "] * self.wide
        for number, mark in enumerate(marks):
            if mark:
                text[self._dot(number) // 2] = mark
        return "".join(text)

    def rows(self) -> list[str]:
        blank = np.where(self.band, _BAND, " ")
        return [
            "".join(chr(0x2800 + dots) if dots else empty for dots, empty in zip(row, back, strict=True))
            for row, back in zip(self.cells.tolist(), blank.tolist(), strict=True)
        ]

    def _dot(self, number: int) -> int:
        return round(number * (2 * self.wide - 1) / max(self.count - 1, 1))

    def _row(self, value: float) -> int:
        share = min(max(value / self.top, 0.0), 1.0) if self.top else 0.0
        return round((1 - share) * (4 * self.high - 1))


def _between(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    """Every dot of the straight line from start to end."""
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    return [
        (round(start[0] + (end[0] - start[0]) * step / steps), round(start[1] + (end[1] - start[1]) * step / steps))
        for step in range(steps + 1)
    ]


def _day(date: pd.Timestamp) -> str:
    return date.strftime("%Y-%m-%d")
