"""A frame as CSV text: UTF-8, ISO dates, plain numbers, quotes only where a cell needs them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

DECIMALS = 6
_ROWS = 200_000
_LARGEST = 1e15


def frame_to_csv(frame: pd.DataFrame, decimals: int = DECIMALS) -> str:
    """Header and rows, lines ended by a line feed. The same frame gives the same text."""
    return b"".join(csv_parts(frame, decimals)).decode("utf-8")


def csv_parts(frame: pd.DataFrame, decimals: int = DECIMALS) -> Iterator[bytes]:
    """The header, then blocks of rows, as UTF-8. Numbers are rounded to `decimals`; unknown cells are empty."""
    yield (",".join(_quoted(str(name)) for name in frame.columns) + "\n").encode()
    for start in range(0, len(frame), _ROWS):
        yield _rows(frame.iloc[start : start + _ROWS], decimals)


def _rows(frame: pd.DataFrame, decimals: int) -> bytes:
    if not len(frame.columns):
        return b""
    cells = [_cells(frame.iloc[:, position], decimals) for position in range(len(frame.columns))]
    if len(cells) == 1:
        cells = [pc.if_else(pc.equal(cells[0], ""), '""', cells[0])]
    lines = pc.binary_join_element_wise(*cells, ",") if len(cells) > 1 else cells[0]
    ended = pc.binary_join_element_wise(lines, "", "\n")
    offsets, content = ended.buffers()[1:]
    first, last = np.frombuffer(offsets, dtype=np.int32)[[0, len(ended)]]
    return cast(bytes, content[int(first) : int(last)].to_pybytes())


def _cells(column: pd.Series, decimals: int) -> Any:
    """The column as texts, nothing unknown left: an arrow array without nulls."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        texts = _texts(column.cat.categories)
        return pc.fill_null(pc.take(texts, pa.array(column.cat.codes.where(column.cat.codes >= 0).astype("Int64"))), "")
    if pd.api.types.is_datetime64_any_dtype(column):
        return _dates(column)
    if pd.api.types.is_bool_dtype(column):
        return pc.fill_null(pa.array(column, from_pandas=True).cast(pa.string()), "")
    if pd.api.types.is_integer_dtype(column):
        return pc.fill_null(pa.array(column, from_pandas=True).cast(pa.string()), "")
    if pd.api.types.is_float_dtype(column):
        return _numbers(column.to_numpy(dtype=float, na_value=np.nan), decimals)
    if pd.api.types.infer_dtype(column, skipna=True) not in ("string", "empty"):
        return _texts(column)
    coded = pa.array(column, pa.string(), from_pandas=True).dictionary_encode()
    return pc.fill_null(pc.take(_texts(coded.dictionary.to_pylist()), coded.indices), "")


def _numbers(values: np.ndarray[Any, np.dtype[np.float64]], decimals: int) -> Any:
    """Through decimals of at most six places, which are written without exponent; then without trailing zeros."""
    known = np.isfinite(values)
    if (np.abs(values[known]) >= _LARGEST).any():
        return pa.array([_plain(value, decimals) for value in values], pa.string())
    exact = pa.array(np.round(values, decimals), mask=~known).cast(pa.decimal128(38, decimals))
    return pc.fill_null(pc.utf8_rtrim(pc.utf8_rtrim(exact.cast(pa.string()), "0"), "."), "")


def _plain(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".") if np.isfinite(value) else ""


def _dates(column: pd.Series) -> Any:
    """Days where every time is midnight, else date and time to the second."""
    days = column.dropna()
    form = "%Y-%m-%d" if (days == days.dt.normalize()).all() else "%Y-%m-%dT%H:%M:%S"
    codes, known = pd.factorize(column, use_na_sentinel=True)
    texts = pa.array([pd.Timestamp(value).strftime(form) for value in known], pa.string())
    return pc.fill_null(pc.take(texts, pa.array(codes, mask=codes < 0)), "")


def _texts(values: Iterable[Any]) -> Any:
    return pa.array([_quoted(_text(value)) for value in values], pa.string())


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float):
        return _plain(value, DECIMALS)
    if isinstance(value, dt.datetime) and value is not pd.NaT:
        return value.strftime("%Y-%m-%d" if value.time() == dt.time() else "%Y-%m-%dT%H:%M:%S")
    return "" if value is None or value is pd.NaT or value is pd.NA else str(value)


def _quoted(text: str) -> str:
    """Quotes only around a cell that holds a separator, a quote, a line break or outer blanks."""
    needs = any(sign in text for sign in ',"\n\r') or text != text.strip()
    return '"' + text.replace('"', '""') + '"' if needs else text
