"""From the plans that networks have made at several prices to one of each, so that all of them fit into the limits.

The master of `prices` mixes plans, which cannot be carried out; here every network takes one of its own (a
multiple-choice knapsack with many rows). Networks take turns, each with the plan that costs least beside what the
others have taken; use beyond a hard limit is charged more from turn to turn until nothing is exceeded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.stock.board import Board
from planner.stock.case import Flags, Floats, Ints
from planner.stock.kernel.choosing import choose_again, used_by_chosen
from planner.stock.kernel.threads import in_chunks
from planner.stock.prices import Columns, charged
from planner.stock.shared import Shared

SPARED, TURNS, DEARER, STEP = (1e-6, 5e-4, 2e-3, 5e-3), 120, 1.3, 0.01
EASED, MORE, RAISED = 0.95, 4, 0.3
PLANS, SAME, SINGLE = 8, 1e-9, 1e-6


def choose_plans(board: Board, shared: Shared, columns: Columns, prices: Floats) -> None:
    """The board stands at one plan of `columns` for each network, chosen from those that cost least at `prices`.

    Where a search goes beyond a limit, networks that use it then plan once more at prices raised there, and these plans
    join the columns. What is exceeded after `MORE` of them is left to `keep_limits`.
    """
    best, least, known, using = np.zeros(0, np.int64), np.inf, 0, np.zeros(len(columns.group), bool)
    for number in range(MORE + 1):
        choice = _Choice(shared, columns, prices)
        if len(choice.cost) > known:
            known, tried = len(choice.cost), in_chunks(choice.tried, len(SPARED), 1)
        found, beyond = min(tried, key=lambda one: one.cost), np.any([one.beyond for one in tried], axis=0)
        best, least = (found.chosen, found.cost) if found.cost < least else (best, least)
        if not beyond.any() or number == MORE:
            break
        raised = prices + RAISED ** (number + 1) * shared.worth[:, None] * choice.spread(beyond)
        using |= _using(columns, choice.spread(beyond) > 0)
        charged(board, shared, raised, using)
        columns.add(board, shared, raised)
    charged(board, shared, prices, using)
    _take(board, columns, best)


def _using(columns: Columns, cells: Flags) -> Flags:
    """[network] whether any of its plans uses these cells [limit, T]."""
    return np.asarray(np.any([use[:, cells].any(axis=1) for use in columns.use], axis=0))


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
    """The columns as lists of plans: those of network k are `first[k]` to `first[k + 1]`, none twice, and the first one
    costs least at the prices to begin with. Plan r is that of column `column[r]`, costs `cost[r]` and uses
    `use[begin[r]]` up to `use[begin[r + 1]]` of the cells `cell`.

    Of the limits only the weeks in which all plans together could go beyond the room are looked at. Use is known in
    single precision: where plans leave nothing of the room but that, none is spared.
    """

    def __init__(self, shared: Shared, columns: Columns, prices: Floats) -> None:
        room, use = shared.room.ravel(), np.array(columns.use).reshape(len(columns.use), -1, shared.room.size)
        most = use.max(axis=0, initial=0.0).sum(axis=0)
        self.shape = shared.room.shape
        self.cells = cells = np.flatnonzero(np.isfinite(room) & (most > np.where(np.isfinite(room), room, 0.0)))
        self.room, self.price = room[cells], prices.ravel()[cells]
        self.hard = shared.hard.ravel()[cells]
        self.soft = np.where(self.hard, 0.0, shared.soft.ravel()[cells])
        least = use.min(axis=0)[:, cells].sum(axis=0, dtype=float)
        tight = np.abs(least - self.room) <= SINGLE * self.room
        self.room = np.where(tight, (1 + SINGLE) * least, self.room)
        self.spare = np.where(self.hard & ~tight, 1.0, 0.0)
        self.worth = np.repeat(shared.worth, shared.room.shape[1])[cells]
        self._list(np.array(columns.cost).T, use[:, :, cells].transpose(1, 0, 2))

    def _list(self, cost: Floats, use: npt.NDArray[np.float32]) -> None:
        """Plans by network from `cost` [network, column] and `use` [network, column, cell]."""
        order = np.argsort(cost + use @ self.price, axis=1, kind="stable")
        cost = np.take_along_axis(cost, order, axis=1)
        use = np.take_along_axis(use, order[:, :, None], axis=1)
        new = np.ones(cost.shape, bool)
        new[:, 1:] = (np.abs(np.diff(cost, axis=1)) > SAME) | (use[:, 1:] != use[:, :-1]).any(axis=2)
        self.first = np.concatenate([[0], np.cumsum(new.sum(axis=1))])
        self.column, self.cost = order[new], cost[new]
        plan, self.cell = np.nonzero(use[new])
        self.use = use[new][plan, self.cell].astype(float)
        self.begin = np.searchsorted(plan, np.arange(len(self.cost) + 1))

    def tried(self, part: slice) -> _Found:
        """The search that spares the first of these parts of the room."""
        return self.search(SPARED[part.start], np.random.default_rng(part.start))

    def search(self, spared: float, draw: np.random.Generator) -> _Found:
        """The best of all turns. With a part of the room spared they end within the whole of it more often."""
        chosen, room = self.first[:-1].copy(), self.room * (1 - spared * self.spare)
        used = np.zeros(len(room))
        used_by_chosen(self.begin, self.cell, self.use, chosen, used)
        price = least = np.where(self.hard, np.maximum(self.price, 1e-6 * self.worth), self.soft)
        best = self._found(chosen, used)
        for _ in range(TURNS):
            order, plans = draw.permutation(len(chosen)), (self.first, self.cost, self.begin, self.cell, self.use)
            changes = choose_again(*plans, order, room, price, chosen, used)
            found = self._found(chosen, used)
            best = found if found.cost < best.cost - 1e-9 else best
            beyond = self.hard & (used > room)
            if not changes and not beyond.any():
                break
            price = np.where(beyond, DEARER * price + STEP * self.worth, np.maximum(EASED * price, least))
        return best

    def _found(self, chosen: Ints, used: Floats) -> _Found:
        over = np.maximum(used - self.room * (1 - SPARED[0] / 2 * self.spare), 0.0)
        return _Found(
            float(self.cost[chosen].sum()) + float((over * np.where(self.hard, self.worth, self.soft)).sum()),
            self.column[chosen],
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
