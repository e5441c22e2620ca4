"""Joint orders: filled up to their minima, or put off."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.ahead import between, window
from planner.stock.kernel.field import FAR, Field, Floats, Ints, compiled
from planner.stock.kernel.path import follow, price, tier_of


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
