"""Global options: accepted before and after the command, taken out of the arguments before the command reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from planner.errors import UsageError

FORMATS = ("table", "json", "csv")


@dataclass(frozen=True)
class Options:
    """What was said for every command. `given` are the names of those that were said."""

    folder: Path = field(default_factory=Path)
    scenario: str = ""
    as_of: dt.date | None = None
    select: str = ""
    format: str = ""
    output: str = ""
    seed: int | None = None
    dry_run: bool = False
    yes: bool = False
    quiet: bool = False
    verbose: bool = False
    no_progress: bool = False
    given: frozenset[str] = frozenset()

    def flags(self) -> dict[str, Any]:
        """Settings that options override."""
        values = {"plan.as_of": self.as_of, "plan.seed": self.seed}
        return {key: value for key, value in values.items() if value is not None}


@dataclass(frozen=True)
class Option:
    name: str
    words: tuple[str, ...]
    help: str
    value: str = ""
    read: Callable[[str], Any] = str
    example: str = ""


def _date(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _format(text: str) -> str:
    if text not in FORMATS:
        raise ValueError(text)
    return text


OPTIONS = (
    Option("folder", ("-C",), "the workspace, instead of the one that you are in", "DIR", Path),
    Option("scenario", ("--scenario",), "the scenario, instead of base", "NAME"),
    Option(
        "as_of", ("--as-of",), "the day of the plan; everything before it has happened", "DATE", _date, "2026-03-02"
    ),
    Option("select", ("--select",), "only these rows, such as 'category:juice|tea+warehouse:LEJ'", "WHAT"),
    Option("format", ("--format",), "table, json or csv", "FORMAT", _format, "csv"),
    Option("output", ("-o", "--output"), "write the data to a file; - is the screen", "FILE"),
    Option("seed", ("--seed",), "seed of everything random", "N", int, "7"),
    Option("dry_run", ("--dry-run",), "say what would be done, and do nothing"),
    Option("yes", ("--yes", "-y"), "do not ask"),
    Option("quiet", ("-q", "--quiet"), "only data and errors"),
    Option("verbose", ("-v", "--verbose"), "say more about what is done"),
    Option("no_progress", ("--no-progress",), "no progress bar"),
)
EVERYWHERE = frozenset({"folder", "quiet", "verbose", "no_progress"})
_BY_WORD = {word: option for option in OPTIONS for word in option.words}


def take(arguments: Sequence[str]) -> tuple[Options, list[str]]:
    """Global options taken out of the arguments; what follows `--` is left alone.

    Raises UsageError where a value is missing or cannot be read.
    """
    options, rest, queue = Options(), [], list(arguments)
    while queue:
        argument = queue.pop(0)
        if argument == "--":
            rest += [argument, *queue]
            break
        word, equals, value = argument.partition("=")
        option = _BY_WORD.get(word if argument.startswith("--") else argument)
        if option is None:
            rest.append(argument)
            continue
        if option.value and not equals:
            if not queue:
                raise UsageError(f"{word} needs a value", f"{word} {option.value}")
            value = queue.pop(0)
        options = _with(options, option, value)
    return options, rest


def _with(options: Options, option: Option, text: str) -> Options:
    try:
        value = option.read(text) if option.value else True
    except ValueError:
        word = option.words[-1]
        hint = f"{option.help}; such as {word} {option.example}"
        raise UsageError(f"{word}: {text!r} cannot be read", hint) from None
    return replace(options, **{option.name: value}, given=options.given | {option.name})  # type: ignore[arg-type]


def refuse_unused(options: Options, used: frozenset[str], command: str) -> None:
    """An option that would do nothing is refused, not ignored."""
    for option in OPTIONS:
        if option.name in options.given and option.name not in used | EVERYWHERE:
            raise UsageError(f"{option.words[-1]} means nothing to planner {command}", f"planner {command} --help")


def described(names: frozenset[str] | None = None) -> list[tuple[str, str]]:
    """Words and help of the global options, of all or of those named."""
    return [
        (", ".join(option.words) + (f" {option.value}" if option.value else ""), option.help)
        for option in OPTIONS
        if names is None or option.name in names
    ]
