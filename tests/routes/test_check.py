"""The check of vehicle routes finds one planted violation of every rule, and nothing in valid routes."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from planner.dataset import Dataset
from planner.routes.check import verify
from planner.routes.vehicles import Drives, drive
from planner.settings import RouteSettings, Settings
from tests.routes.conftest import AS_OF, Frames, shop_frames

Tamper = Callable[[Frames, pd.DataFrame, pd.DataFrame], None]
MINUTE = pd.Timedelta(minutes=1)


def planned(frames: Frames, settings: Settings) -> Drives:
    return drive(Dataset.from_frames(frames), settings, AS_OF)


@pytest.fixture
def world(shops: Frames) -> Frames:
    """Four shops and two vans of 700 kg that may reload once: d4 and some others on one trip each."""
    shops["vehicles"] = shops["vehicles"].assign(capacity_kg=700.0, reloads=1.0, max_km=400.0)
    shops["stops"]["window_start"] = ["06:00"] * 4
    shops["stops"]["window_end"] = ["17:00"] * 4
    return shops


def test_valid_routes_are_clean(world: Frames, settings: Settings) -> None:
    done = planned(world, settings)
    assert len(done.vehicle_routes) == 2
    assert verify(Dataset.from_frames(world), done.vehicle_routes, done.visits, (), settings, AS_OF) == []


def _input(table: str, column: str, value: object) -> Tamper:
    def tamper(frames: Frames, routes: pd.DataFrame, visits: pd.DataFrame) -> None:
        frames[table] = frames[table].assign(**{column: value})

    return tamper


def _visit(column: str, value: object, row: int = 0) -> Tamper:
    def tamper(frames: Frames, routes: pd.DataFrame, visits: pd.DataFrame) -> None:
        old = visits.at[row, column]
        visits.at[row, column] = old + value if isinstance(value, pd.Timedelta) else value

    return tamper


def _trip(column: str, value: object, row: int = 0) -> Tamper:
    def tamper(frames: Frames, routes: pd.DataFrame, visits: pd.DataFrame) -> None:
        old = routes.at[row, column]
        routes.at[row, column] = old + value if isinstance(value, pd.Timedelta | int | float) else value

    return tamper


def _drop(frames: Frames, routes: pd.DataFrame, visits: pd.DataFrame) -> None:
    visits.drop(index=0, inplace=True)


def _second_route(frames: Frames, routes: pd.DataFrame, visits: pd.DataFrame) -> None:
    routes.loc[1, ["route", "trip"]] = [2, 1]
    visits.loc[visits["trip"] == 2, ["route", "trip"]] = [2, 1]


RULES: dict[str, tuple[Tamper, str]] = {
    "weight": (_input("vehicles", "capacity_kg", 300.0), "kg on board are more"),
    "volume": (_input("vehicles", "capacity_m3", 0.5), "m3 on board are more"),
    "pickup on board": (_input("deliveries", "pickup_kg", 600.0), "kg on board are more"),
    "window": (_input("stops", "window_end", "06:05"), "after its time window"),
    "service": (_input("stops", "service_minutes", 11.0), "left before it is served"),
    "left before the window opens": (_input("stops", "window_start", "15:00"), "left before it is served"),
    "kind": (_input("stops", "vehicle_kinds", "crane"), "may not be served by vehicle van"),
    "shift start": (_input("vehicles", "shift_start", "07:00"), "before or after its shift"),
    "shift end": (_input("vehicles", "shift_end", "07:30"), "before or after its shift"),
    "longest tour": (_input("vehicles", "max_km", 50.0), "km are more than 50"),
    "reloads": (_input("vehicles", "reloads", 0.0), "2 trips, but may reload 0"),
    "vehicle": (_input("vehicles", "vehicle", "lorry"), "there is no vehicle van"),
    "speed": (_visit("arrive", -5 * MINUTE), "reached faster than the vehicle drives"),
    "speed on the way back": (_trip("end", -5 * MINUTE, row=1), "back faster than it drives"),
    "missing": (_drop, "is not visited"),
    "twice": (_visit("delivery", "d4", row=3), "d4 is visited 2 times"),
    "unknown": (_visit("delivery", "d9"), "unknown delivery d9"),
    "place": (_visit("location", "S4", row=3), "belongs to another place or day"),
    "depot": (_input("deliveries", "depot", "S1"), "belongs to depot S1"),
    "past": (_input("deliveries", "date", pd.Timestamp("2026-03-01")), "is in the past"),
    "distance": (_trip("distance_km", 1.0), "km long, not"),
    "cost": (_trip("cost", 1.0), "the route costs"),
    "carried weight": (_trip("kg", 1.0), "kg, not"),
    "stops": (_trip("stops", 1), "stops"),
    "trip order": (_trip("start", -90 * MINUTE, row=1), "a trip starts before the one before it ends"),
    "stray visit": (_visit("trip", 9), "belongs to no route"),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_planted_violation_is_found(world: Frames, settings: Settings, rule: str) -> None:
    done, (tamper, message) = planned(world, settings), RULES[rule]
    routes, visits = done.vehicle_routes.copy(), done.visits.copy()
    tamper(world, routes, visits)
    found = verify(Dataset.from_frames(world), routes, visits, (), settings, AS_OF)
    assert any(message in violation for violation in found), found


def test_more_vehicles_than_there_are(world: Frames, settings: Settings) -> None:
    done = planned(world, settings)
    routes, visits = done.vehicle_routes.copy(), done.visits.copy()
    _second_route(world, routes, visits)
    world["vehicles"] = world["vehicles"].assign(count=1.0)
    found = verify(Dataset.from_frames(world), routes, visits, (), settings, AS_OF)
    assert any("2 vehicles van are used, but there are 1" in violation for violation in found), found


def test_what_is_reported_as_not_served_is_believed_only_without_a_visit(world: Frames, settings: Settings) -> None:
    done = planned(world, settings)
    dataset = Dataset.from_frames(world)
    found = verify(dataset, done.vehicle_routes, done.visits, ("d1",), settings, AS_OF)
    assert found == ["delivery d1 is visited although it is reported as not served"]
    none = verify(dataset, done.vehicle_routes[:0], done.visits[:0], ("d1", "d2", "d3"), settings, AS_OF)
    assert none == ["required delivery d4 is not visited"]


STOP = st.tuples(
    st.integers(1, 4),
    st.floats(0, 900),
    st.floats(0, 900),
    st.sampled_from(["", "07:00", "09:30", "14:00"]),
    st.sampled_from(["", "10:00", "15:00"]),
    st.booleans(),
)


@effort(max_examples=15, deadline=None, derandomize=True)
@given(
    st.lists(STOP, min_size=1, max_size=9), st.integers(0, 3), st.integers(0, 2), st.sampled_from(["10:00", "18:00"])
)
def test_whatever_the_day_the_routes_are_valid(stops: list, count: int, reloads: int, until: str) -> None:
    frames = shop_frames()
    frames["deliveries"] = pd.DataFrame(
        [
            (f"d{number}", f"S{shop}", pd.Timestamp("2026-03-03"), kg, 1.0, pickup, start, end, required, 40.0)
            for number, (shop, kg, pickup, start, end, required) in enumerate(stops)
        ],
        columns=[
            *("delivery", "location", "date", "kg", "m3", "pickup_kg"),
            *("window_start", "window_end", "required", "prize"),
        ],
    )
    frames["vehicles"] = frames["vehicles"].assign(
        capacity_kg=850.0, count=float(count), reloads=float(reloads), shift_end=until
    )
    settings = Settings(routes=RouteSettings(iterations=30))
    dataset = Dataset.from_frames(frames)
    done = drive(dataset, settings, AS_OF)
    assert verify(dataset, done.vehicle_routes, done.visits, done.unserved, settings, AS_OF) == []
    required = {f"d{number}" for number, stop in enumerate(stops) if stop[-1]}
    assert required == set(done.unserved) | (required & set(done.visits["delivery"]))
    named = " ".join(finding.text for finding in done.findings)
    assert all(name in named for name in done.unserved)
