"""Shared limits as the search sees them: who uses them, what their use costs at given prices, what they leave."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import pandas as pd

from planner.stock.board import Board
from planner.stock.case import Case, Flags, Floats, Ints, Limit
from planner.stock.kernel.field import Field

TOLERANCE = 1e-6


class Placed(Protocol):
    """What the use of limits is read from: a board, or a plan on its own."""

    @property
    def quantity(self) -> Floats: ...

    @property
    def tier(self) -> Ints: ...

    @property
    def available(self) -> Floats: ...

    @property
    def short(self) -> Floats: ...


@dataclass(frozen=True)
class Use:
    """Ordered units and price breaks [L, T], stock available and expected shortage [N, T]."""

    quantity: Floats
    tier: Ints
    available: Floats
    short: Floats


class Shared:
    """The limits of a case. `room` [limit, T] is what they leave beside their firm use; inf where there is none."""

    def __init__(self, case: Case, room: Floats) -> None:
        self.case, self.room = case, room
        soft = np.array([limit.soft for limit in case.limits]).reshape(room.shape)
        self.soft: Floats = soft
        self.hard: Flags = ~np.isfinite(soft) & np.isfinite(room)

    @cached_property
    def links_of(self) -> list[Ints]:
        return [np.flatnonzero(limit.orders > 0) for limit in self.case.limits]

    @cached_property
    def nodes_of(self) -> list[Ints]:
        return [np.flatnonzero((limit.held > 0) | (limit.served > 0)) for limit in self.case.limits]

    @cached_property
    def at(self) -> list[Ints]:
        """Per limit [its links, T]: the week in which an order of the week counts, -1 if never."""
        return [self.weeks_of(limit, links) for limit, links in zip(self.case.limits, self.links_of, strict=True)]

    def weeks_of(self, limit: Limit, links: Ints) -> Ints:
        """[links, T]: the week in which an order of the week counts, -1 if never."""
        due = self.case.links.due[links]
        own = np.broadcast_to(np.arange(self.case.horizon), due.shape)
        chosen = {"order": own, "receipt": due, "payment": self.case.links.paid[links]}[limit.when]
        return np.where(due >= 0, chosen, -1)

    @cached_property
    def tier_price(self) -> Floats:
        """[L, deepest] unit cost by price break; the last one goes on."""
        tiers = self.case.links.tiers
        deepest = max((len(own) for own in tiers), default=1)
        return np.array([[own[min(k, len(own) - 1)][1] for k in range(deepest)] for own in tiers], float)

    @cached_property
    def list_price(self) -> Floats:
        """[L] the price of the first unit of each link."""
        return np.array([tiers[0][1] for tiers in self.case.links.tiers], float)

    @cached_property
    def worth(self) -> Floats:
        """[limit] what a unit of it could gain at most: the loss of the units short that it stands for."""
        nodes, links = self.case.nodes, self.case.links
        result = np.zeros(len(self.case.limits))
        for i, limit in enumerate(self.case.limits):
            own = self.links_of[i]
            gains = nodes.shortage[links.node[own]] / np.maximum(self.each(i, own), 1e-9)
            held = self.nodes_of[i]
            more = nodes.shortage[held] / np.maximum(limit.held + limit.served, 1e-9)[held]
            result[i] = max(gains.max(initial=0.0), more.max(initial=0.0))
        return result

    def each(self, index: int, links: Ints) -> Floats:
        """What a unit ordered on each of these links uses of a limit, at its list price where that is money."""
        limit = self.case.limits[index]
        return limit.orders[links] * (self.list_price[links] if limit.money else 1.0)

    def used(self, plan: Placed) -> Floats:
        """[limit, T] use by the plan as it stands."""
        return self._used(plan, None)

    def used_by(self, plan: Placed, nodes: Ints) -> Floats:
        """[limit, T] use by these nodes and the links into them."""
        inside = np.zeros(len(self.case.nodes), bool)
        inside[nodes] = True
        return self._used(plan, inside)

    def use_of(self, board: Board, n: int) -> Floats:
        """[limit, T] use by one node and the links into it."""
        links, result = board.links_into(n), np.zeros((len(self.case.limits), self.case.horizon + 1))
        for i, limit in enumerate(self.case.limits):
            own = links[limit.orders[links] > 0]
            if len(own):
                np.add.at(result[i], self.weeks_of(limit, own).ravel(), self._amounts(board, i, own).ravel())
            if limit.held[n] > 0:
                result[i, :-1] += limit.held[n] * board.available[n]
            if limit.served[n] > 0:
                result[i, :-1] += limit.served[n] * (self.case.nodes.demand[n] - board.short[n])
        return result[:, :-1]

    def used_by_group(self, plan: Placed, group: Ints, count: int) -> Floats:
        """[count, limit, T] use by each group of nodes; `group` [N] is the number of each node's group."""
        result = np.zeros((count, len(self.case.limits), self.case.horizon + 1))
        demand = np.where(self.case.nodes.sells[:, None], self.case.nodes.demand, 0.0)
        for i, limit in enumerate(self.case.limits):
            links, nodes = self.links_of[i], self.nodes_of[i]
            if len(links):
                owner = np.repeat(group[self.case.links.node[links]], self.case.horizon)
                np.add.at(result[:, i], (owner, self.at[i].ravel()), self._amounts(plan, i, links).ravel())
            if len(nodes):
                held = limit.held[nodes][:, None] * plan.available[nodes]
                held += limit.served[nodes][:, None] * (demand[nodes] - plan.short[nodes])
                np.add.at(result[:, i, :-1], group[nodes], held)
        return result[:, :, :-1]

    def _amounts(self, plan: Placed, index: int, links: Ints) -> Floats:
        """[links, T] what each order uses of a limit."""
        limit = self.case.limits[index]
        amount = plan.quantity[links] * limit.orders[links][:, None]
        amount = amount * self._paid_price(plan, links) if limit.money else amount
        return amount + (plan.quantity[links] > 0) * limit.setup[links][:, None]

    def _used(self, plan: Placed, inside: Flags | None) -> Floats:
        result = np.zeros((len(self.case.limits), self.case.horizon + 1))
        nodes_demand = np.where(self.case.nodes.sells[:, None], self.case.nodes.demand, 0.0)
        for i, limit in enumerate(self.case.limits):
            links, at = self.links_of[i], self.at[i]
            nodes = self.nodes_of[i]
            if inside is not None:
                mine = inside[self.case.links.node[links]]
                links, at, nodes = links[mine], at[mine], nodes[inside[nodes]]
            if len(links):
                np.add.at(result[i], at.ravel(), self._amounts(plan, i, links).ravel())
            if len(nodes):
                result[i, :-1] += (limit.held[nodes][:, None] * plan.available[nodes]).sum(axis=0)
                result[i, :-1] += (limit.served[nodes][:, None] * (nodes_demand[nodes] - plan.short[nodes])).sum(axis=0)
        return result[:, :-1]

    def _paid_price(self, plan: Placed, links: Ints) -> Floats:
        """[links, T] unit cost of the price break that each order reaches."""
        return np.take_along_axis(self.tier_price[links], plan.tier[links], axis=1)

    def charge(self, field: Field, prices: Floats, cheapest: bool = False, own: Floats | None = None) -> None:
        """Put prices on what uses the limits. With `cheapest` money is counted at the lowest price, for a bound.

        `own` [L, T] is what a unit ordered is charged beside them.
        """
        field.unit[:] = (1e-7 * self.case.links.priority + self.case.freight)[:, None] if own is None else own
        field.space_price[:] = field.served_price[:] = 0.0
        field.fixed[:] = self.case.links.order_cost[:, None]
        for i, limit in enumerate(self.case.limits):
            if not prices[i].any():
                continue
            links, at = self.links_of[i], self.at[i]
            padded = np.append(prices[i], 0.0)
            each = self.each(i, links)
            if cheapest and limit.money:
                each = limit.orders[links] * np.array([self.case.links.tiers[j][-1][1] for j in links.tolist()])
            if len(links):
                field.unit[links] += padded[at] * each[:, None]
                field.fixed[links] += padded[at] * limit.setup[links][:, None]
            field.space_price[:] += limit.held[:, None] * prices[i][None, :]
            field.served_price[:] += limit.served[:, None] * prices[i][None, :]
        if not cheapest and prices.any():
            self._pass_on(field, own)

    def _pass_on(self, field: Field, own: Floats | None) -> None:
        """Who is sent goods minds what limits charge for them on their way into the place that sends: the price of the
        last arrival there, before the first that of the first."""
        into, inner, owner = self.handed_on
        charged = field.unit[into] - ((1e-7 * self.case.links.priority)[into, None] if own is None else own[into])
        due, price = self.case.links.due[into], np.full((len(self.case.nodes), self.case.horizon), np.inf)
        row, week = np.nonzero(due >= 0)
        np.minimum.at(price, (self.case.links.node[into[row]], due[row, week]), charged[row, week])
        price = pd.DataFrame(np.where(np.isfinite(price), price, np.nan)).ffill(axis=1).bfill(axis=1).to_numpy()
        field.unit[inner] += np.nan_to_num(price[owner])

    @cached_property
    def handed_on(self) -> tuple[Ints, Ints, Ints]:
        """Links from outside into places that feed others, links out of these, and the places these start from."""
        links, feeds = self.case.links, self.case.nodes.feeds
        into = np.flatnonzero((links.origin < 0) & feeds[links.node])
        inner = np.flatnonzero(links.origin >= 0)
        return into, inner, links.origin[inner]

    def exceeded(self, used: Floats) -> Flags:
        """[limit, T] where a limit, hard or soft, is used beyond its room."""
        return used > self.room * (1 + 1e-7) + TOLERANCE

    def constant(self) -> Floats:
        """[limit, T] demand that counts as served unless it is short: charged whatever is decided."""
        demand = np.where(self.case.nodes.sells[:, None], self.case.nodes.demand, 0.0)
        return np.array([limit.served @ demand for limit in self.case.limits]).reshape(self.room.shape)
