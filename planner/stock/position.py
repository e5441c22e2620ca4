"""Where we stand: stock that can be promised, what is owed, what is on its way, what customers have ordered."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.stock.case import Floats

Key = tuple[str, str]


@dataclass(frozen=True)
class Position:
    """`opening` and `backlog` [N]; `pipeline` arrives in the week [N, T]; `moving` is still on transfer after it
    [N, T]; `ordered` by customers for the week [N, T]."""

    opening: Floats
    backlog: Floats
    pipeline: Floats
    moving: Floats
    ordered: Floats


def position_of(dataset: Dataset, number: dict[Key, int], weeks: pd.DatetimeIndex, as_of: dt.date) -> Position:
    """Opening = free on hand - allocated - overdue customer orders; below zero it is owed. Overdue pipeline is expected
    in the first week."""
    free = _free_stock(dataset)
    orders = dataset["customer_orders"]
    late = orders["backorder"].astype(bool) | (orders["due_date"] < pd.Timestamp(as_of))
    owed = orders[late].groupby(["sku", "warehouse"])["quantity"].sum().to_dict()
    net = np.array([free.get(key, 0.0) - owed.get(key, 0.0) for key in number], dtype=float)
    pipeline = dataset["pipeline"]
    arrives = pipeline.assign(due=pipeline["due_date"].where(pipeline["due_date"] >= weeks[0], weeks[0]))
    by_week = _by_week(arrives, "destination", "due", number, weeks)
    transfers = arrives[arrives["kind"] == "transfer"]
    total = transfers.groupby(["sku", "destination"])["quantity"].sum().to_dict()
    moved = _by_week(transfers, "destination", "due", number, weeks).cumsum(axis=1)
    moving = np.array([total.get(key, 0.0) for key in number], dtype=float).reshape(-1, 1) - moved
    ordered = _by_week(orders[~late], "warehouse", "due_date", number, weeks)
    return Position(np.maximum(net, 0.0), np.maximum(-net, 0.0), by_week, np.maximum(moving, 0.0), ordered)


def _free_stock(dataset: Dataset) -> dict[Key, float]:
    stock = dataset["stock"]
    stock = stock[stock["status"] != "quarantine"]
    rows = stock.groupby(["sku", "warehouse"])[["on_hand", "allocated"]].sum()
    free = rows["on_hand"] - rows["allocated"].fillna(0.0)
    return {(sku, place): float(units) for (sku, place), units in free.items()}  # type: ignore[misc,has-type]


def _by_week(frame: pd.DataFrame, place: str, date: str, number: dict[Key, int], weeks: pd.DatetimeIndex) -> Floats:
    result = np.zeros((len(number), len(weeks)))
    offsets = (frame[date] - weeks[0]).dt.days // 7
    for sku, where, week, quantity in zip(frame["sku"], frame[place], offsets, frame["quantity"], strict=True):
        row = number.get((sku, where))
        if row is not None and 0 <= week < len(weeks):
            result[row, int(week)] += quantity
    return result
