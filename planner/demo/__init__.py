"""Generated worlds: `write_demo` makes a workspace with data, scenarios and the truth behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal


def write_demo(folder: Path, size: Literal["small", "retail", "global"], seed: int) -> None:
    """Write planner.toml, data/, scenarios/ and truth/ of a seeded world into `folder`: the same bytes for one seed.

    Raises UsageError for an unknown size, or where a table in data/ would then exist in two forms.
    """
    from planner.demo.sizes import SIZES
    from planner.demo.writing import write_world
    from planner.errors import UsageError

    if size not in SIZES:
        raise UsageError(f"there is no demo {size!r}", f"one of {', '.join(SIZES)}")
    write_world(folder, SIZES[size], seed)


def write_empty(folder: Path) -> None:
    """Write a workspace without data: planner.toml, data/ and scenarios/base.toml; what is there already stays."""
    from planner.demo.writing import write_skeleton

    write_skeleton(folder)
