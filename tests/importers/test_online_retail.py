"""Online Retail II: what counts as a sale, what comes back, and that no customer can be told from the output."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from planner.dataset import Dataset, load, validate
from planner.errors import DataError, UsageError
from planner.importers import run_import
from tests.importers.conftest import RETAIL_LINES

KEY = "a key that nobody knows"


def imported(folder: Path, into: Path, **options: object) -> Dataset:
    run_import("online-retail", folder, into, options, environ={"PLANNER_KEY": KEY})
    assert validate(into / "data").total == 0
    return load(into / "data")


def test_lines_add_up_to_days_and_returns_stand_apart(online_retail: Path, tmp_path: Path) -> None:
    sales = imported(online_retail, tmp_path / "w")["sales"]
    rows = sales[["date", "sku", "warehouse", "quantity", "unit_price", "returned"]].astype({"returned": int})
    assert rows.values.tolist() == [
        [pd.Timestamp("2011-01-05"), "11111", "UK", 2.0, 4.0, 0],
        [pd.Timestamp("2011-10-03"), "85048A", "UK", 10.0, 2.4, 0],
        [pd.Timestamp("2011-10-05"), "22222", "UK", 3.0, 1.0, 0],
        [pd.Timestamp("2011-10-06"), "85048A", "UK", 2.0, 2.0, 1],
    ]


def test_the_day_is_the_monday_after_the_last_line(online_retail: Path, tmp_path: Path) -> None:
    result = run_import("online-retail", online_retail, tmp_path / "w", environ={})
    assert result.as_of == dt.date(2011, 10, 10)
    assert "2011-10-07" in result.assumptions["last_week"]


def test_what_is_left_out_is_counted(online_retail: Path, tmp_path: Path) -> None:
    notes = "\n".join(run_import("online-retail", online_retail, tmp_path / "w", environ={}).notes)
    assert "1 line left out: they stand in both sheets" in notes
    assert "1 line left out: no product code, such as POST 1" in notes
    assert "1 line left out: no price" in notes
    assert "2 lines left out: orders cancelled in full" in notes
    assert "PLANNER_KEY" in notes


def test_without_a_key_customers_are_left_out(online_retail: Path, tmp_path: Path) -> None:
    result = run_import("online-retail", online_retail, tmp_path / "w", environ={})
    assert not {"customers", "order_lines"} & set(result.tables)
    assert not list((tmp_path / "w" / "data").glob("*customer*"))


def test_with_a_key_customers_are_keyed_hashes(online_retail: Path, tmp_path: Path) -> None:
    data = imported(online_retail, tmp_path / "w")
    customers = data["customers"].set_index("customer")
    mine = hmac.new(KEY.encode(), b"77702", hashlib.sha256).hexdigest()
    assert customers.loc[mine, "country"] == "FR"
    assert customers.loc[mine, "created_on"] == pd.Timestamp("2011-01-05")
    lines = data["order_lines"]
    assert set(lines["customer"]) == set(customers.index)
    assert lines.loc[lines["returned"] == 1, "order_id"].tolist() == ["C1004"]
    assert set(lines["order_id"]) == {"1001", "1002", "C1004", "1008"}


def test_a_key_file_does_the_same_as_the_variable(online_retail: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    imported(online_retail, tmp_path / "w")
    run_import("online-retail", online_retail, tmp_path / "v", {"key_file": str(tmp_path / "key")}, environ={})
    one, other = (load(tmp_path / name / "data")["customers"]["customer"].tolist() for name in "wv")
    assert one == other


def test_no_customer_stands_in_any_file(online_retail: Path, tmp_path: Path) -> None:
    imported(online_retail, tmp_path / "w")
    raw = {f"{line[6]:.0f}" for line in RETAIL_LINES if line[6] == line[6]}
    assert raw == {"77701", "77702", "77703"}
    for path in (tmp_path / "w").rglob("*.*"):
        if path.suffix == ".parquet":
            text = pq.read_table(path).to_pandas().astype(str).to_csv()
        else:
            text = path.read_text(encoding="utf-8")
        assert KEY not in text
        assert not [code for code in raw if code in text], path


@pytest.mark.parametrize(("key", "says"), [("short", "at least 16"), ("", "")])
def test_a_short_key_is_refused(online_retail: Path, tmp_path: Path, key: str, says: str) -> None:
    if says:
        with pytest.raises(UsageError, match=says):
            run_import("online-retail", online_retail, tmp_path / "w", environ={"PLANNER_KEY": key})
    else:
        result = run_import("online-retail", online_retail, tmp_path / "w", environ={"PLANNER_KEY": key})
        assert "customers" not in result.tables


def test_a_key_file_that_is_not_there_is_named(online_retail: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        run_import("online-retail", online_retail, tmp_path / "w", {"key_file": str(tmp_path / "nowhere")})


def test_products_that_sell_no_more_have_ended(online_retail: Path, tmp_path: Path) -> None:
    data = imported(online_retail, tmp_path / "w")
    ends = data["items"].set_index("sku")["end_date"]
    assert ends["11111"] == pd.Timestamp("2011-01-05")
    assert ends[["22222", "85048A"]].isna().all()
    assert data["stocking"].set_index("sku")["listed_to"]["11111"] == pd.Timestamp("2011-01-05")
    kept = imported(online_retail, tmp_path / "v", drop_after_weeks=0)["items"]
    assert kept["end_date"].isna().all()


def test_costs_and_opening_stock_come_from_options(online_retail: Path, tmp_path: Path) -> None:
    data = imported(online_retail, tmp_path / "w", cost_share=0.25, cover_weeks=13, warehouse="LONDON")
    items = data["items"].set_index("sku")
    assert items.loc["85048A", ["unit_price", "unit_cost", "description"]].tolist() == [2.4, 0.6, "RED LAMP"]
    stock = data["stock"].set_index(["sku", "warehouse"])["on_hand"]
    assert stock.to_dict() == {("11111", "LONDON"): 0.0, ("22222", "LONDON"): 3.0, ("85048A", "LONDON"): 8.0}


def test_text_files_of_the_same_layout_are_read_too(online_retail: Path, tmp_path: Path) -> None:
    before = imported(online_retail, tmp_path / "w")
    lines = pd.read_parquet(online_retail / "online_retail_ii.parquet")
    lines.to_csv(online_retail / "online_retail_II.csv", index=False)
    (online_retail / "online_retail_ii.parquet").unlink()
    after = imported(online_retail, tmp_path / "v")
    for name in before:
        pd.testing.assert_frame_equal(before[name], after[name])


def test_a_missing_column_is_named(online_retail: Path, tmp_path: Path) -> None:
    path = online_retail / "online_retail_ii.parquet"
    pd.read_parquet(path).rename(columns={"Price": "UnitPrice"}).to_parquet(path)
    with pytest.raises(DataError) as caught:
        run_import("online-retail", online_retail, tmp_path / "w")
    assert [issue.column for issue in caught.value.issues] == ["Price"]
    assert not (tmp_path / "w").exists()


def test_a_slice_of_the_real_lines(real_data: Path, tmp_path: Path) -> None:
    table = pq.read_table(real_data / "online_retail" / "online_retail_ii.parquet")
    lines = table.slice(table.num_rows - 60_000).to_pandas()
    folder = tmp_path / "real"
    folder.mkdir()
    lines.to_parquet(folder / "online_retail_ii.parquet")
    data = imported(folder, tmp_path / "w")
    assert data["items"]["sku"].str.fullmatch(r"\d{5}[A-Z]{0,2}").all()
    assert data["sales"]["quantity"].max() < 80_000
    raw = set(lines["Customer ID"].dropna().astype(int).astype(str))
    assert not raw & set(data["order_lines"]["customer"])
    assert set(data["customers"]["customer"].str.len()) == {64}
