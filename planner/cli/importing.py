"""import: foreign layouts into a workspace. One subcommand a source, its flags from the source's own record."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from planner.cli.helping import Noun
from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, command, current
from planner.importers.registry import SOURCES, Option, Source


def register(app: typer.Typer) -> None:
    imports = typer.Typer(cls=Noun, help="Turn a foreign layout into a workspace that validates and plans.")
    for source in SOURCES.values():
        command(imports, source.name, takes=DATA | {"yes"}, noun="import")(_importer(source))
    app.add_typer(imports, name="import", rich_help_panel="Begin")
    command(app, "anonymise", takes=DATA, panel="Begin")(anonymise)


def anonymise(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Tables in which customers stand as they are.")],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The new folder of tables.")],
    key_file: Annotated[str, typer.Option(metavar="FILE", help="The secret key; PLANNER_KEY does the same.")] = "",
) -> Answer:
    """Copy a folder of tables with customers as keyed hashes, leaving names, addresses and remarks behind.

    The key is written nowhere: keep it yourself, for without it nobody can tell whose a hash is.
    """
    import os

    import pandas as pd

    from planner.importers.anonymise import anonymise as hash_customers

    session = current()
    with session.out.working(f"hashing customers of {folder}"):
        done = hash_customers(folder, into, key_file, os.environ)
    rows = [(name, count, ", ".join(done.dropped[name])) for name, count in done.rows.items()]
    table = pd.DataFrame(rows, columns=["table", "rows", "left_behind"])
    lines = [f"{into} holds them; copied as they are: {', '.join(done.copied) or 'none'}"]
    return Answer([Sheet("tables", table, folded=("left_behind",), shown=0)], {}, lines, f"planner -C {into} validate")


def _importer(source: Source) -> Callable[..., Answer]:
    """A function with the source's options as its parameters: the command line and its help are read off it."""

    def run(folder: Path, into: Path, **options: Any) -> Answer:
        return _import(source.name, folder, into, options)

    fixed = [
        _parameter("folder", Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the files lie.")]),
        _parameter("into", Annotated[Path, typer.Option("--into", metavar="DIR", help="The workspace to write.")]),
    ]
    own = [_parameter(option.name, _annotation(option), option.default) for option in source.options]
    parameters = [*fixed, *own]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = source.help
    return run


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


def _annotation(option: Option) -> Any:
    words = option.help + (f" ({' or '.join(option.choices)})" if option.choices else "")
    return Annotated[option.type, typer.Option(option.flag, help=words, show_default=option.default != "")]


def _import(name: str, folder: Path, into: Path, options: dict[str, Any]) -> Answer:
    import pandas as pd

    from planner.importers import run_import

    session = current()
    with session.out.working(f"importing {name} from {folder}"):
        imported = run_import(name, folder, into, {**options, "replace": session.options.yes})
    for note in imported.notes:
        session.out.note(f"note: {note}")
    if imported.as_of is None:
        return Answer(next_step=f"complete the mapping, then planner import {name} {folder} --into {into}")
    tables = pd.DataFrame({"table": list(imported.tables), "rows": list(imported.tables.values())})
    assumed = pd.DataFrame({"assumed": list(imported.assumptions.values())})
    sheets = [
        Sheet("tables", tables, shown=0),
        Sheet("assumptions", assumed, columns=("assumed",), folded=("assumed",), shown=0),
    ]
    facts = {"as_of": imported.as_of, "into": str(into)}
    return Answer(
        sheets,
        facts,
        [f"{into} is ready; as of {imported.as_of}."],
        f"planner -C {into} {'plan' if 'sales' in imported.tables else 'campaign settle'}",
    )
