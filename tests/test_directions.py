"""Who may import whom: data flows one way, and this is where it is held."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "planner"
LAYERS = (
    ("errors", "columns"),
    ("files", "jobs", "periods", "panel", "currency", "rounding", "tables"),
    ("settings",),
    ("scenarios", "intake"),
    ("schema",),
    ("dataset",),
    ("selection", "doctor"),
    ("marketing", "forecast", "stock", "routes", "demo", "importers", "workspace"),
    ("gate", "changes", "offers", "population", "readiness"),
    ("kpis",),
    ("record",),
    ("plan",),
    ("judged", "trail", "gating"),
    ("backtest", "replay", "audience"),
    ("publications", "levels", "remembered"),
    ("simulation",),
    ("figures",),
    ("reasons",),
    ("explain", "explain_plan", "explain_campaign"),
    ("compare",),
    ("reports", "exports"),
    ("cli",),
)
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
STAGES = {"marketing", "forecast", "stock", "routes"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [node.module] if node.module != "planner" else [f"planner.{alias.name}" for alias in node.names]
        for module in modules:
            parts = module.split(".")
            if parts[0] == "planner" and len(parts) > 1 and parts[1] != "__version__":
                yield parts[1]


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or not path.name.startswith("__"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_point_one_way(path: Path) -> None:
    here = room_of(path)
    assert here in RANK, f"{here} is a new room: give it a place in LAYERS"
    for there in imported_rooms(path):
        if there != here:
            assert RANK[there] < RANK[here], f"{path.name}: {here} may not import {there}"


def test_no_stage_imports_another() -> None:
    for path in MODULES:
        if room_of(path) in STAGES:
            others = STAGES - {room_of(path)}
            assert not others & set(imported_rooms(path)), path


def test_only_the_command_line_prints() -> None:
    for path in MODULES:
        if room_of(path) != "cli":
            names = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
            assert not [name for name in names if isinstance(name, ast.Name) and name.id == "print"], path
