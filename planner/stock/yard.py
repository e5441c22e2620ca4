"""Goods on the move along sample paths of demand: what was ordered arrives, is sent on, is sold or owed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.stock.case import Case, Floats, Ints
from planner.stock.field import upstream_first


@dataclass
class Account:
    """What happened: sums over nodes by week and path [T, P]; means over paths by node and week [N, T]."""

    demand: Floats
    short: Floats
    stock: Floats
    value: Floats
    holding: Floats
    shortage: Floats
    ordering: Floats
    spend: Floats
    waste: Floats
    mean_stock: Floats
    mean_short: Floats

    @classmethod
    def blank(cls, nodes: int, weeks: int, paths: int) -> Account:
        return cls(*(np.zeros((weeks, paths)) for _ in range(9)), *(np.zeros((nodes, weeks)) for _ in range(2)))

    @property
    def cost(self) -> Floats:
        """[P] holding, shortage and order cost over all weeks."""
        total: Floats = (self.holding + self.shortage + self.ordering).sum(axis=0)
        return total


class Yard:
    """State of every node on every path: on hand [N, P] (below zero: owed), and what is to come, bought and moved
    [N, weeks, P]. Stock that the plan would send but that is not there is shared in proportion."""

    def __init__(self, case: Case, weeks: int, paths: int) -> None:
        nodes, links = case.nodes, case.links
        self.count, self.paths, self.sells, self.lost = len(nodes), paths, nodes.sells, nodes.lost
        self.holding, self.shortage, self.cost = nodes.holding, nodes.shortage, nodes.cost
        self.origin, self.node, self.order_cost = links.origin, links.node, links.order_cost
        self.levels = upstream_first(case)
        self.on_hand = np.repeat((nodes.opening - nodes.backlog)[:, None], paths, axis=1)
        rest = np.diff(nodes.moving, axis=1, prepend=nodes.moving[:, :1] * 0)
        arrives = nodes.pipeline + nodes.expired
        moved = np.minimum(arrives, np.maximum(-rest, 0.0))
        self.bought, self.moved = (np.zeros((self.count, weeks, paths)) for _ in range(2))
        span = min(weeks, case.horizon)
        self.moved[:, :span] = moved[:, :span, None]
        self.bought[:, :span] = (arrives - moved)[:, :span, None]
        self.lots, self.out, self.gone = case.lots, np.zeros(self.on_hand.shape), np.zeros(self.on_hand.shape)
        self.account = Account.blank(self.count, weeks, paths)

    def week(self, t: int, ordered: Floats, due: Ints, spend: Floats, demand: Floats) -> None:
        """One week: place `ordered` [L, P] (arriving in week `due` [L], -1 beyond the end), receive, send, sell."""
        outside = np.flatnonzero((self.origin < 0) & (due >= 0))
        np.add.at(self.bought, (self.node[outside], due[outside]), ordered[outside])
        sent = np.zeros((self.count, self.paths))
        for level in self.levels:
            self._send(level, t, ordered, due, sent)
        waste = self._expire(t, demand, sent)
        there = self.on_hand + self.bought[:, t] + self.moved[:, t] - sent - waste
        left = there - np.where(self.sells[:, None], demand, 0.0)
        short = np.maximum(-left, 0.0)
        self.on_hand = np.where(self.lost[:, None], np.maximum(left, 0.0), left)
        self.out += np.where(self.sells[:, None], demand - np.where(self.lost[:, None], short, 0.0), 0.0) + sent
        self.account.waste[t] = waste.sum(axis=0)
        self._book(t, demand, short, ordered, spend)

    def _expire(self, t: int, demand: Floats, sent: Floats) -> Floats:
        """[N, P] units of today's lots whose last day lies in this week, not sold or sent by then, first expired first
        out; at most what is there."""
        waste = np.zeros((self.count, self.paths))
        lots = self.lots
        if lots is None:
            return waste
        use = np.where(self.sells[:, None], demand, 0.0) + sent
        for k in np.flatnonzero(lots.week == t).tolist():
            n = int(lots.node[k])
            left = np.maximum(lots.upto[k] - self.out[n] - lots.share[k] * use[n] - self.gone[n], 0.0)
            there = np.maximum(self.on_hand[n] + self.bought[n, t] + self.moved[n, t] - sent[n] - waste[n], 0.0)
            left = np.minimum(left, there)
            waste[n] += left
            self.gone[n] += left
        return waste

    def _send(self, level: Ints, t: int, ordered: Floats, due: Ints, sent: Floats) -> None:
        """What the nodes of a level send to those below, at most what they have."""
        out = np.flatnonzero(np.isin(self.origin, level) & (due >= 0))
        if not len(out):
            return
        wanted = np.zeros((self.count, self.paths))
        np.add.at(wanted, self.origin[out], ordered[out])
        there = np.maximum(self.on_hand + self.bought[:, t] + self.moved[:, t], 0.0)
        share = np.minimum(1.0, np.divide(there, wanted, out=np.ones_like(there), where=wanted > 1e-9))
        amount = ordered[out] * share[self.origin[out]]
        np.add.at(self.moved, (self.node[out], due[out]), amount)
        np.add.at(sent, self.origin[out], amount)

    def _book(self, t: int, demand: Floats, short: Floats, ordered: Floats, spend: Floats) -> None:
        held, account = np.maximum(self.on_hand, 0.0), self.account
        asked = np.where(self.sells[:, None], demand, 0.0)
        account.demand[t], account.short[t], account.stock[t] = asked.sum(0), short.sum(0), held.sum(0)
        account.value[t] = self.cost @ held
        account.holding[t], account.shortage[t] = self.holding @ held, self.shortage @ short
        account.ordering[t] = self.order_cost @ (ordered > 1e-9)
        account.spend[t] = spend
        account.mean_stock[:, t], account.mean_short[:, t] = held.mean(axis=1), short.mean(axis=1)


def frozen(case: Case, quantity: Floats, unit_cost: Floats, demand: Floats) -> Account:
    """The orders of a plan [L, T] carried out as they stand, whatever sells: demand [N, T, P]."""
    weeks, paths = demand.shape[1], demand.shape[2]
    yard = Yard(case, weeks, paths)
    money = (quantity * unit_cost * (case.links.origin < 0)[:, None]).sum(axis=0)
    for t in range(weeks):
        ordered = np.repeat(quantity[:, t, None], paths, axis=1)
        due = np.where(case.links.due[:, t] < weeks, case.links.due[:, t], -1)
        yard.week(t, ordered, due, np.full(paths, money[t]), demand[:, t])
    return yard.account
