"""`planner segment`, as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from planner.cli.app import main

Capture = pytest.CaptureFixture[str]


def test_segment_shows_no_small_cell_and_no_customer(demo: Path, capsys: Capture) -> None:
    assert main(["-C", str(demo), "segment", "--by", "rfm", "--weeks", "2", "--format", "json"]) == 0
    text = capsys.readouterr().out
    said = json.loads(text)
    assert sum(row["customers"] for row in said["segments"]) == 2000
    assert min(row["customers"] for row in said["cells"]) >= 10
    assert all(row["buyers"] is None or row["buyers"] >= 10 for row in said["cells"])
    assert {row["learner"] for row in said["learners"]} == {"logistic", "tree", "forest"}
    known = (demo / "data" / "customers.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert not [line for line in known if line.partition(",")[0] in text]


@pytest.mark.parametrize(("words", "says"), [(["--by", "kmean"], "kmeans"), (["--learner", "oak"], "known: logistic")])
def test_unknown_ways_are_refused(demo: Path, capsys: Capture, words: list[str], says: str) -> None:
    assert main(["-C", str(demo), "segment", *words]) == 2
    assert says in capsys.readouterr().err


def test_a_workspace_without_order_lines_says_how_an_import_brings_them(
    demo: Path, tmp_path: Path, capsys: Capture
) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(demo, shop, ignore=shutil.ignore_patterns("truth", "reports", ".planner", "order_lines*"))
    settings = shop / "planner.toml"
    plain = settings.read_text(encoding="utf-8")
    for source, says in (("online-retail", "--key-file key.txt"), ("hillstrom", "campaign settle")):
        settings.write_text(f'{plain}\n[assumptions]\nsource = "{source}"\n', encoding="utf-8")
        for command in ("segment", "recommend"):
            assert main(["-C", str(shop), command]) == 3
            told = " ".join(capsys.readouterr().err.split())
            assert says in told
            assert "order_lines.csv is missing" in told
