"""How an effect is spread over its weeks: a straight line, stronger at the beginning or towards the end.

effect of a bucket = effect by its days x (1 + slope x position), position from -1 (first moment) to 1 (last one)

Over all the days it adds up to the same. What a campaign gains tends to fade while it runs; what was bought ahead is
missing most right after the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from planner.marketing.bookings import Calendar, Cells, Floats, Ints

# Slopes before any evidence, of the gain and of the dip, and how far one may be off them.
SETTLED = (0.0, -0.5)
STEEPEST = 0.9
_PRIOR_SD = 0.3


@dataclass(frozen=True)
class Seen:
    """Cells of past events: `row` the event, `units` its effect there, `told` by the built-in lift, `noise` their
    variance, and the position."""

    row: Ints
    units: Floats
    told: Floats
    noise: Floats
    position: Floats


def position(cells: Cells, start: Ints, end: Ints, calendar: Calendar) -> Floats:
    """Of the middle of each cell's days in start..end of its row, -1 to 1."""
    start, end = start[cells.row], end[cells.row]
    first = np.maximum(start, calendar.first[cells.bucket])
    last = np.minimum(end, calendar.first[cells.bucket] + calendar.length[cells.bucket] - 1)
    return np.asarray((first + last + 1 - 2 * start) / (end - start + 1) - 1.0, dtype=np.float64)


def learn_slope(seen: Seen, settled: float) -> float:
    """Weighted least squares on what each event's cells differ from its own mean, drawn to `settled`.

    The regressor is the effect by the built-in lift at the mean ratio of all events: a measured one has noise, which
    would draw the slope towards zero.
    """
    good = np.isfinite(seen.units) & (seen.noise > 0) & (seen.told > 0)
    row, units, told = seen.row[good], seen.units[good], seen.told[good]
    size = int(row.max(initial=-1)) + 1
    of_event = np.maximum(np.bincount(row, told, size), 1e-9)
    ratio = (np.bincount(row, units, size) / of_event)[row]
    middle = (np.bincount(row, told * seen.position[good], size) / of_event)[row]
    usual = max(float(units.sum()) / max(float(told.sum()), 1e-9), 0.0)
    x, y = usual * told * (seen.position[good] - middle), units - ratio * told
    weight = 1.0 / seen.noise[good]
    found = float((weight * x * y).sum()) + settled / _PRIOR_SD**2
    return float(np.clip(found / (float((weight * x * x).sum()) + 1.0 / _PRIOR_SD**2), -STEEPEST, STEEPEST))
