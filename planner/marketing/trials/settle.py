"""The trials of a workspace, read: every campaign with assignments, its arms, and for whom each arm worked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.marketing.trials.reading import COLUMNS, CONTROL, doubts, read_trial
from planner.marketing.trials.sums import expected_by_place
from planner.marketing.trials.uplift import Floats, Uplift, fit_uplift, send_list

_MOST_WORDS = 12
_NOT_FEATURES = ("customer", "segment", "chance", "created_on", "opted_out_at")
_FEWEST = 200
_STRAY_SHARE = 0.01
_WIDEST_ZONES = pd.Timedelta(hours=14)


@dataclass(frozen=True)
class Settled:
    """`results`: arms against the control; `refused`: campaign and why it cannot be read."""

    results: pd.DataFrame
    refused: pd.DataFrame


def settle(assignments: pd.DataFrame, campaigns: pd.DataFrame, as_of: dt.date, wanted: str = "") -> Settled:
    """Read each campaign, or the `wanted` one. A trial that still runs or is in doubt is refused."""
    known = campaigns.drop_duplicates("campaign").set_index("campaign")
    ends, starts = known["end"], known.get("start", pd.Series(dtype="datetime64[ns]"))
    results, refused = [pd.DataFrame(columns=list(COLUMNS))], []
    for name, rows in assignments.groupby("campaign", sort=True):
        if wanted and name != wanted:
            continue
        end = ends.get(name, pd.NaT)
        reasons = [*doubts(rows), *_clocks(rows, starts.get(name, pd.NaT), end)]
        if end >= pd.Timestamp(as_of):
            reasons = [f"it runs until {end:%Y-%m-%d}: read before its end it would find what chance has at the moment"]
        if not reasons:
            results.append(read_trial(rows, str(name)))
        refused += [(name, reason) for reason in reasons]
    found = [part for part in results if len(part)]
    return Settled(
        pd.concat(found, ignore_index=True) if found else results[0], pd.DataFrame(refused, columns=["campaign", "why"])
    )


def _clocks(rows: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> list[str]:
    """Messages that left before the campaign began or after its end: by another clock (up to 14 hours), or other dates.

    What came of them is counted by the days of the campaign, so they would be credited with the wrong days.
    """
    sent = rows["sent_at"].dropna()
    early, late = start - sent, sent - (end + pd.Timedelta(days=1))
    off = pd.concat([early, late], axis=1).max(axis=1)
    out = off > pd.Timedelta(0)
    if not len(sent) or out.mean() <= _STRAY_SHARE:
        return []
    zone = off[out].max() <= _WIDEST_ZONES
    cause = "the clocks of both seem to stand in different zones" if zone else "the dates of one of them are wrong"
    return [f"{out.sum():,} of {len(sent):,} messages were sent outside its days, {start:%Y-%m-%d} to {end:%Y-%m-%d}: "
            f"{cause}; correct sent_at, or start and end in campaigns"]  # fmt: skip


def features(people: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Numbers (logs of those that are counts or money), and words with few values as 0 or 1. `people` has one row a
    customer; empty cells take the mean, columns that never vary are left out.
    """
    parts: dict[str, Floats] = {}
    for name in people.columns:
        if name in _NOT_FEATURES or people[name].dtype.kind == "M":
            continue
        numbers = pd.Series(pd.to_numeric(people[name], errors="coerce"))
        if numbers.notna().mean() >= 0.5:
            values = numbers.fillna(numbers.mean()).to_numpy(float)
            parts[name] = np.log1p(values) if values.min() >= 0 and values.max() > 1 else values
        elif 1 < people[name].nunique() <= _MOST_WORDS:
            words = pd.get_dummies(people[name], prefix=name, dtype=float)
            parts |= {str(column): words[column].to_numpy(float) for column in words.columns}
    kept = {name: values for name, values in parts.items() if values.std() > 0}
    columns = list(kept)
    return np.stack([kept[name] for name in columns], axis=1) if columns else np.zeros((len(people), 0)), columns


@dataclass(frozen=True)
class _Asked:
    """Customers of one arm and the control, whose outcome is known: `rows` with their facts, `x` [customers, facts]."""

    rows: pd.DataFrame
    x: Floats
    treated: Floats
    y: Floats


def for_whom(
    assignments: pd.DataFrame, people: pd.DataFrame, arm: str, outcome: str, seed: int, least: float = 0.0
) -> tuple[Uplift, pd.DataFrame] | None:
    """Uplift per customer of one arm against the control, and whom not to send to; None where too few or no features.

    `people`: one row a customer, as they were known before the campaign.
    """
    asked = _asked(assignments, people, arm, outcome)
    if asked is None:
        return None
    uplift = fit_uplift(asked.x, asked.treated, asked.y, seed=seed)
    return uplift, send_list(asked.rows["customer"], uplift, least).assign(arm=arm)


def by_place(
    assignments: pd.DataFrame,
    people: pd.DataFrame,
    arm: str,
    outcome: str,
    columns: Sequence[str],
    seed: int,
    cell: int,
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """What one arm brings to each place if all of the trial's customers get it, and the errors of both ways to sum.

    A place is what stands in `columns` of `people`, such as home_warehouse. None where there are too few customers, or
    only one place. Places of fewer than `cell` customers are merged into one.
    """
    asked = _asked(assignments, people, arm, outcome)
    if asked is None:
        return None
    named = asked.rows[list(columns)].astype("string").fillna("").agg(" / ".join, axis=1).replace("", "unknown")
    place = named.where(named.map(named.value_counts()) >= cell, "other").to_numpy(dtype=object)
    if len(set(place)) < 2:
        return None
    table, errors = expected_by_place(place, asked.x, asked.treated, asked.y, seed)
    table = table[(table["customers"] >= cell).to_numpy()]
    return table.assign(arm=arm), errors.assign(arm=arm)


def _asked(assignments: pd.DataFrame, people: pd.DataFrame, arm: str, outcome: str) -> _Asked | None:
    """None where too few customers or responses, or nothing known of them."""
    rows = assignments[assignments["arm"].isin([arm, CONTROL]) & assignments[outcome].notna()]
    known = rows.merge(people, on="customer", how="inner", suffixes=("", "_of_customer"))
    x, columns = features(known[[name for name in people.columns if name in known.columns]])
    treated = np.asarray(known["arm"] == arm, dtype=np.float64)
    y = known[outcome].to_numpy(float)
    if (
        not columns
        or min(treated.sum(), (1 - treated).sum()) < _FEWEST
        or min(y[treated > 0].sum(), y[treated < 1].sum()) < 10
    ):
        return None
    return _Asked(known, x, treated, y)
