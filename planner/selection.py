"""Which rows are meant: by their own columns, or by those of the item and the place they speak of."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.errors import UsageError
from planner.settings import nearest
from planner.tables import TABLES

Where = Sequence[tuple[str, tuple[str, ...]]]
Mask = npt.NDArray[np.bool_]
_PLACE_COLUMNS = ("warehouse", "destination", "location", "source", "origin")


def parse(text: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """`category:juice|tea+warehouse:LEJ` -> ((category, (juice, tea)), (warehouse, (LEJ,))).

    Raises UsageError where a part is not `column:value`.
    """
    pairs = []
    for part in text.split("+"):
        name, colon, values = part.partition(":")
        if not colon or not name.strip() or not values.strip():
            raise UsageError(f"--select: {part!r} is not column:value", "write 'category:juice+warehouse:LEJ'")
        pairs.append((name.strip(), tuple(value.strip() for value in values.split("|"))))
    return tuple(pairs)


def matches(frame: pd.DataFrame, where: Where, dataset: Dataset, by: str) -> Mask:
    """Rows that fit every condition; a condition is one of several values, with * and ? as wildcards.

    Raises UsageError for a column that neither the frame nor its items and places have.
    """
    rows = np.ones(len(frame), dtype=bool)
    for name, patterns in where:
        values = _column(frame, name, dataset, by)
        distinct = {value: _matcher(patterns)(value) for value in values.unique()}
        rows &= values.map(distinct).to_numpy(bool)
    return rows


def word(value: object) -> str:
    """A cell as a person writes it."""
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _column(frame: pd.DataFrame, name: str, dataset: Dataset, by: str) -> pd.Series:
    if name in frame.columns:
        return frame[name].astype(object)
    if "sku" in frame.columns and name in dataset["items"].columns:
        return frame["sku"].astype(object).map(_lookup(dataset["items"], "sku", name))
    places = [place for place in _PLACE_COLUMNS if place in frame.columns]
    if places and name in dataset["locations"].columns:
        return frame[places[0]].astype(object).map(_lookup(dataset["locations"], "location", name))
    known = [*frame.columns, *(TABLES["items"].names if "sku" in frame.columns else ())]
    raise UsageError(f"{by}: nothing can be selected by {name!r} here", nearest(name, known))


def _matcher(patterns: Sequence[str]) -> Callable[[object], bool]:
    expression = re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
    return lambda value: expression.match(word(value)) is not None


def _lookup(frame: pd.DataFrame, key: str, value: str) -> Mapping[object, object]:
    return dict(zip(frame[key], frame[value], strict=True))
