"""What must hold between rows and tables: keys, references, spans, falling prices, reserved words.

Every rule finds rows; a fault is described only for the rows that are kept, so a million faults cost no million texts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.columns import Column
from planner.intake.cells import nearest
from planner.intake.findings import Body, Finding, RowFault, Rows, empty, known_words, shown, words_of
from planner.intake.frames import is_date
from planner.intake.rules import EVERYWHERE, RULES
from planner.tables import TABLES

_DAY = 86_400 * 10**9
SPANS = (
    ("start", "end", False),
    ("listed_from", "listed_to", False),
    ("launch_date", "end_date", False),
    ("ordered_on", "received_on", False),
    ("window_start", "window_end", True),
    ("temperature_min_c", "temperature_max_c", False),
    ("min_stock", "max_stock", False),
)


def cross_check(bodies: Mapping[str, Body], tables: Collection[str], keep: int) -> tuple[list[RowFault], int]:
    """The first `keep` faults of every rule in `tables`, and the number of all faults."""
    faults: list[RowFault] = []
    total = 0
    for finding in _findings(bodies, tables):
        total += len(finding.rows)
        faults += [finding.describe(int(row)) for row in finding.rows[:keep]]
    return faults, total


def _findings(bodies: Mapping[str, Body], tables: Collection[str]) -> Iterator[Finding]:
    for table in tables:
        body = bodies[table]
        yield from _references(table, body, bodies)
        if body.whole:
            yield from _keys(table, body)
            yield from _spans(table, body)
            for rule in RULES.get(table, ()):
                yield from rule(table, body, bodies)


# keys


def _keys(table: str, body: Body) -> Iterator[Finding]:
    """No two rows share the key; every further one repeats the first."""
    key = [name for name in TABLES[table].key if name in body.frame]
    if not key:
        return
    short = [name for name in key if TABLES[table].column(name).required]
    if _all_different(*_key_numbers(body.frame[short])):
        return
    numbers, size = _key_numbers(body.frame[key])
    if _all_different(numbers, size):
        return
    rows = _sound(body, key, table)
    rows = rows[pd.Series(numbers[rows]).duplicated().to_numpy()]
    repeated = np.flatnonzero(np.isin(numbers, numbers[rows]))
    firsts = pd.Series(repeated, index=numbers[repeated]).groupby(level=0).first()

    def describe(row: int) -> RowFault:
        values = ", ".join(shown(body.frame[name].iloc[row]) for name in key[:3])
        hint = f"{', '.join(key)} may stand only once"
        return RowFault(table, row, key[0], values, "repeats row {first}", hint, int(firsts[numbers[row]]))

    yield Finding(table, rows, describe)


def _sound(body: Body, key: list[str], table: str) -> Rows:
    """Rows without a fault of their own and without an empty cell in a required part of the key."""
    sound = np.ones(len(body.frame), bool)
    sound[body.faulty] = False
    for name in key:
        if TABLES[table].column(name).required:
            sound &= ~empty(body.frame[name])
    return np.flatnonzero(sound)


def _all_different(numbers: npt.NDArray[Any], size: int) -> bool:
    """Whether no number (from 0 up to below `size`) stands twice; by marking them where that fits into memory."""
    if bool(np.all(numbers[1:] > numbers[:-1])):
        return True
    if size > max(1 << 24, 16 * len(numbers)):
        return not pd.Series(numbers).duplicated().any()
    seen = np.zeros(size, bool)
    seen[numbers] = True
    return int(seen.sum()) == len(numbers)


def _key_numbers(frame: pd.DataFrame) -> tuple[npt.NDArray[Any], int]:
    """One whole number per different combination of the columns, and what all of them are below."""
    numbers: npt.NDArray[Any] = np.zeros(len(frame), np.int32)
    size = 1
    for name in frame.columns:
        codes, count = _codes(frame[name])
        if size * count >= 1 << 62:
            numbers, kept = pd.factorize(numbers)
            size = len(kept)
        size *= count
        numbers = numbers.astype(np.int32 if size < 1 << 31 else np.int64, copy=False)
        numbers *= numbers.dtype.type(count)
        numbers += codes.astype(numbers.dtype, copy=False)
    return numbers, size


def _codes(series: pd.Series) -> tuple[npt.NDArray[Any], int]:
    """A number from 0 per different value, and what all of them are below."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.codes.to_numpy(), max(1, len(series.cat.categories))
    if series.dtype.kind == "M" and len(series):
        moments = series.to_numpy().view(np.int64)
        first = moments.min()
        days = (moments - first) // _DAY if first > 0 else moments
        if first > 0 and bool((days * _DAY + first == moments).all()):
            return days, int(days.max()) + 1
    codes, words = pd.factorize(series)
    return codes + 1, len(words) + 1


# references


def _references(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """A code that refers to another table stands there, if that table is present."""
    for column in TABLES[table].columns:
        target, _, name = column.refers.partition(".")
        if target in bodies and bodies[target].whole and column.name in body.frame:
            known = known_words(bodies[target], name) | ({EVERYWHERE} if table == "campaign_items" else set())
            yield from _unknown(table, column, body.frame[column.name], known)


def _unknown(table: str, column: Column, series: pd.Series, known: set[str]) -> Iterator[Finding]:
    codes, words = words_of(series)
    strange = np.fromiter((bool(word) and word not in known for word in words), bool, len(words))
    if not strange.any():
        return
    target = column.refers.partition(".")[0]

    @cache
    def hint(word: str) -> str:
        return nearest(word, sorted(known), f"add it to {target}")

    def describe(row: int) -> RowFault:
        word = str(words[codes[row]])
        return RowFault(table, row, column.name, word, f"is not in {target}", hint(word))

    yield Finding(table, np.flatnonzero(strange[codes]), describe)


# spans


def _spans(table: str, body: Body) -> Iterator[Finding]:
    """What starts does not end before; a time window has some length."""
    for first, last, strict in SPANS:
        if first in body.frame and last in body.frame:
            yield _span(table, body.frame, first, last, strict)


def _span(table: str, frame: pd.DataFrame, first: str, last: str, strict: bool) -> Finding:
    low, high = frame[first], frame[last]
    both = ~empty(low) & ~empty(high)
    wrong = (low >= high) if strict else (low > high)

    def describe(row: int) -> RowFault:
        word = "not after" if strict else "before" if is_date(TABLES[table].column(first)) else "below"
        rule = f"is {word} {first} {shown(low.iloc[row])}"
        return RowFault(table, row, last, shown(high.iloc[row]), rule, f"{first} comes first")

    return Finding(table, np.flatnonzero(wrong.to_numpy(bool) & both), describe)
