"""The charts of the report. Each takes plain frames or lists and gives one inline SVG drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup

from planner.figures import compact, number, written
from planner.reports.frames import rows_of
from planner.reports.svg import Amounts, Canvas, Dates, fitted, text_width

CARD = 360.0
_LEFT, _RIGHT = 38.0, 6.0


@dataclass(frozen=True)
class SeriesChart:
    """What the card of one series shows. `history`: date, demand. `forecast`: date, mean, base, quantiles.

    `plan`: week, closing, target, receipts, expected_shortage. Each may be empty; `days` is the length of a bucket.
    """

    name: str
    history: pd.DataFrame
    forecast: pd.DataFrame
    plan: pd.DataFrame
    days: int
    now: pd.Timestamp


def series_chart(chart: SeriesChart, slug: str) -> Markup:
    """Demand fan above, stock projection below, one time axis."""
    stock = len(chart.plan) > 0
    canvas = Canvas(CARD, 262 if stock else 172, slug, f"Demand and stock of {chart.name}", _series_text(chart))
    dates = _span(chart)
    dates.draw(canvas, 16, canvas.height - 18, canvas.height - 5)
    _demand_panel(canvas, chart, dates)
    if stock:
        _stock_panel(canvas, chart, dates)
    x = dates.at(chart.now)
    canvas.line((x, 6), (x, canvas.height - 18), "now")
    return canvas.draw("card-chart")


def _span(chart: SeriesChart) -> Dates:
    starts = [frame[column].min() for frame, column in _dated(chart) if len(frame)]
    ends = [frame[column].max() + pd.Timedelta(days=days - 1) for (frame, column), days in zip(
        _dated(chart), (chart.days, chart.days, 7), strict=True) if len(frame)]  # fmt: skip
    return Dates(min([*starts, chart.now]), max([*ends, chart.now]), _LEFT, CARD - _RIGHT)


def _dated(chart: SeriesChart) -> list[tuple[pd.DataFrame, str]]:
    return [(chart.history, "date"), (chart.forecast, "date"), (chart.plan, "week")]


def _demand_panel(canvas: Canvas, chart: SeriesChart, dates: Dates) -> None:
    """Bands of .05-.95 and .25-.75, the mean, the campaign's part between base and mean, and the past as a line."""
    forecast, past = chart.forecast, chart.history.dropna(subset=["demand"])
    high = max([0.0, *forecast["q0.95"].dropna(), *forecast["mean"].dropna(), *past["demand"]])
    amounts = Amounts.upto(high, 18, 144 if len(chart.plan) else canvas.height - 18)
    amounts.draw(canvas, _LEFT, CARD - _RIGHT)
    canvas.label(_LEFT, 9, "Demand, units", "axis")
    x = [dates.middle(date, chart.days) for date in forecast["date"]]

    def line(column: str) -> list[tuple[float, float]]:
        return [(at, amounts.at(value)) for at, value in zip(x, forecast[column], strict=True) if value == value]

    for low, top, css in (("q0.05", "q0.95", "band-wide"), ("q0.25", "q0.75", "band")):
        canvas.path([*line(low), *reversed(line(top))], css, closed=True)
    if (forecast["campaign"].abs() > 1e-9).any():
        canvas.path([*line("base"), *reversed(line("mean"))], "campaign-area", closed=True)
        canvas.path(line("base"), "base-line")
    canvas.path([(dates.middle(date, chart.days), amounts.at(value))
                 for date, value in zip(past["date"], past["demand"], strict=True)], "past-line")  # fmt: skip
    canvas.path(line("mean"), "mean-line")


def _stock_panel(canvas: Canvas, chart: SeriesChart, dates: Dates) -> None:
    """Closing stock as an area, its target as a dashed line, receipts as bars, expected shortage as bars on top."""
    plan = chart.plan
    high = max([0.0, *plan["closing"].dropna(), *plan["target"].dropna(), *plan["receipts"].dropna()])
    amounts = Amounts.upto(high, 172, canvas.height - 18)
    amounts.draw(canvas, _LEFT, CARD - _RIGHT)
    canvas.label(_LEFT, 163, "Stock, units", "axis")
    middle = [dates.middle(week, 7) for week in plan["week"]]
    closing = [(x, amounts.at(value)) for x, value in zip(middle, plan["closing"], strict=True) if value == value]
    if closing:
        floor = amounts.bottom
        canvas.path([(closing[0][0], floor), *closing, (closing[-1][0], floor)], "stock-area", closed=True)
    for row in rows_of(plan):
        if row.receipts > 0:
            x, y = dates.at(row.week) + dates.day, amounts.at(row.receipts)
            canvas.rect(
                x,
                y,
                dates.day * 5,
                amounts.bottom - y,
                "receipt",
                f"{row.week.date()}: {number(row.receipts)} received",
            )
    canvas.path(
        [(x, amounts.at(value)) for x, value in zip(middle, plan["target"], strict=True) if value == value],
        "target-line",
    )
    canvas.path(closing, "stock-line")
    for row in rows_of(plan):
        if row.expected_shortage > 0.02 * max(row.demand, 1.0):
            height = max((amounts.bottom - amounts.top) * min(row.expected_shortage / amounts.marks[-1], 1.0), 4.0)
            title = f"{row.week.date()}: {number(row.expected_shortage)} expected short"
            canvas.rect(dates.at(row.week) + dates.day, amounts.bottom - height, dates.day * 5, height, "short", title)


def _series_text(chart: SeriesChart) -> str:
    parts = []
    if len(chart.forecast):
        total, campaign = chart.forecast["mean"].sum(), chart.forecast["campaign"].sum()
        parts.append(f"{number(total)} units of demand expected, {number(campaign)} of it for campaigns.")
    if len(chart.plan):
        parts.append(
            f"{number(chart.plan['receipts'].sum())} units received, "
            f"{number(chart.plan['expected_shortage'].sum())} expected short."
        )
    return " ".join(parts)


@dataclass(frozen=True)
class Row:
    """One row of the timeline: bars by week, `part` of each shaded as the campaign's, or spans with a name."""

    label: str
    unit: str
    bars: Sequence[tuple[pd.Timestamp, float]] = ()
    part: Sequence[tuple[pd.Timestamp, float]] = ()
    spans: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]] = ()
    css: str = "demand"
    currency: str = ""


def timeline(rows: Sequence[Row], first: pd.Timestamp, last: pd.Timestamp, slug: str, narrow: bool = False) -> Markup:
    """Rows of bars over one axis of weeks: from the campaign to the demand, the orders, the trucks."""
    width, gutter = (CARD, 8.0) if narrow else (1120.0, 172.0)
    heights = [_row_height(row, narrow) for row in rows]
    canvas = Canvas(width, sum(heights) + 26, slug, "The weeks of the plan", "; ".join(_row_text(row) for row in rows))
    dates = Dates(first, last, gutter, width - 8)
    dates.draw(canvas, 18, canvas.height - 4, 12)
    for start, end, _ in [span for row in rows for span in row.spans]:
        left, right = max(dates.at(start), dates.left), min(dates.at(end + pd.Timedelta(days=1)), dates.right)
        canvas.rect(left, 22, right - left, canvas.height - 26, "reach")
    top = 22.0
    for row, height in zip(rows, heights, strict=True):
        canvas.line((0, top), (width, top), "rule")
        _row_label(canvas, row, top, narrow)
        body = top + (20 if narrow else 10)
        if row.spans:
            _spans(canvas, row, dates, body)
        else:
            _bars(canvas, row, dates, body, top + height - 4)
        top += height
    return canvas.draw("narrow" if narrow else "wide")


def _row_height(row: Row, narrow: bool) -> float:
    return (24 if narrow else 14) + (20.0 * len(row.spans) if row.spans else 46.0)


def _row_label(canvas: Canvas, row: Row, top: float, narrow: bool) -> None:
    peak = max((value for _, value in row.bars), default=0.0)
    most = (
        f"up to {written(peak, row.unit, row.currency)}{' units' if row.unit == 'units' else ''} a week"
        if row.bars
        else ""
    )
    canvas.label(0, top + (14 if narrow else 24), row.label, "row-label")
    if narrow:
        canvas.label(canvas.width - 4, top + 14, most, "tick", "end")
    else:
        canvas.label(0, top + 40, most, "tick")


def _row_text(row: Row) -> str:
    if row.spans:
        return f"{row.label}: " + ", ".join(f"{name} {start.date()} to {end.date()}" for start, end, name in row.spans)
    total = sum(value for _, value in row.bars)
    return f"{row.label}: {written(total, row.unit, row.currency)} in all"


def _bars(canvas: Canvas, row: Row, dates: Dates, top: float, bottom: float) -> None:
    high = max((value for _, value in row.bars), default=0.0)
    part = dict(row.part)
    scale = (bottom - top) / high if high > 0 else 0.0
    width = max(dates.day * 7 - max(dates.day, 1.0), 1.5)
    for week, value in row.bars:
        if value > 0:
            x, height = dates.at(week) + 0.5, max(value * scale, 1.0)
            title = f"Week of {week.date()}: {written(value, row.unit, row.currency)}"
            canvas.rect(x, bottom - height, width, height, row.css, title)
            share = max(min(part.get(week, 0.0), value), 0.0) * scale
            if share >= 0.5:
                canvas.rect(
                    x,
                    bottom - height,
                    width,
                    share,
                    "campaign",
                    f"{title}, {written(part[week], row.unit, row.currency)} for campaigns",
                )
    canvas.line((dates.left, bottom), (dates.right, bottom), "zero")


def _spans(canvas: Canvas, row: Row, dates: Dates, top: float) -> None:
    """One line a span: a bar as long as it lasts, its name beside it where it does not fit inside."""
    for position, (start, end, name) in enumerate(row.spans):
        y = top + position * 20
        left = max(dates.at(start), dates.left)
        right = min(dates.at(end + pd.Timedelta(days=1)), dates.right)
        canvas.rect(left, y, max(right - left, 3), 14, "campaign", f"{name}: {start.date()} to {end.date()}")
        if dates.right - right > text_width(name) + 8:
            canvas.label(right + 5, y + 11, name, "mark")
        elif left - dates.left > text_width(name) + 8:
            canvas.label(left - 5, y + 11, name, "mark", "end")
        else:
            canvas.label(left + 5, y + 11, fitted(name, right - left - 8), "on-campaign")


def waterfall(steps: Sequence[tuple[str, float, str]], name: str, slug: str) -> Markup:
    """Lying waterfall: (label, amount, kind) with kind total, up or down; the last total repeats what it adds up to."""
    labels, right = 96.0, 62.0
    canvas = Canvas(CARD, 24 * len(steps) + 8, slug, f"What {name} adds to demand", "; ".join(
        f"{label} {number(amount)} units" for label, amount, _ in steps))  # fmt: skip
    ends, level = [], 0.0
    for _, amount, kind in steps:
        start = 0.0 if kind == "total" else level
        level = amount if kind == "total" else level + amount
        ends.append((start, level))
    low, high = min(0.0, *(min(end) for end in ends)), max(1e-9, *(max(end) for end in ends))
    scale = (CARD - labels - right) / (high - low)
    for position, ((label, amount, kind), (start, end)) in enumerate(zip(steps, ends, strict=True)):
        y = 6 + position * 24
        x, width = labels + (min(start, end) - low) * scale, abs(end - start) * scale
        css = {"total": "demand", "up": "campaign", "down": "short"}[kind]
        canvas.label(0, y + 12, label, "mark")
        canvas.rect(x, y, max(width, 1.0), 16, css, f"{label}: {number(amount)} units")
        canvas.label(
            labels + (max(start, end) - low) * scale + 5, y + 12, number(amount, signed=kind != "total"), "value"
        )
        if position + 1 < len(steps):
            edge = labels + (end - low) * scale
            canvas.line((edge, y + 16), (edge, y + 24), "link")
    return canvas.draw("card-chart")


def spark(bars: Sequence[float], parts: Sequence[float], slug: str, title: str, most: float = 0.0) -> Markup:
    """Small bars by week for a row of a table; `most` is the height they share with other rows."""
    width, height = 132.0, 24.0
    canvas = Canvas(width, height, slug, title, ", ".join(compact(value) for value in bars))
    high, step = max([most, *bars, 1e-9]), width / max(len(bars), 1)
    for position, value in enumerate(bars):
        if value > 0:
            tall = max(value / high * (height - 2), 1.0)
            part = min(parts[position], value) / value * tall if parts else 0.0
            canvas.rect(position * step, height - 1 - tall, step * 0.78, tall, "demand")
            if part >= 0.5:
                canvas.rect(position * step, height - 1 - tall, step * 0.78, part, "campaign")
    canvas.line((0, height - 0.5), (width, height - 0.5), "zero")
    return canvas.draw("spark")


def differences(rows: Sequence[tuple[pd.Timestamp, float, float]], slug: str, title: str) -> Markup:
    """Difference of demand by week: (week, of the base, of campaigns), above zero more, below less."""
    canvas = Canvas(
        CARD, 150, slug, title, "; ".join(f"{week.date()} {number(base + extra, True)}" for week, base, extra in rows)
    )
    up = max([0.0, *(max(base, 0) + max(extra, 0) for _, base, extra in rows)])
    down = max([0.0, *(max(-base, 0) + max(-extra, 0) for _, base, extra in rows)])
    marks = Amounts.upto(max(up, down), 0, 1).marks
    step = marks[1]
    low, high = -step * _steps(down, step), step * max(_steps(up, step), 1)
    dates = Dates(rows[0][0], rows[-1][0] + pd.Timedelta(days=6), _LEFT, CARD - _RIGHT)
    dates.draw(canvas, 8, 132, 146)
    scale = 122 / (high - low)
    zero = 8 + high * scale
    for count in range(round(low / step), round(high / step) + 1):
        y = zero - count * step * scale
        canvas.line((_LEFT, y), (CARD - _RIGHT, y), "grid" if count else "zero")
        canvas.label(_LEFT - 5, y + 3.5, compact(count * step), "tick", "end")
    for week, base, extra in rows:
        above = below = zero
        for amount, css in ((base, "demand"), (extra, "campaign")):
            tall = abs(amount) * scale
            if tall < 0.2:
                continue
            above, below = (above - tall, below) if amount > 0 else (above, below + tall)
            y = above if amount > 0 else below - tall
            canvas.rect(
                dates.at(week) + 0.5, y, max(dates.day * 6, 1.5), tall, css, f"{week.date()}: {number(amount, True)}"
            )
    return canvas.draw("card-chart")


def _steps(amount: float, step: float) -> int:
    return int(-(-amount // step)) if amount > 1e-9 else 0
