"""Threads for loops over nodes: they hold no lock, and no node reads what another writes."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from planner.stock.kernel.field import Ints

MOST, WORTH_IT = 8, 64
T = TypeVar("T")


def _processors() -> int:
    """How many of the machine's processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


THREADS = max(1, min(MOST, _processors()))


def in_threads(loop: Callable[[Ints], None], chosen: Ints, group: Ints | None = None) -> None:
    """Run a loop over the chosen nodes, dealt out to the threads; the result is that of one loop.

    Nodes of one `group` [len(chosen)] read what the others write: they stay in one thread, in their order.
    """
    if len(chosen) < WORTH_IT or THREADS == 1:
        loop(chosen)
        return
    place = np.arange(len(chosen)) if group is None else np.unique(group, return_inverse=True)[1]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(loop, [chosen[place % THREADS == part] for part in range(THREADS)]))


def in_chunks(part: Callable[[slice], T], count: int, size: int) -> list[T]:
    """What `part` makes of each slice of `size` rows out of `count`, in their order."""
    slices = [slice(first, first + size) for first in range(0, count, size)]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(part, slices))
