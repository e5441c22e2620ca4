"""A cost that no path of a node can go below: a backward recursion whose rows are nowhere too high.

A row is read as a function that is linear between its points. It bounds the cost to go from below everywhere if it does
so at its points and wherever the function it bounds bends upwards between them: at the corners of the week's own cost,
and where the stock left falls on a point of the following row. There the points around are lowered by what is missing,
which is of second order in the width of the grid. Orders shift rows by whole steps and take minima, and a minimum of
lines is nowhere below the line through its ends.
"""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.ahead import curve, order, weigh
from planner.stock.kernel.field import Field, Floats, Ints, compiled


@compiled
def bound_nodes(f: Field, chosen: Ints, bound: Floats) -> None:
    """The bound of each of the chosen nodes."""
    weeks = f.demand.shape[1]
    for n in chosen:
        size, step = f.size[n], f.step[n]
        row, spare, cost, spot, now, low = np.empty((6, size))
        queue, corners = np.empty(size, np.int64), np.empty(f.points.shape[2] + 3)
        rising = 0.0
        for t in range(weeks - 1, -1, -1):
            weigh(f, n, t, cost, spot)
            if t + 1 == weeks:
                row[:] = spot[:] = 0.0
            else:
                spot[:] = (spot + (f.arrive[n, t + 1] - f.lo[n, t + 1])) / step
            _lowered(f, n, t, row, cost, spot, now, low, corners, _corners(f, n, t, corners), rising * step)
            for i in range(size):
                row[i] = now[i] - low[i]
            rising += max(f.hold[n, t], 0.0) + f.space_price[n, t] + max(f.served_price[n, t] - f.short_cost[n, t], 0.0)
            for op in range(f.due_first[n * weeks + t], f.due_first[n * weeks + t + 1]):
                order(f, n, t, f.op_link[op], f.op_week[op], row, spare, queue, True)
        bound[n] = _at(row, size, (f.start[n] + f.arrive[n, 0] - f.lo[n, 0]) / step, rising * step)


@compiled
def _at(row: Floats, size: int, spot: float, rising: float) -> float:
    """A row at a place; before its first point by how much it can rise at most, beyond its last point level."""
    i = int(np.floor(spot + 1e-9))
    if i < 0:
        return row[0] + rising * spot
    if i >= size - 1:
        return row[size - 1]
    return row[i] + (row[i + 1] - row[i]) * (spot - i)


@compiled
def _lowered(
    f: Field, n: int, t: int, row: Floats, cost: Floats, spot: Floats, now: Floats, low: Floats, corners: Floats,
    count: int, rising: float,
) -> None:  # fmt: skip
    """`now`: cost from week t on at each point, from the `row` of week t + 1, on which the stock left falls at `spot`;
    `low`: by how much it has to be lowered."""
    size, step, lo, k = f.size[n], f.step[n], f.lo[n, t], 0
    for i in range(size):
        now[i] = cost[i] + _at(row, size, spot[i], rising)
        low[i] = 0.0
    while k < count and corners[k] <= lo:
        k += 1
    for i in range(1, size):
        x, missing = lo + i * step, 0.0
        slope, start = now[i] - now[i - 1], 0.0
        here, here_cost = spot[i - 1], cost[i - 1]
        while k < count and corners[k] < x - 1e-9 * step:
            where = (corners[k] - x) / step + 1
            there_cost, there = _at_corner(f, n, t, corners[k])
            missing = max(
                missing, _below(row, size, here, there, here_cost, there_cost, start, where, now[i - 1], slope)
            )
            value = there_cost + _at(row, size, there, rising)
            missing = max(missing, now[i - 1] + slope * where - value)
            start, here, here_cost = where, there, there_cost
            k += 1
        if spot[i] > np.floor(here + 1e-9) + 1 + 1e-9:
            missing = max(missing, _below(row, size, here, spot[i], here_cost, cost[i], start, 1.0, now[i - 1], slope))
        if missing > 0:
            low[i - 1], low[i] = max(low[i - 1], missing), max(low[i], missing)


@compiled
def _below(
    row: Floats, size: int, here: float, there: float, here_cost: float, there_cost: float, start: float, end: float,
    level: float, slope: float,
) -> float:  # fmt: skip
    """By how much, between two places with no corner between them, the points of the row lie below the line."""
    missing, knot = 0.0, int(np.floor(here + 1e-9)) + 1
    while knot < there - 1e-9 and knot < size:
        if knot >= 0:
            share = (knot - here) / (there - here)
            value = here_cost + share * (there_cost - here_cost) + row[knot]
            missing = max(missing, level + slope * (start + share * (end - start)) - value)
        knot += 1
    return missing


@compiled
def _at_corner(f: Field, n: int, t: int, x: float) -> tuple[float, float]:
    """Cost of a week and where the stock left falls on the points of the next, at a stock available."""
    short, stock, owed = 0.0, x, 0.0
    cost = f.space_price[n, t] * x
    if f.sells[n]:
        short = curve(f.points[n, t], f.values[n, t], x)
        if f.lost[n]:
            short = min(short, f.demand[n, t]) if x >= 0 else f.demand[n, t]
        else:
            owed = short
        stock = x - f.demand[n, t] + short
        cost += (f.short_cost[n, t] - f.served_price[n, t]) * short
    held = max(stock, 0.0)
    cost += f.hold[n, t] * held + f.floor_price[n] * max(f.floor[n, t] - held, 0.0)
    if t + 1 == f.demand.shape[1]:
        return cost, 0.0
    return cost, (stock - owed + f.arrive[n, t + 1] - f.lo[n, t + 1]) / f.step[n]


@compiled
def _corners(f: Field, n: int, t: int, corners: Floats) -> int:
    """Where the cost and the stock left of a week bend, as functions of the stock available, sorted; how many."""
    count = 2
    corners[0], corners[1] = 0.0, f.floor[n, t]
    if f.sells[n]:
        points, values, demand = f.points[n, t], f.values[n, t], f.demand[n, t]
        corners[0], corners[1] = _left(points, values, demand), _left(points, values, demand + f.floor[n, t])
        for k in range(len(points)):
            corners[count] = points[k]
            count += 1
        corners[count] = points[0] + values[0] - demand
        for k in range(1, len(points)):
            if values[k - 1] > demand >= values[k]:
                share = (values[k - 1] - demand) / (values[k - 1] - values[k])
                corners[count] = points[k - 1] + share * (points[k] - points[k - 1])
        count += 1
    corners[:count].sort()
    return count


@compiled
def _left(points: Floats, values: Floats, level: float) -> float:
    """Stock available at which stock and shortage together reach a level; they never fall with it."""
    for k in range(len(points)):
        if points[k] + values[k] >= level:
            if k == 0:
                return points[0]
            width = points[k] + values[k] - points[k - 1] - values[k - 1]
            share = (level - points[k - 1] - values[k - 1]) / max(width, 1e-12)
            return points[k - 1] + share * (points[k] - points[k - 1])
    return level - values[len(values) - 1]
