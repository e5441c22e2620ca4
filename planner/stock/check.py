"""Is this plan allowed, and does it add up? Read from the tables again, without a line of the model's code.

Every violation is one sentence that starts with the rule's name. A clean plan gives an empty list.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings

DAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
TOLERANCE = 1e-3
SHOWN = 200


def verify(
    dataset: Dataset, weekly: pd.DataFrame, orders: pd.DataFrame, plan: pd.DataFrame, settings: Settings, as_of: dt.date
) -> list[str]:
    """All violations (at most SHOWN, then a count), sorted."""
    lines = _lines(dataset, orders, settings)
    ledger = _ledger(dataset, plan, settings, as_of)
    found = sorted({
        *_identity(orders), *_sources(lines, as_of), *_quantities(lines), *_dates(lines, plan, as_of),
        *_days(dataset, lines), *_listing(dataset, lines), *_unit_costs(lines), *_openings(ledger), *_balance(ledger),
        *_receipts(dataset, lines, ledger, as_of), *_shipments(lines, ledger), *_stock_signs(ledger),
        *_demand(dataset, weekly, ledger, settings, as_of), *_joint_minima(dataset, lines, settings, as_of),
        *_ceilings(dataset, lines, ledger), *_budget(dataset, lines, plan, settings, as_of),
        *_capacities(dataset, lines, ledger, settings, as_of),
    })  # fmt: skip
    return found[:SHOWN] + ([f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    return iter(frame.itertuples())


def _differing(ledger: pd.DataFrame, column: str, right: Any) -> Iterator[tuple[Any, float]]:
    """Rows of the ledger whose column is not `right`, with what it should be."""
    value = pd.Series(np.asarray(right, dtype=float), index=ledger.index)
    wrong = _far(ledger[column], value)
    return zip(_rows(ledger[wrong]), value[wrong], strict=True)


def _monday(dates: Any) -> Any:
    return dates - pd.to_timedelta(dates.dt.weekday, unit="D")


def _rates(dataset: Dataset, base: str, as_of: dt.date) -> dict[str, float]:
    """Newest known rate of each currency on as_of, else its first."""
    rates = {"": 1.0}
    for code, rows in dataset["currencies"].sort_values("date").groupby("currency"):
        past = rows.loc[rows["date"] <= pd.Timestamp(as_of), "rate_to_base"]
        rates[str(code)] = float(past.iloc[-1] if len(past) else rows["rate_to_base"].iloc[0])
    rates[base] = 1.0
    return rates


def _as_of_weeks(plan: pd.DataFrame) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(sorted(plan["week"].unique()))


def _lines(dataset: Dataset, orders: pd.DataFrame, settings: Settings) -> pd.DataFrame:
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
    rates = _rates(dataset, settings.plan.currency, dt.date.max if best.empty else best["order_date"].min().date())
    best["rate"] = best["currency"].fillna("").map(rates).fillna(1.0)
    best["breaks"] = _break_prices(dataset, best)
    return best


def _break_prices(dataset: Dataset, lines: pd.DataFrame) -> pd.Series:
    """Price of the deepest break that each line's quantity reaches, NaN without one."""
    breaks = dataset["price_breaks"].rename(columns={"unit_cost": "break_cost"})
    both = lines[["line", "sku", "source", "quantity"]].merge(breaks, "inner", ["sku", "source"])
    reached = both[both["min_quantity"] <= both["quantity"] + 1e-9]
    return lines["line"].map(reached.groupby("line")["break_cost"].min()).astype(float)


def _ledger(dataset: Dataset, plan: pd.DataFrame, settings: Settings, as_of: dt.date) -> pd.DataFrame:
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


def _spot(row: Any) -> str:
    return f"{row.sku} at {row.warehouse}, week {row.week:%Y-%m-%d}"


def _far(a: Any, b: Any, scale: float = 1.0) -> Any:
    return (a - b).abs() > TOLERANCE * scale + 1e-6 * (a.abs() + b.abs())


def _identity(orders: pd.DataFrame) -> Iterator[str]:
    """A line is named once, proposes something, and is not pegged to more than itself."""
    for name in orders.loc[orders["line_id"].duplicated(), "line_id"]:
        yield f"line: {name} stands twice"
    for row in _rows(orders[orders["quantity"] <= 0]):
        yield f"line: {row.line_id} orders {row.quantity:g}"
    for row in _rows(orders[orders["campaign_quantity"] > orders["quantity"] + TOLERANCE]):
        yield f"line: {row.line_id} pegs {row.campaign_quantity:g} of {row.quantity:g} to campaigns"


def _sources(lines: pd.DataFrame, as_of: dt.date) -> Iterator[str]:
    """There is a sourcing row for the line on its order date; stock moves by transfer, other goods by purchase."""
    for row in _rows(lines[~lines["fits"]]):
        yield f"source: {row.line_id} has no sourcing row valid on {row.order_date:%Y-%m-%d}"
    wrong = lines["fits"] & (lines["kind"] == "transfer") & ~lines["stocks"]
    for row in _rows(lines[wrong]):
        yield f"source: {row.line_id} is a transfer, but {row.source} holds no stock"


def _quantities(lines: pd.DataFrame) -> Iterator[str]:
    """At least the MOQ, a whole multiple, at most the maximum, packs x multiple = quantity."""
    for row in _rows(lines[lines["fits"] & (lines["quantity"] < lines["moq"].fillna(0.0) - TOLERANCE)]):
        yield f"moq: {row.line_id} orders {row.quantity:g}, the minimum is {row.moq:g}"
    for row in _rows(lines[lines["fits"] & (lines["quantity"] > lines["max_order"] + TOLERANCE)]):
        yield f"max order: {row.line_id} orders {row.quantity:g}, the most is {row.max_order:g}"
    multiple = lines["order_multiple"].where(lines["order_multiple"] > 0, lines["quantity_step"]).fillna(1.0)
    multiple = multiple.where(multiple > 0, 1.0)
    share = lines["quantity"] / multiple
    for row in _rows(lines[lines["fits"] & ((share - share.round()).abs() > 1e-6 * share.clip(lower=1.0))]):
        yield f"order multiple: {row.line_id} orders {row.quantity:g}, not a multiple of {row.order_multiple:g}"
    for row in _rows(lines[lines["fits"] & _far(lines["packs"] * multiple, lines["quantity"])]):
        yield f"packs: {row.line_id} has {row.packs:g} packs for {row.quantity:g}"


def _dates(lines: pd.DataFrame, plan: pd.DataFrame, as_of: dt.date) -> Iterator[str]:
    """Nothing is ordered in the past or arrives beyond the plan; due = ordered + lead time; weeks are Mondays."""
    weeks = _as_of_weeks(plan)
    for row in _rows(lines[lines["order_date"] < pd.Timestamp(as_of)]):
        yield f"order date: {row.line_id} is ordered on {row.order_date:%Y-%m-%d}, before {as_of}"
    for row in _rows(lines[lines["fits"] & (lines["gap"].abs() >= 1)]):
        yield f"lead time: {row.line_id} is due {row.gap:+g} days off its lead time"
    for date, week in (("order_date", "order_week"), ("due_date", "due_week")):
        for row in _rows(lines[_monday(lines[date]) != lines[week]]):
            yield f"week: {row.line_id} has {week} {getattr(row, week):%Y-%m-%d} for {getattr(row, date):%Y-%m-%d}"
    for row in _rows(lines[~lines["due_week"].isin(weeks)]):
        yield f"horizon: {row.line_id} is due in the week of {row.due_week:%Y-%m-%d}, outside the plan"


def _days(dataset: Dataset, lines: pd.DataFrame) -> Iterator[str]:
    """Orders on the allowed weekdays only, and never on a day on which the source is closed."""
    suppliers = dataset["suppliers"].set_index("location")["order_weekdays"].to_dict()
    calendar = dataset["calendar"][dataset["calendar"]["closed"].astype(bool)]
    closed = set(zip(calendar["country"], calendar["date"], strict=True))
    country = dataset["locations"].set_index("location")["country"].to_dict()
    for row in _rows(lines[lines["fits"]]):
        days = (row.order_weekdays or suppliers.get(row.source, "") or "").lower().split()
        if days and row.order_date.weekday() not in {DAYS[day] for day in days}:
            yield f"order day: {row.line_id} is ordered on a {row.order_date:%a}, allowed are {' '.join(days)}"
        places = (row.source, country.get(row.source) or row.source)
        if any((place, row.order_date) in closed for place in places):
            yield f"closure: {row.line_id} is ordered on {row.order_date:%Y-%m-%d}, when {row.source} is closed"


def _listing(dataset: Dataset, lines: pd.DataFrame) -> Iterator[str]:
    """Nothing arrives before its listing's first week or after the last day of sale."""
    listing = dataset["stocking"][["sku", "warehouse", "listed_from", "listed_to"]]
    both = lines.merge(listing.rename(columns={"warehouse": "destination"}), "left", ["sku", "destination"])
    late = (both["due_date"] > both["listed_to"]) | (both["due_date"] > both["end_date"])
    early = both["due_date"] < _monday(both["listed_from"])
    for row in _rows(both[late | early]):
        yield f"listing: {row.line_id} is due {row.due_date:%Y-%m-%d}, when it is not listed"


def _unit_costs(lines: pd.DataFrame) -> Iterator[str]:
    """Unit cost = the source's price, or that of the price break reached, in base currency."""
    bought = lines[lines["fits"] & (lines["kind"] == "purchase")]
    listed = bought["list_cost"] * bought["rate"]
    price = np.fmin(listed.fillna(bought["item_cost"]).fillna(0.0), bought["breaks"] * bought["rate"])
    for row, right in zip(
        _rows(bought[_far(bought["unit_cost"], price)]), price[_far(bought["unit_cost"], price)], strict=True
    ):
        yield f"unit cost: {row.line_id} costs {row.unit_cost:g} a unit, by its terms {right:g}"


def _openings(ledger: pd.DataFrame) -> Iterator[str]:
    """Opens with free stock - allocated - owed in the first week, with what was left in the others."""
    right = ledger["start"].where(ledger["first"], ledger["left_before"])
    for row in _rows(ledger[_far(ledger["opening"], right)]):
        yield f"opening: {_spot(row)} opens with {row.opening:g}"


def _balance(ledger: pd.DataFrame) -> Iterator[str]:
    """Closing = opening - owed + receipts + short - demand - shipped."""
    right = (
        ledger["opening"] - ledger["owed"] + ledger["receipts"] + ledger["short"] - ledger["demand"] - ledger["shipped"]
    )
    for row, value in _differing(ledger, "closing", right):
        yield f"balance: {_spot(row)} closes with {row.closing:g}, the balance says {value:g}"


def _receipts(dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame, as_of: dt.date) -> Iterator[str]:
    """Receipts = pipeline due in the week (overdue: in the first) + lines due in it."""
    pipeline = dataset["pipeline"]
    first = ledger["week"].min()
    due = _monday(pipeline["due_date"].clip(lower=first)) if len(pipeline) else pipeline["due_date"]
    firm = pipeline["quantity"].groupby([pipeline["sku"], pipeline["destination"], due]).sum()
    own = lines.groupby(["sku", "destination", "due_week"])["quantity"].sum()
    keys = pd.MultiIndex.from_frame(ledger[["sku", "warehouse", "week"]])
    right = firm.reindex(keys).fillna(0.0).to_numpy() + own.reindex(keys).fillna(0.0).to_numpy()
    for row, value in _differing(ledger, "receipts", right):
        yield f"receipts: {_spot(row)} receives {row.receipts:g}, pipeline and lines bring {value:g}"


def _shipments(lines: pd.DataFrame, ledger: pd.DataFrame) -> Iterator[str]:
    """Shipped = transfers sent in the week, and not more than was there."""
    sent = lines[lines["kind"] == "transfer"].groupby(["sku", "source", "order_week"])["quantity"].sum()
    keys = pd.MultiIndex.from_frame(ledger[["sku", "warehouse", "week"]])
    right = sent.reindex(keys).fillna(0.0).to_numpy()
    for row, value in _differing(ledger, "shipped", right):
        yield f"shipped: {_spot(row)} ships {row.shipped:g}, its transfers take {value:g}"
    for row in _rows(ledger[ledger["shipped"] > ledger["opening"] + ledger["receipts"] + TOLERANCE]):
        yield f"availability: {_spot(row)} ships {row.shipped:g} of {row.opening + row.receipts:g}"


def _stock_signs(ledger: pd.DataFrame) -> Iterator[str]:
    """Stock is never below zero, shortage neither, nor less than what demand exceeds stock by."""
    for row in _rows(ledger[(ledger["closing"] < -TOLERANCE) | (ledger["expected_shortage"] < -TOLERANCE)]):
        yield f"sign: {_spot(row)} closes with {row.closing:g}, short {row.expected_shortage:g}"
    least = ledger["demand"] + ledger["shipped"] + ledger["owed"] - ledger["opening"] - ledger["receipts"]
    for row in _rows(ledger[ledger["sells"] & (ledger["short"] < least - TOLERANCE)]):
        yield f"shortage: {_spot(row)} is short {row.short:g}, less than demand exceeds stock by"
    too_much = ledger["sells"] & ledger["lost"] & (ledger["short"] > ledger["demand"] * (1 + 1e-6) + TOLERANCE)
    for row in _rows(ledger[too_much]):
        yield f"shortage: {_spot(row)} loses {row.short:g} of {row.demand:g}"


def _demand(
    dataset: Dataset, weekly: pd.DataFrame, ledger: pd.DataFrame, settings: Settings, as_of: dt.date
) -> Iterator[str]:
    """Demand = the larger of forecast (its part of the first week that is left) and customer orders, while listed."""
    keys = pd.MultiIndex.from_frame(ledger[["sku", "warehouse", "week"]])
    texts = weekly["sku"].astype(object), weekly["warehouse"].astype(object)
    mean = weekly["mean"].groupby([*texts, weekly["week"]]).sum().reindex(keys).fillna(0.0).to_numpy()
    first = ledger["week"].min()
    mean = np.where(ledger["week"] == first, mean * (7 - as_of.weekday()) / 7, mean)
    orders = dataset["customer_orders"]
    orders = orders[~orders["backorder"].astype(bool) & (orders["due_date"] >= pd.Timestamp(as_of))]
    week = _monday(orders["due_date"]) if len(orders) else orders["due_date"]
    ordered = orders["quantity"].groupby([orders["sku"], orders["warehouse"], week]).sum()
    right = np.maximum(mean, ordered.reindex(keys).fillna(0.0).to_numpy())
    rows = ledger.merge(
        dataset["stocking"][["sku", "warehouse", "listed_from", "listed_to"]], "left", ["sku", "warehouse"]
    )
    ends = rows["sku"].map(dataset["items"].set_index("sku")["end_date"])
    gone = (rows["week"] > rows["listed_to"]) | (rows["week"] > ends)
    gone |= rows["week"] + pd.Timedelta(days=6) < rows["listed_from"]
    right = np.where(gone, 0.0, right)
    right += np.where(ledger["first"] & ledger["lost"] & ledger["sells"], ledger["owed_at_start"], 0.0)
    for row, value in _differing(ledger, "demand", right):
        yield f"demand: {_spot(row)} plans {row.demand:g}, asked is {value:g}"


def _joint_minima(dataset: Dataset, lines: pd.DataFrame, settings: Settings, as_of: dt.date) -> Iterator[str]:
    """Lines bought from one supplier in one week reach its minimum value, volume and weight together."""
    suppliers = dataset["suppliers"].set_index("location")
    money = dataset["locations"].set_index("location")["currency"].to_dict()
    rates = _rates(dataset, settings.plan.currency, as_of)
    bought = lines[lines["kind"] == "purchase"]
    for (source, week), rows in bought.groupby(["source", "order_week"]):
        if source not in suppliers.index:
            continue
        terms: Any = suppliers.loc[str(source)]
        totals = {
            "value": (rows["quantity"] * rows["unit_cost"]).sum(),
            "m3": (rows["quantity"] * rows["volume_m3"].fillna(0.0)).sum(),
            "kg": (rows["quantity"] * rows["weight_kg"].fillna(0.0)).sum(),
        }
        for word, total in totals.items():
            minimum = float(np.nan_to_num(terms[f"min_order_{word}"]))
            minimum *= rates.get(money.get(source, ""), 1.0) if word == "value" else 1.0
            if total < minimum * (1 - 1e-6) - TOLERANCE:
                yield f"joint minimum: {source}, week {week:%Y-%m-%d}: {word} {total:g} of {minimum:g}"


def _ceilings(dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame) -> Iterator[str]:
    """Where a line arrives, stock before plus receipts stays within max_stock."""
    most = dataset["stocking"][["sku", "warehouse", "max_stock"]]
    rows = ledger.merge(most, "left", ["sku", "warehouse"])
    arrived = lines.groupby(["sku", "destination", "due_week"])["quantity"].sum()
    keys = pd.MultiIndex.from_frame(rows[["sku", "warehouse", "week"]])
    rows["arrived"] = arrived.reindex(keys).fillna(0.0).to_numpy()
    over = (rows["arrived"] > TOLERANCE) & (
        rows["opening"] - rows["owed"] + rows["receipts"] > rows["max_stock"] + TOLERANCE
    )
    for row in _rows(rows[over]):
        yield f"max stock: {_spot(row)} reaches {row.opening + row.receipts:g} of {row.max_stock:g}"


def _budget(
    dataset: Dataset, lines: pd.DataFrame, plan: pd.DataFrame, settings: Settings, as_of: dt.date
) -> Iterator[str]:
    """Purchases charged in a week stay within the budget; what firm orders take counts, but is nobody's decision."""
    if settings.stock.budget_per_week is not None:
        for week, spent, firm in _charged(dataset, lines, plan, settings, as_of, None):
            limit = max(settings.stock.budget_per_week, firm)
            if spent > limit * (1 + 1e-6) + TOLERANCE:
                yield f"budget: week {week:%Y-%m-%d} spends {spent:,.2f} of {limit:,.2f}"


def _charged(
    dataset: Dataset, lines: pd.DataFrame, plan: pd.DataFrame, settings: Settings, as_of: dt.date, place: str | None
) -> Iterator[tuple[pd.Timestamp, float, float]]:
    """(week, all money charged, the firm part of it)."""
    charge = settings.stock.budget_charge
    delay = dataset["suppliers"].set_index("location")["payment_days"].to_dict()
    bought = lines[lines["kind"] == "purchase"]
    bought = bought if place is None else bought[bought["destination"] == place]
    date = bought["order_date"] if charge == "order" else bought["due_date"]
    if charge == "payment":
        date = date + pd.to_timedelta(np.ceil(bought["source"].map(delay).fillna(0.0)), unit="D")
    spent = (
        (bought["quantity"] * bought["unit_cost"]).groupby(_monday(date)).sum()
        if len(bought)
        else pd.Series(dtype=float)
    )
    firm: dict[pd.Timestamp, float] = {}
    first = plan["week"].min()
    pipeline = dataset["pipeline"]
    cheapest = _cheapest(dataset, settings, as_of)
    for row in _rows(pipeline[pipeline["kind"] != "transfer"]) if charge != "order" else ():
        if place is None or row.destination == place:
            days = float(np.nan_to_num(delay.get(row.source, 0.0))) if charge == "payment" else 0.0
            paid = max(row.due_date, first) + pd.Timedelta(days=days)
            week = paid.normalize() - pd.Timedelta(days=paid.weekday())
            firm[week] = firm.get(week, 0.0) + row.quantity * cheapest.get((row.sku, row.destination), 0.0)
    for week in _as_of_weeks(plan):
        known = firm.get(week, 0.0)
        yield week, float(spent.get(week, 0.0)) + known, known


def _cheapest(dataset: Dataset, settings: Settings, as_of: dt.date) -> dict[tuple[str, str], float]:
    """Cheapest purchase of each SKU and place today, in base currency."""
    table, today = dataset["sourcing"], pd.Timestamp(as_of)
    kinds = dataset["locations"].set_index("location")["kind"]
    now = (
        ~(table["start"] > today)
        & ~(table["end"] < today)
        & ~table["source"].map(kinds).isin(["dc", "warehouse", "store"])
    )
    table = table[now]
    rates = _rates(dataset, settings.plan.currency, as_of)
    items = dataset["items"].set_index("sku")["unit_cost"]
    cost = (table["unit_cost"] * table["currency"].map(rates).fillna(1.0)).fillna(table["sku"].map(items))
    lowest = cost.groupby([table["sku"], table["destination"]]).min().rename("cost").rename_axis(["sku", "place"])
    return {(row.sku, row.place): float(row.cost) for row in _rows(lowest.reset_index())}


def _capacities(
    dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame, settings: Settings, as_of: dt.date
) -> Iterator[str]:
    """Hard limits of `capacities`, and standing storage space, hold in every week."""
    table = dataset["capacities"]
    hard = table[table["soft_price"].isna() & table["limit"].notna()]
    modes = dataset["lanes"].groupby(["origin", "destination"])["mode"].nunique().to_dict()
    soft = {(r.scope, r.resource, r.measure, r.week) for r in _rows(table[table["soft_price"].notna()])}
    for row in _rows(hard):
        week = row.week - pd.Timedelta(days=row.week.weekday())
        limit = float(row.limit)
        if row.scope == "lane":
            start, end = row.resource.split(">")[:2]
            ways = hard[(hard["scope"] == "lane") & hard["resource"].str.startswith(f"{start}>{end}>")]
            ways = ways[(ways["measure"] == row.measure) & (_monday(ways["week"]) == week)]
            if len(ways) < modes.get((start, end), 0):
                continue
            limit = float(ways["limit"].sum())
        yield from _over(dataset, lines, ledger, settings, as_of, row.scope, row.resource, row.measure, week, limit)
    given = {
        (r.resource, r.week - pd.Timedelta(days=r.week.weekday()))
        for r in _rows(table[(table["scope"] == "storage") & (table["measure"] == "m3")])
    }
    spoken = {place for place, _ in given} | {key[1] for key in soft if key[0] == "storage"}
    rooms = dataset["locations"].set_index("location")["capacity_m3"].dropna()
    for place, room in rooms.items():
        for week in _as_of_weeks(ledger) if place not in spoken else ():
            yield from _over(dataset, lines, ledger, settings, as_of, "storage", str(place), "m3", week, float(room))


def _over(
    dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame, settings: Settings, as_of: dt.date, scope: str,
    resource: str, measure: str, week: pd.Timestamp, limit: float,
) -> Iterator[str]:  # fmt: skip
    """One limit in one week; what was firm before any line may exceed it."""
    if scope == "money":
        place = None if resource == "all" else resource
        charged = _charged(dataset, lines, ledger, settings, as_of, place)
        used, firm = next(((spent, known) for monday, spent, known in charged if monday == week), (0.0, 0.0))
    else:
        used, firm = _used(dataset, lines, ledger, scope, resource, measure, week)
    if used > max(limit, firm) * (1 + 1e-6) + TOLERANCE:
        yield f"{scope}: {resource} in week {week:%Y-%m-%d} uses {used:,.2f} {measure} of {limit:,.2f}"


def _size(dataset: Dataset, frame: pd.DataFrame, measure: str) -> pd.Series:
    """What one unit counts."""
    items = dataset["items"].set_index("sku")
    if measure == "units":
        return pd.Series(1.0, index=frame.index)
    if measure == "pallets":
        return (1 / frame["sku"].map(items["pallet_quantity"]).replace(0.0, np.nan)).fillna(0.0)
    if measure == "money":
        return frame["sku"].map(items["unit_cost"]).fillna(0.0) if "unit_cost" not in frame else frame["unit_cost"]
    return frame["sku"].map(items[{"m3": "volume_m3", "kg": "weight_kg"}[measure]]).fillna(0.0)


def _used(
    dataset: Dataset, lines: pd.DataFrame, ledger: pd.DataFrame, scope: str, resource: str, measure: str,
    week: pd.Timestamp,
) -> tuple[float, float]:  # fmt: skip
    """(use of the limit in the week, part of it that was firm)."""
    every = resource == "all"
    amount = lines["quantity"] * _size(dataset, lines, measure)
    if scope == "supply":
        mine = (lines["order_week"] == week) & ((lines["source"] == resource) | (every & (lines["kind"] == "purchase")))
        return float(amount[mine].sum()), 0.0
    if scope == "lane":
        start, end = resource.split(">")[:2]
        mine = (lines["order_week"] == week) & (lines["source"] == start) & (lines["destination"] == end)
        return float(amount[mine].sum()), 0.0
    rows = ledger[(ledger["week"] == week) & (every | (ledger["warehouse"] == resource))]
    size = _size(dataset, rows, measure)
    lined = lines[every | (lines["destination"] == resource)]
    if scope == "inbound":
        total = float((rows["receipts"] * size).sum())
        return total, total - float(
            (lined["quantity"] * _size(dataset, lined, measure))[lined["due_week"] == week].sum()
        )
    if scope == "outbound":
        total = float(((rows["shipped"] + (rows["demand"] - rows["short"]) * rows["sells"]) * size).sum())
        return total, 0.0
    total = float(((rows["opening"] - rows["owed"] + rows["receipts"]) * size).sum())
    return total, 0.0 if (lined["due_week"] <= week).any() else total
