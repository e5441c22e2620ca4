"""What is wrong with a network, before goods are sent over it."""

from __future__ import annotations

import datetime as dt

import networkx as nx
import numpy as np
import pandas as pd

from planner.routes.findings import Finding, as_frame, counted, some
from planner.routes.network import Network, distances

DEAD_ENDS = ("supplier", "plant", "port")
ORIGINS = ("supplier", "plant")


def check(network: Network) -> pd.DataFrame:
    """Every finding on lanes and places, as an exceptions table; empty when the network is sound."""
    return as_frame([*lane_findings(network), *unreachable(network)])


def lane_findings(network: Network) -> list[Finding]:
    """Findings on lanes and on the shape of the network, without those on pairs that no path connects."""
    return [
        *_without_rate(network),
        *_self_loops(network),
        *_unknown_places(network),
        *_duplicates(network),
        *_transit(network),
        *_dead_ends(network),
        *_islands(network),
    ]


def unreachable(network: Network) -> list[Finding]:
    """Sources and destinations that no path over the lanes open today connects."""
    if not network.lanes:
        return []
    days = distances(network)
    connected = {
        (source, place)
        for source, row in zip(days.index, np.isfinite(days.to_numpy()), strict=True)
        for place in days.columns[row]
    }
    lost = [pair for pair in network.pairs if pair not in connected]
    return [
        Finding(
            "unreachable",
            2,
            f"No path leads from {source} to {destination}, though goods are to come from there.",
            "add a lane, or correct the source",
            warehouse=destination,
        )
        for source, destination in lost
    ]


def _names(rows: pd.DataFrame) -> list[str]:
    return [">".join(str(part) for part in row if part) for row in rows[["origin", "destination", "mode"]].to_numpy()]


def _without_rate(network: Network) -> list[Finding]:
    rows = network.table[~network.table["has_rate"]]
    return [
        Finding(
            "no-rate",
            1,
            f"{counted(len(group), 'lane')} left out, since {currency} has no exchange rate: {some(_names(group))}.",
            f"add {currency} to data/currencies.csv",
        )
        for currency, group in rows.groupby("currency", observed=True)
    ]


def _self_loops(network: Network) -> list[Finding]:
    rows = network.table[network.table["origin"] == network.table["destination"]]
    return [
        Finding("self-loop", 3, f"Lane {name} leads back to where it starts and is left out.", "remove the lane")
        for name in _names(rows)
    ]


def _unknown_places(network: Network) -> list[Finding]:
    known = {place for place in network.graph if "kind" in network.graph.nodes[place]}
    return [
        Finding(
            "unknown-place",
            1,
            f"Place {place} has lanes but is not among the locations.",
            "add it to data/locations.csv, or correct the lane",
        )
        for place in sorted(set(network.graph) - known)
    ]


def _duplicates(network: Network) -> list[Finding]:
    """Two lanes of one origin, destination, mode and carrier that are open on the same day."""
    found: dict[str, int] = {}
    last: dict[str, dt.date] = {}
    for lane in network.lanes:  # sorted by start within a name
        end = last.get(lane.name)
        if end is not None and lane.start <= end:
            found[lane.name] = found.get(lane.name, 1) + 1
        last[lane.name] = lane.end if end is None else max(lane.end, end)
    return [
        Finding(
            "duplicate-lane",
            3,
            f"Lane {name} is open {count} times at once; the cheaper one is used.",
            "keep one of them, or set start and end so that they follow each other",
        )
        for name, count in sorted(found.items())
    ]


def _transit(network: Network) -> list[Finding]:
    given = network.table["given_days"]
    negative, missing = network.table[given < 0], network.table[given.isna()]
    return [
        Finding("negative-transit", 1, f"Lane {name} takes less than no time; 0 days are used.", "set its transit_days")
        for name in _names(negative)
    ] + [
        Finding(
            "missing-transit",
            2,
            f"Lane {name} has no transit time; {days:.1f} days are used"
            f"{', from its distance' if km == km else ', since its distance is unknown too'}.",
            "set its transit_days",
        )
        for name, days, km in zip(_names(missing), missing["days"], missing["distance_km"], strict=True)
    ]


def _dead_ends(network: Network) -> list[Finding]:
    """A lane into a place that neither keeps stock nor leads on."""
    graph = network.graph
    ends = [
        place
        for place in sorted(graph)
        if graph.nodes[place].get("kind") in DEAD_ENDS and graph.in_degree(place) and not graph.out_degree(place)
    ]
    return [
        Finding(
            "leads-nowhere",
            2,
            f"Lanes lead to {place}, but none leads on from there.",
            f"add a lane from {place}, or remove the lanes to it",
            warehouse=place,
        )
        for place in ends
    ]


def _islands(network: Network) -> list[Finding]:
    """Places that can be left but never reached: nothing that is bought anywhere can get in."""
    targets = {destination for _, destination in network.pairs}
    first = {source for source, _ in network.pairs} - targets
    first |= {place for place in network.graph if network.graph.nodes[place].get("kind") in ORIGINS}
    blocks = nx.condensation(nx.DiGraph(network.graph))
    islands = [
        sorted(blocks.nodes[block]["members"])
        for block in blocks
        if not blocks.in_degree(block) and not first & blocks.nodes[block]["members"]
    ]
    islands = [members for members in islands if any(network.graph.out_degree(place) for place in members)]
    return [
        Finding(
            "one-way-island",
            2,
            f"Lanes lead away from {some(members)}, but none leads there from any supplier.",
            "add a lane to it, or remove the lanes from it",
            warehouse=members[0],
        )
        for members in sorted(islands)
    ]
