"""campaign gate: the ways out are priced on the plan's own ledger, and what is in excess finds its people."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.cli.app import main
from planner.dataset import Dataset
from planner.errors import UsageError
from planner.gating import Judged, judge
from planner.gating.case import together
from planner.gating.excess import Wish, find_excess
from planner.gating.people import leave_out
from planner.periods import bucket_range
from planner.settings import Settings
from planner.tables import QUANTILE_COLUMNS
from planner.workspace import Run

AS_OF = dt.date(2026, 3, 2)
WEEKS = bucket_range(AS_OF, 10, "week")
PLACES = ("N", "S")
Capture = pytest.CaptureFixture[str]


class World(Run):
    """A plan of SKUs A and B (one category) at N and S: demand 10 a week, the campaign adds 100 of A in week 3."""

    def __init__(self, opening: dict[tuple[str, str], float], receipts: float = 10.0) -> None:
        keys = [(sku, place) for sku in ("A", "B") for place in PLACES]
        plan = pd.DataFrame([(*key, week) for key in keys for week in WEEKS], columns=["sku", "warehouse", "week"])
        first = [opening.get((sku, place), 0.0) for sku, place in keys]
        plan = plan.assign(opening=np.repeat(first, len(WEEKS)), receipts=receipts, demand=10.0, shipped=0.0,
                           expired=0.0)  # fmt: skip
        promoted = (plan["sku"] == "A") & (plan["week"] == WEEKS[3])
        plan.loc[promoted, "demand"] += 100.0
        cumulative = plan[["sku", "warehouse"]].assign(to_date=plan["week"], mean=10.0)
        uplift = plan.loc[promoted, ["sku", "warehouse"]].assign(
            campaign="MAIL", date=WEEKS[3], gross=100.0, net=100.0, base=10.0, variance=0.0, swing=0.0
        )
        same = dict.fromkeys(QUANTILE_COLUMNS)
        orders = pd.DataFrame({"sku": ["A"], "destination": ["N"], "due_week": [WEEKS[0]], "quantity": [0.0]})
        self._told = {
            "plan": plan, "cumulative": cumulative.assign(**dict.fromkeys(same, 10.0)), "orders": orders,
            "uplift": uplift.assign(**dict.fromkeys(same, 100.0)),
            "prices": pd.DataFrame({"constraint": pd.Series(dtype=str), "week": [], "price": pd.Series(dtype=float)}),
        }  # fmt: skip

    name = "known"
    tables = ("plan", "uplift", "cumulative", "orders", "prices")  # type: ignore[assignment]

    def table(self, name: str) -> pd.DataFrame:
        return self._told[name]


def _dataset(lead_days: float = 70.0, lanes: bool = True, **campaign: Any) -> Dataset:
    row = {"campaign": "MAIL", "kind": "price", "start": WEEKS[3], "end": WEEKS[3] + pd.Timedelta(days=6),
           "status": "planned"}  # fmt: skip
    tables = {
        "items": pd.DataFrame({"sku": ["A", "B"], "category": "c", "unit_price": 10.0, "unit_cost": 6.0,
                               "weight_kg": 1.0}),
        "locations": pd.DataFrame({"location": ["SUP", "N", "S"], "kind": ["supplier", "warehouse", "warehouse"],
                                   "country": ["DE", "DE", "CH"]}),
        "sourcing": pd.DataFrame([(sku, "SUP", place, 6.0, lead_days, 5.0) for sku in "AB" for place in PLACES],
                                 columns=["sku", "source", "destination", "unit_cost", "lead_days", "order_cost"]),
        "campaigns": pd.DataFrame([row | campaign]),
        "campaign_items": pd.DataFrame({"campaign": ["MAIL"], "sku": ["A"]}),
    }  # fmt: skip
    if lanes:
        tables["lanes"] = pd.DataFrame({"origin": ["N"], "destination": ["S"], "mode": "road", "transit_days": 2.0,
                                        "cost_per_kg": 0.1, "cost_per_shipment": 20.0})  # fmt: skip
    return Dataset.from_frames(tables)


def _judge(world: World, data: Dataset) -> Judged:
    return judge(world, data, Settings(), AS_OF, 0.9)


def _way(found: Judged, name: str) -> pd.Series:
    return found.alternatives.set_index("alternative").loc[name]


FULL = {("A", "N"): 100.0, ("A", "S"): 100.0}


def test_a_campaign_with_stock_goes() -> None:
    found = _judge(World(FULL), _dataset())
    assert found.alternatives[["verdict", "alternative", "units_short"]].to_numpy().tolist() == [
        ["go", "as planned", 0]
    ]


def test_a_transfer_takes_what_is_spare_and_costs_its_lane() -> None:
    found = _judge(World({("A", "N"): 200.0, ("A", "S"): 0.0}), _dataset())
    planned, moved = _way(found, "as planned"), _way(found, "transfer")
    assert planned["units_short"] == pytest.approx(100.0)
    assert planned["loss"] == pytest.approx(400.0)  # a unit short loses its margin of 4
    assert moved["verdict"] == "do this"
    assert moved["cost"] == pytest.approx(100 * 0.1 + 20)
    assert found.moves[found.moves["alternative"] == "transfer"]["quantity"].tolist() == [100.0]


def test_what_a_place_needs_itself_is_not_moved_away() -> None:
    found = _judge(World({("A", "N"): 130.0, ("A", "S"): 0.0}), _dataset())
    assert _way(found, "transfer")["units_short"] == pytest.approx(70.0)
    assert not _way(found, "transfer")["meets_service"]


def test_an_order_helps_only_where_it_arrives_in_time() -> None:
    empty = World({})
    found = _judge(empty, _dataset(lead_days=14.0, lanes=False))
    assert _way(found, "early order")["verdict"] == "do this"
    assert _way(found, "early order")["cost"] == pytest.approx(10.0)  # two lines at 5, nothing left over
    late = _judge(empty, _dataset(lead_days=35.0, lanes=False))
    assert "early order" not in set(late.alternatives["alternative"])
    assert _way(late, "later week and order")["what"].startswith("start 2 weeks later, on 2026-04-06")


def test_an_order_is_not_placed_against_a_limit_that_is_used_up() -> None:
    world = World({})
    world._told["prices"] = pd.DataFrame({"constraint": ["supply SUP units"], "week": [WEEKS[0]], "price": [0.5]})
    assert "early order" not in set(_judge(world, _dataset(14.0, lanes=False)).alternatives["alternative"])


def test_a_later_week_helps_where_supply_is_on_its_way() -> None:
    world = World({})
    late = world._told["plan"]["week"] == WEEKS[5]
    world._told["plan"].loc[late, "receipts"] += 100.0
    way = _way(_judge(world, _dataset(lanes=False)), "later week")
    assert way["what"] == "start 2 weeks later, on 2026-04-06"
    assert way["units_short"] == pytest.approx(0.0)
    assert way["money"] == pytest.approx(0.0)


def test_a_place_that_cannot_be_served_is_left_out_with_its_country() -> None:
    way = _way(_judge(World({("A", "N"): 100.0}), _dataset(lanes=False)), "fewer regions")
    assert way["what"] == "leave out country CH"
    assert way["units_asked"] == pytest.approx(100.0)
    assert way["forgone"] == pytest.approx(400.0)


def test_the_sku_of_the_category_that_lies_in_stock_stands_in() -> None:
    way = _way(_judge(World({("B", "N"): 120.0, ("B", "S"): 120.0}), _dataset(lanes=False)), "other SKU")
    assert way["what"] == "promote B for A"
    assert way["units_asked"] == pytest.approx(200.0)
    assert way["meets_service"]
    assert way["money"] == pytest.approx(0.0)


def test_a_smaller_audience_is_what_can_be_served_and_saves_its_contacts() -> None:
    data = _dataset(lanes=False, kind="email", audience_size=1000.0, cost_per_contact=0.1)
    way = _way(_judge(World({("A", "N"): 100.0, ("A", "S"): 50.0}), data), "smaller audience")
    assert "50% at S" in way["what"]
    assert way["units_short"] == pytest.approx(0.0)
    assert way["cost"] == pytest.approx(-25.0)  # half of the half of the audience that lives at S
    assert "smaller audience" not in set(_judge(World({}), _dataset()).alternatives["alternative"])


def test_those_who_buy_least_are_left_out_first() -> None:
    cells = pd.DataFrame(
        {"warehouse": "S", "segment": ["fans", "rare"], "customers": [100, 300], "units": [300.0, 100.0]}
    )
    left = leave_out(cells, pd.Series({"S": 0.6}), 0.0).set_index("segment")["leave_out"]
    assert left.to_dict() == {"rare": 300, "fans": 20}  # 40 % of 400 units: all 100 of rare, 60 of fans at 3 a head


_OVER = {"start": WEEKS[0] - pd.Timedelta(days=30), "end": WEEKS[0] - pd.Timedelta(days=1)}


@pytest.mark.parametrize(
    ("change", "says"),
    [({"status": "draft"}, "is draft"), (_OVER, "is over since 2026-03-01")],
)  # fmt: skip
def test_a_campaign_that_is_not_planned_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        judge(World(FULL), _dataset(**change), Settings(), AS_OF, 0.9, "MAIL")
    assert judge(World(FULL), _dataset(**change), Settings(), AS_OF).alternatives.empty


def test_excess_is_stock_beyond_the_cover_and_goes_to_those_who_buy_it() -> None:
    people = pd.DataFrame({"customer": [f"c{n}" for n in range(40)], "home_warehouse": "N", "country": "DE"})
    lines = pd.DataFrame({"order_id": ["1", "2"], "date": pd.Timestamp("2026-02-20"), "customer": ["c0", "c1"],
                          "sku": "A", "quantity": 1.0})  # fmt: skip
    data = _dataset()
    data = Dataset.from_frames({name: data[name] for name in data} | {"customers": people, "order_lines": lines})
    world = World({("B", "N"): 90.0})
    found = find_excess(world, pd.DataFrame(), data, Settings(), AS_OF, 0.9, Wish(cover=4, weeks=2, depth=0.2))
    assert found.items[["sku", "warehouse", "excess"]].to_numpy().tolist() == [["B", "N", 90.0]]
    assert found.targets["expected_units"].sum() == pytest.approx(found.items["expected"].sum())
    assert 0 < found.items["expected"].sum() < 20  # what two weeks of demand gain
    assert found.targets["money_freed"].sum() == pytest.approx(6.0 * found.items["expected"].sum())


def test_the_command_ranks_ways_of_a_real_plan(planned: Path, capsys: Capture) -> None:
    assert main(["-C", str(planned), "campaign", "gate", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    for name in {row["campaign"] for row in said["alternatives"]}:
        rows = [row for row in said["alternatives"] if row["campaign"] == name]
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        for row in rows:
            assert row["money"] == pytest.approx(row["loss"] + row["forgone"] + row["cost"], abs=1e-6)
            assert row["units_served"] + row["units_short"] == pytest.approx(row["units_asked"])
    assert main(["-C", str(planned), "campaign", "gate", "--excess", "--cover", "4", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("category,warehouse")
    assert main(["-C", str(planned), "campaign", "gate", "SPRING"]) == 2


def test_a_campaign_asks_for_its_own_quantile_and_not_for_that_of_every_row():
    rows = pd.DataFrame({"variance": [16.0, 9.0, 144.0], "swing": [4.0, 3.0, 12.0]})
    assert together(rows) == pytest.approx(1.0)  # all of it is the lift, which is off together
    alone = rows.assign(swing=0.0)
    assert together(alone) == pytest.approx(13.0 / 19.0)
    assert together(rows.assign(variance=0.0, swing=0.0)) == 1.0
    assert together(rows.iloc[:0]) == 1.0
