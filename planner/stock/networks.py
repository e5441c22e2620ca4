"""Which part of the holding cost a place that is fed should mind: what it holds, its feeding place does not.

A place that minds all of it sends for little and often, one that minds none empties its feeding place. First shares of
it from the bound (`split`) are tried one after the other on the plan itself. Then places and their feeding place answer
each other: once goods have arrived a unit sent a week later costs the feeding place a week's holding more, until the
next ones arrive, so a place is best sent for right after an arrival. These answers are tried at the arrivals of the
best plan so far and at others near them, beside shares drawn around the best ones. Each network keeps what its own plan
cost least with.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Flags, Floats
from planner.stock.field import make_field
from planner.stock.late import never
from planner.stock.split import POINTS, Split

TRIALS, FEW_TRIALS = 10, 3
FEWEST, MOST, EFFORT = 12, 60, 60_000
PLAIN, NOISE, LONGEST = 4, 0.25, 7
DEAR = (0.8, 0.5)

Cost = Callable[[Board], Floats]


def share_holding(
    board: Board, progress: Callable[[int, int], None] | None = None, trials: int = TRIALS,
    late: Callable[[], bool] = never,
) -> None:  # fmt: skip
    """Choose shares for every network with one feeding place, from a plan without any; the board stands at them."""
    split = _split(board)
    if not len(split.roots):
        return
    inside = split.owner >= 0
    rounds = _rounds(split)
    trials = trials if rounds > FEWEST else min(trials, FEW_TRIALS)
    best, value = np.zeros((len(split.roots), board.case.horizon)), _costs(board, split)
    tries = split.improved(make_field(board.case, POINTS), value, trials)
    for number, (shares, _) in enumerate(tries):
        _plan(board, split, inside, shares.holding)
        now = _costs(board, split)
        best, value = np.where((now < value)[:, None], shares.holding, best), np.minimum(now, value)
        if progress:
            progress(number + 1, trials + rounds)
        if late():
            break
    _plan(board, split, inside, best)
    told = (lambda done: progress(trials + done, trials + rounds)) if progress else None
    _Answers(board, split, best, lambda b: b.true_cost(np.flatnonzero(inside))).search(rounds, told, late)


def answer_again(board: Board, cost: Cost, late: Callable[[], bool] = never) -> None:
    """Answers within the caps of today, at the shares and prices that the board stands at; `cost` [N] says what its
    nodes cost. Networks for which nothing is cheaper stay as they are; in cases too large for the plain answers all
    do."""
    split = _split(board)
    rounds = min(MOST, EFFORT // max(1, len(split.inside)))
    if not len(split.roots) or rounds < PLAIN:
        return
    quantity, cap, value = board.quantity.copy(), board.field.cap.copy(), _by_network(cost(board), split)
    first = np.array([split.places[split.owner[split.places] == k][0] for k in range(len(split.roots))])
    found = _Answers(board, split, board.own_hold[first] - board.field.hold[first], cost)
    found.search(rounds, None, late)
    kept = (found.value >= value - 1e-9)[split.owner] & (split.owner >= 0)
    links = kept[board.node]
    board.quantity[links], board.field.cap[links] = quantity[links], cap[links]
    board.stand()


class _Answers:
    """The search from shares [K, T] that the board stands at; `value` [K] is what each network costs at its best."""

    def __init__(self, board: Board, split: Split, best: Floats, cost: Cost) -> None:
        self.board, self.split, self.best, self.cost = board, split, best, cost
        self.inside, self.draw = split.owner >= 0, np.random.default_rng(1)
        self.holding = board.case.nodes.holding[split.roots][:, None]
        _plan(board, split, self.inside, best)
        self.value, self.arrivals = _by_network(cost(board), split), self._arrivals()

    def search(self, rounds: int, told: Callable[[int], None] | None, late: Callable[[], bool]) -> None:
        """So many trials; the board stands at the best shares afterwards."""
        for number in range(rounds):
            if late():
                break
            shares = self._drawn(plain=number < PLAIN)
            asked = self._asked(number, rounds)
            shares = np.where(asked[self.split.roots][:, None], shares, self.best)
            _plan(self.board, self.split, asked, shares)
            now = _by_network(self.cost(self.board), self.split)
            now[~asked[self.split.roots]] = np.inf
            better = (now < self.value - 1e-9)[:, None]
            self.best, self.value = np.where(better, shares, self.best), np.minimum(now, self.value)
            self.arrivals = np.where(better, self._arrivals(), self.arrivals)
            if told:
                told(number + 1)
        _plan(self.board, self.split, self.inside, self.best)

    def _asked(self, number: int, rounds: int) -> Flags:
        """The nodes whose networks are tried in this round: in large cases, once the plain answers are through, those
        that cost most, up to a part of the cost of all."""
        if number < PLAIN or rounds > FEWEST:
            return self.inside
        part = DEAR[number % len(DEAR)]
        order = np.argsort(-self.value, kind="stable")
        dearer = np.cumsum(self.value[order]) - self.value[order]
        within = dearer < part * self.value.sum()
        dear = np.zeros(len(order) + 1, bool)
        dear[order[within]] = True
        return np.asarray(dear[self.split.owner])

    def _drawn(self, plain: bool) -> Floats:
        """[K, T] shares to try."""
        draw, shape = self.draw, self.best.shape
        kind = "answer" if plain else str(draw.choice(["answer", "answer", "noise", "window", "level"]))
        if kind == "noise":
            return np.asarray(self.best + self.holding * draw.normal(0.0, NOISE, shape))
        if kind == "window":
            begin, length = draw.integers(0, shape[1], (shape[0], 1)), draw.integers(1, LONGEST + 1, (shape[0], 1))
            week = np.arange(shape[1])
            within = (week >= begin) & (week < begin + length)
            return np.where(within, self.holding * draw.choice([0.0, 0.5, 1.0], (shape[0], 1)), self.best)
        answer = self._answer(self.arrivals if plain else self._near())
        if kind == "level":
            part = draw.uniform(0.2, 1.0, (shape[0], 1))
            return np.asarray(part * answer + (1 - part) * self.holding * draw.uniform(0.0, 1.0, (shape[0], 1)))
        part = draw.uniform(0.2, 1.1, (shape[0], 1))
        return np.asarray(part * answer + (1 - part) * self.best)

    def _answer(self, arrivals: Flags) -> Floats:
        """[K, T] by how much a unit sent a week later costs the feeding place more."""
        week = np.broadcast_to(np.arange(arrivals.shape[1]), arrivals.shape)
        since = week - np.maximum.accumulate(np.where(arrivals, week, 0), axis=1)
        return np.asarray(self.holding * np.diff(since, axis=1, append=since[:, -1:]))

    def _near(self) -> Flags:
        """[K, T] arrivals of the best plans, in a third of the networks with one more or one less, in a third with one
        moved by a week."""
        draw, found = self.draw, self.arrivals.copy()
        count, weeks = found.shape
        row, move = np.arange(count), draw.integers(0, 3, count)
        week = draw.integers(1, max(weeks, 2), count).clip(max=weeks - 1)
        flip = move == 0
        found[row[flip], week[flip]] ^= True
        drawn = np.where(found, draw.random(found.shape), 0.0)
        drawn[:, 0] = 0.0
        one, moved = drawn.argmax(axis=1), (move == 1) & (drawn.max(axis=1) > 0)
        other = np.clip(one + draw.choice([-1, 1], count), 1, weeks - 1)
        found[row[moved], one[moved]] = False
        found[row[moved], other[moved]] = True
        found[:, 0] = True
        return found

    def _arrivals(self) -> Flags:
        """[K, T] weeks in which something arrives at the feeding place."""
        board, split, nodes = self.board, self.split, self.board.case.nodes
        into = split.into_roots
        row, week = np.nonzero(board.quantity[into] > 0)
        found = np.asarray(nodes.pipeline[split.roots] > 0)
        found[split.owner[board.node[into[row]]], board.case.links.due[into[row], week]] = True
        found[:, 0] = True
        return found


def _split(board: Board) -> Split:
    """The networks with one feeding place."""
    nodes = board.case.nodes
    feeding = np.bincount(nodes.network, nodes.feeds)
    return Split(board.case, np.flatnonzero(nodes.feeds & (feeding == 1)[nodes.network]))


def _rounds(split: Split) -> int:
    """How many answers to try: fewer in large cases."""
    return int(np.clip(EFFORT // max(1, len(split.inside)), FEWEST, MOST))


def _by_network(own: Floats, split: Split) -> Floats:
    """[K] the sum over the places of each network."""
    return np.bincount(split.owner[split.inside], own[split.inside], len(split.roots)).astype(float)


def _costs(board: Board, split: Split) -> Floats:
    """[K] what the plan of each network costs."""
    return _by_network(board.true_cost(split.inside), split)


def _plan(board: Board, split: Split, inside: Flags, holding: Floats) -> None:
    """The networks again if their places leave so much [K, T] of the holding cost to the whole."""
    off, moving = np.zeros(board.own_hold.shape), np.zeros(board.unit.shape)
    off[split.places] = holding[split.owner[split.places]]
    moving[split.inner] = split.on_the_way(holding, board.case.links.due[split.inner])
    board.share(off, moving)
    board.replan(inside)
