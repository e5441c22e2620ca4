"""Locations and lanes as a graph: what a leg costs in base currency, how long it takes, when it is open."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import networkx as nx
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from planner.currency import rates_to_base, to_base
from planner.dataset import Dataset
from planner.errors import UsageError
from planner.routes.geography import great_circle_km
from planner.settings import Settings

By = Literal["cost", "days", "km"]
LANE_KEY = ["origin", "destination", "mode", "carrier", "start"]
RATES = ["cost_per_shipment", "cost_per_kg", "cost_per_m3", "cost_per_km"]
HOURS_PER_DAY = 24


@dataclass(frozen=True)
class Lane:
    """One lane. Costs in base currency, `days` = transit + customs; unknown distance is NaN, no capacity is inf.

    `number` is the lane's place in the order of its key, so that ties break the same way every time.
    """

    number: int
    origin: str
    destination: str
    mode: str
    carrier: str
    distance_km: float
    days: float
    cost_per_shipment: float
    cost_per_kg: float
    cost_per_m3: float
    cost_per_km: float
    capacity_kg: float
    capacity_m3: float
    co2_kg_per_tkm: float
    start: dt.date
    end: dt.date

    @property
    def whole_days(self) -> int:
        """Days between departure and arrival on a calendar."""
        return math.ceil(self.days - 1e-9)

    @property
    def name(self) -> str:
        return ">".join(part for part in (self.origin, self.destination, self.mode, self.carrier) if part)

    def share(self, kg: float, m3: float) -> float:
        """Vehicles' worth of goods: the larger of weight / capacity and volume / capacity; 0 without capacities."""
        return max(kg / self.capacity_kg, m3 / self.capacity_m3)

    def shipments(self, kg: float, m3: float) -> int:
        """Vehicles or containers needed: at least one, since something is sent."""
        return max(1, math.ceil(self.share(kg, m3) - 1e-9))

    def cost(self, kg: float, m3: float) -> float:
        """Cost = shipments x (per shipment + per km x distance) + per kg x weight + per m3 x volume."""
        distance = 0.0 if math.isnan(self.distance_km) else self.distance_km
        each = self.cost_per_shipment + self.cost_per_km * distance
        return self.shipments(kg, m3) * each + self.cost_per_kg * kg + self.cost_per_m3 * m3

    def co2_kg(self, kg: float) -> float:
        """Emission = kg per tonne-km x tonnes x distance; 0 where factor or distance is unknown."""
        emission = self.co2_kg_per_tkm * kg / 1000 * self.distance_km
        return 0.0 if math.isnan(emission) else emission

    def open_on(self, date: dt.date) -> bool:
        return self.start <= date <= self.end


@dataclass(frozen=True)
class Path:
    """Lanes one after the other, from a place to another; no lanes when both are the same."""

    lanes: tuple[Lane, ...]

    @property
    def days(self) -> float:
        return math.fsum(lane.days for lane in self.lanes)

    @property
    def distance_km(self) -> float:
        return math.fsum(lane.distance_km for lane in self.lanes)

    def cost(self, kg: float, m3: float) -> float:
        return math.fsum(lane.cost(kg, m3) for lane in self.lanes)


@dataclass(frozen=True)
class Network:
    """`graph` holds every location and each usable lane as an edge (key: its number, attribute `lane`).

    `table` is the lanes table sorted by key with what was computed (`distance_km`, `days`, costs in base currency;
    `usable` is False for self loops and lanes whose currency has no rate). `pairs` are the sources and destinations
    that orders will want to connect.
    """

    graph: nx.MultiDiGraph[str]
    lanes: tuple[Lane, ...]
    table: pd.DataFrame
    pairs: tuple[tuple[str, str], ...]
    as_of: dt.date

    @cached_property
    def reachable(self) -> dict[str, frozenset[str]]:
        """Places that can be reached from each place, itself included."""
        return {place: frozenset(nx.descendants(self.graph, place)) | {place} for place in self.graph}

    def between(self, origin: str, destination: str) -> tuple[Lane, ...]:
        """Lanes that lie on some way from origin to destination."""
        ahead = self.reachable.get(origin, frozenset())
        return tuple(
            lane for lane in self.lanes if lane.origin in ahead and destination in self.reachable[lane.destination]
        )


def build_network(
    dataset: Dataset, settings: Settings, as_of: dt.date, pairs: Iterable[tuple[str, str]] = ()
) -> Network:
    """The network of a dataset, with exchange rates known on `as_of`; `pairs` is what has to be connected."""
    locations, table = dataset["locations"], _lane_table(dataset, settings, as_of)
    lanes = tuple(_lane(number, row) for number, row in enumerate(table.to_dict("records")) if row["usable"])
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for name, kind in zip(locations["location"], locations["kind"], strict=True):
        graph.add_node(str(name), kind=str(kind))
    for lane in lanes:
        graph.add_edge(lane.origin, lane.destination, key=lane.number, lane=lane)
    return Network(graph, lanes, table, tuple(sorted(set(pairs))), as_of)


def paths(
    network: Network, origin: str, destination: str, by: By = "cost", k: int = 1, kg: float = 1000.0, m3: float = 0.0
) -> list[Path]:
    """The `k` best paths over the lanes open today, best first; fewer where there are fewer, none where none leads.

    `by` cost is for `kg` and `m3` sent at once. No place is passed twice. Raises UsageError for an unknown place.
    """
    _known_place(network, origin)
    _known_place(network, destination)
    if origin == destination:
        return [Path(())]
    graph = _split_lanes(network, by, kg, m3)
    try:
        found = nx.shortest_simple_paths(graph, ("place", origin), ("place", destination), weight="weight")
        best = [nodes for nodes, _ in zip(found, range(k), strict=False)]
    except nx.NetworkXNoPath:
        return []
    lanes = {lane.number: lane for lane in network.lanes}
    return [Path(tuple(lanes[name] for kind, name in nodes if kind == "lane")) for nodes in best]


def distances(network: Network, by: By = "days", kg: float = 1000.0, m3: float = 0.0) -> pd.DataFrame:
    """Least days, km or cost between every two places, over lanes open today; infinite where no path leads."""
    places = sorted(network.graph)
    position = {place: number for number, place in enumerate(places)}
    best: dict[tuple[int, int], float] = {}
    for lane in _open(network):
        pair = (position[lane.origin], position[lane.destination])
        best[pair] = min(best.get(pair, math.inf), _weight(by, kg, m3)(lane))
    rows, columns = np.array(list(best), dtype=np.int64).reshape(-1, 2).T
    # csgraph keeps explicit zeros of a sparse matrix as edges without length, which is what they are
    weights = csr_array((np.array(list(best.values()), dtype=float), (rows, columns)), shape=(len(places),) * 2)
    least: npt.NDArray[np.float64] = dijkstra(weights) if places else np.zeros((0, 0))
    return pd.DataFrame(least, index=places, columns=places)


def _open(network: Network) -> list[Lane]:
    return [lane for lane in network.lanes if lane.open_on(network.as_of)]


def _weight(by: By, kg: float, m3: float) -> Callable[[Lane], float]:
    if by == "cost":
        return lambda lane: lane.cost(kg, m3)
    if by == "days":
        return lambda lane: lane.days
    # an unknown distance must not look like the shortest
    return lambda lane: math.inf if math.isnan(lane.distance_km) else lane.distance_km


def _split_lanes(network: Network, by: By, kg: float, m3: float) -> nx.DiGraph[tuple[str, Any]]:
    """Each lane as a node of its own, so that parallel lanes are different paths."""
    weight = _weight(by, kg, m3)
    graph: nx.DiGraph[tuple[str, Any]] = nx.DiGraph()
    graph.add_nodes_from(("place", place) for place in network.graph)
    for lane in _open(network):
        graph.add_edge(("place", lane.origin), ("lane", lane.number), weight=weight(lane))
        graph.add_edge(("lane", lane.number), ("place", lane.destination), weight=0.0)
    return graph


def _known_place(network: Network, place: str) -> None:
    if place not in network.graph:
        raise UsageError(f"there is no location {place!r}", "see data/locations.csv for the locations there are")


def _lane_table(dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """The lanes by key, costs in base currency, missing distances and transit times worked out where possible."""
    table = dataset["lanes"].sort_values(LANE_KEY, kind="stable", na_position="first").reset_index(drop=True)
    rates = rates_to_base(dataset["currencies"], settings.plan.currency, as_of)
    for column in RATES:
        table[column] = to_base(table[column].fillna(0.0), table["currency"], rates).clip(lower=0.0)
    table["given_days"] = table["transit_days"] + table["customs_days"].fillna(0.0)
    table["distance_km"] = table["distance_km"].fillna(_estimated_km(table, dataset["locations"], settings))
    on_the_road = table["distance_km"] / settings.routes.speed_km_per_hour / HOURS_PER_DAY
    days = table["given_days"].fillna(on_the_road + table["customs_days"].fillna(0.0))
    table["days"] = days.fillna(0.0).clip(lower=0.0)
    table["has_rate"] = table["currency"].astype(object).isin(list(rates))
    table["usable"] = table["has_rate"] & (table["origin"] != table["destination"])
    return table


def _estimated_km(table: pd.DataFrame, locations: pd.DataFrame, settings: Settings) -> pd.Series:
    """Great circle x detour factor; NaN where a coordinate is missing."""
    place = locations.drop_duplicates("location").set_index("location")[["latitude", "longitude"]].astype(float)
    start, end = (place.reindex(table[column].astype(object)) for column in ("origin", "destination"))
    km = great_circle_km(start["latitude"], start["longitude"], end["latitude"], end["longitude"])
    return pd.Series(km * settings.routes.detour_factor, index=table.index)


def _lane(number: int, row: dict[Any, Any]) -> Lane:
    values: dict[str, Any] = {name: str(row[name]) for name in LANE_KEY[:4]}
    values |= {name: float(row[name]) for name in ("distance_km", "days", "co2_kg_per_tkm", *RATES)}
    values |= {name: _capacity(row[name]) for name in ("capacity_kg", "capacity_m3")}
    return Lane(number, **values, start=_day(row["start"], dt.date.min), end=_day(row["end"], dt.date.max))


def _capacity(value: float) -> float:
    """Unknown or zero capacity means that none is given."""
    return float(value) if value > 0 else math.inf


def _day(value: pd.Timestamp, default: dt.date) -> dt.date:
    return default if pd.isna(value) else value.date()
