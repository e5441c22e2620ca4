"""What checks between rows and tables work on: tables as read, rows that break a rule, and how to tell of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Body:
    """A table as it was read. `faulty` rows are reported already; `loose` words stand in records that became no row.

    `whole` is False when a file was unreadable or a required column is missing: then nothing is concluded from it.
    """

    frame: pd.DataFrame
    faulty: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    loose: Mapping[str, frozenset[str]] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True)
class RowFault:
    """A fault in a row of a table; `first` is the row that it repeats, whose line belongs into the rule."""

    table: str
    row: int
    column: str
    value: str
    rule: str
    hint: str
    first: int | None = None


@dataclass(frozen=True)
class Finding:
    """Rows of a table that break one rule, and how to describe one of them."""

    table: str
    rows: Rows
    describe: Callable[[int], RowFault]


def empty(series: pd.Series) -> npt.NDArray[np.bool_]:
    """Which cells are unknown: "" in texts, NaN, NaT."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return np.asarray(series.cat.categories == "", bool)[series.cat.codes.to_numpy()]
    return (series.isna() | (series == "")).to_numpy(bool) if series.dtype == object else series.isna().to_numpy(bool)


def shown(value: Any) -> str:
    """A cell as a person writes it."""
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat() if value == value.normalize() else str(value)
    return f"{value:g}" if isinstance(value, float) else "" if value is pd.NaT else str(value)


def known_words(body: Body, name: str) -> set[str]:
    """What a reference may name, words of records that became no row included."""
    return set(body.frame[name].unique()) | body.loose.get(name, frozenset())


def words_of(series: pd.Series) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The code of each row, and the different texts that codes point into."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.codes.to_numpy(), series.cat.categories.to_numpy(dtype=object)
    codes, words = pd.factorize(series)
    return codes, np.asarray(words, dtype=object)
