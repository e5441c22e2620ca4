"""mapping.toml of a foreign export: which file is which table, and which of its columns is which word.

[workspace]                     # all of it optional
title = "Our shop"
as_of = 2026-03-02              # else the bucket after the last sale
bucket = "week"
currency = "EUR"

[tables.sales]                  # or [[tables.sales]], once for each layout
file = "VBRP_*.csv"             # one file or a pattern; delimiter and encoding are recognised
columns = { date = "Datum", sku = "Material", quantity = "Menge" }
constants = { warehouse = "LEJ" }
keep = { Bewegungsart = ["601", "602"] }    # only rows with these values
drop = { Material = ["Summe"] }             # no rows with these values
values = { warehouse = { "1000" = "LEJ" } } # their codes -> ours
scale = { quantity = 12 }                   # their unit -> ours: cases of 12
date_format = "%d.%m.%Y"                    # else recognised
decimal = ","                               # else recognised
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planner.errors import UsageError
from planner.intake.cells import Mark, nearest
from planner.periods import BUCKETS, Bucket
from planner.tables import TABLES

TOP = ("workspace", "tables")
WORKSPACE = ("title", "as_of", "bucket", "currency")
KEYS = ("file", "columns", "constants", "keep", "drop", "values", "scale", "date_format", "decimal")


@dataclass(frozen=True)
class Entry:
    """One layout of one table. `columns`: our word -> their header; `keep` and `drop`: their header -> values."""

    table: str
    file: str
    columns: Mapping[str, str]
    constants: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    drop: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    date_format: str = ""
    decimal: Mark = ""

    @property
    def headers(self) -> list[str]:
        """Every header that the entry names, each once."""
        return list(dict.fromkeys([*self.columns.values(), *self.keep, *self.drop]))


@dataclass(frozen=True)
class Plan:
    """The whole mapping. `as_of` None: the bucket after the last sale."""

    title: str
    as_of: dt.date | None
    bucket: Bucket
    currency: str
    entries: tuple[Entry, ...]


def read_mapping(path: Path) -> Plan:
    """Raises UsageError for a mapping that is missing, is not TOML, or names what does not exist."""
    body = _body(path)
    _known(body, TOP, path.name)
    workspace = _section(body.get("workspace", {}), f"{path.name} [workspace]")
    _known(workspace, WORKSPACE, f"{path.name} [workspace]")
    bucket, as_of = str(workspace.get("bucket", "week")), workspace.get("as_of")
    if bucket not in BUCKETS:
        raise UsageError(f"{path.name}: bucket = {bucket!r} is not known", f"write {', '.join(BUCKETS)}")
    if as_of is not None and type(as_of) is not dt.date:
        raise UsageError(f"{path.name}: as_of = {as_of!r} is not a date", "write as_of = 2026-03-02, without quotes")
    tables = _section(body.get("tables", {}), f"{path.name} [tables]")
    entries = tuple(
        _entry(name, entry, f"{path.name} [tables.{name}]")
        for name, entries in tables.items()
        for entry in (entries if isinstance(entries, list) else [entries])
    )
    if not any(entry.table == "sales" for entry in entries):
        raise UsageError(f"{path.name} maps no sales", "add [tables.sales] with file and columns")
    currency = str(workspace.get("currency", "EUR"))
    return Plan(str(workspace.get("title", "Imported")), as_of, bucket, currency, entries)


def _body(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        hint = "planner import csv FOLDER --write-mapping --into DIR writes one to start from"
        raise UsageError(f"there is no mapping {path}", hint) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path.name} is not valid TOML: {error}", 'write text in quotes: sku = "Material"') from None


def _entry(table: str, body: Any, where: str) -> Entry:
    if table not in TABLES:
        raise UsageError(f"{where}: there is no table {table!r}", nearest(table, TABLES, "planner schema lists them"))
    body = _section(body, where)
    _known(body, KEYS, where)
    columns = {word: str(header) for word, header in _section(body.get("columns", {}), where).items()}
    constants = {word: _plain(value) for word, value in _section(body.get("constants", {}), where).items()}
    twice = sorted(set(columns) & set(constants))
    if twice:
        raise UsageError(f"{where}: {twice[0]} stands in columns and in constants", "keep one of the two")
    lacking = [word for word in TABLES[table].required if word not in columns and word not in constants]
    if lacking:
        raise UsageError(f"{where}: {', '.join(lacking)} is not mapped", f"planner schema {table} says what it means")
    if not body.get("file"):
        raise UsageError(f"{where}: `file` is missing", 'write file = "sales.csv", or a pattern such as "sales_*.csv"')
    entry = Entry(
        table,
        str(body["file"]),
        columns,
        constants,
        _choices(body.get("keep", {}), where),
        _choices(body.get("drop", {}), where),
        {word: _words(pairs, where) for word, pairs in _section(body.get("values", {}), where).items()},
        _factors(body.get("scale", {}), where),
        str(body.get("date_format", "")),
        _mark(body.get("decimal", ""), where),
    )
    _mapped(entry, where)
    return entry


def _mapped(entry: Entry, where: str) -> None:
    """What is scaled or translated has to be a column that is mapped; what is scaled a number."""
    for word in [*entry.values, *entry.scale]:
        if word not in entry.columns:
            raise UsageError(f"{where}: {word} is not among its columns", nearest(word, entry.columns))
    numbers = [column.name for column in TABLES[entry.table].columns if column.type in ("number", "integer", "share")]
    for word in entry.scale:
        if word not in numbers:
            raise UsageError(f"{where}: {word} is no number that could be scaled", f"numbers: {', '.join(numbers)}")


def _section(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UsageError(f"{where}: {value!r} is not a table", "write name = value pairs, in braces or below a heading")
    return value


def _known(body: Mapping[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in body:
        if name not in names:
            raise UsageError(f"{where}: there is no key {name!r}", nearest(name, names, f"known: {', '.join(names)}"))


def _choices(value: Any, where: str) -> dict[str, tuple[str, ...]]:
    return {
        header: tuple(_plain(word) for word in (words if isinstance(words, list) else [words]))
        for header, words in _section(value, where).items()
    }


def _words(value: Any, where: str) -> dict[str, str]:
    return {theirs: _plain(ours) for theirs, ours in _section(value, where).items()}


def _factors(value: Any, where: str) -> dict[str, float]:
    factors = _section(value, where)
    for word, factor in factors.items():
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < 1e12:
            raise UsageError(f"{where}: scale.{word} = {factor!r} is not a factor", "write scale = { quantity = 12 }")
    return {word: float(factor) for word, factor in factors.items()}


def _mark(value: Any, where: str) -> Mark:
    if value not in (".", ",", ""):
        raise UsageError(f"{where}: decimal = {value!r} is not known", 'write decimal = "," or decimal = "."')
    mark: Mark = value
    return mark


def _plain(value: Any) -> str:
    """A TOML value as it would stand in a cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
