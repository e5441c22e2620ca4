"""A benchmark is a named function that returns figures; each figure knows its target and its peer of the same run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class Figure:
    """One measured figure. `target` is None where there is none; an aim is not a target."""

    figure: str
    value: float
    unit: str
    target: float | None = None
    better: Literal["lower", "higher"] = "lower"
    peer: str | None = None
    peer_value: float | None = None
    seconds: float | None = None

    @property
    def met(self) -> bool | None:
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target


class Benchmark(Protocol):
    def __call__(self, full: bool, smoke: bool) -> list[Figure]: ...


MODULES = (
    *(
        "startup",
        "validate",
        "plan_small",
        "stock_series",
        "stock_build",
        "stock_monolith",
        "stock_scale",
        "stock_simulated",
        "stock_trucks",
    ),
    *("vn2_forecast", "fresh_forecast", "m5_forecast", "m3_forecast", "parts_forecast", "vn1_forecast", "censored"),
    *("scale", "reconcile", "lost_sales", "vn2_policy", "echelon"),
    *("recommend", "uplift", "new_campaign", "promo", "rossmann", "chain"),
)
BENCHMARKS: dict[str, Benchmark] = {}


def benchmark(name: str) -> Callable[[Benchmark], Benchmark]:
    """Register a benchmark; its docstring is the protocol that the figures are measured by."""

    def register(function: Benchmark) -> Benchmark:
        BENCHMARKS[name] = function
        return function

    return register


class Missing(Exception):
    """Real data or an extra that the benchmark needs is not there: it is skipped, and says why."""
