"""The command line as a stranger meets it: one clear message for everything that is wrong, nothing left behind."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.cli.app import main

Capture = pytest.CaptureFixture[str]


def content(folder: Path) -> dict[str, str]:
    """Every file that a user would call theirs, with a hash of what it holds."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".planner" not in path.parts)
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(files)}


@pytest.fixture
def shop(demo: Path, tmp_path: Path) -> Path:
    """The demo with sales of a few months, to be spoiled."""
    folder = tmp_path / "shop"
    shutil.copytree(demo, folder, ignore=shutil.ignore_patterns("truth", "reports", ".planner"))
    return folder


def spoil_with(text: str, name: str = "sales.csv") -> Callable[[Path], None]:
    return lambda data: (data / name).write_text(text, encoding="utf-8") and None


def append(name: str, line: str) -> Callable[[Path], None]:
    def spoil(data: Path) -> None:
        with (data / name).open("a", encoding="utf-8") as handle:
            handle.write(line + "\n")

    return spoil


def remove(name: str) -> Callable[[Path], None]:
    return lambda data: (data / name).unlink()


def binary(data: Path) -> None:
    (data / "sales.csv").write_bytes(bytes(range(256)) * 40)


def empty(data: Path) -> None:
    shutil.rmtree(data)
    data.mkdir()


WRONG = {
    "an empty folder": (empty, "no table"),
    "no sales": (remove("sales.csv"), "sales"),
    "no stock": (remove("stock.csv"), "stock"),
    "a binary file": (binary, "sales.csv"),
    "one column only": (spoil_with("date|sku|warehouse|quantity\n2026-01-05|BEV-0001|LEJ|3\n"), "sales.csv"),
    "an unknown SKU": (append("stock.csv", "BEV-9999,LEJ,4"), "BEV-9999"),
    "a negative quantity": (append("pipeline.csv", "X1,BEV-0001,,LEJ,-4,2026-03-09"), "-4"),
    "a year too far": (append("pipeline.csv", "X1,BEV-0001,,LEJ,4,20206-03-09"), "20206-03-09"),
    "a duplicate key": (append("currencies.csv", "PLN,2026-02-01,0.2\nPLN,2026-02-01,0.3"), "currencies.csv"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("command", ["validate", "plan"])
def test_wrong_data_is_one_clear_message_and_changes_nothing(
    shop: Path, capsys: Capture, name: str, command: str
) -> None:
    spoil, expected = WRONG[name]
    spoil(shop / "data")
    before = content(shop)
    code = main(["-C", str(shop), command])
    captured = capsys.readouterr()
    text = captured.out + captured.err
    if command == "validate" and name in ("no sales", "no stock"):
        assert code == 0, "a table that is not there is no fault of the others"
    else:
        assert code == 3
        assert expected in text
    assert "Traceback" not in text
    assert content(shop) == before


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("planner.toml", "[stock]\nlead_dais = 3\n", "stock.lead_days"),
        ("scenarios/base.toml", 'extends = "base"\n', "base -> base"),
        ("planner.toml", "[plan]\nas_of = 20206-01-01\n", "not valid TOML"),
    ],
)
def test_wrong_settings_are_one_clear_message(shop: Path, capsys: Capture, file: str, text: str, message: str) -> None:
    (shop / file).write_text(text, encoding="utf-8")
    assert main(["-C", str(shop), "plan"]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_twelve_faults_are_twelve(capsys: Capture, tmp_path: Path) -> None:
    source = Path(__file__).parent / "data" / "twelve_faults"
    shutil.copytree(source, tmp_path / "data")
    (tmp_path / "planner.toml").write_text("", encoding="utf-8")
    assert main(["-C", str(tmp_path), "validate", "--format", "json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["total"] == 12
    assert len(found["issues"]) == 12
    assert all(issue["hint"] for issue in found["issues"])
    assert main(["-C", str(tmp_path), "validate", "--max-errors", "5"]) == 3
    assert "12 faults (5 shown" in capsys.readouterr().out


def test_a_plain_folder_of_tables_is_checked_and_left_as_it_was(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the workspace that it may lie in."""
    source = Path(__file__).parent / "data" / "twelve_faults"
    (tmp_path / "planner.toml").write_text("", encoding="utf-8")
    folder = tmp_path / "exports"
    shutil.copytree(source, folder)
    before = content(folder)
    assert main(["-C", str(folder), "validate"]) == 3
    assert "12 faults" in capsys.readouterr().out
    assert content(folder) == before
    assert main(["-C", str(folder), "plan"]) == 2
    assert "no workspace" in capsys.readouterr().err
    monkeypatch.chdir(folder)
    assert main(["-C", ".", "validate"]) == 3
    assert "12 faults" in capsys.readouterr().out


def test_a_full_disk_is_one_clear_message(shop: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("planner.workspace.write_parquet", full)
    before = content(shop)
    assert main(["-C", str(shop), "forecast"]) == 1
    text = " ".join(capsys.readouterr().err.split())
    assert "No space left on device; nothing was changed" in text
    assert content(shop) == before


def test_no_workspace_no_command_no_option(capsys: Capture, tmp_path: Path) -> None:
    for arguments, message in (
        (["-C", str(tmp_path), "plan"], "is no workspace"),
        (["plam"], "No such command"),
        (["plan", "--horizont", "3"], "No such option"),
        (["orders"], "Missing command"),
        (["plan", "--select", "sku:A"], "means nothing to planner plan"),
    ):
        assert main(arguments) == 2
        text = capsys.readouterr().err
        assert message in text
        assert "hint:" in text


def test_a_scenario_without_its_option_is_named_in_the_hint(capsys: Capture, planned: Path) -> None:
    (planned / "scenarios" / "no-mail.toml").write_text('title = "No mail"\n')
    for word, hint in (("no-mail", "plan --scenario no-mail"), ("no-mall", "plan --help")):
        assert main(["-C", str(planned), "plan", word]) == 2
        assert hint in " ".join(capsys.readouterr().err.split())


def test_the_unforeseen_is_told_without_a_traceback(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("planner.cli.app.build", broken)
    assert main(["plan"]) == 1
    assert "ZeroDivisionError: planted" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setenv("PLANNER_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["plan"])


def test_an_interrupt_says_what_is_kept(planned: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("planner.plan.run_plan", interrupted)
    assert main(["-C", str(planned), "plan"]) == 130
    assert "what was finished is kept" in capsys.readouterr().err


def test_help_names_every_command_and_global_option(capsys: Capture) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    for word in (
        "init",
        "doctor",
        "validate",
        "import",
        "plan",
        "forecast",
        "scenario",
        "orders",
        "report",
        "--as-of",
        "-C DIR",
    ):
        assert word in text
    assert main(["import", "vn2", "--help"]) == 0
    assert "--lead-days" in capsys.readouterr().out


def test_no_help_is_cut_off(capsys: Capture) -> None:
    for words in ([], ["scenario", "--help"], ["import", "--help"], ["orders", "--help"]):
        assert main(words) == 0
        assert "..." not in capsys.readouterr().out.partition("COMMAND [ARGS]...")[2]


def test_a_mapping_is_written_where_it_is_said(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "orders.csv").write_text("Datum;Artikel;Lager;Menge\n02.02.2026;A-1;LEJ;3\n", "utf-8")
    words = ["import", "csv", str(tmp_path / "export"), "--into", str(tmp_path / "shop")]
    assert main([*words, "--write-mapping"]) == 0
    told = capsys.readouterr()
    assert (tmp_path / "export" / "mapping.toml").is_file()
    assert "export/mapping.toml is written" in "".join(told.err.split("\n"))
    assert "nothing to show" not in told.out
    assert main(words) == 0
    assert main(["-C", str(tmp_path / "shop"), "validate"]) == 0


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from planner.cli.app import main; main(['--help']); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not loaded & {
        "pandas",
        "numpy",
        "scipy",
        "pyarrow",
        "statsforecast",
        "pulp",
        "highspy",
        "networkx",
        "jinja2",
    }


def test_doctor_names_a_missing_extra(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    assert main(["doctor"]) == 0
    real = metadata.version

    def without_pyvrp(name: str) -> str:
        if name == "pyvrp":
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr("planner.doctor.version", without_pyvrp)
    assert main(["doctor", "--format", "json"]) == 0, "an extra that is missing stops nothing"
    text = capsys.readouterr().out
    assert "planner[routes]" in text


def test_init_writes_no_world_over_another(capsys: Capture, tmp_path: Path) -> None:
    target = tmp_path / "shop"
    assert main(["init", str(target)]) == 0
    assert (target / "planner.toml").is_file()
    assert main(["init", str(target), "--demo", "small"]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main(["-C", str(target), "plan"]) == 3, "a workspace without data says so"


def test_schema_in_every_format(capsys: Capture) -> None:
    assert main(["schema"]) == 0
    assert "sourcing" in capsys.readouterr().out
    assert main(["schema", "sales", "--format", "csv"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("column,type,required")
    assert main(["schema", "salez"]) == 2
    assert "did you mean sales?" in capsys.readouterr().err


def test_the_report_goes_where_it_is_told(planned: Path, capsys: Capture, tmp_path: Path) -> None:
    target = tmp_path / "page.html"
    against = ["report", "--scenario", "base", "--against", "spring-campaign"]
    assert main(["-C", str(planned), *against, "-o", str(target)]) == 0
    assert f"wrote {target}" in capsys.readouterr().out.replace("\n", "")
    assert main(["-C", str(planned), "report", "-o", "-"]) == 0
    assert capsys.readouterr().out.startswith("<!")
    assert target.read_text(encoding="utf-8").startswith("<!")


def test_orders_are_listed_filtered_and_written(planned: Path, capsys: Capture, tmp_path: Path) -> None:
    target = tmp_path / "orders.csv"
    assert main(["-C", str(planned), "orders", "list", "--week", "2026-03-04", "-o", str(target)]) == 0
    rows = target.read_text(encoding="utf-8").splitlines()
    columns = rows[0].split(",")
    assert {"line_id", "sku", "source", "destination", "order_week", "due_week", "quantity"} <= set(columns)
    assert len(rows) > 1
    assert {row.split(",")[columns.index("order_week")] for row in rows[1:]} == {"2026-03-02"}
    assert (
        main(["-C", str(planned), "orders", "list", "--select", "category:garden+destination:LEJ", "--format", "csv"])
        == 0
    )
    chosen = capsys.readouterr().out.splitlines()
    assert all(row.split(",")[columns.index("destination")] == "LEJ" for row in chosen[1:])
    assert main(["-C", str(planned), "orders", "list", "--week", "soon"]) == 2


def test_orders_come_from_a_run_that_has_some(planned: Path, capsys: Capture, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(planned, folder)
    assert main(["-C", str(folder), "forecast", "--horizon", "3"]) == 0
    forecast = capsys.readouterr().out.split("Run ")[1].split()[0]
    assert main(["-C", str(folder), "orders", "list", "--run", "base"]) == 0
    assert main(["-C", str(folder), "orders", "list", "--run", forecast]) == 2
    assert f"run {forecast} ends with the forecast" in " ".join(capsys.readouterr().err.split())


def test_the_worth_of_orders_is_what_is_bought(planned: Path, capsys: Capture) -> None:
    assert main(["-C", str(planned), "orders", "list", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["orders"]
    bought = [row for row in rows if row["kind"] == "purchase"]
    moved = sum(row["quantity"] for row in rows if row["kind"] == "transfer")
    spend = sum(row["quantity"] * row["unit_cost"] for row in bought)
    assert main(["-C", str(planned), "orders", "list"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"{len(bought)} purchases for EUR {spend:,.0f} and" in text
    assert f"transfers of {moved:,.0f} units, from run" in text


def test_key_figures_in_files_are_plain_numbers(planned: Path, capsys: Capture) -> None:
    assert main(["-C", str(planned), "plan", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    figures = {row["figure"]: row for row in found["figures"]}
    assert figures["demand"]["value"] == found["kpis"]["demand"]
    assert figures["spend"]["unit"] == "EUR"
    assert "cost_tie_break" not in figures, "what is negligible is left out"
    assert main(["-C", str(planned), "plan", "--format", "csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "figure,label,value,unit"
    assert float(rows[1].split(",")[2]) == pytest.approx(found["kpis"]["demand"])


def test_a_reader_that_has_seen_enough_is_no_error(planned: Path) -> None:
    command = [sys.executable, "-m", "planner", "-C", str(planned), "orders", "list", "--limit", "0"]
    for words in ([], ["--format", "csv"]):
        with subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stderr
            process.stdout.close()
            told = process.stderr.read()
        assert (process.returncode, told) == (0, b"")


def test_a_comparison_refuses_before_it_plans(planned: Path, capsys: Capture) -> None:
    for names, message in ((["base", "base"], "with itself"), (["base", "spring-campain"], "no scenario")):
        assert main(["-C", str(planned), "scenario", "compare", *names]) == 2
        told = capsys.readouterr().err
        assert message in told
        assert "planning" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan"], ["forecast"], ["optimize"], ["route"], ["exceptions"], ["campaign", "list"], ["scenario", "list"],
        ["scenario", "compare", "base", "spring-campaign"], ["run", "list"], ["run", "show", "base"],
        ["network", "check"], ["network", "paths", "RTM", "LEJ"], ["validate", "--plan-ready"],
        ["export", "csv", "--dry-run"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_answers(planned: Path, capsys: Capture, arguments: list[str]) -> None:
    assert main(["-C", str(planned), *arguments]) == 0
    captured = capsys.readouterr()
    assert captured.out
    assert "error" not in captured.err
    if arguments[0] != "export":
        assert main(["-C", str(planned), *arguments, "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)


def test_the_forecast_as_csv_has_every_bucket_of_every_series(planned: Path, capsys: Capture) -> None:
    assert main(["-C", str(planned), "forecast", "--horizon", "5", "--format", "csv"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].startswith("sku,warehouse,date,mean,q0.05")
    series = [tuple(row.split(",")[:2]) for row in rows[1:]]
    assert {series.count(key) for key in set(series)} == {5}
