"""A plan for one part: the relaxation, from it a pattern of orders, whole packs week by week, and a bound.

HiGHS alone finds no good plan where orders are a yes or no, so the pattern is rounded from the relaxation, several
ways at once, and HiGHS prices each; every number still comes from the one model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from planner.stock.case import Case, Floats, Ints
from planner.stock.model import build
from planner.stock.parts import Part
from planner.stock.solve import Outcome, Solver
from planner.stock.terms import Frame, Model, most_packs, tier_packs

# (start of the count, lot size relative to the economic one) of each pattern that is tried
CHOICES = ((0.5, 1.0), (0.95, 1.0), (0.95, 0.2), (0.95, 0.5), (0.8, 2.0))
FALLBACK_NODES, FALLBACK_GAP = 20, 0.3
TIGHT_CELLS = 260
Columns = npt.NDArray[np.int32]
Filled = Callable[[Outcome], Floats]
BREAK_REACH = 2.5
HALF_FULL, FULL = 0.5, 1 - 1e-6
POLISH_ROWS = 400


@dataclass(frozen=True)
class Found:
    """Plan of a part: values of its model's variables, objective, proven bound, and how the search ended."""

    objective: float
    bound: float
    values: Floats
    status: str
    nodes: int = 0
    timed_out: bool = False


def _numbered(nodes: Ints, groups: Ints) -> dict[int, int]:
    """node -> number of its group, from 0."""
    number = {group: i for i, group in enumerate(sorted(set(groups.tolist())))}
    return {node: number[group] for node, group in zip(nodes.tolist(), groups.tolist(), strict=True)}


def weekly_units(case: Case, link: int) -> float:
    """Demand behind a link, units a week."""
    node = case.links.node[link]
    below = case.nodes.members[node] if case.nodes.feeds[node] else np.array([node])
    return float(case.nodes.demand[below].sum() / case.horizon)


def economic_lot(order_cost: float, weekly: float, holding: float) -> float:
    """Lot size sqrt(2 x order cost x demand / holding cost) (Harris, 1913), at least a tenth of a week's demand."""
    lot = np.sqrt(2 * order_cost * weekly / holding) if holding > 0 else 0.0
    return float(max(lot, 0.1 * weekly, 1e-6))


class Search:
    """One part's model inside the solver, with the columns that rounding needs."""

    def __init__(self, case: Case, part: Part, caps: Floats | None = None, time_limit: float = 1800.0) -> None:
        self.case, self.part = case, part
        self.model: Model = build(case, part.nodes, Frame(caps, joint_share=part.joint_share))
        self.solver = Solver(self.model.problem, time_limit)
        self.caps = caps
        self.block = _numbered(part.nodes, part.blocks)
        self.network = _numbered(part.nodes, case.nodes.network[part.nodes])
        self.cost_columns = self.solver.positions(self.model.cost)
        self.cost_values = np.array(list(self.model.cost.values()), float)
        self.cost_nodes = np.array([self._node_of(variable.name) for variable in self.model.cost], dtype=np.int64)
        self._calendar()

    def _calendar(self) -> None:
        """A supplier that orders by a calendar: open in its weeks, closed in the others."""
        for (supplier, week), variable in self.model.joint.items():
            weeks = self.part.calendar.get(supplier)
            if weeks is not None:
                column = self.solver.positions([variable])
                value = np.array([float(week in weeks)])
                self.solver.bound_columns(column, value, value)
                self.solver.lower[column] = self.solver.upper[column] = value

    @property
    def lots(self) -> bool:
        return bool(self.model.placed or self.model.joint)

    def run(self) -> Found:
        """Relaxation, pattern, packs. The bound is the relaxation's."""
        relaxed = self.solver.relaxed()
        if not relaxed.found:
            return Found(np.nan, np.nan, relaxed.values, relaxed.status, 0, relaxed.timed_out)
        bound, relaxed = self._tighter(relaxed)
        start = (self._pattern(relaxed) or self._no_lots()) if self.lots else relaxed
        plan = self._whole_packs(start)
        if not plan.found:
            self.solver.reset_bounds(np.arange(len(self.solver.variables), dtype=np.int32))
            plan = self.solver.whole_numbers(FALLBACK_GAP, FALLBACK_NODES)
        self.solver.reset_bounds(np.arange(len(self.solver.variables), dtype=np.int32))
        status = "feasible" if plan.found else plan.status
        return Found(plan.objective, bound, plan.values, status, plan.nodes, plan.timed_out)

    def _no_lots(self) -> Outcome:
        """No order that is a yes or no: always allowed."""
        columns = self.solver.positions([*self.model.placed.values(), *self.model.joint.values()])
        return self._with_bounds(columns, np.zeros(len(columns)), np.zeros(len(columns)))

    def polish(self, found: Found, gap: float, nodes: int) -> Found:
        """Branch and bound from a plan, to a gap or a number of nodes; never a worse plan, never a lower bound."""
        outcome = self.solver.whole_numbers(gap, nodes, found.values)
        bound = np.nanmax([found.bound, outcome.bound if not self.part.calendar else found.bound])
        if outcome.found and outcome.objective < found.objective:
            return Found(outcome.objective, bound, outcome.values, outcome.status, outcome.nodes, outcome.timed_out)
        return Found(found.objective, bound, found.values, outcome.status, outcome.nodes, outcome.timed_out)

    def fixed(self, packs: Mapping[tuple[int, int, int], float]) -> Outcome:
        """The cost of given packs: everything else follows."""
        columns = self.solver.positions([self.model.packs[key] for key in packs])
        amounts = np.array(list(packs.values()), float)
        self.solver.bound_columns(columns, amounts, amounts)
        keys = list(self.model.placed)
        columns = self.solver.positions(self.model.placed.values())
        placed = np.array([float(packs[key] > 0) for key in keys])
        self.solver.bound_columns(columns, placed, placed)
        opened = {(int(self.case.links.joint[link]), week) for (link, week, _), amount in packs.items() if amount > 0}
        columns = self.solver.positions(self.model.joint.values())
        joint = np.array([float(key in opened) for key in self.model.joint])
        self.solver.bound_columns(columns, joint, joint)
        return self.solver.relaxed()

    def polishable(self) -> bool:
        return len(self.solver.problem.constraints()) <= POLISH_ROWS

    def _tighter(self, relaxed: Outcome) -> tuple[float, Outcome]:
        """A better bound, and better fractions to round, from a tighter relaxation where orders are a yes or no.

        Where joint orders reach beyond this part, the bound leaves them out: dropping a rule can only help.
        """
        if self.part.calendar:
            frame = Frame(self.caps, joint_share=dict.fromkeys(self.part.calendar, 0.0))
            free = Solver(build(self.case, self.part.nodes, frame).problem).relaxed()
            return (free.objective if free.found else -np.inf), relaxed
        if not self.lots or self.caps is not None or len(self.part.nodes) * self.case.horizon > TIGHT_CELLS:
            return relaxed.objective, relaxed
        model = build(self.case, self.part.nodes, Frame(self.caps, True, self.part.joint_share))
        solver = Solver(model.problem)
        tight = solver.relaxed()
        if not tight.found:
            return relaxed.objective, relaxed
        values = {variable.name: value for variable, value in zip(solver.variables, tight.values, strict=True)}
        fractions = np.array([values[variable.name] for variable in self.solver.variables])
        return max(relaxed.objective, tight.objective), replace(relaxed, values=fractions)

    def _pattern(self, relaxed: Outcome) -> Outcome | None:
        """Orders a yes or no: the relaxation's fractions accumulate and an order is placed whenever they fill up.

        Each offset fills up at other weeks; what is independent keeps the one that costs it least. First the weeks
        of joint orders, by block; then the lines, by SKU network, within these weeks.
        """
        if self.model.joint:
            columns = self.solver.positions(self.model.joint.values())
            choose = [self._joint_weeks(relaxed, *choice) for choice in CHOICES]
            outcome = self._best(columns, choose, self._joint_owners(), self.block, self._joint_fill)
            if outcome is None:
                return None
            relaxed = outcome
        if not self.model.placed:
            return relaxed
        columns = self.solver.positions(self.model.placed.values())
        owners = np.array([self.network[int(self.case.links.node[key[0]])] for key in self.model.placed], np.int64)
        choose = [self._lines(relaxed, *choice) for choice in CHOICES]
        outcome = self._best(columns, choose, owners, self.network, self._line_fill)
        return None if outcome is None else self._without_empty(outcome, columns)

    def _best(
        self, columns: Columns, choices: list[Floats], owners: Ints, groups: Mapping[int, int], filled: Filled
    ) -> Outcome | None:
        """Fix the columns of each owner to its cheapest choice; None if no choice is allowed."""
        best = np.full(len(columns), -1.0)
        cost = np.full(max(groups.values()) + 1, np.inf)
        for choice in choices:
            chosen, outcome = self._trial(columns, choice, filled)
            if outcome.found:
                price = self._costs(outcome, groups)
                better = (price < cost - 1e-9)[owners]
                best[better], cost = chosen[better], np.minimum(cost, price)
        if (best < 0).any():
            return None
        outcome = self._trial(columns, best, filled)[1]
        return outcome if outcome.found else None

    def _trial(self, columns: Columns, chosen: Floats, filled: Filled) -> tuple[Floats, Outcome]:
        """Price a choice; if not all its orders can be placed, without those that would be less than half full, then
        without all that would not be full."""
        outcome = self._with_bounds(columns, chosen, chosen)
        for least in HALF_FULL, FULL:
            if outcome.found:
                break
            free = self._with_bounds(columns, np.zeros(len(chosen)), chosen)
            if free.found:
                chosen = chosen * (filled(free) >= least)
                outcome = self._with_bounds(columns, chosen, chosen)
        return chosen, outcome

    def _with_bounds(self, columns: Columns, lower: Floats, upper: Floats) -> Outcome:
        self.solver.bound_columns(columns, lower, upper)
        return self.solver.relaxed()

    def _line_fill(self, outcome: Outcome) -> Floats:
        """Packs of each line as a share of the least that an order of it may be."""
        packs = outcome.values[self.solver.positions([self.model.packs[key] for key in self.model.placed])]
        least = [tier_packs(self.case, key[0], key[2], 10**9)[0] for key in self.model.placed]
        return np.asarray(packs / np.array(least, float), dtype=float)

    def _joint_fill(self, outcome: Outcome) -> Floats:
        """What each joint order holds as a share of its minimum (of its economic lot, if it has no minimum)."""
        filled = dict.fromkeys(self.model.joint, 0.0)
        for key, column in self._columns(self.model.packs):
            spot = (int(self.case.links.joint[key[0]]), key[1])
            if spot in filled:
                filled[spot] += float(outcome.values[column]) * self._joint_part(key[0], 1.0)
        return np.array(list(filled.values()), float)

    def _without_empty(self, outcome: Outcome, columns: Columns) -> Outcome:
        """Orders of nothing are not placed."""
        packs = self.solver.positions([self.model.packs[key] for key in self.model.placed])
        chosen = np.where(outcome.values[packs] < 1e-6, 0.0, np.round(outcome.values[columns]))
        self.solver.bound_columns(columns, chosen, chosen)
        return self.solver.relaxed()

    def _joint_weeks(self, relaxed: Outcome, offset: float, scale: float) -> Floats:
        """0 or 1 for every week of every joint order: what the relaxation buys fills one lot after the other."""
        shares, urgent = dict.fromkeys(self.model.joint, 0.0), dict.fromkeys(self.model.joint, 0.0)
        for key, column in self._columns(self.model.packs):
            spot, packs = (int(self.case.links.joint[key[0]]), key[1]), float(relaxed.values[column])
            if spot in shares and packs > 1e-9:
                shares[spot] += packs * self._joint_part(key[0], scale)
                most = self._most_lot(key[0], key[1])
                urgent[spot] = max(urgent[spot], packs * float(self.case.links.pack[key[0]]) / most)
        full = self._cap_shares(relaxed)
        shares = {spot: max(share, urgent[spot], full.get(spot, 0.0)) for spot, share in shares.items()}
        chosen = self._fill(shares, offset)
        return np.array([chosen[key] for key in self.model.joint], float)

    def _cap_shares(self, relaxed: Outcome) -> dict[tuple[int, int], float]:
        """(supplier, week) -> share of the fullest cap on its orders that the relaxation uses; a full one is due."""
        result: dict[tuple[int, int], float] = {}
        for index, caps in enumerate(self.caps if self.caps is not None else ()):
            limit, used = self.case.limits[index], dict[tuple[int, int], float]()
            for (link, week, tier), column in self._columns(self.model.packs):
                at = self.case.when(link, week, limit.when)
                if limit.orders[link] and at >= 0 and np.isfinite(caps[at]):
                    price = self.case.links.tiers[link][tier][1] if limit.money else 1.0
                    each = float(limit.orders[link] * price * self.case.links.pack[link]) / max(float(caps[at]), 1e-9)
                    spot = (int(self.case.links.joint[link]), week)
                    used[spot] = used.get(spot, 0.0) + float(relaxed.values[column]) * each
            result = {spot: max(used.get(spot, 0.0), result.get(spot, 0.0)) for spot in used | result}
        return result

    def _joint_part(self, link: int, scale: float) -> float:
        """Which part of its supplier's joint lot one pack of a link is."""
        joint, links = self.case.joints[int(self.case.links.joint[link])], self.case.links
        pack = float(links.pack[link])
        each = {
            "value": (joint.value, links.tiers[link][0][1]),
            "m3": (joint.m3, float(np.nan_to_num(self.case.volume[link]))),
            "kg": (joint.kg, float(np.nan_to_num(self.case.weight[link]))),
        }
        parts = [pack * size / (minimum * max(scale, 1.0)) for minimum, size in each.values() if minimum > 0]
        if joint.order_cost > 0:
            parts.append(pack / (self._joint_lots[int(links.joint[link])] * scale))
        return min(parts)

    @cached_property
    def _joint_lots(self) -> dict[int, float]:
        """Economic lot of each supplier's joint order in units: sqrt(2 x cost x units a week / holding of a unit)."""
        found = {}
        for s in {supplier for supplier, _ in self.model.joint}:
            own = [link for link in self.model.links.tolist() if self.case.links.joint[link] == s]
            weekly = [weekly_units(self.case, link) for link in own]
            held = [self.case.nodes.holding[self.case.links.node[link]] for link in own]
            mean = float(np.average(held, weights=np.array(weekly) + 1e-9))
            found[s] = economic_lot(self.case.joints[s].order_cost, sum(weekly), mean)
        return found

    def _lines(self, relaxed: Outcome, offset: float, scale: float) -> Floats:
        """0 or 1 for every line that is a yes or no; where its supplier orders jointly, only in that one's weeks."""
        opened = {key: float(relaxed.values[c]) for key, c in self._columns(self.model.joint)}
        lots = {link: self._lot(link, scale) for link in {key[0] for key in self.model.placed}}
        shares: dict[tuple[int, int], float] = {}
        for key, column in self._columns(self.model.packs):
            if key in self.model.placed:
                units = float(relaxed.values[column]) * float(self.case.links.pack[key[0]])
                lot = min(lots[key[0]], self._most_lot(key[0], key[1]))
                shares[key[0], key[1]] = shares.get((key[0], key[1]), 0.0) + units / lot
        may = {key: opened.get((int(self.case.links.joint[key[0]]), key[1]), 1.0) > 0.5 for key in shares}
        placed = self._fill(shares, offset, may)
        tiers = {link: self._tier(link, lot) for link, lot in lots.items()}
        return np.array([placed[k[0], k[1]] * (tiers[k[0]] == k[2]) for k in self.model.placed], float)

    def _lot(self, link: int, scale: float) -> float:
        """Economic lot of a link in units, at least its MOQ; a price break within reach of it is taken."""
        links = self.case.links
        held = float(self.case.nodes.holding[links.node[link]])
        lot = economic_lot(float(links.order_cost[link]), weekly_units(self.case, link), held)
        lot = max(lot * scale, links.moq[link] * max(1.0, scale / 1.5), links.pack[link])
        reached = [start for start, _ in links.tiers[link] if start <= lot * BREAK_REACH]
        return float(max(lot, reached[-1])) if scale > 1 else float(lot)

    def _most_lot(self, link: int, week: int) -> float:
        """Most that one order can bring before the next: half of the ceiling, or max_order; at least the MOQ."""
        links = self.case.links
        room = float(self.case.nodes.ceiling[links.node[link], links.due[link, week]]) / 2
        return max(min(room, float(links.max_order[link])), float(links.moq[link]), float(links.pack[link]))

    def _tier(self, link: int, lot: float) -> int:
        return max(b for b, (start, _) in enumerate(self.case.links.tiers[link]) if start <= lot + 1e-9)

    def _columns(self, variables: dict) -> list[tuple]:  # type: ignore[type-arg]
        return list(zip(variables, self.solver.positions(variables.values()).tolist(), strict=True))

    def _fill(
        self, shares: dict[tuple[int, int], float], offset: float, may: dict[tuple[int, int], bool] | None = None
    ) -> dict[tuple[int, int], float]:
        """(who, week) -> 1 in the weeks in which the shares of `who`, added up from `offset`, reach another whole."""
        level: dict[int, float] = {}
        result = {}
        for who, week in sorted(shares):
            fixed = self.part.calendar.get(who) if may is None else None
            level[who] = level.get(who, offset) + shares[who, week]
            full = level[who] >= 1 - 1e-6 and (may is None or may[who, week])
            if fixed is not None:
                full = bool(week in fixed)
            result[who, week] = float(full)
            level[who] = min(level[who] - 1.0, 1.0) if full else level[who]
        return result

    def _joint_owners(self) -> Ints:
        """Block of each joint order."""
        links = self.case.links
        block = {int(links.joint[link]): self.block[int(links.node[link])] for link in self.model.links.tolist()}
        return np.array([block[supplier] for supplier, _ in self.model.joint], dtype=np.int64)

    def _costs(self, outcome: Outcome, groups: Mapping[int, int]) -> Floats:
        """Cost of each group of nodes; joint orders and shared limits, which belong to several, count for the first."""
        owners = np.array([groups[node] for node in self.cost_nodes.tolist()])
        costs = self.cost_values * outcome.values[self.cost_columns]
        return np.bincount(owners, costs, max(groups.values()) + 1).astype(float)

    def _node_of(self, name: str) -> int:
        """Node of a variable, by the node, link or supplier that its name carries."""
        who = name.split("_")[1]
        kind, number = who[0], int(who[1:])
        if kind == "n":
            return number
        if kind == "l":
            return int(self.case.links.node[number])
        if kind == "s":
            link = next(link for link in self.model.links.tolist() if self.case.links.joint[link] == number)
            return int(self.case.links.node[link])
        return int(self.part.nodes[0])

    def _whole_packs(self, outcome: Outcome) -> Outcome:
        """Packs become whole week by week; what is left to decide adapts after each.

        A week in which neither the nearest, the lower nor the higher whole packs are allowed orders nothing.
        """
        by_week: dict[int, list[tuple[tuple[int, int, int], int]]] = {}
        for key, column in self._columns(self.model.packs):
            by_week.setdefault(key[1], []).append((key, column))
        for week in sorted(by_week):
            if not outcome.found:
                return outcome
            columns = np.array([column for _, column in by_week[week]], np.int32)
            values = outcome.values[columns]
            if np.abs(values - np.round(values)).max() < 1e-6:
                self.solver.bound_columns(columns, np.round(values), np.round(values))
                continue
            for whole in (np.round(values), np.floor(values + 1e-6), np.ceil(values - 1e-6)):
                fixed = self._within(by_week[week], whole, outcome)
                self._place(by_week[week], fixed)
                trial = self._with_bounds(columns, fixed, fixed)
                if trial.found:
                    break
            outcome = trial if trial.found else self._nothing_in(week, columns, outcome)
        return outcome

    def _nothing_in(self, week: int, columns: Columns, before: Outcome) -> Outcome:
        """The week's orders, and what they are placed by, set to nothing; later ones too that hang on them."""
        placed = [variable for key, variable in self.model.placed.items() if key[1] == week]
        opened = [variable for key, variable in self.model.joint.items() if key[1] == week]
        every = np.concatenate([columns, self.solver.positions([*placed, *opened])])
        trial = self._with_bounds(every, np.zeros(len(every)), np.zeros(len(every)))
        return trial if trial.found else self._fewer_after(week, before)

    def _fewer_after(self, week: int, before: Outcome) -> Outcome:
        """A transfer that was to be placed later may want for stock now: what can no longer be filled is not placed.

        Where even that is not allowed, what is placed after the week is open again.
        """
        later = np.array([key[1] > week for key in (*self.model.placed, *self.model.joint)])
        columns = self.solver.positions([*self.model.placed.values(), *self.model.joint.values()])[later]
        chosen = np.round(before.values[columns])
        free = self._with_bounds(columns, np.zeros(len(columns)), chosen)
        if free.found:
            filled = np.concatenate([self._line_fill(free), self._joint_fill(free)])[later]
            kept = chosen * (filled >= FULL)
            trial = self._with_bounds(columns, kept, kept)
            if trial.found:
                return trial
        return self._with_bounds(columns, np.zeros(len(columns)), np.ones(len(columns)))

    def _place(self, keys: list[tuple[tuple[int, int, int], int]], packs: Floats) -> None:
        """A line is placed where it has packs, and so is the joint order that it belongs to."""
        lines = {key: float(amount > 0) for (key, _), amount in zip(keys, packs, strict=True)}
        placed = [key for key in lines if key in self.model.placed]
        values = np.array([lines[key] for key in placed])
        self.solver.bound_columns(self.solver.positions([self.model.placed[key] for key in placed]), values, values)
        opened: dict[tuple[int, int], float] = {}
        for key, amount in lines.items():
            spot = (int(self.case.links.joint[key[0]]), key[1])
            if spot in self.model.joint and spot[0] not in self.part.calendar:
                opened[spot] = max(opened.get(spot, 0.0), amount)
        values = np.array(list(opened.values()))
        self.solver.bound_columns(self.solver.positions([self.model.joint[spot] for spot in opened]), values, values)

    def _within(self, keys: list[tuple[tuple[int, int, int], int]], whole: Floats, outcome: Outcome) -> Floats:
        """Whole packs inside what the tier allows where an order is placed."""
        result = whole.copy()
        for i, (key, _) in enumerate(keys):
            placed = self.model.placed.get(key)
            if placed is not None and outcome.values[self.solver.index[placed.hash]] > 0.5:
                least, most = tier_packs(self.case, key[0], key[2], most_packs(self.case, key[0], key[1]))
                result[i] = min(max(result[i], least), most)
        return result
