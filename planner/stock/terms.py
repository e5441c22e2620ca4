"""What the equations are written with: the PuLP problem, its variables by position, and sizes of orders."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pulp

from planner.stock.case import Case, Ints

Terms = dict[pulp.LpVariable, float]
Spot = tuple[int, int]
AT_MOST, EQUAL, AT_LEAST = pulp.LpConstraintLE, pulp.LpConstraintEQ, pulp.LpConstraintGE


class Variable(pulp.LpVariable):  # type: ignore[misc]
    """A variable of PuLP, made quickly: names and bounds are fit to be used, and looked up without a call of Python."""

    name, varValue, dj, modified = "", None, None, True
    __hash__ = object.__hash__

    def __init__(self, name: str, low: float | None, high: float | None, cat: str) -> None:
        self.name, self.hash, self.cat = name, id(self), cat
        self.lowBound = self._lowbound_original = low
        self.upBound = self._upbound_original = high


@dataclass
class Model:
    """The PuLP problem with its variables by position; `full` by node, week and the stock available from which on it is
    1; `moving` is what is on the way from a node at the end of a week."""

    case: Case
    nodes: Ints
    links: Ints
    problem: pulp.LpProblem
    cost: Terms = field(default_factory=dict)
    packs: dict[tuple[int, int, int], pulp.LpVariable] = field(default_factory=dict)
    placed: dict[tuple[int, int, int], pulp.LpVariable] = field(default_factory=dict)
    joint: dict[Spot, pulp.LpVariable] = field(default_factory=dict)
    stock: dict[Spot, pulp.LpVariable] = field(default_factory=dict)
    short: dict[Spot, pulp.LpVariable] = field(default_factory=dict)
    full: dict[tuple[int, int, float], pulp.LpVariable] = field(default_factory=dict)
    extra: dict[Spot, pulp.LpVariable] = field(default_factory=dict)
    trucks: dict[Spot, pulp.LpVariable] = field(default_factory=dict)
    received: dict[Spot, Terms] = field(default_factory=dict)
    shipped: dict[Spot, Terms] = field(default_factory=dict)
    moving: dict[Spot, Terms] = field(default_factory=dict)
    _most: dict[int, list[int]] = field(default_factory=dict)

    def most(self, link: int, week: int) -> int:
        """Packs that an order could ever be worth."""
        if link not in self._most:
            self._most[link] = most_packs_by_week(self.case, link).tolist()
        return self._most[link][week]

    def var(
        self, name: str, cost: float = 0.0, low: float | None = 0.0, high: float | None = None, whole: bool = False
    ) -> pulp.LpVariable:
        variable = Variable(name, low, high, pulp.LpInteger if whole else pulp.LpContinuous)
        if cost:
            self.cost[variable] = cost
        return variable

    def row(self, terms: Terms, sense: int, right: float, name: str) -> None:
        """One constraint: sum of terms (<=, =, >=) right. Added empty and filled then: PuLP looks up no variable."""
        constraint = pulp.LpConstraint(None, sense, name, float(right))
        self.problem.addConstraint(constraint)
        constraint.expr.update(terms)


@contextmanager
def no_collector() -> Iterator[None]:
    """Millions of small objects without a cycle: the collector would only walk over them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def add(terms: Terms, variable: pulp.LpVariable, amount: float) -> None:
    terms[variable] = terms.get(variable, 0.0) + amount


def most_packs_by_week(case: Case, link: int) -> Ints:
    """[T] packs that an order could ever be worth: all demand from its receipt on, top of the curve and floors.

    More would be held without ever being of use. At least the minimum and the deepest price break.
    """
    nodes, links = case.nodes, case.links
    node, due = links.node[link], links.due[link]
    below = nodes.members[node] if nodes.feeds[node] else np.array([node])
    week = nodes.demand[below].sum(axis=0)
    ahead = np.append(np.cumsum(week[::-1])[::-1], 0.0)[due] + nodes.backlog[below].sum()
    top = case.own.available[below, :, -1].max(axis=1, initial=0.0).sum()
    top = max(top, float(case.echelon.available[node, :, -1].max()) if nodes.feeds[node] else 0.0)
    useful = ahead + top + nodes.floor[below].sum() + nodes.floor[node]
    least = np.maximum(useful, max(links.moq[link], links.tiers[link][-1][0]))
    most = np.floor(links.max_order[link] / links.pack[link] + 1e-9)
    packs: Ints = np.minimum(np.ceil(least / links.pack[link] - 1e-9), most).astype(np.int64)
    return packs


def most_available(case: Case, node: int) -> float:
    """Units that can ever be there: what is, what is on its way, and the largest order of every week."""
    links = np.flatnonzero(case.links.node == node)
    orders = [most_packs_by_week(case, i)[case.links.due[i] >= 0].sum() * case.links.pack[i] for i in links.tolist()]
    return float(case.nodes.opening[node] + np.maximum(case.nodes.pipeline[node], 0.0).sum() + sum(orders))


def most_owed(case: Case, spot: Spot) -> float:
    """Units by which stock available in a week can be less than nothing, what is owed taken off: what was short in the
    week before if nothing was there, for nothing is sent on that is not there."""
    (node, week), owed = spot, float(case.nodes.backlog[spot[0]])
    for t in range(week + 1):
        owed += max(-float(case.nodes.pipeline[node, t]), 0.0)
        if t < week:
            points, short, _ = case.own.at(node, t)
            owed = float(np.interp(-owed, points, short)) + max(float(points[0]) + owed, 0.0)
    return owed


def tier_packs(case: Case, link: int, tier: int, most: int) -> tuple[int, int]:
    """Least and most packs of an order at this tier; the least holds the MOQ too."""
    links = case.links
    tiers, pack = links.tiers[link], links.pack[link]
    least = int(np.ceil(max(tiers[tier][0], links.moq[link]) / pack - 1e-9))
    upper = int(np.ceil(tiers[tier + 1][0] / pack - 1e-9)) - 1 if tier + 1 < len(tiers) else most
    return max(1, least), min(upper, most)


def has_lot(case: Case, link: int) -> bool:
    """Whether an order of this link is a yes or no: fixed cost, setting up, a minimum above one pack, price breaks."""
    links = case.links
    fixed = links.order_cost[link] > 0 or links.setup[link] > 0
    return bool(fixed or links.moq[link] > links.pack[link] + 1e-9 or len(links.tiers[link]) > 1)
