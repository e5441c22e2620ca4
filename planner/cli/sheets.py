"""Parts of a run as sheets: one function a part."""

from __future__ import annotations

import pandas as pd

from planner.cli.out import Sheet
from planner.figures import figure, written
from planner.workspace import Run

EXCEPTION_COLUMNS = ("type", "text", "money", "hint", "sku", "warehouse", "week")
ORDER_COLUMNS = (
    "sku", "source", "destination", "order_week", "due_week", "quantity", "unit_cost", "moved_by", "campaign_quantity",
    "campaigns", "kind", "order_date", "due_date", "packs", "freight", "status",
)  # fmt: skip
LOAD_COLUMNS = (
    "origin", "destination", "mode", "depart_week", "arrive_date", "shipments", "kg", "m3", "fill", "cost",
    "campaign_kg", "campaigns", "co2_kg", "carrier", "lines",
)  # fmt: skip
LOAD_KEYS = ("origin", "destination", "depart_week")
_FIRST = 5


def figures(run: Run) -> list[Sheet]:
    """Key figures with their unit, as a person reads them."""
    known = [(figure(name), value) for name, value in run.kpis.items()]
    rows = [(item.label, written(value, item.unit, run.manifest["currency"])) for item, value in known]
    frame = pd.DataFrame(rows, columns=["figure", "value"])
    return [Sheet("figures", frame, "Key figures", columns=("figure", "value"), keys=("figure",), shown=0)]


def solution(run: Run) -> list[Sheet]:
    stock = run.manifest["stock"]
    violations = stock.get("check", [])
    rows = [
        ("status", stock["status"]),
        ("objective", f"{stock['objective']:,.2f}"),
        ("bound", f"{stock['bound']:,.2f}"),
        ("gap", f"{stock['gap']:.2%}"),
        ("check", "every rule holds" if not violations else f"{len(violations)} violations"),
        ("seconds", f"{run.manifest['timings']['stock']:.1f}"),
    ]
    frame = pd.DataFrame(rows, columns=["what", "value"])
    return [Sheet("solution", frame, "How it was solved", keys=("what",), columns=("value",), shown=0)]


def costs(run: Run) -> list[Sheet]:
    found = run.manifest["stock"].get("costs", {})
    frame = pd.DataFrame({"cost": list(found), "amount": [float(value) for value in found.values()]})
    return [
        Sheet("costs", frame, f"Cost by kind, {run.manifest['currency']}", keys=("cost",), columns=("amount",), shown=0)
    ]


def binding(run: Run) -> list[Sheet]:
    """What one more unit of each limit is worth, where it is worth something."""
    return [
        Sheet(
            "prices", run.table("prices"), "What binds, and what one more unit is worth", empty="no shared limit binds"
        )
    ]


def exceptions(run: Run, shown: int = _FIRST) -> list[Sheet]:
    frame = run.table("exceptions")
    title = f"Exceptions: {len(frame):,}, by money" if len(frame) else "Exceptions"
    return [Sheet("exceptions", frame, title, keys=("type",), columns=EXCEPTION_COLUMNS, folded=("text", "hint"),
                  shown=shown, empty="none")]  # fmt: skip


def loads(run: Run) -> list[Sheet]:
    nothing = "nothing to carry, or no lanes"
    return [Sheet("loads", run.table("loads"), "Loads", keys=LOAD_KEYS, columns=LOAD_COLUMNS, empty=nothing)]


def vehicle_routes(run: Run) -> list[Sheet]:
    return [Sheet("vehicle_routes", run.table("vehicle_routes"), "Vehicle routes", empty="no deliveries to make")]
