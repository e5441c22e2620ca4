"""What a unit costs: to buy, to hold, to be without, to be left with."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.case import Floats

_LINK = ["sku", "destination"]


def unit_costs(dataset: Dataset, keys: pd.DataFrame, sources: pd.DataFrame, as_of: dt.date) -> Floats:
    """Landed cost: the cheapest current purchase of the SKU at the place with its duty, else the cheapest anywhere (or
    items.unit_cost, or 0) and the duties of the way here."""
    current = _current(sources, as_of)
    bought = current[~current["transfer"]]
    here = bought.groupby(["sku", "destination"])["landed_cost"].min()
    anywhere = bought.groupby("sku")["unit_cost"].min()
    pairs = pd.MultiIndex.from_arrays([keys["sku"], keys["warehouse"]])
    cost = pd.Series(here.reindex(pairs).to_numpy(dtype=float))
    price = keys["sku"].map(anywhere).reset_index(drop=True).fillna(_item(dataset, keys["sku"], "unit_cost"))
    return cost.fillna(price + duties_paid(sources, keys, as_of)).fillna(0.0).to_numpy(dtype=float)


def duties_paid(sources: pd.DataFrame, keys: pd.DataFrame, as_of: dt.date) -> Floats:
    """Duty in a unit of each SKU at each place: of its cheapest purchase there, else of the way of transfers to it that
    pays least, from the purchase on."""
    current = _current(sources, as_of)
    current = current.assign(paid=(current["landed_cost"] - current["unit_cost"]).fillna(0.0))
    if not current["paid"].any():
        return np.zeros(len(keys))
    bought, moved = current[~current["transfer"]], current[current["transfer"]]
    cheapest = bought.sort_values("landed_cost", kind="stable").drop_duplicates(_LINK)
    paid, known = cheapest.set_index(_LINK)["paid"], -1
    while known < len(paid):
        known = len(paid)
        above = paid.reindex(pd.MultiIndex.from_frame(moved[["sku", "source"]])).to_numpy(dtype=float)
        sums = moved.assign(paid=moved["paid"] + above).dropna(subset=["paid"]).groupby(_LINK)["paid"].min()
        paid = pd.concat([paid, sums[~sums.index.isin(paid.index)]])
    pairs = pd.MultiIndex.from_arrays([keys["sku"], keys["warehouse"]])
    return paid.reindex(pairs).fillna(0.0).to_numpy(dtype=float)


def _current(sources: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    today = pd.Timestamp(as_of)
    return sources[(sources["start"] <= today) & (sources["end"] >= today)]


def holding_costs(dataset: Dataset, sku: Any, cost: Floats, settings: Settings) -> Floats:
    """Per unit and week: holding_cost_per_week, else a yearly rate of the unit cost / 52.

    A rate of a cost of 0 would let stock pile up: then it is a rate of items.unit_cost, else of the price.
    """
    codes = pd.Series(sku)
    stands_in = _item(dataset, codes, "unit_cost").where(lambda known: known > 0)
    stands_in = stands_in.fillna(_item(dataset, codes, "unit_price")).fillna(0.0)
    basis = np.where(cost > 0, cost, stands_in)
    rate = _item(dataset, codes, "holding_rate_per_year").fillna(settings.stock.holding_rate_per_year)
    fixed = _item(dataset, codes, "holding_cost_per_week")
    return fixed.fillna(rate * basis / 52).to_numpy(dtype=float)


def shortage_costs(dataset: Dataset, keys: pd.DataFrame, cost: Floats, settings: Settings) -> Floats:
    """Whole loss per unit short: of the stocking record, of the item, else the margin, else a rate of the price or
    cost, else 1."""
    stocking = keys.merge(dataset["stocking"], "left", ["sku", "warehouse"])["shortage_cost"]
    item = _item(dataset, keys["sku"], "shortage_cost")
    price = _item(dataset, keys["sku"], "unit_price")
    known = pd.Series(np.where(cost > 0, cost, np.nan)).fillna(_item(dataset, keys["sku"], "unit_cost"))
    margin = (price - known).where(lambda m: m > 0)
    rated = settings.stock.shortage_rate * price.fillna(known)
    found = stocking.fillna(item).fillna(margin).fillna(rated.where(rated > 0)).fillna(1.0)
    return found.to_numpy(dtype=float)


def leftover_costs(dataset: Dataset, sku: Any, cost: Floats) -> Floats:
    """What is lost on a unit that is left when its sale ends: cost less salvage value."""
    salvage = _item(dataset, pd.Series(sku), "salvage_value").fillna(0.0).to_numpy(dtype=float)
    lost: Floats = np.maximum(cost - salvage, 0.0)
    return lost


def _item(dataset: Dataset, sku: pd.Series, column: str) -> pd.Series:
    return sku.map(dataset["items"].set_index("sku")[column]).reset_index(drop=True).astype(float)
