"""The methods by name, and their blend: from the values of a series one level or one path after each origin.

| name | what it is | source |
|---|---|---|
| naive, seasonal-naive | the last value; the value one season ago | Hyndman and Athanasopoulos (2021), 5.2 |
| moving-average-4, -13, -26, -52 | mean of the last so many weeks | the same, 5.2 |
| smoothing | mean of three exponential smoothings, fast, middling and slow | levels.py |
| ses, holt, holt-winters | exponential smoothing: level; and trend; and season | Holt (1957), Winters (1960) |
| ets | the best exponential smoothing by AICc | Hyndman and others (2002) |
| arima | the best seasonal ARIMA by AICc | Hyndman and Khandakar (2008) |
| theta | dynamic optimised Theta | Fiorucci and others (2016) |
| ces | complex exponential smoothing | Svetunkov, Kourentzes and Ord (2022) |
| croston, sba, tsb | intermittent demand: size and interval, its unbiased form, size and probability | Croston (1972),
  Syntetos and Boylan (2005), Teunter, Syntetos and Babai (2011) |
| adida, imapa | smoothing of aggregated buckets | Nikolopoulos and others (2011), Petropoulos and Kourentzes (2015) |
| mstl | season by repeated LOESS, the rest by ets | Bandara, Hyndman and Bergmeir (2021) |
| regression | Poisson regression of what drivers do to the base | regression.py |
| lightgbm | gradient boosted trees over all series, on top of the base | Ke and others (2017), learning.py |

The blend of all but the last two is the median of those named. It is the base on which the last two work.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import UsageError
from planner.forecast.catalogue import Method, library, own, own_methods
from planner.forecast.censored import first_known
from planner.forecast.levels import ALPHAS, smooth_levels
from planner.jobs import each
from planner.panel import Matrix
from planner.periods import SEASON, Bucket

Floats = npt.NDArray[np.float64]

AVERAGES = {f"moving-average-{weeks}": weeks for weeks in (4, 13, 26, 52)}
SMOOTHING = "smoothing"
LEVELS = ("naive", "ses", "imapa", "adida", "tsb", "sba", "croston")
PATHS = ("holt", "holt-winters", "ets", "arima", "theta", "ces", "seasonal-naive", "mstl")
GLOBAL = ("regression", "lightgbm")
SINGLE = (*LEVELS, *PATHS)
METHODS = (*SINGLE, *AVERAGES, SMOOTHING, *GLOBAL)
LONGEST: Mapping[Bucket, int] = {"day": 730, "week": 156, "month": 120}
_PER_WEEK: Mapping[Bucket, float] = {"day": 7.0, "week": 1.0, "month": 12 / 52}
_BLOCK = 2000


@dataclass(frozen=True)
class Failure:
    """A method that gave no usable number for the series in that row."""

    row: int
    method: str
    reason: str


def check_methods(methods: Sequence[str]) -> tuple[str, ...]:
    """The methods, each once. Raises UsageError naming the nearest one for a name that is not known.

    A name with a colon is a user's own function, `module:function`; installed packages add names of their own.
    """
    known = (*METHODS, *own_methods())
    if not methods:
        raise UsageError("forecast.methods is empty", f"known: {', '.join(known)}, or your own module:function")
    for name in methods:
        if name not in known and ":" not in name:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"
            raise UsageError(f"there is no forecast method {name!r}", hint)
    return tuple(dict.fromkeys(methods))


def blend(
    values: Matrix,
    ends: Sequence[int],
    methods: Sequence[str],
    bucket: Bucket,
    horizon: int = 1,
    functions: Mapping[str, Method] | None = None,
    season: int | None = None,
) -> tuple[Floats, list[Failure]]:
    """Paths of each row as seen from each end: [series, ends, horizon], or [series, ends, 1] where all are levels.

    The median over the methods that gave one, else the row's mean; 0 for a row without any value before the end. Only
    values before an end are used for it. `values` is [series, buckets], NaN only before the start of a row.
    `functions` replaces the methods of the library (tests). `failures` concern the first end.
    """
    known = _functions(methods) if functions is None else functions
    work = _Work(values, tuple(ends), tuple(methods), bucket, horizon, season or SEASON[bucket], known)
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(values), _BLOCK)] or [slice(0, 0)]
    done = each(partial(_block, work), blocks)
    return np.concatenate([path for path, _ in done]), [failure for _, failures in done for failure in failures]


def buckets_of(weeks: float, bucket: Bucket) -> int:
    return max(1, round(weeks * _PER_WEEK[bucket]))


def moving_average(values: Matrix, count: int) -> Floats:
    """Mean of the last `count` known values; 0 where there is none."""
    last = values[:, -count:] if count else values[:, :0]
    known = ~np.isnan(last)
    number = known.sum(axis=1)
    total = np.where(known, last, 0).sum(axis=1, dtype=np.float64)
    return np.asarray(np.divide(total, number, out=np.zeros_like(total), where=number > 0), dtype=np.float64)


@dataclass(frozen=True)
class _Work:
    values: Matrix
    ends: tuple[int, ...]
    methods: tuple[str, ...]
    bucket: Bucket
    horizon: int
    season: int
    functions: Mapping[str, Method]

    @property
    def width(self) -> int:
        return 1 if all(name in (*AVERAGES, *LEVELS, SMOOTHING) for name in self.methods) else self.horizon


def _functions(methods: Sequence[str]) -> dict[str, Method]:
    installed = own_methods()
    mine = {name: own(installed.get(name, name)) for name in methods if name in installed or ":" in name}
    wanted = [name for name in methods if name in SINGLE]
    return mine | (library(wanted) if wanted else {})


def _block(work: _Work, rows: slice) -> tuple[Floats, list[Failure]]:
    values, ends = work.values[rows], work.ends
    table = np.full((len(values), len(ends), len(work.methods), work.width), np.nan)
    for column, name in enumerate(work.methods):
        if name in AVERAGES:
            count = buckets_of(AVERAGES[name], work.bucket)
            table[:, :, column] = np.column_stack([moving_average(values[:, :end], count) for end in ends])[:, :, None]
        if name == SMOOTHING:
            table[:, :, column] = _smoothed(work, values)[:, :, None]
    failures = _single(work, values, table, rows.start)
    table[~np.isfinite(table)] = np.nan
    mean = np.column_stack([moving_average(values[:, :end], max(end, 1)) for end in ends])[:, :, None]
    empty = np.isnan(table).all(axis=2)
    table[:, :, 0] = np.where(empty, mean, table[:, :, 0])
    paths = np.nanmedian(table, axis=2)
    return np.where(mean == 0, 0.0, np.maximum(paths, 0.0)), failures


def _smoothed(work: _Work, values: Matrix) -> Floats:
    """Level at each end; what came long before it no longer counts."""
    cut = max(min(work.ends) - LONGEST[work.bucket], 0)
    levels = smooth_levels(values[:, cut : work.ends[0]], ALPHAS[work.bucket])
    places = [end - cut - 1 for end in work.ends]
    return np.column_stack([levels[:, place] if place >= 0 else np.zeros(len(values)) for place in places])


def _single(work: _Work, values: Matrix, table: Floats, first: int) -> list[Failure]:
    """Fill the columns of the methods that see one series; rows without demand are left to the mean, which is 0."""
    wanted = [(column, name) for column, name in enumerate(work.methods) if name in work.functions]
    failures: list[Failure] = []
    if not wanted:
        return failures
    cut = max(work.ends[0] - LONGEST[work.bucket], 0)
    recent = values[:, cut : work.ends[0]]
    start, total = first_known(recent), np.nansum(recent, axis=1)
    for row in np.flatnonzero(total > 0):
        series = recent[row, start[row] :].astype(np.float64)
        sizes = [end - cut - int(start[row]) for end in work.ends]
        for column, name in wanted:
            paths, reason = _attempt(work, name, series, sizes)
            for number, path in enumerate(paths):
                table[row, number, column] = path
            if reason:
                failures.append(Failure(first + int(row), name, reason))
    return failures


def _attempt(work: _Work, name: str, series: Floats, sizes: Sequence[int]) -> tuple[list[Any], str]:
    """The paths, or NaN and why there is none. Whatever a library raises concerns this one series only."""
    if series.size == 1:
        return [float(series[0])] * len(sizes), ""
    try:
        paths = work.functions[name](series, sizes, work.horizon, work.season)
    except Exception as error:
        return [np.nan] * len(sizes), f"{type(error).__name__}: {error}"
    short = name in PATHS and series.size < 3
    return paths, "" if short or np.isfinite(paths[0]).all() else "not a finite number"
