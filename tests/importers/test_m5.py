"""M5: Monday weeks and days, prices, events; the real files in a slice."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from planner.dataset import Dataset, load, validate
from planner.errors import DataError
from planner.importers import run_import


def imported(folder: Path, into: Path, bucket: str) -> Dataset:
    run_import("m5", folder, into, {"bucket": bucket})
    assert validate(into / "data").total == 0
    return load(into / "data")


def series(sales: pd.DataFrame, sku: str, warehouse: str) -> pd.DataFrame:
    return sales[((sales["sku"] == sku) & (sales["warehouse"] == warehouse)).to_numpy()].sort_values("date")


def test_only_complete_monday_weeks_count(m5: Path, tmp_path: Path) -> None:
    result = run_import("m5", m5, tmp_path / "w", {"bucket": "week"})
    assert result.as_of == dt.date(2011, 2, 21)
    steady = series(load(tmp_path / "w" / "data")["sales"], "FOODS_1_001", "TX_1")
    assert steady["date"].dt.strftime("%m-%d").tolist() == ["01-31", "02-07", "02-14"]
    assert steady["quantity"].tolist() == [14.0, 14.0, 14.0]
    assert any("3 days of the last, incomplete week" in note for note in result.notes)


def test_rows_of_zero_are_left_out(m5: Path, tmp_path: Path) -> None:
    sales = imported(m5, tmp_path / "w", "week")["sales"]
    late = series(sales, "FOODS_1_001", "CA_1")
    assert late["quantity"].tolist() == [4.0, 7.0, 7.0]
    once = series(sales, "HOBBIES_1_002", "CA_1")
    assert once[["date", "quantity"]].values.tolist() == [[pd.Timestamp("2011-02-07"), 4.0]]


def test_a_weekly_price_is_revenue_by_units(m5: Path, tmp_path: Path) -> None:
    sales = imported(m5, tmp_path / "w", "week")["sales"]
    # price weeks begin on Saturday: five days at 1.5 and two at 1.0 in the first Monday week
    steady = series(sales, "FOODS_1_001", "TX_1")
    assert steady["unit_price"].round(4).tolist() == [1.3571, 1.1429, 1.3571]


def test_days_are_kept_from_the_first_sale_on(m5: Path, tmp_path: Path) -> None:
    result = run_import("m5", m5, tmp_path / "w", {"bucket": "day"})
    assert result.as_of == dt.date(2011, 2, 24)
    assert result.tables["sales"] == 21 + 1 + 26
    first = series(load(tmp_path / "w" / "data")["sales"], "FOODS_1_001", "CA_1").iloc[0]
    assert (first["date"], first["quantity"]) == (pd.Timestamp("2011-02-03"), 1.0)


def test_prices_to_come_are_drivers(m5: Path, tmp_path: Path) -> None:
    week = imported(m5, tmp_path / "w", "week")["drivers"]
    assert set(week["date"]) == {pd.Timestamp("2011-02-21"), pd.Timestamp("2011-02-28")}
    assert len(week) == 6
    assert week["value"].round(4).unique().tolist() == [1.1429, 1.3571]
    day = imported(m5, tmp_path / "d", "day")["drivers"]
    assert (day["date"].min(), len(day)) == (pd.Timestamp("2011-02-24"), 3 * 14)
    assert set(day["value"]) == {1.0, 1.5}


def test_codes_categories_and_states_are_verbatim(m5: Path, tmp_path: Path) -> None:
    data = imported(m5, tmp_path / "w", "week")
    items = data["items"].set_index("sku")
    assert items.loc["FOODS_1_001", ["category", "department"]].tolist() == ["FOODS", "FOODS_1"]
    assert items.loc["FOODS_1_001", "unit_cost"] == pytest.approx(0.7 * items.loc["FOODS_1_001", "unit_price"])
    places = data["locations"].set_index("location")
    assert places.loc[["CA_1", "TX_1"], "region"].tolist() == ["CA", "TX"]
    assert places.loc["TX_1", "country"] == "US"


def test_events_hold_for_the_country_and_snap_days_for_stores(m5: Path, tmp_path: Path) -> None:
    calendar = imported(m5, tmp_path / "w", "week")["calendar"]
    assert set(calendar["kind"]) == {"event"}
    events = calendar[calendar["country"] == "US"]
    assert events[["date", "name"]].values.tolist() == [[pd.Timestamp("2011-02-06"), "SuperBowl"]]
    snap = calendar[calendar["name"] == "SNAP"]
    assert set(snap["country"]) == {"CA_1"}
    assert len(snap) == 4


def test_sales_are_parts_by_store_with_codes_encoded_once(m5: Path, tmp_path: Path) -> None:
    run_import("m5", m5, tmp_path / "w")
    parts = sorted((tmp_path / "w" / "data" / "sales").iterdir())
    assert [part.name for part in parts] == ["part-000.parquet", "part-001.parquet"]
    stores = [set(pq.read_table(part).column("warehouse").to_pylist()) for part in parts]
    assert stores == [{"CA_1"}, {"TX_1"}]
    schema = pq.read_schema(parts[0])
    assert str(schema.field("sku").type).startswith("dictionary")


def test_opening_stock_is_weeks_of_recent_demand(m5: Path, tmp_path: Path) -> None:
    run_import("m5", m5, tmp_path / "w", {"cover_weeks": 2})
    stock = load(tmp_path / "w" / "data")["stock"].set_index(["sku", "warehouse"])["on_hand"]
    assert stock["FOODS_1_001", "TX_1"] == 28.0


def test_a_calendar_with_a_hole_is_refused(m5: Path, tmp_path: Path) -> None:
    calendar = pd.read_parquet(m5 / "calendar.parquet")
    calendar.drop(index=4).to_parquet(m5 / "calendar.parquet")
    with pytest.raises(DataError) as caught:
        run_import("m5", m5, tmp_path / "w")
    assert caught.value.issues[0].file == "calendar.parquet"


def test_text_files_of_the_same_layout_are_read_too(m5: Path, tmp_path: Path) -> None:
    run_import("m5", m5, tmp_path / "w")
    for path in list(m5.glob("*.parquet")):
        pd.read_parquet(path).to_csv(path.with_suffix(".csv"), index=False)
        path.unlink()
    run_import("m5", m5, tmp_path / "v")
    before, after = load(tmp_path / "w" / "data"), load(tmp_path / "v" / "data")
    for name in before:
        pd.testing.assert_frame_equal(before[name], after[name])


def test_two_items_of_the_real_files(real_data: Path, tmp_path: Path) -> None:
    kept = ["FOODS_3_090", "HOUSEHOLD_1_118"]
    folder = tmp_path / "m5"
    folder.mkdir()
    for name in ("sales_train_evaluation", "sell_prices"):
        table = pq.read_table(real_data / "m5" / f"{name}.parquet", filters=[("item_id", "in", kept)])
        pq.write_table(table, folder / f"{name}.parquet")
    (folder / "calendar.parquet").write_bytes((real_data / "m5" / "calendar.parquet").read_bytes())
    result = run_import("m5", folder, tmp_path / "w", {"bucket": "week"})
    assert result.as_of == dt.date(2016, 5, 23)
    assert (result.tables["stocking"], result.tables["drivers"]) == (20, 80)
    sales = load(tmp_path / "w" / "data")["sales"]
    assert sales["date"].max() == pd.Timestamp("2016-05-16")
    units = pd.read_parquet(folder / "sales_train_evaluation.parquet")
    days = [name for name in units if name.startswith("d_")][2:]
    assert sales["quantity"].sum() == units[days].to_numpy().sum()
    assert validate(tmp_path / "w" / "data").total == 0
