"""One file -> one frame and its faults. Comma, semicolon, tab, Parquet: whatever the form, the same rules hold.

Every column is read as codes into its different texts; checks look at each different text once.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from planner.columns import Column
from planner.errors import Issue
from planner.intake.cells import Fault, Mark, Parsed, column_mark, parse
from planner.intake.dialects import Text, UnreadableError, open_text, record_lines, unclosed_quote
from planner.intake.frames import BIG, categorical, complete, is_text
from planner.intake.parquet import parquet_lines, read_parquet
from planner.intake.raw import SHOWN, Cell, Coded, Faults, Raw, limit, named_columns
from planner.tables import TABLES, Table

MAY_BE_EMPTY = frozenset({("sales", "quantity"), ("order_lines", "quantity")})
_BLOCK = 1 << 23
_CODES = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True)
class Part:
    """What one file gave: a frame of the contract's columns, its issues (`total` counts all), unknown columns.

    `faulty` are the rows of the frame that hold a fault; `loose` the words of records that became no row, by column;
    `whole` says that the file could be read and has every required column.
    """

    frame: pd.DataFrame
    issues: tuple[Issue, ...] = ()
    total: int = 0
    extras: tuple[str, ...] = ()
    faulty: npt.NDArray[np.intp] = field(default_factory=lambda: np.zeros(0, np.intp))
    loose: Mapping[str, frozenset[str]] = field(default_factory=dict)
    whole: bool = True


def read_part(path: Path, name: str, table: str, keep: float = math.inf) -> Part:
    """Read `path` as (a part of) `table`; `name` is what issues call it. Never raises for what the file holds."""
    contract = TABLES[table]
    faults = Faults(keep)
    try:
        raw = read_parquet(path, contract, faults) if _is_parquet(path) else _read_csv(path, contract, faults)
    except UnreadableError as error:
        issue = Issue(name, error.row, "", error.value, error.message, error.hint)
        return Part(complete(table, {}, 0), (issue,), 1, whole=False)
    raw = _without_blank_rows(raw)
    values = _values(raw, contract, faults)
    frame = complete(table, values, len(raw.records))
    extras = tuple(column for column in raw.columns if column not in contract.names)
    faulty = np.unique(np.concatenate([*faults.rows, np.zeros(0, np.intp)]))
    whole = raw.fits and all(column in raw.columns for column in contract.required)
    return Part(frame, _issues(name, faults, raw), faults.total, extras, faulty, raw.loose, whole)


def part_lines(path: Path, table: str, rows: Sequence[int]) -> dict[int, int]:
    """Line in the file of each row of the frame that was read from it."""
    if _is_parquet(path):
        return parquet_lines(rows)
    return record_lines(open_text(path, TABLES[table].names), set(rows), usable_only=True)


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() == ".parquet"


def _issues(name: str, faults: Faults, raw: Raw) -> tuple[Issue, ...]:
    """The first faults by record and column, with their lines."""
    first = sorted(faults.cells, key=lambda cell: (-1 if cell.record is None else cell.record, cell.column))
    first = first[: limit(faults.keep)]
    lines = raw.lines([cell.record for cell in first if cell.record is not None])
    return tuple(
        Issue(
            name,
            raw.header_line if cell.record is None else lines.get(cell.record),
            *cell[1:2],
            cell.value[:SHOWN],
            *cell[3:],
        )
        for cell in first
    )


# CSV


def _read_csv(path: Path, contract: Table, faults: Faults) -> Raw:
    text = open_text(path, contract.names)
    names = named_columns(text.header, contract, faults)
    quote = unclosed_quote(text) if text.quoted else None
    if quote is not None:
        raise UnreadableError("opens a quote that is never closed", 'write a quote inside a text twice: ""', row=quote)
    table, ragged = parse_csv(text)
    fits = _report_ragged(ragged, table.num_rows, text, faults)
    records: Sequence[int] | npt.NDArray[np.int64] = range(table.num_rows)
    if ragged:
        records = np.delete(np.arange(table.num_rows + len(ragged)), [record for record, _, _ in ragged])
    lines = partial(record_lines, text, usable_only=False)
    columns = _columns([_coded(column) for column in table.columns], names)
    return Raw(columns, records, lines, text.header_line, _loose(ragged, names, text), fits)


def _columns(coded: list[Coded], names: list[str | None]) -> dict[str, Coded]:
    """Columns by name; one without a name is dropped if it is empty, as behind a last delimiter, else kept."""
    named = [name if name != "" else f"column {place + 1}" for place, name in enumerate(names)]
    return {
        name: column
        for name, column, written in zip(named, coded, names, strict=True)
        if name is not None and (written or (column[0] != "").any())
    }


def _loose(ragged: list[tuple[int, str, int]], names: list[str | None], text: Text) -> dict[str, frozenset[str]]:
    """Words of the ragged records, by column: a SKU in a row that is cut off is still no unknown SKU."""
    rows = [next(csv.reader(io.StringIO(row, newline=""), delimiter=text.delimiter), []) for _, row, _ in ragged]
    return {
        name: frozenset(row[place].strip() for row in rows if len(row) > place)
        for place, name in enumerate(names)
        if name and rows
    }


def parse_csv(text: Text) -> tuple[pa.Table, list[tuple[int, str, int]]]:
    """The table of codes, and the ragged records: place, text, number of cells."""
    ragged: list[tuple[int, str, int]] = []

    def skip(row: Any) -> str:
        if row.text.strip():
            ragged.append((row.number - 1, row.text, row.actual_columns))
        else:
            ragged.append((row.number - 1, "", 0))
        return "skip"

    names = [str(place) for place in range(len(text.header))]
    body = pa.py_buffer(memoryview(text.data)[text.start :])
    if not bytes(memoryview(text.data)[text.start : text.start + 4096]).strip() and not text.data[text.start :].strip():
        return pa.table({name: pa.array([], _CODES) for name in names}), []
    types = dict.fromkeys(names, _CODES)
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(body),
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=_block(text), column_names=names),
            parse_options=pa_csv.ParseOptions(
                delimiter=text.delimiter, newlines_in_values=text.quoted, invalid_row_handler=skip
            ),
            convert_options=pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False, null_values=[]),
        )
    except pa.ArrowInvalid as error:
        raise UnreadableError("has a line that is too long to be a row of a table", "export the table again") from error
    return table.unify_dictionaries().combine_chunks(), ragged


def _block(text: Text) -> int:
    """A record must fit into a block; with quotes it may span lines, so a small file is one block."""
    return max(_BLOCK, min(len(text.data), 1 << 30) if text.quoted and len(text.data) < 1 << 26 else 0)


def _coded(column: pa.ChunkedArray) -> Coded:
    """Different texts, trimmed, and the code of each row."""
    chunk = column.chunk(0) if column.num_chunks else pa.array([], _CODES)
    codes = chunk.indices.to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    words = np.array([word.strip() for word in chunk.dictionary.to_pylist()], dtype=object)
    return words, codes


def _report_ragged(ragged: list[tuple[int, str, int]], good: int, text: Text, faults: Faults) -> bool:
    """One fault a record with too few or too many cells; one for the file, and False, if most are so alike."""
    broken = [entry for entry in ragged if entry[1]]
    alike = len({cells for _, _, cells in broken}) == 1
    misfit = alike and len(broken) > (max(3, good) if good else 0)
    for record, row, cells in broken[:1] if misfit else broken:
        rule = f"has {_cells(cells)} where the header has {len(text.header)}{', as most rows do' if misfit else ''}"
        faults.add(Cell(record, "", row, rule, _ragged_hint(text, cells, len(text.header))))
    return not misfit


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _ragged_hint(text: Text, cells: int, width: int) -> str:
    if cells < width:
        return "separate header and rows by the same mark" if cells == 1 else "is the row cut off?"
    if text.delimiter == ",":
        return "quote texts and decimal commas, or separate by semicolons"
    return "quote texts that hold the delimiter"


# values


def _without_blank_rows(raw: Raw) -> Raw:
    """Rows in which every cell is empty, as Excel leaves them behind, are no rows."""
    blank = np.ones(len(raw.records), bool)
    for words, codes in raw.columns.values():
        empty = words == ""
        if not empty.any():
            return raw
        blank &= empty[codes]
    if not blank.any():
        return raw
    kept = {name: (words, codes[~blank]) for name, (words, codes) in raw.columns.items()}
    records = np.arange(len(blank)) if isinstance(raw.records, range) else np.asarray(raw.records)
    return replace(raw, columns=kept, records=records[~blank])


def _values(raw: Raw, contract: Table, faults: Faults) -> dict[str, Any]:
    known = {column.name: column for column in contract.columns}
    mark = _file_mark(raw, known)
    values: dict[str, Any] = {}
    for name, (words, codes) in raw.columns.items():
        column = known.get(name)
        parsed = parse(column, words, mark) if column else Parsed(words)
        if column:
            _report(column, words, codes, parsed, raw, faults)
            _report_empty(contract.name, column, words, codes, raw, faults)
        spread = column is None or is_text(column)
        values[name] = categorical(codes, parsed.values) if spread and contract.name in BIG else parsed.values[codes]
    return values


def _file_mark(raw: Raw, known: Mapping[str, Column]) -> Mark:
    """The decimal mark that the file shows in any of its numbers; none if it shows both or neither."""
    numbers = [words for name, (words, _) in raw.columns.items() if name in known and _is_number(known[name])]
    marks = {column_mark(words) for words in numbers} - {""}
    return marks.pop() if len(marks) == 1 else ""


def _is_number(column: Column) -> bool:
    return column.type in ("number", "integer", "share")


def _report(
    column: Column,
    words: npt.NDArray[np.object_],
    codes: npt.NDArray[np.int32],
    parsed: Parsed,
    raw: Raw,
    faults: Faults,
) -> None:
    """Every row that holds a faulty text; a fault of the whole column only where it is first met."""
    if not parsed.faults:
        return
    faulty = np.zeros(len(words) + 1, bool)
    faulty[list(parsed.faults)] = True
    rows = np.flatnonzero(faulty[codes])
    once = [index for index, fault in parsed.faults.items() if fault.once]
    for index in once:
        rows = np.delete(rows, np.flatnonzero(codes[rows] == index)[1:])

    def describe(row: int) -> Cell:
        code = int(codes[row])
        fault: Fault = parsed.faults[code]
        return Cell(int(raw.records[row]), column.name, str(words[code]), fault.rule, fault.hint)

    faults.add_rows(rows, describe)


def _report_empty(
    table: str,
    column: Column,
    words: npt.NDArray[np.object_],
    codes: npt.NDArray[np.int32],
    raw: Raw,
    faults: Faults,
) -> None:
    if not column.required or (table, column.name) in MAY_BE_EMPTY or column.default is not None:
        return
    empty = words == ""
    if not empty.any():
        return
    hint = f"every row of {table} needs it"
    faults.add_rows(
        np.flatnonzero(empty[codes]), lambda row: Cell(int(raw.records[row]), column.name, "", "is empty", hint)
    )
