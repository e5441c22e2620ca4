"""What a limit would have to give, and what more of it is worth: beside plans that really have more."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from planner.cli.app import main
from planner.stock.inputs import read_case
from planner.stock.optimise import optimise
from planner.stock.relief import label, reliefs
from tests.benchmarks.stock_cases import AS_OF, generated
from tests.stock.world import World, one

WEEKS = pd.date_range("2026-03-02", periods=8, freq="W-MON")


def bought(skus: int = 6) -> World:
    """SKUs that all cost money and are supplied from one place."""
    world, numbers = one(), range(skus)
    tables = {
        name: [{**row, "sku": f"A{i}"} for row in rows for i in numbers] if "sku" in rows[0] else rows
        for name, rows in world.tables.items()
    }
    return replace(world, tables=tables, demand={(f"A{i}", "W"): 6.0 + i for i in numbers})


def supplied(limit: float) -> World:
    rows = [{"scope": "supply", "resource": "S", "measure": "units", "week": week, "limit": limit} for week in WEEKS]
    return bought().with_rows(capacities=rows)


def test_half_the_budget_says_what_it_would_have_to_give_and_what_that_could_save():
    free = bought().replenish()
    lines = free.orders.assign(money=free.orders["quantity"] * free.orders["unit_cost"])
    spend = lines["money"].sum() / 8
    half = bought().stock_settings(budget_per_week=spend / 2).replenish()
    (found,) = half.summary["limits"]
    assert found["label"] == "budget"
    assert found["step"] == 1000.0
    weeks = lines["order_date"].dt.to_period("W-SUN").dt.start_time.isin(half.prices["week"])
    assert found["asked"] == pytest.approx(lines.loc[weeks, "money"].sum() / found["weeks"], rel=0.02)
    assert found["allowed"] == pytest.approx(spend / 2, rel=1e-4)
    saved = half.summary["objective"] - free.summary["objective"]
    assert 0 < saved <= found["could_save"] * 1.02 + 1.0
    assert found["could_save"] < 1.5 * saved


def test_what_one_more_unit_a_week_is_worth_is_what_a_plan_with_it_saves():
    tight, wider = supplied(30.0).replenish(), supplied(31.0).replenish()
    (found,) = tight.summary["limits"]
    worth = tight.prices["price"].sum()
    saved = tight.summary["objective"] - wider.summary["objective"]
    assert found["weeks"] == len(tight.prices)
    assert saved == pytest.approx(worth, rel=0.5)
    assert found["most"] == pytest.approx(tight.prices["price"].max())


def test_half_the_budget_is_priced_and_heeded_by_places_behind_a_dc():
    shop = generated(60)
    budget = 0.5 * (shop.settings.stock.budget_per_week or 0.0)
    settings = replace(shop.settings, stock=replace(shop.settings.stock, budget_per_week=budget, search_moves=0))
    case = read_case(shop.dataset, shop.weekly, shop.cumulative, settings, AS_OF)
    plan = optimise(case, settings.stock)
    money = next(i for i, limit in enumerate(case.limits) if limit.money)
    assert plan.gap < 0.5
    assert plan.prices[money].max() > 0.5  # what a unit of money buys is worth 0.8 where its shortage is the margin


def test_what_is_asked_and_allowed_is_that_of_the_weeks_that_bind():
    limits = [1000.0, 0.0, *[1000.0] * 6]
    rows = [{"scope": "supply", "resource": "S", "measure": "units", "week": week, "limit": limit}
            for week, limit in zip(WEEKS, limits, strict=True)]  # fmt: skip
    (found,) = bought().with_rows(capacities=rows).replenish().summary["limits"]
    assert (found["weeks"], found["allowed"]) == (1, 0.0)
    assert found["asked"] == found["missing"] > 0
    assert found["could_save"] > 0


def test_a_limit_that_is_worth_next_to_nothing_is_not_said_to_bind():
    world = supplied(30.0)
    plan = optimise(world.case, world.settings.stock)
    assert len(reliefs(plan)) == 1
    plan.prices = np.where(plan.prices > 0, 1e-5, 0.0)
    assert reliefs(plan) == []


def test_what_more_money_is_worth_is_said_without_the_word_of_the_table():
    found = bought().stock_settings(budget_per_week=40.0).replenish().exceptions
    (text,) = found.loc[found["type"] == "limit binds", "text"]
    assert ": 1,000 more would be worth up to " in text


def test_a_limit_that_binds_is_one_exception():
    result = supplied(30.0).replenish()
    rows = result.exceptions[result.exceptions["type"] == "limit binds"]
    assert len(rows) == 1
    assert rows["text"].iloc[0].startswith("supply of S, units binds in ")


def test_without_a_limit_nothing_is_said():
    assert bought().replenish().summary["limits"] == []


@pytest.mark.parametrize(
    ("constraint", "words"),
    [("money all money", "budget"), ("storage W-1 m3", "storage at W-1, m3"), ("lane A>B kg", "lane A>B, kg"),
     ("inbound all pallets", "goods in at all places, pallets"), ("money LEJ money", "budget of LEJ")],
)  # fmt: skip
def test_limits_have_names_that_people_use(constraint: str, words: str):
    assert label(constraint) == words


@pytest.mark.parametrize("form", ["table", "json"])
def test_optimize_prints_what_gives(planned, form, capsys, monkeypatch, tmp_path):
    shop = shutil.copytree(planned, tmp_path / "shop")
    monkeypatch.setenv("PLANNER_STOCK_BUDGET_PER_WEEK", "600")
    assert main(["-C", str(shop), "optimize", "--format", form]) == 0
    out = capsys.readouterr().out
    if form == "json":
        assert '"constraint": "money all money"' in out
        assert '"price"' in out
    else:
        assert "budget (EUR 1,000)" in out
        assert "the budget would have to give EUR " in out
        assert "run short for want of room" in out
