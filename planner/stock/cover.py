"""Rows that tighten the relaxation where orders are a yes or no, and that no whole plan ever meets."""

from __future__ import annotations

import numpy as np
import pulp

from planner.stock.case import Ints
from planner.stock.terms import AT_MOST, EQUAL, Model, Terms, add

COVER_WEEKS = 12


def cover(model: Model) -> None:
    """Units received in week u and sold in week t <= demand of week t x orders placed for week u.

    Implied by whole orders, so no plan is lost; it tightens the relaxation where orders are a yes or no. What is
    received or there at the start covers what is sold: sold = from the start + sum over receipts.
    """
    nodes = model.case.nodes
    for n in model.nodes.tolist():
        below = nodes.members[n] if nodes.feeds[n] else np.array([n])
        placed = _placed_by_receipt(model, n)
        if placed and len(below) and nodes.lost[below].all() and nodes.sells[below].all():
            _cover_node(model, n, below, placed)


def _placed_by_receipt(model: Model, n: int) -> dict[int, list[pulp.LpVariable]]:
    """Week of receipt -> the yes-or-no of every order due then; empty if some order of the node has none."""
    links = model.case.links
    result: dict[int, list[pulp.LpVariable]] = {}
    for link, week, tier in model.packs:
        if links.node[link] == n:
            if (link, week, tier) not in model.placed:
                return {}
            result.setdefault(int(links.due[link, week]), []).append(model.placed[link, week, tier])
    return result


def _cover_node(model: Model, n: int, below: Ints, placed: dict[int, list[pulp.LpVariable]]) -> None:
    case, nodes = model.case, model.case.nodes
    inside = sorted({n, *below.tolist()})
    sources: dict[int, Terms] = {u: {} for u in placed}
    free: Terms = {}
    for t in range(case.horizon):
        start = model.var(f"from_start_n{n}_t{t}")
        free[start] = 1.0
        sold: Terms = {start: 1.0, **{model.short[m, t]: 1.0 for m in below.tolist()}}
        demand = float(nodes.demand[below, t].sum())
        for u, orders_due in placed.items():
            if u <= t < u + COVER_WEEKS:
                part = model.var(f"cover_n{n}_u{u}_t{t}")
                sold[part] = sources[u][part] = 1.0
                model.row({part: 1.0, **dict.fromkeys(orders_due, -demand)}, AT_MOST, 0, f"cover_n{n}_u{u}_t{t}")
        late = [u for u in placed if u + COVER_WEEKS <= t]
        for u in late:
            part = model.var(f"late_n{n}_u{u}_t{t}")
            sold[part] = sources[u][part] = 1.0
        model.row(sold, EQUAL, demand, f"sold_n{n}_t{t}")
    arrives = sum(nodes.opening[m] + nodes.pipeline[m].sum() for m in inside)
    inward = _outside_receipts(model, n, set(inside))
    model.row({**free, **inward}, AT_MOST, arrives, f"start_n{n}")
    for u, terms in sources.items():
        if terms:
            received = {variable: -amount for variable, amount in model.received[n, u].items()}
            model.row({**terms, **received}, AT_MOST, 0, f"used_n{n}_u{u}")


def _outside_receipts(model: Model, n: int, inside: set[int]) -> Terms:
    """Receipts of members from sources outside this echelon: they, too, are there without an order of this node."""
    links = model.case.links
    terms: Terms = {}
    for (link, _, _), packs in model.packs.items():
        node = int(links.node[link])
        if node in inside and node != n and int(links.origin[link]) not in inside:
            add(terms, packs, -float(links.pack[link]))
    return terms
