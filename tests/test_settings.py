from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from planner.errors import UsageError
from planner.scenarios import Scenario, resolve, scenario_names
from planner.settings import nearest


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")


def resolved(root: Path, scenario: str = "base", **environ: str) -> Scenario:
    return resolve(root, scenario, environ=environ)


def test_defaults_without_any_file(tmp_path: Path) -> None:
    settings = resolved(tmp_path).settings
    assert (settings.plan.bucket, settings.plan.buckets, settings.stock.budget_per_week) == ("week", 26, None)


def test_priority_flag_scenario_environment_file(tmp_path: Path) -> None:
    write(tmp_path, "planner.toml", "[plan]\nseed = 2\nhorizon = 8\n[stock]\ngap = 0.1\nnodes = 5\n")
    write(tmp_path, "scenarios/tight.toml", 'title = "Tight"\n[settings.stock]\ngap = 0.3\n')
    environ = {"PLANNER_STOCK_GAP": "0.2", "PLANNER_STOCK_NODES": "7", "PLANNER_KEY": "x"}
    found = resolve(tmp_path, "tight", {"plan.seed": 9}, environ).settings
    assert (found.plan.seed, found.stock.gap, found.stock.nodes, found.plan.horizon) == (9, 0.3, 7, 8)


def test_every_change_is_logged_old_to_new(tmp_path: Path) -> None:
    write(tmp_path, "planner.toml", "[stock]\ngap = 0.1\n")
    write(tmp_path, "scenarios/tight.toml", "[settings]\nstock.gap = 0.3\n")
    (entry,) = resolved(tmp_path, "tight").log
    assert (entry.key, entry.old, entry.new, entry.by) == ("stock.gap", "0.1", "0.3", "scenarios/tight.toml")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("[stock]\nlead_dayz = 3\n", "there is no setting 'stock.lead_dayz'", "stock.lead_days"),
        ("[plan]\nbucket = 'fortnight'\n", "is not day or week or month", "write day"),
        ("[plan]\nhorizon = 0\n", "is below 1", "1 or more"),
        ("[plan]\nhorizon = 2.5\n", "is not a whole number", "whole number"),
        ("[plan]\nas_of = 'soon'\n", "is not a date", "2026-03-02"),
        ("[stock]\ngap = true\n", "is not a number", "a number"),
        ("[plan\n", "is not valid TOML", "quote"),
        ("plan = 3\n", "plan is a section, not a setting", "write [plan]"),
        ("[stock]\nbudget_per_week = inf\n", "is not a number", "a number"),
        ("[plan]\nhorizon = 100000\n", "is above 3650", "3650 or less"),
        ("[stock]\nlead_days = 1e99\n", "is above 3650", "3650 or less"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, message: str, hint: str) -> None:
    write(tmp_path, "planner.toml", text)
    with pytest.raises(UsageError, match="planner.toml") as caught:
        resolved(tmp_path)
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_unknown_environment_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="PLANNER_STOCK_GAPP"):
        resolved(tmp_path, PLANNER_STOCK_GAPP="1")


def test_a_loop_in_extends(tmp_path: Path) -> None:
    write(tmp_path, "scenarios/a.toml", 'extends = "b"\n')
    write(tmp_path, "scenarios/b.toml", 'extends = "a"\n')
    with pytest.raises(UsageError, match="a -> b -> a"):
        resolved(tmp_path, "a")


def test_two_changes_of_one_setting_name_both(tmp_path: Path) -> None:
    write(tmp_path, "scenarios/a.toml", "[settings.stock]\ngap = 0.1\n")
    write(tmp_path, "scenarios/b.toml", 'extends = "a"\n[settings.stock]\ngap = 0.2\n')
    with pytest.raises(UsageError, match=r"stock\.gap.*a\.toml.*b\.toml"):
        resolved(tmp_path, "b")


def test_two_changes_of_the_same_data_name_both(tmp_path: Path) -> None:
    change = '[[change]]\ntable = "sourcing"\ncolumn = "lead_days"\nwhere = { source = "S" }\nadd = 7\n'
    write(tmp_path, "scenarios/a.toml", change)
    write(tmp_path, "scenarios/b.toml", change)
    write(tmp_path, "scenarios/c.toml", 'extends = ["a", "b"]\n')
    with pytest.raises(UsageError, match=r"a\.toml.*b\.toml"):
        resolved(tmp_path, "c")


def test_unknown_scenario_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "scenarios/spring-campaign.toml", 'title = "Spring"\n')
    with pytest.raises(UsageError) as caught:
        resolved(tmp_path, "spring-campain")
    assert "spring-campaign" in caught.value.hint
    assert scenario_names(tmp_path) == ["base", "spring-campaign"]


def test_a_change_is_read_whole(tmp_path: Path) -> None:
    text = '[[change]]\ntable = "demand"\nwhere = { category = ["juice", "tea"] }\nfrom = 2026-03-02\nscale = 1.3\n'
    write(tmp_path, "scenarios/surge.toml", text)
    (change,) = resolved(tmp_path, "surge").changes
    assert (change.column, change.operation, change.amount) == ("quantity", "scale", 1.3)
    assert change.where == (("category", ("juice", "tea")),)
    assert (change.start, change.end) == (dt.date(2026, 3, 2), None)


@pytest.mark.parametrize(
    "body",
    [
        'table = "demand"\n',
        'table = "demand"\nscale = 1.1\nadd = 2\n',
        'table = "lanes"\nadd = 2\n',
        'tabel = "x"\nadd = 2\n',
        'table = "demand"\nscale = "much"\n',
        'table = "lanes"\nremove = false\n',
        'table = "demand"\nfrom = "now"\nadd = 2\n',
    ],
)
def test_a_change_that_says_too_little_or_too_much(tmp_path: Path, body: str) -> None:
    write(tmp_path, "scenarios/odd.toml", f"[[change]]\n{body}")
    with pytest.raises(UsageError, match=r"odd\.toml"):
        resolved(tmp_path, "odd")


def test_assumptions_of_an_import_steer_nothing_and_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "planner.toml", '[assumptions]\nlead_days = "14, from the option"\n')
    assert resolved(tmp_path).settings.assumptions == {"lead_days": "14, from the option"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends = 3\n", "extends = 3 names no scenario"),
        ("extends = [1]\n", "names no scenario"),
        ("title = 3\n", "title = 3 is not a text"),
        ("change = [1, 2]\n", "`change` must be a list"),
        ('[[change]]\ntable = "demand"\nscale = -2\n', "scale = -2 is below 0"),
        ('[[change]]\ntable = "demand"\nscale = inf\n', "is not a number"),
        ('[[change]]\ntable = "demand"\nwhere = 3\nscale = 2\n', "`where` must be a table"),
    ],
)
def test_wrong_scenarios_are_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, "scenarios/odd.toml", text)
    with pytest.raises(UsageError, match=r"scenarios/odd\.toml") as caught:
        resolved(tmp_path, "odd")
    assert message in caught.value.message


def test_settings_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "planner.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"planner\.toml is not UTF-8 text"):
        resolved(tmp_path)


def test_what_was_meant_is_found_whatever_the_capitals() -> None:
    assert nearest("bev-0001", ["SNA-0001", "BEV-0001"]) == "did you mean BEV-0001?"
