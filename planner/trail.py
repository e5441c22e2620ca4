"""What was sold, what was made of it, and why: the way of a series from sales to the demand that is forecast."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.errors import UsageError
from planner.forecast.history import CLOSED, EMPTY_SHELF, PARTLY_UNKNOWN, SUCCESSOR, listing
from planner.forecast.outliers import ONE_OFF
from planner.panel import Panel
from planner.settings import nearest
from planner.workspace import Result

CAMPAIGN = "campaign"
MARKS = {EMPTY_SHELF: "o", PARTLY_UNKNOWN: "?", CAMPAIGN: "c", ONE_OFF: "x", SUCCESSOR: "p", CLOSED: "-"}
NOTE_COLUMNS = ("sku", "warehouse", "date", "original", "adjusted", "reason", "kept")
_KEY = ["sku", "warehouse"]


@dataclass(frozen=True)
class Trail:
    """`table`: date, sold, in_stock, demand, adjusted, why; one row a bucket of the series, the oldest first.

    `demand` has empty shelves repaired; `adjusted` is also without campaigns and one-offs, and the forecast learns from
    it. `begins` and `ends`: the first and the last day of sale as the tables have them, NaT where they do not say.
    """

    sku: str
    warehouse: str
    table: pd.DataFrame
    begins: pd.Timestamp
    ends: pd.Timestamp


def which(series: str, keys: pd.DataFrame) -> tuple[str, str]:
    """SKU and warehouse of `SKU@WAREHOUSE`, or of a SKU that lies in one warehouse only. Raises UsageError."""
    sku, at, warehouse = series.rpartition("@")
    if not at:
        sku, warehouse = warehouse, ""
    places = keys.loc[keys["sku"] == sku, "warehouse"].astype(str).tolist()
    if not places:
        raise UsageError(f"there is no SKU {sku!r} with sales or stocking", nearest(sku, sorted(keys["sku"].unique())))
    if not warehouse and len(places) == 1:
        return sku, places[0]
    if warehouse not in places:
        what = f"{sku} is not sold at {warehouse}" if warehouse else f"{sku} is sold at {len(places)} warehouses"
        raise UsageError(what, f"one of {', '.join(f'{sku}@{place}' for place in places[:8])}")
    return sku, warehouse


def trail(dataset: Dataset, results: Mapping[str, Result], series: str) -> Trail:
    """The trail of one series, from the results of the stages history, lift and outliers. Raises UsageError.

    Buckets after the last day of sale in which nothing is known are left out.
    """
    panels = {
        "sold": Panel.from_wide(results["history"].table("sold")),
        "in_stock": Panel.from_wide(results["history"].table("in_stock")),
        "demand": Panel.from_wide(results["history"].table("demand")),
        "adjusted": Panel.from_wide(results["outliers"].table("cleaned")),
    }
    keys = panels["sold"].keys
    sku, warehouse = which(series, keys)
    row = int(np.flatnonzero((keys["sku"] == sku) & (keys["warehouse"] == warehouse))[0])
    values = {name: panel.values[row].astype(np.float64) for name, panel in panels.items()}
    table = pd.DataFrame({"date": panels["sold"].dates, **values})
    begins, ends = (pd.Timestamp(day[0]) for day in listing(keys.iloc[[row]], dataset["stocking"], dataset["items"]))
    known = table[["sold", "demand", "adjusted"]].notna().any(axis=1)
    over = (table["date"] > ends) & ~known[::-1].cummax()[::-1]
    table = table[known.cummax() & ~over].reset_index(drop=True)
    noted = notes(results)
    noted = noted[(noted["sku"] == sku) & (noted["warehouse"] == warehouse)]
    told = noted["reason"].where(noted["kept"] == "", noted["reason"] + ", kept: " + noted["kept"])
    why = told.groupby(noted["date"]).agg("; ".join)
    table["why"] = table["date"].map(why).fillna("")
    unknown = table["sold"].isna() & (table["why"] == "")
    return Trail(sku, warehouse, table.assign(why=table["why"].mask(unknown, "quantity unknown")), begins, ends)


def notes(results: Mapping[str, Result]) -> pd.DataFrame:
    """Every bucket that was changed, or stands out and was kept: NOTE_COLUMNS, by key and date."""
    repaired = results["history"].table("notes").assign(kept="")
    one_off = results["outliers"].table("notes")
    frames = [repaired, _campaigns(results), one_off]
    told = pd.concat([frame[list(NOTE_COLUMNS)] for frame in frames if len(frame)] or [repaired], ignore_index=True)
    return told.sort_values([*_KEY, "date"], kind="stable", ignore_index=True)[list(NOTE_COLUMNS)]


def _campaigns(results: Mapping[str, Result]) -> pd.DataFrame:
    """Buckets that the removal of campaigns changed, with the campaigns that ran then or shortly before."""
    before, after = (
        Panel.from_wide(results["history"].table("demand")),
        Panel.from_wide(results["lift"].table("cleaned")),
    )
    changed = ~np.isnan(before.values) & (before.values != after.values)
    row, column = np.nonzero(changed)
    frame = before.keys.iloc[row][_KEY].astype(object).reset_index(drop=True)
    frame = frame.assign(
        date=before.dates.to_numpy()[column],
        original=before.values[row, column].astype(np.float64),
        adjusted=after.values[row, column].astype(np.float64),
        kept="",
    )
    events = results["lift"].table("events")[["campaign", *_KEY, "start", "end"]]
    near = frame.reset_index().merge(events.astype(dict.fromkeys(["campaign", *_KEY], object)), on=_KEY)
    since = (near["date"] - near["start"]).dt.days
    near = near[(since > -31) & (near["date"] <= near["end"] + pd.Timedelta(days=31))]
    near = near.assign(running=near["date"] <= near["end"])
    names = near.sort_values(["index", "start"]).groupby("index")
    last, running = names["campaign"].last(), names["running"].last()
    words = CAMPAIGN + " " + last + running.map({True: "", False: ", bought ahead"})
    frame["reason"] = words.reindex(frame.index).fillna(CAMPAIGN).astype(object)
    return frame


def summary(noted: pd.DataFrame) -> pd.DataFrame:
    """By reason: buckets, series, units as they were and as adjusted, and the difference."""
    reason = noted["reason"].where(~noted["reason"].str.startswith(CAMPAIGN), CAMPAIGN)
    reason = reason.where(noted["kept"] == "", reason + ", kept")
    grouped = noted.assign(reason=reason, series=noted["sku"] + "@" + noted["warehouse"]).groupby("reason", sort=True)
    table = grouped.agg(
        buckets=("date", "size"),
        series=("series", "nunique"),
        original=("original", "sum"),
        adjusted=("adjusted", "sum"),
    ).reset_index()
    table["difference"] = table["adjusted"] - table["original"]
    return table.sort_values(["buckets", "reason"], ascending=[False, True], ignore_index=True)


def mark(why: str) -> str:
    """One sign for what happened to a bucket; "" where nothing did."""
    return next((sign for reason, sign in MARKS.items() if why.startswith(reason)), "*" if why else "")
