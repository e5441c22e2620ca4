"""Rules that several lines share: joint minima, ceilings, budget, capacities."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.check.customs import shares
from planner.stock.check.reading import TOLERANCE, monday, rates_on, rows_of, senders, spans, spot, weeks_of


def joint_minima(dataset: Dataset, lines: pd.DataFrame, settings: Settings, as_of: dt.date) -> Iterator[str]:
    """Lines bought from one supplier in one week reach its minimum value, volume and weight together."""
    suppliers = dataset["suppliers"].set_index("location")
    money = dataset["locations"].set_index("location")["currency"].to_dict()
    rates = rates_on(dataset, settings.plan.currency, as_of)
    bought = lines[lines["kind"] == "purchase"]
    for (source, week), rows in bought.groupby(["source", "order_week"]):
        if source not in suppliers.index:
            continue
        terms: Any = suppliers.loc[str(source)]
        totals = {
            "value": (rows["quantity"] * rows["unit_cost"]).sum(),
            "m3": (rows["quantity"] * rows["volume_m3"].fillna(0.0)).sum(),
            "kg": (rows["quantity"] * rows["weight_kg"].fillna(0.0)).sum(),
        }
        for word, total in totals.items():
            minimum = float(np.nan_to_num(terms[f"min_order_{word}"]))
            minimum *= rates.get(money.get(source, ""), 1.0) if word == "value" else 1.0
            if total < minimum * (1 - 1e-6) - TOLERANCE:
                yield f"joint minimum: {source}, week {week:%Y-%m-%d}: {word} {total:g} of {minimum:g}"


def ceilings(dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame) -> Iterator[str]:
    """Where a line arrives, stock before plus receipts stays within max_stock."""
    most = dataset["stocking"][["sku", "warehouse", "max_stock"]]
    arrived = lines.groupby(["sku", "destination", "due_week"])["quantity"].sum()
    keys = pd.MultiIndex.from_frame(ledger[["sku", "warehouse", "week"]])
    rows = ledger[(arrived.reindex(keys) > TOLERANCE).to_numpy()].merge(most, "left", ["sku", "warehouse"])
    over = rows["opening"] - rows["owed"] + rows["receipts"] > rows["max_stock"] + TOLERANCE
    for row in rows_of(rows[over]):
        yield f"max stock: {spot(row)} reaches {row.opening + row.receipts:g} of {row.max_stock:g}"


def covers(dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame) -> Iterator[str]:
    """Where a line arrives that is not sent on, stock before plus receipts can be sold within the shelf life (at least
    a week) and max_cover_weeks; beyond the horizon demand goes on as in its last four weeks."""
    life = (dataset["items"].set_index("sku")["shelf_life_days"] / 7).clip(lower=1.0).dropna().to_dict()
    most = dataset["stocking"].set_index(["sku", "warehouse"])["max_cover_weeks"].dropna().to_dict()
    sends, demand = senders(dataset), ledger["demand"].to_numpy(float)
    held = (ledger["opening"] - ledger["owed"] + ledger["receipts"] - ledger["expired"]).to_numpy(float)
    lined = lines.groupby(["sku", "destination", "due_week"])["quantity"].sum()
    arrives = pd.MultiIndex.from_frame(ledger[["sku", "warehouse", "week"]]).isin(lined.index)
    for pair, rows in spans(ledger).items():
        weeks = min(life.get(pair[0], np.inf), most.get(pair, np.inf))
        asked = demand[rows]
        if pair in sends or weeks >= len(asked) or not arrives[rows].any():
            continue
        whole, part, after = int(weeks), weeks - int(weeks), int(np.ceil(weeks)) + 1
        ahead = np.r_[asked, np.full(after, asked[-4:].mean())]
        room = np.lib.stride_tricks.sliding_window_view(ahead, whole)[: len(asked)].sum(axis=1)
        room += part * ahead[whole : whole + len(asked)]
        over = arrives[rows] & (held[rows] > room * (1 + 1e-6) + TOLERANCE)
        for place in np.flatnonzero(over).tolist():
            at = rows.start + place
            yield f"cover: {spot(ledger.loc[at])} reaches {held[at]:g}, {room[place]:g} can be sold in {weeks:g} weeks"


def budget(
    dataset: Dataset, lines: pd.DataFrame, plan: pd.DataFrame, settings: Settings, as_of: dt.date
) -> Iterator[str]:
    """Purchases and duty of a week stay within the budget; what firm orders take counts, but is nobody's decision."""
    if settings.stock.budget_per_week is not None:
        for week, spent, firm in _charged(dataset, lines, plan, settings, as_of, None):
            limit = max(settings.stock.budget_per_week, firm)
            if spent > limit * (1 + 1e-6) + TOLERANCE:
                yield f"budget: week {week:%Y-%m-%d} spends {spent:,.2f} of {limit:,.2f}"


def _charged(
    dataset: Dataset, lines: pd.DataFrame, plan: pd.DataFrame, settings: Settings, as_of: dt.date, place: str | None
) -> Iterator[tuple[pd.Timestamp, float, float]]:
    """(week, all money charged, the firm part of it)."""
    charge = settings.stock.budget_charge
    delay = dataset["suppliers"].set_index("location")["payment_days"].to_dict()
    paid = lines if place is None else lines[lines["destination"] == place]
    date = paid["order_date"] if charge == "order" else paid["due_date"]
    if charge == "payment":
        date = date + pd.to_timedelta(np.ceil(paid["source"].map(delay).fillna(0.0)), unit="D")
    amount = (paid["quantity"] * paid["unit_cost"]).where(paid["kind"] == "purchase", 0.0) + paid["duty"]
    spent = amount.groupby(monday(date)).sum() if len(paid) else pd.Series(dtype=float)
    firm: dict[pd.Timestamp, float] = {}
    first = plan["week"].min()
    pipeline = dataset["pipeline"]
    cheapest = _cheapest(dataset, settings, as_of) if charge != "order" else {}
    for row in rows_of(pipeline[pipeline["kind"] != "transfer"]) if charge != "order" else ():
        if place is None or row.destination == place:
            days = float(np.nan_to_num(delay.get(row.source, 0.0))) if charge == "payment" else 0.0
            paid = max(row.due_date, first) + pd.Timedelta(days=days)
            week = paid.normalize() - pd.Timedelta(days=paid.weekday())
            firm[week] = firm.get(week, 0.0) + row.quantity * cheapest.get((row.sku, row.destination), 0.0)
    for week in weeks_of(plan):
        known = firm.get(week, 0.0)
        yield week, float(spent.get(week, 0.0)) + known, known


def _cheapest(dataset: Dataset, settings: Settings, as_of: dt.date) -> dict[tuple[str, str], float]:
    """Cheapest purchase of each SKU and place today with its duty, in base currency."""
    table, today = dataset["sourcing"], pd.Timestamp(as_of)
    kinds = dataset["locations"].set_index("location")["kind"]
    now = (
        ~(table["start"] > today)
        & ~(table["end"] < today)
        & ~table["source"].map(kinds).isin(["dc", "warehouse", "store"])
    )
    table = table[now]
    rates = rates_on(dataset, settings.plan.currency, as_of)
    items = dataset["items"].set_index("sku")["unit_cost"]
    cost = (table["unit_cost"] * table["currency"].map(rates).fillna(1.0)).fillna(table["sku"].map(items))
    cost = cost * (1 + shares(dataset, table))
    lowest = cost.groupby([table["sku"], table["destination"]]).min().rename("cost").rename_axis(["sku", "place"])
    return {(row.sku, row.place): float(row.cost) for row in rows_of(lowest.reset_index())}


def capacities(
    dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame, settings: Settings, as_of: dt.date
) -> Iterator[str]:
    """Hard limits of `capacities`, and standing storage space, hold in every week."""
    table = dataset["capacities"]
    hard = table[table["soft_price"].isna() & table["limit"].notna()]
    modes = dataset["lanes"].groupby(["origin", "destination"])["mode"].nunique().to_dict()
    soft = {(r.scope, r.resource, r.measure, r.week) for r in rows_of(table[table["soft_price"].notna()])}
    for row in rows_of(hard):
        week = row.week - pd.Timedelta(days=row.week.weekday())
        limit = float(row.limit)
        if row.scope == "lane":
            start, end = row.resource.split(">")[:2]
            ways = hard[(hard["scope"] == "lane") & hard["resource"].str.startswith(f"{start}>{end}>")]
            ways = ways[(ways["measure"] == row.measure) & (monday(ways["week"]) == week)]
            if len(ways) < modes.get((start, end), 0):
                continue
            limit = float(ways["limit"].sum())
        yield from _over(dataset, lines, ledger, settings, as_of, row.scope, row.resource, row.measure, week, limit)
    given = {
        (r.resource, r.week - pd.Timedelta(days=r.week.weekday()))
        for r in rows_of(table[(table["scope"] == "storage") & (table["measure"] == "m3")])
    }
    spoken = {place for place, _ in given} | {key[1] for key in soft if key[0] == "storage"}
    rooms = dataset["locations"].set_index("location")["capacity_m3"].dropna()
    for place, room in rooms.items():
        for week in weeks_of(ledger) if place not in spoken else ():
            yield from _over(dataset, lines, ledger, settings, as_of, "storage", str(place), "m3", week, float(room))


def _over(
    dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame, settings: Settings, as_of: dt.date, scope: str,
    resource: str, measure: str, week: pd.Timestamp, limit: float,
) -> Iterator[str]:  # fmt: skip
    """One limit in one week; what was firm before any line may exceed it."""
    if scope == "money":
        place = None if resource == "all" else resource
        charged = _charged(dataset, lines, ledger, settings, as_of, place)
        used, firm = next(((spent, known) for monday, spent, known in charged if monday == week), (0.0, 0.0))
    else:
        used, firm = _used(dataset, lines, ledger, scope, resource, measure, week)
    if used > max(limit, firm) * (1 + 1e-6) + TOLERANCE:
        yield f"{scope}: {resource} in week {week:%Y-%m-%d} uses {used:,.2f} {measure} of {limit:,.2f}"


def _size(dataset: Dataset, frame: pd.DataFrame, measure: str) -> pd.Series:
    """What one unit counts."""
    items = dataset["items"].set_index("sku")
    if measure == "units":
        return pd.Series(1.0, index=frame.index)
    if measure == "pallets":
        return (1 / frame["sku"].map(items["pallet_quantity"]).replace(0.0, np.nan)).fillna(0.0)
    if measure == "money":
        return frame["sku"].map(items["unit_cost"]).fillna(0.0) if "unit_cost" not in frame else frame["unit_cost"]
    return frame["sku"].map(items[{"m3": "volume_m3", "kg": "weight_kg"}[measure]]).fillna(0.0)


def _used(
    dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame, scope: str, resource: str, measure: str,
    week: pd.Timestamp,
) -> tuple[float, float]:  # fmt: skip
    """(use of the limit in the week, part of it that was firm)."""
    every = resource == "all"
    amount = lines["quantity"] * _size(dataset, lines, measure)
    if scope == "supply":
        mine = (lines["order_week"] == week) & ((lines["source"] == resource) | (every & (lines["kind"] == "purchase")))
        return float(amount[mine].sum()) + (float(lines["set_up"][mine].sum()) if measure == "units" else 0.0), 0.0
    if scope == "lane":
        start, end = resource.split(">")[:2]
        mine = (lines["order_week"] == week) & (lines["source"] == start) & (lines["destination"] == end)
        return float(amount[mine].sum()), 0.0
    rows = ledger[(ledger["week"] == week) & (every | (ledger["warehouse"] == resource))]
    size = _size(dataset, rows, measure)
    lined = lines[every | (lines["destination"] == resource)]
    if scope == "inbound":
        total = float((rows["receipts"] * size).sum())
        return total, total - float(
            (lined["quantity"] * _size(dataset, lined, measure))[lined["due_week"] == week].sum()
        )
    if scope == "outbound":
        total = float(((rows["shipped"] + (rows["demand"] - rows["short"]) * rows["sells"]) * size).sum())
        return total, 0.0
    total = float(((rows["opening"] - rows["owed"] + rows["receipts"]) * size).sum())
    return total, 0.0 if (lined["due_week"] <= week).any() else total
