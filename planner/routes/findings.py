"""What a planner should know about how goods travel: one row a finding, in the columns of every exceptions table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from planner.routes.results import EXCEPTIONS, shaped


@dataclass(frozen=True)
class Finding:
    """`severity` 1 is worst; `money` is what it is about, in base currency; `text` is one sentence, `hint` the step."""

    type: str
    severity: int
    text: str
    hint: str
    sku: str = ""
    warehouse: str = ""
    week: dt.date | None = None
    money: float = 0.0


def as_frame(findings: Iterable[Finding]) -> pd.DataFrame:
    """Exceptions table, ranked: the most severe first, then the most money."""
    frame = shaped(findings, EXCEPTIONS)
    ranked = frame.assign(rank=-frame["money"]).sort_values(["severity", "rank", "type", "text"], kind="stable")
    return ranked.drop(columns="rank").reset_index(drop=True)


def some(names: Iterable[str], most: int = 5) -> str:
    """The first few names in order, and how many more there are."""
    known = sorted(set(names))
    rest = f" and {len(known) - most:,} more" if len(known) > most else ""
    return ", ".join(known[:most]) + rest


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
