"""One plan for each network out of several, so that what they share is not exceeded."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.field import Floats, Ints, compiled


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
        for r in range(plans):
            value = cost[r, k]
            for c in range(cells):
                beyond = used[c] + use[r, k, c] - room[c]
                if beyond > 0.0:
                    value += price[c] * beyond
            if value < least - 1e-9 or (r == now and value <= least + 1e-9):
                best, least = r, value
        changes += best != now
        chosen[k] = best
        for c in range(cells):
            used[c] += use[best, k, c]
    return changes
