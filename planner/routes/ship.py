"""How orders and deliveries travel: order lines over lanes, deliveries in vehicles."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pandas as pd

from planner.dataset import Dataset
from planner.routes.check import verify
from planner.routes.faults import lane_findings
from planner.routes.findings import Finding, as_frame
from planner.routes.flows import Freight, send
from planner.routes.network import build_network
from planner.routes.results import VEHICLE_ROUTES, VISITS, shaped
from planner.routes.solver import MissingSolver
from planner.routes.vehicles import Drives, drive
from planner.settings import Settings


@dataclass(frozen=True)
class RouteResult:
    """Tables flows, loads, vehicle_routes, visits and exceptions; `order_freight` has line_id and freight.

    `summary` holds the key figures: freight, loads, shipments, km, co2_kg, vehicles, vehicle_cost, vehicle_km,
    deliveries, deliveries_served, unserved (names), lines_without_path, and `check` (violations, empty when clean).
    """

    flows: pd.DataFrame
    loads: pd.DataFrame
    vehicle_routes: pd.DataFrame
    visits: pd.DataFrame
    exceptions: pd.DataFrame
    order_freight: pd.DataFrame
    summary: dict[str, Any]


def ship(dataset: Dataset, orders: pd.DataFrame, settings: Settings, as_of: dt.date) -> RouteResult:
    """Put `orders` (what is not yet on its way) on lanes, and deliveries from `as_of` on into vehicles."""
    pairs = orders[["source", "destination"]].astype(str).itertuples(index=False, name=None)
    network = build_network(dataset, settings, as_of, pairs)
    freight = send(dataset, network, orders, settings.routes.prefer, as_of)
    drives = _drive(dataset, settings, as_of)
    violations = verify(dataset, drives.vehicle_routes, drives.visits, drives.unserved, settings, as_of)
    findings = [*lane_findings(network), *freight.findings, *drives.findings, *_violated(violations)]
    return RouteResult(
        freight.flows,
        freight.loads,
        drives.vehicle_routes,
        drives.visits,
        as_frame(findings),
        freight.order_freight,
        _summary(dataset, freight, drives, violations, as_of),
    )


def _drive(dataset: Dataset, settings: Settings, as_of: dt.date) -> Drives:
    """Vehicle routes; without the solver none, and a finding that says so, since the rest of the plan stands."""
    try:
        return drive(dataset, settings, as_of)
    except MissingSolver as error:
        due = _due(dataset, as_of)
        text = f"No vehicle routes for {len(due):,} deliveries: {error.message}."
        findings = (Finding("no-vehicle-routes", 1, text, error.hint),)
        required = due.loc[due["required"].astype(bool), "delivery"]
        return Drives(shaped([], VEHICLE_ROUTES), shaped([], VISITS), findings, tuple(sorted(required.astype(str))))


def _due(dataset: Dataset, as_of: dt.date) -> pd.DataFrame:
    deliveries = dataset["deliveries"]
    return deliveries[deliveries["date"] >= pd.Timestamp(as_of)]


def _violated(violations: list[str]) -> list[Finding]:
    return [
        Finding("invalid-route", 1, f"The check of vehicle routes found: {text}.", "do not release these routes")
        for text in violations
    ]


def _summary(
    dataset: Dataset, freight: Freight, drives: Drives, violations: list[str], as_of: dt.date
) -> dict[str, Any]:
    loads, routes = freight.loads, drives.vehicle_routes
    lane_km = (loads["distance_km"].fillna(0.0) * loads["shipments"]).sum()
    return {
        "freight": float(loads["cost"].sum()),
        "loads": len(loads),
        "shipments": int(loads["shipments"].sum()),
        "km": float(lane_km + routes["distance_km"].sum()),
        "co2_kg": float(loads["co2_kg"].sum() + routes["co2_kg"].fillna(0.0).sum()),
        "lines_without_path": freight.lines_without_path,
        "vehicles": len(routes[["depot", "date", "route"]].drop_duplicates()),
        "vehicle_km": float(routes["distance_km"].sum()),
        "vehicle_cost": float(routes["cost"].sum()),
        "deliveries": len(_due(dataset, as_of)),
        "deliveries_served": len(drives.visits),
        "unserved": list(drives.unserved),
        "check": violations,
    }
