"""How much of each shared limit a plan uses, and what plans and limits cost."""

from __future__ import annotations

import numpy as np

from planner.stock.case import Case, Floats, Ints, Solution
from planner.stock.model import EARLY_SHARE, floor_price, last_listed
from planner.stock.resting import resting_stock
from planner.stock.shared import Shared, Use
from planner.stock.trucks import freight

KINDS = (
    "holding", "shortage", "order", "purchase_difference", "floor", "leftover", "early_transfer", "over_limit",
    "tie_break",
)  # fmt: skip


def empty(case: Case) -> Solution:
    """The plan that orders nothing, before its stock is computed."""
    links, nodes = (len(case.links), case.horizon), (len(case.nodes), case.horizon)
    return Solution(np.zeros(links), np.zeros(links, np.int64), np.zeros(nodes), np.zeros(nodes), np.zeros(nodes))


def received(case: Case, solution: Solution) -> Floats:
    """[N, T] units that ordered lines bring, without the pipeline."""
    result = np.zeros((len(case.nodes), case.horizon))
    link, week = np.nonzero(solution.packs)
    np.add.at(result, (case.links.node[link], case.links.due[link, week]), solution.quantity(case.links)[link, week])
    return result


def shipped(case: Case, solution: Solution) -> Floats:
    """[N, T] units sent on from each node."""
    result = np.zeros((len(case.nodes), case.horizon))
    inner = np.flatnonzero(case.links.origin >= 0)
    np.add.at(result, case.links.origin[inner], solution.quantity(case.links)[inner])
    return result


def held(case: Case, solution: Solution) -> Floats:
    """[N, T] stock before plus receipts, net of what is owed."""
    nodes = case.nodes
    before = np.zeros((len(nodes), case.horizon))
    before[:, 0] = nodes.opening - nodes.backlog
    owes = nodes.sells & ~nodes.lost
    before[:, 1:] = solution.stock[:, :-1] - np.where(owes[:, None], solution.short[:, :-1], 0.0)
    return before + nodes.pipeline + received(case, solution)


def resting_usage(case: Case, nodes: Ints) -> Floats:
    """[limit, T] use if nothing were ordered any more: what no plan can avoid."""
    rest = resting_stock(case, nodes)[nodes]
    result = np.zeros((len(case.limits), case.horizon))
    for i, limit in enumerate(case.limits):
        result[i] = limit.held[nodes] @ rest
        if limit.served.any():
            result[i] += limit.served[nodes] @ np.minimum(case.nodes.demand[nodes], rest)
    return result


def costs(case: Case, solution: Solution, room: Floats) -> dict[str, float]:
    """Cost by kind over the horizon; `room` [limit, T] is what limits leave beside their firm use. They add up to the
    objective."""
    found = {kind: float(amounts.sum()) for kind, amounts in costs_by_node(case, solution).items()}
    found["order"] += _joint_cost(case, solution.quantity(case.links))
    told = {kind: found[kind] if kind in found else _over(case, solution, room) for kind in KINDS}
    return told | ({"freight": freight(case, solution.quantity(case.links))} if case.trucks else {})


def costs_by_node(case: Case, solution: Solution) -> dict[str, Floats]:
    """[N] of each kind of cost that is a node's own: all but joint orders and limits exceeded."""
    nodes, links = case.nodes, case.links
    quantity = solution.quantity(links)
    landed = solution.unit_cost(links) * (1 + links.duty[:, None]) if len(links) else quantity
    over_reference = np.maximum(landed - links.reference[:, None], 0.0)
    under = np.maximum(nodes.floor[:, None] - solution.stock, 0.0) * nodes.listed
    prices = np.array([floor_price(case, n) for n in range(len(nodes))], float)
    stock = solution.stock.sum(axis=1)

    def ordered(amounts: Floats) -> Floats:
        return np.bincount(links.node, amounts.sum(axis=1), len(nodes)).astype(float)

    return {
        "holding": nodes.holding * stock,
        "shortage": nodes.shortage * (solution.short + solution.extra).sum(axis=1),
        "order": ordered((quantity > 0) * links.order_cost[:, None]),
        "purchase_difference": ordered(over_reference * quantity),
        "floor": under.sum(axis=1) * prices,
        "leftover": np.array([_leftover(case, solution, n) for n in range(len(nodes))], float),
        "early_transfer": np.where(nodes.fed, EARLY_SHARE * nodes.holding, 0.0) * stock,
        "tie_break": ordered(quantity * 1e-7 * links.priority[:, None]),
    }


def _joint_cost(case: Case, quantity: Floats) -> float:
    total = 0.0
    for s, joint in enumerate(case.joints):
        ordered = (quantity[case.links.joint == s] > 0).any(axis=0)
        total += joint.order_cost * float(ordered.sum())
    return total


def _leftover(case: Case, solution: Solution, n: int) -> float:
    last = last_listed(case, n)
    return 0.0 if last is None else float(case.nodes.leftover[n] * solution.stock[n, last])


def _over(case: Case, solution: Solution, room: Floats) -> float:
    if not any(np.isfinite(limit.soft).any() for limit in case.limits):
        return 0.0
    over = np.maximum(used_by_plan(case, solution, room) - room, 0.0)
    soft = np.array([np.where(np.isfinite(limit.soft), limit.soft, 0.0) for limit in case.limits])
    return float((over * soft)[np.isfinite(over)].sum())


def used_by_plan(case: Case, solution: Solution, room: Floats) -> Floats:
    """[limit, T] use by a plan."""
    use = Use(solution.quantity(case.links), solution.tier, held(case, solution), solution.short)
    return Shared(case, room).used(use)
