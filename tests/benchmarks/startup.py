"""How long `planner --help` takes."""

from __future__ import annotations

import resource
import subprocess
import sys
from statistics import median

from tests.benchmarks.registry import Figure, benchmark

RUNS = 9
_HELP = "from planner.cli.app import main; main(['--help'])"


@benchmark("startup")
def run(full: bool, smoke: bool) -> list[Figure]:
    """CPU seconds (user and system) of a fresh interpreter that prints the help: median of 9 runs after a warm-up.

    Peer: the same interpreter importing typer and rich alone.
    """
    runs = 2 if smoke else RUNS
    ours, peer = (_cpu_seconds(code, runs) for code in (_HELP, "import typer, rich.console, rich.table"))
    return [Figure("planner --help", ours, "CPU s", 0.3, "lower", "import typer and rich", peer)]


def _cpu_seconds(code: str, runs: int) -> float:
    return median([_once(code) for _ in range(runs + 1)][1:])


def _once(code: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
