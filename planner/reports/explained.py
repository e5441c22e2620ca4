"""The drawing of one explained forecast, as an SVG file of its own."""

from __future__ import annotations

from importlib import resources

import pandas as pd

from planner.explain import YEAR, Explanation
from planner.reports.charts import SeriesChart, series_chart

_DAYS = {"day": 1, "week": 7, "month": 30}
_HEAD = 'role="img"'


def drawing(found: Explanation, bucket: str) -> str:
    """Last year's demand, the forecast and its bands, with the report's colours inside; opens in any browser."""
    past = found.trail.table.tail(YEAR[bucket]).rename(columns={"demand": "was"})
    history = past.assign(demand=past["was"])[["date", "demand"]]
    plan = pd.DataFrame({name: [] for name in ("week", "closing", "target", "receipts", "expected_shortage", "demand")})
    now = found.ahead["date"].iloc[0]
    name = f"{found.trail.sku} at {found.trail.warehouse}"
    chart = str(series_chart(SeriesChart(name, history, found.ahead, plan, _DAYS[bucket], now), "forecast"))
    css = resources.files("planner.reports").joinpath("templates/report.css").read_text("utf-8")
    css += "\nsvg { background: var(--panel); }"
    return chart.replace(_HEAD, f'{_HEAD} width="960"', 1).replace(">", f"><style>{css}</style>", 1) + "\n"
