"""A file as it was read, before its cells have types: texts by code, and the faults found so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from planner.intake.cells import nearest
from planner.intake.dialects import plain
from planner.tables import Table

SHOWN = 80
Coded = tuple[npt.NDArray[np.object_], npt.NDArray[np.int32]]


class Cell(NamedTuple):
    """A fault before its line is known: `record` counts from 0 behind the header, None is the header or the file."""

    record: int | None
    column: str
    value: str
    rule: str
    hint: str


@dataclass
class Faults:
    """Faults of one file: all are counted, the first of each column are kept."""

    keep: float = math.inf
    cells: list[Cell] = field(default_factory=list)
    total: int = 0
    rows: list[npt.NDArray[np.intp]] = field(default_factory=list)

    def add(self, cell: Cell) -> None:
        self.cells.append(cell)
        self.total += 1

    def add_rows(self, rows: npt.NDArray[np.intp], describe: Callable[[int], Cell]) -> None:
        """One fault a row of the frame; `describe` makes its cell, and only for those kept."""
        self.total += len(rows)
        self.rows.append(rows)
        self.cells += [describe(int(row)) for row in rows[: limit(self.keep)]]


def limit(keep: float) -> int:
    return 1 << 62 if math.isinf(keep) else int(keep)


@dataclass(frozen=True)
class Raw:
    """A file's columns by contract name (others verbatim) as codes into different texts.

    `records` are the places of the kept rows among all records of the file; `fits`: most have the header's width.
    """

    columns: Mapping[str, Coded]
    records: Sequence[int] | npt.NDArray[np.int64]
    lines: Callable[[Sequence[int]], dict[int, int]]
    header_line: int = 1
    loose: Mapping[str, frozenset[str]] = field(default_factory=dict)
    fits: bool = True


def named_columns(header: Sequence[str], contract: Table, faults: Faults) -> list[str | None]:
    """The contract's name of each column, other names verbatim, "" without one, None for one that is repeated.

    Repeated and missing names are faults.
    """
    words = {plain(name): name for name in contract.names}
    names: list[str | None] = []
    for written in header:
        name = words.get(plain(written), written) if written else ""
        if name and name in names:
            faults.add(Cell(None, name, written, "names a column twice", "remove or rename one of the two"))
        names.append(None if name and name in names else name)
    others = [name for name in names if name and name not in contract.names]
    for name in contract.required:
        if name not in names:
            hint = nearest(name, others, f"columns here: {', '.join(filter(None, header))}"[: SHOWN * 2])
            faults.add(Cell(None, name, "", "is missing: every row needs it", hint.replace("did you mean", "rename")))
    return names
