"""What lies in a data folder: which files make up which table, and the digest of each table's content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from planner.errors import DataError, Issue, UsageError
from planner.intake.cells import nearest
from planner.tables import TABLES

ENDINGS = (".csv", ".csv.gz", ".parquet")
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Source:
    """The files of one table, parts in the order of their names; `names` is what faults call them."""

    table: str
    files: tuple[Path, ...]
    digest: str
    names: tuple[str, ...] = ()
    stamps: tuple[tuple[int, int], ...] = ()

    def unchanged(self) -> bool:
        """Whether the files are still those of which the digest was taken."""
        return self.stamps == tuple(_stamp(file) for file in self.files)


@dataclass
class Inventory:
    """`issues` are faults of the folder, `notes` what lies there without being a table."""

    sources: dict[str, Source] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def scan(folder: Path) -> dict[str, Source]:
    """The tables of a folder by name, in the order of the contracts.

    Raises UsageError when the folder cannot be read, DataError when it holds no table or two files for one.
    """
    inventory = take_inventory(folder)
    if inventory.issues:
        raise DataError(inventory.issues)
    return inventory.sources


def take_inventory(folder: Path) -> Inventory:
    """As `scan`, but the faults of the folder are returned."""
    inventory = Inventory()
    found: dict[str, list[tuple[str, Path]]] = {}
    for path in _entries(folder):
        table = _table_name(path)
        if table in TABLES and (path.is_dir() or _ending(path)):
            found.setdefault(table, []).append((path.name, path))
        elif path.name.lower() not in ("readme.md", "truth"):
            inventory.notes.append(_note(path))
    for table in (name for name in TABLES if name in found):
        _take(table, [path for _, path in found[table]], inventory)
    if not found:
        hint = "put sales.csv and the other tables there; planner schema lists them"
        inventory.issues.append(Issue(str(folder), None, "", "", "holds no table", hint))
    return inventory


def _take(table: str, paths: list[Path], inventory: Inventory) -> None:
    if len(paths) > 1:
        every = ", ".join(path.name for path in paths)
        rule = f"is one of {len(paths)} sources of the table {table}"
        inventory.issues.append(Issue(paths[0].name, None, "", every, rule, "keep one of them"))
        return
    files = _parts(paths[0], inventory) if paths[0].is_dir() else [paths[0]]
    if not files:
        rule = "holds no part of the table"
        inventory.issues.append(Issue(f"{paths[0].name}/", None, "", "", rule, "put .csv or .parquet files there"))
        return
    base = paths[0].parent
    names = tuple(file.relative_to(base).as_posix() for file in files)
    try:
        stamps = tuple(_stamp(file) for file in files)
        inventory.sources[table] = Source(table, tuple(files), _digest(table, files), names, stamps)
    except OSError as error:
        rule = f"cannot be read: {error.strerror}"
        inventory.issues.append(Issue(names[0], None, "", "", rule, "check the permissions of the file"))


def _entries(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "make it and put the tables there; planner schema lists them")
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise UsageError(f"cannot read {folder}: {error.strerror}", "check the permissions of the folder") from None
    return (path for path in entries if not path.name.startswith((".", "_")))


def _parts(folder: Path, inventory: Inventory) -> list[Path]:
    parts = []
    for path in _entries(folder):
        if _ending(path):
            parts.append(path)
        else:
            inventory.notes.append(f"{folder.name}/{path.name} is no part of a table and is not read")
    return parts


def _ending(path: Path) -> str:
    """The ending of a table's file, "" for anything else."""
    name = path.name.lower()
    return next((ending for ending in ENDINGS if name.endswith(ending) and path.is_file()), "")


def _table_name(path: Path) -> str:
    return path.name.lower().removesuffix(_ending(path)) if not path.is_dir() else path.name.lower()


def _note(path: Path) -> str:
    stem = path.name.split(".")[0].lower()
    if stem in TABLES and not path.is_dir():
        return f"{path.name} is not read: a table is {stem}.csv, {stem}.csv.gz, {stem}.parquet or a folder {stem}/"
    hint = nearest(stem, TABLES)
    return f"{path.name} is no table and is not read{f': {hint}' if hint else ''}"


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _digest(table: str, files: list[Path]) -> str:
    """sha256 over the table's name, and of each part its ending, its length and its content."""
    digest = hashlib.sha256(table.encode())
    for file in files:
        digest.update(f"\0{_ending(file)}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
