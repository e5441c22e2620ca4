"""From a case to its plan: parts, the test of the shared limits, their prices, and the repair; with a proven bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_matrix

from planner.errors import InfeasibleError
from planner.settings import StockSettings
from planner.stock.case import Case, Flags, Floats, Solution
from planner.stock.model import limit_constant, limit_terms
from planner.stock.parts import Part, monolith, split
from planner.stock.search import Found, Search
from planner.stock.terms import Model
from planner.stock.usage import costs, empty, resting_usage, usage

Progress = Callable[[str, int, int], None]
PRICE_STEPS = 12
POLISH_PARTS = 12
KEPT_PARTS = 60


@dataclass
class Plan:
    """The plan found so far. `prices` [limit, T] is what one more unit of each shared limit is worth."""

    case: Case
    parts: list[Part]
    solution: Solution
    room: Floats
    bounds: Floats
    bound: float
    prices: Floats
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
    """The plan of the whole case. Raises InfeasibleError if no plan was found within the safety time limit."""
    whole = monolith(case)
    parts = [_everything(case)] if whole else split(case, settings.group_size)
    room, lifted = room_left(case)
    shape = (len(case.limits), case.horizon)
    plan = Plan(case, parts, empty(case), room, np.zeros(len(parts)), 0.0, np.zeros(shape), lifted=lifted)
    deadline = time.monotonic() + settings.time_limit_seconds
    _timed(plan, "parts", _solve_parts, settings, deadline, room if whole else None, progress)
    if not whole and violated(plan).any():
        _timed(plan, "prices", _price_limits, settings, deadline, progress)
        _timed(plan, "repair", _repair, settings, deadline, progress)
    return _finish(plan, settings)


def _timed(plan: Plan, name: str, step: Callable[..., None], *arguments: object) -> None:
    start = time.perf_counter()
    step(plan, *arguments)
    plan.seconds[name] = time.perf_counter() - start


def _everything(case: Case) -> Part:
    parts = split(case, len(case.nodes) + 1)
    nodes = np.arange(len(case.nodes))
    if len(parts) == 1:
        return parts[0]
    return Part(nodes, np.zeros(len(nodes), dtype=np.int64))


def room_left(case: Case) -> tuple[Floats, list[tuple[int, int, float]]]:
    """[limit, T] what limits leave beside their firm use, and (limit, week, missing) where even that was too much.

    What is there or firmly on its way is nobody's decision: such a limit is lifted to it and reported.
    """
    rest = resting_usage(case, np.arange(len(case.nodes)))
    room = np.array([limit.cap - limit.firm for limit in case.limits]).reshape(len(case.limits), case.horizon)
    missing = np.where(np.isfinite(room), np.maximum(rest - room, 0.0), 0.0)
    lifted = [(int(i), int(t), float(missing[i, t])) for i, t in zip(*np.nonzero(missing > 1e-6), strict=True)]
    return np.where((missing > 1e-6) & hard(case), rest + 1e-6, room), lifted


def hard(case: Case) -> Flags:
    """[limit, T] whether a limit has no price at which it may be exceeded."""
    flags = [~np.isfinite(limit.soft) for limit in case.limits]
    return np.array(flags, bool).reshape(len(case.limits), case.horizon)


def violated(plan: Plan) -> Flags:
    """[limit, T] whether a limit, hard or soft, is used beyond its room."""
    if not plan.case.limits:
        return np.zeros((0, plan.case.horizon), bool)
    used = usage(plan.case, plan.solution, np.arange(len(plan.case.nodes)))
    return used > plan.room * (1 + 1e-7) + 1e-6


def _left(deadline: float) -> float:
    return max(1.0, deadline - time.monotonic())


def _too_late(plan: Plan, deadline: float) -> bool:
    """Whether the safety limit ends what is not needed for a plan; the summary says so."""
    plan.timed_out |= time.monotonic() > deadline
    return plan.timed_out


def _solve_parts(
    plan: Plan, settings: StockSettings, deadline: float, caps: Floats | None, progress: Progress | None
) -> None:
    """Every part by itself; then branch and bound on the smallest models while the gap asks for it."""
    budget, polished = settings.nodes, 0
    for i, part in enumerate(plan.parts):
        search = Search(plan.case, part, caps, _left(deadline))
        found = search.run()
        if found.status in ("none", "infeasible"):
            raise _no_plan(plan, part, found)
        gap = (found.objective - found.bound) / max(abs(found.objective), 1e-9)
        small = search.polishable() and polished < POLISH_PARTS
        if gap > settings.gap and small and budget > 0:
            found = search.polish(found, settings.gap, budget)
            budget, polished = budget - found.nodes, polished + 1
        write(plan.solution, search.model, search.solver.index, found.values)
        plan.bounds[i], plan.nodes = found.bound, plan.nodes + found.nodes
        plan.timed_out |= found.timed_out
        if caps is not None:
            plan.prices = _duals(search, plan)
        if progress:
            progress("parts", i + 1, len(plan.parts))
    plan.bound = float(plan.bounds.sum())


def _no_plan(plan: Plan, part: Part, found: Found) -> InfeasibleError:
    names = ", ".join(sorted({f"{plan.case.nodes.sku[n]}" for n in part.nodes[:5]}))
    used = usage(plan.case, plan.solution, np.arange(len(plan.case.nodes)))
    tight = [
        f"{limit.name} (short by {max(0.0, float(np.nanmax(used[i] - plan.room[i]))):,.1f})"
        for i, limit in enumerate(plan.case.limits)
    ]
    reason = "the time limit ended the search" if found.timed_out else f"limits: {', '.join(tight) or 'none shared'}"
    return InfeasibleError(
        f"there is no plan for {names}: {reason}", "raise stock.time_limit_seconds, or give the limit a soft_price"
    )


def _duals(search: Search, plan: Plan) -> Floats:
    """Prices of the shared limits inside one model: what its relaxation would pay for one unit more."""
    prices = np.zeros_like(plan.prices)
    solver = search.solver
    if solver.relaxed().found:
        duals = solver.highs.getSolution().row_dual
        for row, dual in zip(search.model.problem.constraints(), duals, strict=True):
            if row.name.startswith("limit_c"):
                index, week = row.name.removeprefix("limit_c").split("_t")
                prices[int(index), int(week)] = max(0.0, -float(dual))
    return prices


def write(solution: Solution, model: Model, index: dict[int, int], values: Floats) -> None:
    """Put a part's values into the whole plan."""
    solution.packs[model.links], solution.tier[model.links] = 0.0, 0
    for (link, week, tier), variable in model.packs.items():
        packs = round(float(values[index[variable.hash]]))
        if packs > 0:
            solution.packs[link, week], solution.tier[link, week] = packs, tier
    for target, variables in (
        (solution.stock, model.stock),
        (solution.short, model.short),
        (solution.extra, model.extra),
    ):
        for spot, variable in variables.items():
            target[spot] = max(0.0, float(values[index[variable.hash]]))


@dataclass
class Priced:
    """A part's relaxation with its use of the limits as a matrix, ready for other prices."""

    search: Search
    matrix: csr_matrix
    constant: Floats
    base: Floats
    rows: list[tuple[int, int]]

    def at(self, prices: Floats) -> tuple[float, Floats, Floats]:
        """Bound with prices charged, use of the limits [limit, T], and the values of the relaxation."""
        weights = np.array([prices[row] for row in self.rows])
        cost = self.base + (self.matrix.T @ weights if len(self.rows) else 0.0)
        columns = np.arange(len(cost), dtype=np.int32)
        self.search.solver.highs.changeColsCost(len(cost), columns, cost)
        outcome = self.search.solver.relaxed()
        if not outcome.found:
            return -np.inf, self.constant, outcome.values
        used = self.constant.copy()
        for row, amount in zip(self.rows, self.matrix @ outcome.values, strict=True):
            used[row] += amount
        return outcome.objective + float((prices * self.constant).sum()), used, outcome.values


def _priced(case: Case, part: Part, deadline: float) -> Priced:
    free = Part(part.nodes, part.blocks, dict.fromkeys(part.calendar, 0.0))
    search = Search(case, free, None, _left(deadline))
    rows, data, indices, starts = [], [], [], [0]
    constant = np.array([limit_constant(case, i, part.nodes) for i in range(len(case.limits))])
    for i in range(len(case.limits)):
        for t, terms in sorted(limit_terms(search.model, i).items()):
            rows.append((i, t))
            known = [
                (search.solver.index[v.hash], amount) for v, amount in terms.items() if v.hash in search.solver.index
            ]
            indices += [column for column, _ in known]
            data += [amount for _, amount in known]
            starts.append(len(indices))
    shape = (len(rows), len(search.solver.variables))
    matrix = csr_matrix((np.array(data, float), np.array(indices, np.int64), np.array(starts)), shape=shape)
    base = np.array([search.model.cost.get(v, 0.0) for v in search.solver.variables])
    return Priced(search, matrix, constant, base, rows)


def _price_limits(plan: Plan, settings: StockSettings, deadline: float, progress: Progress | None) -> None:
    """Lagrangian bound: each unit of a limit costs its price; subgradient steps by Polyak (1969).

    Any prices >= 0 (and below a soft limit's own) give a valid bound: sum of the parts' bounds at these prices - price
    x room. The best one is kept, with its prices.
    """
    case = plan.case
    soft = np.array([limit.soft for limit in case.limits])
    exceeded: Flags = np.array([row.any() for row in violated(plan)], bool)
    hot = np.isfinite(plan.room) & exceeded[:, None]
    users = [i for i, part in enumerate(plan.parts) if _touches(case, part, exceeded)]
    others = plan.bound - float(plan.bounds[users].sum())
    prices, best = np.zeros_like(plan.prices), -np.inf
    kept: dict[int, Priced] = {}
    steps = PRICE_STEPS if len(users) <= KEPT_PARTS else PRICE_STEPS // 2
    target = _rough_target(plan)
    damp = 1.0
    for step in range(steps):
        if _too_late(plan, deadline):
            break
        bound, used = others, np.zeros_like(prices)
        for i in users:
            priced = kept.get(i) or _priced(case, plan.parts[i], deadline)
            if len(users) <= KEPT_PARTS:
                kept[i] = priced
            value, own, _ = priced.at(prices)
            bound, used = bound + value, used + own
        bound -= float((prices * np.where(hot, plan.room, 0.0)).sum())
        if bound > best + 1e-9:
            best, plan.prices = bound, prices.copy()
        else:
            damp *= 0.6
        slope = np.where(hot, used - np.where(hot, plan.room, 0.0), 0.0)
        slope = np.where((prices <= 0) & (slope < 0), 0.0, slope)
        if not slope.any():
            break
        length = damp * max(target - bound, 0.01 * abs(target)) / float((slope**2).sum())
        prices = np.clip(prices + length * slope, 0.0, soft)
        if progress:
            progress("prices", step + 1, steps)
    plan.bound = max(plan.bound, best)


def _touches(case: Case, part: Part, limits: Flags) -> bool:
    """Whether a part can use one of these limits at all."""
    links = case.links_of(part.nodes)
    return any(
        limit.orders[links].any() or limit.held[part.nodes].any() or limit.served[part.nodes].any()
        for limit, looked_at in zip(case.limits, limits, strict=True)
        if looked_at
    )


def _rough_target(plan: Plan) -> float:
    """A guess at the cost with limits, for the step length only: the plan without them, and a tenth."""
    return 1.1 * sum(costs(plan.case, plan.solution, plan.room).values())


def _repair(plan: Plan, settings: StockSettings, deadline: float, progress: Progress | None) -> None:
    """Every part gets a share of each exceeded limit, by what it used; then each in turn may use what is left over.

    The first pass makes hard limits hold: what no plan can avoid is given to each, the rest is cut alike. The second
    pass only accepts cheaper plans.
    """
    case, everyone = plan.case, np.arange(len(plan.case.nodes))
    rest = [resting_usage(case, part.nodes) for part in plan.parts]
    own = [usage(case, plan.solution, part.nodes) for part in plan.parts]
    hot = violated(plan)
    users = [i for i in range(len(plan.parts)) if float((own[i] - rest[i])[hot].clip(0).sum()) > 1e-9]
    caps = _shares(plan, own, rest, hot, users)
    for done, i in enumerate(users):
        _resolve(plan, plan.parts[i], caps[i] + 1e-7, deadline, keep=False)
        if progress:
            progress("repair", done + 1, 2 * len(users))
    cut = {i: float((own[i] - usage(case, plan.solution, plan.parts[i].nodes))[hot].clip(0).sum()) for i in users}
    for done, i in enumerate(sorted(users, key=lambda i: (-cut[i], i))):
        if _too_late(plan, deadline):
            break
        slack = np.maximum(plan.room - usage(case, plan.solution, everyone), 0.0)
        if cut[i] > 1e-6 and (slack[hot] > 1e-6).any():
            mine = usage(case, plan.solution, plan.parts[i].nodes)
            _resolve(plan, plan.parts[i], mine + slack + 1e-9, deadline, keep=True)
        if progress:
            progress("repair", len(users) + done + 1, 2 * len(users))


def _shares(plan: Plan, own: list[Floats], rest: list[Floats], hot: Flags, users: list[int]) -> dict[int, Floats]:
    """Caps of each user [limit, T] that together fit into the room: of an exceeded limit what it cannot avoid and its
    part of the rest, by use; of any other its own use and its part of what is left over."""
    total, unavoidable = np.sum(own, axis=0), np.sum(rest, axis=0)
    share = np.clip((plan.room - unavoidable) / np.maximum(total - unavoidable, 1e-9), 0.0, 1.0)
    weight = np.array([own[i].sum(axis=1) for i in users]).reshape(len(users), -1)
    weight = weight / np.maximum(weight.sum(axis=0), 1e-9)
    spare = np.maximum(plan.room - np.sum([np.maximum(u, r) for u, r in zip(own, rest, strict=True)], axis=0), 0.0)
    caps = {}
    for row, i in enumerate(users):
        less = rest[i] + np.maximum(own[i] - rest[i], 0.0) * share
        part = np.where(np.isfinite(spare), spare, 0.0) * weight[row][:, None]
        more = np.where(np.isfinite(plan.room), np.maximum(own[i], rest[i]) + part, np.inf)
        caps[i] = np.where(hot, less, more)
    return caps


def _resolve(plan: Plan, part: Part, caps: Floats, deadline: float, keep: bool) -> None:
    """Plan one part within its caps; with `keep`, the old plan stays unless the new one is cheaper."""
    search = Search(plan.case, part, caps, _left(deadline))
    found = search.run()
    if found.status in ("none", "infeasible"):
        if not keep:
            raise _no_plan(plan, part, found)
    elif not keep or found.objective < _value_now(plan, search) - 1e-9:
        write(plan.solution, search.model, search.solver.index, found.values)


def _value_now(plan: Plan, search: Search) -> float:
    """What the part's present plan costs in the same model; infinite if it does not fit into it."""
    packs, tier = plan.solution.packs, plan.solution.tier
    fixed = {key: packs[key[0], key[1]] * (tier[key[0], key[1]] == key[2]) for key in search.model.packs}
    outcome = search.fixed(fixed)
    return outcome.objective if outcome.found else np.inf


def _finish(plan: Plan, settings: StockSettings) -> Plan:
    """Objective from the plan itself, and the status that its gap deserves."""
    plan.costs = {name: round(value, 6) for name, value in costs(plan.case, plan.solution, plan.room).items()}
    plan.objective = float(sum(plan.costs.values()))
    broken = violated(plan) & hard(plan.case)
    if broken.any():
        i, t = (int(x[0]) for x in np.nonzero(broken))
        used = usage(plan.case, plan.solution, np.arange(len(plan.case.nodes)))[i, t]
        raise InfeasibleError(
            f"{plan.case.limits[i].name} in the week of {plan.case.weeks[t].date()} is exceeded by "
            f"{used - plan.room[i, t]:,.1f}", "give the limit a soft_price, or raise it",
        )  # fmt: skip
    plan.bound = min(plan.bound, plan.objective)
    plan.status = "optimal" if plan.gap <= settings.gap + 1e-9 else "time limit" if plan.timed_out else "feasible"
    return plan
