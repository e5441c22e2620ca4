"""Forecasts beside what came, and what can be read from that: accuracy by step and group, calibration, offenders.

A backtest and the published forecasts of the past are judged by the same code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.errors import UsageError
from planner.forecast.metrics import Scored, bias, coverage, measured, uncovered, wape
from planner.forecast.peers import AVERAGE, NAIVE
from planner.settings import nearest
from planner.tables import TABLES

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

FORECAST = "forecast"
CELL_COLUMNS = ("sku", "warehouse", "date", "origin", "ahead", "method", "class", "abc", "xyz")
_ALSO = {"demand_class": "class", "horizon": "ahead"}


@dataclass(frozen=True)
class Judged:
    """`cells`: CELL_COLUMNS, one row a judged cell. `steps`: what each step of the forecast said in these cells, in the
    order in which they are made; the last one is the forecast. `left_out`: how many cells were not judged, by reason.
    """

    cells: pd.DataFrame
    steps: Mapping[str, Scored]
    left_out: Mapping[str, int]

    @property
    def forecast(self) -> Scored:
        return self.steps[FORECAST]

    def having(self, rows: Flags) -> Judged:
        """Only these cells."""
        steps = {name: scored.having(rows) for name, scored in self.steps.items()}
        return Judged(self.cells[rows].reset_index(drop=True), steps, self.left_out)

    @classmethod
    def joined(cls, parts: Sequence[Judged]) -> Judged:
        """Several origins as one, with the steps that all of them have."""
        cells = pd.concat([part.cells for part in parts], ignore_index=True)
        names = [name for name in parts[0].steps if all(name in part.steps for part in parts)]
        steps = {name: Scored.joined([part.steps[name] for part in parts]) for name in names}
        reasons = dict.fromkeys(reason for part in parts for reason in part.left_out)
        left_out = {reason: sum(part.left_out.get(reason, 0) for part in parts) for reason in reasons}
        return cls(cells, steps, left_out)


def by_step(judged: Judged) -> pd.DataFrame:
    """Every measure of every step: step, the measures of metrics.MEASURES, coverage by quantile, cells."""
    rows = [measured(scored).assign(step=name) for name, scored in judged.steps.items()]
    frame = pd.concat(rows, ignore_index=True).assign(cells=len(judged.cells))
    return frame[["step", *(name for name in frame.columns if name != "step")]]


def value_added(judged: Judged) -> pd.DataFrame:
    """Forecast value added: by how much each step lowers the error of the step before, in points of WAPE.

    step, wape, added (above 0 the step helped), bias, quantile_loss and what it lost there, cells that the step changed
    and the share of those in which it came nearer. Gilliland (2010).
    """
    rows, before = [], None
    for name, scored in judged.steps.items():
        table = measured(scored).iloc[0]
        row = {"step": name, "wape": table["wape"], "bias": table["bias"], "quantile_loss": table["quantile_loss"]}
        rows.append(row | _gained(before, scored))
        before = scored
    names = ["step", "wape", "added", "bias", "quantile_loss", "loss_added", "changed", "better_share"]
    return pd.DataFrame(rows, columns=names)


def value_added_by(judged: Judged, names: Sequence[str], dataset: Dataset) -> pd.DataFrame:
    """The value added of each step in each group: did the overrides of an author help, or campaigns in a category?"""
    code, table = _codes(pd.DataFrame({name: attribute(judged.cells, name, dataset) for name in names}))
    parts = []
    for number, row in enumerate(table.itertuples(index=False)):
        part = value_added(judged.having(code == number))
        parts.append(part.assign(**dict(zip(names, row, strict=True)))[[*names, *part.columns]])
    return pd.concat(parts, ignore_index=True)


def _gained(before: Scored | None, after: Scored) -> dict[str, float]:
    if before is None:
        return {"added": np.nan, "loss_added": np.nan, "changed": np.nan, "better_share": np.nan}
    old, new = measured(before).iloc[0], measured(after).iloc[0]
    changed = np.abs(after.mean - before.mean) > 1e-9
    nearer = np.abs(after.mean - after.actual) < np.abs(before.mean - after.actual)
    return {
        "added": old["wape"] - new["wape"],
        "loss_added": old["quantile_loss"] - new["quantile_loss"],
        "changed": float(changed.sum()),
        "better_share": float(nearer[changed].mean()) if changed.any() else np.nan,
    }


def by_group(judged: Judged, names: Sequence[str], dataset: Dataset) -> pd.DataFrame:
    """Accuracy by columns of the cells, of items or of locations, with the naive method and the average beside it.

    The columns named, actual, forecast, wape, naive_wape, average_wape, the other measures, coverage, cells; the group
    with the largest demand comes first. Raises UsageError for a column that does not exist.
    """
    columns = {name: attribute(judged.cells, name, dataset) for name in names}
    keys = pd.DataFrame(columns)
    code, table = _codes(keys)
    scored = judged.forecast
    table["actual"] = np.bincount(code, scored.actual, minlength=len(table))
    table["forecast"] = np.bincount(code, scored.mean, minlength=len(table))
    measures = measured(scored, code)
    table["wape"] = measures["wape"]
    for name, step in (("naive_wape", NAIVE), ("average_wape", AVERAGE)):
        if step in judged.steps:
            table[name] = wape(judged.steps[step], code)
    rest = measures.drop(columns="wape").assign(cells=np.bincount(code, minlength=len(table)))
    table = pd.concat([table, rest], axis=1)
    return table.sort_values(["actual", *names], ascending=[False, *(True for _ in names)], ignore_index=True)


def calibration(judged: Judged) -> pd.DataFrame:
    """By quantile: level, covers (share at or below), below (share below), outside (0: calibrated), and the peer's."""
    scored = judged.forecast
    below = (scored.actual[:, None] < scored.quantiles).mean(axis=0) if len(scored.actual) else np.nan
    frame = pd.DataFrame({"level": scored.levels, "below": below, "covers": coverage(scored)[0]})
    frame["outside"] = uncovered(scored)[0]
    if NAIVE in judged.steps:
        frame["naive_covers"] = coverage(judged.steps[NAIVE])[0]
    return frame


def worst(judged: Judged, dataset: Dataset) -> pd.DataFrame:
    """Series by the size of their errors, the largest first, in money at cost where every cost is known.

    sku, warehouse, error (units), error_value, share of all errors, wape, bias, naive_wape, actual, forecast, class,
    method, cells.
    """
    keys = judged.cells[["sku", "warehouse"]]
    code, table = _codes(keys)
    scored = judged.forecast
    error = np.bincount(code, np.abs(scored.mean - scored.actual), minlength=len(table))
    cost = table["sku"].map(dataset["items"].drop_duplicates("sku").set_index("sku")["unit_cost"]).astype(float)
    table["error"], table["error_value"] = error, error * cost
    priced = bool((cost > 0).all())
    rank = table["error_value"] if priced else table["error"]
    table["share"] = rank / max(float(rank.sum()), 1e-12)
    table["wape"], table["bias"] = wape(scored, code), bias(scored, code)
    if NAIVE in judged.steps:
        table["naive_wape"] = wape(judged.steps[NAIVE], code)
    table["actual"] = np.bincount(code, scored.actual, minlength=len(table))
    table["forecast"] = np.bincount(code, scored.mean, minlength=len(table))
    last = pd.DataFrame({"code": code, **judged.cells[["class", "method"]]}).drop_duplicates("code", keep="last")
    table = table.join(last.set_index("code")[["class", "method"]])
    table["cells"] = np.bincount(code, minlength=len(table))
    if not priced:
        table = table.drop(columns="error_value")
    return table.sort_values(["share", "sku", "warehouse"], ascending=[False, True, True], ignore_index=True)


def attribute(cells: pd.DataFrame, name: str, dataset: Dataset) -> pd.Series:
    """A column of the cells, or of their items or locations, as text. Raises UsageError where there is none."""
    wanted = _ALSO.get(name, name)
    if wanted in cells:
        values = cells[wanted]
    elif wanted == "month":
        values = cells["date"].dt.strftime("%Y-%m")
    elif wanted in dataset["items"]:
        values = cells["sku"].map(dataset["items"].drop_duplicates("sku").set_index("sku")[wanted])
    elif wanted in dataset["locations"]:
        values = cells["warehouse"].map(dataset["locations"].drop_duplicates("location").set_index("location")[wanted])
    else:
        known = [*cells.columns, "month", *TABLES["items"].names, *TABLES["locations"].names]
        raise UsageError(f"--by: there is no {name!r} to group by", nearest(name, known))
    if wanted == "ahead":
        return values
    words = values.astype(object).where(values.notna(), "")
    return words.map(lambda value: value.date().isoformat() if isinstance(value, pd.Timestamp) else str(value))


def _codes(keys: pd.DataFrame) -> tuple[Ints, pd.DataFrame]:
    """Group of each row, and one row a group with its keys."""
    grouped = keys.groupby(list(keys.columns), sort=True, observed=True, dropna=False)
    code = np.asarray(grouped.ngroup(), dtype=np.int64)
    first = np.unique(code, return_index=True)[1]
    return code, keys.iloc[first].reset_index(drop=True).copy()
