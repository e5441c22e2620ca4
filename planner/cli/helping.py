"""Help as plain text: commands by what they are for, global options once, nothing heavy imported to show it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typer.core import TyperGroup

from planner.cli.options import described

if TYPE_CHECKING:
    Context = Any
    Formatter = Any

_LONGEST = 1000
PANELS = ("Begin", "Plan", "Read", "Release")


class Root(TyperGroup):
    """The root command: commands under the heading of their panel, then the global options."""

    def format_commands(self, ctx: Context, formatter: Formatter) -> None:
        commands = [(name, self.commands[name]) for name in self.list_commands(ctx)]
        widest = max(len(name) for name, _ in commands)
        for panel in PANELS:
            rows = [
                (name.ljust(widest), _first_sentence(command))
                for name, command in commands
                if getattr(command, "rich_help_panel", None) == panel
            ]
            with formatter.section(panel):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Context, formatter: Formatter) -> None:
        with formatter.section("Accepted before and after every command that heeds them"):
            formatter.write_dl(described())
        super().format_epilog(ctx, formatter)


class Noun(TyperGroup):
    """A noun with its verbs: what each does, in one whole sentence."""

    def format_commands(self, ctx: Context, formatter: Formatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, _first_sentence(self.commands[name])) for name in self.list_commands(ctx)])


def _first_sentence(command: Any) -> str:
    """Whole, not cut off with dots; it wraps where the screen is narrow."""
    return str(command.get_short_help_str(_LONGEST))
