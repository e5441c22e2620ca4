"""The one way through: from tables to a plan that can be released. The order of the stages stands only here.

Each stage names the tables and settings it may see and the results it builds on, and sees nothing else; its result is
cached under the content of just these. So a second run recomputes nothing, a changed value only what depends on it,
and a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.changes import DEMAND, apply_to_demand, apply_to_tables
from planner.dataset import Dataset, load
from planner.errors import UsageError
from planner.files import digest_of
from planner.panel import Panel
from planner.periods import bucket_range, first_day
from planner.record import Prepared, run_name, write_run
from planner.scenarios import Change, resolve
from planner.settings import Settings
from planner.workspace import Draft, Result, Run, Workspace, code_digest


class Progress(Protocol):
    """Who wants to know how far the plan is. `expected` is what the stage took the last time, in seconds."""

    def start(self, stage: str, title: str, expected: float | None) -> None: ...

    def done(self, stage: str, seconds: float, cached: bool) -> None: ...


class Silent:
    def start(self, stage: str, title: str, expected: float | None) -> None:
        return None

    def done(self, stage: str, seconds: float, cached: bool) -> None:
        return None


class _Declared(Dataset):
    """The tables that a stage named, and no other: what a stage reads is what its key is made of."""

    def __init__(self, dataset: Dataset, names: Sequence[str]) -> None:
        part = dataset.only(names)
        super().__init__(part._loaders, part.digests, part.notes, part._locate)
        self._names = frozenset(names)

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._names:
            raise LookupError(f"this stage reads {name} without naming it in FLOW")
        return super().__getitem__(name)


@dataclass(frozen=True)
class Context:
    """What a stage may see: its tables, its settings, the results before it."""

    dataset: Dataset
    settings: Settings
    as_of: dt.date
    changes: tuple[Change, ...]
    results: Mapping[str, Result]

    def table(self, stage: str, name: str) -> pd.DataFrame:
        return self.results[stage].table(name)

    def panel(self, stage: str, name: str) -> Panel:
        return Panel.from_wide(self.table(stage, name))


@dataclass(frozen=True)
class Stage:
    """One step. `settings` are sections or single keys; `after` are results as `stage.table`."""

    name: str
    title: str
    compute: Callable[[Context], Draft]
    tables: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    demand_changes: bool = False


def _history(context: Context) -> Draft:
    from planner.forecast import build_history

    data, settings = context.dataset, context.settings
    history = build_history(
        data["sales"], data["stocking"], data["items"],
        as_of=context.as_of, bucket=settings.plan.bucket, keep=settings.forecast.history,
        calendar=data["calendar"], locations=data["locations"],
    )  # fmt: skip
    panels = {"sold": history.sold, "in_stock": history.in_stock, "demand": history.demand}
    past = data["sales"]["date"][data["sales"]["date"] < pd.Timestamp(context.as_of)]
    last = past.max().date().isoformat() if len(past) else ""
    return Draft({name: panel.wide() for name, panel in panels.items()} | {"notes": history.notes}, {"last_sale": last})


def _lift(context: Context) -> Draft:
    from planner.marketing import fit_lift

    data, settings = context.dataset, context.settings
    trials = None
    if data.has("assignments"):
        from planner.marketing.trials.outcomes import trial_evidence

        trials = trial_evidence(data, context.as_of)
    lift = fit_lift(
        context.panel("history", "demand"), data["campaigns"], data["campaign_items"], data["items"],
        data["locations"], settings.campaigns, as_of=context.as_of, bucket=settings.plan.bucket,
        customers=data["customers"], trials=trials,
    )  # fmt: skip
    return Draft({"cleaned": lift.cleaned.wide(), "lift": lift.lift, "events": lift.events})


def _outliers(context: Context) -> Draft:
    from planner.forecast.occasions import had_event, touched, was_cheaper, was_unusual
    from planner.forecast.outliers import find_outliers

    data, bucket = context.dataset, context.settings.plan.bucket
    before, cleaned = context.panel("history", "demand"), context.panel("lift", "cleaned")
    category = data["items"].drop_duplicates("sku").set_index("sku")["category"]
    groups = cleaned.keys[["warehouse"]].assign(category=cleaned.keys["sku"].map(category).fillna(""))

    def known(cells: pd.DataFrame) -> npt.NDArray[np.bool_]:
        return (
            touched(cells, before, cleaned)
            | had_event(cells, data["calendar"], data["locations"], bucket)
            | was_cheaper(cells, data["sales"], bucket)
            | was_unusual(cells, data["drivers"], data["locations"], bucket)
        )

    found = find_outliers(cleaned, groups, bucket, known)
    if context.settings.forecast.outliers == "report":
        notes = found.notes.assign(adjusted=found.notes["original"], kept="forecast.outliers = report")
        return Draft({"cleaned": cleaned.wide(), "notes": notes})
    return Draft({"cleaned": found.cleaned.wide(), "notes": found.notes})


def _baseline(context: Context) -> Draft:
    from planner.forecast import fit_baseline
    from planner.forecast.coherent import drawn_to_upper
    from planner.forecast.drivers import Tables
    from planner.forecast.importance import importance
    from planner.forecast.likeness import described
    from planner.forecast.newcomers import where_it_sells
    from planner.forecast.opening import without_closed_days

    plan = context.settings.plan
    data, demand = context.dataset, context.panel("outliers", "cleaned")
    baseline = fit_baseline(
        demand, described(data["items"], data["item_features"]), context.settings.forecast,
        horizon=plan.buckets, bucket=plan.bucket, seed=plan.seed,
        stocking=where_it_sells(data["stocking"], data["locations"], demand),
        in_stock=context.panel("history", "in_stock"),
        tables=Tables(data["drivers"], data["calendar"], data["locations"], data["sales"]),
    )  # fmt: skip
    if context.settings.forecast.reconcile == "least-squares":
        baseline = drawn_to_upper(
            baseline, demand, data["items"], data["locations"], context.settings.forecast,
            horizon=plan.buckets, bucket=plan.bucket, seed=plan.seed,
        )  # fmt: skip
    return Draft(
        {
            "forecast": without_closed_days(
                baseline.forecast, demand, data["calendar"], data["locations"], plan.bucket
            ),
            "series": baseline.series.merge(importance(demand, data["items"], plan.bucket), on=["sku", "warehouse"]),
            "dependence": baseline.dependence,
            "notes": baseline.notes,
            "weights": baseline.weights,
            "contributions": baseline.contributions,
            "effects": baseline.effects,
        }
    )


def _demand(context: Context) -> Draft:
    forecast, log = apply_to_demand(context.table("baseline", "forecast"), context.changes, context.dataset)
    return Draft({"forecast": forecast}, {"log": [vars(entry) for entry in log]})


def _uplift(context: Context) -> Draft:
    from planner.marketing import project_uplift

    data, settings = context.dataset, context.settings
    uplift = project_uplift(
        context.table("lift", "lift"), context.table("demand", "forecast"), data["campaigns"], data["campaign_items"],
        data["items"], data["locations"], settings.campaigns, as_of=context.as_of, bucket=settings.plan.bucket,
        countries=settings.countries, customers=data["customers"],
    )  # fmt: skip
    return Draft({"uplift": uplift})


def _forecast(context: Context) -> Draft:
    from planner.forecast import combine

    bucket = context.settings.plan.bucket
    return Draft({"forecast": combine(context.table("demand", "forecast"), context.table("uplift", "uplift"), bucket)})


def _windows(context: Context) -> Draft:
    from planner.stock import exposure

    return Draft({"windows": exposure(context.dataset, context.settings, context.as_of)})


def _weekly(context: Context) -> Draft:
    from planner.forecast import weekly

    series, dependence = context.table("baseline", "series"), context.table("baseline", "dependence")
    forecast = context.table("forecast", "forecast")
    return Draft({"weekly": weekly(forecast, series, dependence, context.settings.plan.bucket)})


def _cumulative(context: Context) -> Draft:
    from planner.forecast import cumulate

    series, dependence = context.table("baseline", "series"), context.table("baseline", "dependence")
    weeks, windows = context.table("weekly", "weekly"), context.table("windows", "windows")
    return Draft({"cumulative": cumulate(weeks, series, dependence, windows)})


def _stock(context: Context) -> Draft:
    from planner.stock import replenish

    result = replenish(
        context.dataset, context.table("weekly", "weekly"), context.table("cumulative", "cumulative"),
        context.table("uplift", "uplift"), context.settings, context.as_of,
    )  # fmt: skip
    tables = {"plan": result.plan, "orders": result.orders, "prices": result.prices, "exceptions": result.exceptions}
    return Draft(tables, result.summary)


def _routes(context: Context) -> Draft:
    from planner.routes import ship

    result = ship(context.dataset, context.table("stock", "orders"), context.settings, context.as_of)
    tables = {
        "flows": result.flows,
        "loads": result.loads,
        "vehicle_routes": result.vehicle_routes,
        "visits": result.visits,
        "exceptions": result.exceptions,
        "order_freight": result.order_freight,
    }
    return Draft(tables, result.summary)


def _gate(context: Context) -> Draft:
    from planner.gate import check_campaigns

    uplift, plan = context.table("uplift", "uplift"), context.table("stock", "plan")
    return Draft({"exceptions": check_campaigns(context.dataset, uplift, plan, context.settings, context.as_of)})


def _ready(context: Context) -> Draft:
    from planner.readiness import plan_ready

    return Draft({"exceptions": plan_ready(context.dataset, context.settings, context.as_of)})


_CAMPAIGN_TABLES = ("campaigns", "campaign_items", "items", "locations")
_STOCK_TABLES = (
    "items", "locations", "stocking", "suppliers", "sourcing", "price_breaks", "currencies", "capacities", "calendar",
    "stock", "pipeline", "customer_orders", "lanes", "duties",
)  # fmt: skip
_ROUTE_TABLES = ("items", "locations", "lanes", "currencies", "deliveries", "vehicles", "stops")
_READY_TABLES = (*_STOCK_TABLES, "sales", "deliveries")

FLOW: tuple[Stage, ...] = (
    Stage("history", "sales into demand", _history, ("sales", "stocking", "items", "calendar", "locations"),
          ("plan.bucket", "forecast.history")),
    Stage("lift", "what past campaigns did", _lift,
          (*_CAMPAIGN_TABLES, "customers", "assignments", "order_lines", "behaviour"),
          ("plan.bucket", "campaigns"), ("history.demand",)),
    Stage("outliers", "one-off spikes", _outliers, ("sales", "items", "locations", "calendar", "drivers"),
          ("plan.bucket", "forecast.outliers"), ("history.demand", "lift.cleaned")),
    Stage("baseline", "baseline forecast", _baseline,
          ("items", "item_features", "stocking", "calendar", "locations", "drivers", "sales"),
          ("forecast", "plan.bucket", "plan.horizon", "plan.seed"), ("outliers.cleaned", "history.in_stock")),
    Stage("demand", "the scenario's demand", _demand, ("items", "locations"),
          (), ("baseline.forecast",), demand_changes=True),
    Stage("uplift", "what planned campaigns add", _uplift, (*_CAMPAIGN_TABLES, "customers"),
          ("plan.bucket", "campaigns", "countries"), ("lift.lift", "demand.forecast")),
    Stage("forecast", "demand as a distribution", _forecast, (),
          ("plan.bucket",), ("demand.forecast", "uplift.uplift")),
    Stage("ready", "what weakens a plan", _ready, _READY_TABLES,
          ("plan", "stock")),
    Stage("windows", "lead times and reviews", _windows, _STOCK_TABLES,
          ("plan", "stock")),
    Stage("weekly", "demand by week", _weekly, (),
          ("plan.bucket",), ("forecast.forecast", "baseline.series", "baseline.dependence")),
    Stage("cumulative", "demand over lead times", _cumulative, (),
          (), ("weekly.weekly", "windows.windows", "baseline.series", "baseline.dependence")),
    Stage("stock", "orders and transfers", _stock, _STOCK_TABLES,
          ("plan", "stock"), ("weekly.weekly", "cumulative.cumulative", "uplift.uplift")),
    Stage("routes", "loads and vehicles", _routes, _ROUTE_TABLES,
          ("plan", "routes"), ("stock.orders",)),
    Stage("gate", "campaigns against supply", _gate,
          (*_CAMPAIGN_TABLES, "sourcing", "stocking", "currencies", "duties"),
          ("plan", "stock", "campaigns"), ("uplift.uplift", "stock.plan")),
)  # fmt: skip


def prepare(workspace: Workspace, scenario: str = "base", flags: Mapping[str, Any] | None = None) -> Prepared:
    """Settings resolved, tables checked, the scenario's changes applied. Raises UsageError or DataError."""
    resolved = resolve(workspace.root, scenario, flags)
    dataset, log = apply_to_tables(load(workspace.data, workspace.cache), resolved.changes)
    as_of, assumptions = _as_of(workspace, dataset, resolved.settings)
    assumptions = {**resolved.settings.assumptions, **assumptions}
    return Prepared(workspace, resolved, dataset, as_of, (*resolved.log, *log), assumptions)


def run_plan(
    workspace: Workspace, scenario: str = "base", flags: Mapping[str, Any] | None = None,
    progress: Progress | None = None, until: str = "gate",
) -> Run:  # fmt: skip
    """Plan a scenario, up to the stage `until`, and write the run. What has not changed is not computed again.

    Raises UsageError, DataError with every fault, or InfeasibleError; the workspace is then as it was.
    """
    prepared = prepare(workspace, scenario, flags)
    prepared.dataset.require("forecast" if until == "forecast" else "optimize")
    results = compute(prepared, until, progress)
    name = run_name(prepared, results)
    return workspace.confirm(name) or write_run(prepared, results, name)


def as_seen_on(prepared: Prepared, day: dt.date) -> Prepared:
    """The same scenario as one would have planned it on an earlier `day`: nothing is sold yet from that day on.

    Changes of demand that lie outside of the horizon from that day are left out.
    """
    whole, plan = prepared.dataset, prepared.scenario.settings.plan
    end = bucket_range(day, plan.buckets + 1, plan.bucket)[-1].date()

    def sales() -> pd.DataFrame:
        frame = whole["sales"]
        return frame[frame["date"] < pd.Timestamp(day)]

    loaders: dict[str, Callable[[], pd.DataFrame]] = {name: partial(whole.__getitem__, name) for name in whole}
    digests = {**whole.digests, "sales": digest_of(whole.digests["sales"], day.isoformat())}
    changes = tuple(
        change
        for change in prepared.scenario.changes
        if change.table != DEMAND or ((change.start or day) < end and (change.end or day) >= day)
    )
    return replace(
        prepared,
        scenario=replace(prepared.scenario, changes=changes),
        dataset=Dataset({**loaders, "sales": sales}, digests),
        as_of=day,
    )


def compute(prepared: Prepared, until: str = "gate", progress: Progress | None = None) -> dict[str, Result]:
    """Results of the stages up to `until`, each computed or taken from the cache."""
    results: dict[str, Result] = {}
    expected, progress = _last_timings(prepared.workspace), progress or Silent()
    for stage in FLOW[: [stage.name for stage in FLOW].index(until) + 1]:
        progress.start(stage.name, stage.title, expected.get(stage.name))
        begin = time.perf_counter()
        context = _context(prepared, stage, results)
        key = _key(prepared, stage, context)
        results[stage.name] = prepared.workspace.result(stage.name, key, lambda s=stage, c=context: s.compute(c))  # type: ignore[misc]
        progress.done(stage.name, time.perf_counter() - begin, not results[stage.name].fresh)
    return results


def _context(prepared: Prepared, stage: Stage, results: Mapping[str, Result]) -> Context:
    changes = prepared.demand_changes if stage.demand_changes else ()
    before = {name.partition(".")[0] for name in stage.after}
    return Context(
        _Declared(prepared.dataset, stage.tables),
        _visible(prepared.scenario.settings, stage.settings),
        prepared.as_of,
        changes,
        {name: results[name] for name in before},
    )


def _visible(settings: Settings, keys: Sequence[str]) -> Settings:
    """Only the named settings; every other one at its default, so that no stage leans on what its key leaves out.

    A horizon that is left to its default counts as if it were given, so that naming it computes nothing anew.
    """
    seen, settings = Settings(), replace(settings, plan=replace(settings.plan, horizon=settings.plan.buckets))
    for key in keys:
        section, _, name = key.partition(".")
        value = settings.get(key)
        seen = replace(seen, **{section: replace(getattr(seen, section), **{name: value}) if name else value})
    return seen


def _key(prepared: Prepared, stage: Stage, context: Context) -> str:
    digests = prepared.dataset.digests
    return digest_of(
        code_digest(), stage.name, prepared.as_of.isoformat(), json.dumps(context.settings.as_dict(), sort_keys=True),
        repr(context.changes), *(f"{name}={digests.get(name, '')}" for name in stage.tables),
        *(f"{name}={_digest(context.results, name)}" for name in stage.after),
    )  # fmt: skip


def _digest(results: Mapping[str, Result], name: str) -> str:
    stage, _, table = name.partition(".")
    return results[stage].digest(table)


def _as_of(workspace: Workspace, dataset: Dataset, settings: Settings) -> tuple[dt.date, dict[str, str]]:
    """The day of the plan: as set, else the first bucket after the last sale."""
    if settings.plan.as_of:
        return settings.plan.as_of, {}
    dataset.require("forecast")
    bucket = settings.plan.bucket

    def last_sale() -> Draft:
        last = dataset["sales"]["date"].max()
        return Draft({}, {"date": "" if pd.isna(last) else last.date().isoformat()})

    found = workspace.result("last_sale", digest_of(code_digest(), dataset.digests["sales"]), last_sale)
    if not found.info["date"]:
        raise UsageError("sales hold no row, so there is no day to plan from", "add sales, or set plan.as_of (--as-of)")
    last = dt.date.fromisoformat(found.info["date"])
    as_of = bucket_range(first_day(last, bucket), 2, bucket)[1].date()
    return as_of, {"as_of": f"{as_of}: the first {bucket} after the last sale on {last}; plan.as_of chooses another"}


def _last_timings(workspace: Workspace) -> dict[str, float]:
    runs = workspace.runs()
    return dict(runs[0].manifest.get("timings", {})) if runs else {}
