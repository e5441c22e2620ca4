"""Some SKU networks of a case, as a case of their own."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from planner.stock.case import Case, Curves, Flags, Ints, Limit, Links, Lots, Nodes, Truck

Rows = TypeVar("Rows", Nodes, Links, Lots, Curves)


@dataclass(frozen=True)
class Excerpt:
    """The `case` of some networks, and which nodes [n] and links [l] of the whole one are in it."""

    case: Case
    nodes: Ints
    links: Ints


def excerpt(case: Case, networks: Flags) -> Excerpt:
    """The networks chosen [network] of a case. Caps of limits, and minima of joint orders, are still those of all."""
    inside = networks[case.nodes.network]
    nodes, links = np.flatnonzero(inside), np.flatnonzero(inside[case.links.node])
    number, network = _numbers(nodes, len(inside)), _numbers(np.flatnonzero(networks), len(networks))
    kept, ways = _rows(case.nodes, nodes), _rows(case.links, links)
    kept = replace(kept, network=network[kept.network], members=tuple(number[own] for own in kept.members))
    ways = replace(ways, node=number[ways.node], origin=np.where(ways.origin >= 0, number[ways.origin], -1))
    lots = case.lots
    if lots is not None:
        lots = _rows(lots, np.flatnonzero(inside[lots.node]))
        lots = replace(lots, node=number[lots.node])
    part = replace(
        case, nodes=kept, links=ways, own=_rows(case.own, nodes), echelon=_rows(case.echelon, nodes), lots=lots,
        limits=tuple(_limit(limit, nodes, links) for limit in case.limits),
        volume=case.volume[links], weight=case.weight[links],
        trucks=tuple(_truck(truck, _numbers(links, len(case.links))) for truck in case.trucks),
    )  # fmt: skip
    return Excerpt(part, nodes, links)


def _numbers(chosen: Ints, count: int) -> Ints:
    """[count] the new number of each that is chosen, -1 for the others."""
    result = np.full(count, -1, np.int64)
    result[chosen] = np.arange(len(chosen))
    return result


def _rows(table: Rows, chosen: Ints) -> Rows:
    """The chosen rows of everything that a table holds."""
    return replace(table, **{field.name: _chosen(getattr(table, field.name), chosen) for field in fields(table)})


def _chosen(column: Any, chosen: Ints) -> Any:
    return tuple(column[i] for i in chosen.tolist()) if isinstance(column, tuple) else column[chosen]


def _limit(limit: Limit, nodes: Ints, links: Ints) -> Limit:
    return replace(
        limit, orders=limit.orders[links], setup=limit.setup[links], held=limit.held[nodes], served=limit.served[nodes]
    )


def _truck(truck: Truck, number: Ints) -> Truck:
    own = np.flatnonzero(number[truck.links] >= 0)
    return replace(truck, links=number[truck.links[own]], share=truck.share[own])
