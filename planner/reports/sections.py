"""What each section of the report says: tables of a run -> small records that the template shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from planner.figures import figure, money, number, percent, plural, written
from planner.periods import first_days
from planner.reports.charts import spark
from planner.reports.frames import Tables, rows_of
from planner.workspace import Run

SHOWN_EXCEPTIONS = 12
SHOWN_LINES = 25
SHOWN_ROWS = 15
NEAR_WEEKS = 4
_LANE = ["origin", "destination", "mode"]


@dataclass(frozen=True)
class Tile:
    label: str
    value: str
    note: str = ""


def tiles(tables: Tables) -> list[Tile]:
    """The key figures a planner looks at first; one that the run lacks is left out."""
    order = [
        _tile(tables, "fill_rate", ""),
        _this_week(tables),
        _tile(tables, "spend", _note(tables, "weeks")),
        _stock_tile(tables),
        _tile(tables, "expected_shortage", _note(tables, "shortage")),
        _tile(tables, "freight", _note(tables, "shipments")),
        _tile(tables, "co2_kg", ""),
        None if "stock" in tables.run.manifest else _tile(tables, "demand", _note(tables, "weeks")),
        _proof(tables.run),
    ]
    return [tile for tile in order if tile]


def _tile(tables: Tables, name: str, note: str) -> Tile | None:
    value = tables.run.kpis.get(name)
    item = figure(name)
    return None if value is None else Tile(item.label, written(value, item.unit, tables.currency), note)


def _this_week(tables: Tables) -> Tile | None:
    if "orders" not in tables.run.tables:
        return None
    orders = tables.orders[(tables.orders["order_week"] == tables.now) & (tables.orders["kind"] == "purchase")]
    return Tile("To order this week", money(orders["money"].sum(), tables.currency), plural(len(orders), "line"))


def _stock_tile(tables: Tables) -> Tile | None:
    """What lies in stock in the mean of the weeks, in money where the cost of every SKU is known."""
    if tables.plan.empty:
        return None
    stock = tables.plan.groupby("sku")["closing"].sum() / tables.plan["week"].nunique()
    value = stock * pd.Series(stock.index.map(tables.unit_costs), index=stock.index, dtype=float)
    if value.notna().all():
        return Tile("Stock value", money(value.sum(), tables.currency), "mean of the weeks")
    return Tile("Stock", number(stock.sum()), "units, mean of the weeks")


def _note(tables: Tables, what: str) -> str:
    if what == "shipments":
        return plural(int(tables.loads["shipments"].sum()), "shipment")
    if what == "shortage":
        cost = tables.run.kpis.get("cost_shortage")
        return "units" if cost is None else f"units, {money(cost, tables.currency)} lost"
    weeks = pd.concat([tables.plan["week"], first_days(tables.forecast["date"], "week")]).nunique()
    return f"over {plural(int(weeks), 'week')}"


def _proof(run: Run) -> Tile | None:
    stock = run.manifest.get("stock") or {}
    return None if stock.get("gap") is None else Tile("Proven gap", percent(stock["gap"]), str(stock.get("status", "")))


def lead(tables: Tables) -> list[str]:
    """Monday in two or three sentences."""
    orders = tables.orders[(tables.orders["order_week"] == tables.now) & (tables.orders["kind"] == "purchase")]
    sentences = []
    if len(orders):
        worth = money(orders["money"].sum(), tables.currency)
        lines, suppliers = plural(len(orders), "line"), plural(orders["source"].nunique(), "supplier")
        sentences.append(f"Order {worth} this week: {lines} from {suppliers}.")
    elif "orders" in tables.run.tables:
        sentences.append("Nothing needs to be ordered this week.")
    worst = tables.exceptions
    if len(worst):
        top = worst["money"].max()
        largest = f"; the largest is worth {money(top, tables.currency)}" if top > 0 else ""
        verb = "needs" if len(worst) == 1 else "need"
        sentences.append(f"{plural(len(worst), 'finding')} {verb} a look{largest}.")
    elif "exceptions" in tables.run.tables:
        sentences.append("No findings.")
    if tables.run.kpis.get("fill_rate") is not None:
        sentences.append(
            f"The plan expects to serve {percent(tables.run.kpis['fill_rate'])} of demand {_note(tables, 'weeks')}."
        )
    return sentences


def exceptions(tables: Tables) -> dict[str, Any]:
    """The findings with most money at stake, the most severe first among equals."""
    frame = tables.exceptions.sort_values(["money", "severity", "text"], ascending=[False, True, True], kind="stable")
    rest = frame.iloc[SHOWN_EXCEPTIONS:]
    rows = [
        {
            "type": row.type.replace("-", " ").replace("_", " "),
            "severity": int(row.severity),
            "where": "@".join(part for part in (row.sku, row.warehouse) if part),
            "week": day(row.week) if row.week is not pd.NaT else "",
            "money": money(row.money, tables.currency) if row.money > 0 else "",
            "text": row.text,
            "hint": row.hint,
        }
        for row in rows_of(frame.head(SHOWN_EXCEPTIONS))
    ]
    return {"rows": rows, "rest": len(rest), "rest_money": money(rest["money"].sum(), tables.currency)}


def orders(tables: Tables) -> dict[str, Any]:
    """Purchases by supplier and transfers by origin, this week and the next ones; the lines of this week."""
    frame = tables.orders
    weeks = _weeks(frame["order_week"], tables.now)
    groups = [
        {"title": title, "key": key, "rows": rows, "more": more, "total": total}
        for kind, title, key in (("purchase", "Purchases", "Supplier"), ("transfer", "Transfers", "From"))
        if len(part := frame[frame["kind"] == kind])
        for rows, more, total in [_by_source(part, weeks, tables, kind)]
    ]
    lines = frame[frame["order_week"] == tables.now].sort_values(["money", "line_id"], ascending=[False, True])
    return {
        "near": [day(week) for week in near_weeks(tables.now)],
        "groups": groups,
        "lines": [_line(row, tables.currency) for row in rows_of(lines.head(SHOWN_LINES))],
        "more_lines": max(len(lines) - SHOWN_LINES, 0),
    }


def near_weeks(now: pd.Timestamp) -> list[pd.Timestamp]:
    return [now + pd.Timedelta(weeks=ahead) for ahead in range(NEAR_WEEKS)]


def _by_source(
    frame: pd.DataFrame, weeks: pd.DatetimeIndex, tables: Tables, kind: str
) -> tuple[list[dict[str, Any]], int, dict[str, Any] | None]:
    """Rows of the largest sources, how many are left out, and the row of all."""
    value = "money" if kind == "purchase" else "quantity"
    cells = (
        frame.groupby(["source", "order_week"])[value].sum().unstack("order_week").reindex(columns=weeks).fillna(0.0)
    )
    lines = frame["source"].value_counts()
    largest = cells.sum(axis=1).sort_values(ascending=False, kind="stable").index
    most = float(cells.to_numpy().max())
    rows = [
        _source_row(str(name), cells.loc[name], int(lines[name]), tables.now, f"{kind}-{position}", most)
        for position, name in enumerate(largest[:SHOWN_ROWS])
    ]
    everything = _source_row("All", cells.sum(), len(frame), tables.now, f"{kind}-all", 0.0)
    return rows, max(len(largest) - SHOWN_ROWS, 0), everything if len(rows) > 1 else None


def _source_row(name: str, by_week: pd.Series, lines: int, now: pd.Timestamp, slug: str, most: float) -> dict[str, Any]:
    near = [float(by_week.get(week, 0.0)) for week in near_weeks(now)]
    return {
        "name": name,
        "lines": f"{lines:,}",
        "near": [number(round(amount)) if amount else "" for amount in near],
        "total": number(round(float(by_week.sum()))),
        "chart": spark(by_week.tolist(), [], slug, f"{name} by week", most),
    }


def _line(row: Any, currency: str) -> dict[str, str]:
    return {
        "id": row.line_id,
        "sku": row.sku,
        "way": f"{row.source} to {row.destination}",
        "due": day(row.due_date) if row.due_date is not pd.NaT else "",
        "quantity": number(row.quantity),
        "money": money(row.money, currency),
        "why": row.moved_by.replace("_", " ") or "",
        "campaign": f"{number(row.campaign_quantity)} for {row.campaigns}" if row.campaign_quantity > 0 else "",
    }


def loads(tables: Tables) -> dict[str, Any]:
    """Lanes with their shipments by week; the campaign's share of the weight shaded."""
    frame = tables.loads
    weeks = _weeks(frame["depart_week"], tables.now)
    numbers = ["shipments", "kg", "m3", "cost"]
    lanes = frame.groupby(_LANE, as_index=False)[numbers].sum()
    lanes = lanes.sort_values(["cost", "kg", *_LANE], ascending=[False, False, True, True, True])
    parts = dict(list(frame.groupby(_LANE)))
    rows = [
        {
            "lane": f"{row.origin} to {row.destination}",
            "mode": row.mode,
            "shipments": number(row.shipments),
            "kg": number(round(row.kg)),
            "m3": number(row.m3),
            "cost": money(row.cost, tables.currency),
            "chart": _lane_chart(parts[row.origin, row.destination, row.mode], weeks, position),
        }
        for position, row in enumerate(rows_of(lanes.head(SHOWN_ROWS)))
    ]
    return {"rows": rows, "more": max(len(lanes) - SHOWN_ROWS, 0), "campaign": bool(frame["campaign_kg"].sum() > 0)}


def _lane_chart(loads: pd.DataFrame, weeks: pd.DatetimeIndex, position: int) -> Markup:
    by_week = loads.groupby("depart_week")[["kg", "campaign_kg"]].sum().reindex(weeks).fillna(0.0)
    lane = loads.iloc[0]
    title = f"kg by week from {lane['origin']} to {lane['destination']}"
    return spark(by_week["kg"].tolist(), by_week["campaign_kg"].tolist(), f"lane-{position}", title)


def solved(tables: Tables) -> dict[str, Any]:
    """How the plan was made: what was assumed, what was proven, how long it took, with which versions."""
    manifest = tables.run.manifest
    stock = manifest.get("stock") or {}
    timings = manifest.get("timings") or {}
    return {
        "assumptions": _pairs(manifest.get("assumptions")),
        "notes": [str(note) for note in manifest.get("notes") or []],
        "proof": _proof_text(stock, tables.currency),
        "figures": [
            (figure(name).label, written(value, figure(name).unit, tables.currency))
            for name, value in tables.run.kpis.items()
        ],
        "timings": [(name, f"{seconds:.1f} s") for name, seconds in timings.items()],
        "versions": ", ".join(f"{name} {version}" for name, version in (manifest.get("versions") or {}).items()),
        "accuracy": accuracy(tables),
    }


def _pairs(assumptions: Any) -> list[tuple[str, str]]:
    if isinstance(assumptions, Mapping):
        return [(str(key), str(value)) for key, value in assumptions.items()]
    return [("", str(entry)) for entry in assumptions or []]


def _proof_text(stock: Mapping[str, Any], currency: str) -> list[str]:
    """Status, bound and gap as the solver left them, and what the separate check of the plan found."""
    sentences = []
    if stock.get("status"):
        sentences.append(f"The solver left the plan {stock['status']}.")
    if stock.get("objective") is not None and stock.get("bound") is not None:
        sentences.append(
            f"It costs {money(stock['objective'], currency)} in the model; no plan of this model can cost less than "
            f"{money(stock['bound'], currency)}"
            + (f", a gap of {percent(stock['gap'])}." if stock.get("gap") is not None else ".")
        )
        sentences.append(
            "The bound holds for the stated model with today's forecast, not for all that may happen later."
        )
    if "check" in stock:
        found = plural(len(stock["check"]), "violation") if stock["check"] else "no violation"
        sentences.append(f"A check that shares no code with the solver found {found}.")
    return sentences


def accuracy(tables: Tables) -> list[str]:
    """What is known of how good the forecast is; nothing where the run measured nothing."""
    words = ("wape", "bias", "rmsse", "coverage")
    return [
        f"{figure(name).label}: {written(value, figure(name).unit, tables.currency)}"
        for name, value in tables.run.kpis.items()
        if any(word in name.split("_") for word in words)
    ]


def changes(run: Run) -> list[dict[str, str]]:
    entries = run.manifest.get("changes") or []
    return [{name: str(entry.get(name, "")) for name in ("key", "old", "new", "by")} for entry in entries]


def day(date: Any) -> str:
    """2 Mar."""
    return f"{date.day} {date:%b}"


def _weeks(dates: pd.Series, now: pd.Timestamp) -> pd.DatetimeIndex:
    """Every Monday from now, or from the first date, to the last one."""
    known = dates.dropna()
    first = min(known.min(), now) if len(known) else now
    return pd.date_range(first, known.max() if len(known) else now, freq="7D", unit="ns")
