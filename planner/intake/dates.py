"""Dates as people write them -> datetime64[ns], one per different text of a column.

Whether 03/04/2024 is in March or April is decided only when the column settles it; else the column is refused.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

FIRST_YEAR, LAST_YEAR = 1990, 2100
_HINT = "write it as 2024-04-15"
_CLOCK = r"(?:[ T]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(?:Z|\+00:00)?)?"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?$"
_YEAR_FIRST = re.compile(rf"^([0-9]{{4,6}})[-/.]([0-9]{{1,2}})[-/.]([0-9]{{1,2}}){_CLOCK}$")
_CHINESE = re.compile(rf"^([0-9]{{4}})年([0-9]{{1,2}})月([0-9]{{1,2}})日{_CLOCK}$")
_DAY_FIRST = re.compile(rf"^([0-9]{{1,2}})\.([0-9]{{1,2}})\.([0-9]{{4,6}}){_CLOCK}$")
_EITHER = re.compile(rf"^([0-9]{{1,2}})[-/]([0-9]{{1,2}})[-/]([0-9]{{4,6}}){_CLOCK}$")
_NAMED = re.compile(rf"^([0-9]{{1,2}})[ -]([A-Za-z]{{3,9}})[ -]([0-9]{{4,6}}){_CLOCK}$")
_DIGITS = re.compile(r"^([0-9]{4})([0-9]{2})([0-9]{2})$")
_SERIAL = re.compile(r"^[0-9]{5}(?:\.[0-9]+)?$")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EXCEL_DAY_ZERO = dt.datetime(1899, 12, 30)

_ZONED = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)? ?(Z|z|[+-]\d{2}:?\d{2})$"
_MIXED = (
    "has a time zone, others in this column have none",
    "write all times by one clock, such as 2026-03-02T09:00:00",
    False,
)

Texts = npt.NDArray[np.object_]
Complaint = tuple[str, str, bool]


class _NotADateError(ValueError):
    """Carries the rule that is broken."""


@dataclass(frozen=True)
class _Slashed:
    """A date of which the first two numbers are day and month in an order that only the column can tell."""

    first: int
    second: int
    year: int
    clock: tuple[str | None, ...]

    def date(self, day_first: bool) -> dt.datetime:
        day, month = (self.first, self.second) if day_first else (self.second, self.first)
        return _moment(self.year, month, day, self.clock)


def parse_dates(words: Texts, with_time: bool) -> tuple[npt.NDArray[np.datetime64], dict[int, Complaint]]:
    """One datetime64[ns] per text (NaT where empty or wrong), and the complaints by position: rule, hint, once."""
    values = np.full(len(words), np.datetime64("NaT", "ns"), dtype="datetime64[ns]")
    words, mixed = _one_clock(words) if with_time else (words, [])
    iso = pc.match_substring_regex(pa.array(words, pa.string()), _ISO).to_numpy(zero_copy_only=False).astype(bool)
    parsed = pd.to_datetime(pd.Series(words[iso], dtype=object), format="ISO8601", errors="coerce")
    values[iso] = parsed.to_numpy().astype("datetime64[ns]")
    complaints: dict[int, Complaint] = dict.fromkeys(mixed, _MIXED)
    slashed: dict[int, _Slashed] = {}
    for index in np.flatnonzero(np.isnat(values) & (words != "")):
        try:
            found = _read(str(words[index]))
        except _NotADateError as error:
            complaints[int(index)] = (str(error), _HINT, False)
            continue
        if isinstance(found, _Slashed):
            slashed[int(index)] = found
        else:
            values[index] = np.datetime64(found, "ns")
    _settle(slashed, values, complaints)
    _check_range(values, complaints)
    if not with_time:
        _check_midnight(values, complaints)
    return values, complaints


def _one_clock(words: Texts) -> tuple[Texts, list[int]]:
    """Times of which each says its zone, all in UTC; where others say none, the positions of those that do, emptied.

    Two clocks in one column cannot be told apart: what came first may seem to have come last.
    """
    zoned = pc.match_substring_regex(pa.array(words, pa.string()), _ZONED).to_numpy(zero_copy_only=False).astype(bool)
    if not zoned.any():
        return words, []
    at = np.flatnonzero(zoned)
    result = words.copy()
    if (zoned | (words == "")).all():
        parsed = pd.to_datetime(pd.Series(words[at], dtype=object), format="ISO8601", errors="coerce", utc=True)
        told = parsed.dt.strftime("%Y-%m-%dT%H:%M:%S").to_numpy(dtype=object)
        result[at] = np.where(parsed.isna(), words[at], told)
        return result, []
    result[at] = ""
    return result, at.tolist()


def _read(word: str) -> dt.datetime | _Slashed:
    if match := _YEAR_FIRST.match(word) or _CHINESE.match(word):
        return _moment(int(match[1]), int(match[2]), int(match[3]), match.groups()[3:])
    if match := _DAY_FIRST.match(word):
        return _moment(int(match[3]), int(match[2]), int(match[1]), match.groups()[3:])
    if match := _EITHER.match(word):
        return _Slashed(int(match[1]), int(match[2]), int(match[3]), match.groups()[3:])
    if (match := _NAMED.match(word)) and match[2][:3].lower() in _MONTHS:
        return _moment(int(match[3]), _MONTHS.index(match[2][:3].lower()) + 1, int(match[1]), match.groups()[3:])
    if match := _DIGITS.match(word):
        return _moment(int(match[1]), int(match[2]), int(match[3]), ())
    if _SERIAL.match(word):
        return _EXCEL_DAY_ZERO + dt.timedelta(seconds=round(float(word) * 86400))
    raise _NotADateError("is not a date")


def _moment(year: int, month: int, day: int, clock: tuple[str | None, ...]) -> dt.datetime:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise _NotADateError(_range_rule())
    try:
        hour, minute, second = ([int(part) for part in clock if part] + [0, 0, 0])[:3]
        return dt.datetime(year, month, day, hour, minute, second)
    except ValueError:
        raise _NotADateError("is not a day of the calendar") from None


def _range_rule() -> str:
    return f"is outside the years {FIRST_YEAR} to {LAST_YEAR}"


def _settle(slashed: dict[int, _Slashed], values: npt.NDArray[np.datetime64], complaints: dict[int, Complaint]) -> None:
    """Day or month first: as the column shows it; one complaint where it shows neither."""
    day_first = sum(date.first > 12 for date in slashed.values())
    month_first = sum(date.second > 12 for date in slashed.values())
    open_ = [index for index, date in slashed.items() if date.first != date.second]
    if open_ and not day_first and not month_first:
        rule = "could be day/month or month/day, and nothing in the column settles it"
        complaints[min(open_)] = (rule, "write dates as 2024-04-15", True)
        return
    for index, date in slashed.items():
        try:
            values[index] = np.datetime64(date.date(day_first >= month_first), "ns")
        except _NotADateError as error:
            complaints[index] = (str(error), _mixed_hint(date, day_first, month_first), False)


def _mixed_hint(date: _Slashed, day_first: int, month_first: int) -> str:
    if not day_first or not month_first:
        return _HINT
    return f"the column is mostly {'day/month' if day_first >= month_first else 'month/day'}; {_HINT}"


def _check_range(values: npt.NDArray[np.datetime64], complaints: dict[int, Complaint]) -> None:
    low, high = np.datetime64(f"{FIRST_YEAR}-01-01", "ns"), np.datetime64(f"{LAST_YEAR + 1}-01-01", "ns")
    for index in np.flatnonzero((values < low) | (values >= high)):
        complaints[int(index)] = (_range_rule(), _HINT, False)


def _check_midnight(values: npt.NDArray[np.datetime64], complaints: dict[int, Complaint]) -> None:
    days = values.astype("datetime64[D]")
    for index in np.flatnonzero((values != days) & ~np.isnat(values)):
        complaints.setdefault(int(index), ("has a time of day where a day is asked for", f"write {days[index]}", False))
