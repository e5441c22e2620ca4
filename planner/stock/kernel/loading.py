"""Nodes planned again one after the other, each into the vehicles that the others have started."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.ahead import look_ahead
from planner.stock.kernel.field import Field, Floats, Ints, compiled
from planner.stock.kernel.path import follow


@compiled
def load_up(f: Field, n: int, quantity: Floats, sign: float) -> None:
    """The orders of a node join what is loaded, or leave it (`sign` -1)."""
    weeks = f.demand.shape[1]
    for op in range(f.due_first[n * weeks], f.due_first[(n + 1) * weeks]):
        link, week = f.op_link[op], f.op_week[op]
        if f.truck[link] >= 0 and quantity[link, week] > 0:
            for k in range(2):
                f.load[f.truck[link], week, k] += sign * quantity[link, week] * f.share[link, k]


@compiled
def load_again(
    f: Field, chosen: Ints, table: Floats, quantity: Floats, tier: Ints, available: Floats, stock: Floats,
    short: Floats, cost: Floats,
) -> float:  # fmt: skip
    """Every chosen node takes the cheapest path beside what the others have loaded; what all of them gain.

    A node alone pays for the vehicles that it starts: no step makes the whole plan dearer.
    """
    weeks, gained = f.demand.shape[1], 0.0
    for n in chosen:
        size, begin, end = f.size[n], f.due_first[n * weeks], f.due_first[(n + 1) * weeks]
        load_up(f, n, quantity, -1.0)
        before = follow(f, n, table, weeks, quantity, tier, available[n], stock[n], short[n])
        kept = np.empty(end - begin)
        for op in range(begin, end):
            kept[op - begin] = quantity[f.op_link[op], f.op_week[op]]
        rows = table[f.offset[n] : f.offset[n] + weeks * size].reshape(weeks, size)
        look_ahead(f, n, np.empty((4, size)), rows)
        cost[n] = follow(f, n, table, 0, quantity, tier, available[n], stock[n], short[n])
        if cost[n] < before - 1e-9:
            gained += before - cost[n]
        else:
            for op in range(begin, end):
                quantity[f.op_link[op], f.op_week[op]] = kept[op - begin]
            cost[n] = follow(f, n, table, weeks, quantity, tier, available[n], stock[n], short[n])
        load_up(f, n, quantity, 1.0)
    return gained
