"""What drivers do to the level of a series: slopes, what is proven, what a level learns from promoted buckets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.forecast import fit_baseline
from planner.forecast.drivers import Tables, make
from planner.forecast.effects import Driven, Effects
from planner.forecast.seasonality import Factors
from planner.forecast.surroundings import OTHERS
from planner.panel import Panel
from planner.settings import ForecastSettings
from tests.forecast.frames import items

SKUS, SHOPS, WEEKS, AHEAD = 6, 12, 104, 4
OWN, CROSS = -2.5, 0.9
PLAIN = ForecastSettings(methods=("smoothing",))


def world(own: float = OWN, cross: float = CROSS) -> tuple[Panel, pd.DataFrame, pd.DataFrame]:
    """Demand, prices known ahead, and what will be sold; one SKU is a third cheaper in each week ahead."""
    draw = np.random.default_rng(5)
    deal = draw.random((SKUS, WEEKS + AHEAD)) < 0.15
    deal[:, WEEKS - 8 : WEEKS] = False
    deal[:, WEEKS:] = np.arange(SKUS)[:, None] == np.arange(AHEAD)
    log = np.where(deal, np.log(2 / 3), 0.0)
    others = (log.sum(axis=0) - log) / (SKUS - 1)
    level = draw.uniform(30, 90, (SKUS, SHOPS, 1))
    mean = level * np.exp(own * log + cross * others)[:, None, :]
    values = draw.poisson(mean).reshape(SKUS * SHOPS, -1).astype(np.float32)
    keys = pd.DataFrame(
        {"sku": np.repeat([f"s{k}" for k in range(SKUS)], SHOPS), "warehouse": [f"w{n}" for n in range(SHOPS)] * SKUS},
        dtype=object,
    )
    dates = pd.date_range("2022-01-03", periods=WEEKS + AHEAD, freq="W-MON", unit="ns")
    prices = pd.DataFrame({
        "name": "price", "date": np.tile(dates, SKUS), "value": 6.0 * np.exp(log).ravel(),
        "sku": np.repeat([f"s{k}" for k in range(SKUS)], len(dates)), "warehouse": "", "country": "",
    })  # fmt: skip
    ahead = mean[:, :, WEEKS:].reshape(SKUS * SHOPS, AHEAD)
    return Panel(keys, dates[:WEEKS], values[:, :WEEKS]), prices, pd.DataFrame(ahead)


def said(demand: Panel, prices: pd.DataFrame, settings: ForecastSettings = PLAIN):
    known = items(*(f"s{k}" for k in range(SKUS))).assign(category="juice")
    return fit_baseline(demand, known, settings, horizon=AHEAD, bucket="week", seed=1, tables=Tables(drivers=prices))


@pytest.fixture(scope="module")
def told():
    demand, prices, ahead = world()
    return said(demand, prices), ahead.to_numpy()


def test_a_lower_price_is_in_the_base_without_any_method_learnt_on_top(told):
    base, ahead = told
    mean = base.forecast["mean"].to_numpy().reshape(ahead.shape)
    assert np.abs(mean - ahead).sum() / ahead.sum() < 0.06
    assert (base.series["method"] == "smoothing x drivers").all()


def test_what_a_price_and_the_prices_of_the_others_do_is_told_apart(told):
    base, _ = told
    parts = base.contributions.merge(base.forecast, on=["sku", "warehouse", "date"])
    own = parts[(parts["driver"] == "price") & (parts["contribution"] > 1)]
    assert sorted(own["sku"].unique()) == [f"s{k}" for k in range(AHEAD)]
    gained = own["mean"].sum() / (own["mean"] - own["contribution"]).sum()
    assert gained == pytest.approx((2 / 3) ** OWN, rel=0.08)
    lost = parts[(parts["driver"] == "price" + OTHERS) & (parts["sku"] == f"s{SKUS - 1}")]
    factor = lost["mean"].sum() / (lost["mean"] - lost["contribution"]).sum()
    assert factor == pytest.approx((2 / 3) ** (CROSS / (SKUS - 1)), abs=0.02)


def test_plain_is_the_level_with_no_driver(told):
    base, ahead = told
    plain = base.forecast["plain"].to_numpy().reshape(ahead.shape)
    assert (np.ptp(plain, axis=1) < 1e-9).all()
    cheap = base.forecast["mean"].to_numpy().reshape(ahead.shape) / plain
    assert cheap[:SHOPS, 0] == pytest.approx((2 / 3) ** OWN, rel=0.08)


def test_a_driver_that_does_nothing_stays_out_of_the_base():
    demand, prices, _ = world(own=0.0, cross=0.0)
    base = said(demand, prices)
    assert not base.series["method"].str.contains("drivers").any()
    assert not len(base.contributions)


def test_drivers_that_are_not_wanted_stay_out_of_the_base():
    demand, prices, _ = world()
    base = said(demand, prices, ForecastSettings(methods=("smoothing",), drivers=("none",)))
    assert (base.series["method"] == "smoothing").all()


def test_prices_of_the_others_need_a_category():
    demand, prices, _ = world()
    bare = items(*(f"s{k}" for k in range(SKUS)))
    base = fit_baseline(demand, bare, PLAIN, horizon=AHEAD, bucket="week", seed=1, tables=Tables(drivers=prices))
    assert set(base.contributions["driver"]) == {"price"}


def test_one_wild_promotion_does_not_lift_the_level():
    on = np.zeros((1, 20), np.float32)
    on[0, 15] = 1.0
    promo = make("promo", on, np.zeros(1, np.int64), True, 8)
    season = Factors(np.ones((1, 20), np.float32), np.zeros(1, np.int64))
    driven = Driven.of(season, Effects((promo,), np.array([[np.log(3.0)]]), np.zeros(1, np.int64)), 26)
    sold = np.full((1, 20), 10.0, np.float32)
    sold[0, 15], sold[0, 17] = 900.0, 900.0
    plain = driven.plain(sold)
    assert plain[0, 15] == pytest.approx(20.0)  # 300 without the lift of 3, kept within twice the level
    assert plain[0, 17] == 900.0  # nothing known was going on
    assert (plain[0, :15] == 10.0).all()


def test_since_and_quiet_keep_the_buckets_aligned():
    on = np.zeros((1, 12), np.float32)
    on[0, 10] = 1.0
    promo = make("promo", on, np.zeros(1, np.int64), True, 8)
    season = Factors(np.linspace(1, 2, 12, dtype=np.float32)[None], np.zeros(1, np.int64))
    driven = Driven.of(season, Effects((promo,), np.array([[1.0]]), np.zeros(1, np.int64)), 26)
    assert (driven.since(4).lines == driven.lines[:, 4:]).all()
    assert driven.since(4).quiet("promo", 4).lines == pytest.approx(season.lines[:, 4:])
    assert driven.quiet("price", 4) is driven
    assert driven.bare() is season
