"""Are the tables enough to plan from? One question a function."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.currency import rates_to_base
from planner.periods import bucket_range, first_day
from planner.readiness.ground import (
    PAIR,
    RECENT_WEEKS,
    Ground,
    findings,
    held_as,
    needed,
    numbered,
    one,
    per_source,
    told_demand,
    worth,
)

Question = Callable[[Ground], Iterator[pd.DataFrame]]
_SILENT_WEEKS = 4


def _without_source(ground: Ground) -> Iterator[pd.DataFrame]:
    """Every SKU-warehouse that wants stock, and every dc that passes it on, has somewhere to get it from."""
    if not ground.dataset.has("sourcing"):
        lack = "There is no table sourcing: nothing can be ordered."
        yield one("no-source", 1, ground.direct["money"].sum(), lack, "planner schema sourcing")
        return
    wanted = pd.concat([needed(ground), _relays(ground)], ignore_index=True).drop_duplicates(PAIR)
    missing = _not_in(wanted, ground.sourcing)
    ended = set(map(tuple, ground.dataset["sourcing"][["sku", "destination"]].to_numpy()))
    text = [
        f"{sku} at {place} {'has only sources that have ended' if (sku, place) in ended else 'has no source'}"
        f" ({told_demand(units)})."
        for sku, place, units in zip(missing["sku"], missing["warehouse"], missing["units"], strict=True)
    ]
    yield findings("no-source", 1, missing, text, "add a row to sourcing")


def _relays(ground: Ground) -> pd.DataFrame:
    """SKUs at places that pass them on: sources that are no suppliers or plants."""
    places = ground.dataset["locations"].set_index("location")["kind"]
    kinds = ground.sourcing["source"].map(places)
    rows = ground.sourcing.loc[kinds.isin(["dc", "warehouse", "store"]).to_numpy(bool), ["sku", "source"]]
    rows = rows.drop_duplicates().rename(columns={"source": "warehouse"})
    return rows.merge(ground.served, on=PAIR, how="left").fillna({"units": 0.0, "money": 0.0})


def _not_in(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    marked = rows.merge(others[PAIR].drop_duplicates(), on=PAIR, how="left", indicator=True)
    return marked[marked["_merge"] == "left_only"].drop(columns="_merge").reset_index(drop=True)


def _without_lead_time(ground: Ground) -> Iterator[pd.DataFrame]:
    rows = ground.sourcing[ground.sourcing["lead_days"].isna()]
    days = f"{ground.settings.stock.lead_days:g}"
    what = f"has no lead time: {days} days are assumed"
    yield per_source("no-lead-time", 2, rows, what, "fill sourcing.lead_days", "lead_days")


def _lead_beyond_horizon(ground: Ground) -> Iterator[pd.DataFrame]:
    """Something ordered today arrives before the horizon ends."""
    plan, monday = ground.settings.plan, pd.Timestamp(first_day(ground.as_of.date(), "week"))
    planned = bucket_range(ground.as_of.date(), plan.buckets + 1, plan.bucket)[-1]
    weeks = min(ground.settings.stock.horizon_weeks, -((monday - planned).days // 7))
    rows = ground.sourcing[ground.sourcing["lead_days"] >= 7 * weeks - ground.as_of.weekday()]
    what = [f"takes {days:g} days, longer than the {weeks} weeks planned: nothing ordered arrives in time"
            for days in rows["lead_days"]]  # fmt: skip
    hint = "raise stock.horizon_weeks and plan.horizon, or correct sourcing.lead_days"
    yield per_source("late-source", 1, rows, what, hint, "lead_days")


def _stock_records(ground: Ground) -> Iterator[pd.DataFrame]:
    """What sells has a stock record."""
    if not ground.dataset.has("stock"):
        lack = "There is no table stock: every opening stock counts as 0."
        yield one("no-stock-record", 1, ground.direct["money"].sum(), lack, "planner schema stock")
        return
    missing = _not_in(ground.direct[ground.direct["units"] > 0], ground.dataset["stock"])
    text = [
        f"{sku} at {place} sells but has no stock record: its opening stock counts as 0 ({told_demand(units)})."
        for sku, place, units in zip(missing["sku"], missing["warehouse"], missing["units"], strict=True)
    ]
    yield findings("no-stock-record", 2, missing, text, "add a row to stock, with 0 if there is none")


def _idle_stock(ground: Ground) -> Iterator[pd.DataFrame]:
    """Stock lies where something sells, or where it is passed on from."""
    stock = ground.dataset["stock"].groupby(PAIR, as_index=False)["on_hand"].sum()
    busy = ground.served[ground.served["units"] > 0]
    idle = _not_in(stock[stock["on_hand"] > 0], busy)
    idle = idle.assign(money=idle["on_hand"] * worth(ground.dataset, idle["sku"]))
    text = [
        f"{sku} at {place}: {units:,.0f} units on hand, none sold in {RECENT_WEEKS} weeks."
        for sku, place, units in zip(idle["sku"], idle["warehouse"], idle["on_hand"], strict=True)
    ]
    hint = "move it, sell it off, or check the codes in sales"
    yield findings("stock-without-demand", 3, idle, text, hint, touched=idle["money"] * 0.0)


def _lanes(ground: Ground) -> Iterator[pd.DataFrame]:
    """Where lanes are given, each leads towards demand, and each source reaches its destination over them."""
    lanes = ground.dataset["lanes"]
    lanes = lanes[~(lanes["end"] < ground.as_of)]
    if not ground.dataset.has("lanes"):
        return
    edges = set(zip(lanes["origin"], lanes["destination"], strict=True))
    leading = _leading(edges, _wanted_places(ground))
    for origin, destination in sorted(edge for edge in edges if edge[1] not in leading):
        text = f"The lane from {origin} to {destination} leads to no place that sells, stocks or is delivered to."
        yield one("dead-lane", 3, 0.0, text, "add lanes onward, or remove it", place=destination)
    pairs = ground.sourcing.groupby(["source", "warehouse"], as_index=False)[["units", "money"]].sum()
    reached = {origin: _reached(edges, origin) for origin in pairs["source"].unique()}
    linked = [place in reached[origin] for origin, place in zip(pairs["source"], pairs["warehouse"], strict=True)]
    far = pairs[~np.array(linked, dtype=bool)]
    text_far = [
        f"No lane leads from {origin} to {place}, which it supplies ({told_demand(units)})."
        for origin, place, units in zip(far["source"], far["warehouse"], far["units"], strict=True)
    ]
    yield findings("no-lane", 2, far.assign(sku=""), text_far, "add a row to lanes")


def _wanted_places(ground: Ground) -> set[str]:
    data = ground.dataset
    names = [ground.direct["warehouse"], data["stocking"]["warehouse"], ground.sourcing["warehouse"]]
    zones = data["locations"].loc[data["locations"]["kind"] == "zone", "location"]
    served = [data["deliveries"]["location"]] if data.has("deliveries") else []
    return set(pd.concat([*names, *served, zones]).unique())


def _leading(edges: set[tuple[str, str]], goals: set[str]) -> set[str]:
    """Places from which a goal is reached, the goals themselves included."""
    back: dict[str, list[str]] = {}
    for origin, destination in edges:
        back.setdefault(destination, []).append(origin)
    return _flood(back, goals)


def _reached(edges: set[tuple[str, str]], origin: str) -> set[str]:
    onward: dict[str, list[str]] = {}
    for start, end in edges:
        onward.setdefault(start, []).append(end)
    return _flood(onward, {origin})


def _flood(steps: dict[str, list[str]], starts: set[str]) -> set[str]:
    found, open_ = set(starts), list(starts)
    while open_:
        for place in steps.get(open_.pop(), []):
            if place not in found:
                found.add(place)
                open_.append(place)
    return found


def _currencies(ground: Ground) -> Iterator[pd.DataFrame]:
    """Every currency that is used has a rate to the base currency."""
    base = ground.settings.plan.currency
    known = set(rates_to_base(ground.dataset["currencies"], base, ground.as_of.date()))
    bought = ground.sourcing[~ground.sourcing["currency"].isin(known)]
    for currency, rows in bought.groupby("currency"):
        money = rows.drop_duplicates(PAIR)["money"].sum()
        text = f"{currency} has no rate to {base}: {len(rows):,} rows of sourcing cannot be priced."
        yield one("no-rate", 1, money, text, f"add {currency} to currencies")
    lanes = ground.dataset["lanes"]
    for currency, rows in lanes[~lanes["currency"].isin(known)].groupby("currency"):
        pairs = rows[["origin", "destination"]].drop_duplicates().set_axis(["source", "warehouse"], axis=1)
        money = ground.sourcing.merge(pairs, on=["source", "warehouse"]).drop_duplicates(PAIR)["money"].sum()
        text = f"{currency} has no rate to {base}: {len(rows):,} lanes cannot be priced."
        yield one("no-rate", 1, money, text, f"add {currency} to currencies")


def _costs(ground: Ground) -> Iterator[pd.DataFrame]:
    """What is planned has a cost, else stock is worth nothing."""
    priced = set(ground.sourcing.loc[ground.sourcing["unit_cost"].notna(), "sku"])
    items = ground.dataset["items"]
    known = items.drop_duplicates("sku").set_index("sku")
    priced |= set(items.loc[items["unit_cost"].notna(), "sku"])
    wanted = needed(ground).groupby("sku", as_index=False)[["units", "money"]].sum()
    rows = wanted[~wanted["sku"].isin(priced)].assign(warehouse="")
    text = [
        f"{sku} has no unit cost: {held_as(known, sku)} ({told_demand(units)})."
        for sku, units in zip(rows["sku"], rows["units"], strict=True)
    ]
    yield findings("no-cost", 2, rows, text, "fill sourcing.unit_cost or items.unit_cost")


def _order_sizes(ground: Ground) -> Iterator[pd.DataFrame]:
    """A smallest order does not exceed the largest. The least is a whole number of multiples."""
    rows = ground.sourcing
    multiple, least = rows["order_multiple"].fillna(0.0), rows["moq"].fillna(0.0)
    least = np.maximum(multiple, np.where(multiple > 0, np.ceil(least / multiple.where(multiple > 0, 1.0) - 1e-9), 0.0)
                       * multiple).where(multiple > 0, least)  # fmt: skip
    rows = rows.assign(least=least)[least > rows["max_order"]]
    what = [f"can never be ordered: its smallest order is {small:g} and max_order {large:g}"
            for small, large in zip(rows["least"], rows["max_order"], strict=True)]  # fmt: skip
    hint = "raise sourcing.max_order, or correct moq and order_multiple"
    yield per_source("order-too-small", 1, rows, what, hint, "max_order")


def _below_zero(ground: Ground) -> Iterator[pd.DataFrame]:
    """What is on hand is not less than nothing. The plan takes it as owed."""
    stock = numbered(ground.dataset["stock"])
    free = stock[stock["status"] != "quarantine"]
    total = free.groupby(PAIR, observed=True)["on_hand"].transform("sum")
    worst = free.assign(total=total)[total < 0].sort_values(["on_hand", "row"], kind="stable").drop_duplicates(PAIR)
    rows = _with_demand(ground, worst.astype(dict.fromkeys(PAIR, object)))
    text = [f"{sku} at {place} shows {-units:g} units below zero: planned as owed, served first."
            for sku, place, units in zip(rows["sku"], rows["warehouse"], rows["total"], strict=True)]  # fmt: skip
    value = rows.assign(money=-rows["total"] * worth(ground.dataset, rows["sku"]))
    yield findings("negative-stock", 2, value, text, "count the stock", [("stock", "on_hand", "row")], rows["money"])


def _overdue(ground: Ground) -> Iterator[pd.DataFrame]:
    """What is on its way is due today or later. The plan expects it this week."""
    pipeline = numbered(ground.dataset["pipeline"]).rename(columns={"destination": "warehouse"})
    rows = _with_demand(ground, pipeline[pipeline["due_date"] < ground.as_of].astype(dict.fromkeys(PAIR, object)))
    text = [f"Order {order} of {units:g} {sku} for {place} was due on {due:%Y-%m-%d}: expected this week."
            for order, units, sku, place, due in zip(
                rows["order_id"], rows["quantity"], rows["sku"], rows["warehouse"], rows["due_date"], strict=True
            )]  # fmt: skip
    value = rows.assign(money=rows["quantity"] * worth(ground.dataset, rows["sku"]))
    hint = "confirm a new due date, or remove the order"
    yield findings("overdue-pipeline", 2, value, text, hint, [("pipeline", "due_date", "row")], rows["money"])


def _with_demand(ground: Ground, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, in the order of SKU and warehouse, with the demand that they serve."""
    served = rows.merge(ground.served, on=PAIR, how="left").fillna({"units": 0.0, "money": 0.0})
    return served.sort_values([*PAIR, "row"], kind="stable", ignore_index=True)


def _units(ground: Ground) -> Iterator[pd.DataFrame]:
    """Steps, multiples, minima, cases and pallets fit into each other."""
    items = ground.dataset["items"].drop_duplicates("sku")[["sku", "quantity_step", "case_quantity"]]
    rows = ground.sourcing.merge(items, on="sku", how="left")
    multiple, step, case = rows["order_multiple"], rows["quantity_step"], rows["case_quantity"]
    for broken, what, column in (
        (~_divides(step, multiple), "has an order_multiple that is no multiple of its quantity_step", "order_multiple"),
        (~_divides(multiple, rows["moq"]), "has a moq that is no multiple of its order_multiple: it is rounded up",
         "moq"),
        (~_divides(case, multiple) & ~_divides(multiple, case), "has an order_multiple that does not fit its case",
         "order_multiple"),
    ):  # fmt: skip
        yield per_source("units-disagree", 3, rows[broken], what, "correct sourcing or items", column)
    yield _pallets(ground)
    yield _fractions(ground)


def _divides(part: pd.Series, whole: pd.Series) -> npt.NDArray[np.bool_]:
    """Whether `whole` is a multiple of `part`; true where either is unknown or zero."""
    small, large = part.to_numpy(float), whole.to_numpy(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = large / small
    open_ = ~np.isfinite(ratio) | (small <= 0) | (large <= 0)
    ratio = np.where(open_, 0.0, ratio)
    return np.asarray(open_ | (np.abs(ratio - np.round(ratio)) < 1e-9), dtype=bool)


def _pallets(ground: Ground) -> pd.DataFrame:
    items = ground.dataset["items"].drop_duplicates("sku")
    rows = items[~_divides(items["case_quantity"], items["pallet_quantity"])]
    rows = _with_sku_demand(ground, rows[["sku", "case_quantity", "pallet_quantity"]])
    text = [
        f"{sku}: a pallet of {pallet:g} is no whole number of cases of {case:g} ({told_demand(units)})."
        for sku, pallet, case, units in zip(
            rows["sku"], rows["pallet_quantity"], rows["case_quantity"], rows["units"], strict=True
        )
    ]
    return findings("units-disagree", 3, rows, text, "correct items.pallet_quantity or items.case_quantity")


def _with_sku_demand(ground: Ground, rows: pd.DataFrame) -> pd.DataFrame:
    demand = ground.direct.groupby("sku", as_index=False)[["units", "money"]].sum()
    return rows.merge(demand, on="sku", how="left").fillna({"units": 0.0, "money": 0.0}).assign(warehouse="")


def _fractions(ground: Ground) -> pd.DataFrame:
    """What is counted in pieces is sold in pieces."""
    sales, items = ground.dataset["sales"], ground.dataset["items"]
    recent = sales[(sales["date"] < ground.as_of) & (sales["quantity"] % 1 > 1e-9)]
    pieces = items.loc[(items["unit"] == "each") & (items["quantity_step"] == 1), "sku"]
    broken = recent[recent["sku"].isin(set(pieces))].groupby("sku", observed=True).size().rename("rows").reset_index()
    rows = _with_sku_demand(ground, broken.astype({"sku": object}))
    text = [
        f"{sku} is counted in pieces but {count:,} sales are fractions ({told_demand(units)})."
        for sku, count, units in zip(rows["sku"], rows["rows"], rows["units"], strict=True)
    ]
    return findings("units-disagree", 2, rows, text, "set items.unit and items.quantity_step")


def _days_of_sales(ground: Ground) -> Iterator[pd.DataFrame]:
    """Sales reach from before the day of the plan up to its last weeks."""
    dates = ground.dataset["sales"]["date"]
    hint = "check plan.as_of and the dates of sales"
    if dates[dates < ground.as_of].empty:
        first = f"; the first is of {dates.min():%Y-%m-%d}" if len(dates) else ""
        yield one("no-sales", 1, 0.0, f"Nothing was sold before {ground.as_of:%Y-%m-%d}{first}.", hint)
        return
    last = dates[dates < ground.as_of].max()
    weeks = (ground.as_of - last).days // 7
    if weeks > _SILENT_WEEKS:
        text = f"The last sale is of {last:%Y-%m-%d}: {weeks} weeks without any count as weeks without demand."
        yield one("old-sales", 1, 0.0, text, hint)


QUESTIONS: tuple[Question, ...] = (
    _days_of_sales,
    _without_source,
    _without_lead_time,
    _lead_beyond_horizon,
    _stock_records,
    _idle_stock,
    _lanes,
    _currencies,
    _costs,
    _order_sizes,
    _below_zero,
    _overdue,
    _units,
)
