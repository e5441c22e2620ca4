"""Vehicle routes: small days by hand, every limit, what cannot be served, and an instance with a known best."""

from __future__ import annotations

import datetime as dt
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.dataset import Dataset
from planner.routes import RouteResult, ship
from planner.routes.fleet import Stop, Tours, Vehicle, seconds_of
from planner.routes.results import VEHICLE_ROUTES, VISITS
from planner.routes.solver import MissingSolver, load_solver
from planner.routes.vehicles import drive, plan
from planner.settings import Settings
from tests.routes.conftest import AS_OF, Frames, order_rows

KM = 11.1195  # a tenth of a degree of latitude


def driven(frames: Frames, settings: Settings) -> RouteResult:
    result = ship(Dataset.from_frames(frames), order_rows(), settings, AS_OF)
    assert result.summary["check"] == []
    return result


def change(frames: Frames, table: str, **columns: object) -> Frames:
    return {**frames, table: frames[table].assign(**columns)}


def test_one_van_does_the_round(shops: Frames, settings: Settings) -> None:
    result = driven(shops, settings)
    (route,) = result.vehicle_routes.to_dict("records")
    assert route["distance_km"] == pytest.approx(8 * KM, abs=0.01)
    assert (route["stops"], route["kg"], route["m3"], route["fill"]) == (4, 1000, 4, 1)
    minutes = 8 * KM + 4 * 10  # 60 km/h, ten minutes at each stop
    assert route["duration_minutes"] == pytest.approx(minutes, abs=0.2)
    assert route["cost"] == pytest.approx(50 + 8 * KM + 20 * minutes / 60, abs=0.1)
    assert route["co2_kg"] == pytest.approx(2 * KM, abs=0.01)
    visits = result.visits
    assert sorted(visits["delivery"]) == ["d1", "d2", "d3", "d4"]
    assert ((visits["leave"] - visits["arrive"]).dt.total_seconds() == 600).all()
    summary = result.summary
    assert (summary["vehicles"], summary["deliveries"], summary["deliveries_served"]) == (1, 4, 4)
    assert summary["vehicle_cost"] == pytest.approx(route["cost"])


def test_weight_and_volume_each_need_a_second_van(shops: Frames, settings: Settings) -> None:
    for column, capacity in (("capacity_kg", 999.0), ("capacity_m3", 3.0)):
        result = driven(change(shops, "vehicles", **{column: capacity}), settings)
        assert result.summary["vehicles"] == 2, column
        assert len(result.visits) == 4


def test_reloading_saves_the_second_van(shops: Frames, settings: Settings) -> None:
    frames = change(shops, "vehicles", capacity_kg=700.0, reloads=1.0)
    result = driven(frames, settings)
    routes = result.vehicle_routes
    assert routes["trip"].tolist() == [1, 2]
    assert (routes["kg"] <= 700).all()
    assert routes["start"].iloc[1] == routes["end"].iloc[0]
    assert result.summary["vehicles"] == 1
    total = routes["distance_km"].sum() + 50 + 20 * routes["duration_minutes"].sum() / 60
    assert routes["cost"].sum() == pytest.approx(total)  # the fixed cost counts once


def test_windows_are_kept_by_waiting(shops: Frames, settings: Settings) -> None:
    shops["deliveries"]["window_start"] = ["", "", "10:00", ""]
    shops["deliveries"]["window_end"] = ["07:00", "", "10:30", ""]
    visits = driven(shops, settings).visits.set_index("delivery")
    midnight = pd.Timestamp("2026-03-03")
    assert visits.at["d1", "arrive"] <= midnight + pd.Timedelta(hours=7)
    assert visits.at["d3", "arrive"] + pd.Timedelta(minutes=visits.at["d3", "wait_minutes"]) >= midnight + pd.Timedelta(
        hours=10
    )
    assert visits.at["d3", "leave"] <= midnight + pd.Timedelta(hours=10, minutes=40)


def test_a_stop_window_and_opening_hours_stand_in(shops: Frames, settings: Settings) -> None:
    shops["stops"]["window_start"] = ["", "12:00", "", ""]
    shops["locations"]["opens"] = ["", "", "", "13:00", ""]
    visits = driven(shops, settings).visits.set_index("delivery")
    served = visits["arrive"] + pd.to_timedelta(visits["wait_minutes"], unit="m")
    assert served["d2"] >= pd.Timestamp("2026-03-03 12:00")
    assert served["d3"] >= pd.Timestamp("2026-03-03 13:00")


def test_pickups_count_on_board(shops: Frames, settings: Settings) -> None:
    """The van is full when it leaves; what it collects at S1 fits only after the others were served, or not at all."""
    shops["deliveries"]["pickup_kg"] = [900.0, 0.0, 0.0, 0.0]
    result = driven(shops, settings)
    assert result.visits["delivery"].iloc[-1] == "d1"
    shops["deliveries"]["pickup_kg"] = [900.0, 900.0, 0.0, 0.0]
    assert driven(shops, settings).summary["vehicles"] == 2


def test_the_cheaper_vehicle_is_taken_and_kinds_are_kept(shops: Frames, settings: Settings) -> None:
    bike = shops["vehicles"].assign(
        vehicle="bike", capacity_kg=100.0, fixed_cost=0.5, cost_per_km=0.05, cost_per_hour=0
    )
    shops["vehicles"] = pd.concat([shops["vehicles"], bike], ignore_index=True)
    shops["stops"]["vehicle_kinds"] = ["bike van", "van", "van", "van"]
    visits = driven(shops, settings).visits.set_index("delivery")["vehicle"]
    assert visits.to_dict() == {"d1": "bike", "d2": "van", "d3": "van", "d4": "van"}
    shops["stops"]["vehicle_kinds"] = ["van", "van", "van", "van"]
    assert set(driven(shops, settings).visits["vehicle"]) == {"van"}


def test_a_prize_decides_on_optional_deliveries(shops: Frames, settings: Settings) -> None:
    shops["deliveries"]["required"] = [True, True, True, False]
    for prize, served in ((1.0, 3), (500.0, 4)):
        shops["deliveries"]["prize"] = [math.nan, math.nan, math.nan, prize]
        result = driven(shops, settings)
        assert result.summary["deliveries_served"] == served
        assert result.summary["unserved"] == []
        assert result.exceptions.empty


def test_the_longest_tour_splits_the_round(shops: Frames, settings: Settings) -> None:
    routes = driven(change(shops, "vehicles", max_km=8 * KM - 0.1, count=4.0), settings)
    assert routes.summary["unserved"] == ["d4"]  # 8 x 11.1 km, even alone
    assert "farther away" in routes.exceptions["text"].iloc[0]
    near = driven(change(shops, "vehicles", max_km=8 * KM + 0.1), settings)
    assert near.summary["unserved"] == []


@pytest.mark.parametrize(
    ("table", "columns", "reason"),
    [
        ("vehicles", {"capacity_kg": 350.0, "count": 9.0}, "too heavy"),
        ("deliveries", {"m3": [1.0, 1.0, 1.0, 99.0]}, "too large"),
        ("vehicles", {"shift_end": "07:20"}, "back before its shift ends"),
        ("deliveries", {"window_end": ["", "", "", "06:10"]}, "within its time window"),
        ("stops", {"vehicle_kinds": ["", "", "", "crane"]}, "permitted kind"),
    ],
)
def test_what_no_vehicle_can_serve_is_named(
    shops: Frames, settings: Settings, table: str, columns: dict[str, object], reason: str
) -> None:
    frames = change(shops, table, **columns)
    frames = change(frames, "vehicles", count=9.0)
    result = driven(frames, settings)
    row = result.exceptions.iloc[0]
    assert result.summary["unserved"] == ["d4"]
    assert "Delivery d4 to S4" in row["text"]
    assert reason in row["text"]
    assert (row["type"], row["severity"], row["warehouse"]) == ("unserved-delivery", 1, "DEPOT")
    assert sorted(result.visits["delivery"]) == ["d1", "d2", "d3"]


def test_too_few_vehicles_leave_as_little_as_possible(shops: Frames, settings: Settings) -> None:
    result = driven(change(shops, "vehicles", capacity_kg=650.0, count=1.0), settings)
    assert len(result.summary["unserved"]) == 1  # 100 + 200 + 300 fit
    assert result.summary["unserved"] == ["d4"]
    assert "was found within 200 iterations" in result.exceptions["text"].iloc[0]
    short = driven(change(shops, "vehicles", count=1.0, shift_end="07:50"), settings)
    assert 1 <= len(short.summary["unserved"]) <= 2
    assert set(short.summary["unserved"]) | set(short.visits["delivery"]) == {"d1", "d2", "d3", "d4"}


def test_deliveries_without_place_or_vehicle_are_named(shops: Frames, settings: Settings) -> None:
    shops["locations"].loc[1, "latitude"] = math.nan
    shops["deliveries"]["depot"] = ["", "S4", "", ""]
    result = driven(shops, settings)
    assert result.summary["unserved"] == ["d1", "d2"]
    assert [text.split(":")[0] for text in result.exceptions["text"]] == [
        "Not to be planned, since no depot with vehicles and coordinates is there",
        "Not to be planned, since the location has no coordinates",
    ]
    del shops["vehicles"]
    assert driven(shops, settings).summary["deliveries_served"] == 0


def test_deliveries_go_to_the_nearest_depot_and_their_day(shops: Frames, settings: Settings) -> None:
    shops["locations"].loc[4, "kind"] = "dc"  # S4
    shops["vehicles"] = pd.concat([shops["vehicles"], shops["vehicles"].assign(depot="S4")], ignore_index=True)
    shops["deliveries"]["date"] = pd.to_datetime(["2026-03-03", "2026-03-04", "2026-03-03", "2026-02-27"])
    visits = driven(shops, settings).visits
    assert visits[["depot", "delivery"]].to_numpy().tolist() == [["DEPOT", "d1"], ["DEPOT", "d2"], ["S4", "d3"]]
    assert visits["date"].dt.day.tolist() == [3, 4, 3]


def test_routes_are_the_same_every_time(shops: Frames, settings: Settings) -> None:
    frames = change(shops, "vehicles", capacity_kg=600.0)
    one, two = driven(frames, settings), driven(frames, settings)
    pd.testing.assert_frame_equal(one.vehicle_routes, two.vehicle_routes)
    pd.testing.assert_frame_equal(one.visits, two.visits)


def test_without_deliveries_there_are_typed_empty_tables(settings: Settings) -> None:
    result = driven({}, settings)
    assert dict(result.vehicle_routes.dtypes.astype(str)) == dict(VEHICLE_ROUTES)
    assert dict(result.visits.dtypes.astype(str)) == dict(VISITS)


def test_a_missing_solver_names_the_extra(shops: Frames, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyvrp", None)
    dataset = Dataset.from_frames(shops)
    with pytest.raises(MissingSolver) as raised:
        drive(dataset, settings, AS_OF)
    assert raised.value.hint == "pip install 'planner[routes]'"
    result = driven(shops, settings)  # the rest of the plan stands
    row = result.exceptions.iloc[0]
    assert (row["type"], row["hint"]) == ("no-vehicle-routes", "pip install 'planner[routes]'")
    assert result.summary["unserved"] == ["d1", "d2", "d3", "d4"]
    assert driven({}, settings).exceptions.empty  # nothing to plan: the solver is not missed


def test_a_solver_that_is_too_old_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pyvrp = pytest.importorskip("pyvrp")
    monkeypatch.delattr(pyvrp, "Location")
    with pytest.raises(MissingSolver, match=r"0\.14 or newer"):
        load_solver()


@pytest.mark.parametrize(("text", "seconds"), [("08:30", 30_600), ("00:00", 0), ("24:00", 86_400), ("", None)])
def test_clock_times(text: str, seconds: int | None) -> None:
    assert seconds_of(text) == seconds


def test_a_night_shift_ends_on_the_next_day(shops: Frames, settings: Settings) -> None:
    routes = driven(change(shops, "vehicles", shift_start="22:00", shift_end="02:00"), settings).vehicle_routes
    assert routes["start"].iloc[0] >= pd.Timestamp("2026-03-03 22:00")
    assert routes["end"].iloc[0] <= pd.Timestamp("2026-03-04 02:00")


def test_a_known_instance_comes_close_to_its_best(real_data: Path) -> None:
    """X-n120-k6 of Uchoa et al. (2017): 119 customers, vehicles of one capacity, distance alone counts."""
    pyvrp = pytest.importorskip("pyvrp")
    source = real_data / "vrp" / "cvrp" / "X-n120-k6.vrp"
    instance = pyvrp.read(source, "round")
    best = int(source.with_suffix(".sol").read_text().split()[-1])
    done = plan(_day(instance), iterations=1000, seed=1)
    loads = [sum(call.stop.kg for trip in route.trips for call in trip.calls) for route in done.routes]
    assert done.missed == ()
    assert max(loads) <= instance.vehicle_type(0).capacity[0]
    length = sum(trip.metres for route in done.routes for trip in route.trips)
    assert best <= length <= 1.03 * best


def _day(instance: object) -> Tours:
    """The instance as a day: its unit of distance is a metre, time does not count."""
    clients, kind = instance.clients(), instance.vehicle_type(0)  # type: ignore[attr-defined]
    rows = [instance.depot(0).location, *(client.location for client in clients)]  # type: ignore[attr-defined]
    metres = np.asarray(instance.distance_matrix(0))[np.ix_(rows, rows)]  # type: ignore[attr-defined]
    stops = tuple(
        Stop(f"{number:03}", "", float(client.delivery[0]), 0, 0, 0, 0, True, 0, 1, 0, frozenset())
        for number, client in enumerate(clients)
    )
    capacity = float(kind.capacity[0])
    truck = Vehicle("truck", len(stops), capacity, math.inf, 0, 1000, 0, 0, 0, 1, math.inf, 0)
    return Tours("D", dt.date(2026, 3, 2), stops, (truck,), metres, np.zeros_like(metres))
