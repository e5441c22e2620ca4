"""Days: a regression on the calendar for each warehouse and group of items, instead of a weekday profile.

For the daily total S of a group, with C its moving average over 57 days centred on the day,

    log(S / C) = weekday + place in the month + named days + noise,

where a named day of the calendar that comes often (a benefit day, a payday) also has an effect by weekday and by its
number within the month, and a rare one (a holiday, an event) has one on its eve. Weighted least squares with a ridge:
first for all, then for the warehouse, drawn to what all have, then for the group, drawn to what the warehouse has; days
far from the line are left out once. Demand of an item on a day is its level times exp of that line.

Groups are items of one department (else one category) in one warehouse; a group that sells less than 20 units a day
takes the line of its warehouse, a warehouse that does, the line of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.drivers import Tables
from planner.forecast.scene import Scene
from planner.forecast.seasonality import Factors, Season

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Marks = dict[str, Flags]

DAYS = 1100
_NEEDED, _NEEDED_BEFORE_ORIGIN = 28, 21
_HALF = 28
_OFTEN_A_YEAR = 24
_YEARLY = 300
_HARMONICS = 3
_RIDGE = {
    "weekday": 0.5,
    "month": 5.0,
    "often": 2.0,
    "often by weekday": 20.0,
    "often by number": 20.0,
    "rare": 1.0,
    "eve": 4.0,
}
_TO_ALL, _TO_WAREHOUSE = 2.0, 8.0
_WILD = 4.0
_SMALLEST = 0.02
_UNITS_A_DAY = 20.0
_SURE_UNITS = 50.0
_GAIN = 0.01


def day_season(scene: Scene, origins: tuple[int, ...], tables: Tables) -> tuple[Season, list[Factors]]:
    """The season of days, and the factors of all days as they were known at each end.

    Past origins share what was known at the oldest of them. It is used where it lowers the squared error of the totals
    after the past origins by at least 1 %.
    """
    names, group = _groups(scene)
    flat = Factors(np.ones((len(names), len(scene.dates)), np.float32), group)
    unused = Season(names, np.ones((len(names), 1)), group, np.zeros(len(names), bool))
    if not origins or scene.length < _NEEDED or not len(scene.values):
        return unused, [flat] * len(scene.ends)
    totals = _summed(np.nan_to_num(scene.values), group, len(names))
    parents = _parents(scene, group, len(names))
    marks = _marks(scene, tables)
    oldest = max((origin for origin in origins[-1:]), default=0)
    if oldest < _NEEDED_BEFORE_ORIGIN:
        return unused, [flat] * len(scene.ends)
    now, then = (_lines(scene, totals, parents, marks, end) for end in (scene.length, oldest))
    if not _helps(totals, then, origins, scene.span):
        return unused, [flat] * len(scene.ends)
    used = Season(names, np.ones((len(names), 1)), group, np.ones(len(names), bool))
    return used, [Factors(now, group), *[Factors(then, group)] * len(origins)]


def _groups(scene: Scene) -> tuple[tuple[str, ...], Ints]:
    kind = scene.attribute("department")
    kind = scene.attribute("category") if (kind == "").all() else kind
    label = pd.Series(kind).astype(str).to_numpy() + " in " + scene.keys["warehouse"].astype(str).to_numpy()
    code, names = pd.factorize(label, sort=True)
    return tuple(str(name) for name in names), code.astype(np.int64)


def _parents(scene: Scene, group: Ints, groups: int) -> Ints:
    """Row of the warehouse of each group, in the order of the warehouses' names."""
    code, _ = pd.factorize(scene.keys["warehouse"], sort=True)
    parents = np.zeros(groups, np.int64)
    parents[group] = code
    return parents


def _marks(scene: Scene, tables: Tables) -> list[Marks]:
    """The named days of each warehouse: name -> whether each date is one. A name that came only once is its kind."""
    places = np.unique(scene.keys["warehouse"].to_numpy(dtype=object))
    calendar = tables.calendar
    if calendar is None or not len(calendar):
        return [{} for _ in places]
    country = pd.Series("", index=places, dtype=object)
    if tables.locations is not None and len(tables.locations):
        known = tables.locations.drop_duplicates("location").set_index("location")["country"].astype(object)
        country = known.reindex(places).fillna("")
    named = _named(calendar, scene.history)
    column = scene.dates.get_indexer(pd.DatetimeIndex(named["date"]))
    where, name = named["country"].astype(object).to_numpy(), named["label"].to_numpy(dtype=object)
    return [_of_place(name, column, (where == place) | ((where == land) & (land != "")), len(scene.dates))
            for place, land in zip(places, country, strict=True)]  # fmt: skip


def _named(calendar: pd.DataFrame, history: pd.DatetimeIndex) -> pd.DataFrame:
    label = calendar["name"].astype(object).where(calendar["name"] != "", calendar["kind"].astype(object))
    past = calendar["date"].isin(history)
    number = label[past].groupby(label[past]).size() / calendar.loc[past].groupby(label[past])["country"].nunique()
    single = label.map(number).fillna(0) < 2
    return calendar.assign(label=label.where(~single, calendar["kind"].astype(object)))


def _of_place(name: npt.NDArray[np.object_], column: Ints, here: Flags, days: int) -> Marks:
    marks: Marks = {}
    inside = here & (column >= 0)
    for label in np.unique(name[inside].astype(str)):
        marks[label] = np.zeros(days, bool)
        marks[label][column[inside & (name == label)]] = True
    return marks


def _summed(values: npt.NDArray[np.float32], group: Ints, groups: int) -> Floats:
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], np.arange(groups))
    return np.add.reduceat(values[order].astype(np.float64), first, axis=0)


def _lines(scene: Scene, totals: Floats, parents: Ints, marks: list[Marks], end: int) -> npt.NDArray[np.float32]:
    """exp of the line of each group over all days, learnt before `end`; mean 1 over the days learnt from."""
    first = max(end - DAYS, 0)
    days = [{name: mark[first:] for name, mark in place.items()} for place in marks]
    found = np.ones((len(totals), len(scene.dates)), np.float32)
    found[:, first:] = np.exp(log_factors(totals[:, first:end], parents, designs(scene.dates[first:], days)))
    return found


def _helps(totals: Floats, lines: npt.NDArray[np.float32], origins: tuple[int, ...], span: int) -> bool:
    """Whether the totals after past origins are closer with the line, as it was known at the oldest, than without."""
    errors = np.zeros(2)
    for origin in origins:
        ahead, before = slice(origin, origin + span), slice(max(origin - _HALF, 0), origin)
        usual = np.maximum(totals[:, before].mean(axis=1, keepdims=True), 1e-9)
        level = (totals[:, before] / lines[:, before]).mean(axis=1, keepdims=True)
        for place, said in enumerate((usual, level * lines[:, ahead])):
            errors[place] += (((totals[:, ahead] - said) ** 2) / usual).sum()
    return bool(errors[1] < (1 - _GAIN) * errors[0])


@dataclass(frozen=True)
class Design:
    """Columns [days, effects] of one warehouse and the ridge of each; effects are the same for all warehouses."""

    columns: Floats
    ridge: Floats


def designs(dates: pd.DatetimeIndex, marks: list[Marks]) -> list[Design]:
    """One for each of `marks`: name -> whether each of `dates` is such a day there."""
    names = sorted({name for place in marks for name in place})
    never = np.zeros(len(dates), bool)
    years = max(len(dates) / 365.25, 0.1)
    often = {name: max(place.get(name, never).sum() for place in marks) > _OFTEN_A_YEAR * years for name in names}
    made = []
    for place in marks:
        parts = _common(dates)
        for name in names:
            parts += (_often if often[name] else _rare)(dates, place.get(name, never))
        ridge = np.concatenate([np.full(part.shape[1], _RIDGE[kind]) for kind, part in parts])
        made.append(Design(np.concatenate([part for _, part in parts], axis=1), ridge))
    return made


def _common(dates: pd.DatetimeIndex) -> list[tuple[str, Floats]]:
    """Weekdays and, with at least ten months of days, the place in the month."""
    weekday = dates.weekday.to_numpy()
    parts: list[tuple[str, Floats]] = [("weekday", (weekday[:, None] == np.arange(7)).astype(float))]
    if len(dates) > _YEARLY:
        place = 2 * np.pi * (dates.day.to_numpy() - 0.5) / dates.days_in_month.to_numpy()
        waves = [wave(place * number) for number in range(1, _HARMONICS + 1) for wave in (np.sin, np.cos)]
        parts.append(("month", np.column_stack(waves)))
    return parts


def _rare(dates: pd.DatetimeIndex, days: Flags) -> list[tuple[str, Floats]]:
    eve = np.append(days[1:], False)
    return [("rare", days[:, None].astype(float)), ("eve", eve[:, None].astype(float))]


def _often(dates: pd.DatetimeIndex, days: Flags) -> list[tuple[str, Floats]]:
    month = dates.year.to_numpy() * 12 + dates.month.to_numpy()
    number = np.asarray(pd.Series(days.astype(int)).groupby(month).cumsum())
    weekday = dates.weekday.to_numpy()
    return [
        ("often", days[:, None].astype(float)),
        ("often by weekday", (days[:, None] & (weekday[:, None] == np.arange(7))).astype(float)),
        ("often by number", (days[:, None] & (number[:, None] == np.arange(1, 32))).astype(float)),
    ]


def log_factors(totals: Floats, warehouse: Ints, made: list[Design]) -> Floats:
    """Log factor [groups, days of the designs] of `totals` [groups, days before the end]."""
    groups, count = totals.shape
    sums = np.zeros((len(made), count))
    np.add.at(sums, warehouse, totals)
    target, weight = _target(sums)
    columns = [design.columns[:count] for design in made]
    nothing = np.zeros(columns[0].shape[1])
    ridge = made[0].ridge
    everywhere = _ridge(np.concatenate(columns), target.ravel(), weight.ravel(), ridge, nothing)
    enough = sums.mean(axis=1) >= _UNITS_A_DAY
    there = [
        _ridge(columns[place], target[place], weight[place], ridge * _TO_ALL, everywhere)
        if enough[place] else everywhere
        for place in range(len(made))
    ]  # fmt: skip
    target, weight = _target(totals)
    lines = np.zeros((groups, len(made[0].columns)))
    for row, place in enumerate(warehouse.tolist()):
        effects = there[place]
        if totals[row].mean() >= _UNITS_A_DAY:
            effects = _ridge(columns[place], target[row], weight[row], ridge * _TO_WAREHOUSE, effects)
        line = made[place].columns @ effects
        lines[row] = line - np.log(np.exp(line[:count]).mean())
    return lines


def _target(totals: Floats) -> tuple[Floats, Floats]:
    """log(total / its centred average), and its weight: 0 where unknown, up to 1 for large totals."""
    started = np.cumsum(totals > 0, axis=1) > 0
    sums, number = (
        np.concatenate([np.zeros((len(totals), 1)), np.cumsum(part, axis=1)], axis=1) for part in (totals, started)
    )
    place = np.arange(totals.shape[1])
    high, low = np.minimum(place + _HALF + 1, totals.shape[1]), np.maximum(place - _HALF, 0)
    average = (sums[:, high] - sums[:, low]) / np.maximum(number[:, high] - number[:, low], 1)
    usable = started & (average > 0)
    ratio = np.divide(totals, average, out=np.ones_like(totals), where=usable)
    return np.log(np.maximum(ratio, _SMALLEST)), usable * average / (average + _SURE_UNITS)


def _ridge(columns: Floats, target: Floats, weight: Floats, ridge: Floats, prior: Floats) -> Floats:
    """Effects drawn to `prior`; days far from the line are left out once."""
    effects = prior
    for _ in range(2):
        weighted = columns * weight[:, None]
        square = weighted.T @ columns + np.diag(ridge)
        effects = prior + np.linalg.solve(square, weighted.T @ (target - columns @ prior))
        off = np.abs(target - columns @ effects)
        usual = float(np.median(off[weight > 0])) if (weight > 0).any() else 0.0
        weight = weight * (off <= _WILD * 1.4826 * max(usual, 1e-9))
    return effects
