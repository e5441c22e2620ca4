"""What tests share: where real data lies."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from planner.workspace import Run

os.environ.pop("COLUMNS", None)  # what commands print must not hang on the caller's screen
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


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small demo, written once; copy it before changing it."""
    from planner.demo import write_demo

    folder = tmp_path_factory.mktemp("demo") / "shop"
    write_demo(folder, "small", 1)
    return folder


@pytest.fixture(scope="session")
def planned(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small world, planned: two categories of the demo over eight weeks, with and without the spring campaign."""
    from planner.plan import run_plan
    from planner.workspace import Workspace
    from tests.worlds import thinned

    folder = thinned(demo, tmp_path_factory.mktemp("planned") / "shop")
    for scenario in ("spring-campaign", "base"):
        run_plan(Workspace(folder), scenario)
    return folder


@pytest.fixture(scope="session")
def base_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A synthetic run, written and not planned."""
    from tests.synthetic import make_run

    return make_run(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def spring_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same with its spring campaign."""
    from tests.synthetic import make_run

    return make_run(tmp_path_factory.mktemp("spring"), "spring-campaign", campaign=1.0)
