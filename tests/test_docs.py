"""What the README shows is what the commands print."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import README, blocks, command_of, key_figures, with_output, without_digits

NEAR = 0.002  # what the last digits of another machine may do to a key figure


def test_the_tour_prints_what_the_readme_shows(tmp_path: Path) -> None:
    shown = README.read_text(encoding="utf-8")
    fresh = with_output(shown, tmp_path.resolve())
    for before, after in zip(blocks(shown), blocks(fresh), strict=True):
        assert without_digits(after) == without_digits(before), f"{command_of(before)}: run python -m tests.docs"
    figures = key_figures(fresh)
    assert len(figures) > 10
    assert key_figures(shown) == pytest.approx(figures, rel=NEAR, abs=0.1), "run python -m tests.docs"


def test_every_picture_is_there() -> None:
    import re

    for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / name).is_file(), name
