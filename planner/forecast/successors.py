"""A successor starts with the history of the SKU it replaces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.panel import Matrix


def carry_over(
    keys: pd.DataFrame, items: pd.DataFrame, demand: Matrix, start: npt.NDArray[np.int64], enough: int
) -> Matrix:
    """Give a successor with less than `enough` buckets its predecessor's demand before its own start, in place.

    Chains are followed from the oldest on; a loop of predecessors is ignored. Returns the demand as it was.
    """
    pairs = _pairs(items)
    if not pairs:
        return demand
    before = demand.copy()
    place = pd.Series(np.arange(len(keys)), index=pd.MultiIndex.from_frame(keys))
    known = set(keys["sku"])
    for old, new in pairs:
        if old in known and new in known:
            both = pd.concat([place[old], place[new]], axis=1, join="inner").to_numpy()
            for source, target in both[demand.shape[1] - start[both[:, 1]] < enough]:
                demand[target, : start[target]] = demand[source, : start[target]]
    return before


def _pairs(items: pd.DataFrame) -> list[tuple[str, str]]:
    """(predecessor, successor), every predecessor's own history first; members of a loop are left out."""
    if "predecessor" not in items:
        return []
    named = items[items["predecessor"].astype(str) != ""]
    parent = dict(zip(named["sku"].astype(str), named["predecessor"].astype(str), strict=True))
    depth: dict[str, int] = {}
    for sku in parent:
        path = [sku]
        while path[-1] in parent and parent[path[-1]] not in path:
            path.append(parent[path[-1]])
        if path[-1] not in parent:
            depth[sku] = len(path)
    return [(parent[sku], sku) for sku in sorted(depth, key=lambda name: (depth[name], name))]
