"""The replenishment model of record in PuLP: one physical idea, one function, its equation in words above it.

Variables are named by position: order_l3_t1 is packs ordered on link 3 in week 1, stock_n5_t2 what is left at node 5
at the end of week 2. `Terms` is a plain dict of variable -> coefficient, the only way expressions are built here.
"""

from __future__ import annotations

import numpy as np
import pulp

from planner.stock.case import Case, Floats, Ints
from planner.stock.resting import resting_stock
from planner.stock.terms import (
    AT_LEAST,
    AT_MOST,
    EQUAL,
    Model,
    Spot,
    Terms,
    add,
    has_lot,
    most_available,
    most_owed,
    no_collector,
    tier_packs,
)  # fmt: skip

EARLY_SHARE = 0.2


def build(case: Case, nodes: Ints, caps: Floats | None = None) -> Model:
    """The whole model of these nodes and of the links into them. The table of contents of what a plan obeys.

    `caps` [limit, T] is what the shared limits leave for these nodes; without it limits are not looked at.
    """
    with no_collector():
        model = Model(case, nodes, case.links_of(nodes), pulp.LpProblem("replenish", pulp.LpMinimize))
        write(model, caps)
        model.problem.setObjective(pulp.LpAffineExpression(model.cost))
    return model


def write(model: Model, caps: Floats | None) -> None:
    """Every equation; the cost is collected in the model."""
    orders(model)
    order_minimum(model)
    joint_orders(model)
    whole_trucks(model)
    movements(model)
    stock_balance(model)
    expected_shortage(model)
    availability(model)
    echelon_shortage(model)
    floors(model)
    ceilings(model)
    leftovers(model)
    shared_limits(model, caps)


def orders(model: Model) -> None:
    """Quantity = packs x pack size, at the landed cost of its tier = price x (1 + duty).

    Cost = (landed cost - cheapest landed cost) x quantity: only the difference is a cost, since what is left at the end
    is worth what it costs to replace. A transfer is charged the same way. The priority of a source breaks ties.
    """
    links = model.case.links
    for link in model.links.tolist():
        for week, _ in model.case.open_weeks(link):
            most = model.most(link, week)
            for tier, (_, price) in enumerate(links.tiers[link]):
                least, upper = tier_packs(model.case, link, tier, most)
                if upper < least:
                    continue
                landed = price * (1 + float(links.duty[link]))
                extra = max(landed - links.reference[link], 0.0) + 1e-7 * links.priority[link]
                name = f"l{link}_t{week}" + (f"_b{tier}" if len(links.tiers[link]) > 1 else "")
                cost = extra * links.pack[link]
                model.packs[link, week, tier] = model.var(f"order_{name}", cost, 0, upper, True)
                if has_lot(model.case, link):
                    model.placed[link, week, tier] = model.var(f"placed_{name}", links.order_cost[link], 0, 1, True)


def order_minimum(model: Model) -> None:
    """MOQ and price break: least x placed <= packs <= most x placed; at most one tier a week."""
    for (link, week, tier), placed in model.placed.items():
        packs, name = model.packs[link, week, tier], f"l{link}_t{week}_b{tier}"
        least, most = tier_packs(model.case, link, tier, model.most(link, week))
        model.row({packs: 1.0, placed: -least}, AT_LEAST, 0, f"least_{name}")
        model.row({packs: 1.0, placed: -most}, AT_MOST, 0, f"most_{name}")
    for link in model.links.tolist():
        tiers = len(model.case.links.tiers[link])
        for week, _ in model.case.open_weeks(link) if tiers > 1 else ():
            one = {model.placed[link, week, b]: 1.0 for b in range(tiers) if (link, week, b) in model.placed}
            if len(one) > 1:
                model.row(one, AT_MOST, 1, f"tier_l{link}_t{week}")


def joint_orders(model: Model) -> None:
    """Joint order: a line needs its supplier's order of the week; value, kg and m3 of its lines >= the minimum."""
    case = model.case
    lines: dict[Spot, list[tuple[int, int, int]]] = {}
    for key in model.packs:
        supplier = int(case.links.joint[key[0]])
        if supplier >= 0:
            lines.setdefault((supplier, key[1]), []).append(key)
    for (supplier, week), keys in sorted(lines.items()):
        joint, name = case.joints[supplier], f"s{supplier}_t{week}"
        opened = model.joint[supplier, week] = model.var(f"joint_{name}", joint.order_cost, 0, 1, True)
        for link, t, tier in keys:
            inner = model.placed.get((link, t, tier))
            most = 1.0 if inner is not None else model.most(link, t)
            line = model.packs[link, t, tier] if inner is None else inner
            model.row({line: 1.0, opened: -most}, AT_MOST, 0, f"line_l{link}_{name}_b{tier}")
        for word, minimum in (("value", joint.value), ("m3", joint.m3), ("kg", joint.kg)):
            if minimum > 0:
                terms = {model.packs[key]: _weight(case, key, word) for key in keys}
                model.row(terms | {opened: -minimum}, AT_LEAST, 0, f"minimum_{word}_{name}")


def _weight(case: Case, key: tuple[int, int, int], word: str) -> float:
    """What one pack counts towards a joint minimum; an unknown weight or volume counts 0."""
    link, _, tier = key
    each = {"value": case.links.tiers[link][tier][1], "m3": case.volume[link], "kg": case.weight[link]}[word]
    return float(np.nan_to_num(each)) * float(case.links.pack[link])


def whole_trucks(model: Model) -> None:
    """Load of a lane in a week <= vehicles, by volume and by weight: a whole number of them, each at its fixed cost."""
    row = {link: (m, k) for m, truck in enumerate(model.case.trucks) for k, link in enumerate(truck.links.tolist())}
    loads: dict[Spot, tuple[Terms, Terms]] = {}
    for (link, week, _), packs in model.packs.items():
        if link in row:
            m, k = row[link]
            for terms, share in zip(loads.setdefault((m, week), ({}, {})), model.case.trucks[m].share[k], strict=True):
                if share > 0:
                    add(terms, packs, float(share * model.case.links.pack[link]))
    for (m, week), measures in sorted(loads.items()):
        name = f"v{m}_t{week}"
        vehicles = model.trucks[m, week] = model.var(f"trucks_{name}", model.case.trucks[m].cost, 0, None, True)
        for word, terms in zip(("m3", "kg"), measures, strict=True):
            if terms:
                model.row(terms | {vehicles: -1.0}, AT_MOST, 0, f"load_{word}_{name}")


def movements(model: Model) -> None:
    """Received = packs of all links due in the week; shipped = packs of all transfers sent in the week."""
    links = model.case.links
    for (link, week, _), packs in model.packs.items():
        units, due = float(links.pack[link]), int(links.due[link, week])
        add(model.received.setdefault((int(links.node[link]), due), {}), packs, units)
        origin = int(links.origin[link])
        if origin >= 0:
            add(model.shipped.setdefault((origin, week), {}), packs, units)
            for t in range(week, due):
                model.moving.setdefault((origin, t), {})[packs] = units


def stock_balance(model: Model) -> None:
    """Stock left = stock before + received + shortage - demand - shipped.

    With backorders what was short before is owed: stock left = stock before - owed before + received + owed - demand -
    shipped. A node that sells nothing has no shortage: its stock cannot go below zero.
    """
    nodes = model.case.nodes
    for n in model.nodes.tolist():
        early = EARLY_SHARE * nodes.holding[n] if nodes.fed[n] else 0.0
        for t in range(model.case.horizon):
            model.stock[n, t] = model.var(f"stock_n{n}_t{t}", float(nodes.holding[n] + early))
            if nodes.sells[n]:
                model.short[n, t] = model.var(f"short_n{n}_t{t}", float(nodes.shortage[n]))
            terms, known = available(model, n, t)
            right = known - (nodes.demand[n, t] if nodes.sells[n] else 0.0)
            terms = {variable: -amount for variable, amount in terms.items()}
            terms[model.stock[n, t]] = 1.0
            if nodes.sells[n]:
                terms[model.short[n, t]] = -1.0
            model.row(terms, EQUAL, right, f"balance_n{n}_t{t}")


def available(model: Model, n: int, t: int) -> tuple[Terms, float]:
    """Available = stock before (less what is owed) + received - shipped: its variables, and what is known."""
    nodes = model.case.nodes
    terms: Terms = {}
    known = float(nodes.pipeline[n, t])
    if t == 0:
        known += float(nodes.opening[n] - nodes.backlog[n])
    else:
        terms[model.stock[n, t - 1]] = 1.0
        if nodes.sells[n] and not nodes.lost[n]:
            terms[model.short[n, t - 1]] = -1.0
    for variable, amount in model.received.get((n, t), {}).items():
        add(terms, variable, amount)
    for variable, amount in model.shipped.get((n, t), {}).items():
        add(terms, variable, -amount)
    return terms, known


def expected_shortage(model: Model) -> None:
    """Shortage = shortage at no stock - sum of (slope x units in the segment); available = sum of the segments.

    Slopes fall from segment to segment, so a cheapest plan fills them in their order and shortage lies on the curve;
    but where a floor has to be kept, or goods are sent on, it could pay to turn customers away or to let them wait.
    There a segment is used only when the one before it is full.
    """
    nodes = model.case.nodes
    for n, t in model.short:
        terms, known = available(model, n, t)
        shortage: Terms = {model.short[n, t]: 1.0}
        owes = not nodes.lost[n]
        spot = (n, t) if nodes.feeds[n] or (nodes.floor[n] > 0 and nodes.listed[n].any()) else None
        start, level = _segments(model, f"n{n}_t{t}", model.case.own.at(n, t), owes, terms, shortage, spot)
        if not owes and start <= 0:  # curves are rounded; without stock all demand is short, not a trifle less
            level = max(level, float(nodes.demand[n, t]))
        model.row(terms, EQUAL, start - known, f"available_n{n}_t{t}")
        model.row(shortage, EQUAL, level, f"curve_n{n}_t{t}")


def _segments(
    model: Model, name: str, curve: tuple[Floats, Floats, Floats], below: bool, terms: Terms, shortage: Terms,
    ordered: Spot | None = None,
) -> tuple[float, float]:  # fmt: skip
    """Segment variables of a curve, put into both rows; its first point. `below`: it goes on at slope 1 to the left.

    `ordered` names the node and week whose segments are to be filled one after the other; where goods are sent on, none
    while stock lies before the curve.
    """
    points, slopes = curve[0].tolist(), curve[2].tolist()
    if below:
        under = model.var(f"below_{name}")
        terms[under], shortage[under] = 1.0, -1.0
    before: tuple[pulp.LpVariable, float] | None = None
    sent_on = below and ordered is not None and bool(model.case.nodes.feeds[ordered[0]])
    for k, slope in enumerate(slopes):
        width = points[k + 1] - points[k]
        if width > 1e-9 and slope > 1e-9:
            segment = model.var(f"seg_{name}_k{k}", 0.0, 0, width)
            terms[segment], shortage[segment] = -1.0, slope
            if ordered is not None and before is not None:
                _after(model, ordered, before, segment, width, points[k])
            elif ordered is not None and sent_on:
                _unless_below(model, ordered, under, segment, width, points[0])
            before = (segment, width)
    rest = model.var(f"rest_{name}")
    terms[rest] = -1.0
    if ordered is not None and before is not None:
        _after(model, ordered, before, rest, most_available(model.case, ordered[0]), points[-1])
    elif ordered is not None and sent_on:
        most = most_available(model.case, ordered[0]) + max(-points[0], 0.0)
        _unless_below(model, ordered, under, rest, most, points[0])
    return points[0], float(curve[1][0])


def _after(
    model: Model, spot: Spot, before: tuple[pulp.LpVariable, float], segment: pulp.LpVariable, most: float, start: float
) -> None:  # fmt: skip
    """Segment <= most x full, segment before >= its width x full: nothing is put into it until that one is full."""
    name = segment.name.removeprefix("seg_").removeprefix("rest_")
    kind = "rest" if segment.name.startswith("rest_") else "seg"
    full = model.full[*spot, start] = model.var(f"full_{kind}_{name}", 0.0, 0, 1, True)
    model.row({segment: 1.0, full: -most}, AT_MOST, 0, f"until_{kind}_{name}")
    model.row({before[0]: 1.0, full: -before[1]}, AT_LEAST, 0, f"full_{kind}_{name}")


def _unless_below(
    model: Model, spot: Spot, under: pulp.LpVariable, segment: pulp.LpVariable, most: float, start: float
) -> None:
    """Below <= most owed x (1 - full), segment <= most x full: the curve is not entered from both ends."""
    name, owed = under.name.removeprefix("below_"), most_owed(model.case, spot) + max(start, 0.0)
    full = model.full[*spot, start] = model.var(f"full_below_{name}", 0.0, 0, 1, True)
    model.row({under: 1.0, full: owed}, AT_MOST, owed, f"until_below_{name}")
    model.row({segment: 1.0, full: -most}, AT_MOST, 0, f"full_below_{name}")


def availability(model: Model) -> None:
    """Shipped <= stock before + received: goods leave a place only when they are there."""
    nodes = model.case.nodes
    for (n, t), shipped in model.shipped.items():
        if nodes.sells[n] and not nodes.lost[n]:
            terms = dict(shipped)
            known = nodes.pipeline[n, t] + (nodes.opening[n] if t == 0 else 0.0)
            if t:
                add(terms, model.stock[n, t - 1], -1.0)
            for variable, amount in model.received.get((n, t), {}).items():
                add(terms, variable, -amount)
            model.row(terms, AT_MOST, known, f"available_to_ship_n{n}_t{t}")


def echelon_shortage(model: Model) -> None:
    """Extra shortage >= expected shortage of the echelon - expected shortage of its members.

    The echelon of a feeding node is its stock, what is on the way from it, and stock at all members, against their
    demand together over the feeding node's own exposure. What the members carry already is not charged twice, and
    their safety stock protects the echelon too: it is not added a second time.
    """
    case, nodes = model.case, model.case.nodes
    for n in model.nodes.tolist():
        below = nodes.members[n]
        if not nodes.feeds[n] or not len(below):
            continue
        inside = {n, *below.tolist()}
        for t in range(case.horizon):
            terms, known = _echelon_stock(model, n, inside, t)
            extra = model.extra[n, t] = model.var(f"extra_n{n}_t{t}", float(nodes.shortage[n]))
            shortage: Terms = {extra: 1.0, **{model.short[m, t]: 1.0 for m in below.tolist()}}
            start, level = _segments(model, f"e{n}_t{t}", case.echelon.at(n, t), True, terms, shortage)
            model.row(terms, EQUAL, start - known, f"echelon_n{n}_t{t}")
            model.row(shortage, AT_LEAST, level, f"echelon_curve_n{n}_t{t}")


def _echelon_stock(model: Model, n: int, inside: set[int], t: int) -> tuple[Terms, float]:
    """Echelon stock before demand of week t: stock left + demand - shortage of all inside, and transfers on the way."""
    nodes = model.case.nodes
    terms: Terms = {}
    known = 0.0
    for m in sorted(inside):
        terms[model.stock[m, t]] = 1.0
        known += float(nodes.moving[m, t]) if m != n else 0.0
        if nodes.sells[m]:
            known += float(nodes.demand[m, t])
            terms[model.short[m, t]] = -1.0
        terms.update(model.moving.get((m, t), {}))
    return terms, known


def floor_price(case: Case, n: int) -> float:
    """Price of a unit under the floor for a week: that of a unit short, at least twice its holding cost."""
    return float(max(case.nodes.shortage[n], 2 * case.nodes.holding[n]))


def floors(model: Model) -> None:
    """Under floor >= floor - stock left, priced: minimum, presentation and safety stock give way only to scarcity."""
    nodes = model.case.nodes
    for n, t in model.stock:
        if nodes.floor[n] > 0 and nodes.listed[n, t]:
            under = model.var(f"under_n{n}_t{t}", floor_price(model.case, n))
            model.row({under: 1.0, model.stock[n, t]: 1.0}, AT_LEAST, nodes.floor[n], f"floor_n{n}_t{t}")


def ceilings(model: Model) -> None:
    """Received <= ceiling - stock before, where anything is received: nothing is ordered beyond max_stock or cover.

    Stock that is there already, or firmly on its way, may lie above.
    """
    nodes = model.case.nodes
    rest = resting_stock(model.case, model.nodes)
    for n, t in model.stock:
        if np.isfinite(nodes.ceiling[n, t]) and model.received.get((n, t)):
            terms, known = available(model, n, t)
            for variable in model.shipped.get((n, t), {}):
                terms.pop(variable, None)
            room = max(float(nodes.ceiling[n, t]), float(rest[n, t]))
            model.row(terms, AT_MOST, room - known, f"ceiling_n{n}_t{t}")


def leftovers(model: Model) -> None:
    """Stock left in the last week of a listing is lost but for its salvage value."""
    nodes = model.case.nodes
    for n in model.nodes.tolist():
        last = last_listed(model.case, n)
        if last is not None and nodes.leftover[n] > 0:
            variable = model.stock[n, last]
            model.cost[variable] = model.cost.get(variable, 0.0) + float(nodes.leftover[n])


def last_listed(case: Case, n: int) -> int | None:
    """Last listed week, if the listing ends within the horizon."""
    listed = np.flatnonzero(case.nodes.listed[n])
    return int(listed[-1]) if len(listed) and listed[-1] < case.horizon - 1 else None


def limit_terms(model: Model, index: int) -> dict[int, Terms]:
    """Use of one shared limit by week: orders, setting up, stock before plus receipts, units sold. No constants."""
    case, limit = model.case, model.case.limits[index]
    weeks: dict[int, Terms] = {}
    for key, packs in model.packs.items():
        link, week, tier = key
        if limit.orders[link]:
            at = case.when(link, week, limit.when)
            price = case.links.tiers[link][tier][1] if limit.money else 1.0
            if at >= 0 and price:
                add(weeks.setdefault(at, {}), packs, float(limit.orders[link] * price * case.links.pack[link]))
            if at >= 0 and limit.setup[link]:
                add(weeks.setdefault(at, {}), model.placed[key], float(limit.setup[link]))
    for n, t in model.stock:
        if limit.held[n]:
            terms, _ = available(model, n, t)
            for variable in model.shipped.get((n, t), {}):
                terms.pop(variable, None)
            for variable, amount in terms.items():
                add(weeks.setdefault(t, {}), variable, amount * float(limit.held[n]))
    for n, t in model.short:
        if limit.served[n]:
            add(weeks.setdefault(t, {}), model.short[n, t], -float(limit.served[n]))
    return weeks


def limit_constant(case: Case, index: int, nodes: Ints) -> Floats:
    """[T] what these nodes use of a limit whatever is ordered: first week's stock, pipeline, demand."""
    limit, known = case.limits[index], np.zeros(case.horizon)
    if limit.held.any():
        held = limit.held[nodes]
        known += held @ case.nodes.pipeline[nodes]
        known[0] += held @ (case.nodes.opening[nodes] - case.nodes.backlog[nodes])
    if limit.served.any():
        known += limit.served[nodes] @ case.nodes.demand[nodes]
    return known


def shared_limits(model: Model, caps: Floats | None) -> None:
    """Use of a shared limit <= what is left of it; where it is soft, + over, at its price."""
    for index, limit in enumerate(model.case.limits if caps is not None else ()):
        known = limit_constant(model.case, index, model.nodes)
        for t, terms in sorted(limit_terms(model, index).items()):
            assert caps is not None
            if np.isfinite(caps[index, t]):
                if np.isfinite(limit.soft[t]):
                    terms = terms | {model.var(f"over_c{index}_t{t}", float(limit.soft[t])): -1.0}
                model.row(terms, AT_MOST, caps[index, t] - known[t], f"limit_c{index}_t{t}")
