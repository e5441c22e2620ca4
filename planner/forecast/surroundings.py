"""What goes on around a series: drivers of the rest of its category in the warehouse, the cheapest price and the rank
of its own among those, and drivers of its SKU elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from planner.forecast.drivers import Driver, make
from planner.forecast.scene import Scene

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

OTHERS = " of the others"
ELSEWHERE = " elsewhere"
CHEAPEST = " of the cheapest other"
RANK = " rank among the others"
AROUND = (OTHERS, ELSEWHERE, CHEAPEST, RANK)


def of_others(scene: Scene, drivers: Sequence[Driver]) -> list[Driver]:
    """For each driver: its mean over the other series of the category in the same warehouse; 0 without any."""
    return _of_company(drivers, *_shelf(scene), OTHERS)


def elsewhere(scene: Scene, drivers: Sequence[Driver]) -> list[Driver]:
    """For each driver: its mean over the other warehouses of the SKU; 0 without any."""
    group = np.unique(scene.keys["sku"].astype(str).to_numpy(), return_inverse=True)[1]
    return _of_company(drivers, group.astype(np.int64), np.ones(len(group), bool), ELSEWHERE)


def plain(driver: Driver) -> Driver:
    """A price as its logarithm, around nothing; other drivers as they are."""
    if driver.centre is None:
        return driver
    values = (driver.values + driver.centre[:, None]).astype(np.float32)
    return make(driver.name, values, driver.row, driver.flag, driver.window, np.zeros(len(values)))


def rivals(scene: Scene, drivers: Sequence[Driver]) -> list[Driver]:
    """For each `plain` price: the lowest of the other series of the category in the warehouse, and the share of those
    that are cheaper. Where there are none, the own price, and 0."""
    group, able = _shelf(scene)
    company = (np.bincount(group)[group] > 1) & able
    found = []
    for driver in drivers if company.any() else ():
        if driver.centre is None:
            continue
        own, every = driver.values[driver.row].astype(np.float64), np.arange(len(group))
        low = np.where(company[:, None], _lowest_other(own, group), own)
        rank = np.where(company[:, None], _cheaper(own, group), 0.0)
        found.append(make(driver.name + CHEAPEST, low.astype(np.float32), every, False, driver.window))
        found.append(make(driver.name + RANK, rank.astype(np.float32), every, False, driver.window))
    return found


def _shelf(scene: Scene) -> tuple[Ints, Flags]:
    """The number of the category in the warehouse of each series, and whether its category is known."""
    category = scene.attribute("category")
    shelf = scene.keys[["warehouse"]].astype(object).assign(category=category)
    group = shelf.groupby(["category", "warehouse"]).ngroup().to_numpy()
    return group.astype(np.int64), category != ""


def _lowest_other(own: Floats, group: Ints) -> Floats:
    """The least of the other rows of the group in each column [series, buckets]; the own one where there are none."""
    first, second = (np.full((int(group.max()) + 1, own.shape[1]), np.inf) for _ in range(2))
    np.minimum.at(first, group, own)
    lowest = own <= first[group]
    several = np.zeros(first.shape, np.int64)
    np.add.at(several, group, lowest)
    np.minimum.at(second, group, np.where(lowest, np.inf, own))
    other = np.where(lowest & (several[group] == 1), second[group], first[group])
    return np.where(np.isinf(other), own, other)


def _cheaper(own: Floats, group: Ints) -> Floats:
    """The share of the other rows of the group that are lower in each column [series, buckets]."""
    start = np.concatenate([[0], np.cumsum(np.bincount(group))])
    rank = np.zeros(own.shape)
    for column in range(own.shape[1]):
        order = np.lexsort((own[:, column], group))
        value, where = own[order, column], group[order]
        new = np.concatenate([[True], (where[1:] != where[:-1]) | (value[1:] > value[:-1])])
        place = np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))
        rank[order, column] = place - start[where]
    return rank / np.maximum(np.bincount(group)[group] - 1, 1)[:, None]


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
