"""Capacitated lot sizing with set-up times: a supplier whose weekly capacity is shared by all items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock import exposure
from tests.benchmarks.registry import Missing
from tests.benchmarks.stock_cases import AS_OF, MONDAY, Shop

NAMED = (
    *("trigeiro/F1.DAT", "trigeiro/F6.DAT", "trigeiro/F13.DAT", "trigeiro/G51.DAT", "trigeiro/G57.DAT"),
    *("trigeiro/G73.DAT", "clsp/X11117A", "clsp/X12417A"),
)
NEVER_SHORT, SECONDS = 1000.0, 30.0


def instances(folder: Path, every: bool) -> list[Path]:
    """The eight named instances, or all of them."""
    return sorted(folder.glob("*/*")) if every else [folder / name for name in NAMED]


def read(path: Path, seconds: float) -> Shop:
    """Items and periods; capacity of every period; then unit time, holding cost, set-up time and cost of each item, and
    the demand of each period. What is ordered is there in the same week, what is short is owed at 1,000 a unit and
    week, demand is certain (its curve keeps a spread of a ten-thousandth). Set-up time and time per unit use the
    supplier's capacity. Raises Missing where a unit takes other than one unit of time."""
    lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
    (items, weeks), capacity = map(int, lines[0][:2]), float(lines[2][0])
    terms = np.array([line[:4] for line in lines[3 : 3 + items]], float)
    demand = np.array([line[:items] for line in lines[3 + items : 3 + items + weeks]], float).T
    if (terms[:, 0] != 1.0).any():
        raise Missing(f"{path.name}: a unit takes other than one unit of time")
    base = Settings()
    stock = replace(base.stock, horizon_weeks=weeks, time_limit_seconds=seconds, gap=1e-4, nodes=10**6)
    settings = replace(base, stock=stock)
    dataset = Dataset.from_frames(_tables(terms, capacity, weeks))
    return _shop(dataset, settings, demand)


def _tables(terms: np.ndarray, capacity: float, weeks: int) -> dict[str, pd.DataFrame]:
    skus = [f"I{i:02d}" for i in range(len(terms))]
    at = {"sku": skus, "warehouse": "W"}
    monday = [MONDAY + pd.Timedelta(weeks=t) for t in range(weeks)]
    return {
        "items": pd.DataFrame({"sku": skus, "unit_cost": 1.0, "holding_cost_per_week": terms[:, 1],
                               "shortage_cost": NEVER_SHORT, "shortage": "backorder"}),
        "locations": pd.DataFrame({"location": ["M", "W"], "kind": ["supplier", "warehouse"]}),
        "suppliers": pd.DataFrame({"location": ["M"]}),
        "stocking": pd.DataFrame(at),
        "stock": pd.DataFrame({**at, "on_hand": 0.0}),
        "sourcing": pd.DataFrame({"sku": skus, "source": "M", "destination": "W", "unit_cost": 1.0, "lead_days": 0.0,
                                  "order_cost": terms[:, 3], "setup_units": terms[:, 2]}),
        "capacities": pd.DataFrame({"scope": "supply", "resource": "M", "measure": "units", "week": monday,
                                    "limit": capacity}),
    }  # fmt: skip


def _shop(dataset: Dataset, settings: Settings, demand: np.ndarray) -> Shop:
    items, weeks = demand.shape
    week = np.tile((MONDAY + pd.to_timedelta(7 * np.arange(weeks), unit="D")).to_numpy(), items)
    keys = {"sku": np.repeat([f"I{i:02d}" for i in range(items)], weeks), "warehouse": "W"}
    certain = {"mean": demand.ravel(), "variance": 0.0}
    weekly = pd.DataFrame({**keys, "week": week, **certain, "base": demand.ravel(), "campaign": 0.0})
    length = exposure(dataset, settings, AS_OF)["weeks"]
    assert (length == 1).all(), "every order is there in its own week"
    end = week + np.timedelta64(6, "D")
    cumulative = pd.DataFrame({**keys, "from_date": week, "to_date": end, **certain})
    return Shop(dataset, weekly, cumulative, settings)
