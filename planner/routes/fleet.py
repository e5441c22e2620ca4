"""What vehicles have to do on a day: the tours problem of one depot, read from deliveries, stops and vehicles."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.periods import first_day
from planner.routes.findings import Finding, some
from planner.routes.geography import great_circle_km, matrix_km
from planner.settings import Settings

DAY = 24 * 3600
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stop:
    """One delivery: `opens` and `closes` bound the arrival, `service` is the time there; seconds from midnight."""

    delivery: str
    location: str
    kg: float
    m3: float
    pickup_kg: float
    pickup_m3: float
    prize: float
    required: bool
    opens: int
    closes: int
    service: int
    kinds: frozenset[str]

    def allows(self, vehicle: Vehicle) -> bool:
        return not self.kinds or vehicle.name in self.kinds


@dataclass(frozen=True)
class Vehicle:
    """One vehicle type of the depot: unknown capacity or longest tour is inf; the shift in seconds from midnight."""

    name: str
    count: int
    capacity_kg: float
    capacity_m3: float
    fixed_cost: float
    cost_per_km: float
    cost_per_hour: float
    co2_kg_per_km: float
    start: int
    end: int
    max_km: float
    reloads: int

    def cost(self, metres: float, seconds: float) -> float:
        """Cost without the fixed cost: per km x distance + per hour x time."""
        return self.cost_per_km * metres / 1000 + self.cost_per_hour * seconds / 3600

    def fill(self, kg: float, m3: float) -> float:
        """Share of the scarcer capacity that is used; NaN without any capacity."""
        if math.isinf(self.capacity_kg) and math.isinf(self.capacity_m3):
            return math.nan
        return max(kg / self.capacity_kg, m3 / self.capacity_m3)


@dataclass(frozen=True)
class Tours:
    """One depot and day. `metres` and `seconds` are [1 + stops, 1 + stops]; row and column 0 are the depot."""

    depot: str
    date: dt.date
    stops: tuple[Stop, ...]
    vehicles: tuple[Vehicle, ...]
    metres: Integers
    seconds: Integers

    def keep(self, kept: list[int]) -> Tours:
        """The same day with only these stops."""
        rows = [0, *(number + 1 for number in kept)]
        stops = tuple(self.stops[number] for number in kept)
        return replace(
            self, stops=stops, metres=self.metres[np.ix_(rows, rows)], seconds=self.seconds[np.ix_(rows, rows)]
        )


def all_tours(dataset: Dataset, settings: Settings, as_of: dt.date) -> tuple[list[Tours], list[Finding], list[str]]:
    """The days to plan by depot and date, findings, and the required deliveries that no vehicle can serve at all."""
    deliveries = dataset["deliveries"]
    deliveries = deliveries[deliveries["date"] >= pd.Timestamp(as_of)].sort_values("delivery", kind="stable")
    places, findings, lost = _located(deliveries, dataset, settings)
    days: list[Tours] = []
    vehicles = {str(depot): _vehicles(rows) for depot, rows in dataset["vehicles"].groupby("depot", observed=True)}
    for (depot, date), rows in places.groupby(["depot", "date"], observed=True):
        day = _tours(str(depot), pd.Timestamp(str(date)).date(), rows, vehicles[str(depot)], dataset, settings)
        kept, refused = _screen(day)
        findings += [_refused(day, number, reason) for number, reason in refused]
        lost += [day.stops[number].delivery for number, _ in refused if day.stops[number].required]
        if kept:
            days.append(day.keep(kept))
    return days, findings, sorted(lost)


def seconds_of(text: str) -> int | None:
    """ "08:30" as seconds from midnight; None for an empty text."""
    if not text:
        return None
    hours, minutes = text.split(":")[:2]
    return int(hours) * 3600 + int(minutes) * 60


def _span(start: str, end: str) -> tuple[int, int]:
    """From and until in seconds; without texts the whole day; an end before the start is on the next day."""
    first = seconds_of(start) or 0
    last = seconds_of(end)
    if last is None:
        return first, max(DAY, first)
    return first, last if last >= first else last + DAY


def _located(
    deliveries: pd.DataFrame, dataset: Dataset, settings: Settings
) -> tuple[pd.DataFrame, list[Finding], list[str]]:
    """Deliveries that can be planned, with coordinates and their depot: their own, else the nearest with vehicles."""
    places = dataset["locations"].drop_duplicates("location").set_index("location")[["latitude", "longitude"]]
    depots = places.astype(float).reindex(sorted(dataset["vehicles"]["depot"].astype(str).unique())).dropna()
    where = places.astype(float).reindex(deliveries["location"].astype(object)).set_axis(deliveries.index)
    rows = deliveries.assign(latitude=where["latitude"], longitude=where["longitude"])
    rows["depot"] = rows["depot"].astype(object).where(rows["depot"] != "", _nearest(rows, depots))
    nowhere = rows[["latitude", "longitude"]].isna().any(axis=1)
    idle = ~nowhere & ~rows["depot"].isin(list(depots.index))
    findings = [
        *_unplaced(rows[nowhere], "the location has no coordinates", "set latitude and longitude of the location"),
        *_unplaced(rows[idle], "no depot with vehicles and coordinates is there", "add vehicles to the depot"),
    ]
    lost = rows[(nowhere | idle) & rows["required"].astype(bool)]
    return rows[~nowhere & ~idle], findings, [str(name) for name in lost["delivery"]]


def _nearest(rows: pd.DataFrame, depots: pd.DataFrame) -> pd.Series:
    if depots.empty or rows.empty:
        return pd.Series("", index=rows.index, dtype=object)
    km = great_circle_km(
        rows["latitude"].to_numpy()[:, None],
        rows["longitude"].to_numpy()[:, None],
        depots["latitude"].to_numpy()[None, :],
        depots["longitude"].to_numpy()[None, :],
    )
    nearest = np.where(np.isnan(km), np.inf, km).argmin(axis=1)
    return pd.Series(depots.index.to_numpy(dtype=object)[nearest], index=rows.index)


def _unplaced(rows: pd.DataFrame, why: str, hint: str) -> list[Finding]:
    if rows.empty:
        return []
    text = f"Not to be planned, since {why}: {some(rows['delivery'].astype(str))}."
    money = float(rows["prize"].fillna(0.0).sum())
    week = first_day(rows["date"].min().date(), "week")
    return [Finding("unserved-delivery", 1, text, hint, week=week, money=money)]


def _vehicles(rows: pd.DataFrame) -> tuple[Vehicle, ...]:
    return tuple(_vehicle(row) for row in rows.sort_values("vehicle", kind="stable").to_dict("records"))


def _vehicle(row: dict[Any, Any]) -> Vehicle:
    start, end = _span(row["shift_start"], row["shift_end"])
    return Vehicle(
        name=str(row["vehicle"]),
        count=int(row["count"]),
        capacity_kg=_or(row["capacity_kg"], math.inf),
        capacity_m3=_or(row["capacity_m3"], math.inf),
        **{name: _or(row[name], 0.0) for name in ("fixed_cost", "cost_per_km", "cost_per_hour", "co2_kg_per_km")},
        start=start,
        end=end,
        max_km=_or(row["max_km"], math.inf),
        reloads=int(_or(row["reloads"], 0.0)),
    )


def _or(value: float, default: float) -> float:
    return default if pd.isna(value) else float(value)


def _tours(
    depot: str, date: dt.date, rows: pd.DataFrame, vehicles: tuple[Vehicle, ...], dataset: Dataset, settings: Settings
) -> Tours:
    places = dataset["locations"].drop_duplicates("location").set_index("location")
    home = places.loc[depot]
    latitude = [float(home["latitude"]), *rows["latitude"]]
    longitude = [float(home["longitude"]), *rows["longitude"]]
    km = matrix_km(latitude, longitude) * settings.routes.detour_factor
    seconds = np.ceil(km / settings.routes.speed_km_per_hour * 3600 - 1e-6).astype(np.int64)
    habits = dataset["stops"].drop_duplicates("location").set_index("location").to_dict("index")
    hours = places[["opens", "closes"]].to_dict("index")
    stops = tuple(_stops(rows, habits, hours))
    return Tours(depot, date, stops, vehicles, np.rint(km * 1000).astype(np.int64), seconds)


def _stops(rows: pd.DataFrame, habits: dict[Any, Any], hours: dict[Any, Any]) -> Iterator[Stop]:
    """A window is the delivery's own, else its stop's, else the opening hours of the location."""
    for row in rows.to_dict("records"):
        habit, open_hours = habits.get(row["location"], {}), hours[row["location"]]
        windows = (
            (row["window_start"], row["window_end"]),
            (habit.get("window_start", ""), habit.get("window_end", "")),
            (open_hours["opens"], open_hours["closes"]),
        )
        opens, closes = _span(*next((window for window in windows if any(window)), ("", "")))
        yield Stop(
            delivery=str(row["delivery"]),
            location=str(row["location"]),
            **{name: _or(row[name], 0.0) for name in ("kg", "m3", "pickup_kg", "pickup_m3", "prize")},
            required=bool(row["required"]),
            opens=opens,
            closes=closes,
            service=math.ceil(_or(habit.get("service_minutes", 0.0), 0.0) * 60),
            kinds=frozenset(habit.get("vehicle_kinds", "").split()),
        )


def _screen(day: Tours) -> tuple[list[int], list[tuple[int, str]]]:
    """Stops that some vehicle could serve on its own, and why the others cannot be served."""
    reasons = [(number, _hindrance(day, number)) for number in range(len(day.stops))]
    kept = [number for number, reason in reasons if not reason]
    return kept, [(number, reason) for number, reason in reasons if reason]


def _hindrance(day: Tours, number: int) -> str:
    """Why no vehicle serves this stop, even alone; "" when one does. Of several reasons the one closest to serving."""
    stop, worst = day.stops[number], "no vehicle is there"
    rank = 0
    for vehicle in day.vehicles:
        place, reason = _obstacle(day, number, stop, vehicle)
        if not reason:
            return ""
        if place > rank:
            rank, worst = place, reason
    return worst


def _obstacle(day: Tours, number: int, stop: Stop, vehicle: Vehicle) -> tuple[int, str]:
    out, back = int(day.seconds[0, number + 1]), int(day.seconds[number + 1, 0])
    arrive = max(vehicle.start + out, stop.opens)
    metres = int(day.metres[0, number + 1] + day.metres[number + 1, 0])
    checks = (
        (vehicle.count > 0, "no vehicle is there"),
        (stop.allows(vehicle), "no vehicle of a permitted kind is there"),
        (max(stop.kg, stop.pickup_kg) <= vehicle.capacity_kg, "it is too heavy for any vehicle"),
        (max(stop.m3, stop.pickup_m3) <= vehicle.capacity_m3, "it is too large for any vehicle"),
        (metres <= vehicle.max_km * 1000, "it is farther away than any vehicle may drive"),
        (arrive <= stop.closes, "no vehicle can be there within its time window"),
        (arrive + stop.service + back <= vehicle.end, "no vehicle is back before its shift ends"),
    )
    return next(((rank, text) for rank, (holds, text) in enumerate(checks) if not holds), (len(checks), ""))


def _refused(day: Tours, number: int, reason: str) -> Finding:
    stop = day.stops[number]
    return unserved(day, stop, f"Delivery {stop.delivery} to {stop.location} cannot be served: {reason}.")


def unserved(day: Tours, stop: Stop, text: str) -> Finding:
    """The finding on a delivery that is left out: worse when it is required."""
    hint = "split it, change its window or date, or add a vehicle"
    severity = 1 if stop.required else 3
    week = first_day(day.date, "week")
    return Finding("unserved-delivery", severity, text, hint, warehouse=day.depot, week=week, money=stop.prize)
