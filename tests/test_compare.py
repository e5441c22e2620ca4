"""What two scenarios differ in: sums that must add up, lines that appear and go, runs that lack something."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from planner.cli.sheets import compared
from planner.compare import Comparison, compare
from planner.errors import UsageError
from planner.workspace import Run
from tests.synthetic import CAMPAIGN_SKUS, make_run, make_tables, small_run


@pytest.fixture(scope="module")
def both(base_run: Run, spring_run: Run) -> Comparison:
    return compare([base_run, spring_run])


def lines(*rows: tuple[str, str, float, float, str]) -> pd.DataFrame:
    """Order lines: line_id, kind, quantity, unit_cost, week of order and due."""
    frame = pd.DataFrame(rows, columns=["line_id", "kind", "quantity", "unit_cost", "order_week"])
    weeks = pd.to_datetime(frame["order_week"])
    return frame.assign(sku="A", source="S", destination="W", order_week=weeks, due_week=weeks)


def test_demand_adds_up_to_the_key_figure(both: Comparison, base_run: Run, spring_run: Run) -> None:
    extra = spring_run.kpis["demand"] - base_run.kpis["demand"]
    assert both.demand["difference"].sum() == pytest.approx(extra)
    assert both.demand_weeks["difference"].sum() == pytest.approx(extra)
    assert both.demand["campaign"].sum() == pytest.approx(spring_run.kpis["campaign_demand"])
    assert both.demand["base"].abs().max() == pytest.approx(0.0)
    assert set(both.demand.loc[both.demand["difference"].abs() > 1e-9, "sku"]) == set(CAMPAIGN_SKUS)


def test_demand_knows_its_category(both: Comparison) -> None:
    by_category = both.demand_weeks.groupby("category")["difference"].sum()
    assert by_category["tea"] == pytest.approx(0.0)
    assert by_category["juice"] > 0
    assert set(both.demand["category"]) == {"juice", "tea"}


def test_key_figures_have_difference_and_verdict(both: Comparison) -> None:
    row = both.kpis.set_index("figure").loc["freight"]
    assert row["difference"] == pytest.approx(row["spring-campaign"] - row["base"])
    assert row["percent"] == pytest.approx(row["difference"] / row["base"])
    assert row["verdict"] == "worse"
    assert both.kpis.set_index("figure").loc["gap", "verdict"] == ""


def test_as_text_shares_differ_in_points_and_what_is_nothing_in_both_is_left_out(both: Comparison) -> None:
    kpis = both.kpis.copy()
    extra = kpis.loc[kpis["figure"] == "freight"].assign(label="Nothing", figure="cost_transfer")
    extra[[*both.labels, "difference", "percent"]] = 0.0
    kpis.loc[kpis["figure"] == "fill_rate", "difference"] = -0.012
    kpis.loc[kpis["figure"] == "gap", ["difference", "verdict"]] = [0.0002, "worse"]
    shown = compared(replace(both, kpis=pd.concat([kpis, extra])), as_text=True)[0].frame.set_index("figure")
    assert tuple(shown.loc["Expected fill rate", ["difference", "percent"]]) == ("-1.2 points", "")
    assert tuple(shown.loc["Gap to the bound", ["difference", "verdict"]]) == ("0.0 points", "")
    assert shown.loc["Freight", "verdict"] == "worse"
    assert shown.loc["Campaign demand", both.labels[0]] == "0"
    assert "Nothing" not in shown.index


def test_percent_of_nothing_is_unknown(both: Comparison) -> None:
    assert pd.isna(both.kpis.set_index("figure").loc["campaign_demand", "percent"])


def test_orders_are_matched_by_line(tmp_path: Path) -> None:
    before = lines(("a", "purchase", 10, 2.0, "2026-03-02"), ("b", "purchase", 5, 1.0, "2026-03-02"),
                   ("same", "purchase", 7, 1.0, "2026-03-09"))  # fmt: skip
    after = lines(("a", "purchase", 15, 2.0, "2026-03-02"), ("c", "transfer", 4, 1.0, "2026-03-09"),
                  ("same", "purchase", 7, 1.0, "2026-03-09"))  # fmt: skip
    found = compare([small_run(tmp_path, "base", {"orders": before}), small_run(tmp_path, "new", {"orders": after})])
    orders = found.orders.set_index("line_id")
    assert orders["change"].to_dict() == {"a": "changed", "b": "removed", "c": "added"}
    assert orders["quantity difference"].to_dict() == {"a": 5.0, "b": -5.0, "c": 4.0}
    assert orders["money difference"].to_dict() == {"a": 10.0, "b": -5.0, "c": 4.0}
    assert orders.loc["b", "order_week"] == pd.Timestamp("2026-03-02")
    assert (
        "adds 1 line, drops 1 line and changes 1 line: 0 units bought, EUR 5.00 more, and +4 units" in found.headline[0]
    )
    assert "EUR 5.00 more in all, purchases +EUR 5.00 and freight EUR 0" in found.headline[1]


def test_a_line_that_only_comes_later_has_changed(tmp_path: Path) -> None:
    before = lines(("a", "purchase", 10, 2.0, "2026-03-02"))
    after = before.assign(due_week=pd.Timestamp("2026-03-16"))
    found = compare([small_run(tmp_path, "base", {"orders": before}), small_run(tmp_path, "late", {"orders": after})])
    assert found.orders["change"].tolist() == ["changed"]
    assert found.orders["quantity difference"].tolist() == [0.0]


def test_loads_add_up_by_lane(both: Comparison, base_run: Run, spring_run: Run) -> None:
    extra = spring_run.table("loads")["cost"].sum() - base_run.table("loads")["cost"].sum()
    assert both.loads["cost difference"].sum() == pytest.approx(extra)
    assert not both.loads.duplicated(["origin", "destination", "mode"]).any()


def test_headline_answers_what_and_at_what_cost(both: Comparison, base_run: Run, spring_run: Run) -> None:
    extra = spring_run.kpis["demand"] - base_run.kpis["demand"]
    spend = spring_run.kpis["spend"] - base_run.kpis["spend"]
    subjects = [sentence.partition(":")[0] for sentence in both.headline]
    assert subjects == ["Demand", "Orders", "Loads", "Cost", "Service"]
    assert f"{extra:,.0f} more units than base" in both.headline[0]
    assert "most in juice" in both.headline[0]
    assert "2026-04-13" in both.headline[0]
    assert f"purchases +EUR {spend:,.0f}" in both.headline[3]


def test_equal_runs_differ_in_nothing(base_run: Run, tmp_path: Path) -> None:
    found = compare([base_run, make_run(tmp_path, "again")])
    assert found.orders.empty
    assert found.demand["difference"].abs().max() == 0
    assert "asks for what base asks for" in found.headline[0]
    assert "orders exactly what base orders" in found.headline[1]
    assert "ships what base ships" in found.headline[2]
    assert not found.notes


def test_different_horizons_count_only_shared_weeks(base_run: Run, tmp_path: Path) -> None:
    found = compare([base_run, make_run(tmp_path, "short", weeks=12, demand=1.1)])
    shared = base_run.table("forecast")
    shared = shared[shared["date"] < shared["date"].min() + pd.Timedelta(weeks=12)]
    assert found.demand["before"].sum() == pytest.approx(shared["mean"].sum())
    assert found.demand["difference"].sum() == pytest.approx(shared["mean"].sum() * 0.1)
    assert "2026-03-02 to 2026-05-24" in found.notes[0]


def test_runs_without_a_shared_day(tmp_path: Path) -> None:
    early = make_tables(2, 0.0, 1.0)["forecast"]
    late = early.assign(date=early["date"] + pd.Timedelta(weeks=40))
    first, second = small_run(tmp_path, "base", {"forecast": early}), small_run(tmp_path, "late", {"forecast": late})
    found = compare([first, second])
    assert found.demand.empty
    assert "they share no day" in found.notes[2]


def test_a_missing_table_is_said_not_counted(base_run: Run, tmp_path: Path) -> None:
    tables = make_tables(26, 1.0, 1.0)
    found = compare([base_run, small_run(tmp_path, "forecast-only", {"forecast": tables["forecast"]})])
    assert found.orders.empty
    assert found.loads.empty
    assert found.notes == (
        "Orders not compared: forecast-only has none.",
        "Loads not compared: forecast-only has none.",
    )
    assert [sentence.partition(":")[0] for sentence in found.headline] == ["Demand"]


def test_runs_that_hold_nothing(tmp_path: Path) -> None:
    found = compare([small_run(tmp_path, "base", {}), small_run(tmp_path, "other", {})])
    assert found.kpis.empty
    assert found.headline == ()
    assert len(found.notes) == 3


def test_daily_and_weekly_runs_meet_in_weeks(base_run: Run, tmp_path: Path) -> None:
    weekly = base_run.table("forecast")
    days = weekly.loc[weekly.index.repeat(7)].reset_index(drop=True)
    offset = pd.to_timedelta(days.groupby(["sku", "warehouse", "date"]).cumcount(), unit="D")
    daily = days.assign(date=days["date"] + offset, bucket="day", **{name: days[name] / 7 for name in ("mean", "base")})
    found = compare([base_run, small_run(tmp_path, "daily", {"forecast": daily})])
    assert found.demand_weeks["difference"].abs().max() == pytest.approx(0.0, abs=1e-6)


def test_more_than_two_runs_have_a_column_each(base_run: Run, spring_run: Run, tmp_path: Path) -> None:
    found = compare([base_run, spring_run, make_run(tmp_path, "surge", demand=1.2)])
    assert found.labels == ("base", "spring-campaign", "surge")
    assert {"difference surge", "percent surge", "verdict surge", "difference spring-campaign"} <= set(
        found.kpis.columns
    )
    assert set(found.demand["run"]) == {"spring-campaign", "surge"}
    assert len([sentence for sentence in found.headline if sentence.startswith("Demand")]) == 2


def test_changes_are_logged_with_their_run(both: Comparison) -> None:
    assert both.changes[["run", "old", "new"]].to_numpy().tolist() == [["spring-campaign", "draft", "planned"]]


def test_two_runs_of_one_scenario_go_by_their_names(base_run: Run, tmp_path: Path) -> None:
    again = small_run(tmp_path, "base", {})
    assert compare([base_run, again]).labels == (base_run.name, again.name)


@pytest.mark.parametrize("count", [1, 7])
def test_too_few_or_too_many_runs(base_run: Run, count: int) -> None:
    with pytest.raises(UsageError, match="cannot be compared"):
        compare([base_run] * count)


def test_a_run_with_itself(base_run: Run) -> None:
    with pytest.raises(UsageError, match="with itself"):
        compare([base_run, base_run])


def test_two_currencies_never_meet(base_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="EUR and USD"):
        compare([base_run, make_run(tmp_path, "dollars", currency="USD")])


def test_the_same_runs_give_the_same_comparison(base_run: Run, spring_run: Run, both: Comparison) -> None:
    again = compare([base_run, spring_run])
    assert again.headline == both.headline
    for name in ("kpis", "demand", "demand_weeks", "orders", "loads", "changes"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(both, name))
