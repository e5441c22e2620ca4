"""Order lines and the plan as the tables say them, and the words of a violation."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings

TOLERANCE = 1e-3


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    return iter(frame.itertuples())


def differing(ledger: pd.DataFrame, column: str, right: Any) -> Iterator[tuple[Any, float]]:
    """Rows of the ledger whose column is not `right`, with what it should be."""
    value = pd.Series(np.asarray(right, dtype=float), index=ledger.index)
    wrong = far(ledger[column], value)
    return zip(rows_of(ledger[wrong]), value[wrong], strict=True)


def monday(dates: Any) -> Any:
    return dates - pd.to_timedelta(dates.dt.weekday.fillna(0), unit="D")


def rates_on(dataset: Dataset, base: str, as_of: dt.date) -> dict[str, float]:
    """Newest known rate of each currency on as_of, else its first."""
    rates = {"": 1.0}
    for code, rows in dataset["currencies"].sort_values("date").groupby("currency"):
        past = rows.loc[rows["date"] <= pd.Timestamp(as_of), "rate_to_base"]
        rates[str(code)] = float(past.iloc[-1] if len(past) else rows["rate_to_base"].iloc[0])
    rates[base] = 1.0
    return rates


def weeks_of(plan: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(sorted(plan["week"].unique()))


def read_lines(dataset: Dataset, orders: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Order lines with the terms of the sourcing row that holds on their order date (NaN where none does)."""
    terms = dataset["sourcing"][[
        "sku", "source", "destination", "unit_cost", "currency", "moq", "order_multiple", "max_order", "lead_days",
        "order_weekdays", "start", "end",
    ]].rename(columns={"unit_cost": "list_cost"})  # fmt: skip
    numbered = orders.reset_index(drop=True).reset_index(names="line")
    both = numbered.merge(terms, "left", ["sku", "source", "destination"], indicator=True)
    valid = (both["start"].isna() | (both["order_date"] >= both["start"])) & (
        both["end"].isna() | (both["order_date"] <= both["end"])
    )
    both["fits"] = valid & (both["_merge"] == "both")
    both["gap"] = (both["due_date"] - both["order_date"]).dt.days - both["lead_days"].fillna(settings.stock.lead_days)
    best = both.assign(bad=~both["fits"], off=both["gap"].abs()).sort_values(["line", "bad", "off"], kind="stable")
    best = best.drop_duplicates("line").reset_index(drop=True)
    kinds = dataset["locations"].set_index("location")["kind"]
    items = dataset["items"].set_index("sku")
    best["stocks"] = best["source"].map(kinds).isin(["dc", "warehouse", "store"])
    for column in ("volume_m3", "weight_kg", "pallet_quantity", "quantity_step", "end_date"):
        best[column] = best["sku"].map(items[column])
    best["item_cost"] = best["sku"].map(items["unit_cost"])
    rates = rates_on(dataset, settings.plan.currency, dt.date.max if best.empty else best["order_date"].min().date())
    best["rate"] = best["currency"].fillna("").map(rates).fillna(1.0)
    best["breaks"] = _break_prices(dataset, best)
    best["set_up"] = _set_up(dataset, best)
    return best


def _break_prices(dataset: Dataset, lines: pd.DataFrame) -> pd.Series:
    """Price of the deepest break that each line's quantity reaches, NaN without one."""
    breaks = dataset["price_breaks"].rename(columns={"unit_cost": "break_cost"})
    both = lines[["line", "sku", "source", "quantity"]].merge(breaks, "inner", ["sku", "source"])
    reached = both[both["min_quantity"] <= both["quantity"] + 1e-9]
    return lines["line"].map(reached.groupby("line")["break_cost"].min()).astype(float)


def _set_up(dataset: Dataset, lines: pd.DataFrame) -> pd.Series:
    """What each line takes of its source beside its quantity; a supply that changes counts by the last row that has
    begun."""
    told = dataset["sourcing"][dataset["sourcing"]["setup_units"] > 0].sort_values("start", na_position="first")
    asked = ["sku", "source", "destination"]
    both = lines[["line", "order_date", *asked]].merge(told[[*asked, "start", "end", "setup_units"]], "inner", asked)
    both = both[~(both["start"] > both["order_date"]) & ~(both["end"] < both["order_date"])]
    last = both.sort_values(["line", "start"], kind="stable", na_position="first").drop_duplicates("line", keep="last")
    return lines["line"].map(last.set_index("line")["setup_units"]).fillna(0.0).astype(float)


def read_ledger(dataset: Dataset, plan: pd.DataFrame, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """The plan with each item's kind of shortage, what was owed the week before, and the opening that tables imply."""
    ledger = plan.sort_values(["sku", "warehouse", "week"], kind="stable").reset_index(drop=True)
    kinds = dataset["items"].set_index("sku")["shortage"]
    kind = ledger["sku"].map(kinds).fillna("")
    ledger["lost"] = kind.where(kind != "", settings.stock.shortage) == "lost"
    group = ledger.groupby(["sku", "warehouse"], sort=False)
    rows = dataset["stock"][dataset["stock"]["status"] != "quarantine"]
    free = (rows["on_hand"] - rows["allocated"].fillna(0.0)).groupby([rows["sku"], rows["warehouse"]]).sum()
    orders = dataset["customer_orders"]
    late = orders[orders["backorder"].astype(bool) | (orders["due_date"] < pd.Timestamp(as_of))]
    owed = late.groupby(["sku", "warehouse"])["quantity"].sum()
    keys = pd.MultiIndex.from_frame(ledger[["sku", "warehouse"]])
    net = free.reindex(keys).fillna(0.0).to_numpy() - owed.reindex(keys).fillna(0.0).to_numpy()
    ledger["start"] = np.maximum(net, 0.0)
    ledger["owed_at_start"] = np.maximum(-net, 0.0)
    ledger["first"] = group.cumcount() == 0
    ledger["sells"] = (group["demand"].transform("sum") > 0) | (ledger["owed_at_start"] > 0)
    short = ledger["expected_shortage"].where(ledger["sells"], 0.0)
    ledger["short"] = short
    before = short.groupby([ledger["sku"], ledger["warehouse"]], sort=False).shift()
    ledger["owed"] = before.where(~ledger["first"], ledger["owed_at_start"]).where(
        ~ledger["lost"] & ledger["sells"], 0.0
    )
    ledger["left_before"] = group["closing"].shift()
    return ledger


def spans(ledger: pd.DataFrame) -> dict[tuple[str, str], slice]:
    """Where the rows of each SKU and warehouse stand: the ledger is in their order."""
    starts = np.flatnonzero(ledger["first"])
    ends = np.r_[starts[1:], len(ledger)].tolist()
    pairs = zip(ledger["sku"].iloc[starts], ledger["warehouse"].iloc[starts], strict=True)
    return {pair: slice(start, end) for pair, start, end in zip(pairs, starts.tolist(), ends, strict=True)}


def senders(dataset: Dataset) -> set[tuple[str, str]]:
    """(SKU, place) that others are supplied from."""
    return set(zip(dataset["sourcing"]["sku"], dataset["sourcing"]["source"], strict=True))


def spot(row: Any) -> str:
    return f"{row.sku} at {row.warehouse}, week {row.week:%Y-%m-%d}"


def far(a: Any, b: Any, scale: float = 1.0) -> Any:
    return (a - b).abs() > TOLERANCE * scale + 1e-6 * (a.abs() + b.abs())
