"""Whole vehicles on the lanes: what goods ordered over a lane in one week fill, and what their vehicles cost."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from planner.currency import rates_to_base, to_base
from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.case import Case, Floats, Links, Nodes, Truck
from planner.stock.kernel.field import FULL
from planner.stock.sourcing import rows_of


def read_trucks(
    dataset: Dataset, links: Links, nodes: Nodes, volume: Floats, weight: Floats, settings: Settings, as_of: dt.date
) -> tuple[Truck, ...]:  # fmt: skip
    """One Truck per lane on which vehicles have a cost and a capacity; none unless `stock.whole_trucks` is set.

    A vehicle costs cost_per_shipment + cost_per_km x distance, as the freight of loads does. Of several lanes between
    two places the one with the cheapest cubic metre (or kg) counts. `volume` and `weight` [N] are those of a unit; an
    unknown one counts 0.
    """
    if not settings.stock.whole_trucks:
        return ()
    found = []
    sizes = np.nan_to_num(np.column_stack([volume, weight]))
    for lane in rows_of(_lanes(dataset, settings, as_of)):
        own = np.flatnonzero((links.source == lane.origin) & (links.destination == lane.destination)).astype(np.int64)
        share = sizes[links.node[own]] / np.array([lane.capacity_m3, lane.capacity_kg], float)
        if share.any():
            mean = nodes.demand[links.node[own]].mean(axis=1) + 1e-9
            name = f"{lane.origin}>{lane.destination}"
            found.append(Truck(name, str(lane.mode), own, float(lane.each), share, int(np.argmax(mean @ share))))
    return tuple(found)


def _lanes(dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """One row per pair of places: `each` is what a vehicle costs in base currency, capacities are inf where unknown."""
    lanes, today = dataset["lanes"], pd.Timestamp(as_of)
    open_now = (lanes["start"].isna() | (lanes["start"] <= today)) & (lanes["end"].isna() | (lanes["end"] >= today))
    each = lanes["cost_per_shipment"].fillna(0.0) + (lanes["cost_per_km"] * lanes["distance_km"]).fillna(0.0)
    rates = rates_to_base(dataset["currencies"], settings.plan.currency, as_of)
    each = to_base(each.astype(float), lanes["currency"], rates)
    lanes = lanes.assign(
        each=each, capacity_m3=lanes["capacity_m3"].fillna(np.inf), capacity_kg=lanes["capacity_kg"].fillna(np.inf)
    )
    limited = np.isfinite(lanes["capacity_m3"]) | np.isfinite(lanes["capacity_kg"])
    rows = lanes[open_now & (lanes["each"] > 0) & limited]
    dear = (rows["each"] / rows["capacity_m3"]).where(rows["capacity_m3"] < np.inf, np.inf)
    rows = rows.assign(dear=dear, by_weight=rows["each"] / rows["capacity_kg"])
    ranked: pd.DataFrame = rows.sort_values(["origin", "destination", "dear", "by_weight", "mode"], kind="stable")
    return ranked.drop_duplicates(["origin", "destination"])


def loads(case: Case, quantity: Floats) -> Floats:
    """[trucks, T] vehicles' worth of goods ordered over each lane, by volume or by weight, whichever is more."""
    found = [(truck.share.T @ quantity[truck.links]).max(axis=0) for truck in case.trucks]
    return np.array(found).reshape(len(case.trucks), case.horizon)


def vehicles(case: Case, quantity: Floats) -> Floats:
    """[trucks, T] whole vehicles that these orders [L, T] need."""
    return np.asarray(np.ceil(loads(case, quantity) - FULL))


def freight(case: Case, quantity: Floats) -> float:
    """Cost of all vehicles: their number x what one costs."""
    each = np.array([truck.cost for truck in case.trucks])
    return float(each @ vehicles(case, quantity).sum(axis=1)) if case.trucks else 0.0


def freight_of_lines(case: Case, quantity: Floats) -> Floats:
    """[L, T] what vehicles cost, shared among the lines of a lane and week by the measure that is fuller."""
    result = np.zeros_like(quantity)
    for truck in case.trucks:
        by_measure = truck.share[:, :, None] * quantity[truck.links][:, None, :]
        fill = by_measure.sum(axis=0)
        fuller = np.argmax(fill, axis=0)
        part = np.take_along_axis(by_measure, fuller[None, None, :], axis=1)[:, 0]
        total = fill.max(axis=0)
        paid = truck.cost * np.ceil(total - FULL)
        result[truck.links] = part * np.divide(paid, total, out=np.zeros_like(paid), where=total > 0)
    return result
