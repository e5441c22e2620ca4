"""Places that supply each other: which way goods go there, so that every network has a top and a bottom."""

from __future__ import annotations

import datetime as dt

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def circles(sources: pd.DataFrame) -> Ints:
    """[row] number of the circle that the row is part of, 0 for none: places of one SKU that reach each other.

    `sources` has sku, source, destination and transfer; only transfers can be part of a circle.
    """
    result = np.zeros(len(sources), np.int64)
    rows = np.flatnonzero(sources["transfer"].to_numpy(bool))
    if not len(rows):
        return result
    start, end, count = _numbered(sources.iloc[rows])
    graph = coo_matrix((np.ones(len(rows)), (start, end)), shape=(count, count))
    label = connected_components(graph, directed=True, connection="strong")[1]
    inside = (label[start] == label[end]) & (start != end)
    result[rows[inside]] = 1 + pd.factorize(label[start[inside]])[0]
    return result


def closing(sources: pd.DataFrame, as_of: dt.date) -> Flags:
    """[row] transfers that would close a circle.

    Goods go on from where they enter it: of the ways that lead on from there, those valid today are kept first, then
    those of the first priority, then by name. What leads back is not used.

    `sources` has sku, source, destination, transfer, priority, start and end.
    """
    circle = circles(sources)
    rows = np.flatnonzero(circle)
    result = np.zeros(len(sources), bool)
    if len(rows):
        inside, today = sources.iloc[rows], pd.Timestamp(as_of)
        state = np.select([inside["end"] < today, inside["start"] > today], [2, 1], 0)
        ranked = inside.assign(row=rows, circle=circle[rows], state=state)
        ranked = ranked.sort_values(["circle", "state", "priority", "source", "destination", "row"], kind="stable")
        outer = sources[(circle == 0) & (sources["end"] >= today)]
        entered = set(zip(outer["sku"], outer["destination"], strict=True))
        for _, group in ranked.groupby("circle"):
            sku = group["sku"].iloc[0]
            ways = list(zip(group["row"].tolist(), group["source"], group["destination"], strict=True))
            result[_closing(ways, {place for _, *ends in ways for place in ends if (sku, place) in entered})] = True
    return result


def way_between(transfers: pd.DataFrame, start: str, end: str) -> list[str]:
    """Places of a shortest way from start to end over the transfers of one SKU."""
    down: dict[str, list[str]] = {}
    for source, destination in zip(transfers["source"], transfers["destination"], strict=True):
        down.setdefault(source, []).append(destination)
    ways, known = [[start]], {start}
    for way in ways:
        if way[-1] == end:
            return way
        ways += [[*way, place] for place in down.get(way[-1], []) if place not in known]
        known.update(down.get(way[-1], []))
    return [start, end]


def _closing(ways: list[tuple[int, str, str]], entered: set[str]) -> list[int]:
    """Rows of one circle, given as (row, source, destination) by rank, that lead back to where goods come from."""
    down: dict[str, set[str]] = {}
    found, left = [], list(ways)
    while left:
        way = next((way for way in left if way[1] in entered), left[0])
        left.remove(way)
        row, source, destination = way
        if source in _reached(down, destination):
            found.append(row)
        else:
            down.setdefault(source, set()).add(destination)
            entered = entered | {destination}
    return found


def _reached(down: dict[str, set[str]], place: str) -> set[str]:
    found, stack = {place}, [place]
    while stack:
        for other in down.get(stack.pop(), set()) - found:
            found.add(other)
            stack.append(other)
    return found


def _numbered(sources: pd.DataFrame) -> tuple[Ints, Ints, int]:
    """A number for each SKU-place, of source and destination, and how many there are."""
    names = pd.concat([sources["source"], sources["destination"]]).astype(object)
    skus = pd.concat([sources["sku"], sources["sku"]]).astype(object)
    codes, found = pd.factorize(pd.MultiIndex.from_arrays([skus, names]))
    return codes[: len(sources)], codes[len(sources) :], len(found)
