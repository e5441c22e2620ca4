"""init, doctor: the first minutes."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, command, current
from planner.errors import UsageError

PANEL = "Begin"


class World(StrEnum):
    """The demo worlds."""

    small = "small"
    retail = "retail"
    world = "global"


def register(app: typer.Typer) -> None:
    command(app, "init", takes=frozenset({"seed", "yes"}), panel=PANEL)(init)
    command(app, "doctor", takes=DATA, panel=PANEL)(doctor)


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new workspace.")],
    demo: Annotated[
        World | None, typer.Option(help="Fill it with a generated world instead of leaving it empty.")
    ] = None,
) -> Answer:
    """Make a workspace: planner.toml, data/, scenarios/.

    small plans in seconds; retail has 30,000 SKU-warehouses; global crosses borders.
    """
    session = current()
    if folder.exists() and any(folder.iterdir()) and not session.options.yes:
        raise UsageError(f"{folder} is not empty", "choose a new folder, or --yes to write into it")
    seed = 1 if session.options.seed is None else session.options.seed
    if demo is None:
        from planner.demo import write_empty

        write_empty(folder)
        return Answer(lines=[f"{folder} is a workspace now."], next_step=f"planner -C {folder} schema")
    from planner.demo import write_demo

    with session.out.working(f"writing the {demo.value} world"):
        write_demo(folder, demo.value, seed)
    return Answer(lines=[f"{folder} holds the {demo.value} demo (seed {seed})."], next_step=f"planner -C {folder} plan")


def doctor() -> Answer:
    """Name what is missing on this machine: a library, a solver, an extra."""
    from planner.doctor import checks

    frame = checks()
    bad = frame[frame["state"] == "missing"]
    lines = ["Everything that planner needs is here."] if not len(bad) else [f"{len(bad)} missing: see the hints."]
    broken = bool((bad["needed_for"] == "everything").any())
    sheet = Sheet(
        "checks", frame, keys=("what",), columns=("state", "version", "needed_for", "hint"), folded=("hint",), shown=0
    )
    return Answer([sheet], lines=lines, exit_code=1 if broken else 0)
