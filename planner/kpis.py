"""The figures of a scenario: what it serves, what it ties up, what it costs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from planner.workspace import Result

Figures = dict[str, float]


def key_figures(tables: Mapping[str, pd.DataFrame], results: Mapping[str, Result]) -> Figures:
    """Name -> figure; money in base currency, quantities in units, shares between 0 and 1."""
    figures = _demand(results["forecast"].table("forecast"))
    if "stock" in results:
        figures |= _stock(results["stock"].table("plan")) | _orders(tables["orders"]) | _costs(results["stock"])
    if "routes" in results:
        figures |= _routes(results["routes"])
    return {name: round(float(value), 6) for name, value in figures.items()}


def _demand(forecast: pd.DataFrame) -> Figures:
    return {"demand": forecast["mean"].sum(), "campaign_demand": forecast["campaign"].sum()}


def _stock(plan: pd.DataFrame) -> Figures:
    """Fill rate = 1 - expected shortage / demand, where customers are served."""
    demand, shortage = plan["demand"].sum(), plan["expected_shortage"].sum()
    weeks = max(plan["week"].nunique(), 1)
    return {
        "fill_rate": 1.0 - shortage / demand if demand > 0 else 1.0,
        "expected_shortage": shortage,
        "stock_units": plan["closing"].sum() / weeks,
    }


def _orders(orders: pd.DataFrame) -> Figures:
    """Spend counts purchases at their price; transfers move goods that are paid for. Duty is paid on both."""
    bought = orders[orders["kind"] == "purchase"]
    first = orders["order_week"].min() if len(orders) else None
    now = bought[bought["order_week"] == first]
    return {
        "order_lines": len(orders),
        "purchase_units": bought["quantity"].sum(),
        "transfer_units": orders.loc[orders["kind"] == "transfer", "quantity"].sum(),
        "spend": (bought["quantity"] * bought["unit_cost"]).sum(),
        "spend_first_week": (now["quantity"] * now["unit_cost"]).sum(),
        "duty": orders["duty"].sum(),
        "campaign_order_lines": int((orders["campaign_quantity"] > 0).sum()),
        "campaign_order_units": orders["campaign_quantity"].sum(),
    }


def _costs(stock: Result) -> Figures:
    costs = {f"cost_{name}": value for name, value in stock.info.get("costs", {}).items()}
    known = {name: stock.info[name] for name in ("objective", "bound", "gap") if stock.info.get(name) is not None}
    return costs | known


def _routes(routes: Result) -> Figures:
    return {name: value for name, value in routes.info.items() if isinstance(value, int | float)}
