"""Compiled code that is kept never outlives the sources it was made from."""

from __future__ import annotations

from pathlib import Path

from planner.stock.kernel import forget_stale


def test_compiled_code_is_dropped_when_any_file_of_the_room_changes(tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text("one")
    kept = tmp_path / "__pycache__"
    kept.mkdir()
    (kept / "loop.index.nbi").write_bytes(b"old")
    assert forget_stale(tmp_path)
    assert not list(kept.glob("*.nb*"))
    (kept / "loop.index.nbi").write_bytes(b"new")
    assert not forget_stale(tmp_path)
    (tmp_path / "other.py").write_text("two")
    assert forget_stale(tmp_path)
    assert not list(kept.glob("*.nb*"))
