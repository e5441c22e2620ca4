"""Better plans within shared limits: take a few SKU networks out, put them back one by one into the room that is left.

Large neighbourhood search (Shaw, 1998): who goes back first is drawn, prices tell those that go back what their use
takes from others, and what comes out stays only if the whole plan costs less and keeps every limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Flags, Floats, Ints
from planner.stock.joint import Supplier, suppliers
from planner.stock.kernel.field import FAR
from planner.stock.shared import Shared

TOGETHER, DEAR = 8, 2.0
SCALES = (0.0, 0.5, 1.0, 1.5)


def improve(
    board: Board, shared: Shared, prices: Floats, moves: int, seed: int = 1, fair: Floats | None = None
) -> float:  # fmt: skip
    """Try so many moves from a plan that keeps its limits; returns what they gained. Prices are those charged.

    `fair` [N] is what nodes cost at the prices alone: who costs most beyond it is looked at most often.
    """
    return Search(board, shared, prices, fair, np.random.default_rng(seed)).gained(moves)


@dataclass
class _Kept:
    """The state of a few nodes, to go back to."""

    nodes: Ints
    links: Ints
    parts: tuple[Any, ...]

    @classmethod
    def of(cls, board: Board, nodes: Ints, links: Ints) -> _Kept:
        parts = tuple(a[nodes].copy() for a in cls._by_node(board))
        return cls(nodes, links, parts + tuple(a[links].copy() for a in cls._by_link(board)))

    @staticmethod
    def _by_node(board: Board) -> tuple[Any, ...]:
        return board.available, board.stock, board.short, board.field.ship, board.cost

    @staticmethod
    def _by_link(board: Board) -> tuple[Any, ...]:
        return board.quantity, board.tier, board.field.cap

    def restore(self, board: Board) -> None:
        for array, part in zip(self._by_node(board), self.parts[:5], strict=True):
            array[self.nodes] = part
        for array, part in zip(self._by_link(board), self.parts[5:], strict=True):
            array[self.links] = part


@dataclass
class _Charged:
    """What limits charge at their prices: a unit [L, T] and an order [L, T], a unit held and one served [N, T]."""

    unit: Floats
    fixed: Floats
    space: Floats
    served: Floats

    @classmethod
    def of(cls, board: Board) -> _Charged:
        """As it stands in the field of a board."""
        field = board.field
        fixed = field.fixed - board.own_fixed[:, None]
        space, served = np.array(field.space_price, float), np.array(field.served_price, float)
        return cls(field.unit - board.unit, fixed, space, served)

    def put(self, board: Board, nodes: Ints, links: Ints, scale: float) -> None:
        """So much of it on these nodes and links."""
        field = board.field
        field.unit[links] = board.unit[links] + scale * self.unit[links]
        field.fixed[links] = board.own_fixed[links][:, None] + scale * self.fixed[links]
        field.space_price[nodes] = scale * self.space[nodes]
        field.served_price[nodes] = scale * self.served[nodes]


class Search:
    """Moves from a plan that keeps its limits."""

    def __init__(
        self, board: Board, shared: Shared, prices: Floats, fair: Floats | None, draw: np.random.Generator
    ) -> None:  # fmt: skip
        self.board, self.shared, self.prices, self.draw = board, shared, prices, draw
        self.fair = np.zeros(len(board.case.nodes)) if fair is None else fair
        self.suppliers = suppliers(board.case)
        self.supplier_of = np.full(len(board.case.links), -1)
        for s, supplier in enumerate(self.suppliers):
            self.supplier_of[supplier.lines] = s
        self.used = shared.used(board)
        finite = np.where(np.isfinite(shared.soft), shared.soft, 0.0)
        self.beyond = np.where(shared.hard, DEAR * shared.worth[:, None], finite)
        network = board.case.nodes.network
        sizes = np.bincount(network)
        self.members = np.split(np.argsort(network, kind="stable"), np.cumsum(sizes)[:-1])
        over = shared.exceeded(self.used) & shared.hard
        use = shared.used_by_group(board, network, len(self.members))[:, over] if over.any() else np.zeros((1, 0))
        self.pushing = use.sum(axis=1)
        self.true = np.zeros(len(network))
        shared.charge(board.field, prices, own=board.unit)
        self.charged = _Charged.of(board)
        board.stand()
        self._note(np.arange(len(network)))

    def gained(self, moves: int) -> float:
        """What so many moves save."""
        return sum(self.move() for _ in range(moves))

    def move(self) -> float:
        """Take networks out and put them back; keep what is cheaper, and say by how much."""
        board, networks = self.board, self._chosen()
        nodes = np.concatenate([self.members[k] for k in networks])
        links = np.concatenate([board.links_into(int(n)) for n in nodes])
        kept, used, true = _Kept.of(board, nodes, links), self.used, self.true.copy()
        concerned = sorted(set(self.supplier_of[links].tolist()) - {-1})
        before, mask = self._cost(nodes, concerned), self._open_weeks(concerned)
        self._charge(nodes, links)
        rest = used - self._use(nodes)
        self.used = rest.copy()
        board.quantity[links] = 0.0
        for k in networks:
            self._put(self.members[k], mask)
        self.used = rest + self._use(nodes)
        self._note(nodes)
        broken = self._broken(self.used) > self._broken(used)
        if not broken and self._allowed(nodes, concerned) and (now := self._cost(nodes, concerned)) < before - 1e-6:
            return before - now
        kept.restore(board)
        self.used, self.true = used, true
        return 0.0

    def _charge(self, nodes: Ints, links: Ints) -> None:
        """Prices that tell who goes back what its use takes from others."""
        self.charged.put(self.board, nodes, links, float(self.draw.choice(SCALES)))

    def _use(self, nodes: Ints) -> Floats:
        """[limit, T] use by these nodes and the links into them."""
        return np.asarray(sum((self.shared.use_of(self.board, n) for n in nodes.tolist()), np.zeros_like(self.used)))

    def _note(self, nodes: Ints) -> None:
        """What these nodes cost without prices, right after they were planned."""
        self.true[nodes] = self.board.true_cost(nodes)[nodes]

    def _chosen(self) -> list[int]:
        """A few networks: those that use most of a hard limit that is exceeded; else half the time any, half the time
        rather those that cost most beyond what is fair."""
        count = len(self.members)
        size = int(self.draw.integers(1, min(TOGETHER, count) + 1))
        share = None
        if self.pushing.any():
            size, share = min(size, int((self.pushing > 0).sum())), self.pushing / self.pushing.sum()
        elif self.draw.random() < 0.5:
            beyond = np.bincount(self.board.case.nodes.network, self.true - self.fair, count)
            weight = np.maximum(beyond, 1e-3 * np.abs(beyond).max(initial=0.0) + 1e-9)
            share = weight / weight.sum()
        return [int(k) for k in self.draw.choice(count, size=size, replace=False, p=share)]

    def _open_weeks(self, concerned: list[int]) -> dict[int, Flags]:
        """Weeks in which each supplier concerned is ordered from now, and sometimes one more."""
        result = {}
        for s in concerned:
            mask = np.asarray((self.board.quantity[self.suppliers[s].lines] > 0).any(axis=0), dtype=bool)
            if self.draw.random() < 0.5:
                mask[int(self.draw.integers(len(mask)))] = True
            result[s] = mask
        return result

    def _put(self, nodes: Ints, mask: dict[int, Flags]) -> None:
        """One network into the room that is left: those that are fed first, then those that feed."""
        board, inside = self.board, np.zeros(len(self.board.case.nodes), bool)
        inside[nodes] = True
        for level in reversed(board.levels):
            for n in level[inside[level]].tolist():
                self._cap(n, mask)
                one = np.array([n], np.int64)
                if board.case.nodes.feeds[n]:
                    board.ration(one)
                board.path(one)
                self.used += self.shared.use_of(board, n)
        board.settle(inside)

    def _cap(self, n: int, mask: dict[int, Flags]) -> None:
        board, shared, case = self.board, self.shared, self.board.case
        links = board.links_into(n)
        caps = np.full((len(links), case.horizon), np.inf)
        left = np.where(shared.hard, np.maximum(shared.room - self.used, 0.0), FAR)
        for i, limit in enumerate(case.limits):
            own = np.flatnonzero(limit.orders[links] > 0)
            if len(own):
                at = shared.weeks_of(limit, links[own])
                each = np.maximum(shared.each(i, links[own]), 1e-12)[:, None]
                room = np.maximum(np.append(left[i], FAR)[at] - limit.setup[links[own]][:, None], 0.0)
                caps[own] = np.minimum(caps[own], room / each)
        for k, link in enumerate(links.tolist()):
            weeks = mask.get(int(self.supplier_of[link]))
            if weeks is not None:
                caps[k] = np.where(weeks, caps[k], 0.0)
        board.field.cap[links] = caps
        board.field.ceiling[n] = board.ceiling[n]
        for i, limit in enumerate(case.limits):
            if limit.held[n] > 0:
                board.field.ceiling[n] = np.minimum(board.field.ceiling[n], left[i] / limit.held[n])

    def _broken(self, used: Floats) -> float:
        """By how much hard limits are exceeded, in what that could gain at most."""
        over = np.where(self.shared.exceeded(used) & self.shared.hard, used - self.shared.room, 0.0)
        return float((over * self.shared.worth[:, None]).sum())

    def _allowed(self, nodes: Ints, concerned: list[int]) -> bool:
        """Whether minima are met, and what is sent is there."""
        board = self.board
        sent = board.field.ship[nodes] > np.maximum(board.available[nodes], 0.0) + 1e-6
        if sent[board.case.nodes.feeds[nodes]].any():
            return False
        return all(self._meets(self.suppliers[s]) for s in concerned)

    def _meets(self, supplier: Supplier) -> bool:
        quantity = self.board.quantity[supplier.lines]
        value = quantity * self.shared.list_price[supplier.lines][:, None]
        have = np.array([value.sum(axis=0), supplier.each[:, 1] @ quantity, supplier.each[:, 2] @ quantity])
        placed = (quantity > 0).any(axis=0)
        return bool((have[:, placed] >= supplier.minima[:, None] - 1e-6).all())

    def _cost(self, nodes: Ints, concerned: list[int]) -> float:
        """True cost of these nodes, of the joint orders concerned and of limits exceeded; of hard ones more than it
        could ever gain."""
        shared, orders = self.shared, [self.suppliers[s] for s in concerned]
        joint = sum(s.order_cost * (self.board.quantity[s.lines] > 0).any(axis=0).sum() for s in orders)
        over = float((np.maximum(self.used - shared.room, 0.0) * self.beyond).sum())
        return float(self.true[nodes].sum()) + float(joint) + float(over)
