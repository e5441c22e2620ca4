"""Whatever happens to the tables: a clear refusal or data of the contract's types, and inputs left as they were."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planner.dataset import Dataset, load, validate
from planner.errors import DataError
from planner.intake.dialects import open_text, record_lines
from planner.intake.reading import read_part
from planner.tables import TABLES

DAYS = ["2024-04-01", "2024-04-08", "2024-04-15", "2024-04-22"]
TABLES_HERE = {
    "items": [["sku", "description", "unit_cost", "launch_date", "shortage"]]
    + [[f"00{place}", f"Saft Nr. {place}, süß", f"{place}.5", "2023-01-02", "lost"] for place in range(4)],
    "locations": [
        ["location", "kind", "country", "latitude", "opens"],
        ["LEJ", "warehouse", "DE", "51.3", "06:00"],
        ["SUP", "supplier", "ES", "41.4", ""],
    ],
    "sales": [["date", "sku", "warehouse", "quantity", "unit_price", "in_stock"]]
    + [[day, f"00{place}", "LEJ", str(3 * place), "2.49", "true"] for day in DAYS for place in range(4)],
    "stock": [["sku", "warehouse", "on_hand", "status"]] + [[f"00{place}", "LEJ", "12", "free"] for place in range(4)],
    "sourcing": [["sku", "source", "destination", "unit_cost", "lead_days", "order_weekdays"]]
    + [[f"00{place}", "SUP", "LEJ", "1.2", "14", "mon thu"] for place in range(4)],
}
NASTY = ["", "-1", "inf", "NaN", "1e999", "1,5", "20206-01-01", "03/04/2024", "0", "true", "x" * 5000, "\x07", '"',
         "=1+1", "*", "a|b", "-", "2024-02-30", "99999999999999999999", "　", "1.234.567", "45383", "٣", "汉",
         "\u2028", "NULL"]  # fmt: skip
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
Rows = list[list[str]]


def text(rows: Rows, delimiter: str = ",") -> bytes:
    quote = {delimiter, '"', "\n", "\r"}
    cells = [[f'"{c.replace(chr(34), chr(34) * 2)}"' if quote & set(c) else c for c in row] for row in rows]
    return ("\n".join(delimiter.join(row) for row in cells) + "\n").encode()


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).write_bytes(content)


def plain_files() -> dict[str, bytes]:
    return {f"{name}.csv": text(rows) for name, rows in TABLES_HERE.items()}


def survives(files: dict[str, bytes]) -> Dataset | None:
    """The dataset if it is accepted; its types are the contract's, its report agrees, its inputs are unchanged."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, files)
        report = validate(folder, max_errors=5)
        dataset, refusal = loaded(folder)
        assert len(report.issues) == min(5, report.total)
        assert all(issue.rule and issue.file for issue in report.issues)
        assert report.total == (refusal.total if refusal else 0)
        if dataset is not None:
            contract_types(dataset)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == files
        return dataset


def loaded(folder: Path) -> tuple[Dataset | None, DataError | None]:
    try:
        return load(folder), None
    except DataError as error:
        return None, error


def contract_types(dataset: Dataset) -> None:
    for table in dataset:
        frame = dataset[table]
        for column in TABLES[table].columns:
            if column.name not in frame:
                assert not column.required
                continue
            series = frame[column.name]
            kinds = {"date": "M", "datetime": "M", "flag": "bf", "text": "O", "time": "O", "weekdays": "O"}
            assert series.dtype.kind in kinds.get(column.type, "f")
            if column.required and column.type != "number":
                assert not series.isna().any()
                assert not (series.astype(object) == "").any()
            if column.type in ("number", "integer"):
                assert not series.abs().gt(1e15).any()
            if column.minimum is not None:
                assert not (series < column.minimum).any()
            if column.type in ("date", "datetime"):
                assert series.dropna().between(pd.Timestamp("1990-01-01"), pd.Timestamp("2101-01-01")).all()


def test_the_tables_are_sound_to_begin_with():
    assert survives(plain_files()) is not None


table_names = st.sampled_from(sorted(TABLES_HERE))


@QUICK
@given(table_names, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_bytes_are_flipped(name, flips):
    files = plain_files()
    content = bytearray(files[f"{name}.csv"])
    for place, value in flips:
        content[int(place * (len(content) - 1))] = value
    survives(files | {f"{name}.csv": bytes(content)})


@QUICK
@given(table_names, st.floats(0, 1), st.binary(max_size=40))
def test_files_are_cut_and_continued(name, place, tail):
    files = plain_files()
    content = files[f"{name}.csv"]
    survives(files | {f"{name}.csv": content[: int(place * len(content))] + tail})


@QUICK
@given(table_names, st.data())
def test_cells_are_replaced(name, data):
    rows = [list(row) for row in TABLES_HERE[name]]
    for _ in range(data.draw(st.integers(1, 4))):
        row = data.draw(st.integers(1, len(rows) - 1))
        column = data.draw(st.integers(0, len(rows[0]) - 1))
        rows[row][column] = data.draw(st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8"), max_size=12))
    survives(plain_files() | {f"{name}.csv": text(rows)})


@QUICK
@given(table_names, st.data())
def test_rows_and_columns_are_dropped_renamed_and_doubled(name, data):
    rows = [list(row) for row in TABLES_HERE[name]]
    action = data.draw(
        st.sampled_from(["drop row", "double row", "drop column", "rename", "double column", "drop cell"])
    )
    place = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(rows[0]) - 1))
    changed: dict[str, Callable[[], Rows]] = {
        "drop row": lambda: rows[:place] + rows[place + 1 :],
        "double row": lambda: rows[: place + 1] + rows[place:],
        "drop column": lambda: [row[:column] + row[column + 1 :] for row in rows],
        "rename": lambda: [
            [*rows[0][:column], data.draw(st.text(st.characters(codec="utf-8"), max_size=9)), *rows[0][column + 1 :]],
            *rows[1:],
        ],
        "double column": lambda: [[*row, row[column]] for row in rows],
        "drop cell": lambda: [*rows[:place], rows[place][:column] + rows[place][column + 1 :], *rows[place + 1 :]],
    }
    survives(plain_files() | {f"{name}.csv": text(changed[action]())})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "gbk"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " "])
def test_delimiters_and_encodings_are_changed(encoding, delimiter):
    files = {
        f"{name}.csv": text(rows, delimiter).decode().encode(encoding, errors="replace")
        for name, rows in TABLES_HERE.items()
    }
    dataset = survives(files)
    assert (dataset is None) == (delimiter in "| ")
    if dataset is not None and encoding.startswith("utf"):
        original = survives(plain_files())
        assert original is not None
        for name in original:
            pd.testing.assert_frame_equal(dataset[name], original[name])


records = st.lists(
    st.lists(st.text(alphabet='ab ,;"\n\r\t1ä', max_size=5), min_size=1, max_size=4), min_size=1, max_size=8
)


@settings(parent=QUICK, max_examples=200)
@given(records, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_rows_and_their_lines_agree_for_any_text(rows, end, quoted):
    """Both readers, the fast one for the cells and the one for the lines, see the same records."""
    cells = [[f'"{c.replace(chr(34), chr(34) * 2)}"' if quoted else c for c in row] for row in rows]
    content = f"sku,description{end}" + end.join(",".join(row) for row in cells)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "items.csv"
        path.write_bytes(content.encode())
        part = read_part(path, "items.csv", "items")
        if part.whole:
            found = record_lines(open_text(path, TABLES["items"].names), range(1000), usable_only=True)
            assert len(found) == len(part.frame)
