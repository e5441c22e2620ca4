"""planner simulate: paths through the plan, as it stands and planned again."""

from __future__ import annotations

import json

import pytest

from planner.cli.app import main


@pytest.fixture(scope="module")
def told(planned):
    """Both ways of playing the small world, as JSON."""

    def play(capsys, *more: str) -> dict[str, dict[str, float]]:
        argv = ["-C", str(planned), "simulate", "--paths", "20", "--weeks", "5", "--format", "json", *more]
        assert main(argv) == 0
        content = json.loads(capsys.readouterr().out)
        assert len(content["weeks"]) == 5
        return {row["figure"]: row for row in content["figures"]}

    return play


def test_planning_again_serves_as_promised_and_with_less_than_the_frozen_plan(told, capsys):
    frozen, again = told(capsys, "--frozen"), told(capsys)
    assert frozen["spend"]["low"] == frozen["spend"]["high"]
    assert again["spend"]["low"] < again["spend"]["high"]
    for row in (frozen["fill_rate"], again["fill_rate"]):
        assert 0.5 < row["low"] <= row["mean"] <= row["high"] <= 1.0
    assert again["fill_rate"]["promised"] == frozen["fill_rate"]["promised"]
    assert again["fill_rate"]["mean"] == pytest.approx(again["fill_rate"]["promised"], abs=0.05)
    assert again["cost"]["mean"] < 1.1 * frozen["cost"]["mean"]


def test_the_same_seed_plays_the_same(told, capsys):
    assert told(capsys, "--frozen") == told(capsys, "--frozen")


def test_months_are_refused(planned, capsys, monkeypatch):
    monkeypatch.setenv("PLANNER_PLAN_BUCKET", "month")
    assert main(["-C", str(planned), "simulate"]) == 2
    assert "not by month" in capsys.readouterr().err
