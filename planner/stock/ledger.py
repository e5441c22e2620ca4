"""A solution -> the tables a planner reads: orders with the rule that moved each, and the plan week by week."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.stock.case import Case, Floats, Ints, Solution
from planner.stock.curves import newsvendor_target
from planner.stock.pegging import campaign_share
from planner.stock.trucks import freight_of_lines, loads
from planner.stock.usage import received, shipped

ORDER_COLUMNS = [
    "line_id", "kind", "sku", "source", "destination", "order_date", "order_week", "due_date", "due_week", "quantity",
    "packs", "unit_cost", "duty", "freight", "moved_by", "status", "campaign_quantity", "campaigns",
]  # fmt: skip
PLAN_COLUMNS = [
    "sku", "warehouse", "week", "opening", "receipts", "demand", "campaign_demand", "shipped", "closing",
    "expected_shortage", "cover_weeks", "target", "expired",
]  # fmt: skip


@dataclass(frozen=True)
class Flow:
    """Stock ledger [N, T]: what each week starts with, receives, asks for, sends on, leaves, and aims at."""

    opening: Floats
    receipts: Floats
    shipped: Floats
    available: Floats
    target: Floats


def flow(case: Case, solution: Solution) -> Flow:
    nodes = case.nodes
    opening = np.concatenate([nodes.opening[:, None], solution.stock[:, :-1]], axis=1)
    receipts, sent = nodes.pipeline + nodes.expired + received(case, solution), shipped(case, solution)
    owed = np.concatenate([nodes.backlog[:, None], solution.short[:, :-1]], axis=1)
    available = (
        opening + receipts - nodes.expired - sent - np.where(nodes.lost[:, None], 0.0, owed * nodes.sells[:, None])
    )
    return Flow(opening, receipts, sent, available, targets(case))


def targets(case: Case) -> Floats:
    """Stock available at which one unit more costs as much to hold as it saves; at least the floor plus demand. A
    feeding node aims at its echelon's target less those of its members."""
    nodes = case.nodes
    tail = np.clip(nodes.holding / np.maximum(nodes.holding + nodes.shortage, 1e-12), 0.003, 0.6)
    floor = nodes.floor[:, None] * nodes.listed
    own = np.where(nodes.sells[:, None], newsvendor_target(case.own, tail), 0.0)
    own = np.where(nodes.sells[:, None] & (floor > 0), np.maximum(own, floor + nodes.demand), np.maximum(own, floor))
    together = newsvendor_target(case.echelon, tail) if len(nodes) else own
    for n in np.flatnonzero(nodes.feeds):
        below = nodes.members[n][nodes.members[n] != n]
        own[n] = np.maximum(own[n], together[n] - own[below].sum(axis=0))
    return np.maximum(own, 0.0)


def plan_table(case: Case, solution: Solution) -> pd.DataFrame:
    """One row per SKU, warehouse and week."""
    nodes, ledger = case.nodes, flow(case, solution)
    asked = np.where(nodes.sells[:, None], nodes.demand, 0.0)
    out = asked + _steady(case, ledger.shipped)
    values = {
        "opening": ledger.opening, "receipts": ledger.receipts, "demand": asked,
        "campaign_demand": np.minimum(nodes.campaign, asked), "shipped": ledger.shipped, "closing": solution.stock,
        "expected_shortage": np.where(nodes.sells[:, None], solution.short, solution.extra),
        "cover_weeks": cover_weeks(solution.stock, out),
        "target": ledger.target, "expired": nodes.expired,
    }  # fmt: skip
    frame = pd.DataFrame({
        "sku": np.repeat(nodes.sku, case.horizon), "warehouse": np.repeat(nodes.place, case.horizon),
        "week": np.tile(case.weeks.to_numpy(), len(nodes)),
        **{name: np.round(value.ravel(), 6) + 0.0 for name, value in values.items()},
    })  # fmt: skip
    return frame[PLAN_COLUMNS].sort_values(["sku", "warehouse", "week"], kind="stable").reset_index(drop=True)


def _steady(case: Case, sent: Floats) -> Floats:
    """A place that only feeds others runs down at its mean rate of shipping."""
    return np.repeat(sent.mean(axis=1)[:, None], case.horizon, axis=1) * case.nodes.feeds[:, None]


def cover_weeks(stock: Floats, out: Floats) -> Floats:
    """Weeks of coming demand that the closing stock covers; demand goes on at its last four weeks' mean. At most 99."""
    horizon = stock.shape[1]
    tail = np.repeat(out[:, -4:].mean(axis=1)[:, None], 99, axis=1)
    total = np.concatenate([np.zeros((len(out), 1)), np.cumsum(np.concatenate([out, tail], axis=1), axis=1)], axis=1)
    result = np.zeros_like(stock)
    for i in range(len(stock)):
        level = total[i, 1 : horizon + 1] + stock[i]
        reached = np.interp(level, total[i], np.arange(total.shape[1])) if total[i, -1] > 0 else np.full(horizon, 99.0)
        result[i] = np.where(level >= total[i, -1], 99.0, reached - np.arange(1, horizon + 1))
    return np.clip(np.where(stock > 1e-9, result, 0.0), 0.0, 99.0)


def order_table(case: Case, solution: Solution, prices: Floats, uplift: pd.DataFrame) -> pd.DataFrame:
    """One row per order line, sorted by line_id; line_id names the line in plain words and is the same in every run.

    `unit_cost` is the price that the source asks; `duty` is what the whole line pays at the border on top.
    """
    links = case.links
    link, week = np.nonzero(solution.packs)
    due = links.due[link, week]
    quantity = solution.quantity(links)
    price = solution.unit_cost(links)[link, week] if len(links) else np.zeros(0)
    pegged, codes = campaign_share(case, solution, link, week, uplift)
    mondays = case.weeks.to_numpy()
    rules = moved_by(case, solution, prices, link, week)
    days = [str(monday.date()) for monday in case.weeks]
    names = [
        f"{links.sku[i]}|{links.source[i]}|{links.destination[i]}|{days[t]}" for i, t in zip(link, week, strict=True)
    ]
    frame = pd.DataFrame({
        "line_id": np.array(_distinct(names), object),
        "kind": np.where(links.origin[link] >= 0, "transfer", "purchase").astype(object),
        "sku": links.sku[link], "source": links.source[link], "destination": links.destination[link],
        "order_date": links.order_date[link, week].astype("datetime64[ns]"), "order_week": mondays[week],
        "due_date": links.due_date[link, week].astype("datetime64[ns]"), "due_week": mondays[due],
        "quantity": np.round(quantity[link, week], 6), "packs": solution.packs[link, week],
        "unit_cost": price, "duty": np.round(quantity[link, week] * price * links.duty[link], 6),
        "freight": np.round(freight_of_lines(case, quantity)[link, week], 6) + 0.0,
        "moved_by": np.array(rules, object), "status": np.full(len(link), "proposed", object),
        "campaign_quantity": np.round(pegged, 6), "campaigns": np.array(codes, object),
    })  # fmt: skip
    return frame[ORDER_COLUMNS].sort_values("line_id", kind="stable").reset_index(drop=True)


def _distinct(names: list[str]) -> list[str]:
    """Two sourcing rows of one source in one week (a change of terms) are told apart by a number."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return result


def moved_by(case: Case, solution: Solution, prices: Floats, link: Ints, week: Ints) -> list[str]:
    """The rule that moved each line away from plain need, "" where none did.

    Plain need fills what is available in the week of receipt up to the target. A line that exceeds it by a pack or
    more is the work of a minimum above the need, a price break, a joint minimum that the needs together miss, a fixed
    cost, or of stock built ahead of a limit; one that falls short, of a maximum or a limit; a difference below one
    pack, of the order multiple. It is the work of a truck where the surplus rides in a vehicle that travels anyway, or
    where the missing units would take one more.
    """
    amount, pack = solution.quantity(case.links)[link, week], case.links.pack[link]
    need = needs(case, flow(case, solution), amount, link, week)
    filled = _vehicle_moves(case, solution, amount - need, link, week)
    missed = _missed_minima(case, solution, link, week, np.minimum(need, amount))
    rules = []
    for row, (i, t) in enumerate(zip(link.tolist(), week.tolist(), strict=True)):
        difference = float(amount[row] - need[row])
        if abs(difference) < 1e-6 or (abs(difference) < 1.0 and pack[row] <= 1.0):
            rules.append("")
        elif abs(difference) < pack[row]:
            rules.append("order multiple")
        elif (i, t) in filled and _by_vehicle(case, solution, difference, i, t):
            rules.append("truck")
        elif difference > 0:
            rules.append(_more(case, solution, prices, missed, float(need[row]), i, t))
        else:
            rules.append(_less(case, solution, prices, i, t))
    return rules


def needs(case: Case, ledger: Flow, amount: Floats, link: Ints, week: Ints) -> Floats:
    """Units of each line that would fill what is available in the week of its receipt up to the target."""
    node, due = case.links.node[link], case.links.due[link, week]
    need: Floats = np.maximum(0.0, ledger.target[node, due] - ledger.available[node, due] + amount)
    return need


def _more(
    case: Case, solution: Solution, prices: Floats, missed: set[tuple[int, int]], need: float, i: int, t: int
) -> str:
    """Why a line is larger than its need."""
    links, tier = case.links, int(solution.tier[i, t])
    fixed = links.order_cost[i] > 0 or (links.joint[i] >= 0 and case.joints[links.joint[i]].order_cost > 0)
    amount, pack = float(solution.packs[i, t] * links.pack[i]), float(links.pack[i])
    if tier > 0 and links.tiers[i][tier][0] > max(need, links.moq[i]):
        return "price break"
    least = np.ceil(links.moq[i] / pack - 1e-9) * pack
    if links.moq[i] > max(need, pack) and (not fixed or amount <= least + 1e-6):
        return "moq"
    if (int(links.joint[i]), t) in missed:
        return "joint minimum"
    if fixed:
        return "order cost"
    return _priced_scope(case, prices, i, t, later=True) or ("order days" if _gap_after(case, i, t) > 1 else "")


def _less(case: Case, solution: Solution, prices: Floats, i: int, t: int) -> str:
    """Why a line is smaller than its need."""
    links = case.links
    node, due = int(links.node[i]), int(links.due[i, t])
    if solution.packs[i, t] * links.pack[i] + links.pack[i] > links.max_order[i]:
        return "max order"
    if np.isfinite(case.nodes.ceiling[node, due]):
        return "max stock"
    scope = _priced_scope(case, prices, i, t, later=False)
    if not scope and links.origin[i] >= 0:
        origin = int(links.origin[i])
        return "supply" if solution.stock[origin, t] < links.pack[i] else ""
    return scope


def _vehicle_moves(
    case: Case, solution: Solution, differences: Floats, link: Ints, week: Ints
) -> set[tuple[int, int]]:  # fmt: skip
    """(link, week) of lines whose surplus over the need takes no vehicle more than the need would, or whose missing
    units would take one more."""
    whole = loads(case, solution.quantity(case.links))
    owner = {i: (m, k) for m, truck in enumerate(case.trucks) for k, i in enumerate(truck.links.tolist())}
    found = set()
    for i, t, difference in zip(link.tolist(), week.tolist(), differences.tolist(), strict=True):
        if i in owner:
            m, k = owner[i]
            load = float(whole[m, t])
            at_need = np.ceil(load - difference * float(case.trucks[m].share[k].max()) - 1e-9)
            now = np.ceil(load - 1e-9)
            if (difference > 0 and at_need == now) or (difference < 0 and at_need > now):
                found.add((i, t))
    return found


def _by_vehicle(case: Case, solution: Solution, difference: float, i: int, t: int) -> bool:
    """Whether room in the vehicle weighs more than the line's other reasons to be larger: its order cost, MOQ and price
    break; a smaller line has no other reason but limits."""
    links = case.links
    if difference < 0:
        return bool(solution.packs[i, t] * links.pack[i] + links.pack[i] <= links.max_order[i])
    amount = float(solution.packs[i, t] * links.pack[i])
    least = max(float(links.moq[i]), float(links.tiers[i][int(solution.tier[i, t])][0]))
    return bool(amount > least + 1e-9 and case.freight[i] * difference > links.order_cost[i])


def _priced_scope(case: Case, prices: Floats, i: int, t: int, later: bool) -> str:
    """Scope of the dearest limit that the line uses in its week (or, if `later`, would use in a later one)."""
    node, names, worth = int(case.links.node[i]), {"money": "budget"}, {}
    for index, limit in enumerate(case.limits):
        if limit.held[node]:
            at: int = int(case.links.due[i, t])
        elif limit.orders[i]:
            at = case.when(i, t, limit.when)
        else:
            continue
        price = prices[index, at + 1 :].max(initial=0.0) if later else prices[index, at] if at >= 0 else 0.0
        if price > 1e-9:
            worth[names.get(limit.scope, limit.scope)] = float(price)
    return max(sorted(worth), key=lambda name: worth[name]) if worth else ""


def _gap_after(case: Case, i: int, t: int) -> int:
    """Weeks until the link's next order can arrive."""
    later = case.links.due[i, t + 1 :]
    later = later[later >= 0]
    return int(later[0] - case.links.due[i, t]) if len(later) else case.horizon


def _missed_minima(case: Case, solution: Solution, link: Ints, week: Ints, need: Floats) -> set[tuple[int, int]]:
    """(supplier, week) of the joint orders whose lines, at their needs alone, would miss a minimum."""
    own = case.links.joint[link] >= 0
    link, week, need, price = link[own], week[own], need[own], solution.unit_cost(case.links)
    joint = case.links.joint[link]
    each = np.nan_to_num(np.stack([price[link, week], case.volume[link], case.weight[link]], axis=1))
    total = np.zeros((len(case.joints), case.horizon, 3))
    np.add.at(total, (joint, week), need[:, None] * each)
    minima = np.array([(order.value, order.m3, order.kg) for order in case.joints]).reshape(-1, 1, 3)
    missed = np.any(total < minima - 1e-9, axis=2)[joint, week]
    return set(zip(joint[missed].tolist(), week[missed].tolist(), strict=True))
