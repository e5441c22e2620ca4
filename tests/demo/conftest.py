"""The small world, made once: its frames, and the workspace written from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner.demo import write_demo
from planner.demo.sizes import SIZES
from planner.demo.world import World, make_world

SEED = 1


@pytest.fixture(scope="session")
def world() -> World:
    return make_world(SIZES["small"], SEED)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, "small", SEED)
    return folder
