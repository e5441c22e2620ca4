"""Published forecasts: frozen versions that later accuracy is measured against, and what changed since the last one.

A publication is a folder `published/NAME/` of the workspace: the forecast as Parquet, beside what the naive methods and
the baseline said, and a manifest. Parquet rather than SQLite, since ten versions of 30,490 series x 13 weeks take 51 MB
and 2.4 s to write as Parquet, 547 MB and 25 s as SQLite. A folder appears by one rename and is named by its content, so
two commands at once either write different versions, or the same one once; nothing is ever changed afterwards.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner import __version__
from planner.backtest import (
    OWN_SPREAD,
    added_by_drivers,
    came_in_full,
    steps,
    without_idle_steps,
)
from planner.errors import UsageError
from planner.files import digest_of, whole_folder
from planner.forecast.metrics import Scored
from planner.forecast.peers import PEERS, empirical_quantiles
from planner.forecast.quantiles import quantiles
from planner.judged import FORECAST, Judged
from planner.panel import Panel
from planner.plan import Progress, as_seen_on, compute
from planner.record import Prepared
from planner.tables import QUANTILE_COLUMNS
from planner.workspace import Result, Workspace, read_json, read_parquet, write_parquet

FOLDER = "published"
CHANGE_COLUMNS = ("sku", "warehouse", "before", "after", "difference", "sales", "method", "drivers", "overrides",
                  "campaigns", "why")  # fmt: skip
_KEY = ["sku", "warehouse"]
_PARTS = {
    "sales": "new sales", "method": "method or settings", "drivers": "drivers", "overrides": "overrides",
    "campaigns": "campaigns",
}  # fmt: skip


@dataclass(frozen=True)
class Publication:
    """One published version."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @cached_property
    def manifest(self) -> dict[str, Any]:
        return read_json(self.path / "manifest.json", self.path)

    @property
    def as_of(self) -> dt.date:
        return dt.date.fromisoformat(self.manifest["as_of"])

    @cached_property
    def forecast(self) -> pd.DataFrame:
        """The forecast table with one column more a step, `step PEER`, `step baseline`, and the series' classes."""
        return read_parquet(self.path / "forecast.parquet")


def publications(workspace: Workspace, scenario: str = "") -> list[Publication]:
    """Every published version, of one scenario if it is named; the newest first."""
    found = [Publication(path.parent) for path in (workspace.root / FOLDER).glob("[!.]*/manifest.json")]
    chosen = [item for item in found if not scenario or item.manifest["scenario"] == scenario]
    return sorted(chosen, key=lambda item: (item.manifest["published"], item.name), reverse=True)


def publish(prepared: Prepared, results: Mapping[str, Result], run: str) -> tuple[Publication, bool]:
    """Freeze the forecast of these results. Returns the version and whether it is new: the same one is kept once."""
    settings = prepared.scenario.settings
    table = _frozen(results, settings.plan.bucket)
    digest = digest_of(results["forecast"].digest("forecast"), results["baseline"].digest("forecast"))
    target = prepared.workspace.root / FOLDER / f"{prepared.as_of}-{prepared.scenario.name}-{digest[:8]}"
    if (target / "manifest.json").is_file():
        return Publication(target), False
    manifest = {
        "scenario": prepared.scenario.name,
        "as_of": prepared.as_of.isoformat(),
        "published": dt.datetime.now(dt.UTC).isoformat(timespec="microseconds"),
        "run": run,
        "bucket": settings.plan.bucket,
        "horizon": settings.plan.buckets,
        "version": __version__,
        "forecast_settings": settings.as_dict()["forecast"],
        "inputs": dict(sorted(prepared.dataset.digests.items())),
    }
    with whole_folder(target) as folder:
        write_parquet(table, folder / "forecast.parquet")
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return Publication(target), True


def _frozen(results: Mapping[str, Result], bucket: Any) -> pd.DataFrame:
    """The forecast with what the steps before it said, and each series' classes."""
    table = results["forecast"].table("forecast").sort_values([*_KEY, "date"], kind="stable", ignore_index=True)
    for name, said in steps(results, bucket):
        if name != FORECAST:
            table[f"step {name}"] = said.mean.ravel()
    base = results["baseline"].table("forecast").sort_values([*_KEY, "date"], kind="stable", ignore_index=True)
    series = (
        results["baseline"]
        .table("series")[[*_KEY, "demand_class", "abc", "xyz"]]
        .rename(columns={"demand_class": "class"})
    )
    table = table.assign(
        whole=base["whole"], baseline_variance=base["variance"], drivers=added_by_drivers(results, base)
    )
    return table.merge(series, on=_KEY, how="left")


def judge_published(prepared: Prepared, versions: Sequence[Publication], progress: Progress | None = None) -> Judged:
    """What the published versions said, beside what has come since: buckets in stock all the time, of known quantity.

    Raises UsageError where there is no version, or no bucket of any has come yet.
    """
    if not versions:
        raise UsageError("no forecast has been published yet", "planner forecast --publish")
    came = compute(prepared, "history", progress)["history"]
    sold = Panel.from_wide(came.table("sold"))
    judgeable = came_in_full(came, sold)
    parts = [_judge(version, sold, judgeable) for version in reversed(versions)]
    parts = [part for part in parts if len(part.cells)]
    if not parts:
        first = min(version.forecast["date"].min() for version in versions).date()
        raise UsageError(
            f"nothing has come yet of what was published: the first bucket starts on {first}, the history ends before "
            f"{prepared.as_of}", "add the new sales and run it again; planner backtest judges the past"
        )  # fmt: skip
    return without_idle_steps(Judged.joined(parts))


def _judge(version: Publication, sold: Panel, judgeable: npt.NDArray[np.bool_]) -> Judged:
    table = version.forecast
    row = pd.MultiIndex.from_frame(sold.keys).get_indexer(pd.MultiIndex.from_frame(table[_KEY]))
    column = sold.dates.get_indexer(pd.DatetimeIndex(table["date"]))
    come = (row >= 0) & (column >= 0)
    full = come & judgeable[row, column]
    actual = np.maximum(np.where(come, sold.values[row, column], np.nan), 0.0)
    before = sold.values[:, : int((sold.dates < pd.Timestamp(version.as_of)).sum())]
    place = np.unique(row[row >= 0])
    scale = Scored.of(*(np.zeros((len(place), 1)),) * 2, None, np.zeros((len(place), 1)), before[place])
    window = np.searchsorted(place, row[full])
    plain = empirical_quantiles(before[place], version.manifest["bucket"])

    def scored(mean: pd.Series, levels: npt.NDArray[np.float64]) -> Scored:
        said = mean.to_numpy(dtype=np.float64)[full]
        return Scored(actual[full], said, levels, window, scale.step, scale.square)

    found = {name: scored(table[f"step {name}"], plain[window]) for name in PEERS}
    judged = table[full]
    for name in (name for name in OWN_SPREAD if f"step {name}" in table):
        levels = quantiles(judged[f"step {name}"], judged["baseline_variance"], judged["whole"])
        found[name] = scored(table[f"step {name}"], levels)
    found[FORECAST] = scored(table["mean"], judged[list(QUANTILE_COLUMNS)].to_numpy(dtype=np.float64))
    return Judged(_cells(version, judged), found, {"shelf empty or quantity unknown": int((come & ~full).sum())})


def _cells(version: Publication, judged: pd.DataFrame) -> pd.DataFrame:
    """Keys of the judged cells; every text and flag of the forecast table comes along, so that --by can use it."""
    dates = np.sort(version.forecast["date"].unique())
    known = (*_KEY, "bucket", "whole")
    said = [name for name in judged.columns if judged[name].dtype.kind in "Ob" and name not in known]
    return judged[[*_KEY, "date", *said]].reset_index(drop=True).assign(
        origin=np.datetime64(version.as_of, "ns"),
        ahead=np.searchsorted(dates, judged["date"].to_numpy()) + 1,
        publication=version.name,
    )  # fmt: skip


def changes_since(
    prepared: Prepared, results: Mapping[str, Result], last: Publication, progress: Progress | None = None
) -> pd.DataFrame:
    """What became of each series since `last` over the buckets that both forecast, and why: CHANGE_COLUMNS.

    difference = sales + method + drivers + overrides + campaigns. Where settings or program changed, the old day is
    forecast once more with the new ones: what differs from the published baseline is the method (what it makes of
    drivers included), the rest new sales.
    """
    settings = prepared.scenario.settings
    columns = [*_KEY, "date", "mean", "base", "campaign", "step baseline", "drivers"]
    new = _frozen(results, settings.plan.bucket)[columns]
    both = last.forecast[columns].merge(new, on=[*_KEY, "date"], suffixes=("_before", "_after"))
    both["method"], both["drivers then"] = 0.0, both["drivers_before"]
    if _differs(prepared, last):
        again = compute(as_seen_on(prepared, last.as_of), "baseline", progress)
        base = again["baseline"].table("forecast").sort_values([*_KEY, "date"], kind="stable", ignore_index=True)
        base = base.assign(drivers=added_by_drivers(again, base))[[*_KEY, "date", "mean", "drivers"]]
        rerun = both[[*_KEY, "date"]].merge(base, on=[*_KEY, "date"], how="left")
        both["method"] = (rerun["mean"] - both["step baseline_before"]).fillna(0.0)
        both["drivers then"] = rerun["drivers"].fillna(both["drivers_before"])
    gap = {name: both[f"{name}_after"] - both[f"{name}_before"] for name in columns[3:]}
    parts = both[_KEY].assign(
        before=both["mean_before"],
        after=both["mean_after"],
        difference=gap["mean"],
        drivers=both["drivers_after"] - both["drivers then"],
        method=both["method"],
        overrides=gap["base"] - gap["step baseline"],
        campaigns=gap["campaign"],
    )
    parts["sales"] = gap["step baseline"] - parts["drivers"] - parts["method"]
    table = parts.groupby(_KEY, sort=True).sum().reset_index()
    rows = table[[*_PARTS]].to_numpy(dtype=np.float64)
    table["why"] = [_why(dict(zip(_PARTS, row.tolist(), strict=True))) for row in rows]
    order = table["difference"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order, list(CHANGE_COLUMNS)].reset_index(drop=True)


def _differs(prepared: Prepared, last: Publication) -> bool:
    now = prepared.scenario.settings.as_dict()["forecast"]
    return bool(last.manifest["version"] != __version__ or last.manifest["forecast_settings"] != now)


def _why(parts: Mapping[str, float]) -> str:
    """The parts that matter, the largest first: those of at least a fifth of all movement."""
    total = sum(abs(value) for value in parts.values())
    ranked = sorted(parts.items(), key=lambda item: -abs(item[1]))
    return ", ".join(f"{_PARTS[name]} {value:+,.1f}" for name, value in ranked if total and abs(value) >= total / 5)
