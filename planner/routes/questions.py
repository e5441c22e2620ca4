"""What a planner asks of the network: is it sound, and which way leads from here to there."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import pandas as pd

from planner.dataset import Dataset
from planner.errors import PlannerError
from planner.routes.faults import check
from planner.routes.network import By, Path, build_network, paths
from planner.routes.results import PATHS, shaped
from planner.settings import Settings

BY: tuple[tuple[Literal["cheapest", "fastest"], By], ...] = (("cheapest", "cost"), ("fastest", "days"))


def check_network(dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """Findings on lanes and places, and on what sourcing wants to connect, as an exceptions table."""
    wanted = dataset["sourcing"][["source", "destination"]].astype(str).drop_duplicates()
    pairs = tuple(wanted.itertuples(index=False, name=None))
    return check(build_network(dataset, settings, as_of, pairs))


def find_paths(
    dataset: Dataset,
    settings: Settings,
    as_of: dt.date,
    origin: str,
    destination: str,
    kg: float = 1000.0,
    m3: float = 5.0,
    k: int = 1,
) -> pd.DataFrame:
    """The `k` cheapest and the `k` fastest ways, one row a leg: by, path, leg, lane, days, distance and cost.

    Raises UsageError for an unknown place, PlannerError where no open lanes lead from origin to destination.
    """
    network = build_network(dataset, settings, as_of)
    rows = [
        row
        for word, by in BY
        for number, path in enumerate(paths(network, origin, destination, by, k, kg, m3), start=1)
        for row in _legs(word, number, path, kg, m3)
    ]
    if not rows and origin != destination:
        raise PlannerError(f"no lanes open on {as_of} lead from {origin} to {destination}", "planner network check")
    return shaped(rows, PATHS)


def _legs(word: str, number: int, path: Path, kg: float, m3: float) -> list[dict[str, object]]:
    return [
        {
            "by": word,
            "path": number,
            "leg": leg,
            "origin": lane.origin,
            "destination": lane.destination,
            "mode": lane.mode,
            "carrier": lane.carrier,
            "days": lane.days,
            "distance_km": lane.distance_km,
            "cost": lane.cost(kg, m3),
            "co2_kg": lane.co2_kg(kg),
        }
        for leg, lane in enumerate(path.lanes, start=1)
    ]
