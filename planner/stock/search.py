"""A plan for one part: the relaxation, from it a pattern of orders, whole packs week by week, and a bound.

HiGHS alone finds no good plan where orders are a yes or no, so the pattern is rounded from the relaxation, several
ways at once, and HiGHS prices each; every number still comes from the one model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from planner.stock.case import Case, Floats, Ints
from planner.stock.model import Frame, Model, build, tier_packs, most_packs
from planner.stock.parts import Part
from planner.stock.solve import Outcome, Solver

OFFSETS = (0.5, 0.9, 0.7, 0.3, 0.1)
POLISH_ROWS = 1500
FALLBACK_NODES = 200


@dataclass(frozen=True)
class Found:
    """Plan of a part: values of its model's variables, objective, proven bound, and how the search ended."""

    objective: float
    bound: float
    values: Floats
    status: str
    nodes: int = 0
    timed_out: bool = False


class Search:
    """One part's model inside the solver, with the columns that rounding needs."""

    def __init__(self, case: Case, part: Part, caps: Floats | None = None, time_limit: float = 1800.0) -> None:
        self.case, self.part = case, part
        self.model: Model = build(case, part.nodes, Frame(caps, part.joint_share))
        self.solver = Solver(self.model.problem, time_limit)
        self.block = dict(zip(part.nodes.tolist(), part.blocks.tolist(), strict=True))
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
        bound = relaxed.objective if not self.part.calendar else self._free_bound()
        start = self._pattern(relaxed) if self.lots else relaxed
        plan = self._whole_packs(start) if start is not None else None
        self.solver.reset_bounds(np.arange(len(self.solver.variables), dtype=np.int32))
        if plan is None:
            plan = self.solver.whole_numbers(0.05, FALLBACK_NODES)
            if not plan.found:
                return Found(np.nan, bound, plan.values, plan.status, plan.nodes, plan.timed_out)
        return Found(plan.objective, bound, plan.values, "feasible", plan.nodes, plan.timed_out)

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

    def _free_bound(self) -> float:
        """Bound without the joint orders of suppliers that reach beyond this part: dropping a rule can only help."""
        frame = Frame(None, dict.fromkeys(self.part.calendar, 0.0))
        outcome = Solver(build(self.case, self.part.nodes, frame).problem).relaxed()
        return outcome.objective

    def _pattern(self, relaxed: Outcome) -> Outcome | None:
        """Orders a yes or no: the relaxation's fractions accumulate and an order is placed whenever they fill up.

        Each offset fills up at other weeks; blocks are independent, so each keeps the one that costs it least.
        """
        columns = self.solver.positions([*self.model.placed.values(), *self.model.joint.values()])
        best = np.full(len(columns), -1.0)
        cost = np.full(int(self.part.blocks.max()) + 1, np.inf)
        owner = self._owners(columns)
        for offset in OFFSETS:
            chosen = self._rounded(relaxed, offset)
            self.solver.bound_columns(columns, chosen, chosen)
            outcome = self.solver.relaxed()
            if outcome.found:
                price = self._block_costs(outcome)
                better = (price < cost - 1e-9)[owner]
                best[better], cost = chosen[better], np.minimum(cost, price)
        if (best < 0).any():
            return None
        self.solver.bound_columns(columns, best, best)
        outcome = self.solver.relaxed()
        return self._without_empty(outcome, best, columns) if outcome.found else None

    def _without_empty(self, outcome: Outcome, chosen: Floats, columns: np.ndarray) -> Outcome:
        """Orders of nothing are not placed."""
        packs = self.solver.positions([self.model.packs[key] for key in self.model.placed])
        empty = np.r_[outcome.values[packs] < 1e-6, np.zeros(len(self.model.joint), bool)] & (chosen > 0)
        chosen = np.where(empty, 0.0, chosen)
        self.solver.bound_columns(columns, chosen, chosen)
        return self.solver.relaxed()

    def _rounded(self, relaxed: Outcome, offset: float) -> Floats:
        """0 or 1 for every yes-or-no, in the order of placed and joint."""
        joint = self._fill({key: float(relaxed.values[c]) for key, c in self._columns(self.model.joint)}, offset)
        shares: dict[tuple[int, int], float] = {}
        for key, column in self._columns(self.model.placed):
            shares[key[0], key[1]] = shares.get((key[0], key[1]), 0.0) + float(relaxed.values[column])
        may = {key: joint.get((int(self.case.links.joint[key[0]]), key[1]), 1.0) > 0 for key in shares}
        placed = self._fill(shares, offset, may)
        tiers = self._tiers(relaxed)
        chosen = [placed[key[0], key[1]] * (tiers.get(key[0], 0) == key[2]) for key in self.model.placed]
        return np.array(chosen + [joint[key] for key in self.model.joint], float)

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

    def _tiers(self, relaxed: Outcome) -> dict[int, int]:
        """Tier of each link: that in which the relaxation buys most."""
        bought: dict[tuple[int, int], float] = {}
        for key, column in self._columns(self.model.packs):
            if len(self.case.links.tiers[key[0]]) > 1:
                bought[key[0], key[2]] = bought.get((key[0], key[2]), 0.0) + float(relaxed.values[column])
        result: dict[int, int] = {}
        for link, tier in sorted(bought):
            if bought[link, tier] > bought.get((link, result.get(link, -1)), -1.0):
                result[link] = tier
        return result

    def _owners(self, columns: np.ndarray) -> Ints:
        """Block of each yes-or-no column."""
        links = self.case.links
        placed = [self.block[int(links.node[key[0]])] for key in self.model.placed]
        by_supplier = {int(links.joint[link]): self.block[int(links.node[link])] for link in self.model.links.tolist()}
        owners = np.array(placed + [by_supplier[supplier] for supplier, _ in self.model.joint], dtype=np.int64)
        assert len(owners) == len(columns)
        return owners

    def _block_costs(self, outcome: Outcome) -> Floats:
        """Cost of each block, from the costs and values of its variables."""
        if not hasattr(self, "_cost_columns"):
            owners, columns, costs = [], [], []
            for variable, cost in self.model.cost.items():
                columns.append(self.solver.index[variable.hash])
                owners.append(self._block_of(variable.name))
                costs.append(cost)
            self._cost_columns = (np.array(owners), np.array(columns), np.array(costs))
        owners_, columns_, costs_ = self._cost_columns
        size = int(self.part.blocks.max()) + 1
        return np.bincount(owners_, costs_ * outcome.values[columns_], size)

    def _block_of(self, name: str) -> int:
        """Block of a variable, by the node, link or supplier that its name carries; a shared limit belongs to the first."""
        who = name.split("_")[1]
        kind, number = who[0], int(who[1:])
        if kind == "n":
            return self.block[number]
        if kind == "l":
            return self.block[int(self.case.links.node[number])]
        if kind == "s":
            link = next(link for link in self.model.links.tolist() if self.case.links.joint[link] == number)
            return self.block[int(self.case.links.node[link])]
        return int(self.part.blocks[0])

    def _whole_packs(self, outcome: Outcome) -> Outcome | None:
        """Packs become whole week by week; what is left to decide adapts after each. None if a rule forbids it."""
        by_week: dict[int, list[tuple[tuple[int, int, int], int]]] = {}
        for key, column in self._columns(self.model.packs):
            by_week.setdefault(key[1], []).append((key, column))
        for week in sorted(by_week):
            columns = np.array([column for _, column in by_week[week]], np.int32)
            values = outcome.values[columns]
            if np.abs(values - np.round(values)).max() < 1e-6:
                self.solver.bound_columns(columns, np.round(values), np.round(values))
                continue
            for whole in (np.round(values), np.floor(values + 1e-6), np.ceil(values - 1e-6)):
                fixed = self._within(by_week[week], whole, outcome)
                self.solver.bound_columns(columns, fixed, fixed)
                trial = self.solver.relaxed()
                if trial.found:
                    break
            else:
                return None
            outcome = trial
        return outcome

    def _within(
        self, keys: list[tuple[tuple[int, int, int], int]], whole: Floats, outcome: Outcome
    ) -> Floats:
        """Whole packs inside what the tier allows where an order is placed."""
        result = whole.copy()
        for i, (key, _) in enumerate(keys):
            placed = self.model.placed.get(key)
            if placed is not None and outcome.values[self.solver.index[placed.hash]] > 0.5:
                least, most = tier_packs(self.case, key[0], key[2], most_packs(self.case, key[0], key[1]))
                result[i] = min(max(result[i], least), most)
        return result
