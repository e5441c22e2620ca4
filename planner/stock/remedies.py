"""Why a series runs short, and what would help: the hint of a stock-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.stock.case import Flags, Ints
from planner.stock.optimise import Plan
from planner.stock.relief import felt, label

_MOST = 0.5
_LONG_COVER_WEEKS = 8.0
_NO_SENSE_WEEKS = 16.0
_WORTH_MOVING = 0.1


@dataclass(frozen=True)
class Remedy:
    """`forced`: something other than money keeps the goods away."""

    forced: bool
    hint: str


def remedy(plan: Plan, n: int, bad: Flags) -> Remedy:
    """The first reason that explains most of what node `n` misses in the weeks `bad`, and goods that could come."""
    reasons: tuple[Callable[[Plan, int, Flags], str], ...] = (
        _too_late, _no_sense, _source_dry, _limited, _ceiling, _minimum, _maximum,
    )  # fmt: skip
    reason = next((words for find in reasons if (words := find(plan, n, bad))), "")
    other = reason or "the plan finds missing some cheaper than stocking more: a higher shortage_cost asks for more"
    parts = (_expedite(plan, n, bad), _transfer(plan, n, bad), other)
    return Remedy(bool(reason), "; ".join(part for part in parts if part))


def _links(plan: Plan, n: int) -> Ints:
    return np.flatnonzero(plan.case.links.node == n)


def _too_late(plan: Plan, n: int, bad: Flags) -> str:
    """Most is missing before an order of today could arrive."""
    links, due = _links(plan, n), plan.case.links.due
    arrivals = [
        (plan.case.links.due_date[i, t], int(due[i, t])) for i in links for t in np.flatnonzero(due[i] >= 0)[:1]
    ]
    if not arrivals:
        return "no order can arrive within the horizon: see sourcing and the listing"
    date, week = min(arrivals)
    short = np.where(bad, plan.solution.short[n], 0.0)
    return f"no order arrives before {date}: the lead time is the reason" if _mostly(short[:week], short) else ""


def _source_dry(plan: Plan, n: int, bad: Flags) -> str:
    """Most is missing in weeks for which the places that send it had nothing left."""
    links = plan.case.links
    inner = [i for i in _links(plan, n) if links.origin[i] >= 0]
    if not inner or len(inner) < len(_links(plan, n)):
        return ""
    empty = np.ones(plan.case.horizon, dtype=bool)
    for i in inner:
        sent = np.flatnonzero(links.due[i] >= 0)
        least = max(links.moq[i], links.pack[i])
        empty[links.due[i, sent[plan.solution.stock[links.origin[i], sent] >= least]]] = False
    short = np.where(bad, plan.solution.short[n], 0.0)
    names = " and ".join(sorted({str(links.source[i]) for i in inner}))
    why = _limited(plan, n, bad) or "supply it first"
    return f"{names} has none left to send then: {why}" if _mostly(short[empty], short) else ""


def _limited(plan: Plan, n: int, bad: Flags) -> str:
    """A shared limit that has a price holds orders of this series back, or those of the places that feed it."""
    until, above = int(np.flatnonzero(bad)[-1]) + 1, _upstream(plan, n)
    links = np.flatnonzero(np.isin(plan.case.links.node, above))
    for limit, prices in zip(plan.case.limits, felt(plan), strict=True):
        used = bool((limit.held[above] > 0).any() or (limit.orders[links] > 0).any())
        if used and prices[:until].any():
            return f"{label(limit.name)} binds: more room there is the remedy"
    return ""


def _upstream(plan: Plan, n: int) -> Ints:
    """The node itself, the places that feed it, those that feed them."""
    links, found = plan.case.links, {n}
    while more := {int(i) for i in links.origin[np.isin(links.node, list(found))] if i >= 0} - found:
        found |= more
    return np.array(sorted(found))


def _ceiling(plan: Plan, n: int, bad: Flags) -> str:
    """Most is missing in weeks in which max_stock or max_cover_weeks left no room for the least order."""
    nodes, links = plan.case.nodes, _links(plan, n)
    least = float(np.maximum(plan.case.links.moq[links], plan.case.links.pack[links]).min(initial=np.inf))
    short = np.where(bad, plan.solution.short[n], 0.0)
    held = plan.solution.stock[n] + nodes.demand[n] - plan.solution.short[n]
    full = held + least > nodes.ceiling[n] + 1e-6
    return "max_stock, max_cover_weeks or the shelf life leaves no room for more" if _mostly(short[full], short) else ""


def _no_sense(plan: Plan, n: int, bad: Flags) -> str:
    """Nothing is ordered, for the least that each source sends lasts longer than anybody would keep it."""
    links, weekly = _links(plan, n), max(float(plan.case.nodes.demand[n].mean()), 1e-9)
    least = np.maximum(plan.case.links.moq[links], plan.case.links.pack[links])
    bought = (plan.case.links.origin[links] < 0) & (least > _NO_SENSE_WEEKS * weekly)
    idle = not plan.solution.packs[links].any()
    return _minimum(plan, n, bad) if len(links) and bought.all() and idle else ""


def _minimum(plan: Plan, n: int, bad: Flags) -> str:
    """The least that can be ordered lasts long, so that the plan waits."""
    links = plan.case.links
    weekly = max(float(plan.case.nodes.demand[n].mean()), 1e-9)
    for i in _links(plan, n):
        least = max(float(links.moq[i]), float(links.pack[i]))
        if links.origin[i] < 0 and least > _LONG_COVER_WEEKS * weekly:
            lasts = least / weekly
            return f"{links.source[i]} sends no less than {least:,.0f}, {lasts:,.0f} weeks of demand: ask for less"
    joint = [plan.case.joints[links.joint[i]] for i in _links(plan, n) if links.joint[i] >= 0]
    waits = not any(plan.solution.packs[i].any() for i in _links(plan, n))
    if waits and joint and max(joint[0].value, joint[0].m3, joint[0].kg) > 0:
        return f"orders at {joint[0].supplier} wait for its joint minimum: order more SKUs together"
    return ""


def _maximum(plan: Plan, n: int, bad: Flags) -> str:
    """The most that a line can take is less than what sells until the next one."""
    links = plan.case.links
    for i in _links(plan, n):
        chances = max(int((links.due[i] >= 0).sum()), 1)
        if np.isfinite(links.max_order[i]) and links.max_order[i] * chances < plan.case.nodes.demand[n].sum():
            return f"{links.source[i]} sends at most {links.max_order[i]:,.0f} a line: raise max_order or add a source"
    return ""


def _expedite(plan: Plan, n: int, bad: Flags) -> str:
    """What is on its way, but due after the first week that misses some."""
    later = np.arange(plan.case.horizon) > np.flatnonzero(bad)[0]
    coming = np.flatnonzero((plan.case.nodes.pipeline[n] > 0) & later)
    if not len(coming):
        return ""
    week = int(coming[0])
    return f"expedite the {plan.case.nodes.pipeline[n, week]:,.0f} due {plan.case.weeks[week]:%Y-%m-%d}"


def _transfer(plan: Plan, n: int, bad: Flags) -> str:
    """The place, not already a source, that holds most beyond what it needs until its own next order."""
    nodes, links = plan.case.nodes, plan.case.links
    known = {int(links.origin[i]) for i in _links(plan, n)} | {n}
    others = [m for m in np.flatnonzero(nodes.sku == nodes.sku[n]).tolist() if m not in known]
    spare = {m: float(nodes.opening[m] - _needed(plan, m)) for m in others}
    missing = float(plan.solution.short[n][bad].sum())
    if not spare or max(spare.values()) < max(1.0, _WORTH_MOVING * missing):
        return ""
    most = max(spare, key=lambda m: (spare[m], -m))
    return f"transfer from {nodes.place[most]}, which has {np.floor(spare[most]):,.0f} to spare"


def _needed(plan: Plan, m: int) -> float:
    """Demand until the next order of the node is there, its own minimum, and two standard deviations."""
    nodes, weeks = plan.case.nodes, int(plan.case.nodes.exposure_weeks[m])
    below = nodes.members[m] if nodes.feeds[m] else np.array([m])
    noise = 2.0 * float(np.sqrt(nodes.variance[below, :weeks].sum()))
    return float(nodes.demand[below, :weeks].sum() + nodes.floor[m]) + noise


def _mostly(part: np.ndarray, whole: np.ndarray) -> bool:
    return float(part.sum()) > _MOST * float(whole.sum())
