"""Order lines on lanes: golden numbers by hand, and what must hold for any orders."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from planner.dataset import Dataset
from planner.routes import RouteResult, ship
from planner.routes.results import EXCEPTIONS, FLOWS, LOADS, ORDER_FREIGHT
from planner.settings import RouteSettings, Settings
from tests.routes.conftest import AS_OF, Frames, lane, order_rows, port_frames

FAR = ("2026-03-02", "2026-04-20")  # 49 days: the ship is in time
NEAR = ("2026-03-02", "2026-03-16")  # 14 days: only the plane is


def shipped(frames: Frames, orders: pd.DataFrame, settings: Settings) -> RouteResult:
    return ship(Dataset.from_frames(frames), orders, settings, AS_OF)


def date(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def test_a_line_goes_the_cheapest_way_that_is_in_time(port: Frames, settings: Settings) -> None:
    orders = order_rows(("a", "heavy", "SHA", "WH", *FAR, 100))
    loads = shipped(port, orders, settings).loads
    assert loads["load_id"].tolist() == ["SHA>HAM>sea>blue>2026-03-18", "HAM>WH>road>2026-04-19"]
    sea = loads.iloc[0]
    assert (sea["depart_date"], sea["arrive_date"]) == (date("2026-03-18"), date("2026-04-19"))
    assert sea["depart_week"] == date("2026-03-16")
    assert (sea["kg"], sea["m3"], sea["lines"], sea["shipments"]) == (1000, 1, 1, 1)
    assert sea["fill"] == pytest.approx(0.1)
    assert (sea["cost"], sea["co2_kg"]) == (500, pytest.approx(100))
    assert loads["arrive_date"].iloc[1] == date("2026-04-20")  # the day it is due
    assert loads["cost"].iloc[1] == 200


def test_a_short_lead_time_takes_the_plane(port: Frames, settings: Settings) -> None:
    result = shipped(port, order_rows(("a", "heavy", "SHA", "WH", *NEAR, 100)), settings)
    assert result.loads[["mode", "cost"]].to_numpy().tolist() == [["air", 4000]]
    assert result.loads["depart_date"].iloc[0] == date("2026-03-13")
    assert result.exceptions["type"].tolist() == ["one-way-island"]


def test_fastest_is_preferred_when_asked(port: Frames, settings: Settings) -> None:
    fast = replace(settings, routes=replace(settings.routes, prefer="fastest"))
    assert shipped(port, order_rows(("a", "heavy", "SHA", "WH", *FAR, 100)), fast).loads["mode"].tolist() == ["air"]


def test_too_short_a_lead_time_is_late_on_the_fastest_way(port: Frames, settings: Settings) -> None:
    orders = order_rows(("a", "heavy", "SHA", "WH", "2026-03-02", "2026-03-04", 100))
    result = shipped(port, orders, settings)
    assert result.loads["arrive_date"].tolist() == [date("2026-03-05")]
    late = result.exceptions[result.exceptions["type"] == "late-path"].iloc[0]
    assert "1 day after the lead time: 1 order line." in late["text"]
    assert (late["warehouse"], late["money"], late["week"]) == ("WH", 200, date("2026-03-02"))


def test_a_line_ordered_in_the_past_leaves_today(port: Frames, settings: Settings) -> None:
    orders = order_rows(("a", "heavy", "SHA", "WH", "2026-02-02", "2026-03-03", 100))
    assert shipped(port, orders, settings).loads["depart_date"].tolist() == [pd.Timestamp(AS_OF)]


def test_lines_of_a_lane_and_week_share_a_load_and_its_cost(port: Frames, settings: Settings) -> None:
    orders = order_rows(
        ("a", "heavy", "SHA", "WH", *FAR, 100),
        ("b", "light", "SHA", "WH", "2026-03-02", "2026-04-22", 500),  # due in the same week, two days later
    )
    result = shipped(port, orders, settings)
    sea = result.loads[result.loads["mode"] == "sea"].iloc[0]
    assert (sea["line_ids"], sea["kg"], sea["m3"], sea["lines"]) == ("a|b", 1500, 11, 2)
    assert sea["depart_date"] == date("2026-03-18")  # when the first of them has to leave
    assert sea["fill"] == pytest.approx(11 / 20)  # volume binds
    road = result.loads[result.loads["mode"] == "road"]
    assert road["line_ids"].tolist() == ["a", "b"]  # they leave Hamburg in different weeks
    freight = result.order_freight.set_index("line_id")["freight"]
    assert freight["a"] == pytest.approx(500 * 1 / 11 + 200)
    assert freight["b"] == pytest.approx(500 * 10 / 11 + 200)


def test_a_load_needs_as_many_vehicles_as_weight_or_volume_ask(port: Frames, settings: Settings) -> None:
    loads = shipped(port, order_rows(("a", "heavy", "SHA", "WH", *FAR, 1200)), settings).loads
    assert loads["shipments"].tolist() == [2, 3]  # 12 t in containers of 10 t, in trucks of 5 t
    assert loads["fill"].tolist() == pytest.approx([0.6, 0.8])
    assert loads["cost"].tolist() == [1000, 600]


def test_goods_that_are_not_there_yet_open_a_second_load(port: Frames, settings: Settings) -> None:
    orders = order_rows(
        ("a", "heavy", "SHA", "WH", "2026-03-02", "2026-03-05", 100),
        ("b", "heavy", "SHA", "WH", "2026-03-04", "2026-03-08", 100),
    )
    loads = shipped(port, orders, settings).loads
    assert loads["load_id"].tolist() == ["SHA>WH>air>2026-03-02", "SHA>WH>air>2026-03-05"]
    flows = shipped(port, orders, settings).flows
    assert flows[["loads", "lines", "kg"]].to_numpy().tolist() == [[2, 2, 2000]]


def test_campaign_part_travels_with_the_line(port: Frames, settings: Settings) -> None:
    orders = order_rows(
        ("a", "heavy", "SHA", "WH", *FAR, 100),
        ("b", "light", "SHA", "WH", *FAR, 50),
        campaign_quantity=[25.0, 50.0],
        campaigns=["spring|easter", "spring"],
    )
    sea = shipped(port, orders, settings).loads.iloc[0]
    assert (sea["campaign_kg"], sea["campaign_m3"]) == (250 + 50, pytest.approx(0.25 + 1))
    assert sea["campaigns"] == "easter|spring"


def test_a_closed_lane_is_replaced_by_the_next_best_path(port: Frames, settings: Settings) -> None:
    port["lanes"] = port["lanes"][port["lanes"]["mode"] != "sea"]
    result = shipped(port, order_rows(("a", "heavy", "SHA", "WH", *FAR, 100)), settings)
    assert result.loads["mode"].tolist() == ["air"]
    assert result.summary["freight"] == 4000


def test_a_lane_that_ends_is_left_before(port: Frames, settings: Settings) -> None:
    port["lanes"]["end"] = pd.to_datetime(["2026-03-10", None, None, None])
    loads = shipped(port, order_rows(("a", "heavy", "SHA", "WH", *FAR, 100)), settings).loads
    assert loads["depart_date"].tolist() == [date("2026-03-10"), date("2026-04-19")]


def test_goods_wait_for_a_lane_that_opens_late(port: Frames, settings: Settings) -> None:
    port["lanes"] = port["lanes"][port["lanes"]["mode"] == "air"].assign(start=pd.Timestamp("2026-03-10"))
    orders = order_rows(("a", "heavy", "SHA", "WH", "2026-03-02", "2026-03-06", 100))
    result = shipped(port, orders, settings)
    assert result.loads["depart_date"].tolist() == [date("2026-03-10")]
    assert "7 days after" in result.exceptions.set_index("type").at["late-path", "text"]


def test_lines_without_lane_are_counted_with_their_money(port: Frames, settings: Settings) -> None:
    orders = order_rows(
        ("a", "heavy", "WH", "DC", *FAR, 100),
        ("b", "light", "WH", "DC", *FAR, 50),
        ("c", "heavy", "SHA", "WH", *FAR, 9),
    )
    result = shipped(port, orders, settings)
    row = result.exceptions.set_index("type").loc["no-lane"]
    assert "from WH to DC: 2 order lines" in row["text"]
    assert (row["money"], row["severity"], row["warehouse"]) == (300, 1, "DC")
    assert result.order_freight["freight"].tolist()[:2] == [0, 0]
    assert result.summary["lines_without_path"] == 2


def test_items_without_weight_are_named_once(port: Frames, settings: Settings) -> None:
    orders = order_rows(*((f"l{n}", "ghost", "SHA", "WH", *FAR, 3) for n in range(4)))
    result = shipped(port, orders, settings)
    rows = result.exceptions[result.exceptions["type"] == "no-weight"]
    assert rows["text"].tolist() == [
        "No weight or volume is known of 1 item (ghost): 4 order lines counted as weightless."
    ]
    assert result.loads["kg"].sum() == 0
    assert result.order_freight["freight"].sum() == pytest.approx(result.summary["freight"])


def test_without_lanes_orders_stand_and_nothing_is_said(port: Frames, settings: Settings) -> None:
    del port["lanes"]
    orders = order_rows(("a", "heavy", "SHA", "WH", *FAR, 100), ("b", "light", "DC", "WH", *FAR, 1))
    result = shipped(port, orders, settings)
    assert result.exceptions.empty
    assert result.summary["lines_without_path"] == 0
    assert result.order_freight.to_numpy().tolist() == [["a", 0.0], ["b", 0.0]]
    assert result.loads.empty
    assert result.flows.empty


def test_no_orders_give_empty_typed_tables(port: Frames, settings: Settings) -> None:
    result = shipped(port, order_rows(), settings)
    shapes = {"loads": LOADS, "flows": FLOWS, "order_freight": ORDER_FREIGHT, "exceptions": EXCEPTIONS}
    for name, columns in shapes.items():
        frame = getattr(result, name)
        assert dict(frame.dtypes.astype(str)) == dict(columns), name
    assert result.summary["freight"] == 0


def test_a_line_that_stays_where_it_is_costs_nothing(port: Frames, settings: Settings) -> None:
    result = shipped(port, order_rows(("a", "heavy", "WH", "WH", *FAR, 5)), settings)
    assert result.loads.empty
    assert "no-lane" not in set(result.exceptions["type"])


def test_inputs_stay_as_they_were(port: Frames, settings: Settings) -> None:
    dataset, orders = Dataset.from_frames(port), order_rows(("a", "heavy", "SHA", "WH", *FAR, 100))
    before = {name: dataset[name].copy() for name in (*port, "deliveries", "vehicles")}
    kept = orders.copy()
    ship(dataset, orders, settings, AS_OF)
    pd.testing.assert_frame_equal(orders, kept)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(dataset[name], frame)


LINE = st.tuples(
    st.sampled_from(["heavy", "light", "ghost"]),
    st.sampled_from([("SHA", "WH"), ("DC", "WH"), ("SHA", "HAM"), ("WH", "DC")]),
    st.integers(0, 20),
    st.integers(0, 60),
    st.integers(0, 3000),
    st.floats(0, 1),
)


@effort(max_examples=15, deadline=None, derandomize=True)
@given(st.lists(LINE, max_size=12), st.sampled_from(["cheapest", "fastest"]))
def test_freight_and_weight_add_up_and_nothing_leaves_before_it_is_there(lines: list, prefer: str) -> None:
    rows, campaign = [], []
    for number, (sku, (source, destination), wait, lead, quantity, share) in enumerate(lines):
        ordered = AS_OF + dt.timedelta(days=wait)
        due = ordered + dt.timedelta(days=lead)
        rows.append((f"l{number:02}", sku, source, destination, str(ordered), str(due), float(quantity)))
        campaign.append(quantity * share)
    orders = order_rows(*rows).assign(campaign_quantity=campaign)
    settings = Settings(routes=RouteSettings(prefer=prefer))  # type: ignore[arg-type]
    result = shipped(port_frames(), orders, settings)
    loads = result.loads
    assert result.order_freight["freight"].sum() == pytest.approx(loads["cost"].sum())
    assert result.order_freight["line_id"].tolist() == orders["line_id"].tolist()
    for column in ("kg", "m3", "cost", "campaign_kg", "lines", "shipments"):
        assert result.flows[column].sum() == pytest.approx(loads[column].sum())
    weight = {"heavy": 10.0, "light": 1.0, "ghost": 0.0}
    legs = [(row.line_ids.split("|"), row) for row in loads.itertuples()]
    for order in orders.itertuples():
        mine = [row for names, row in legs if order.line_id in names]
        places = [order.source, *(row.destination for row in mine)]
        assert [row.origin for row in mine] == places[:-1]  # one leg after the other, each line on each leg once
        ready = [order.order_date, *(row.arrive_date for row in mine)]
        assert all(row.depart_date >= there for row, there in zip(mine, ready, strict=False))
        assert bool(mine) == (order.source != "WH")
        if mine:
            assert places[-1] == order.destination
    out = {"SHA>HAM", "SHA>WH", "DC>WH"}
    left = sum(row.kg for row in loads.itertuples() if f"{row.origin}>{row.destination}" in out)
    sent = sum(weight[row.sku] * row.quantity for row in orders.itertuples() if row.source != "WH")
    assert left == pytest.approx(sent)


def test_the_same_orders_in_any_order_give_the_same_tables(port: Frames, settings: Settings) -> None:
    orders = order_rows(
        *((f"l{n:02}", "light", "SHA", "WH", "2026-03-02", f"2026-04-{10 + n}", 10 + n) for n in range(15))
    )
    one, two = shipped(port, orders, settings), shipped(port, orders.sample(frac=1, random_state=3), settings)
    for name in ("loads", "flows", "order_freight", "exceptions"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name))


def test_joining_a_load_makes_nobody_late(port: Frames, settings: Settings) -> None:
    """Hamburg gets goods of two suppliers; the truck leaves when the first of them has to."""
    port["lanes"] = pd.concat([port["lanes"], pd.DataFrame([lane("DC", "HAM", "road", 2)])], ignore_index=True)
    orders = order_rows(
        ("a", "heavy", "SHA", "WH", "2026-03-02", "2026-04-22", 100),
        ("b", "heavy", "HAM", "WH", "2026-03-02", "2026-04-24", 100),
    )
    loads = shipped(port, orders, settings).loads
    truck = loads[loads["mode"] == "road"]
    assert truck["line_ids"].tolist() == ["a|b"]
    assert truck["arrive_date"].tolist() == [date("2026-04-22")]
