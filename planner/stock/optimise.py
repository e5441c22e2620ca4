"""From a case to its plan: SKU networks by dynamic programme, what they share by prices, calendars and search; and a
bound that no plan can beat."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from planner.errors import InfeasibleError
from planner.settings import StockSettings
from planner.stock.board import Board
from planner.stock.bounds import few_lines, lower_bound
from planner.stock.case import Case, Floats, Solution
from planner.stock.choose import choose_plans, plans_at
from planner.stock.exact import SECONDS, small, solve_exactly
from planner.stock.improve import Search, improve
from planner.stock.joint import choose_weeks, suppliers
from planner.stock.loading import fill_vehicles
from planner.stock.networks import answer_again, share_holding
from planner.stock.prices import Columns, find_prices
from planner.stock.relief import label
from planner.stock.repair import keep_limits
from planner.stock.shared import Shared
from planner.stock.usage import costs, resting_usage, used_by_plan

Progress = Callable[[str, int, int], None]
MOVES_AT_ONCE, ROUGH, GENTLE = 50, 128, 8
IDLE, TRIFLE = 2, 1e-5
BEGUN = (1.0, 0.5)
IMPOSSIBLE = 1e-4
_now = time.monotonic


@dataclass
class Plan:
    """The plan found so far. `prices` [limit, T] is what one more unit of each shared limit is worth, `wanted` what
    the first plan, which heeds no limit, uses of it, and `unlimited` what that one costs. `relaxed` is the bound that
    prices parts of vehicles only; without whole vehicles it is the bound."""

    case: Case
    solution: Solution
    room: Floats
    prices: Floats
    wanted: Floats
    unlimited: float = np.nan
    bound: float = -np.inf
    relaxed: float = -np.inf
    status: str = "feasible"
    objective: float = np.nan
    nodes: int = 0
    timed_out: bool = False
    costs: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    lifted: list[tuple[int, int, float]] = field(default_factory=list)

    @property
    def gap(self) -> float:
        return max(0.0, self.objective - self.bound) / max(abs(self.objective), 1e-9)


def optimise(case: Case, settings: StockSettings, progress: Progress | None = None) -> Plan:
    """The plan of the whole case. Raises InfeasibleError if hard limits cannot be met."""
    search = _Search(case, settings, progress or (lambda *_: None))
    search.run()
    return search.finish()


def room_left(case: Case) -> tuple[Floats, list[tuple[int, int, float]]]:
    """[limit, T] what limits leave beside their firm use, and (limit, week, missing) where even that was too much.

    What is there or firmly on its way is nobody's decision: such a limit is lifted to it and reported.
    """
    room = np.array([limit.cap - limit.firm for limit in case.limits]).reshape(len(case.limits), case.horizon)
    if not case.limits:
        return room, []
    rest = resting_usage(case, np.arange(len(case.nodes)))
    missing = np.where(np.isfinite(room), np.maximum(rest - room, 0.0), 0.0)
    lifted = [(int(i), int(t), float(missing[i, t])) for i, t in zip(*np.nonzero(missing > 1e-6), strict=True)]
    hard = ~np.isfinite(np.array([limit.soft for limit in case.limits]).reshape(room.shape))
    return np.where((missing > 1e-6) & hard, rest + 1e-6, room), lifted


class _Search:
    """The steps of one search. Each leaves a plan on the board that is no worse, or nearer to what limits allow."""

    def __init__(self, case: Case, settings: StockSettings, progress: Progress) -> None:
        self.case, self.settings, self.progress = case, settings, progress
        self.room, lifted = room_left(case)
        self.shared = Shared(case, self.room)
        self.coupled = bool(case.limits or case.trucks) or any(s.binds for s in suppliers(case))
        self.board, self.fair = Board(case, tables=self.coupled), np.zeros(len(case.nodes))
        self.prices, self.columns = np.zeros_like(self.room), Columns.of(self.board)
        self.plan = Plan(case, self.board.solution(), self.room, self.prices, self.room, lifted=lifted)
        self.begun = _now()

    def run(self) -> None:
        self._timed("networks", self._networks)
        self._timed("orders", self._orders)
        if self.coupled:
            self._timed("prices", self._prices)
            self._timed("joint orders", self._joint)
            self._timed("limits", self._limits)
            self._timed("search", self._improve)
        if self.case.trucks:
            self._timed("vehicles", self._vehicles)
        self.plan.solution = self.board.solution()
        self.plan.prices = self.prices
        self._timed("bound", self._bound)
        if small(self.case):
            self._timed("exact", self._exact)

    def _timed(self, name: str, step: Callable[[], None]) -> None:
        start = time.perf_counter()
        self.progress(name, 0, 1)
        step()
        self.plan.seconds[name] = time.perf_counter() - start

    def _networks(self) -> None:
        """What places that are fed leave to their networks, from plans on a coarse grid."""
        if self.case.nodes.feeds.any():
            rough = Board(self.case, ROUGH)
            rough.plan()
            share_holding(rough, lambda i, n: self.progress("networks", i, n), late=self._late(0.2))
            self.board.share_like(rough)

    def _orders(self) -> None:
        if self.coupled:
            self.board.plan()
        else:
            self.board.plan_apart(lambda done, total: self.progress("orders", done, total))
        self.plan.wanted = self.shared.used(self.board)
        self.plan.unlimited = sum(costs(self.case, self.board.solution(), np.full_like(self.room, np.inf)).values())

    def _prices(self) -> None:
        if self.case.limits:
            told = lambda i, n: self.progress("prices", i, n)  # noqa: E731
            late = self._late(0.5)
            self.prices = find_prices(self.board, self.shared, told, late=late, columns=self.columns)
        self.fair = self.board.true_cost().copy()

    def _joint(self) -> None:
        told = lambda i, n: self.progress("joint orders", i, n)  # noqa: E731
        choose_weeks(self.board, self.shared, told, late=self._late(0.7))
        self.board.keep_caps()
        self.board.settle(np.ones(len(self.case.nodes), bool))
        if any(supplier.binds for supplier in suppliers(self.case)):
            answer_again(self.board, self._priced, late=self._late(0.7))

    def _priced(self, board: Board) -> Floats:
        """[N] what nodes cost with the prices of the limits."""
        own = board.true_cost().copy()
        if self.prices.any():
            use = self.shared.used_by_group(board, np.arange(len(own)), len(own))
            own += (use * self.prices).sum(axis=(1, 2))
        return own

    def _limits(self) -> None:
        if self.prices.any():
            if any(supplier.binds for supplier in suppliers(self.case)):
                self.columns = plans_at(self.board, self.shared, self.columns.prices, self.prices)
            choose_plans(self.board, self.shared, self.columns, self.prices)
            for number in range(GENTLE):
                if not (self.shared.exceeded(self.shared.used(self.board)) & self.shared.hard).any():
                    break
                improve(self.board, self.shared, self.prices, MOVES_AT_ONCE, number, self.fair)
        keep_limits(self.board, self.shared)

    def _improve(self) -> None:
        """Moves in portions, while the time limit lasts and they still gain more than a trifle."""
        late, idle, trifle = self._late(0.85), 0, TRIFLE * float(np.abs(self.board.true_cost()).sum())
        search = Search(self.board, self.shared, self.prices, self.fair, np.random.default_rng(0))
        for done in range(0, self.settings.search_moves, MOVES_AT_ONCE):
            if late() or idle >= IDLE:
                return
            moves = min(MOVES_AT_ONCE, self.settings.search_moves - done)
            idle = 0 if search.gained(moves) > trifle else idle + 1
            self.progress("search", done + moves, self.settings.search_moves)

    def _vehicles(self) -> None:
        """Begun vehicles are filled up or spared."""
        told = lambda i, n: self.progress("vehicles", i, n)  # noqa: E731
        fill_vehicles(self.board, self.shared, self.prices, told, self._late(0.9))

    def _late(self, share: float) -> Callable[[], bool]:
        """Asks whether this share of the time limit is over; it is recorded if it was."""

        def late() -> bool:
            over = _now() > self.begun + share * self.settings.time_limit_seconds
            self.plan.timed_out |= over
            return over

        return late

    def _bound(self) -> None:
        cost = sum(costs(self.case, self.plan.solution, self.room).values())
        told = lambda i, n: self.progress("bound", i, n)  # noqa: E731
        ask = (self.board, self.shared, self.prices, cost, self.settings.gap, told, self._late(1.0))
        self.plan.bound = self.plan.relaxed = lower_bound(*ask)
        for begun in BEGUN if few_lines(self.case).any() else ():
            self.plan.bound = max(self.plan.bound, lower_bound(*ask, begun=begun))

    def _exact(self) -> None:
        """Branch and bound on the model of record, unless the plan is proven good enough: a few seconds at most.

        Of its plan only the orders are taken; what follows from them is computed anew, without the solver's tolerances.
        A plan that costs less than the model proves possible breaks a rule, such as the ceiling of a place that sends
        on: it gives way to that of the model.
        """
        cost = self._cost(self.plan.solution)
        if -IMPOSSIBLE * abs(cost) <= cost - self.plan.bound <= self.settings.gap * abs(cost):
            return
        left = max(1.0, self.begun + self.settings.time_limit_seconds - _now())
        start = self.plan.solution if np.isfinite(cost) else None
        seconds = min(left, SECONDS)
        exact = solve_exactly(self.case, self.room, start, self.settings.gap, self.settings.nodes, seconds)
        self.plan.bound, self.plan.nodes = max(self.plan.bound, exact.bound), exact.nodes
        self.plan.timed_out |= exact.timed_out and left <= SECONDS
        if self.case.limits:
            self.plan.prices = exact.prices
        if exact.solution is not None:
            cost = np.inf if exact.bound > cost + IMPOSSIBLE * abs(cost) else cost
            self.board.take(exact.solution)
            followed = self.board.solution()
            if self._cost(followed) < cost - 1e-9:
                self.plan.solution = followed

    def _cost(self, solution: Solution) -> float:
        """What a plan costs; infinite if it breaks a hard limit."""
        broken = self.shared.exceeded(used_by_plan(self.case, solution, self.room)) & self.shared.hard
        return np.inf if broken.any() else sum(costs(self.case, solution, self.room).values())

    def finish(self) -> Plan:
        """Objective from the plan itself, and the status that its gap deserves."""
        plan = self.plan
        plan.costs = {name: round(value, 6) for name, value in costs(self.case, plan.solution, self.room).items()}
        plan.objective = float(sum(plan.costs.values()))
        used = used_by_plan(self.case, plan.solution, self.room)
        broken = self.shared.exceeded(used) & self.shared.hard
        if broken.any():
            raise self._refusal(used, broken)
        plan.bound = min(plan.bound, plan.objective)
        proven = plan.gap <= self.settings.gap + 1e-9
        plan.status = "optimal" if proven else "time limit" if plan.timed_out else "feasible"
        return plan

    def _refusal(self, used: Floats, broken: np.ndarray) -> InfeasibleError:
        """Every limit that no plan was found for, and by how much it would have to give."""
        over = np.where(broken, used - self.room, 0.0)
        worst = sorted({(int(i), int(over[i].argmax())) for i in np.nonzero(broken)[0]})
        words = [
            f"{label(self.case.limits[i].name)} in the week of {self.case.weeks[t].date()} would have to give"
            f" {over[i, t]:,.1f} more than {self.room[i, t]:,.1f}"
            for i, t in worst
        ]
        return InfeasibleError("; ".join(words), "give the limit a soft_price, or raise it")
