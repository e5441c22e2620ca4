"""Head-counts per segment, warehouse and week; and no cell so small that it tells of single people."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from planner.periods import first_day, first_days

OTHERS = "others"


def head_counts(
    profiles: pd.DataFrame, customers: pd.DataFrame, order_lines: pd.DataFrame, as_of: dt.date, weeks: int
) -> pd.DataFrame:
    """segment, warehouse, week, customers (known by the end of that week), buyers (who ordered in it).

    `profiles` carries `segment` and home_warehouse; the last `weeks` complete weeks before `as_of` are counted.
    """
    last = pd.Timestamp(first_day(as_of, "week"))
    span = pd.date_range(last - pd.Timedelta(weeks=weeks), periods=weeks, freq="7D")
    lines = order_lines[(order_lines["date"] >= span[0]) & (order_lines["date"] < last)]
    lines = lines[~(lines["returned"] > 0)] if "returned" in lines else lines
    ordered = lines[["customer", "date"]].assign(customer=lines["customer"].astype(object))
    bought = ordered.assign(week=first_days(ordered["date"], "week")).drop_duplicates(["customer", "week"])
    home = profiles[["customer", "segment", "home_warehouse"]].rename(columns={"home_warehouse": "warehouse"})
    key = ["segment", "warehouse", "week"]
    buyers = bought.merge(home, on="customer").groupby(key).size().rename("buyers")
    since = home["customer"].map(customers.drop_duplicates("customer").set_index("customer")["created_on"])
    first = since.fillna(pd.Timestamp.min).to_numpy()
    parts = [home[first < (week + pd.Timedelta(days=7)).to_numpy()].assign(week=week) for week in span]
    counts = pd.concat(parts).groupby(key).size().rename("customers")
    table = pd.concat([counts, buyers], axis=1).fillna(0).astype(int)
    return table.reset_index().sort_values(key, ignore_index=True)


def without_small_cells(
    table: pd.DataFrame, keys: list[str], count: str, least: int, merged: tuple[str, ...] = ("segment", "warehouse")
) -> pd.DataFrame:
    """Cells of `keys` with fewer than `least` people in `count` become others, by one key of `merged` after the other;
    what is still too small is left out. The other columns are added up.
    """
    for key in (name for name in merged if name in keys):
        small = (table[count] < least).to_numpy()
        if not small.any():
            return table
        table = table.assign(**{key: np.where(small, OTHERS, table[key].astype(object))})
        table = table.groupby(keys, as_index=False, sort=True).sum()
    return table[table[count] >= least].reset_index(drop=True)
