"""Rules of the plan from week to week: opening, receipts, shipments, demand, closing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.check.reading import TOLERANCE, differing, far, monday, rows_of, senders, spans, spot


def openings(ledger: pd.DataFrame) -> Iterator[str]:
    """Opens with free stock - allocated - owed in the first week, with what was left in the others."""
    right = ledger["start"].where(ledger["first"], ledger["left_before"])
    for row in rows_of(ledger[far(ledger["opening"], right)]):
        yield f"opening: {spot(row)} opens with {row.opening:g}"


def balances(ledger: pd.DataFrame) -> Iterator[str]:
    """Closing = opening - owed + receipts - expired + short - demand - shipped."""
    came = ledger["opening"] - ledger["owed"] + ledger["receipts"] - ledger["expired"]
    right = came + ledger["short"] - ledger["demand"] - ledger["shipped"]
    for row, value in differing(ledger, "closing", right):
        yield f"balance: {spot(row)} closes with {row.closing:g}, the balance says {value:g}"


def expired(dataset: Dataset, ledger: pd.DataFrame, as_of: dt.date) -> Iterator[str]:
    """Expired = what demand up to a lot's last day leaves of it and of those before it, where nothing is sent on."""
    stock, first = dataset["stock"], ledger["week"].min()
    lots = stock[(stock["status"] != "quarantine") & stock["expiry_date"].notna() & (stock["on_hand"] > 0)]
    sends = senders(dataset)
    lots = lots[lots["expiry_date"] <= ledger["week"].max() + pd.Timedelta(days=6)]
    right, demand, opening = np.zeros(len(ledger)), ledger["demand"].to_numpy(float), ledger["opening"].to_numpy(float)
    places = spans(ledger) if len(lots) else {}
    units: dict[tuple[str, str], float] = {}
    gone: dict[tuple[str, str], float] = {}
    for (sku, place, day), lot in lots.groupby(["sku", "warehouse", "expiry_date"])["on_hand"].sum().items():
        key = (sku, place)
        if key in sends or key not in places:
            continue
        rows = places[key]
        units[key] = min(units.get(key, 0.0) + float(lot), opening[rows.start])
        week = max((day - first).days // 7, 0)
        start = max(first + pd.Timedelta(weeks=week), pd.Timestamp(as_of))
        length = (first + pd.Timedelta(weeks=week + 1) - start).days
        part = min(max(((day - start).days + 1) / length, 0.0), 1.0)
        asked = demand[rows]
        lost = max(0.0, units[key] - asked[:week].sum() - part * asked[week] - gone.get(key, 0.0))
        gone[key] = gone.get(key, 0.0) + lost
        right[rows.start + week] += lost
    for row, value in differing(ledger, "expired", right):
        yield f"expired: {spot(row)} loses {row.expired:g} of its lots, their dates say {value:g}"


def receipts(dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame, as_of: dt.date) -> Iterator[str]:
    """Receipts = pipeline due in the week (overdue: in the first) + lines due in it."""
    pipeline = dataset["pipeline"]
    first = ledger["week"].min()
    due = monday(pipeline["due_date"].clip(lower=first)) if len(pipeline) else pipeline["due_date"]
    firm = pipeline["quantity"].groupby([pipeline["sku"], pipeline["destination"], due]).sum()
    own = lines.groupby(["sku", "destination", "due_week"])["quantity"].sum()
    keys = pd.MultiIndex.from_frame(ledger[["sku", "warehouse", "week"]])
    right = firm.reindex(keys).fillna(0.0).to_numpy() + own.reindex(keys).fillna(0.0).to_numpy()
    for row, value in differing(ledger, "receipts", right):
        yield f"receipts: {spot(row)} receives {row.receipts:g}, pipeline and lines bring {value:g}"


def shipments(lines: pd.DataFrame, ledger: pd.DataFrame) -> Iterator[str]:
    """Shipped = transfers sent in the week, and not more than was there."""
    sent = lines[lines["kind"] == "transfer"].groupby(["sku", "source", "order_week"])["quantity"].sum()
    keys = pd.MultiIndex.from_frame(ledger[["sku", "warehouse", "week"]])
    right = sent.reindex(keys).fillna(0.0).to_numpy()
    for row, value in differing(ledger, "shipped", right):
        yield f"shipped: {spot(row)} ships {row.shipped:g}, its transfers take {value:g}"
    for row in rows_of(ledger[ledger["shipped"] > ledger["opening"] + ledger["receipts"] + TOLERANCE]):
        yield f"availability: {spot(row)} ships {row.shipped:g} of {row.opening + row.receipts:g}"


def stock_signs(ledger: pd.DataFrame) -> Iterator[str]:
    """Stock is never below zero, shortage neither, nor less than what demand exceeds stock by."""
    for row in rows_of(ledger[(ledger["closing"] < -TOLERANCE) | (ledger["expected_shortage"] < -TOLERANCE)]):
        yield f"sign: {spot(row)} closes with {row.closing:g}, short {row.expected_shortage:g}"
    least = ledger["demand"] + ledger["shipped"] + ledger["owed"] + ledger["expired"]
    least -= ledger["opening"] + ledger["receipts"]
    for row in rows_of(ledger[ledger["sells"] & (ledger["short"] < least - TOLERANCE)]):
        yield f"shortage: {spot(row)} is short {row.short:g}, less than demand exceeds stock by"
    too_much = ledger["sells"] & ledger["lost"] & (ledger["short"] > ledger["demand"] * (1 + 1e-6) + TOLERANCE)
    for row in rows_of(ledger[too_much]):
        yield f"shortage: {spot(row)} loses {row.short:g} of {row.demand:g}"


def demand(
    dataset: Dataset, weekly: pd.DataFrame, ledger: pd.DataFrame, settings: Settings, as_of: dt.date
) -> Iterator[str]:
    """Demand = the larger of forecast (its part of the first week that is left) and customer orders, while listed."""
    keys = pd.MultiIndex.from_frame(ledger[["sku", "warehouse", "week"]])
    texts = weekly["sku"].astype(object), weekly["warehouse"].astype(object)
    mean = weekly["mean"].groupby([*texts, weekly["week"]]).sum().reindex(keys).fillna(0.0).to_numpy()
    first = ledger["week"].min()
    mean = np.where(ledger["week"] == first, mean * (7 - as_of.weekday()) / 7, mean)
    orders = dataset["customer_orders"]
    orders = orders[~orders["backorder"].astype(bool) & (orders["due_date"] >= pd.Timestamp(as_of))]
    week = monday(orders["due_date"]) if len(orders) else orders["due_date"]
    ordered = orders["quantity"].groupby([orders["sku"], orders["warehouse"], week]).sum()
    right = np.maximum(mean, ordered.reindex(keys).fillna(0.0).to_numpy())
    rows = ledger[["sku", "warehouse", "week"]].merge(
        dataset["stocking"][["sku", "warehouse", "listed_from", "listed_to"]], "left", ["sku", "warehouse"]
    )
    ends = rows["sku"].map(dataset["items"].set_index("sku")["end_date"])
    gone = (rows["week"] > rows["listed_to"]) | (rows["week"] > ends)
    gone |= rows["week"] + pd.Timedelta(days=6) < rows["listed_from"]
    right = np.where(gone, 0.0, right)
    right += np.where(ledger["first"] & ledger["lost"] & ledger["sells"], ledger["owed_at_start"], 0.0)
    for row, value in differing(ledger, "demand", right):
        yield f"demand: {spot(row)} plans {row.demand:g}, asked is {value:g}"
