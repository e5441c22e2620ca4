"""Scenarios: a few lines of TOML on top of planner.toml.

A scenario changes settings and selections of data; two changes of one key are an error that names both, and every
change that is applied is logged old -> new.
"""

from __future__ import annotations

import datetime as dt
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from planner.errors import UsageError
from planner.settings import (
    Applied,
    Settings,
    flatten,
    merge,
    merge_environment,
    nearest,
    only,
    put,
    read_as,
    read_toml,
)

Operation = Literal["set", "add", "scale", "remove"]


@dataclass(frozen=True)
class Change:
    """One change of data: in `table`, rows that fit `where` (and start within from..to), `column` by one operation."""

    table: str
    column: str
    operation: Operation
    amount: str | float | bool | None
    where: tuple[tuple[str, tuple[str, ...]], ...]
    start: dt.date | None
    end: dt.date | None
    by: str

    def describe(self) -> str:
        where = ", ".join(f"{name}={'|'.join(values)}" for name, values in self.where) or "all rows"
        span = f" {self.start or ''}..{self.end or ''}" if self.start or self.end else ""
        what = f"{self.table}.{self.column}" if self.column else self.table
        return f"{what} {self.operation} {'' if self.amount is None else self.amount} where {where}{span}".strip()


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    settings: Settings
    changes: tuple[Change, ...]
    log: tuple[Applied, ...]


def resolve(
    root: Path, scenario: str = "base", flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Scenario:
    """Settings and data changes of one scenario of the workspace at `root`.

    Raises UsageError for an unknown key (naming the nearest), a wrong type, a loop in `extends`, or two changes of
    one key.
    """
    settings = merge(Settings(), read_toml(root / "planner.toml"), "planner.toml")
    settings = merge_environment(settings, os.environ if environ is None else environ)
    chain = _chain(root, scenario)
    log: list[Applied] = []
    changes: list[Change] = []
    seen: dict[str, str] = {}
    for name, body in chain:
        source = f"scenarios/{name}.toml"
        for key, value in flatten(body.get("settings", {}), source):
            _claim(seen, key, source)
            settings = put(settings, key, value, source, log)
        changes += [_change(entry, source) for entry in _entries(body, source)]
    for key, value in (flags or {}).items():
        settings = put(settings, key, value, "command line", log)
    _no_twins(changes)
    title = str(chain[-1][1].get("title", "")) if chain else ""
    return Scenario(scenario, title or scenario, settings, tuple(changes), tuple(log))


def scenario_names(root: Path) -> list[str]:
    """Every scenario of the workspace; `base` exists even without a file."""
    return sorted({"base"} | {path.stem for path in (root / "scenarios").glob("*.toml")})


def scenario_title(root: Path, name: str) -> tuple[str, str]:
    """Title and parents of a scenario, as written."""
    body = read_toml(root / "scenarios" / f"{name}.toml")
    return str(body.get("title", name)), ", ".join(_parents(body, name))


def _chain(root: Path, scenario: str) -> list[tuple[str, dict[str, Any]]]:
    """The scenario and everything it extends, ancestors first, each once."""
    found: dict[str, dict[str, Any]] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise UsageError(f"scenario {path[0]} extends itself: {' -> '.join((*path, name))}", "remove one `extends`")
        file = root / "scenarios" / f"{name}.toml"
        if not file.exists() and name != "base":
            raise UsageError(f"there is no scenario {name!r}", nearest(name, scenario_names(root)))
        body = read_toml(file)
        only(body, ("title", "extends", "settings", "change"), f"scenarios/{name}.toml")
        if not isinstance(body.get("title", ""), str):
            raise UsageError(f"scenarios/{name}.toml: title = {body['title']!r} is not a text", 'write title = "..."')
        for parent in _parents(body, name):
            visit(parent, (*path, name))
        found.setdefault(name, body)

    visit(scenario, ())
    return list(found.items())


def _parents(body: Mapping[str, Any], name: str) -> list[str]:
    extends = body.get("extends", [] if name == "base" else ["base"])
    parents = [extends] if isinstance(extends, str) else extends
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise UsageError(f"scenarios/{name}.toml: extends = {extends!r} names no scenario", 'write extends = "base"')
    return parents


def _claim(seen: dict[str, str], key: str, source: str) -> None:
    if key in seen:
        raise UsageError(f"{key} is changed twice: in {seen[key]} and in {source}", "keep one of the two")
    seen[key] = source


def _no_twins(changes: list[Change]) -> None:
    seen: dict[str, str] = {}
    for change in changes:
        where = ", ".join(f"{name}={'|'.join(values)}" for name, values in change.where) or "all rows"
        _claim(
            seen, f"{change.table}.{change.column} ({where}) {change.start or ''}{change.end or ''}".strip(), change.by
        )


def _entries(body: Mapping[str, Any], source: str) -> list[dict[str, Any]]:
    entries = body.get("change", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UsageError(f"{source}: `change` must be a list", "write [[change]]")
    return entries


def _change(entry: Mapping[str, Any], source: str) -> Change:
    only(entry, ("table", "column", "where", "from", "to", "set", "add", "scale", "remove"), source)
    operations = [name for name in ("set", "add", "scale", "remove") if name in entry]
    if len(operations) != 1 or "table" not in entry:
        raise UsageError(
            f"{source}: a change needs a table and one of set, add, scale, remove", "see scenarios/port-delay.toml"
        )
    operation = cast(Operation, operations[0])
    table = str(entry["table"])
    column = str(entry.get("column", "quantity" if table == "demand" else ""))
    if operation == "remove":
        if entry["remove"] is not True or column:
            raise UsageError(f"{source}: `remove` takes `true` and no column", "write remove = true")
    elif not column:
        raise UsageError(f"{source}: the change of {table} names no column", 'write column = "lead_days"')
    amount = None if operation == "remove" else _amount(entry[operation], operation, source)
    if operation == "scale" and isinstance(amount, float) and amount < 0:
        raise UsageError(f"{source}: scale = {amount:g} is below 0", "write 0 or more; 1.2 is a fifth more")
    return Change(
        table,
        column,
        operation,
        amount,
        _where(entry, source),
        _date(entry, "from", source),
        _date(entry, "to", source),
        source,
    )


def _amount(value: Any, operation: str, source: str) -> str | float | bool:
    if operation in ("add", "scale"):
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise UsageError(f"{source}: {operation} = {value!r} is not a number", f"write {operation} = 1.2")
        return float(value)
    return value if isinstance(value, bool) else float(value) if isinstance(value, int | float) else str(value)


def _where(entry: Mapping[str, Any], source: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    where = entry.get("where", {})
    if not isinstance(where, dict):
        raise UsageError(f"{source}: `where` must be a table", 'write where = { category = "juice" }')
    return tuple(
        (name, tuple(str(value) for value in (values if isinstance(values, list) else [values])))
        for name, values in sorted(where.items())
    )


def _date(entry: Mapping[str, Any], name: str, source: str) -> dt.date | None:
    value = entry.get(name)
    if value is None:
        return None
    try:
        return read_as(value, dt.date)  # type: ignore[no-any-return]
    except ValueError:
        raise UsageError(f"{source}: {name} = {value!r} is not a date", "write 2026-03-02") from None
