"""Publishing: a version is frozen, later sales judge it, and what changed since is told by its reasons."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.backtest import backtest
from planner.cli.app import main
from planner.errors import UsageError
from planner.judged import FORECAST, by_group
from planner.plan import as_seen_on, compute, prepare
from planner.publications import Publication, changes_since, judge_published, publications, publish
from planner.workspace import Workspace

ORIGIN = pd.Timestamp("2026-01-19").date()
FLAGS = {"plan.horizon": 6}


@pytest.fixture
def shop(planned: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    shutil.copytree(planned, folder, ignore=shutil.ignore_patterns("reports", "published"))
    return folder


def published(folder: Path) -> Publication:
    prepared = as_seen_on(prepare(Workspace(folder), flags=FLAGS), ORIGIN)
    version, new = publish(prepared, compute(prepared, "forecast"), "run")
    assert new
    return version


def test_a_version_is_frozen_and_the_same_one_is_kept_once(shop):
    version = published(shop)
    before = (version.path / "forecast.parquet").read_bytes()
    prepared = as_seen_on(prepare(Workspace(shop), flags=FLAGS), ORIGIN)
    again, new = publish(prepared, compute(prepared, "forecast"), "another")
    assert not new
    assert again.path == version.path
    assert (version.path / "forecast.parquet").read_bytes() == before
    assert [item.name for item in publications(Workspace(shop))] == [version.name]
    assert publications(Workspace(shop), "another") == []


def test_two_commands_at_once_leave_one_whole_version(shop):
    prepared = as_seen_on(prepare(Workspace(shop), flags=FLAGS), ORIGIN)
    results = compute(prepared, "forecast")
    with ThreadPoolExecutor(4) as pool:
        names = {done.result()[0].name for done in [pool.submit(publish, prepared, results, "run") for _ in range(4)]}
    assert len(names) == 1
    folder = shop / "published"
    assert [path.name for path in folder.iterdir()] == list(names)
    assert len(publications(Workspace(shop))[0].forecast)


def test_it_is_judged_as_a_backtest_of_that_day_is(shop):
    """Two ways to the same figures: what was published then, and what the flow says it would have been."""
    version = published(shop)
    prepared = prepare(Workspace(shop), flags=FLAGS)
    judged = judge_published(prepared, [version])
    other = backtest(prepared, 1)[0]
    assert (other.cells["origin"] == pd.Timestamp(ORIGIN)).all()
    columns = ["sku", "warehouse", "date", "ahead", "class", "method"]
    pd.testing.assert_frame_equal(judged.cells[columns], other.cells[columns], check_dtype=False)
    assert list(judged.steps) == list(other.steps)
    for name, scored in judged.steps.items():
        np.testing.assert_allclose(scored.mean, other.steps[name].mean)
        np.testing.assert_allclose(scored.quantiles, other.steps[name].quantiles)
    table = by_group(judged, ["publication"], prepared.dataset)
    assert table["publication"].tolist() == [version.name]


def test_nothing_published_and_nothing_come_yet_are_told(shop):
    prepared = prepare(Workspace(shop), flags=FLAGS)
    with pytest.raises(UsageError, match="published"):
        judge_published(prepared, publications(Workspace(shop)))
    publish(prepared, compute(prepared, "forecast"), "run")
    with pytest.raises(UsageError, match="nothing has come yet"):
        judge_published(prepared, publications(Workspace(shop)))


def test_the_parts_of_a_change_add_up(shop):
    version = published(shop)
    prepared = prepare(Workspace(shop), flags=FLAGS)
    later = as_seen_on(prepared, pd.Timestamp("2026-02-02").date())
    table = changes_since(later, compute(later, "forecast"), version)
    parts = table[["sales", "method", "drivers", "overrides", "campaigns"]]
    np.testing.assert_allclose(parts.sum(axis=1), table["difference"], atol=1e-6)
    assert (parts["method"] == 0).all()
    assert parts["sales"].abs().sum() > 0
    assert table["difference"].abs().is_monotonic_decreasing
    assert table["why"].str.contains("new sales").any()


def test_another_method_is_told_from_new_sales(shop):
    version = published(shop)
    other = as_seen_on(prepare(Workspace(shop), flags={**FLAGS, "forecast.methods": ("moving-average-52",)}), ORIGIN)
    table = changes_since(other, compute(other, "forecast"), version)
    assert table["method"].abs().sum() > 0
    np.testing.assert_allclose(table["sales"], 0, atol=1e-6)  # the same day: no new sales
    assert set(table["why"].str.split(" [+-]", regex=True).str[0]) - {""} <= {"method or settings", "campaigns"}


def test_changed_demand_is_told_as_an_override(shop):
    version = published(shop)
    prepared = as_seen_on(prepare(Workspace(shop), flags=FLAGS), ORIGIN)
    surge = next(c for c in prepare(Workspace(shop), "demand-surge").scenario.changes if c.table == "demand")
    changed = replace(surge, start=None, end=None)
    changed = replace(prepared, scenario=replace(prepared.scenario, changes=(changed,)))
    table = changes_since(changed, compute(changed, "forecast"), version).set_index("sku")
    drinks = table.loc[[sku for sku in table.index if sku.startswith("BEV")]]
    np.testing.assert_allclose(drinks["overrides"].sum(), drinks["before"].sum() * 0.3, rtol=0.25)
    assert (table.loc[[sku for sku in table.index if sku.startswith("GAR")], "overrides"] == 0).all()


def test_the_commands(shop, capsys):
    base = ["-C", str(shop), "--no-progress"]
    assert main([*base, "accuracy"]) == 2
    assert "forecast --publish" in capsys.readouterr().err
    assert main([*base, "forecast", "--horizon", "6", "--as-of", "2026-01-19", "--publish"]) == 0
    assert "published as 2026-01-19-base-" in capsys.readouterr().out
    assert main([*base, "forecast", "--horizon", "6", "--as-of", "2026-02-02"]) == 0
    out = capsys.readouterr().out
    assert "What changed since 2026-01-19-base-" in out
    assert "new sales" in out
    assert main([*base, "forecast", "--horizon", "6", "--as-of", "2026-01-19", "--methods", "ses"]) == 0
    assert "method or settings" in capsys.readouterr().out
    assert main([*base, "--select", "sku:NONE", "forecast", "--horizon", "6", "--as-of", "2026-01-19"]) == 2
    assert "no series is sku:NONE" in capsys.readouterr().err
    assert main([*base, "accuracy", "--by", "category", "--fva", "--format", "json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert {row["category"] for row in content["groups"]} == {"garden", "beverages"}
    assert content["value_added"][-1]["step"] == FORECAST
    assert main([*base, "accuracy", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("step,wape,bias")
