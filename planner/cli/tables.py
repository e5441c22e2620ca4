"""validate, schema: the tables and their faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, command, current

PANEL = "Begin"
ISSUE_COLUMNS = ("file", "row", "column", "value", "rule", "hint")


def register(app: typer.Typer) -> None:
    command(app, "validate", takes=DATA | {"as_of"}, panel=PANEL)(validate)
    command(app, "schema", takes=DATA, panel=PANEL)(schema)


def validate(
    tables: Annotated[list[str] | None, typer.Argument(metavar="TABLE", help="Only these tables.")] = None,
    plan_ready: Annotated[
        bool, typer.Option("--plan-ready", help="Also say what would stop or weaken a plan.")
    ] = False,
    max_errors: Annotated[int, typer.Option(min=1, metavar="N", help="Show at most so many faults.")] = 100,
) -> Answer:
    """Check every table: types, ranges, keys, references. All faults at once, each with file, row, column and hint.

    -C may also name a plain folder of tables that is no workspace yet. Exit code 3 when there are faults.
    --plan-ready ranks what weakens a plan by the demand it touches.
    """
    import pandas as pd

    from planner.dataset import validate as check

    data, cache = _tables_and_cache()
    with current().out.working("reading and checking the tables"):
        report = check(data, tuple(tables or ()), max_errors=max_errors, cache=cache)
    for note in report.notes:
        current().out.note(f"note: {note}")
    if report.total:
        rows = [issue.as_dict() for issue in report.issues]
        frame = pd.DataFrame(rows, columns=list(ISSUE_COLUMNS), dtype=object)
        sheet = Sheet(
            "issues",
            frame,
            columns=ISSUE_COLUMNS,
            keys=("file", "row", "column"),
            folded=("value", "rule", "hint"),
            shown=0,
        )
        noun = "fault" if report.total == 1 else "faults"
        more = f" ({max_errors} shown; --max-errors N shows more)" if report.total > max_errors else ""
        return Answer([sheet], {"total": report.total}, [f"{report.total:,} {noun}{more}"], exit_code=3)
    if plan_ready:
        return _plan_ready()
    sheet = Sheet("tables", pd.DataFrame({"table": list(report.rows), "rows": list(report.rows.values())}), shown=0)
    return Answer([sheet], {"total": 0}, ["No faults."], "planner validate --plan-ready")


def _tables_and_cache() -> tuple[Path, Path | None]:
    """Where the tables lie, and where what was read of them is kept: nowhere for a folder that is no workspace."""
    from planner.tables import TABLES
    from planner.workspace import SETTINGS_FILE

    options = current().options
    folder = options.folder
    bare = "folder" in options.given and folder.is_dir() and not (folder / SETTINGS_FILE).is_file()
    if bare and any(path.stem in TABLES for path in folder.iterdir()):
        return folder, None
    workspace = current().workspace()
    return workspace.data, workspace.cache


def _plan_ready() -> Answer:
    from planner.plan import prepare
    from planner.readiness import plan_ready

    session = current()
    with session.out.working("looking for what weakens a plan"):
        prepared = prepare(session.workspace(), flags=session.options.flags())
        frame = plan_ready(prepared.dataset, prepared.scenario.settings, prepared.as_of)
    sheet = Sheet(
        "findings", frame, keys=("type",), columns=("sku", "warehouse", "text", "hint", "demand_share", "money"),
        folded=("text", "hint"), empty="Nothing would stop or weaken a plan.",
    )  # fmt: skip
    return Answer([sheet], {"total": 0}, next_step="planner plan")


def schema(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="One table; without it, all of them.")] = "",
) -> Answer:
    """Show the tables: columns, types, units, defaults and rules."""
    import pandas as pd

    from planner.errors import UsageError
    from planner.schema import schema_rows
    from planner.settings import nearest
    from planner.tables import TABLES

    if table and table not in TABLES:
        raise UsageError(f"there is no table {table!r}", nearest(table, list(TABLES)))
    if not table and current().out.format == "table":
        rows = [(name, item.text, ", ".join(item.required)) for name, item in TABLES.items()]
        names = pd.DataFrame(rows, columns=["table", "what", "required"])
        sheet = Sheet("tables", names, "", ("table",), ("what", "required"), ("what", "required"), shown=0)
        return Answer([sheet], next_step="planner schema sales")
    frame = pd.DataFrame(schema_rows(table or None))
    columns = ("type", "required", "unit", "default", "rule", "text")
    keys = ("table", "column") if not table else ("column",)
    return Answer([Sheet("columns", frame, keys=keys, columns=columns, folded=("rule", "text"), shown=0)])
