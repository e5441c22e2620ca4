"""Why this order, why this plan: the ledger of the weeks, the demand behind each order, the rule and the prices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.errors import UsageError
from planner.figures import money, number, percent, plural
from planner.reasons import Line, moved
from planner.record import Prepared
from planner.settings import nearest
from planner.stock.case import Floats
from planner.stock.duties import crossings
from planner.stock.ledger import needs
from planner.stock.one_sku import OneSku, one_sku
from planner.stock.pegging import Peg, pegs
from planner.stock.relief import label
from planner.workspace import Run

LEDGER = ["week", "opening", "receipts", "demand", "shipped", "closing", "target", "ordered", "moved_by",
          "expected_shortage", "campaign_demand", "expired"]  # fmt: skip
PEGS = ["line_id", "warehouse", "week", "demand", "units", "campaign_units"]
PRICES = ["constraint", "week", "price", "use", "charge"]
_CHANGING = ("items", "stocking", "sourcing", "price_breaks", "suppliers", "capacities", "stock", "pipeline",
             "duties")  # fmt: skip


@dataclass(frozen=True)
class Reasons:
    """`words`: a sentence or two a subject. `ledger`: week by week at the place; `pegs`: demand that orders serve;
    `prices`: what the limits charge; `orders`: the lines with the reason of each."""

    words: Mapping[str, str]
    ledger: pd.DataFrame
    pegs: pd.DataFrame
    prices: pd.DataFrame
    orders: pd.DataFrame


@dataclass(frozen=True)
class _Told:
    """One SKU of a run, and what is asked of it again and again."""

    run: Run
    prepared: Prepared
    sku: OneSku
    pegs: list[Peg]
    need: Floats
    prices: Floats

    @property
    def currency(self) -> str:
        return str(self.run.manifest["currency"])

    def line(self, row: int) -> Line:
        one, orders = self.sku.lines.iloc[row], self.run.table("orders")
        joint = orders[(orders["source"] == one["source"]) & (orders["order_week"] == one["order_week"])]
        own = [peg for peg in self.pegs if peg.line == row]
        return Line(self.sku, row, float(self.need[row]), own, self.prices, joint, self.currency)


def explain_order(run: Run, prepared: Prepared, line_id: str) -> Reasons:
    """Explain one order line of a run. Raises UsageError for a line that it does not hold."""
    orders = run.table("orders")
    known = orders["line_id"].astype(str)
    if not (known == line_id).any():
        raise UsageError(f"run {run.name} holds no order {line_id!r}", nearest(line_id, known.tolist()))
    told = _told(run, prepared, str(orders.loc[known == line_id, "sku"].iloc[0]))
    row = int(np.flatnonzero(told.sku.lines["line_id"] == line_id)[0])
    line, one = told.line(row), told.sku.lines.iloc[row]
    found = _peg_table(told, [row])
    prices = _prices(line)
    words = {
        "order": _order(line, one),
        "duty": _duty(told, line, row),
        "need": _need(told, line),
        "rule": moved(line),
        "demand": _served(line, found),
        "prices": _charged(line, prices),
        "source": _others(told, line),
        "notes": _stale(told),
    }
    last = max([line.due + 4, *(peg.week for peg in line.pegs)])
    ledger = _ledger(told, str(one["destination"])).iloc[line.week : last + 2].reset_index(drop=True)
    return Reasons({name: text for name, text in words.items() if text}, ledger, found, prices, _lines(told, [row]))


def explain_plan(run: Run, prepared: Prepared, series: str) -> Reasons:
    """Explain the plan of `SKU@WAREHOUSE` of a run. Raises UsageError."""
    plan = run.table("plan")
    sku, place = _which(series, plan)
    told = _told(run, prepared, sku)
    rows = np.flatnonzero(told.sku.lines["destination"] == place).tolist()
    ledger, n = _ledger(told, place), told.sku.node(place)
    charged = [found for found in (_prices(told.line(row)) for row in rows) if len(found)]
    prices = pd.concat(charged, ignore_index=True) if charged else pd.DataFrame(columns=PRICES)
    prices = prices.groupby(["constraint", "week", "price"], as_index=False)[["use", "charge"]].sum()
    words = {
        "plan": _summary(told, n, ledger),
        "orders": _orders(told, rows),
        "short": _short(told, sku, place),
        "prices": _charges(told, prices),
        "notes": _stale(told),
    }
    return Reasons({name: text for name, text in words.items() if text}, ledger, _peg_table(told, rows), prices,
                   _lines(told, rows))  # fmt: skip


def _told(run: Run, prepared: Prepared, sku: str) -> _Told:
    orders, sums = run.table("orders"), run.table("cumulative")
    one = one_sku(prepared.dataset, run.table("plan"), orders, sums, prepared.scenario.settings, prepared.as_of, sku)
    amount = one.lines["quantity"].to_numpy(dtype=float)
    need = needs(one.case, one.flow, amount, one.link, one.week)
    return _Told(run, prepared, one, pegs(one.case, one.solution, one.link, one.week), need, _known_prices(run, one))


def _known_prices(run: Run, one: OneSku) -> Floats:
    """[limit, T] of the limits that this SKU can use."""
    table, prices = run.table("prices"), np.zeros((len(one.case.limits), one.case.horizon))
    for i, limit in enumerate(one.case.limits):
        rows = table[table["constraint"] == limit.name]
        prices[i, ((rows["week"] - one.case.weeks[0]).dt.days // 7).to_numpy(dtype=int)] = rows["price"]
    return prices


def _which(series: str, plan: pd.DataFrame) -> tuple[str, str]:
    """SKU and place of `SKU@WAREHOUSE`, dcs too. Raises UsageError."""
    sku, at, place = series.rpartition("@")
    sku, place = (sku, place) if at else (series, "")
    places = sorted(plan.loc[plan["sku"] == sku, "warehouse"].unique())
    if not places:
        raise UsageError(f"the plan holds no SKU {sku!r}", nearest(sku, sorted(plan["sku"].unique())))
    if not place and len(places) == 1:
        return sku, places[0]
    if place not in places:
        what = f"{sku} is not planned at {place}" if place else f"{sku} is planned at {len(places)} places"
        raise UsageError(what, f"one of {', '.join(f'{sku}@{name}' for name in places[:8])}")
    return sku, place


def _ledger(told: _Told, place: str) -> pd.DataFrame:
    """The plan's rows of the place, with what is ordered for it in each week and why."""
    plan, lines = told.run.table("plan"), told.sku.lines
    sku = told.sku.case.nodes.sku[0]
    rows = plan[(plan["sku"] == sku) & (plan["warehouse"] == place)].sort_values("week").reset_index(drop=True)
    own = lines[lines["destination"] == place].groupby("order_week")
    ordered = own["quantity"].sum().reindex(rows["week"]).fillna(0.0).to_numpy()
    why = own["moved_by"].agg(lambda rules: ", ".join(sorted({rule for rule in rules if rule})))
    return pd.DataFrame(rows.assign(ordered=ordered, moved_by=why.reindex(rows["week"]).fillna("").to_numpy())[LEDGER])


def _peg_table(told: _Told, rows: list[int]) -> pd.DataFrame:
    nodes, weeks, names = told.sku.case.nodes, told.sku.case.weeks, told.sku.lines["line_id"]
    found = [
        (names.iloc[peg.line], nodes.place[peg.node], weeks[peg.week], nodes.demand[peg.node, peg.week],
         round(peg.units, 3), round(peg.campaign, 3))
        for peg in told.pegs
        if peg.line in rows
    ]  # fmt: skip
    return pd.DataFrame(found, columns=PEGS)


def _prices(line: Line) -> pd.DataFrame:
    """What each shared limit charges the line: in the week it counts, or while its goods lie in store."""
    case, found = line.sku.case, []
    for limit, prices in zip(case.limits, line.prices, strict=True):
        if limit.orders[line.link] > 0:
            at = case.when(line.link, line.week, limit.when)
            each = limit.orders[line.link] * (line.sku.lines["unit_cost"].iloc[line.row] if limit.money else 1.0)
            uses = [(at, each * line.quantity)] if at >= 0 else []
        else:
            uses = [(week, float(limit.held[line.node]) * left) for week, left in _lying(line)]
        found += [(limit.name, case.weeks[week], prices[week], use, prices[week] * use)
                  for week, use in uses if prices[week] > 1e-9 and use > 0]  # fmt: skip
    return pd.DataFrame(found, columns=PRICES)


def _lying(line: Line) -> Iterator[tuple[int, float]]:
    """(week, units of the line that are there when it begins or arrive in it)."""
    for week in range(line.due, line.sku.case.horizon):
        yield week, line.quantity - sum(peg.units for peg in line.pegs if peg.week < week)


def _lines(told: _Told, rows: list[int]) -> pd.DataFrame:
    frame = told.sku.lines.iloc[rows].reset_index(drop=True)
    why = [moved(told.line(row)) for row in rows]
    return frame.assign(need=np.round(told.need[rows], 3), why=np.array(why, object))


def _order(line: Line, one: Any) -> str:
    verb = "Transfer" if one["kind"] == "transfer" else "Purchase"
    packs = f", {plural(int(one['packs']), 'pack')} of {number(line.pack)}" if line.pack != 1 else ""
    cost = "" if one["kind"] == "transfer" else f" for {line.cash(one['quantity'] * one['unit_cost'])}"
    return (
        f"{verb} of {number(line.quantity)} {one['sku']}{packs} from {one['source']} to {one['destination']}{cost}:"
        f" ordered {one['order_date'].date()}, due {one['due_date'].date()}."
    )


def _duty(told: _Told, line: Line, row: int) -> str:
    """The duty of the line, the tariff number it goes by, and the countries between which it is due."""
    paid = float(told.sku.lines["duty"].iloc[row]) if "duty" in told.sku.lines else 0.0
    if not paid:
        return ""
    found = crossings(told.prepared.dataset, told.sku.lines.iloc[[row]]).iloc[0]
    by = f" (tariff {found['code']})" if found["code"] != found["hs_code"] else ""
    on = f"{line.cash(paid)} on {line.cash(line.quantity * float(told.sku.lines['unit_cost'].iloc[row]))}"
    if not found["code"]:  # the tariff has changed since
        return f"Duty: {on}."
    return (
        f"Duty: goods of hs code {found['hs_code']} from {found['origin']} pay"
        f" {percent(float(line.sku.case.links.duty[line.link]))} into {found['into']}{by}, {on}."
    )


def _need(told: _Told, line: Line) -> str:
    case, flow, n, t = told.sku.case, told.sku.flow, line.node, line.due
    without, target = flow.available[n, t] - line.quantity, float(flow.target[n, t])
    there = f"{number(without)} would be available without it" if without >= 0 else (
        f"{number(-without)} of what is sent on or owed would be missing without it"
    )  # fmt: skip
    floor = float(case.nodes.floor[n])
    of_floor = f", {number(floor)} of it minimum stock" if floor > 0 and target >= floor else ""
    spread = plural(int(case.nodes.exposure_weeks[n]), "week")
    asks = (
        f"for demand of {number(case.nodes.demand[n, t])} that week" if case.nodes.sells[n] else "beyond what it sends"
    )
    aim = f"; the target is {number(target)}{of_floor}, {asks} and what is uncertain over {spread} of lead and review"
    return f"Need: in the week of {line.monday(t)} {there}{aim if target > 0 else ''}. Missing: {number(line.need)}."


def _served(line: Line, table: pd.DataFrame) -> str:
    """Where and when the goods of the line are used."""
    if not len(table):
        return "Serves no demand within the horizon: it lifts what is left at its end to the target."
    by_place = table.groupby("warehouse")["units"].sum().sort_values(ascending=False)
    told = ", ".join(f"{number(float(units))} at {place}" for place, units in by_place.head(4).items())
    campaign = float(table["campaign_units"].sum())
    extra = f"; {number(campaign)} of it for campaigns" if campaign > 0.005 else ""
    rest = line.quantity - float(table["units"].sum())
    after = f"; {number(rest)} beyond the horizon, or as safety" if rest > 0.5 else ""
    first, last = table["week"].min().date(), table["week"].max().date()
    weeks = f"the week of {first}" if first == last else f"weeks from {first} to {last}"
    return f"Serves, first in first out: {told}, {weeks}{extra}{after}."


def _charged(line: Line, prices: pd.DataFrame) -> str:
    if not len(prices):
        return "Prices: no limit that it uses binds."
    per_unit = prices["charge"].sum() / line.quantity
    dearest = prices.loc[prices["charge"].idxmax()]
    return (
        f"Prices: what it uses of scarce limits is worth {line.cash(prices['charge'].sum())}, {per_unit:,.3g} a unit;"
        f" most of it {label(str(dearest['constraint']))} in the week of {dearest['week'].date()}."
    )


def _others(told: _Told, line: Line) -> str:
    """Other sources of the place, with what they would have asked."""
    links = told.sku.case.links
    rest = [i for i in np.flatnonzero(links.node == line.node).tolist() if i != line.link]
    text = []
    for i in rest:
        weeks = np.flatnonzero(links.due[i] >= 0)
        cost = "" if links.origin[i] >= 0 else f" at {line.cash(links.tiers[i][0][1])}"
        cost += f" plus {percent(float(links.duty[i]))} duty" if links.duty[i] > 0 else ""
        days = (
            f", {(links.due_date[i, weeks[0]] - links.order_date[i, weeks[0]]).astype(int)} days" if len(weeks) else ""
        )
        text.append(f"{links.source[i]}{cost}{days}")
    return f"Other sources: {'; '.join(text)}." if text else ""


def _summary(told: _Told, n: int, ledger: pd.DataFrame) -> str:
    nodes = told.sku.case.nodes
    demand, missed = float(ledger["demand"].sum()), float(ledger["expected_shortage"].sum())
    served = (
        f", of which {percent(1 - missed / demand)} is expected to be served" if demand > 0 and nodes.lost[n] else ""
    )
    sent = f" and {number(ledger['shipped'].sum())} sent on" if ledger["shipped"].sum() else ""
    short, held = (money(cost[n], told.currency) for cost in (nodes.shortage, nodes.holding))
    return (
        f"{nodes.sku[n]} at {nodes.place[n]}: opens with {number(ledger['opening'].iloc[0])}, receives"
        f" {number(ledger['receipts'].sum())} in {plural(len(ledger), 'week')}, demand {number(demand)}{sent}{served};"
        f" {number(ledger['closing'].mean())} in stock on average. A unit short costs"
        f" {short}{_asked(told, n)}, one held a week {held}."
    )


def _asked(told: _Told, n: int) -> str:
    """The service that the cost of a shortage follows from, where one is asked for."""
    stocking, nodes = told.prepared.dataset["stocking"], told.sku.case.nodes
    row = stocking[(stocking["sku"] == nodes.sku[n]) & (stocking["warehouse"] == nodes.place[n])]
    if not row["service_target"].notna().any():
        return ""
    kind = "fill rate" if row["service_kind"].iloc[0] == "fill" else "cycle service"
    return f" (what a {kind} of {percent(float(row['service_target'].iloc[0]))} implies)"


def _orders(told: _Told, rows: list[int]) -> str:
    if not rows:
        return "Orders: none."
    rules = told.sku.lines.iloc[rows]["moved_by"].value_counts()
    parts = [f"{count} by {rule}" for rule, count in rules.items() if rule]
    first = told.sku.lines.iloc[rows].sort_values("order_date").iloc[0]
    return (
        f"Orders: {plural(len(rows), 'line')}, the first of {number(first['quantity'])} on"
        f" {first['order_date'].date()} from {first['source']}; moved: {', '.join(parts) or 'none'}."
    )


def _short(told: _Told, sku: str, place: str) -> str:
    """What the exceptions of the run say of the series."""
    table = told.run.table("exceptions")
    own = table[(table["sku"] == sku) & (table["warehouse"] == place)]
    return " ".join(f"{text[0].upper()}{text[1:]}: {hint}." for text, hint in
                    zip(own["text"].head(3), own["hint"].head(3), strict=True))  # fmt: skip


def _charges(told: _Told, prices: pd.DataFrame) -> str:
    if not len(prices):
        return "Prices: no limit that its orders use binds."
    by_limit = prices.groupby("constraint")["charge"].sum().sort_values(ascending=False).head(3)
    parts = [f"{label(str(name))} {money(value, told.currency)}" for name, value in by_limit.items()]
    return f"Prices, over all its orders: {', '.join(parts)}."


def _stale(told: _Told) -> str:
    """Tables that are no longer those of the run: terms are today's then."""
    then, now = told.run.manifest["inputs"], told.prepared.dataset.digests
    changed = [name for name in _CHANGING if then.get(name) != now.get(name)]
    return f"Changed since the run: {', '.join(changed)}; terms told here are today's." if changed else ""
