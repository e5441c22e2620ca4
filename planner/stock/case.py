"""What the replenishment model reads: frozen arrays, one axis for nodes or links, one for weeks.

A node is a SKU at a place that stocks it; a link is a way to supply a node: a purchase from outside, or a transfer
from another node. Money is in base currency, quantities in units.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Texts = npt.NDArray[np.object_]
Dates = npt.NDArray[np.datetime64]
When = Literal["order", "receipt", "payment"]


@dataclass(frozen=True)
class Nodes:
    """[N] or [N, T]. `demand` is what the week asks for; `window_*` is demand over the exposure that ends with it.

    `pipeline` is what arrives less what expires of today's lots, which is `expired`; `wasted` [N] is the least waste
    of them that is to be expected.

    `sells`: customers are served here. `feeds`: other nodes are supplied from here; then `members` are the selling
    nodes below it (itself included if it sells) and the window is theirs together.
    """

    sku: Texts
    place: Texts
    network: Ints
    sells: Flags
    feeds: Flags
    fed: Flags
    members: tuple[Ints, ...]
    demand: Floats
    campaign: Floats
    variance: Floats
    window_mean: Floats
    window_variance: Floats
    echelon_mean: Floats
    echelon_variance: Floats
    opening: Floats
    backlog: Floats
    pipeline: Floats
    expired: Floats
    wasted: Floats
    moving: Floats
    lost: Flags
    holding: Floats
    shortage: Floats
    cost: Floats
    leftover: Floats
    floor: Floats
    ceiling: Floats
    listed: Flags
    exposure_weeks: Ints

    def __len__(self) -> int:
        return len(self.sku)


@dataclass(frozen=True)
class Lots:
    """[K] today's lots by node and last day: the week of that day, the share of the week's demand up to it, and the
    units of the node's lots that expire up to it."""

    node: Ints
    week: Ints
    share: Floats
    upto: Floats

    def __len__(self) -> int:
        return len(self.node)

    def sold(self, demand: Floats) -> Floats:
        """[K] demand of the node up to the last day of each lot."""
        before = np.cumsum(demand, axis=1) - demand
        found: Floats = before[self.node, self.week] + self.share * demand[self.node, self.week]
        return found


@dataclass(frozen=True)
class Links:
    """[L] or [L, T]. Week t holds at most one order of a link; `due` is the week of its arrival, -1 where none can be.

    `tiers`: (from quantity, price of a unit) pairs, the first from 0; `duty` is charged on top as a share of it.
    `reference` is the cheapest landed cost of a unit, duty included, that the node can get, so that only the difference
    is a cost of the plan. `setup` is what an order takes of the capacity of its
    source in units, beside its quantity. `row` [L] is that of the table sourcing.
    """

    sku: Texts
    source: Texts
    destination: Texts
    origin: Ints
    node: Ints
    tiers: tuple[tuple[tuple[float, float], ...], ...]
    duty: Floats
    reference: Floats
    order_cost: Floats
    moq: Floats
    pack: Floats
    max_order: Floats
    setup: Floats
    priority: Floats
    joint: Ints
    row: Ints
    order_date: Dates
    due_date: Dates
    due: Ints
    paid: Ints

    def __len__(self) -> int:
        return len(self.sku)


@dataclass(frozen=True)
class Joint:
    """What holds for all lines ordered from one supplier in one week."""

    supplier: str
    order_cost: float
    value: float
    m3: float
    kg: float


@dataclass(frozen=True)
class Truck:
    """Whole vehicles of one lane: what one costs, and `share` [K, 2], the part of one that a unit of each of its links
    [K] fills by volume and by weight. `tight` is the measure that usually fills first."""

    lane: str
    mode: str
    links: Ints
    cost: float
    share: Floats
    tight: int


@dataclass(frozen=True)
class Limit:
    """One shared limit: `cap` [T] (inf where none), `soft` [T] (inf where hard), and who uses it by how much a unit.

    `orders` [L] counts ordered units in the week given by `when` (times their price if `money`), `setup` [L] every
    order placed then, `held` [N] stock before plus receipts, `served` [N] units sold. `firm` [T] is used already,
    whatever is ordered.
    """

    name: str
    scope: str
    cap: Floats
    soft: Floats
    firm: Floats
    orders: Floats
    setup: Floats
    held: Floats
    served: Floats
    when: When = "order"
    money: bool = False


@dataclass(frozen=True)
class Curves:
    """Expected shortage as a convex piecewise-linear function of stock available: points [N, T, K], slopes between."""

    available: Floats
    shortage: Floats
    slope: Floats

    def at(self, node: int, week: int) -> tuple[Floats, Floats, Floats]:
        return self.available[node, week], self.shortage[node, week], self.slope[node, week]


@dataclass(frozen=True)
class Case:
    """One planning problem, complete."""

    as_of: dt.date
    weeks: pd.DatetimeIndex
    nodes: Nodes
    links: Links
    joints: tuple[Joint, ...]
    limits: tuple[Limit, ...]
    own: Curves
    echelon: Curves
    volume: Floats
    weight: Floats
    lots: Lots | None = None
    trucks: tuple[Truck, ...] = ()

    @cached_property
    def freight(self) -> Floats:
        """[L] what a unit costs on a full vehicle: no plan pays less for its vehicles."""
        each = np.zeros(len(self.links))
        for truck in self.trucks:
            each[truck.links] += truck.cost * truck.share[:, truck.tight]
        return each

    @property
    def horizon(self) -> int:
        return len(self.weeks)

    def links_of(self, nodes: Ints) -> Ints:
        return np.flatnonzero(np.isin(self.links.node, nodes))

    def open_weeks(self, link: int) -> Iterator[tuple[int, int]]:
        """(week of the order, week of the receipt) of every order that the link allows."""
        due = self.links.due[link]
        return ((int(t), int(due[t])) for t in np.flatnonzero(due >= 0))

    def when(self, link: int, week: int, when: When) -> int:
        """Week in which an order counts; -1 if that is beyond the horizon."""
        if when == "order":
            return week
        return int((self.links.due if when == "receipt" else self.links.paid)[link, week])


@dataclass(frozen=True)
class Solution:
    """What was decided: packs and tier per link and order week, and what follows per node and week."""

    packs: Floats
    tier: Ints
    stock: Floats
    short: Floats
    extra: Floats

    def quantity(self, links: Links) -> Floats:
        return self.packs * links.pack[:, None]

    def unit_cost(self, links: Links) -> Floats:
        """Price of a unit [L, T] at the tier that was chosen, duty not counted."""
        deepest = max((len(tiers) for tiers in links.tiers), default=1)
        costs = np.array([[t[min(k, len(t) - 1)][1] for k in range(deepest)] for t in links.tiers])
        return np.take_along_axis(costs.reshape(len(links), deepest), self.tier, axis=1)
