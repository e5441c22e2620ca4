"""How goods travel: the network of lanes, flows over it, loads, and vehicle routes."""

from __future__ import annotations

from planner.routes.questions import check_network, find_paths
from planner.routes.ship import RouteResult, ship

__all__ = ["RouteResult", "check_network", "find_paths", "ship"]
