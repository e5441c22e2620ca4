"""What can still be brought: transfers from places with spare stock, and orders placed today."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.currency import rates_to_base, to_base
from planner.dataset import Dataset
from planner.gating.case import Case, Outcome
from planner.gating.ledger import Floats, Ledger
from planner.settings import Settings
from planner.stock.sourcing import read_sources, rows_of, weekday_flags

MOVES = ("sku", "warehouse", "source", "quantity", "leave_date", "due_date", "cost")
_LEAST = 1e-6


@dataclass(frozen=True)
class Supply:
    """`spare`: units of each series of `whole` that it can give away until it can be supplied again itself.

    `ways` by SKU and destination: orders from outside, also through a dc, with the days until they `arrive` and what a
    unit costs more than usual (`dearer`); `lanes`: origin, destination, days and costs in base currency; `binding`:
    limits that are used up, with their weeks.
    """

    as_of: pd.Timestamp
    whole: Ledger
    spare: Floats
    ways: Mapping[tuple[str, str], Sequence[Any]]
    lanes: pd.DataFrame
    items: pd.DataFrame
    binding: frozenset[tuple[str, pd.Timestamp]]


def read_supply(
    whole: Ledger, prices: pd.DataFrame, dataset: Dataset, settings: Settings, as_of: dt.date
) -> Supply:  # fmt: skip
    sources = read_sources(dataset, settings, as_of)
    today = pd.Timestamp(as_of)
    sources = sources[(sources["start"] <= today) & (sources["end"] >= today)].reset_index(drop=True)
    ways = _ways(sources, today)
    bound = prices[prices["price"] > _LEAST] if len(prices) else pd.DataFrame(columns=["constraint", "week"])
    # "supply S-1 units" -> "supply S-1", whatever it is measured in
    binding = frozenset(zip(bound["constraint"].map(lambda name: str(name).rpartition(" ")[0]), bound["week"],
                            strict=True))  # fmt: skip
    items = dataset["items"].drop_duplicates("sku").set_index("sku")
    sizes = items[["weight_kg", "volume_m3", "quantity_step"]]
    lanes = _lanes(dataset, settings, as_of)
    return Supply(today, whole, _spare(whole, ways), _by_destination(ways), lanes, sizes, binding)


def _ways(sources: pd.DataFrame, today: pd.Timestamp) -> pd.DataFrame:
    """Purchases, and purchases of a dc followed by its transfer: each with the day of arrival of an order of today."""
    days = weekday_flags(sources["order_weekdays"])
    wait = [int(np.argmax(np.roll(row, -today.weekday()))) for row in days]
    rows = sources.assign(arrive=np.array(wait, dtype=float) + sources["lead_days"], via="")
    bought = rows[~rows["transfer"]]
    onward = rows[rows["transfer"]].assign(on_duty=lambda moved: moved["landed_cost"] - moved["unit_cost"])
    onward = onward[["sku", "source", "destination", "lead_days", "on_duty"]]
    onward = onward.rename(columns={"source": "via", "lead_days": "on_days", "destination": "final"})
    chained = onward.merge(bought.drop(columns="via").rename(columns={"destination": "via"}), on=["sku", "via"])
    chained = chained.assign(
        arrive=chained["arrive"] + chained["on_days"], destination=chained["final"],
        landed_cost=chained["landed_cost"] + chained["on_duty"].fillna(0.0),
    )  # fmt: skip
    both = pd.concat([bought, chained[[*bought.columns]]], ignore_index=True)
    first = both.sort_values(["priority", "landed_cost"]).drop_duplicates(["sku", "destination"])
    usual = first.set_index(["sku", "destination"])["landed_cost"]
    at = pd.MultiIndex.from_frame(both[["sku", "destination"]])
    dearer = both["landed_cost"].to_numpy(float) - usual.reindex(at).to_numpy(float)
    return both.assign(dearer=np.nan_to_num(dearer), wait=0.0)


def _by_destination(ways: pd.DataFrame) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = {}
    for way in rows_of(ways):
        found.setdefault((way.sku, way.destination), []).append(way)
    return found


def _spare(whole: Ledger, ways: pd.DataFrame) -> Floats:
    """The least that lies beyond the safety of each week until an order of today arrives (without one: to the end)."""
    left = whole.follow()[0]
    first = ways.groupby(["sku", "destination"])["arrive"].min()
    days = first.reindex(pd.MultiIndex.from_frame(whole.keys[["sku", "warehouse"]])).to_numpy(float)
    until = np.where(np.isnan(days), len(whole.weeks), np.ceil(days / 7))[:, None]
    free = np.where(np.arange(len(whole.weeks)) <= until, left - whole.spread, np.inf)
    return np.asarray(np.maximum(free.min(axis=1), 0.0))


def _lanes(dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """Lanes of today: days on the way, and cost per kg, per m3 and per shipment in base currency."""
    lanes, today = dataset["lanes"], pd.Timestamp(as_of)
    lanes = lanes[~(lanes["end"] < today) & ~(lanes["start"] > today)]
    rates = rates_to_base(dataset["currencies"], settings.plan.currency, as_of)
    rate = to_base(pd.Series(1.0, index=lanes.index), lanes["currency"], rates).fillna(1.0)
    run = lanes["cost_per_km"].fillna(0.0) * lanes["distance_km"].fillna(0.0)
    return lanes.assign(
        days=np.ceil(lanes["transit_days"].fillna(0.0) + lanes["customs_days"].fillna(0.0)),
        per_kg=lanes["cost_per_kg"].fillna(0.0) * rate, per_m3=lanes["cost_per_m3"].fillna(0.0) * rate,
        per_shipment=(lanes["cost_per_shipment"].fillna(0.0) + run) * rate,
    )[["origin", "destination", "mode", "days", "per_kg", "per_m3", "per_shipment"]]  # fmt: skip


def transfer(case: Case, supply: Supply, more: Floats | None = None) -> Outcome | None:
    """Move spare stock of the same SKU to where it is short, over lanes that arrive in time, the cheapest first."""
    received = np.zeros_like(case.extra) if more is None else more.copy()
    short, moves = case.short(more=received), list[dict[str, Any]]()
    spare, used = dict(_by_pair(supply)), set[tuple[str, str, str]]()
    for row in np.argsort(-short.sum(axis=1), kind="stable").tolist():
        if short[row].sum() <= _LEAST:
            break
        for lane in rows_of(_towards(case, supply, row)):
            link = (lane.origin, lane.destination, lane.mode)
            fixed = 0.0 if link in used else float(lane.per_shipment)
            moved = _send(case, supply, short, spare, row, lane, fixed)
            if moved is None:
                continue
            week, units = moved
            received[row, week] += units
            short[row] = case.at(row).short(more=received[[row]])[0]
            cost = units * lane.each + fixed
            used.add(link)
            moves.append(_move(case, row, lane.origin, units, supply.as_of, lane.days, cost))
    if not moves:
        return None
    table = pd.DataFrame(moves, columns=list(MOVES))
    what = f"move {table['quantity'].sum():,.0f} units from {_names(table['source'])} to {_names(table['warehouse'])}"
    return case.outcome("transfer", what, more=received, cost=float(table["cost"].sum()), moves=table)


def _by_pair(supply: Supply) -> Iterator[tuple[tuple[str, str], float]]:
    pairs = zip(supply.whole.keys["sku"], supply.whole.keys["warehouse"], strict=True)
    yield from zip(pairs, supply.spare.tolist(), strict=True)


def _towards(case: Case, supply: Supply, row: int) -> pd.DataFrame:
    """Lanes that lead to the place of a series, with the cost of a unit of its SKU, the cheapest first."""
    key = case.ledger.keys.iloc[row]
    size = supply.items.reindex([key["sku"]]).iloc[0].fillna(0.0)
    lanes = supply.lanes[supply.lanes["destination"] == key["warehouse"]]
    each = lanes["per_kg"] * float(size["weight_kg"]) + lanes["per_m3"] * float(size["volume_m3"])
    ordered: pd.DataFrame = lanes.assign(each=each).sort_values(["each", "origin", "mode"], kind="stable")
    return ordered


def _send(
    case: Case,
    supply: Supply,
    short: Floats,
    spare: dict[tuple[str, str], float],
    row: int,
    lane: Any,
    fixed: float,
) -> tuple[int, float] | None:
    """Week of arrival and whole units that the origin can spare and the series still lacks from then on; None where
    moving them costs more than it saves."""
    sku = str(case.ledger.keys["sku"].iloc[row])
    week = week_of(case.ledger, supply.as_of + pd.Timedelta(days=lane.days))
    step = float(supply.items["quantity_step"].get(sku, 1.0) or 1.0)
    step = step if step == step and step > 0 else 1.0
    wanted = np.ceil(short[row, week:].sum() / step) * step
    units = float(np.floor(min(wanted, spare.get((sku, lane.origin), 0.0)) / step) * step)
    saved = min(units, float(short[row, week:].sum())) * float(case.ledger.keys["loss"].iloc[row])
    if (
        units <= 0
        or saved <= units * lane.each + fixed
        or _bound(supply, "inbound", lane.destination, case.ledger.weeks[week])
    ):
        return None
    spare[(sku, lane.origin)] -= units
    return week, units


def week_of(ledger: Ledger, day: pd.Timestamp) -> int:
    """Column of the week that holds `day`; the number of weeks where it lies beyond them."""
    return int(min(max((day - ledger.weeks[0]).days // 7, 0), len(ledger.weeks)))


def order(case: Case, supply: Supply, extra: Floats | None = None, more: Floats | None = None) -> Outcome | None:
    """Order today what is short and can still arrive: from each series' source that leaves the least money lost."""
    asked = case.extra if extra is None else extra
    received = np.zeros_like(asked) if more is None else more.copy()
    short, moves = case.short(asked, received), list[dict[str, Any]]()
    for row in np.flatnonzero(short.sum(axis=1) > _LEAST).tolist():
        found = _best_way(case, supply, short[row], row)
        if found is None:
            continue
        way, week, quantity, cost = found
        received[row, week] += quantity
        moves.append(_move(case, row, str(way.source), quantity, supply.as_of, way.arrive, cost, way.wait))
    if not moves:
        return None
    table = pd.DataFrame(moves, columns=list(MOVES))
    what = f"order {table['quantity'].sum():,.0f} units more today from {_names(table['source'])}"
    return case.outcome("early order", what, extra, received, float(table["cost"].sum()), table)


def _best_way(case: Case, supply: Supply, short: Floats, row: int) -> tuple[Any, int, float, float] | None:
    """Way, week, units and cost with the most money saved; None where none saves any."""
    key = case.ledger.keys.iloc[row]
    best, saved = None, 0.0
    for way in supply.ways.get((key["sku"], key["warehouse"]), ()):
        week = week_of(case.ledger, supply.as_of + pd.Timedelta(days=way.arrive))
        need = float(short[week:].sum())
        if need <= _LEAST or _no_room(supply, case.ledger, way, key["warehouse"], week):
            continue
        quantity = min(float(np.ceil(max(need, way.moq) / way.pack) * way.pack), float(way.max_order))
        cost = float(way.order_cost) + quantity * float(way.dearer) + _left_over(case, row, quantity - need)
        gain = min(need, quantity) * float(key["loss"]) - cost
        if gain > saved:
            best, saved = (way, week, quantity, cost), gain
    return best


def _no_room(supply: Supply, ledger: Ledger, way: Any, place: str, week: int) -> bool:
    """A limit on the source, on money, on goods in or on the space of the place is used up in the week."""
    now, then = ledger.weeks[0], ledger.weeks[week]
    return (
        _bound(supply, "supply", way.source, now) or _bound(supply, "money", "all", now)
        or _bound(supply, "inbound", place, then) or _bound(supply, "storage", place, then)
    )  # fmt: skip


def _bound(supply: Supply, scope: str, resource: str, week: pd.Timestamp) -> bool:
    return (f"{scope} {resource}", week) in supply.binding


def _left_over(case: Case, row: int, surplus: float) -> float:
    """Holding of what is bought beyond the need, while the usual demand uses it up: at most a year."""
    weekly = float(case.ledger.demand[row].mean())
    weeks = min(surplus / max(weekly, 1e-3), 52.0)
    return max(surplus, 0.0) * float(case.ledger.keys["holding"].iloc[row]) * weeks / 2


def _move(
    case: Case, row: int, source: str, units: float, today: pd.Timestamp, days: float, cost: float, wait: float = 0.0
) -> dict[str, Any]:
    key = case.ledger.keys.iloc[row]
    leave, due = today + pd.Timedelta(days=wait), today + pd.Timedelta(days=days)
    return dict(zip(MOVES, (key["sku"], key["warehouse"], source, units, leave, due, cost), strict=True))


def _names(column: pd.Series) -> str:
    names = sorted(column.unique())
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
