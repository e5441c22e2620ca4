"""VN2: what the four files become, and how faults in them are named."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from planner.dataset import load, validate
from planner.errors import DataError, UsageError
from planner.importers import run_import
from planner.scenarios import resolve
from tests.importers.conftest import write_vn2


def imported(folder: Path, into: Path) -> dict[str, pd.DataFrame]:
    run_import("vn2", folder, into)
    assert validate(into / "data").total == 0
    dataset = load(into / "data")
    return {name: dataset[name] for name in dataset}


def test_sales_become_one_row_a_week_with_the_flag_beside_them(vn2: Path, tmp_path: Path) -> None:
    sales = imported(vn2, tmp_path / "w")["sales"]
    assert len(sales) == 12
    one = sales[(sales["sku"] == "007") & (sales["warehouse"] == "2")]
    assert one["quantity"].tolist() == [20, 21, 22, 23]
    assert one["in_stock"].tolist() == [1, 0, 1, 1]
    assert one["date"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-22"]


def test_costs_lead_time_and_review_are_those_of_the_challenge(vn2: Path, tmp_path: Path) -> None:
    tables = imported(vn2, tmp_path / "w")
    items = tables["items"].set_index("sku")
    assert items.index.tolist() == ["007", "8"]
    assert items["category"].tolist() == ["g1", "g2"]
    assert items["division"].tolist() == ["d1", "d2"]
    assert set(zip(items["unit_cost"], items["holding_cost_per_week"], items["shortage_cost"], strict=True)) == {
        (0.0, 0.2, 1.0)
    }
    assert set(items["shortage"]) == {"lost"}
    assert tables["stocking"]["review_days"].tolist() == [7.0] * 3
    assert tables["sourcing"]["lead_days"].tolist() == [14.0] * 3
    assert set(tables["sourcing"]["source"]) == {"SUPPLIER"}
    kinds = tables["locations"].set_index("location")["kind"]
    assert kinds.to_dict() == {"01": "store", "2": "store", "SUPPLIER": "supplier"}


def test_only_end_inventory_and_what_is_in_transit_count(vn2: Path, tmp_path: Path) -> None:
    tables = imported(vn2, tmp_path / "w")
    stock = tables["stock"].set_index(["sku", "warehouse"])["on_hand"]
    assert stock.to_dict() == {("007", "01"): 3.0, ("007", "2"): 0.0, ("8", "01"): 4.0}
    due = tables["pipeline"].set_index(["sku", "destination", "due_date"])["quantity"]
    assert due.to_dict() == {
        ("007", "01", pd.Timestamp("2024-01-29")): 2.0,
        ("007", "01", pd.Timestamp("2024-02-05")): 5.0,
        ("007", "2", pd.Timestamp("2024-02-05")): 1.0,
    }


def test_settings_say_what_was_assumed(vn2: Path, tmp_path: Path) -> None:
    result = run_import("vn2", vn2, tmp_path / "w", {"lead_days": 21})
    settings = resolve(tmp_path / "w", environ={}).settings
    assert result.as_of == settings.plan.as_of == dt.date(2024, 1, 29)
    assert (settings.plan.bucket, settings.plan.currency, settings.stock.lead_days) == ("week", "EUR", 21.0)
    assert settings.assumptions == dict(result.assumptions)
    assert settings.assumptions["source"] == "vn2"
    assert "21 (--lead-days)" in settings.assumptions["lead_days"]


def test_one_more_week_moves_the_as_of_date(tmp_path: Path) -> None:
    folder = write_vn2(tmp_path / "vn2")
    run_import("vn2", folder, tmp_path / "w")
    write_vn2(tmp_path / "vn2", weeks=5, flag_weeks=4)
    result = run_import("vn2", folder, tmp_path / "w")
    assert result.as_of == dt.date(2024, 2, 5)
    assert any("not in in_stock.csv yet" in note for note in result.notes)
    sales = load(tmp_path / "w" / "data")["sales"]
    newest = sales[sales["date"] == pd.Timestamp("2024-01-29")]
    assert len(newest) == 3
    assert newest["in_stock"].isna().all()
    settings = resolve(tmp_path / "w", "demand-surge", environ={})
    assert settings.settings.plan.as_of == dt.date(2024, 2, 5)
    assert settings.changes[0].start == dt.date(2024, 2, 5)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("sales.csv", "11.0", "eleven", ("sales.csv", 3, "2024-01-08", "eleven")),
        ("sales.csv", "11.0", "-11", ("sales.csv", 3, "2024-01-08", "-11")),
        ("sales.csv", "2024-01-08", "2024-01-09", ("sales.csv", 1, "2024-01-09", "")),
        ("sales.csv", "2024-01-22", "2024-02-05", ("sales.csv", 1, "2024-01-22", "")),
        ("sales.csv", "2,007", "01,007", ("sales.csv", 4, "Store + Product", "01 007")),
        ("sales.csv", "Product", "Produkt", ("sales.csv", 1, "Product", "")),
        ("in_stock.csv", "True", "maybe", ("in_stock.csv", 2, "2024-01-01", "maybe")),
        ("initial_state.csv", "In Transit W+2", "In Transit", ("initial_state.csv", 1, "In Transit W+2", "")),
        ("initial_state.csv", "2.0", "x", ("initial_state.csv", 2, "In Transit W+1", "x")),
    ],
)
def test_a_fault_is_named_and_nothing_is_written(
    vn2: Path, tmp_path: Path, file: str, old: str, new: str, named: tuple[object, ...]
) -> None:
    edit(vn2 / file, old, new)
    with pytest.raises(DataError) as caught:
        run_import("vn2", vn2, tmp_path / "w")
    issue = caught.value.issues[0]
    assert (issue.file, issue.row, issue.column, issue.value) == named
    assert not (tmp_path / "w").exists()


def test_every_missing_file_is_named_with_what_the_folder_holds(vn2: Path, tmp_path: Path) -> None:
    (vn2 / "sales.csv").rename(vn2 / "Verkauf.csv")
    (vn2 / "master.csv").unlink()
    with pytest.raises(DataError) as caught:
        run_import("vn2", vn2, tmp_path / "w")
    assert [issue.file for issue in caught.value.issues] == ["sales.csv", "master.csv"]
    assert "Verkauf.csv" in caught.value.issues[0].hint


def test_a_binary_file_is_one_clear_fault(vn2: Path, tmp_path: Path) -> None:
    (vn2 / "sales.csv").write_bytes(b"\x00\xff\xfe\x80" * 100)
    with pytest.raises(DataError) as caught:
        run_import("vn2", vn2, tmp_path / "w")
    assert caught.value.issues[0].file == "sales.csv"


def test_the_supplier_needs_a_code_of_its_own(vn2: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--supplier 2"):
        run_import("vn2", vn2, tmp_path / "w", {"supplier": "2"})


def test_the_real_challenge(real_data: Path, tmp_path: Path) -> None:
    result = run_import("vn2", real_data / "vn2", tmp_path / "w")
    assert result.as_of == dt.date(2024, 4, 15)
    assert dict(result.tables) == {
        "items": 297,
        "locations": 68,
        "stocking": 599,
        "sourcing": 599,
        "sales": 599 * 157,
        "stock": 599,
        "pipeline": 423,
    }
    assert result.notes == ()
    assert validate(tmp_path / "w" / "data").total == 0
    dataset = load(tmp_path / "w" / "data")
    assert set(dataset["pipeline"]["due_date"]) == {pd.Timestamp("2024-04-22")}
    assert (dataset["sales"]["in_stock"] == 0).sum() == 10517
