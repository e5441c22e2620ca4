"""Planning again on many paths at once: a copy of every SKU network for each path, all solved as one case."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planner.stock.board import Board
from planner.stock.case import Case, Floats, Links, Nodes
from planner.stock.inputs import curves_of
from planner.stock.yard import Yard


def orders_now(case: Case, yard: Yard, week: int) -> tuple[Floats, Floats]:
    """[L, P] what each path orders in the first week of `case` from where it stands, and what that costs [P].

    Networks are planned by themselves: limits and joint orders, which several SKUs share, are not heeded.
    """
    copies = _copied(case, yard, week)
    board = Board(copies, tables=False)
    board.plan_apart(lambda *_: None)
    links, paths = len(case.links), yard.paths
    ordered = board.quantity[:, 0].reshape(paths, links).T
    costs = board.solution().unit_cost(copies.links)[:, 0].reshape(paths, links).T if links else ordered
    return ordered, (ordered * costs * (case.links.origin < 0)[:, None]).sum(axis=0)


def _copied(case: Case, yard: Yard, week: int) -> Case:
    nodes = _nodes(case, yard, week)
    links = _links(case, yard.paths)
    own, echelon = curves_of(nodes, links)
    count = yard.paths
    return replace(
        case, nodes=nodes, links=links, joints=(), limits=(), own=own, echelon=echelon,
        volume=np.tile(case.volume, count), weight=np.tile(case.weight, count),
    )  # fmt: skip


def _nodes(case: Case, yard: Yard, week: int) -> Nodes:
    """The nodes of every path, path after path, each with its own stock and what is on its way."""
    old, size, paths = case.nodes, len(case.nodes), yard.paths
    kept = {
        name: np.concatenate([getattr(old, name)] * paths) for name in old.__dataclass_fields__ if name != "members"
    }
    moved, bought = (_ahead(part, week, case.horizon) for part in (yard.moved, yard.bought))
    moving = moved.sum(axis=1, keepdims=True) - np.cumsum(moved, axis=1)
    stock = yard.on_hand.T.ravel()
    networks = int(old.network.max(initial=-1)) + 1
    shifts = np.repeat(np.arange(paths), size)
    kept |= {
        "network": kept["network"] + shifts * networks, "opening": np.maximum(stock, 0.0),
        "backlog": np.where(kept["lost"] | ~kept["sells"], 0.0, np.maximum(-stock, 0.0)),
        "pipeline": moved + bought, "moving": moving,
    }  # fmt: skip
    members = tuple(below + p * size for p in range(paths) for below in old.members)
    return Nodes(**kept, members=members)


def _ahead(coming: Floats, week: int, horizon: int) -> Floats:
    """[N P, horizon] what comes from `week` on, path after path."""
    part = coming[:, week : week + horizon]
    wide = np.zeros((coming.shape[0], horizon, coming.shape[2]))
    wide[:, : part.shape[1]] = part
    return wide.transpose(2, 0, 1).reshape(-1, horizon)


def _links(case: Case, paths: int) -> Links:
    old, size = case.links, len(case.nodes)
    kept = {name: np.concatenate([getattr(old, name)] * paths) for name in old.__dataclass_fields__ if name != "tiers"}
    shift = np.repeat(np.arange(paths) * size, len(old))
    kept |= {
        "node": kept["node"] + shift, "origin": np.where(kept["origin"] >= 0, kept["origin"] + shift, -1),
        "joint": np.full(len(shift), -1),
    }  # fmt: skip
    return Links(**kept, tiers=old.tiers * paths)
