"""Buckets of dates, also where a date is missing."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from planner.periods import days_long, first_days


def test_a_missing_date_has_no_bucket_and_disturbs_no_other() -> None:
    dates = pd.Series(pd.to_datetime(["2024-05-15 13:00", None, "2024-02-29 00:00"]))
    assert first_days(dates, "week").tolist() == [pd.Timestamp("2024-05-13"), pd.NaT, pd.Timestamp("2024-02-26")]
    assert first_days(dates, "month").tolist() == [pd.Timestamp("2024-05-01"), pd.NaT, pd.Timestamp("2024-02-01")]
    assert first_days(dates, "day").tolist() == [pd.Timestamp("2024-05-15"), pd.NaT, pd.Timestamp("2024-02-29")]


def test_spans_of_days_never_warn_whatever_lies_in_memory() -> None:
    days = pd.Series(np.tile([1.0, np.nan, 2.5], 1000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        freed = [np.full(len(days), 1e300) for _ in range(16)]  # what the next allocation of this size finds
        del freed
        spans = days_long(days)
    assert spans.isna().sum() == 1000
    assert spans.iloc[0] == pd.Timedelta(days=1)
    assert spans.iloc[2] == pd.Timedelta(hours=60)
