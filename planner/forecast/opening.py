"""Buckets that could not sell as long as others: begun or ended half way, or closed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.panel import Matrix, Panel
from planner.periods import Bucket, bucket_range, first_day

Flags = npt.NDArray[np.bool_]
Days = npt.NDArray[np.datetime64]

_WHOLE = 0.8
_DAY = np.timedelta64(1, "D")


def seen_share(
    keys: pd.DataFrame,
    listed: tuple[Days, Days],
    sold: Matrix,
    booked: pd.Series,
    dates: pd.DatetimeIndex,
    bucket: Bucket,
) -> Matrix | None:
    """Share of the days of each bucket [series, buckets] that could be seen: 1, but for first and last buckets.

    A series `listed` from or to a day within a bucket has the days after or before it; if bookings begin within the
    first bucket of all, that bucket has the days from then on (by their days, not where weeks are booked on one day).
    A loss below a fifth is let pass. None where every bucket is whole.
    """
    if bucket == "day" or not len(dates):
        return None
    share = np.ones(sold.shape, dtype=np.float32)
    first = dates.to_numpy(dtype="datetime64[D]")
    after = np.append(first[1:], bucket_range(dates[-1].date(), 2, bucket)[1].to_datetime64()).astype("datetime64[D]")
    begin, end = (day.astype("datetime64[D]") for day in listed)
    _cut(share, begin, first, after, sold, from_start=True)
    _cut(share, np.asarray(end + _DAY), first, after, sold, from_start=False)
    if len(booked) and booked.min() > dates[0] and _by_days(booked, bucket):
        start = booked.min().to_datetime64().astype("datetime64[D]")
        share[:, 0] = np.minimum(share[:, 0], (after[0] - start) / (after[0] - first[0]))
    share[share >= _WHOLE] = 1
    return share if (share < 1).any() else None


def _cut(share: Matrix, day: Days, first: Days, after: Days, sold: Matrix, *, from_start: bool) -> None:
    """Lower the share of the bucket that holds `day`, where nothing was sold in the buckets beyond it."""
    place = np.searchsorted(first, day, side="right") - 1
    row = np.flatnonzero(~np.isnat(day) & (place >= 0) & (day > first[np.maximum(place, 0)]) & (day < after[place]))
    place = place[row]
    kept = (after[place] - day[row]) if from_start else (day[row] - first[place])
    column = np.arange(len(first))
    beyond = column < place[:, None] if from_start else column > place[:, None]
    quiet = ~(beyond & (np.nan_to_num(sold[row]) > 0)).any(axis=1)
    share[row[quiet], place[quiet]] = (kept / (after[place] - first[place]))[quiet]


def _by_days(booked: pd.Series, bucket: Bucket) -> bool:
    """Whether sales are booked by day: on several days of one bucket."""
    start = booked.min()
    head = booked[booked < start + pd.Timedelta(days=70)].drop_duplicates()
    offsets = {(day.date() - first_day(day.date(), bucket)).days for day in head}
    return len(offsets) > 2


def shut(
    keys: pd.DataFrame, dates: pd.DatetimeIndex, calendar: pd.DataFrame | None, locations: pd.DataFrame | None
) -> Flags:
    """Days [series, days] on which the calendar closes the warehouse or its country."""
    none = np.zeros((len(keys), len(dates)), dtype=bool)
    if calendar is None or locations is None or not len(calendar) or "closed" not in calendar:
        return none
    told = calendar[(calendar["closed"] == True).to_numpy(dtype=bool)]  # noqa: E712  unknown is not closed
    days = dates.get_indexer(pd.DatetimeIndex(told["date"].dt.normalize()))
    country = locations.drop_duplicates("location").set_index("location")["country"].astype(object)
    places, code = np.unique(keys["warehouse"].to_numpy(dtype=object), return_inverse=True)
    table = np.zeros((len(places), len(dates)), dtype=bool)
    for row, place in enumerate(places):
        here = told["country"].astype(object).isin([place, country.get(place, place)]).to_numpy() & (days >= 0)
        table[row, days[here]] = True
    return table[code]


def shut_out(keys: pd.DataFrame, sold: Matrix) -> Flags:
    """Days [series, days] on which the warehouse sold nothing at all."""
    places, code = np.unique(keys["warehouse"].to_numpy(dtype=object), return_inverse=True)
    total = np.zeros((len(places), sold.shape[1]), dtype=np.float64)
    np.add.at(total, code, np.abs(np.nan_to_num(sold)))
    return np.asarray((total == 0)[code], dtype=np.bool_)


def without_closed_days(
    forecast: pd.DataFrame, demand: Panel, calendar: pd.DataFrame, locations: pd.DataFrame, bucket: Bucket
) -> pd.DataFrame:
    """The forecast by day with nothing on days on which its warehouse is closed.

    The calendar is believed only where a closed day of the past sold nothing there, which history marks as unknown in
    `demand`. Rows of `forecast` go by series, in the order of `demand`, and within them by days.
    """
    if bucket != "day" or not len(demand.keys):
        return forecast
    before = np.logical_and(shut(demand.keys, demand.dates, calendar, locations), np.isnan(demand.values))
    ahead = shut(demand.keys, pd.DatetimeIndex(forecast["date"].unique()), calendar, locations)
    believed: Flags = np.any(before, axis=1, keepdims=True)
    nothing = np.logical_and(ahead, believed).ravel()
    if not nothing.any():
        return forecast
    amounts = [name for name in ("mean", "variance", "plain") if name in forecast]
    return forecast.assign(**{name: forecast[name].where(~nothing, 0.0) for name in amounts})
