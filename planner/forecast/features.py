"""What the learning methods see of a series at an origin, and of a bucket ahead of it.

Everything that describes sales is relative to the level at the origin, so that small and large series teach each other.
Running sums make every window of every cell a difference of two numbers: a cell is a series, an origin (the number of
buckets known) and a bucket ahead, and any sample of cells is looked up at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.censored import first_known
from planner.forecast.drivers import Driver
from planner.forecast.levels import ALPHAS, smooth_levels
from planner.forecast.memory import Memory
from planner.forecast.seasonality import Factors
from planner.forecast.surroundings import AROUND, CHEAPEST, OTHERS
from planner.panel import Matrix
from planner.periods import SEASON, Bucket

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WINDOWS: Mapping[Bucket, tuple[int, ...]] = {
    "day": (1, 3, 7, 14, 28, 56, 112),
    "week": (1, 2, 4, 8, 13, 26, 52),
    "month": (1, 2, 3, 4, 6, 12, 24),
}
SMALLEST = 1e-3
_BACK, _LATELY = (1, 2), (-5, -3)


@dataclass(frozen=True)
class Cells:
    """`row` of the panel, `known` buckets at the origin, `target` column."""

    row: Ints
    known: Ints
    target: Ints

    def __getitem__(self, part: slice | npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Cells:
        return Cells(self.row[part], self.known[part], self.target[part])

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True)
class _Group:
    """Running sums of the series of one group, and of how many of their buckets are known."""

    name: str
    code: Ints
    total: Floats
    count: Floats


class Features:
    """Columns of any cells. `values` [series, buckets] are NaN before the start; `plain` are values over the season."""

    def __init__(
        self,
        values: Matrix,
        plain: Matrix,
        groups: Mapping[str, Sequence[str] | npt.NDArray[np.object_]],
        dates: pd.DatetimeIndex,
        bucket: Bucket,
        drivers: Sequence[Driver] = (),
        driven: bool = False,
        memory: Memory | None = None,
    ) -> None:
        """`driven`: a cell also tells which series it is of, and how far drivers are from the bucket before. With
        `memory` it tells of drivers, logarithms of past sales and what was sold while drivers were alike, no more.
        """
        self.bucket, self.width = bucket, values.shape[1]
        self.windows, self.season = WINDOWS[bucket], SEASON[bucket]
        self.level = smooth_levels(plain, ALPHAS[bucket])
        known = ~np.isnan(plain)
        filled = np.nan_to_num(plain).astype(np.float64)
        self._sum, self._square = _running(filled), _running(filled**2)
        self._known, self._zero = _running(known, np.int32), _running(known & (filled <= 0), np.int32)
        self._last = np.maximum.accumulate(
            np.where(known & (filled > 0), np.arange(self.width, dtype=np.int32), np.int32(-1)), axis=1
        )
        self.start = first_known(values).astype(np.int64)
        self._groups = [self._grouped(name, np.asarray(labels, dtype=object)) for name, labels in groups.items()]
        self._place = _places(dates, bucket)
        self.drivers, self.driven, self.memory = tuple(drivers), driven, memory
        self.names = self._names()

    def base(self, cells: Cells, factors: Factors) -> Floats:
        """Level at the origin times the season of the target."""
        level = np.maximum(self.level[cells.row, cells.known - 1], SMALLEST)
        return np.asarray(level * factors.at(cells.row, cells.target), dtype=np.float64)

    def rows(self, cells: Cells, factors: Factors, quiet: Driver | None = None) -> Matrix:
        """[cells, names]; NaN where a cell has no such past. `quiet`: as if nothing were going on with that driver."""
        if self.memory is not None:
            return np.column_stack(list(self._remembered(self.memory, cells, quiet).values())).astype(np.float32)
        level = np.maximum(self.level[cells.row, cells.known - 1], SMALLEST).astype(np.float64)
        table = np.empty((len(cells), len(self.names)), dtype=np.float32)
        columns = [
            *self._own(cells, level, factors),
            *self._same_place(cells, level),
            *(column for group in self._groups for column in self._of_group(group, cells, level)),
            *(place[cells.target] for place in self._place.values()),
            *(
                column
                for driver in self.drivers
                for column in driver.columns(cells.row, cells.known, cells.target, driver is quiet)
            ),
            *(self._of_driven(cells, quiet) if self.driven else ()),
        ]
        for number, column in enumerate(columns):
            table[:, number] = column
        return table

    def _names(self) -> tuple[str, ...]:
        if self.memory is not None:
            none = np.zeros(0, np.int64)
            return tuple(self._remembered(self.memory, Cells(none, none, none), None))
        own = ["level", "ahead", "season", *(f"mean {window}" for window in self.windows)]
        own += ["share of zeros", "variation", "since last sale", "age"]
        groups = [f"{group.name} {what}" for group in self._groups for what in ("size", "momentum")]
        drivers = [name for driver in self.drivers for name in (f"driver {driver.name}", f"change of {driver.name}")]
        steps = [f"step of {driver.name}" for driver in self.drivers] if self.driven else []
        return (*own, "one season ago", "seasons ago", *groups, *self._place, *drivers, *steps, *self.codes)

    @property
    def codes(self) -> tuple[str, ...]:
        """The columns that are numbers of names."""
        return tuple(f"{group.name} code" for group in self._groups) if self.driven else ()

    def _of_driven(self, cells: Cells, quiet: Driver | None) -> list[npt.NDArray[Any]]:
        steps = [driver.step(cells.row, cells.known, cells.target, driver is quiet) for driver in self.drivers]
        return [*steps, *(group.code[cells.row] for group in self._groups)]

    def _remembered(self, memory: Memory, cells: Cells, quiet: Driver | None) -> dict[str, npt.NDArray[Any]]:
        """Columns by name. Few and telling ones: with more of them trees know a bucket by its drivers."""
        found: dict[str, npt.NDArray[Any]] = {"ahead": cells.target - cells.known + 1}
        found |= memory.columns(cells.row, cells.known, cells.target, self.windows, quiet)
        found |= {f"{group.name} code": group.code[cells.row] for group in self._groups}
        for driver in self.drivers:
            found |= self._of_driver(driver, cells, quiet)
        return found

    def _of_driver(self, driver: Driver, cells: Cells, quiet: Driver | None) -> dict[str, npt.NDArray[Any]]:
        """Its value. Of the series' own drivers also how far it is from the buckets before, and its means lately; of a
        price how far it is from those, the price itself, and how far that is from prices around it."""
        at = (cells.row, cells.known, cells.target)
        name, now = driver.name, driver.columns(*at, driver is quiet)[0]
        found: dict[str, npt.NDArray[Any]] = {name: now}
        own, priced = not name.endswith(AROUND), self._is_price(name.removesuffix(OTHERS))
        if own:
            found |= {f"{name} since {back} before": driver.step(*at, driver is quiet, back) for back in _BACK}
        if own or priced:
            means = {place: driver.usual(*at[:2], self.windows[place]) for place in _LATELY}
            found |= {f"{name} lately {place}": now - mean if priced else mean for place, mean in means.items()}
        if driver.centre is not None:
            plain = now + driver.centre[driver.row[cells.row]]
            around = [other for other in self.drivers if other.name in (name + CHEAPEST, name + OTHERS)]
            found[f"{name} itself"] = plain
            found |= {f"{name} less {other.name}": plain - other.columns(*at, other is quiet)[0] for other in around}
        return found

    def _is_price(self, name: str) -> bool:
        return any(driver.name == name and driver.centre is not None for driver in self.drivers)

    def _grouped(self, name: str, labels: npt.NDArray[np.object_]) -> _Group:
        code, _ = pd.factorize(labels, sort=True)
        count = int(code.max()) + 1 if len(code) else 0
        total, number = np.zeros((count, self.width + 1)), np.zeros((count, self.width + 1))
        np.add.at(total, code, self._sum)
        np.add.at(number, code, self._known)
        return _Group(name, code.astype(np.int64), total, number)

    def _mean(self, cells: Cells, window: int) -> tuple[Floats, Floats]:
        """Mean of the last known buckets within the window, and how many there are."""
        low = np.maximum(cells.known - window, 0)
        count = (self._known[cells.row, cells.known] - self._known[cells.row, low]).astype(np.float64)
        total = self._sum[cells.row, cells.known] - self._sum[cells.row, low]
        return total / np.maximum(count, 1), count

    def _own(self, cells: Cells, level: Floats, factors: Factors) -> list[npt.NDArray[Any]]:
        columns: list[npt.NDArray[Any]] = [
            np.log(level), cells.target - cells.known + 1, factors.at(cells.row, cells.target)
        ]  # fmt: skip
        for window in self.windows:
            mean, count = self._mean(cells, window)
            columns.append(np.where(count > 0, mean / level, np.nan))
        low = np.maximum(cells.known - self.windows[-1], 0)
        number = np.maximum(count, 1)
        zeros = self._zero[cells.row, cells.known] - self._zero[cells.row, low]
        square = (self._square[cells.row, cells.known] - self._square[cells.row, low]) / number
        columns += [
            zeros / number,
            np.sqrt(np.maximum(square - mean**2, 0)) / level,
            cells.known - 1 - self._last[cells.row, cells.known - 1],
            cells.known - self.start[cells.row],
        ]
        return columns

    def _same_place(self, cells: Cells, level: Floats) -> list[Floats]:
        """Sales at the same place of the newest known seasons, over the level: weekdays are averaged over a month."""
        wide = 1 if self.bucket == "week" else 0
        newest = cells.target - self.season * -(-(cells.target - cells.known + 1 + wide) // self.season)
        back = (range(4), range(8)) if self.bucket == "day" else (range(1), range(1, 2))
        return [self._around(cells.row, newest, seasons, wide) / level for seasons in back]

    def _around(self, row: Ints, newest: Ints, seasons: range, wide: int) -> Floats:
        total, count = np.zeros(len(row)), np.zeros(len(row))
        for number in seasons:
            middle = newest - self.season * number
            low, high = np.maximum(middle - wide, 0), np.maximum(middle + wide + 1, 0)
            total += self._sum[row, high] - self._sum[row, low]
            count += self._known[row, high] - self._known[row, low]
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _of_group(self, group: _Group, cells: Cells, level: Floats) -> list[Floats]:
        """Mean bucket of the group over the level, and its last weeks over its last year."""
        code = group.code[cells.row]
        long, short = (self._group_mean(group, code, cells.known, self.windows[place]) for place in (-1, -4))
        return [long / level, np.divide(short, long, out=np.ones_like(long), where=long > 0)]

    def _group_mean(self, group: _Group, code: Ints, known: Ints, window: int) -> Floats:
        low = np.maximum(known - window, 0)
        count = group.count[code, known] - group.count[code, low]
        return np.asarray((group.total[code, known] - group.total[code, low]) / np.maximum(count, 1), dtype=np.float64)


def _running(values: npt.NDArray[Any], kind: type = np.float64) -> npt.NDArray[Any]:
    """Sums of the first 0, 1, 2, ... columns."""
    sums = np.zeros((values.shape[0], values.shape[1] + 1), dtype=kind)
    np.cumsum(values, axis=1, out=sums[:, 1:], dtype=kind)
    return sums


def _places(dates: pd.DatetimeIndex, bucket: Bucket) -> dict[str, Ints]:
    """Where in the year a week or month lies; days, of which fewer years are learnt from, in the week and the month."""
    if bucket != "day":
        return {"place in the year": dates.dayofyear.to_numpy(dtype=np.int64)}
    return {
        "weekday": dates.weekday.to_numpy(dtype=np.int64),
        "day of the month": dates.day.to_numpy(dtype=np.int64),
    }
