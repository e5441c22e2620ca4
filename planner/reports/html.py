"""One page that opens offline: what to do this week, and what it rests on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from planner.compare import Comparison, compare
from planner.figures import money, number, percent, written
from planner.reports import drawings, sections
from planner.reports.frames import Tables
from planner.workspace import Run

SHOWN_DIFFERENCES = 10
_AMOUNT = re.compile(r"\b\d{4}-\d\d-\d\d\b|[+-]?\b[A-Z]{3} \d[\d,.]*\d|[+-]?\d[\d,.]* (?:%|kg|m3)")


def render(run: Run, others: Sequence[Run] = ()) -> str:
    """The report of one run as HTML; with `others`, a section that compares them. The same runs give the same page."""
    tables = Tables(run)
    manifest = run.manifest
    page = _environment().get_template("report.html")
    return page.render(
        title=str(manifest.get("title") or run.scenario),
        scenario=run.scenario,
        run=run.name,
        as_of=_long_day(manifest.get("as_of")),
        created=str(manifest.get("created", "")).replace("T", " ").replace("+00:00", " UTC"),
        lead=sections.lead(tables),
        tiles=sections.tiles(tables),
        changes=sections.changes(run),
        comparison=_comparison(run, others) if others else None,
        weeks=drawings.weeks(tables),
        exceptions=sections.exceptions(tables) if len(tables.exceptions) else None,
        orders=sections.orders(tables) if len(tables.orders) else None,
        series=drawings.series(tables) if len(tables.forecast) or len(tables.plan) else None,
        campaigns=drawings.campaigns(tables) if len(tables.uplift) else None,
        loads=sections.loads(tables) | {"map": drawings.lane_map(tables)} if len(tables.loads) else None,
        routes=drawings.routes(tables) if len(tables.vehicle_routes) else None,
        solved=sections.solved(tables),
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("planner.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["unbroken"] = unbroken
    return environment


def unbroken(text: str) -> Markup:
    """The text with its dates and amounts kept in one piece."""
    return Markup(_AMOUNT.sub(r'<span class="unbroken">\g<0></span>', str(escape(text))))


def _long_day(as_of: Any) -> str:
    day = pd.Timestamp(as_of) if as_of else None
    return f"{day:%A} {day.day} {day:%B %Y}" if day is not None else ""


def _comparison(run: Run, others: Sequence[Run]) -> dict[str, Any]:
    """The base scenario, or the first of the others, is what the rest is measured against."""
    ranked = sorted([*others, run], key=lambda one: one.scenario != "base")
    found = compare(ranked)
    return {
        "labels": found.labels,
        "headline": found.headline,
        "notes": found.notes,
        "kpis": [_kpi(row, found) for row in found.kpis.to_dict("records")],
        "charts": drawings.demand_differences(found),
        "orders": _order_differences(found),
        "loads": _load_differences(found),
    }


def _kpi(row: dict[Any, Any], found: Comparison) -> dict[str, Any]:
    """One key figure: its value in each run, and behind each run but the first what changed and whether for better."""
    base, cells = row[found.labels[0]], []
    for label in found.labels[1:]:
        behind = f" {label}" if len(found.labels) > 2 else ""
        difference, share = row[f"difference{behind}"], row[f"percent{behind}"]
        moved = difference == difference and abs(difference) > 1e-9
        points = (
            f"{difference * 100:+.1f} points" if row["unit"] == "share" else written(difference, row["unit"], "", True)
        )
        relative = f" ({percent(share, True)})" if share == share and row["unit"] != "share" else ""
        cells.append(
            {
                "value": written(row[label], row["unit"], found.currency),
                "difference": f"{points}{relative}" if moved else "",
                "verdict": row[f"verdict{behind}"],
            }
        )
    return {"label": row["label"], "base": written(base, row["unit"], found.currency), "cells": cells}


def _order_differences(found: Comparison) -> dict[str, Any]:
    """The order lines that differ most in money."""
    frame = found.orders.assign(size=found.orders["money difference"].abs())
    frame = frame.sort_values(["size", "run", "line_id"], ascending=[False, True, True])
    rows = [
        {
            "run": row["run"],
            "line": row["line_id"],
            "change": row["change"],
            "way": f"{row['sku']} from {row['source']} to {row['destination']}",
            "quantity": f"{number(row['quantity before'])} to {number(row['quantity after'])}",
            "money": money(row["money difference"], found.currency, signed=True),
        }
        for row in frame.head(SHOWN_DIFFERENCES).to_dict("records")
    ]
    return {"rows": rows, "more": max(len(frame) - SHOWN_DIFFERENCES, 0)}


def _load_differences(found: Comparison) -> dict[str, Any]:
    """The lanes whose cost or weight differ most."""
    frame = found.loads.assign(size=found.loads["cost difference"].abs(), weight=found.loads["kg difference"].abs())
    frame = frame[(frame["size"] > 1e-6) | (frame["weight"] > 1e-6)].sort_values(
        ["size", "weight", "run", "origin", "destination"], ascending=[False, False, True, True, True])  # fmt: skip
    rows = [
        {
            "run": row["run"],
            "lane": f"{row['origin']} to {row['destination']}",
            "mode": row["mode"],
            "shipments": number(row["shipments difference"], signed=True),
            "kg": number(round(row["kg difference"]), signed=True),
            "cost": money(row["cost difference"], found.currency, signed=True),
        }
        for row in frame.head(SHOWN_DIFFERENCES).to_dict("records")
    ]
    return {"rows": rows, "more": max(len(frame) - SHOWN_DIFFERENCES, 0)}
