"""Every world keeps the contracts, plans, and comes out the same to the byte."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from planner.dataset import load, validate
from planner.demo import write_demo, write_empty
from planner.demo.sizes import SIZES, Size
from planner.demo.world import World
from planner.demo.writing import write_world
from planner.errors import UsageError
from planner.readiness import plan_ready
from planner.scenarios import resolve, scenario_names
from planner.tables import TABLES
from tests.conftest import ROOT

SCENARIOS = ["base", "budget-cut", "demand-surge", "port-delay", "spring-campaign"]


def thin(name: str) -> Size:
    """The map and the calendar of a large world, with few SKUs and customers."""
    return replace(SIZES[name], skus=80, customers=300, receipts=800, promotions=10)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module", params=["small", "retail", "global"])
def workspace(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp(request.param)
    size = SIZES["small"] if request.param == "small" else thin(request.param)
    write_world(folder, size, 7)
    return folder


def test_keeps_every_contract(workspace: Path) -> None:
    report = validate(workspace / "data")
    assert not report.total, "\n".join(map(str, report.issues))
    assert set(report.rows) == set(TABLES)
    assert all(report.rows.values())


def test_is_ready_to_be_planned(workspace: Path) -> None:
    scenario = resolve(workspace, environ={})
    assert scenario.settings.plan.as_of == dt.date(2026, 3, 2)
    findings = plan_ready(load(workspace / "data"), scenario.settings, dt.date(2026, 3, 2))
    worst = findings[findings["severity"] < 3]
    assert set(worst["type"]) <= {"overdue-pipeline"}, worst["text"].tolist()


def test_ships_scenarios_that_select_something(workspace: Path) -> None:
    assert scenario_names(workspace) == SCENARIOS
    tables = load(workspace / "data")
    changes = [change for name in SCENARIOS for change in resolve(workspace, name, environ={}).changes]
    assert {change.table for change in changes} >= {"campaigns", "sourcing", "lanes", "demand"}
    for change in changes:
        frame = tables["items" if change.table == "demand" else change.table]
        for column, values in change.where:
            assert frame[column].isin(values).any(), change.describe()


def test_budget_cut_is_four_fifths_of_what_demand_costs(demo: Path, world: World) -> None:
    budget = resolve(demo, "budget-cut", environ={}).settings.stock.budget_per_week
    demand = world.truth["demand"].astype({"sku": str})
    coming = demand[demand["date"] >= "2026-03-02"].merge(world.tables["items"][["sku", "unit_cost"]], on="sku")
    usual = float((coming["mean"] * coming["unit_cost"]).sum()) / 26
    assert budget == pytest.approx(usual * 0.8, rel=0.02)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(demo: Path, tmp_path: Path) -> None:
    write_demo(tmp_path / "again", "small", 1)
    write_demo(tmp_path / "other", "small", 2)
    again, other = contents(tmp_path / "again"), contents(tmp_path / "other")
    assert again == contents(demo)
    assert other.keys() == again.keys()
    assert other["data/sales.csv"] != again["data/sales.csv"]


def test_big_tables_are_the_same_bytes_too(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_world(tmp_path / name, replace(thin("retail"), skus=420), 3)
    parts = contents(tmp_path / "one")
    assert "data/sales/part-00.parquet" in parts
    assert parts == contents(tmp_path / "two")


def test_the_repository_is_the_small_demo(demo: Path) -> None:
    expected = contents(demo)
    for name, body in expected.items():
        assert (ROOT / name).read_bytes() == body, f"{name} is not what `planner init DIR --demo small` writes"
    for part in ("data", "scenarios", "truth"):
        there = {path.relative_to(ROOT).as_posix() for path in (ROOT / part).rglob("*") if path.is_file()}
        assert there == {name for name in expected if name.startswith(f"{part}/")}
    assert sum(len(body) for name, body in expected.items() if name.startswith("data/")) < 4_000_000


def test_columns_are_those_of_the_contract(world: World) -> None:
    assert set(world.tables) == set(TABLES)
    for name, frame in world.tables.items():
        unknown = set(frame.columns) - set(TABLES[name].names)
        assert not unknown or name == "item_features", f"{name}: {unknown}"


def test_retail_has_thirty_thousand_series() -> None:
    from planner.demo.assortment import make_goods, make_series
    from planner.demo.sizes import stream

    goods = make_goods(SIZES["retail"], stream(1, "goods"))
    series = make_series(goods, SIZES["retail"], stream(1, "series"))
    assert len(series) >= 30_000
    assert goods["sku"].is_unique
    assert goods["description"].is_unique
    assert goods["supplier"].nunique() >= 20


def test_global_crosses_borders(tmp_path: Path) -> None:
    write_world(tmp_path, thin("global"), 1)
    tables = load(tmp_path / "data")
    places = tables["locations"]
    assert places.loc[places["kind"] == "warehouse", "country"].nunique() >= 8
    assert places["currency"].nunique() >= 8
    assert (places["kind"] == "dc").sum() == 3
    sea = tables["lanes"][tables["lanes"]["mode"] == "sea"]
    assert (sea["customs_days"] > 0).any()


def test_a_table_in_another_form_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "data" / "sales").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"sales is in the way of the demo's sales\.csv"):
        write_demo(tmp_path, "small", 1)
    assert [path.name for path in tmp_path.rglob("*")] == ["data", "sales"]


def test_an_unknown_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no demo 'huge'"):
        write_demo(tmp_path, "huge", 1)  # type: ignore[arg-type]


def test_an_empty_workspace_keeps_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "planner.toml").write_text('title = "mine"\n')
    write_empty(tmp_path)
    assert (tmp_path / "planner.toml").read_text() == 'title = "mine"\n'
    assert resolve(tmp_path, environ={}).settings.plan.currency == "EUR"
    assert (tmp_path / "data").is_dir()


def test_what_a_planner_would_look_for_is_there(world: World) -> None:
    tables = world.tables
    today = pd.Timestamp("2026-03-02")
    items = tables["items"]
    assert (items["predecessor"] != "").any()
    assert (items["launch_date"] > today).any()
    assert ((items["launch_date"] < today) & (items["launch_date"] > today - pd.Timedelta(weeks=14))).any()
    assert ((items["end_date"] > today) & (items["end_date"] < today + pd.Timedelta(weeks=10))).any()
    margin = 1 - items["unit_cost"] / items["unit_price"]
    assert margin.between(0.24, 0.46).all()
    assert (tables["stock"]["status"] == "quarantine").any()
    assert tables["stock"]["expiry_date"].notna().any()
    assert (tables["pipeline"]["due_date"] < today).any()
    assert not tables["pipeline"]["firm"].all()
    assert tables["customer_orders"]["backorder"].any()
    assert set(tables["lanes"]["mode"]) == {"road", "sea", "rail"}
    assert set(tables["capacities"]["scope"]) == {"storage", "supply"}
    past = tables["campaigns"][tables["campaigns"]["end"] < today].query("status == 'done'")
    assert len(past) >= 8
    assert past["kind"].nunique() >= 5
    assert past["discount_rate"].nunique() >= 5
    spring = tables["campaigns"].set_index("campaign").loc["SPRING"]
    assert spring["status"] == "draft"
    assert spring["start"] > today


def test_opening_stock_is_mostly_right_sometimes_short_sometimes_too_much(world: World) -> None:
    stock = world.tables["stock"].groupby(["sku", "warehouse"])["on_hand"].sum()
    demand = world.truth["demand"].astype({"sku": str, "warehouse": str})
    coming = demand[(demand["date"] >= "2026-03-02") & (demand["date"] < "2026-04-27")]
    weekly = coming.groupby(["sku", "warehouse"])["mean"].mean()
    cover = (stock.reindex(weekly.index) / weekly)[weekly > 5]
    assert 0.7 < cover.median() < 2.5
    assert (cover < 0.35).sum() >= 3
    assert (cover > 3).sum() >= 3


def test_one_supplier_can_serve_every_week_but_not_the_spring_campaign(world: World) -> None:
    limits = world.tables["capacities"].query("scope == 'supply'").set_index("week")
    sourcing = world.tables["sourcing"]
    skus = sourcing.loc[sourcing["source"] == limits["resource"].iloc[0], "sku"]
    demand = world.truth["demand"].astype({"sku": str})
    usual = demand[demand["sku"].isin(skus)].groupby("date")["mean"].sum().reindex(limits.index)
    spring = world.truth["effects"].query("campaign == 'SPRING'")
    gross = spring[spring["sku"].isin(skus)].groupby("date")["gross"].sum().reindex(limits.index, fill_value=0.0)
    assert (usual < limits["limit"]).all()
    assert ((usual + gross) > limits["limit"]).sum() == 3
