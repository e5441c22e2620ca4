"""Cutting a case into parts that share nothing, so that the sum of their bounds bounds the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from planner.stock.case import Case, Ints

JOINED_NODES = 160
PART_CELLS = 520
MONOLITH_CELLS = 260


@dataclass(frozen=True)
class Part:
    """Nodes solved together. `blocks` [n] numbers what could be solved apart; `joint_share` and `calendar` hold for
    suppliers whose joint orders reach beyond the part: its share of them, and the weeks in which all order."""

    nodes: Ints
    blocks: Ints
    joint_share: Mapping[int, float] = field(default_factory=dict)
    calendar: Mapping[int, Ints] = field(default_factory=dict)


def split(case: Case, group_size: int) -> list[Part]:
    """Parts of at most `group_size` SKU networks and about PART_CELLS node-weeks.

    Networks that share a supplier's joint orders stay together up to JOINED_NODES nodes; a larger supplier orders by
    a calendar, and each part bears its share of the minimum and cost.
    """
    blocks, spanning = _blocks(case)
    shares = _weights(case)
    calendars = {supplier: _calendar(case, supplier, shares) for supplier in spanning}
    parts: list[Ints] = []
    chosen: list[Ints] = []
    cells = networks = 0
    order = np.argsort(blocks, kind="stable")
    for block in np.split(order, np.flatnonzero(np.diff(blocks[order])) + 1) if len(order) else []:
        size, count = len(block) * case.horizon, len(set(case.nodes.network[block].tolist()))
        if chosen and (cells + size > PART_CELLS or networks + count > group_size):
            parts.append(np.concatenate(chosen))
            chosen, cells, networks = [], 0, 0
        chosen.append(block)
        cells, networks = cells + size, networks + count
    if chosen:
        parts.append(np.concatenate(chosen))
    return [_part(case, np.sort(nodes), blocks, calendars, shares) for nodes in parts]


def monolith(case: Case) -> bool:
    """Whether the whole case is small enough for one model with all its limits inside."""
    return bool(case.limits) and len(case.nodes) * case.horizon <= MONOLITH_CELLS


def _part(
    case: Case, nodes: Ints, blocks: Ints, calendars: Mapping[int, Ints], shares: Mapping[int, dict[int, float]]
) -> Part:
    inside = set(case.links_of(nodes).tolist())
    share = {s: sum(w for link, w in shares[s].items() if link in inside) for s in calendars}
    return Part(nodes, blocks[nodes], share, {s: weeks for s, weeks in calendars.items() if share[s] > 0})


def _blocks(case: Case) -> tuple[Ints, list[int]]:
    """Number of the block of each node, and the suppliers too large to be kept in one."""
    network, links = case.nodes.network, case.links
    suppliers = range(len(case.joints))
    users = {s: np.unique(network[links.node[links.joint == s]]) for s in suppliers}
    spanning: list[int] = []
    while True:
        label = _joined(int(network.max(initial=-1)) + 1, [users[s] for s in suppliers if s not in spanning])
        blocks = label[network] if len(network) else network
        sizes = np.bincount(blocks, minlength=1)
        worst = [
            s for s in suppliers if s not in spanning and len(users[s]) and sizes[label[users[s][0]]] > JOINED_NODES
        ]
        if not worst:
            return blocks, spanning
        spanning.append(max(worst, key=lambda s: (len(users[s]), -s)))


def _joined(count: int, groups: list[Ints]) -> Ints:
    pairs = [(int(group[0]), int(other)) for group in groups for other in group[1:]]
    rows, columns = (np.array(side, dtype=np.int64) for side in (zip(*pairs, strict=True) if pairs else ((), ())))
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    labels = connected_components(graph, directed=False)[1] if count else np.zeros(0)
    first = {label: i for i, label in enumerate(dict.fromkeys(labels.tolist()))}
    return np.array([first[label] for label in labels.tolist()], dtype=np.int64)


def _weights(case: Case) -> dict[int, dict[int, float]]:
    """Supplier -> link -> share of what is bought there, by value of demand (equal shares where that is unknown)."""
    links, result = case.links, {}
    for s in range(len(case.joints)):
        own = np.flatnonzero(links.joint == s)
        value = np.array([_weekly_value(case, int(link)) for link in own])
        value = value + 1e-9 + (value.sum() == 0)
        result[s] = dict(zip(own.tolist(), (value / value.sum()).tolist(), strict=True))
    return result


def _weekly_value(case: Case, link: int) -> float:
    node = case.links.node[link]
    below = case.nodes.members[node] if case.nodes.feeds[node] else np.array([node])
    return float(case.nodes.demand[below].sum() / case.horizon * case.links.tiers[link][0][1])


def _calendar(case: Case, supplier: int, shares: Mapping[int, dict[int, float]]) -> Ints:
    """Weeks in which a large supplier is ordered from: often enough for the minimum, seldom enough for its cost."""
    joint, links = case.joints[supplier], list(shares[supplier])
    weekly = {"value": 0.0, "m3": 0.0, "kg": 0.0, "holding": 0.0}
    for link in links:
        node = case.links.node[link]
        below = case.nodes.members[node] if case.nodes.feeds[node] else np.array([node])
        units = float(case.nodes.demand[below].sum() / case.horizon)
        weekly["value"] += units * case.links.tiers[link][0][1]
        weekly["m3"] += units * float(np.nan_to_num(case.volume[link]))
        weekly["kg"] += units * float(np.nan_to_num(case.weight[link]))
        weekly["holding"] += units * float(case.nodes.holding[node])
    minimum = max(
        need / weekly[word] if weekly[word] > 0 else 0.0
        for word, need in (("value", joint.value), ("m3", joint.m3), ("kg", joint.kg))
    )
    lot = np.sqrt(2 * joint.order_cost / weekly["holding"]) if weekly["holding"] > 0 else 1.0
    every = int(np.clip(np.ceil(max(minimum * 1.1, lot, 1.0) - 1e-9), 1, case.horizon))
    return np.arange(0, case.horizon, every)
