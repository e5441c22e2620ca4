"""A progress bar that says what is done and how long it will take, judged by the last time."""

from __future__ import annotations

import sys

from rich.progress import Progress as RichProgress
from rich.progress import ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from planner.cli.out import Printer
from planner.plan import FLOW, Progress

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


class _OnScreen:
    def __init__(self, out: Printer) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), _Bar(), _Clock())
        self._bars = RichProgress(*columns, console=out.talk, transient=True)
        self._names = [stage.name for stage in FLOW]
        self._task: TaskID | None = None
        self._out = out

    def start(self, stage: str, title: str, expected: float | None) -> None:
        self._bars.start()
        position = f"{self._names.index(stage) + 1}/{len(self._names)} " if stage in self._names else ""
        self._task = self._bars.add_task(f"{position}{title}", total=None, expected=expected)

    def done(self, stage: str, seconds: float, cached: bool) -> None:
        if self._task is not None:
            self._bars.remove_task(self._task)
        self._bars.stop()
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
    on_screen = sys.stderr.isatty() and not (out.options.no_progress or out.options.quiet)
    return _OnScreen(out) if on_screen else _InWords(out)


def _spoken(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
