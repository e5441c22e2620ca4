"""What would stop or weaken a plan, ranked by how much of the recent demand it touches.

The tables are valid on their own; here it is asked whether they are enough to plan from, and make sense.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd

from planner.dataset import Dataset
from planner.readiness.ground import ground_of
from planner.readiness.questions import QUESTIONS
from planner.readiness.terms import DOUBTS
from planner.settings import Settings

COLUMNS = ("type", "severity", "sku", "warehouse", "week", "money", "text", "hint", "demand_share")


def plan_ready(dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """Findings, the one that touches most demand first: the columns of exceptions and `demand_share` (0 to 1).

    `money` is what the recent demand (13 weeks before `as_of`) that a finding touches is worth in base currency, for
    stock without demand what that stock is worth. Severity 1 stops the plan of what it touches, 2 and 3 weaken it.
    """
    ground = ground_of(dataset, settings, pd.Timestamp(as_of))
    found = [frame for question in (*QUESTIONS, *DOUBTS) for frame in question(ground) if len(frame)]
    if not found:
        return _typed(pd.DataFrame(columns=list(COLUMNS)))
    total = float(ground.direct["money"].sum())
    table = pd.concat(found, ignore_index=True)
    table["demand_share"] = (table["touched"] / total).clip(0.0, 1.0) if total else 0.0
    order = ["demand_share", "severity", "money", "type", "sku", "warehouse", "text"]
    table = table.sort_values(order, ascending=[False, True, False, True, True, True, True], kind="stable")
    return _typed(table.reset_index(drop=True)[list(COLUMNS)])


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    texts = dict.fromkeys(("type", "sku", "warehouse", "text", "hint"), object)
    return frame.astype(
        {**texts, "severity": "int64", "money": "float64", "week": "datetime64[ns]", "demand_share": "float64"}
    )
