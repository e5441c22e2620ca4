"""Run benchmarks and print what they measured. Exit code 0 also when a target is missed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib import import_module
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.registry import BENCHMARKS, MODULES, Figure, Missing

COLUMNS = ("benchmark", "figure", "value", "unit", "target", "better", "met", "peer", "peer_value", "seconds")


def main(argv: Sequence[str]) -> int:
    for module in MODULES:
        import_module(f"tests.benchmarks.{module}")
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; without it, all")
    parser.add_argument("--json", action="store_true", help="nothing but one list of objects on stdout")
    parser.add_argument("--full", action="store_true", help="more instances")
    parser.add_argument(
        "--smoke", action="store_true", help="a tiny run that shows that it works; its figures mean nothing"
    )
    chosen = parser.parse_args(argv)
    unknown = [name for name in chosen.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}: {', '.join(BENCHMARKS)}")
    rows = [row for name in chosen.names or BENCHMARKS for row in measured(name, chosen.full, chosen.smoke)]
    if chosen.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        show(rows)
    return 0


def measured(name: str, full: bool, smoke: bool) -> list[dict[str, Any]]:
    """Figures of one benchmark as plain rows; none where its data are missing."""
    begin = time.perf_counter()
    try:
        figures = BENCHMARKS[name](full=full, smoke=smoke)
    except Missing as reason:
        print(f"{name} skipped: {reason}", file=sys.stderr)
        return []
    seconds = time.perf_counter() - begin
    return [row(name, item if item.seconds is not None else replace(item, seconds=seconds)) for item in figures]


def row(name: str, figure: Figure) -> dict[str, Any]:
    values = {"benchmark": name, **asdict(figure), "met": figure.met}
    return {column: values[column] for column in COLUMNS}


def show(rows: Sequence[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in COLUMNS:
        table.add_column(
            column.replace("_", " "), justify="right" if column in ("value", "target", "seconds") else "left"
        )
    for entry in rows:
        table.add_row(*(_cell(entry[column]) for column in COLUMNS))
    Console(width=160, highlight=False).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
