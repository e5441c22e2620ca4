"""Parquet follows the same rules as CSV: typed columns become texts by code, and are checked as such."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from planner.intake.dialects import UnreadableError
from planner.intake.raw import Cell, Coded, Faults, Raw, named_columns
from planner.tables import Table


def read_parquet(path: Path, contract: Table, faults: Faults) -> Raw:
    """The columns of a Parquet file as texts by code; raises UnreadableError when it is none."""
    try:
        table = pq.read_table(path, use_threads=False, partitioning=None)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableError("is not a readable Parquet file", "write it again") from error
    table = table.drop_columns([name for name in table.column_names if name.startswith("__index_level_")])
    names = named_columns([str(name).strip() for name in table.column_names], contract, faults)
    columns: dict[str, Coded] = {}
    for place, name in enumerate(names):
        if not name:
            continue
        coded = _coded_any(table.column(place), name in contract.names)
        if coded is not None:
            columns[name] = coded
        else:
            faults.add(Cell(None, name, str(table.column(place).type), "is no plain column", "write one value a cell"))
    return Raw(columns, range(table.num_rows), parquet_lines)


def _coded_any(column: pa.ChunkedArray, contract: bool) -> Coded | None:
    """A typed column as texts: whole numbers without .0, moments in ISO form; None for nested types in the contract."""
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = pc.local_timestamp(column)
    try:
        coded = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
        chunk = coded.unify_dictionaries().combine_chunks()
        chunk = chunk.chunk(0) if isinstance(chunk, pa.ChunkedArray) else chunk
        words = _as_words(chunk.dictionary)
    except (pa.ArrowException, UnicodeDecodeError):
        texts = ["" if value is None else str(value) for value in column.to_pylist()]
        return None if contract else _coded_any(pa.chunked_array([texts], pa.string()), contract)
    codes = pc.fill_null(chunk.indices.cast(pa.int32()), len(words)).to_numpy(zero_copy_only=False)
    return np.append(words, np.array([""], dtype=object)), codes


def _as_words(values: pa.Array) -> npt.NDArray[np.object_]:
    if pa.types.is_floating(values.type):
        return np.array([_number_word(value) for value in values.to_pylist()], dtype=object)
    if pa.types.is_binary(values.type) or pa.types.is_large_binary(values.type):
        return np.array([(value or b"").decode() for value in values.to_pylist()], dtype=object)
    return np.array([(word or "").strip() for word in values.cast(pa.string()).to_pylist()], dtype=object)


def _number_word(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def parquet_lines(rows: Sequence[int]) -> dict[int, int]:
    """As if it were a CSV with its header in line 1."""
    return {row: row + 2 for row in rows}
