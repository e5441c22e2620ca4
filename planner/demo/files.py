"""Frames -> files, to the byte the same for the same frames: CSV, and Parquet parts where a table is big."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

BIG = 150_000  # rows
PART = 1_000_000
SPECIAL = '[",\n\r]'


def write_table(folder: Path, name: str, frame: pd.DataFrame, big: int = BIG) -> None:
    """NAME.csv, or NAME/part-00.parquet and so on from `big` rows up."""
    if len(frame) < big:
        write_csv(folder / f"{name}.csv", frame)
        return
    parts = folder / name
    parts.mkdir(parents=True, exist_ok=True)
    for number, first in enumerate(range(0, len(frame), PART)):
        part = frame.iloc[first : first + PART].reset_index(drop=True)
        table = pa.Table.from_pandas(part, preserve_index=False).replace_schema_metadata(None)
        pq.write_table(table, parts / f"part-{number:02d}.parquet", compression="zstd")


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Whole numbers without a point, dates without a time of day, flags as true and false, unknown as empty."""
    table = pa.table({name: _column(frame[name]) for name in frame.columns})
    texts = [column for column in table.columns if pa.types.is_string(column.type)]
    special = any(pc.any(pc.match_substring_regex(column, SPECIAL)).as_py() for column in texts)
    options = pacsv.WriteOptions(include_header=False, quoting_style="needed" if special else "none")
    with path.open("wb") as file:
        file.write((",".join(table.column_names) + "\n").encode())
        pacsv.write_csv(table, file, options)


def _column(values: pd.Series) -> pa.Array:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return pa.array(values.astype(object), pa.string())
    if values.dtype.kind == "M":
        whole = (values.dropna() == values.dropna().dt.normalize()).all()
        text = values.dt.strftime("%Y-%m-%d" if whole else "%Y-%m-%dT%H:%M:%S")
        return pa.array(text.astype(object).where(values.notna(), None), pa.string())
    if values.dtype.kind == "f":
        known = values.dropna()
        if (known == np.round(known)).all() and (known.abs() < 1e15).all():
            return pa.array([None if value != value else int(value) for value in values], pa.int64())
        return pa.array(values, pa.float64(), from_pandas=True)
    if values.dtype.kind in "iub":
        return pa.array(values)
    return pa.array(
        [None if value is None or value != value or value == "" else str(value) for value in values], pa.string()
    )
