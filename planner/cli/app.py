"""`planner`: registers the commands, reads the global options, turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import typer
from typer.exceptions import Abort, TyperException

from planner import __version__
from planner.cli.helping import Root
from planner.cli.options import Options, take
from planner.cli.out import Printer
from planner.cli.session import open_session
from planner.errors import PlannerError, UsageError

NOUNS = (
    "start",
    "tables",
    "importing",
    "planning",
    "policy",
    "history",
    "accuracy",
    "orders",
    "scenario",
    "reading",
    "customers",
    "explain",
    "network",
    "output",
    "runs",
)
INTERRUPTED = 130


def build() -> typer.Typer:
    """The application with all its commands; none of them imports anything heavy before it runs."""
    app = typer.Typer(
        name="planner",
        cls=Root,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        help="From sales and campaigns to orders and trucks: one supply plan, with proof.",
        epilog="Begin: planner init shop --demo small; cd shop; planner plan",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for noun in NOUNS:
        import_module(f"planner.cli.{noun}").register(app)
    return app


def main(argv: Sequence[str]) -> int:
    """Run one command and return its exit code; every error becomes one message with a hint."""
    printer, options, rest = Printer(Options()), Options(), [*argv]
    try:
        options, rest = take(argv)
        printer = open_session(options).out
        if rest == ["--version"]:
            printer.data.print(f"planner {__version__}")
            return 0
        code = int(build()(args=rest or ["--help"], prog_name="planner", standalone_mode=False) or 0)
        sys.stdout.flush()
        if code == INTERRUPTED:  # typer turns the interrupt of a command into this code
            raise KeyboardInterrupt
        return code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  what is left in the buffer has no reader
        return 0
    except (KeyboardInterrupt, Abort):
        printer.still()
        printer.note("stopped; what was finished is kept, the next run goes on from there")
        return INTERRUPTED
    except Exception as error:
        printer.still()
        if os.environ.get("PLANNER_DEBUG") == "1":
            raise
        told = _told(error, options.folder, rest)
        printer.error(told)
        return told.exit_code


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))


def _told(error: Exception, folder: Path, words: Sequence[str]) -> PlannerError:
    """Every error as something a planner can act on; the `words` of the command were given for this folder."""
    if isinstance(error, PlannerError):
        return error
    if isinstance(error, TyperException):
        context, message = getattr(error, "ctx", None), error.format_message()
        command = context.command_path if context else "planner"
        scenario = _scenario(folder, words) if "extra argument" in message else ""
        return UsageError(message, f"{command} --scenario {scenario}" if scenario else f"{command} --help")
    if isinstance(error, MemoryError):
        return PlannerError("this machine has too little memory for that", "plan fewer SKUs, or a coarser bucket")
    if isinstance(error, OSError):
        return PlannerError(
            f"{error.filename or 'a file'}: {error.strerror or error}", "check the path and who may use it"
        )
    kind = f"{type(error).__name__}: {error}"
    return PlannerError(f"something unforeseen happened: {kind}", "PLANNER_DEBUG=1 shows where; please report it")


def _scenario(folder: Path, words: Sequence[str]) -> str:
    """The first of these words that names a scenario of the workspace; empty if none does."""
    from planner.scenarios import scenario_names
    from planner.workspace import Workspace

    try:
        names = scenario_names(Workspace.find(folder).root)
    except (PlannerError, OSError):
        return ""
    return next((word for word in words if word in names), "")
