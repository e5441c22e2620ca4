"""Paths for goods with dates: as cheap or fast as asked, on time if possible, over lanes open on the day."""

from __future__ import annotations

import datetime as dt
import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from planner.routes.network import Lane

Prefer = Literal["cheapest", "fastest"]


@dataclass(frozen=True)
class Trip:
    """The lanes of a path with the day of departure on each, and the day of arrival at the end."""

    lanes: tuple[Lane, ...]
    departs: tuple[dt.date, ...]
    arrive: dt.date


@dataclass(frozen=True)
class Parcel:
    """Goods that travel together from source to destination: ready from a day on, due on a day."""

    source: str
    destination: str
    ready: dt.date
    due: dt.date
    kg: float
    m3: float


def on_time(parcel: Parcel, lanes: Sequence[Lane], prefer: Prefer) -> Trip | None:
    """The cheapest (or fastest) trip that arrives by the due date, leaving as late as it can; None if there is none.

    Labels run backwards from the destination. A label is worse than another at the same place when it neither costs
    less nor may leave later; goods may wait on the way for a lane that opens, so leaving later is never worse.
    """
    into: dict[str, list[Lane]] = defaultdict(list)
    for lane in lanes:
        into[lane.destination].append(lane)
    heap: list[tuple[Any, ...]] = [_backward(prefer, 0.0, parcel.due, (), (), parcel.destination)]
    settled: dict[str, list[tuple[float, dt.date]]] = defaultdict(list)
    while heap:
        _, path, cost, limit, departs, place = heapq.heappop(heap)
        if place == parcel.source:
            return _trip(path, departs, parcel.due)
        if any(known <= cost and leave >= limit for known, leave in settled[place]):
            continue
        settled[place].append((cost, limit))
        for lane in into[place]:
            depart = _latest(lane, limit)
            if depart is not None and depart >= parcel.ready:
                label = cost + lane.cost(parcel.kg, parcel.m3), depart, (lane, *path), (depart, *departs), lane.origin
                heapq.heappush(heap, _backward(prefer, *label))
    return None


def soonest(parcel: Parcel, lanes: Sequence[Lane]) -> Trip | None:
    """The trip that arrives first when it leaves as soon as the goods are ready; the cheaper one of two."""
    out: dict[str, list[Lane]] = defaultdict(list)
    for lane in lanes:
        out[lane.origin].append(lane)
    heap: list[tuple[Any, ...]] = [(parcel.ready, 0.0, (), (), parcel.source, ())]
    settled: set[str] = set()
    while heap:
        arrive, cost, _, departs, place, path = heapq.heappop(heap)
        if place == parcel.destination:
            return Trip(path, departs, arrive)
        if place in settled:
            continue
        settled.add(place)
        for lane in out[place]:
            depart = max(arrive, lane.start)
            if depart <= lane.end:
                trip = (*path, lane)
                there = depart + dt.timedelta(days=lane.whole_days)
                spent = cost + lane.cost(parcel.kg, parcel.m3)
                entry = there, spent, _numbers(trip), (*departs, depart), lane.destination, trip
                heapq.heappush(heap, entry)
    return None


def _backward(
    prefer: Prefer, cost: float, limit: dt.date, path: tuple[Lane, ...], departs: tuple[dt.date, ...], place: str
) -> tuple[Any, ...]:
    """A heap entry: the best first by what is preferred, then by the other, then by the lanes' numbers."""
    late = -limit.toordinal()
    rank = (cost, late) if prefer == "cheapest" else (late, cost)
    return (*rank, _numbers(path)), path, cost, limit, departs, place


def _numbers(path: Sequence[Lane]) -> tuple[int, ...]:
    return tuple(lane.number for lane in path)


def _latest(lane: Lane, limit: dt.date) -> dt.date | None:
    """The last day on which the lane is open and still arrives by `limit`."""
    depart = min(limit - dt.timedelta(days=lane.whole_days), lane.end)
    return depart if depart >= lane.start else None


def _trip(lanes: tuple[Lane, ...], departs: tuple[dt.date, ...], due: dt.date) -> Trip:
    arrive = departs[-1] + dt.timedelta(days=lanes[-1].whole_days) if lanes else due
    return Trip(lanes, departs, arrive)
