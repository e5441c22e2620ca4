"""The drawing of one explained forecast, or of one campaign, as an SVG file of its own."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pandas as pd
from markupsafe import Markup

from planner.explain import YEAR, Explanation
from planner.explain_campaign import CampaignReasons
from planner.reports.charts import SeriesChart, series_chart, waterfall
from planner.reports.svg import stacked

_DAYS = {"day": 1, "week": 7, "month": 30}
_HEAD = 'role="img"'
_NO_PLAN = pd.DataFrame({name: [] for name in ("week", "closing", "target", "receipts", "expected_shortage", "demand")})


def drawing(found: Explanation, bucket: str) -> str:
    """Last year's demand, the forecast and its bands, with the report's colours inside; opens in any browser."""
    past = found.trail.table.tail(YEAR[bucket]).rename(columns={"demand": "was"})
    history = past.assign(demand=past["was"])[["date", "demand"]]
    now = found.ahead["date"].iloc[0]
    name = f"{found.trail.sku} at {found.trail.warehouse}"
    return _alone(series_chart(SeriesChart(name, history, found.ahead, _NO_PLAN, _DAYS[bucket], now), "forecast"))


def campaign_drawing(found: CampaignReasons, bucket: str) -> str:
    """The waterfall of a campaign above the weeks of what it promotes: without it, with it, and its 80 % band."""
    known = found.around["demand"].notna()
    past, ahead = found.around[known], found.around[~known]
    ahead = ahead.rename(columns={"low": "q0.05", "high": "q0.95"})
    ahead = ahead.assign(campaign=ahead["mean"] - ahead["base"], **dict.fromkeys(("q0.25", "q0.75"), np.nan))
    now = ahead["date"].iloc[0] if len(ahead) else past["date"].iloc[-1]
    around = SeriesChart(f"what {found.name} promotes", past.tail(YEAR[bucket]), ahead, _NO_PLAN, _DAYS[bucket], now)
    charts = [series_chart(around, "weeks")]
    if len(found.weeks):
        charts.insert(0, waterfall(found.steps, found.name, "waterfall"))
    return _alone(stacked(charts, "campaign", f"Campaign {found.name}"))


def _alone(drawing: Markup) -> str:
    """With the report's colours inside."""
    chart = str(drawing)
    css = resources.files("planner.reports").joinpath("templates/report.css").read_text("utf-8")
    css += "\nsvg { background: var(--panel); }"
    return chart.replace(_HEAD, f'{_HEAD} width="960"', 1).replace(">", f"><style>{css}</style>", 1) + "\n"
