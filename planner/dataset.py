"""A folder of tables -> Dataset, or every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from planner.errors import DataError, Issue, PlannerError, UsageError
from planner.intake.cache import Stored, TableCache
from planner.intake.cells import nearest
from planner.intake.checks import cross_check
from planner.intake.findings import Body, RowFault, shown
from planner.intake.frames import conform, empty_frame, fingerprint, stack
from planner.intake.reading import Part, part_lines, read_part
from planner.intake.sources import Source, scan, take_inventory
from planner.tables import NEEDS, TABLES

__all__ = ["Dataset", "Report", "Source", "known", "load", "scan", "validate"]

Loader = Callable[[], pd.DataFrame]
Place = tuple[str, int | None]
Locate = Callable[[Sequence[int]], Mapping[int, Place]]


class Dataset:
    """The tables of a workspace: `dataset["sales"]` reads a table when it is first asked for, and once.

    An absent table gives a frame without rows but with every column. Frames are shared: copy before changing one.
    """

    def __init__(
        self, loaders: Mapping[str, Loader], digests: Mapping[str, str], notes: tuple[str, ...] = (),
        locate: Mapping[str, Locate] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self._loaders = dict(loaders)
        self._frames: dict[str, pd.DataFrame] = {}
        self._locate = dict(locate)
        self.digests: Mapping[str, str] = MappingProxyType(dict(sorted(digests.items())))
        self.notes = notes

    @classmethod
    def from_frames(cls, frames: Mapping[str, pd.DataFrame]) -> Dataset:
        """A dataset of frames made in memory; missing columns of the contract are filled in."""
        tables = {known(name): conform(name, frame) for name, frame in frames.items()}
        return cls({}, {}).with_tables({name: (frame, fingerprint(name, frame)) for name, frame in tables.items()})

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            loader = self._loaders.get(known(name))
            self._frames[name] = loader() if loader else empty_frame(name)
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the tables that are there, in the order of the contracts."""
        return (name for name in TABLES if self.has(name))

    def has(self, name: str) -> bool:
        """Whether the table is there, be it without rows."""
        return known(name) in self.digests

    def with_tables(self, tables: Mapping[str, tuple[pd.DataFrame, str]]) -> Dataset:
        """The same dataset with some tables replaced, each by a frame and its digest.

        Where rows were removed or added, nobody knows any more in which line of a file the others stand.
        """
        digests = {**self.digests, **{known(n): digest for n, (_, digest) in tables.items()}}
        moved = {name for name, frame in self._frames.items() if name in tables and len(tables[name][0]) != len(frame)}
        locate = {name: found for name, found in self._locate.items() if name not in moved}
        other = Dataset(self._loaders, digests, self.notes, locate)
        other._frames = {**self._frames, **{name: frame for name, (frame, _) in tables.items()}}
        return other

    def only(self, names: Iterable[str]) -> Dataset:
        """The same dataset without any table but these; they are still read when asked for."""
        present = [name for name in names if self.has(name)]
        return Dataset(
            {name: partial(self.__getitem__, name) for name in present},
            {name: self.digests[name] for name in present},
            self.notes,
            {name: found for name, found in self._locate.items() if name in present},
        )

    def cells(self, table: str, column: str, rows: Sequence[int]) -> list[str]:
        """Where cells stand and what is in them, by the place of their row: `sourcing.csv, row 3, column moq: 24`.

        A table made in memory is called by its name, without a line.
        """
        locate = self._locate.get(known(table))
        places = locate(sorted(set(rows))) if locate and rows else {}
        values = self[table][column]
        told = []
        for row in rows:
            file, line = places.get(row, (table, None))
            value = values.iloc[row]
            text = "empty" if pd.isna(value) else shown(value) or "empty"
            told.append(f"{Issue(file, line, column, '', '', '').where()}: {text}")
        return told

    def require(self, command: str) -> None:
        """Raises DataError if a table that `command` needs (tables.NEEDS) is not there: one issue each."""
        lacking = [name for name in NEEDS[command] if not self.has(name)]
        issues = [
            Issue(f"{name}.csv", None, "", "", f"is missing: {command} needs it", f"planner schema {name}")
            for name in lacking
        ]
        if issues:
            raise DataError(
                issues, hint="add the tables to data/ as CSV or Parquet, or write them with `planner import`"
            )


def known(name: str) -> str:
    """`name` itself if there is such a table; raises UsageError with the nearest one."""
    if name not in TABLES:
        raise UsageError(f"there is no table {name!r}", nearest(name, TABLES, "planner schema lists the tables"))
    return name


@dataclass(frozen=True)
class Report:
    """What validation found: the first `issues` by file, row and column, `total` of all, notes, rows per table."""

    issues: tuple[Issue, ...]
    total: int
    notes: tuple[str, ...]
    rows: Mapping[str, int]


def load(folder: Path, cache: Path | None = None, max_errors: int = 100) -> Dataset:
    """The tables of `folder`, checked. Parsed tables are kept as Parquet under `cache`, by their content.

    A set of tables that was found valid before is not checked again: its tables are read when asked for.
    Raises DataError with all faults (`max_errors` of them kept), PlannerError when `cache` cannot be written.
    """
    sources = scan(folder)
    store = TableCache(cache)
    digests = {name: source.digest for name, source in sources.items()}
    notes = store.notes_if_checked(digests)
    loaders = {name: partial(_frame, source, store) for name, source in sources.items()}
    locate = {name: partial(_places, source, store) for name, source in sources.items()}
    if notes is not None:
        return Dataset(loaders, digests, notes, locate)
    tables = {name: parse_table(source, store, max_errors) for name, source in sources.items()}
    issues, total = _all_faults(tables, tuple(tables), max_errors)
    if total:
        raise DataError(issues, total, hint="correct the tables; planner schema TABLE lists the columns")
    notes = _notes(tables)
    store.mark_checked(digests, notes)
    return Dataset(loaders, digests, notes, locate).with_tables(
        {name: (table.body.frame, digests[name]) for name, table in tables.items()}
    )


def validate(folder: Path, tables: Sequence[str] = (), *, max_errors: int = 100, cache: Path | None = None) -> Report:
    """Every fault of `tables` (all of the folder if none is named), be they in cells, keys or references.

    Raises UsageError when the folder cannot be read or a name is no table.
    """
    inventory = take_inventory(folder)
    wanted = tuple(known(name) for name in tables) or tuple(inventory.sources)
    store = TableCache(cache)
    parsed = {name: parse_table(source, store, max_errors) for name, source in inventory.sources.items()}
    present = tuple(name for name in wanted if name in parsed)
    issues, total = _all_faults(parsed, present, max_errors)
    general = inventory.issues + _absent(wanted, parsed, inventory.issues)
    notes = (*inventory.notes, *_notes({name: parsed[name] for name in present}))
    rows = {name: len(parsed[name].body.frame) for name in present}
    return Report(_first([*general, *issues], max_errors), total + len(general), notes, rows)


@dataclass(frozen=True)
class _Table:
    """A parsed table with the faults of its files; `rows` counts those of each part."""

    source: Source
    body: Body
    rows: tuple[int, ...]
    issues: tuple[Issue, ...] = ()
    total: int = 0
    extras: tuple[str, ...] = ()

    def places(self, wanted: Sequence[int]) -> dict[int, Place]:
        """File and line of rows of the frame."""
        found: dict[int, Place] = {}
        start = 0
        for path, name, count in zip(self.source.files, self.source.names, self.rows, strict=True):
            here = [row - start for row in wanted if start <= row < start + count]
            lines = part_lines(path, self.source.table, here) if here else {}
            found |= {row + start: (name, lines.get(row)) for row in here}
            start += count
        return found


def _frame(source: Source, store: TableCache) -> pd.DataFrame:
    """The frame of a table known to be valid: from the cache, else parsed again."""
    stored = store.get(source)
    if stored is not None:
        return stored.frame
    table = parse_table(source, store, keep=100)
    if table.total:
        raise DataError(table.issues, table.total)
    return table.body.frame


def _places(source: Source, store: TableCache, rows: Sequence[int]) -> dict[int, Place]:
    return parse_table(source, store, keep=100).places(rows)


def parse_table(source: Source, store: TableCache, keep: int) -> _Table:
    """One table from the cache, else from its files, of which the first `keep` faults are kept."""
    stored = store.get(source)
    if stored is not None:
        return _Table(source, Body(stored.frame), stored.rows, extras=stored.extras)
    parts = [read_part(path, name, source.table, keep) for path, name in zip(source.files, source.names, strict=True)]
    if not source.unchanged():
        raise PlannerError(f"{source.names[0]} was changed while it was read", "run it again")
    rows = tuple(len(part.frame) for part in parts)
    frame = stack(source.table, [part.frame for part in parts])
    total = sum(part.total for part in parts)
    extras = tuple(dict.fromkeys(name for part in parts for name in part.extras))
    if not total:
        store.put(source, Stored(frame, rows, extras))
    issues = tuple(issue for part in parts for issue in part.issues)
    return _Table(source, _body(parts, frame, rows), rows, issues, total, extras)


def _body(parts: list[Part], frame: pd.DataFrame, rows: tuple[int, ...]) -> Body:
    starts = np.cumsum((0, *rows))
    faulty = np.concatenate([part.faulty + start for part, start in zip(parts, starts, strict=False)])
    loose = {
        name: frozenset[str]().union(*(part.loose.get(name, frozenset()) for part in parts))
        for name in {name for part in parts for name in part.loose}
    }
    return Body(frame, faulty.astype(np.intp), loose, all(part.whole for part in parts))


def _all_faults(tables: Mapping[str, _Table], wanted: Sequence[str], keep: int) -> tuple[tuple[Issue, ...], int]:
    """Faults of the cells of the wanted tables, and those between rows and tables."""
    bodies = {name: table.body for name, table in tables.items()}
    between, count = cross_check(bodies, wanted, keep)
    issues = [issue for name in wanted for issue in tables[name].issues] + _located(between, tables)
    return _first(issues, keep), count + sum(tables[name].total for name in wanted)


def _located(faults: list[RowFault], tables: Mapping[str, _Table]) -> list[Issue]:
    """Faults with file and line; the files are read once more, up to the last row that is needed."""
    rows: dict[str, set[int]] = {}
    for fault in faults:
        rows.setdefault(fault.table, set()).update({fault.row, fault.row if fault.first is None else fault.first})
    places = {(name, row): at for name in rows for row, at in tables[name].places(sorted(rows[name])).items()}
    issues = []
    for fault in faults:
        file, line = places[fault.table, fault.row]
        rule = fault.rule
        if fault.first is not None:
            other, first = places[fault.table, fault.first]
            rule = rule.format(first=f"{first}{'' if other == file else f' of {other}'}")
        issues.append(Issue(file, line, fault.column, fault.value, rule, fault.hint))
    return issues


def _first(issues: Sequence[Issue], keep: int) -> tuple[Issue, ...]:
    ordered = sorted(issues, key=lambda issue: (issue.file, issue.row or 0, issue.column, issue.rule))
    return tuple(ordered[:keep])


def _absent(wanted: Sequence[str], parsed: Mapping[str, _Table], issues: Sequence[Issue]) -> list[Issue]:
    """Tables asked for that are not there, unless the folder's own faults explain it."""
    told = {issue.file.split(".")[0].rstrip("/").lower() for issue in issues}
    return [
        Issue(f"{name}.csv", None, "", "", "is missing", f"planner schema {name} lists its columns")
        for name in wanted
        if name not in parsed and name not in told
    ]


def _notes(tables: Mapping[str, _Table]) -> tuple[str, ...]:
    """Columns that no contract knows, once a table; further columns of item_features are features."""
    return tuple(
        f"{name}: columns that the contract does not know are kept: {', '.join(table.extras)}"
        for name, table in tables.items()
        if table.extras and name != "item_features"
    )
