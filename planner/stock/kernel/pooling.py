"""Expected shortage of places together, as a function of what is available at all of them."""

from __future__ import annotations

import numpy as np

from planner.stock.kernel.ahead import curve
from planner.stock.kernel.field import FAR, Flags, Floats, Ints, compiled

BEYOND = 1e12


@compiled
def least_together(
    first: Ints, member: Ints, points: Floats, values: Floats, demand: Floats, lost: Flags, raised: Flags,
    other_points: Floats, other_values: Floats, pooled: Floats, level: Floats, top: Floats,
) -> None:  # fmt: skip
    """The least that groups of places can be short of together: points `pooled` [group, T, P] and values `level`, the
    last point of all weeks into `top` [group].

    The members of group g are `member[first[g]:first[g + 1]]`; `points`, `values` [N, T, K] are their own curves. The
    least sum of convex functions at arguments that add up (their infimal convolution) takes their pieces in the order
    of their slopes (Rockafellar, Convex Analysis, 1970, theorem 16.4). Where `raised` it is the higher one of that and
    the other curve of the group [group, T, K]. What is left of P is level and far away.
    """
    groups, weeks, _ = pooled.shape
    pieces = points.shape[2] - 1
    for g in range(groups):
        own = member[first[g] : first[g + 1]]
        width, slope = np.empty(len(own) * pieces), np.empty(len(own) * pieces)
        at, short = np.empty(len(own) * pieces + 1), np.empty(len(own) * pieces + 1)
        for t in range(weeks):
            at[0], short[0], count = 0.0, 0.0, 0
            for n in own:
                most = demand[n, t] if lost[n] else FAR
                at[0] += points[n, t, 0]
                short[0] += min(values[n, t, 0], most)
                count = _pieces(points[n, t], values[n, t], most, width, slope, count)
            order = np.argsort(slope[:count])
            for k in range(count):
                at[k + 1] = at[k] + width[order[k]]
                short[k + 1] = short[k] + slope[order[k]] * width[order[k]]
            count += 1
            if raised[g]:
                other, other_short = other_points[g, t], other_values[g, t]
                count = _higher(at[:count], short[:count], other, other_short, pooled[g, t], level[g, t])
            else:
                pooled[g, t, :count], level[g, t, :count] = at[:count], short[:count]
            top[g] = max(top[g], pooled[g, t, count - 1])
            for k in range(count, pooled.shape[2]):
                pooled[g, t, k], level[g, t, k] = pooled[g, t, k - 1] + BEYOND, level[g, t, count - 1]


@compiled
def _higher(
    points: Floats, values: Floats, other: Floats, other_values: Floats, found: Floats, level: Floats
) -> int:  # fmt: skip
    """The higher one of two curves: where it bends, and how often."""
    i, j, count, before, apart = 0, 0, 0, 0.0, 0.0
    while i < len(points) or j < len(other):
        mine = j == len(other) or (i < len(points) and points[i] <= other[j])
        at = points[i] if mine else other[j]
        one, two = curve(points, values, at), curve(other, other_values, at)
        if count and apart * (one - two) < 0:
            found[count] = before + (at - before) * apart / (apart - (one - two))
            level[count] = curve(points, values, found[count])
            count += 1
        if count == 0 or mine == (one >= two):
            found[count], level[count] = at, max(one, two)
            count += 1
        before, apart = at, one - two
        i, j = i + mine, j + (not mine)
    return count


@compiled
def _pieces(points: Floats, values: Floats, most: float, width: Floats, slope: Floats, count: int) -> int:
    """Widths and slopes of the pieces of a curve that is nowhere above `most`, its convex hull where it were; how many
    there are now."""
    start, last = 0, len(points) - 1
    level = min(values[0], most)
    while start < last:
        end = start + 1
        steepest = _slope(points, values, start, end, level)
        if level < values[start]:
            for k in range(start + 2, last + 1):
                other = _slope(points, values, start, k, level)
                if other < steepest:
                    end, steepest = k, other
        if points[end] > points[start]:
            width[count], slope[count] = points[end] - points[start], steepest
            count += 1
        start, level = end, values[end]
    return count


@compiled
def _slope(points: Floats, values: Floats, start: int, end: int, level: float) -> float:
    """Slope from a level at one point to the value at another, at most 0."""
    return min((values[end] - level) / max(points[end] - points[start], 1e-12), 0.0)
