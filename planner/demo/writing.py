"""A world -> a workspace folder. Everything is written beside it first and moved into place at the end."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from planner.demo.files import write_table
from planner.demo.settings import planner_toml
from planner.demo.sizes import Size
from planner.demo.truth import README
from planner.demo.world import World, make_world
from planner.errors import UsageError
from planner.schema import data_readme

EMPTY = """\
# title = "What is planned here"

[plan]
# as_of = 2026-03-02   # everything before this day has happened; without it: today
currency = "EUR"
"""


def write_world(folder: Path, size: Size, seed: int) -> None:
    """The whole workspace. Files of the same name are replaced; what a demo does not have is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    world = make_world(size, seed)
    with tempfile.TemporaryDirectory(prefix=".demo-", dir=folder) as name:
        fresh = Path(name)
        _write(fresh, world, size, seed)
        _refuse_twins(folder / "data", fresh / "data")
        for part in ("data", "truth", "scenarios"):
            _replace(folder / part, fresh / part)
        os.replace(fresh / "planner.toml", folder / "planner.toml")


def write_skeleton(folder: Path) -> None:
    for part in ("data", "scenarios"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for path, text in ((folder / "scenarios" / "base.toml", 'title = "Base"\n'), (folder / "planner.toml", EMPTY)):
        if not path.exists():
            path.write_text(text, encoding="utf-8")


def _write(folder: Path, world: World, size: Size, seed: int) -> None:
    for part in ("data", "truth", "scenarios"):
        (folder / part).mkdir()
    for name, frame in world.tables.items():
        write_table(folder / "data", name, frame)
    for name, frame in world.truth.items():
        write_table(folder / "truth", name, frame)
    for name, text in world.scenarios.items():
        _text(folder / "scenarios" / f"{name}.toml", text)
    _text(folder / "data" / "README.md", data_readme())
    _text(folder / "truth" / "README.md", README.replace("{size}", size.name).replace("{seed}", str(seed)))
    _text(folder / "planner.toml", planner_toml(size, seed))


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _refuse_twins(old: Path, new: Path) -> None:
    """A table must not exist as NAME.csv and as a folder NAME at once."""
    present = {path.name.split(".")[0]: path.name for path in sorted(old.glob("*"))}
    for path in sorted(new.glob("*")):
        name = path.name.split(".")[0]
        if present.get(name, path.name) != path.name:
            raise UsageError(f"{old / present[name]} is in the way of the demo's {path.name}", "choose an empty folder")


def _replace(old: Path, new: Path) -> None:
    old.mkdir(exist_ok=True)
    for path in sorted(new.iterdir()):
        target = old / path.name
        if target.is_dir():
            shutil.rmtree(target)
        os.replace(path, target)
