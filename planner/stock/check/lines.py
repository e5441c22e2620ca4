"""Rules of an order line alone: its terms, quantity, dates, price."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.stock.check.reading import TOLERANCE, far, monday, rows_of, weeks_of

DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}


def identity(orders: pd.DataFrame) -> Iterator[str]:
    """A line is named once, proposes something, and is not pegged to more than itself."""
    for name in orders.loc[orders["line_id"].duplicated(), "line_id"]:
        yield f"line: {name} stands twice"
    for row in rows_of(orders[orders["quantity"] <= 0]):
        yield f"line: {row.line_id} orders {row.quantity:g}"
    for row in rows_of(orders[orders["campaign_quantity"] > orders["quantity"] + TOLERANCE]):
        yield f"line: {row.line_id} pegs {row.campaign_quantity:g} of {row.quantity:g} to campaigns"


def sources(lines: pd.DataFrame, as_of: dt.date) -> Iterator[str]:
    """There is a sourcing row for the line on its order date; stock moves by transfer, other goods by purchase."""
    for row in rows_of(lines[~lines["fits"]]):
        yield f"source: {row.line_id} has no sourcing row valid on {row.order_date:%Y-%m-%d}"
    wrong = lines["fits"] & (lines["kind"] == "transfer") & ~lines["stocks"]
    for row in rows_of(lines[wrong]):
        yield f"source: {row.line_id} is a transfer, but {row.source} holds no stock"


def quantities(lines: pd.DataFrame) -> Iterator[str]:
    """At least the MOQ, a whole multiple, at most the maximum, packs x multiple = quantity."""
    for row in rows_of(lines[lines["fits"] & (lines["quantity"] < lines["moq"].fillna(0.0) - TOLERANCE)]):
        yield f"moq: {row.line_id} orders {row.quantity:g}, the minimum is {row.moq:g}"
    for row in rows_of(lines[lines["fits"] & (lines["quantity"] > lines["max_order"] + TOLERANCE)]):
        yield f"max order: {row.line_id} orders {row.quantity:g}, the most is {row.max_order:g}"
    multiple = lines["order_multiple"].where(lines["order_multiple"] > 0, lines["quantity_step"]).fillna(1.0)
    multiple = multiple.where(multiple > 0, 1.0)
    share = lines["quantity"] / multiple
    for row in rows_of(lines[lines["fits"] & ((share - share.round()).abs() > 1e-6 * share.clip(lower=1.0))]):
        yield f"order multiple: {row.line_id} orders {row.quantity:g}, not a multiple of {row.order_multiple:g}"
    for row in rows_of(lines[lines["fits"] & far(lines["packs"] * multiple, lines["quantity"])]):
        yield f"packs: {row.line_id} has {row.packs:g} packs for {row.quantity:g}"


def dates(lines: pd.DataFrame, plan: pd.DataFrame, as_of: dt.date) -> Iterator[str]:
    """Nothing is ordered in the past or arrives beyond the plan; due = ordered + lead time; weeks are Mondays."""
    weeks = weeks_of(plan)
    for row in rows_of(lines[lines["order_date"] < pd.Timestamp(as_of)]):
        yield f"order date: {row.line_id} is ordered on {row.order_date:%Y-%m-%d}, before {as_of}"
    for row in rows_of(lines[lines["fits"] & (lines["gap"].abs() >= 1)]):
        yield f"lead time: {row.line_id} is due {row.gap:+g} days off its lead time"
    for date, week in (("order_date", "order_week"), ("due_date", "due_week")):
        for row in rows_of(lines[monday(lines[date]) != lines[week]]):
            yield f"week: {row.line_id} has {week} {getattr(row, week):%Y-%m-%d} for {getattr(row, date):%Y-%m-%d}"
    for row in rows_of(lines[~lines["due_week"].isin(weeks)]):
        yield f"horizon: {row.line_id} is due in the week of {row.due_week:%Y-%m-%d}, outside the plan"


def order_days(dataset: Dataset, lines: pd.DataFrame) -> Iterator[str]:
    """Orders on the allowed weekdays only, and never on a day on which the source is closed."""
    suppliers = dataset["suppliers"].set_index("location")["order_weekdays"].to_dict()
    calendar = dataset["calendar"][dataset["calendar"]["closed"].astype(bool)]
    closed = set(zip(calendar["country"], calendar["date"], strict=True))
    country = dataset["locations"].set_index("location")["country"].to_dict()
    lines = lines[lines["fits"]]
    told = lines["order_weekdays"].where(lines["order_weekdays"].astype(bool), lines["source"].map(suppliers))
    told = told.fillna("").str.lower()
    allowed = {text: {DAYS[day] for day in text.split()} or set(DAYS.values()) for text in told.unique()}
    weekdays = zip(told, lines["order_date"].dt.weekday, strict=True)
    off = np.array([day not in allowed[text] for text, day in weekdays], dtype=bool)
    for row, text in zip(rows_of(lines[off]), told[off], strict=True):
        yield f"order day: {row.line_id} is ordered on a {row.order_date:%a}, allowed are {' '.join(text.split())}"
    days = zip(lines["source"], lines["source"].map(country), lines["order_date"], strict=True)
    shut = np.array([(place, day) in closed or (land, day) in closed for place, land, day in days], dtype=bool)
    for row in rows_of(lines[shut]):
        yield f"closure: {row.line_id} is ordered on {row.order_date:%Y-%m-%d}, when {row.source} is closed"


def listing(dataset: Dataset, lines: pd.DataFrame) -> Iterator[str]:
    """Nothing arrives before its listing's first week or after the last day of sale."""
    listing = dataset["stocking"][["sku", "warehouse", "listed_from", "listed_to"]]
    both = lines.merge(listing.rename(columns={"warehouse": "destination"}), "left", ["sku", "destination"])
    late = (both["due_date"] > both["listed_to"]) | (both["due_date"] > both["end_date"])
    early = both["due_date"] < monday(both["listed_from"])
    for row in rows_of(both[late | early]):
        yield f"listing: {row.line_id} is due {row.due_date:%Y-%m-%d}, when it is not listed"


def unit_costs(lines: pd.DataFrame) -> Iterator[str]:
    """Unit cost = the source's price, or that of the price break reached, in base currency."""
    bought = lines[lines["fits"] & (lines["kind"] == "purchase")]
    listed = bought["list_cost"] * bought["rate"]
    price = np.fmin(listed.fillna(bought["item_cost"]).fillna(0.0), bought["breaks"] * bought["rate"])
    for row, right in zip(
        rows_of(bought[far(bought["unit_cost"], price)]), price[far(bought["unit_cost"], price)], strict=True
    ):
        yield f"unit cost: {row.line_id} costs {row.unit_cost:g} a unit, by its terms {right:g}"
