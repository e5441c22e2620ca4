from __future__ import annotations

import builtins
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from planner.errors import PlannerError
from planner.forecast import fit_baseline, learning
from planner.forecast.dispersion import CLASSES
from planner.forecast.levels import smooth_levels
from planner.forecast.weights import fit_total, fit_weights, settled, table
from planner.jobs import processes
from planner.settings import ForecastSettings
from tests.forecast.frames import items, panel


def demand(series: int = 60, weeks: int = 110):
    """A pattern that levels do not see: every fourth week sells thrice as much."""
    wave = np.where(np.arange(weeks) % 4 == 0, 3.0, 1.0)
    return panel(np.random.default_rng(5).poisson(np.linspace(2, 30, series)[:, None] * wave))


def fit(history, horizon: int = 4, **more):
    table = items(*history.keys["sku"], category="juice")
    return fit_baseline(history, table, ForecastSettings(**more), horizon=horizon, bucket="week", seed=1)


def test_trees_see_what_a_level_does_not_and_get_the_weight_for_it():
    base = fit(demand())
    weight = base.weights[base.weights["method"] == "lightgbm"].set_index("demand_class")["weight"]
    assert weight["erratic"] > 0.8
    assert base.weights.groupby("demand_class")["weight"].sum().tolist() == pytest.approx([1.0] * len(CLASSES))
    assert set(base.series["method"]) == {"smoothing + lightgbm"}


def test_noise_leaves_the_forecast_at_the_level():
    flat = panel(np.random.default_rng(7).poisson(6.0, (60, 110)))
    mean = fit(flat).forecast["mean"]
    assert mean.mean() == pytest.approx(6, rel=0.03)
    assert mean.std() < 0.6


def test_any_number_of_processes_gives_the_same_bytes():
    alone = fit(demand(30, 80))
    with processes(3):
        together = fit(demand(30, 80))
    for name in ("forecast", "series", "weights", "contributions"):
        pd.testing.assert_frame_equal(getattr(alone, name), getattr(together, name), check_exact=True)


def test_too_little_to_learn_from_leaves_the_base():
    base = fit(panel(np.random.default_rng(1).poisson(5.0, (3, 30))))
    assert set(base.weights["method"]) == {"base"}
    assert set(base.series["method"]) == {"smoothing"}


def test_importing_the_forecast_does_not_import_lightgbm():
    code = "import sys, planner.forecast; sys.exit('lightgbm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_weights_find_the_better_one_and_thin_classes_follow_the_rest():
    draw = np.random.default_rng(1)
    actual = draw.poisson(8.0, (500, 3, 4)).astype(float)
    base, good = np.full_like(actual, 12.0), np.full_like(actual, 8.0)
    label = np.zeros((500, 3), np.int8)
    weights = fit_weights(actual, base, [good], label)
    assert weights[0, 0] > 0.9
    assert weights[3, 0] == pytest.approx(weights[0, 0], abs=0.05)
    assert table(weights, ["x"]).query("demand_class == 'smooth'")["weight"].sum() == pytest.approx(1)
    assert fit_weights(actual, good, [base], label)[0, 0] < 0.1


def test_totals_have_a_weight_of_their_own():
    """The blend is right in the single series and a third too high in the total."""
    base, came = (
        np.full((40, 3, 2), 10.0),
        np.repeat(np.linspace(5, 15, 40)[:, None, None], 3, axis=1).repeat(2, axis=2),
    )
    group = np.zeros(40, np.int64)
    blend = came * 4 / 3
    weight = fit_total(came, base, blend, group)
    assert weight < 0.2
    fixed = settled(base[:, 0], blend[:, 0], group, weight)
    assert fixed.sum() == pytest.approx(base[:, 0].sum() * (1 + weight / 3))
    assert np.corrcoef(fixed[:, 0], came[:, 0, 0])[0, 1] > 0.999
    assert fit_total(came[:, :1], base[:, :1], blend[:, :1], group) == 0


def test_levels_are_means_while_young_and_forget_later():
    values = np.array([[np.nan, 2, 4, 6]], np.float32)
    np.testing.assert_allclose(smooth_levels(values, (0.0,))[0], [0, 2, 3, 4])
    np.testing.assert_allclose(smooth_levels(values, (1.0,))[0], [0, 2, 4, 6])


def test_a_missing_system_library_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, *rest: object) -> object:
        if name == "lightgbm":
            raise OSError("libgomp.so.1: cannot open shared object file")
        return real(name, *rest)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(PlannerError, match="libgomp") as caught:
        learning._library()
    assert "planner doctor" in caught.value.hint
