"""One plan for each network out of several, so that what they share is not exceeded."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.field import Floats, Ints, compiled

SURELY = 1e-8


@compiled
def choose_again(
    cost: Floats, use: Floats, order: Ints, room: Floats, price: Floats, chosen: Ints, used: Floats
) -> int:  # fmt: skip
    """Each network, in this order, takes the plan that costs least beside what the others have chosen.

    `cost` [plan, network], `use` [plan, network, cell], `price` [cell] of a unit used beyond the room; `chosen`
    [network] and `used` [cell] follow. Returns how many took another plan.
    """
    plans, _, cells = use.shape
    changes = 0
    for k in order:
        now = chosen[k]
        for c in range(cells):
            used[c] -= use[now, k, c]
        best, least = now, np.inf
        most = _value(cost[now, k], use[now, k], used, room, price, np.inf) + SURELY
        for r in range(plans):
            value = _value(cost[r, k], use[r, k], used, room, price, min(most, least + SURELY))
            if value < least - 1e-9 or (r == now and value <= least + 1e-9):
                best, least = r, value
        changes += best != now
        chosen[k] = best
        for c in range(cells):
            used[c] += use[best, k, c]
    return changes


@compiled
def _value(cost: float, use: Floats, used: Floats, room: Floats, price: Floats, most: float) -> float:
    """What a plan costs beside what the others use; infinite as soon as that is more than `most`."""
    if cost > most:
        return np.inf
    for c in range(len(room)):
        beyond = used[c] + use[c] - room[c]
        if beyond > 0.0:
            cost += price[c] * beyond
            if cost > most:
                return np.inf
    return cost
