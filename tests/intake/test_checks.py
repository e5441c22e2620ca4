"""Rules between rows and tables: each finds its planted fault, and leaves sound tables alone."""

# ruff: noqa: E501  (a fault is easier to see in one line)
from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.dataset import validate
from planner.intake.checks import cross_check
from planner.intake.findings import Body
from planner.intake.frames import conform

ITEMS = "sku,predecessor\nA,\nB,A\n007,\n"
PLACES = "location,kind\nW,warehouse\nV,store\nS,supplier\n"
SALES = "date,sku,warehouse,quantity,unit_price\n2024-04-15,A,W,1,2\n"
WORLD = {"items": ITEMS, "locations": PLACES, "sales": SALES}


@pytest.fixture
def check(tmp_path: Path):
    def checker(**tables: str) -> list[tuple[str, int | None, str, str]]:
        for name, text in (WORLD | tables).items():
            (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        report = validate(tmp_path)
        assert report.total == len(report.issues)
        return [(issue.file, issue.row, issue.column, f"{issue.rule} ({issue.hint})") for issue in report.issues]

    return checker


def test_a_sound_world_has_no_fault(check):
    assert check() == []


FAULTS = [
    ("items", ITEMS + "A,\n", 5, "sku", "repeats row 2"),
    ("items", "sku,predecessor\nA,B\nB,A\n007,\n", 2, "predecessor", "leads back"),
    ("items", ITEMS + "*,\n", 5, "sku", "reserved"),
    ("items", "sku,launch_date,end_date\nA,2024-02-01,2024-01-01\nB,,\n", 2, "end_date", "is before launch_date 2024-02-01"),
    ("items", "sku,temperature_min_c,temperature_max_c\nA,8,2\nB,,\n", 2, "temperature_max_c", "is below temperature_min_c 8"),
    ("locations", PLACES + "all,zone\n", 5, "location", "reserved"),
    ("locations", PLACES + "X>Y,zone\n", 5, "location", "reserved"),
    ("sales", SALES + "2024-04-15,A,W,5,2\n", 3, "date", "repeats row 2"),
    ("sales", SALES + "2024-04-16,a,W,5,2\n", 3, "sku", "is not in items (did you mean A?)"),
    ("sales", SALES + "2024-04-16,7,W,5,2\n", 3, "sku", "is not in items (did you mean 007?)"),
    ("sales", SALES + "2024-04-16,A,XYZ,5,2\n", 3, "warehouse", "is not in locations (add it to locations)"),
    ("stocking", "sku,warehouse,listed_from,listed_to\nA,W,2024-02-01,2024-01-01\n", 2, "listed_to", "is before"),
    ("stocking", "sku,warehouse,min_stock,max_stock\nA,W,9,5\n", 2, "max_stock", "is below min_stock 9"),
    ("stock", "sku,warehouse,on_hand\nA,W,1\nA,W,1\n", 3, "sku", "repeats row 2"),
    ("sourcing", "sku,source,destination\nA,W,W\n", 2, "destination", "is the source too (correct source or"),
    ("sourcing", "sku,source,destination\nA,S,W\nA,S,W\n", 3, "sku", "repeats row 2"),
    ("sourcing", "sku,source,destination,start,end\nA,S,W,2024-02-01,2024-01-01\n", 2, "end", "is before start"),
    ("lanes", "origin,destination,mode\nS,S,road\n", 2, "destination", "is the origin too"),
    ("price_breaks", "sku,source,min_quantity,unit_cost\nA,S,50,3\nA,S,10,2\n", 2, "unit_cost", "is more than the 2 asked from 10"),
    ("stops", "location,window_start,window_end\nW,09:00,09:00\n", 2, "window_end", "is not after window_start 09:00"),
    ("capacities", "scope,resource,measure,week,limit\nstorage,Q,m3,2024-04-15,5\n", 2, "resource", "is not in locations"),
    ("capacities", "scope,resource,measure,week,limit\nmoney,all,kg,2024-04-15,5\n", 2, "measure", "does not count money"),
    ("campaigns", "campaign,kind,start,end\na|b,price,2024-01-01,2024-01-02\n", 2, "campaign", "reserved mark"),
    ("campaigns", "campaign,kind,start,end\nC,price,2024-01-09,2024-01-02\n", 2, "end", "is before start 2024-01-09"),
    ("customers", "customer\njo@example.org\n", 2, "customer", "is an e-mail address"),
    ("assignments", "campaign,customer,arm\nC,h1,Control\n", 2, "arm", "is not the reserved word control"),
    ("receipts", "order_id,sku,source,destination,ordered_on,received_on,quantity\nP,A,S,W,2024-02-01,2024-01-01,1\n", 2,
     "received_on", "is before ordered_on"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "text", "row", "column", "rule"), FAULTS, ids=lambda value: str(value)[:20])
def test_each_rule_finds_its_fault(check, table, text, row, column, rule):
    found = check(**{table: text})
    assert len(found) == 1, found
    assert found[0][:3] == (f"{table}.csv", row, column)
    assert rule in found[0][3]


SOUND = [
    ("sales", SALES + "2024-04-15,A,W,5,3\n2024-04-15,A,V,5,2\n"),
    ("sourcing", "sku,source,destination,start,end\nA,S,W,2024-01-01,2024-01-31\nA,S,W,2024-02-01,\n"),
    ("price_breaks", "sku,source,min_quantity,unit_cost\nA,S,50,2\nA,S,10,3\nB,S,60,9\nA,S,90,2\n"),
    ("calendar", "country,date\nDE,2024-05-01\nW,2024-05-02\n"),
    ("stops", "location,window_start,window_end,vehicle_kinds\nW,09:00,09:30,anything\nV,,,\n"),
    ("capacities", "scope,resource,measure,week,limit\nmoney,all,money,2024-04-15,5\nlane,x>y>z,kg,2024-04-15,5\n"),
    ("campaign_items", "campaign,sku,warehouse\nC,A,*\nC,B,\n"),
    ("assignments", "campaign,customer,arm\nC,h1,control\nC,h2,mens\n"),
]


@pytest.mark.parametrize(("table", "text"), SOUND, ids=lambda value: str(value)[:20])
def test_what_is_allowed_is_no_fault(check, table, text):
    assert check(**{table: text}) == []


def test_references_need_the_other_table(check):
    campaigns = "campaign,kind,start,end\nC,price,2024-01-01,2024-01-02\n"
    items = "campaign,sku,warehouse\nC,A,*\nD,A,W\nC,A,Q\n"
    assert [fault[1:3] for fault in check(campaign_items=items)] == [(4, "warehouse")]
    assert [fault[1:3] for fault in check(campaign_items=items, campaigns=campaigns)] == [
        (3, "campaign"),
        (4, "warehouse"),
    ]


def test_limits_name_lanes_and_stops_name_vehicles(check):
    lanes = "origin,destination,mode\nS,W,road\n"
    limits = "scope,resource,measure,week,limit\nlane,S>W>road,kg,2024-04-15,5\nlane,S>W>rail,kg,2024-04-15,5\n"
    found = check(lanes=lanes, capacities=limits)
    assert [(fault[1], fault[2]) for fault in found] == [(3, "resource")]
    assert "did you mean S>W>road?" in found[0][3]
    stops = "location,vehicle_kinds\nW,van truck\nV,van lorry\n"
    (tail,) = [
        fault
        for fault in check(lanes=lanes, vehicles="vehicle,depot\nvan,W\ntruck,W\n", stops=stops)
        if fault[0] == "stops.csv"
    ]
    assert (tail[1], tail[2]) == (3, "vehicle_kinds")


def test_one_fault_does_not_bring_others(check):
    """A bad cell makes no second fault of its key; a cut-off or unreadable table makes no reference unknown."""
    twice = SALES + "20206-04-15,A,W,1,2\n20206-04-16,A,W,1,2\n"
    assert [fault[1:3] for fault in check(sales=twice)] == [(3, "date"), (4, "date")]
    assert [fault[:2] for fault in check(items="sku,predecessor\nA\nB,A\n")] == [("items.csv", 2)]
    assert [fault[:3] for fault in check(items="number\nA\n")] == [("items.csv", 1, "")]
    assert [fault[:2] for fault in check(items="sku,predecessor\nA;\nB;A\n007;\n")] == [("items.csv", 2)]
    assert [fault[:2] for fault in check(items=ITEMS, locations="\0\1\2")] == [("locations.csv", None)]


def test_every_repetition_names_the_first(check):
    found = check(items="sku\nA\nB\nA\nA\nB\n")
    assert [(row, rule.split(" (")[0]) for _, row, _, rule in found] == [
        (4, "repeats row 2"),
        (5, "repeats row 2"),
        (6, "repeats row 3"),
    ]


def test_repeated_keys_agree_with_pandas():
    rng = np.random.default_rng(3)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 40, 3000), unit="D")
    frame = pd.DataFrame(
        {
            "date": days,
            "sku": rng.integers(0, 9, 3000).astype(str),
            "warehouse": rng.integers(0, 3, 3000).astype(str),
            "quantity": 1.0,
            "unit_price": rng.choice([1.0, 2.5, np.nan], 3000),
            "channel": rng.choice(["", "web"], 3000),
        }
    )
    faults, total = cross_check({"sales": Body(conform("sales", frame))}, ["sales"], keep=5000)
    expected = frame.duplicated(["date", "sku", "warehouse", "unit_price", "channel"])
    assert total == expected.sum() > 0
    assert sorted(fault.row for fault in faults) == np.flatnonzero(expected).tolist()


def test_keys_of_very_many_combinations():
    rows = 2000
    moments = pd.date_range("2024-01-01 00:00:01", periods=rows, freq="s")
    words = [f"{place:05d}" for place in range(rows)]
    orders = pd.DataFrame(
        {"order_id": words, "sku": words, "destination": words, "due_date": moments, "quantity": np.arange(rows) / 7}
    )
    twice = pd.concat([orders, orders.iloc[[17]]], ignore_index=True)
    faults, total = cross_check({"pipeline": Body(conform("pipeline", twice))}, ["pipeline"], keep=5)
    assert (total, faults[0].row, faults[0].first) == (1, rows, 17)
