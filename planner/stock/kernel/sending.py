"""Places that feed others: what they send, and who gives way when it is not there."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.field import FAR, Field, Floats, Ints, compiled
from planner.stock.kernel.path import follow


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
    f: Field, chosen: Ints, until: Ints, table: Floats, frozen: bool, below_first: Ints, below: Ints, moving: Floats,
    out_first: Ints, out_link: Ints, node: Ints, quantity: Floats, tier: Ints, available: Floats, stock: Floats,
    short: Floats, cost: Floats,
) -> int:  # fmt: skip
    """Let nodes send no more than they have: week by week the orders that gain least a unit are made smaller.

    Who is cut orders again in later weeks as it needs. Only weeks before `until` [N] are looked at. With `frozen` the
    nodes' own orders stay as they are. Returns how many orders were cut.
    """
    weeks, cuts = f.demand.shape[1], 0
    room = np.empty((3, weeks))
    for n in chosen:
        one = np.array([n])
        look_below(f, one, below_first, below, moving, out_first, out_link, quantity, stock, short)
        for t in range(min(until[n], weeks)):
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
                        value = worth_of(f, link, t, table, excess, node, quantity, tier, cost, room)
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
    cost: Floats, room: Floats,
) -> float:  # fmt: skip
    """What an order gains a unit: the cost of its node if the order had to be smaller by the excess, less that now.

    Everything stays as it is; `room` [3, T] is to work in.
    """
    m, cap, units = node[link], f.cap[link, week], quantity[link, week]
    less = reduced(f, link, week, units, excess)
    first, last = f.due_first[m * f.demand.shape[1]], f.due_first[(m + 1) * f.demand.shape[1]]
    kept, at = np.empty(last - first), np.empty(last - first, np.int64)
    for op in range(first, last):
        kept[op - first] = quantity[f.op_link[op], f.op_week[op]]
        at[op - first] = tier[f.op_link[op], f.op_week[op]]
    f.cap[link, week] = less
    without = follow(f, m, table, week, quantity, tier, room[0], room[1], room[2])
    f.cap[link, week] = cap
    for op in range(first, last):
        quantity[f.op_link[op], f.op_week[op]] = kept[op - first]
        tier[f.op_link[op], f.op_week[op]] = at[op - first]
    return (without - cost[m]) / max(units - less, 1e-9)
