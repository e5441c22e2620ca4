"""What the questions are asked of, and how a finding is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings

Cell = tuple[str, str, str]
Cells = Sequence[Cell]
RECENT_WEEKS = 13
PAIR = ["sku", "warehouse"]
_LEVELS = 4


@dataclass(frozen=True)
class Ground:
    """What the questions are asked of: `sourcing` holds rows that are not over yet, with the demand they serve and
    their `row` in the table.

    `direct` is recent demand by sku and warehouse (units, money), `served` that plus what a dc passes on.
    """

    dataset: Dataset
    settings: Settings
    as_of: pd.Timestamp
    sourcing: pd.DataFrame
    direct: pd.DataFrame
    served: pd.DataFrame


def ground_of(dataset: Dataset, settings: Settings, as_of: pd.Timestamp) -> Ground:
    direct = _recent(dataset, as_of)
    sourcing = numbered(dataset["sourcing"])
    current = sourcing[~(sourcing["end"] < as_of)].reset_index(drop=True)
    current = current.rename(columns={"destination": "warehouse"})
    served = _served(direct, current)
    current = current.merge(served, on=PAIR, how="left").fillna({"units": 0.0, "money": 0.0})
    return Ground(dataset, settings, as_of, current, direct, served)


def numbered(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the number of each `row`, counted from 0."""
    return table.assign(row=np.arange(len(table)))


def _recent(dataset: Dataset, as_of: pd.Timestamp) -> pd.DataFrame:
    """Units and money of the last 13 weeks: sku, warehouse, units, money."""
    sales = dataset["sales"]
    recent = sales[(sales["date"] >= as_of - pd.Timedelta(weeks=RECENT_WEEKS)) & (sales["date"] < as_of)]
    units = recent.groupby(PAIR, observed=True)["quantity"].sum().clip(lower=0.0).rename("units").reset_index()
    units = units.astype({"sku": object, "warehouse": object})
    return units.assign(money=units["units"] * worth(dataset, units["sku"]))


def worth(dataset: Dataset, skus: pd.Series) -> pd.Series:
    """What one unit is worth: its price, else its cost, else the median of the others, else 1."""
    items = dataset["items"].drop_duplicates("sku").set_index("sku")
    known = items["unit_price"].fillna(items["unit_cost"])
    return skus.map(known).astype(float).fillna(known.median() if known.notna().any() else 1.0)


def held_as(items: pd.DataFrame, sku: str) -> str:
    """What the plan takes for the cost of holding a SKU that costs nothing; `items` by SKU."""
    for column, words in (("unit_cost", "as if it cost what items says"), ("unit_price", "as if it cost its price")):
        value = float(items[column].get(sku, np.nan))
        if value > 0:
            return f"it is held {words}, {value:g}"
    return "keeping it costs nothing, so all of it is ordered early"


def _served(direct: pd.DataFrame, sourcing: pd.DataFrame) -> pd.DataFrame:
    """Demand at a place and at those that it feeds, level by level; never more than all demand of the SKU."""
    links = sourcing[["sku", "source", "warehouse"]].drop_duplicates()
    served = direct
    for _ in range(_LEVELS):
        passed = links.merge(served, on=PAIR).drop(columns="warehouse").rename(columns={"source": "warehouse"})
        grown = pd.concat([direct, passed], ignore_index=True).groupby(PAIR, as_index=False)[["units", "money"]].sum()
        if len(grown) == len(served) and np.allclose(grown["units"], served["units"]):
            break
        served = grown
    whole = direct.groupby("sku")[["units", "money"]].sum()
    return served.assign(
        **{name: served[name].clip(upper=served["sku"].map(whole[name])) for name in ("units", "money")}
    )


def findings(
    kind: str, severity: int, rows: pd.DataFrame, text: Sequence[str], hint: str, cells: Cells = (),
    touched: pd.Series | None = None,
) -> pd.DataFrame:  # fmt: skip
    """One finding per row of sku, warehouse, money.

    `cells` are those to look at: of which table and column, and the column of `rows` that holds the table's row.
    """
    return pd.DataFrame(
        {
            "type": kind,
            "severity": severity,
            "sku": rows["sku"].to_numpy(object),
            "warehouse": rows["warehouse"].to_numpy(object),
            "week": np.datetime64("NaT", "ns"),
            "money": rows["money"].to_numpy(float),
            "text": np.array(list(text), dtype=object),
            "hint": hint,
            "touched": (rows["money"] if touched is None else touched).to_numpy(float),
            "cells": [[(table, column, int(row)) for (table, column, _), row in zip(cells, at, strict=True)]
                      for at in rows[[name for _, _, name in cells]].to_numpy()],
        }
    )  # fmt: skip


def one(
    kind: str, severity: int, money: float, text: str, hint: str, sku: str = "", place: str = "",
    cells: Sequence[tuple[str, str, int]] = (),
) -> pd.DataFrame:  # fmt: skip
    """A single finding; `cells` are (table, column, row)."""
    at = {str(k): [row] for k, (_, _, row) in enumerate(cells)}
    rows = pd.DataFrame({"sku": [sku], "warehouse": [place], "money": [float(money)], **at})
    named = [(table, column, str(k)) for k, (table, column, _) in enumerate(cells)]
    return findings(kind, severity, rows, [text], hint, named)


def told_demand(row_units: float) -> str:
    return f"{row_units:,.0f} units sold in {RECENT_WEEKS} weeks"


def needed(ground: Ground) -> pd.DataFrame:
    """SKU-warehouses that want stock: sold lately, or listed on the as-of date."""
    stocking = ground.dataset["stocking"]
    listed = stocking[~(stocking["listed_to"] < ground.as_of) & ~(stocking["listed_from"] > ground.as_of)]
    sold = ground.direct.loc[ground.direct["units"] > 0, PAIR]
    pairs = pd.concat([sold, listed[PAIR]], ignore_index=True).drop_duplicates()
    return pairs.merge(ground.served, on=PAIR, how="left").fillna({"units": 0.0, "money": 0.0})


def per_source(
    kind: str, severity: int, rows: pd.DataFrame, what: str | Sequence[str], hint: str, column: str, *cells: Cell
) -> pd.DataFrame:
    """One finding per row of sourcing; `column` is the cell of it to look at, `cells` are further ones."""
    said = [what] * len(rows) if isinstance(what, str) else what
    text = [
        f"{sku} from {source} to {place} {words} ({told_demand(units)})."
        for sku, source, place, units, words in zip(
            rows["sku"], rows["source"], rows["warehouse"], rows["units"], said, strict=True
        )
    ]
    return findings(kind, severity, rows, text, hint, [("sourcing", column, "row"), *cells])
