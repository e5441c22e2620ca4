"""Targets: the newsvendor, service targets, what was set by hand, and the split over a dc."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from planner.stock.policy import Windows, implied_shortage_cost, read_windows, service_curve, targets
from tests.stock.world import World, chain, one


def table(world: World) -> pd.DataFrame:
    return targets(world.dataset, world.weekly, world.cumulative, world.settings, world.as_of)


def sold(**stocking: object) -> pd.Series:
    """The target of one SKU with backorders: 2 weeks of demand, holding 0.1 against 2 a unit short."""
    world = one().changed("items", shortage="backorder").changed("stocking", **stocking)
    return table(world).iloc[0]


def test_without_a_service_target_the_level_is_the_newsvendor_quantile() -> None:
    found = sold()
    mean, variance = found["demand"], 2 * found["demand"]
    level = stats.nbinom.ppf(2.0 / 2.1, mean**2 / (variance - mean), mean / variance)
    assert found["order_up_to"] == level
    assert found["set_by"] == "money"
    assert found["implied_shortage_cost"] >= 2.0


@pytest.mark.parametrize(("kind", "reached"), [("cycle", "cycle_service"), ("fill", "fill_rate")])
def test_a_service_target_is_reached_and_no_unit_more_is_held(kind: str, reached: str) -> None:
    found = sold(service_target=0.97, service_kind=kind)
    assert found[reached] >= 0.97
    windows = Windows(*(np.array([value]) for value in (
        found["demand"], 2 * found["demand"], found["demand"] / 2, found["demand"], found["weekly_demand"]
    )))  # fmt: skip
    less = np.array([found["order_up_to"] - 1])
    below = windows.fill(less) if kind == "fill" else 1 - windows.chance(less)
    assert below[0] < 0.97
    assert found["set_by"] == {"cycle": "cycle service", "fill": "fill rate"}[kind]


def test_more_service_implies_a_dearer_shortage() -> None:
    low, high = (sold(service_target=level, service_kind="cycle")["implied_shortage_cost"] for level in (0.8, 0.99))
    assert high > low


def test_the_implied_cost_is_the_one_whose_best_chance_it_is() -> None:
    assert implied_shortage_cost(np.array([0.2]), np.array([1 / 6]), np.array([0.0]))[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("column", "value", "word"),
    [("safety_stock", 30.0, "safety stock by hand"), ("min_stock", 80.0, "minimum stock"),
     ("max_stock", 3.0, "maximum stock"), ("max_cover_weeks", 0.5, "maximum cover")],
)  # fmt: skip
def test_what_is_set_by_hand_is_respected(column: str, value: float, word: str) -> None:
    found = sold(**{column: value})
    assert found["set_by"] == word
    if column == "safety_stock":
        assert found["safety_stock"] == pytest.approx(30.0, abs=1.0)
    if column == "max_stock":
        assert found["order_up_to"] == 3


def test_max_is_at_least_min_plus_the_minimum_order() -> None:
    found = table(one(moq=500.0)).iloc[0]
    assert found["max"] == found["min"] + 500


def test_a_dc_network_gets_its_split() -> None:
    found = table(chain())
    assert found["placed_safety_stock"].notna().all()
    assert (found["placed_safety_stock"] >= 0).all()
    assert table(one())["placed_safety_stock"].isna().all()


def test_the_curve_costs_more_stock_and_fewer_shortages_with_more_service() -> None:
    world = one()
    found = table(world)
    windows = read_windows(found, world.weekly, world.cumulative, found["review_weeks"].to_numpy())
    curve = service_curve(found, windows)
    asked = curve[curve["service"] != "now"].sort_values("service")
    assert (np.diff(asked["stock"]) >= 0).all()
    assert (np.diff(asked["shortage"]) <= 1e-9).all()
    assert set(curve["class"]) == {"A"}
