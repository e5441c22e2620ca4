"""From the plans that networks have made at several prices to one of each, so that all of them fit into the limits.

The master of `prices` mixes plans, which cannot be carried out; here every network takes one of its own (a
multiple-choice knapsack with many rows). Networks take turns, each with the plan that costs least beside what the
others have taken; use beyond a hard limit is charged more from turn to turn until nothing is exceeded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Flags, Floats, Ints
from planner.stock.kernel.choosing import choose_again
from planner.stock.kernel.halves import in_chunks
from planner.stock.prices import Columns, charged
from planner.stock.shared import Shared

SPARED, TURNS, DEARER, STEP = (1e-6, 5e-4, 2e-3, 5e-3), 120, 1.3, 0.01
EASED, MORE, RAISED = 0.95, 4, 0.3
PLANS = 8


def choose_plans(board: Board, shared: Shared, columns: Columns, prices: Floats) -> None:
    """The board stands at one plan of `columns` for each network, chosen from those that cost least at `prices`.

    Where every choice goes beyond a limit, networks plan once more at prices raised there, and these plans join the
    columns. What is exceeded after `MORE` of them is left to `keep_limits`.
    """
    best, least = np.zeros(0, np.int64), np.inf
    for number in range(MORE + 1):
        choice = _Choice(shared, columns, prices)
        tried = in_chunks(choice.tried, len(SPARED), 1)
        found = min(tried, key=lambda one: one.cost)
        best, least = (found.chosen, found.cost) if found.cost < least else (best, least)
        if not found.beyond.any() or number == MORE:
            break
        raised = prices + RAISED ** (number + 1) * shared.worth[:, None] * choice.spread(found.beyond)
        charged(board, shared, raised)
        columns.add(board, shared, raised)
    charged(board, shared, prices)
    _take(board, columns, best)


def plans_at(board: Board, shared: Shared, tried: list[Floats], prices: Floats) -> Columns:
    """The plan as it stands, and those at the last of the prices tried, within the caps of today; the board stands at
    `prices` afterwards."""
    columns = Columns.of(board)
    columns.add(board, shared, prices)
    for other in tried[-PLANS:]:
        charged(board, shared, other)
        columns.add(board, shared, other)
    charged(board, shared, prices)
    return columns


@dataclass(frozen=True)
class _Found:
    """The plan of each network, what they cost with use beyond limits (hard ones at what it is worth at most), and in
    which cells a hard limit is exceeded."""

    cost: float
    chosen: Ints
    beyond: Flags


class _Choice:
    """The columns as arrays; of the limits only the weeks in which all plans together could go beyond the room."""

    def __init__(self, shared: Shared, columns: Columns, prices: Floats) -> None:
        room, use = shared.room.ravel(), np.array(columns.use).reshape(len(columns.use), -1, shared.room.size)
        most = use.max(axis=0, initial=0.0).sum(axis=0)
        self.shape = shared.room.shape
        self.cells = cells = np.flatnonzero(np.isfinite(room) & (most > np.where(np.isfinite(room), room, 0.0)))
        self.cost, self.use = np.array(columns.cost), np.ascontiguousarray(use[:, :, cells])
        self.room, self.price = room[cells], prices.ravel()[cells]
        self.hard = shared.hard.ravel()[cells]
        self.soft = np.where(self.hard, 0.0, shared.soft.ravel()[cells])
        self.worth = np.repeat(shared.worth, shared.room.shape[1])[cells]

    def tried(self, part: slice) -> _Found:
        """The search that spares the first of these parts of the room."""
        return self.search(SPARED[part.start], np.random.default_rng(part.start))

    def search(self, spared: float, draw: np.random.Generator) -> _Found:
        """The best of all turns. With a part of the room spared they end within the whole of it more often."""
        networks, room = self.cost.shape[1], self.room * np.where(self.hard, 1 - spared, 1.0)
        chosen = np.asarray((self.cost + self.use @ self.price).argmin(axis=0), dtype=np.int64)
        used = self.use[chosen, np.arange(networks)].sum(axis=0, dtype=float)
        price = least = np.where(self.hard, np.maximum(self.price, 1e-6 * self.worth), self.soft)
        best = self._found(chosen, used)
        for _ in range(TURNS):
            order = draw.permutation(networks)
            changes = choose_again(self.cost, self.use, order, room, price, chosen, used)
            found = self._found(chosen, used)
            best = found if found.cost < best.cost - 1e-9 else best
            beyond = self.hard & (used > room)
            if not changes and not beyond.any():
                break
            price = np.where(beyond, DEARER * price + STEP * self.worth, np.maximum(EASED * price, least))
        return best

    def _found(self, chosen: Ints, used: Floats) -> _Found:
        over = np.maximum(used - self.room * (1 - SPARED[0] / 2), 0.0)
        own = float(self.cost[chosen, np.arange(len(chosen))].sum())
        return _Found(
            own + float((over * np.where(self.hard, self.worth, self.soft)).sum()),
            chosen.copy(),
            self.hard & (over > 0),
        )

    def spread(self, cells: Flags) -> Floats:
        """[limit, T] 1 in these cells."""
        result = np.zeros(self.shape)
        result.flat[self.cells[cells]] = 1.0
        return result


def _take(board: Board, columns: Columns, chosen: Ints) -> None:
    """The chosen plan of each network, and what follows from it."""
    case = board.case
    packs = np.array(columns.packs)[chosen[case.nodes.network[board.node]], np.arange(len(board.node))]
    board.quantity[:] = packs * case.links.pack[:, None]
    board.field.cap[:] = board.caps
    board.stand()
