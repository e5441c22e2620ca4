"""Drawing on a canvas: shapes as inline SVG, axes with sensible ticks, labels that fit."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pandas as pd
from markupsafe import Markup, escape

from planner.figures import compact

FONT = 11.0
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SIZE = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
Point = tuple[float, float]


def clean(text: object) -> str:
    """Escaped for HTML and XML; signs that XML forbids are dropped."""
    return str(escape(_FORBIDDEN.sub("", str(text))))


def coordinate(value: float) -> str:
    """One decimal is a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def text_width(text: str, size: float = FONT) -> float:
    """Pixels a text takes at most, in the widest of the fonts that the page may find."""
    return size * sum(_sign_width(sign) for sign in text)


def _sign_width(sign: str) -> float:
    if unicodedata.east_asian_width(sign) in "WF":
        return 1.0
    return 0.74 if sign.isupper() or sign in "@%&_" else 0.4 if sign in " .,:;il|'" else 0.64


def fitted(text: str, width: float, size: float = FONT) -> str:
    """The text, or its beginning and an ellipsis where it is wider than `width`."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def ticks(high: float, count: int = 4) -> list[float]:
    """Round values from zero to the first one at or above `high`, about `count` steps."""
    if not high > 0 or not math.isfinite(high):
        return [0.0, 1.0]
    rough = high / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
    return [step * position for position in range(math.ceil(high / step - 1e-9) + 1)]


@dataclass
class Canvas:
    """One drawing; `slug` names it on its page, `title` and `text` say aloud what it shows."""

    width: float
    height: float
    slug: str
    title: str
    text: str
    parts: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, css: str, title: str = "") -> None:
        place = " ".join(
            f'{name}="{coordinate(value)}"'
            for name, value in (("x", x), ("y", y), ("width", max(width, 0)), ("height", max(height, 0)))
        )
        self.parts.append(f'<rect class="{css}" {place}{_end("rect", title)}')

    def line(self, start: Point, end: Point, css: str) -> None:
        self.path([start, end], css)

    def path(self, points: Sequence[Point], css: str, closed: bool = False, title: str = "") -> None:
        if len(points) > 1:
            steps = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in points)
            self.parts.append(f'<path class="{css}" d="M{steps}{"Z" if closed else ""}"{_end("path", title)}')

    def circle(self, x: float, y: float, radius: float, css: str, title: str = "") -> None:
        place = f'cx="{coordinate(x)}" cy="{coordinate(y)}" r="{coordinate(radius)}"'
        self.parts.append(f'<circle class="{css}" {place}{_end("circle", title)}')

    def label(self, x: float, y: float, text: str, css: str = "", anchor: str = "start") -> None:
        known = f' class="{css}"' if css else ""
        side = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(f'<text{known} x="{coordinate(x)}" y="{coordinate(y)}"{side}>{clean(text)}</text>')

    def draw(self, css: str = "") -> Markup:
        names = f"{self.slug}-title {self.slug}-text"
        size = f"0 0 {coordinate(self.width)} {coordinate(self.height)}"
        head = f'<svg xmlns="http://www.w3.org/2000/svg" class="chart {css}" viewBox="{size}" role="img"'
        titles = (
            f'<title id="{self.slug}-title">{clean(self.title)}</title>'
            f'<desc id="{self.slug}-text">{clean(self.text)}</desc>'
        )
        return Markup(f'{head} aria-labelledby="{names}">{titles}{"".join(self.parts)}</svg>')


def _end(name: str, title: str) -> str:
    return f"><title>{clean(title)}</title></{name}>" if title else "/>"


def stacked(charts: Sequence[Markup], slug: str, title: str) -> Markup:
    """Drawings of one width below one another, as one."""
    sizes = [[float(size) for size in _SIZE.findall(chart)[0]] for chart in charts]
    canvas = Canvas(max(size[0] for size in sizes), sum(size[1] for size in sizes), slug, title, "")
    top = 0.0
    for chart, (width, height) in zip(charts, sizes, strict=True):
        place = f'<svg y="{coordinate(top)}" width="{coordinate(width)}" height="{coordinate(height)}" '
        canvas.parts.append(str(chart).replace("<svg ", place, 1))
        top += height
    return canvas.draw()


@dataclass(frozen=True)
class Dates:
    """The days from `first` to `last`, both whole, laid out from `left` to `right`."""

    first: pd.Timestamp
    last: pd.Timestamp
    left: float
    right: float

    @property
    def day(self) -> float:
        return (self.right - self.left) / ((self.last - self.first).days + 1)

    def at(self, date: pd.Timestamp) -> float:
        return self.left + (date - self.first).days * self.day

    def middle(self, date: pd.Timestamp, days: int) -> float:
        return self.at(date) + self.day * days / 2

    def draw(self, canvas: Canvas, top: float, bottom: float, label_y: float) -> None:
        """Hairlines and names of months; days where less than ten weeks are shown. No two names touch."""
        marks = [(self.at(date), name) for date, name in self._marks()]
        for x, _ in marks:
            canvas.line((x, top), (x, bottom), "grid")
        start = f"{self.first.day} {self.first:%b}"
        if not marks or marks[0][0] - self.left > text_width(start) + 10:
            marks = [(self.left, start), *marks]
        free = self.left - 1e9
        for x, name in marks:
            if x >= free and x + text_width(name) <= self.right + 4:
                canvas.label(x + 2, label_y, name, "tick")
                free = x + text_width(name) + 10

    def _marks(self) -> Iterable[tuple[pd.Timestamp, str]]:
        if (self.last - self.first).days < 70:
            first = self.first + pd.Timedelta(days=-self.first.weekday() % 7)
            return [(date, f"{date.day} {date:%b}") for date in pd.date_range(first, self.last, freq="7D")]
        months = pd.date_range(self.first, self.last, freq="MS")
        return [(date, str(date.year) if date.month == 1 else f"{date:%b}") for date in months]


@dataclass(frozen=True)
class Amounts:
    """Amounts from zero at `bottom` to the highest tick at `top`."""

    marks: Sequence[float]
    top: float
    bottom: float

    @classmethod
    def upto(cls, high: float, top: float, bottom: float, count: int = 3) -> Amounts:
        return cls(ticks(high, count), top, bottom)

    def at(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * value / self.marks[-1]

    def draw(self, canvas: Canvas, left: float, right: float) -> None:
        for mark in self.marks:
            canvas.line((left, self.at(mark)), (right, self.at(mark)), "grid" if mark else "zero")
            canvas.label(left - 5, self.at(mark) + 3.5, compact(mark), "tick", "end")
