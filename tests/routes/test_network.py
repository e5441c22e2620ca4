"""The network by hand: costs, times, the best ways, and what is wrong with it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from planner.dataset import Dataset
from planner.errors import PlannerError, UsageError
from planner.routes import check_network, find_paths
from planner.routes.geography import great_circle_km
from planner.routes.network import Network, build_network, distances, paths
from planner.settings import Settings
from tests.routes.conftest import AS_OF, Frames, lane


def network_of(frames: Frames, settings: Settings) -> Network:
    return build_network(Dataset.from_frames(frames), settings, AS_OF)


def with_lanes(frames: Frames, *lanes: dict[str, object]) -> Frames:
    return {**frames, "lanes": pd.concat([frames["lanes"], pd.DataFrame(lanes)], ignore_index=True)}


def found(frames: Frames, settings: Settings) -> set[str]:
    return set(check_network(Dataset.from_frames(frames), settings, AS_OF)["type"])


def test_cost_of_a_lane_is_in_base_currency(port: Frames, settings: Settings) -> None:
    sea, road = (
        next(lane for lane in network_of(port, settings).lanes if lane.name == name)
        for name in ("SHA>HAM>sea>blue", "HAM>WH>road")
    )
    assert sea.cost(1000, 1) == 500  # one container at 1,000 USD
    assert sea.cost(10_001, 1) == 1000  # two by weight
    assert sea.cost(1000, 60) == 1500  # three by volume
    assert road.cost(5001, 1) == 2 * (100 + 2 * 50)  # each truck drives the whole way
    assert (sea.days, sea.whole_days, sea.co2_kg(2000)) == (32, 32, pytest.approx(200))


def test_cheapest_and_fastest_differ(port: Frames, settings: Settings) -> None:
    network = network_of(port, settings)
    (cheap,) = paths(network, "SHA", "WH", "cost", kg=1000)
    (fast,) = paths(network, "SHA", "WH", "days", kg=1000)
    assert [lane.mode for lane in cheap.lanes] == ["sea", "road"]
    assert (cheap.cost(1000, 0), cheap.days, cheap.distance_km) == (700, 33, 10_050)
    assert [lane.mode for lane in fast.lanes] == ["air"]
    assert (fast.cost(1000, 0), fast.days) == (4000, 3)
    assert paths(network, "SHA", "WH", "cost", kg=10)[0].lanes[0].mode == "air"  # 40 against 700


def test_further_paths_come_in_order_and_end(port: Frames, settings: Settings) -> None:
    network = network_of(with_lanes(port, lane("HAM", "WH", "rail", 2, cost_per_shipment=120)), settings)
    ways = paths(network, "SHA", "WH", "cost", k=9, kg=1000)
    assert [[lane.mode for lane in way.lanes] for way in ways] == [["sea", "rail"], ["sea", "road"], ["air"]]
    assert [way.cost(1000, 0) for way in ways] == [620, 700, 4000]


def test_no_path_and_no_place(port: Frames, settings: Settings) -> None:
    network = network_of(port, settings)
    assert paths(network, "WH", "SHA") == []
    assert paths(network, "WH", "WH")[0].lanes == ()
    with pytest.raises(UsageError, match="NOWHERE"):
        paths(network, "NOWHERE", "WH")


def test_a_lane_is_used_only_while_it_is_open(port: Frames, settings: Settings) -> None:
    air = port["lanes"]["mode"] == "air"
    port["lanes"]["start"], port["lanes"]["end"] = pd.NaT, pd.NaT
    port["lanes"].loc[air, "end"] = pd.Timestamp("2026-03-02")
    dataset = Dataset.from_frames(port)
    fastest = [
        paths(build_network(dataset, settings, day), "SHA", "WH", "days")[0].lanes[0].mode
        for day in (AS_OF, AS_OF + dt.timedelta(days=1))
    ]
    assert fastest == ["air", "sea"]


def test_missing_distance_is_great_circle_times_detour(port: Frames, settings: Settings) -> None:
    port["lanes"].loc[port["lanes"]["origin"] == "DC", "distance_km"] = np.nan
    table = network_of(port, settings).table.set_index("origin")
    assert table.at["DC", "distance_km"] == pytest.approx(150.2, abs=0.5)  # Leipzig to Berlin as the crow flies
    assert float(great_circle_km(0, 0, 0, 90)) == pytest.approx(10_007.557, abs=0.001)  # a quarter of the equator


def test_distances_agree_with_paths(port: Frames, settings: Settings) -> None:
    port["lanes"].loc[port["lanes"]["origin"] == "DC", "transit_days"] = 0.0  # a lane that takes no time is a lane
    network = network_of(port, settings)
    days = distances(network, "days")
    assert days.at["SHA", "WH"] == 3
    assert days.at["SHA", "HAM"] == 32
    assert days.at["DC", "WH"] == 0
    assert np.isinf(days.at["WH", "DC"])
    assert distances(network, "cost", kg=1000).at["SHA", "WH"] == 700
    assert distances(network, "km").at["SHA", "WH"] == 8000


def test_find_paths_lists_legs(port: Frames, settings: Settings) -> None:
    frame = find_paths(Dataset.from_frames(port), settings, AS_OF, "SHA", "WH", kg=1000, m3=1)
    assert frame[["by", "leg", "mode"]].to_numpy().tolist() == [
        ["cheapest", 1, "sea"],
        ["cheapest", 2, "road"],
        ["fastest", 1, "air"],
    ]
    assert frame["cost"].tolist() == [500, 200, 4000]
    with pytest.raises(PlannerError, match="from WH to SHA"):
        find_paths(Dataset.from_frames(port), settings, AS_OF, "WH", "SHA")


def test_a_sound_network_has_no_findings(port: Frames, settings: Settings) -> None:
    sourcing = pd.DataFrame({"sku": "heavy", "source": ["SHA", "DC"], "destination": ["WH", "WH"]})
    assert found({**port, "sourcing": sourcing}, settings) == set()


def test_each_fault_is_found(port: Frames, settings: Settings) -> None:
    sourcing = pd.DataFrame({"sku": "heavy", "source": ["DC"], "destination": ["WH"]})
    port["sourcing"] = sourcing
    faults = {
        "leads-nowhere": lane("WH", "PORT", "road", 1),
        "self-loop": lane("WH", "WH", "road", 1),
        "duplicate-lane": lane("SHA", "WH", "air", 2, start=pd.Timestamp("2026-01-01")),
        "negative-transit": lane("SHA", "WH", "rail", -4),
        "missing-transit": lane("SHA", "WH", "rail", float("nan")),
        "one-way-island": lane("ISLE", "WH", "road", 1),
        "no-rate": lane("SHA", "WH", "rail", 9, currency="CNY"),
        "unknown-place": lane("SHA", "XX", "rail", 9),
    }
    places = pd.DataFrame({"location": ["PORT", "ISLE"], "kind": ["port", "dc"]})
    port["locations"] = pd.concat([port["locations"], places], ignore_index=True)
    for fault, row in faults.items():
        assert found(with_lanes(port, row), settings) == {fault}, fault


def test_unreachable_pairs_are_found(port: Frames, settings: Settings) -> None:
    sourcing = pd.DataFrame({"sku": "heavy", "source": ["SHA", "SHA", "DC"], "destination": ["WH", "DC", "WH"]})
    frame = check_network(Dataset.from_frames({**port, "sourcing": sourcing}), settings, AS_OF)
    unreachable = frame[frame["type"] == "unreachable"]
    assert unreachable["warehouse"].tolist() == ["DC"]
    assert "from SHA to DC" in unreachable["text"].iloc[0]


def test_lanes_without_rate_or_going_back_are_not_used(port: Frames, settings: Settings) -> None:
    rows = lane("SHA", "WH", "rail", 1, currency="CNY"), lane("WH", "WH", "road", 1)
    assert len(network_of(with_lanes(port, *rows), settings).lanes) == len(port["lanes"])


def test_missing_transit_comes_from_distance(port: Frames, settings: Settings) -> None:
    network = network_of(with_lanes(port, lane("SHA", "WH", "rail", float("nan"), distance_km=2880.0)), settings)
    assert next(lane.days for lane in network.lanes if lane.mode == "rail") == 2  # 60 km/h, day and night


def test_an_empty_dataset_gives_an_empty_network(settings: Settings) -> None:
    network = network_of({}, settings)
    assert network.lanes == ()
    assert distances(network).empty
    assert check_network(Dataset.from_frames({}), settings, AS_OF).empty
