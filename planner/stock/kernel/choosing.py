"""One plan for each network out of several, so that what they share is not exceeded."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.field import Floats, Ints, compiled

SURELY = 1e-8


@compiled
def choose_again(
    first: Ints, cost: Floats, begin: Ints, cell: Ints, use: Floats, order: Ints, room: Floats, price: Floats,
    chosen: Ints, used: Floats,
) -> int:  # fmt: skip
    """Each network, in this order, takes the plan that costs least beside what the others have chosen.

    The plans of network k are `first[k]` to `first[k + 1]`; plan r costs `cost[r]` and uses `use[begin[r]]` up to
    `use[begin[r + 1]]` of the cells `cell` at the same places, nothing of the others. `price` [cell] is that of a unit
    used beyond the room; `chosen` [network] and `used` [cell] follow. Returns how many took another plan.
    """
    changes = 0
    for k in order:
        now = chosen[k]
        for i in range(begin[now], begin[now + 1]):
            used[cell[i]] -= use[i]
        best, least = now, np.inf
        most = _value(cost[now], begin[now], begin[now + 1], cell, use, used, room, price, np.inf) + SURELY
        for r in range(first[k], first[k + 1]):
            limit = min(most, least + SURELY)
            value = _value(cost[r], begin[r], begin[r + 1], cell, use, used, room, price, limit)
            if value < least - 1e-9 or (r == now and value <= least + 1e-9):
                best, least = r, value
        changes += best != now
        chosen[k] = best
        for i in range(begin[best], begin[best + 1]):
            used[cell[i]] += use[i]
    return changes


@compiled
def _value(
    cost: float, start: int, end: int, cell: Ints, use: Floats, used: Floats, room: Floats, price: Floats, most: float
) -> float:  # fmt: skip
    """What a plan costs with what is used beyond the room because of it; infinite once that is more than `most`."""
    if cost > most:
        return np.inf
    for i in range(start, end):
        c = cell[i]
        left = room[c] - used[c]
        if use[i] > left:
            cost += price[c] * (use[i] - max(left, 0.0))
            if cost > most:
                return np.inf
    return cost


@compiled
def used_by_chosen(begin: Ints, cell: Ints, use: Floats, chosen: Ints, used: Floats) -> None:
    """Adds to `used` [cell] what the chosen plans use."""
    for r in chosen:
        for i in range(begin[r], begin[r + 1]):
            used[cell[i]] += use[i]
