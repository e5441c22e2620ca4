"""The last mile: stores around one or two warehouses, their time windows, and what they get in the coming days."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.demo.assortment import Rng
from planner.demo.atlas import Place, atlas
from planner.demo.sizes import TODAY, Size

WINDOWS = (("07:00", "12:00"), ("08:00", "17:00"), ("06:30", "10:30"), ("10:00", "16:00"))
DELIVERY_DAYS = 5


def stores_of(size: Size) -> list[Place]:
    return [store for depot in size.map.depots for store in atlas().stores[depot]]


def make_vehicles(size: Size) -> pd.DataFrame:
    """Two trucks and three vans at each depot; a van may come back once to reload."""
    kinds = pd.DataFrame(
        {
            "vehicle": ["truck", "van"],
            "count": [2, 3],
            "capacity_kg": [5500, 1200],
            "capacity_m3": [34.0, 11.0],
            "fixed_cost": [140.0, 60.0],
            "cost_per_km": [0.72, 0.38],
            "cost_per_hour": [27.0, 22.0],
            "co2_kg_per_km": [0.58, 0.24],
            "shift_start": ["05:30", "06:00"],
            "shift_end": ["15:30", "15:00"],
            "max_km": [600, 450],
            "reloads": [0, 1],
        }
    )
    depots = pd.DataFrame({"depot": sorted(size.map.depots)})
    return depots.merge(kinds, how="cross")[["vehicle", "depot", *kinds.columns[1:]]]


def make_stops(size: Size, rng: Rng) -> pd.DataFrame:
    """Every sixth store is too narrow for trucks."""
    stores = stores_of(size)
    window = [WINDOWS[int(choice)] for choice in rng.integers(0, len(WINDOWS), len(stores))]
    frame = pd.DataFrame(
        {
            "location": [store.code for store in stores],
            "window_start": [start for start, _ in window],
            "window_end": [end for _, end in window],
            "service_minutes": rng.choice([10, 15, 20, 25], len(stores)),
            "vehicle_kinds": ["van" if number % 6 == 5 else "" for number in range(len(stores))],
        }
    )
    return frame.sort_values("location", ignore_index=True)


def make_deliveries(size: Size, rng: Rng) -> pd.DataFrame:
    """Three stores in four on each day of the week; empties to collect; a few that may be left out for a price."""
    parts = []
    for day in range(DELIVERY_DAYS):
        stores = [store for store in stores_of(size) if rng.random() < 0.75]
        kg = np.round(rng.uniform(80, 620, len(stores)))
        optional = rng.random(len(stores)) < 0.12
        parts.append(
            pd.DataFrame(
                {
                    "location": [store.code for store in stores],
                    "date": TODAY + pd.Timedelta(days=day),
                    "kg": kg,
                    "m3": np.round(kg / rng.uniform(180, 320, len(stores)), 2),
                    "pickup_kg": np.where(rng.random(len(stores)) < 0.2, np.round(kg * 0.1), 0),
                    "prize": np.where(optional, 90.0, np.nan),
                    "required": ~optional,
                    "depot": [store.code.split("-")[0] for store in stores],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "delivery", [f"D-{number + 1:05d}" for number in range(len(table))])
    return table
