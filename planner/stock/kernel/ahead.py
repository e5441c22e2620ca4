"""Cost to go of one node over a grid of stock, by backward recursion over the weeks of arrival.

The state is the stock available in a week before anything ordered arrives (Wagner and Whitin, 1958, for fixed costs;
Bellman, 1957). Orders of a week are a minimum over a window of the grid, by a queue of candidates or, where it has no
end, by the least so far, so that minimum, multiple, maximum and price break cost one pass each.
"""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.field import FAR, FULL, SCARCE, Field, Floats, Ints, compiled, inlined


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


@inlined
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
def along(points: Floats, values: Floats, begin: float, step: float, found: Floats) -> None:
    """`curve` at the points of a grid that begins there, piece by piece, into `found` [size]."""
    i, size, last = 0, len(found), len(points) - 1
    for k in range(last + 1):
        width = points[k] - points[max(k - 1, 0)]
        slope = -1.0 if k == 0 else (values[k] - values[k - 1]) / width if width > 1e-12 else 0.0
        end = min(size, int(np.floor((min(points[k], begin + size * step) - begin) / step)) + 1)
        if end > i:
            piece = found[i:end]
            for m in range(end - i):
                piece[m] = values[k] + slope * (begin + (i + m) * step - points[k])
            i = end
    found[i:] = values[last]


@inlined
def weigh(f: Field, n: int, t: int, row: Floats, left: Floats) -> None:
    """What `outcome` says of every grid point of a week: its cost into `row`, stock net of what is owed into `left`.

    Loops without branches, one for each cost that is there.
    """
    size, lo, step, ship, demand = f.size[n], f.lo[n, t], f.step[n], f.ship[n, t], f.demand[n, t]
    row, left, short = row[:size], left[:size], np.zeros(size)
    sells, lost, first = f.sells[n], f.lost[n], lo - ship
    if sells:
        along(f.points[n, t], f.values[n, t], first, step, short)
        if lost:
            for i in range(size):
                short[i] = min(short[i], demand) if first + i * step >= 0 else demand
    each, hold, space = f.short_cost[n, t] - f.served_price[n, t], f.hold[n, t], f.space_price[n, t]
    again = 1.0 if lost or not sells else 0.0
    for i in range(size):
        there = first + i * step - demand
        row[i] = space * (lo + i * step) + each * short[i] + hold * max(there + short[i], 0.0)
        left[i] = there + again * short[i]
    if ship > 0:
        for i in range(size):
            row[i] += SCARCE * (1.0 + f.short_cost[n, t]) * max(ship - max(lo + i * step, 0.0), 0.0)
    floor, floor_price = f.floor[n, t], f.floor_price[n]
    if floor > 0:
        for i in range(size):
            row[i] += floor_price * max(floor - max(first + i * step - demand + short[i], 0.0), 0.0)
    if f.echelon_cost[n] > 0:
        total, apart = np.empty(size), f.echelon_short[n, t]
        along(f.echelon_points[n, t], f.echelon_values[n, t], first + f.echelon_beside[n, t], step, total)
        for i in range(size):
            row[i] += f.echelon_cost[n] * max(total[i] - apart - short[i], 0.0)


@compiled
def look_ahead(f: Field, n: int, ahead: Floats, keep: Floats) -> None:
    """Fill `keep` [T, size]: cost from week t on at each grid point of stock available after the arrivals of t.

    `ahead` [4, size] is room to work in; its first row ends as the cost before the orders of the first week.
    """
    weeks, size, step = f.demand.shape[1], f.size[n], f.step[n]
    before, spare, now, left = ahead[0], ahead[1], ahead[2], ahead[3]
    queue = np.empty(size, np.int64)
    bent, each = f.sells[n] and f.lost[n], 1.0 / step
    for t in range(weeks - 1, -1, -1):
        weigh(f, n, t, now, left)
        if t + 1 < weeks:
            shift = f.arrive[n, t + 1] - f.lo[n, t + 1]
            if bent:
                for i in range(size):
                    now[i] += between(before, size, (left[i] + shift) * each)
            else:
                moved(before, size, (left[0] + shift) / step, now)
        for i in range(size):
            keep[t, i] = before[i] = now[i]
        for op in range(f.due_first[n * weeks + t], f.due_first[n * weeks + t + 1]):
            order(f, n, t, f.op_link[op], f.op_week[op], before, spare, queue, False)


@compiled
def moved(row: Floats, size: int, spot: float, now: Floats) -> None:
    """Add `between` at every point of a grid of the same width whose first point falls on a spot of the row."""
    whole = int(np.floor(spot))
    part = spot - whole
    begin, end = min(max(-whole, 0), size), min(max(size - 1 - whole, 0), size)
    for i in range(begin):
        now[i] += row[0] + (row[1] - row[0]) * (spot + i)
    if end > begin:
        low, high, found = row[begin + whole : end + whole], row[begin + whole + 1 : end + whole + 1], now[begin:end]
        for i in range(end - begin):
            found[i] += low[i] + (high[i] - low[i]) * part
    for i in range(max(end, begin), size):
        now[i] += row[size - 2] + (row[size - 1] - row[size - 2]) * (spot + i - (size - 2))


@inlined
def order(
    f: Field, n: int, t: int, link: int, week: int, row: Floats, spare: Floats, queue: Ints, bounding: bool
) -> None:
    """row[i] = min(row[i], fixed + min over allowed quantities q of unit x q + row[i + q]), for every tier and, where
    whole vehicles are charged, every number of them that the order starts.

    Deeper tiers are cheaper: without a most a tier needs no end, and its least so far takes the place of the queue.
    `bounding` asks for a row that is nowhere too high, between its points neither: where packs do not fall on grid
    points any quantity may be ordered, and the ends of what is allowed are rounded outwards.
    """
    size, step, pack = f.size[n], f.step[n], f.pack[link]
    stride = max(1, int(np.floor(pack / step + 0.5)))
    loose = bounding and abs(pack / step - stride) > 1e-6 * stride
    if loose:
        stride = 1
    top = size - 1
    if f.ceiling[n, t] < FAR:
        reached = (f.ceiling[n, t] - f.lo[n, t]) / step
        top = min(top, int(np.ceil(reached - 1e-9) if bounding else np.floor(reached + 1e-9)))
    for i in range(size):
        spare[i] = row[i]
    free = most_of(f, link, week) / step >= size
    for tier in range(f.tier_first[link], f.tier_first[link + 1]):
        least, most = window(f, link, week, tier)
        if most < least:
            continue
        most = FAR if free else most
        low = int(np.floor(least / step + 1e-9)) if bounding else int(np.ceil(least / step - 1e-9))
        low = max(stride, (low // stride) * stride if bounding else ((low + stride - 1) // stride) * stride)
        each, more, end = (f.tier_extra[tier] + f.unit[link, week]) * step, 0, 0.0
        while end < most and end < size * step:
            end = min(most, fits(f, link, week, more))
            fixed = f.fixed[link, week] + (f.vehicle[f.truck[link]] * more if more else 0.0)
            reached = min(end / step, float(size))
            high = size if reached >= size else int(np.floor(reached + 1e-9)) // stride * stride
            more += 1
            if loose:
                low, high = max(0, int(np.floor(least / step + 1e-9))), int(np.ceil(reached - 1e-9))
            if end >= least and high >= low:
                cheapest(row, spare, queue, size, stride, low, high, top, fixed, each)


@compiled
def cheapest(
    row: Floats, spare: Floats, queue: Ints, size: int, stride: int, low: int, high: int, top: int, fixed: float,
    each: float,
) -> None:  # fmt: skip
    """row[i] = min(row[i], fixed + min over j from i + low to i + high, by strides, of each x (j - i) + spare[j])."""
    if high >= size:
        far = top - low
        for residue in range(min(stride, far + 1)):
            best = FAR
            for i in range(far - residue, -1, -stride):
                best = min(best, spare[i + low] + each * (i + low))
                row[i] = min(row[i], fixed + best - each * i)
        return
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
                best = fixed + spare[queue[head]] + each * (queue[head] - i)
                if best < row[i]:
                    row[i] = best
            i -= stride


@compiled
def started(f: Field, m: int, week: int, more: float, by_volume: float, by_weight: float) -> float:
    """Vehicles of a lane and week once so many units are loaded beside what others have."""
    load = f.load[m, week]
    return np.ceil(max(load[0] + more * by_volume, load[1] + more * by_weight) - FULL)


@compiled
def vehicles_for(f: Field, link: int, week: int, quantity: float) -> float:
    """Cost of the vehicles that an order starts."""
    m = f.truck[link]
    if m < 0:
        return 0.0
    share = f.share[link]
    return f.vehicle[m] * (started(f, m, week, quantity, share[0], share[1]) - started(f, m, week, 0.0, 0.0, 0.0))


@compiled
def fits(f: Field, link: int, week: int, more: int) -> float:
    """Most units of an order, in whole packs, that so many vehicles more than others have started can take."""
    m = f.truck[link]
    if m < 0:
        return FAR
    ends, units = started(f, m, week, 0.0, 0.0, 0.0) + more, FAR
    for k in range(2):
        if f.share[link, k] > 0:
            units = min(units, (ends - f.load[m, week, k]) / f.share[link, k])
    return max(np.floor(units / f.pack[link] + FULL) * f.pack[link], 0.0)


@inlined
def window(f: Field, link: int, week: int, tier: int) -> tuple[float, float]:
    """Least and most units of an order at a tier, in whole packs; MOQ, maximum and what others leave are in it."""
    pack, most = f.pack[link], most_of(f, link, week)
    least = np.ceil(max(f.tier_from[tier], f.least[link], pack) / pack - 1e-9) * pack
    if tier + 1 < f.tier_first[link + 1]:
        most = min(most, (np.ceil(f.tier_from[tier + 1] / pack - 1e-9) - 1) * pack)
    return least, most


@inlined
def most_of(f: Field, link: int, week: int) -> float:
    """Most units of an order, in whole packs."""
    return np.floor(min(f.most[link], f.cap[link, week]) / f.pack[link] + 1e-9) * f.pack[link]
