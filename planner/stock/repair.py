"""Making a plan keep its hard limits: where one is exceeded, the orders that gain least by what they use give way."""

from __future__ import annotations

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Floats, Ints
from planner.stock.joint import Supplier, suppliers, sweep
from planner.stock.kernel.field import FAR
from planner.stock.kernel.path import gains, path_again
from planner.stock.kernel.sending import reduced
from planner.stock.shared import TOLERANCE, Shared

ROUNDS, TRIES = 8, 60


def keep_limits(board: Board, shared: Shared) -> None:
    """Cut orders until every hard limit holds, joint minima are met and nobody sends what is not there.

    Week by week, each limit in turn; who is cut orders again where there is room. A joint order that falls below its
    minima is put off. The last rounds only take away, so that they end.
    """
    joint = suppliers(board.case)
    for number in range(ROUNDS):
        if number >= ROUNDS // 2:
            board.field.cap[:] = np.minimum(board.field.cap, board.quantity)
        for week in range(board.case.horizon):
            for index in range(len(board.case.limits)):
                if shared.hard[index, week]:
                    _keep(board, shared, index, week)
        before = board.quantity.copy()
        board.settle(np.ones(len(board.case.nodes), bool))
        for supplier in joint:
            _keep_minima(board, shared, supplier)
        if (board.quantity == before).all() and not (shared.exceeded(shared.used(board)) & shared.hard).any():
            return


def _keep(board: Board, shared: Shared, index: int, week: int) -> None:
    """One limit in one week."""
    room = shared.room[index, week]
    used = shared.used(board)
    for _ in range(TRIES):
        if used[index, week] - room <= TOLERANCE + 1e-7 * abs(room):
            return
        link, ordered, use = _users(board, shared, index, week)
        if not len(link):
            return
        _cut(board, shared, index, week, link, ordered, use, used)


def _users(board: Board, shared: Shared, index: int, week: int) -> tuple[Ints, Ints, Floats]:
    """Orders (link, week) that use a limit in a week, and what a unit of each uses; those that gain least by it first.

    Of a limit on what is held the last order of each node that has arrived by then is meant.
    """
    limit, links = board.case.limits[index], shared.links_of[index]
    row, ordered = np.nonzero((shared.at[index] == week) & (board.quantity[links] > 0))
    link, use = links[row], shared.each(index, links)[row]
    if limit.held.any():
        late, when = _last_arrivals(board, np.flatnonzero(limit.held > 0), week)
        link, ordered = np.append(link, late), np.append(ordered, when)
        use = np.append(use, limit.held[board.node[late]])
    gain = np.zeros(len(link))
    gains(
        board.field, link.astype(np.int64), ordered.astype(np.int64), board.node, board.table, board.available,
        board.quantity, gain,
    )  # fmt: skip
    total = np.maximum(use * board.quantity[link, ordered], 1e-12)
    order = np.argsort(gain / total, kind="stable")
    return link[order], ordered[order], use[order]


def _last_arrivals(board: Board, nodes: Ints, week: int) -> tuple[Ints, Ints]:
    """The latest order into each node that has arrived by a week, among those that still are a decision."""
    inside = np.zeros(len(board.case.nodes), bool)
    inside[nodes] = True
    due = board.case.links.due
    link, when = np.nonzero((board.quantity > 0) & (due <= week) & inside[board.node][:, None])
    order = np.lexsort((when, due[link, when], board.node[link]))
    link, when = link[order], when[order]
    last = np.append(board.node[link][1:] != board.node[link][:-1], True) if len(link) else np.zeros(0, bool)
    return link[last], when[last]


def _cut(
    board: Board, shared: Shared, index: int, week: int, link: Ints, ordered: Ints, use: Floats, used: Floats
) -> None:
    """Make orders smaller in their sequence until the excess is gone; each node at once orders again where there is
    room. `used` [limit, T] follows."""
    for i, when, each in zip(link.tolist(), ordered.tolist(), use.tolist(), strict=True):
        excess = float(used[index, week] - shared.room[index, week])
        if excess <= TOLERANCE:
            return
        units = float(board.quantity[i, when])
        if units <= 0:
            continue
        board.field.cap[i, when] = reduced(board.field, i, when, units, excess / max(each, 1e-12))
        nodes = board.node[i : i + 1]
        before, ceilings = shared.use_of(board, int(nodes[0])), board.field.ceiling[nodes].copy()
        caps = board.field.cap[board.links_into(int(nodes[0]))].copy()
        _leave_room(board, shared, nodes, shared.room - used, week)
        path_again(
            board.field, nodes, np.array([when]), board.table, board.quantity, board.tier, board.available, board.stock,
            board.short, board.cost,
        )  # fmt: skip
        board.field.ceiling[nodes], board.field.cap[board.links_into(int(nodes[0]))] = ceilings, caps
        used += shared.use_of(board, int(nodes[0])) - before


def _leave_room(board: Board, shared: Shared, nodes: Ints, left: Floats, week: int) -> None:
    """What nodes may order or hold beyond what they do in weeks looked at already: what hard limits have left
    [limit, T], shared alike."""
    done = shared.hard & (np.arange(board.case.horizon) <= week)[None, :]
    spare = np.where(done, np.maximum(left, 0.0) / max(1, len(nodes)), FAR)
    links = np.concatenate([board.links_into(int(n)) for n in nodes])
    for i, limit in enumerate(board.case.limits):
        own = links[limit.orders[links] > 0]
        if len(own):
            at = shared.weeks_of(limit, own)
            setup = np.where(board.quantity[own] > 0, 0.0, limit.setup[own][:, None])
            room = np.maximum(np.append(spare[i], FAR)[at] - setup, 0.0)
            most = board.quantity[own] + room / np.maximum(shared.each(i, own), 1e-12)[:, None]
            board.field.cap[own] = np.minimum(board.field.cap[own], most)
        held = nodes[limit.held[nodes] > 0]
        if len(held):
            most = board.available[held] + spare[i][None, :] / limit.held[held][:, None]
            board.field.ceiling[held] = np.minimum(board.field.ceiling[held], most)


def _keep_minima(board: Board, shared: Shared, supplier: Supplier) -> None:
    """Joint orders below their minima are filled up where limits leave room, else put off."""
    caps = board.field.cap[supplier.lines].copy()
    ceilings = board.field.ceiling[supplier.nodes].copy()
    _leave_room(board, shared, supplier.nodes, shared.room - shared.used(board), board.case.horizon)
    sweep(board, supplier, force=True)
    board.field.cap[supplier.lines] = np.where(board.field.cap[supplier.lines] <= 0, 0.0, caps)
    board.field.ceiling[supplier.nodes] = ceilings
