"""Why an order has its size: the rule that moved it, in words with the figures of that rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.figures import money, number, plural
from planner.stock.case import Floats, Limit
from planner.stock.one_sku import OneSku
from planner.stock.pegging import Peg
from planner.stock.relief import label


@dataclass(frozen=True)
class Line:
    """One order line among the plan of its SKU. `need` fills what is available up to the target; `pegs` are its own;
    `prices` [limit, T] those of the run; `joint` holds every line of its supplier in its week."""

    sku: OneSku
    row: int
    need: float
    pegs: list[Peg]
    prices: Floats
    joint: pd.DataFrame
    currency: str

    @property
    def quantity(self) -> float:
        return float(self.sku.lines["quantity"].iloc[self.row])

    @property
    def link(self) -> int:
        return int(self.sku.link[self.row])

    @property
    def week(self) -> int:
        return int(self.sku.week[self.row])

    @property
    def due(self) -> int:
        return int(self.sku.case.links.due[self.link, self.week])

    @property
    def node(self) -> int:
        return int(self.sku.case.links.node[self.link])

    @property
    def pack(self) -> float:
        return float(self.sku.case.links.pack[self.link])

    @property
    def surplus(self) -> float:
        return max(0.0, self.quantity - self.need)

    @property
    def lasts(self) -> float:
        """Weeks from the receipt until the last unit is used; NaN where the horizon ends before."""
        used = sum(peg.units for peg in self.pegs)
        return max(peg.week for peg in self.pegs) - self.due + 1 if self.pegs and used > self.quantity - 0.5 else np.nan

    def held(self, units: float) -> float:
        """Cost of holding the last `units` of the line until they are used, at most to the horizon."""
        left, total, rate = units, 0.0, float(self.sku.case.nodes.holding[self.node])
        unused = max(0.0, self.quantity - sum(peg.units for peg in self.pegs))
        weeks = [(peg.week, peg.units) for peg in self.pegs] + [(self.sku.case.horizon, unused)]
        for week, amount in sorted(weeks, reverse=True):
            part = min(left, amount)
            total, left = total + part * rate * max(week - self.due, 0), left - part
        return total

    def cash(self, amount: float) -> str:
        return money(amount, self.currency)

    def monday(self, week: int) -> str:
        return str(self.sku.case.weeks[week].date())


def moved(line: Line) -> str:
    """The rule that moved the quantity, with its figures."""
    rule = str(line.sku.lines["moved_by"].iloc[line.row])
    if rule in _RULES:
        return _RULES[rule](line)
    return _limit(line, rule)


def _plainly(line: Line) -> str:
    away = line.quantity - line.need
    if abs(away) < max(1.0, line.pack):
        return "No rule moved it: it is what is missing to the target."
    side = "above" if away > 0 else "below"
    return f"It is {number(abs(away))} {side} what is missing to the target: cheaper so over the weeks."


def _multiple(line: Line) -> str:
    sizes = f"packs of {number(line.pack)}, so {number(line.need)} became {number(line.quantity)}"
    return f"Order multiple: it comes in {sizes}."


def _moq(line: Line) -> str:
    least = float(line.sku.case.links.moq[line.link])
    return (
        f"MOQ: {_source(line)} sends no less than {number(least)}; the need was {number(line.need)}. {_surplus(line)}"
    )


def _surplus(line: Line) -> str:
    lasts = f"until the week of {line.monday(max(peg.week for peg in line.pegs))}" if np.isfinite(line.lasts) else (
        "beyond the horizon"
    )  # fmt: skip
    cost = line.cash(line.held(line.surplus))
    return f"It lasts {lasts}; holding the {number(line.surplus)} above the need costs {cost}."


def _break(line: Line) -> str:
    tiers, tier = line.sku.case.links.tiers[line.link], int(line.sku.solution.tier[line.link, line.week])
    (least, cost), (_, above) = tiers[tier], tiers[tier - 1]
    gain = line.cash((above - cost) * line.quantity)
    return (
        f"Price break: from {number(least)} on a unit costs {line.cash(cost)} instead of {line.cash(above)}, which is"
        f" {gain} on this line; the need was {number(line.need)}. {_surplus(line)}"
    )


def _joint(line: Line) -> str:
    joint = line.sku.case.joints[line.sku.case.links.joint[line.link]]
    value = float((line.joint["quantity"] * line.joint["unit_cost"]).sum())
    minima = [line.cash(joint.value) if joint.value else "", f"{number(joint.m3)} m3" if joint.m3 else "",
              f"{number(joint.kg)} kg" if joint.kg else ""]  # fmt: skip
    return (
        f"Joint minimum: an order at {joint.supplier} must reach {' and '.join(text for text in minima if text)}; its"
        f" {plural(len(line.joint), 'line')} of that week come to {line.cash(value)}. The need here was"
        f" {number(line.need)}. {_surplus(line)}"
    )


def _order_cost(line: Line) -> str:
    links = line.sku.case.links
    own, joint = float(links.order_cost[line.link]), int(links.joint[line.link])
    parts = [f"{line.cash(own)} a line"] if own else []
    if joint >= 0 and line.sku.case.joints[joint].order_cost:
        others = len(line.joint) - 1
        shared = f", shared with {plural(others, 'other line')} of that week" if others else ""
        parts.append(f"{line.cash(line.sku.case.joints[joint].order_cost)} an order at {_source(line)}{shared}")
    return f"Order cost: {' and '.join(parts)}, so fewer and larger orders are cheaper. {_surplus(line)}"


def _truck(line: Line) -> str:
    """What a vehicle of the lane costs and carries, and whom the line shares it with."""
    case = line.sku.case
    truck = next(truck for truck in case.trucks if line.link in truck.links)
    share = float(truck.share[np.flatnonzero(truck.links == line.link)[0]].max())
    place = str(case.links.destination[line.link])
    others = int((line.joint["destination"] == place).sum()) - 1
    beside = f", together with {plural(others, 'other line')} of that week" if others else ""
    fills = f"{number(line.quantity)} fill {100 * share * line.quantity:.0f} % of one{beside}"
    words = f"Truck: goods from {_source(line)} to {place} travel in whole vehicles ({truck.mode}) at"
    words += f" {line.cash(truck.cost)} each; the {fills}. The need here was {number(line.need)}"
    if line.quantity < line.need:
        return f"{words}: the rest would have taken one more vehicle."
    return f"{words}: the rest rides in a vehicle that travels anyway. {_surplus(line)}"


def _order_days(line: Line) -> str:
    later = line.sku.case.links.due[line.link, line.week + 1 :]
    later = later[later >= 0]
    until = f"the week of {line.monday(int(later[0]))}" if len(later) else "the end of the horizon"
    return f"Order days: nothing more from {_source(line)} arrives before {until}, so it covers until then."


def _max_order(line: Line) -> str:
    most = float(line.sku.case.links.max_order[line.link])
    return f"Maximum: {_source(line)} sends at most {number(most)} a line; the need was {number(line.need)}."


def _ceiling(line: Line) -> str:
    most = float(line.sku.case.nodes.ceiling[line.node, line.due])
    where = line.sku.case.nodes.place[line.node]
    return (
        f"Maximum stock: {where} may hold {number(most)} in the week of {line.monday(line.due)} (max_stock,"
        f" max_cover_weeks or shelf life); the target asked for {number(line.need)}."
    )


def _limit(line: Line, rule: str) -> str:
    """A shared limit that binds then or, for goods brought forward, later."""
    if rule == "supply" and line.sku.case.links.origin[line.link] >= 0 and not _binding(line, rule):
        return f"Supply: {_source(line)} had no more to send; the need was {number(line.need)}."
    found = _binding(line, rule)
    words = f"{rule.capitalize()}: the need was {number(line.need)}"
    if not found:
        return f"{words}; the limit took its share."
    limit, week, price = found
    why = "less is ordered" if line.quantity < line.need else "more is ordered now, because less can be later"
    return (
        f"{words}; {why}: {label(limit.name)} binds in the week of {line.monday(week)}, where one unit of it more is"
        f" worth {_price(price, line.currency)}."
    )


def _binding(line: Line, rule: str) -> tuple[Limit, int, float] | None:
    """The dearest cell of a limit of that kind that the line uses now, or would use later."""
    scope = "money" if rule == "budget" else rule
    best: tuple[Limit, int, float] | None = None
    for limit, prices in zip(line.sku.case.limits, line.prices, strict=True):
        at = line.due if limit.held[line.node] else line.sku.case.when(line.link, line.week, limit.when)
        uses = limit.held[line.node] > 0 or limit.orders[line.link] > 0
        if limit.scope != scope or not uses or at < 0:
            continue
        weeks = prices[at:] if line.quantity > line.need else prices[at : at + 1]
        if weeks.max(initial=0.0) > (best[2] if best else 1e-9):
            best = limit, at + int(np.argmax(weeks)), float(weeks.max())
    return best


def _price(value: float, currency: str) -> str:
    return money(value, currency) if value >= 0.01 else f"{currency} {value:.2g}"


def _source(line: Line) -> str:
    return str(line.sku.case.links.source[line.link])


_RULES: dict[str, Callable[[Line], str]] = {
    "": _plainly, "order multiple": _multiple, "moq": _moq, "price break": _break, "joint minimum": _joint,
    "order cost": _order_cost, "order days": _order_days, "max order": _max_order, "max stock": _ceiling,
    "truck": _truck,
}  # fmt: skip
