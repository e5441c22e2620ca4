"""What would stop or weaken a plan, ranked by how much of the recent demand it touches.

The tables are valid on their own; here it is asked whether they are enough to plan from, and make sense.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd

from planner.dataset import Dataset
from planner.readiness.customs import customs
from planner.readiness.ground import ground_of
from planner.readiness.questions import QUESTIONS
from planner.readiness.terms import DOUBTS
from planner.settings import Settings

COLUMNS = ("type", "severity", "sku", "warehouse", "week", "money", "text", "hint", "demand_share")


def plan_ready(dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """Findings, the one that touches most demand first: the columns of exceptions and `demand_share` (0 to 1).

    `money` is what the recent demand (13 weeks before `as_of`) that a finding touches is worth in base currency; for
    stock without demand, below zero or late what that stock is worth. Severity 1 stops the plan of what it touches, 2
    and 3 weaken it. The text of a finding that comes from a row ends with file, row, column and value.
    """
    ground = ground_of(dataset, settings, pd.Timestamp(as_of))
    found = [frame for question in (*QUESTIONS, *DOUBTS, customs) for frame in question(ground) if len(frame)]
    if not found:
        return _typed(pd.DataFrame(columns=list(COLUMNS)))
    total = float(ground.direct["money"].sum())
    table = pd.concat(found, ignore_index=True)
    table["demand_share"] = (table["touched"] / total).clip(0.0, 1.0) if total else 0.0
    order = ["demand_share", "severity", "money", "type", "sku", "warehouse", "text"]
    table = table.sort_values(order, ascending=[False, True, False, True, True, True, True], kind="stable")
    return _typed(_located(table.reset_index(drop=True), dataset)[list(COLUMNS)])


def _located(table: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """The texts with the cells that they speak of."""
    wanted: dict[tuple[str, str], set[int]] = {}
    for name, column, row in (cell for cells in table["cells"] for cell in cells):
        wanted.setdefault((name, column), set()).add(row)
    told = {
        (name, column, row): text
        for (name, column), rows in wanted.items()
        for row, text in zip(sorted(rows), dataset.cells(name, column, sorted(rows)), strict=True)
    }
    see = [" and ".join(told[cell] for cell in cells) for cells in table["cells"]]
    return table.assign(text=[f"{text} See {at}." if at else text for text, at in zip(table["text"], see, strict=True)])


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    texts = dict.fromkeys(("type", "sku", "warehouse", "text", "hint"), object)
    return frame.astype(
        {**texts, "severity": "int64", "money": "float64", "week": "datetime64[ns]", "demand_share": "float64"}
    )
