"""What tests share: where real data lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def real_data_folder() -> Path:
    """Folder of the public data sets: PLANNER_REAL_DATA, else ../shared/data beside the project."""
    return Path(os.environ.get("PLANNER_REAL_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = real_data_folder()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set PLANNER_REAL_DATA to the folder of the public data sets")
    return folder
