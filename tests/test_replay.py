"""Policies on the own history: nothing seen ahead, balances by hand, and the rules one by one."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from planner.dataset import Dataset
from planner.errors import UsageError
from planner.replay import lay_ground, replay
from planner.settings import Settings
from planner.stock.rules import View, read_rule

AS_OF = dt.date(2026, 3, 2)
WEEKS = 52
SETTINGS = replace(Settings(), forecast=replace(Settings().forecast, methods=("moving-average-13",), seasonality="off"))


def world(quantity: float = 4.0, **terms: float) -> Dataset:
    """One SKU that sells the same every week, supplied in one week; `terms` are those of the sourcing row."""
    dates = pd.date_range(end=pd.Timestamp(AS_OF) - pd.Timedelta(weeks=1), periods=WEEKS, freq="7D")
    frames = {
        "items": pd.DataFrame({"sku": ["A"], "holding_cost_per_week": 0.2, "shortage_cost": 1.0, "shortage": "lost"}),
        "locations": pd.DataFrame({"location": ["S", "W"], "kind": ["supplier", "warehouse"]}),
        "stocking": pd.DataFrame({"sku": ["A"], "warehouse": ["W"]}),
        "sourcing": pd.DataFrame({"sku": ["A"], "source": ["S"], "destination": ["W"], "lead_days": [7.0], **terms}),
        "sales": pd.DataFrame({"date": dates, "sku": "A", "warehouse": "W", "quantity": quantity}),
    }  # fmt: skip
    return Dataset.from_frames(frames)


def test_steady_demand_is_met_from_stock_without_a_shortage() -> None:
    played = replay(world(), SETTINGS, AS_OF, ("mean", "ours"), 8)
    summary = played.summary.set_index("policy")
    assert summary.loc["mean", "shortage"] == 0
    assert summary.loc["mean", "cost"] == pytest.approx(summary.loc["mean", "holding"])
    assert summary.loc["ours", "fill_rate"] == pytest.approx(1.0)


def test_stock_left_is_stock_before_plus_arrivals_less_demand() -> None:
    played = replay(world(), SETTINGS, AS_OF, ("cover:3",), 6)
    track, ground = played.tracks["cover:3"], played.ground
    before = np.concatenate([[[8.0]], track.stock[:, :-1]], axis=1)
    arrived = np.concatenate([[[0.0]], track.ordered[:, :-1]], axis=1)
    assert track.stock == pytest.approx(np.maximum(before + arrived - ground.demand, 0.0))
    assert not ground.scored[:, :2].any()
    assert ground.scored[:, 2:].all()


def test_orders_respect_minimum_and_packs() -> None:
    played = replay(world(moq=10.0, order_multiple=5.0), SETTINGS, AS_OF, ("newsvendor", "ours"), 8)
    for track in played.tracks.values():
        placed = track.ordered[track.ordered > 0]
        assert len(placed)
        assert (placed >= 10).all()
        assert (placed % 5 == 0).all()


def test_nothing_is_seen_ahead() -> None:
    """Other sales in the last week change no order that was placed before its end."""
    calm, loud = world(), world()
    sales = loud["sales"].copy()
    sales.loc[sales.index[-1], "quantity"] = 400.0
    loud = Dataset.from_frames(
        {name: loud[name] for name in ("items", "locations", "stocking", "sourcing")} | {"sales": sales}
    )
    names = ("ours", "mean", "base-stock")
    orders = [replay(each, SETTINGS, AS_OF, names, 6).tracks for each in (calm, loud)]
    for name in names:
        assert (orders[0][name].ordered == orders[1][name].ordered).all()


def test_too_little_history_says_how_much_there_is() -> None:
    with pytest.raises(UsageError, match="too few") as caught:
        lay_ground(world(), SETTINGS, AS_OF, 45)
    assert "39" in str(caught.value.hint)


def view(**values: float) -> View:
    one = {name: np.array([value]) for name, value in values.items()}
    mean = np.full((1, 6), 4.0)
    return View(
        pd.Timestamp(AS_OF), pd.DataFrame({"sku": ["A"], "warehouse": ["W"]}), one["on_hand"], np.zeros((1, 3)), mean,
        np.array([12.0]), np.array([16.0]), np.array([3]), np.array([1 / 6]),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "order"),
    [("mean", 7.0), ("cover:4", 11.0), ("cover:2.5", 5.0), ("z:1", 11.0), ("base-stock", 11.0), ("newsvendor", 11.0),
     ("min-max", 27.0)],
)  # fmt: skip
def test_each_rule_by_hand(rule: str, order: float) -> None:
    """5 on hand; 12 expected over three weeks with standard deviation 4, fractile 5/6 (z = .967)."""
    assert read_rule(rule)(view(on_hand=5.0))[0] == pytest.approx(order)


def test_min_max_waits_above_its_reorder_point() -> None:
    assert read_rule("min-max")(view(on_hand=17.0))[0] == 0


@pytest.mark.parametrize("text", ["mxn", "cover", "cover:x", "z:", "mean:3"])
def test_a_wrong_policy_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=text.partition(":")[0]):
        read_rule(text)
