"""export, report: what leaves the workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.helping import Noun
from planner.cli.out import Answer
from planner.cli.session import command, current

PANEL = "Release"


def register(app: typer.Typer) -> None:
    exports = typer.Typer(cls=Noun, help="Orders, forecast and stock targets for other systems.")
    command(exports, "csv", takes=frozenset({"scenario", "yes", "dry_run"}), noun="export")(export_csv)
    app.add_typer(exports, name="export", rich_help_panel=PANEL)
    command(app, "report", takes=frozenset({"scenario", "output"}), panel=PANEL)(report)


def export_csv(
    into: Annotated[
        Path | None, typer.Option("--into", metavar="DIR", help="Where to; without it, into the run.")
    ] = None,
    run: Annotated[str, typer.Option(metavar="RUN", help="A run, instead of the latest.")] = "",
) -> Answer:
    """Write purchase orders, transfer orders, forecast and stock targets as plain CSV."""
    from planner.exports import file_names, write_csv

    session = current()
    chosen = session.run_with_orders(run)
    folder = into or chosen.path / "csv"
    if session.options.dry_run:
        return Answer(lines=[f"would write {folder / name}" for name in file_names(chosen)])
    written = write_csv(chosen, folder, overwrite=session.options.yes or into is None)
    return Answer(lines=[f"wrote {path}" for path in written])


def report(
    against: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Compare with this scenario or run; repeatable.")
    ] = None,
    run: Annotated[str, typer.Option(metavar="RUN", help="A run, instead of the latest.")] = "",
) -> Answer:
    """Write one HTML page that opens offline: demand, stock, orders, campaigns, loads."""
    from planner.reports.html import render

    session = current()
    workspace = session.workspace()
    chosen = session.run_with_orders(run)
    page = render(chosen, [workspace.run(name, "orders") for name in against or []])
    if session.options.output == "-":
        session.out.raw(page)
        return Answer()
    target = Path(session.options.output) if session.options.output else chosen.path / "report.html"
    workspace.write_text(target, page)
    return Answer(lines=[f"wrote {target}"])
