"""A progress bar that says what is done and how long it will take, judged by the last time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.progress import ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from planner.cli.out import Printer

if TYPE_CHECKING:
    from planner.plan import Progress, Stage

ALMOST_DONE = 0.97


class _Bar(ProgressColumn):
    """Time passed against the time that the stage took before; it pulses where that is unknown."""

    def render(self, task: Task) -> ProgressBar:
        expected, elapsed = task.fields.get("expected"), task.elapsed or 0.0
        if not expected:
            return ProgressBar(total=None, width=24, pulse=True, animation_time=elapsed)
        return ProgressBar(total=1.0, completed=min(elapsed / expected, ALMOST_DONE), width=24)


class _Clock(ProgressColumn):
    def render(self, task: Task) -> Text:
        expected = task.fields.get("expected")
        about = f" of about {_spoken(expected)}" if expected else ""
        return Text(f"{_spoken(task.elapsed or 0.0)}{about}", style="dim")


def _flow() -> tuple[Stage, ...]:
    from planner.plan import FLOW

    return FLOW


class _OnScreen:
    def __init__(self, out: Printer) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), _Bar(), _Clock())
        self._bars = RichProgress(*columns, console=out.talk, transient=True)
        self._names = [stage.name for stage in _flow()]
        self._out = out
        self._task: TaskID | None = self._bars.add_task("reading the tables", total=None, expected=None)
        self._bars.start()
        out.moving(self._bars.stop)

    def start(self, stage: str, title: str, expected: float | None) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        position = f"{self._names.index(stage) + 1}/{len(self._names)} " if stage in self._names else ""
        self._task = self._bars.add_task(f"{position}{title}", total=None, expected=expected)

    def done(self, stage: str, seconds: float, cached: bool) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
            self._task = None
        self._out.detail(f"{stage}: {'unchanged' if cached else _spoken(seconds)}")


class _InWords:
    def __init__(self, out: Printer) -> None:
        self._out = out

    def start(self, stage: str, title: str, expected: float | None) -> None:
        self._out.detail(f"{title} ...")

    def done(self, stage: str, seconds: float, cached: bool) -> None:
        self._out.detail(f"{stage}: {'unchanged' if cached else _spoken(seconds)}")


def stage_progress(out: Printer) -> Progress:
    """Bars on a screen; words with -v elsewhere."""
    return _OnScreen(out) if out.shows_bars else _InWords(out)


def spinner(console: Console, what: str) -> Callable[[], None]:
    """Something turns beside `what` until the function that comes back is called."""
    bars = RichProgress(SpinnerColumn(), TextColumn("{task.description}"), _Clock(), console=console, transient=True)
    bars.add_task(what, total=None)
    bars.start()
    return bars.stop


def _spoken(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
