"""exceptions: what to look at first; and the noun campaign."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli import audience, campaigns, gating, trials
from planner.cli.helping import Noun
from planner.cli.out import ROWS_SHOWN, Answer, Sheet
from planner.cli.session import DATA, PLANNING, command, current
from planner.errors import UsageError


def register(app: typer.Typer) -> None:
    command(app, "exceptions", takes=DATA | {"scenario", "select"}, panel="Read")(exceptions)
    noun = typer.Typer(cls=Noun, help="Campaigns: what they did, and what they will add.")
    command(noun, "list", takes=DATA | PLANNING, noun="campaign")(campaigns.list_campaigns)
    command(noun, "fit", takes=DATA | PLANNING, noun="campaign")(campaigns.fit)
    command(noun, "apply", takes=DATA | PLANNING | {"select"}, noun="campaign")(campaigns.apply)
    command(noun, "gate", takes=DATA | PLANNING, noun="campaign")(gating.gate)
    command(noun, "audience", takes=DATA | PLANNING | {"dry_run"}, noun="campaign")(audience.audience)
    command(noun, "power", takes=DATA | PLANNING, noun="campaign")(trials.power)
    command(noun, "settle", takes=DATA | PLANNING, noun="campaign")(trials.settle)
    app.add_typer(noun, name="campaign", rich_help_panel="Read")


def exceptions(
    kind: Annotated[str, typer.Option("--type", metavar="TYPE", help="Only this type.")] = "",
    min_value: Annotated[float, typer.Option(min=0, metavar="MONEY", help="Only from this amount on.")] = 0.0,
    fail_on: Annotated[
        int, typer.Option(min=0, metavar="SEVERITY", help="Exit code 5 from this severity on; 1 is worst.")
    ] = 0,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Rows on the screen; 0 shows all.")] = ROWS_SHOWN,
) -> Answer:
    """List what the latest plan found, the worst and costliest first, each with its next step."""
    from planner.cli.sheets import EXCEPTION_COLUMNS
    from planner.settings import nearest

    session = current()
    run = session.workspace().latest(session.options.scenario or None, "orders")
    frame = run.table("exceptions")
    kinds = sorted(frame["type"].unique())
    if kind and kind not in kinds:
        raise UsageError(f"there is no exception of type {kind!r}", nearest(kind, kinds) if kinds else "there are none")
    frame = frame[(frame["type"] == kind) | (not kind)]
    frame = session.selected(frame[frame["money"].fillna(0.0) >= min_value].reset_index(drop=True))
    failed = bool(fail_on) and bool((frame["severity"] <= fail_on).any())
    columns = ("severity", *EXCEPTION_COLUMNS)
    sheet = Sheet("exceptions", frame, "", ("type",), columns, ("text", "hint"), limit, "no exceptions")
    return Answer(
        [sheet], {"run": run.name}, [f"{len(frame):,} exceptions of run {run.name}"], exit_code=5 if failed else 0
    )
