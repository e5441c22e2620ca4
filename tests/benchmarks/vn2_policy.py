"""What the plan's own orders would have cost on weekly grocery sales, beside the rules that people use."""

from __future__ import annotations

import datetime as dt
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.forecast import build_history
from planner.importers import run_import
from planner.plan import prepare
from planner.replay import OURS, Ground, forecast_at, lay_ground, planned_orders, replay
from planner.settings import Settings
from planner.stock.rules import Rule, View, newsvendor
from planner.workspace import Workspace
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark
from tests.benchmarks.vn2_forecast import STATISTICAL

WEEKS, SMOKE_WEEKS = 40, 4
SEEDS = (1, 2)
RULES = ("mean", "cover:4", "z:1.65", "base-stock", "min-max")
FAST, COMPETITION = "newsvendor, fast ensemble", "competition's benchmark rule"
NEWSVENDOR_OURS = "newsvendor"


@benchmark("vn2-policy")
def run(full: bool, smoke: bool) -> list[Figure]:
    """VN2 imported with its defaults, the last 40 weeks of its history, an order every week as `planner plan` makes it
    with the shipped settings: the stages see only the weeks before, the stock stage today's shelf and pipeline. What is
    ordered in a week is there two weeks later; holding 0.2 a unit and week, a lost sale 1. Start: two mean weeks on
    hand, one arriving in the second week. The first three weeks and cells whose shelf was empty are not scored; demand
    there is taken as what was sold. Two seeds. Every rule plays on the same weeks from its own shelf and pipeline; the
    newsvendor is a negative binomial's quantile at 1 / 1.2 over three weeks on the statistical blend without LightGBM,
    the other rules read the default forecast; the competition's rule orders up to four weeks of a seasonal 13-week
    average. With --full also one week planned with its whole horizon: how many of its orders differ from the replay's.
    """
    folder = needed("vn2") / "vn2"
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name) / "vn2"
        run_import("vn2", folder, workspace)
        jobs = [(workspace, seed, SMOKE_WEEKS if smoke else WEEKS) for seed in SEEDS[: 1 if smoke else 2]]
        with ProcessPoolExecutor(len(jobs)) as pool:
            costs = list(pool.map(_costs, jobs))
        differing = _differing(workspace) if full else []
    ours = [cost[OURS] for cost in costs]
    against = [cost[OURS] / cost[FAST] for cost in costs]
    mean = [cost[OURS] / cost["mean"] for cost in costs]
    first = costs[0]
    figures = [
        Figure("ours against the newsvendor, worse seed", max(against), "", 0.95, "lower", FAST, 1.0),
        Figure("ours against mean order-up-to, worse seed", max(mean), "", 1.0, "lower", "mean", 1.0),
        *(Figure(f"cost, seed {seed}", cost, "EUR") for seed, cost in zip(SEEDS, ours, strict=False)),
    ]
    peers = (FAST, NEWSVENDOR_OURS, COMPETITION, *RULES)
    return figures + [Figure(f"cost against {name}", first[OURS] / first[name], "", None, "lower", name, first[name])
                      for name in peers] + differing  # fmt: skip


def _costs(job: tuple[Path, int, int]) -> dict[str, float]:
    """Cost of every policy over so many weeks, planned with one seed."""
    workspace, seed, weeks = job
    prepared = prepare(Workspace(workspace), flags={"plan.seed": seed})
    dataset, settings, as_of = prepared.dataset, prepared.scenario.settings, prepared.as_of
    if weeks == SMOKE_WEEKS:
        settings = replace(settings, forecast=replace(settings.forecast, methods=STATISTICAL))
    ground = lay_ground(dataset, settings, as_of, weeks)
    extra = {FAST: _fast_newsvendor(dataset, settings, ground), COMPETITION: competition_rule(dataset, as_of)}
    names = (OURS, FAST, NEWSVENDOR_OURS, COMPETITION, *RULES)
    played = replay(dataset, settings, as_of, names, weeks, None, extra)
    return dict(zip(played.summary["policy"], played.summary["cost"], strict=True))


def _fast_newsvendor(dataset: Dataset, settings: Settings, ground: Ground) -> Rule:
    """The newsvendor of its own forecast: the statistical methods alone."""
    fast = replace(settings, forecast=replace(settings.forecast, methods=STATISTICAL))

    def rule(view: View) -> np.ndarray:
        demand = forecast_at(dataset, fast, view.week.date(), ground)
        return newsvendor(view.with_demand(demand.weekly, demand.cumulative))

    return rule


def competition_rule(dataset: Dataset, as_of: dt.date) -> Rule:
    """Up to the sum of the next four weeks of a 13-week average of deseasonalised sales times the season of the week
    of the year, season = mean sales of that week over all series, shelves in stock only."""
    history = build_history(dataset["sales"], dataset["stocking"], dataset["items"], as_of=as_of, bucket="week")
    seen = np.where(history.in_stock.values >= 1, history.sold.values.astype(float), np.nan)

    def rule(view: View) -> np.ndarray:
        now = int(history.sold.dates.searchsorted(view.week))
        past, week = seen[:, :now], np.arange(now + 4) % 52
        known = [past[:, week[:now] == number] for number in range(52)]
        season = np.array([np.nanmean(part) if np.isfinite(part).any() else np.nan for part in known])
        season = np.nan_to_num(season / np.nanmean(season), nan=1.0)
        level = (past / season[week[:now]])[:, -13:]
        count = np.isfinite(level).sum(axis=1)
        mean = np.where(count > 0, np.nansum(level, axis=1) / np.maximum(count, 1), 0.0)
        target = np.round(mean * season[week[now:]].sum())
        row = pd.MultiIndex.from_frame(history.sold.keys).get_indexer(pd.MultiIndex.from_frame(view.keys))
        return target[row] - view.position

    return rule


def _differing(workspace: Path) -> list[Figure]:
    """Orders of one week that differ between the replay's short horizon and the plan's own."""
    prepared = prepare(Workspace(workspace))
    dataset, settings = prepared.dataset, prepared.scenario.settings
    ground = lay_ground(dataset, settings, prepared.as_of, WEEKS)
    week = ground.weeks[-1]
    demand = forecast_at(dataset, settings, week.date(), ground)
    start = np.ceil(2 * ground.start)
    view = View.of(week, ground.keys, start, np.zeros((len(start), 3)), demand.weekly, demand.cumulative, ground.span,
                   ground.holding, ground.shortage)  # fmt: skip
    short = planned_orders(ground, settings, view, demand)
    whole = planned_orders(ground, settings, view, demand, whole=True)
    return [Figure("orders of a week that differ with the whole horizon", float((short != whole).sum()), "lines", 0.0)]
