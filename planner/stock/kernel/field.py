"""What the compiled loops read: one record of arrays, and how functions are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
F = TypeVar("F", bound=Callable[..., Any])

FAR = 1e18
SCARCE = 1e3
FULL = 1e-9


def compiled(function: F) -> F:
    """Compiled on first use and kept beside the source; only in memory where that folder cannot be written."""
    return _compiled(function, "never")


def inlined(function: F) -> F:
    """Compiled as part of every function that calls it: handing over a `Field` takes as long as short loops do."""
    return _compiled(function, "always")


def _compiled(function: F, inline: str) -> F:
    try:
        return cast(F, numba.njit(cache=True, nogil=True, inline=inline)(function))
    except RuntimeError:
        return cast(F, numba.njit(nogil=True, inline=inline)(function))


class Field(NamedTuple):
    """What the loops read. [N] or [N, T] by node and week, [L] or [L, T] by link and week of the order.

    `start` + `arrive` is the stock that nobody decides. `ship` leaves a node before its own demand is met. `due_first`
    [N * T + 1] delimits `op_link`, `op_week`: the orders that could arrive at a node in a week. `lo` is the first
    grid point of a week, `step` the width, `size` the number of points; the table of node n starts at `offset`.

    `truck` [L] is the lane's vehicles that a link fills, -1 where they are not charged as whole ones; `share` [L, 2]
    the part of one that a unit fills by volume and by weight, `vehicle` [trucks] what one costs, and `load`
    [trucks, T, 2] what others have loaded.
    """

    start: Floats
    arrive: Floats
    demand: Floats
    ship: Floats
    hold: Floats
    short_cost: Floats
    space_price: Floats
    served_price: Floats
    floor: Floats
    floor_price: Floats
    ceiling: Floats
    sells: Flags
    lost: Flags
    points: Floats
    values: Floats
    echelon_cost: Floats
    echelon_points: Floats
    echelon_values: Floats
    echelon_beside: Floats
    echelon_short: Floats
    lo: Floats
    step: Floats
    size: Ints
    offset: Ints
    due_first: Ints
    op_link: Ints
    op_week: Ints
    pack: Floats
    least: Floats
    most: Floats
    tier_first: Ints
    tier_from: Floats
    tier_extra: Floats
    tier_price: Floats
    due: Ints
    fixed: Floats
    unit: Floats
    cap: Floats
    truck: Ints
    share: Floats
    vehicle: Floats
    load: Floats
