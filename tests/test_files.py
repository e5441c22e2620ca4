from __future__ import annotations

import errno
from pathlib import Path

import pytest

from planner.errors import PlannerError
from planner.files import digest_of, file_digest, whole_file, whole_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "run") as folder:
        (folder / "a").write_text("1")
        assert not (tmp_path / "run").exists()
    assert names(tmp_path) == ["run"]


def test_a_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def half() -> None:
        with whole_folder(tmp_path / "run") as folder:
            (folder / "a").write_text("1")
            raise ValueError

    with pytest.raises(ValueError):
        half()
    assert names(tmp_path) == []


def test_the_second_with_the_same_name_leaves_the_first(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "run") as second:
        (second / "a").write_text("2")
        with whole_folder(tmp_path / "run") as first:
            (first / "a").write_text("1")
    assert (tmp_path / "run" / "a").read_text() == "1"
    assert names(tmp_path) == ["run"]


def test_a_full_disk_is_one_message_and_the_old_file_stays(tmp_path: Path) -> None:
    target = tmp_path / "orders.csv"
    target.write_text("old")

    def fill() -> None:
        with whole_file(target):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(PlannerError, match="No space left") as caught:
        fill()
    assert "free some space" in caught.value.hint
    assert (target.read_text(), names(tmp_path)) == ("old", ["orders.csv"])


def test_no_permission_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("planner.files.tempfile.mkdtemp", refuse)

    def write() -> None:
        with whole_folder(tmp_path / "run"):
            raise AssertionError("not reached")

    with pytest.raises(PlannerError, match="Permission denied"):
        write()


def test_digests_tell_parts_apart(tmp_path: Path) -> None:
    assert digest_of("ab", "c") != digest_of("a", "bc")
    (tmp_path / "x").write_bytes(b"content")
    assert file_digest(tmp_path / "x") == file_digest(tmp_path / "x")
