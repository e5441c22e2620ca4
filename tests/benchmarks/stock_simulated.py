"""Whether what a plan promises comes true on paths that another generator drew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.stock import exposure
from planner.stock.again import orders_now
from planner.stock.board import Board
from planner.stock.case import Case, Solution
from planner.stock.curves import expected_excess
from planner.stock.inputs import read_case
from planner.stock.lost_sales import along
from planner.stock.usage import received, shipped
from planner.stock.yard import Yard, frozen
from tests.benchmarks.registry import Figure, benchmark
from tests.benchmarks.stock_cases import AS_OF, Shop, _cumulative, generated

Floats = npt.NDArray[np.float64]
FULL, EXPOSURE = "full spread", "exposure"


@benchmark("stock-simulated")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Generated shops without shared limits (two thirds direct, one third behind a dc), weekly demand drawn by numpy as
    negative binomial with a variance of 2.5 x mean, weeks independent. Frozen: about 1,000 SKU-warehouses, their orders
    over 26 weeks on 1,000 paths; holding plus shortage cost at the places that sell, over what is promised when every
    week carries the whole spread since today (backorders in closed form, lost sales by the chain). Beside it the
    exposure promise, which the plan optimises. Planned again: about 50 SKU-warehouses, 100 paths, 13 weeks, by both
    rules on the same paths; cost is holding, shortage and order lines."""
    count, paths = (40, 60) if smoke else (1000, 1000)
    shop = generated(count, 8 if smoke else 26, seed=11, limits=False)
    case = read_case(shop.dataset, shop.weekly, shop.cumulative, shop.settings, AS_OF)
    solution, demand = planned(case), drawn(case.nodes.demand, case.nodes.variance, paths, 5)
    quantity = solution.quantity(case.links)
    played = frozen(case, quantity, np.zeros(quantity.shape), demand)
    sells = case.nodes.sells[:, None]
    came = float(((case.nodes.holding[:, None] * played.mean_stock + case.nodes.shortage[:, None] * played.mean_short)
                  * sells).sum())  # fmt: skip
    promise = {FULL: _full(case, solution), EXPOSURE: (solution.stock, solution.short)}
    told = {name: float(((case.nodes.holding[:, None] * stock + case.nodes.shortage[:, None] * short) * sells).sum())
            for name, (stock, short) in promise.items()}  # fmt: skip
    again = _again(*((20, 10, 4) if smoke else (50, 100, 13)))
    off, ratio = 100 * abs(told[FULL] / came - 1), again[EXPOSURE] / again[FULL]
    return [
        Figure("full-spread promise off the frozen simulation", off, "%", 2.0),
        Figure("exposure promise over the frozen simulation", 100 * (told[EXPOSURE] / came - 1), "%"),
        Figure("exposure promise over planned again", 100 * (again["promised"] / again["promised weeks"] - 1), "%"),
        Figure("planned again: exposure rule over full-spread rule", ratio, "", 1.0, "lower", FULL, 1.0),
    ]  # fmt: skip


def planned(case: Case) -> Solution:
    board = Board(case, tables=False)
    board.plan_apart(lambda *_: None)
    return board.solution()


def drawn(mean: Floats, variance: Floats, paths: int, seed: int) -> Floats:
    """[N, T, P] negative binomial demand, independent of the generator of the planner's own paths."""
    share = np.clip(mean / np.maximum(variance, 1e-12), 1e-9, 1 - 1e-9)[:, :, None]
    size = np.maximum(mean[:, :, None] * share / (1 - share), 1e-12)
    return np.random.default_rng(seed).negative_binomial(size, share, (*mean.shape, paths)).astype(np.float64)


def _full(case: Case, solution: Solution) -> tuple[Floats, Floats]:
    """Expected stock and shortage of fixed orders, each week with the whole spread since today."""
    nodes = case.nodes
    arrivals = nodes.pipeline + received(case, solution) - shipped(case, solution)
    mean, variance = np.cumsum(nodes.demand, axis=1), np.cumsum(nodes.variance, axis=1)
    supply = (nodes.opening - nodes.backlog)[:, None] + np.cumsum(arrivals, axis=1)
    short = expected_excess(supply, mean, variance)
    stock = supply - mean + short
    lost = np.flatnonzero(nodes.lost & nodes.sells)
    stock[lost], short[lost] = along(nodes.opening[lost], arrivals[lost], nodes.demand[lost], nodes.variance[lost])
    return stock, short


def _again(count: int, paths: int, weeks: int) -> dict[str, float]:
    """Cost of both rules, planned again every week; and the exposure promise beside holding and shortage as played."""
    shop = generated(count, weeks + 13, seed=12, limits=False)
    first = _case(shop, 0)
    demand = drawn(first.nodes.demand, first.nodes.variance, paths, 6)
    result = {}
    for rule in (EXPOSURE, FULL):
        yard = Yard(_started(shop), 2 * first.horizon, paths)
        for t in range(weeks):
            case = _case(shop, t) if rule == EXPOSURE else _spread(_case(shop, t))
            ordered, spend = orders_now(case, yard, t)
            due = np.where(case.links.due[:, 0] >= 0, case.links.due[:, 0] + t, -1)
            yard.week(t, ordered, due, spend, demand[:, t])
        result[rule] = float(yard.account.cost.mean())
        if rule == EXPOSURE:
            played = (yard.account.holding + yard.account.shortage)[:weeks].sum(axis=0).mean()
            result["promised weeks"] = float(played)
    plan, nodes = planned(_started(shop)), first.nodes
    told = nodes.holding[:, None] * plan.stock + nodes.shortage[:, None] * plan.short
    return result | {"promised": float(told[:, :weeks].sum())}


def _started(shop: Shop) -> Case:
    return read_case(shop.dataset, shop.weekly, shop.cumulative, shop.settings, AS_OF)


def _case(shop: Shop, t: int) -> Case:
    """The case as read on the Monday of week t, without stock."""
    monday = pd.Timestamp(AS_OF) + pd.Timedelta(weeks=t)
    bare = Dataset.from_frames({name: shop.dataset[name] for name in shop.dataset if name != "stock"})
    ahead = shop.weekly[shop.weekly["week"] >= monday].reset_index(drop=True)
    windows = exposure(bare, shop.settings, monday.date())
    sums = _cumulative(ahead, windows, ahead["week"].nunique())
    later = {name: sums[name] + pd.Timedelta(weeks=t) for name in ("from_date", "to_date")}
    return read_case(bare, ahead, sums.assign(**later), shop.settings, monday.date())


def _spread(case: Case) -> Case:
    """The same with the whole spread since today in every week."""
    sums = {name: np.cumsum(getattr(case.nodes, part), axis=1) for name, part in
            (("window_mean", "demand"), ("window_variance", "variance"))}  # fmt: skip
    heads = {"echelon_mean": sums["window_mean"].copy(), "echelon_variance": sums["window_variance"].copy()}
    for n, below in enumerate(case.nodes.members):
        if len(below):
            heads["echelon_mean"][n] = sums["window_mean"][below].sum(axis=0)
            heads["echelon_variance"][n] = sums["window_variance"][below].sum(axis=0)
    return replace(case, nodes=replace(case.nodes, **sums, **heads))
