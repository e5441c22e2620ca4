"""The files a planner hands on: orders, transfers, forecast, stock targets."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from planner.errors import ConflictError, UsageError
from planner.exports.text import csv_parts, frame_to_csv
from planner.files import file_digest, plain_errors
from planner.tables import QUANTILE_COLUMNS
from planner.workspace import Run

__all__ = ["file_names", "frame_to_csv", "write_csv"]

RECEIPT = "export.json"
DECIMALS = 4
_ORDER = (
    "line_id", "sku", "source", "destination", "order_date", "order_week", "due_date", "due_week", "quantity", "packs",
    "unit_cost", "currency", "duty", "freight", "moved_by", "campaign_quantity", "campaigns", "status",
)  # fmt: skip
_TARGETS = (
    "sku", "warehouse", "week", "target", "opening", "receipts", "demand", "closing", "expected_shortage",
    "cover_weeks",
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """One file: the result table it is made of, the rows it takes, its columns in order."""

    file: str
    table: str
    columns: tuple[str, ...]
    kind: str = ""


LAYOUTS = (
    Layout("purchase_orders.csv", "orders", _ORDER, "purchase"),
    Layout("transfer_orders.csv", "orders", _ORDER, "transfer"),
    Layout("forecast.csv", "forecast", ("sku", "warehouse", "bucket", "date", "mean", *QUANTILE_COLUMNS)),
    Layout("stock_targets.csv", "plan", _TARGETS),
)


def write_csv(run: Run, folder: Path, overwrite: bool = False) -> list[Path]:
    """Write every file the run has a table for, all of them or none; returns their paths.

    A file of that name is replaced only if an earlier export wrote it and nobody changed it since, or with
    `overwrite`. Raises UsageError for a run without results, ConflictError for a foreign or changed file.
    """
    layouts = _layouts(run)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder", "name a folder to write into")
    if not overwrite:
        _refuse_foreign(folder, [*(layout.file for layout in layouts), RECEIPT])
    with _all_or_none(folder) as draft:
        frames = {name: run.table(name) for name in sorted({layout.table for layout in layouts})}
        written = {layout.file: _write(draft / layout.file, export_frame(run, frames, layout)) for layout in layouts}
        (draft / RECEIPT).write_text(_receipt(run, written), encoding="utf-8", newline="\n")
    return [folder / layout.file for layout in layouts]


def file_names(run: Run) -> list[str]:
    """The files that an export of the run writes."""
    return [layout.file for layout in _layouts(run)]


def _layouts(run: Run) -> list[Layout]:
    found = [layout for layout in LAYOUTS if layout.table in run.tables]
    if not found:
        hint = "planner plan makes orders, planner forecast a forecast"
        raise UsageError(f"run {run.name} holds nothing to export", hint)
    return found


def export_frame(run: Run, frames: Mapping[str, pd.DataFrame], layout: Layout) -> pd.DataFrame:
    """The rows and columns of one file, in its order; a column that the run lacks stays empty."""
    frame = frames[layout.table]
    if layout.kind and "kind" in frame:
        frame = frame[frame["kind"] == layout.kind]
    if "currency" in layout.columns:
        frame = frame.assign(currency=run.manifest.get("currency", ""))
    return frame.reindex(columns=list(layout.columns))


def _write(path: Path, frame: pd.DataFrame) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("wb") as handle:
        for part in csv_parts(frame, DECIMALS):
            handle.write(part)
            digest.update(part)
    return {"rows": len(frame), "sha256": digest.hexdigest()}


def _receipt(run: Run, written: Mapping[str, Any]) -> str:
    """Which run the files come from and what they held, so that a later export knows its own."""
    content = {"run": run.name, "scenario": run.scenario, "as_of": run.manifest.get("as_of"), "files": dict(written)}
    return json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n"


def _refuse_foreign(folder: Path, names: Sequence[str]) -> None:
    own = _own_digests(folder)
    for name in names:
        path = folder / name
        if not path.exists() or (name == RECEIPT and own is not None):
            continue
        if own is None or name not in own:
            raise ConflictError(
                f"{path} is there already and no export wrote it", "name another folder, or overwrite it"
            )
        if not path.is_file() or file_digest(path) != own[name]:
            raise ConflictError(f"{path} was changed since it was exported", "save it elsewhere, or overwrite it")


def _own_digests(folder: Path) -> dict[str, str] | None:
    """What the last export wrote here: file -> hash; None where there is no receipt, or not one of ours."""
    try:
        files = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))["files"]
        return {str(name): str(entry["sha256"]) for name, entry in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


@contextmanager
def _all_or_none(folder: Path) -> Iterator[Path]:
    """A draft folder whose files move into `folder` when the block ends well; else all is as it was before."""
    with plain_errors(folder):
        missing = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        done = False
        try:
            draft = Path(tempfile.mkdtemp(prefix=".export-", dir=folder))
            try:
                yield draft
                _move_in(draft, folder)
                done = True
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        finally:
            for path in missing if not done else []:
                path.rmdir()


def _move_in(draft: Path, folder: Path) -> None:
    """Replace file by file; what was there before is kept aside until the last one stands."""
    aside = draft / "before"
    aside.mkdir()
    moved: list[str] = []
    try:
        for path in sorted(path for path in draft.iterdir() if path.is_file()):
            if (folder / path.name).exists():
                (folder / path.name).rename(aside / path.name)
            moved.append(path.name)
            path.rename(folder / path.name)
    except OSError:
        for name in moved:
            (folder / name).unlink(missing_ok=True)
            if (aside / name).exists():
                (aside / name).rename(folder / name)
        raise
