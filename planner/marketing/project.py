"""What planned campaigns add, in units, per SKU, warehouse and bucket.

net = gross - cannibalised + halo - pulled forward, with

gross           base x (lift - 1) x share of buyers addressed x share of the bucket covered x phase
pulled forward  share of the gross bought ahead, missing over the weeks after the end by phase, on the same series
cannibalised    share of the gross that other SKUs of the category lose at that warehouse, written on their rows; learnt
                from past campaigns by category (`shares`)
halo            share of the gross that the brand's SKUs of other categories gain there, written on their rows

A campaign that has just ended still has its dip to come, so it has rows here too. No series loses more than its base.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pandas as pd

from planner.marketing.base import LIKE_ITEM_CV, Base, side_by_side, with_like_items
from planner.marketing.bookings import (
    Calendar,
    Cells,
    Floats,
    afterwards,
    book,
    count_days,
    counted,
    day_numbers,
    give_way,
    stored_share,
    touch,
)
from planner.marketing.countries import under_rules
from planner.marketing.parts import Column, Part, Texts, add_up, no_uplift
from planner.marketing.phase import position
from planner.marketing.pool import look_up, without_evidence
from planner.marketing.spill import spill
from planner.periods import Bucket, first_day
from planner.settings import CampaignSettings, CountrySettings

_LARGEST_LOG_SD = 1.0


def project_uplift(
    lift: pd.DataFrame,
    base_forecast: pd.DataFrame,
    campaigns: pd.DataFrame,
    campaign_items: pd.DataFrame,
    items: pd.DataFrame,
    locations: pd.DataFrame,
    settings: CampaignSettings,
    *,
    as_of: dt.date,
    bucket: Bucket,
    countries: Mapping[str, CountrySettings] = MappingProxyType({}),
    customers: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The uplift table. Empty when campaigns are switched off, or when none touches the horizon.

    `countries` says what holds for campaigns in each, `customers` who may be addressed there.

    `variance` and the quantiles of net carry the uncertainty of the lift (log-normal) and the noise of the units
    gained; net may be negative.
    """
    now = _touching(campaigns, base_forecast, settings, as_of, bucket)
    if now.empty:
        return no_uplift()
    promoted = now[["campaign", "start"]].merge(campaign_items[["campaign", "sku", "warehouse"]], on="campaign")
    base = with_like_items(side_by_side(base_forecast, items), promoted, items)
    booked = book(now, campaign_items, items, locations, base.keys, customers)
    people = pd.DataFrame(columns=["country"]) if customers is None else customers
    booked = _with_lift(under_rules(booked, locations, people, countries), base, lift, items, settings)
    if booked.empty:
        return no_uplift()
    calendar = Calendar.of(base.dates, bucket)
    codes, names = pd.factorize(booked["campaign"], sort=True)
    booked, campaign_names = booked.assign(code=codes.astype(np.int64)), np.asarray(names, dtype=object)
    own, booked = _gross(booked, base, calendar)
    pulled = _pulled(booked, base, calendar, settings)
    beside = spill(own, booked, campaign_names, base, settings.halo_share)
    return add_up([own, pulled, *beside], campaign_names, base)


def _touching(
    campaigns: pd.DataFrame, forecast: pd.DataFrame, settings: CampaignSettings, as_of: dt.date, bucket: Bucket
) -> pd.DataFrame:
    """Campaigns that run, begin or are still felt in the horizon."""
    if not settings.enabled or campaigns.empty or forecast.empty:
        return campaigns.iloc[:0]
    felt = pd.Timestamp(first_day(as_of, bucket)) - pd.Timedelta(weeks=settings.pull_forward_weeks)
    return counted(campaigns[campaigns["end"] >= felt])


def _with_lift(
    booked: pd.DataFrame, base: Base, lift: pd.DataFrame, items: pd.DataFrame, settings: CampaignSettings
) -> pd.DataFrame:
    """Bookings with the lift of each: gain = mean of lift - 1, gain_sd, log_sd, pull_forward, cannibalised and its sd,
    evidence."""
    described = base.keys[["category", "brand", "like"]].iloc[booked["series"]].set_axis(booked.index)
    booked = pd.concat([booked, described], axis=1)
    asked = booked[["sku", "category", "brand", "kind", "depth"]].drop_duplicates(ignore_index=True)
    known = lift if len(lift) else without_evidence(items, settings)
    booked = booked.merge(look_up(known, asked), on=list(asked.columns), how="left")
    log_sd = booked["sd"].clip(upper=_LARGEST_LOG_SD)
    factor = np.exp(booked["log_lift"]) * booked["mean_factor"]
    gain, sd = factor - 1.0, factor * np.sqrt(np.expm1(log_sd**2))
    unsure = np.where(booked["like"] != "", LIKE_ITEM_CV, 0.0)
    sd = np.sqrt(sd**2 * (1.0 + unsure**2) + (gain * unsure) ** 2)
    sent = [f"; of those addressed, {share:.0%} of buyers" if share < 1 else "" for share in booked["reach"]]
    never = np.where(booked["like"] != "", "; never sold: level is the " + booked["like"], "")
    return booked.assign(
        gain=gain * booked["reach"],
        gain_sd=sd * booked["reach"],
        log_sd=np.sqrt(log_sd**2 + np.log1p(unsure**2)),
        log_mean=np.log(booked["mean_factor"]) + np.log1p(unsure**2) / 2,
        evidence=booked["evidence"] + sent + never,
    )


def _gross(booked: pd.DataFrame, base: Base, calendar: Calendar) -> tuple[Part, pd.DataFrame]:
    """Gross by booking and bucket; and the bookings with the units they gain in all and who gave way.

    Where campaigns meet on a series each day counts for the one that gains most, the others add nothing.
    """
    series, gain = booked["series"].to_numpy(np.int64), booked["gain"].to_numpy(float)
    cells = touch(day_numbers(booked["start"]), day_numbers(booked["end"]), calendar)
    free = count_days(give_way(cells, series, gain))
    lost = np.bincount(cells.row, count_days(cells.days) - free, minlength=len(booked)).astype(int)
    told = [
        f"{text}; gives way to a stronger campaign on {days} days" if days else text
        for text, days in zip(booked["evidence"], lost, strict=True)
    ]
    level = base.mean[series[cells.row], cells.bucket] * free / calendar.length[cells.bucket]
    where = position(cells, day_numbers(booked["start"]), day_numbers(booked["end"]), calendar)
    level = level * (1.0 + booked["slope"].to_numpy(float)[cells.row] * where)
    units, spread = level * gain[cells.row], level * booked["gain_sd"].to_numpy(float)[cells.row]
    own = _part("gross", booked, cells, units, spread, np.array(told, dtype=object))
    gained = np.bincount(cells.row, units, minlength=len(booked)).astype(float)
    gained_sd = np.bincount(cells.row, spread, minlength=len(booked)).astype(float)
    return own, booked.assign(gained=gained, gained_sd=gained_sd)


def _pulled(booked: pd.DataFrame, base: Base, calendar: Calendar, settings: CampaignSettings) -> Part:
    """Share pulled forward x units gained (before the horizon at the level of its first bucket), after the end."""
    start, end = day_numbers(booked["start"]), day_numbers(booked["end"])
    cells, part = afterwards(end, settings.pull_forward_weeks, calendar)
    where = position(cells, end + 1, end + 7 * settings.pull_forward_weeks, calendar)
    part = part * (1.0 + booked["dip_slope"].to_numpy(float)[cells.row] * where)
    before = np.maximum(np.minimum(end, calendar.first[0] - 1) - start + 1, 0) / calendar.length[0]
    level = base.mean[booked["series"].to_numpy(np.int64), 0] * before
    share = booked["pull_forward"].to_numpy(float) * stored_share(start, end)
    gained = np.maximum(booked["gained"] + level * booked["gain"], 0.0).to_numpy(float)
    units, own_sd = share * gained, booked["pull_forward_sd"].to_numpy(float) * stored_share(start, end)
    spread = np.hypot(share * (booked["gained_sd"] + level * booked["gain_sd"]).to_numpy(float), own_sd * gained)
    days = booked["end"].dt.strftime("%Y-%m-%d")
    told = [
        f"{now:.0%} of the gross was bought ahead, missing after {day}" for now, day in zip(share, days, strict=True)
    ]
    return _part(
        "pulled_forward", booked, cells, units[cells.row] * part, spread[cells.row] * part, np.array(told, dtype=object)
    )


def _part(column: Column, booked: pd.DataFrame, cells: Cells, units: Floats, spread: Floats, told: Texts) -> Part:
    row = cells.row
    code, series = booked["code"].to_numpy(np.int64)[row], booked["series"].to_numpy(np.int64)[row]
    log_sd, log_mean = booked["log_sd"].to_numpy(float)[row], booked["log_mean"].to_numpy(float)[row]
    return Part(column, code, series, cells.bucket, units, spread, log_sd, log_mean, told[row])
