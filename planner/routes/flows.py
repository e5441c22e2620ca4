"""Order lines on lanes: which path each takes, what travels together, what a load costs and who pays for it.

A parcel is all lines of one source, destination, order date and due date. Parcels leave as late as their due date
allows, so that goods arrive when the stock plan counts on them, and parcels of one lane and week share a load.
A load of a lane and week splits in two only where goods are not yet there when the first ones have to leave.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.periods import first_day, first_days
from planner.routes.findings import Finding, counted, some
from planner.routes.network import Lane, Network
from planner.routes.results import FLOWS, LOADS, ORDER_FREIGHT, shaped
from planner.routes.timing import Parcel, Prefer, Trip, on_time, soonest

PARCEL_KEY = ["source", "destination", "ready", "due"]
LANE = ["origin", "destination", "mode", "carrier"]
SUMS = ["kg", "m3", "campaign_kg", "campaign_m3"]


@dataclass(frozen=True)
class Freight:
    """Loads, flows by lane and week, freight by order line, findings, and how many lines have no path."""

    loads: pd.DataFrame
    flows: pd.DataFrame
    order_freight: pd.DataFrame
    findings: tuple[Finding, ...]
    lines_without_path: int


@dataclass(frozen=True)
class Leg:
    """One parcel on one lane: by when it has to leave there."""

    parcel: int
    step: int
    lane: Lane
    latest: dt.date


@dataclass(frozen=True)
class Departure:
    """A load: a lane and a day."""

    lane: Lane
    date: dt.date


def send(dataset: Dataset, network: Network, orders: pd.DataFrame, prefer: Prefer, as_of: dt.date) -> Freight:
    """Every line of `orders` on the path from its source to its destination."""
    lines = _lines(orders, dataset["items"], as_of)
    parcels = _parcels(lines)
    pairs = {(parcel.source, parcel.destination) for parcel in parcels.values()}
    ways = {pair: network.between(*pair) for pair in pairs}
    trips = {
        number: _choose(ways[parcel.source, parcel.destination], parcel, prefer) for number, parcel in parcels.items()
    }
    departures, boarded = _board(trips, parcels)
    carried = _carried(lines, boarded, departures)
    loads = _loads(carried, departures)
    shares = _shares(carried, loads)
    lost = lines[lines["parcel"].map({number: trip is None for number, trip in trips.items()}).astype(bool)]
    if not dataset.has("lanes"):
        lost = lost.iloc[:0]  # nobody asked for loads: that is a note of the run, not a finding
    findings = (
        *(_unweighed(lines) if dataset.has("lanes") else ()),
        *_without_path(lost),
        *_late(lines, trips, parcels),
    )
    named = shaped(_with_names(loads, carried, departures), LOADS, ["depart_date", "load_id"])
    return Freight(named, _flows(named), _order_freight(lines, carried, shares), findings, len(lost))


def _lines(orders: pd.DataFrame, items: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """The order lines with weight, volume, value and the part that campaigns caused; index 0..n-1 by line_id."""
    lines = orders.sort_values("line_id", kind="stable").reset_index(drop=True)
    each = (
        items.drop_duplicates("sku").set_index("sku")[["weight_kg", "volume_m3"]].reindex(lines["sku"].astype(object))
    )
    units, today = lines["quantity"].astype(float), pd.Timestamp(as_of)
    share = _column(lines, "campaign_quantity", 0.0).astype(float).fillna(0.0) / units.where(units > 0)
    lines = lines.assign(
        unweighed=each.isna().all(axis=1).to_numpy(),
        kg=each["weight_kg"].fillna(0.0).to_numpy() * units,
        m3=each["volume_m3"].fillna(0.0).to_numpy() * units,
        money=units * lines["unit_cost"].astype(float).fillna(0.0),
        ready=lines["order_date"].where(lines["order_date"] >= today, today),
        due=lines["due_date"],
        campaigns=_column(lines, "campaigns", "").fillna("").astype(str),
    )
    share = share.fillna(0.0).clip(0.0, 1.0)
    lines = lines.assign(campaign_kg=lines["kg"] * share, campaign_m3=lines["m3"] * share)
    lines["parcel"] = lines.groupby(PARCEL_KEY, observed=True, sort=True).ngroup()
    return lines


def _column(frame: pd.DataFrame, name: str, default: object) -> pd.Series:
    return frame[name] if name in frame else pd.Series(default, index=frame.index)


def _parcels(lines: pd.DataFrame) -> dict[int, Parcel]:
    """The parcels by number. Weight and volume are those of all goods that the pair is due in that week.

    They will share loads, so a path is priced for all of them; alone, each parcel would find a container too dear.
    """
    week = lines.assign(week=first_days(lines["due"], "week")).groupby(["source", "destination", "week"], observed=True)
    priced = lines.assign(kg=week["kg"].transform("sum"), m3=week["m3"].transform("sum"))
    first = priced.drop_duplicates("parcel").sort_values("parcel")[["parcel", *PARCEL_KEY, "kg", "m3"]]
    return {
        int(number): Parcel(str(source), str(destination), ready.date(), due.date(), float(kg), float(m3))
        for number, source, destination, ready, due, kg, m3 in first.itertuples(index=False, name=None)
    }


def _choose(lanes: Sequence[Lane], parcel: Parcel, prefer: Prefer) -> Trip | None:
    """As preferred among the trips that arrive in time; else the one that arrives first; None where no lane leads."""
    if not lanes:
        here = parcel.source == parcel.destination
        return Trip((), (), parcel.due) if here else None
    return on_time(parcel, lanes, prefer) or soonest(parcel, lanes)


def _board(
    trips: Mapping[int, Trip | None], parcels: Mapping[int, Parcel]
) -> tuple[list[Departure], list[tuple[int, int]]]:
    """Loads, and which parcel is on which of them.

    In the order of their latest departures, a parcel joins the load of its lane and week when it is there before that
    load leaves; otherwise it opens the next one. Joining means leaving early, never late.
    """
    legs = [
        Leg(number, step, lane, depart)
        for number, trip in trips.items()
        if trip is not None
        for step, (lane, depart) in enumerate(zip(trip.lanes, trip.departs, strict=True))
    ]
    departures: list[Departure] = []
    newest: dict[tuple[int, dt.date], int] = {}
    there = {number: parcel.ready for number, parcel in parcels.items()}
    boarded: list[tuple[int, int]] = []
    for leg in sorted(legs, key=lambda leg: (leg.latest, leg.step, leg.lane.number, leg.parcel)):
        key = (leg.lane.number, first_day(leg.latest, "week"))
        load = newest.get(key)
        if load is None or there[leg.parcel] > departures[load].date:
            load = newest[key] = len(departures)
            departures.append(Departure(leg.lane, leg.latest))
        there[leg.parcel] = departures[load].date + dt.timedelta(days=leg.lane.whole_days)
        boarded.append((leg.parcel, load))
    return departures, boarded


def _carried(lines: pd.DataFrame, boarded: list[tuple[int, int]], departures: list[Departure]) -> pd.DataFrame:
    """One row per line and load: line (its row), load, weight, volume, quantity and the campaign part."""
    on = pd.DataFrame(boarded, columns=["parcel", "load"], dtype="int64")
    wanted = ["parcel", "line_id", "quantity", "campaigns", *SUMS]
    rows = lines[wanted].rename_axis("line").reset_index().merge(on, on="parcel", how="inner")
    return rows.sort_values(["load", "line"], kind="stable").reset_index(drop=True)


def _loads(carried: pd.DataFrame, departures: list[Departure]) -> pd.DataFrame:
    """Totals of each load: weight, volume, lines, vehicles, fill, cost and emission; index = load."""
    loads = carried.groupby("load")[[*SUMS, "quantity"]].sum().assign(lines=carried.groupby("load").size())
    sent = [departures[number].lane for number in loads.index]
    goods = list(zip(sent, loads["kg"], loads["m3"], strict=True))
    loads["shipments"] = [lane.shipments(kg, m3) for lane, kg, m3 in goods]
    loads["cost"] = [lane.cost(kg, m3) for lane, kg, m3 in goods]
    loads["co2_kg"] = [lane.co2_kg(kg) for lane, kg, _ in goods]
    known = [np.isfinite(min(lane.capacity_kg, lane.capacity_m3)) for lane in sent]
    loads["fill"] = [lane.share(kg, m3) for lane, kg, m3 in goods]
    loads["fill"] = (loads["fill"] / loads["shipments"]).where(pd.Series(known, index=loads.index))
    loads["binding"] = [_binding(lane, kg, m3) for lane, kg, m3 in goods]
    return loads


def _binding(lane: Lane, kg: float, m3: float) -> str:
    """What a load runs out of first; where nothing limits it or nothing is known, weight, volume, then quantity."""
    full = {"kg": kg / lane.capacity_kg, "m3": m3 / lane.capacity_m3}
    if max(full.values()) > 0:
        return "m3" if full["m3"] > full["kg"] else "kg"
    return "kg" if kg > 0 else "m3" if m3 > 0 else "quantity"


def _shares(carried: pd.DataFrame, loads: pd.DataFrame) -> pd.Series:
    """Freight of each row of `carried`: the load's cost x the line's part of the binding measure."""
    binding = carried["load"].map(loads["binding"])
    part = pd.Series(0.0, index=carried.index)
    for measure in ("kg", "m3", "quantity"):
        total = carried["load"].map(loads[measure])
        part = part.mask(binding == measure, carried[measure] / total.where(total > 0))
    alone = 1.0 / carried["load"].map(loads["lines"])  # lines without any quantity share alike
    return part.fillna(alone) * carried["load"].map(loads["cost"])


def _order_freight(lines: pd.DataFrame, carried: pd.DataFrame, shares: pd.Series) -> pd.DataFrame:
    freight = shares.groupby(carried["line"]).sum().reindex(lines.index).fillna(0.0)
    return shaped(pd.DataFrame({"line_id": lines["line_id"], "freight": freight}), ORDER_FREIGHT)


def _with_names(loads: pd.DataFrame, carried: pd.DataFrame, departures: list[Departure]) -> pd.DataFrame:
    """The loads with lane, dates, a name that is the same in every run, their lines and their campaigns."""
    sent = [departures[number] for number in loads.index]
    named = loads.assign(
        **{name: [getattr(item.lane, name) for item in sent] for name in [*LANE, "distance_km"]},
        depart_date=pd.to_datetime([item.date for item in sent]),
        arrive_date=pd.to_datetime([item.date + dt.timedelta(days=item.lane.whole_days) for item in sent]),
        line_ids=carried.groupby("load")["line_id"].agg("|".join),
        campaigns=carried.groupby("load")["campaigns"].agg(_joined),
    )
    named["depart_week"] = first_days(named["depart_date"], "week")
    names = pd.Series([f"{item.lane.name}>{item.date.isoformat()}" for item in sent], index=named.index, dtype=object)
    again = names.groupby(names).cumcount()
    return named.assign(load_id=names.where(again == 0, names + "#" + (again + 1).astype(str)))


def _joined(campaigns: pd.Series) -> str:
    return "|".join(sorted({code for codes in campaigns.unique() for code in codes.split("|") if code}))


def _flows(loads: pd.DataFrame) -> pd.DataFrame:
    """Totals by lane and week."""
    sums = ["shipments", "lines", *SUMS, "cost", "co2_kg"]
    grouped = loads.rename(columns={"depart_week": "week"}).groupby([*LANE, "week"], observed=True)
    totals = grouped[sums].sum().assign(loads=grouped.size()).reset_index()
    return shaped(totals, FLOWS, [*LANE, "week"])


def _unweighed(lines: pd.DataFrame) -> list[Finding]:
    rows = lines[lines["unweighed"]]
    if rows.empty:
        return []
    skus = rows["sku"].astype(str)
    return [
        Finding(
            "no-weight",
            3,
            f"No weight or volume is known of {counted(skus.nunique(), 'item')} ({some(skus)}): "
            f"{counted(len(rows), 'order line')} counted as weightless.",
            "set weight_kg and volume_m3 in data/items.csv",
            money=float(rows["money"].sum()),
        )
    ]


def _without_path(lost: pd.DataFrame) -> list[Finding]:
    return [
        Finding(
            "no-lane",
            1,
            f"No lane leads from {source} to {destination}: "
            f"{counted(len(rows), 'order line')} without load or freight.",
            f"add a lane into {destination}, or order from another source",
            warehouse=str(destination),
            week=first_day(rows["ready"].min().date(), "week"),
            money=float(rows["money"].sum()),
        )
        for (source, destination), rows in lost.groupby(["source", "destination"], observed=True)
    ]


def _late(lines: pd.DataFrame, trips: Mapping[int, Trip | None], parcels: Mapping[int, Parcel]) -> list[Finding]:
    """One finding a source and destination: even the fastest path does not arrive within the lead time."""
    days = {
        number: (trip.arrive - parcels[number].due).days
        for number, trip in trips.items()
        if trip is not None and trip.arrive > parcels[number].due
    }
    rows = lines[lines["parcel"].isin(list(days))]
    rows = rows.assign(late=rows["parcel"].map(days))
    return [
        Finding(
            "late-path",
            2,
            f"Even the fastest path from {source} to {destination} arrives "
            f"{counted(int(group['late'].max()), 'day')} after the lead time: {counted(len(group), 'order line')}.",
            "raise lead_days in data/sourcing.csv, order earlier, or add a faster lane",
            warehouse=str(destination),
            week=first_day(group["due"].min().date(), "week"),
            money=float(group["money"].sum()),
        )
        for (source, destination), group in rows.groupby(["source", "destination"], observed=True)
    ]
