"""The contracts in words: for `planner schema` and for data/README.md."""

from __future__ import annotations

from collections.abc import Iterator

from planner.columns import Column
from planner.tables import NEEDS, TABLES, Table

_TYPES = {
    "text": "text",
    "integer": "whole number",
    "number": "number",
    "date": "date",
    "datetime": "date and time",
    "time": "time of day",
    "flag": "flag",
    "share": "flag or share",
    "weekdays": "weekdays",
}
_RULES = {
    "flag": "true or false",
    "share": "true, false, or 0 to 1",
    "time": "hh:mm",
    "weekdays": "mon tue wed thu fri sat sun",
    "date": "1990 to 2100",
    "datetime": "1990 to 2100",
}
_INTRODUCTION = """# The tables in this folder

One table is one file, `NAME.csv`, `NAME.csv.gz` or `NAME.parquet`, or a folder `NAME/` of such files (its parts).
The first line names the columns, in any order; case and spaces do not matter (`On Hand` is `on_hand`).
Columns in bold are required, every other one may be left out or empty. Further columns are kept and not used.

- Separated by comma, semicolon or tab; UTF-8, UTF-16, GBK or cp1252. A decimal comma is read where the column shows it.
- Dates as 2024-04-15, 2024/04/15, 15.04.2024, 20240415 or Excel's number. 03/04/2024 only where another date of the
  column tells day from month.
- Codes are texts: leading zeros stay. A week is named by its Monday, a month by its first day.
- From a series' first row (or its listed_from) to the as-of date a missing bucket is zero sales; an empty quantity is
  unknown.

`planner validate` lists every fault with file, row and column; `planner schema TABLE` shows one table.
"""


def schema_rows(table: str | None = None) -> list[dict[str, str]]:
    """One row a column, of one table or of all: table, column, type, unit, required, default, rule, text."""
    tables = [TABLES[table]] if table else list(TABLES.values())
    return [_row(contract, column) for contract in tables for column in contract.columns]


def data_readme() -> str:
    """The text of data/README.md: how tables are written, what each command needs, and every table."""
    parts = [_INTRODUCTION, "\n".join(_needs()), ""]
    for group in dict.fromkeys(table.group for table in TABLES.values()):
        parts += [f"## {group}", ""]
        parts += [line for table in TABLES.values() if table.group == group for line in _section(table)]
    return "\n".join(parts).rstrip() + "\n"


def rule(column: Column) -> str:
    """What a cell has to be, in words; "" where anything goes."""
    if column.choices:
        return f"one of {', '.join(column.choices)}"
    if column.refers:
        return f"in {column.refers}"
    low = f"{column.minimum:g}" if column.minimum is not None else ""
    high = f"{column.maximum:g}" if column.maximum is not None else ""
    if column.name == "week":
        return "a Monday"
    span = f"{low} to {high}" if low and high else f"{low} or more" if low else f"at most {high}" if high else ""
    return span or _RULES.get(column.type, "")


def _row(table: Table, column: Column) -> dict[str, str]:
    return {
        "table": table.name,
        "column": column.name,
        "type": _TYPES[column.type],
        "unit": column.unit,
        "required": "yes" if column.required else "",
        "default": _default(column),
        "rule": rule(column),
        "text": column.text,
    }


def _default(column: Column) -> str:
    if column.default is None:
        return ""
    if isinstance(column.default, bool):
        return str(column.default).lower()
    return f"{column.default:g}" if isinstance(column.default, float) else str(column.default)


def _needs() -> Iterator[str]:
    yield "| command | tables it cannot do without |"
    yield "|---|---|"
    for command, names in NEEDS.items():
        yield f"| `planner {command}` | {', '.join(names)} |"


def _section(table: Table) -> Iterator[str]:
    yield f"### {table.name}"
    yield ""
    key = f" No two rows share {', '.join(table.key)}." if table.key else ""
    yield f"{table.text}.{key}"
    yield ""
    yield "| column | type | unit | default | rule | what it is |"
    yield "|---|---|---|---|---|---|"
    for column in table.columns:
        name = f"**{column.name}**" if column.required else column.name
        cells = (name, _TYPES[column.type], column.unit, _default(column), rule(column), column.text)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""
