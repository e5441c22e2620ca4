"""Terms that are valid and make little sense: named, and planned around."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from planner.readiness.ground import Ground, findings, needed, one, per_source, told_demand


def _loops(ground: Ground) -> Iterator[pd.DataFrame]:
    """Places that supply each other, directly or over others. The plan keeps the way down from where goods enter."""
    rows, known = ground.sourcing, dict[frozenset[tuple[str, str]], list[list[str]]]()
    inner = rows[rows["source"].isin(set(rows["warehouse"]))]
    edges: dict[str, set[tuple[str, str]]] = {}
    for sku, source, place in zip(inner["sku"], inner["source"], inner["warehouse"], strict=True):
        edges.setdefault(str(sku), set()).add((source, place))
    for sku, ways in edges.items():
        same = frozenset(ways)  # most SKUs go the same ways
        if same not in known:
            known[same] = _found(ways)
        for loop in known[same]:
            touched = inner[(inner["sku"] == sku) & inner["warehouse"].isin(loop)]
            text = f"{sku}: {' and '.join(loop)} supply each other; one way of the loop is not used."
            yield one("source-loop", 2, touched["money"].max(), text, "remove one row of sourcing", sku, loop[0])


def _found(edges: set[tuple[str, str]]) -> list[list[str]]:
    """Places of each loop, sorted: those that can be reached from each other."""
    reach = {start: {end for begin, end in edges if begin == start} for start, _ in edges}
    for _ in range(len(reach)):
        reach = {start: ends | set().union(*(reach.get(end, set()) for end in ends)) for start, ends in reach.items()}
    inside = sorted(place for place, ends in reach.items() if place in ends)
    groups = {tuple(sorted(other for other in inside if other in reach[place] and place in reach[other]))
              for place in inside}  # fmt: skip
    return [list(group) for group in sorted(groups)]


def _free_goods(ground: Ground) -> Iterator[pd.DataFrame]:
    """Holding as a rate of a cost of nothing: no money speaks against any stock."""
    items = ground.dataset["items"].drop_duplicates("sku").set_index("sku")
    bought = ground.sourcing.groupby("sku", observed=True)["unit_cost"].min()
    wanted = needed(ground).groupby("sku", as_index=False)[["units", "money"]].sum()
    cost = wanted["sku"].map(bought).fillna(wanted["sku"].map(items["unit_cost"]))
    rated = wanted["sku"].map(items["holding_cost_per_week"]).isna()
    rows = wanted[(cost == 0) & rated].assign(warehouse="")
    text = [
        f"{sku} costs 0 and its holding cost is a rate of that: stock costs nothing ({told_demand(units)})."
        for sku, units in zip(rows["sku"], rows["units"], strict=True)
    ]
    yield findings("free-goods", 2, rows, text, "fill items.unit_cost, or items.holding_cost_per_week")


def _short_lives(ground: Ground) -> Iterator[pd.DataFrame]:
    """Goods that keep for less time than they travel. The plan counts shelf life from the receipt."""
    life = ground.dataset["items"].drop_duplicates("sku").set_index("sku")["shelf_life_days"]
    days = ground.sourcing["sku"].map(life).astype(float)
    lead = ground.sourcing["lead_days"].fillna(ground.settings.stock.lead_days)
    rows = ground.sourcing[days < lead]
    what = "takes longer than its shelf life lasts; the plan counts shelf life from the receipt"
    yield per_source("short-life", 2, rows, what, "correct items.shelf_life_days or sourcing.lead_days")


def _closed(ground: Ground) -> Iterator[pd.DataFrame]:
    """Limits of nothing: what they close stays closed for those weeks."""
    table = ground.dataset["capacities"]
    last = ground.as_of + pd.Timedelta(weeks=ground.settings.stock.horizon_weeks)
    shut = table[
        (table["limit"] == 0) & (table["week"] > ground.as_of - pd.Timedelta(weeks=1)) & (table["week"] < last)
    ]
    for (scope, resource), rows in shut.groupby(["scope", "resource"], observed=True):
        touched = _touched(ground, str(scope), str(resource))
        weeks = rows["week"].nunique()
        text = f"The {scope} capacity of {resource} is 0 in {weeks} of the planned weeks: nothing passes then."
        hint = "leave the limit empty where there is none"
        yield one("capacity-zero", 3, touched, text, hint, place="" if resource == "all" else str(resource))


def _touched(ground: Ground, scope: str, resource: str) -> float:
    """Recent demand, in money, of what passes there."""
    rows = ground.sourcing
    here = rows["source"] if scope in ("supply", "outbound") else rows["warehouse"]
    chosen = rows if resource == "all" or scope == "lane" else rows[here == resource]
    return float(np.nansum(chosen.drop_duplicates(["sku", "warehouse"])["money"]))


DOUBTS = (_loops, _free_goods, _short_lives, _closed)
