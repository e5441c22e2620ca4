"""The methods: from the values of a series one level, which holds for every bucket ahead of an origin.

The smoothing methods are statsforecast's, called series by series: its batch interface copies everything into long
frames and one bad series aborts the run. Its import takes more than a second, so it waits until it is needed.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import UsageError
from planner.forecast.censored import first_known
from planner.panel import Matrix
from planner.periods import Bucket

Floats = npt.NDArray[np.float64]
Method = Callable[[Floats, tuple[int, ...]], list[float]]

SMOOTHING = ("ses", "imapa", "adida", "tsb", "sba", "croston")
AVERAGES = {f"moving-average-{weeks}": weeks for weeks in (4, 13, 26, 52)}
METHODS = (*SMOOTHING, *AVERAGES)
LONGEST: Mapping[Bucket, int] = {"day": 730, "week": 156, "month": 120}
_PER_WEEK: Mapping[Bucket, float] = {"day": 7.0, "week": 1.0, "month": 12 / 52}
_SMOOTHING = 0.1


@dataclass(frozen=True)
class Failure:
    """A method that gave no usable number for the series in that row."""

    row: int
    method: str
    reason: str


def check_methods(methods: Sequence[str]) -> tuple[str, ...]:
    """The methods, each once. Raises UsageError naming the nearest one for a name that is not known."""
    if not methods:
        raise UsageError("forecast.methods is empty", f"known: {', '.join(METHODS)}")
    for name in methods:
        if name not in METHODS:
            close = difflib.get_close_matches(name, METHODS, n=1, cutoff=0.4)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(METHODS)}"
            raise UsageError(f"there is no forecast method {name!r}", hint)
    return tuple(dict.fromkeys(methods))


def blend(
    values: Matrix,
    ends: Sequence[int],
    methods: Sequence[str],
    bucket: Bucket,
    functions: Mapping[str, Method] | None = None,
) -> tuple[Floats, list[Failure]]:
    """Level of each row as seen from each end: [series, ends].

    The median over the methods that gave one, else the row's mean; 0 for a row without any value before the end. Only
    values before an end are used for it. `values` is [series, buckets], NaN only before the start of a row.
    `functions` replaces the smoothing methods (tests). `failures` concern the first end.
    """
    table = np.full((len(values), len(ends), len(methods)), np.nan)
    for column, name in enumerate(methods):
        if name in AVERAGES:
            count = buckets_of(AVERAGES[name], bucket)
            table[:, :, column] = np.column_stack([moving_average(values[:, :end], count) for end in ends])
    failures = _smooth(values, tuple(ends), methods, bucket, functions, table)
    table[~np.isfinite(table)] = np.nan
    mean = np.column_stack([moving_average(values[:, :end], max(end, 1)) for end in ends])
    empty = np.isnan(table).all(axis=2)
    table[empty, 0] = mean[empty]
    levels = np.nanmedian(table, axis=2)
    return np.where(mean == 0, 0.0, np.maximum(levels, 0.0)), failures


def buckets_of(weeks: float, bucket: Bucket) -> int:
    return max(1, round(weeks * _PER_WEEK[bucket]))


def moving_average(values: Matrix, count: int) -> Floats:
    """Mean of the last `count` known values; 0 where there is none."""
    last = values[:, -count:] if count else values[:, :0]
    known = ~np.isnan(last)
    number = known.sum(axis=1)
    total = np.where(known, last, 0).sum(axis=1, dtype=np.float64)
    return np.asarray(np.divide(total, number, out=np.zeros(len(values)), where=number > 0), dtype=np.float64)


def _smooth(
    values: Matrix,
    ends: tuple[int, ...],
    methods: Sequence[str],
    bucket: Bucket,
    functions: Mapping[str, Method] | None,
    table: Floats,
) -> list[Failure]:
    """Fill the columns of the smoothing methods; rows without any demand are left to the mean, which is 0."""
    wanted = [(column, name) for column, name in enumerate(methods) if name not in AVERAGES]
    failures: list[Failure] = []
    if not wanted:
        return failures
    known = _library() if functions is None else functions
    cut = max(ends[0] - LONGEST[bucket], 0)
    recent = values[:, cut : ends[0]]
    start, total = first_known(recent), np.nansum(recent, axis=1)
    for row in np.flatnonzero(total > 0):
        series = recent[row, start[row] :].astype(np.float64)
        sizes = tuple(end - cut - int(start[row]) for end in ends)
        for column, name in wanted:
            levels, reason = _attempt(known[name], series, sizes)
            table[row, :, column] = levels
            if reason:
                failures.append(Failure(int(row), name, reason))
    return failures


def _attempt(method: Method, series: Floats, sizes: tuple[int, ...]) -> tuple[list[float], str]:
    """The levels, or NaN and why there is none. Whatever a library raises concerns this one series only."""
    if series.size == 1:
        return [float(series[0])] * len(sizes), ""
    try:
        levels = method(series, sizes)
    except Exception as error:
        return [np.nan] * len(sizes), f"{type(error).__name__}: {error}"
    return levels, "" if np.isfinite(levels[0]) else "not a finite number"


def _library() -> dict[str, Method]:
    """statsforecast's models by name. Croston and SBA smooth with a fixed 0.1, IMAPA and ADIDA with 0.1 to 0.3."""
    from statsforecast import models

    return {
        "ses": _from_fitted(models.SimpleExponentialSmoothing(alpha=_SMOOTHING)),
        "imapa": _from_prefix(models.IMAPA()),
        "adida": _from_prefix(models.ADIDA()),
        "tsb": _from_fitted(models.TSB(alpha_d=_SMOOTHING, alpha_p=_SMOOTHING)),
        "sba": _from_fitted(models.CrostonSBA()),
        "croston": _from_fitted(models.CrostonClassic()),
    }


def _from_fitted(model: Any) -> Method:
    """One pass gives every origin: the fitted value of a bucket is the forecast made just before it."""

    def levels(series: Floats, sizes: tuple[int, ...]) -> list[float]:
        if len(sizes) == 1:
            return [float(model.forecast(y=series, h=1)["mean"][0])]
        made = model.forecast(y=series, h=1, fitted=True)
        fitted = made["fitted"]
        return [float(made["mean"][0])] + [float(fitted[size]) if size > 0 else np.nan for size in sizes[1:]]

    return levels


def _from_prefix(model: Any) -> Method:
    """Methods whose level depends on the whole past start again for every origin."""

    def levels(series: Floats, sizes: tuple[int, ...]) -> list[float]:
        return [
            float(model.forecast(y=series[:size], h=1)["mean"][0]) if size > 1 and series[:size].any() else np.nan
            for size in sizes
        ]

    return levels
