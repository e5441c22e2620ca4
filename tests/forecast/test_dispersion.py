from __future__ import annotations

import numpy as np
import pytest

from planner.forecast.dispersion import (
    CLASSES,
    Errors,
    classify,
    fit_dependence,
    fit_spread,
    no_spread,
    origins_of,
    past_errors,
)  # fmt: skip

LEVEL = np.exp(np.linspace(-1, 3, 400))


def errors_of(spread: float, shared: float = 0.0, seed: int = 1) -> Errors:
    """400 series, 3 origins of 13 weeks, actuals negative binomial; `shared` moves all weeks of an origin together."""
    draw = np.random.default_rng(seed)
    mean = np.broadcast_to(LEVEL[:, None, None], (400, 3, 13))
    together = draw.gamma(1 / shared, shared, (400, 3, 1)) if shared else 1.0
    actual = draw.poisson(mean * together * (draw.gamma(1 / spread, spread, mean.shape) if spread else 1.0))
    return Errors(mean.astype(np.float32), (actual - mean).astype(np.float32), np.zeros((400, 3), np.int8))


def test_classes_by_interval_and_variation():
    draw = np.random.default_rng(1)
    smooth, silent = draw.poisson(30, 100), np.zeros(100)
    erratic = np.where(np.arange(100) % 2, 1, 20)
    intermittent = np.where(np.arange(100) % 4 == 0, 3, 0)
    lumpy = np.where(np.arange(100) % 4 == 0, np.where(np.arange(100) % 8 == 0, 40, 1), 0)
    new = np.r_[np.full(90, np.nan), np.ones(10)]
    table = np.array([smooth, erratic, intermittent, lumpy, new, silent], np.float32)
    assert [CLASSES[code] for code in classify(table, "week")] == list(CLASSES)


@pytest.mark.parametrize("spread", [0.0, 0.4, 1.0])
def test_the_variance_of_known_errors_is_found(spread):
    found = fit_spread(errors_of(spread), np.ones(400, bool))
    label = np.zeros(400, np.int8)
    truth = LEVEL + spread * LEVEL**2
    np.testing.assert_allclose(np.median(found.variance(LEVEL, label) / truth), 1, atol=0.25)
    assert np.median(found.scale) == pytest.approx(1, abs=0.2)


def test_a_series_that_errs_more_than_its_class_gets_more_variance():
    errors = errors_of(0.2)
    wild = Errors(errors.forecast, np.where(np.arange(400)[:, None, None] == 200, 4, 1) * errors.error, errors.label)
    found = fit_spread(wild, np.ones(400, bool))
    assert found.scale[200] > 3 * np.median(found.scale)


def test_one_wild_cell_does_not_move_the_others():
    calm, wild = errors_of(0.2), errors_of(0.2)
    wild.error[7, 0, 0] = 1e5
    before, after = (fit_spread(errors, np.ones(400, bool)) for errors in (calm, wild))
    label = np.zeros(400, np.int8)
    others = np.arange(400) != 7
    ratio = after.variance(LEVEL, label)[others] / before.variance(LEVEL, label)[others]
    assert 0.5 < np.median(ratio) < 2


def test_errors_that_do_not_depend_on_each_other_add_up():
    errors = errors_of(0.3)
    table = fit_dependence(errors, fit_spread(errors, np.ones(400, bool)), "week")
    assert table["inflation"].max() < 1.5


def test_errors_that_go_together_are_inflated_as_much_as_they_do():
    errors = errors_of(0.3, shared=0.3)
    table = fit_dependence(errors, fit_spread(errors, np.ones(400, bool)), "week")
    smooth = table[table["demand_class"] == "smooth"].set_index("buckets")["inflation"]
    sums = errors.error[:, :, :12].reshape(400, 3, 4, 3).sum(axis=3)
    measured = (sums**2 / LEVEL[:, None, None]).mean() / (3 * (errors.error**2 / LEVEL[:, None, None]).mean())
    assert smooth[3] == pytest.approx(measured, rel=0.12)


def test_inflation_starts_at_one_never_falls_and_covers_every_class():
    errors = errors_of(0.3, shared=0.3)
    table = fit_dependence(errors, fit_spread(errors, np.ones(400, bool)), "week")
    assert set(table["demand_class"]) == set(CLASSES)
    for _, part in table.groupby("demand_class"):
        assert part["inflation"].iloc[0] == 1
        assert (part["inflation"].diff().dropna() >= 0).all()
        assert (part["days"] == 7 * part["buckets"]).all()


def test_without_errors_the_spread_is_wide_and_sums_are_independent():
    spread = no_spread(3)
    assert spread.variance(np.array([4.0]), np.zeros(1, np.int8), np.array([0]))[0] == pytest.approx(1.5 * 4**1.5)
    assert (fit_dependence(None, spread, "month")["inflation"] == 1).all()


@pytest.mark.parametrize(
    ("length", "horizon", "expected"),
    [
        (157, 26, ([144, 131, 118], 13)),
        (157, 4, ([153, 149, 145], 4)),
        (12, 26, ([8, 4], 4)),
        (3, 26, ([], 1)),
        (0, 5, ([], 1)),
    ],
)
def test_origins_lie_in_the_past_and_leave_history_before_them(length, horizon, expected):
    assert origins_of(length, horizon, 3, "week") == expected


def test_cells_that_were_repaired_or_too_young_are_not_judged():
    values = np.arange(20, dtype=np.float32).reshape(2, 10)
    values[1, :6] = np.nan
    judged = np.ones((2, 10), bool)
    judged[0, 8] = False
    errors = past_errors(values, judged, np.zeros((2, 1, 3), np.float32), [7], np.zeros((2, 1), np.int8))
    np.testing.assert_array_equal(errors.error[:, 0], [[7, np.nan, 9], [np.nan] * 3])
