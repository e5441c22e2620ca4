"""Small frames of the contracts' types, and panels, for the tests of the forecast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.panel import Panel
from planner.tables import TABLES

FIRST_MONDAY = "2021-01-04"


def sales(rows: Sequence[tuple[str, str, str, float]], **more: Any) -> pd.DataFrame:
    """Rows of date, sku, warehouse, quantity, in the types in which sales are read."""
    frame = pd.DataFrame(rows, columns=["date", "sku", "warehouse", "quantity"]).assign(**more)
    frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[ns]")
    frame["quantity"] = frame["quantity"].astype(float)
    return frame.assign(**{name: frame[name].astype(str).astype("category") for name in ("sku", "warehouse")})


def table(name: str, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A table with every column of its contract; what a row does not name has the contract's default."""
    frame = pd.DataFrame(index=range(len(rows)))
    for column in TABLES[name].columns:
        values = [row.get(column.name, column.default) for row in rows]
        if column.type == "date":
            frame[column.name] = pd.to_datetime(pd.Series(values, dtype=object)).astype("datetime64[ns]")
        elif column.type in ("number", "integer", "share"):
            frame[column.name] = pd.Series(values, dtype=float)
        else:
            frame[column.name] = pd.Series([value or "" for value in values], dtype=object)
    return frame


def items(*skus: str, **columns: Any) -> pd.DataFrame:
    return table("items", [{"sku": sku, **columns} for sku in skus])


def stocking(*rows: dict[str, Any]) -> pd.DataFrame:
    return table("stocking", rows)


def panel(values: npt.ArrayLike, first: str = FIRST_MONDAY, frequency: str = "W-MON") -> Panel:
    matrix = np.atleast_2d(np.asarray(values, dtype=np.float32))
    keys = pd.DataFrame(
        {"sku": [f"s{row:04d}" for row in range(len(matrix))], "warehouse": ["w"] * len(matrix)}, dtype=object
    )
    return Panel(keys, pd.date_range(first, periods=matrix.shape[1], freq=frequency, unit="ns"), matrix)


def no_uplift() -> pd.DataFrame:
    return uplift([])


def uplift(rows: Sequence[tuple[str, str, str, str, float, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["campaign", "sku", "warehouse", "date", "net", "variance"])
    types = {"date": "datetime64[ns]", "net": float, "variance": float, "sku": object, "warehouse": object}
    return frame.astype(types)
