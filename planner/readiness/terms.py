"""Terms that are valid and make little sense: named, and planned around."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from planner.readiness.ground import Ground, findings, held_as, needed, numbered, one, per_source, told_demand
from planner.stock.sourcing import unused_ways


def _loops(ground: Ground) -> Iterator[pd.DataFrame]:
    """Places that supply each other, directly or over others: goods go one way only."""
    unused = unused_ways(ground.dataset, ground.as_of.date())
    rows = unused.rename(columns={"destination": "warehouse"}).merge(
        ground.sourcing[["row", "units", "money"]], on="row"
    )
    text = [
        f"{sku}: {' and '.join(sorted(kept))} supply each other. The plan sends goods from {' to '.join(kept)}; nothing"
        f" goes from {source} to {place} ({told_demand(units)})."
        for sku, kept, source, place, units in zip(
            rows["sku"], rows["kept"], rows["source"], rows["warehouse"], rows["units"], strict=True
        )
    ]
    hint = "remove this row of sourcing"
    yield findings("source-loop", 2, rows, text, hint, [("sourcing", "source", "row")])


def _free_goods(ground: Ground) -> Iterator[pd.DataFrame]:
    """Holding as a rate of a cost of nothing: another value stands in for it, or no money speaks against any stock."""
    items = numbered(ground.dataset["items"]).drop_duplicates("sku").set_index("sku")
    cheapest = ground.sourcing.sort_values(["unit_cost", "row"], kind="stable")
    bought = cheapest[cheapest["unit_cost"].notna()].drop_duplicates("sku").set_index("sku")
    wanted = needed(ground).groupby("sku", as_index=False)[["units", "money"]].sum().assign(warehouse="")
    rated = wanted[wanted["sku"].map(items["holding_cost_per_week"]).isna()]
    for table, costs in (("sourcing", bought), ("items", items[~items.index.isin(bought.index)])):
        rows = rated.assign(cost=rated["sku"].map(costs["unit_cost"]), row=rated["sku"].map(costs["row"]))
        rows = rows[rows["cost"] == 0]
        text = [
            f"{sku} costs 0 and its holding cost is a rate of that: {held_as(items, sku)} ({told_demand(units)})."
            for sku, units in zip(rows["sku"], rows["units"], strict=True)
        ]
        hint = f"fill {table}.unit_cost, or items.holding_cost_per_week"
        yield findings("free-goods", 2, rows, text, hint, [(table, "unit_cost", "row")])


def _short_lives(ground: Ground) -> Iterator[pd.DataFrame]:
    """Goods that keep for less time than they travel. The plan counts shelf life from the receipt."""
    items = numbered(ground.dataset["items"]).drop_duplicates("sku").set_index("sku")
    rows = ground.sourcing.assign(
        life=ground.sourcing["sku"].map(items["shelf_life_days"]).astype(float),
        item=ground.sourcing["sku"].map(items["row"]),
        lead=ground.sourcing["lead_days"].fillna(ground.settings.stock.lead_days),
    )
    rows = rows[rows["life"] < rows["lead"]]
    what = [
        f"takes {lead:g} days and keeps for {life:g}: the plan counts shelf life from the receipt"
        for lead, life in zip(rows["lead"], rows["life"], strict=True)
    ]
    hint = "correct items.shelf_life_days or sourcing.lead_days"
    yield per_source("short-life", 2, rows, what, hint, "lead_days", ("items", "shelf_life_days", "item"))


def _closed(ground: Ground) -> Iterator[pd.DataFrame]:
    """Limits of nothing: what they close stays closed for those weeks."""
    table = numbered(ground.dataset["capacities"])
    last = ground.as_of + pd.Timedelta(weeks=ground.settings.stock.horizon_weeks)
    shut = table[
        (table["limit"] == 0) & (table["week"] > ground.as_of - pd.Timedelta(weeks=1)) & (table["week"] < last)
    ]
    hint = "leave the limit empty where there is none"
    for (scope, resource), rows in shut.groupby(["scope", "resource"], observed=True):
        touched = _touched(ground, str(scope), str(resource))
        weeks = rows["week"].nunique()
        text = f"The {scope} capacity of {resource} is 0 in {weeks} of the planned weeks: nothing passes then."
        place, cells = "" if resource == "all" else str(resource), [("capacities", "limit", int(rows["row"].iloc[0]))]
        yield one("capacity-zero", 3, touched, text, hint, place=place, cells=cells)
    places = numbered(ground.dataset["locations"])
    for place, row in places.loc[places["capacity_m3"] == 0, ["location", "row"]].itertuples(index=False):
        if (ground.sourcing["warehouse"] == place).any():
            text = f"{place} has room for 0 m3: nothing with a volume is ordered for it."
            cells = [("locations", "capacity_m3", int(row))]
            yield one("capacity-zero", 1, _touched(ground, "storage", str(place)), text, hint, "", str(place), cells)


def _touched(ground: Ground, scope: str, resource: str) -> float:
    """Recent demand, in money, of what passes there."""
    rows = ground.sourcing
    here = rows["source"] if scope in ("supply", "outbound") else rows["warehouse"]
    chosen = rows if resource == "all" or scope == "lane" else rows[here == resource]
    return float(np.nansum(chosen.drop_duplicates(["sku", "warehouse"])["money"]))


DOUBTS = (_loops, _free_goods, _short_lives, _closed)
