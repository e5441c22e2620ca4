"""Campaigns and their items -> which series is promoted in which bucket, and for what share of it.

A booking is one campaign on one series. Bookings that overlap on a series share its days: each day counts for the
stronger one alone, so nothing is added twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.periods import Bucket, last_day

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

COUNTED = ("planned", "done")
AUDIENCE_KINDS = ("email", "sms", "social", "recommendation")
COLUMNS = ("campaign", "sku", "warehouse", "series", "kind", "depth", "reach", "addressed", "start", "end")
# Of buyers where nobody says how many a message is sent to.
USUAL_SHARE = 0.3


def counted(campaigns: pd.DataFrame) -> pd.DataFrame:
    """Campaigns that happen: not drafts, not cancelled, with both dates in order."""
    status = campaigns["status"].replace("", "planned").isin(COUNTED)
    return campaigns[status & (campaigns["end"] >= campaigns["start"])]


def book(
    campaigns: pd.DataFrame,
    campaign_items: pd.DataFrame,
    items: pd.DataFrame,
    locations: pd.DataFrame,
    keys: pd.DataFrame,
    customers: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One row a campaign and series: campaign, sku, warehouse, series, kind, depth, reach, addressed, start, end.

    `series` is the row of `keys` (columns sku and warehouse). A row for one warehouse goes before the row for all.
    `depth` is the discount as a share of the price. `addressed` is the share of the buyers that a message is sent to,
    1 for campaigns that everybody sees, NaN where it is unknown; `reach` is that share (`USUAL_SHARE` for NaN) less
    those held out.
    """
    happening = counted(campaigns)
    happening = happening.assign(addressed=_addressed_share(happening, customers))
    asked = happening.merge(
        campaign_items[["campaign", "sku", "warehouse", "promo_price"]].rename(columns={"warehouse": "where"}),
        on="campaign",
    )
    asked = asked.assign(
        depth=discount_depth(asked, items), reach=_reach(asked), everywhere=asked["where"].isin(["*", ""])
    )
    asked = asked[[
        "campaign", "kind", "depth", "reach", "addressed", "start", "end", "country", "region", "sku", "where",
        "everywhere",
    ]]  # fmt: skip
    booked = asked.merge(keys[["sku", "warehouse"]].assign(series=np.arange(len(keys))), on="sku")
    here = booked["everywhere"] | (booked["where"] == booked["warehouse"])
    booked = booked[here & _in_area(booked, locations)]
    booked = booked.sort_values(["campaign", "series", "everywhere"], kind="stable")
    return booked.drop_duplicates(["campaign", "series"])[list(COLUMNS)].reset_index(drop=True)


def _in_area(booked: pd.DataFrame, locations: pd.DataFrame) -> pd.Series:
    """A campaign with a country or region reaches only warehouses that lie there."""
    places = locations.drop_duplicates("location").set_index("location")
    fits = pd.Series(True, index=booked.index)
    for area in ("country", "region"):
        fits &= (booked[area] == "") | (booked[area] == booked["warehouse"].map(places[area]))
    return fits


def discount_depth(booked: pd.DataFrame, items: pd.DataFrame) -> pd.Series:
    """Discount = 1 - promotional price / price where both are known, else the campaign's own rate; within 0..0.95."""
    price = booked["sku"].map(items.drop_duplicates("sku").set_index("sku")["unit_price"]).astype(float)
    own = 1.0 - booked["promo_price"].astype(float) / price.where(price > 0)
    return own.fillna(booked["discount_rate"].astype(float)).fillna(0.0).clip(0.0, 0.95)


def _addressed_share(campaigns: pd.DataFrame, customers: pd.DataFrame | None) -> Floats:
    """Share of an area's buyers that each campaign is sent to = audience size / customers known there at its end.

    1 for kinds that everybody sees; NaN where the size or the customers of the area are unknown. An audience drawn from
    one segment is compared with all customers of the area: the others buy there as well.
    """
    share = np.where(campaigns["kind"].isin(AUDIENCE_KINDS), np.nan, 1.0)
    if customers is None or customers.empty:
        return share
    since = customers["created_on"].fillna(pd.Timestamp.min)
    for place, row in enumerate(campaigns.to_dict("records")):
        if not (share[place] != share[place] and float(row["audience_size"]) > 0):
            continue
        here = since <= row["end"]
        for area in ("country", "region"):
            here &= (not row[area]) | (customers[area] == row[area])
        count = int(here.sum())
        share[place] = min(float(row["audience_size"]) / count, 1.0) if count else np.nan
    return share


def _reach(booked: pd.DataFrame) -> pd.Series:
    """Share of buyers that a campaign can move = share addressed x (1 - holdout share)."""
    limited = booked["kind"].isin(AUDIENCE_KINDS) | (booked["audience_size"].astype(float) > 0)
    sent = (1.0 - booked["holdout_share"].astype(float).fillna(0.0).clip(0.0, 1.0)).where(limited, 1.0)
    return booked["addressed"].fillna(USUAL_SHARE) * sent


@dataclass(frozen=True)
class Calendar:
    """First day and number of days of every bucket, days counted from 1970."""

    first: Ints
    length: Ints

    @classmethod
    def of(cls, dates: pd.DatetimeIndex, bucket: Bucket) -> Calendar:
        first = day_numbers(dates)
        last = day_numbers(pd.DatetimeIndex([last_day(date, bucket) for date in dates]))
        return cls(first, last - first + 1)

    @property
    def end(self) -> int:
        """The last day of the last bucket."""
        return int(self.first[-1] + self.length[-1] - 1)


def day_numbers(dates: Any) -> Ints:
    return np.asarray(dates, dtype="datetime64[D]").astype(np.int64)


@dataclass(frozen=True)
class Cells:
    """One entry a row and bucket that it touches: `days` of the bucket as bits, the first day being the lowest."""

    row: Ints
    bucket: Ints
    days: Ints


def touch(start: Ints, end: Ints, calendar: Calendar) -> Cells:
    """Every bucket that the days start..end (both included) touch, row by row."""
    inside = (start <= end) & (end >= calendar.first[0]) & (start <= calendar.end)
    low = np.searchsorted(calendar.first, np.maximum(start, calendar.first[0]), side="right") - 1
    high = np.searchsorted(calendar.first, end, side="right") - 1
    count = np.where(inside, high - low + 1, 0)
    row = np.repeat(np.arange(len(start)), count)
    bucket = low[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    opens = np.maximum(start[row] - calendar.first[bucket], 0)
    closes = np.minimum(end[row] - calendar.first[bucket], calendar.length[bucket] - 1)
    one = np.int64(1)
    days = np.left_shift(one, closes + 1) - np.left_shift(one, opens)
    return Cells(row, bucket, days)


def afterwards(end: Ints, weeks: int, calendar: Calendar) -> tuple[Cells, Floats]:
    """Buckets in the weeks after each end, where what was bought ahead is missing; and each one's share of them."""
    cells = touch(end + 1, end + 7 * weeks, calendar)
    return cells, count_days(cells.days) / max(7 * weeks, 1)


def count_days(days: Ints) -> Ints:
    """How many bits are set."""
    octets = days.astype("<u4").view(np.uint8).reshape(-1, 4)
    return np.asarray(np.unpackbits(octets, axis=1).sum(axis=1), dtype=np.int64)


def give_way(cells: Cells, series: Ints, strength: Floats) -> Ints:
    """Days of each cell that no stronger booking of the same series has taken, as bits.

    `series` and `strength` belong to the rows of the cells; of two equals the earlier row is the stronger.
    """
    width = int(cells.bucket.max(initial=0)) + 1
    place = series[cells.row] * width + cells.bucket
    order = np.lexsort((cells.row, -strength[cells.row], place))
    _, at = np.unique(place[order], return_inverse=True)
    rank = np.arange(len(at)) - np.searchsorted(at, at, side="left")
    taken = np.zeros(int(at.max(initial=-1)) + 1, dtype=np.int64)
    free = np.zeros(len(at), dtype=np.int64)
    for turn in range(int(rank.max(initial=-1)) + 1):
        now = rank == turn
        days = cells.days[order[now]]
        free[now] = days & ~taken[at[now]]
        taken[at[now]] |= days
    result = np.empty_like(free)
    result[order] = free
    return result


def stored_share(start: Ints, end: Ints) -> Floats:
    """Share of a campaign that can be bought ahead: nobody stores more than about its last four weeks."""
    return np.asarray(np.minimum(1.0, 28.0 / np.maximum(end - start + 1, 1)), dtype=np.float64)
