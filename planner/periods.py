"""Days, weeks and months: a week is named by its Monday, a month by its first day."""

from __future__ import annotations

import datetime as dt
from typing import Literal, cast

import pandas as pd

Bucket = Literal["day", "week", "month"]
BUCKETS: tuple[Bucket, ...] = ("day", "week", "month")
DEFAULT_HORIZON: dict[Bucket, int] = {"day": 28, "week": 26, "month": 12}
SEASON: dict[Bucket, int] = {"day": 7, "week": 52, "month": 12}
_FREQUENCY = {"day": "D", "week": "W-MON", "month": "MS"}


def first_day(date: dt.date, bucket: Bucket) -> dt.date:
    """First day of the bucket that holds `date`."""
    if bucket == "week":
        return date - dt.timedelta(days=date.weekday())
    return date.replace(day=1) if bucket == "month" else date


def first_days(dates: pd.Series, bucket: Bucket) -> pd.Series:
    """First day of the bucket of each date; `dates` is datetime64."""
    days = cast("pd.Series[pd.Timestamp]", dates.dt.normalize())
    if bucket == "week":
        return days - days_long(days.dt.weekday)
    return days - days_long(days.dt.day - 1) if bucket == "month" else days


def days_long(days: pd.Series) -> pd.Series:
    """Each count of days as a time span; NaT where the count is missing.

    pandas rounds whatever lies in memory where a count is NaN, and warns of an overflow when it is large by chance.
    """
    return pd.to_timedelta(days.fillna(0), unit="D").where(days.notna())


def bucket_range(first: dt.date, count: int, bucket: Bucket) -> pd.DatetimeIndex:
    """`count` buckets from the one that holds `first`."""
    return pd.date_range(first_day(first, bucket), periods=count, freq=_FREQUENCY[bucket], unit="ns")


def buckets_until(first: dt.date, as_of: dt.date, bucket: Bucket) -> pd.DatetimeIndex:
    """Every complete bucket from the one that holds `first` to the last that ended before `as_of`."""
    end = first_day(as_of, bucket) - dt.timedelta(days=1)
    return pd.date_range(first_day(first, bucket), end, freq=_FREQUENCY[bucket], unit="ns")


def last_day(first: pd.Timestamp, bucket: Bucket) -> pd.Timestamp:
    """Last day of the bucket that starts on `first`."""
    if bucket == "month":
        return first + pd.offsets.MonthEnd(0)
    return first + pd.Timedelta(days=6 if bucket == "week" else 0)
