"""Vehicle routes with PyVRP: who drives where, when, in which order."""

from __future__ import annotations

import datetime as dt
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.errors import PlannerError
from planner.routes.findings import Finding
from planner.routes.fleet import Stop, Tours, Vehicle, all_tours, unserved
from planner.routes.results import VEHICLE_ROUTES, VISITS, shaped
from planner.settings import Settings

GRAMS, MILLILITRES, MICRO = 1_000, 1_000_000, 1_000_000
BARRED = 1_000_000  # metres and seconds to a stop that a vehicle must not serve: longer than any shift
# one gram or second too much has to cost more than any vehicle saves; costs are in millionths of the currency
STEEPEST_PENALTY = 10_000_000.0


class MissingSolver(PlannerError):
    """PyVRP is not installed."""


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
    """The best routes found within `iterations`: every required stop, or as many as a valid plan was found for.

    First every required stop must be served. Where that finds no valid plan, the nearest one is mended by leaving out
    stops and improved again, each stop left out costing more than any way of serving it.
    """
    solver = load_solver()
    data = _problem(solver, day, None)
    best = _search(solver, data, iterations, seed, None)
    if not best.is_feasible():
        relaxed = _problem(solver, day, _dearest(day))
        mended = _mend(solver, relaxed, best)
        again = _search(solver, relaxed, iterations, seed, mended)
        best = again if again.is_feasible() else mended
    return _read(day, best)


def load_solver() -> Any:
    """The module pyvrp."""
    try:
        import pyvrp
        import pyvrp.exceptions
        import pyvrp.stop
    except ImportError:
        raise MissingSolver("vehicle routes need PyVRP, which is not installed", _INSTALL) from None
    if not hasattr(pyvrp, "Location"):
        raise MissingSolver(f"vehicle routes need PyVRP 0.14 or newer, found {pyvrp.__version__}", _INSTALL)
    return pyvrp


_INSTALL = "pip install 'planner[routes]'"


def _search(solver: Any, data: Any, iterations: int, seed: int, start: Any) -> Any:
    """The best solution after so many iterations; the same every time for the same seed."""
    params = solver.SolveParams(penalty=solver.PenaltyParams(max_penalty=STEEPEST_PENALTY))
    with warnings.catch_warnings():
        # that no valid plan was found is told by the result, delivery by delivery
        warnings.simplefilter("ignore", solver.exceptions.PenaltyBoundWarning)
        stop = solver.stop.MaxIterations(iterations)
        return solver.solve(data, stop, seed, False, False, params, start).best


def _problem(solver: Any, day: Tours, dearest: int | None) -> Any:
    """The day in whole numbers; with `dearest`, a required stop may be left out at that price."""
    clients = [
        solver.Client(
            number + 1,
            _loads(stop.kg, stop.m3, math.ceil),
            _loads(stop.pickup_kg, stop.pickup_m3, math.ceil),
            service_duration=stop.service,
            tw_early=stop.opens,
            tw_late=stop.closes,
            prize=round(stop.prize * MICRO) if not stop.required else dearest or 0,
            required=stop.required and dearest is None,
        )
        for number, stop in enumerate(day.stops)
    ]
    barred = [_barred(day, vehicle) for vehicle in day.vehicles]
    profiles = sorted(set(barred))
    types = [
        _vehicle_type(solver, day, vehicle, profiles.index(bars))
        for vehicle, bars in zip(day.vehicles, barred, strict=True)
        if vehicle.count
    ]
    places = [solver.Location(0.0, 0.0) for _ in range(len(day.stops) + 1)]
    metres = [_with_bars(day.metres, bars) for bars in profiles]
    seconds = [_with_bars(day.seconds, bars) for bars in profiles]
    return solver.ProblemData(places, clients, [solver.Depot(0)], types, metres, seconds)


def _loads(kg: float, m3: float, whole: Any) -> list[int]:
    """Weight and volume in grams and millilitres; a float's last digits neither add nor cost one."""
    slack = -1e-6 if whole is math.ceil else 1e-6
    return [int(whole(kg * GRAMS + slack)), int(whole(m3 * MILLILITRES + slack))]


def _vehicle_type(solver: Any, day: Tours, vehicle: Vehicle, profile: int) -> Any:
    kg = min(vehicle.capacity_kg, math.fsum(stop.kg + stop.pickup_kg for stop in day.stops) + 1)
    m3 = min(vehicle.capacity_m3, math.fsum(stop.m3 + stop.pickup_m3 for stop in day.stops) + 1)
    limits = {} if math.isinf(vehicle.max_km) else {"max_distance": int(vehicle.max_km * 1000)}
    return solver.VehicleType(
        num_available=vehicle.count,
        capacity=_loads(kg, m3, math.floor),
        fixed_cost=round(vehicle.fixed_cost * MICRO),
        tw_early=vehicle.start,
        tw_late=vehicle.end,
        # at least one: of two plans that cost the same the shorter one is better
        unit_distance_cost=max(1, round(vehicle.cost_per_km * MICRO / 1000)),
        unit_duration_cost=round(vehicle.cost_per_hour * MICRO / 3600),
        profile=profile,
        reload_depots=[0] if vehicle.reloads else [],
        max_reloads=vehicle.reloads,
        **limits,
    )


def _barred(day: Tours, vehicle: Vehicle) -> tuple[int, ...]:
    return tuple(number + 1 for number, stop in enumerate(day.stops) if not stop.allows(vehicle))


def _with_bars(matrix: Any, bars: Sequence[int]) -> Any:
    barred = matrix.copy()
    barred[list(bars), :] = BARRED
    barred[:, list(bars)] = BARRED
    np.fill_diagonal(barred, 0)
    return barred


def _dearest(day: Tours) -> int:
    """More than serving any one stop can cost, and more than any prize."""
    far = int(day.metres[0].max() + day.metres[:, 0].max())
    alone = max(vehicle.fixed_cost + vehicle.cost(far, vehicle.end - vehicle.start) for vehicle in day.vehicles)
    return round((2 * alone + 1 + max(stop.prize for stop in day.stops)) * MICRO)


def _mend(solver: Any, data: Any, solution: Any) -> Any:
    """The solution without the stops that make its routes invalid, least harm first."""
    routes = [_valid(solver, data, list(route), route.vehicle_type()) for route in solution.routes()]
    return solver.Solution(data, [route for route in routes if route is not None])


def _valid(solver: Any, data: Any, schedule: list[Any], vehicle_type: int) -> Any:
    activities = [solver.Activity(item.type, item.idx) for item in schedule]
    while any(item.is_client() for item in activities):
        route = solver.Route(data, activities, vehicle_type)
        if route.is_feasible():
            return route
        fewer = [
            activities[:place] + activities[place + 1 :] for place, item in enumerate(activities) if item.is_client()
        ]
        activities = min(fewer, key=lambda items: _excess(solver.Route(data, items, vehicle_type)))
    return None


def _excess(route: Any) -> int:
    return int(sum(route.excess_load()) + route.time_warp() + route.excess_distance())


def _read(day: Tours, solution: Any) -> Plan:
    used = [vehicle for vehicle in day.vehicles if vehicle.count]
    routes = [_route(day, used[route.vehicle_type()], route) for route in solution.routes()]
    driven = sorted(routes, key=lambda route: (route.vehicle.name, route.trips[0].start, _first(route)))
    served = {call.stop.delivery for route in routes for trip in route.trips for call in trip.calls}
    missed = tuple(stop for stop in day.stops if stop.delivery not in served)
    return Plan(day, tuple(driven), missed)


def _first(route: Route) -> str:
    return route.trips[0].calls[0].stop.delivery


def _route(day: Tours, vehicle: Vehicle, route: Any) -> Route:
    """The stops between two visits of the depot are a trip; times follow from the start of the route."""
    trips: list[Trip] = []
    clock, numbers = int(route.start_time()), list[int]()
    for item in list(route)[1:]:
        if item.is_client():
            numbers.append(item.idx)
        elif numbers:
            trips.append(_trip(day, numbers, clock))
            clock, numbers = trips[-1].end, []
    return Route(vehicle, tuple(trips))


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
