"""Which source supplies which SKU where: costs in base currency, defaults filled in, and when orders can be placed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.currency import rates_to_base, to_base
from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.case import Dates, Flags
from planner.stock.duties import duty_rates
from planner.stock.loops import closing, way_between

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
STOCKING_KINDS = ("dc", "warehouse", "store")
FOREVER = pd.Timestamp("2200-01-01")


def read_sources(dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """`sourcing` ready to use, sorted by key: unit_cost and order_cost in base currency, duty as a share of unit_cost,
    landed_cost with it, pack, lead_days and its spread, transfer (the source stocks the SKU itself), `row` in the
    table. Ways that close a circle are left out.
    """
    rows = _ways(dataset)
    rows = rows[~closing(rows, as_of)].reset_index(drop=True)
    items = dataset["items"].set_index("sku")
    rates = rates_to_base(dataset["currencies"], settings.plan.currency, as_of)
    rate = to_base(pd.Series(1.0, index=rows.index), rows["currency"], rates).fillna(1.0)
    step = rows["sku"].map(items["quantity_step"]).fillna(1.0)
    multiple = rows["order_multiple"].fillna(1.0)
    price = (rows["unit_cost"] * rate).fillna(rows["sku"].map(items["unit_cost"]))
    duty = duty_rates(dataset, rows)
    return rows.assign(
        rate=rate,
        unit_cost=price,
        duty=duty,
        landed_cost=price * (1 + duty),
        order_cost=(rows["order_cost"] * rate).fillna(0.0),
        moq=rows["moq"].fillna(0.0),
        pack=multiple.where(multiple > 0, step.where(step > 0, 1.0)),
        max_order=rows["max_order"].fillna(np.inf),
        setup_units=rows["setup_units"].fillna(0.0),
        lead_days=np.ceil(rows["lead_days"].fillna(settings.stock.lead_days)),
        lead_days_sd=rows["lead_days_sd"].fillna(0.0),
    )


def unused_ways(dataset: Dataset, as_of: dt.date) -> pd.DataFrame:
    """Rows of sourcing, sorted by key, that no plan uses because they close a circle: with `row` and `kept`, the places
    of the circle in the order in which goods go."""
    ways = _ways(dataset)
    unused = closing(ways, as_of)
    down = ways[~unused & ways["transfer"]]
    rows = ways[unused].reset_index(drop=True)
    ways_kept = [
        way_between(down[down["sku"] == sku], start, end)
        for sku, start, end in zip(rows["sku"], rows["destination"], rows["source"], strict=True)
    ]
    return rows.assign(kept=pd.Series(ways_kept, index=rows.index, dtype=object))


def _ways(dataset: Dataset) -> pd.DataFrame:
    """`sourcing` sorted by key, with row, transfer, priority and span filled in."""
    table = dataset["sourcing"]
    rows = table.assign(row=np.arange(len(table))).sort_values(["sku", "source", "destination", "start"], kind="stable")
    rows = rows.reset_index(drop=True)
    kinds = dataset["locations"].set_index("location")["kind"]
    return rows.assign(
        transfer=rows["source"].map(kinds).isin(STOCKING_KINDS),
        priority=rows["priority"].fillna(1.0),
        start=rows["start"].fillna(pd.Timestamp("1900-01-01")),
        end=rows["end"].fillna(FOREVER),
    )


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """Rows as records, whose fields are read by name."""
    return iter(frame.itertuples())


def primary_sources(sources: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """One row per SKU and destination: valid today before valid later, then by priority, landed cost and name."""
    today = pd.Timestamp(as_of)
    state = np.select([sources["end"] < today, sources["start"] > today], [2, 1], 0)
    ranked = sources.assign(state=state).sort_values(
        ["sku", "destination", "state", "start", "priority", "landed_cost", "source"], kind="stable"
    )
    current = ranked[ranked["state"] == 0].sort_values(["sku", "destination", "priority", "landed_cost", "source"])
    rest = ranked[ranked["state"] > 0]
    return pd.concat([current, rest]).drop_duplicates(["sku", "destination"]).reset_index(drop=True)


def weekday_flags(texts: Iterable[str]) -> Flags:
    """[row, 7] which weekdays a text such as "mon thu" allows; an empty text allows all."""
    flags = [[not text or day in text.lower().split() for day in WEEKDAYS] for text in texts]
    return np.array(flags, bool).reshape(-1, 7)


def closed_days(dataset: Dataset, places: Iterable[str], days: Dates) -> Flags:
    """[place, day] whether the calendar closes the place, by its own name or by its country."""
    calendar = dataset["calendar"]
    calendar = calendar[calendar["closed"].astype(bool)]
    country = dataset["locations"].set_index("location")["country"].to_dict()
    by_place = {str(name): set(group["date"]) for name, group in calendar.groupby("country")}
    rows = []
    for place in places:
        shut = by_place.get(place, set()) | by_place.get(country.get(place, ""), set())
        rows.append(np.isin(days, np.array(sorted(shut), dtype="datetime64[D]")) if shut else np.zeros(len(days), bool))
    return np.array(rows, bool).reshape(-1, len(days))


def order_dates(
    sources: pd.DataFrame, allowed: Flags, closed: Flags, place: npt.NDArray[np.int64], weeks: pd.DatetimeIndex,
    as_of: dt.date,
) -> Dates:  # fmt: skip
    """[row, week] day of the week's order: its first from as_of on that is allowed and open, else NaT."""
    chosen = np.full((len(sources), len(weeks)), np.datetime64("NaT"), "datetime64[D]")
    mondays = weeks.to_numpy().astype("datetime64[D]")
    start = sources["start"].to_numpy().astype("datetime64[D]")[:, None]
    end = sources["end"].to_numpy().astype("datetime64[D]")[:, None]
    for weekday in range(7):
        day = (mondays + weekday)[None, :]
        possible = (day >= np.datetime64(as_of)) & (day >= start) & (day <= end) & allowed[:, weekday][:, None]
        possible &= ~closed[place][:, weekday::7][:, : len(weeks)]
        chosen = np.where(np.isnat(chosen) & possible, day, chosen)
    return chosen
