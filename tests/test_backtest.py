"""Backtests: the flow as of earlier days, blind to what came after, judged where demand could be seen."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.backtest import backtest
from planner.cli.app import main
from planner.errors import UsageError
from planner.judged import FORECAST, Judged, by_group, by_step, calibration, value_added, worst
from planner.plan import prepare
from planner.workspace import Workspace

HORIZON = 6


def run(folder: Path, origins: int = 2, scenario: str = "base", horizon: int = HORIZON) -> Judged:
    return backtest(prepare(Workspace(folder), scenario, {"plan.horizon": horizon}), origins)[0]


@pytest.fixture(scope="module")
def judged(planned: Path) -> Judged:
    return run(planned)


def test_origins_follow_each_other_and_end_with_the_history(judged):
    origins = sorted(judged.cells["origin"].unique())
    assert origins == [pd.Timestamp("2025-12-08"), pd.Timestamp("2026-01-19")]
    ahead = (judged.cells["date"] - judged.cells["origin"]).dt.days // 7 + 1
    assert (ahead == judged.cells["ahead"]).all()
    assert judged.cells["ahead"].max() == HORIZON


def test_nothing_is_seen_ahead(planned, judged, tmp_path):
    """Sales after the first origin multiplied by nine change what came, and no forecast made before."""
    folder = tmp_path / "shop"
    shutil.copytree(planned, folder, ignore=shutil.ignore_patterns("reports", ".planner"))
    first = judged.cells["origin"].min()
    sales = pd.read_csv(folder / "data" / "sales.csv")
    sales.loc[pd.to_datetime(sales["date"]) >= first, "quantity"] *= 9
    sales.to_csv(folder / "data" / "sales.csv", index=False)
    other = run(folder)
    mine, theirs = (item.having((item.cells["origin"] == first).to_numpy()) for item in (judged, other))
    pd.testing.assert_frame_equal(mine.cells, theirs.cells)
    for name, scored in mine.steps.items():
        np.testing.assert_array_equal(scored.mean, theirs.steps[name].mean, err_msg=name)
        np.testing.assert_array_equal(scored.quantiles, theirs.steps[name].quantiles, err_msg=name)
    assert (theirs.forecast.actual == 9 * mine.forecast.actual).all()
    assert mine.forecast.actual.sum() > 0


def test_only_buckets_in_stock_are_judged(planned, judged):
    sales = pd.read_csv(planned / "data" / "sales.csv", parse_dates=["date"])
    short = sales[sales["in_stock"] < 1][["date", "sku", "warehouse"]]
    assert len(short)
    assert judged.cells.merge(short, on=["date", "sku", "warehouse"]).empty
    assert sum(judged.left_out.values()) > 0


def test_steps_lead_from_the_naive_to_the_forecast(judged):
    told = [name for name in judged.steps if name != "without drivers"]
    assert told == ["naive", "seasonal naive", "moving average", "level and season", "baseline", FORECAST]
    steps = by_step(judged).set_index("step")
    added = value_added(judged).set_index("step")["added"]
    total = added.iloc[1:].sum()
    assert total == pytest.approx(steps.loc["naive", "wape"] - steps.loc[FORECAST, "wape"])


def test_a_scenario_that_changes_demand_is_a_step(planned, tmp_path):
    """Its change of next spring touches no past origin, one of last January does."""
    folder = tmp_path / "shop"
    shutil.copytree(planned, folder)
    assert "changes" not in run(folder, 1, "demand-surge").steps
    scenario = folder / "scenarios" / "demand-surge.toml"
    scenario.write_text(scenario.read_text("utf-8").replace("2026-03-30", "2026-01-19"), "utf-8")
    judged = run(folder, 1, "demand-surge")
    before = judged.steps["baseline"].mean
    ratio = judged.steps["changes"].mean[before > 0] / before[before > 0]
    assert np.unique(ratio.round(6)).tolist() == [1.0, 1.3]


def test_groups_add_up_and_know_items_and_places(planned, judged):
    dataset = prepare(Workspace(planned)).dataset
    for names in (["category"], ["warehouse", "class"], ["country"], ["ahead"], ["month"], ["abc", "xyz"]):
        table = by_group(judged, names, dataset)
        assert table["cells"].sum() == len(judged.cells)
        assert table["actual"].sum() == pytest.approx(judged.forecast.actual.sum())
        assert {"naive_wape", "average_wape", "covers_0.95"} <= set(table.columns)
    with pytest.raises(UsageError, match="categori") as caught:
        by_group(judged, ["categori"], dataset)
    assert "category" in caught.value.hint


def test_worst_offenders_hold_all_errors(planned, judged):
    table = worst(judged, prepare(Workspace(planned)).dataset)
    assert table["share"].sum() == pytest.approx(1)
    assert table["share"].is_monotonic_decreasing
    assert table["error"].sum() == pytest.approx(np.abs(judged.forecast.mean - judged.forecast.actual).sum())


def test_calibration_says_below_and_at_or_below(judged):
    table = calibration(judged)
    assert (table["below"] <= table["covers"]).all()
    assert table["covers"].is_monotonic_increasing


def test_a_short_history_gives_the_origins_that_fit(planned):
    assert run(planned, origins=400, horizon=40).cells["origin"].nunique() == 3
    with pytest.raises(UsageError, match="too short"):
        run(planned, horizon=400)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_the_command_answers_in_every_format(planned, judged, form, capsys):
    arguments = ["-C", str(planned), "backtest", "--origins", "2", "--horizon", str(HORIZON), "--by", "category"]
    assert main([*arguments, "--fva", "--format", form]) == 0
    out = capsys.readouterr().out
    if form == "json":
        content = json.loads(out)
        assert {row["category"] for row in content["groups"]} == {"garden", "beverages"}
        assert content["value_added"][-1]["step"] == FORECAST
        assert {row["category"] for row in content["value_added_by"]} == {"garden", "beverages"}
    elif form == "csv":
        assert out.splitlines()[0].startswith("category,actual,forecast,wape,naive_wape")
    else:
        assert "Worst offenders" in out
        assert "seasonal naive" in out


def test_the_command_judges_a_selection(planned, capsys):
    arguments = ["-C", str(planned), "backtest", "--origins", "1", "--horizon", "4", "--format", "json"]
    assert main([*arguments, "--select", "category:garden"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert all(row["sku"].startswith("GAR") for row in content["worst"])
    assert main([*arguments, "--select", "category:nothing"]) == 2


def test_a_day_in_the_past_can_be_the_end(planned):
    prepared = prepare(Workspace(planned), flags={"plan.horizon": 4, "plan.as_of": dt.date(2025, 10, 6)})
    assert backtest(prepared, 1)[0].cells["date"].max() < pd.Timestamp("2025-10-06")
