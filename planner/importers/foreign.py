"""One foreign file -> columns by our words, typed, each row with the line it came from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.columns import Column
from planner.errors import Issue
from planner.importers.mapping import Entry
from planner.intake.cells import Parsed, nearest, parse
from planner.intake.dialects import Text, UnreadableError, open_text
from planner.tables import TABLES

SHOWN = 80
ORIGIN = ("_file", "_line")


class Reader:
    """Reads files by one entry of the mapping, and gathers what is wrong with them."""

    def __init__(self, entry: Entry, keep: int = 100) -> None:
        self.entry = entry
        self.keep = keep
        self.issues: list[Issue] = []
        self.total = 0
        self.unused: dict[str, None] = {}

    def read(self, path: Path, name: str) -> pd.DataFrame:
        """The rows of one file with our words, and the columns _file and _line; without rows if it is faulty."""
        try:
            text = open_text(path, self.entry.headers or [""])
        except UnreadableError as error:
            self._add([Issue(name, error.row, "", error.value, error.message, error.hint)])
            return pd.DataFrame()
        place = {header: number for number, header in reversed(list(enumerate(text.header)))}
        lacking = [header for header in self.entry.headers if header not in place]
        if lacking:
            here = ", ".join(filter(None, text.header))[: 2 * SHOWN]
            hints = {header: nearest(header, text.header, f"columns here: {here}") for header in lacking}
            self._add(Issue(name, text.header_line, header, "", "is missing", hints[header]) for header in lacking)
            return pd.DataFrame()
        self.unused |= dict.fromkeys(header for header in text.header if header and header not in self.entry.headers)
        cells, lines = self._rows(text, name)
        columns = {
            header: np.array([row[place[header]] for row in cells], dtype=object) for header in self.entry.headers
        }
        kept = self._kept(columns, len(cells))
        frame = {
            word: self._typed(word, columns[header][kept], header, lines[kept], name)
            for word, header in self.entry.columns.items()
        }
        frame |= {
            word: self._constant(word, value, int(kept.sum()), name) for word, value in self.entry.constants.items()
        }
        return pd.DataFrame(frame | {"_file": name, "_line": lines[kept]})

    def _rows(self, text: Text, name: str) -> tuple[list[list[str]], npt.NDArray[np.int64]]:
        """Rows with as many cells as the header has, trimmed, and their lines; blank rows are none."""
        width, cells, lines = len(text.header), [], []
        for row, line in _records(text):
            if len(row) == width and any(row):
                cells.append(row)
                lines.append(line)
            elif any(row):
                rule = f"has {len(row)} cells where the header has {width}"
                shown = text.delimiter.join(row)[:SHOWN]
                self._add([Issue(name, line, "", shown, rule, "quote texts that hold the delimiter")])
        return cells, np.array(lines, dtype=np.int64)

    def _kept(self, columns: dict[str, npt.NDArray[np.object_]], count: int) -> npt.NDArray[np.bool_]:
        kept = np.ones(count, dtype=bool)
        for header, words in self.entry.keep.items():
            kept &= np.isin(columns[header].astype(str), words)
        for header, words in self.entry.drop.items():
            kept &= ~np.isin(columns[header].astype(str), words)
        return kept

    def _typed(
        self, word: str, cells: npt.NDArray[np.object_], header: str, lines: npt.NDArray[np.int64], name: str
    ) -> npt.NDArray[Any]:
        """The cells as the contract's type; every row of a text that does not fit is an issue."""
        codes, texts = pd.factorize(cells)
        own = self.entry.values.get(word, {})
        texts = np.array([own.get(text, text) for text in texts], dtype=object)
        parsed = self._parsed(word, texts)
        for position, fault in parsed.faults.items():
            rows = np.flatnonzero(codes == position)[: 1 if fault.once else None]
            self.total += max(len(rows) - self.keep, 0)
            self._add(
                Issue(name, int(lines[row]), header, str(texts[position])[:SHOWN], fault.rule, fault.hint)
                for row in rows[: self.keep]
            )
        values = parsed.values[codes] if len(codes) else parsed.values
        return values * self.entry.scale[word] if word in self.entry.scale else values

    def _parsed(self, word: str, texts: npt.NDArray[np.object_]) -> Parsed:
        column = self._column(word)
        if column is None:
            return Parsed(texts)
        if column.type in ("number", "integer", "share"):
            texts = np.array([_leading_minus(text) for text in texts], dtype=object)
        if column.type in ("date", "datetime") and self.entry.date_format:
            texts = _iso(texts, self.entry.date_format, column.type == "date")
        return parse(column, texts, self.entry.decimal)

    def _constant(self, word: str, value: str, count: int, name: str) -> npt.NDArray[Any]:
        parsed = self._parsed(word, np.array([value], dtype=object))
        self._add(
            Issue(name, None, word, value, f"the constant {fault.rule}", fault.hint) for fault in parsed.faults.values()
        )
        return np.repeat(parsed.values, count)

    def _column(self, word: str) -> Column | None:
        contract = TABLES[self.entry.table]
        return contract.column(word) if word in contract.names else None

    def _add(self, issues: Iterable[Issue]) -> None:
        for issue in issues:
            self.total += 1
            if len(self.issues) < self.keep:
                self.issues.append(issue)


def _records(text: Text) -> Iterator[tuple[list[str], int]]:
    """Each record with the line it starts on."""
    stream = io.TextIOWrapper(io.BytesIO(text.data[text.start :]), encoding="utf-8", newline="")
    reader = csv.reader(stream, delimiter=text.delimiter)
    before = 0
    for row in reader:
        yield [cell.strip() for cell in row], text.line + before
        before = reader.line_num


def _leading_minus(text: str) -> str:
    """Some systems write the minus behind the number: 12,5-"""
    return f"-{text[:-1].strip()}" if text.endswith("-") and text[:1].isdigit() else text


def _iso(texts: npt.NDArray[np.object_], form: str, day: bool) -> npt.NDArray[np.object_]:
    """Dates of the given form as ISO texts; what does not fit stays as it is, to be refused by its value."""
    dates = pd.to_datetime(pd.Series(texts, dtype=object), format=form, errors="coerce")
    iso = dates.dt.strftime("%Y-%m-%d" if day else "%Y-%m-%dT%H:%M:%S").to_numpy(dtype=object)
    return np.where(dates.notna().to_numpy(), iso, [f"{text} (not {form})" if text else "" for text in texts])


def header_of(path: Path, words: Sequence[str]) -> tuple[str, ...]:
    """The header of a file; empty where the file is no table that can be read."""
    try:
        return open_text(path, words).header
    except UnreadableError:
        return ()
