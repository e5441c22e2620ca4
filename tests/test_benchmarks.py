"""Every benchmark runs, small; its figures have a target or none, and JSON holds nothing else."""

from __future__ import annotations

import json

import pytest

from tests.benchmarks.__main__ import COLUMNS, main
from tests.benchmarks.registry import Figure


def test_smoke(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["startup", "validate", "censored", "lost-sales", "--smoke", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["benchmark"] for row in rows} == {"startup", "validate", "censored", "lost-sales"}
    assert all(tuple(row) == COLUMNS for row in rows)
    assert all(
        row["met"] is (row["value"] <= row["target"]) for row in rows if row["better"] == "lower" and row["target"]
    )


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "there is no benchmark nothing" in capsys.readouterr().err


def test_met_knows_which_way_is_better() -> None:
    assert Figure("x", 1.0, "s", 2.0).met
    assert not Figure("x", 3.0, "s", 2.0).met
    assert Figure("x", 3.0, "share", 2.0, "higher").met
    assert Figure("x", 3.0, "s").met is None
