"""The check of a plan: silent on a clean one, and it catches one planted violation of every rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from planner.stock import StockResult
from tests.stock.world import World, chain

Change = Callable[[World, pd.DataFrame, pd.DataFrame], tuple[World, pd.DataFrame, pd.DataFrame]]


def world() -> World:
    return chain().with_rows(
        pipeline=[{"order_id": "P1", "sku": "A", "source": "S", "destination": "D", "quantity": 12.0,
                   "due_date": "2026-03-10"}],
        price_breaks=[{"sku": "A", "source": "S", "min_quantity": 500.0, "unit_cost": 1.0}],
    )  # fmt: skip


@cache
def planned() -> tuple[World, StockResult]:
    return world(), world().replenish()


def orders(column: str, change: Callable[[pd.Series], object], kind: str = "") -> Change:
    """Change one column of the first line (of a kind)."""

    def apply(w: World, lines: pd.DataFrame, plan: pd.DataFrame) -> tuple[World, pd.DataFrame, pd.DataFrame]:
        lines = lines.copy()
        row = lines.index[lines["kind"] == kind][0] if kind else lines.index[0]
        lines.loc[row, column] = change(lines.loc[row])
        return w, lines, plan

    return apply


def ledger(column: str, by: float, rows: str = "demand > 0") -> Change:
    def apply(w: World, lines: pd.DataFrame, plan: pd.DataFrame) -> tuple[World, pd.DataFrame, pd.DataFrame]:
        plan = plan.copy()
        plan.loc[plan.query(rows).index[1], column] += by
        return w, lines, plan

    return apply


def rules(change: Callable[[World], World]) -> Change:
    """The same plan under stricter rules."""
    return lambda w, lines, plan: (change(w), lines, plan)


def terms(**values: object) -> Change:
    return rules(lambda w: w.changed("sourcing", **values))


def capacity(**row: object) -> Change:
    def change(w: World) -> World:
        weeks = pd.date_range("2026-03-02", periods=8, freq="W-MON")
        return w.with_rows(capacities=[{"measure": "units", "limit": 0.5, "week": week, **row} for week in weeks])

    return rules(change)


def set_up(w: World, lines: pd.DataFrame, plan: pd.DataFrame) -> tuple[World, pd.DataFrame, pd.DataFrame]:
    """The supplier can just make what is ordered, but not set up for it as well."""
    limit = lines.loc[lines["source"] == "S", "quantity"].max() + 1
    w, lines, plan = capacity(scope="supply", resource="S", limit=limit)(w, lines, plan)
    assert not w.verify(lines, plan)
    return w.changed("sourcing", setup_units=2.0), lines, plan


def twice(w: World, lines: pd.DataFrame, plan: pd.DataFrame) -> tuple[World, pd.DataFrame, pd.DataFrame]:
    return w, pd.concat([lines, lines.head(1)], ignore_index=True), plan


DAY = pd.Timedelta(days=1)
PLANTED: dict[str, tuple[str, Change]] = {
    "the same line twice": ("line", twice),
    "nothing ordered": ("line", orders("quantity", lambda row: 0.0)),
    "pegged beyond itself": ("line", orders("campaign_quantity", lambda row: row["quantity"] + 1)),
    "no source": ("source", orders("source", lambda row: "W")),
    "source ended": ("source", terms(end="2026-02-01")),
    "source not started": ("source", terms(start="2027-02-01")),
    "transfer from a supplier": ("source", orders("kind", lambda row: "transfer", "purchase")),
    "below the moq": ("moq", terms(moq=1000.0)),
    "above the maximum": ("max order", terms(max_order=1.0)),
    "not a multiple": ("order multiple", terms(order_multiple=7.5)),
    "packs": ("packs", orders("packs", lambda row: row["packs"] + 1)),
    "ordered before as_of": ("order date", orders("order_date", lambda row: pd.Timestamp("2026-03-01"))),
    "due too early": ("lead time", orders("due_date", lambda row: row["due_date"] - DAY)),
    "week of the order": ("week", orders("order_week", lambda row: row["order_week"] + DAY)),
    "week of receipt": ("week", orders("due_week", lambda row: row["due_week"] - 7 * DAY)),
    "beyond the horizon": ("horizon", orders("due_week", lambda row: pd.Timestamp("2027-01-04"))),
    "order day of the source": ("order day", terms(order_weekdays="sun")),
    "order day of the supplier": ("order day", rules(lambda w: w.changed("suppliers", order_weekdays="sat sun"))),
    "source closed": (
        "closure",
        rules(lambda w: w.with_rows(calendar=[
            {"country": "S", "date": date, "kind": "closure", "closed": True}
            for date in pd.date_range("2026-03-02", periods=60)
        ])),
    ),
    "country closed": (
        "closure",
        rules(lambda w: w.changed("locations", country="PL").with_rows(calendar=[
            {"country": "PL", "date": date, "kind": "holiday", "closed": True}
            for date in pd.date_range("2026-03-02", periods=60)
        ])),
    ),
    "after the listing": ("listing", rules(lambda w: w.changed("stocking", listed_to="2026-03-05"))),
    "before the listing": ("listing", rules(lambda w: w.changed("stocking", listed_from="2026-12-05"))),
    "after the end of sale": ("listing", rules(lambda w: w.changed("items", end_date="2026-03-05"))),
    "unit cost": ("unit cost", orders("unit_cost", lambda row: row["unit_cost"] + 0.5, "purchase")),
    "price break not given": (
        "unit cost",
        rules(lambda w: w.with_rows(price_breaks=[{"sku": "A", "source": "S", "min_quantity": 1.0, "unit_cost": 0.5}])),
    ),
    "opening": ("opening", ledger("opening", 1.0)),
    "first week's opening": ("opening", rules(lambda w: w.changed("stock", allocated=1.0))),
    "balance": ("balance", ledger("closing", 1.0)),
    "receipts": ("receipts", ledger("receipts", 1.0)),
    "pipeline forgotten": ("receipts", rules(lambda w: w.with_rows(pipeline=[]))),
    "shipped": ("shipped", ledger("shipped", 1.0, "shipped > 0")),
    "shipped what is not there": ("availability", ledger("shipped", 500.0, "shipped > 0")),
    "stock below zero": ("sign", ledger("closing", -500.0)),
    "shortage below zero": ("sign", ledger("expected_shortage", -50.0)),
    "shortage too small": ("shortage", ledger("demand", 500.0)),
    "lost more than asked": ("shortage", ledger("expected_shortage", 500.0)),
    "demand": ("demand", ledger("demand", 1.0)),
    "first week partly gone": ("demand", rules(lambda w: replace(w, as_of=w.as_of + 2 * DAY))),
    "customer orders": (
        "demand",
        rules(lambda w: w.with_rows(customer_orders=[
            {"order_id": "C", "sku": "A", "warehouse": "V", "quantity": 40.0, "due_date": "2026-03-17"}
        ])),
    ),
    "joint value": ("joint minimum", rules(lambda w: w.changed("suppliers", min_order_value=1e6))),
    "joint volume": ("joint minimum", rules(lambda w: w.changed("suppliers", min_order_m3=1e6))),
    "joint weight": ("joint minimum", rules(lambda w: w.changed("suppliers", min_order_kg=1e6))),
    "max stock": ("max stock", rules(lambda w: w.changed("stocking", max_stock=3.0))),
    "budget at order": ("budget", rules(lambda w: w.stock_settings(budget_per_week=1.0))),
    "budget at receipt": ("budget", rules(lambda w: w.stock_settings(budget_per_week=1.0, budget_charge="receipt"))),
    "budget at payment": ("budget", rules(lambda w: w.stock_settings(budget_per_week=1.0, budget_charge="payment"))),
    "money": ("money", capacity(scope="money", resource="all", measure="money")),
    "supplier": ("supply", capacity(scope="supply", resource="S", measure="kg")),
    "set up at the supplier": ("supply", set_up),
    "closed supplier": ("supply", capacity(scope="supply", resource="S", limit=0.0)),
    "lane": ("lane", capacity(scope="lane", resource="D>V>road")),
    "inbound": ("inbound", capacity(scope="inbound", resource="V")),
    "outbound": ("outbound", capacity(scope="outbound", resource="D", measure="m3")),
    "storage": ("storage", capacity(scope="storage", resource="W")),
    "room of the place": ("storage", rules(lambda w: w.changed("locations", capacity_m3=0.1))),
}  # fmt: skip


def test_a_clean_plan_has_no_violations() -> None:
    w, result = planned()
    assert len(result.orders) > 10
    assert w.verify(result.orders, result.plan) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_violation_is_caught(name: str) -> None:
    rule, change = PLANTED[name]
    w, result = planned()
    found = change(w, result.orders, result.plan)[0].verify(*change(w, result.orders, result.plan)[1:])
    assert any(text.startswith(f"{rule}:") for text in found), found
