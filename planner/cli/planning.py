"""plan, forecast, optimize, route: the stages, up to the one that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, PLANNING, command, current
from planner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from planner.workspace import Run

PANEL = "Plan"
FORECAST_COLUMNS = ("sku", "warehouse", "date", "mean")


def register(app: typer.Typer) -> None:
    command(app, "plan", takes=DATA | PLANNING, panel=PANEL)(plan)
    command(app, "forecast", takes=DATA | PLANNING | {"select"}, panel=PANEL)(forecast)
    command(app, "optimize", takes=DATA | PLANNING, panel=PANEL)(optimize)
    command(app, "route", takes=DATA | PLANNING, panel=PANEL)(route)


JOBS = typer.Option(min=0, metavar="N", help="Processes to forecast with, 0: one a processor. The result is the same.")
METHODS = typer.Option(
    metavar="A,B", help="Forecast methods, instead of forecast.methods; your own as module:function."
)
_HORIZON = typer.Option(min=1, metavar="N", help="Buckets to plan, instead of plan.horizon.")


_TIME_LIMIT = typer.Option(
    min=1, metavar="SECONDS", help="Stop looking for better orders then, and keep the best plan so far; instead of"
    " stock.time_limit_seconds.",
)  # fmt: skip
_GAP = typer.Option(
    min=0.0, max=1.0, metavar="SHARE", help="Good enough: this near to the lower bound (0.005 is half a per cent);"
    " instead of stock.gap.",
)  # fmt: skip
_LEVEL = typer.Option(
    metavar="LEVEL", help="Sums with quantiles of their own: total, country, warehouse, category, brand,"
    " 'category,warehouse' or sku.",
)  # fmt: skip
_PATHS = typer.Option(min=0, metavar="N", help="N sample paths of each series; --seed draws others.")


def plan(
    horizon: Annotated[int | None, _HORIZON] = None,
    jobs: Annotated[int, JOBS] = 1,
    time_limit: Annotated[float | None, _TIME_LIMIT] = None,
    gap: Annotated[float | None, _GAP] = None,
) -> Answer:
    """Validate, forecast, order, route and check campaigns; write a run that can be released.

    Running it again without a change recomputes nothing; after a kill it goes on where it stopped.
    """
    return _answer(_run("gate", _search(horizon, time_limit, gap), jobs), ("figures", "exceptions"))


def optimize(
    horizon: Annotated[int | None, _HORIZON] = None,
    time_limit: Annotated[float | None, _TIME_LIMIT] = None,
    gap: Annotated[float | None, _GAP] = None,
) -> Answer:
    """Plan up to orders and transfers: cost by kind, bound, gap, check; what binds, and what more of it is worth."""
    from planner.cli.sheets import what_gives

    run = _run("stock", _search(horizon, time_limit, gap))
    return _answer(run, ("solution", "costs", "binding"), what_gives(run))


def _search(horizon: int | None, time_limit: float | None, gap: float | None) -> dict[str, Any]:
    """The settings that options of the search override."""
    values = {"stock.time_limit_seconds": time_limit, "stock.gap": gap}
    return planning_flags(horizon) | {key: value for key, value in values.items() if value is not None}


def route(horizon: Annotated[int | None, _HORIZON] = None) -> Answer:
    """Plan up to loads and vehicle routes."""
    return _answer(_run("routes", planning_flags(horizon)), ("loads", "vehicle_routes"))


def forecast(
    horizon: Annotated[int | None, _HORIZON] = None,
    methods: Annotated[str | None, METHODS] = None,
    jobs: Annotated[int, JOBS] = 1,
    publish: Annotated[bool, typer.Option("--publish", help="Freeze it: planner accuracy judges it later.")] = False,
    level: Annotated[str, _LEVEL] = "",
    paths: Annotated[int, _PATHS] = 0,
) -> Answer:
    """Forecast demand per SKU, warehouse and bucket as a distribution.

    Says what changed since the last published forecast, and why.

    --format csv writes every series, exactly --horizon rows each from the as-of date, silent ones included.
    """
    from planner.cli.publishing import since_published
    from planner.cli.wider import wider
    from planner.plan import prepare
    from planner.tables import QUANTILE_COLUMNS

    session = current()
    if publish and (level or paths):
        raise UsageError(
            "--publish freezes the whole forecast, not a level or paths of it", "planner forecast --publish"
        )
    flags = planning_flags(horizon) | chosen(methods)
    run = _run("forecast", flags, jobs)
    prepared = prepare(session.workspace(), session.scenario, flags)
    if level or paths:
        return wider(run, prepared, level, paths)
    frame = session.selected(run.table("forecast"))
    if session.options.select and not len(frame):
        raise UsageError(f"--select: no series is {session.options.select}", "planner forecast shows what there is")
    total = frame.groupby("date", as_index=False)[["mean", "base", "campaign"]].sum()
    columns = (*FORECAST_COLUMNS, *QUANTILE_COLUMNS, "base", "campaign", "method")
    series = len(frame[["sku", "warehouse"]].drop_duplicates())
    rows = Sheet("forecast", frame, f"Demand: {series:,} series, {len(total)} buckets from {run.manifest['as_of']}",
                 keys=("sku", "warehouse", "date"), columns=columns, shown=len(total) or 1)  # fmt: skip
    totals = Sheet("total", total, "All series together", keys=("date",), columns=("mean", "base", "campaign"), shown=0)
    sheets = [rows, totals] if session.out.format == "table" else [rows]
    changed, told = since_published(run, prepared, publish)
    return Answer([*sheets, *changed], {"run": run.name}, [*told, *_where(run)], "planner optimize")


def _run(until: str, flags: Mapping[str, Any], jobs: int = 1) -> Run:
    from planner.jobs import processes
    from planner.plan import run_plan

    session = current()
    with processes(jobs):
        run = run_plan(session.workspace(), session.scenario, flags, session.progress(), until)
    heard = set(run.manifest.get("forecast_notes", ()))
    for note in run.manifest["notes"]:
        tell = session.out.note if note in heard else session.out.detail
        tell(f"note: {note}")
    return run


def planning_flags(horizon: int | None) -> dict[str, Any]:
    flags: dict[str, Any] = current().options.flags()
    return flags if horizon is None else flags | {"plan.horizon": horizon}


def chosen(methods: str | None) -> dict[str, Any]:
    """The methods that a flag names."""
    return {} if methods is None else {"forecast.methods": methods}


def _answer(run: Run, parts: tuple[str, ...], words: Sequence[str] = ()) -> Answer:
    from planner.cli import sheets

    session = current()
    heading = f"{run.manifest['title']}, as of {run.manifest['as_of']}"
    session.out.note(heading)
    found = [sheet for part in parts for sheet in getattr(sheets, part)(run)]
    facts = {
        "run": run.name,
        "scenario": run.scenario,
        "as_of": run.manifest["as_of"],
        "path": str(run.path),
        "kpis": run.kpis,
    }
    return Answer(
        found, facts, [*words, *_where(run)], "planner orders list   |   planner report   |   planner exceptions"
    )


def _where(run: Run) -> list[str]:
    computed = run.manifest["computed"]
    state = f"computed: {', '.join(computed)}" if computed else "nothing had changed"
    current().out.detail(state)
    return [f"Run {run.name} in {_from_here(run.path)}"]


def _from_here(path: Path) -> Path:
    """A path as one types it from the folder one is in, where it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
