"""Whole vehicles: what the lines of a lane and week pay is what their vehicles cost."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator

import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.check.reading import TOLERANCE, rates_on, rows_of


def freights(dataset: Dataset, lines: pd.DataFrame, settings: Settings, as_of: dt.date) -> Iterator[str]:
    """Freight of the lines of a lane ordered in a week = vehicles x (per shipment + per km x distance).

    Vehicles are counted by volume and by weight, the more of the two; looked at where `stock.whole_trucks` is set.
    """
    if not settings.stock.whole_trucks:
        return
    terms = _terms(dataset, settings, as_of)
    for key, rows in lines.groupby(["source", "destination", "order_week"]):
        source, place, week = str(key[0]), str(key[1]), key[2]
        paid, due = float(rows["freight"].sum()), 0.0
        if (source, place) in terms:
            each, m3, kg = terms[source, place]
            volume = float((rows["quantity"] * rows["volume_m3"].fillna(0.0)).sum())
            weight = float((rows["quantity"] * rows["weight_kg"].fillna(0.0)).sum())
            due = each * math.ceil(max(volume / m3, weight / kg) - 1e-6)
        if abs(paid - due) > TOLERANCE * (1 + len(rows)):
            yield f"freight: {source}>{place}, week {week:%Y-%m-%d}: lines pay {paid:,.2f}, vehicles cost {due:,.2f}"


def _terms(dataset: Dataset, settings: Settings, as_of: dt.date) -> dict[tuple[str, str], tuple[float, float, float]]:
    """By pair of places: cost of a vehicle in base currency, its m3 and kg; of several the cheapest per m3, then kg."""
    rates = rates_on(dataset, settings.plan.currency, as_of)
    best: dict[tuple[str, str], tuple[tuple[float, float], tuple[float, float, float]]] = {}
    for row in rows_of(dataset["lanes"].sort_values("mode", kind="stable")):
        closed = (not pd.isna(row.start) and row.start > pd.Timestamp(as_of)) or (
            not pd.isna(row.end) and row.end < pd.Timestamp(as_of)
        )
        distance = 0.0 if pd.isna(row.distance_km) else row.distance_km
        currency = "" if pd.isna(row.currency) else row.currency
        each = (row.cost_per_shipment + row.cost_per_km * distance) * rates.get(currency, 1.0)
        m3, kg = (math.inf if pd.isna(value) else value for value in (row.capacity_m3, row.capacity_kg))
        if closed or not each > 0 or not math.isfinite(min(m3, kg)):
            continue
        rank = (each / m3 if m3 < math.inf else math.inf, each / kg)
        if (row.origin, row.destination) not in best or rank < best[row.origin, row.destination][0]:
            best[row.origin, row.destination] = (rank, (each, m3, kg))
    return {pair: found for pair, (_, found) in best.items()}
