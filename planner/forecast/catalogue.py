"""The methods of statsforecast, and a user's own, as functions of one series.

Called series by series: statsforecast's batch interface copies everything into long frames, and one bad series aborts
the whole run. Its import takes more than a second, so it waits until it is needed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import numpy.typing as npt

from planner.errors import UsageError

Floats = npt.NDArray[np.float64]
# (values up to the newest origin, number of values known at each origin, buckets ahead, buckets a season) -> a level
# or a path for each origin; NaN where there is none.
Method = Callable[[Floats, Sequence[int], int, int], list[Any]]
# (values, buckets ahead, buckets a season) -> one value a bucket ahead
OwnMethod = Callable[[Floats, int, int], Any]

GROUP = "planner.forecast_methods"
SMOOTHING = 0.1


def library(names: Sequence[str]) -> dict[str, Method]:
    """Functions by name. Croston and SBA smooth with a fixed 0.1, IMAPA and ADIDA with 0.1 to 0.3."""
    from statsforecast import models

    made: dict[str, Callable[[], Method]] = {
        "naive": lambda: _level(models.Naive()),
        "ses": lambda: _one_pass(models.SimpleExponentialSmoothing(alpha=SMOOTHING)),
        "imapa": lambda: _level(models.IMAPA()),
        "adida": lambda: _level(models.ADIDA()),
        "tsb": lambda: _one_pass(models.TSB(alpha_d=SMOOTHING, alpha_p=SMOOTHING)),
        "sba": lambda: _one_pass(models.CrostonSBA()),
        "croston": lambda: _one_pass(models.CrostonClassic()),
        "holt": lambda: _path(lambda season: models.Holt()),
        "holt-winters": lambda: _path(lambda season: models.HoltWinters(season_length=season)),
        "ets": lambda: _path(lambda season: models.AutoETS(season_length=season)),
        "arima": lambda: _path(lambda season: models.AutoARIMA(season_length=season)),
        "theta": lambda: _path(lambda season: models.DynamicOptimizedTheta(season_length=season)),
        "ces": lambda: _path(lambda season: models.AutoCES(season_length=season)),
        "seasonal-naive": lambda: _path(lambda season: models.SeasonalNaive(season_length=season)),
        "mstl": lambda: _path(
            lambda season: models.MSTL(season_length=[season], trend_forecaster=models.AutoETS(model="ZZN"))
        ),
    }
    return {name: made[name]() for name in names if name in made}


def own_methods() -> dict[str, str]:
    """Methods that installed packages offer in the entry point group `planner.forecast_methods`."""
    return {point.name: point.value for point in entry_points(group=GROUP)}


def own(reference: str) -> Method:
    """A user's function `f(values, horizon, season_length) -> values ahead`, named `module:function`.

    Raises UsageError where it cannot be imported.
    """
    module, _, name = reference.partition(":")
    try:
        function: OwnMethod = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the forecast method {reference} cannot be imported: {error}",
            "it is module:function, and the module must be installed or lie on PYTHONPATH",
        ) from None
    return partial(_call_own, function)


def _call_own(function: OwnMethod, series: Floats, sizes: Sequence[int], horizon: int, season: int) -> list[Any]:
    return [_ahead(function(series[:size].copy(), horizon, season), horizon) if size > 0 else np.nan for size in sizes]


def _ahead(values: Any, horizon: int) -> Floats:
    path: Floats = np.asarray(values, dtype=np.float64).reshape(-1)
    if path.size != horizon:
        raise ValueError(f"gave {path.size} values for {horizon} buckets")
    return path


def _one_pass(model: Any) -> Method:
    """One pass gives every origin: the fitted value of a bucket is the forecast made just before it."""

    def levels(series: Floats, sizes: Sequence[int], horizon: int, season: int) -> list[Any]:
        if len(sizes) == 1:
            return [float(model.forecast(y=series, h=1)["mean"][0])]
        made = model.forecast(y=series, h=1, fitted=True)
        fitted = made["fitted"]
        return [float(made["mean"][0])] + [float(fitted[size]) if size > 0 else np.nan for size in sizes[1:]]

    return levels


def _level(model: Any) -> Method:
    """Methods whose level depends on the whole past start again for every origin."""

    def levels(series: Floats, sizes: Sequence[int], horizon: int, season: int) -> list[Any]:
        return [
            float(model.forecast(y=series[:size], h=1)["mean"][0]) if size > 1 and series[:size].any() else np.nan
            for size in sizes
        ]

    return levels


def _path(build: Callable[[int], Any]) -> Method:
    """Methods with a path of their own; a season needs two of them in the history."""

    def paths(series: Floats, sizes: Sequence[int], horizon: int, season: int) -> list[Any]:
        found: list[Any] = []
        for size in sizes:
            cycle = season if size >= 2 * season else 1
            known = series[: max(size, 0)]
            found.append(build(cycle).forecast(y=known, h=horizon)["mean"] if size > 2 and known.any() else np.nan)
        return found

    return paths
