"""Where the demo plays: places, countries, rates, read from atlas.toml; distances and the way goods take."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

EARTH_KM = 6371.0
ROAD_DETOUR = 1.25
ROAD_KM_PER_DAY = 550.0
SEA_KM_PER_DAY = 600.0
RAIL_KM_PER_DAY = 620.0


@dataclass(frozen=True)
class Country:
    """`holidays` by month and day, `easter` by days after Easter Sunday; `south`: seasons lie half a year apart."""

    currency: str
    customs: str
    payday: int
    timezone: str
    holidays: Mapping[str, str]
    easter: Mapping[str, str]
    south: bool = False


@dataclass(frozen=True)
class Place:
    """A place. Those of one `region` reach each other by road; others over their `port`."""

    code: str
    name: str
    kind: str
    country: str
    latitude: float
    longitude: float
    port: str
    region: str


@dataclass(frozen=True)
class Supplier:
    """`production`: days from order to dispatch; `late`: the true lead time over the agreed one."""

    place: Place
    categories: tuple[str, ...]
    production: int
    weekdays: str
    minimum: float
    order_cost: float
    late: float = 1.0


@dataclass(frozen=True)
class Leg:
    origin: Place
    destination: Place
    mode: str
    distance_km: int
    transit_days: int
    customs_days: int


@dataclass(frozen=True)
class Atlas:
    rates: Mapping[str, float]
    countries: Mapping[str, Country]
    sites: Mapping[str, Place]
    suppliers: Mapping[str, Supplier]
    sea_km: Mapping[str, int]
    stores: Mapping[str, tuple[Place, ...]]

    def currency(self, place: Place) -> str:
        return self.countries[place.country].currency

    def legs(self, origin: Place, destination: Place) -> list[Leg]:
        """By road within a region; else by road to the port, by sea, and by road again."""
        if origin.region == destination.region:
            return [self._road(origin, destination)]
        first, last = self.sites[origin.port], self.sites[destination.port]
        return [self._road(origin, first), self._sea(first, last), self._road(last, destination)]

    def rail(self, origin: Place, destination: Place) -> Leg:
        """The land bridge: faster than the sea, dearer."""
        distance = round(kilometres(origin, destination) * 1.45 / 10) * 10
        return Leg(origin, destination, "rail", distance, math.ceil(distance / RAIL_KM_PER_DAY) + 2, 2)

    def _road(self, origin: Place, destination: Place) -> Leg:
        distance = max(round(kilometres(origin, destination) * ROAD_DETOUR), 12)
        days = max(1, math.ceil(distance / ROAD_KM_PER_DAY))
        return Leg(origin, destination, "road", distance, days, self._customs(origin, destination, 1))

    def _sea(self, origin: Place, destination: Place) -> Leg:
        distance = self.sea_km[f"{origin.code}>{destination.code}"]
        days = math.ceil(distance / SEA_KM_PER_DAY) + 1
        return Leg(origin, destination, "sea", distance, days, self._customs(origin, destination, 3))

    def _customs(self, origin: Place, destination: Place, days: int) -> int:
        areas = {self.countries[place.country].customs for place in (origin, destination)}
        return days if len(areas) > 1 else 0


@dataclass(frozen=True)
class Map:
    """Who is in a world: `feeds` names the dc behind a warehouse; warehouses that are not in it are supplied direct."""

    warehouses: tuple[str, ...]
    dcs: tuple[str, ...]
    feeds: Mapping[str, str]
    suppliers: tuple[str, ...]
    depots: tuple[str, ...] = field(default=())


def kilometres(origin: Place, destination: Place) -> float:
    """Great circle (haversine)."""
    a, b = math.radians(origin.latitude), math.radians(destination.latitude)
    width = math.radians(destination.longitude - origin.longitude)
    chord = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(width / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(chord))


@cache
def atlas() -> Atlas:
    body = tomllib.loads(files("planner.demo").joinpath("atlas.toml").read_text(encoding="utf-8"))
    sites = {code: Place(code, **entry) for code, entry in body["sites"].items()}
    return Atlas(
        rates=body["rates"],
        countries={code: Country(**entry) for code, entry in body["countries"].items()},
        sites=sites,
        suppliers={code: _supplier(code, entry) for code, entry in body["suppliers"].items()},
        sea_km=body["sea_km"],
        stores={depot: _stores(sites[depot], entries) for depot, entries in body["stores"].items()},
    )


def _supplier(code: str, entry: dict[str, object]) -> Supplier:
    own = ("categories", "production", "weekdays", "minimum", "order_cost", "late")
    place = {key: value for key, value in entry.items() if key not in own}
    terms = {key: value for key, value in entry.items() if key in own}
    return Supplier(Place(code, kind="supplier", **place), **terms)  # type: ignore[arg-type]


def _stores(depot: Place, entries: list[tuple[str, float, float]]) -> tuple[Place, ...]:
    return tuple(
        Place(
            f"{depot.code}-{number:02d}", f"Store {name}", "store", depot.country, north, east, depot.port, depot.region
        )
        for number, (name, north, east) in enumerate(entries, start=1)
    )
