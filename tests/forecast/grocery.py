"""Real weekly grocery sales (VN2) as tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from tests.forecast.frames import items


def grocery(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All store-products as sales rows, and their items."""
    sold, flags = (pd.read_csv(folder / "vn2" / f"{name}.csv") for name in ("sales", "in_stock"))
    names = (
        pd.read_csv(folder / "vn2" / "master.csv").drop_duplicates("Product").set_index("Product")["DepartmentGroup"]
    )
    dates = pd.to_datetime(sold.columns[2:]).astype("datetime64[ns]")
    rows = pd.DataFrame(
        {
            "date": np.tile(dates, len(sold)),
            "sku": np.repeat(sold["Product"].astype(str).to_numpy(), len(dates)),
            "warehouse": np.repeat(sold["Store"].astype(str).to_numpy(), len(dates)),
            "quantity": sold.iloc[:, 2:].to_numpy(dtype=float).ravel(),
            "in_stock": flags.iloc[:, 2:].to_numpy(dtype=float).ravel(),
        }
    ).astype({"sku": "category", "warehouse": "category"})
    table = items(*sorted(rows["sku"].cat.categories))
    return rows, table.assign(category=[str(names[int(sku)]) for sku in table["sku"]])
