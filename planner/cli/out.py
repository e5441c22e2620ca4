"""The only printer: data to stdout as table, JSON or CSV; talk and progress to stderr."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from planner.cli.options import Options
from planner.errors import DataError, PlannerError, UsageError
from planner.files import whole_file

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.text import Text

ROWS_SHOWN = 20
PLAIN_WIDTH = 120
FOLDED_LEAST = 24


@dataclass(frozen=True)
class Sheet:
    """A table to print. Columns are in order of importance after `keys`; `folded` ones may wrap.

    `shown` limits the rows on a screen only; files and JSON hold all of them. Where `frame` holds words for people,
    `data` holds what files get instead.
    """

    name: str
    frame: pd.DataFrame
    title: str = ""
    keys: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    folded: tuple[str, ...] = ()
    shown: int = ROWS_SHOWN
    empty: str = "nothing to show"
    data: pd.DataFrame | None = None


@dataclass(frozen=True)
class Answer:
    """What a command has to say: sheets (the first is the one that CSV writes), facts, words and a next step."""

    sheets: Sequence[Sheet] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[str] = ()
    next_step: str = ""
    exit_code: int = 0


class Printer:
    def __init__(self, options: Options) -> None:
        self.options = options
        self._bars: Callable[[], None] | None = None

    @cached_property
    def data(self) -> Console:
        return _console(sys.stdout)

    @cached_property
    def talk(self) -> Console:
        return _console(sys.stderr)

    @property
    def format(self) -> str:
        """As said, else by the ending of the file, else a table."""
        suffix = Path(self.options.output).suffix.lstrip(".")
        return self.options.format or (suffix if suffix in ("json", "csv") else "table")

    @property
    def shows_bars(self) -> bool:
        """Somebody watches, and has not asked for silence."""
        return sys.stderr.isatty() and not (self.options.no_progress or self.options.quiet)

    def moving(self, stop: Callable[[], None]) -> None:
        """Something moves on the screen; `stop` takes it away, before anything else is said for good."""
        self._bars = stop

    def still(self) -> None:
        """Take away what moves, after an error too: else the cursor stays hidden."""
        if self._bars:
            self._bars()
            self._bars = None

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """While something of unknown length is done: what, and the time that it takes so far."""
        if not self.shows_bars:
            self.note(f"{what} ...")
            yield
            return
        from planner.cli.progress import spinner

        self.moving(spinner(self.talk, what))
        try:
            yield
        finally:
            self.still()

    def answer(self, answer: Answer) -> None:
        """Print it; a reader that has seen enough, such as `head`, is no error."""
        self.still()
        try:
            self._answer(answer)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]

    def _answer(self, answer: Answer) -> None:
        if not (answer.sheets or answer.facts) or (self.format == "table" and not self._to_file):
            self._show(answer)
            return
        text = self._csv(answer) if self.format == "csv" else self._json(answer)
        if self.format == "table":
            raise UsageError(f"{self.options.output}: which format?", "add --format csv or --format json")
        self._write(text)

    def raw(self, text: str) -> None:
        """A whole document on stdout, as it is."""
        sys.stdout.write(text)

    def note(self, text: str) -> None:
        """Talk: not data, so not on stdout."""
        if not self.options.quiet:
            self.talk.print(_styled(text))

    def detail(self, text: str) -> None:
        if self.options.verbose:
            self.talk.print(_styled(text, style="dim"))

    def error(self, error: PlannerError) -> None:
        self.still()
        self.talk.print(_labelled("error: ", "bold red", error.message))
        if isinstance(error, DataError):
            for issue in error.issues:
                self.talk.print(_styled(f"  {issue}"), soft_wrap=True)
            if error.total > len(error.issues):
                self.talk.print(
                    _styled(f"  ... and {error.total - len(error.issues):,} more (--max-errors N shows more)")
                )
        if error.hint:
            self.talk.print(_labelled("hint: ", "bold", self._here(error.hint)))

    @property
    def _to_file(self) -> bool:
        return self.options.output not in ("", "-")

    def _write(self, text: str) -> None:
        if not self._to_file:
            sys.stdout.write(text)
            return
        target = Path(self.options.output)
        with whole_file(target) as draft:
            draft.write_text(text, encoding="utf-8", newline="\n")
        self.note(f"wrote {target}")

    def _csv(self, answer: Answer) -> str:
        from planner.exports import frame_to_csv

        if not answer.sheets:
            raise UsageError("there is no table here to write as CSV", "use --format json")
        return frame_to_csv(_for_files(answer.sheets[0]))

    def _json(self, answer: Answer) -> str:
        content = {**answer.facts, **{sheet.name: _records(_for_files(sheet)) for sheet in answer.sheets}}
        return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def _show(self, answer: Answer) -> None:
        for sheet in answer.sheets:
            self._show_sheet(sheet)
        for line in answer.lines:
            self.data.print(_styled(line))
        if answer.next_step and not self.options.quiet:
            self.data.print(_labelled("next: ", "bold", self._here(answer.next_step)))

    def _here(self, step: str) -> str:
        """A command as it must be typed from where the user stands."""
        folder = self.options.folder
        return step if "folder" not in self.options.given else step.replace("planner ", f"planner -C {folder} ")

    def _show_sheet(self, sheet: Sheet) -> None:
        frame = _chosen(sheet)
        if sheet.title:
            self.data.print(_styled(sheet.title, style="bold"))
        if not len(frame):
            self.data.print(_styled(sheet.empty, style="dim"))
            self.data.print()
            return
        shown = frame.head(sheet.shown) if sheet.shown else frame
        cells = {name: [_cell(value) for value in shown[name]] for name in frame.columns}
        names, width = self._fitting(sheet, cells)
        from rich.markup import escape
        from rich.table import Table as RichTable

        table = RichTable(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for name in names:
            table.add_column(
                escape(name.replace("_", " ")),
                justify="right" if _is_number(frame[name]) else "left",
                overflow="fold", no_wrap=name not in sheet.folded,
            )  # fmt: skip
        for position in range(len(shown)):
            table.add_row(*(escape(cells[name][position]) for name in names))
        _console(sys.stdout, width).print(table)
        self._say_what_is_left_out(sheet, frame, names, len(shown))
        self.data.print()

    def _say_what_is_left_out(self, sheet: Sheet, frame: pd.DataFrame, names: Sequence[str], shown: int) -> None:
        left_out = []
        if len(frame) > shown:
            left_out.append(f"{len(frame) - shown:,} more rows")
        if len(names) < len(frame.columns):
            left_out.append(f"columns {', '.join(name for name in frame.columns if name not in names)}")
        if left_out:
            self.data.print(_styled(f"… {' and '.join(left_out)}: --format csv shows all", style="dim"))

    def _fitting(self, sheet: Sheet, cells: Mapping[str, Sequence[str]]) -> tuple[list[str], int]:
        """Columns that fit the screen, and the width to print; the least important go first, keys never."""
        names = list(cells)
        widths = {name: _needed(name, cells[name], name in sheet.folded) + 2 for name in names}
        dropped = [name for name in reversed(names) if name not in sheet.keys]
        while dropped and sum(widths[name] for name in names) > self.data.width:
            names.remove(dropped.pop(0))
        return names, max(self.data.width, sum(widths[name] for name in names))


def _console(stream: TextIO, width: int | None = None) -> Console:
    """rich is imported only when something is printed with it."""
    from rich.console import Console

    class Stoppable(Console):
        """A reader that has seen enough is no error; rich alone would exit with 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Stoppable(file=stream, width=width or _width(), highlight=False)


def _styled(text: str, style: str = "") -> Text:
    from rich.text import Text

    return Text(text, style=style)


def _labelled(label: str, style: str, text: str) -> Text:
    from rich.text import Text

    return Text.assemble((label, style), text)


def _width() -> int | None:
    """The screen's own width; a fixed one where there is no screen."""
    return None if sys.stdout.isatty() or os.environ.get("COLUMNS") else PLAIN_WIDTH


def _chosen(sheet: Sheet) -> pd.DataFrame:
    """Keys first, then the columns that were named, or all of them."""
    rest = sheet.columns or tuple(sheet.frame.columns)
    names = [*sheet.keys, *(name for name in rest if name not in sheet.keys)]
    return sheet.frame[[name for name in names if name in sheet.frame.columns]]


def _for_files(sheet: Sheet) -> pd.DataFrame:
    return _chosen(sheet) if sheet.data is None else sheet.data


def _needed(name: str, cells: Sequence[str], folded: bool) -> int:
    widest = max([len(name), *(len(cell) for cell in cells)])
    return min(widest, FOLDED_LEAST) if folded else widest


def _is_number(column: pd.Series) -> bool:
    return column.dtype.kind in "iuf"


def _cell(value: Any) -> str:
    """A cell for people: thousands separated, no more decimals than tell something."""
    if value is None or value != value:
        return ""
    if isinstance(value, dt.date | dt.datetime):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _number(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


def _number(value: float) -> str:
    if math.isinf(value):
        return str(value)
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.2f}" if abs(value) >= 0.1 else f"{value:.4f}"


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.astype(object).itertuples(index=False)]


def _plain(value: Any) -> Any:
    """Ready for JSON: ISO dates, null for what is unknown."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or value != value:
        return None
    if isinstance(value, dt.date | dt.datetime):
        return value.strftime("%Y-%m-%d")
    if hasattr(value, "item"):
        return _plain(value.item())
    return None if isinstance(value, float) and math.isinf(value) else value
