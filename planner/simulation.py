"""The plan along sample paths of demand: carried out as it stands, or planned again every week.

Paths are drawn from the forecast of the plan, errors of series and weeks going together as they did before. Planned
again, each path sees its own stock every Monday and the forecast of today, and every SKU network orders by itself:
limits and joint orders, which several SKUs share, are not heeded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.errors import UsageError
from planner.forecast import cumulate
from planner.forecast.paths import sample
from planner.levels import Together, together
from planner.record import Prepared
from planner.stock.again import orders_now
from planner.stock.case import Case, Floats
from planner.stock.inputs import read_case
from planner.stock.one_sku import TABLES, only, placed
from planner.stock.yard import Account, Yard, frozen
from planner.workspace import Result

MOST = 40_000
BAND = (0.05, 0.95)
_AHEAD = 13
_AT_ONCE = 4_000_000
_LEFT_OUT = ("stock", "pipeline", "capacities", "customer_orders", "suppliers", "locations")
Tell = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Simulation:
    """`figures`: figure, unit, mean, low, high (nine paths of ten between), promised by the plan. `weekly`: week and
    the mean of demand, short, stock, spend. `series`: sku, warehouse, stock, short, fill_rate of each."""

    figures: pd.DataFrame
    weekly: pd.DataFrame
    series: pd.DataFrame
    skus: int
    of: int


@dataclass(frozen=True)
class _Ground:
    prepared: Prepared
    results: Mapping[str, Result]
    case: Case
    dataset: Dataset
    weekly: pd.DataFrame
    demand: Floats


def simulate(
    prepared: Prepared,
    results: Mapping[str, Result],
    paths: int,
    weeks: int,
    as_planned: bool,
    tell: Tell | None = None,
) -> Simulation:
    """Play `paths` paths over `weeks` weeks, from the results of the stages up to stock.

    Where planning again would be too much, some SKUs are drawn by the seed: `skus` of `of`.
    """
    everyone = sorted(results["weekly"].table("weekly")["sku"].unique())
    skus = everyone if as_planned else _drawn(prepared, results, everyone, paths)
    ground = _ground(prepared, results, set(skus), paths, weeks)
    account = _as_planned(ground) if as_planned else _again(ground, tell or (lambda *_: None))
    plan = results["stock"].table("plan")
    plan = plan[plan["sku"].isin(set(skus)) & plan["week"].isin(ground.case.weeks[: ground.demand.shape[1]])]
    return Simulation(
        _figures(account, _promised(ground, plan)), _weekly(account, ground.case), _series(account, ground),
        len(skus), len(everyone),
    )  # fmt: skip


def playable(prepared: Prepared) -> None:
    """Raises UsageError where paths cannot be drawn by week."""
    if prepared.scenario.settings.plan.bucket == "month":
        raise UsageError("paths are drawn by week or day, not by month", 'plan.bucket = "week"')


def _drawn(prepared: Prepared, results: Mapping[str, Result], skus: list[str], paths: int) -> list[str]:
    """As many SKUs as make about MOST SKU-warehouses on all paths."""
    each = len(results["windows"].table("windows")) / max(len(skus), 1)
    count = max(1, int(MOST / (paths * max(each, 1.0))))
    if count >= len(skus):
        return skus
    rng = np.random.default_rng([prepared.scenario.settings.plan.seed, 11])
    return sorted(rng.choice(np.array(skus, object), count, replace=False).tolist())


def _ground(prepared: Prepared, results: Mapping[str, Result], skus: set[str], paths: int, weeks: int) -> _Ground:
    settings, dataset = prepared.scenario.settings, only(prepared.dataset, skus)
    weekly, cumulative = (
        table[table["sku"].isin(skus)].reset_index(drop=True)
        for table in (results["weekly"].table("weekly"), results["cumulative"].table("cumulative"))
    )
    case = read_case(dataset, weekly, cumulative, settings, prepared.as_of)
    demand = _paths(case, together(prepared, results), weekly, paths, min(weeks, case.horizon), settings.plan.seed)
    return _Ground(prepared, results, case, dataset, weekly, demand)


def _paths(case: Case, found: Together, weekly: pd.DataFrame, paths: int, weeks: int, seed: int) -> Floats:
    """[N, weeks, P] demand of each node: the forecast's paths, scaled to what the plan asks for in each week."""
    number = {key: n for n, key in enumerate(zip(case.nodes.sku, case.nodes.place, strict=True))}
    keys = zip(found.cells.keys["sku"], found.cells.keys["warehouse"], strict=True)
    node = np.array([number.get(key, -1) for key in keys], dtype=np.int64)
    week = ((found.cells.dates - case.weeks[0]).days // 7).to_numpy()
    result = np.zeros((len(case.nodes), weeks, paths), np.float32)
    inside = (week >= 0) & (week < weeks)
    for rows, drawn in sample(found.cells, found.shared, paths, seed):
        mine = node[rows] >= 0
        for column in np.flatnonzero(inside).tolist():
            np.add.at(result[:, week[column]], node[rows][mine], drawn[mine, column])
    mean = np.zeros((len(case.nodes), weeks))
    for column in np.flatnonzero(inside).tolist():
        np.add.at(mean[:, week[column]], node[node >= 0], found.cells.mean[node >= 0, column])
    asked = case.nodes.demand[:, :weeks]
    factor = np.divide(asked, mean, out=np.zeros_like(mean), where=mean > 1e-9)
    certain = np.where(mean > 1e-9, 0.0, asked)
    scaled = result * factor[:, :, None] + certain[:, :, None]
    return scaled.astype(np.float64)


def _as_planned(ground: _Ground) -> Account:
    """The plan's own orders, some paths after the others so that memory holds."""
    case, lines = ground.case, ground.results["stock"].table("orders")
    lines = lines[lines["sku"].isin(set(case.nodes.sku))].reset_index(drop=True)
    link, week = placed(case, lines)
    quantity, cost = np.zeros(case.links.due.shape), np.zeros(case.links.due.shape)
    quantity[link, week] = lines["quantity"].to_numpy(dtype=float)
    cost[link, week] = lines["unit_cost"].to_numpy(dtype=float)
    size = max(1, _AT_ONCE // max(1, ground.demand.shape[0] * ground.demand.shape[1]))
    parts = range(0, ground.demand.shape[2], size)
    return _joined([frozen(case, quantity, cost, ground.demand[:, :, first : first + size]) for first in parts])


def _joined(parts: list[Account]) -> Account:
    """Paths of several parts side by side; means weighted by their number."""
    sums = [name for name in Account.__dataclass_fields__ if not name.startswith("mean_")]
    count = np.array([part.demand.shape[1] for part in parts], dtype=float)
    means = {name: np.average([getattr(part, name) for part in parts], axis=0, weights=count)
             for name in ("mean_stock", "mean_short")}  # fmt: skip
    return Account(**{name: np.concatenate([getattr(part, name) for part in parts], axis=1) for name in sums}, **means)


def _again(ground: _Ground, tell: Tell) -> Account:
    """Every Monday each path plans again from its own stock, with today's forecast of the weeks to come."""
    weeks, paths = ground.demand.shape[1:]
    longest = int(ground.case.nodes.exposure_weeks.max(initial=1)) + _AHEAD
    yard = Yard(ground.case, weeks + ground.case.horizon, paths)
    for t in range(weeks):
        case = _case_of(ground, t, longest)
        ordered, spend = orders_now(case, yard, t)
        due = np.where(case.links.due[:, 0] >= 0, case.links.due[:, 0] + t, -1)
        yard.week(t, ordered, due, spend, ground.demand[:, t])
        tell("weeks", t + 1, weeks)
    account = yard.account
    whole = {name: getattr(account, name) for name in Account.__dataclass_fields__}
    return Account(**{name: v[:, :weeks] if name.startswith("mean_") else v[:weeks] for name, v in whole.items()})


def _case_of(ground: _Ground, t: int, horizon: int) -> Case:
    """The case as it would be read on the Monday of week t; stock and pipeline are filled in by path."""
    settings, first = ground.prepared.scenario.settings, ground.case.weeks[t]
    as_of = ground.prepared.as_of if t == 0 else first.date()
    alone = replace(settings, stock=replace(settings.stock, horizon_weeks=horizon, budget_per_week=None))
    ahead = ground.weekly[ground.weekly["week"] >= first].reset_index(drop=True)
    baseline, windows = ground.results["baseline"], ground.results["windows"].table("windows")
    windows = windows[windows["sku"].isin(set(ground.case.nodes.sku))].reset_index(drop=True)
    sums = cumulate(ahead, baseline.table("series"), baseline.table("dependence"), windows)
    return read_case(_unshared(ground.dataset), ahead, sums, alone, as_of)


def _unshared(dataset: Dataset) -> Dataset:
    """Tables without what several SKUs share, and without today's stock."""
    kept = only(dataset, set(dataset["items"]["sku"]), tuple(name for name in TABLES if name not in _LEFT_OUT))
    free = {"min_order_value": 0.0, "min_order_m3": 0.0, "min_order_kg": 0.0, "order_cost": 0.0}
    suppliers = dataset["suppliers"].assign(**free)
    places = dataset["locations"].assign(capacity_m3=np.nan)
    return kept.with_tables({"suppliers": (suppliers, "free"), "locations": (places, "free")})


def _promised(ground: _Ground, plan: pd.DataFrame) -> dict[str, float]:
    """What the plan expects over the same weeks and SKUs."""
    nodes = ground.case.nodes
    number = pd.Series(range(len(nodes)), index=pd.MultiIndex.from_arrays([nodes.sku, nodes.place]))
    row = number.reindex(pd.MultiIndex.from_frame(plan[["sku", "warehouse"]])).to_numpy(dtype=int)
    short = np.where(nodes.sells[row], plan["expected_shortage"], 0.0)
    demand, weeks = float(plan["demand"].sum()), plan["week"].nunique()
    return {
        "fill_rate": 1 - float(short.sum()) / max(demand, 1e-9), "demand": demand, "shortage": float(short.sum()),
        "stock": float(plan["closing"].sum()) / weeks, "stock_value": float(nodes.cost[row] @ plan["closing"]) / weeks,
        "waste": float(plan["expired"].sum()), "cost_holding": float(nodes.holding[row] @ plan["closing"]),
        "cost_shortage": float(nodes.shortage[row] @ short),
    }  # fmt: skip


def _figures(account: Account, promised: Mapping[str, float]) -> pd.DataFrame:
    demand, short = account.demand.sum(axis=0), account.short.sum(axis=0)
    rows: dict[str, tuple[str, Floats]] = {
        "fill_rate": ("share", 1 - short / np.maximum(demand, 1e-9)), "demand": ("units", demand),
        "shortage": ("units", short), "stock": ("units", account.stock.mean(axis=0)),
        "waste": ("units", account.waste.sum(axis=0)),
        "stock_value": ("money", account.value.mean(axis=0)), "spend": ("money", account.spend.sum(axis=0)),
        "cost_holding": ("money", account.holding.sum(axis=0)),
        "cost_shortage": ("money", account.shortage.sum(axis=0)),
        "cost_order": ("money", account.ordering.sum(axis=0)), "cost": ("money", account.cost),
    }  # fmt: skip
    found = [
        (name, unit, values.mean(), *np.quantile(values, BAND), promised.get(name, np.nan))
        for name, (unit, values) in rows.items()
    ]
    return pd.DataFrame(found, columns=["figure", "unit", "mean", "low", "high", "promised"])


def _weekly(account: Account, case: Case) -> pd.DataFrame:
    names = ("demand", "short", "stock", "spend")
    means = {name: getattr(account, name).mean(axis=1) for name in names}
    low, high = (np.quantile(account.stock, level, axis=1) for level in BAND)
    return pd.DataFrame({"week": case.weeks[: len(low)], **means, "stock_low": low, "stock_high": high})


def _series(account: Account, ground: _Ground) -> pd.DataFrame:
    nodes, demand = ground.case.nodes, ground.demand.mean(axis=2).sum(axis=1)
    short = account.mean_short.sum(axis=1)
    fill = np.where(nodes.sells & (demand > 1e-9), 1 - short / np.maximum(demand, 1e-9), np.nan)
    frame = pd.DataFrame({
        "sku": nodes.sku, "warehouse": nodes.place, "fill_rate": fill, "short": short,
        "stock": account.mean_stock.mean(axis=1),
    })  # fmt: skip
    return frame.sort_values(["short", "sku", "warehouse"], ascending=[False, True, True], kind="stable").reset_index(
        drop=True
    )
