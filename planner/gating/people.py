"""Who buys what a campaign promotes: segments by warehouse with head-counts, never single people."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.marketing.segments import make_profiles, segment, without_small_cells
from planner.settings import Settings

_WEEKS = 26
PLACE = ["warehouse", "segment"]


def customers_by_segment(dataset: Dataset, as_of: dt.date, settings: Settings) -> pd.DataFrame:
    """customer, warehouse, country, segment (RFM) of every customer known on the day."""
    profiles = make_profiles(
        dataset["customers"], dataset["order_lines"], dataset["behaviour"], dataset["items"], as_of
    )
    labels = segment(profiles, "rfm", 0, settings.plan.seed).labels
    table = profiles[["customer", "home_warehouse", "country"]].rename(columns={"home_warehouse": "warehouse"})
    return table.assign(segment=labels)


def bought(dataset: Dataset, as_of: dt.date) -> pd.DataFrame:
    """customer, sku, quantity of the last 26 weeks, returns left out."""
    lines, today = dataset["order_lines"], pd.Timestamp(as_of)
    lines = lines[(lines["date"] >= today - pd.Timedelta(weeks=_WEEKS)) & (lines["date"] < today)]
    lines = lines[lines["quantity"] > 0]
    lines = lines[~(lines["returned"] > 0)] if "returned" in lines else lines
    return lines[["customer", "sku", "quantity"]].astype({"customer": object, "sku": object})


def buying(people: pd.DataFrame, lines: pd.DataFrame, skus: set[str], least: int) -> pd.DataFrame:
    """warehouse, segment, customers, units (of `skus` in the last 26 weeks); no cell with fewer people than `least`."""
    own = lines[lines["sku"].isin(skus)].groupby("customer")["quantity"].sum()
    table = people.assign(units=people["customer"].map(own).fillna(0.0), customers=1)
    cells = table.groupby(PLACE, as_index=False)[["customers", "units"]].sum()
    return without_small_cells(cells, PLACE, "customers", least, ("segment",))


def leave_out(cells: pd.DataFrame, shares: pd.Series, audience: float) -> pd.DataFrame:
    """Whom to leave out: of each warehouse the segments that buy least a head, until the demand is down to its share.

    `cells` as of `buying`, scaled to an `audience` where that is smaller. Columns: warehouse, segment, customers,
    leave_out, units_a_head.
    """
    scale = min(audience / cells["customers"].sum(), 1.0) if audience > 0 and len(cells) else 1.0
    table = cells[cells["warehouse"].isin(shares.index[shares < 1])]
    table = table.assign(customers=table["customers"] * scale, units_a_head=table["units"] / table["customers"])
    table = table.sort_values(["warehouse", "units_a_head", "segment"], kind="stable", ignore_index=True)
    by, weight = table["warehouse"], table["units"].where(table["units"].groupby(table["warehouse"]).transform("sum")
                                                          > 0, table["customers"])  # fmt: skip
    total, before = weight.groupby(by).transform("sum"), weight.groupby(by).cumsum() - weight
    target = (1.0 - by.map(shares).astype(float)) * total
    reached = pd.Series((target - before) / weight.where(weight > 0)).clip(0.0, 1.0)
    part = reached.fillna((target > before).astype(float))
    gone = np.ceil(part * table["customers"] - 1e-9).astype(int)
    table = table.assign(leave_out=gone, customers=table["customers"].round().astype(int))
    return table[[*PLACE, "customers", "leave_out", "units_a_head"]]
