"""Demand per week, and summed over windows: what stock reads.

Errors of neighbouring weeks go together, so the variance of a sum is more than the sum of variances. How much more is
measured per demand class (the `dependence` table) and applied here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast.quantiles import quantiles
from planner.periods import Bucket, first_days, last_day
from planner.tables import QUANTILE_COLUMNS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BETWEEN_WAREHOUSES = 0.25
_KEY = ["sku", "warehouse"]
_VALUES = ["mean", "variance", "base", "campaign"]


def weekly(forecast: pd.DataFrame, series: pd.DataFrame, dependence: pd.DataFrame, bucket: Bucket) -> pd.DataFrame:
    """The forecast by week: sku, warehouse, week, mean, variance, base, campaign.

    Days are summed into the weeks that hold them, their variances times the measured inflation of a sum of as many
    days; the first and last week hold only the days that were forecast. A month is split over its days evenly and its
    variance with it, as if its days were independent, so that the weeks of a month have the variance of the month.
    """
    columns = [*_KEY, "week", *_VALUES]
    if bucket == "week":
        return forecast.rename(columns={"date": "week"})[columns].sort_values([*_KEY, "week"]).reset_index(drop=True)
    frame = _days_of_months(forecast) if bucket == "month" else forecast
    weeks = frame[[*_KEY, *_VALUES]].assign(week=first_days(frame["date"], "week"), count=1)
    total = weeks.groupby([*_KEY, "week"], sort=True, observed=True).sum().reset_index()
    if bucket == "day":
        factor = _inflation(_class_of(total, series), total["count"].to_numpy(), dependence, "buckets")
        total["variance"] *= factor
    return total[columns]


def cumulate(
    weekly: pd.DataFrame, series: pd.DataFrame, dependence: pd.DataFrame, windows: pd.DataFrame
) -> pd.DataFrame:
    """Demand summed over the window of `weeks` weeks that ends with each week, cut at the first planned week.

    Columns sku, warehouse, from_date and to_date (Mondays of the first and last week), mean, variance, quantiles; one
    row a window and week. With `members` (warehouses joined by "|") the demand of those is summed, and errors of two
    warehouses of one SKU are taken to correlate by 0.25 (three-week sums: 0.25 on VN2, 0.31 on M5). A series that is
    not forecast has no demand.
    """
    weeks = pd.DatetimeIndex(np.sort(weekly["week"].unique()))
    keys, mean, variance = _matrices(weekly, weeks)
    label, whole = _class_of(keys, series), _whole_of(keys, series)
    windows = windows.sort_values(_KEY, kind="stable").reset_index(drop=True)
    window, member = _members(windows, keys)
    length = np.maximum(windows["weeks"].to_numpy(dtype=np.int64), 1)
    size = np.minimum(length[:, None], np.arange(1, len(weeks) + 1))
    sums = _rolling(mean[member], length[window])
    spread = _rolling(variance[member], length[window])
    spread *= _inflation(np.repeat(label[member], len(weeks)), size[window].ravel(), dependence, "weeks").reshape(
        spread.shape
    )
    total, joint = _join(window, sums, spread, len(windows))
    units = np.ones(len(windows), bool)
    np.logical_and.at(units, window, whole[member])
    return _table(windows, weeks, size, total, joint, units)


def _days_of_months(forecast: pd.DataFrame) -> pd.DataFrame:
    """Each row of a month as many rows as the month has days, with an even share of everything."""
    first = pd.DatetimeIndex(forecast["date"])
    ends = {date: last_day(date, "month").day for date in first.unique()}
    days = first.map(ends).to_numpy(dtype=np.int64)
    row = np.repeat(np.arange(len(forecast)), days)
    offset = np.arange(row.size) - np.repeat(np.cumsum(days) - days, days)
    frame = forecast.iloc[row].reset_index(drop=True)
    shares = {name: frame[name] / days[row] for name in _VALUES}
    return frame.assign(date=frame["date"] + pd.to_timedelta(offset, unit="D"), **shares)


def _matrices(weekly: pd.DataFrame, weeks: pd.DatetimeIndex) -> tuple[pd.DataFrame, Floats, Floats]:
    """Keys in order, and mean and variance as [series, weeks]."""
    keys = weekly[_KEY].astype(object).drop_duplicates().sort_values(_KEY).reset_index(drop=True)
    row = weekly.groupby(_KEY, sort=True, observed=True).ngroup().to_numpy()
    cell = (row, weeks.get_indexer(pd.DatetimeIndex(weekly["week"])))
    values = []
    for name in ("mean", "variance"):
        table = np.zeros((len(keys), len(weeks)))
        np.add.at(table, cell, weekly[name].to_numpy(dtype=np.float64))
        values.append(table)
    return keys, values[0], values[1]


def _members(windows: pd.DataFrame, keys: pd.DataFrame) -> tuple[Ints, Ints]:
    """(window, series) of every series that a window sums; its own where it names no members."""
    members = windows["members"].fillna("").astype(str).to_numpy(dtype=object)
    named = np.flatnonzero(members != "")
    alone = np.flatnonzero(members == "")
    parts = [list(dict.fromkeys(members[row].split("|"))) for row in named]
    window = np.concatenate([alone, np.repeat(named, [len(part) for part in parts])]).astype(np.int64)
    place = [*windows["warehouse"].to_numpy(dtype=object)[alone], *(name for part in parts for name in part)]
    wanted = pd.DataFrame({"sku": windows["sku"].to_numpy(dtype=object)[window], "warehouse": place}, dtype=object)
    found = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(wanted)).astype(np.int64)
    order = np.argsort(window, kind="stable")
    window, found = window[order], found[order]
    return window[found >= 0], found[found >= 0]


def _rolling(values: Floats, length: Ints) -> Floats:
    """Sum of the last `length` columns that end with each column, cut at the first."""
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    start = np.maximum(np.arange(1, values.shape[1] + 1) - length[:, None], 0)
    sums: Floats = np.maximum(total[:, 1:] - np.take_along_axis(total, start, axis=1), 0.0)
    return sums


def _join(window: Ints, mean: Floats, variance: Floats, count: int) -> tuple[Floats, Floats]:
    """Sum over members: variance = (1 - r) x sum of variances + r x (sum of standard deviations)^2."""
    total, single, joint = (np.zeros((count, mean.shape[1])) for _ in range(3))
    np.add.at(total, window, mean)
    np.add.at(single, window, variance)
    np.add.at(joint, window, np.sqrt(variance))
    return total, np.maximum((1 - BETWEEN_WAREHOUSES) * single + BETWEEN_WAREHOUSES * joint**2, 0.0)


def _table(
    windows: pd.DataFrame,
    weeks: pd.DatetimeIndex,
    size: Ints,
    mean: Floats,
    variance: Floats,
    whole: npt.NDArray[np.bool_],
) -> pd.DataFrame:
    count = len(weeks)
    last = np.tile(weeks.to_numpy(dtype="datetime64[ns]"), len(windows))
    first = weeks.to_numpy(dtype="datetime64[ns]")[(np.arange(1, count + 1) - size).ravel()] if count else last
    frame = pd.DataFrame(
        {
            "sku": np.repeat(windows["sku"].to_numpy(dtype=object), count),
            "warehouse": np.repeat(windows["warehouse"].to_numpy(dtype=object), count),
            "from_date": first,
            "to_date": last,
            "mean": mean.ravel(),
            "variance": variance.ravel(),
        }
    )
    levels = quantiles(mean.ravel(), variance.ravel(), np.repeat(whole, count))
    return pd.concat([frame, pd.DataFrame(levels, columns=list(QUANTILE_COLUMNS))], axis=1)


def _class_of(keys: pd.DataFrame, series: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Demand class of each row of `keys`; "" where the series is not known."""
    return _of_series(keys, series, "demand_class", "")


def _whole_of(keys: pd.DataFrame, series: pd.DataFrame) -> npt.NDArray[np.bool_]:
    if "whole" not in series:
        return np.ones(len(keys), bool)
    return _of_series(keys, series, "whole", True).astype(bool)


def _of_series(keys: pd.DataFrame, series: pd.DataFrame, column: str, default: object) -> npt.NDArray[np.object_]:
    place = pd.MultiIndex.from_frame(series[_KEY].astype(object)).get_indexer(
        pd.MultiIndex.from_frame(keys[_KEY].astype(object))
    )
    values = np.full(len(series) + 1, default, dtype=object)
    values[:-1] = series[column].to_numpy(dtype=object)
    found: npt.NDArray[np.object_] = values[place]
    return found


def _inflation(label: npt.NDArray[np.object_], number: Ints, dependence: pd.DataFrame, unit: str) -> Floats:
    """Inflation of the variance of a sum: of `number` buckets, or of `number` weeks over that of one week."""
    result = np.ones(len(number))
    for name, part in dependence.groupby("demand_class", sort=True, observed=True):
        rows = label == name
        if rows.any():
            grid = part.sort_values("buckets")
            days, inflation = grid["days"].to_numpy(dtype=float), grid["inflation"].to_numpy(dtype=float)
            wanted = number[rows] * (7.0 if unit == "weeks" else days[0] / grid["buckets"].iloc[0])
            one = np.interp(7.0, days, inflation) if unit == "weeks" else 1.0
            result[rows] = np.maximum(np.interp(wanted, days, inflation) / one, 1.0)
    return result
