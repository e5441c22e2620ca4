"""Files for other systems: their content to the byte, and what happens to files that are there already."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pandas as pd
import pytest

from planner.columns import COLUMNS
from planner.errors import ConflictError, PlannerError, UsageError
from planner.exports import file_names, write_csv
from planner.tables import QUANTILE_COLUMNS
from planner.workspace import Draft, Run, Workspace
from tests.synthetic import make_run, make_tables

GOLDEN = Path(__file__).parent.parent / "golden" / "exports"
FILES = ["purchase_orders.csv", "transfer_orders.csv", "forecast.csv", "stock_targets.csv"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("run"), "spring-campaign", weeks=8, campaign=1.0)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_content_to_the_byte(run: Run, tmp_path: Path) -> None:
    paths = write_csv(run, tmp_path / "out")
    assert [path.name for path in paths] == FILES == file_names(run)
    for path in paths:
        expected = GOLDEN / path.name
        if os.environ.get("UPDATE_GOLDEN"):
            expected.parent.mkdir(parents=True, exist_ok=True)
            expected.write_bytes(path.read_bytes())
        assert path.read_bytes() == expected.read_bytes(), path.name


def test_headers_are_words_of_the_contract_or_of_results(run: Run, tmp_path: Path) -> None:
    results = {column for table in run.tables for column in run.table(table).columns}
    for path in write_csv(run, tmp_path):
        header = path.read_text().splitlines()[0].split(",")
        assert set(header) <= set(COLUMNS) | results


def test_forecast_holds_the_bottom_level_only(run: Run, tmp_path: Path) -> None:
    forecast = pd.read_csv(write_csv(run, tmp_path)[2])
    assert list(forecast.columns) == ["sku", "warehouse", "bucket", "date", "mean", *QUANTILE_COLUMNS]
    assert len(forecast) == len(run.table("forecast"))
    assert not forecast.duplicated(["sku", "warehouse", "date"]).any()


def test_purchases_and_transfers_are_apart(run: Run, tmp_path: Path) -> None:
    bought, moved = (pd.read_csv(path) for path in write_csv(run, tmp_path)[:2])
    assert set(bought["line_id"]) | set(moved["line_id"]) == set(run.table("orders")["line_id"])
    assert not set(bought["line_id"]) & set(moved["line_id"])
    assert set(bought["currency"]) == {"EUR"}


def test_a_run_exports_what_it_has(tmp_path: Path) -> None:
    manifest = {"scenario": "base", "currency": "EUR"}
    forecast = make_tables(2, 0.0, 1.0)["forecast"]
    run = Workspace(tmp_path).write_run("run", Draft({"forecast": forecast}), {}, manifest)
    assert [path.name for path in write_csv(run, tmp_path / "out")] == ["forecast.csv"]
    empty = Workspace(tmp_path).write_run("empty", Draft({}), {}, manifest)
    with pytest.raises(UsageError, match="nothing to export"):
        write_csv(empty, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_no_orders_are_a_header_without_lines(tmp_path: Path) -> None:
    orders = make_tables(4, 0.0, 1.0)["orders"].iloc[:0]
    run = Workspace(tmp_path).write_run("run", Draft({"orders": orders}), {}, {"scenario": "base"})
    assert [path.read_text().count("\n") for path in write_csv(run, tmp_path / "out")] == [1, 1]


def test_an_own_export_is_replaced(run: Run, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", weeks=8)
    write_csv(other, tmp_path / "out")
    before = content(tmp_path / "out")
    write_csv(run, tmp_path / "out")
    assert content(tmp_path / "out")["forecast.csv"] != before["forecast.csv"]
    assert set(content(tmp_path / "out")) == {*FILES, "export.json"}


def test_exporting_again_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    write_csv(run, tmp_path)
    before = content(tmp_path)
    write_csv(run, tmp_path)
    assert content(tmp_path) == before


def test_a_foreign_file_is_refused_and_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "forecast.csv").write_text("mine\n")
    with pytest.raises(ConflictError, match="no export wrote it"):
        write_csv(run, tmp_path)
    assert content(tmp_path) == {"forecast.csv": b"mine\n"}
    write_csv(run, tmp_path, overwrite=True)
    assert (tmp_path / "forecast.csv").read_text().startswith("sku,")


def test_a_file_changed_since_is_refused(run: Run, tmp_path: Path) -> None:
    path = write_csv(run, tmp_path)[0]
    path.write_text(path.read_text() + "one,more,line\n")
    with pytest.raises(ConflictError, match="changed since"):
        write_csv(run, tmp_path)
    assert path.read_text().endswith("one,more,line\n")


@pytest.mark.parametrize("receipt", ["not json", "[]", '{"files": 3}', '{"files": {"forecast.csv": 1}}'])
def test_a_foreign_receipt_gives_no_rights(run: Run, tmp_path: Path, receipt: str) -> None:
    (tmp_path / "export.json").write_text(receipt)
    with pytest.raises(ConflictError, match="no export wrote it"):
        write_csv(run, tmp_path)
    assert (tmp_path / "export.json").read_text() == receipt


def test_other_files_of_the_folder_stay(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("keep me")
    write_csv(run, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "keep me"


def test_a_file_is_no_folder(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        write_csv(run, tmp_path / "out")


def test_a_full_disk_leaves_nothing_behind(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("planner.exports.csv_files._receipt", full)
    with pytest.raises(PlannerError, match="No space left"):
        write_csv(run, tmp_path / "new" / "out")
    assert not (tmp_path / "new").exists()


def test_a_failure_on_the_last_move_restores_all(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_csv(make_run(tmp_path / "other", weeks=8), tmp_path / "out")
    before = content(tmp_path / "out")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if target.name == "transfer_orders.csv" and target.parent == tmp_path / "out" and "before" not in self.parts:
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(PlannerError, match="nothing was changed"):
        write_csv(run, tmp_path / "out")
    assert content(tmp_path / "out") == before
