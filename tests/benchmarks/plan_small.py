"""How long the demo takes, cold and again."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.registry import Figure, benchmark


@benchmark("plan-small")
def run(full: bool, smoke: bool) -> list[Figure]:
    """`planner plan` on a fresh small demo as a whole process: wall seconds cold, then unchanged (median of 3)."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "demo"
        _planner("init", str(workspace), "--demo", "small")
        cold = _planner("-C", str(workspace), "plan")
        again = sorted(_planner("-C", str(workspace), "plan") for _ in range(1 if smoke else 3))
    return [
        Figure("cold", cold, "s", 20.0),
        Figure("again, unchanged", again[len(again) // 2], "s", 2.0, "lower", "cold", cold),
    ]


def _planner(*arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "planner", *arguments], check=True, capture_output=True)
    return time.perf_counter() - begin
