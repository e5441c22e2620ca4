"""What goes on around a series: the rest of its category in the warehouse, its SKU elsewhere."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.forecast.drivers import Driver, make
from planner.forecast.scene import Scene, make_scene
from planner.forecast.surroundings import elsewhere, of_others, plain, rivals
from planner.panel import Panel
from planner.settings import ForecastSettings

PLACES = [("A", "W1"), ("A", "W2"), ("B", "W1"), ("C", "W1")]


def scene(categories: dict[str, str]) -> Scene:
    keys = pd.DataFrame(PLACES, columns=["sku", "warehouse"], dtype=object)
    values = np.ones((len(keys), 6), np.float32)
    items = pd.DataFrame({"sku": list(categories), "category": list(categories.values())})
    demand = Panel(keys, pd.date_range("2026-01-05", periods=6, freq="7D"), values)
    return make_scene(demand, values, values > 0, items, ForecastSettings(), 2, "week", 1)


def feature() -> Driver:
    """On in all buckets for A in W1 (1) and B (3)."""
    return make("feature", np.repeat([[1.0], [0.0], [3.0], [0.0]], 8, axis=1).astype(np.float32), np.arange(4), True, 8)


def test_the_others_are_those_of_the_category_in_the_warehouse() -> None:
    (found,) = of_others(scene({"A": "juice", "B": "juice", "C": "tea"}), [feature()])
    assert found.name == "feature of the others"
    assert found.values[found.row][:, 0].tolist() == [3.0, 0.0, 1.0, 0.0]


def test_without_categories_there_are_no_others() -> None:
    assert of_others(scene({"A": "", "B": "", "C": ""}), [feature()]) == []


def test_elsewhere_is_the_sku_in_its_other_warehouses() -> None:
    (found,) = elsewhere(scene({"A": "juice"}), [feature()])
    assert found.name == "feature elsewhere"
    assert found.values[found.row][:, 0].tolist() == [0.0, 1.0, 0.0, 0.0]


def test_a_step_is_the_way_from_the_bucket_before_and_none_while_quiet() -> None:
    values = np.array([[0, 0, 1, 1, 2, 2, 2, 2]], np.float32)
    driver, row = make("feature", values, np.arange(1), True, 8), np.zeros(3, np.int64)
    known, target = np.full(3, 3), np.array([3, 4, 5])
    assert driver.step(row, known, target).tolist() == [0.0, 1.0, 0.0]
    assert driver.step(row, known, target, quiet=True).tolist() == [-1.0, 0.0, 0.0]


def test_rivals_are_the_cheapest_other_price_and_how_many_are_cheaper() -> None:
    """A costs e, B e twice over its usual 1, C e to the third; A in W2 has none beside it."""
    values = np.repeat([[0.0], [0.0], [1.0], [0.0]], 8, axis=1).astype(np.float32)
    price = make("price", values, np.arange(4), False, 8, np.array([1.0, 1.0, 1.0, 3.0]))
    lowest, rank = rivals(scene({"A": "juice", "B": "juice", "C": "juice"}), [plain(price), feature()])
    assert lowest.name == "price of the cheapest other"
    assert lowest.values[:, 0].tolist() == [2.0, 1.0, 1.0, 1.0]
    assert rank.values[:, 0].tolist() == [0.0, 0.0, 0.5, 1.0]


def test_like_prices_are_not_cheaper_than_each_other() -> None:
    values = np.zeros((4, 8), np.float32)
    price = make("price", values, np.arange(4), False, 8, np.zeros(4))
    lowest, rank = rivals(scene({"A": "juice", "B": "juice", "C": "juice"}), [price])
    assert not lowest.values.any()
    assert not rank.values.any()
