"""Parts of a run as sheets: one function a part."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.cli.out import Sheet
from planner.compare import Comparison
from planner.figures import figure, money, percent, plural, points, written
from planner.workspace import Run

EXCEPTION_COLUMNS = ("type", "text", "money", "hint", "sku", "warehouse", "week")
ORDER_COLUMNS = (
    "sku", "source", "destination", "order_week", "due_week", "quantity", "unit_cost", "moved_by", "campaign_quantity",
    "campaigns", "kind", "order_date", "due_date", "packs", "duty", "freight", "status",
)  # fmt: skip
LOAD_COLUMNS = (
    "origin", "destination", "mode", "depart_week", "arrive_date", "shipments", "kg", "m3", "fill", "cost",
    "campaign_kg", "campaigns", "co2_kg", "carrier", "lines",
)  # fmt: skip
LIMITS = (
    "constraint", "label", "measure", "weeks", "asked", "allowed", "missing", "step", "worth", "most", "most_week",
    "could_save",
)  # fmt: skip
LOAD_KEYS = ("origin", "destination", "depart_week")
_ALWAYS = ("demand", "fill_rate", "expected_shortage", "order_lines", "spend", "objective", "bound", "gap")
_SAYS_THE_SAME = {"shipments": "loads", "deliveries_served": "deliveries"}
_LEAST_SHARE = 0.001  # of the planned cost
_FIRST = 5
_MOST = 10


def figures(run: Run, everything: bool = False) -> list[Sheet]:
    """Key figures with their unit, as a person reads them; what is nought, negligible or said already is left out."""
    chosen = run.kpis if everything else {name: run.kpis[name] for name in run.kpis if _telling(run.kpis, name)}
    known = [(figure(name), value) for name, value in chosen.items()]
    currency = run.manifest["currency"]
    rows = [(item.label, written(value, item.unit, currency)) for item, value in known]
    frame = pd.DataFrame(rows, columns=["figure", "value"])
    plain = [(item.name, item.label, value, currency if item.unit == "money" else item.unit) for item, value in known]
    data = pd.DataFrame(plain, columns=["figure", "label", "value", "unit"])
    return [Sheet("figures", frame, "Key figures", columns=("figure", "value"), keys=("figure",), shown=0, data=data)]


def _telling(kpis: dict[str, float], name: str) -> bool:
    if name in _ALWAYS:
        return True
    if name in _SAYS_THE_SAME and kpis[name] == kpis.get(_SAYS_THE_SAME[name]):
        return False
    least = _LEAST_SHARE * kpis.get("objective", 0.0) if name.startswith("cost_") else 0.0
    return abs(kpis[name]) > least


def solution(run: Run) -> list[Sheet]:
    stock = run.manifest["stock"]
    violations = stock.get("check", [])
    currency = run.manifest["currency"]
    rows = [
        ("status", stock["status"], stock["status"]),
        ("planned cost, goods aside", money(stock["objective"], currency), stock["objective"]),
        ("lower bound of the cost", money(stock["bound"], currency), stock["bound"]),
        ("gap to the bound", percent(stock["gap"]), stock["gap"]),
        ("check", f"{plural(len(violations), 'violation')}" if violations else "every rule holds", len(violations)),
        ("seconds", f"{run.manifest['timings']['stock']:.1f}", run.manifest["timings"]["stock"]),
    ]
    if run.kpis.get("duty", 0.0) > 0:
        duty = run.kpis["duty"]
        rows.insert(2, ("import duty, paid beside it like the goods", money(duty, currency), duty))
    if "vehicles" in stock:
        rows[-2:-2] = _vehicles(stock["vehicles"], currency)
    if stock.get("time_limit_hit"):
        rows.insert(1, ("time limit", "ran out: the best plan so far is kept", True))
    frame = pd.DataFrame([row[:2] for row in rows], columns=["what", "value"])
    data = pd.DataFrame([(row[0], row[2]) for row in rows], columns=["what", "value"], dtype=object)
    return [Sheet("solution", frame, "How it was solved", keys=("what",), columns=("value",), shown=0, data=data)]


def _vehicles(found: dict[str, float], currency: str) -> list[tuple[str, str, float]]:
    fill = f"{percent(found['fill'])} full on average"
    return [
        ("gap if parts of vehicles could travel", percent(found["relaxed_gap"]), found["relaxed_gap"]),
        ("whole vehicles", f"{found['count']:,.0f}, {fill}", found["count"]),
        ("freight of whole vehicles", money(found["freight"], currency), found["freight"]),
    ]


def costs(run: Run) -> list[Sheet]:
    found = run.manifest["stock"].get("costs", {})
    labels = [figure(f"cost_{name}").label for name in found]
    frame = pd.DataFrame({"cost": labels, "amount": [float(value) for value in found.values()]})
    return [
        Sheet("costs", frame, f"Cost by kind, {run.manifest['currency']}", keys=("cost",), columns=("amount",), shown=0)
    ]


def binding(run: Run) -> list[Sheet]:
    """What each limit that binds would have to give, and by week what one step more of it is worth."""
    found = run.manifest["stock"]["limits"]
    title = "What binds: asked for without limits and allowed, a week that binds; what one step more is worth"
    plain = pd.DataFrame(found, columns=list(LIMITS))
    currency = run.manifest["currency"]
    shown = pd.DataFrame({
        "limit": plain["label"], "weeks": plain["weeks"], "asked": plain["asked"], "allowed": plain["allowed"],
        "missing": plain["missing"], "step": [_step(row, currency) for row in found], "worth": plain["worth"],
        "most": plain["most"], "in week": plain["most_week"],
        "could save": [money(value, currency) for value in plain["could_save"]],
    })  # fmt: skip
    limits = Sheet("limits", shown, title, keys=("limit",), shown=0, data=plain, empty="no shared limit binds")
    return [limits, _worth_by_week(run)] if found else [limits]


def what_gives(run: Run) -> list[str]:
    """What the limits cost, what runs short because of them, and what giving would be worth: in words."""
    stock, currency = run.manifest["stock"], run.manifest["currency"]
    if not stock["limits"]:
        return []
    first = stock["limits"][0]
    frame = run.table("exceptions")
    short = frame[frame["hint"].str.contains(" binds: more room there", regex=False)]
    is_money = first["measure"] == "money"
    amount = money(first["missing"], currency) if is_money else f"{first['missing']:,.0f} {first['measure']}"
    missed = money(short["money"].sum(), currency)
    return [
        f"To stand in nobody's way the {first['label']} would have to give {amount} over"
        f" {plural(first['weeks'], 'week')}; that could save about {money(first['could_save'], currency)} of"
        f" {money(stock['objective'], currency)}.",
        f"Instead {plural(len(short), 'series', 'series')} run short for want of room, {missed} in all:"
        " planner exceptions names them.",
    ]


def _step(row: dict[str, Any], currency: str) -> str:
    return money(row["step"], currency) if row["measure"] == "money" else f"one {row['measure'].rstrip('s')}"


def _worth_by_week(run: Run) -> Sheet:
    """On a screen one column a limit, by step; in files the prices by unit."""
    prices = run.table("prices")
    known = {row["constraint"]: row for row in run.manifest["stock"]["limits"]}
    rows = prices[prices["constraint"].isin(known)]
    steps = rows["constraint"].map({name: row["step"] for name, row in known.items()})
    worth = rows.assign(worth=rows["price"] * steps).pivot(index="week", columns="constraint", values="worth")
    names = {name: f"{row['label']} ({_step(row, run.manifest['currency'])})" for name, row in known.items()}
    shown = worth[list(known)].rename(columns=names).reset_index()
    shown.columns.name = None
    return Sheet("prices", shown, "Worth of one step more, by week", keys=("week",), shown=0, data=prices)


def exceptions(run: Run, shown: int = _FIRST) -> list[Sheet]:
    frame = run.table("exceptions")
    title = f"Exceptions: {len(frame):,}, the worst first" if len(frame) else "Exceptions"
    return [Sheet("exceptions", frame, title, keys=("type",), columns=EXCEPTION_COLUMNS, folded=("text", "hint"),
                  shown=shown, empty="none")]  # fmt: skip


def loads(run: Run) -> list[Sheet]:
    nothing = "nothing to carry, or no lanes"
    return [Sheet("loads", run.table("loads"), "Loads", keys=LOAD_KEYS, columns=LOAD_COLUMNS, empty=nothing)]


def vehicle_routes(run: Run) -> list[Sheet]:
    return [Sheet("vehicle_routes", run.table("vehicle_routes"), "Vehicle routes", empty="no deliveries to make")]


def compared(comparison: Comparison, as_text: bool) -> list[Sheet]:
    """Key figures side by side, then what differs in demand, orders and loads, then what the scenarios change."""
    figures = _figures_side_by_side(comparison) if as_text else comparison.kpis
    demand = comparison.demand[comparison.demand["difference"].abs() > 1e-6]
    demand = demand.sort_values("difference", key=lambda column: -column.abs(), kind="stable")
    if as_text:
        demand = demand.assign(percent=[percent(value, signed=True) for value in demand["percent"]])
    orders = comparison.orders.sort_values(
        ["money difference", "quantity difference"], key=lambda column: -column.abs(), kind="stable"
    )
    loads = comparison.loads.sort_values("cost difference", key=lambda column: -column.abs(), kind="stable")
    return [
        Sheet("kpis", figures, "Key figures", keys=("figure",) if as_text else (), shown=0),
        Sheet("demand", demand, "Demand that differs", keys=("sku", "warehouse"), shown=_MOST, empty="none",
              columns=("difference", "campaign", "percent", "before", "after", "category", "base", "run")),
        Sheet("orders", orders, "Orders that differ, by money", keys=("line_id",), shown=_MOST, empty="none",
              columns=("change", "quantity difference", "money difference", "quantity before", "quantity after", "sku",
                       "source", "destination", "order_week", "due_week", "campaigns", "moved_by", "kind", "run")),
        Sheet("loads", loads, "Loads by lane", keys=("origin", "destination", "mode"), shown=_MOST, empty="none",
              columns=("shipments difference", "cost difference", "kg difference", "m3 difference", "shipments before",
                       "shipments after", "cost before", "cost after", "run")),
        Sheet("changes", comparison.changes, "What the scenarios change", columns=("key", "old", "new", "by", "run"),
              folded=("key", "by"), shown=_MOST, empty="nothing"),
    ]  # fmt: skip


def _figures_side_by_side(comparison: Comparison) -> pd.DataFrame:
    """Figures as a person reads them; money as money, shares as per cent and their difference in points. What is
    negligible in every run is left out."""
    kpis, currency = comparison.kpis, comparison.currency
    runs = [dict(zip(kpis["figure"], kpis[label].fillna(0.0), strict=True)) for label in comparison.labels]
    kpis = kpis[[any(_telling(run, name) for run in runs) for name in kpis["figure"]]]
    shown = pd.DataFrame({"figure": kpis["label"]})
    for label in comparison.labels:
        shown[label] = [written(value, unit, currency) for value, unit in zip(kpis[label], kpis["unit"], strict=True)]
    for name in (name for name in kpis.columns if name.startswith("difference")):
        signed = zip(kpis[name], kpis["unit"], strict=True)
        shown[name] = [
            points(value) if unit == "share" else written(value, unit, currency, signed=True) for value, unit in signed
        ]
    for name in (name for name in kpis.columns if name.startswith("percent")):
        signed = zip(kpis[name], kpis["unit"], strict=True)
        shown[name] = ["" if unit == "share" else percent(value, signed=True) for value, unit in signed]
    for name in (name for name in kpis.columns if name.startswith("verdict")):
        moved = shown[name.replace("verdict", "difference", 1)].str.startswith(("+", "-"))
        shown[name] = kpis[name].where(moved, "")
    return shown
