"""A workspace is a folder: it is found, its stages are cached by content, its runs appear whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from planner.errors import PlannerError, UsageError
from planner.files import digest_of, file_digest, whole_file, whole_folder
from planner.rounding import rounded

SETTINGS_FILE = "planner.toml"
KEPT_RESULTS = 24
ABANDONED_AFTER_SECONDS = 86_400


@dataclass(frozen=True)
class Result:
    """What a stage left behind: tables as Parquet, read when asked for, and a small record of plain values."""

    path: Path
    info: Mapping[str, Any]
    digests: Mapping[str, str]
    seconds: float
    fresh: bool

    def table(self, name: str) -> pd.DataFrame:
        return read_parquet(self.path / f"{name}.parquet")

    def digest(self, *names: str) -> str:
        """Content hash of some tables, or of all of them."""
        return digest_of(*(f"{name}:{self.digests[name]}" for name in (names or sorted(self.digests))))


@dataclass(frozen=True)
class Draft:
    """What a stage computed, before it is stored."""

    tables: Mapping[str, pd.DataFrame]
    info: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """One finished run: its folder, its manifest, its tables."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return read_json(self.path / "manifest.json", self.path)

    @cached_property
    def kpis(self) -> dict[str, float]:
        return read_json(self.path / "kpis.json", self.path)

    @property
    def scenario(self) -> str:
        return str(self.manifest["scenario"])

    @property
    def tables(self) -> tuple[str, ...]:
        return tuple(sorted(path.stem for path in self.path.glob("*.parquet")))

    def table(self, name: str) -> pd.DataFrame:
        path = self.path / f"{name}.parquet"
        return read_parquet(path) if path.exists() else pd.DataFrame()


class Workspace:
    """`root` holds planner.toml, data/, scenarios/ and reports/; what is computed on the way lies in .planner/."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / "data"
        self.reports = root / "reports"
        self.cache = root / ".planner" / "cache"

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """The workspace that `start` lies in. Raises UsageError where there is none up to the root."""
        start = start.resolve()
        if not start.is_dir():
            raise UsageError(f"there is no folder {start}", "name an existing workspace with -C DIR")
        for folder in (start, *start.parents):
            if (folder / SETTINGS_FILE).is_file():
                return cls(folder)
        raise UsageError(
            f"no workspace here: {start} and the folders above hold no {SETTINGS_FILE}",
            "planner init DIR --demo small makes one; -C DIR names one",
        )

    @classmethod
    def at(cls, folder: Path) -> Workspace:
        """The workspace that `folder` is, not one above it. Raises UsageError where it is none."""
        if folder.is_dir() and not (folder / SETTINGS_FILE).is_file():
            raise UsageError(
                f"{folder} is no workspace: it holds no {SETTINGS_FILE}",
                "planner init DIR makes one around your tables",
            )
        return cls.find(folder)

    def result(self, stage: str, key: str, compute: Callable[[], Draft]) -> Result:
        """The stage's result for this key: from the cache, or computed and stored whole."""
        target = self.cache / "stages" / stage / key[:32]
        fresh = not (target / "info.json").is_file()
        if fresh:
            begin = time.perf_counter()
            draft = compute()
            with whole_folder(target) as folder:
                _store(folder, draft, time.perf_counter() - begin)
            _drop_oldest(target.parent)
        else:
            os.utime(target)
        stored = read_json(target / "info.json", target)
        return Result(target, stored["info"], stored["digests"], stored["seconds"], fresh)

    def write_run(self, name: str, draft: Draft, copies: Mapping[str, Path], manifest: Mapping[str, Any]) -> Run:
        """Write a run folder whole: new tables from `draft`, stage tables copied from `copies`."""
        target = self.reports / name
        with whole_folder(target) as folder:
            for table, path in copies.items():
                shutil.copyfile(path, folder / f"{table}.parquet")
            for table, frame in draft.tables.items():
                write_parquet(frame, folder / f"{table}.parquet")
            digests = {path.stem: file_digest(path) for path in sorted(folder.glob("*.parquet"))}
            _write_json(folder / "kpis.json", draft.info)
            _write_json(folder / "manifest.json", {**manifest, "results": digests})
        self._make_newest(target / "manifest.json")
        return Run(target)

    def confirm(self, name: str) -> Run | None:
        """The finished run of that name, now the newest again; None where there is none."""
        manifest = self.reports / name / "manifest.json"
        if not manifest.is_file():
            return None
        self._make_newest(manifest)
        return Run(manifest.parent)

    def _make_newest(self, manifest: Path) -> None:
        """Later than every other run, also within one tick of the clock and after it was set back."""
        others = (path.stat().st_mtime_ns for path in self.reports.glob("[!.]*/manifest.json") if path != manifest)
        now = max(time.time_ns(), *(1 + stamp for stamp in others), 0)
        os.utime(manifest, ns=(now, now))

    def runs(self) -> list[Run]:
        """Every finished run, the newest first."""
        manifests = [(path.stat().st_mtime_ns, path.parent) for path in self.reports.glob("[!.]*/manifest.json")]
        return [Run(path) for _, path in sorted(manifests, reverse=True)]

    def latest(self, scenario: str | None = None, table: str = "") -> Run:
        """The newest run, of one scenario, that holds `table`. Raises UsageError where there is none."""
        for run in self.runs():
            if (scenario is None or run.scenario == scenario) and (not table or table in run.tables):
                return run
        of = f" of scenario {scenario}" if scenario else ""
        with_table = f" with {table}" if table else ""
        command = f"planner plan{f' --scenario {scenario}' if scenario else ''}"
        raise UsageError(f"there is no run{of}{with_table} yet", command)

    def run(self, name: str, table: str = "") -> Run:
        """The run of that name, or the newest of that scenario that holds `table`."""
        if (self.reports / name / "manifest.json").is_file() and not name.startswith("."):
            return Run(self.reports / name)
        return self.latest(name, table)

    def remove(self, run: Run) -> None:
        """Remove a run folder; it disappears at once, not file by file."""
        doomed = run.path.with_name(f".{run.name}-removed")
        run.path.rename(doomed)
        shutil.rmtree(doomed)

    def write_text(self, path: Path, text: str) -> None:
        with whole_file(path) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")


def read_parquet(path: Path) -> pd.DataFrame:
    """Raises PlannerError where the file is damaged."""
    try:
        frame: pd.DataFrame = pq.read_table(path, use_threads=False).to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, path.parent) from error
    return frame


def read_json(path: Path, folder: Path) -> dict[str, Any]:
    """A record of ours. Raises PlannerError where it is damaged."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise _damaged(path, folder) from error
    return content


def _damaged(path: Path, folder: Path) -> PlannerError:
    cache = next((parent for parent in path.parents if parent.name == ".planner"), folder)
    return PlannerError(f"{path} is damaged", f"remove the folder {cache}; running it again computes it anew")


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """The same frame gives the same bytes."""
    table = pa.Table.from_pandas(frame, preserve_index=False, nthreads=1)
    pq.write_table(table, path, compression="zstd", row_group_size=1 << 20)


@cache
def code_digest() -> str:
    """Hash of the program itself: results of another version are never taken for one's own."""
    folder = Path(__file__).parent
    return digest_of(
        *(path.read_bytes() for path in sorted(folder.rglob("*.py")) if path.parts[-2] not in ("cli", "reports"))
    )


def _store(folder: Path, draft: Draft, seconds: float) -> None:
    digests = {}
    for name, frame in draft.tables.items():
        write_parquet(rounded(frame), folder / f"{name}.parquet")
        digests[name] = file_digest(folder / f"{name}.parquet")
    _write_json(folder / "info.json", {"info": dict(draft.info), "digests": digests, "seconds": seconds})


def _drop_oldest(folder: Path) -> None:
    """Keep the results used last; a result that another process reads at this moment is never the oldest."""
    found = sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=_last_used)
    abandoned = [path for path in folder.glob(".*") if _last_used(path) < time.time() - ABANDONED_AFTER_SECONDS]
    for path in [*found[:-KEPT_RESULTS], *abandoned]:
        shutil.rmtree(path, ignore_errors=True)


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
