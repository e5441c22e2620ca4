"""What an import may replace, what it leaves alone, and that it leaves nothing half done."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.dataset import load
from planner.errors import PlannerError, UsageError
from planner.importers import SOURCES, run_import
from planner.importers.registry import Options
from planner.scenarios import resolve, scenario_names
from tests.importers.conftest import write_vn2


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_import_writes_the_same_bytes(vn2: Path, tmp_path: Path) -> None:
    run_import("vn2", vn2, tmp_path / "one")
    run_import("vn2", vn2, tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_two_scenarios_come_with_it(vn2: Path, tmp_path: Path) -> None:
    run_import("vn2", vn2, tmp_path / "w")
    assert scenario_names(tmp_path / "w") == ["base", "demand-surge"]
    (change,) = resolve(tmp_path / "w", "demand-surge", environ={}).changes
    assert (change.table, change.column, change.operation, change.amount) == ("demand", "quantity", "scale", 1.3)
    assert change.start is not None
    assert change.end is not None
    assert (change.end - change.start).days == 8 * 7 - 1


def test_importing_again_keeps_scenarios_and_reports(vn2: Path, tmp_path: Path) -> None:
    into = tmp_path / "w"
    run_import("vn2", vn2, into)
    (into / "reports" / "old").mkdir(parents=True)
    (into / "reports" / "old" / "manifest.json").write_text("{}")
    (into / "scenarios" / "mine.toml").write_text('title = "Mine"\n')
    (into / "scenarios" / "base.toml").write_text('title = "My base"\n')
    (into / "scenarios" / "demand-surge.toml").write_text('title = "My surge"\n')
    (into / "data" / "campaigns.csv").write_text("campaign,kind,start,end\n")
    write_vn2(vn2, weeks=5)
    run_import("vn2", vn2, into)
    assert (into / "reports" / "old" / "manifest.json").exists()
    assert scenario_names(into) == ["base", "demand-surge", "mine"]
    assert "My base" in (into / "scenarios" / "base.toml").read_text()
    assert "My surge" in (into / "scenarios" / "demand-surge.toml").read_text()
    assert not (into / "data" / "campaigns.csv").exists()
    assert len(load(into / "data")["sales"]) == 15


@pytest.mark.parametrize("what", ["a file", "another source", "files", "a broken planner.toml"])
def test_anything_else_is_not_overwritten(vn2: Path, m5: Path, tmp_path: Path, what: str) -> None:
    into = tmp_path / "w"
    if what == "a file":
        into.write_text("mine")
    elif what == "another source":
        run_import("m5", m5, into)
    else:
        into.mkdir()
        (into / ("planner.toml" if "toml" in what else "notes.txt")).write_text("[mine")
    before = contents(tmp_path)
    with pytest.raises(UsageError) as caught:
        run_import("vn2", vn2, into)
    assert caught.value.hint
    assert contents(tmp_path) == before


def test_replace_takes_over_data_and_settings_only(vn2: Path, tmp_path: Path) -> None:
    into = tmp_path / "w"
    (into / "data").mkdir(parents=True)
    (into / "data" / "sales.csv").write_text("date\n")
    (into / "notes.txt").write_text("mine")
    run_import("vn2", vn2, into, {"replace": True})
    assert (into / "notes.txt").read_text() == "mine"
    assert len(load(into / "data")["sales"]) == 12


def test_a_hidden_entry_does_not_make_a_folder_full(vn2: Path, tmp_path: Path) -> None:
    (tmp_path / "w" / ".git").mkdir(parents=True)
    run_import("vn2", vn2, tmp_path / "w")
    assert (tmp_path / "w" / "planner.toml").exists()


def test_the_folder_may_be_here_and_the_workspace_inside_it(
    vn2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(vn2)
    first = run_import("vn2", Path("."), Path("W"))
    again = run_import("vn2", Path("."), Path("W"))
    assert first == again
    assert (vn2 / "W" / "data" / "sales.csv").exists()


def test_the_folder_must_not_lie_in_the_data_it_replaces(vn2: Path, tmp_path: Path) -> None:
    run_import("vn2", vn2, tmp_path / "w")
    inside = write_vn2(tmp_path / "w" / "data" / "raw")
    with pytest.raises(UsageError, match="replaces"):
        run_import("vn2", inside, tmp_path / "w")
    assert (inside / "sales.csv").exists()


@pytest.mark.parametrize("fresh", [True, False])
def test_a_full_disk_leaves_everything_as_it_was(
    vn2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    into = tmp_path / "w"
    if not fresh:
        run_import("vn2", vn2, into)
        write_vn2(vn2, weeks=5)
    before = contents(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("planner.importers.workspace.pyarrow.csv.write_csv", full)
    with pytest.raises(PlannerError, match="No space left"):
        run_import("vn2", vn2, into)
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_swap_that_fails_half_way_is_taken_back(vn2: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    into = tmp_path / "w"
    run_import("vn2", vn2, into)
    before = contents(into)
    write_vn2(vn2, weeks=5)
    rename = Path.rename

    def stubborn(self: Path, target: Path) -> Path:
        if Path(target) == into / "planner.toml" and "old" not in self.parts:
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(PlannerError, match="Permission denied"):
        run_import("vn2", vn2, into)
    assert contents(into) == before


@pytest.mark.parametrize(
    ("source", "options", "says", "hint"),
    [
        ("vn3", {}, "'vn3'", "vn2"),
        ("vn2", {"lead_day": 3}, "'lead_day'", "lead_days"),
        ("vn2", {"lead_days": "soon"}, "--lead-days", ""),
        ("vn2", {"lead_days": -1}, "--lead-days", "0 or more"),
        ("vn2", {"lead_days": float("nan")}, "--lead-days", ""),
        ("vn2", {"supplier": " "}, "--supplier", ""),
        ("m5", {"bucket": "month"}, "--bucket", "day or week"),
        ("online-retail", {"cost_share": 1.5}, "--cost-share", "between 0 and 1"),
    ],
)
def test_wrong_words_and_values_are_named(
    vn2: Path, tmp_path: Path, source: str, options: dict[str, object], says: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        run_import(source, vn2, tmp_path / "w", options)
    assert hint in caught.value.hint


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        run_import("vn2", tmp_path / "nowhere", tmp_path / "w")


def test_progress_is_told(m5: Path, tmp_path: Path) -> None:
    told: list[str] = []
    run_import("m5", m5, tmp_path / "w", progress=told.append)
    assert "sales of store 2 of 2" in told


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_default_fits_its_own_option(name: str) -> None:
    source = SOURCES[name]
    values = Options(source, {})
    assert dict(values) == {option.name: option.default for option in source.options}
    for option in source.options:
        assert isinstance(values[option.name], option.type)
        assert option.help
        assert not option.choices or option.default in option.choices
