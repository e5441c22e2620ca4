"""What to buy and move, and when: a PuLP model solved by HiGHS, with a bound, and a check that shares no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from planner.stock.planning import StockResult, replenish
    from planner.stock.windows import exposure

__all__ = ["StockResult", "exposure", "replenish"]
_HOME = {"exposure": "windows", "replenish": "planning", "StockResult": "planning"}


def __getattr__(name: str) -> Any:
    """Solver and modelling layer are imported when a plan is made, not before."""
    if name not in _HOME:
        raise AttributeError(name)
    import importlib

    value = getattr(importlib.import_module(f"planner.stock.{_HOME[name]}"), name)
    globals()[name] = value
    return value
