"""The files of a foreign layout: found by name, read as they are, every fault named with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from planner.errors import DataError, Issue

KEPT_ISSUES = 100


def silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Inputs:
    """The folder of the source. Nothing below `into`, the workspace being made, is ever read as input."""

    folder: Path
    into: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = silent

    def find(self, *names: Sequence[str]) -> list[Path]:
        """One existing file for each entry, which lists its possible names. Raises DataError naming all missing."""
        found = [
            next((self.folder / name for name in choices if (self.folder / name).is_file()), None) for choices in names
        ]
        missing = [choices for choices, path in zip(names, found, strict=True) if path is None]
        if missing:
            raise DataError([self._missing(choices) for choices in missing], hint="see planner import --help")
        return [path for path in found if path is not None]

    def _missing(self, choices: Sequence[str]) -> Issue:
        here = sorted(path.name for path in self.folder.iterdir() if path.is_file() and not path.name.startswith("."))
        seen = ", ".join(here[:8]) if here else "no file at all"
        return Issue(" or ".join(choices), None, "", "", f"is missing in {self.folder}", f"the folder holds {seen}")


def read_columns(
    path: Path, columns: Sequence[str], optional: Sequence[str] = (), texts: Sequence[str] = ()
) -> pa.Table:
    """Columns of a Parquet or CSV file, with the types it has; in a CSV `texts` are texts even if they look like
    numbers. Raises DataError naming every missing column.
    """
    try:
        names = pq.read_schema(path).names if path.suffix == ".parquet" else _csv_header(path)
        missing(path, names, columns)
        wanted = [*columns, *(name for name in optional if name in names)]
        if path.suffix == ".parquet":
            return pq.read_table(path, columns=wanted, use_threads=False)
        types = {name: pa.string() for name in wanted if name in texts}
        convert = pyarrow.csv.ConvertOptions(include_columns=wanted, column_types=types, strings_can_be_null=True)
        return pyarrow.csv.read_csv(path, convert_options=convert)
    except pa.ArrowInvalid as error:
        raise unreadable(path, str(error)) from None


def read_names(path: Path) -> list[str]:
    """Every column name of a Parquet or CSV file."""
    try:
        return list(pq.read_schema(path).names if path.suffix == ".parquet" else _csv_header(path))
    except pa.ArrowInvalid as error:
        raise unreadable(path, str(error)) from None


def _csv_header(path: Path) -> list[str]:
    with pyarrow.csv.open_csv(path) as reader:
        return list(reader.schema.names)


def read_text(path: Path) -> pd.DataFrame:
    """A comma-separated file, every cell as the text it is; the first data row is line 2."""
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise unreadable(path, str(error)) from None
    frame.columns = [str(name).strip() for name in frame.columns]
    return frame


def unreadable(path: Path, reason: str) -> DataError:
    kind = "a Parquet file" if path.suffix == ".parquet" else "comma-separated UTF-8 text"
    first = reason.strip().splitlines()[0][:160] if reason.strip() else "it is empty"
    return DataError([Issue(path.name, None, "", "", f"is not {kind}: {first}", "export or download it again")])


def missing(path: Path, names: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises DataError that names every wanted column which the file lacks."""
    issues = [
        Issue(path.name, 1, name, "", "is missing", f"the file has {', '.join(map(str, list(names)[:10]))}")
        for name in wanted
        if name not in names
    ]
    if issues:
        raise DataError(issues, hint="check that the folder holds this source's layout")


def refuse(issues: Sequence[Issue], total: int | None = None) -> None:
    """Raises DataError if there is any issue."""
    if issues:
        raise DataError(issues[:KEPT_ISSUES], len(issues) if total is None else total)


def as_numbers(cells: pd.Series, path: Path, blank: float = np.nan, low: float = 0.0) -> npt.NDArray[np.float64]:
    """Texts such as `3` or `3.0` as numbers; blank cells become `blank`. Raises DataError naming every other cell."""
    text = cells.str.strip()
    numbers = pd.to_numeric(text.where(text != ""), errors="coerce").to_numpy(dtype=np.float64)
    empty = (text == "").to_numpy()
    bad = np.flatnonzero(~empty & ~(np.isfinite(numbers) & (numbers >= low)))
    column = str(cells.name)
    issues = [
        Issue(path.name, int(row) + 2, column, str(cells.iloc[row]), f"must be a number, {low:g} or more", "")
        for row in bad[:KEPT_ISSUES]
    ]
    refuse(issues, len(bad))
    return np.where(empty, blank, numbers)


def no_twins(frame: pd.DataFrame, key: Sequence[str], path: Path) -> None:
    """Raises DataError for rows that repeat an earlier row's key."""
    rows = np.flatnonzero(frame.duplicated(list(key)).to_numpy())
    issues = [
        Issue(
            path.name,
            int(row) + 2,
            " + ".join(key),
            " ".join(frame[list(key)].iloc[row]),
            "stands twice",
            "keep one row",
        )
        for row in rows[:KEPT_ISSUES]
    ]
    refuse(issues, len(rows))
