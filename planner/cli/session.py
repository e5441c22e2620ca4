"""What every command starts from: the options, the printer, the workspace; and how commands are registered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from planner.cli.options import Options, described, refuse_unused
from planner.cli.out import Answer, Printer

if TYPE_CHECKING:
    import pandas as pd

    from planner.plan import Progress
    from planner.workspace import Run, Workspace

DATA = frozenset({"format", "output"})
PLANNING = frozenset({"scenario", "as_of", "seed"})


@dataclass(frozen=True)
class Session:
    options: Options
    out: Printer

    @property
    def scenario(self) -> str:
        return self.options.scenario or "base"

    def workspace(self) -> Workspace:
        """The one that -C names, else the one that the current folder lies in."""
        from planner.workspace import Workspace

        folder = self.options.folder
        return Workspace.at(folder) if "folder" in self.options.given else Workspace.find(folder)

    def run_with_orders(self, name: str = "") -> Run:
        """The run or scenario of that name; without one, the latest run (of --scenario) that holds orders."""
        workspace = self.workspace()
        return workspace.run(name, "orders") if name else workspace.latest(self.options.scenario or None, "orders")

    def progress(self) -> Progress:
        from planner.cli.progress import stage_progress

        return stage_progress(self.out)

    def selected(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that --select names; all of them without it."""
        if not self.options.select:
            return frame
        from planner.dataset import load
        from planner.selection import matches, parse

        workspace = self.workspace()
        where = parse(self.options.select)
        rows = matches(frame, where, load(workspace.data, workspace.cache), "--select")
        return frame[rows].reset_index(drop=True)


_CURRENT: ContextVar[Session] = ContextVar("session")


def open_session(options: Options) -> Session:
    session = Session(options, Printer(options))
    _CURRENT.set(session)
    return session


def current() -> Session:
    return _CURRENT.get()


def command(
    app: typer.Typer, name: str, *, takes: frozenset[str] = frozenset(), panel: str | None = None, noun: str = ""
) -> Callable[[Callable[..., Answer | None]], Callable[..., int]]:
    """Register a command: it returns its answer, which is printed; `takes` names the global options it heeds."""

    def register(function: Callable[..., Answer | None]) -> Callable[..., int]:
        @functools.wraps(function)
        def run(*arguments: Any, **options: Any) -> int:
            session = current()
            refuse_unused(session.options, takes, f"{noun} {name}".strip())
            answer = function(*arguments, **options) or Answer()
            session.out.answer(answer)
            return answer.exit_code

        run.__annotations__["return"] = int
        app.command(name, epilog=_epilog(takes), rich_help_panel=panel)(run)
        return run

    return register


def _epilog(takes: frozenset[str]) -> str:
    words = ", ".join(word for word, _ in described(takes | {"folder", "quiet"}))
    return f"Also: {words} (see planner --help)."
