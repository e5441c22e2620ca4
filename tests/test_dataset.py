"""A folder of tables -> Dataset: what counts as a table, the cache by content, reports."""

from __future__ import annotations

import errno
import gzip
import re
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from planner import dataset as datasets
from planner.dataset import Dataset, load, scan, validate
from planner.errors import DataError, PlannerError, UsageError
from planner.intake import cache as caching
from planner.intake import reading, sources
from planner.intake.frames import empty_frame
from planner.schema import data_readme, schema_rows
from planner.tables import NEEDS, TABLES

DATA = Path(__file__).parent / "data"
SALES = "date,sku,warehouse,quantity\n2024-04-15,A,W,1\n2024-04-16,B,W,2\n"
FILES = {
    "sales.csv": SALES,
    "items.csv": "sku,unit_cost,shade\nA,1.5,red\nB,,blue\n",
    "locations.csv": "location,kind\nW,warehouse\nS,supplier\n",
    "sourcing.csv": "sku,source,destination,lead_days\nA,S,W,14\nB,S,W,14\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "data", FILES)


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_scan_finds_tables_in_every_form(tmp_path):
    fill(tmp_path, {"Items.CSV": "sku\nA\n", "sales/part-1.csv": SALES, "sales/part-2.csv": SALES, "README.md": "x"})
    fill(tmp_path, {"truth/sales.csv": "nothing", ".hidden": "x", "sales/_SUCCESS": ""})
    (tmp_path / "stock.csv.gz").write_bytes(gzip.compress(b"sku,warehouse,on_hand\nA,W,1\n"))
    empty_frame("lanes").to_parquet(tmp_path / "lanes.parquet")
    found = scan(tmp_path)
    assert list(found) == ["items", "lanes", "sales", "stock"]
    assert found["sales"].names == ("sales/part-1.csv", "sales/part-2.csv")
    assert validate(tmp_path).notes == ()


def test_what_is_no_table_is_noted(folder):
    fill(folder, {"saels.csv": "x", "sales.xlsx": "x", "items.csv": "sku\nA\nB\n", "other/sales.csv": SALES})
    notes = "\n".join(validate(folder).notes)
    assert "saels.csv is no table and is not read: did you mean sales?" in notes
    assert "sales.xlsx is not read: a table is sales.csv" in notes
    assert "other is no table" in notes


def test_folders_without_tables(tmp_path):
    with pytest.raises(DataError) as empty:
        scan(tmp_path)
    assert [issue.rule for issue in empty.value.issues] == ["holds no table"]
    with pytest.raises(UsageError, match="there is no folder"):
        scan(tmp_path / "missing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="there is no folder"):
        scan(tmp_path / "file")
    (tmp_path / "sales").mkdir()
    with pytest.raises(DataError) as partless:
        scan(tmp_path)
    assert partless.value.issues[0].rule == "holds no part of the table"


def test_a_folder_that_may_not_be_read(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(sources, "_digest", refuse)
    report = validate(folder)
    assert report.total == len(FILES)
    assert {issue.rule for issue in report.issues} == {"cannot be read: Permission denied"}
    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UsageError, match="Permission denied"):
        scan(folder)


def test_two_files_for_one_table(folder):
    fill(folder, {"sales/part-1.csv": SALES})
    with pytest.raises(DataError) as error:
        scan(folder)
    issue = error.value.issues[0]
    assert issue.value == "sales, sales.csv"
    assert validate(folder).total == 1
    assert validate(folder, ["sales"]).total == 1


def test_digest_depends_on_content_and_table_only(tmp_path):
    one = fill(tmp_path / "one", {"items.csv": "sku\nA\n"})
    two = fill(tmp_path / "two", {"items.csv": "sku\nA\n", "item_features.csv": "sku\nA\n"})
    assert scan(one)["items"].digest == scan(two)["items"].digest != scan(two)["item_features"].digest
    fill(one, {"items.csv": "sku\nB\n"})
    assert scan(one)["items"].digest != scan(two)["items"].digest


def test_load_gives_typed_frames_and_empty_ones(folder):
    dataset = load(folder)
    assert list(dataset) == ["items", "locations", "sourcing", "sales"]
    assert dataset.has("sales")
    assert not dataset.has("lanes")
    assert dataset["sales"]["quantity"].tolist() == [1.0, 2.0]
    assert list(dataset["lanes"].columns) == list(TABLES["lanes"].names)
    assert dataset["items"]["shade"].tolist() == ["red", "blue"]
    assert dataset.notes == ("items: columns that the contract does not know are kept: shade",)
    assert set(dataset.digests) == set(dataset)
    with pytest.raises(UsageError, match="no table 'saels'"):
        dataset["saels"]


@pytest.mark.parametrize("table", TABLES)
def test_an_absent_table_is_empty_and_typed(table):
    frame = Dataset.from_frames({})[table]
    assert len(frame) == 0
    for column in TABLES[table].columns:
        dtype = frame[column.name].dtype
        if column.type in ("text", "time", "weekdays"):
            assert dtype == ("category" if table in ("sales", "order_lines", "behaviour", "drivers") else object)
        elif column.type in ("date", "datetime"):
            assert dtype == "datetime64[ns]"
        elif column.type == "flag" and (column.required or column.default is not None):
            assert dtype.kind == "b"
        else:
            assert dtype.kind == "f"


def test_all_faults_at_once_in_order(folder):
    fill(
        folder, {"stock.csv": "sku,warehouse,on_hand,lot\nZ,W,x,\nA,Q,1,\n", "items.csv": "sku,unit_cost\nA,-1\nB,1\n"}
    )
    with pytest.raises(DataError) as error:
        load(folder)
    places = [(issue.file, issue.row, issue.column) for issue in error.value.issues]
    assert places == [
        ("items.csv", 2, "unit_cost"),
        ("stock.csv", 2, "on_hand"),
        ("stock.csv", 2, "sku"),
        ("stock.csv", 3, "warehouse"),
    ]
    assert error.value.total == 4


def test_max_errors_keeps_the_first_and_counts_all(folder):
    rows = "".join(f"X{place},W,-1,1\n" for place in range(500))
    fill(folder, {"stock.csv": f"sku,warehouse,on_hand,allocated\n{rows.replace(',-1,1', ',1,-1')}"})
    report = validate(folder, max_errors=10)
    assert report.total == 1000
    assert [(issue.row, issue.column) for issue in report.issues] == [
        (row, column) for row in range(2, 7) for column in ("allocated", "sku")
    ]


def test_faults_in_parts_name_the_part(tmp_path):
    more = "date,sku,warehouse,quantity,till\n2024-04-17,A,W,1,x\n\n2024-04-15,A,W,oops,x\n2024-04-16,B,W,2,x\n"
    folder = fill(tmp_path, {"sales/part-1.csv": SALES, "sales/part-2.csv": more, "items.csv": "sku\nA\n"})
    report = validate(folder)
    assert [(issue.file, issue.row, issue.column) for issue in report.issues] == [
        ("sales/part-1.csv", 3, "sku"),
        ("sales/part-2.csv", 4, "quantity"),
        ("sales/part-2.csv", 5, "date"),
        ("sales/part-2.csv", 5, "sku"),
    ]
    assert report.issues[2].rule == "repeats row 3 of sales/part-1.csv"
    assert report.notes == ("sales: columns that the contract does not know are kept: till",)
    assert report.rows == {"items": 1, "sales": 5}


def test_parts_of_different_forms_are_one_table(tmp_path):
    fill(tmp_path, {"sales/a.csv": SALES})
    part = pd.DataFrame({"date": ["2024-04-15"], "sku": [5], "warehouse": ["V"], "quantity": [3], "unit_price": [2.5]})
    part.to_parquet(tmp_path / "sales" / "b.parquet")
    frame = load(tmp_path)["sales"]
    assert frame["sku"].tolist() == ["A", "B", "5"]
    assert frame["sku"].cat.categories.tolist() == ["5", "A", "B"]
    assert frame["unit_price"].isna().tolist() == [True, True, False]


def test_validate_only_some_tables(folder):
    fill(folder, {"stock.csv": "sku,warehouse,on_hand\nZ,W,1\n", "items.csv": "sku,unit_cost\nA,-1\nB,1\n"})
    assert [issue.file for issue in validate(folder, ["stock"]).issues] == ["stock.csv"]
    assert validate(folder, ["sales"]).total == 0
    assert validate(folder, ["lanes"]).issues[0].rule == "is missing"
    with pytest.raises(UsageError) as error:
        validate(folder, ["sale"])
    assert error.value.hint == "did you mean sales?"


def test_a_command_names_the_tables_it_lacks(folder):
    dataset = load(folder)
    dataset.require("forecast")
    with pytest.raises(DataError) as error:
        dataset.require("optimize")
    assert [issue.file for issue in error.value.issues] == ["stock.csv"]


def test_twelve_planted_faults():
    report = validate(DATA / "twelve_faults")
    table = (DATA / "twelve_faults" / "README.md").read_text(encoding="utf-8")
    planted = [(file, int(row)) for file, row in re.findall(r"^\| (\w+\.csv) \| (\d+) \|", table, re.MULTILINE)]
    assert report.total == 12
    assert [(issue.file, issue.row) for issue in report.issues] == planted
    assert len({issue.rule for issue in report.issues}) == 12
    assert all(issue.hint for issue in report.issues)


# the cache


def test_warm_load_reads_nothing_but_what_is_asked_for(folder, tmp_path, monkeypatch):
    store = tmp_path / "cache"
    cold = load(folder, store)
    asked: list[str] = []
    get = caching.TableCache.get

    def listed(self, source):
        asked.append(source.table)
        return get(self, source)

    def never(*_, **__):
        raise AssertionError("parsed or checked again")

    monkeypatch.setattr(caching.TableCache, "get", listed)
    monkeypatch.setattr(datasets, "read_part", never)
    monkeypatch.setattr(datasets, "cross_check", never)
    warm = load(folder, store)
    assert asked == []
    assert warm.notes == cold.notes
    assert warm.digests == cold.digests
    pd.testing.assert_frame_equal(warm["items"], cold["items"])
    assert asked == ["items"]
    for name in cold:
        pd.testing.assert_frame_equal(warm[name], cold[name])
    assert asked == ["items", "locations", "sourcing", "sales"]


def test_only_the_changed_table_is_parsed_again(folder, tmp_path, monkeypatch):
    store = tmp_path / "cache"
    load(folder, store)
    parsed: list[str] = []
    read = reading.read_part
    monkeypatch.setattr(datasets, "read_part", lambda path, *rest: parsed.append(path.name) or read(path, *rest))
    fill(folder, {"items.csv": "sku,unit_cost\nA,2\n"})
    with pytest.raises(DataError) as error:
        load(folder, store)
    assert parsed == ["items.csv"]
    assert [(issue.file, issue.row, issue.value) for issue in error.value.issues] == [
        ("sales.csv", 3, "B"),
        ("sourcing.csv", 3, "B"),
    ]


def test_a_damaged_cache_file_is_made_again(folder, tmp_path):
    store = tmp_path / "cache"
    cold = load(folder, store)
    for path in store.glob("*.parquet"):
        path.write_bytes(b"damaged")
    pd.testing.assert_frame_equal(load(folder, store)["sales"], cold["sales"])
    pd.testing.assert_frame_equal(load(folder, store)["sales"], cold["sales"])


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EACCES])
def test_a_cache_that_cannot_be_written(folder, tmp_path, monkeypatch, reason):
    store = tmp_path / "cache"

    def full(_table, path):
        Path(path).write_bytes(b"half")
        raise OSError(reason, "No space left on device")

    before = contents(folder)
    monkeypatch.setattr(caching.pq, "write_table", full)
    with pytest.raises(PlannerError) as error:
        load(folder, store)
    assert str(store) in error.value.message
    assert "No space left on device" in error.value.message
    assert ("free some space" if reason == errno.ENOSPC else "check who may write there") in error.value.hint
    assert list(store.iterdir()) == []
    assert contents(folder) == before


def test_no_write_permission_for_the_cache_folder(folder, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PlannerError, match="cannot write .*cache.*: Permission denied"):
        load(folder, tmp_path / "cache")


def test_two_processes_may_load_at_once(folder, tmp_path):
    store = tmp_path / "cache"
    with ProcessPoolExecutor(2) as pool:
        rows = list(pool.map(_rows_after_load, [(folder, store)] * 4))
    assert rows == [2] * 4
    assert not list(store.glob(".*"))
    assert len(list(store.glob("checked-*"))) == 1


def _rows_after_load(folders: tuple[Path, Path]) -> int:
    return len(load(*folders)["sales"])


def test_a_file_changed_while_it_is_read(folder, monkeypatch):
    read = reading.read_part

    def slow(path, *rest):
        part = read(path, *rest)
        path.write_text(path.read_text() + "\n\n")
        return part

    monkeypatch.setattr(datasets, "read_part", slow)
    with pytest.raises(PlannerError, match="was changed while it was read"):
        load(folder)


def test_reading_leaves_the_inputs_alone(folder, tmp_path):
    before = contents(folder)
    load(folder, tmp_path / "cache")
    validate(folder)
    shutil.copytree(DATA / "twelve_faults", tmp_path / "faults")
    faults = contents(tmp_path / "faults")
    validate(tmp_path / "faults")
    assert contents(folder) == before
    assert contents(tmp_path / "faults") == faults


# datasets in memory


def test_frames_in_memory_are_completed():
    dataset = Dataset.from_frames(
        {
            "sales": pd.DataFrame({"date": ["2024-04-15"], "sku": [7], "warehouse": ["W"], "quantity": [1]}),
            "items": pd.DataFrame({"sku": ["7", "8"], "unit_cost": [None, 2]}),
            "pipeline": pd.DataFrame(
                {"order_id": [1.0], "sku": "7", "destination": "W", "quantity": 1, "due_date": ["2024-04-15"]}
            ),
        }
    )
    assert dataset["sales"]["sku"].tolist() == ["7"]
    assert dataset["sales"]["sku"].dtype == "category"
    assert list(dataset["sales"].columns) == ["date", "sku", "warehouse", "quantity"]
    assert list(dataset["items"].columns) == list(TABLES["items"].names)
    assert dataset["items"]["quantity_step"].tolist() == [1.0, 1.0]
    assert dataset["pipeline"][["order_id", "kind", "firm"]].to_numpy().tolist() == [["1", "purchase", True]]


def test_a_table_can_be_replaced():
    dataset = Dataset.from_frames({"items": pd.DataFrame({"sku": ["A"]}), "stock": empty_frame("stock")})
    other = dataset.with_tables({"items": (dataset["items"].assign(unit_cost=2.0), "changed")})
    assert other["items"]["unit_cost"].tolist() == [2.0]
    assert dataset["items"]["unit_cost"].isna().all()
    assert (other.digests["items"], other.digests["stock"]) == ("changed", dataset.digests["stock"])
    again = Dataset.from_frames({"items": pd.DataFrame({"sku": ["A"]})})
    assert again.digests["items"] == dataset.digests["items"]
    assert Dataset.from_frames({"items": pd.DataFrame({"sku": ["B"]})}).digests["items"] != dataset.digests["items"]


# the contracts in words


def test_schema_has_a_row_for_every_column():
    rows = schema_rows()
    assert [(row["table"], row["column"]) for row in rows] == [
        (table.name, column.name) for table in TABLES.values() for column in table.columns
    ]
    quantity = {row["column"]: row for row in schema_rows("stocking")}["service_target"]
    assert (quantity["type"], quantity["unit"], quantity["rule"]) == ("number", "share", "0 to 1")
    assert {row["column"] for row in schema_rows("stock") if row["required"]} == {"sku", "warehouse", "on_hand"}


def test_the_readme_of_the_data_folder_shows_every_table():
    text = data_readme()
    assert re.findall(r"^### (\w+)$", text, re.MULTILINE) == list(TABLES)
    for command, names in NEEDS.items():
        assert f"| `planner {command}` | {', '.join(names)} |" in text
    assert "| **sku** | text |  |  | in items.sku | stock keeping unit |" in text
    assert all(line.count("|") - line.count("\\|") == 7 for line in text.splitlines() if line.startswith("| **"))


def test_cells_are_told_with_file_line_and_value(tmp_path, folder):
    fill(folder, {"sourcing.csv": "sku,source,destination,lead_days\n\nA,S,W,14\nB,S,W,\n"})
    for _ in range(2):  # the second time from what was kept of the first
        dataset = load(folder, tmp_path / "cache")
        assert dataset.cells("sourcing", "lead_days", [1, 0]) == [
            "sourcing.csv, row 4, column lead_days: empty", "sourcing.csv, row 3, column lead_days: 14",
        ]  # fmt: skip
    part = dataset.only(["sourcing", "lanes"])
    assert list(part) == ["sourcing"]
    assert part.cells("sourcing", "sku", [1]) == ["sourcing.csv, row 4, column sku: B"]
    assert part.cells("lanes", "mode", []) == []


def test_cells_of_parts_and_of_changed_tables(tmp_path):
    fill(tmp_path, {"sales/a.csv": SALES, "sales/b.csv": SALES.replace("2024", "2025")})
    dataset = load(tmp_path)
    assert dataset.cells("sales", "sku", [1, 2]) == [
        "sales/a.csv, row 3, column sku: B",
        "sales/b.csv, row 2, column sku: A",
    ]
    frame = dataset["sales"]
    changed = dataset.with_tables({"sales": (frame.assign(quantity=7.0), "7")})
    assert changed.cells("sales", "quantity", [2]) == ["sales/b.csv, row 2, column quantity: 7"]
    fewer = dataset.with_tables({"sales": (frame.iloc[1:].reset_index(drop=True), "fewer")})
    assert fewer.cells("sales", "sku", [0]) == ["sales, column sku: B"]
    assert Dataset.from_frames({"sales": frame}).cells("sales", "date", [3]) == ["sales, column date: 2025-04-16"]
