"""Lots that expire: what of today's stock is not sold in time, first expired first out.

Sold so far is mean demand up to a lot's last day; what then is left of it and of those before it leaves the balance in
the week of that day, before its demand. That is the least to be expected: demand that falls short of its mean wastes
more than demand above it saves, and `least_waste` says how much for the lots together.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.stock.case import Floats, Lots
from planner.stock.curves import expected_excess

Key = tuple[str, str]


def read_lots(
    dataset: Dataset, number: dict[Key, int], weeks: pd.DatetimeIndex, as_of: dt.date, opening: Floats
) -> Lots:
    """Free lots with an expiry date within the horizon; no more than the node's opening stock. Those past it have
    their last day before as_of."""
    stock = dataset["stock"]
    rows = stock[(stock["status"] != "quarantine") & stock["expiry_date"].notna() & (stock["on_hand"] > 0)]
    node = np.array([number.get(key, -1) for key in zip(rows["sku"], rows["warehouse"], strict=True)], dtype=np.int64)
    inside = (node >= 0) & (rows["expiry_date"] < weeks[-1] + pd.Timedelta(days=7)).to_numpy(bool)
    table = pd.DataFrame(
        {"node": node, "day": rows["expiry_date"].to_numpy(), "units": rows["on_hand"].to_numpy(float)}
    )
    table = table[inside].groupby(["node", "day"])[["units"]].sum().reset_index()  # in the order of node and day
    upto = np.minimum(table.groupby("node")["units"].cumsum().to_numpy(float), opening[table["node"].to_numpy(int)])
    today, day = pd.Timestamp(as_of), pd.DatetimeIndex(table["day"])
    week = np.maximum((day - weeks[0]).days.to_numpy() // 7, 0)
    begins = np.where(week == 0, (today - weeks[0]).days, week * 7)
    share = ((day - weeks[0]).days.to_numpy() + 1 - begins) / (week * 7 + 7 - begins)
    return Lots(table["node"].to_numpy(np.int64), week.astype(np.int64), np.clip(share, 0.0, 1.0), upto)


def leaving(lots: Lots, demand: Floats) -> Floats:
    """[N, T] units that leave the balance because nobody bought them in time."""
    result = np.zeros_like(demand)
    gone = np.zeros(len(demand))
    for node, week, upto, sold in zip(lots.node, lots.week, lots.upto, lots.sold(demand), strict=True):
        waste = max(0.0, upto - sold - gone[node])
        gone[node] += waste
        result[node, week] += waste
    return result


def least_waste(lots: Lots, demand: Floats, variance: Floats) -> Floats:
    """[N] a bound that the expected waste is not below: the largest of E[(units up to a lot - demand up to its last
    day)^+] over its lots, weeks independent of each other."""
    result = np.zeros(len(demand))
    if len(lots):
        mean, spread = lots.sold(demand), lots.sold(variance)
        left = lots.upto - mean + expected_excess(lots.upto, mean, spread)
        np.maximum.at(result, lots.node, left)
    return result
