"""network: lanes checked, paths found."""

from __future__ import annotations

from typing import Annotated

import typer

from planner.cli.helping import Noun
from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, command, current


def register(app: typer.Typer) -> None:
    network = typer.Typer(cls=Noun, help="Locations and lanes: what leads where.")
    command(network, "check", takes=DATA | {"scenario", "as_of"}, noun="network")(check)
    command(network, "paths", takes=DATA | {"scenario", "as_of"}, noun="network")(paths)
    app.add_typer(network, name="network", rich_help_panel="Read")


def check() -> Answer:
    """Name lanes that lead nowhere, places that cannot be reached, and lanes without times."""
    from planner.plan import prepare
    from planner.routes import check_network

    session = current()
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    frame = check_network(prepared.dataset, prepared.scenario.settings, prepared.as_of)
    return Answer([Sheet("findings", frame, folded=("text", "hint"), empty="every lane leads somewhere", shown=0)])


def paths(
    origin: Annotated[str, typer.Argument(help="Where goods start.")],
    destination: Annotated[str, typer.Argument(help="Where they go.")],
    kg: Annotated[float, typer.Option(min=0, help="Weight to price.")] = 1000.0,
    m3: Annotated[float, typer.Option(min=0, help="Volume to price.")] = 5.0,
) -> Answer:
    """Show the cheapest and the fastest way between two places."""
    from planner.plan import prepare
    from planner.routes import find_paths

    session = current()
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    frame = find_paths(prepared.dataset, prepared.scenario.settings, prepared.as_of, origin, destination, kg, m3)
    return Answer([Sheet("paths", frame, keys=("by", "leg"), shown=0)])
