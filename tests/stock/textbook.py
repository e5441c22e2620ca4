"""Textbook networks from the JSON instances of data/stockpyl."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from planner.stock.echelon import Stages, total_deviation


def nodes_of(folder: Path, name: str) -> list[dict[str, Any]]:
    instances = json.loads((folder / "stockpyl" / "instances.json").read_text())["instances"]
    found: list[dict[str, Any]] = next(entry for entry in instances if entry["name"] == name)["data"]["_nodes"]
    return found


def guaranteed(folder: Path, name: str) -> Stages:
    """An instance of the guaranteed service model; a stage with customers quotes them 0 unless it says otherwise."""
    nodes = nodes_of(folder, name)
    place = {node["_index"]: k for k, node in enumerate(nodes)}
    arcs = tuple((k, place[j]) for k, node in enumerate(nodes) for j in node["_successor_indices"])
    own = [node["demand_source"]["standard_deviation"] or 0.0 for node in nodes]
    factor = np.array([node["demand_bound_constant"] or 0.0 for node in nodes])
    ends = [not node["_successor_indices"] for node in nodes]
    return Stages(
        np.array([node["processing_time"] or 0 for node in nodes], np.int64),
        np.array([node["local_holding_cost"] for node in nodes], float),
        factor * total_deviation(np.array(own), arcs),
        np.array([node["external_inbound_cst"] or 0 for node in nodes], np.int64),
        np.array([(node["external_outbound_cst"] or 0) if end else -1
                  for node, end in zip(nodes, ends, strict=True)], np.int64),
        arcs,
    )  # fmt: skip
