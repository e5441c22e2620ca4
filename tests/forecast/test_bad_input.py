"""Bad series in a folder of good ones: each is planned or reported by name, and stops none of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.cli.app import main
from planner.levels import by_level
from planner.plan import compute, prepare
from planner.tables import QUANTILE_COLUMNS
from planner.workspace import Workspace

WEEKS, HORIZON = 80, 8
FIRST = pd.Timestamp("2024-01-01")
GOOD = [f"GOOD-{number:02d}" for number in range(24)]
BAD = ("ONE-POINT", "ZEROS", "UNKNOWN", "ONE-SPIKE", "MISSING-WEEKS", "RETURNED", "ONLY-ORPHAN")


def rows() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    dates = pd.date_range(FIRST, periods=WEEKS, freq="7D")
    parts = [pd.DataFrame({"date": dates, "sku": sku, "quantity": rng.poisson(12, WEEKS)}) for sku in (*GOOD, *BAD[1:])]
    sales = pd.concat(parts, ignore_index=True).astype({"quantity": float})
    sales.loc[sales["sku"] == "ZEROS", "quantity"] = 0
    sales.loc[sales["sku"] == "UNKNOWN", "quantity"] = np.nan
    spike = sales["sku"] == "ONE-SPIKE"
    sales.loc[spike, "quantity"] = np.where(sales.loc[spike, "date"] == dates[40], 50_000, 0)
    back = sales["sku"] == "RETURNED"
    sales.loc[back, "quantity"] = np.where(np.arange(WEEKS) % 5 == 0, -30, sales.loc[back, "quantity"])
    gaps = sales[sales["sku"] == "MISSING-WEEKS"].sample(frac=0.2, random_state=1).index
    single = pd.DataFrame({"date": [dates[-1]], "sku": ["ONE-POINT"], "quantity": [7.0]})
    return pd.concat([sales.drop(gaps), single], ignore_index=True).assign(warehouse="W", unit_price=2.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Constant prices, a calendar that ends with the history, and a SKU without a category."""
    root = tmp_path_factory.mktemp("bad") / "shop"
    (root / "data").mkdir(parents=True)
    (root / "planner.toml").write_text(f"[plan]\nhorizon = {HORIZON}\n", encoding="utf-8")
    rows().to_csv(root / "data" / "sales.csv", index=False)
    items = pd.DataFrame({"sku": [*GOOD, *BAD], "category": "things", "unit_price": 2.5})
    items.loc[items["sku"] == "ONLY-ORPHAN", "category"] = ""
    items.to_csv(root / "data" / "items.csv", index=False)
    places = pd.DataFrame({"location": ["W"], "kind": ["warehouse"], "country": ["DE"]})
    places.to_csv(root / "data" / "locations.csv", index=False)
    days = pd.DataFrame({"country": "DE", "date": ["2024-12-25", "2025-06-09"], "kind": "holiday", "closed": "true"})
    days.to_csv(root / "data" / "calendar.csv", index=False)
    return root


@pytest.fixture(scope="module")
def results(folder):
    return compute(prepare(Workspace(folder)), "forecast")


@pytest.fixture(scope="module")
def forecast(results) -> pd.DataFrame:
    return results["forecast"].table("forecast")


def test_every_series_has_every_bucket_and_only_numbers(forecast):
    assert forecast.groupby("sku").size().to_dict() == dict.fromkeys((*GOOD, *BAD), HORIZON)
    numbers = forecast[["mean", "variance", *QUANTILE_COLUMNS]].to_numpy()
    assert np.isfinite(numbers).all()
    assert (numbers >= 0).all()
    assert (np.diff(forecast[list(QUANTILE_COLUMNS)].to_numpy(), axis=1) >= 0).all()


def test_the_good_ones_are_forecast_as_ever(forecast):
    means = forecast[forecast["sku"].isin(GOOD)].groupby("sku")["mean"].mean()
    assert means.between(9, 15).all()
    assert means.mean() == pytest.approx(12, rel=0.05)


def test_the_bad_ones_are_forecast_as_far_as_they_go(forecast):
    mean = forecast.groupby("sku")["mean"].mean()
    assert mean["ZEROS"] < 0.5
    assert mean["UNKNOWN"] < 0.5
    assert 0 < mean["ONE-POINT"] < 40
    assert 7 < mean["MISSING-WEEKS"] < 12  # a missing week is one without a sale
    assert 5 < mean["RETURNED"] < 12
    assert mean["ONE-SPIKE"] < 2000
    assert 9 < mean["ONLY-ORPHAN"] < 15


def test_what_was_wrong_is_told_by_name(folder, results):
    method = results["baseline"].table("series").set_index("sku")["method"]
    assert method["UNKNOWN"] == "no demand"
    told = results["history"].table("notes")
    assert set(told.loc[told["sku"] == "RETURNED", "reason"]) == {"more came back than was sold"}
    spikes = results["outliers"].table("notes").set_index("sku")
    assert spikes.loc["ONE-SPIKE", "kept"] == "too little else was sold to tell"
    table, orphans = by_level(prepare(Workspace(folder)), results, ["category"])
    assert orphans["sku"].tolist() == ["ONLY-ORPHAN"]
    whole = table[list(QUANTILE_COLUMNS)].to_numpy()
    assert (whole == whole.round()).all()  # sums of whole units are whole units


def test_faults_of_series_and_drivers_are_told_when_it_is_forecast(folder, results, capsys):
    assert main(["-C", str(folder), "--no-progress", "forecast", "--format", "csv"]) == 0
    told = " ".join(capsys.readouterr().err.split())
    assert "driver calendar holiday is not used" in told
    assert "the last sale is of" not in told


def test_weeks_without_any_sale_before_the_day_of_the_plan_are_told(folder, results, capsys):
    late = (FIRST + pd.Timedelta(weeks=WEEKS + 2)).date().isoformat()
    assert main(["-C", str(folder), "--no-progress", "forecast", "--methods", "ses", "--as-of", late]) == 0
    assert "2 weeks before" in " ".join(capsys.readouterr().err.split())


def test_without_in_stock_no_shelf_is_known_to_be_empty(folder, results, capsys):
    assert main(["-C", str(folder), "--no-progress", "history"]) == 0
    assert "a zero counts as no demand" in " ".join(capsys.readouterr().out.split())


def test_the_same_input_gives_the_same_bytes(folder, results, tmp_path):
    import shutil

    copy = tmp_path / "shop"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".planner"))
    again = compute(prepare(Workspace(copy)), "forecast")
    for name in ("history", "outliers", "baseline", "forecast"):
        assert again[name].digests == results[name].digests
