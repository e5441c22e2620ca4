"""The tours of a day as a PyVRP problem, and the search for its best solution."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.errors import PlannerError
from planner.routes.fleet import Tours, Vehicle

GRAMS, MILLILITRES, MICRO = 1_000, 1_000_000, 1_000_000
BARRED = 1_000_000  # metres and seconds to a stop that a vehicle must not serve: longer than any shift
# one gram or second too much has to cost more than any vehicle saves; costs are in millionths of the currency
STEEPEST_PENALTY = 10_000_000.0
_INSTALL = "pip install 'planner[routes]'"


class MissingSolver(PlannerError):
    """PyVRP is not installed, or too old."""


@dataclass(frozen=True)
class Tour:
    """What one vehicle does: the numbers of its stops, trip by trip, and when it starts in seconds from midnight."""

    vehicle: Vehicle
    trips: tuple[tuple[int, ...], ...]
    start: int


def best_tours(day: Tours, iterations: int, seed: int) -> list[Tour]:
    """The best tours found within `iterations`: every required stop, or as many as a valid plan was found for.

    First every required stop must be served. Where that finds no valid plan, the nearest one is mended by leaving out
    stops and improved again, each stop left out costing more than any way of serving it. Started from a valid plan,
    the search never ends with an invalid one.
    """
    solver = load_solver()
    data = _problem(solver, day, None)
    best = _search(solver, data, iterations, seed, None)
    if not best.is_feasible():
        data = _problem(solver, day, _dearest(day))
        best = _search(solver, data, iterations, seed, _mend(solver, data, best))
    joined = _join(solver, data, best)
    if joined is not None:
        best = _search(solver, data, iterations, seed, joined)
    used = _used(day)
    return [Tour(used[route.vehicle_type()], _trips(route), int(route.start_time())) for route in best.routes()]


def load_solver() -> Any:
    """The module pyvrp."""
    try:
        import pyvrp
        import pyvrp.exceptions
        import pyvrp.stop
    except ImportError:
        raise MissingSolver("vehicle routes need PyVRP, which is not installed", _INSTALL) from None
    if not hasattr(pyvrp, "Location"):  # older releases keep coordinates in clients
        raise MissingSolver("vehicle routes need PyVRP 0.14 or newer", _INSTALL)
    return pyvrp


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
    barred = [_barred(day, vehicle) for vehicle in _used(day)]
    profiles = sorted(set(barred))
    types = [
        _vehicle_type(solver, day, vehicle, profiles.index(bars))
        for vehicle, bars in zip(_used(day), barred, strict=True)
    ]
    places = [solver.Location(0.0, 0.0) for _ in range(len(day.stops) + 1)]
    metres = [_with_bars(day.metres, bars) for bars in profiles]
    seconds = [_with_bars(day.seconds, bars) for bars in profiles]
    return solver.ProblemData(places, clients, [solver.Depot(0)], types, metres, seconds)


def _used(day: Tours) -> list[Vehicle]:
    return [vehicle for vehicle in day.vehicles if vehicle.count]


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
    alone = max(vehicle.fixed_cost + vehicle.cost(far, vehicle.end - vehicle.start) for vehicle in _used(day))
    return round((2 * alone + 1 + max(stop.prize for stop in day.stops)) * MICRO)


def _mend(solver: Any, data: Any, solution: Any) -> Any:
    """The solution without the stops that make its routes invalid, least harm first."""
    routes = [_valid(solver, data, list(route), route.vehicle_type()) for route in solution.routes()]
    return solver.Solution(data, [route for route in routes if route is not None])


def _valid(solver: Any, data: Any, schedule: list[Any], vehicle_type: int) -> Any:
    activities = [solver.Activity(item.type, item.idx) for item in schedule[1:-1]]  # the depot at both ends is implied
    while any(item.is_client() for item in activities):
        route = solver.Route(data, activities, vehicle_type)
        if route.is_feasible():
            return route
        fewer = [
            activities[:place] + activities[place + 1 :] for place, item in enumerate(activities) if item.is_client()
        ]
        activities = min(fewer, key=lambda items: _excess(solver.Route(data, items, vehicle_type)))
    return None


def _join(solver: Any, data: Any, solution: Any) -> Any | None:
    """The solution with pairs of routes put into one vehicle that reloads between them, as long as that saves money.

    The search moves stops one by one and seldom finds this, since every step on the way costs more. None: no pair.
    """
    routes = list(solution.routes())
    while pairs := [
        (_costs(joined) - _costs(one) - _costs(two), number, other, joined)
        for number, one in enumerate(routes)
        for other, two in enumerate(routes)
        if number != other and (joined := _one_after_the_other(solver, data, one, two)) is not None
    ]:
        saving, number, other, joined = min(pairs, key=lambda pair: pair[:3])
        if saving >= 0:
            break
        routes = [route for place, route in enumerate(routes) if place not in (number, other)] + [joined]
    return solver.Solution(data, routes) if len(routes) < len(solution.routes()) else None


def _one_after_the_other(solver: Any, data: Any, one: Any, two: Any) -> Any | None:
    """Both routes in the first one's vehicle, with a reload between; None where that is not valid."""
    if one.num_trips() + two.num_trips() > data.vehicle_type(one.vehicle_type()).max_trips:
        return None
    stops = [*list(one)[1:-1], solver.Activity(solver.ActivityType.DEPOT, 0), *list(two)[1:-1]]
    route = solver.Route(data, [solver.Activity(item.type, item.idx) for item in stops], one.vehicle_type())
    return route if route.is_feasible() else None


def _costs(route: Any) -> int:
    return int(route.fixed_vehicle_cost() + route.distance_cost() + route.duration_cost())


def _excess(route: Any) -> int:
    return int(sum(route.excess_load()) + route.time_warp() + route.excess_distance())


def _trips(route: Any) -> tuple[tuple[int, ...], ...]:
    """The stops between two visits of the depot are a trip."""
    trips: list[list[int]] = [[]]
    for item in route:
        if item.is_client():
            trips[-1].append(item.idx)
        else:
            trips.append([])
    return tuple(tuple(trip) for trip in trips if trip)
