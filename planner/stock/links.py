"""Sources -> links: prices, duty, minima and dates of every possible order."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from planner.currency import rates_to_base, to_base
from planner.dataset import Dataset
from planner.periods import first_days
from planner.settings import Settings
from planner.stock.case import Dates, Floats, Ints, Joint, Links
from planner.stock.sourcing import closed_days, order_dates, rows_of, weekday_flags

Key = tuple[str, str]


def read_links(
    dataset: Dataset, sources: pd.DataFrame, number: dict[Key, int], weeks: pd.DatetimeIndex, as_of: dt.date,
    settings: Settings,
) -> Links:  # fmt: skip
    """Links in the order of `sources`."""
    order, due_date = _dates(dataset, sources, weeks, as_of, settings)
    node = np.array([number[pair] for pair in zip(sources["sku"], sources["destination"], strict=True)], dtype=np.int64)
    origin = np.array(
        [
            number.get((sku, place), -1) if transfer else -1
            for sku, place, transfer in zip(sources["sku"], sources["source"], sources["transfer"], strict=True)
        ],
        dtype=np.int64,
    )
    due = _week_of(due_date, weeks)
    due = np.where(_deliverable(dataset, sources, due_date), due, -1)
    due = np.where(origin[:, None] == node[:, None], -1, due)
    tiers = _tiers(dataset, sources, origin)
    suppliers = _joint_suppliers(dataset)
    return Links(
        sku=sources["sku"].to_numpy(dtype=object), source=sources["source"].to_numpy(dtype=object),
        destination=sources["destination"].to_numpy(dtype=object), origin=origin, node=node, tiers=tiers,
        duty=_numbers(sources, "duty"), reference=_reference(tiers, _numbers(sources, "duty"), node),
        order_cost=_numbers(sources, "order_cost"),
        moq=_numbers(sources, "moq"), pack=_numbers(sources, "pack"), max_order=_numbers(sources, "max_order"),
        setup=_numbers(sources, "setup_units"), priority=_numbers(sources, "priority"),
        joint=np.array(
            [suppliers.get(s, -1) if o < 0 else -1 for s, o in zip(sources["source"], origin, strict=True)], np.int64
        ),
        row=sources["row"].to_numpy(dtype=np.int64), order_date=order, due_date=due_date, due=due,
        paid=_week_of(_payment(dataset, sources, due_date), weeks),
    )  # fmt: skip


def _numbers(sources: pd.DataFrame, column: str) -> Floats:
    return sources[column].to_numpy(dtype=float)


def _dates(
    dataset: Dataset, sources: pd.DataFrame, weeks: pd.DatetimeIndex, as_of: dt.date, settings: Settings
) -> tuple[Dates, Dates]:
    """Order and due date of each week's order; due = order date + lead_days."""
    weekdays = dataset["suppliers"].set_index("location")["order_weekdays"]
    text = sources["order_weekdays"].where(sources["order_weekdays"] != "", sources["source"].map(weekdays).fillna(""))
    places = sorted(set(sources["source"]))
    days = (np.datetime64(weeks[0].date()) + np.arange(7 * len(weeks))).astype("datetime64[D]")
    position = np.array([places.index(place) for place in sources["source"]], dtype=np.int64)
    order = order_dates(sources, weekday_flags(text), closed_days(dataset, places, days), position, weeks, as_of)
    review = sources.merge(
        dataset["stocking"][["sku", "warehouse", "review_days"]].rename(columns={"warehouse": "destination"}),
        "left", ["sku", "destination"],
    )["review_days"].fillna(settings.stock.review_days)  # fmt: skip
    every = np.maximum(1, np.round(review.to_numpy(dtype=float) / 7)).astype(int)
    skipped = np.arange(len(weeks))[None, :] % every[:, None] != 0
    order = np.where(skipped, np.datetime64("NaT"), order)
    return order, order + sources["lead_days"].to_numpy(dtype="timedelta64[D]")[:, None]


def _payment(dataset: Dataset, sources: pd.DataFrame, due: Dates) -> Dates:
    days = dataset["suppliers"].set_index("location")["payment_days"]
    delay = np.ceil(sources["source"].map(days).fillna(0.0).to_numpy(dtype=float)).astype("timedelta64[D]")
    return due + delay[:, None]  # type: ignore[no-any-return]


def _week_of(dates: Dates, weeks: pd.DatetimeIndex) -> Ints:
    """Index of the week that holds each date; -1 for none or beyond the horizon."""
    days = (dates - np.datetime64(weeks[0].date())).astype("timedelta64[D]").astype(float)
    week = np.floor(np.where(np.isnat(dates), -7.0, days) / 7)
    return np.where((week >= 0) & (week < len(weeks)), week, -1).astype(np.int64)


def _deliverable(dataset: Dataset, sources: pd.DataFrame, due: Dates) -> Any:
    """Nothing arrives before its listing's week or after its last day."""
    keys = sources[["sku", "destination"]].rename(columns={"destination": "warehouse"})
    rows = keys.merge(dataset["stocking"], "left", ["sku", "warehouse"])
    ends = keys["sku"].map(dataset["items"].set_index("sku")["end_date"])
    last = pd.concat([rows["listed_to"], ends], axis=1).min(axis=1).fillna(pd.Timestamp("2200-01-01"))
    first = rows["listed_from"].fillna(pd.Timestamp("1900-01-01"))
    monday = first_days(first, "week")
    return (due >= monday.to_numpy().astype("datetime64[D]")[:, None]) & (
        due <= last.to_numpy().astype("datetime64[D]")[:, None]
    )


def _tiers(dataset: Dataset, sources: pd.DataFrame, origin: Ints) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Unit costs in base currency by quantity, falling. A transfer without a cost of its own costs nothing."""
    breaks: dict[Key, list[tuple[float, float]]] = {}
    table = dataset["price_breaks"].sort_values(["sku", "source", "min_quantity"])
    for row in rows_of(table):
        breaks.setdefault((row.sku, row.source), []).append((float(row.min_quantity), float(row.unit_cost)))
    result = []
    for sku, source, cost, rate, start in zip(
        sources["sku"], sources["source"], sources["unit_cost"], sources["rate"], origin, strict=True
    ):
        base = 0.0 if np.isnan(cost) else float(cost)
        tiers = [(0.0, base)]
        for quantity, price in breaks.get((sku, source), []) if start < 0 else []:
            if quantity <= 0:
                tiers[0] = (0.0, price * rate)
            elif price * rate < tiers[-1][1]:
                tiers.append((quantity, price * rate))
        result.append(tuple(tiers))
    return tuple(result)


def _reference(tiers: tuple[tuple[tuple[float, float], ...], ...], duty: Floats, node: Ints) -> Floats:
    """Cheapest landed cost of a unit among all links into the same node, tiers included."""
    lowest = np.array([min(price for _, price in steps) for steps in tiers], dtype=float) * (1 + duty)
    best: dict[int, float] = {}
    for place, cost in zip(node.tolist(), lowest.tolist(), strict=True):
        best[place] = min(cost, best.get(place, np.inf))
    return np.array([best[place] for place in node.tolist()], dtype=float)


def _joint_suppliers(dataset: Dataset) -> dict[str, int]:
    """Suppliers whose joint orders cost something or have a minimum, numbered."""
    table = dataset["suppliers"].fillna({"min_order_value": 0.0, "min_order_m3": 0.0, "min_order_kg": 0.0})
    own = table[["min_order_value", "min_order_m3", "min_order_kg", "order_cost"]].fillna(0.0).sum(axis=1) > 0
    return {name: i for i, name in enumerate(sorted(table.loc[own, "location"]))}


def joint_orders(dataset: Dataset, links: Links, settings: Settings, as_of: dt.date) -> tuple[Joint, ...]:
    """One record per supplier of `links.joint`, money in base currency (a supplier's own is that of its location)."""
    table = dataset["suppliers"].set_index("location").fillna(0.0)
    rates = rates_to_base(dataset["currencies"], settings.plan.currency, as_of)
    money = dataset["locations"].set_index("location")["currency"]
    result = []
    for name in _joint_suppliers(dataset):
        rate = float(to_base(pd.Series([1.0]), pd.Series([money.get(name, "")]), rates).fillna(1.0).iloc[0])
        row = table.loc[name]
        result.append(
            Joint(
                name,
                float(row["order_cost"]) * rate,
                float(row["min_order_value"]) * rate,
                float(row["min_order_m3"]),
                float(row["min_order_kg"]),
            )
        )
    return tuple(result)
