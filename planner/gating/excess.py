"""The other way round: what is in excess, and which segments and regions a campaign should address to sell it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.gating.ledger import KEY, Floats, Ledger, read_ledger
from planner.gating.people import bought, buying, customers_by_segment
from planner.marketing.pool import learn, look_up, no_evidence
from planner.settings import Settings
from planner.workspace import Run

_GROUP = ["category", "warehouse"]
EVERYBODY = "everybody"


@dataclass(frozen=True)
class Wish:
    """Excess lies beyond `cover` weeks; a campaign of `weeks` weeks, of `kind` and `depth`, is to sell it."""

    cover: int = 13
    weeks: int = 2
    kind: str = "price"
    depth: float = 0.2


@dataclass(frozen=True)
class Excess:
    """`targets`: category, warehouse, country, region, segment, customers, expected units and money freed, the most
    first; `items`: the SKU-warehouses in excess.
    """

    targets: pd.DataFrame
    items: pd.DataFrame
    notes: tuple[str, ...]


def find_excess(
    run: Run, lift: pd.DataFrame, dataset: Dataset, settings: Settings, as_of: dt.date, service: float, wish: Wish
) -> Excess:
    """Excess = stock + what is firmly on its way - demand of the cover weeks - safety at `service`, where above zero.

    Expected units = base demand x (lift of such a campaign - 1) over its weeks, by the share of the category that each
    segment buys at the warehouse, no more than the excess. Money freed is their cost.
    """
    ledger = read_ledger(run, dataset, settings, as_of, service)
    items = _items(ledger, run, dataset, settings, lift, wish)
    groups = items.groupby(_GROUP, as_index=False)[["excess", "expected", "money"]].sum()
    groups["skus"] = items.groupby(_GROUP)["sku"].nunique().to_numpy()
    targets, note = _by_segment(groups, dataset, settings, as_of)
    places = dataset["locations"].drop_duplicates("location").set_index("location")
    for name in ("country", "region"):
        targets[name] = targets["warehouse"].map(places[name]).fillna("")
    targets = targets.rename(columns={"expected": "expected_units", "money": "money_freed", "excess": "excess_units"})
    targets = targets[targets["expected_units"] > 0].sort_values(
        ["money_freed", *_GROUP, "segment"], ascending=[False, True, True, True], kind="stable", ignore_index=True
    )
    order = ["excess_value", *KEY]
    return Excess(targets, items.sort_values(order, ascending=[False, True, True], ignore_index=True), (note,))


def _items(
    ledger: Ledger, run: Run, dataset: Dataset, settings: Settings, lift: pd.DataFrame, wish: Wish
) -> pd.DataFrame:
    """SKU-warehouses that sell and hold more than the cover: excess, its value, expected units, money."""
    cover = min(wish.cover, len(ledger.weeks))
    end = ledger.weeks[cover - 1]
    orders = run.table("orders")
    proposed = orders[orders["due_week"] <= end].groupby(["sku", "destination"])["quantity"].sum()
    keys = pd.MultiIndex.from_frame(ledger.keys[KEY])
    firm = ledger.receipts[:, :cover].sum(axis=1) - proposed.reindex(keys).fillna(0.0).to_numpy(float)
    demand = ledger.demand[:, :cover]
    excess = ledger.opening + firm - demand.sum(axis=1) - ledger.spread[:, cover - 1]
    table = ledger.keys[[*KEY, "category", "unit_cost"]].assign(
        excess=excess, demand=demand[:, : wish.weeks].sum(axis=1), cover_weeks=_weeks(ledger.opening + firm, demand)
    )
    table = table[(table["excess"] >= 1) & (table["demand"] > 0)].reset_index(drop=True)
    asked = table[["sku", "category"]].assign(
        brand=table["sku"].map(dataset["items"].drop_duplicates("sku").set_index("sku")["brand"]).fillna(""),
        kind=wish.kind, depth=wish.depth,
    )  # fmt: skip
    known = lift if len(lift) else learn(no_evidence(), dataset["items"], settings.campaigns)
    found = look_up(known, asked)
    gain = np.exp(found["log_lift"].to_numpy(float)) * found["mean_factor"].to_numpy(float) - 1.0
    expected = np.minimum(np.maximum(gain, 0.0) * table["demand"], table["excess"])
    return table.assign(expected=expected, money=expected * table["unit_cost"],
                        excess_value=table["excess"] * table["unit_cost"])  # fmt: skip


def _weeks(stock: Floats, demand: Floats) -> Floats:
    """Weeks that stock, with what is firmly on its way, lasts at the mean demand of the cover weeks; at most 99."""
    mean = demand.mean(axis=1)
    return np.asarray(np.minimum(np.divide(stock, mean, out=np.full_like(mean, 99.0), where=mean > 0), 99.0))


def _by_segment(groups: pd.DataFrame, dataset: Dataset, settings: Settings, as_of: dt.date) -> tuple[pd.DataFrame, str]:
    """Each category and warehouse by the segments that buy the category there."""
    if not (dataset.has("customers") and dataset.has("order_lines")):
        return groups.assign(segment=EVERYBODY, customers=np.nan), "there are no customers: segments are not known"
    people, lines = customers_by_segment(dataset, as_of, settings), bought(dataset, as_of)
    category = dataset["items"].drop_duplicates("sku").set_index("sku")["category"].fillna("")
    parts = []
    for name in groups["category"].unique():
        cells = buying(people, lines, set(category.index[category == name]), settings.customers.minimum_cell)
        parts.append(cells.assign(category=name))
    cells = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=[*_GROUP, "segment", "customers", "units"])
    )
    table = groups.merge(cells, on=_GROUP, how="left")
    total = table.groupby(_GROUP)["units"].transform("sum")
    share = (table["units"] / total.where(total > 0)).fillna(1.0)
    table = table.assign(segment=table["segment"].fillna(EVERYBODY), buys_share=share)
    for column in ("excess", "expected", "money"):
        table[column] *= share
    least = f"segments of fewer than {settings.customers.minimum_cell} people are merged (customers.minimum_cell)"
    return table.drop(columns="units"), least
