"""Are vehicle routes valid? Recomputed from the input tables by code that shares nothing with what plans them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Collection, Iterator
from typing import Any

import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings

TOLERANCE = 1e-6
SECOND = pd.Timedelta(seconds=1)


def verify(
    dataset: Dataset,
    vehicle_routes: pd.DataFrame,
    visits: pd.DataFrame,
    unserved: Collection[str],
    settings: Settings,
    as_of: dt.date,
) -> list[str]:
    """Every violation as a sentence, sorted; empty when the routes are valid.

    `unserved` names the required deliveries that are known not to be served; each must be without a visit.
    """
    facts = _Facts(dataset, settings)
    found = [
        *_served(facts, visits, unserved, as_of),
        *_vehicles(facts, vehicle_routes),
        *_strays(vehicle_routes, visits),
    ]
    for key, trips in vehicle_routes.groupby(["depot", "date", "route"], observed=True):
        calls = visits[(visits["depot"] == key[0]) & (visits["date"] == key[1]) & (visits["route"] == key[2])]
        found += _route(facts, trips.sort_values("trip"), calls.sort_values("position"))
    return sorted(found)


class _Facts:
    """The input by key, and how far two places are apart."""

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        self.settings = settings
        self.deliveries = {str(row["delivery"]): row for row in dataset["deliveries"].to_dict("records")}
        self.places = {str(row["location"]): row for row in dataset["locations"].to_dict("records")}
        self.stops = {str(row["location"]): row for row in dataset["stops"].to_dict("records")}
        self.vehicles = {
            (str(row["depot"]), str(row["vehicle"])): row for row in dataset["vehicles"].to_dict("records")
        }

    def km(self, one: str, two: str) -> float:
        """Great circle by the angle between two vectors, x detour factor."""
        (x1, y1, z1), (x2, y2, z2) = self._vector(one), self._vector(two)
        across = math.hypot(y1 * z2 - z1 * y2, z1 * x2 - x1 * z2, x1 * y2 - y1 * x2)
        angle = math.atan2(across, x1 * x2 + y1 * y2 + z1 * z2)
        return 6371.0088 * angle * self.settings.routes.detour_factor

    def _vector(self, place: str) -> tuple[float, float, float]:
        phi = math.radians(self.places[place]["latitude"])
        lam = math.radians(self.places[place]["longitude"])
        return math.cos(phi) * math.cos(lam), math.cos(phi) * math.sin(lam), math.sin(phi)

    def drive(self, one: str, two: str) -> pd.Timedelta:
        return pd.Timedelta(hours=self.km(one, two) / self.settings.routes.speed_km_per_hour)

    def window(self, delivery: dict[Any, Any], date: pd.Timestamp) -> tuple[pd.Timestamp, pd.Timestamp]:
        stop, place = self.stops.get(delivery["location"], {}), self.places[delivery["location"]]
        for row, names in ((delivery, _WINDOW), (stop, _WINDOW), (place, ("opens", "closes"))):
            if row.get(names[0]) or row.get(names[1]):
                return _between(date, row[names[0]], row[names[1]])
        return _between(date, "", "")


_WINDOW = ("window_start", "window_end")


def _between(date: pd.Timestamp, start: str, end: str) -> tuple[pd.Timestamp, pd.Timestamp]:
    midnight = pd.Timedelta(days=1)
    first = date + pd.Timedelta(f"{start}:00" if start else "0s")
    last = date + (pd.Timedelta(f"{end}:00") if end else midnight)
    return first, last + midnight if last < first else last


def _served(facts: _Facts, visits: pd.DataFrame, unserved: Collection[str], as_of: dt.date) -> Iterator[str]:
    """Each required delivery from as_of on is visited once or known as unserved; no delivery is visited twice."""
    times = visits["delivery"].astype(str).value_counts().to_dict()
    for name, row in facts.deliveries.items():
        count = times.pop(name, 0)
        if count > 1:
            yield f"delivery {name} is visited {count} times"
        if name in unserved and count:
            yield f"delivery {name} is visited although it is reported as not served"
        if row["required"] and not count and name not in unserved and row["date"] >= pd.Timestamp(as_of):
            yield f"required delivery {name} is not visited"
        if count and row["date"] < pd.Timestamp(as_of):
            yield f"delivery {name} is in the past"
    for stray in times:
        yield f"visit of an unknown delivery {stray}"


def _vehicles(facts: _Facts, routes: pd.DataFrame) -> Iterator[str]:
    """Vehicles used <= vehicles there are; trips <= 1 + reloads."""
    for (depot, date, name), rows in routes.groupby(["depot", "date", "vehicle"], observed=True):
        vehicle, where = facts.vehicles.get((str(depot), str(name))), f"{depot} on {_day(date)}"
        if vehicle is None:
            yield f"{where}: there is no vehicle {name}"
            continue
        used = rows["route"].nunique()
        if used > vehicle["count"]:
            yield f"{where}: {used} vehicles {name} are used, but there are {vehicle['count']:g}"
        trips = rows.groupby("route").size().max()
        if trips > 1 + _known(vehicle["reloads"], 0.0):
            yield f"{where}: a vehicle {name} drives {trips} trips, but may reload {vehicle['reloads']:g} times"


def _strays(routes: pd.DataFrame, visits: pd.DataFrame) -> Iterator[str]:
    """Every visit belongs to a trip in the table of routes, of the same vehicle."""
    key = ["depot", "date", "route", "trip", "vehicle"]
    known = set(routes[key].itertuples(index=False, name=None))
    for name, *trip in visits[["delivery", *key]].itertuples(index=False, name=None):
        if tuple(trip) not in known:
            yield f"the visit of delivery {name} belongs to no route"


def _route(facts: _Facts, trips: pd.DataFrame, calls: pd.DataFrame) -> Iterator[str]:
    first = trips.iloc[0]
    vehicle = facts.vehicles.get((str(first["depot"]), str(first["vehicle"])))
    if vehicle is None or not set(calls["delivery"]) <= set(facts.deliveries):
        return  # reported already
    where = f"{first['depot']} on {first['date'].date()}, route {first['route']}"
    start, end = _between(first["date"], vehicle["shift_start"], vehicle["shift_end"])
    if trips["start"].min() < start or trips["end"].max() > end:
        yield f"{where}: the vehicle is out before or after its shift"
    if trips["distance_km"].sum() > _known(vehicle["max_km"], math.inf) + 0.001 * (len(calls) + len(trips)):
        yield f"{where}: {trips['distance_km'].sum():.1f} km are more than {vehicle['max_km']:g}"
    if (trips["start"].iloc[1:].to_numpy() < trips["end"].iloc[:-1].to_numpy()).any():
        yield f"{where}: a trip starts before the one before it ends"
    for trip in trips.to_dict("records"):
        yield from _trip(facts, vehicle, trip, calls[calls["trip"] == trip["trip"]].to_dict("records"), where)
    yield from _cost(vehicle, trips, where)


def _trip(
    facts: _Facts, vehicle: dict[Any, Any], trip: dict[Any, Any], calls: list[dict[Any, Any]], where: str
) -> Iterator[str]:
    yield from _load(facts, vehicle, calls, where)
    if trip["stops"] != len(calls):
        yield f"{where}: {len(calls)} visits, but {trip['stops']} stops"
    here, left, km = str(trip["depot"]), trip["start"], 0.0
    for call in calls:
        yield from _call(facts, vehicle, call, where)
        if call["arrive"] + SECOND < left + facts.drive(here, str(call["location"])):
            yield f"{where}: delivery {call['delivery']} is reached faster than the vehicle drives"
        km += facts.km(here, str(call["location"]))
        here, left = str(call["location"]), call["leave"]
    if trip["end"] + SECOND < left + facts.drive(here, str(trip["depot"])):
        yield f"{where}: the vehicle is back faster than it drives"
    km += facts.km(here, str(trip["depot"]))
    if abs(km - trip["distance_km"]) > 0.001 * (len(calls) + 1):
        yield f"{where}: the trip is {km:.3f} km long, not {trip['distance_km']:.3f}"
    for measure in ("kg", "m3"):
        total = math.fsum(_known(facts.deliveries[call["delivery"]][measure], 0.0) for call in calls)
        if abs(total - trip[measure]) > TOLERANCE * max(1.0, total):
            yield f"{where}: the trip brings {total:g} {measure}, not {trip[measure]:g}"


def _call(facts: _Facts, vehicle: dict[Any, Any], call: dict[Any, Any], where: str) -> Iterator[str]:
    delivery = facts.deliveries[call["delivery"]]
    name = f"{where}: delivery {call['delivery']}"
    stop = facts.stops.get(str(delivery["location"]), {})
    if delivery["location"] != call["location"] or delivery["date"] != call["date"]:
        yield f"{name} belongs to another place or day"
    if delivery["depot"] and delivery["depot"] != call["depot"]:
        yield f"{name} belongs to depot {delivery['depot']}"
    opens, closes = facts.window(delivery, call["date"])
    if call["arrive"] > closes:
        yield f"{name} is reached after its time window"
    service = pd.Timedelta(minutes=_known(stop.get("service_minutes", 0.0), 0.0))
    if call["leave"] + SECOND < max(call["arrive"], opens) + service:
        yield f"{name} is left before it is served"
    kinds = str(stop.get("vehicle_kinds", "")).split()
    if kinds and vehicle["vehicle"] not in kinds:
        yield f"{name} may not be served by vehicle {vehicle['vehicle']}"


def _load(facts: _Facts, vehicle: dict[Any, Any], calls: list[dict[Any, Any]], where: str) -> Iterator[str]:
    """On board at any time <= capacity: all deliveries at first, then less each delivery and more each pickup."""
    rows = [facts.deliveries[call["delivery"]] for call in calls]
    for measure in ("kg", "m3"):
        capacity = _known(vehicle[f"capacity_{measure}"], math.inf)
        board = most = math.fsum(_known(row[measure], 0.0) for row in rows)
        for row in rows:
            board += _known(row[f"pickup_{measure}"], 0.0) - _known(row[measure], 0.0)
            most = max(most, board)
        if most > capacity + TOLERANCE * max(1.0, capacity if math.isfinite(capacity) else 1.0):
            yield f"{where}: {most:g} {measure} on board are more than {capacity:g}"


def _cost(vehicle: dict[Any, Any], trips: pd.DataFrame, where: str) -> Iterator[str]:
    """Cost = fixed + per km x distance + per hour x time."""
    hours = (trips["end"] - trips["start"]).dt.total_seconds().sum() / 3600
    cost = _known(vehicle["fixed_cost"], 0.0) + _known(vehicle["cost_per_hour"], 0.0) * hours
    cost += _known(vehicle["cost_per_km"], 0.0) * trips["distance_km"].sum()
    if abs(cost - trips["cost"].sum()) > TOLERANCE * max(1.0, cost):
        yield f"{where}: the route costs {cost:.2f}, not {trips['cost'].sum():.2f}"


def _day(date: object) -> str:
    return str(date)[:10]


def _known(value: float, default: float) -> float:
    return default if pd.isna(value) else float(value)
