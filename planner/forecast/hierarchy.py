"""Levels above the SKU-warehouse: coherent means by least squares, and quantiles from paths.

Means add up, so those of upper levels are sums. Where upper levels are forecast on their own, `reconcile` finds the
means that add up and lie nearest to all forecasts (weighted least squares with the variances of their errors;
Wickramasuriya, Athanasopoulos and Hyndman 2019, with a diagonal covariance). Quantiles do not add: they are read from
paths in which errors of series go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from planner.forecast.paths import Cells, Shared, sample
from planner.tables import QUANTILE_COLUMNS, QUANTILES

Floats = npt.NDArray[np.float64]

LEVELS: dict[str, tuple[str, ...]] = {
    "total": (),
    "country": ("country",),
    "warehouse": ("warehouse",),
    "category": ("category",),
    "brand": ("brand",),
    "category, warehouse": ("category", "warehouse"),
    "sku": ("sku",),
}
ORPHAN = "(none)"
PATHS = 400
_KEY = ["sku", "warehouse"]
_ROUNDS, _CLOSE = 200, 1e-6


@dataclass(frozen=True)
class Hierarchy:
    """`nodes`: level, node; one row a node above the series. `members` [nodes, series] is 1 where a series lies in it.

    `orphans`: sku, warehouse, lacks; series without a category, brand or country lie in the node `(none)` there.
    """

    nodes: pd.DataFrame
    members: sparse.csr_matrix
    orphans: pd.DataFrame


def belongings(keys: pd.DataFrame, items: pd.DataFrame, locations: pd.DataFrame) -> pd.DataFrame:
    """sku, warehouse, category, brand, country of each series; "" where it is not known."""
    table = keys[_KEY].astype(object).reset_index(drop=True)
    things = items.drop_duplicates("sku").set_index("sku")
    places = locations.drop_duplicates("location").set_index("location")
    for name, column, known in (
        ("category", "sku", things),
        ("brand", "sku", things),
        ("country", "warehouse", places),
    ):
        told = table[column].map(known[name]) if name in known else pd.Series("", index=table.index)
        table[name] = told.astype(object).where(told.notna(), "")
    return table


def build(groups: pd.DataFrame, levels: Sequence[str] = tuple(LEVELS)) -> Hierarchy:
    """The nodes of some levels over the series of `groups` (as belongings gives them)."""
    frames, blocks = [], []
    for level in levels:
        columns = list(LEVELS[level])
        words = groups[columns].astype(object).where(groups[columns] != "", ORPHAN)
        names = words.agg(", ".join, axis=1) if columns else pd.Series("all", index=groups.index)
        code, nodes = pd.factorize(names, sort=True)
        frames.append(pd.DataFrame({"level": level, "node": nodes.astype(object)}))
        cells = (np.ones(len(groups)), (code, np.arange(len(groups))))
        blocks.append(sparse.csr_matrix(cells, shape=(len(nodes), len(groups))))
    wanted = [name for name in ("category", "brand", "country") if any(name in LEVELS[level] for level in levels)]
    told = [name for name in wanted if (groups[name] != "").any()]
    lacks = [groups.loc[groups[name] == "", _KEY].assign(lacks=name) for name in told]
    orphans = pd.concat(lacks) if lacks else groups.loc[:-1, _KEY].assign(lacks="")
    stacked = sparse.csr_matrix(sparse.vstack(blocks)) if blocks else sparse.csr_matrix((0, len(groups)))
    nodes_table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"level": [], "node": []})
    return Hierarchy(nodes_table, stacked, orphans.sort_values([*_KEY, "lacks"], ignore_index=True))


def reconcile(
    members: sparse.csr_matrix, bottom: Floats, upper: Floats, bottom_variance: Floats, upper_variance: Floats
) -> Floats:
    """Means of the series [series, buckets] that add up and lie nearest to the forecasts of all nodes, not negative.

    `bottom` [series, buckets] and `upper` [nodes, buckets] are forecast on their own, the variances [series] and
    [nodes] are those of their errors; NaN in `upper` is a node without a forecast. Minimises

        sum (b - bottom)^2 / variance + sum (members b - upper)^2 / variance

    by conjugate gradients, preconditioned by the diagonal.
    """
    told = ~np.isnan(upper).any(axis=1)
    matrix, target = members[np.flatnonzero(told)], upper[told]
    low = 1 / np.maximum(bottom_variance, 1e-9)
    high = 1 / np.maximum(upper_variance[told], 1e-9)
    up = sparse.csr_matrix(matrix.T)
    diagonal = low + np.asarray(matrix.multiply(matrix).T @ high).ravel()

    def product(values: Floats) -> Floats:
        return np.asarray(low[:, None] * values + up @ (high[:, None] * (matrix @ values)), dtype=np.float64)

    move = np.zeros_like(bottom)
    rest = np.asarray(up @ (high[:, None] * (target - matrix @ bottom)), dtype=np.float64)
    goal = np.maximum(np.abs(rest).max(axis=0, initial=0.0), 1e-12) * _CLOSE
    scaled = rest / diagonal[:, None]
    way, old = scaled.copy(), (rest * scaled).sum(axis=0)
    for _ in range(_ROUNDS):
        if (np.abs(rest).max(axis=0, initial=0.0) <= goal).all():
            break
        image = product(way)
        step = old / np.maximum((way * image).sum(axis=0), 1e-300)
        move += step * way
        rest -= step * image
        scaled = rest / diagonal[:, None]
        new = (rest * scaled).sum(axis=0)
        way = scaled + new / np.maximum(old, 1e-300) * way
        old = new
    return np.asarray(np.maximum(bottom + move, 0.0), dtype=np.float64)


def node_paths(
    hierarchy: Hierarchy,
    cells: Cells,
    shared: Shared,
    count: int,
    seed: int,
    judged: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.float32]:
    """Demand of every node [nodes, buckets, paths], series added up path by path; of `judged` cells only if given."""
    total = np.zeros((len(hierarchy.nodes), len(cells.dates), count), dtype=np.float32)
    for rows, paths in sample(cells, shared, count, seed):
        seen = paths if judged is None else np.where(judged[rows][:, :, None], paths, np.float32(0))
        part = hierarchy.members[:, rows].astype(np.float32)
        total += (part @ seen.reshape(len(seen), -1)).reshape(total.shape)
    return total


def levels_table(hierarchy: Hierarchy, cells: Cells, shared: Shared, seed: int, count: int = PATHS) -> pd.DataFrame:
    """level, node, date, mean and quantiles of every node; the means are the sums of those of its series."""
    paths = node_paths(hierarchy, cells, shared, count, seed)
    mean = np.asarray(hierarchy.members @ cells.mean, dtype=np.float64)
    quantiles = np.quantile(paths, QUANTILES, axis=2, method="inverted_cdf").transpose(1, 2, 0)
    buckets = len(cells.dates)
    table = hierarchy.nodes.iloc[np.repeat(np.arange(len(hierarchy.nodes)), buckets)].reset_index(drop=True)
    table = table.assign(date=np.tile(cells.dates.to_numpy(), len(hierarchy.nodes)), mean=mean.ravel())
    said = pd.DataFrame(quantiles.reshape(-1, len(QUANTILES)).astype(np.float64), columns=list(QUANTILE_COLUMNS))
    return pd.concat([table, said], axis=1)


def path_table(cells: Cells, shared: Shared, seed: int, count: int) -> Iterator[pd.DataFrame]:
    """Paths as tables of a block of series each: sku, warehouse, date, path1, path2, ..."""
    names = [f"path{number}" for number in range(1, count + 1)]
    for rows, paths in sample(cells, shared, count, seed):
        keys = cells.keys.iloc[rows].iloc[np.repeat(np.arange(len(paths)), len(cells.dates))].reset_index(drop=True)
        dated = keys.assign(date=np.tile(cells.dates.to_numpy(), len(paths)))
        yield pd.concat([dated, pd.DataFrame(paths.reshape(-1, count), columns=names)], axis=1)
