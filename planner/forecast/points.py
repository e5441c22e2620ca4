"""Point forecasts of any series by a library call: years and quarters too, which the tables do not hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.errors import UsageError
from planner.forecast.methods import GLOBAL, blend, check_methods

Floats = npt.NDArray[np.float64]


def forecast_series(
    series: Sequence[npt.ArrayLike],
    horizon: int,
    season_length: int = 1,
    methods: Sequence[str] = ("theta", "ces", "ets"),
) -> Floats:
    """The median of `methods` for each series: [series, horizon], never negative.

    Each of `series` is a list of values in order, the newest last; their lengths may differ, the last 120 count.
    `season_length` is the number of buckets a season: 1 for years, 4 for quarters, 12 for months. A method that fails
    on a series is left out for it; where all fail the mean is taken. Raises UsageError for a method that is not known
    or that needs many series of one kind.
    """
    names = check_methods(methods)
    for name in names:
        if name in GLOBAL:
            raise UsageError(f"{name} learns from a whole panel", "use it in forecast.methods of a workspace")
    length = max((np.size(values) for values in series), default=1)
    table = np.full((len(series), length), np.nan, np.float32)
    for row, values in enumerate(series):
        own = np.asarray(values, dtype=np.float32)
        table[row, length - own.size :] = own
    paths, _ = blend(table, (length,), names, "month", horizon, season=season_length)
    return np.broadcast_to(paths[:, 0], (len(series), horizon)).copy()
