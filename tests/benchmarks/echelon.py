"""Safety stock over several stages: textbook answers, and trees of up to a thousand stages."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path

import numpy as np

from planner.stock.echelon import Stages, place_safety_stock, serial_levels
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark
from tests.stock.textbook import guaranteed

TEXTBOOK = {"example_6_5": 8.277917, "figure_6_14": 18.824004}
SERIAL = 47.6654
SIZES = (10, 50, 1000)


@benchmark("echelon")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Guaranteed service on the trees of Snyder and Shen (data/stockpyl) and stochastic service on their serial line
    (demand normal(5, 1)): distance of the cost from the textbook's, per cent. Random trees (seed 1: each stage joined
    to one of the 20 before it, 70 % of them fed by it, own times 1 to 5): seconds for one tree, the slowest of five
    (one with 1,000 stages must take at most 1 s), and for five trees of six stages the distance from the best of all
    possible quotes, tried one by one."""
    folder = needed("stockpyl")
    figures = [
        Figure(f"{name}, off the textbook by", _off(_placed(folder, name), answer), "%", 0.001)
        for name, answer in TEXTBOOK.items()
    ]
    line = serial_levels(np.array([1.0, 1.0, 2.0]), np.array([3.0, 2.0, 2.0]), 37.12, 5.0, 1.0)
    figures.append(Figure("example_6_1, off the textbook by", _off(line.cost, SERIAL), "%", 0.05))
    rng = np.random.default_rng(1)
    small = [random_tree(rng, 6, 2) for _ in range(1 if smoke else 5)]
    worst = max(_off(place_safety_stock(tree).cost, every_quote(tree)) for tree in small)
    figures.append(Figure("trees of 6, off the best of all quotes by", worst, "%", 1e-6, "lower", "enumeration", 0.0))
    for size in SIZES:
        seconds = max(_seconds(random_tree(rng, size, 5)) for _ in range(1 if smoke else 5))
        figures.append(Figure(f"{size:,} stages", seconds, "s", 1.0 if size == 1000 else None))
    return figures


def random_tree(rng: np.random.Generator, count: int, slowest: int) -> Stages:
    near = [int(rng.integers(max(0, k - 20), k)) for k in range(1, count)]
    arcs = tuple((near[k - 1], k) if rng.random() < 0.7 else (k, near[k - 1]) for k in range(1, count))
    feeding = {start for start, _ in arcs}
    return Stages(
        rng.integers(1, slowest + 1, count), rng.uniform(0.1, 3.0, count), rng.uniform(1.0, 10.0, count),
        np.zeros(count, np.int64), np.array([-1 if k in feeding else 0 for k in range(count)]), arcs,
    )  # fmt: skip


def every_quote(stages: Stages) -> float:
    """Cost of the best quotes, by trying all of them."""
    most = [int(stages.time.sum()) if limit < 0 else int(limit) for limit in stages.quoted]
    best = np.inf
    for quotes in product(*(range(limit + 1) for limit in most)):
        inbound = [int(time) for time in stages.supplied]
        for i, j in stages.arcs:
            inbound[j] = max(inbound[j], quotes[i])
        net = np.array(inbound) + stages.time - np.array(quotes)
        if (net >= 0).all():
            best = min(best, float((stages.holding * stages.bound * np.sqrt(net)).sum()))
    return best


def _placed(folder: Path, name: str) -> float:
    return place_safety_stock(guaranteed(folder, name)).cost


def _off(value: float, answer: float) -> float:
    return 100 * abs(value / answer - 1)


def _seconds(tree: Stages) -> float:
    begin = time.perf_counter()
    place_safety_stock(tree)
    return time.perf_counter() - begin
