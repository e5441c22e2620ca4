"""Series side by side: one row a SKU-warehouse, one column a bucket. What history and lift are computed on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Panel:
    """`keys` has the columns sku and warehouse, one row a series, sorted; `dates` every bucket without a gap.

    `values` is float32 [series, buckets]; NaN means unknown, or before the series started.
    """

    keys: pd.DataFrame
    dates: pd.DatetimeIndex
    values: Matrix

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.keys), len(self.dates)):
            raise ValueError(f"{self.values.shape} values for {len(self.keys)} series x {len(self.dates)} buckets")

    def with_values(self, values: npt.NDArray[Any]) -> Panel:
        return replace(self, values=np.asarray(values, dtype=np.float32))

    def wide(self) -> pd.DataFrame:
        """The panel as a table: sku, warehouse, then one column a bucket named by its ISO date."""
        names = [date.date().isoformat() for date in self.dates]
        values = pd.DataFrame(self.values, columns=names, index=self.keys.index)
        return pd.concat([self.keys[["sku", "warehouse"]], values], axis=1)

    @classmethod
    def from_wide(cls, frame: pd.DataFrame) -> Panel:
        keys = frame[["sku", "warehouse"]].reset_index(drop=True)
        values = frame.drop(columns=["sku", "warehouse"])
        return cls(keys, pd.DatetimeIndex(values.columns, dtype="datetime64[ns]"), values.to_numpy(dtype=np.float32))

    def long(self, name: str) -> pd.DataFrame:
        """One row a known value: sku, warehouse, date and the value under `name`."""
        series, bucket = np.nonzero(~np.isnan(self.values))
        frame = self.keys.iloc[series][["sku", "warehouse"]].reset_index(drop=True)
        return frame.assign(date=self.dates[bucket], **{name: self.values[series, bucket]})
