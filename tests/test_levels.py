"""Levels and paths of a run, by the command line; and reconciliation with upper levels on request."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.cli.app import main
from planner.levels import backtest_levels
from planner.plan import compute, prepare
from planner.workspace import Workspace

FLAGS = {"plan.horizon": 6}


def asked(folder: Path, capsys, *words: str) -> dict:
    assert main(["-C", str(folder), "forecast", "--horizon", "6", *words, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_nodes_are_the_sums_of_their_series(planned, capsys):
    whole = compute(prepare(Workspace(planned), flags=FLAGS), "forecast")["forecast"].table("forecast")
    for level in ("total", "category", "category,warehouse"):
        rows = pd.DataFrame(asked(planned, capsys, "--level", level)["levels"])
        by_date = rows.groupby("date")["mean"].sum()
        np.testing.assert_allclose(by_date, whole.groupby("date")["mean"].sum())
        assert (rows["q0.05"] <= rows["q0.95"]).all()
    assert main(["-C", str(planned), "forecast", "--level", "shelf"]) == 2
    assert main(["-C", str(planned), "forecast", "--level", "sku", "--paths", "3"]) == 2


def test_orphans_are_reported_by_name(planned, tmp_path, capsys):
    folder = tmp_path / "shop"
    shutil.copytree(planned, folder, ignore=shutil.ignore_patterns("reports"))
    items = pd.read_csv(folder / "data" / "items.csv", dtype=str, keep_default_na=False)
    items.loc[items["sku"] == "BEV-0001", "category"] = ""
    items.to_csv(folder / "data" / "items.csv", index=False)
    content = asked(folder, capsys, "--level", "category")
    assert {row["sku"] for row in content["orphans"]} == {"BEV-0001"}
    assert "(none)" in {row["node"] for row in content["levels"]}
    assert main(["-C", str(folder), "forecast", "--horizon", "6", "--level", "category"]) == 0
    assert "without a category, so counted as (none): BEV-0001" in capsys.readouterr().out


def test_paths_follow_the_seed(planned, capsys):
    one, again = (asked(planned, capsys, "--paths", "20")["paths"] for _ in range(2))
    assert one == again
    other = asked(planned, capsys, "--paths", "20", "--seed", "9")["paths"]
    assert other != one
    frame = pd.DataFrame(one)
    assert list(frame.columns[:4]) == ["sku", "warehouse", "date", "path1"]
    whole = compute(prepare(Workspace(planned), flags=FLAGS), "forecast")["forecast"].table("forecast")
    assert frame.filter(like="path").mean(axis=1).sum() == pytest.approx(whole["mean"].sum(), rel=0.1)


def test_every_level_is_judged(planned, capsys):
    table = backtest_levels(prepare(Workspace(planned), flags=FLAGS), 2).set_index("level")
    assert table.loc["total", "cells"] == 12
    assert table.loc["total", "wape"] <= table.loc["sku", "wape"]
    assert table["bias"].nunique() == 1 or np.ptp(table["bias"]) < 1e-9
    assert (table["covers_0.05"] <= table["covers_0.95"]).all()
    assert main(["-C", str(planned), "backtest", "--origins", "2", "--horizon", "6", "--levels", "--worst", "0"]) == 0
    assert "By level" in capsys.readouterr().out


def test_least_squares_draws_series_to_upper_levels(planned):
    plain, drawn = (
        compute(prepare(Workspace(planned), flags=FLAGS | {"forecast.reconcile": way}), "baseline")["baseline"].table(
            "forecast"
        )
        for way in ("sums", "least-squares")
    )
    assert (plain["mean"] != drawn["mean"]).any()
    np.testing.assert_allclose(drawn["mean"].sum(), plain["mean"].sum(), rtol=0.3)
    assert (drawn.loc[plain["mean"] == 0, "mean"] == 0).all()
    assert (drawn["mean"] >= 0).all()
