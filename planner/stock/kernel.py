"""The compiled inner loops: cost to go of one node over a grid of stock, and the cheapest path through it.

Backward recursion over the weeks of arrival, the state being the stock available in a week before anything ordered
arrives (Wagner and Whitin, 1958, for fixed costs; Bellman, 1957). Orders of a week are a minimum over a window of the
grid, by a queue of candidates, so that minimum, multiple, maximum and price break cost one pass each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
F = TypeVar("F", bound=Callable[..., Any])

FAR = 1e18
SCARCE = 1e3


def compiled(function: F) -> F:
    """Compiled on first use and kept beside the source; only in memory where that folder cannot be written."""
    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[no-any-return]
    except RuntimeError:
        return numba.njit(nogil=True)(function)  # type: ignore[no-any-return]


class Field(NamedTuple):
    """What the loops read. [N] or [N, T] by node and week, [L] or [L, T] by link and week of the order.

    `start` + `arrive` is the stock that nobody decides. `ship` leaves a node before its own demand is met. `due_first`
    [N * T + 1] delimits `op_link`, `op_week`: the orders that could arrive at a node in a week. `lo` is the first
    grid point of a week, `step` the width, `size` the number of points; the table of node n starts at `offset`.
    """

    start: Floats
    arrive: Floats
    demand: Floats
    ship: Floats
    hold: Floats
    short_cost: Floats
    space_price: Floats
    served_price: Floats
    floor: Floats
    floor_price: Floats
    ceiling: Floats
    sells: Flags
    lost: Flags
    points: Floats
    values: Floats
    echelon_cost: Floats
    echelon_points: Floats
    echelon_values: Floats
    echelon_beside: Floats
    echelon_short: Floats
    lo: Floats
    step: Floats
    size: Ints
    offset: Ints
    due_first: Ints
    op_link: Ints
    op_week: Ints
    pack: Floats
    least: Floats
    most: Floats
    tier_first: Ints
    tier_from: Floats
    tier_extra: Floats
    tier_price: Floats
    due: Ints
    fixed: Floats
    unit: Floats
    cap: Floats


@compiled
def curve(points: Floats, values: Floats, at: float) -> float:
    """Expected shortage at a stock available: linear between the points, slope 1 before them, level after."""
    if at <= points[0]:
        return values[0] + points[0] - at
    last = len(points) - 1
    if at >= points[last]:
        return values[last]
    k = 1
    while points[k] < at:
        k += 1
    width = points[k] - points[k - 1]
    return values[k] if width <= 1e-12 else values[k - 1] + (values[k] - values[k - 1]) * (at - points[k - 1]) / width


@compiled
def outcome(f: Field, n: int, t: int, available: float) -> tuple[float, float, float]:
    """(cost of the week, stock left net of what is owed, expected shortage) at a stock available."""
    cost = f.space_price[n, t] * available
    left = available - f.ship[n, t]
    lack = f.ship[n, t] - max(available, 0.0)
    if lack > 0:
        cost += SCARCE * (1.0 + f.short_cost[n, t]) * lack
    short = 0.0
    if f.sells[n]:
        short = curve(f.points[n, t], f.values[n, t], left)
        if f.lost[n]:
            short = min(short, f.demand[n, t]) if left >= 0 else f.demand[n, t]
        stock = left - f.demand[n, t] + short
        cost += (f.short_cost[n, t] - f.served_price[n, t]) * short
    else:
        stock = left
    held = max(stock, 0.0)
    cost += f.hold[n, t] * held
    if f.floor[n, t] > held:
        cost += f.floor_price[n] * (f.floor[n, t] - held)
    if f.echelon_cost[n] > 0:
        total = curve(f.echelon_points[n, t], f.echelon_values[n, t], left + f.echelon_beside[n, t])
        extra = total - f.echelon_short[n, t] - short
        if extra > 0:
            cost += f.echelon_cost[n] * extra
    owed = short if f.sells[n] and not f.lost[n] else 0.0
    return cost, stock - owed, short


@compiled
def between(row: Floats, size: int, spot: float) -> float:
    """Value of a table at a place between its points; beyond its ends the last slope goes on."""
    i = int(spot)
    if spot < 0:
        i = 0
    elif i > size - 2:
        i = size - 2
    return row[i] + (row[i + 1] - row[i]) * (spot - i)


@compiled
def weigh(f: Field, n: int, t: int, row: Floats, left: Floats) -> None:
    """What `outcome` says of every grid point of a week: its cost into `row`, stock net of what is owed into `left`."""
    points, values = f.points[n, t], f.values[n, t]
    far_points, far_values = f.echelon_points[n, t], f.echelon_values[n, t]
    k, far, last = 1, 1, points.shape[0] - 1
    lo, step, space, ship, demand = f.lo[n, t], f.step[n], f.space_price[n, t], f.ship[n, t], f.demand[n, t]
    hold, floor, floor_price = f.hold[n, t], f.floor[n, t], f.floor_price[n]
    sells, lost, echelon = f.sells[n], f.lost[n], f.echelon_cost[n]
    short_cost, served = f.short_cost[n, t], f.served_price[n, t]
    beside, apart = f.echelon_beside[n, t], f.echelon_short[n, t]
    for i in range(f.size[n]):
        available = lo + i * step
        there = available - ship
        cost = space * available
        lack = ship - max(available, 0.0)
        if lack > 0:
            cost += SCARCE * (1.0 + short_cost) * lack
        short, stock = 0.0, there
        if sells:
            while k < last and points[k] < there:
                k += 1
            if there <= points[0]:
                short = values[0] + points[0] - there
            elif there >= points[last]:
                short = values[last]
            else:
                width = points[k] - points[k - 1]
                short = values[k]
                if width > 1e-12:
                    short = values[k - 1] + (values[k] - values[k - 1]) * (there - points[k - 1]) / width
            if lost:
                short = min(short, demand) if there >= 0 else demand
            stock = there - demand + short
            cost += (short_cost - served) * short
        held = max(stock, 0.0)
        cost += hold * held
        if floor > held:
            cost += floor_price * (floor - held)
        if echelon > 0:
            at = there + beside
            while far < last and far_points[far] < at:
                far += 1
            total = far_values[last]
            if at <= far_points[0]:
                total = far_values[0] + far_points[0] - at
            elif at < far_points[last]:
                width = far_points[far] - far_points[far - 1]
                total = far_values[far]
                if width > 1e-12:
                    total = (
                        far_values[far - 1]
                        + (far_values[far] - far_values[far - 1]) * (at - far_points[far - 1]) / width
                    )
            cost += echelon * max(total - apart - short, 0.0)
        row[i] = cost
        left[i] = stock if lost or not sells else stock - short


@compiled
def look_ahead(f: Field, n: int, ahead: Floats, keep: Floats, bounding: bool) -> None:
    """Fill `keep` [T, size]: cost from week t on at each grid point of stock available after the arrivals of t.

    `ahead` [4, size] is room to work in; its first row ends as the cost before the orders of the first week. With
    `bounding` a place between two points takes the largest value that is surely not above the true one: a unit less
    loses at most one sale more (is owed at most to the end), a unit more is held at most to the end.
    """
    weeks, size, step = f.demand.shape[1], f.size[n], f.step[n]
    before, spare, now, left = ahead[0], ahead[1], ahead[2], ahead[3]
    queue = np.empty(size, np.int64)
    rising, steepest, dearest = 0.0, 0.0, 0.0
    for t in range(weeks - 1, -1, -1):
        weigh(f, n, t, now, left)
        if t + 1 < weeks:
            shift = f.arrive[n, t + 1] - f.lo[n, t + 1]
            for i in range(size):
                spot = (left[i] + shift) / step
                if bounding:
                    now[i] += lower(before, size, spot, steepest * step, rising * step)
                else:
                    now[i] += between(before, size, spot)
        rising += f.hold[n, t] + f.space_price[n, t]
        if f.floor[n, t] > 0:
            steepest += f.floor_price[n]
        if f.lost[n]:
            steepest += max(f.short_cost[n, t] - dearest, 0.0)
            dearest = max(dearest, f.short_cost[n, t])
        else:
            steepest += f.short_cost[n, t]
        for i in range(size):
            keep[t, i] = before[i] = now[i]
        for op in range(f.due_first[n * weeks + t], f.due_first[n * weeks + t + 1]):
            slack = -1.0
            if bounding:
                slack = step * (rising * steepest / max(rising + steepest, 1e-12))
            order(f, n, t, f.op_link[op], f.op_week[op], before, spare, queue, slack)


@compiled
def lower(row: Floats, size: int, spot: float, falling: float, rising: float) -> float:
    """What a table cannot be below at a place between its points, by how much it can fall and rise from one to the
    next."""
    i = int(np.floor(spot + 1e-7))
    share = spot - i
    if i < 0:
        return row[0] + rising * spot
    if i >= size - 1:
        return row[size - 1]
    if share < 1e-6:
        return row[i]
    return max(row[i] - falling * share, row[i + 1] - rising * (1 - share))


@compiled
def order(
    f: Field, n: int, t: int, link: int, week: int, row: Floats, spare: Floats, queue: Ints, slack: float
) -> None:
    """row[i] = min(row[i], fixed + min over allowed quantities q of unit x q + row[i + q]), for every tier.

    `slack` >= 0 asks for a bound: where packs do not fall on grid points, any quantity may be ordered, and so much is
    taken off for what lies between two points.
    """
    size, step, pack = f.size[n], f.step[n], f.pack[link]
    stride, bounding = max(1, int(round(pack / step))), slack >= 0
    fixed = f.fixed[link, week]
    if bounding and abs(pack / step - stride) > 1e-6 * stride:
        stride = 1
        fixed -= slack
    top = size - 1
    if f.ceiling[n, t] < FAR:
        reached = (f.ceiling[n, t] - f.lo[n, t]) / step
        top = min(top, int(np.ceil(reached - 1e-9) if bounding else np.floor(reached + 1e-9)))
    for i in range(size):
        spare[i] = row[i]
    for tier in range(f.tier_first[link], f.tier_first[link + 1]):
        least, most = window(f, link, week, tier)
        if most < least:
            continue
        low = int(np.floor(least / step + 1e-9)) if bounding else int(np.ceil(least / step - 1e-9))
        low = max(stride, (low // stride) * stride if bounding else ((low + stride - 1) // stride) * stride)
        high = int(min(np.floor(most / step + 1e-9), float(size))) // stride * stride
        each = (f.tier_extra[tier] + f.unit[link, week]) * step
        start = fixed - abs(each) if bounding and fixed < f.fixed[link, week] else fixed
        for residue in range(min(stride, size)):
            head, tail = 0, 0
            i = residue + ((size - 1 - residue) // stride) * stride
            while i >= 0:
                j = i + low
                if j <= top:
                    value = spare[j] + each * j
                    while tail > head and spare[queue[tail - 1]] + each * queue[tail - 1] >= value:
                        tail -= 1
                    queue[tail] = j
                    tail += 1
                while tail > head and queue[head] > i + high:
                    head += 1
                if tail > head:
                    best = start + spare[queue[head]] + each * (queue[head] - i)
                    if best < row[i]:
                        row[i] = best
                i -= stride


@compiled
def window(f: Field, link: int, week: int, tier: int) -> tuple[float, float]:
    """Least and most units of an order at a tier, in whole packs; MOQ, maximum and what others leave are in it."""
    pack = f.pack[link]
    least = np.ceil(max(f.tier_from[tier], f.least[link], pack) / pack - 1e-9) * pack
    most = np.floor(min(f.most[link], f.cap[link, week]) / pack + 1e-9) * pack
    if tier + 1 < f.tier_first[link + 1]:
        most = min(most, (np.ceil(f.tier_from[tier + 1] / pack - 1e-9) - 1) * pack)
    return least, most


@compiled
def best_order(f: Field, n: int, t: int, link: int, week: int, row: Floats, before: float) -> tuple[float, float]:
    """(quantity, cost with it) of the cheapest order of a link that arrives in week t; quantity 0 if none is allowed.

    The table is linear between its points, so only quantities that reach a point, or an end of a window, can be best.
    """
    size, step, pack = f.size[n], f.step[n], f.pack[link]
    chosen, cheapest = 0.0, FAR
    for tier in range(f.tier_first[link], f.tier_first[link + 1]):
        least, most = window(f, link, week, tier)
        room = np.floor((f.ceiling[n, t] - before) / pack + 1e-9) * pack
        most = min(most, max(room, 0.0))
        if most < least:
            continue
        each = f.tier_extra[tier] + f.unit[link, week]
        spot = max((before + least - f.lo[n, t]) / step, 0.0)
        last = min(float(size), (before + most - f.lo[n, t]) / step + 1)
        i, quantity = int(np.floor(spot)) - 1, least
        while True:
            cost = each * quantity + between(row, size, (before + quantity - f.lo[n, t]) / step)
            if cost < cheapest - f.fixed[link, week] - 1e-9:
                chosen, cheapest = quantity, cost + f.fixed[link, week]
            if quantity >= most or i > last:
                break
            following = quantity
            while following <= quantity:
                i += 1
                following = np.floor((f.lo[n, t] + i * step - before) / pack + 0.5) * pack
            quantity = min(following, most)
    return chosen, cheapest


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
            found, amount, cheapest = -1, 0.0, between(row, size, (before - f.lo[n, t]) / f.step[n]) - 1e-9
            for op in range(first, last):
                link, week = f.op_link[op], f.op_week[op]
                if week >= since and quantity[link, week] == 0.0:
                    units, cost = best_order(f, n, t, link, week, row, before)
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


@compiled
def tier_of(f: Field, link: int, quantity: float) -> int:
    """Number of the deepest price break that a quantity reaches."""
    reached = 0
    for tier in range(f.tier_first[link], f.tier_first[link + 1]):
        if f.tier_from[tier] <= quantity + 1e-9:
            reached = tier - f.tier_first[link]
    return reached


@compiled
def price(f: Field, link: int, week: int, quantity: float) -> float:
    """Cost of an order."""
    tier = f.tier_first[link] + tier_of(f, link, quantity)
    return f.fixed[link, week] + (f.tier_extra[tier] + f.unit[link, week]) * quantity


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
            look_ahead(f, n, ahead, rows, False)
        cost[n] = follow(f, n, table, since, quantity, tier, available[n], stock[n], short[n])


@compiled
def bound_nodes(f: Field, chosen: Ints, bound: Floats) -> None:
    """A cost below which no path of a node can be, for each of the chosen nodes, by the table that bounds."""
    weeks = f.demand.shape[1]
    for n in chosen:
        size = f.size[n]
        ahead, rows = np.empty((4, size)), np.empty((weeks, size))
        look_ahead(f, n, ahead, rows, True)
        spot = (f.start[n] + f.arrive[n, 0] - f.lo[n, 0]) / f.step[n]
        if spot >= size - 1:
            bound[n] = between(ahead[0], size, spot)
        else:
            i = max(int(np.floor(spot + 1e-9)), 0)
            bound[n] = min(ahead[0, i], ahead[0, min(i + 1, size - 1)]) if spot - i > 1e-7 else ahead[0, i]


@compiled
def send(f: Field, n: int, out_first: Ints, out_link: Ints, quantity: Floats) -> None:
    """Units that leave a node in each week, from the orders of the links out of it."""
    for t in range(f.demand.shape[1]):
        total = 0.0
        for k in range(out_first[n], out_first[n + 1]):
            total += quantity[out_link[k], t]
        f.ship[n, t] = total


@compiled
def look_below(
    f: Field, chosen: Ints, below_first: Ints, below: Ints, moving: Floats, out_first: Ints, out_link: Ints,
    quantity: Floats, stock: Floats, short: Floats,
) -> None:  # fmt: skip
    """What feeding nodes have to know of those they feed: what they draw, and what is held of the echelon beside them.

    `below` [below_first[n]:below_first[n + 1]] are the members of node n's echelon other than itself. Units sent from
    a place inside and not yet there at the end of a week belong to the echelon, too.
    """
    weeks = f.demand.shape[1]
    for n in chosen:
        send(f, n, out_first, out_link, quantity)
        if f.echelon_cost[n] <= 0:
            continue
        first, last = below_first[n], below_first[n + 1]
        for t in range(weeks):
            f.echelon_beside[n, t] = f.echelon_short[n, t] = 0.0
            for m in below[first:last]:
                f.echelon_beside[n, t] += stock[m, t] + f.demand[m, t] - short[m, t] + moving[m, t]
                f.echelon_short[n, t] += short[m, t]
        for k in range(first - 1, last):
            place = n if k < first else below[k]
            for o in range(out_first[place], out_first[place + 1]):
                for week in range(weeks):
                    for t in range(week, min(f.due[out_link[o], week], weeks)):
                        f.echelon_beside[n, t] += quantity[out_link[o], week]


@compiled
def reduced(f: Field, link: int, week: int, quantity: float, excess: float) -> float:
    """The largest allowed quantity that is smaller by at least the excess; 0 if none is."""
    pack = f.pack[link]
    units = np.floor((quantity - excess) / pack + 1e-9) * pack
    least = np.ceil(max(f.least[link], f.tier_from[f.tier_first[link]], pack) / pack - 1e-9) * pack
    return units if units >= least - 1e-9 else 0.0


@compiled
def settle(
    f: Field, chosen: Ints, table: Floats, frozen: bool, below_first: Ints, below: Ints, moving: Floats,
    out_first: Ints, out_link: Ints, node: Ints, quantity: Floats, tier: Ints, available: Floats, stock: Floats,
    short: Floats, cost: Floats,
) -> int:  # fmt: skip
    """Let nodes send no more than they have: week by week the orders that gain least a unit are made smaller.

    Who is cut orders again in later weeks as it needs. With `frozen` the nodes' own orders stay as they are. Returns
    how many orders were cut.
    """
    weeks, cuts = f.demand.shape[1], 0
    for n in chosen:
        one = np.array([n])
        look_below(f, one, below_first, below, moving, out_first, out_link, quantity, stock, short)
        for t in range(weeks):
            while True:
                send(f, n, out_first, out_link, quantity)
                there = available[n, t]
                if f.sells[n] and not f.lost[n] and t > 0:
                    there += short[n, t - 1]
                excess = f.ship[n, t] - max(there, 0.0)
                if excess <= 1e-6:
                    break
                worst, worth = -1, FAR
                for k in range(out_first[n], out_first[n + 1]):
                    link = out_link[k]
                    if quantity[link, t] > 0:
                        value = worth_of(f, link, t, table, excess, node, quantity, tier, available, stock, short, cost)
                        if value < worth:
                            worst, worth = link, value
                if worst < 0:
                    break
                m = node[worst]
                f.cap[worst, t] = reduced(f, worst, t, quantity[worst, t], excess)
                cost[m] = follow(f, m, table, t, quantity, tier, available[m], stock[m], short[m])
                cuts += 1
                send(f, n, out_first, out_link, quantity)
                cost[n] = follow(f, n, table, weeks if frozen else t, quantity, tier, available[n], stock[n], short[n])
        look_below(f, one, below_first, below, moving, out_first, out_link, quantity, stock, short)
        cost[n] = follow(f, n, table, weeks, quantity, tier, available[n], stock[n], short[n])
    return cuts


@compiled
def worth_of(
    f: Field, link: int, week: int, table: Floats, excess: float, node: Ints, quantity: Floats, tier: Ints,
    available: Floats, stock: Floats, short: Floats, cost: Floats,
) -> float:  # fmt: skip
    """What an order gains a unit: the cost of its node if the order had to be smaller by the excess, less that now."""
    m, cap, now, units = node[link], f.cap[link, week], cost[node[link]], quantity[link, week]
    less = reduced(f, link, week, units, excess)
    f.cap[link, week] = less
    without = follow(f, m, table, week, quantity, tier, available[m], stock[m], short[m])
    f.cap[link, week] = cap
    follow(f, m, table, week, quantity, tier, available[m], stock[m], short[m])
    return (without - now) / max(units - less, 1e-9)


@compiled
def allowed(f: Field, link: int, week: int, quantity: float, before: float, n: int, t: int) -> bool:
    """Whether an order of this quantity may be placed: minimum, maximum, what others leave, ceiling."""
    tier = f.tier_first[link] + tier_of(f, link, quantity)
    least, most = window(f, link, week, tier)
    return least - 1e-9 <= quantity <= most + 1e-9 and before + quantity <= f.ceiling[n, t] + 1e-6


@compiled
def counted(f: Field, link: int, quantity: float, measure: int, each: Floats) -> float:
    """What an order counts towards a joint minimum: its value at list price, its m3 or its kg."""
    if measure == 0:
        return f.tier_price[f.tier_first[link] + tier_of(f, link, quantity)] * quantity
    return each[measure] * quantity


@compiled
def fill_up(
    f: Field, lines: Ints, week: int, minima: Floats, each: Floats, node: Ints, table: Floats, available: Floats,
    quantity: Floats, trial: Floats,
) -> float:  # fmt: skip
    """Cheapest way (greedily, by cost per missing unit of the measure) to bring a joint order to its minima.

    `trial` [lines] receives the quantities. Returns what it costs, FAR if the lines cannot reach the minima.
    """
    total = 0.0
    for k in range(len(lines)):
        trial[k] = quantity[lines[k], week]
    for measure in range(3):
        missing = minima[measure]
        for k in range(len(lines)):
            missing -= counted(f, lines[k], trial[k], measure, each[k])
        while minima[measure] > 0 and missing > 1e-6 * minima[measure]:
            chosen, units, ratio, extra, gained = -1, 0.0, FAR, 0.0, 0.0
            for k in range(len(lines)):
                link = lines[k]
                t = f.due[link, week]
                if t < 0 or f.cap[link, week] <= 0:
                    continue
                n, pack = node[link], f.pack[link]
                row = table[f.offset[n] + t * f.size[n] : f.offset[n] + (t + 1) * f.size[n]]
                before = available[n, t] - quantity[link, week]
                now = between(row, f.size[n], (before + trial[k] - f.lo[n, t]) / f.step[n])
                if trial[k] > 0:
                    now += price(f, link, week, trial[k])
                have = counted(f, link, trial[k], measure, each[k])
                jump = max(pack, np.floor(f.step[n] / pack + 0.5) * pack)
                more = max(trial[k] + jump, np.ceil(f.least[link] / pack - 1e-9) * pack)
                tried = 0
                while tried < 200 and allowed(f, link, week, more, before, n, t):
                    gain = counted(f, link, more, measure, each[k]) - have
                    spot = (before + more - f.lo[n, t]) / f.step[n]
                    cost = price(f, link, week, more) + between(row, f.size[n], spot) - now
                    useful = min(gain, missing)
                    if useful > 0 and cost / useful < ratio:
                        chosen, units, ratio, extra, gained = k, more, cost / useful, cost, gain
                    if gain >= missing:
                        break
                    more += jump
                    tried += 1
            if chosen < 0:
                return FAR
            trial[chosen] = units
            total += extra
            missing -= gained
    return total


@compiled
def joint_weeks(
    f: Field, lines: Ints, order_cost: float, minima: Floats, each: Floats, node: Ints, table: Floats,
    quantity: Floats, tier: Ints, available: Floats, stock: Floats, short: Floats, cost: Floats, force: bool,
) -> float:  # fmt: skip
    """Week by week: a joint order is filled up to its minima, or put off to a later week, whichever costs less.

    With `force` only an order below its minima is put off. Returns the cost of the joint orders that are left.
    """
    trial, total = np.zeros(len(lines)), 0.0
    for week in range(f.demand.shape[1]):
        gain, used = 0.0, 0
        for k in range(len(lines)):
            link = lines[k]
            units = quantity[link, week]
            if units > 0:
                n, t = node[link], f.due[link, week]
                row = table[f.offset[n] + t * f.size[n] : f.offset[n] + (t + 1) * f.size[n]]
                spot = (available[n, t] - f.lo[n, t]) / f.step[n]
                gain += between(row, f.size[n], spot - units / f.step[n]) - between(row, f.size[n], spot)
                gain -= price(f, link, week, units)
                used += 1
        if used == 0:
            continue
        filled = fill_up(f, lines, week, minima, each, node, table, available, quantity, trial)
        keep = filled < FAR and (gain > order_cost + filled or (force and filled <= 0.0))
        if keep:
            total += order_cost
        for k in range(len(lines)):
            link, n = lines[k], node[lines[k]]
            if keep and trial[k] != quantity[link, week]:
                quantity[link, week] = trial[k]
                cost[n] = follow(f, n, table, week + 1, quantity, tier, available[n], stock[n], short[n])
            elif not keep and quantity[link, week] > 0:
                f.cap[link, week] = 0.0
                cost[n] = follow(f, n, table, week, quantity, tier, available[n], stock[n], short[n])
    return total


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
    f: Field, own: Floats, chosen: Ints, quantity: Floats, available: Floats, short: Floats, cost: Floats, true: Floats
) -> None:  # fmt: skip
    """What the paths of these nodes cost without the prices; `own` [L] is what a unit of a link is charged without."""
    weeks = f.demand.shape[1]
    for n in chosen:
        total = cost[n]
        for t in range(weeks):
            total -= f.space_price[n, t] * available[n, t] - f.served_price[n, t] * short[n, t]
            for op in range(f.due_first[n * weeks + t], f.due_first[n * weeks + t + 1]):
                link, week = f.op_link[op], f.op_week[op]
                total -= (f.unit[link, week] - own[link]) * quantity[link, week]
        true[n] = total
