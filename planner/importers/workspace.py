"""The workspace that an import leaves behind: data/, planner.toml and two scenarios, whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from planner.dataset import validate
from planner.errors import DataError, Issue, UsageError
from planner.files import plain_errors
from planner.importers.draft import Draft
from planner.tables import TABLES

CSV_ROWS = 200_000
SURGE_WEEKS = 8
ABANDONED_AFTER_SECONDS = 86_400
BASE = 'title = "The plan as imported"\n'
DRAFT_PREFIX = ".importing-"


def check_target(into: Path, source: str, over: bool) -> None:
    """Raises UsageError where `into` holds anything but a workspace imported from the same source, unless `over`."""
    if into.exists() and not into.is_dir():
        raise UsageError(f"{into} is a file, not a folder", "name a folder with --into DIR")
    if over or not into.is_dir() or not any(_visible(into)):
        return
    before = _before(into).get("assumptions", {}).get("source")
    if before != source:
        what = f"a workspace imported from {before}" if before else "files that no import wrote"
        raise UsageError(
            f"{into} holds {what}", "name an empty folder with --into DIR, or say --yes to replace its data"
        )


def write(draft: Draft, into: Path, source: str, say: Callable[[str], None]) -> tuple[dict[str, int], dict[str, str]]:
    """Write data/, planner.toml, and the scenarios that are not there yet. Returns rows by table, and assumptions."""
    assumptions = {"source": source} | dict(draft.assumptions)
    with plain_errors(into), _beside(into) as folder:
        rows = {}
        for name, parts in draft.tables.items():
            say(f"writing {name}")
            rows[name] = _write_table(parts, folder / "data", name)
        if not rows.get(draft.main):
            raise DataError([Issue(f"{source} files", None, "", "", f"hold no {draft.main}", "check the folder")])
        if draft.lines:
            say("checking the tables")
            _check(folder / "data", draft.lines)
        (folder / "planner.toml").write_text(settings_text(draft, assumptions), encoding="utf-8", newline="\n")
        _write_scenarios(draft.as_of, into, folder)
        _swap(folder, into)
    return rows, assumptions


def _check(data: Path, lines: Mapping[str, pd.DataFrame]) -> None:
    """Raises DataError for faults in or between the tables, each named by the file and line that it came from."""
    report = validate(data)
    if report.total:
        hint = "mend the export, or leave rows out with `keep` and `drop` in the mapping"
        raise DataError([_at_home(issue, lines) for issue in report.issues], report.total, hint)


def _at_home(issue: Issue, lines: Mapping[str, pd.DataFrame]) -> Issue:
    """The issue with the place where people can mend it."""
    table = Path(issue.file).stem
    if table not in lines or issue.row is None or not 2 <= issue.row < len(lines[table]) + 2:
        return issue
    origin = lines[table].iloc[issue.row - 2]
    return replace(issue, file=str(origin["_file"]), row=int(origin["_line"]))


def settings_text(draft: Draft, assumptions: dict[str, str]) -> str:
    """planner.toml: what a plan of these tables has to know, and what was assumed."""
    sections: dict[str, dict[str, Any]] = {
        "plan": {"as_of": draft.as_of, "bucket": draft.bucket, "currency": draft.currency},
        "stock": dict(draft.stock),
        "assumptions": assumptions,
    }
    lines = [f"title = {_toml(draft.title)}"]
    for section, values in sections.items():
        if values:
            lines += ["", f"[{section}]", *(f"{_key(key)} = {_toml(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def surge_text(as_of: dt.date) -> str:
    """A scenario that works on every import: 30 % more demand for eight weeks from the as-of date on."""
    end = as_of + dt.timedelta(weeks=SURGE_WEEKS, days=-1)
    return (
        'title = "Demand surge: 30 % more for eight weeks"\n\n[[change]]\ntable = "demand"\ncolumn = "quantity"\n'
        f"from = {as_of}\nto = {end}\nscale = 1.3\n"
    )


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _toml(key)


def _visible(folder: Path) -> Iterator[Path]:
    return (path for path in folder.iterdir() if not path.name.startswith("."))


def _before(into: Path) -> dict[str, Any]:
    """planner.toml as it stands; empty where there is none or it cannot be read."""
    try:
        return tomllib.loads((into / "planner.toml").read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


@contextmanager
def _beside(into: Path) -> Iterator[Path]:
    """An empty folder on the same file system as the workspace; it is gone when the block ends, however it ends."""
    home = into if into.is_dir() else into.parent
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(f"{DRAFT_PREFIX}*"):
        if left.stat().st_mtime < time.time() - ABANDONED_AFTER_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=home))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _swap(folder: Path, into: Path) -> None:
    """Put the new files in place of the old ones; if that fails half way, the old ones come back."""
    if not into.exists():
        fresh = folder / "workspace"
        fresh.mkdir()
        for path in sorted(folder.iterdir()):
            if path != fresh:
                path.rename(fresh / path.name)
        fresh.rename(into)
        return
    old = folder / "old"
    old.mkdir()
    moved: list[str] = []
    try:
        for name in ("data", "planner.toml"):
            if (into / name).exists():
                (into / name).rename(old / name)
            moved.append(name)
            (folder / name).rename(into / name)
    except BaseException:
        for name in moved:
            if (old / name).exists():
                _discard(into / name)
                (old / name).rename(into / name)
        raise
    (into / "scenarios").mkdir(exist_ok=True)
    for path in sorted((folder / "scenarios").iterdir()):
        path.replace(into / "scenarios" / path.name)


def _discard(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_scenarios(as_of: dt.date, into: Path, folder: Path) -> None:
    """base and demand-surge, unless the workspace has its own: a surge nobody touched moves with the as-of date."""
    (folder / "scenarios").mkdir()
    if not (into / "scenarios" / "base.toml").exists():
        (folder / "scenarios" / "base.toml").write_text(BASE, encoding="utf-8", newline="\n")
    own = into / "scenarios" / "demand-surge.toml"
    before = _before(into).get("plan", {}).get("as_of")
    untouched = isinstance(before, dt.date) and own.is_file() and own.read_bytes() == surge_text(before).encode()
    if not own.exists() or untouched:
        (folder / "scenarios" / own.name).write_text(surge_text(as_of), encoding="utf-8", newline="\n")


def _write_table(parts: Any, data: Path, name: str) -> int:
    """One frame becomes CSV, or Parquet where it is large; several frames become a folder of Parquet parts."""
    data.mkdir(parents=True, exist_ok=True)
    if isinstance(parts, pd.DataFrame):
        parts = parts[_contract_order(name, list(parts.columns))]
        if len(parts) > CSV_ROWS:
            _parquet(parts, data / f"{name}.parquet")
        else:
            _csv(parts, data / f"{name}.csv")
        return len(parts)
    (data / name).mkdir()
    rows = 0
    for number, part in enumerate(parts):
        _parquet(part, data / name / f"part-{number:03d}.parquet")
        rows += len(part)
    return rows


def _contract_order(name: str, columns: list[str]) -> list[str]:
    """The contract's own columns in its order, then the extra ones."""
    known = [column for column in TABLES[name].names if column in columns]
    return [*known, *(column for column in columns if column not in known)]


def _parquet(frame: pd.DataFrame, path: Path) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)
    pq.write_table(table.replace_schema_metadata(None), path, compression="zstd", row_group_size=1 << 20)


def _csv(frame: pd.DataFrame, path: Path) -> None:
    plain = frame.astype({name: object for name in frame.columns if isinstance(frame[name].dtype, pd.CategoricalDtype)})
    table = pa.Table.from_pandas(plain, preserve_index=False, nthreads=1)
    for index, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type) and bool(
            (frame[column.name].dropna().dt.normalize() == frame[column.name].dropna()).all()
        ):
            table = table.set_column(index, column.name, table.column(index).cast(pa.date32()))
    pyarrow.csv.write_csv(table, path)
