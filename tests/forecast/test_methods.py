from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from planner.errors import UsageError
from planner.forecast.catalogue import library
from planner.forecast.methods import (
    AVERAGES,
    LEVELS,
    METHODS,
    PATHS,
    SINGLE,
    blend,
    buckets_of,
    check_methods,
    moving_average,
)
from planner.forecast.points import forecast_series
from planner.jobs import processes
from tests.conftest import ROOT


def rows(*values):
    return np.array(values, dtype=np.float32)


def levels(values, *methods, ends=None, **more):
    """First bucket ahead of each end."""
    paths, failures = blend(values, ends or (values.shape[1],), methods, "week", **more)
    return paths[:, :, 0], failures


@pytest.mark.parametrize("method", [*LEVELS, *AVERAGES])
def test_constant_demand_is_its_own_level(method):
    found, failures = levels(np.full((2, 60), 4, np.float32), method)
    expected = 4 * 0.95 if method == "sba" else 4
    np.testing.assert_allclose(found, expected)
    assert not failures


@pytest.mark.parametrize("method", [*LEVELS, *AVERAGES])
@pytest.mark.parametrize("series", [[5], [0] * 30, [0, 0, 7], [0] * 40 + [900] + [0] * 40, [1, 0]])
def test_odd_series_give_a_finite_level(method, series):
    found, failures = levels(rows(series), method)
    assert np.isfinite(found).all()
    assert 0 <= found[0, 0] <= max(series)
    assert not failures


def test_exponential_smoothing_by_hand():
    level = 3.0
    for value in (5.0, 1.0, 4.0):
        level += 0.1 * (value - level)
    assert levels(rows([3, 5, 1, 4]), "ses")[0][0, 0] == pytest.approx(level)


def test_the_blend_is_the_median_of_its_methods():
    values = np.random.default_rng(1).poisson(2, (5, 80)).astype(np.float32)
    names = ("ses", "sba", "tsb", "moving-average-13")
    single = np.column_stack([levels(values, name)[0] for name in names])
    np.testing.assert_allclose(levels(values, *names)[0][:, 0], np.median(single, axis=1))


@pytest.mark.parametrize("method", [*LEVELS, *AVERAGES])
def test_an_earlier_origin_sees_only_what_came_before_it(method):
    values = np.random.default_rng(2).poisson(1.2, (20, 90)).astype(np.float32)
    values[:5, :30] = np.nan
    both, _ = levels(values, method, ends=(90, 64))
    alone, _ = levels(np.ascontiguousarray(values[:, :64]), method)
    np.testing.assert_allclose(both[:, 1], alone[:, 0], rtol=1e-9)


def test_before_its_start_a_series_has_no_level():
    values = rows([np.nan] * 8 + [3, 4], [1] * 10)
    found, _ = levels(values, "ses", "imapa", "moving-average-13", ends=(10, 5))
    assert found[0, 1] == 0
    assert found[0, 0] > 0


def test_a_series_on_which_a_library_fails_falls_back_to_its_mean_and_stops_nobody():
    def broken(series, sizes, horizon, season):
        if series[0] == 9:
            raise ZeroDivisionError("division by zero")
        return [np.inf if series[0] == 8 else 1.0 for _ in sizes]

    found, failures = levels(rows([9, 1], [8, 2], [3, 3]), "ses", functions={"ses": broken})
    np.testing.assert_allclose(found[:, 0], [5, 5, 1])
    assert [(failure.row, failure.reason.split(":")[0]) for failure in failures] == [
        (0, "ZeroDivisionError"),
        (1, "not a finite number"),
    ]


def test_averages_count_weeks_in_every_bucket():
    assert [buckets_of(13, bucket) for bucket in ("day", "week", "month")] == [91, 13, 3]
    np.testing.assert_allclose(moving_average(rows([np.nan, np.nan, 2, 4], [np.nan] * 4), 3), [3, 0])


def test_a_method_that_is_not_known_names_the_nearest():
    with pytest.raises(UsageError) as error:
        check_methods(("ses", "impa"))
    assert "imapa" in error.value.hint
    with pytest.raises(UsageError):
        check_methods(())
    assert check_methods(("ses", "tsb", "ses")) == ("ses", "tsb")


def test_importing_the_forecast_does_not_import_statsforecast():
    code = "import sys, planner.forecast; sys.exit('statsforecast' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_single_method_is_statsforecasts():
    assert sorted(library(SINGLE)) == sorted(SINGLE)


@pytest.mark.parametrize("method", PATHS)
def test_methods_with_a_path_follow_a_season(method):
    truth = 20 + 10 * np.sin(2 * np.pi * np.arange(72) / 12)
    values = (truth + np.random.default_rng(3).normal(0, 0.3, 72)).astype(np.float32)[None, :60]
    paths, failures = blend(values, (60, 54), (method,), "month", horizon=12)
    assert paths.shape == (1, 2, 12)
    assert not failures
    error = np.abs(paths[0, 0] - truth[60:]).mean()
    assert error < (8 if method == "holt" else 1.5)


@pytest.mark.parametrize("method", PATHS)
@pytest.mark.parametrize("series", [[5], [0, 0, 7], [1, 0], [3, 3, 3, 3], [0] * 20 + [900] + [0] * 20])
def test_odd_series_give_a_finite_path(method, series):
    paths, _ = blend(rows(series), (len(series),), (method,), "week", horizon=5)
    assert np.isfinite(paths).all()
    assert (paths >= 0).all()


def test_a_users_own_function_is_a_method(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "def twice_the_last(values, horizon, season_length):\n    return [2 * values[-1]] * horizon\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found, failures = levels(rows([1, 2, 3], [4, 4, 4]), "mine:twice_the_last", ends=(3, 2))
    np.testing.assert_allclose(found, [[6, 4], [8, 8]])
    assert not failures
    with pytest.raises(UsageError, match="nothing_like_it"):
        levels(rows([1, 2, 3]), "mine:nothing_like_it")


def test_a_users_own_function_that_gives_too_few_values_is_reported(tmp_path, monkeypatch):
    (tmp_path / "short.py").write_text("def short(values, horizon, season_length):\n    return [1.0]\n")
    monkeypatch.syspath_prepend(tmp_path)
    paths, failures = blend(rows([1, 2, 3]), (3,), ("short:short", "ses"), "week", horizon=4)
    assert np.isfinite(paths).all()
    assert failures[0].reason == "ValueError: gave 1 values for 4 buckets"


def test_any_number_of_processes_gives_the_same():
    values = np.random.default_rng(2).poisson(1.2, (4100, 60)).astype(np.float32)
    alone, _ = blend(values, (60, 40), ("ses", "moving-average-13"), "week")
    with processes(2):
        together, _ = blend(values, (60, 40), ("ses", "moving-average-13"), "week")
    np.testing.assert_array_equal(alone, together)


def test_series_of_any_kind_by_a_library_call():
    quarters = np.tile([10.0, 20.0, 30.0, 40.0], 8)
    found = forecast_series([quarters, quarters[4:], [5.0]], 6, 4, ("seasonal-naive",))
    np.testing.assert_allclose(found, [[10, 20, 30, 40, 10, 20]] * 2 + [[5] * 6])
    with pytest.raises(UsageError, match="lightgbm learns from a whole panel"):
        forecast_series([quarters], 6, 4, ("lightgbm",))


def test_every_method_stands_in_the_docs():
    text = (ROOT / "docs" / "forecast.md").read_text(encoding="utf-8")
    named = text[text.index("## Methods") : text.index("The methods of single")].replace(", -", ", moving-average-")
    assert [name for name in METHODS if f"{name}," not in named and f"{name} |" not in named] == []
