"""Lost sales while an order is on its way: stock week by week from today's shelf, and what a unit more is worth.

Sales that find no stock are gone, so stock at the next arrival is not stock minus demand of the lead time, but

    left(t) = max(0, left(t - 1) + arrivals(t) - demand(t)),

a chain of distributions. Until the first order placed now can arrive nothing is to be decided, so the chain is known:
here it is followed on a grid of stock levels, and gives the expected shortage of every such week, and of the week of
the first arrival as a function of what is ordered. Stock of those weeks then starts from what really lies on the
shelf and arrives when, and not from one sum of both.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from planner.stock.case import Curves, Flags, Floats, Ints, Nodes
from planner.stock.curves import TAILS, convex, excess_along
from planner.stock.kernel.threads import in_chunks

GRID = 256
FINE = 512
LONGEST = 12
_CHUNK = 500
_REVISED = 0.13
_REPEAT = (0.0, 0.18, 0.27, 0.3, 0.32)


def with_lost_sales(curves: Curves, nodes: Nodes, first: Ints, tail: Floats) -> Curves:
    """The nodes' own curves as a decision should read them, where sales are lost and nothing is passed on.

    `first` [N] is the week in which an order of this week arrives, -1 where none can be placed.
    """
    rows = nodes.lost & nodes.sells & ~nodes.feeds
    share = np.where(rows, decision_share(first), 0.0)
    known = from_the_shelf(
        curves, nodes.demand, nodes.variance, nodes.window_variance, nodes.opening, nodes.pipeline, first,
        best_chance(tail, share), rows,
    )  # fmt: skip
    weeks = np.arange(nodes.demand.shape[1])
    decided = rows[:, None] & (first >= 0)[:, None] & (weeks[None, :] >= first[:, None])
    return net_of_repeats(known, tail, share, decided)


def repeat_share(lead_weeks: Ints) -> Floats:
    """Share of a saved sale that is lost again before another order can make up for it, by weeks of lead time.

    A unit that is sold in the week of its arrival is not there in the next one, and what would replace it was ordered
    without knowing. A unit more therefore saves slope x (1 - share x (1 - slope)) sales and not slope, and the best
    chance of a shortage is above holding / (holding + shortage). Without a lead time the next order makes up for it,
    and the share is 0. Measured against the exact dynamic programme (benchmark `lost-sales`).
    """
    return np.array(_REPEAT)[np.clip(lead_weeks, 0, len(_REPEAT) - 1)]


def decision_share(lead_weeks: Ints) -> Floats:
    """The share by which orders are decided: that of repeats, and a little more because forecasts are revised.

    Stock ordered for a forecast that falls before the next order is decided lies above what that order would ask for
    and cannot be sent back. How much that weighs was chosen on grocery sales of earlier weeks than those that the
    benchmark `vn2-policy` reports (weeks 87 to 117 of their history); it is flat from 0.1 to 0.2.
    """
    return np.where(lead_weeks > 0, repeat_share(lead_weeks) + _REVISED, 0.0)


def best_chance(tail: Floats, share: Floats) -> Floats:
    """Chance of a shortage s at the optimum: s (1 - share (1 - s)) = holding / (holding + shortage)."""
    kept = 1 - share
    root = np.sqrt(kept**2 + 4 * share * tail)
    return np.where(share > 0, 2 * tail / np.maximum(kept + root, 1e-12), tail)


def net_of_repeats(curves: Curves, tail: Floats, share: Floats, decided: Flags) -> Curves:
    """Curves whose slopes say what a unit more really saves, in the `decided` weeks [N, T]; unchanged at the optimum.

    Shortage at the new optimum is kept, so that what the plan promises there stays true; elsewhere it is never below
    demand - available, without which stock could not be balanced.
    """

    def part(rows: slice) -> tuple[Floats, Floats, Floats]:
        own = Curves(curves.available[rows], curves.shortage[rows], curves.slope[rows])
        return _parts(_net(own, tail[rows], share[rows], decided[rows]))

    joined = [np.concatenate(arrays) for arrays in zip(*in_chunks(part, len(tail), 2 * _CHUNK), strict=True)]
    return Curves(*joined) if joined else curves


def _net(curves: Curves, tail: Floats, share: Floats, decided: Flags) -> Curves:
    slope = curves.slope * (1 - share[:, None, None] * (1 - curves.slope))
    drop = np.diff(curves.available, axis=2) * slope
    level = np.concatenate([np.zeros((*drop.shape[:2], 1)), -np.cumsum(drop, axis=2)], axis=2)
    at = np.sum(slope >= tail[:, None, None] - 1e-12, axis=2)[:, :, None]
    shift = np.take_along_axis(curves.shortage, at, 2) - np.take_along_axis(level, at, 2)
    least = curves.shortage[:, :, :1] + curves.available[:, :, :1] - curves.available
    made = convex(curves.available, np.maximum(np.maximum(level + shift, least), 0.0))
    where = (decided & (share > 0)[:, None])[:, :, None]
    return Curves(*(np.where(where, new, old) for new, old in zip(made, _parts(curves), strict=True)))


def from_the_shelf(
    curves: Curves, demand: Floats, variance: Floats, window_variance: Floats, opening: Floats, pipeline: Floats,
    first: Ints, tail: Floats, lost: Flags,
) -> Curves:  # fmt: skip
    """The same curves, with those of the weeks up to the `first` arrival [N] of a new order from the chain above.

    All [N, T]; weeks are taken as independent with the variance that makes their sum as uncertain as the window.
    """
    parts = [part.copy() for part in _parts(curves)]
    rows = np.flatnonzero(lost & (first >= 0))
    for weeks in np.unique(np.minimum(first[rows], LONGEST)).tolist():
        group, until = rows[np.minimum(first[rows], LONGEST) == weeks], slice(0, weeks + 1)

        def follow(chunk: slice, group: Ints = group, until: slice = until) -> None:
            some = group[chunk]
            chain = _chain(
                demand[some, until], variance[some, until], window_variance[some, until],
                opening[some], pipeline[some, until], tail[some],
            )  # fmt: skip
            for part, new in zip(parts, chain, strict=True):
                part[some, until] = new

        in_chunks(follow, len(group), _CHUNK)
    return Curves(*parts)


def _parts(curves: Curves) -> tuple[Floats, Floats, Floats]:
    return curves.available, curves.shortage, curves.slope


def _chain(
    demand: Floats, variance: Floats, window: Floats, opening: Floats, pipeline: Floats, tail: Floats
) -> tuple[Floats, Floats, Floats]:
    """Available, shortage and slope [N, weeks, K] of the weeks in turn."""
    spread = variance * np.maximum(window[:, -1:] / np.maximum(variance.sum(axis=1, keepdims=True), 1e-12), 1.0)
    unit = _unit(demand, spread, opening, pipeline, GRID)
    left = _on_grid(opening, unit, GRID)
    made = []
    for t in range(demand.shape[1]):
        if t or pipeline[:, t].any():
            left = _received(left, pipeline[:, t] / unit)
        excess = _excess(demand[:, t], spread[:, t], unit, GRID)
        made.append(_curve(left, excess, demand[:, t], unit, tail))
        left = _after(left, excess, unit)
    stacked = [np.stack(arrays, axis=1) for arrays in zip(*made, strict=True)]
    return stacked[0], stacked[1], stacked[2]


def _unit(demand: Floats, variance: Floats, opening: Floats, arrivals: Floats, grid: int) -> Floats:
    """Size of a step of the grid: one unit, or so many that the grid holds all stock and demand of a week's tail.

    Stock is never above what came in, and hardly above what would be left if demand so far fell short of its mean by
    six deviations: over many weeks far less than all arrivals at once, and every step of several units is rounding
    that spreads the stock.
    """
    start = np.maximum(opening, 0.0)[:, None]
    flow = np.cumsum(arrivals - demand, axis=1) + demand
    lowest = np.minimum.accumulate(np.minimum(start + flow - demand, 0.0), axis=1)
    held = start + flow - np.concatenate([np.zeros_like(start), lowest[:, :-1]], axis=1)
    spare = 6 * np.sqrt(np.cumsum(variance, axis=1))
    reached = np.minimum(held + spare, start + np.cumsum(arrivals, axis=1)).max(axis=1)
    high = (demand + 6 * np.sqrt(variance)).max(axis=1)
    steps: Floats = np.ceil(np.maximum(reached, high) / (grid - 2))
    return np.maximum(1.0, steps)


def _on_grid(stock: Floats, unit: Floats, grid: int) -> Floats:
    """Chances [N, grid]: all on the two levels around the stock, so that the mean stays."""
    place = np.clip(stock / unit, 0.0, grid - 1)
    below = np.minimum(np.floor(place).astype(int), grid - 2)
    chance = np.zeros((len(stock), grid))
    row = np.arange(len(stock))
    chance[row, below], chance[row, below + 1] = below + 1 - place, place - below
    return chance


def _received(left: Floats, steps: Floats) -> Floats:
    """The chances moved up by what arrives, split between two levels where it is no whole number of steps."""
    whole = np.floor(steps).astype(int)
    part = (steps - whole)[:, None]
    moved: Floats = (1 - part) * _moved(left, whole) + part * _moved(left, whole + 1)
    return moved


def _moved(left: Floats, by: Ints) -> Floats:
    """Chances moved by whole steps, up or down; what would leave the grid stays at its end."""
    grid = left.shape[1]
    source = np.arange(grid)[None, :] - by[:, None]
    inside = (source >= 0) & (source < grid)
    moved = np.where(inside, np.take_along_axis(left, np.clip(source, 0, grid - 1), axis=1), 0.0)
    moved[np.arange(len(left)), np.where(by < 0, 0, grid - 1)] += 1.0 - moved.sum(axis=1)
    return np.asarray(moved)


def _excess(mean: Floats, variance: Floats, unit: Floats, grid: int) -> Floats:
    """E[(demand - level)^+] on twice the grid [N, 2 grid]."""
    levels = np.arange(2 * grid)[None, :] * unit[:, None]
    return excess_along(levels, mean, variance)


def _after(left: Floats, excess: Floats, unit: Floats) -> Floats:
    """Chances of stock left: E[(level - demand)^+] is linear between the levels, so its bends are the chances."""
    grid = left.shape[1]
    steps = excess[:, : grid + 1] / unit[:, None]
    chance = np.diff(np.concatenate([steps[:, :1] + 1.0, steps], axis=1), 2, axis=1)
    rest = np.maximum(_matched(left, chance), 0.0)
    rest[:, 0] += 1.0 - rest.sum(axis=1)
    return rest


def _matched(values: Floats, chances: Floats) -> Floats:
    """Sum over i of chances [N, G] at i times values [N, K] at i + q, for every q: by Fourier transforms."""
    count = values.shape[1]
    size = fft.next_fast_len(count + chances.shape[1], real=True)
    both = fft.rfft(values, size, axis=1) * np.conj(fft.rfft(chances, size, axis=1))
    return np.asarray(fft.irfft(both, size, axis=1)[:, :count])


def _curve(left: Floats, excess: Floats, demand: Floats, unit: Floats, tail: Floats) -> tuple[Floats, Floats, Floats]:
    """Available and expected shortage for no order and for orders around the optimum, from 0 available on."""
    ordered = np.arange(GRID)
    shortage = np.maximum(_matched(excess, left)[:, :GRID], 0.0)
    slope = -np.diff(shortage, axis=1) / unit[:, None]
    worth = np.clip(tail[:, None] * TAILS[None, 1:], 1e-5, 0.97)
    picked = (slope[:, None, :] > worth[:, :, None]).sum(axis=2)
    for k in range(1, picked.shape[1]):
        picked[:, k] = np.maximum(picked[:, k], picked[:, k - 1] + 1)
    picked = np.concatenate([np.zeros((len(left), 1), int), np.maximum(picked, 1 + np.arange(picked.shape[1]))], axis=1)
    picked = np.minimum(picked, ordered[-1])
    known = (left * ordered).sum(axis=1) * unit
    right = convex(known[:, None] + picked * unit[:, None], np.take_along_axis(shortage, picked, axis=1))
    return _from_nothing(*right, demand)


def _from_nothing(available: Floats, shortage: Floats, slope: Floats, demand: Floats) -> tuple[Floats, Floats, Floats]:
    """The curve prolonged to 0 available, in one segment at least as steep as the next.

    No plan goes there: what is not ordered cannot be taken away.
    """
    width, rise = available[:, :1], demand[:, None] - shortage[:, :1]
    first = np.divide(rise, width, out=np.ones_like(width), where=width > 1e-9)
    first = np.clip(np.maximum(first, slope[:, :1]), 0.0, 1.0)
    return (
        np.concatenate([np.zeros_like(width), available], axis=1),
        np.concatenate([shortage[:, :1] + first * width, shortage], axis=1),
        np.concatenate([first, slope], axis=1),
    )


def along(opening: Floats, arrivals: Floats, demand: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Expected stock left and expected lost sales [N, T] where arrivals [N, T] are fixed: the chain to its end, weeks
    independent of each other."""
    stock, short = np.zeros_like(demand), np.zeros_like(demand)
    for start in range(0, len(demand), _CHUNK):
        rows = slice(start, start + _CHUNK)
        unit = _unit(demand[rows], variance[rows], opening[rows], arrivals[rows], FINE)
        left = _on_grid(opening[rows], unit, FINE)
        for t in range(demand.shape[1]):
            left = _received(left, arrivals[rows, t] / unit)
            excess = _excess(demand[rows, t], variance[rows, t], unit, FINE)
            short[rows, t] = (left * excess[:, :FINE]).sum(axis=1)
            left = _after(left, excess, unit)
            stock[rows, t] = (left * np.arange(FINE)).sum(axis=1) * unit
    return stock, short
