"""What a planner has to look at, ranked by money."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.stock.case import Floats
from planner.stock.optimise import Plan
from planner.stock.relief import label, reliefs
from planner.stock.remedies import Sight, remedy

COLUMNS = ["type", "severity", "sku", "warehouse", "week", "money", "text", "hint"]
_SERIOUS = 0.05
_EXCESS_WEEKS = 26.0


def exceptions(plan: Plan, dataset: Dataset) -> pd.DataFrame:
    """type, severity (1 worst), sku, warehouse, week, money, text, hint: one row a finding, the dearest first."""
    rows = [
        *_stock_outs(plan), *_expiring(plan), *_excess(plan), *_minimums(plan, dataset), *_floors(plan), *_limits(plan),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["week"] = pd.to_datetime(frame["week"]).astype("datetime64[ns]")
    frame["money"] = frame["money"].astype(float).round(2)
    for column in ("type", "sku", "warehouse", "text", "hint"):
        frame[column] = frame[column].astype(object)
    ranked = frame.sort_values(
        ["money", "type", "sku", "warehouse", "week"], ascending=[False, True, True, True, True], kind="stable"
    )
    return ranked.astype({"severity": "int64"}).reset_index(drop=True)


def _row(
    kind: str, severity: int, sku: str, place: str, week: Any, money: float, text: str, hint: str
) -> dict[str, Any]:
    return dict(zip(COLUMNS, (kind, severity, sku, place, week, money, text, hint), strict=True))


def _stock_outs(plan: Plan) -> list[dict[str, Any]]:
    """Series that lose more than a twentieth of their demand: because goods cannot come, or because it is cheaper."""
    case, sight, rows = plan.case, Sight(plan), []
    missed, asked = plan.solution.short, case.nodes.demand
    rate = np.divide(missed, asked, out=np.zeros_like(missed), where=asked > 1e-9)
    serious = (rate > 2 * _SERIOUS) & (missed * case.nodes.shortage[:, None] > 0.01)
    for n in np.flatnonzero(case.nodes.sells & serious.any(axis=1)).tolist():
        demand, short, bad = asked[n], missed[n], serious[n]
        if short.sum() > _SERIOUS * demand.sum():
            worst, money = int(np.argmax(short)), float((short * bad).sum() * case.nodes.shortage[n])
            sku, place, weeks, why = case.nodes.sku[n], case.nodes.place[n], int(bad.sum()), remedy(sight, n, bad)
            text = (
                f"{sku} at {place} is expected to miss {short[bad].sum():,.1f} units in {weeks} week{'s'[: weeks > 1]}"
            )
            kind, severity = ("stock-out", 1) if why.forced else ("planned shortage", 3)
            rows.append(_row(kind, severity, sku, place, case.weeks[worst], money, text, why.hint))
    return rows


def _expiring(plan: Plan) -> list[dict[str, Any]]:
    """Today's lots that are not sold in time, by what they cost."""
    nodes, rows = plan.case.nodes, []
    for n in np.flatnonzero(nodes.wasted > 0.5).tolist():
        week = int(nodes.expired[n].argmax())
        text = (
            f"{nodes.sku[n]} at {nodes.place[n]}: of today's lots no less than {nodes.wasted[n]:,.1f} are expected to"
            f" expire unsold, most of them in the week of {plan.case.weeks[week]:%Y-%m-%d}"
        )
        money = float(nodes.wasted[n] * nodes.cost[n])
        hint = "promote, transfer or write them off"
        rows.append(_row("expiring stock", 2, nodes.sku[n], nodes.place[n], plan.case.weeks[week], money, text, hint))
    return rows


def _excess(plan: Plan) -> list[dict[str, Any]]:
    """Stock of today beyond half a year of demand."""
    case, rows = plan.case, []
    for n in range(len(case.nodes)):
        below = case.nodes.members[n] if case.nodes.feeds[n] else np.array([n])
        ahead = case.nodes.demand[below].sum() / case.horizon * _EXCESS_WEEKS
        excess = float(case.nodes.opening[n] - max(ahead, case.nodes.floor[n]))
        money = excess * float(case.nodes.cost[n])
        if excess > 1.0 and money > 0:
            text = (
                f"{case.nodes.sku[n]} at {case.nodes.place[n]} holds {excess:,.0f} units beyond half a year of demand"
            )
            rows.append(
                _row(
                    "excess",
                    3,
                    case.nodes.sku[n],
                    case.nodes.place[n],
                    case.weeks[0],
                    money,
                    text,
                    "transfer, promote or write off",
                )
            )
    return rows  # fmt: skip


def _minimums(plan: Plan, dataset: Dataset) -> list[dict[str, Any]]:
    """Minima of more than double what eight weeks need, ordered or not: with the holding cost of the surplus."""
    case, links, rows = plan.case, plan.case.links, []
    below = [case.nodes.members[n] if case.nodes.feeds[n] else np.array([n]) for n in links.node.tolist()]
    weekly = np.array([case.nodes.demand[nodes].sum() for nodes in below]).reshape(-1) / case.horizon
    possible = (links.due >= 0).any(axis=1) & (links.moq > links.pack)
    large = np.flatnonzero(possible & (links.moq > 16 * weekly) & (weekly > 0)).tolist()
    cells = dataset.cells("sourcing", "moq", links.row[large].tolist())
    for i, cell in zip(large, cells, strict=True):
        ordered = np.flatnonzero(plan.solution.packs[i])
        surplus = float(links.moq[i] - 8 * weekly[i])
        money = surplus * float(case.nodes.holding[links.node[i]]) * min(surplus / weekly[i], 52.0) / 2
        text = (
            f"the minimum of {links.moq[i]:,.0f} {links.sku[i]} from {links.source[i]} lasts"
            f" {links.moq[i] / weekly[i]:,.0f} weeks at {links.destination[i]}"
            f"{'' if len(ordered) else '; nothing is ordered'}. See {cell}."
        )
        week, hint = case.weeks[ordered[0] if len(ordered) else 0], "negotiate the MOQ, or stock it elsewhere"
        rows.append(_row("minimum above need", 3, links.sku[i], links.destination[i], week, money, text, hint))
    return rows


def _floors(plan: Plan) -> list[dict[str, Any]]:
    case, rows = plan.case, []
    under = np.maximum(case.nodes.floor[:, None] - plan.solution.stock, 0.0) * case.nodes.listed
    for n in np.flatnonzero((under > 0.5).any(axis=1)).tolist():
        t, money = int(np.argmax(under[n])), float(under[n].sum() * case.nodes.cost[n])
        where, floor = f"{case.nodes.sku[n]} at {case.nodes.place[n]}", case.nodes.floor[n]
        text = f"{where} lies up to {under[n, t]:,.0f} units under its minimum of {floor:,.0f}"
        rows.append(
            _row(
                "under minimum stock",
                2,
                case.nodes.sku[n],
                case.nodes.place[n],
                case.weeks[t],
                money,
                text,
                "expedite, or lower the minimum",
            )
        )
    return rows  # fmt: skip


def _limits(plan: Plan) -> list[dict[str, Any]]:
    """Limits that bind, by what a tenth more of each could save, and limits that firm quantities alone exceed."""
    case, rows = plan.case, []
    for found in reliefs(plan):
        worst, names = int(found.worth.argmax()), [limit.name for limit in case.limits]
        cap = np.where(found.worth > 0, case.limits[names.index(found.constraint)].cap, 0.0)
        money = float((found.worth / found.step * cap * 0.1).sum())
        unit = f"{found.step:,.0f}" if found.measure == "money" else f"one {found.measure.rstrip('s')}"
        text = (
            f"{found.label} binds in {found.weeks} week{'s'[: found.weeks > 1]}: {unit} more would be worth up to"
            f" {found.worth[worst]:,.4g}"
        )
        hint = "a tenth more in each of them would save up to this"
        rows.append(_row("limit binds", 2, "", _place(found.constraint), case.weeks[worst], money, text, hint))
    for i, t, missing in plan.lifted:
        limit = case.limits[i]
        text = f"{label(limit.name)} is exceeded by {missing:,.1f} by what is there or firmly on its way"
        rows.append(
            _row(
                "limit exceeded by firm quantities",
                1,
                "",
                _place(limit.name),
                case.weeks[t],
                _value(limit.soft, t, missing),
                text,
                "move receipts, or find room",
            )
        )
    return rows  # fmt: skip


def _value(soft: Floats, t: int, amount: float) -> float:
    return float(soft[t] * amount) if np.isfinite(soft[t]) else float(amount)


def _place(name: str) -> str:
    return name.split(" ", 1)[1].rsplit(" ", 1)[0].split(">")[0]
