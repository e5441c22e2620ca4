"""What promotions took from their category, learnt from weeks in which they ran beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.marketing.shares import Beside, Gains, learn_shares

WEEKS, PLACES, EACH = 104, 6, 6
SKUS = 2 * EACH  # the first six are of category x, the others of category y


def world(seed: int, taken: tuple[float, float]) -> tuple[np.ndarray, Gains, Beside]:
    """One SKU of each category is promoted in every fifth week; the others lose their part of `taken` of its gain."""
    draw = np.random.default_rng(seed)
    mean = np.repeat(draw.uniform(20, 60, (PLACES * SKUS, 1)), WEEKS, axis=1)
    sku, place = np.tile(np.arange(SKUS), PLACES), np.repeat(np.arange(PLACES), SKUS)
    category = np.repeat([1, 2], EACH)
    promoted = np.zeros(mean.shape, dtype=bool)
    promoted[np.isin(sku, [0, EACH]), 3::5] = True
    gain = np.where(promoted, 1.5 * mean, 0.0)
    lost = np.zeros(mean.shape)
    for p in range(PLACES):
        for c, share in zip((1, 2), taken, strict=True):
            inside = (place == p) & (category[sku] == c)
            others = inside & ~promoted.any(axis=1)
            lost[others] = share * gain[inside].sum(axis=0) * mean[others] / mean[others].sum(axis=0)
    values = draw.poisson(mean + gain - lost).astype(np.float64)
    row, column = np.nonzero(promoted)
    gains = Gains(row, column, values[row, column] - mean[row, column], 1.2 * mean[row, column])
    names = np.array(["", "x", "y"], dtype=object)
    return values, gains, Beside(place, sku, category, names, promoted, ~promoted)


def test_each_category_has_the_share_that_it_lost() -> None:
    found = learn_shares(*world(1, (0.4, 0.1)), 0.0, "week").set_index("category")
    assert found.loc["x", "share"] == pytest.approx(0.4, abs=0.06)
    assert found.loc["y", "share"] == pytest.approx(0.1, abs=0.06)
    assert 0.05 < found.loc["", "share"] < 0.35
    assert (found["sd"] > 0).all()
    assert found.loc["", "sd"] > found.loc["x", "sd"]


def test_nothing_lost_is_no_share_and_the_band_holds_the_truth() -> None:
    for seed in range(1, 6):
        found = learn_shares(*world(seed, (0.0, 0.0)), 0.2, "week").set_index("category")
        assert (found["share"] - 2.5 * found["sd"] <= 0.0).all()
        assert found["share"].max() < 0.08


def test_without_evidence_the_settings_stand() -> None:
    values, gains, beside = world(1, (0.4, 0.1))
    none = Gains(gains.series[:0], gains.bucket[:0], gains.units[:0], gains.told[:0])
    found = learn_shares(values, none, beside, 0.25, "week")
    assert found["category"].tolist() == [""]
    assert found["share"].tolist() == [pytest.approx(0.25)]


def test_a_category_that_is_always_promoted_tells_nothing() -> None:
    values, _, beside = world(1, (0.4, 0.1))
    row = np.flatnonzero(beside.sku == 0)
    cells = np.array([(n, t) for n in row for t in range(WEEKS)])
    always = Gains(cells[:, 0], cells[:, 1], np.ones(len(cells)), np.ones(len(cells)))
    found = learn_shares(values, always, beside, 0.25, "week")
    assert pd.Series(found["category"]).tolist() == [""]
