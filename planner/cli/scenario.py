"""scenario: list, new, run, compare."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.helping import Noun
from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, command, current
from planner.errors import UsageError

if TYPE_CHECKING:
    from planner.workspace import Run, Workspace

_NEW = """title = "{title}"
extends = "{extends}"

# Settings to override, by section:
# [settings.stock]
# budget_per_week = 50000

# Changes of data, by selection. Tables and their columns: planner schema. `demand` is the forecast itself.
# [[change]]
# table = "demand"
# where = {{ category = "juice" }}
# from = 2026-03-02
# to = 2026-03-29
# scale = 1.3
"""


def register(app: typer.Typer) -> None:
    scenarios = typer.Typer(cls=Noun, help="What if: list, write, run and compare scenarios.")
    command(scenarios, "list", takes=DATA, noun="scenario")(list_scenarios)
    command(scenarios, "new", noun="scenario")(new)
    command(scenarios, "run", takes=DATA | {"as_of", "seed"}, noun="scenario")(run)
    command(scenarios, "compare", takes=DATA | {"as_of", "seed"}, noun="scenario")(compare)
    app.add_typer(scenarios, name="scenario", rich_help_panel="Plan")


def list_scenarios() -> Answer:
    """List the scenarios, what they extend, and their latest run."""
    import pandas as pd

    from planner.scenarios import scenario_names, scenario_title

    workspace = current().workspace()
    latest: dict[str, str] = {}
    for found in workspace.runs():
        latest.setdefault(found.scenario, found.name)
    rows = [
        (name, *scenario_title(workspace.root, name), latest.get(name, "")) for name in scenario_names(workspace.root)
    ]
    frame = pd.DataFrame(rows, columns=["scenario", "title", "extends", "latest_run"])
    sheet = Sheet("scenarios", frame, keys=("scenario",), columns=("title", "extends", "latest_run"), shown=0)
    return Answer([sheet], next_step="planner scenario run NAME")


def new(
    name: Annotated[str, typer.Argument(help="Name of the new scenario.")],
    extends: Annotated[str, typer.Option(help="The scenario it starts from.")] = "base",
    title: Annotated[str, typer.Option(help="What it asks.")] = "",
) -> Answer:
    """Write a new scenario to fill in."""
    from planner.scenarios import scenario_names
    from planner.settings import nearest

    workspace = current().workspace()
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise UsageError(f"{name!r} is no name for a scenario", "small letters, digits, - and _")
    if extends not in scenario_names(workspace.root):
        raise UsageError(f"there is no scenario {extends!r}", nearest(extends, scenario_names(workspace.root)))
    path = workspace.root / "scenarios" / f"{name}.toml"
    if path.exists():
        raise UsageError(f"{path} exists already", "edit it, or choose another name")
    words = (title or name.replace("-", " ").capitalize()).replace("\\", "\\\\").replace('"', '\\"')
    workspace.write_text(path, _NEW.format(title=words, extends=extends))
    return Answer(lines=[f"wrote {path}"], next_step=f"edit it, then planner scenario run {name}")


def run(names: Annotated[list[str], typer.Argument(metavar="NAME", help="Scenarios to plan.")]) -> Answer:
    """Plan one or more scenarios; what they share is computed once."""
    import pandas as pd

    workspace = current().workspace()
    _refuse_unknown(workspace, names)
    runs = [_planned(workspace, name) for name in names]
    rows = [(item.scenario, item.name, ", ".join(item.manifest["computed"])) for item in runs]
    frame = pd.DataFrame(rows, columns=["scenario", "run", "computed"])
    sheet = Sheet("runs", frame, keys=("scenario", "run"), columns=("computed",), folded=("computed",), shown=0)
    return Answer([sheet], next_step=f"planner scenario compare {' '.join(names)}")


def compare(
    names: Annotated[list[str], typer.Argument(metavar="NAME", help="Scenarios or runs, the first is the measure.")],
    brief: Annotated[bool, typer.Option("--brief", help="Only the sentences, without tables.")] = False,
) -> Answer:
    """Key figures side by side, and which demand, orders and loads differ, at what cost.

    A scenario that has changed since its last run, or was never run, is planned first.
    """
    from planner.cli.sheets import compared as compared_sheets
    from planner.compare import compare as compared

    if len(names) < 2:
        raise UsageError("a comparison needs two or more scenarios", "planner scenario compare base spring-campaign")
    if len(set(names)) < len(names):
        raise UsageError("a scenario cannot be compared with itself", "name two different ones")
    workspace = current().workspace()
    _refuse_unknown(workspace, names)
    runs = [_run_or_plan(workspace, name) for name in names]
    workspace.confirm(runs[0].name)  # what others are compared with stays the latest run
    comparison = compared(runs)
    for note in comparison.notes:
        current().out.note(f"note: {note}")
    found = [] if brief else compared_sheets(comparison, as_text=current().out.format == "table")
    return Answer(
        found, {"headline": list(comparison.headline)}, comparison.headline, f"planner report --against {names[0]}"
    )


def _planned(workspace: Workspace, name: str) -> Run:
    from planner.plan import run_plan

    session = current()
    session.out.note(f"planning {name} ...")
    return run_plan(workspace, name, session.options.flags(), session.progress())


def _refuse_unknown(workspace: Workspace, names: list[str]) -> None:
    """Before the first of them is planned."""
    from planner.scenarios import scenario_names
    from planner.settings import nearest

    known = [*scenario_names(workspace.root), *(run.name for run in workspace.runs())]
    for name in names:
        if name not in known:
            raise UsageError(f"there is no scenario {name!r}", nearest(name, scenario_names(workspace.root)))


def _run_or_plan(workspace: Workspace, name: str) -> Run:
    """A run by its name as it is; a scenario as it is now."""
    if (workspace.reports / name / "manifest.json").is_file():
        return workspace.run(name)
    return _planned(workspace, name)
