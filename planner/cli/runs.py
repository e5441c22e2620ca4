"""run: list, show, remove."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from planner.cli.helping import Noun
from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, command, current
from planner.errors import UsageError


def register(app: typer.Typer) -> None:
    runs = typer.Typer(cls=Noun, help="Finished runs: list, show, remove.")
    command(runs, "list", takes=DATA, noun="run")(list_runs)
    command(runs, "show", takes=DATA, noun="run")(show)
    command(runs, "remove", takes=frozenset({"yes", "dry_run"}), noun="run")(remove)
    app.add_typer(runs, name="run", rich_help_panel="Read")


def list_runs() -> Answer:
    """List finished runs, the newest first."""
    import pandas as pd

    rows = [
        (run.name, run.scenario, run.manifest["as_of"], run.manifest["created"], sum(run.manifest["timings"].values()))
        for run in current().workspace().runs()
    ]
    frame = pd.DataFrame(rows, columns=["run", "scenario", "as_of", "created", "seconds"])
    columns = ("scenario", "as_of", "created", "seconds")
    return Answer([Sheet("runs", frame, keys=("run",), columns=columns, empty="no runs yet: planner plan")])


def show(
    name: Annotated[str, typer.Argument(metavar="RUN", help="A run, or a scenario for its latest run.")],
) -> Answer:
    """Show a run: key figures, what the scenario changed, what was assumed, what each stage took."""
    import pandas as pd

    from planner.cli.sheets import figures

    run = current().workspace().run(name)
    manifest = run.manifest
    changes = pd.DataFrame(manifest["changes"], columns=["key", "old", "new", "by"])
    assumed = pd.DataFrame(manifest["assumptions"].items(), columns=["what", "assumed"])
    timings = pd.DataFrame(manifest["timings"].items(), columns=["stage", "seconds"])
    sheets = [
        *figures(run, everything=True),
        Sheet(
            "changes",
            changes,
            "Changes",
            keys=("key",),
            folded=("key", "by"),
            columns=("old", "new", "by"),
            empty="none",
            shown=0,
        ),
        Sheet(
            "assumptions",
            assumed,
            "Assumptions",
            keys=("what",),
            columns=("assumed",),
            folded=("assumed",),
            empty="none",
            shown=0,
        ),
        Sheet("timings", timings, "Timings", keys=("stage",), columns=("seconds",), shown=0),
    ]
    return Answer(sheets, {"run": run.name, "manifest": manifest}, [f"{run.path}"])


def remove(
    names: Annotated[list[str], typer.Argument(metavar="RUN", help="Runs to remove, by their full name.")],
) -> Answer:
    """Remove runs. Inputs and scenarios stay."""
    session = current()
    workspace = session.workspace()
    known = {run.name: run for run in workspace.runs()}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no run {name!r}", "planner run list")
    if session.options.dry_run:
        return Answer(lines=[f"would remove {known[name].path}" for name in names])
    if not session.options.yes and not (sys.stdin.isatty() and typer.confirm(f"Remove {len(names)} run(s)?")):
        raise UsageError("nothing was removed", "--yes removes without asking")
    for name in dict.fromkeys(names):
        workspace.remove(known[name])
    return Answer(lines=[f"removed {name}" for name in dict.fromkeys(names)])
