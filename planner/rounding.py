"""Numbers as they are kept: ten significant digits, at most twelve decimals.

Processors round the last bits of exp, log and matrix products differently. A tie in the stock model that hangs on
such a bit would give other orders on another machine; so what a stage leaves behind holds none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

DIGITS = 10
DECIMALS = 12
_POWERS = np.array([float(f"1e{power}") for power in range(DECIMALS + 1)])


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every float column rounded; other columns and its own float width stay as they are."""
    floats = {name: _rounded(column.to_numpy()) for name, column in frame.items() if column.dtype == np.float64}
    return frame.assign(**floats) if floats else frame  # type: ignore[arg-type]


def _rounded(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Whole numbers of ten digits and more have no decimals to lose and stay as they are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.abs(values)))
    decimals = np.clip(DIGITS - 1 - np.nan_to_num(size, nan=0.0, neginf=0.0, posinf=DIGITS), 0, DECIMALS)
    power = _POWERS[decimals.astype(np.int64)]
    return np.asarray(np.rint(values * power) / power)
