"""Frames as the contracts want them: every column there, of one type, with its default filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.columns import Column
from planner.tables import TABLES

BIG = frozenset({"sales", "order_lines", "behaviour", "drivers"})
_TEXTS = ("text", "time", "weekdays")
_DATES = ("date", "datetime")


def is_text(column: Column) -> bool:
    return column.type in _TEXTS


def is_date(column: Column) -> bool:
    return column.type in _DATES


def empty_frame(table: str) -> pd.DataFrame:
    """A frame without rows, with every column of the contract and its type."""
    return complete(table, {}, 0, every=True)


def complete(table: str, values: Mapping[str, Any], rows: int, every: bool = False) -> pd.DataFrame:
    """Contract columns in their order, then the others; what is absent or empty gets its default.

    A big table keeps absent optional columns out, unless `every` asks for them.
    """
    contract = TABLES[table]
    columns: dict[str, Any] = {}
    for column in contract.columns:
        if column.name in values:
            columns[column.name] = _filled(column, values[column.name])
        elif every or column.required or table not in BIG:
            columns[column.name] = _constant(column, rows, big=table in BIG)
    columns |= {name: value for name, value in values.items() if name not in contract.names}
    return pd.DataFrame(columns, index=pd.RangeIndex(rows), copy=False)


def _constant(column: Column, rows: int, big: bool) -> Any:
    if is_text(column):
        word = "" if column.default is None else str(column.default)
        return categorical(np.zeros(rows, np.int32), np.array([word], object)) if big else _words(word, rows)
    if is_date(column):
        return np.full(rows, np.datetime64("NaT", "ns"), dtype="datetime64[ns]")
    return _filled(column, np.full(rows, np.nan))


def _words(word: str, rows: int) -> npt.NDArray[np.object_]:
    return np.full(rows, word, dtype=object)


def _filled(column: Column, values: Any) -> Any:
    """Empty cells get the default; a flag that cannot be empty becomes bool."""
    if is_date(column):
        return values
    if is_text(column):
        return values if column.default is None else _filled_words(values, str(column.default))
    if column.default is not None:
        values = np.where(np.isnan(values), float(column.default), values)
    never_empty = column.default is not None or column.required
    return values.astype(bool) if column.type == "flag" and never_empty else values


def _filled_words(values: Any, word: str) -> Any:
    if not isinstance(values, pd.Categorical):
        return np.where(values == "", word, values)
    names = np.array([name or word for name in values.categories], dtype=object)
    return categorical(values.codes, names)


def categorical(codes: npt.NDArray[Any], words: npt.NDArray[np.object_]) -> pd.Categorical:
    """Categories sorted, each once and in use; `codes` point into `words`, which may repeat."""
    used = np.zeros(len(words), bool)
    used[codes] = True
    place = np.zeros(len(words), np.int32)
    names, place[used] = np.unique(words[used], return_inverse=True) if used.any() else (words[used], place[used])
    return _from_codes(place[codes], names)


def _from_codes(codes: npt.NDArray[Any], names: npt.NDArray[np.object_]) -> pd.Categorical:
    dtype = pd.CategoricalDtype(pd.Index(names, dtype=object))
    return pd.Categorical.from_codes(codes, dtype=dtype, validate=False)  # type: ignore[arg-type, call-arg]


def conform(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame made in memory as the contract wants it; its values are trusted, its types are not."""
    contract = TABLES[table]
    columns = {str(column.name): column for column in contract.columns}
    values = {
        str(name): _conformed(frame[name], columns.get(str(name)), table in BIG)
        for name in frame.columns
        if str(name) in columns
    }
    extras = {str(name): frame[name].array for name in frame.columns if str(name) not in columns}
    return complete(table, values | extras, len(frame)).copy()  # changing it must not change what it was made from


def _conformed(series: pd.Series, column: Column | None, big: bool) -> Any:
    if column is None or is_text(column):
        return _text_values(series, big)
    if is_date(column):
        return pd.to_datetime(series).to_numpy().astype("datetime64[ns]")
    return pd.to_numeric(series, errors="raise").to_numpy(dtype=np.float64, na_value=np.nan)


def _text_values(series: pd.Series, big: bool) -> Any:
    codes, words = pd.factorize(series.astype(object).where(series.notna(), ""))
    texts = np.array([_text(word) for word in words], dtype=object)
    return categorical(codes, texts) if big else texts[codes] if len(texts) else np.array([], dtype=object)


def _text(word: object) -> str:
    return str(int(word)) if isinstance(word, float) and word.is_integer() else str(word)


def stack(table: str, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Parts of one table below each other; categories are united and sorted again."""
    parts = list(frames)
    if len(parts) == 1:
        return parts[0]
    names = list(dict.fromkeys(name for part in parts for name in part.columns))
    lacking = [[name for name in names if name not in part] for part in parts]
    parts = [_widened(table, part, missing) for part, missing in zip(parts, lacking, strict=True)]
    rows = sum(map(len, parts))
    columns = {name: _stacked([part[name] for part in parts]) for name in names}
    order = [name for name in TABLES[table].names if name in columns]
    return pd.DataFrame(columns, index=pd.RangeIndex(rows))[order + [name for name in names if name not in order]]


def _widened(table: str, part: pd.DataFrame, missing: list[str]) -> pd.DataFrame:
    """A part with the columns that only other parts have."""
    known = {column.name: column for column in TABLES[table].columns}
    new = {
        name: _constant(known[name], len(part), table in BIG) if name in known else _extra(len(part), table in BIG)
        for name in missing
    }
    return part.assign(**new) if new else part


def _extra(rows: int, big: bool) -> Any:
    return categorical(np.zeros(rows, np.int32), np.array([""], object)) if big else _words("", rows)


def _stacked(parts: list[pd.Series]) -> Any:
    if not isinstance(parts[0].dtype, pd.CategoricalDtype):
        return np.concatenate([part.to_numpy() for part in parts])
    words = np.concatenate([part.cat.categories.to_numpy(dtype=object) for part in parts])
    sizes = np.cumsum([0] + [len(part.cat.categories) for part in parts])
    codes = [part.cat.codes.to_numpy().astype(np.int32) + start for part, start in zip(parts, sizes, strict=False)]
    return categorical(np.concatenate(codes), words)


def tidy(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The same types after a way through Parquet: texts as object, categories sorted, dates in nanoseconds."""
    columns: dict[str, Any] = {}
    for name in frame.columns:
        series = frame[name]
        if isinstance(series.dtype, pd.CategoricalDtype):
            words = series.cat.categories.to_numpy(dtype=object)
            columns[name] = categorical(series.cat.codes.to_numpy(), words)
        elif series.dtype.kind == "M":
            columns[name] = series.to_numpy().astype("datetime64[ns]")
        elif series.dtype.kind in "fb":
            columns[name] = series.to_numpy()
        else:
            columns[name] = series.astype(object).to_numpy()
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def fingerprint(table: str, frame: pd.DataFrame) -> str:
    """sha256 over the table's name, its columns and every value."""
    digest = hashlib.sha256(f"{table}\0{','.join(map(str, frame.columns))}\0{len(frame)}".encode())
    for name in frame.columns:
        digest.update(pd.util.hash_pandas_object(frame[name], index=False).to_numpy().tobytes())
    return digest.hexdigest()
