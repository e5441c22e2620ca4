"""What goes on around a series: drivers of the rest of its category in the warehouse, and of its SKU elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.forecast.drivers import Driver, make
from planner.forecast.scene import Scene

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

OTHERS = " of the others"
ELSEWHERE = " elsewhere"


def of_others(scene: Scene, drivers: Sequence[Driver]) -> list[Driver]:
    """For each driver: its mean over the other series of the category in the same warehouse; 0 without any."""
    category = scene.attribute("category")
    shelf = scene.keys[["warehouse"]].astype(object).assign(category=category)
    group = shelf.groupby(["category", "warehouse"]).ngroup().to_numpy()
    return _of_company(drivers, group.astype(np.int64), category != "", OTHERS)


def elsewhere(scene: Scene, drivers: Sequence[Driver]) -> list[Driver]:
    """For each driver: its mean over the other warehouses of the SKU; 0 without any."""
    group = np.unique(scene.keys["sku"].astype(str).to_numpy(), return_inverse=True)[1]
    return _of_company(drivers, group.astype(np.int64), np.ones(len(group), bool), ELSEWHERE)


def _of_company(drivers: Sequence[Driver], group: Ints, able: Flags, suffix: str) -> list[Driver]:
    """Means over the other series of a group [series, buckets], as drivers; none where no series has company."""
    count = np.bincount(group)
    company = (count[group] > 1) & able
    found = []
    for driver in drivers if company.any() else ():
        own = driver.values[driver.row].astype(np.float64)
        total = np.zeros((len(count), own.shape[1]))
        np.add.at(total, group, own)
        others = (total[group] - own) / np.maximum(count[group] - 1, 1)[:, None]
        values = np.where(company[:, None], others, 0.0).astype(np.float32)
        found.append(make(driver.name + suffix, values, np.arange(len(own)), driver.flag, driver.window))
    return found
