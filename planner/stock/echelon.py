"""Safety stock over several stages: where to hold it so that the whole costs least.

Guaranteed service: each stage quotes a service time, within which it fills every order up to a demand bound, and holds
stock for the net replenishment time: what its suppliers quote + its own time - what it quotes. On a tree the best
quotes are found exactly (Graves and Willems, Optimizing Strategic Safety Stock Placement in Supply Chains, 2000); on
other networks a spanning tree starts a descent that changes one quote at a time, which is stated as a heuristic.

Stochastic service: in a serial line every stage follows an echelon base-stock policy and late goods cost backorders;
the best levels follow from one-dimensional convolutions (Clark and Scarf, 1960, in the form of Snyder and Shen,
Fundamentals of Supply Chain Theory, section 6.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from planner.errors import UsageError
from planner.stock.case import Floats, Ints

_POINTS = 1001
_GRID = 20_001


@dataclass(frozen=True)
class Stages:
    """[K] of each stage: own time in whole periods, holding cost per unit and period, safety factor x standard
    deviation of demand per period, what outside suppliers quote to it, and the most it may quote to customers (-1: no
    customers of its own). `arcs`: (from, to) by position.
    """

    time: Ints
    holding: Floats
    bound: Floats
    supplied: Ints
    quoted: Ints
    arcs: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Placement:
    """`quote` and `inbound` service time [K], safety stock [K], its cost per period, and whether that is proven."""

    quote: Ints
    inbound: Ints
    stock: Floats
    cost: float
    exact: bool


def place_safety_stock(stages: Stages) -> Placement:
    """The cheapest guaranteed service times. Raises UsageError if goods run in a circle."""
    longest = _longest(stages)
    tree = _spanning(stages)
    quote = _on_tree(stages, longest, tree)
    exact = len(tree) == len(stages.arcs)
    return _evaluated(stages, quote if exact else _descent(stages, longest, quote), exact)


def total_deviation(deviation: Floats, arcs: Sequence[tuple[int, int]]) -> Floats:
    """Standard deviation that each stage sees: its own customers' and that of all stages it feeds, independent."""
    variance = np.asarray(deviation, float) ** 2
    for k in reversed(_topological(len(variance), arcs)):
        variance[k] += sum(variance[j] for i, j in arcs if i == k)
    return np.asarray(np.sqrt(variance))


def _topological(count: int, arcs: Sequence[tuple[int, int]]) -> list[int]:
    after: list[list[int]] = [[] for _ in range(count)]
    missing = np.zeros(count, int)
    for i, j in arcs:
        after[i].append(j)
        missing[j] += 1
    ready, order = [k for k in range(count) if not missing[k]], []
    while ready:
        k = ready.pop()
        order.append(k)
        for j in after[k]:
            missing[j] -= 1
            if not missing[j]:
                ready.append(j)
    if len(order) < count:
        raise UsageError("goods run in a circle between places", "remove one of the sourcing rows of the circle")
    return order


def _longest(stages: Stages) -> Ints:
    """Longest replenishment time of each stage: no quote or inbound time needs to be longer."""
    longest = stages.supplied + stages.time
    before: list[list[int]] = [[] for _ in range(len(stages))]
    for i, j in stages.arcs:
        before[j].append(i)
    for k in _topological(len(stages), stages.arcs):
        for i in before[k]:
            longest[k] = max(longest[k], longest[i] + stages.time[k])
    return longest


def _spanning(stages: Stages) -> list[tuple[int, int]]:
    """Arcs of a spanning forest; arcs into the dearest stages are taken first."""
    root = list(range(len(stages)))

    def top(k: int) -> int:
        while root[k] != k:
            root[k] = root[root[k]]
            k = root[k]
        return k

    chosen = []
    for i, j in sorted(stages.arcs, key=lambda arc: -stages.holding[arc[1]] * stages.bound[arc[1]]):
        if top(i) != top(j):
            root[top(i)] = top(j)
            chosen.append((i, j))
    return chosen


def _on_tree(stages: Stages, longest: Ints, arcs: Sequence[tuple[int, int]]) -> Ints:
    """Dynamic programme from the leaves: cost below each stage for each quote or inbound time that joins it upwards.

    The table of a stage is [quote, inbound]; a supplier below offers any quote up to the inbound time, a customer below
    takes any inbound time from the quote on.
    """
    near: list[list[tuple[int, bool]]] = [[] for _ in range(len(stages))]
    for i, j in arcs:
        near[i].append((j, False))
        near[j].append((i, True))
    order, above = _from_roots(near)
    tables: dict[int, Floats] = {}
    joined: dict[int, Floats] = {}
    for k in reversed(order):
        tables[k] = _table(stages, longest, k, [(n, up) for n, up in near[k] if above[n][0] == k], joined)
        parent, parent_supplies = above[k]
        if parent >= 0:
            joined[k] = tables[k].min(axis=0 if parent_supplies else 1)
    return _read_back(stages, order, above, tables)


def _from_roots(near: list[list[tuple[int, bool]]]) -> tuple[list[int], list[tuple[int, bool]]]:
    """Stages with parents first, and of each its parent (-1: none) and whether that one supplies it."""
    above: list[tuple[int, bool]] = [(-1, False)] * len(near)
    seen, order = [False] * len(near), []
    for start in range(len(near)):
        stack = [] if seen[start] else [start]
        while stack:
            k = stack.pop()
            seen[k] = True
            order.append(k)
            for n, supplies in near[k]:
                if not seen[n]:
                    above[n] = (k, not supplies)
                    stack.append(n)
    return order, above


def _table(
    stages: Stages, longest: Ints, k: int, below: list[tuple[int, bool]], joined: dict[int, Floats]
) -> Floats:  # fmt: skip
    """[quote, inbound]: own holding cost and the best of what hangs below; inf where the times do not fit."""
    most = int(longest[k])
    quote, inbound = np.arange(most + 1)[:, None], np.arange(most - int(stages.time[k]) + 1)[None, :]
    net = inbound + stages.time[k] - quote
    good = (net >= 0) & (inbound >= stages.supplied[k])
    if stages.quoted[k] >= 0:
        good &= quote <= stages.quoted[k]
    cost = np.where(good, stages.holding[k] * stages.bound[k] * np.sqrt(np.maximum(net, 0)), np.inf)
    for n, supplies in below:
        if supplies:
            cost += _upto(joined[n], inbound.ravel())[None, :]
        else:
            cost += _from(joined[n], quote.ravel())[:, None]
    return cost


def _upto(value: Floats, at: Ints) -> Floats:
    """Least value at or before each position."""
    best: Floats = np.minimum.accumulate(value)[np.minimum(at, len(value) - 1)]
    return best


def _from(value: Floats, at: Ints) -> Floats:
    """Least value at or after each position; inf beyond the last."""
    best = np.append(np.minimum.accumulate(value[::-1])[::-1], np.inf)
    found: Floats = best[np.minimum(at, len(value))]
    return found


def _read_back(
    stages: Stages, order: list[int], above: list[tuple[int, bool]], tables: dict[int, Floats]
) -> Ints:  # fmt: skip
    """Quotes from the roots down: each stage takes its best cell that fits what its parent took."""
    quote, inbound = np.zeros(len(stages), np.int64), np.zeros(len(stages), np.int64)
    for k in order:
        table = tables[k].copy()
        parent, supplies = above[k]
        if parent >= 0 and supplies:
            table[:, : quote[parent]] = np.inf
        elif parent >= 0:
            table[inbound[parent] + 1 :, :] = np.inf
        quote[k], inbound[k] = np.unravel_index(int(table.argmin()), table.shape)
    return quote


def _evaluated(stages: Stages, quote: Ints, exact: bool) -> Placement:
    inbound = stages.supplied.copy()
    for i, j in stages.arcs:
        inbound[j] = max(inbound[j], quote[i])
    quote = np.minimum(quote, inbound + stages.time)
    stock = stages.bound * np.sqrt(np.maximum(inbound + stages.time - quote, 0))
    return Placement(quote, inbound, stock, float((stages.holding * stock).sum()), exact)


def _descent(stages: Stages, longest: Ints, quote: Ints) -> Ints:
    """One quote at a time to its best value, the others as they are, until nothing gets cheaper."""
    best = _evaluated(stages, quote, False)
    improved = True
    while improved:
        improved = False
        for k in range(len(stages)):
            most = longest[k] if stages.quoted[k] < 0 else min(longest[k], stages.quoted[k])
            for value in range(int(most) + 1):
                changed = best.quote.copy()
                changed[k] = value
                other = _evaluated(stages, changed, False)
                if other.cost < best.cost - 1e-12:
                    best, improved = other, True
    return best.quote


@dataclass(frozen=True)
class Line:
    """Echelon base-stock levels of a serial line, the last stage first, and the cost per period."""

    levels: Floats
    cost: float


def serial_levels(time: Floats, holding: Floats, shortage: float, mean: float, deviation: float) -> Line:
    """The best echelon base-stock levels where demand per period is normal.

    `time` and echelon `holding` cost [K] count from the stage that serves customers upwards; `shortage` is the cost of
    a backorder per period. Each stage's cost is convolved with demand over its own time, and what a stage cannot get
    because the one above holds too little is charged there.
    """
    most = mean * float(np.sum(time)) + 12 * deviation * np.sqrt(float(np.sum(time))) + 1e-6
    grid = np.linspace(-2 * most, 2 * most, _GRID)
    node = np.linspace(-7.0, 7.0, _POINTS)
    weight = np.exp(-(node**2) / 2)
    weight = weight / weight.sum()
    below = (shortage + float(np.sum(holding))) * np.maximum(-grid, 0.0)
    levels, cost = [], 0.0
    for own, hold in zip(time, holding, strict=True):
        whole = hold * grid + below
        need = mean * own + deviation * np.sqrt(own) * node
        expected = sum(w * _along(grid, whole, grid - d) for w, d in zip(weight, need, strict=True))
        best = int(np.argmin(expected))
        levels.append(float(grid[best]))
        cost = float(expected[best])
        below = np.asarray(np.where(grid < grid[best], expected, cost))
    return Line(np.array(levels), cost)


def _along(grid: Floats, value: Floats, at: Floats) -> Floats:
    """Linear between the grid and beyond its ends."""
    inner = np.interp(at, grid, value)
    slope = (value[1] - value[0]) / (grid[1] - grid[0])
    return np.where(at < grid[0], value[0] + slope * (at - grid[0]), inner)
