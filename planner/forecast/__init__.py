"""Demand: history from sales, the base forecast, the forecast table, and demand summed over windows."""

from planner.forecast.baseline import Baseline, fit_baseline
from planner.forecast.cumulative import cumulate, weekly
from planner.forecast.history import History, build_history
from planner.forecast.table import combine

__all__ = ["Baseline", "History", "build_history", "combine", "cumulate", "fit_baseline", "weekly"]
