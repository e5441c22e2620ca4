"""Campaigns that ran in some places and not in others, read against a mix of the others: no randomised customers.

Places are countries, regions or single warehouses: the widest of which the campaign took whole ones and left enough
out. What is compared is the demand for what it promotes, by full weeks.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.bookings import book
from planner.marketing.trials.synthetic import (
    CONFIDENCE,
    FEWEST_DONORS,
    FEWEST_WEEKS,
    Flags,
    Floats,
    Synthetic,
    compare,
)
from planner.panel import Panel

COLUMNS = (
    "campaign", "level", "treated", "donors", "weeks_before", "weeks", "effect", "low", "high", "confidence", "p_value",
    "units", "fit", "usual_fit", "verdict",
)  # fmt: skip
DONOR_COLUMNS = ("campaign", "place", "weight")
LEVELS = ("country", "region", "warehouse")
MOST_WEEKS = 52
# A mix that misses by more than this before cannot say what would have been after; nor one twice as far off as usual.
_WORST_FIT, _WORSE_THAN_USUAL = 0.5, 2.0
_SHOWN = 4
_DAY = np.timedelta64(1, "D")
_PLURAL = {"country": "countries", "region": "regions", "warehouse": "warehouses"}
Mondays = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Regional:
    """`results`: COLUMNS, one row a campaign; `donors`: the mix; `refused`: campaign and why it cannot be read."""

    results: pd.DataFrame
    donors: pd.DataFrame
    refused: pd.DataFrame


def no_regional() -> Regional:
    """Nothing read and nothing refused."""
    return Regional(
        pd.DataFrame(columns=list(COLUMNS)),
        pd.DataFrame(columns=list(DONOR_COLUMNS)),
        pd.DataFrame(columns=["campaign", "why"]),
    )


class _RefusedError(Exception):
    """Why a campaign cannot be read."""


def regional(booked: pd.DataFrame, campaigns: pd.DataFrame, keys: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Bookings (see `book`) of past campaigns that took some places of what they promote and left others out.

    `area` says whether the campaign names a country or region; the others name warehouses for their items.
    """
    pairs = booked[["campaign", "sku", "warehouse"]].drop_duplicates()
    everywhere = pairs[["campaign", "sku"]].drop_duplicates().merge(keys[["sku", "warehouse"]], on="sku")
    took, whole = pairs.groupby("campaign").size(), everywhere.groupby("campaign").size()
    partial = took.index[(took < whole.reindex(took.index)).to_numpy()]
    past = booked["campaign"].isin(partial) & (booked["start"] < pd.Timestamp(as_of))
    areas = set(campaigns["campaign"][(campaigns["country"] != "") | (campaigns["region"] != "")])
    return booked[past].assign(area=booked["campaign"].isin(areas)).reset_index(drop=True)


def read_regional(
    demand: Panel,
    campaigns: pd.DataFrame,
    campaign_items: pd.DataFrame,
    items: pd.DataFrame,
    locations: pd.DataFrame,
    as_of: dt.date,
    seed: int = 1,
    wanted: str = "",
) -> Regional:
    """Read each campaign of the past for a country or region, or the `wanted` one, which may name warehouses instead.

    `demand`: by day or week, up to `as_of`.
    """
    booked = book(campaigns, campaign_items, items, locations, demand.keys)
    found = regional(booked, campaigns, demand.keys, as_of)
    found = found[(found["campaign"] == wanted) if wanted else found["area"]]
    results, donors, refused = [], [], []
    for name, rows in found.groupby("campaign", sort=True):
        try:
            trial = _trial(str(name), rows, booked, demand, locations, as_of)
            read = compare(trial.units, trial.treated, trial.after, seed)
            _check_fit(read)
            results.append(_row(trial, read))
            donors += [(name, place, weight) for place, weight in _mixed(trial, read)]
        except _RefusedError as error:
            refused.append((name, str(error)))
    return Regional(
        pd.DataFrame(results, columns=list(COLUMNS)),
        pd.DataFrame(donors, columns=list(DONOR_COLUMNS)),
        pd.DataFrame(refused, columns=["campaign", "why"]),
    )


@dataclass(frozen=True)
class _Trial:
    """`units` [places, weeks] of what the campaign promotes; which places were treated, which weeks are after."""

    name: str
    level: str
    places: list[str]
    units: Floats
    treated: Flags
    after: Flags


def _trial(
    name: str, own: pd.DataFrame, booked: pd.DataFrame, demand: Panel, locations: pd.DataFrame, as_of: dt.date
) -> _Trial:
    rows = np.flatnonzero(demand.keys["sku"].isin(own["sku"]).to_numpy())
    keys = demand.keys.iloc[rows][["sku", "warehouse"]].reset_index(drop=True)
    weeks, values = _weekly(demand.dates, demand.values[rows].astype(np.float64))
    others = booked[(booked["campaign"] != name) & booked["sku"].isin(own["sku"])]
    before, after = _spans(own["start"].iloc[0], own["end"].iloc[0], weeks, _disturbed(weeks, others, keys), as_of)
    mine, busy = set(own["warehouse"]), set(others["warehouse"][_meets(others, weeks[after])])
    if mine & busy:
        raise _RefusedError(f"{_named(mine & busy)} had another campaign on the same SKUs at that time")
    used = before | after
    known = np.isfinite(values[:, used]).all(axis=1) & ~keys["warehouse"].isin(busy).to_numpy()
    values, warehouses = values[known][:, used], keys["warehouse"][known]
    level, place = _level(warehouses, mine, locations)
    names = np.array(sorted(set(place)), dtype=object)
    units = np.array([values[place == one].sum(axis=0) for one in names]).reshape(len(names), int(used.sum()))
    took = np.isin(names, place[warehouses.isin(mine).to_numpy()])
    sells = units[:, before[used]].sum(axis=1) > 0
    if not took.any() or not sells[took].all():
        raise _RefusedError("nothing it promotes was sold before in the places that it took")
    left = int((~took[sells]).sum())
    if left < FEWEST_DONORS:
        raise _RefusedError(
            f"only {left} {_PLURAL[level]} without it sold the same and had no other campaign then: at least "
            f"{FEWEST_DONORS} are needed to compare with"
        )
    return _Trial(name, level, list(names[sells]), units[sells], took[sells], after[used])


def _spans(
    start: pd.Timestamp, end: pd.Timestamp, weeks: Mondays, disturbed: Flags, as_of: dt.date
) -> tuple[Flags, Flags]:
    """The last undisturbed weeks that end before the campaign starts, and the full weeks that lie within it."""
    if end >= pd.Timestamp(as_of):
        raise _RefusedError(f"it runs until {end:%Y-%m-%d}: read it after its end")
    after = (weeks >= start.to_datetime64()) & (weeks + 6 * _DAY <= end.to_datetime64())
    if not after.any():
        raise _RefusedError("no week from Monday to Sunday lies within it: there is nothing to compare by week")
    before = (weeks + 6 * _DAY < start.to_datetime64()) & ~disturbed
    before &= np.cumsum(before[::-1])[::-1] <= MOST_WEEKS
    if before.sum() < FEWEST_WEEKS:
        raise _RefusedError(f"{int(before.sum())} undisturbed weeks before it: at least {FEWEST_WEEKS} are needed")
    return before, after


def _weekly(dates: pd.DatetimeIndex, values: Floats) -> tuple[Mondays, Floats]:
    """Sums by Monday week, for weeks of which every bucket is there."""
    monday = (dates - pd.to_timedelta(dates.weekday, unit="D")).to_numpy()
    weeks, place = np.unique(monday, return_inverse=True)
    full = np.bincount(place) == max(np.bincount(place).max(initial=1), 1)
    edges = np.flatnonzero(np.diff(place, prepend=-1))
    return weeks[full], np.add.reduceat(values, edges, axis=1)[:, full]


def _meets(rows: pd.DataFrame, weeks: Mondays) -> Flags:
    """Which bookings touch any of the weeks."""
    start, end = rows["start"].to_numpy()[:, None], rows["end"].to_numpy()[:, None]
    return np.asarray(((start <= weeks + 6 * _DAY) & (end >= weeks)).any(axis=1), dtype=bool)


def _disturbed(weeks: Mondays, others: pd.DataFrame, keys: pd.DataFrame) -> Flags:
    """Weeks in which another campaign on the same SKUs ran in some places and not in others."""
    result = np.zeros(len(weeks), dtype=bool)
    for _, rows in others.groupby("campaign"):
        whole = keys[keys["sku"].isin(rows["sku"])]
        if len(rows.drop_duplicates(["sku", "warehouse"])) < len(whole):
            result |= (rows["start"].iloc[0].to_datetime64() <= weeks + 6 * _DAY) & (
                rows["end"].iloc[0].to_datetime64() >= weeks
            )
    return result


def _level(warehouses: pd.Series, mine: set[str], locations: pd.DataFrame) -> tuple[str, npt.NDArray[np.object_]]:
    """The widest places of which the campaign took whole ones and left enough out; and the place of each series."""
    known = locations.drop_duplicates("location").set_index("location")
    for level in LEVELS[:-1]:
        place = warehouses.map(known[level]).fillna("") if level in known else pd.Series("", index=warehouses.index)
        took = set(place[warehouses.isin(mine)])
        mixed = place.isin(took) & ~warehouses.isin(mine)
        if (place != "").all() and not mixed.any() and len(set(place) - took) >= FEWEST_DONORS:
            return level, place.to_numpy(dtype=object)
    return LEVELS[-1], warehouses.to_numpy(dtype=object)


def _check_fit(read: Synthetic) -> None:
    if read.fit > _WORST_FIT or read.fit > _WORSE_THAN_USUAL * read.usual_fit:
        raise _RefusedError(
            f"no mix of the others moved as it did before: it was off by {read.fit:.0%} a week, where places are off "
            f"by {read.usual_fit:.0%} as a rule; what would have been cannot be told"
        )


def _row(trial: _Trial, read: Synthetic) -> list[object]:
    after = int(trial.after.sum())
    taken = [place for place, treated in zip(trial.places, trial.treated, strict=True) if treated]
    return [
        trial.name, trial.level, _named(taken), int((~trial.treated).sum()), len(trial.after) - after, after,
        read.effect, read.low, read.high, read.confidence, read.p_value, read.units, read.fit, read.usual_fit,
        _verdict(trial, read),
    ]  # fmt: skip


def _verdict(trial: _Trial, read: Synthetic) -> str:
    """More, less, or nothing: an effect that could not be seen is not called none."""
    least = 1 / (read.placebos + 1)
    if least > 1 - CONFIDENCE:
        return f"cannot tell: {read.placebos} placebos allow no p-value below {least:.2f}, more places are needed"
    if read.p_value <= 1 - CONFIDENCE:
        return "more units" if read.effect > 0 else "fewer units"
    return f"cannot tell: an effect of {read.low:.0%} to {read.high:.0%} could not be told from chance"


def _mixed(trial: _Trial, read: Synthetic) -> Iterator[tuple[str, float]]:
    pairs = [(place, float(weight)) for place, weight in zip(trial.places, read.weights, strict=True) if weight > 0]
    yield from sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def _named(places: set[str] | list[str]) -> str:
    ordered = sorted(places)
    more = f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else ""
    return ", ".join(ordered[:_SHOWN]) + more
