"""Which part of the holding cost a place that is fed should mind: what it holds, its feeding place does not.

A place that minds all of it sends for little and often, one that minds none empties its feeding place. Shares of it
from the bound (`split`) are tried one after the other on the plan itself, and each network keeps what its own plan cost
least with.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Flags, Floats
from planner.stock.field import make_field
from planner.stock.late import never
from planner.stock.split import POINTS, Split

TRIALS = 10


def share_holding(
    board: Board, progress: Callable[[int, int], None] | None = None, trials: int = TRIALS,
    late: Callable[[], bool] = never,
) -> None:  # fmt: skip
    """Choose shares for every network with one feeding place, from a plan without any; the board stands at them."""
    nodes = board.case.nodes
    feeding = np.bincount(nodes.network, nodes.feeds)
    split = Split(board.case, np.flatnonzero(nodes.feeds & (feeding == 1)[nodes.network]))
    if not len(split.roots):
        return
    inside = split.owner >= 0
    best, value = np.zeros((len(split.roots), board.case.horizon)), _costs(board, split)
    tries = split.improved(make_field(board.case, POINTS), value, trials)
    for number, (shares, _) in enumerate(tries):
        _plan(board, split, inside, shares.holding)
        now = _costs(board, split)
        best, value = np.where((now < value)[:, None], shares.holding, best), np.minimum(now, value)
        if progress:
            progress(number + 1, trials)
        if late():
            break
    _plan(board, split, inside, best)


def _costs(board: Board, split: Split) -> Floats:
    """[K] what the plan of each network costs."""
    true = board.true_cost(split.inside)[split.inside]
    return np.bincount(split.owner[split.inside], true, len(split.roots)).astype(float)


def _plan(board: Board, split: Split, inside: Flags, holding: Floats) -> None:
    """The networks again if their places leave so much [K, T] of the holding cost to the whole."""
    off, moving = np.zeros(board.own_hold.shape), np.zeros(board.unit.shape)
    off[split.places] = holding[split.owner[split.places]]
    moving[split.inner] = split.on_the_way(holding, board.case.links.due[split.inner])
    board.share(off, moving)
    board.replan(inside)
