"""What a series did before while drivers were much like in a bucket ahead."""

from __future__ import annotations

import numpy as np
import pytest

from planner.forecast.drivers import Driver, make
from planner.forecast.memory import Memory

NOW, AHEAD = np.array([8]), np.array([9])
ROW = np.zeros(1, np.int64)


def feature() -> Driver:
    """On in every fourth bucket, and in the last one."""
    on = np.array([[1, 0, 0, 0, 1, 0, 0, 0, 0, 1]], np.float32)
    return make("feature", on, np.arange(1), True, 8)


def memory(driver: Driver, slope: float = 1.0) -> Memory:
    """Ten times as much is sold with it."""
    sold = np.where(driver.values[:, :8] > 0, 100.0, 10.0).astype(np.float32)
    return Memory.of(sold, [driver], {"feature": np.array([slope])}, "week")


def test_buckets_with_like_drivers_are_remembered() -> None:
    driver = feature()
    found = memory(driver).columns(ROW, NOW, AHEAD, (1, 4), None)
    assert found["buckets remembered"][0] == pytest.approx(0.985**7 + 0.985**3, abs=1e-3)
    assert found["usual"][0] + found["remembered"][0] == pytest.approx(np.log(100), abs=0.3)
    assert found["mean 1"][0] + found["usual"][0] == pytest.approx(np.log(10), rel=1e-5)


def test_quiet_is_as_without_it_and_without_a_slope_all_buckets_are_alike() -> None:
    driver = feature()
    quiet = memory(driver).columns(ROW, NOW, AHEAD, (1,), driver)
    assert quiet["usual"][0] + quiet["remembered"][0] == pytest.approx(np.log(10), abs=0.1)
    even = memory(driver, slope=0.0).columns(ROW, NOW, AHEAD, (1,), None)
    assert even["remembered"][0] == pytest.approx(0, abs=1e-4)


def test_nothing_from_the_origin_on_is_seen() -> None:
    driver = feature()
    early = memory(driver).columns(ROW, np.array([4]), np.array([4]), (4,), None)
    assert early["buckets remembered"][0] == pytest.approx(0.985**3, abs=1e-3)
    assert early["mean 4"][0] + early["usual"][0] == pytest.approx(np.log([100, 10, 10, 10]).mean(), rel=1e-5)


def test_unknown_buckets_and_those_without_sales_are_no_infinities() -> None:
    driver = feature()
    sold = np.array([[np.nan, 0, 10, 10, 100, 10, 10, 10]], np.float32)
    found = Memory.of(sold, [driver], {"feature": np.ones(1)}, "week").columns(ROW, NOW, AHEAD, (1,), None)
    assert all(np.isfinite(column).all() for column in found.values())
    assert found["buckets remembered"][0] == pytest.approx(0.985**3, abs=1e-3)
