"""backtest, accuracy: would the forecasts have been right, and were they?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.out import Answer, Sheet
from planner.cli.planning import JOBS, METHODS, chosen
from planner.cli.session import DATA, PLANNING, command, current

if TYPE_CHECKING:
    import pandas as pd

    from planner.dataset import Dataset
    from planner.judged import Judged

PANEL = "Plan"
WORST = 10
_SHOWN = ("0.05", "0.50", "0.90", "0.95", "0.99")
_SHARES = ("wape", "bias", "added", "naive_wape", "average_wape", "share", "better_share", "covers", "below", "outside",
           "naive_covers")  # fmt: skip
_RATIOS = ("rmsse", "mase", "scaled_quantile_loss", "quantile_loss", "loss_added")
_BY = typer.Option(
    "--by", metavar="COLUMN", help="Group by class, abc, xyz, method, origin, ahead, month, or a column of items or"
    " locations; 'category,warehouse' crosses two.",
)  # fmt: skip
_FVA = typer.Option("--fva", help="What each step added: naive, level and season, trees, drivers, changes, campaigns.")
_WORST = typer.Option("--worst", min=0, metavar="N", help="So many of the worst series; 0 shows none.")
_POLICY = typer.Option(
    "--policy", metavar="NAMES", help="Replay ways of ordering in money: ours, mean, newsvendor, base-stock, min-max,"
    " cover:WEEKS, z:FACTOR.",
)  # fmt: skip


def register(app: typer.Typer) -> None:
    command(app, "backtest", takes=DATA | PLANNING | {"select"}, panel=PANEL)(backtest)
    command(app, "accuracy", takes=DATA | PLANNING | {"select"}, panel=PANEL)(accuracy)


def backtest(
    origins: Annotated[int, typer.Option(min=1, metavar="N", help="Forecasts to judge.")] = 4,
    horizon: Annotated[int | None, typer.Option(min=1, metavar="H", help="Buckets ahead, instead of 13 weeks, "
                                                "28 days or 3 months.")] = None,
    step: Annotated[int | None, typer.Option(min=1, metavar="N", help="Buckets from origin to origin, instead of the "
                                             "horizon.")] = None,
    by: Annotated[str, _BY] = "",
    fva: Annotated[bool, _FVA] = False,
    worst: Annotated[int, _WORST] = WORST,
    levels: Annotated[bool, typer.Option("--levels", help="Accuracy and coverage by level, from paths.")] = False,
    methods: Annotated[str | None, METHODS] = None,
    jobs: Annotated[int, JOBS] = 1,
    policy: Annotated[str, _POLICY] = "",
    weeks: Annotated[int, typer.Option("--weeks", min=4, metavar="N", help="Weeks to replay with --policy.")] = 26,
) -> Answer:  # fmt: skip
    """Forecast again from days of the past, as one would have then, and compare with what came.

    Judged are buckets in stock all the time. The naive methods beside it read plain sales, and share the quantiles of
    the last 52 weeks (28 days, 24 months). With --policy the past is played again instead: what each way of ordering
    would have cost.
    """
    if policy:
        from planner.cli.policy import replayed

        return replayed(policy, weeks)
    from planner.backtest import backtest as run
    from planner.jobs import processes
    from planner.plan import prepare
    from planner.remembered import remember

    session = current()
    flags = session.options.flags() | chosen(methods)
    prepared = prepare(session.workspace(), session.scenario, flags)
    ahead = horizon or {"day": 28, "week": 13, "month": 3}[prepared.scenario.settings.plan.bucket]
    prepared = prepare(session.workspace(), session.scenario, flags | {"plan.horizon": ahead})
    with processes(jobs):
        judged, facts = run(prepared, origins, step, session.progress())
    remember(prepared, judged, facts)
    bucket = prepared.scenario.settings.plan.bucket
    title = f"{facts['horizon']} {bucket}s ahead from {facts['origins']}"
    answer = _answer(judged, prepared.dataset, title, by, fva, worst, facts)
    if not levels:
        return answer
    from planner.levels import backtest_levels

    table = backtest_levels(prepared, origins, step, session.progress())
    if session.out.format == "table":
        table = table[["level", "nodes", "wape", "bias", *(f"covers_{level}" for level in _SHOWN), "cells"]]
    sheet = _sheet("levels", table, "By level: quantiles from paths, share at or below", ("level",), covers=True)
    return replace(answer, sheets=[*answer.sheets, sheet])


def accuracy(
    by: Annotated[str, _BY] = "",
    fva: Annotated[bool, _FVA] = False,
    worst: Annotated[int, _WORST] = WORST,
    last: Annotated[int, typer.Option(min=0, metavar="N", help="Only the last N publications; 0 takes all.")] = 0,
) -> Answer:
    """Compare published forecasts with what has come since; planner forecast --publish makes them.

    --by also knows publication and overridden.
    """
    from planner.plan import compute, prepare
    from planner.publications import judge_published, publications
    from planner.record import unsold

    session = current()
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    versions = publications(session.workspace(), session.scenario)
    versions = versions[:last] if last else versions
    for note in unsold(prepared, compute(prepared, "history", session.progress())):
        session.out.note(f"note: {note}")
    judged = judge_published(prepared, versions, session.progress())
    count = judged.cells["publication"].nunique()
    through = judged.cells["date"].max().date()
    title = f"{count} of {len(versions)} publications, through {through}"
    facts = {"publications": ", ".join(version.name for version in reversed(versions)), "through": through.isoformat()}
    return _answer(judged, prepared.dataset, title, by, fva, worst, facts)


def _answer(
    judged: Judged, dataset: Dataset, title: str, by: str, fva: bool, most: int, facts: dict[str, str]
) -> Answer:
    from planner import judged as reading
    from planner.errors import UsageError

    judged = _selected(judged, dataset)
    if not len(judged.cells):
        raise UsageError("there is no bucket to judge", "planner history SKU@WAREHOUSE shows what was sold when")
    series = len(judged.cells[["sku", "warehouse"]].drop_duplicates())
    heading = f"{title}: {len(judged.cells):,} buckets of {series:,} series"
    sheets = [_sheet("steps", reading.by_step(judged), heading, ("step",))]
    if fva:
        sheets = [_sheet("value_added", reading.value_added(judged), f"{heading}. What each step added", ("step",))]
    if by and fva:
        names = tuple(name.strip() for name in by.split(",") if name.strip())
        added = reading.value_added_by(judged, names, dataset)
        sheets.append(
            _sheet("value_added_by", added, f"What each step added, by {', '.join(names)}", (*names, "step"), 40)
        )
    if by:
        names = tuple(name.strip() for name in by.split(",") if name.strip())
        groups = reading.by_group(judged, names, dataset)
        sheets.insert(0, _sheet("groups", groups, f"{title}: by {', '.join(names)}", names, shown=20))
    sheets.append(_sheet("calibration", reading.calibration(judged), "Quantiles: share at or below, share below",
                         ("level",)))  # fmt: skip
    if most:
        sheets.append(_sheet("worst", reading.worst(judged, dataset), "Worst offenders", ("sku", "warehouse"), most))
    lines = [f"not judged: {count:,} buckets, {reason}" for reason, count in judged.left_out.items() if count]
    return Answer(sheets, dict(facts), lines, "planner explain forecast SKU@WAREHOUSE")


def _selected(judged: Judged, dataset: Dataset) -> Judged:
    from planner.selection import matches, parse

    select = current().options.select
    return judged.having(matches(judged.cells, parse(select), dataset, "--select")) if select else judged


def _sheet(
    name: str, frame: pd.DataFrame, title: str, keys: tuple[str, ...], shown: int = 0, covers: bool = False
) -> Sheet:
    as_text = current().out.format == "table"
    return Sheet(name, _readable(frame, covers) if as_text else frame, title, keys=keys, shown=shown)


def _readable(frame: pd.DataFrame, covers: bool) -> pd.DataFrame:
    """Shares as per cent and ratios with three decimals, right-aligned; coverage has a sheet of its own."""
    from planner.figures import percent

    result = frame[[name for name in frame.columns if covers or not name.startswith("covers_")]].copy()
    for name in result.columns:
        if frame[name].dtype.kind != "f":
            continue
        if name == "level":
            result[name] = _aligned([f"{value:.2f}" for value in frame[name]])
        elif name in _SHARES or name.startswith("covers_"):
            result[name] = _aligned([percent(value) for value in frame[name]])
        elif name in _RATIOS:
            result[name] = _aligned(["–" if value != value else f"{value:.3f}" for value in frame[name]])
    return result


def _aligned(words: list[str]) -> list[str]:
    width = max((len(word) for word in words), default=0)
    return [word.rjust(width) for word in words]
