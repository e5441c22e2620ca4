from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest

from planner.errors import PlannerError, UsageError
from planner.workspace import KEPT_RESULTS, Draft, Run, Workspace, write_parquet

FRAME = pd.DataFrame({"sku": ["A", "B"], "quantity": [1.0, 2.0]})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "planner.toml").write_text("")
    return Workspace(tmp_path)


def write_run(workspace: Workspace, name: str, scenario: str = "base") -> Run:
    return workspace.write_run(name, Draft({"orders": FRAME}, {"lines": 2}), {}, {"scenario": scenario, "timings": {}})


def test_found_by_walking_up(workspace: Workspace) -> None:
    inner = workspace.root / "data" / "sales"
    inner.mkdir(parents=True)
    assert Workspace.find(inner).root == workspace.root.resolve()


def test_no_workspace_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no workspace here") as caught:
        Workspace.find(tmp_path)
    assert "planner init" in caught.value.hint
    with pytest.raises(UsageError, match="there is no folder"):
        Workspace.find(tmp_path / "nowhere")


def test_a_result_is_computed_once_per_key(workspace: Workspace) -> None:
    calls: list[int] = []

    def compute() -> Draft:
        calls.append(1)
        return Draft({"orders": FRAME}, {"status": "optimal"})

    first, second = (workspace.result("stock", "a" * 64, compute) for _ in range(2))
    assert (len(calls), first.fresh, second.fresh) == (1, True, False)
    pd.testing.assert_frame_equal(second.table("orders"), FRAME)
    assert second.info == {"status": "optimal"}
    assert first.digest("orders") == second.digest("orders")


def test_a_stage_that_dies_leaves_nothing(workspace: Workspace) -> None:
    def die() -> Draft:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workspace.result("stock", "a" * 64, die)
    assert not list(workspace.cache.rglob("*.parquet"))
    assert workspace.result("stock", "a" * 64, lambda: Draft({"orders": FRAME})).fresh


def test_two_at_once_do_not_spoil_each_other(workspace: Workspace) -> None:
    barrier = threading.Barrier(4)
    found: list[str] = []

    def compute() -> Draft:
        barrier.wait()
        return Draft({"orders": FRAME})

    def work() -> None:
        found.append(workspace.result("stock", "a" * 64, compute).digest())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(list((workspace.cache / "stages" / "stock").iterdir())) == 1


def test_results_used_longest_ago_are_dropped(workspace: Workspace) -> None:
    for number in range(KEPT_RESULTS + 3):
        found = workspace.result("stock", f"{number:032d}", lambda: Draft({"orders": FRAME}))
        os.utime(found.path, (number, number))
    assert len(list((workspace.cache / "stages" / "stock").iterdir())) == KEPT_RESULTS


def test_the_same_frame_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_parquet(FRAME, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_latest_run_of_a_scenario(workspace: Workspace) -> None:
    for name, scenario in (("1", "base"), ("2", "surge"), ("3", "base")):
        write_run(workspace, name, scenario)
    assert (workspace.latest().name, workspace.latest("surge").name, workspace.run("base").name) == ("3", "2", "3")
    assert workspace.confirm("1") is not None
    assert workspace.latest("base").name == "1"
    ahead = 10**9 * round(time.time() + 3600)  # the clock was set back since
    os.utime(workspace.reports / "1" / "manifest.json", ns=(ahead, ahead))
    workspace.confirm("3")
    assert workspace.latest().name == "3"
    assert workspace.confirm("9") is None
    with pytest.raises(UsageError, match="no run of scenario other") as caught:
        workspace.latest("other")
    assert caught.value.hint == "planner plan --scenario other"


def test_a_scenario_stands_for_its_newest_run_that_holds_the_table(workspace: Workspace) -> None:
    write_run(workspace, "planned")
    time.sleep(0.01)
    workspace.write_run("forecast", Draft({"forecast": FRAME}), {}, {"scenario": "base", "timings": {}})
    assert workspace.run("base").name == "forecast"
    assert workspace.run("base", "orders").name == "planned"
    assert workspace.run("forecast", "orders").name == "forecast", "a run that is named is the one that is meant"


def test_a_run_folder_is_whole_or_not_there(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("planner.workspace._write_json", full)
    with pytest.raises(PlannerError, match="No space left"):
        write_run(workspace, "1")
    assert not list(workspace.reports.iterdir())


def test_what_is_damaged_is_named_with_the_folder_to_remove(workspace: Workspace) -> None:
    run = write_run(workspace, "1")
    (run.path / "orders.parquet").write_text("junk")
    (run.path / "manifest.json").write_text("{")
    for read in (lambda: run.table("orders"), lambda: Run(run.path).manifest):
        with pytest.raises(PlannerError, match="is damaged") as caught:
            read()
        assert str(run.path) in caught.value.hint


def test_a_removed_run_is_gone(workspace: Workspace) -> None:
    run = write_run(workspace, "1")
    workspace.remove(run)
    assert not list(workspace.reports.iterdir())


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    folder.chmod(0o500)
    try:
        yield
    finally:
        folder.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_without_write_permission(workspace: Workspace) -> None:
    with read_only(workspace.root), pytest.raises(PlannerError, match="Permission denied"):
        workspace.result("stock", "a" * 64, lambda: Draft({"orders": FRAME}))
