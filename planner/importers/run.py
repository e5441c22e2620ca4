"""The one way through an import: options, reader, workspace."""

from __future__ import annotations

import datetime as dt
import difflib
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.errors import UsageError
from planner.importers.registry import SOURCES, Options, Source

if TYPE_CHECKING:
    from planner.importers.inputs import Inputs


@dataclass(frozen=True)
class Imported:
    """What an import wrote: rows by table, what it assumed, what it left out, and the day it stands on."""

    tables: Mapping[str, int]
    assumptions: Mapping[str, str]
    notes: tuple[str, ...]
    as_of: dt.date | None


def run_import(
    source: str,
    folder: Path,
    into: Path,
    options: Mapping[str, Any] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Imported:
    """Read `folder` in the layout of `source` and write the workspace `into`, whole or not at all.

    An existing workspace of the same source keeps its scenarios and reports; anything else in `into` is only
    replaced where `options` say `replace`. Raises UsageError for a wrong source, option or folder, DataError for
    faults in the files.
    """
    from planner.importers import workspace
    from planner.importers.inputs import Inputs, silent

    chosen = _source(source)
    given = dict(options or {})
    replace = bool(given.pop("replace", False))
    values = Options(chosen, given)
    folder, into = _folders(Path(folder), Path(into))
    inputs = Inputs(folder, into, os.environ if environ is None else environ, progress or silent)
    if values.get("write_mapping"):
        return _mapping(inputs, values)
    workspace.check_target(into, chosen.name, replace)
    draft = importlib.import_module(chosen.reader).read(inputs, values)
    rows, assumptions = workspace.write(draft, into, chosen.name, inputs.say)
    return Imported(rows, assumptions, draft.notes, draft.as_of)


def _mapping(inputs: Inputs, values: Options) -> Imported:
    """Only a mapping to start from; nothing is imported yet."""
    from planner.importers.guess import write_mapping

    return Imported({}, {}, write_mapping(inputs, values), None)


def _source(name: str) -> Source:
    if name in SOURCES:
        return SOURCES[name]
    close = difflib.get_close_matches(name, list(SOURCES), n=1, cutoff=0.5)
    hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(SOURCES)}"
    raise UsageError(f"there is no source {name!r} to import", hint)


def _folders(folder: Path, into: Path) -> tuple[Path, Path]:
    """Both as full paths. Raises UsageError where the one would overwrite the other."""
    folder, into = folder.expanduser().resolve(), into.expanduser().resolve()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "name the folder that holds the files to import")
    if folder.is_relative_to(into / "data"):
        raise UsageError(
            f"{folder} lies in {into / 'data'}, which the import replaces", "name another folder with --into DIR"
        )
    return folder, into
