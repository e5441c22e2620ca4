"""Classic accuracy: yearly, quarterly, monthly and other series."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from planner.forecast.points import forecast_series
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]

FIRST, QUARTERS = 6, 756
BLEND, PEER = ("theta", "ces", "ets"), ("theta",)


@benchmark("m3-forecast")
def run(full: bool, smoke: bool) -> list[Figure]:
    """M3, 3,003 series with their own horizons, through the library call `forecast_series`: the median of Theta, CES
    and ETS, beside dynamic optimised Theta alone. sMAPE pooled over all points: mean of 200 |error| / (actual +
    forecast). Published on the same measure: Theta 13.01. Target: one Theta model, 12.95.
    """
    series = load(60 if smoke else 1)
    ours, theta = (smape(series, methods) for methods in (BLEND, PEER))
    return [Figure("sMAPE, all points", ours, "%", 12.95, "lower", "Theta", theta)]


def load(step: int) -> list[tuple[Floats, int, int]]:
    """Values, horizon and season length of each series; the horizon tells the kind, years first."""
    found: list[tuple[Floats, int, int]] = []
    quarters = 0
    for line in (needed("m3") / "m3" / "m3.csv").read_text(encoding="utf-8").splitlines():
        cells = line.split(",")
        if line.startswith("#") or len(cells) <= FIRST:
            continue
        number, ahead = int(cells[1]), int(cells[2])
        quarters += ahead == 8
        season = {6: 1, 8: 4 if quarters <= QUARTERS else 1, 18: 12}[ahead]
        found.append((np.array(cells[FIRST : FIRST + number], dtype=float), ahead, season))
    return found[::step]


def smape(series: list[tuple[Floats, int, int]], methods: tuple[str, ...]) -> float:
    losses = []
    for ahead, season in sorted({(ahead, season) for _, ahead, season in series}):
        part = [values for values, own, length in series if (own, length) == (ahead, season)]
        said = forecast_series([values[:-ahead] for values in part], ahead, season, methods)
        came = np.array([values[-ahead:] for values in part])
        losses.append((200 * np.abs(said - came) / (np.abs(said) + np.abs(came))).ravel())
    return float(np.concatenate(losses).mean())
