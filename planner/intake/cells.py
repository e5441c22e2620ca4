"""Cells: every different text of a column once -> values of the contract's type, and what is wrong with which.

A column of five million rows has a few thousand different texts, so checks are made on those and spread by code.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from planner.columns import Column
from planner.intake.dates import parse_dates
from planner.periods import first_days

Mark = Literal[".", ",", ""]
Words = npt.NDArray[np.object_]
LONGEST = 4000
LARGEST = 1e15
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TRUE, _FALSE = ("true", "1", "yes", "y", "1.0", "t"), ("false", "0", "no", "n", "0.0", "f")

_GROUP = "[ '’\u00a0\u2009\u202f]"
_PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_TIME = re.compile(r"^([0-9]{1,2}):([0-5][0-9])(?::00(?:\.0+)?)?$")


def _number_form(mark: str, other: str) -> re.Pattern[str]:
    return re.compile(rf"^[+-]?([0-9]+|[0-9]{{1,3}}((?:{other}|{_GROUP})[0-9]{{3}})+)?({mark}[0-9]*)?$")


def _sure_form(mark: str, other: str) -> re.Pattern[str]:
    """What can only be read with `mark` as the decimal mark; 1,234 alone could be either."""
    grouped = rf"[0-9]{{1,3}}({other}[0-9]{{3}})"
    return re.compile(
        rf"^[+-]?([0-9]*{mark}([0-9]{{0,2}}|[0-9]{{4,}})|0*{mark}[0-9]+|[0-9]{{4,}}{mark}[0-9]{{3}}|0[0-9]*{mark}[0-9]+"
        rf"|{grouped}+{mark}[0-9]*|{grouped}{{2,}}|[0-9]{{1,3}}({_GROUP}[0-9]{{3}})+{mark}[0-9]*)$"
    )


_FORM = {".": _number_form(r"\.", ","), ",": _number_form(",", r"\.")}
_SURE = {".": _sure_form(r"\.", ","), ",": _sure_form(",", r"\.")}
_EITHER = re.compile(r"^[+-]?[1-9][0-9]{0,2},[0-9]{3}$")


class Fault(NamedTuple):
    """What is wrong with one text; `once`: it is one fault of the column, however many rows hold it."""

    rule: str
    hint: str
    once: bool = False


@dataclass(frozen=True)
class Parsed:
    """`values` has one entry per text: str, float64 (NaN where empty) or datetime64[ns]; `faults` by position."""

    values: npt.NDArray[Any]
    faults: Mapping[int, Fault] = field(default_factory=dict)


def parse(column: Column, words: Words, mark: Mark = "") -> Parsed:
    """Values of the column's type for `words` (trimmed texts, all different, "" is empty).

    `mark` is the decimal mark that the file as a whole shows, for columns that do not show their own.
    """
    if column.type in ("date", "datetime"):
        values, found = parse_dates(words, with_time=column.type == "datetime")
        faults = {index: Fault(*fault) for index, fault in found.items()}
        return Parsed(values, faults | _not_a_monday(column, words, values, faults))
    if column.type in ("number", "integer"):
        return _ranged(column, words, _numbers(words, column_mark(words) or mark))
    if column.type == "share":
        return _shares(words, column_mark(words) or mark)
    if column.type == "text":
        return _choices(column, words) if column.choices else _texts(words)
    return _each(words, {"flag": _flag, "time": _time, "weekdays": _weekdays}[column.type], column.type == "flag")


def nearest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint with the most similar of `known`: same but for case and leading zeros, else similar in letters."""
    plain = word.strip().casefold().lstrip("0")
    names = [name for name in known if name]
    same = [name for name in names if name.strip().casefold().lstrip("0") == plain]
    close = same[:1] or difflib.get_close_matches(word, _alike(word, names), n=1, cutoff=0.6)
    return f"did you mean {close[0]}?" if close else otherwise


def _alike(word: str, names: Sequence[str], most: int = 5000) -> Sequence[str]:
    """Where there are very many names, only those with a similar length and the same first letter."""
    if len(names) <= most:
        return names
    return [name for name in names if abs(len(name) - len(word)) <= 2 and name[:1] == word[:1]][:most]


def column_mark(words: Words) -> Mark:
    """The decimal mark that the texts themselves prove, the more frequent one if both are proven."""
    odd = _odd(words)
    commas = sum(bool(_SURE[","].match(word)) for word in odd)
    if not commas:
        return "." if any(_SURE["."].match(word) for word in odd) else _plain_mark(words, odd)
    points = sum(bool(_SURE["."].match(word)) for word in words)
    return "," if commas >= points else "."


def _plain_mark(words: Words, odd: Words) -> Mark:
    """Plain numbers prove a point only where a comma elsewhere would need the proof."""
    return "." if len(odd) and any(_SURE["."].match(word) for word in words) else ""


def _odd(words: Words) -> Words:
    """The texts that are no plain numbers."""
    odd: Words = words[~_plain(words) & (words != "")]
    return odd


def _plain(words: Words) -> npt.NDArray[np.bool_]:
    return np.asarray(
        pc.match_substring_regex(pa.array(words, pa.string()), _PLAIN).to_numpy(zero_copy_only=False), bool
    )


def _numbers(words: Words, mark: Mark) -> Parsed:
    values = np.full(len(words), np.nan)
    plain = _plain(words)
    if mark == ",":
        # 1.234 is a plain number, but beside 1,5 its point marks thousands
        plain &= np.fromiter(("." not in word for word in words), bool, len(words))
    values[plain] = words[plain].astype(np.float64)
    faults: dict[int, Fault] = {}
    either = False
    for index in np.flatnonzero(~plain & (words != "")):
        number = _odd_number(words[index], mark)
        if isinstance(number, float):
            values[index] = number
        elif not number.once or not either:
            faults[int(index)] = number
            either |= number.once
    return Parsed(values, faults | _too_large(values))


def _too_large(values: npt.NDArray[np.float64]) -> dict[int, Fault]:
    large = np.flatnonzero(np.abs(values) > LARGEST)
    return {int(index): Fault("is too large to be true", f"numbers are at most {LARGEST:.0e}") for index in large}


def _odd_number(word: str, mark: Mark) -> float | Fault:
    """A number with thousands marks or a decimal comma, or what is wrong with it."""
    if _EITHER.match(word) and not mark:
        meant = word.replace(",", "."), word.replace(",", "")
        hint = f"write {meant[0]} or {meant[1]}; a cell such as 2,5 in the column would settle it"
        return Fault(f"could mean {meant[0]} or {meant[1]}, and nothing in the column settles it", hint, once=True)
    form = mark or "."
    if _FORM[form].match(word) and any(letter.isdigit() for letter in word):
        kept = word.translate({ord(letter): None for letter in " '’\u00a0\u2009\u202f"})
        return float(kept.replace("," if form == "." else ".", "").replace(",", "."))
    return _number_fault(word, form)


def _number_fault(word: str, form: str) -> Fault:
    lower = word.lower().lstrip("+-")
    if lower in ("inf", "infinity", "∞"):
        return Fault("is not a finite number", "leave the cell empty where there is no limit")
    if lower in ("nan", "null", "none", "na", "n/a", "#n/a"):
        return Fault("is not a number", "leave the cell empty where the value is unknown")
    if word.endswith("%"):
        return Fault("is not a plain number", "write a share: 0.12 for 12 %")
    if any(_FORM[mark].match(word) for mark in ".,") and any(letter.isdigit() for letter in word):
        name = "comma" if form == "," else "point"
        return Fault(f"is not a number with a decimal {name}, as the rest of the column is", "use one decimal mark")
    return Fault("is not a number", "write digits only, such as 12.5")


def _ranged(column: Column, words: Words, parsed: Parsed) -> Parsed:
    faults = dict(parsed.faults)
    values = parsed.values
    with np.errstate(invalid="ignore"):
        low = values < column.minimum if column.minimum is not None else np.zeros(len(values), bool)
        high = values > column.maximum if column.maximum is not None else np.zeros(len(values), bool)
        broken = (values % 1 != 0) & ~np.isnan(values) if column.type == "integer" else np.zeros(len(values), bool)
    for mask, rule in (
        (low, f"is below {_short(column.minimum)}"),
        (high, f"is above {_short(column.maximum)}"),
        (broken, "is not a whole number"),
    ):
        faults |= {
            int(index): Fault(rule, _range_hint(column)) for index in np.flatnonzero(mask) if index not in faults
        }
    return Parsed(values, faults)


def _short(bound: float | None) -> str:
    return "" if bound is None else f"{bound:g}"


def _range_hint(column: Column) -> str:
    low, high = _short(column.minimum), _short(column.maximum)
    span = f"from {low} to {high}" if low and high else f"{low} or more" if low else f"at most {high}" if high else ""
    kind = "a whole number" if column.type == "integer" else "a number"
    return f"{column.name} is {kind}{', ' if span else ''}{span}{f' ({column.unit})' if column.unit else ''}"


def _shares(words: Words, mark: Mark) -> Parsed:
    """true, false, or a number from 0 to 1."""
    flags = {"true": 1.0, "yes": 1.0, "y": 1.0, "t": 1.0, "false": 0.0, "no": 0.0, "n": 0.0, "f": 0.0}
    plain = np.array([f"{flags[word.lower()]:g}" if word.lower() in flags else word for word in words], dtype=object)
    parsed = _numbers(plain, mark)
    with np.errstate(invalid="ignore"):
        outside = np.flatnonzero((parsed.values < 0) | (parsed.values > 1))
    hint = "write true, false, or a share from 0 to 1"
    faults = {index: Fault(fault.rule, hint, fault.once) for index, fault in parsed.faults.items()}
    return Parsed(parsed.values, faults | {int(index): Fault("is not within 0 to 1", hint) for index in outside})


def _texts(words: Words) -> Parsed:
    faults: dict[int, Fault] = {}
    if len(words) and (_CONTROL.search("\n".join(words)) or max(map(len, words)) > LONGEST):
        for index, word in enumerate(words):
            if _CONTROL.search(word):
                faults[index] = Fault("holds a control character", "remove it, or export the file again")
            elif len(word) > LONGEST:
                faults[index] = Fault(f"is longer than {LONGEST:,} characters", "is a quote not closed?")
    return Parsed(words, faults)


def _choices(column: Column, words: Words) -> Parsed:
    known = {choice.casefold(): choice for choice in column.choices}
    listed = f"one of {', '.join(column.choices)}"

    def choose(word: str) -> str | Fault:
        return known.get(word.casefold()) or Fault("is not known", nearest(word.casefold(), known, listed))

    return _each(words, choose, number=False)


def _each(words: Words, convert: Callable[[str], Any], number: bool) -> Parsed:
    """Convert one text after the other; a convert function returns the value or a Fault."""
    values: npt.NDArray[Any] = np.full(len(words), np.nan) if number else np.full(len(words), "", dtype=object)
    faults: dict[int, Fault] = {}
    for index, word in enumerate(words):
        value = convert(word) if word else None
        if isinstance(value, Fault):
            faults[index] = value
        elif value is not None:
            values[index] = value
    return Parsed(values, faults)


def _flag(word: str) -> float | Fault:
    lower = word.lower()
    return 1.0 if lower in _TRUE else 0.0 if lower in _FALSE else Fault("is not a flag", "write true or false")


def _time(word: str) -> str | Fault:
    match = _TIME.match(word)
    if match and (int(match[1]) < 24 or word.startswith("24:00")):
        return f"{int(match[1]):02d}:{match[2]}"
    return Fault("is not a time of day", "write hours and minutes, such as 08:30")


def _weekdays(word: str) -> str | Fault:
    """Days in the order of the week; a span such as mon-fri counts every day in it."""
    days: set[str] = set()
    for part in re.split(r"[\s,;/|+]+", word.casefold()):
        ends = [end[:3] for end in re.split(r"[-–]", part)]
        if len(ends) > 2 or any(end not in WEEKDAYS for end in ends) or not _day_words(part):
            return Fault("is not a list of weekdays", "write mon tue wed thu fri sat sun, separated by spaces")
        first, last = WEEKDAYS.index(ends[0]), WEEKDAYS.index(ends[-1])
        days |= {WEEKDAYS[day % 7] for day in range(first, last + 1 + 7 * (last < first))}
    return " ".join(day for day in WEEKDAYS if day in days)


def _day_words(part: str) -> bool:
    full = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return all(any(day.startswith(end) for day in full) for end in re.split(r"[-–]", part))


def _not_a_monday(
    column: Column, words: Words, values: npt.NDArray[np.datetime64], faults: Mapping[int, Fault]
) -> dict[int, Fault]:
    """A week is named by its Monday."""
    if column.name != "week":
        return {}
    days = pd.DatetimeIndex(values)
    late = np.flatnonzero(~np.isnat(values) & (days.weekday != 0))
    mondays = first_days(pd.Series(days), "week")
    return {
        int(index): Fault(
            "is not a Monday, by which a week is named", f"write {mondays[int(index)].date().isoformat()}"
        )
        for index in late
        if index not in faults
    }
