"""Tiny folders in each foreign layout, made from nothing but what stands here."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

MONDAY = dt.date(2024, 1, 1)


def write_vn2(folder: Path, weeks: int = 4, flag_weeks: int | None = None) -> Path:
    """Two stores, two products: codes with leading zeros, quantities that count up."""
    folder.mkdir(parents=True, exist_ok=True)
    days = [MONDAY + dt.timedelta(weeks=week) for week in range(weeks)]
    keys = [("01", "007"), ("01", "8"), ("2", "007")]
    rows = [[*key, *(f"{10 * number + week}.0" for week in range(weeks))] for number, key in enumerate(keys)]
    _csv(folder / "sales.csv", ["Store", "Product", *days], rows)
    flags = days[: weeks if flag_weeks is None else flag_weeks]
    _csv(
        folder / "in_stock.csv",
        ["Store", "Product", *flags],
        [[*key, *(str(week != 1) for week in range(len(flags)))] for key in keys],
    )
    state = ["Store", "Product", "Start Inventory", "End Inventory", "In Transit W+1", "In Transit W+2"]
    rows = [["01", "007", "99", "3", "2.0", "5"], ["01", "8", "99", "4.0", "", "0"], ["2", "007", "99", "", "0", "1"]]
    _csv(folder / "initial_state.csv", state, rows)
    master = [["01", "007", "g1", "d1", "f1"], ["01", "8", "g2", "d2", "f1"], ["2", "007", "g9", "d9", "f2"]]
    _csv(folder / "master.csv", ["Store", "Product", "ProductGroup", "Division", "StoreFormat"], master)
    return folder


def _csv(path: Path, header: list[object], rows: list[list[str]]) -> None:
    lines = [",".join(map(str, header)), *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_m5(folder: Path, days: int = 2 + 21 + 3) -> Path:
    """Saturday 2011-01-29 on: two days, three Monday weeks, three days; and two weeks of calendar beyond."""
    folder.mkdir(parents=True, exist_ok=True)
    dates = pd.date_range("2011-01-29", periods=days + 14)
    number = np.arange(len(dates))
    calendar = pd.DataFrame({"date": dates, "wm_yr_wk": 11101 + number // 7, "d": [f"d_{n + 1}" for n in number]})
    calendar["event_name_1"] = [None] * len(dates)
    calendar.loc[8, "event_name_1"] = "SuperBowl"
    calendar["event_name_2"] = [None] * len(dates)
    calendar["snap_CA"] = (number % 10 == 0).astype(int)
    calendar["snap_TX"] = 0
    keys = [("FOODS_1_001", "CA_1"), ("HOBBIES_1_002", "CA_1"), ("FOODS_1_001", "TX_1")]
    sales = pd.DataFrame(
        {
            "id": [f"{item}_{store}_evaluation" for item, store in keys],
            "item_id": [item for item, _ in keys],
            "dept_id": [item[:-4] for item, _ in keys],
            "cat_id": [item.split("_")[0] for item, _ in keys],
            "store_id": [store for _, store in keys],
            "state_id": [store[:2] for _, store in keys],
        }
    )
    units = np.zeros((3, days), dtype=np.int16)
    units[0, 5:] = 1
    units[1, 10] = 4
    units[2, :] = 2
    columns = pd.DataFrame(units, columns=[f"d_{n + 1}" for n in range(days)])
    pd.concat([sales, columns], axis=1).to_parquet(folder / "sales_train_evaluation.parquet")
    weeks = calendar["wm_yr_wk"].unique()
    prices = [(store, item, week, 1.0 + 0.5 * (week % 2)) for item, store in keys for week in weeks]
    frame = pd.DataFrame(prices, columns=["store_id", "item_id", "wm_yr_wk", "sell_price"])
    frame.to_parquet(folder / "sell_prices.parquet")
    calendar.to_parquet(folder / "calendar.parquet")
    return folder


RETAIL_LINES = [
    # invoice, code, description, quantity, time, price, customer, country, sheet
    ("1001", "85048a", "RED LAMP", 6, "2011-10-03 08:00", 2.0, 77701.0, "United Kingdom", "a"),
    ("1001", "POST", "POSTAGE", 1, "2011-10-03 08:00", 18.0, 77701.0, "United Kingdom", "a"),
    ("1002", "85048A", "RED LAMP", 4, "2011-10-03 09:00", 3.0, 77702.0, "France", "a"),
    ("1003", "22222", "BLUE CUP", 3, "2011-10-05 09:00", 1.0, np.nan, "United Kingdom", "a"),
    ("1003", "22222", "BLUE CUP", 3, "2011-10-05 09:00", 1.0, np.nan, "United Kingdom", "b"),
    ("C1004", "85048A", "RED LAMP", -2, "2011-10-06 09:00", 2.0, 77701.0, "United Kingdom", "b"),
    ("1005", "22222", "BLUE CUP", 90000, "2011-10-07 09:00", 1.0, 77703.0, "Unspecified", "b"),
    ("C1006", "22222", "BLUE CUP", -90000, "2011-10-07 09:10", 1.0, 77703.0, "Unspecified", "b"),
    ("1007", "22222", "damaged", -5, "2011-10-07 10:00", 0.0, np.nan, "United Kingdom", "b"),
    ("1008", "11111", "OLD TOY", 2, "2011-01-05 10:00", 4.0, 77702.0, "France", "b"),
]


def write_online_retail(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    names = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
    lines = pd.DataFrame(RETAIL_LINES, columns=[*names, "sheet"])
    lines["InvoiceDate"] = pd.to_datetime(lines["InvoiceDate"])
    lines.to_parquet(folder / "online_retail_ii.parquet")
    return folder


def write_fresh_retail(folder: Path, days: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(store, product, day) for store in (3, 12) for product in (5, 40) for day in range(days)]
    frame = pd.DataFrame(rows, columns=["store_id", "product_id", "day"])
    frame["dt"] = pd.Timestamp("2024-03-29") + pd.to_timedelta(frame.pop("day"), unit="D")
    frame["city_id"] = frame["store_id"] // 10
    for name in ("management_group_id", "first_category_id", "second_category_id", "third_category_id"):
        frame[name] = frame["product_id"] // 10
    frame["sale_amount"] = 0.5 + frame["store_id"] / 10
    frame["stockout_hours_6_22"] = np.where(frame["product_id"] == 5, 4, 0)
    frame["discount"] = np.where(frame["store_id"] == 12, 0.75, 1.0)
    frame["activity_flag"] = (frame["store_id"] == 12).astype(int)
    frame["holiday_flag"] = (frame["dt"].dt.weekday >= 5).astype(int)
    frame["precpt"] = 1.25
    frame.to_parquet(folder / "daily.parquet")
    return folder


@pytest.fixture
def vn2(tmp_path: Path) -> Path:
    return write_vn2(tmp_path / "vn2")


@pytest.fixture
def m5(tmp_path: Path) -> Path:
    return write_m5(tmp_path / "m5")


@pytest.fixture
def online_retail(tmp_path: Path) -> Path:
    return write_online_retail(tmp_path / "online_retail")


@pytest.fixture
def fresh_retail(tmp_path: Path) -> Path:
    return write_fresh_retail(tmp_path / "fresh_retail")
