"""planner explain order and plan: pegs that add up, and for each rule its own figures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.cli.app import main
from planner.explain_plan import Reasons, explain_order, explain_plan
from planner.plan import prepare
from planner.reasons import Line, moved
from planner.settings import flatten
from planner.stock import StockResult
from planner.stock.ledger import needs
from planner.stock.one_sku import OneSku, one_sku
from planner.stock.pegging import pegs
from planner.workspace import Run, Workspace
from tests.stock.world import World, chain, one


def sku_of(world: World, result: StockResult) -> OneSku:
    return one_sku(world.dataset, result.plan, result.orders, world.cumulative, world.settings, world.as_of, "A")


def line_of(sku: OneSku, rule: str, prices: np.ndarray) -> Line:
    row = int(np.flatnonzero(sku.lines["moved_by"] == rule)[0])
    amount = sku.lines["quantity"].to_numpy(float)
    need = needs(sku.case, sku.flow, amount, sku.link, sku.week)
    own = [peg for peg in pegs(sku.case, sku.solution, sku.link, sku.week) if peg.line == row]
    return Line(sku, row, float(need[row]), own, prices, sku.lines.iloc[[row]], "EUR")


def why(world: World, rule: str) -> str:
    """The reason of the first line that the rule moved."""
    result = world.replenish()
    sku = sku_of(world, result)
    prices = np.zeros((len(sku.case.limits), sku.case.horizon))
    for i, limit in enumerate(sku.case.limits):
        rows = result.prices[result.prices["constraint"] == limit.name]
        prices[i, sku.case.weeks.get_indexer(rows["week"])] = rows["price"]
    return moved(line_of(sku, rule, prices))


def test_an_moq_is_told_with_its_surplus_and_what_holding_it_costs():
    said = why(one(moq=60.0), "moq")
    assert said.startswith("MOQ: S sends no less than 60; the need was ")
    assert "above the need costs EUR" in said


def test_a_price_break_is_told_with_what_it_saves():
    world = one().with_rows(price_breaks=[{"sku": "A", "source": "S", "min_quantity": 50.0, "unit_cost": 1.5}])
    said = why(world, "price break")
    assert "from 50 on a unit costs EUR 1.50 instead of EUR 2.00, which is EUR 25.00 on this line" in said


def test_a_capacity_is_told_with_the_week_that_binds_and_its_price():
    weeks = pd.date_range("2026-03-02", periods=8, freq="W-MON")
    rows = [{"scope": "supply", "resource": "S", "measure": "units", "week": week, "limit": 8.0} for week in weeks]
    said = why(one().with_rows(capacities=rows), "supply")
    assert "supply of S, units binds in the week of 2026-" in said
    assert "one unit of it more is worth EUR" in said


def test_a_truck_is_told_with_what_it_costs_and_how_much_of_it_the_line_fills():
    lane = {"origin": "S", "destination": "W", "mode": "road", "cost_per_shipment": 30.0, "capacity_m3": 4.0}
    said = why(one().with_rows(lanes=[lane]).stock_settings(whole_trucks=True), "truck")
    assert said.startswith("Truck: goods from S to W travel in whole vehicles (road) at EUR 30.00 each; the 25 fill")
    assert "rides in a vehicle that travels anyway" in said


def test_an_order_multiple_and_a_maximum_are_told():
    assert "packs of 24, so" in why(one(order_multiple=24.0), "order multiple")
    assert "sends at most 7 a line" in why(one(max_order=7.0), "max order")


def test_pegs_reach_the_customers_behind_a_dc_and_never_exceed_the_line():
    world = chain()
    sku = sku_of(world, world.replenish())
    found = pegs(sku.case, sku.solution, sku.link, sku.week)
    bought = [row for row in range(len(sku.lines)) if sku.lines["kind"].iloc[row] == "purchase"]
    places = {str(sku.case.nodes.place[peg.node]) for peg in found if peg.line in bought}
    assert places == {"V", "W"}
    for row in range(len(sku.lines)):
        assert sum(peg.units for peg in found if peg.line == row) <= sku.lines["quantity"].iloc[row] + 1e-6
    demand, served = sku.case.nodes.demand, np.zeros_like(sku.case.nodes.demand)
    for peg in found:
        if sku.case.nodes.place[sku.case.links.node[sku.link[peg.line]]] == sku.case.nodes.place[peg.node]:
            served[peg.node, peg.week] += peg.units
    assert (served <= demand + 1e-6).all()


def test_pegged_campaign_units_are_those_of_the_orders_table():
    uplift = [{"campaign": "X", "sku": "A", "warehouse": "W", "date": pd.Timestamp("2026-04-06"), "net": 40.0}]
    world = chain()
    world = World(world.tables, world.demand, uplift=uplift)
    sku = sku_of(world, world.replenish())
    found = pegs(sku.case, sku.solution, sku.link, sku.week)
    told = [sum(peg.campaign for peg in found if peg.line == row) for row in range(len(sku.lines))]
    assert sum(told) > 10
    assert told == pytest.approx(sku.lines["campaign_quantity"].tolist(), abs=1e-4)


@pytest.fixture(scope="module")
def run(planned: Path) -> Run:
    return Workspace(planned).latest("base", "orders")


def explained(planned: Path, run: Run, what: str) -> Reasons:
    flags = {key: value for key, value in flatten(run.manifest["settings"], "the run") if value is not None}
    prepared = prepare(Workspace(planned), "base", {**flags, "plan.as_of": run.manifest["as_of"]})
    return explain_order(run, prepared, what) if "|" in what else explain_plan(run, prepared, what)


def test_every_order_of_a_plan_can_be_explained(planned, run):
    lines = run.table("orders")
    for _, rows in lines.groupby("moved_by"):
        found = explained(planned, run, str(rows["line_id"].iloc[0]))
        quantity = float(rows["quantity"].iloc[0])
        assert f"{quantity:,.0f} {rows['sku'].iloc[0]}" in found.words["order"]
        assert found.pegs["units"].sum() <= quantity + 1e-3
        assert {"need", "rule", "demand", "prices"} <= set(found.words)


def test_the_ledger_is_the_plan_with_its_orders(planned, run):
    lines = run.table("orders")
    first = lines.iloc[0]
    found = explained(planned, run, f"{first['sku']}@{first['destination']}")
    own = lines[(lines["sku"] == first["sku"]) & (lines["destination"] == first["destination"])]
    assert found.ledger["ordered"].sum() == own["quantity"].sum()
    assert found.orders["line_id"].tolist() == own["line_id"].tolist()
    assert len(found.ledger) == 8


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_the_commands_answer_in_every_format(planned, run, form, capsys):
    line = run.table("orders").iloc[0]
    about = ("order", line["line_id"]), ("plan", f"{line['sku']}@{line['destination']}")
    for noun, name in about:
        argv = ["-C", str(planned), "--scenario", "base", "explain", noun, name, "--format", form]
        assert main(argv) == 0
        out = capsys.readouterr().out
        if form == "json":
            assert {"words", "ledger", "pegs", "prices", "orders"} <= set(json.loads(out))
        else:
            assert ("Week by week" if form == "table" else "week,opening,receipts,") in out


def test_a_workspace_that_was_imported_with_assumptions_is_explained_too(planned, capsys, tmp_path):
    shop = shutil.copytree(planned, tmp_path / "shop")
    with (shop / "planner.toml").open("a", encoding="utf-8") as file:
        file.write('\n[assumptions]\nlead_days = "14"\n')
    assert main(["-C", str(shop), "optimize"]) == 0
    line = Workspace(shop).latest("base", "orders").table("orders")["line_id"].iloc[0]
    assert main(["-C", str(shop), "explain", "order", line]) == 0
    assert "Need: " in capsys.readouterr().out


def test_unknown_orders_and_series_are_refused_with_the_nearest(planned, run, capsys):
    first = str(run.table("orders")["line_id"].iloc[0])
    assert main(["-C", str(planned), "explain", "order", first[:-1]]) == 2
    assert first[:-1] in capsys.readouterr().err
    assert main(["-C", str(planned), "explain", "plan", "NOPE@LEJ"]) == 2
    assert "holds no SKU" in capsys.readouterr().err
