"""A case as the compiled loops read it: one grid of stock per node, and the orders that can arrive in each week."""

from __future__ import annotations

import numpy as np

from planner.stock.case import Case, Floats, Ints
from planner.stock.kernel.field import FAR, Field
from planner.stock.model import EARLY_SHARE, floor_price, last_listed
from planner.stock.resting import resting_stock

POINTS = 256
LOTS_HELD, WEEKS_HELD, WEEKS_OWED = 3.0, 4.0, 4.0


def make_field(case: Case, points: int = POINTS, span: tuple[Floats, Floats] | None = None) -> Field:
    """Everything at its own cost: no prices of limits, nothing shipped, every order allowed. About `points` a grid.

    `span` is what `reach` says of the case, if that is known already.
    """
    nodes, links = case.nodes, case.links
    shape, orders = nodes.demand.shape, links.due.shape
    tier_first = np.concatenate([[0], np.cumsum([len(tiers) for tiers in links.tiers])]).astype(np.int64)
    tiers = [(start, price, price * (1 + links.duty[i]) - links.reference[i])
             for i, own in enumerate(links.tiers) for start, price in own]  # fmt: skip
    first, link, week = _orders_by_arrival(case)
    low, high = span or reach(case)
    step, size = _widths(case, low, high, points)
    start = nodes.opening - nodes.backlog
    field = Field(
        start=start, arrive=nodes.pipeline.copy(), demand=np.where(nodes.sells[:, None], nodes.demand, 0.0),
        ship=np.zeros(shape), hold=holding(case), short_cost=np.repeat(nodes.shortage[:, None], shape[1], axis=1),
        space_price=np.zeros(shape), served_price=np.zeros(shape), floor=nodes.floor[:, None] * nodes.listed,
        floor_price=np.array([floor_price(case, n) for n in range(len(nodes))], float), ceiling=_ceilings(case),
        sells=nodes.sells, lost=nodes.lost, points=case.own.available, values=case.own.shortage,
        echelon_cost=np.where([nodes.feeds[n] and len(nodes.members[n]) > 0 for n in range(len(nodes))],
                              nodes.shortage, 0.0).astype(float),
        echelon_points=case.echelon.available, echelon_values=case.echelon.shortage,
        echelon_beside=np.zeros(shape), echelon_short=np.full(shape, FAR),
        lo=np.zeros(shape), step=step, size=size,
        offset=np.concatenate([[0], np.cumsum(size * shape[1])[:-1]]).astype(np.int64) if len(nodes) else size,
        due_first=first, op_link=link, op_week=week, pack=links.pack.astype(float), least=links.moq.astype(float),
        most=np.minimum(links.max_order, FAR), tier_first=tier_first,
        tier_from=np.array([start for start, _, _ in tiers], float),
        tier_extra=np.array([max(extra, 0.0) for _, _, extra in tiers], float),
        tier_price=np.array([price for _, price, _ in tiers], float),
        due=links.due.astype(np.int64),
        fixed=np.repeat(links.order_cost[:, None].astype(float), orders[1], axis=1),
        unit=np.repeat((1e-7 * links.priority + case.freight)[:, None], orders[1], axis=1).astype(float),
        cap=np.full(orders, np.inf),
        truck=np.full(len(links), -1), share=_shares(case), vehicle=np.zeros(len(case.trucks)),
        load=np.zeros((len(case.trucks), shape[1], 2)),
    )  # fmt: skip
    align(field, low)
    return field


def _shares(case: Case) -> Floats:
    """[L, 2] part of a vehicle that a unit fills, by volume and by weight; 0 where no vehicles are charged."""
    shares = np.zeros((len(case.links), 2))
    for truck in case.trucks:
        shares[truck.links] = truck.share
    return shares


def align(field: Field, low: Floats) -> None:
    """Place the grids: where nothing is lost, a grid point of one week falls on one of the next."""
    weeks = field.demand.shape[1]
    low = np.where(field.lost | ~field.sells, 0.0, low) if low.ndim == 1 else low
    spot = field.start + field.arrive[:, 0]
    for t in range(weeks):
        field.lo[:, t] = spot - np.floor((spot - low) / field.step + 1e-9) * field.step
        if t + 1 < weeks:
            spot = field.lo[:, t] - field.demand[:, t] - field.ship[:, t] + field.arrive[:, t + 1]


def holding(case: Case) -> Floats:
    """[N, T] cost of a unit left in a week: holding, what a fed place pays for stock sent early, what is lost with
    what is left at the end of a listing."""
    nodes = case.nodes
    early = np.where(nodes.fed, EARLY_SHARE * nodes.holding, 0.0)
    cost = np.repeat((nodes.holding + early)[:, None], case.horizon, axis=1)
    for n in np.flatnonzero((nodes.leftover > 0) & ~nodes.listed.all(axis=1)):
        last = last_listed(case, int(n))
        if last is not None:
            cost[n, last] += nodes.leftover[n]
    return cost


def behind(case: Case) -> Floats:
    """[N, T] demand that a node has to serve: its own, and where it feeds others that of all below it."""
    demand = np.where(case.nodes.sells[:, None], case.nodes.demand, 0.0)
    for n in np.flatnonzero(case.nodes.feeds):
        demand[n] = case.nodes.demand[case.nodes.members[n]].sum(axis=0)
    return demand


def reach(case: Case) -> tuple[Floats, Floats]:
    """[N] least and most stock available that a sensible plan could ever have: below it too much is owed, above it a
    unit would not be needed within several economic lots."""
    nodes, links = case.nodes, case.links
    weekly = behind(case).mean(axis=1)
    lot = np.maximum(_largest_lot(case, weekly), WEEKS_HELD * weekly)
    if len(links):
        gap = np.zeros(len(nodes))
        np.maximum.at(gap, links.node, _longest_wait(case))
        lot += gap * weekly
    top = case.own.available[:, :, -1].max(axis=1, initial=0.0)
    top = np.where(nodes.feeds, np.maximum(top, case.echelon.available[:, :, -1].max(axis=1, initial=0.0)), top)
    rest = resting_path(case)
    low = np.where(nodes.lost | ~nodes.sells, 0.0, np.minimum(rest.min(axis=1), 0.0) - WEEKS_OWED * weekly)
    return low, top + lot + nodes.floor + 1e-6


def resting_path(case: Case) -> Floats:
    """[N, T] stock available, net of what is owed, until the first order can arrive; 0 after it."""
    nodes = case.nodes
    first = np.full(len(nodes), case.horizon)
    due = np.where(case.links.due >= 0, case.links.due, case.horizon).min(axis=1, initial=case.horizon)
    np.minimum.at(first, case.links.node, due)
    path = (nodes.opening - nodes.backlog)[:, None] + np.cumsum(nodes.pipeline, axis=1)
    path[:, 1:] -= np.cumsum(np.where(nodes.sells[:, None], nodes.demand, 0.0), axis=1)[:, :-1]
    return np.where(np.arange(case.horizon)[None, :] <= first[:, None], path, 0.0)


def _largest_lot(case: Case, weekly: Floats) -> Floats:
    """[N] the largest of MOQ, order multiple, economic lots (Harris, 1913; the supplier's joint order cost in full)
    and price breaks that a year could use up."""
    links, nodes = case.links, case.nodes
    lot = np.zeros(len(nodes))
    joint = np.array([case.joints[s].order_cost if s >= 0 else 0.0 for s in links.joint.tolist()], float)
    for i in range(len(links)):
        n = int(links.node[i])
        economic = np.sqrt(2 * (links.order_cost[i] + joint[i]) * weekly[n] / max(nodes.holding[n], 1e-9))
        economic = min(LOTS_HELD * economic, case.horizon * weekly[n])
        breaks = [start for start, _ in links.tiers[i] if start <= 52 * weekly[n]]
        lot[n] = max(lot[n], economic, links.moq[i], links.pack[i], max(breaks, default=0.0))
    return lot


def _longest_wait(case: Case) -> Floats:
    """[L] most weeks from one possible arrival of a link to its next."""
    due = np.sort(np.where(case.links.due >= 0, case.links.due, -1), axis=1)
    apart = np.where(due[:, :-1] >= 0, np.diff(due, axis=1), 0)
    return np.asarray(np.maximum(apart.max(axis=1, initial=0), 1), dtype=float)


def _widths(case: Case, low: Floats, high: Floats, points: int) -> tuple[Floats, Ints]:
    """Width and number of points of the grid of each node, for the smallest pack that it is sent."""
    pack = np.full(len(case.nodes), np.inf)
    np.minimum.at(pack, case.links.node, case.links.pack)
    return aligned(pack, low, high, points)


def aligned(pack: Floats, low: Floats, high: Floats, points: int) -> tuple[Floats, Ints]:
    """Width and number of points of grids from `low` to `high`: a whole share of a pack, or a whole number of packs."""
    width = np.maximum((high - low) / points, 1e-9)
    pack = np.where(np.isfinite(pack), pack, width)
    share = np.maximum(np.ceil(pack / width - 1e-9), 1.0)
    step = np.where(pack >= width, pack / share, np.floor(width / pack) * pack)
    size = np.clip(np.ceil((high - low) / step) + 2, 8, None).astype(np.int64)
    return step, size


def _ceilings(case: Case) -> Floats:
    """[N, T] the ceiling of each node, at least what is there or on its way without any order; FAR where none is."""
    ceiling = case.nodes.ceiling
    limited = np.flatnonzero(np.isfinite(ceiling).any(axis=1))
    result = np.where(np.isfinite(ceiling), ceiling, FAR)
    if len(limited):
        rest = resting_stock(case, limited)
        result[limited] = np.maximum(result[limited], rest[limited])
    return result


def _orders_by_arrival(case: Case) -> tuple[Ints, Ints, Ints]:
    """due_first [N * T + 1], and link and week of every possible order, by node and week of arrival."""
    link, week = np.nonzero(case.links.due >= 0)
    due, node = case.links.due[link, week], case.links.node[link]
    key = node * case.horizon + due
    order = np.lexsort((week, link, key))
    first = np.searchsorted(key[order], np.arange(len(case.nodes) * case.horizon + 1))
    return first.astype(np.int64), link[order].astype(np.int64), week[order].astype(np.int64)


def upstream_first(case: Case) -> list[Ints]:
    """Nodes by level, those that feed others before those they feed. Sources hold no circle."""
    origin, node, count = case.links.origin, case.links.node, len(case.nodes)
    inner = origin >= 0
    level = np.zeros(count, np.int64)
    for _ in range(count):
        deeper = np.zeros(count, np.int64)
        np.maximum.at(deeper, node[inner], level[origin[inner]] + 1)
        if (deeper == level).all():
            break
        level = deeper
    return [np.flatnonzero(level == k) for k in range(int(level.max(initial=0)) + 1)]
