"""Networks with one feeding place, cut in two for a bound: all of the stock as one, and every place by itself.

The whole is ordered from outside and bears part of what holding and shortage cost (Clark and Scarf, 1960); it is short
of no less than its places with all of that stock spread over them in the best way. A place bears the rest, and is sent
whatever it asks for. What the whole bears of the holding cost of a week is the price of
"what the places hold together is no more than there is": it is sought by subgradient steps (Held, Wolfe and Crowder,
1974), for each network by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from planner.stock.case import Case, Flags, Floats, Ints
from planner.stock.field import align, aligned, holding
from planner.stock.kernel.below import bound_nodes
from planner.stock.kernel.field import FAR, Field
from planner.stock.kernel.path import plan_nodes
from planner.stock.kernel.pooling import least_together
from planner.stock.kernel.threads import in_threads

STEP, PATIENCE, POINTS = 1.0, 4, 100
HALF = 0.5
RATIONS, FIRST, TRIFLE = 10, 0.25, 1e-3
LONG = 1.0


@dataclass(frozen=True)
class Shares:
    """What the whole of each network bears: holding [K, T] a unit and week, shortage [K] a unit; what its places pay it
    [K] for every unit sent, the price of "they get no more than comes in"; and what they pay [K] for every unit sent
    before anything ordered now can come in, the price of "until then they get no more than is there", which need not
    hold where the feeding place sells: it may send what it owes."""

    holding: Floats
    shortage: Floats
    paid: Floats
    scarce: Floats

    def of(self, chosen: Ints) -> Shares:
        return Shares(self.holding[chosen], self.shortage[chosen], self.paid[chosen], self.scarce[chosen])

    def where(self, better: Flags, other: Shares) -> Shares:
        """The other's shares where it is better."""
        return Shares(
            np.where(better[:, None], other.holding, self.holding),
            np.where(better, other.shortage, self.shortage),
            np.where(better, other.paid, self.paid),
            np.where(better, other.scarce, self.scarce),
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
        self.pack = np.full(len(roots), np.inf)
        np.minimum.at(self.pack, self.owner[case.links.node[self.outer]], case.links.pack[self.outer])
        self.supply = nodes.opening[roots] + nodes.pipeline[roots].sum(axis=1)
        self.lost, self.owing = nodes.lost[roots], np.zeros(len(roots), bool)
        self.most_holding, self.most_shortage = self._least(nodes.holding), self._least_shortage()
        own, weeks = nodes.shortage[roots], np.where(nodes.lost[roots], LONG * case.horizon, 1.0)
        self.most_ahead = self._most_ahead()
        self.raised = own >= weeks * self.most_holding
        self.points, self.values, self.tops = self._pooled()
        self.first = self._first()
        self.scant = (np.arange(case.horizon) < self.first[:, None]) & ~nodes.sells[roots, None]
        self.most_sent, self.stored = self._most_sent()
        self.early = self.scant[self.owner[case.links.node[self.inner]]]
        self._read()

    def start(self, short: float = HALF, paid: Floats | None = None) -> Shares:
        """Half of the holding cost and this part of the shortage cost that all places of a network have in common;
        nothing where nothing can be ordered: the whole would only see more goods than can be sent in time."""
        ordered, nothing = self.first < self.case.horizon, np.zeros(len(self.roots))
        half = np.repeat(HALF * np.where(ordered, self.most_holding, 0.0)[:, None], self.case.horizon, axis=1)
        shortage = np.where(ordered, short * self.most_shortage, 0.0)
        return Shares(self._within(half), shortage, nothing if paid is None else paid, nothing)

    def _within(self, holding: Floats) -> Floats:
        """Shares [K, T] from the end on no larger than so that no place is paid for goods without end: what the whole
        bears for a unit, from when it is sent, is no more than what a place pays for it from when it is there."""
        total, result = np.zeros(len(self.roots)), np.zeros(holding.shape)
        for t in reversed(range(self.case.horizon)):
            until = np.minimum(total + holding[:, t], self.most_ahead[:, t])
            result[:, t], total = until - total, until
        return result

    def _most_ahead(self) -> Floats:
        """[K, T] the least that a unit sent in a week costs a place to hold from its arrival to the end."""
        links, result = self.case.links, np.full((len(self.roots), self.case.horizon), np.inf)
        cost = holding(self.case)[links.node[self.inner]]
        ahead, due = np.cumsum(cost[:, ::-1], axis=1)[:, ::-1], links.due[self.inner]
        left = np.where(due >= 0, np.take_along_axis(ahead, np.maximum(due, 0), axis=1), np.inf)
        np.minimum.at(result, self.owner[links.node[self.inner]], left)
        return np.minimum.accumulate(result, axis=1)

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

    def _first(self) -> Ints:
        """[K] the first week in which something ordered now can arrive at the root."""
        due, into = self.case.links.due, self.into_roots
        first = np.full(len(self.roots), self.case.horizon)
        arrival = np.where(due[into] >= 0, due[into], self.case.horizon).min(axis=1, initial=self.case.horizon)
        np.minimum.at(first, self.owner[self.case.links.node[into]], arrival)
        return first

    def _most_sent(self) -> tuple[Floats, Floats]:
        """[inner, T] before that no place can be sent more than what the root has or is to get already; [K] all of
        that."""
        nodes = self.case.nodes
        there = nodes.opening[self.roots, None] + np.cumsum(nodes.pipeline[self.roots], axis=1)
        before, owner = self.scant, self.owner[self.case.links.node[self.inner]]
        most, sends = np.where(before, np.maximum(there, 0.0), np.inf), np.zeros(before.shape, bool)
        np.logical_or.at(sends, owner, self.case.links.due[self.inner] >= 0)
        return np.asarray(most[owner]), np.where(before & sends, most, 0.0).max(axis=1, initial=0.0)

    def _pooled(self) -> tuple[Floats, Floats, Floats]:
        """[K, T, P] the least that the places of each network can be short of together, at the stock of the whole, and
        the last point [K].

        Where the network's own curve counts, too, a unit short of the whole costs no more than that of the root.
        """
        nodes, own, other = self.case.nodes, self.case.own, self.case.echelon
        members = [nodes.members[root] for root in self.roots]
        first = np.cumsum([0, *map(len, members)])
        pieces = own.available.shape[2] - 1
        most = int(np.diff(first).max(initial=1)) * pieces + 2 * other.available.shape[2] + 2
        points, values = np.zeros((2, len(members), self.case.horizon, most))
        tops = np.zeros(len(members))
        member = np.concatenate([*members, np.zeros(0, np.int64)]).astype(np.int64)
        least_together(
            first, member, own.available, own.shortage, nodes.demand, nodes.lost, self.raised,
            other.available[self.roots], other.shortage[self.roots], points, values, tops,
        )  # fmt: skip
        return points, values, tops

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
        short[self.places] = np.maximum(short[self.places] - self._short(shares)[self.owner[self.places]], 0.0)
        unit[self.outer], fixed[self.outer] = 0.0, 0.0
        for link in self.outer.tolist():
            tiers[field.tier_first[link] : field.tier_first[link + 1]] = 0.0
        unit[self.inner] -= self.on_the_way(shares.holding, links.due[self.inner])
        owner = self.owner[links.node[self.inner]]
        unit[self.inner] += shares.paid[owner, None] + np.where(self.early, shares.scarce[owner, None], 0.0)
        cap = field.cap.copy()
        cap[self.inner] = np.minimum(cap[self.inner], self.most_sent)
        return field._replace(hold=hold, short_cost=short, unit=unit, fixed=fixed, tier_extra=tiers, cap=cap)

    def on_the_way(self, holding: Floats, due: Ints) -> Floats:
        """What the whole bears for a unit from the week in which it is sent until it arrives."""
        total = np.concatenate([np.zeros((len(self.roots), 1)), np.cumsum(holding, axis=1)], axis=1)
        own = total[self.owner[self.case.links.node[self.inner]]]
        until: Floats = np.take_along_axis(own, np.maximum(due, 0), axis=1)
        return np.asarray(np.where(due >= 0, until - own[:, :-1], 0.0))

    def together(self, field: Field, shares: Shares, points: int) -> Field:
        """The whole stock of each network, as one place that is ordered for from outside."""
        count, weeks = len(self.roots), self.case.horizon
        nothing = np.zeros((count, weeks))
        owed, high = np.minimum(self.opening, 0.0), self.tops + self._reach()
        most_owed = np.where(self.owing, self.weekly.sum(axis=1), 6 * self.weekly.mean(axis=1))
        low = np.where(self.lost, 0.0, owed - most_owed)
        step, size = aligned(self.pack, low, high, points)
        first, link, week = self._orders()
        unit = field.unit.copy()
        unit[self.into_roots] -= shares.paid[self.owner[self.case.links.node[self.into_roots]], None]
        whole = field._replace(
            unit=unit, start=self.opening, arrive=self.arrive, demand=self.weekly, hold=shares.holding,
            short_cost=self._short(shares), ship=nothing, space_price=nothing, served_price=nothing, floor=nothing,
            floor_price=np.zeros(count), ceiling=np.full((count, weeks), FAR), sells=np.ones(count, bool),
            lost=self.lost, points=self.points, values=self.values, echelon_cost=np.zeros(count),
            echelon_points=self.points, echelon_values=self.values, echelon_beside=nothing,
            echelon_short=np.full_like(nothing, FAR),
            lo=np.zeros((count, weeks)), step=step, size=size, offset=np.cumsum(size * weeks) - size * weeks,
            due_first=first, op_link=link, op_week=week,
        )  # fmt: skip
        align(whole, low)
        return whole

    def _short(self, shares: Shares) -> Floats:
        """[K, T] price of a unit short of the whole.

        A unit more than it must be short of would save it no more than it costs: so does a price that never rises by
        more than the holding cost of the week. Where the network's own curve counts, a unit less would cost the root's
        price, but save what is held of it for a week if it is owed, to the end if it is lost: price and that are no
        more than the root's price together.
        """
        ahead = np.cumsum(shares.holding[:, ::-1], axis=1)[:, ::-1]
        held = np.where(self.lost[:, None], ahead, shares.holding)
        most = self.case.nodes.shortage[self.roots, None] - held
        price = np.repeat(shares.shortage[:, None], self.case.horizon, axis=1)
        return np.where(self.raised[:, None], np.minimum(price, most), price)

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
        """More stock than any plan would order to: what is there, all demand and a lot."""
        links = self.case.links
        lots = np.maximum(links.moq, np.array([tiers[-1][0] for tiers in links.tiers], float))[self.outer]
        most = np.zeros(len(self.roots))
        np.maximum.at(most, self.owner[links.node[self.outer]], lots)
        there = np.maximum(self.opening + self.arrive.sum(axis=1), 0.0)
        return np.asarray(there + self.weekly.sum(axis=1) + most)

    def bound(self, field: Field, shares: Shares, points: int, todo: Flags) -> Floats:
        """[K] bound on the cost of each network to do; `field` is that of the case at the prices asked for."""
        apart, whole = self.apart(field, shares), self.together(field, shares, points)
        below, total = np.zeros(len(field.start)), np.zeros(len(self.roots))
        places = self.places[todo[self.owner[self.places]]]
        in_threads(lambda part: bound_nodes(apart, part, below), places)
        in_threads(lambda part: bound_nodes(whole, part, total), np.flatnonzero(todo))
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
        given = (shares.holding * self.moving).sum(axis=1) + shares.paid * self.supply
        return np.asarray(given + shares.scarce * self.stored)

    def _stepped(self, shares: Shares, held: Floats, short: Floats, step: Floats) -> Shares:
        """Polyak's step within what all places have in common, measured in shares of it."""
        by_week, whole = held * self.most_holding[:, None], short * self.most_shortage
        length = step / np.maximum((by_week**2).sum(axis=1) + whole**2, 1e-12)
        holding = shares.holding + (length * self.most_holding)[:, None] * by_week
        shortage = shares.shortage + length * self.most_shortage * whole
        return Shares(
            self._within(np.clip(holding, 0.0, self.most_holding[:, None])),
            np.clip(shortage, 0.0, self.most_shortage), shares.paid, shares.scarce,
        )  # fmt: skip

    def rationed(self, field: Field, shares: Shares, cost: Floats) -> Shares:
        """With a price of what the roots have until something can arrive, where places ask for more: doubled until
        they no longer do, then by halves, while it may yet gain more than a trifle of `cost` [K]."""
        low, high = np.zeros(len(self.roots)), np.full(len(self.roots), np.inf)
        value, beyond = self._rationed(field, shares, np.ones(len(self.roots), bool))
        best, scarce, most = value, shares.scarce, beyond
        for _ in range(RATIONS):
            todo = (beyond > 1e-6) & (most * (np.minimum(high, FAR) - low) > TRIFLE * cost)
            if not todo.any():
                break
            tried = np.where(np.isfinite(high), 0.5 * (low + high), np.maximum(4.0 * low, FIRST * self.most_shortage))
            now, over = self._rationed(field, replace(shares, scarce=tried), todo)
            low, most = np.where(todo & (over > 0), tried, low), np.where(todo & (over > 0), over, most)
            high = np.where(todo & (over <= 0), tried, high)
            scarce, best = np.where(now > best, tried, scarce), np.maximum(now, best)
        return replace(shares, scarce=scarce)

    def _rationed(self, field: Field, shares: Shares, todo: Flags) -> tuple[Floats, Floats]:
        """[K] about what the places cost, and how much more than there is they ask for before something arrives."""
        places, quantity = self.places[todo[self.owner[self.places]]], np.zeros(field.cap.shape)
        cost, _, _ = _paths(self.apart(field, shares), places, quantity)
        count, asked = len(self.roots), np.where(self.early, quantity[self.inner], 0.0).sum(axis=1)
        own = np.bincount(self.owner[places], cost[places], count)
        beyond = np.bincount(self.owner[self.case.links.node[self.inner]], asked, count) - self.stored
        return np.where(todo, own - shares.scarce * self.stored, -np.inf), np.where(todo, beyond, 0.0)

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

    in_threads(loop, chosen.astype(np.int64))
    return cost, stock, short
