"""Parsed tables as Parquet, named by the content they were parsed from.

A file appears complete or not at all: it is written beside its place and renamed, so two processes may write at once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from planner import __version__
from planner.files import whole_file
from planner.intake.frames import tidy
from planner.intake.sources import Source
from planner.tables import TABLES

_KEY = b"planner"


@dataclass(frozen=True)
class Stored:
    """A parsed table: rows of each part, and the columns that the contract does not know."""

    frame: pd.DataFrame
    rows: tuple[int, ...]
    extras: tuple[str, ...]


@dataclass(frozen=True)
class TableCache:
    """Files under `folder`; nothing is stored or found when it is None."""

    folder: Path | None

    def get(self, source: Source) -> Stored | None:
        path = self._path(source)
        if path is None or not path.exists():
            return None
        try:
            table = pq.read_table(path, use_threads=False)
            about = json.loads(table.schema.metadata[_KEY])
            frame = tidy(source.table, table.to_pandas(use_threads=False, ignore_metadata=True))
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError):
            return None
        return Stored(frame, tuple(about["rows"]), tuple(about["extras"]))

    def put(self, source: Source, stored: Stored) -> None:
        path = self._path(source)
        if path is None:
            return
        table = pa.Table.from_pandas(stored.frame, preserve_index=False, nthreads=1)
        about = json.dumps({"rows": stored.rows, "extras": stored.extras}).encode()
        table = table.replace_schema_metadata({_KEY: about})
        with whole_file(path) as draft:
            pq.write_table(table, draft)

    def notes_if_checked(self, digests: Mapping[str, str]) -> tuple[str, ...] | None:
        """The notes of a set of tables that was found valid; None when it was not, or not yet."""
        path = self._mark(digests)
        try:
            return tuple(json.loads(path.read_text("utf-8"))["notes"]) if path is not None else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def mark_checked(self, digests: Mapping[str, str], notes: tuple[str, ...]) -> None:
        """Record that this set of tables is valid, so that nobody checks it again."""
        path = self._mark(digests)
        if path is not None:
            text = json.dumps({"notes": notes, "tables": dict(sorted(digests.items()))}, ensure_ascii=False, indent=1)
            with whole_file(path) as draft:
                draft.write_text(text, "utf-8")

    def _path(self, source: Source) -> Path | None:
        if self.folder is None:
            return None
        return self.folder / f"{source.table}-{source.digest[:32]}-{_contract(source.table)[:8]}.parquet"

    def _mark(self, digests: Mapping[str, str]) -> Path | None:
        if self.folder is None:
            return None
        text = json.dumps([sorted(digests.items()), __version__, [_contract(name) for name in TABLES]])
        return self.folder / f"checked-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


@cache
def _contract(table: str) -> str:
    """Changes with the contract and with the version that parses."""
    return hashlib.sha256(f"{__version__} {TABLES[table]!r}".encode()).hexdigest()
