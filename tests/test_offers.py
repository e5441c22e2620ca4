"""Recommendations against supply, and the command around them."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from planner.cli.app import main
from planner.dataset import Dataset, load
from planner.offers import Wish, make_offers, on_offer

AS_OF, ARRIVES = dt.date(2026, 3, 2), dt.date(2026, 3, 9)
NO_PLAN = pd.DataFrame()
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def shop(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("offers") / "shop"
    shutil.copytree(demo, folder, ignore=shutil.ignore_patterns("truth", "reports", ".planner"))
    return folder


@pytest.fixture(scope="module")
def data(shop: Path) -> Dataset:
    return load(shop / "data")


def test_stock_on_the_day_is_what_is_free_and_due_less_what_sells_until_then(data: Dataset) -> None:
    there, source = on_offer(data, AS_OF, NO_PLAN, AS_OF)
    later, _ = on_offer(data, AS_OF, NO_PLAN, ARRIVES)
    assert there is not None
    assert later is not None
    assert "sales of the last eight weeks" in source
    both = there.merge(later, on=["sku", "warehouse"], suffixes=("_now", "_later"))
    due = data["pipeline"]
    still = ~both.set_index(["sku", "warehouse"]).index.isin(list(zip(due["sku"], due["destination"], strict=True)))
    assert (both["there_later"] <= both["there_now"])[still].all()
    assert both["share_later"].between(0, 1).all()


def test_a_plan_says_better_what_will_be_there(data: Dataset) -> None:
    row = {"sku": "BEV-0001", "warehouse": "LEJ", "week": pd.Timestamp(ARRIVES), "opening": 4.0, "receipts": 2.0}
    plan = pd.DataFrame(
        [{**row, "demand": 12.0}, {**row, "sku": "BEV-0002", "opening": 0.0, "receipts": 0.5, "demand": 1.0}]
    )
    there, source = on_offer(data, AS_OF, plan, ARRIVES)
    assert there is not None
    assert there["share"].tolist() == [0.5, 0.0]
    assert "latest plan" in source


def test_nobody_is_offered_what_their_warehouse_will_not_have(data: Dataset, tmp_path: Path) -> None:
    stock = data["stock"].copy()
    stock.loc[stock["warehouse"] == "LEJ", "on_hand"] = 0.0
    none_due = data["pipeline"].iloc[:0]
    dry = data.with_tables({"stock": (stock, "dry"), "pipeline": (none_due, "none")})
    lists = make_offers(dry, AS_OF, NO_PLAN, tmp_path, Wish(ARRIVES, method="frequency", top=3)).lists
    assert "LEJ" not in set(lists["warehouse"])
    assert {"BSL", "WAW"} == set(lists["warehouse"])
    ended = data["items"].assign(end_date=pd.Timestamp("2026-01-01"))
    gone = data.with_tables({"items": (ended, "ended")})
    assert make_offers(gone, AS_OF, NO_PLAN, tmp_path, Wish(ARRIVES, method="frequency")).lists.empty


def test_a_second_week_is_learnt_from_the_first_and_a_changed_past_anew(data: Dataset, tmp_path: Path) -> None:
    def note(day: dt.date, dataset: Dataset) -> str:
        return make_offers(dataset, day, NO_PLAN, tmp_path, Wish(ARRIVES, method="ease", top=1)).notes[0]

    assert "learnt anew" in note(dt.date(2026, 2, 23), data)
    assert "from 2026-02-23" in note(AS_OF, data)
    assert "from today" in note(AS_OF, data)
    fewer = data.with_tables({"order_lines": (data["order_lines"].iloc[5:], "fewer")})
    assert "learnt anew" in note(AS_OF, fewer)


def test_the_command_lists_customers_and_slots(shop: Path, capsys: Capture) -> None:
    assert main(["-C", str(shop), "recommend", "--top", "2", "--method", "frequency", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["arrives"] == "2026-03-09"
    assert {"customer", "rank", "sku", "why", "stock_share"} <= set(said["recommendations"][0])
    assert sum(slot["customers"] for slot in said["slots"]) == len(said["recommendations"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--method", "eas"], "did you mean ease?"),
        (["--arrives", "soon"], "is not a date"),
        (["--arrives", "2026-01-01"], "lies before 2026-03-02"),
        (["--customer", "Jane"], "there is no customer 'Jane'"),
    ],
)
def test_what_makes_no_sense_is_refused(shop: Path, capsys: Capture, words: list[str], says: str) -> None:
    assert main(["-C", str(shop), "recommend", *words]) == 2
    assert says in capsys.readouterr().err


def test_a_workspace_without_customers_says_which_table_is_missing(shop: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(shop, tmp_path / "shop")
    (tmp_path / "shop" / "data" / "order_lines.csv").unlink()
    assert main(["-C", str(tmp_path / "shop"), "recommend"]) == 3
    assert "order_lines.csv" in capsys.readouterr().err


def test_without_scikit_learn_the_extra_is_named(shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setattr("planner.marketing.extras.find_spec", lambda name: None)
    assert main(["-C", str(shop), "recommend"]) == 1
    assert "planner[customers]" in capsys.readouterr().err
