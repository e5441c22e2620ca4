"""What came of trials: outcomes that nobody reported, and what settled trials say of the lift of those addressed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.marketing.bookings import discount_depth
from planner.marketing.pool import no_evidence
from planner.marketing.trials.reading import CONTROL
from planner.marketing.trials.settle import settle

REPORTED = ("conversion", "spend")
COLUMNS = ("campaign", "arm", "kind", "sku", "category", "brand", "depth", "basis", "log_lift", "sd")
# Reported outcomes count whatever was bought, not what the campaign promotes, and lift differs by about this much.
_OTHER_GOODS_SD = 0.35
_FEWEST_BUYERS = 10


def with_outcomes(tables: Dataset) -> pd.DataFrame:
    """The assignments, with outcomes of campaigns for which nobody reported any: conversion (ordered anything while it
    ran), spend, and visit where behaviour is known.
    """
    table = tables["assignments"].copy()
    campaigns = tables["campaigns"].drop_duplicates("campaign").set_index("campaign")
    first, last = campaigns["start"].to_dict(), campaigns["end"].to_dict()
    for name in (name for name in _silent(table) if name in first):
        rows = (table["campaign"] == name).to_numpy()
        who = table.loc[rows, "customer"].astype(object)
        start, end = first[name], last[name] + pd.Timedelta(days=1)
        lines, seen = _ordered(tables["order_lines"], start, end), tables["behaviour"]
        seen = seen[(seen["at"] >= start) & (seen["at"] < end) & (seen["kind"] != "shown")]
        if len(lines):
            money = (lines["quantity"] * lines["unit_price"].fillna(0.0)).groupby(lines["customer"]).sum()
            table.loc[rows, "conversion"] = who.isin(money.index).astype(float).to_numpy()
            table.loc[rows, "spend"] = who.map(money).fillna(0.0).to_numpy(float)
        if len(seen):
            table.loc[rows, "visit"] = who.isin(set(seen["customer"])).astype(float).to_numpy()
    return table


def trial_evidence(tables: Dataset, as_of: dt.date) -> pd.DataFrame:
    """What every settled trial says of the lift (`evidence_of`); those that `settle` refuses say nothing."""
    if tables["assignments"].empty:
        return no_evidence()
    told = with_outcomes(tables)
    return evidence_of(tables, told, set(settle(told, tables["campaigns"], as_of).results["campaign"]), as_of)


def evidence_of(tables: Dataset, told: pd.DataFrame, readable: Collection[str], as_of: dt.date) -> pd.DataFrame:
    """What these trials say of the lift, a row an arm: what `pool.learn` asks of evidence, with arm and basis. `told`
    are the assignments `with_outcomes`.

    log lift = log(mean of the arm / mean of the control), variance = sum of (sd / mean)^2 / customers of both (delta
    method). What is compared are reported conversions, else reported spend, with the variance of goods that the
    campaign did not promote added; where nobody reported anything, units of its SKUs in order_lines while it ran.
    Arms with fewer than ten buyers on a side say nothing.
    """
    known = {str(row["campaign"]): row for _, row in tables["campaigns"].drop_duplicates("campaign").iterrows()}
    silent, rows = set(_silent(tables["assignments"])), []
    for name in sorted(set(readable) & set(known)):
        campaign, people = known[name], told[told["campaign"] == name]
        goods = _promoted(tables, campaign, name)
        value, basis = _outcome(tables, people, campaign, goods, name in silent)
        for arm in sorted(set(people["arm"]) - {CONTROL}) if basis else ():
            found = _log_ratio(value[(people["arm"] == arm).to_numpy()], value[(people["arm"] == CONTROL).to_numpy()])
            if found is None:
                continue
            log_lift, noise = found
            noise += 0.0 if name in silent else _OTHER_GOODS_SD**2
            age = max((pd.Timestamp(as_of) - campaign["end"]).days, 0)
            rows.append({"campaign": name, "arm": arm, "kind": campaign["kind"], "basis": basis, "log_lift": log_lift,
                         "noise": noise, "age": float(age), **_described(goods), "trial": 1.0})  # fmt: skip
    if not rows:
        return no_evidence()
    return pd.DataFrame(rows).assign(covered=0.0, dip=0.0, claim=0.0, dip_noise=0.0)


def told_of(evidence: pd.DataFrame) -> pd.DataFrame:
    """COLUMNS of what `trial_evidence` found, for people."""
    return evidence.assign(sd=np.sqrt(evidence["noise"].astype(float))).reindex(columns=list(COLUMNS))


def _silent(assignments: pd.DataFrame) -> list[str]:
    """Campaigns of which nobody reported an outcome."""
    told = assignments.groupby("campaign")[["visit", "conversion", "spend"]].count().sum(axis=1)
    return [str(name) for name in told.index[told == 0]]


def _ordered(lines: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    lines = lines[(lines["date"] >= start) & (lines["date"] < end) & (lines["quantity"] > 0)]
    return lines.astype({"customer": object, "sku": object})


def _promoted(tables: Dataset, campaign: pd.Series, name: str) -> pd.DataFrame:
    """sku, category, brand, depth of what the campaign promotes; of its own depth alone where it names no SKU."""
    items, own = tables["items"].drop_duplicates("sku"), tables["campaign_items"]
    own = own[own["campaign"] == name].drop_duplicates("sku").assign(discount_rate=float(campaign["discount_rate"]))
    goods = own.assign(depth=discount_depth(own, items))[["sku", "depth"]]
    if goods.empty:
        rate = float(campaign["discount_rate"])
        return pd.DataFrame({"sku": [""], "category": "", "brand": "", "depth": rate if rate == rate else 0.0})
    known = goods.merge(items[["sku", "category", "brand"]], on="sku", how="left")
    return known.fillna({"category": "", "brand": ""})


def _described(goods: pd.DataFrame) -> dict[str, object]:
    """Words that all of them share, and their mean depth."""
    same = {name: str(goods[name].iloc[0]) if goods[name].nunique() == 1 else "" for name in ("sku", "category",
            "brand")}  # fmt: skip
    return {**same, "depth": float(goods["depth"].clip(0.0, 0.95).mean())}


def _outcome(
    tables: Dataset, people: pd.DataFrame, campaign: pd.Series, goods: pd.DataFrame, silent: bool
) -> tuple[np.ndarray, str]:
    """One number a customer, and what it is; without a name where nothing is known."""
    if not silent:
        for name in REPORTED:
            if people[name].notna().any():
                return people[name].to_numpy(float), name
        return np.zeros(len(people)), ""
    lines = _ordered(tables["order_lines"], campaign["start"], campaign["end"] + pd.Timedelta(days=1))
    lines = lines[lines["sku"].isin(set(goods["sku"]))] if goods["sku"].iloc[0] else lines
    units = lines.groupby("customer")["quantity"].sum()
    return people["customer"].astype(object).map(units).fillna(0.0).to_numpy(float), "units" if len(units) else ""


def _log_ratio(treated: np.ndarray, control: np.ndarray) -> tuple[float, float] | None:
    """Log of the ratio of means and its variance."""
    parts = [side[np.isfinite(side)] for side in (treated, control)]
    if min(int((part > 0).sum()) for part in parts) < _FEWEST_BUYERS:
        return None
    means = [float(part.mean()) for part in parts]
    noise = sum(float(part.var(ddof=1)) / mean**2 / len(part) for part, mean in zip(parts, means, strict=True))
    return float(np.log(means[0] / means[1])), noise
