"""Why a series runs short, and what would help: the hint of a stock-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from planner.stock.case import Case, Flags, Ints
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


class Sight:
    """A plan with what is asked of it for every stock-out, found once: `links` into each node, `places` of each SKU,
    the `prices` [limit, T] that matter, and who makes use of each limit [limit, N]."""

    def __init__(self, plan: Plan) -> None:
        self.case, self.solution = plan.case, plan.solution
        links, nodes, self._spare = plan.case.links, plan.case.nodes, dict[int, float]()
        order = np.argsort(links.node, kind="stable")
        self.links = np.split(order, np.searchsorted(links.node[order], np.arange(1, len(nodes))))
        self.places: dict[str, list[int]] = {}
        for m, sku in enumerate(nodes.sku):
            self.places.setdefault(sku, []).append(m)
        self.prices = felt(plan)
        self.used = [limit.held > 0 for limit in plan.case.limits]
        for limit, used in zip(plan.case.limits, self.used, strict=True):
            used[links.node[limit.orders > 0]] = True

    def spare(self, m: int) -> float:
        """What a node holds beyond what it needs until its own next order."""
        if m not in self._spare:
            self._spare[m] = float(self.case.nodes.opening[m] - _needed(self.case, m))
        return self._spare[m]


def _needed(case: Case, m: int) -> float:
    """Demand until the next order of the node is there, its own minimum, and two standard deviations."""
    nodes, weeks = case.nodes, int(case.nodes.exposure_weeks[m])
    below = nodes.members[m] if nodes.feeds[m] else np.array([m])
    noise = 2.0 * float(np.sqrt(nodes.variance[below, :weeks].sum()))
    return float(nodes.demand[below, :weeks].sum() + nodes.floor[m]) + noise


def remedy(sight: Sight, n: int, bad: Flags) -> Remedy:
    """The first reason that explains most of what node `n` misses in the weeks `bad`, and goods that could come."""
    reasons: tuple[Callable[[Sight, int, Flags], str], ...] = (
        _too_late, _no_sense, _source_dry, _limited, _ceiling, _minimum, _maximum,
    )  # fmt: skip
    reason = next((words for find in reasons if (words := find(sight, n, bad))), "")
    other = reason or "the plan finds missing some cheaper than stocking more: a higher shortage_cost asks for more"
    parts = (_expedite(sight, n, bad), _transfer(sight, n, bad), other)
    return Remedy(bool(reason), "; ".join(part for part in parts if part))


def _too_late(sight: Sight, n: int, bad: Flags) -> str:
    """Most is missing before an order of today could arrive."""
    links, due = sight.links[n], sight.case.links.due
    arrivals = [
        (sight.case.links.due_date[i, t], int(due[i, t])) for i in links for t in np.flatnonzero(due[i] >= 0)[:1]
    ]
    if not arrivals:
        return "no order can arrive within the horizon: see sourcing and the listing"
    date, week = min(arrivals)
    short = np.where(bad, sight.solution.short[n], 0.0)
    return f"no order arrives before {date}: the lead time is the reason" if _mostly(short[:week], short) else ""


def _source_dry(sight: Sight, n: int, bad: Flags) -> str:
    """Most is missing in weeks for which the places that send it had nothing left."""
    links = sight.case.links
    inner = [i for i in sight.links[n] if links.origin[i] >= 0]
    if not inner or len(inner) < len(sight.links[n]):
        return ""
    empty = np.ones(sight.case.horizon, dtype=bool)
    for i in inner:
        sent = np.flatnonzero(links.due[i] >= 0)
        least = max(links.moq[i], links.pack[i])
        empty[links.due[i, sent[sight.solution.stock[links.origin[i], sent] >= least]]] = False
    short = np.where(bad, sight.solution.short[n], 0.0)
    names = " and ".join(sorted({str(links.source[i]) for i in inner}))
    why = _limited(sight, n, bad) or "supply it first"
    return f"{names} has none left to send then: {why}" if _mostly(short[empty], short) else ""


def _limited(sight: Sight, n: int, bad: Flags) -> str:
    """A shared limit that has a price holds orders of this series back, or those of the places that feed it."""
    until, above = int(np.flatnonzero(bad)[-1]) + 1, _upstream(sight, n)
    for limit, used, prices in zip(sight.case.limits, sight.used, sight.prices, strict=True):
        if prices[:until].any() and used[above].any():
            return f"{label(limit.name)} binds: more room there is the remedy"
    return ""


def _upstream(sight: Sight, n: int) -> Ints:
    """The node itself, the places that feed it, those that feed them."""
    origin, found, new = sight.case.links.origin, {n}, {n}
    while new:
        new = {i for place in new for i in origin[sight.links[place]].tolist() if i >= 0} - found
        found |= new
    return np.array(sorted(found))


def _ceiling(sight: Sight, n: int, bad: Flags) -> str:
    """Most is missing in weeks in which max_stock or max_cover_weeks left no room for the least order."""
    nodes, links = sight.case.nodes, sight.links[n]
    least = float(np.maximum(sight.case.links.moq[links], sight.case.links.pack[links]).min(initial=np.inf))
    short = np.where(bad, sight.solution.short[n], 0.0)
    held = sight.solution.stock[n] + nodes.demand[n] - sight.solution.short[n]
    full = held + least > nodes.ceiling[n] + 1e-6
    return "max_stock, max_cover_weeks or the shelf life leaves no room for more" if _mostly(short[full], short) else ""


def _no_sense(sight: Sight, n: int, bad: Flags) -> str:
    """Nothing is ordered, for the least that each source sends lasts longer than anybody would keep it."""
    links, weekly = sight.links[n], max(float(sight.case.nodes.demand[n].mean()), 1e-9)
    least = np.maximum(sight.case.links.moq[links], sight.case.links.pack[links])
    bought = (sight.case.links.origin[links] < 0) & (least > _NO_SENSE_WEEKS * weekly)
    idle = not sight.solution.packs[links].any()
    return _minimum(sight, n, bad) if len(links) and bought.all() and idle else ""


def _minimum(sight: Sight, n: int, bad: Flags) -> str:
    """The least that can be ordered lasts long, so that the plan waits."""
    links = sight.case.links
    weekly = max(float(sight.case.nodes.demand[n].mean()), 1e-9)
    for i in sight.links[n]:
        least = max(float(links.moq[i]), float(links.pack[i]))
        if links.origin[i] < 0 and least > _LONG_COVER_WEEKS * weekly:
            lasts = least / weekly
            return f"{links.source[i]} sends no less than {least:,.0f}, {lasts:,.0f} weeks of demand: ask for less"
    joint = [sight.case.joints[links.joint[i]] for i in sight.links[n] if links.joint[i] >= 0]
    waits = not any(sight.solution.packs[i].any() for i in sight.links[n])
    if waits and joint and max(joint[0].value, joint[0].m3, joint[0].kg) > 0:
        return f"orders at {joint[0].supplier} wait for its joint minimum: order more SKUs together"
    return ""


def _maximum(sight: Sight, n: int, bad: Flags) -> str:
    """The most that a line can take is less than what sells until the next one."""
    links = sight.case.links
    for i in sight.links[n]:
        chances = max(int((links.due[i] >= 0).sum()), 1)
        if np.isfinite(links.max_order[i]) and links.max_order[i] * chances < sight.case.nodes.demand[n].sum():
            return f"{links.source[i]} sends at most {links.max_order[i]:,.0f} a line: raise max_order or add a source"
    return ""


def _expedite(sight: Sight, n: int, bad: Flags) -> str:
    """What is on its way, but due after the first week that misses some."""
    later = np.arange(sight.case.horizon) > np.flatnonzero(bad)[0]
    coming = np.flatnonzero((sight.case.nodes.pipeline[n] > 0) & later)
    if not len(coming):
        return ""
    week = int(coming[0])
    return f"expedite the {sight.case.nodes.pipeline[n, week]:,.0f} due {sight.case.weeks[week]:%Y-%m-%d}"


def _transfer(sight: Sight, n: int, bad: Flags) -> str:
    """The place, not already a source, that holds most beyond what it needs until its own next order."""
    nodes, links = sight.case.nodes, sight.case.links
    known = {*links.origin[sight.links[n]].tolist(), n}
    spare = {m: sight.spare(m) for m in sight.places[nodes.sku[n]] if m not in known}
    missing = float(sight.solution.short[n][bad].sum())
    if not spare or max(spare.values()) < max(1.0, _WORTH_MOVING * missing):
        return ""
    most = max(spare, key=lambda m: (spare[m], -m))
    return f"transfer from {nodes.place[most]}, which has {np.floor(spare[most]):,.0f} to spare"


def _mostly(part: np.ndarray, whole: np.ndarray) -> bool:
    return float(part.sum()) > _MOST * float(whole.sum())
