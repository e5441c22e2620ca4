"""Demand above the SKU-warehouse, and sample paths: the forecast of a run read together with its past errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.backtest import came_in_full, days_of_origins
from planner.errors import UsageError
from planner.forecast.censored import WINDOW, fill_unknown
from planner.forecast.dispersion import origins_of
from planner.forecast.hierarchy import LEVELS, PATHS, Hierarchy, belongings, build, levels_table, node_paths, path_table
from planner.forecast.metrics import Scored, measured
from planner.forecast.paths import Cells, Shared, fit_shared, numbered
from planner.forecast.seasonality import fit_season, positions
from planner.panel import Panel
from planner.plan import Progress, as_seen_on, compute
from planner.record import Prepared
from planner.settings import nearest
from planner.tables import QUANTILES
from planner.workspace import Result

_KEY = ["sku", "warehouse"]
_ORIGINS = 3


@dataclass(frozen=True)
class Together:
    """A forecast as matrices, what its series share, and what they belong to."""

    cells: Cells
    shared: Shared
    groups: pd.DataFrame


def together(prepared: Prepared, results: Mapping[str, Result]) -> Together:
    """From the results of the stages up to forecast; how errors go together is measured on the cleaned history."""
    data, plan = prepared.dataset, prepared.scenario.settings.plan
    history = Panel.from_wide(results["outliers"].table("cleaned"))
    groups = belongings(history.keys, data["items"], data["locations"])
    baseline = results["baseline"]
    cells = Cells.of(
        results["forecast"].table("forecast"), baseline.table("series"), baseline.table("dependence"), groups
    )
    filled = history.with_values(fill_unknown(history.values, WINDOW[plan.bucket]))
    origins, span = origins_of(len(history.dates), plan.buckets, _ORIGINS, plan.bucket)
    season = fit_season(filled.values, filled.dates, groups["category"].tolist(), plan.bucket, origins, span)
    factors = season.factors(positions(filled.dates, plan.bucket)).between(0, len(filled.dates))
    shared = fit_shared(filled, numbered(groups), factors, span, plan.bucket)
    order = pd.MultiIndex.from_frame(groups[_KEY]).get_indexer(pd.MultiIndex.from_frame(cells.keys))
    return Together(cells, shared, groups.iloc[order].reset_index(drop=True))


def known_levels(names: Sequence[str]) -> tuple[str, ...]:
    """The levels by name, `category,warehouse` or with spaces. Raises UsageError for one that does not exist."""
    spelled = {name.replace(" ", ""): name for name in LEVELS}
    for name in names:
        if name.replace(" ", "") not in spelled:
            raise UsageError(f"there is no level {name!r}", nearest(name, list(LEVELS)))
    return tuple(spelled[name.replace(" ", "")] for name in names)


def by_level(
    prepared: Prepared, results: Mapping[str, Result], levels: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """level, node, date, mean and quantiles of every node; and the orphans: sku, warehouse, lacks."""
    found = together(prepared, results)
    hierarchy = build(found.groups, known_levels(levels))
    seed = prepared.scenario.settings.plan.seed
    return levels_table(hierarchy, found.cells, found.shared, seed), hierarchy.orphans


def paths(prepared: Prepared, results: Mapping[str, Result], count: int) -> Iterator[pd.DataFrame]:
    """`count` sample paths of every series, in blocks: sku, warehouse, date, path1, path2, ..."""
    found = together(prepared, results)
    return path_table(found.cells, found.shared, prepared.scenario.settings.plan.seed, count)


def backtest_levels(
    prepared: Prepared, origins: int, step: int | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Accuracy and coverage of every level at past origins: level, nodes, wape, bias, quantile loss, coverage, cells.

    Actual and forecast of a node are summed over the same cells: those of its series that were in stock all the time.
    """
    plan = prepared.scenario.settings.plan
    came = compute(prepared, "history", progress)["history"]
    sold = Panel.from_wide(came.table("sold"))
    judgeable = came_in_full(came, sold)
    days = days_of_origins(sold.dates, origins, step or plan.buckets, plan.buckets, plan.bucket)
    parts: dict[str, list[Scored]] = {}
    nodes: dict[str, int] = {}
    for day in days:
        then = as_seen_on(prepared, day)
        found = together(then, compute(then, "forecast", progress))
        hierarchy = build(found.groups)
        for level, scored in _scored(hierarchy, found, sold, judgeable, plan.seed).items():
            parts.setdefault(level, []).append(scored)
            nodes[level] = int((hierarchy.nodes["level"] == level).sum())
    table = pd.concat([measured(Scored.joined(found)) for found in parts.values()], ignore_index=True)
    cells = [sum(len(part.actual) for part in found) for found in parts.values()]
    table = table.drop(columns=["rmsse", "mase", "scaled_quantile_loss"])
    table = table.assign(level=list(parts), nodes=[nodes[level] for level in parts], cells=cells)
    return table[["level", "nodes", *(name for name in table if name not in ("level", "nodes"))]]


def _scored(
    hierarchy: Hierarchy, found: Together, sold: Panel, judgeable: npt.NDArray[np.bool_], seed: int
) -> dict[str, Scored]:
    row = pd.MultiIndex.from_frame(sold.keys).get_indexer(pd.MultiIndex.from_frame(found.cells.keys))
    column = sold.dates.get_indexer(found.cells.dates)
    judged = np.logical_and.outer(row >= 0, column >= 0) & judgeable[row][:, column]
    actual = hierarchy.members @ np.where(judged, np.maximum(np.nan_to_num(sold.values[row][:, column]), 0.0), 0.0)
    mean = hierarchy.members @ np.where(judged, found.cells.mean, 0.0)
    told = hierarchy.members @ judged.astype(np.float64) > 0
    drawn = node_paths(hierarchy, found.cells, found.shared, PATHS, seed, judged)
    levels = np.quantile(drawn, QUANTILES, axis=2, method="inverted_cdf").transpose(1, 2, 0)
    blank = np.zeros((len(hierarchy.nodes), 1))
    scored = Scored.of(actual, mean, levels, told, blank)
    place = hierarchy.nodes["level"].to_numpy(dtype=object)[scored.window]
    return {level: scored.having(place == level) for level in LEVELS}
