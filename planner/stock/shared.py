"""Shared limits as the search sees them: who uses them, what their use costs at given prices, what they leave."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Case, Flags, Floats, Ints, Limit

TOLERANCE = 1e-6


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
        return [self._weeks(limit, links) for limit, links in zip(self.case.limits, self.links_of, strict=True)]

    def _weeks(self, limit: Limit, links: Ints) -> Ints:
        due = self.case.links.due[links]
        own = np.broadcast_to(np.arange(self.case.horizon), due.shape)
        chosen = {"order": own, "receipt": due, "payment": self.case.links.paid[links]}[limit.when]
        return np.where(due >= 0, chosen, -1)

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

    def used(self, board: Board) -> Floats:
        """[limit, T] use by the plan as it stands."""
        return self._used(board, None)

    def used_by(self, board: Board, nodes: Ints) -> Floats:
        """[limit, T] use by these nodes and the links into them."""
        inside = np.zeros(len(self.case.nodes), bool)
        inside[nodes] = True
        return self._used(board, inside)

    def _used(self, board: Board, inside: Flags | None) -> Floats:
        result = np.zeros((len(self.case.limits), self.case.horizon + 1))
        demand = board.field.demand
        for i, limit in enumerate(self.case.limits):
            links, at = self.links_of[i], self.at[i]
            nodes = self.nodes_of[i]
            if inside is not None:
                mine = inside[self.case.links.node[links]]
                links, at, nodes = links[mine], at[mine], nodes[inside[nodes]]
            if len(links):
                amount = board.quantity[links] * limit.orders[links][:, None]
                if limit.money:
                    amount = amount * self._paid_price(board, links)
                np.add.at(result[i], at.ravel(), amount.ravel())
            if len(nodes):
                result[i, :-1] += limit.held[nodes] @ board.available[nodes]
                result[i, :-1] += limit.served[nodes] @ (demand[nodes] - board.short[nodes])
        return result[:, :-1]

    def _paid_price(self, board: Board, links: Ints) -> Floats:
        """[links, T] unit cost of the price break that each order reaches."""
        tiers, first = board.field.tier_price, board.field.tier_first
        return np.asarray(tiers[first[links][:, None] + board.tier[links]], dtype=float)

    def charge(self, board: Board, prices: Floats, cheapest: bool = False) -> None:
        """Put prices on what uses the limits. With `cheapest` money is counted at the lowest price, for a bound."""
        field = board.field
        field.unit[:] = 1e-7 * self.case.links.priority[:, None]
        field.space_price[:] = field.served_price[:] = 0.0
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
            field.space_price[:] += limit.held[:, None] * prices[i][None, :]
            field.served_price[:] += limit.served[:, None] * prices[i][None, :]

    def exceeded(self, used: Floats) -> Flags:
        """[limit, T] where a limit, hard or soft, is used beyond its room."""
        return used > self.room * (1 + 1e-7) + TOLERANCE

    def constant(self) -> Floats:
        """[limit, T] demand that counts as served unless it is short: charged whatever is decided."""
        demand = np.where(self.case.nodes.sells[:, None], self.case.nodes.demand, 0.0)
        return np.array([limit.served @ demand for limit in self.case.limits]).reshape(self.room.shape)
