"""FreshRetailNet: days, the share of the time in stock, discounts and weather."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from planner.dataset import Dataset, load, validate
from planner.errors import DataError
from planner.importers import run_import
from planner.scenarios import resolve


def imported(folder: Path, into: Path, **options: object) -> Dataset:
    run_import("fresh-retail", folder, into, options)
    assert validate(into / "data").total == 0
    return load(into / "data")


def test_every_day_is_a_row_with_its_share_in_stock(fresh_retail: Path, tmp_path: Path) -> None:
    sales = imported(fresh_retail, tmp_path / "w")["sales"]
    assert len(sales) == 12
    shares = sales.groupby("sku", observed=True)["in_stock"].unique()
    assert shares["5"].tolist() == [0.75]
    assert shares["40"].tolist() == [1.0]
    assert sales.groupby("warehouse", observed=True)["quantity"].first().to_dict() == {"12": 1.7, "3": 0.8}


def test_the_plan_begins_the_day_after_and_counts_in_days(fresh_retail: Path, tmp_path: Path) -> None:
    result = run_import("fresh-retail", fresh_retail, tmp_path / "w")
    settings = resolve(tmp_path / "w", environ={}).settings
    assert result.as_of == settings.plan.as_of == dt.date(2024, 4, 1)
    assert (settings.plan.bucket, settings.plan.currency) == ("day", "CNY")
    assert (settings.stock.lead_days, settings.stock.review_days) == (1.0, 1.0)


def test_a_discount_lowers_the_price_and_is_a_driver(fresh_retail: Path, tmp_path: Path) -> None:
    data = imported(fresh_retail, tmp_path / "w", list_price=20)
    prices = data["sales"].groupby("warehouse", observed=True)[["unit_price", "list_price"]].first()
    assert prices.loc["12"].tolist() == [15.0, 20.0]
    assert prices.loc["3"].tolist() == [20.0, 20.0]
    drivers = data["drivers"]
    discounts = drivers[drivers["name"] == "discount"]
    assert set(discounts["warehouse"]) == {"12"}
    assert set(discounts["value"]) == {0.25}
    assert (drivers["name"] == "activity").sum() == 6
    weather = drivers[drivers["name"] == "precipitation_mm"]
    assert len(weather) == 6
    assert set(weather["sku"]) == {""}


def test_holidays_groups_and_cities_are_kept(fresh_retail: Path, tmp_path: Path) -> None:
    data = imported(fresh_retail, tmp_path / "w")
    assert data["calendar"]["date"].dt.strftime("%m-%d").tolist() == ["03-30", "03-31"]
    assert data["items"].set_index("sku")["category"].to_dict() == {"40": "4", "5": "0"}
    assert data["locations"].set_index("location")["region"][["12", "3"]].tolist() == ["1", "0"]
    assert data["stock"].set_index(["sku", "warehouse"])["on_hand"]["5", "12"] == 6.0


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [("sale_amount", None, "empty"), ("stockout_hours_6_22", 17, "16 hours"), ("discount", -1.0, "0 or more")],
)
def test_faulty_rows_are_refused(
    fresh_retail: Path, tmp_path: Path, column: str, value: float | None, rule: str
) -> None:
    frame = pd.read_parquet(fresh_retail / "daily.parquet")
    frame.loc[4, column] = value
    frame.to_parquet(fresh_retail / "daily.parquet")
    with pytest.raises(DataError) as caught:
        run_import("fresh-retail", fresh_retail, tmp_path / "w")
    assert caught.value.issues[0].row == 6
    assert rule in caught.value.issues[0].rule


def test_a_slice_of_the_real_days(real_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "real"
    folder.mkdir()
    table = pq.read_table(real_data / "fresh_retail" / "daily.parquet", filters=[("city_id", "=", 1)])
    pq.write_table(table, folder / "daily.parquet")
    result = run_import("fresh-retail", folder, tmp_path / "w")
    assert result.as_of == dt.date(2024, 6, 12)
    assert result.tables["sales"] == table.num_rows == 76 * result.tables["stocking"]
    assert validate(tmp_path / "w" / "data").total == 0
    assert load(tmp_path / "w" / "data")["sales"]["in_stock"].between(0, 1).all()
