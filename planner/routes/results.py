"""The tables that routes writes: their columns and types, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

TEXT, NUMBER, COUNT, DATE = "object", "float64", "int64", "datetime64[ns]"

EXCEPTIONS: Mapping[str, str] = {
    "type": TEXT,
    "severity": COUNT,
    "sku": TEXT,
    "warehouse": TEXT,
    "week": DATE,
    "money": NUMBER,
    "text": TEXT,
    "hint": TEXT,
}
LOADS: Mapping[str, str] = {
    "load_id": TEXT,
    "origin": TEXT,
    "destination": TEXT,
    "mode": TEXT,
    "carrier": TEXT,
    "depart_date": DATE,
    "depart_week": DATE,
    "arrive_date": DATE,
    "distance_km": NUMBER,
    "kg": NUMBER,
    "m3": NUMBER,
    "lines": COUNT,
    "shipments": COUNT,
    "fill": NUMBER,
    "cost": NUMBER,
    "co2_kg": NUMBER,
    "campaign_kg": NUMBER,
    "campaign_m3": NUMBER,
    "campaigns": TEXT,
    "line_ids": TEXT,
}
FLOWS: Mapping[str, str] = {
    "origin": TEXT,
    "destination": TEXT,
    "mode": TEXT,
    "carrier": TEXT,
    "week": DATE,
    "loads": COUNT,
    "shipments": COUNT,
    "lines": COUNT,
    "kg": NUMBER,
    "m3": NUMBER,
    "cost": NUMBER,
    "co2_kg": NUMBER,
    "campaign_kg": NUMBER,
    "campaign_m3": NUMBER,
}
ORDER_FREIGHT: Mapping[str, str] = {"line_id": TEXT, "freight": NUMBER}
PATHS: Mapping[str, str] = {
    "by": TEXT,
    "path": COUNT,
    "leg": COUNT,
    "origin": TEXT,
    "destination": TEXT,
    "mode": TEXT,
    "carrier": TEXT,
    "days": NUMBER,
    "distance_km": NUMBER,
    "cost": NUMBER,
    "co2_kg": NUMBER,
}
VEHICLE_ROUTES: Mapping[str, str] = {
    "depot": TEXT,
    "date": DATE,
    "vehicle": TEXT,
    "route": COUNT,
    "trip": COUNT,
    "stops": COUNT,
    "distance_km": NUMBER,
    "duration_minutes": NUMBER,
    "kg": NUMBER,
    "m3": NUMBER,
    "fill": NUMBER,
    "cost": NUMBER,
    "co2_kg": NUMBER,
    "start": DATE,
    "end": DATE,
}
VISITS: Mapping[str, str] = {
    "depot": TEXT,
    "date": DATE,
    "vehicle": TEXT,
    "route": COUNT,
    "trip": COUNT,
    "position": COUNT,
    "delivery": TEXT,
    "location": TEXT,
    "arrive": DATE,
    "wait_minutes": NUMBER,
    "leave": DATE,
    "kg": NUMBER,
    "m3": NUMBER,
}


def shaped(rows: pd.DataFrame | Iterable[Any], columns: Mapping[str, str], key: Sequence[str] = ()) -> pd.DataFrame:
    """`rows` with exactly these columns and types, sorted by `key`, index 0..n-1; no rows give an empty typed frame."""
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    frame = frame.reindex(columns=list(columns)).astype(dict(columns))
    ordered = frame.sort_values(list(key), kind="stable") if key else frame
    return ordered.reset_index(drop=True)
