"""Shared limits: budget, suppliers, lanes, storage, goods in and out. Who uses each of them, and how much is firm."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.periods import first_days
from planner.settings import Settings
from planner.stock.case import Floats, Limit, Links, Nodes
from planner.stock.sourcing import rows_of

_WHEN = {"order": "order", "receipt": "receipt", "payment": "payment"}


def read_limits(
    dataset: Dataset, nodes: Nodes, links: Links, weeks: pd.DatetimeIndex, settings: Settings, as_of: dt.date,
    volume: Floats, weight: Floats, pallet: Floats,
) -> tuple[Limit, ...]:  # fmt: skip
    """One Limit per scope, resource and measure with a row in the horizon, and the weekly budget of the settings."""
    units = _measures(volume, weight, pallet)
    tables = [
        (scope, resource, measure, *_series(rows, weeks)) for (scope, resource, measure), rows in _groups(dataset)
    ]
    tables += _standing_storage(dataset, nodes, {t[1] for t in tables if t[0] == "storage" and t[2] == "m3"}, weeks)
    if settings.stock.budget_per_week is not None:
        budget = np.full(len(weeks), float(settings.stock.budget_per_week))
        tables.append(("money", "all", "money", budget, np.full(len(weeks), np.inf)))
    found = [
        _limit(scope, resource, measure, cap, soft, nodes, links, units, settings, dataset, weeks)
        for scope, resource, measure, cap, soft in sorted(tables, key=lambda t: t[:3])
        if np.isfinite(cap).any()
    ]
    return tuple(_merged_lanes([limit for limit in found if limit is not None], dataset))


def _groups(dataset: Dataset) -> Any:
    table = dataset["capacities"].sort_values(["scope", "resource", "measure", "week"], kind="stable")
    return table.groupby(["scope", "resource", "measure"], sort=True)


def _series(rows: pd.DataFrame, weeks: pd.DatetimeIndex) -> tuple[Floats, Floats]:
    """Limit and price [T]: no limit where no row is, a hard one where it has no price."""
    monday = first_days(rows["week"], "week")
    cap, soft = np.full(len(weeks), np.inf), np.full(len(weeks), np.inf)
    for week, limit, price in zip((monday - weeks[0]).dt.days // 7, rows["limit"], rows["soft_price"], strict=True):
        if 0 <= week < len(weeks) and not np.isnan(limit):
            cap[week] = limit
            soft[week] = np.inf if np.isnan(price) else price
    return cap, soft


def _standing_storage(dataset: Dataset, nodes: Nodes, given: set[str], weeks: pd.DatetimeIndex) -> list[Any]:
    """locations.capacity_m3 limits storage in every week, unless `capacities` speaks of that place."""
    places = dataset["locations"].set_index("location")["capacity_m3"].dropna()
    return [
        ("storage", place, "m3", np.full(len(weeks), float(limit)), np.full(len(weeks), np.inf))
        for place, limit in sorted(places.items())
        if place in set(nodes.place) and place not in given
    ]


def _measures(volume: Floats, weight: Floats, pallet: Floats) -> dict[str, Floats]:
    """What a unit of each node counts in each measure; unknown counts 0."""
    pallets = np.divide(1.0, pallet, out=np.zeros_like(pallet), where=pallet > 0)
    values = {"m3": volume, "kg": weight, "units": np.ones_like(volume), "pallets": pallets}
    return {name: np.nan_to_num(value) for name, value in values.items()}


def _limit(
    scope: str, resource: str, measure: str, cap: Floats, soft: Floats, nodes: Nodes, links: Links,
    units: dict[str, Floats], settings: Settings, dataset: Dataset, weeks: pd.DatetimeIndex,
) -> Limit | None:  # fmt: skip
    money = measure == "money"
    per_node = nodes.cost if money else units[measure]
    per_link = np.ones(len(links)) if money else per_node[links.node]
    everywhere = resource == "all"
    nowhere, none = np.zeros(len(links)), np.zeros(len(nodes))
    orders, held, served, firm, when = nowhere, none, none, np.zeros(len(weeks)), "order"
    if scope == "money":
        paid = links.duty + (links.origin < 0)  # goods that are transferred are paid for, their duty is not
        orders = per_link * paid * (everywhere | (links.destination == resource))
        when = _WHEN[settings.stock.budget_charge]
        firm = _firm_money(dataset, nodes, resource, weeks, settings)
    elif scope == "supply":
        orders = per_link * (everywhere | (links.source == resource)) * (links.origin < 0)
        orders = orders + per_link * (links.origin >= 0) * (links.source == resource)
    elif scope == "lane":
        origin, _, rest = resource.partition(">")
        orders = per_link * (links.source == origin) * (links.destination == rest.partition(">")[0])
    elif scope == "inbound":
        orders, when = per_link * (everywhere | (links.destination == resource)), "receipt"
        firm = ((nodes.pipeline + nodes.expired) * (per_node * (everywhere | (nodes.place == resource)))[:, None]).sum(
            axis=0
        )
    elif scope == "outbound":
        orders = per_link * (links.origin >= 0) * (everywhere | (links.source == resource))
        served = per_node * nodes.sells * (everywhere | (nodes.place == resource))
    else:
        held = per_node * (everywhere | (nodes.place == resource))
    if not (orders.any() or held.any() or served.any()):
        return None
    setup = links.setup * (orders > 0) * (scope == "supply" and measure == "units")
    return Limit(f"{scope} {resource} {measure}", scope, cap, soft, firm, orders, setup, held, served, when, money)  # type: ignore[arg-type]


def _firm_money(dataset: Dataset, nodes: Nodes, resource: str, weeks: pd.DatetimeIndex, settings: Settings) -> Floats:
    """What the pipeline will cost: at receipt or payment; ordered goods were charged before if orders are charged."""
    result = np.zeros(len(weeks))
    if settings.stock.budget_charge == "order":
        return result
    delay = dataset["suppliers"].set_index("location")["payment_days"].to_dict()
    cost = {(sku, place): value for sku, place, value in zip(nodes.sku, nodes.place, nodes.cost, strict=True)}
    for row in rows_of(dataset["pipeline"]):
        if row.kind != "purchase" or (resource not in ("all", row.destination)):
            continue
        late = delay.get(row.source, 0.0) if settings.stock.budget_charge == "payment" else 0.0
        week = (max(row.due_date, weeks[0]) + pd.Timedelta(days=float(np.nan_to_num(late))) - weeks[0]).days // 7
        if week < len(weeks):
            result[week] += row.quantity * cost.get((row.sku, row.destination), 0.0)
    return result


def _merged_lanes(limits: list[Limit], dataset: Dataset) -> list[Limit]:
    """The stock plan does not choose the mode: limits of the modes between two places add up, and bind only if
    every mode between them has one."""
    modes: dict[tuple[str, str], set[str]] = {}
    for row in rows_of(dataset["lanes"]):
        modes.setdefault((row.origin, row.destination), set()).add(row.mode)
    result = [limit for limit in limits if limit.scope != "lane"]
    lanes: dict[tuple[str, str, str], list[Limit]] = {}
    for limit in (limit for limit in limits if limit.scope == "lane"):
        resource, measure = limit.name.removeprefix("lane ").rsplit(" ", 1)
        start, end = resource.split(">")[:2]
        lanes.setdefault((start, end, measure), []).append(limit)
    for (start, end, measure), group in sorted(lanes.items()):
        if len(group) >= len(modes.get((start, end), set())):
            cap = np.sum([limit.cap for limit in group], axis=0)
            soft = np.max([limit.soft for limit in group], axis=0)
            first = group[0]
            result.append(
                Limit(
                    f"lane {start}>{end} {measure}",
                    "lane",
                    cap,
                    soft,
                    first.firm,
                    first.orders,
                    first.setup,
                    first.held,
                    first.served,
                )
            )
    return result
