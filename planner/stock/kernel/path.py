"""The cheapest path of a node through its table of cost to go, and what its orders are worth."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.ahead import between, fits, look_ahead, outcome, vehicles_for, window
from planner.stock.kernel.field import FAR, Field, Floats, Ints, compiled, inlined


@inlined
def to_go(f: Field, n: int, t: int, row: Floats, there: float) -> float:
    """Cost from week t on with so much there; beyond the table's end every unit costs a week's holding at least.

    The table waves with the lots that come later: where its last two points happen to fall, a line through them would
    promise that stock without end pays.
    """
    size, spot = f.size[n], (there - f.lo[n, t]) / f.step[n]
    if spot <= size - 1:
        return between(row, size, spot)
    slope = max(row[size - 1] - row[size - 2], f.hold[n, t] * f.step[n])
    return row[size - 1] + slope * (spot - (size - 1))


@inlined
def best_order(
    f: Field, n: int, t: int, link: int, week: int, row: Floats, before: float, bar: float
) -> tuple[float, float]:  # fmt: skip
    """(quantity, cost with it) of the cheapest order of a link that arrives in week t; quantity 0 if none is allowed
    that could cost less than the `bar`.

    The table is linear between its points, so only quantities that reach a point, or an end of a window, can be best.
    """
    size, step, pack = f.size[n], f.step[n], f.pack[link]
    there = before if f.sells[n] and not f.lost[n] else max(before, 0.0)  # only goods that are owed make room
    chosen, cheapest = 0.0, FAR
    for tier in range(f.tier_first[link], f.tier_first[link + 1]):
        least, most = window(f, link, week, tier)
        room = np.floor((f.ceiling[n, t] - there) / pack + 1e-9) * pack
        most = min(most, max(room, 0.0))
        if most < least:
            continue
        each = f.tier_extra[tier] + f.unit[link, week]
        spot = max((before + least - f.lo[n, t]) / step, 0.0)
        last = min(float(size), (before + most - f.lo[n, t]) / step + 1)
        if f.fixed[link, week] + least_to_go(f, n, t, row, each, before, spot, last) > bar:
            continue
        i, quantity = int(np.floor(spot)) - 1, least
        more, end = 0, fits(f, link, week, 0)
        while True:
            while end < quantity - 1e-9:
                more += 1
                end = fits(f, link, week, more)
            cost = each * quantity + to_go(f, n, t, row, before + quantity)
            if more:
                cost += more * f.vehicle[f.truck[link]]
            if cost < cheapest - f.fixed[link, week] - 1e-9:
                chosen, cheapest = quantity, cost + f.fixed[link, week]
            if quantity >= most or i > last:
                break
            following = quantity
            while following <= quantity:
                i += 1
                following = np.floor((f.lo[n, t] + i * step - before) / pack + 0.5) * pack
            if quantity < end < following:  # just as much as fills a vehicle
                following = end
                i -= 1
            quantity = min(following, most)
    return chosen, cheapest


@inlined
def least_to_go(
    f: Field, n: int, t: int, row: Floats, each: float, before: float, spot: float, last: float
) -> float:  # fmt: skip
    """No more than what an order costs and what follows, wherever it leads to between two spots of the grid.

    A table is linear between its points. Four minima at once: each waits for the one before it.
    """
    size, slope = f.size[n], each * f.step[n]
    rising = slope + max(row[size - 1] - row[size - 2], f.hold[n, t] * f.step[n])
    if spot <= 0.0 or (last > size - 1 and rising < 0.0):
        return -FAR
    begin, end = min(int(spot), size - 1), min(int(last) + 1, size - 1)
    a = b = c = d = FAR
    part, count = row[begin : end + 1], end + 1 - begin
    for k in range(0, count - 3, 4):
        a, b = min(a, part[k] + slope * k), min(b, part[k + 1] + slope * (k + 1))
        c, d = min(c, part[k + 2] + slope * (k + 2)), min(d, part[k + 3] + slope * (k + 3))
    for k in range(count // 4 * 4, count):
        a = min(a, part[k] + slope * k)
    return min(min(a, b), min(c, d)) + each * (f.lo[n, t] - before) + slope * begin


@compiled
def follow(
    f: Field, n: int, table: Floats, since: int, quantity: Floats, tier: Ints, available: Floats, stock: Floats,
    short: Floats,
) -> float:  # fmt: skip
    """The cheapest path of a node: quantities of its orders, stock available [T], stock left [T] and shortage [T].

    Orders placed before week `since` stay as they are. Returns the cost of the path, as the loops count it.
    """
    weeks, size = f.demand.shape[1], f.size[n]
    left, total = f.start[n], 0.0
    for t in range(weeks):
        row = table[f.offset[n] + t * size : f.offset[n] + (t + 1) * size]
        first, last = f.due_first[n * weeks + t], f.due_first[n * weeks + t + 1]
        before = left + f.arrive[n, t]
        for op in range(first, last):
            link, week = f.op_link[op], f.op_week[op]
            if week >= since:
                quantity[link, week] = 0.0
            elif quantity[link, week] > 0:
                before += quantity[link, week]
                total += price(f, link, week, quantity[link, week])
        for _ in range(last - first):
            found, amount, cheapest = -1, 0.0, to_go(f, n, t, row, before) - 1e-9
            for op in range(first, last):
                link, week = f.op_link[op], f.op_week[op]
                if week >= since and quantity[link, week] == 0.0:
                    units, cost = best_order(f, n, t, link, week, row, before, cheapest)
                    if units > 0 and cost < cheapest:
                        found, amount, cheapest = op, units, cost
            if found < 0:
                break
            quantity[f.op_link[found], f.op_week[found]] = amount
            before += amount
            total += price(f, f.op_link[found], f.op_week[found], amount)
        cost, left, lack = outcome(f, n, t, before)
        total += cost
        available[t], short[t] = before, lack
        stock[t] = left + lack if f.sells[n] and not f.lost[n] else left
    for t in range(weeks):
        for op in range(f.due_first[n * weeks + t], f.due_first[n * weeks + t + 1]):
            link, week = f.op_link[op], f.op_week[op]
            tier[link, week] = tier_of(f, link, quantity[link, week])
    return total


@inlined
def tier_of(f: Field, link: int, quantity: float) -> int:
    """Number of the deepest price break that a quantity reaches."""
    reached = 0
    for tier in range(f.tier_first[link], f.tier_first[link + 1]):
        if f.tier_from[tier] <= quantity + 1e-9:
            reached = tier - f.tier_first[link]
    return reached


@inlined
def price(f: Field, link: int, week: int, quantity: float) -> float:
    """Cost of an order, with the vehicles that it starts."""
    tier = f.tier_first[link] + tier_of(f, link, quantity)
    own = f.fixed[link, week] + (f.tier_extra[tier] + f.unit[link, week]) * quantity
    return own + vehicles_for(f, link, week, quantity)


@compiled
def plan_nodes(
    f: Field, chosen: Ints, table: Floats, again: bool, since: int, quantity: Floats, tier: Ints, available: Floats,
    stock: Floats, short: Floats, cost: Floats,
) -> None:  # fmt: skip
    """Tables (unless they are there: `again` False) and paths of the chosen nodes, one after the other."""
    weeks = f.demand.shape[1]
    for n in chosen:
        size = f.size[n]
        if again:
            ahead = np.empty((4, size))
            rows = table[f.offset[n] : f.offset[n] + weeks * size].reshape(weeks, size)
            look_ahead(f, n, ahead, rows)
        cost[n] = follow(f, n, table, since, quantity, tier, available[n], stock[n], short[n])


@compiled
def gains(
    f: Field, chosen: Ints, week: Ints, node: Ints, table: Floats, available: Floats, quantity: Floats, gain: Floats
) -> None:
    """What each chosen order (link, week) saves: the cost to go of its node without it, less that with it."""
    for k in range(len(chosen)):
        link, n, units = chosen[k], node[chosen[k]], quantity[chosen[k], week[k]]
        t = f.due[link, week[k]]
        row = table[f.offset[n] + t * f.size[n] : f.offset[n] + (t + 1) * f.size[n]]
        spot = (available[n, t] - f.lo[n, t]) / f.step[n]
        without = between(row, f.size[n], spot - units / f.step[n])
        gain[k] = without - between(row, f.size[n], spot) - price(f, link, week[k], units)


@compiled
def path_again(
    f: Field, chosen: Ints, since: Ints, table: Floats, quantity: Floats, tier: Ints, available: Floats,
    stock: Floats, short: Floats, cost: Floats,
) -> None:  # fmt: skip
    """Paths of the chosen nodes from the tables that are there, each with its orders before a week of its own kept."""
    for k in range(len(chosen)):
        n = chosen[k]
        cost[n] = follow(f, n, table, since[k], quantity, tier, available[n], stock[n], short[n])


@compiled
def own_costs(
    f: Field, unit: Floats, fixed: Floats, hold: Floats, chosen: Ints, quantity: Floats, available: Floats,
    stock: Floats, short: Floats, cost: Floats, true: Floats,
) -> None:  # fmt: skip
    """What the paths of these nodes cost by themselves; `unit` and `fixed` [L] and `hold` [N, T] are what a unit
    ordered, an order and a unit left in a week cost without any prices."""
    weeks = f.demand.shape[1]
    for n in chosen:
        total = cost[n]
        for t in range(weeks):
            total -= f.space_price[n, t] * available[n, t] - f.served_price[n, t] * short[n, t]
            total -= (f.hold[n, t] - hold[n, t]) * max(stock[n, t], 0.0)
            for op in range(f.due_first[n * weeks + t], f.due_first[n * weeks + t + 1]):
                link, week = f.op_link[op], f.op_week[op]
                total -= (f.unit[link, week] - unit[link]) * quantity[link, week]
                if quantity[link, week] > 0:
                    total -= f.fixed[link, week] - fixed[link]
        true[n] = total
