"""Vehicle routes: who drives where, when, in which order."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from planner.dataset import Dataset
from planner.routes.findings import Finding
from planner.routes.fleet import Stop, Tours, Vehicle, all_tours, unserved
from planner.routes.results import VEHICLE_ROUTES, VISITS, shaped
from planner.routes.solver import Tour, best_tours
from planner.settings import Settings


@dataclass(frozen=True)
class Call:
    """One stop of a route, seconds from midnight: arrival, start of service (after waiting), departure."""

    stop: Stop
    arrive: int
    begin: int
    leave: int


@dataclass(frozen=True)
class Trip:
    """From the depot and back: seconds from midnight, metres."""

    calls: tuple[Call, ...]
    start: int
    end: int
    metres: int


@dataclass(frozen=True)
class Route:
    """What one vehicle does in a day: one trip, and one more after each reload."""

    vehicle: Vehicle
    trips: tuple[Trip, ...]


@dataclass(frozen=True)
class Plan:
    """Routes of one depot and day, and the stops that none of them serves."""

    day: Tours
    routes: tuple[Route, ...]
    missed: tuple[Stop, ...]


@dataclass(frozen=True)
class Drives:
    """Tables vehicle_routes and visits, findings, and the required deliveries that are not served."""

    vehicle_routes: pd.DataFrame
    visits: pd.DataFrame
    findings: tuple[Finding, ...]
    unserved: tuple[str, ...]


def drive(dataset: Dataset, settings: Settings, as_of: dt.date) -> Drives:
    """Routes for every depot and day with deliveries from `as_of` on.

    Raises MissingSolver when there is something to plan and PyVRP is not installed.
    """
    days, findings, lost = all_tours(dataset, settings, as_of)
    plans = [plan(day, settings.routes.iterations, settings.plan.seed) for day in days]
    for done in plans:
        findings += [_missed(done.day, stop, settings.routes.iterations) for stop in done.missed if stop.required]
        lost += [stop.delivery for stop in done.missed if stop.required]
    rows = [row for done in plans for row in _route_rows(done)]
    calls = [row for done in plans for row in _visit_rows(done)]
    return Drives(
        shaped(rows, VEHICLE_ROUTES, ["depot", "date", "route", "trip"]),
        shaped(calls, VISITS, ["depot", "date", "route", "position"]),
        tuple(findings),
        tuple(sorted(lost)),
    )


def plan(day: Tours, iterations: int, seed: int) -> Plan:
    """The best routes found within `iterations`, with their times, and what they leave out."""
    routes = [_route(day, tour) for tour in best_tours(day, iterations, seed)]
    driven = sorted(routes, key=lambda route: (route.vehicle.name, route.trips[0].start, _first(route)))
    served = {call.stop.delivery for route in routes for trip in route.trips for call in trip.calls}
    missed = tuple(stop for stop in day.stops if stop.delivery not in served)
    return Plan(day, tuple(driven), missed)


def _first(route: Route) -> str:
    return route.trips[0].calls[0].stop.delivery


def _route(day: Tours, tour: Tour) -> Route:
    """Every trip starts when the one before it ends."""
    trips: list[Trip] = []
    clock = tour.start
    for numbers in tour.trips:
        trips.append(_trip(day, numbers, clock))
        clock = trips[-1].end
    return Route(tour.vehicle, tuple(trips))


def _trip(day: Tours, numbers: Sequence[int], start: int) -> Trip:
    rows = [0, *(number + 1 for number in numbers), 0]
    calls: list[Call] = []
    clock = start
    for before, row in pairwise(rows[:-1]):
        stop = day.stops[row - 1]
        arrive = clock + int(day.seconds[before, row])
        begin = max(arrive, stop.opens)
        clock = begin + stop.service
        calls.append(Call(stop, arrive, begin, clock))
    end = clock + int(day.seconds[rows[-2], 0])
    return Trip(tuple(calls), start, end, sum(int(day.metres[one, two]) for one, two in pairwise(rows)))


def _missed(day: Tours, stop: Stop, iterations: int) -> Finding:
    text = (
        f"Delivery {stop.delivery} to {stop.location} is not served on {day.date}: no plan for all deliveries "
        f"was found within {iterations:,} iterations."
    )
    return unserved(day, stop, text)


def _route_rows(done: Plan) -> Iterator[dict[str, object]]:
    """One row a trip; the fixed cost of the vehicle is on its first."""
    day = done.day
    for number, route in enumerate(done.routes, start=1):
        vehicle = route.vehicle
        for count, trip in enumerate(route.trips, start=1):
            kg, m3 = _most(trip.calls)
            fixed = vehicle.fixed_cost if count == 1 else 0.0
            yield {
                "depot": day.depot,
                "date": pd.Timestamp(day.date),
                "vehicle": vehicle.name,
                "route": number,
                "trip": count,
                "stops": len(trip.calls),
                "distance_km": trip.metres / 1000,
                "duration_minutes": (trip.end - trip.start) / 60,
                "kg": math.fsum(call.stop.kg for call in trip.calls),
                "m3": math.fsum(call.stop.m3 for call in trip.calls),
                "fill": vehicle.fill(kg, m3),
                "cost": fixed + vehicle.cost(trip.metres, trip.end - trip.start),
                "co2_kg": vehicle.co2_kg_per_km * trip.metres / 1000,
                "start": _at(day, trip.start),
                "end": _at(day, trip.end),
            }


def _visit_rows(done: Plan) -> Iterator[dict[str, object]]:
    day = done.day
    for number, route in enumerate(done.routes, start=1):
        calls = ((count, call) for count, trip in enumerate(route.trips, start=1) for call in trip.calls)
        for position, (count, call) in enumerate(calls, start=1):
            yield {
                "depot": day.depot,
                "date": pd.Timestamp(day.date),
                "vehicle": route.vehicle.name,
                "route": number,
                "trip": count,
                "position": position,
                "delivery": call.stop.delivery,
                "location": call.stop.location,
                "arrive": _at(day, call.arrive),
                "wait_minutes": (call.begin - call.arrive) / 60,
                "leave": _at(day, call.leave),
                "kg": call.stop.kg,
                "m3": call.stop.m3,
            }


def _most(calls: Iterable[Call]) -> tuple[float, float]:
    """The most weight and volume on board at any time of the trip."""
    stops = [call.stop for call in calls]
    kg, m3 = math.fsum(stop.kg for stop in stops), math.fsum(stop.m3 for stop in stops)
    most_kg, most_m3 = kg, m3
    for stop in stops:
        kg, m3 = kg - stop.kg + stop.pickup_kg, m3 - stop.m3 + stop.pickup_m3
        most_kg, most_m3 = max(most_kg, kg), max(most_m3, m3)
    return most_kg, most_m3


def _at(day: Tours, seconds: int) -> pd.Timestamp:
    return pd.Timestamp(day.date) + pd.Timedelta(seconds=seconds)
