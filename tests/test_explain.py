"""planner explain forecast: words that hold, for a seasonal, a stocked-out, a new and an intermittent item."""

from __future__ import annotations

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest

from planner.backtest import backtest
from planner.cli.app import main
from planner.errors import UsageError
from planner.explain import Explanation, explain_forecast
from planner.plan import as_seen_on, compute, prepare
from planner.publications import publish
from planner.remembered import recall, remember
from planner.workspace import Workspace


@pytest.fixture(scope="module")
def shop(planned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planned world with an item that begins soon, and one that seldom sells."""
    folder = tmp_path_factory.mktemp("explain") / "shop"
    shutil.copytree(planned, folder, ignore=shutil.ignore_patterns("reports", "published", "backtest-*"))
    data = folder / "data"
    items = pd.read_csv(data / "items.csv", dtype=str, keep_default_na=False)
    twin = items[items["sku"] == "BEV-0001"].assign(sku="NEW-1", launch_date="2026-03-09", predecessor="")
    pd.concat([items, twin]).to_csv(data / "items.csv", index=False)
    stocking = pd.read_csv(data / "stocking.csv", dtype=str, keep_default_na=False)
    row = stocking[(stocking["sku"] == "BEV-0001") & (stocking["warehouse"] == "LEJ")]
    pd.concat([stocking, row.assign(sku="NEW-1")]).to_csv(data / "stocking.csv", index=False)
    sales = pd.read_csv(data / "sales.csv")
    rare = (sales["sku"] == "BEV-0002") & (sales["warehouse"] == "LEJ")
    sales.loc[rare & (sales.index % 7 != 0), "quantity"] = 0
    sales.to_csv(data / "sales.csv", index=False)
    return folder


def explained(folder: Path, series: str) -> Explanation:
    prepared = prepare(Workspace(folder))
    return explain_forecast(prepared, compute(prepared, "forecast"), series)


def test_a_common_item_in_words(shop):
    found = explained(shop, "BEV-0001@LEJ")
    assert f"{found.ahead['mean'].sum():,.0f} units in 8 weeks from 2026-03-02" in found.words["forecast"]
    assert re.match(r"Method: [\w ,-]+", found.words["method"])
    assert "campaign" in found.words["adjustments"]
    assert ("drivers" in found.words) == bool((found.drivers["contribution"].abs() >= 0.05).any())
    assert "planner backtest" in found.words["accuracy"]


def test_a_new_item_names_those_like_it(shop):
    found = explained(shop, "NEW-1@LEJ")
    assert found.words["method"].startswith("A new item")
    assert found.alike["sku"].iloc[0] == "BEV-0001"  # its twin
    assert "nothing is known" in found.words["demand"]
    assert found.ahead["mean"].iloc[1:].gt(0).all()
    assert "In its first week, 2026-03-09," in found.words["forecast"]
    assert "-100" not in found.words.get("season", "")


def test_the_history_of_a_new_item_is_told_in_a_line(shop, capsys):
    assert main(["-C", str(shop), "history", "NEW-1@LEJ"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "NEW-1@LEJ has not been on sale yet"


def test_an_intermittent_item_says_how_seldom_it_sells(shop):
    said = explained(shop, "BEV-0002@LEJ").words["demand"]
    assert re.match(r"(Intermittent|Lumpy), [ABC][XYZ]: sold in \d+ of the last 52 weeks", said)


def test_a_stocked_out_item_says_what_was_repaired(shop):
    notes = compute(prepare(Workspace(shop)), "history")["history"].table("notes")
    recent = notes[(notes["reason"] == "out of stock") & (notes["date"] >= "2025-04-01")]
    row = recent.iloc[0]
    assert "out of stock (+" in explained(shop, f"{row['sku']}@{row['warehouse']}").words["adjustments"]


def test_accuracy_comes_from_the_last_backtest_and_from_what_was_published(shop, tmp_path):
    folder = tmp_path / "shop"
    shutil.copytree(shop, folder)
    prepared = prepare(Workspace(folder), flags={"plan.horizon": 6})
    judged, facts = backtest(prepared, 1)
    remember(prepared, judged, facts)
    then = as_seen_on(prepared, pd.Timestamp("2026-01-19").date())
    publish(then, compute(then, "forecast"), "run")
    said = explained(folder, "BEV-0001@LEJ").words["accuracy"]
    assert "published forecasts, 6 buckets: WAPE" in said
    assert "backtest from 2026-01-19, 6 buckets: WAPE" in said
    assert "Stale" not in said


def test_a_backtest_of_other_data_or_settings_is_told_as_stale(shop, tmp_path):
    folder = tmp_path / "shop"
    shutil.copytree(shop, folder)
    prepared = prepare(Workspace(folder), flags={"plan.horizon": 6})
    judged, facts = backtest(prepared, 1)
    remember(prepared, judged, facts)
    assert recall(prepare(Workspace(folder))).changed == ()  # another horizon is no other forecast
    with (folder / "planner.toml").open("a") as settings:
        settings.write("\n[forecast]\norigins = 2\n")
    sales = pd.read_csv(folder / "data" / "sales.csv", dtype=str, keep_default_na=False)
    sales.iloc[:-1].to_csv(folder / "data" / "sales.csv", index=False)
    assert recall(prepare(Workspace(folder))).changed == ("table sales", "forecast settings")
    said = explained(folder, "BEV-0001@LEJ").words["accuracy"]
    assert "Stale, since table sales, forecast settings changed" in said


def test_an_unknown_series_is_refused(shop):
    with pytest.raises(UsageError, match="no SKU"):
        explained(shop, "BEV-9999@LEJ")


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_the_command_answers_in_every_format(shop, form, capsys):
    assert main(["-C", str(shop), "explain", "forecast", "BEV-0001@LEJ", "--format", form]) == 0
    out = capsys.readouterr().out
    if form == "table":
        assert "░" in out
        assert "Method:" in out
    elif form == "csv":
        assert len(out.splitlines()) == 9
    else:
        content = json.loads(out)
        assert content["words"]["forecast"].startswith("BEV-0001")
        assert len(content["forecast"]) == 8


def test_the_drawing_is_an_svg_of_its_own(shop, tmp_path, capsys):
    target = tmp_path / "why.svg"
    assert main(["-C", str(shop), "explain", "forecast", "BEV-0001@LEJ", "-o", str(target)]) == 0
    assert "wrote" in capsys.readouterr().out
    root = ElementTree.fromstring(target.read_text("utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    classes = {node.get("class") for node in root.iter()}
    assert {"mean-line", "past-line", "band-wide"} <= classes


def test_what_a_driver_does_to_demand_is_told_with_its_size(shop, tmp_path):
    folder = tmp_path / "driven"
    shutil.copytree(shop, folder, ignore=shutil.ignore_patterns("reports", "published", ".planner"))
    sales = pd.read_csv(folder / "data" / "sales.csv")
    weeks = pd.to_datetime(sales["date"]).dt.to_period("W-SUN").dt.start_time
    loud = sorted(weeks.unique())[::6]
    sales.loc[weeks.isin(loud), "quantity"] *= 3
    sales.to_csv(folder / "data" / "sales.csv", index=False)
    radio = pd.DataFrame({"name": "radio", "date": [*loud, pd.Timestamp("2026-03-09")], "value": 1.0})
    radio.to_csv(folder / "data" / "drivers.csv", index=False)
    words = explained(folder, "BEV-0001@LEJ").words
    assert "times what drivers do" in words["method"]
    told = re.search(r"radio up by 1 \+([\d.]+) %", words["drivers"])
    assert "a day of holiday +" in words["drivers"]
    assert told
    assert 100 <= float(told[1]) <= 260
