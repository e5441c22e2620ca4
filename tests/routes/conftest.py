"""Tiny named worlds: a sea and an air way from Shanghai, and a depot with shops around it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from planner.dataset import Dataset
from planner.settings import RouteSettings, Settings

AS_OF = dt.date(2026, 3, 2)  # a Monday
Frames = dict[str, pd.DataFrame]


def lane(origin: str, destination: str, mode: str, days: float, **more: Any) -> dict[str, Any]:
    return {"origin": origin, "destination": destination, "mode": mode, "transit_days": days, **more}


def port_frames() -> Frames:
    """SHA -sea-> HAM -road-> WH takes 30 + 2 (customs) + 1 days; SHA -air-> WH takes 3. USD is worth half a EUR.

    Sea: 1,000 USD a container of 10 t or 20 m3, 10,000 km, 0.01 kg CO2 per tkm. Road: 100 EUR a truck of 5 t or
    40 m3, 2 EUR per km over 50 km. Air: 4 EUR per kg.
    """
    places = [
        ("SHA", "supplier", 31.0, 121.0),
        ("HAM", "port", 53.5, 10.0),
        ("WH", "warehouse", 52.5, 13.4),
        ("DC", "dc", 51.3, 12.4),
    ]
    lanes = [
        lane(
            "SHA", "HAM", "sea", 30, customs_days=2, cost_per_shipment=1000, currency="USD", capacity_kg=10000,
            capacity_m3=20, distance_km=10000, co2_kg_per_tkm=0.01, carrier="blue",
        ),
        lane(
            "HAM", "WH", "road", 1, cost_per_shipment=100, cost_per_km=2, distance_km=50, capacity_kg=5000,
            capacity_m3=40, co2_kg_per_tkm=0.1,
        ),
        lane("SHA", "WH", "air", 3, cost_per_kg=4, distance_km=8000),
        lane("DC", "WH", "road", 1, cost_per_m3=10, distance_km=150),
    ]  # fmt: skip
    return {
        "locations": pd.DataFrame(places, columns=["location", "kind", "latitude", "longitude"]),
        "lanes": pd.DataFrame(lanes),
        "items": pd.DataFrame(
            {"sku": ["heavy", "light", "ghost"], "weight_kg": [10.0, 1.0, None], "volume_m3": [0.01, 0.02, None]}
        ),
        "currencies": pd.DataFrame(
            {"currency": ["USD"], "date": pd.to_datetime(["2026-01-01"]), "rate_to_base": [0.5]}
        ),
    }


def shop_frames() -> Frames:
    """A depot with four shops, one degree of latitude apart (111.195 km without detour); one van type."""
    places = [("DEPOT", "dc", 50.0, 10.0)]
    places += [(f"S{number}", "store", 50.0 + number / 10, 10.0) for number in (1, 2, 3, 4)]
    return {
        "locations": pd.DataFrame(places, columns=["location", "kind", "latitude", "longitude"]),
        "deliveries": pd.DataFrame(
            {
                "delivery": ["d1", "d2", "d3", "d4"],
                "location": ["S1", "S2", "S3", "S4"],
                "date": pd.to_datetime(["2026-03-03"] * 4),
                "kg": [100.0, 200.0, 300.0, 400.0],
                "m3": [1.0, 1.0, 1.0, 1.0],
            }
        ),
        "vehicles": pd.DataFrame(
            {
                "vehicle": ["van"],
                "depot": ["DEPOT"],
                "count": [2.0],
                "capacity_kg": [1000.0],
                "capacity_m3": [10.0],
                "fixed_cost": [50.0],
                "cost_per_km": [1.0],
                "cost_per_hour": [20.0],
                "co2_kg_per_km": [0.25],
                "shift_start": ["06:00"],
                "shift_end": ["18:00"],
            }
        ),
        "stops": pd.DataFrame({"location": ["S1", "S2", "S3", "S4"], "service_minutes": [10.0] * 4}),
    }


def order_rows(*rows: tuple[str, str, str, str, str, str, float], **more: Any) -> pd.DataFrame:
    """Orders from (line_id, sku, source, destination, order_date, due_date, quantity)."""
    names = ["line_id", "sku", "source", "destination", "order_date", "due_date", "quantity"]
    frame = pd.DataFrame(rows, columns=names)
    for column in ("order_date", "due_date"):
        frame[column] = pd.to_datetime(frame[column])
    defaults = {"unit_cost": 2.0, "campaign_quantity": 0.0, "campaigns": "", "freight": 0.0, "status": "proposed"}
    return frame.astype({"quantity": float}).assign(**(defaults | more))


@pytest.fixture
def settings() -> Settings:
    """Straight lines at 60 km/h, so that distances and times can be worked out by hand."""
    return Settings(routes=RouteSettings(iterations=200, speed_km_per_hour=60.0, detour_factor=1.0))


@pytest.fixture
def port() -> Frames:
    return port_frames()


@pytest.fixture
def shops() -> Frames:
    return shop_frames()


@pytest.fixture
def dataset_of() -> Callable[[Frames], Dataset]:
    return Dataset.from_frames
