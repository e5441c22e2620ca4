"""From campaigns to the stock they need, on a generated trade of which the truth is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.forecast import Baseline, build_history, combine, cumulate, fit_baseline, weekly
from planner.marketing import fit_lift, project_uplift
from planner.marketing.parts import no_uplift
from planner.settings import Settings
from planner.stock import exposure
from planner.stock.again import orders_now
from planner.stock.case import Case
from planner.stock.inputs import read_case
from planner.stock.one_sku import only
from planner.stock.yard import Yard
from tests.benchmarks.chain_world import AHEAD, AS_OF, World, generated
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
SEEDS, HORIZON, OTHERS = (11, 12, 13), 12, 60
IGNORED, NET, GROSS = "campaigns ignored", "net effect", "gross lift added"


@benchmark("chain")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Three seeds of tests/benchmarks/chain_world.py that nothing was tuned on (1 to 3 were): 3 countries, 40,000
    customers, 500 SKUs, 6 warehouses, 48 past campaigns and 12 to come. History, lift, forecast and uplift as `planner
    plan` makes them. Coverage: of the SKU-warehouse-weeks with one row of uplift, those whose net effect as it came (in
    units, demand less what it would have been) lies within q0.10 and q0.90, both included; beside it the rows with and
    without gross, and the expected effect. Total: net of all rows against the expected effect of everything, also where
    no row stands; beside it how far off one would be who knows every parameter and not the chance of each campaign,
    which nobody can tell. Stock: the promoted SKUs and 60 others, ordered anew every Monday over 12 weeks ahead by the
    forecast of today, until the week after the last campaign, on the demand as it came; a stock-out is a promoted
    SKU-warehouse-week in which something was missing; money in stock is the mean over weeks. Three plans: with the net
    effect, without campaigns, with the gross lift alone."""
    found = [measured(seed, smoke) for seed in ((1,) if smoke else SEEDS)]
    low, high = min(f.inside for f in found), max(f.inside for f in found)
    off = max(abs(f.total - 1) for f in found)
    outs = [f.stock_outs[NET] / max(f.stock_outs[IGNORED], 1) for f in found]
    money = [f.money[NET] / f.money[GROSS] for f in found]
    mean = {name: 100 * float(np.mean([f.parts[name] for f in found])) for name in found[0].parts}
    return [
        Figure("net effect inside its 80 % band, lowest seed", 100 * low, "%", 75.0, "higher"),
        Figure("net effect inside its 80 % band, highest seed", 100 * high, "%", 85.0),
        *(Figure(f"of it {name}, mean", value, "%") for name, value in mean.items()),
        Figure("total net effect off, worst seed", 100 * off, "%", 5.0),
        Figure("total net effect over the truth, mean", 100 * float(np.mean([f.total for f in found])), "%"),
        Figure("gross over the truth for one who knows all but chance, worst seed off",
               100 * max(abs(f.foreseen - 1) for f in found), "%"),
        Figure("stock-outs in campaign weeks, worst seed", max(outs), "", 0.5, "lower", IGNORED, 1.0),
        Figure("units missing in campaign weeks, mean", float(np.mean([f.missing for f in found])), "", None, "lower",
               IGNORED, 1.0),
        Figure("money in stock, worst seed", max(money), "", 1.0, "lower", GROSS, 1.0),
    ]  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """Of one seed: coverage; gross over the truth for one who knows all but chance; coverage by part; total over the
    truth; stock-outs and money in stock by plan; units missing in campaign weeks over those of the plan that ignores
    campaigns."""

    inside: float
    foreseen: float
    parts: dict[str, float]
    total: float
    stock_outs: dict[str, float]
    money: dict[str, float]
    missing: float


def measured(seed: int, smoke: bool = False) -> Measured:
    world = generated(seed)
    baseline, uplift = forecast(world, smoke)
    inside, parts = coverage(world, uplift)
    gross = uplift[uplift["gross"] > 0]
    plans = {NET: uplift, IGNORED: no_uplift(), GROSS: gross.assign(net=gross["gross"])}
    played = {name: play(world, baseline, rows, seed, smoke) for name, rows in plans.items()}
    return Measured(
        inside, world.foreseen / float(world.gross.sum()), parts, float(uplift["net"].sum() / world.expected.sum()),
        {name: outs for name, (outs, _, _) in played.items()}, {name: money for name, (_, _, money) in played.items()},
        played[NET][1] / max(played[IGNORED][1], 1e-9),
    )  # fmt: skip


def forecast(world: World, smoke: bool) -> tuple[Baseline, pd.DataFrame]:
    data, settings = world.dataset, Settings()
    methods = replace(settings.forecast, methods=("smoothing",)) if smoke else settings.forecast
    history = build_history(
        data["sales"], data["stocking"], data["items"], as_of=AS_OF, bucket="week", keep=methods.history,
        calendar=data["calendar"], locations=data["locations"],
    )  # fmt: skip
    tables = (data["campaigns"], data["campaign_items"], data["items"], data["locations"])
    lift = fit_lift(
        history.demand, *tables, settings.campaigns, as_of=AS_OF, bucket="week", customers=data["customers"]
    )
    baseline = fit_baseline(
        lift.cleaned, data["items"], methods, horizon=AHEAD, bucket="week", seed=settings.plan.seed,
        stocking=data["stocking"], in_stock=history.in_stock,
    )  # fmt: skip
    uplift = project_uplift(
        lift.lift, baseline.forecast, *tables, settings.campaigns, as_of=AS_OF, bucket="week",
        customers=data["customers"],
    )  # fmt: skip
    return baseline, uplift


def coverage(world: World, uplift: pd.DataFrame) -> tuple[float, dict[str, float]]:
    """Share of rows inside their 80 % band; by part, and of the expected effect."""
    place, week = _cells(world, uplift)
    alone = ~uplift.duplicated(["sku", "warehouse", "date"], keep=False).to_numpy()
    low, high = uplift["q0.10"].to_numpy(float), uplift["q0.90"].to_numpy(float)

    def within(effect: Floats) -> Flags:
        return np.asarray((effect[place, week] >= low) & (effect[place, week] <= high))

    came, gross = within(world.effect), uplift["gross"].to_numpy(float) > 0
    parts = {
        "promoted": came[alone & gross].mean(), "beside and after": came[alone & ~gross].mean(),
        "expected effect": within(world.expected)[alone].mean(),
    }  # fmt: skip
    return float(came[alone].mean()), {name: float(value) for name, value in parts.items()}


def _cells(world: World, rows: pd.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    number = pd.Series(np.arange(len(world.keys)), index=pd.MultiIndex.from_frame(world.keys))
    place = number.reindex(pd.MultiIndex.from_frame(rows[["sku", "warehouse"]])).to_numpy(np.int64)
    return place, ((rows["date"] - world.weeks[0]).dt.days // 7).to_numpy(np.int64)


def play(world: World, baseline: Baseline, uplift: pd.DataFrame, seed: int, smoke: bool) -> tuple[float, float, float]:
    """Stock-outs and units missing in campaign weeks, and money in stock."""
    promoted = world.keys["sku"][world.running.any(axis=1)].unique()
    rest = np.setdiff1d(world.keys["sku"].unique(), promoted)
    others = np.random.default_rng(seed).choice(rest, min(OTHERS, len(rest)), replace=False)
    skus = set(promoted[: 5 if smoke else None]) | set(others[: 2 if smoke else None])
    data, settings = only(world.dataset, skus), Settings()
    settings = replace(settings, stock=replace(settings.stock, horizon_weeks=HORIZON))
    table = weekly(
        combine(baseline.forecast, uplift, "week"), baseline.series, baseline.dependence, "week"
    ).query("sku in @skus")  # fmt: skip
    inside = world.keys["sku"].isin(skus).to_numpy()
    weeks = int(np.flatnonzero(world.running.any(axis=0))[-1]) + 2
    first = _read(data, table, baseline, settings, 0)
    number = pd.Series(np.flatnonzero(inside), index=pd.MultiIndex.from_frame(world.keys[inside]))
    row = number.reindex(pd.MultiIndex.from_arrays([first.nodes.sku, first.nodes.place])).to_numpy(np.int64)
    yard = Yard(first, 2 * AHEAD, 1)
    for t in range(weeks):
        case = first if t == 0 else _read(_without_stock(data), table, baseline, settings, t)
        ordered, spend = orders_now(case, yard, t)
        due = np.where(case.links.due[:, 0] >= 0, case.links.due[:, 0] + t, -1)
        yard.week(t, ordered, due, spend, world.demand[row, t][:, None])
    short, running = yard.account.mean_short[:, :weeks], world.running[row, :weeks]
    return float((short[running] > 0).sum()), float(short[running].sum()), float(yard.account.value[:weeks].mean())


def _read(data: Dataset, table: pd.DataFrame, baseline: Baseline, settings: Settings, t: int) -> Case:
    """The case as read on the Monday of week t."""
    monday = pd.Timestamp(AS_OF) + pd.Timedelta(weeks=t)
    ahead = table[table["week"] >= monday].reset_index(drop=True)
    sums = cumulate(ahead, baseline.series, baseline.dependence, exposure(data, settings, monday.date()))
    return read_case(data, ahead, sums, settings, monday.date())


def _without_stock(data: Dataset) -> Dataset:
    return Dataset.from_frames({name: data[name] for name in data if name not in ("stock", "pipeline")})
