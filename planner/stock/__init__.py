"""What to buy and move, and when: a PuLP model solved by HiGHS, with a bound, and a check that shares nothing with it."""

from planner.stock.exposure import exposure

__all__ = ["exposure"]
