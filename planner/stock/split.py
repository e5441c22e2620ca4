"""Networks with one feeding place, cut in two for a bound: all of the stock as one, and every place by itself.

The whole is ordered from outside and bears part of what holding and shortage cost (Clark and Scarf, 1960); a place
bears the rest, and is sent whatever it asks for. What the whole bears of the holding cost of a week is the price of
"what the places hold together is no more than there is": it is sought by subgradient steps (Held, Wolfe and Crowder,
1974), for each network by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from planner.stock.case import Case, Flags, Floats, Ints
from planner.stock.field import align
from planner.stock.kernel.below import bound_nodes
from planner.stock.kernel.field import FAR, Field
from planner.stock.kernel.halves import in_halves
from planner.stock.kernel.path import plan_nodes

STEP, PATIENCE, POINTS = 1.0, 4, 100
HALF = 0.5


@dataclass(frozen=True)
class Shares:
    """What the whole of each network bears: holding [K, T] a unit and week, shortage [K] a unit; and what its places
    pay it [K] for every unit sent, the price of "they get no more than comes in"."""

    holding: Floats
    shortage: Floats
    paid: Floats

    def of(self, chosen: Ints) -> Shares:
        return Shares(self.holding[chosen], self.shortage[chosen], self.paid[chosen])

    def where(self, better: Flags, other: Shares) -> Shares:
        """The other's shares where it is better."""
        return Shares(
            np.where(better[:, None], other.holding, self.holding),
            np.where(better, other.shortage, self.shortage),
            np.where(better, other.paid, self.paid),
        )


class Split:
    """The networks of these roots [K]: feeding places, the only ones of their networks.

    Those `owing` [K] may owe all of their demand in a bound, the others what six weeks ask for.
    """

    def __init__(self, case: Case, roots: Ints) -> None:
        self.case, self.roots, nodes = case, roots, case.nodes
        count = int(nodes.network.max(initial=-1)) + 1
        number = np.full(count, -1)
        number[nodes.network[roots]] = np.arange(len(roots))
        self.owner = number[nodes.network]
        self.inside = np.flatnonzero(self.owner >= 0)
        self.places = self.inside[~nodes.feeds[self.inside]]
        owner = self.owner[case.links.node]
        self.inner = np.flatnonzero((owner >= 0) & (case.links.origin >= 0))
        self.outer = np.flatnonzero((owner >= 0) & (case.links.origin < 0))
        self.into_roots = self.outer[np.isin(case.links.node[self.outer], roots)]
        self.supply = nodes.opening[roots] + nodes.pipeline[roots].sum(axis=1)
        self.lost, self.owing = nodes.lost[roots], np.zeros(len(roots), bool)
        self.most_holding, self.most_shortage = self._least(nodes.holding), self._least_shortage()
        self._read()

    def start(self, short: float = HALF, paid: Floats | None = None) -> Shares:
        """Half of the holding cost and this part of the shortage cost that all places of a network have in common."""
        holding = np.repeat(HALF * self.most_holding[:, None], self.case.horizon, axis=1)
        return Shares(holding, short * self.most_shortage, np.zeros(len(self.roots)) if paid is None else paid)

    def charged(self, field: Field) -> Floats:
        """[K] the least that a unit is charged on its way into the root, whenever it is ordered; 0 if none can be."""
        least = np.full(len(self.roots), np.inf)
        into = self.into_roots
        unit = np.where(self.case.links.due[into] >= 0, field.unit[into], np.inf).min(axis=1, initial=np.inf)
        np.minimum.at(least, self.owner[self.case.links.node[into]], unit)
        return np.where(np.isfinite(least), np.maximum(least, 0.0), 0.0)

    def _least(self, values: Floats) -> Floats:
        result = np.full(len(self.roots), np.inf)
        np.minimum.at(result, self.owner[self.inside], values[self.inside])
        return result

    def _least_shortage(self) -> Floats:
        nodes, result = self.case.nodes, self.case.nodes.shortage[self.roots].astype(float)
        selling = self.inside[nodes.sells[self.inside]]
        np.minimum.at(result, self.owner[selling], nodes.shortage[selling])
        return np.asarray(result)

    def _read(self) -> None:
        """Stock, arrivals from outside, demand of each network; what is moving inside is there already."""
        nodes, shape = self.case.nodes, (len(self.roots), self.case.horizon)
        self.opening, self.weekly = np.zeros(shape[0]), np.zeros(shape)
        self.moving, self.arrive = np.zeros(shape), np.zeros(shape)
        owner = self.owner[self.inside]
        np.add.at(self.opening, owner, (nodes.opening - nodes.backlog)[self.inside])
        np.add.at(self.moving, owner, nodes.moving[self.inside])
        np.add.at(self.arrive, owner, nodes.pipeline[self.inside])
        before = np.concatenate([np.zeros((shape[0], 1)), self.moving[:, :-1]], axis=1)
        self.arrive -= before - self.moving
        np.add.at(self.weekly, owner, np.where(nodes.sells[:, None], nodes.demand, 0.0)[self.inside])

    def apart(self, field: Field, shares: Shares) -> Field:
        """Every place with its own part of the costs; orders from outside are free of cost here, they are in the
        whole."""
        links, tiers = self.case.links, field.tier_extra.copy()
        hold, short, unit, fixed = (a.copy() for a in (field.hold, field.short_cost, field.unit, field.fixed))
        hold[self.places] -= shares.holding[self.owner[self.places]]
        short[self.places] = np.maximum(short[self.places] - shares.shortage[self.owner[self.places], None], 0.0)
        unit[self.outer], fixed[self.outer] = 0.0, 0.0
        for link in self.outer.tolist():
            tiers[field.tier_first[link] : field.tier_first[link + 1]] = 0.0
        unit[self.inner] -= self.on_the_way(shares.holding, links.due[self.inner])
        unit[self.inner] += shares.paid[self.owner[links.node[self.inner]], None]
        return field._replace(hold=hold, short_cost=short, unit=unit, fixed=fixed, tier_extra=tiers)

    def on_the_way(self, holding: Floats, due: Ints) -> Floats:
        """What the whole bears for a unit from the week in which it is sent until it arrives."""
        total = np.concatenate([np.zeros((len(self.roots), 1)), np.cumsum(holding, axis=1)], axis=1)
        own = total[self.owner[self.case.links.node[self.inner]]]
        until: Floats = np.take_along_axis(own, np.maximum(due, 0), axis=1)
        return np.asarray(np.where(due >= 0, until - own[:, :-1], 0.0))

    def together(self, field: Field, shares: Shares, points: int) -> Field:
        """The whole stock of each network, as one place that is ordered for from outside."""
        count, weeks = len(self.roots), self.case.horizon
        curves, nothing = self.case.echelon, np.zeros((count, weeks))
        tops, owed = curves.available[self.roots, :, -1].max(axis=1, initial=0.0), np.minimum(self.opening, 0.0)
        high = tops + self._reach()
        most_owed = np.where(self.owing, self.weekly.sum(axis=1), 6 * self.weekly.mean(axis=1))
        low = np.where(self.lost, 0.0, owed - most_owed)
        step = np.maximum((high - low) / points, 1e-9)
        first, link, week = self._orders()
        unit = field.unit.copy()
        unit[self.into_roots] -= shares.paid[self.owner[self.case.links.node[self.into_roots]], None]
        size = (np.ceil((high - low) / step) + 2).astype(np.int64)
        whole = field._replace(
            unit=unit, start=self.opening, arrive=self.arrive, demand=self.weekly, hold=shares.holding,
            short_cost=self._short(shares), ship=nothing, space_price=nothing, served_price=nothing, floor=nothing,
            floor_price=np.zeros(count), ceiling=np.full((count, weeks), FAR), sells=np.ones(count, bool),
            lost=self.lost, points=curves.available[self.roots], values=curves.shortage[self.roots],
            echelon_cost=np.zeros(count), echelon_points=curves.available[self.roots],
            echelon_values=curves.shortage[self.roots], echelon_beside=nothing,
            echelon_short=np.full_like(nothing, FAR),
            lo=np.zeros((count, weeks)), step=step, size=size, offset=np.cumsum(size * weeks) - size * weeks,
            due_first=first, op_link=link, op_week=week,
        )  # fmt: skip
        align(whole, low)
        return whole

    def _short(self, shares: Shares) -> Floats:
        """[K, T] price of a unit short of the whole: less what it could save to hold it no longer, for a week where it
        is owed, to the end where it is lost."""
        ahead = np.cumsum(shares.holding[:, ::-1], axis=1)[:, ::-1]
        held = np.where(self.lost[:, None], ahead, shares.holding)
        return np.maximum(shares.shortage[:, None] - held, 0.0)

    def _orders(self) -> tuple[Ints, Ints, Ints]:
        """Orders from outside by network and week of arrival, as `Field` holds them."""
        links, weeks = self.case.links, self.case.horizon
        row, week = np.nonzero(links.due[self.outer] >= 0)
        link = self.outer[row]
        key = self.owner[links.node[link]] * weeks + links.due[link, week]
        order = np.lexsort((week, link, key))
        first = np.searchsorted(key[order], np.arange(len(self.roots) * weeks + 1))
        return first.astype(np.int64), link[order].astype(np.int64), week[order].astype(np.int64)

    def _reach(self) -> Floats:
        """More stock than any plan would order to: half of the horizon's demand, or what is there."""
        links = self.case.links
        lots = np.maximum(links.moq, np.array([tiers[-1][0] for tiers in links.tiers], float))[self.outer]
        most = np.zeros(len(self.roots))
        np.maximum.at(most, self.owner[links.node[self.outer]], lots)
        there = np.maximum(self.opening + self.arrive.sum(axis=1), 0.0)
        return np.asarray(there + 0.5 * self.weekly.sum(axis=1) + most)

    def bound(self, field: Field, shares: Shares, points: int, todo: Flags) -> Floats:
        """[K] bound on the cost of each network to do; `field` is that of the case at the prices asked for."""
        apart, whole = self.apart(field, shares), self.together(field, shares, points)
        below, total = np.zeros(len(field.start)), np.zeros(len(self.roots))
        places = self.places[todo[self.owner[self.places]]]
        in_halves(lambda part: bound_nodes(apart, part, below), places)
        in_halves(lambda part: bound_nodes(whole, part, total), np.flatnonzero(todo))
        np.add.at(total, self.owner[places], below[places])
        return np.asarray(np.where(todo, total - self._given(shares), -np.inf))

    def improved(
        self, field: Field, cost: Floats, steps: int, start: Shares | None = None
    ) -> Iterator[tuple[Shares, Shares]]:
        """At each subgradient step on a coarse `field` of the case the shares tried and the best so far; `cost` [K] is
        what the plan costs."""
        shares = best = self.start() if start is None else start
        value, step, idle = np.full(len(self.roots), -FAR), np.full(len(self.roots), STEP), np.zeros(len(self.roots))
        for _ in range(steps):
            now, held, short = self._tried(field, shares)
            better = now > value
            best, value = best.where(better, shares), np.where(better, now, value)
            yield shares, best
            idle = np.where(better, 0, idle + 1)
            stuck = idle >= PATIENCE
            step, idle, shares = np.where(stuck, 0.6 * step, step), np.where(stuck, 0, idle), shares.where(stuck, best)
            shares = self._stepped(shares, held, short, step * np.maximum(cost - now, 0.0))

    def _given(self, shares: Shares) -> Floats:
        """[K] what the whole bears or is paid for what is there whatever is ordered."""
        return np.asarray((shares.holding * self.moving).sum(axis=1) + shares.paid * self.supply)

    def _stepped(self, shares: Shares, held: Floats, short: Floats, step: Floats) -> Shares:
        """Polyak's step within what all places have in common, measured in shares of it."""
        by_week, whole = held * self.most_holding[:, None], short * self.most_shortage
        length = step / np.maximum((by_week**2).sum(axis=1) + whole**2, 1e-12)
        holding = shares.holding + (length * self.most_holding)[:, None] * by_week
        shortage = shares.shortage + length * self.most_shortage * whole
        return Shares(
            np.clip(holding, 0.0, self.most_holding[:, None]), np.clip(shortage, 0.0, self.most_shortage), shares.paid
        )

    def _tried(self, field: Field, shares: Shares) -> tuple[Floats, Floats, Floats]:
        """[K] about what the cheapest paths cost, [K, T] stock of the whole beyond that of its places, [K] shortage of
        the whole beyond theirs."""
        apart, whole = self.apart(field, shares), self.together(field, shares, POINTS)
        total, stock, short = _paths(whole, np.arange(len(self.roots)), np.zeros(field.cap.shape))
        quantity = np.zeros(field.cap.shape)
        cost, below, lack = _paths(apart, self.places, quantity)
        owner = self.owner[self.places]
        np.add.at(total, owner, cost[self.places])
        held = stock - self.moving
        np.subtract.at(held, owner, below[self.places])
        self._less_on_the_way(held, quantity)
        missing = short.sum(axis=1)
        np.subtract.at(missing, owner, lack[self.places].sum(axis=1))
        return total - self._given(shares), held, missing

    def _less_on_the_way(self, held: Floats, quantity: Floats) -> None:
        due = self.case.links.due[self.inner]
        row, week = np.nonzero(quantity[self.inner] > 0)
        for day in range(int(np.max(due[row, week] - week, initial=0))):
            moving = week + day < due[row, week]
            link = self.inner[row[moving]]
            at = (self.owner[self.case.links.node[link]], week[moving] + day)
            np.subtract.at(held, at, quantity[link, week[moving]])


def _paths(field: Field, chosen: Ints, quantity: Floats) -> tuple[Floats, Floats, Floats]:
    """Cost [N], stock left [N, T] and shortage [N, T] of the cheapest paths of the chosen nodes, and their orders."""
    shape = field.demand.shape
    sizes = field.size[chosen] * shape[1]
    field.offset[chosen] = np.cumsum(sizes) - sizes
    table = np.empty(int(sizes.sum()), np.float32)
    tier, cost = np.zeros(quantity.shape, np.int64), np.zeros(shape[0])
    available, stock, short = np.zeros(shape), np.zeros(shape), np.zeros(shape)

    def loop(part: Ints) -> None:
        plan_nodes(field, part, table, True, 0, quantity, tier, available, stock, short, cost)

    in_halves(loop, chosen.astype(np.int64))
    return cost, stock, short
