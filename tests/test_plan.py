"""The whole way through, on a small world: cached, resumable, the same to the byte, and true to what was asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.compare import compare
from planner.errors import DataError, UsageError
from planner.plan import FLOW, Silent, run_plan
from planner.workspace import Run, Workspace
from tests.conftest import ROOT

EVERY_TABLE = {
    "forecast", "cumulative", "uplift", "plan", "orders", "prices", "flows", "loads", "vehicle_routes", "visits",
    "exceptions", "history", "items", "locations",
}  # fmt: skip


class Watch(Silent):
    """Which stages were computed, and which were unchanged."""

    def __init__(self) -> None:
        self.computed: list[str] = []

    def done(self, stage: str, seconds: float, cached: bool) -> None:
        if not cached:
            self.computed.append(stage)


@pytest.fixture(scope="session")
def base(planned: Path) -> Run:
    return run_plan(Workspace(planned))


@pytest.fixture(scope="session")
def spring(planned: Path) -> Run:
    return run_plan(Workspace(planned), "spring-campaign")


@pytest.fixture
def copy(planned: Path, tmp_path: Path) -> Path:
    """The planned world with its cache, to be changed."""
    folder = tmp_path / "shop"
    shutil.copytree(planned, folder)
    return folder


def computed(folder: Path, scenario: str = "base") -> list[str]:
    watch = Watch()
    run_plan(Workspace(folder), scenario, progress=watch)
    return watch.computed


def edit(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def test_a_run_holds_every_table_and_its_story(base: Run) -> None:
    assert set(base.tables) == EVERY_TABLE
    manifest = base.manifest
    assert (manifest["scenario"], manifest["as_of"], manifest["seed"]) == ("base", "2026-03-02", 1)
    assert set(manifest["results"]) == EVERY_TABLE
    assert manifest["stock"]["check"] == []
    assert manifest["routes"]["check"] == []
    assert 0 <= manifest["stock"]["gap"] <= 1
    assert manifest["stock"]["bound"] <= manifest["stock"]["objective"]
    assert manifest["versions"]["planner"]
    assert manifest["inputs"].keys() >= {"sales", "stock", "sourcing"}
    assert set(manifest["timings"]) == {stage.name for stage in FLOW}


def test_the_forecast_has_every_series_and_bucket(base: Run) -> None:
    forecast = base.table("forecast")
    counts = forecast.groupby(["sku", "warehouse"]).size()
    assert set(counts) == {8}
    assert forecast["date"].min() == pd.Timestamp("2026-03-02")
    quantiles = forecast[[name for name in forecast.columns if name.startswith("q0.")]].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (quantiles >= 0).all()


def test_freight_on_orders_is_the_freight_of_loads(base: Run) -> None:
    assert base.table("orders")["freight"].sum() == pytest.approx(base.table("loads")["cost"].sum())
    assert base.kpis["freight"] == pytest.approx(base.table("loads")["cost"].sum(), abs=1e-3)


def test_running_again_computes_nothing_and_keeps_the_run(copy: Path) -> None:
    before = sorted(path.name for path in (copy / "reports").iterdir())
    assert computed(copy) == []
    assert sorted(path.name for path in (copy / "reports").iterdir()) == before


def test_a_changed_price_of_freight_computes_routes_alone(copy: Path) -> None:
    edit(copy / "data" / "vehicles.csv", lambda frame: frame.assign(cost_per_km="1.5"))
    assert computed(copy) == ["routes"]


def test_a_budget_computes_stock_and_what_follows(copy: Path) -> None:
    again = computed(copy, "budget-cut")
    assert "stock" in again
    assert not {"history", "lift", "baseline", "demand", "uplift", "forecast", "weekly"} & set(again)


def test_a_surge_keeps_the_baseline(copy: Path) -> None:
    again = computed(copy, "demand-surge")
    assert {"demand", "forecast", "weekly", "cumulative", "stock"} <= set(again)
    assert not {"history", "lift", "baseline", "ready", "windows"} & set(again)
    log = Workspace(copy).latest("demand-surge").manifest["changes"]
    assert any("demand.quantity scale 1.3" in entry["key"] for entry in log)


def test_the_same_input_gives_the_same_bytes(planned: Path, base: Run, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    shutil.copytree(planned, other, ignore=shutil.ignore_patterns("reports", ".planner"))
    again = run_plan(Workspace(other))
    assert again.name == base.name
    assert again.manifest["results"] == base.manifest["results"]
    for table in EVERY_TABLE:
        assert (again.path / f"{table}.parquet").read_bytes() == (base.path / f"{table}.parquet").read_bytes(), table


def test_a_killed_plan_goes_on_where_it_stopped(planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(planned, folder, ignore=shutil.ignore_patterns("reports", ".planner"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("planner.stock.planning.replenish", killed)
        patched.setattr("planner.stock.replenish", killed, raising=False)
        with pytest.raises(KeyboardInterrupt):
            run_plan(Workspace(folder))
    assert not (folder / "reports").exists()
    assert computed(folder) == ["stock", "routes", "gate"]


def test_the_campaign_stands_in_demand_orders_and_loads(base: Run, spring: Run) -> None:
    more = compare([base, spring])
    assert more.demand["campaign"].sum() > 0
    assert (spring.table("orders")["campaigns"].str.contains("SPRING")).any()
    assert not (base.table("orders")["campaigns"].str.contains("SPRING")).any()
    assert spring.table("loads")["campaign_kg"].sum() > base.table("loads")["campaign_kg"].sum()
    uplift = spring.table("uplift")
    parts = uplift["gross"] - uplift["cannibalised"] + uplift["halo"] - uplift["pulled_forward"]
    assert np.allclose(parts, uplift["net"])
    assert any(sentence.startswith("Demand:") for sentence in more.headline)
    assert any(sentence.startswith("Cost:") for sentence in more.headline)


def test_what_is_needed_and_missing_is_named(copy: Path) -> None:
    (copy / "data" / "sourcing.csv").unlink()
    with pytest.raises(DataError) as caught:
        run_plan(Workspace(copy))
    assert "sourcing" in str(caught.value.issues[0])
    run_plan(Workspace(copy), until="forecast")


def test_kpis_are_plain_numbers(base: Run) -> None:
    kpis = json.loads((base.path / "kpis.json").read_text(encoding="utf-8"))
    assert all(isinstance(value, int | float) for value in kpis.values())
    assert 0 < kpis["fill_rate"] <= 1


def test_exceptions_are_ranked(base: Run) -> None:
    found = base.table("exceptions")
    order = found.sort_values(["severity", "money"], ascending=[True, False], kind="stable")
    assert found.index.tolist() == order.index.tolist()
    assert len(found)
    assert found["text"].str.len().min() > 0


def test_another_processor_gives_the_same_results(planned: Path, base: Run, tmp_path: Path) -> None:
    """numpy takes other code for exp and log where a processor lacks AVX-512; no result may hang on it."""
    folder = tmp_path / "shop"
    shutil.copytree(planned, folder, ignore=shutil.ignore_patterns("reports", ".planner"))
    code = (
        "import sys; from pathlib import Path; "
        "from planner.plan import run_plan; from planner.workspace import Workspace; "
        "print(run_plan(Workspace(Path(sys.argv[1]))).name)"
    )
    older = {"NPY_DISABLE_CPU_FEATURES": " ".join(newest_features()), "OPENBLAS_CORETYPE": "Haswell"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, **older}, cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == base.name
    assert Workspace(folder).run(base.name).manifest["results"] == base.manifest["results"]


def newest_features() -> list[str]:
    """What numpy could do without on this processor, AVX-512 and the like; empty on those that lack it."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return [name for name in __cpu_dispatch__ if __cpu_features__[name] and ("AVX512" in name or name == "X86_V4")]


def test_without_any_sale_there_is_no_day_to_plan_from(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "planner.toml").write_text("", encoding="utf-8")
    for name, text in (("sales", "date,sku,warehouse,quantity"), ("items", "sku"), ("locations", "location,kind")):
        (tmp_path / "data" / f"{name}.csv").write_text(f"{text}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no day to plan from"):
        run_plan(Workspace(tmp_path), until="forecast")
