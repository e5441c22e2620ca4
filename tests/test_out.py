"""Each way of printing, in every format."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from planner.cli.options import Options
from planner.cli.out import Answer, Printer, Sheet
from planner.errors import DataError, Issue, PlannerError, UsageError

FRAME = pd.DataFrame(
    {
        "sku": ["A", "B"], "quantity": [1234.0, float("nan")], "count": [3, 4], "late": [True, False],
        "due_date": pd.to_datetime(["2026-03-02", None]), "text": ["short", "a text longer than a narrow screen"],
    }
)  # fmt: skip
SHEET = Sheet(
    "orders",
    FRAME,
    "Orders",
    keys=("sku",),
    columns=("quantity", "count", "late", "due_date", "text"),
    folded=("text",),
)
ANSWER = Answer([SHEET], {"run": "r1", "as_of": dt.date(2026, 3, 2)}, ["2 lines"], "planner export csv")


def shown(capsys: pytest.CaptureFixture[str], answer: Answer = ANSWER, **options: object) -> str:
    Printer(replace(Options(), **options)).answer(answer)  # type: ignore[arg-type]
    return capsys.readouterr().out


def test_a_table_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    assert "due date" in text
    assert "1,234" in text
    assert "2026-03-02" in text
    assert "nan" not in text.lower()
    assert "NaT" not in text
    assert "next: planner export csv" in text


def test_next_steps_name_the_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    assert "next: planner -C shop export csv" in shown(capsys, folder=Path("shop"), given=frozenset({"folder"}))


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads(shown(capsys, format="json"))
    assert content["run"] == "r1"
    assert content["as_of"] == "2026-03-02"
    assert content["orders"][0] == {
        "sku": "A", "quantity": 1234.0, "count": 3, "late": True, "due_date": "2026-03-02", "text": "short"
    }  # fmt: skip
    assert content["orders"][1]["quantity"] is None


def test_csv_is_the_first_sheet(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, format="csv").splitlines()
    assert lines[0] == "sku,quantity,count,late,due_date,text"
    assert lines[1] == "A,1234,3,true,2026-03-02,short"


def test_a_file_gets_the_data_and_stdout_stays_empty(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert shown(capsys, output=str(tmp_path / "orders.csv")) == ""
    assert (tmp_path / "orders.csv").read_bytes().startswith(b"sku,quantity")
    with pytest.raises(UsageError, match="which format"):
        shown(capsys, output=str(tmp_path / "orders.txt"))
    assert not (tmp_path / "orders.txt").exists()


def test_a_narrow_screen_drops_the_least_important_and_never_a_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "24")
    lines = shown(capsys).splitlines()
    assert lines[1].split() == ["sku", "quantity", "count"]
    assert "columns late, due_date, text" in " ".join(" ".join(lines).split())


def test_keys_are_never_cut(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    long = "SKU-THAT-IS-LONGER-THAN-THE-SCREEN"
    text = shown(capsys, Answer([Sheet("x", pd.DataFrame({"sku": [long], "quantity": [1.0]}), keys=("sku",))]))
    assert long in text.replace("\n", "")


def test_many_rows_are_counted_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"sku": [f"S{n}" for n in range(100)]})
    assert "80 more rows" in shown(capsys, Answer([Sheet("x", frame)]))
    assert "more rows" not in shown(capsys, Answer([Sheet("x", frame, shown=0)]))


def test_markup_in_data_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[bold]x[/bold]" in shown(
        capsys, Answer([Sheet("x", pd.DataFrame({"name": ["[bold]x[/bold]"]}))], lines=["[red]y"])
    )


def test_quiet_leaves_only_data(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(replace(Options(), quiet=True))
    printer.note("talk")
    printer.answer(ANSWER)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "next:" not in captured.out


def test_an_error_has_a_hint_and_all_its_issues(capsys: pytest.CaptureFixture[str]) -> None:
    issue = Issue("sales.csv", 7, "quantity", "-3", "must be 0 or more", "remove the sign")
    Printer(Options()).error(DataError([issue], total=5, hint="planner validate"))
    text = capsys.readouterr().err
    assert "error: 5 faults in the input" in text
    assert "sales.csv, row 7, column quantity: '-3' must be 0 or more (remove the sign)" in text
    assert "and 4 more" in text
    assert "hint: planner validate" in text
    Printer(Options()).error(PlannerError("it failed"))
    assert "hint" not in capsys.readouterr().err
