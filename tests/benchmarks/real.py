"""Where the real data lies: `PLANNER_REAL_DATA`, else `../shared/data` beside the project."""

from __future__ import annotations

import os
from pathlib import Path

from tests.benchmarks.registry import Missing

ROOT = Path(__file__).resolve().parent.parent.parent


def needed(name: str) -> Path:
    """The folder of all data sets, if that one is there. Raises Missing."""
    folder = Path(os.environ.get("PLANNER_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / name).is_dir():
        raise Missing(f"{folder / name} is not there; set PLANNER_REAL_DATA")
    return folder
