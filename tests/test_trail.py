"""planner history: what was sold, what was made of it, and why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from planner.cli.app import main
from planner.errors import UsageError
from planner.plan import compute, prepare
from planner.trail import notes, summary, trail, which
from planner.workspace import Workspace


@pytest.fixture(scope="module")
def shop(planned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planned world with one absurd week."""
    folder = tmp_path_factory.mktemp("trail") / "shop"
    shutil.copytree(planned, folder, ignore=shutil.ignore_patterns("reports", ".planner"))
    sales = pd.read_csv(folder / "data" / "sales.csv")
    week = (sales["sku"] == "BEV-0001") & (sales["warehouse"] == "LEJ") & (sales["date"] == "2025-06-16")
    sales.loc[week, ["quantity", "in_stock"]] = [4000, 1]
    sales.to_csv(folder / "data" / "sales.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def prepared(shop):
    return prepare(Workspace(shop))


@pytest.fixture(scope="module")
def dataset(prepared):
    return prepared.dataset


@pytest.fixture(scope="module")
def results(prepared):
    return compute(prepared, "outliers")


def test_nothing_is_told_of_weeks_after_the_last_day_of_sale(shop, dataset, capsys):
    ended = dataset["items"].dropna(subset=["end_date"])
    ended = ended[ended["end_date"] < pd.Timestamp("2026-01-01")].iloc[0]
    series = f"{ended['sku']}@LEJ"
    assert main(["-C", str(shop), "history", series, "--format", "json"]) == 0
    told = capsys.readouterr()
    assert max(row["date"] for row in json.loads(told.out)["history"]) <= str(ended["end_date"].date())
    assert "quantity unknown" not in told.out
    assert main(["-C", str(shop), "explain", "forecast", series]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"Its last day of sale was {ended['end_date'].date()}: nothing is expected any more." in said
    assert "unknown buckets" not in said


def test_the_absurd_week_is_adjusted_and_told(dataset, results):
    table = trail(dataset, results, "BEV-0001@LEJ").table.set_index("date")
    week = table.loc["2025-06-16"]
    assert (week["sold"], week["demand"]) == (4000, 4000)
    assert week["adjusted"] < 1000
    assert week["why"] == "one-off spike"


def test_every_difference_has_its_reason(dataset, results):
    for series in ("BEV-0001@LEJ", "GAR-0001@BSL"):
        table = trail(dataset, results, series).table
        different = (table["sold"] - table["adjusted"]).abs() > 1e-6
        assert different.any()
        assert (table.loc[different, "why"] != "").all()
        assert not table["sold"].isna().any()


def test_campaigns_are_named(dataset, results):
    table = trail(dataset, results, "BEV-0001@LEJ").table
    assert table["why"].str.startswith("campaign ").any()


def test_the_summary_counts_every_note(results):
    told = notes(results)
    table = summary(told)
    assert table["buckets"].sum() == len(told)
    assert {"out of stock", "campaign", "one-off spike"} <= set(table["reason"])


def test_series_are_named_by_sku_and_warehouse():
    keys = pd.DataFrame({"sku": ["a", "a", "b@c"], "warehouse": ["v", "w", "v"]})
    assert which("a@w", keys) == ("a", "w")
    assert which("b@c@v", keys) == ("b@c", "v")
    assert which("a@v", keys.iloc[:1]) == ("a", "v")
    assert which("a", keys.iloc[:1]) == ("a", "v")
    for wrong, hint in (("a", "a@v, a@w"), ("a@x", "a@v"), ("q@v", "known")):
        with pytest.raises(UsageError) as caught:
            which(wrong, keys)
        assert hint in caught.value.hint


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_the_command_answers_in_every_format(shop, form, capsys):
    assert main(["-C", str(shop), "history", "BEV-0001@LEJ", "--format", form]) == 0
    out = capsys.readouterr().out
    if form == "table":
        assert "x one-off spike" in out
        assert "┤" in out
    elif form == "csv":
        assert out.splitlines()[0] == "date,sold,in_stock,demand,adjusted,why"
        assert out.splitlines()[1].startswith("2023-09-04,")
    else:
        assert json.loads(out)["history"][0]["date"] == "2023-09-04"


def test_lists_of_stockouts_and_outliers(shop, capsys):
    assert main(["-C", str(shop), "history", "--outliers", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["notes"]
    assert [row["sku"] for row in rows if row["kept"] == ""] == ["BEV-0001"]
    assert main(["-C", str(shop), "history", "--stockouts", "--format", "json", "--select", "warehouse:LEJ"]) == 0
    rows = json.loads(capsys.readouterr().out)["notes"]
    assert {row["reason"] for row in rows} == {"out of stock"}
    assert {row["warehouse"] for row in rows} == {"LEJ"}
    assert all(row["adjusted"] >= row["original"] for row in rows)
    assert main(["-C", str(shop), "history"]) == 0
    assert "out of stock" in capsys.readouterr().out


def test_reported_spikes_are_left_alone(shop):
    prepared = prepare(Workspace(shop), flags={"forecast.outliers": "report"})
    week = (
        trail(prepared.dataset, compute(prepared, "outliers"), "BEV-0001@LEJ").table.set_index("date").loc["2025-06-16"]
    )
    assert week["adjusted"] == 4000
    assert "kept" in week["why"]
