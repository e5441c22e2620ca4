"""From the results of the stages to the folder of a run: its tables, key figures and manifest."""

from __future__ import annotations

import datetime as dt
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import pandas as pd

from planner import __version__
from planner.changes import DEMAND
from planner.dataset import Dataset
from planner.files import digest_of
from planner.kpis import key_figures
from planner.panel import Panel
from planner.periods import Bucket, buckets_until
from planner.scenarios import Change, Scenario
from planner.settings import Applied
from planner.workspace import Draft, Result, Run, Workspace

SHOWN_HISTORY = 52
_UNSOLD: Mapping[Bucket, int] = {"day": 3, "week": 1, "month": 1}
_RESULTS = {
    "forecast": ("forecast",), "uplift": ("uplift",), "cumulative": ("cumulative",), "stock": ("plan", "prices"),
    "routes": ("flows", "loads", "vehicle_routes", "visits"),
}  # fmt: skip
_SEEN = {
    "items": ("sku", "description", "category", "brand", "unit", "unit_cost", "unit_price"),
    "locations": ("location", "kind", "name", "country", "latitude", "longitude"),
}
_SWITCHED_OFF = (
    ("uplift", "campaigns", "no campaigns: nothing is added to the baseline"),
    ("stock", "pipeline", "no pipeline: nothing is on its way"),
    ("stock", "suppliers", "no suppliers: no joint orders and minimum values"),
    ("stock", "capacities", "no capacities: only the limits of locations and budget hold"),
    ("routes", "lanes", "no lanes: goods are not put on loads"),
    ("routes", "deliveries", "no deliveries: no vehicle routes"),
)


@dataclass(frozen=True)
class Prepared:
    """A scenario of a workspace, its data as it sees them, its day."""

    workspace: Workspace
    scenario: Scenario
    dataset: Dataset
    as_of: dt.date
    log: tuple[Applied, ...]
    assumptions: Mapping[str, str]

    @property
    def demand_changes(self) -> tuple[Change, ...]:
        return tuple(change for change in self.scenario.changes if change.table == DEMAND)


def run_name(prepared: Prepared, results: Mapping[str, Result]) -> str:
    key = digest_of(
        prepared.scenario.name, json.dumps(prepared.scenario.settings.as_dict(), sort_keys=True), repr(prepared.log),
        *(f"{name}={result.path.name}" for name, result in results.items()),
    )  # fmt: skip
    return f"{prepared.as_of}-{prepared.scenario.name}-{key[:8]}"


def write_run(prepared: Prepared, results: Mapping[str, Result], name: str) -> Run:
    copies = {
        table: results[stage].path / f"{table}.parquet"
        for stage, names in _RESULTS.items()
        if stage in results
        for table in names
    }
    tables: dict[str, pd.DataFrame] = {"history": _recent_history(results), "exceptions": _exceptions(results)}
    for table, columns in _SEEN.items():
        if prepared.dataset.has(table):
            tables[table] = prepared.dataset[table][list(columns)]
    if "stock" in results:
        tables["orders"] = _orders(results)
    figures = key_figures(tables, results)
    return prepared.workspace.write_run(name, Draft(tables, figures), copies, _manifest(prepared, results))


def _orders(results: Mapping[str, Result]) -> pd.DataFrame:
    """Order lines with their share of the freight."""
    orders = results["stock"].table("orders")
    if "routes" not in results:
        return orders
    freight = results["routes"].table("order_freight").set_index("line_id")["freight"]
    return orders.assign(freight=orders["line_id"].map(freight).fillna(0.0).astype(float))


def _recent_history(results: Mapping[str, Result]) -> pd.DataFrame:
    """The last year of weeks as sold and as demanded: sku, warehouse, date, sold, demand."""
    sold, demand = (Panel.from_wide(results["history"].table(name)) for name in ("sold", "demand"))
    recent = slice(max(len(sold.dates) - SHOWN_HISTORY, 0), None)
    frames = [
        Panel(panel.keys, panel.dates[recent], panel.values[:, recent]).long(name)
        for panel, name in ((sold, "sold"), (demand, "demand"))
    ]
    return frames[0].merge(frames[1], on=["sku", "warehouse", "date"], how="outer", sort=True)


def _exceptions(results: Mapping[str, Result]) -> pd.DataFrame:
    """Every stage's findings, ranked by severity and money."""
    columns = ["type", "severity", "sku", "warehouse", "week", "money", "text", "hint"]
    frames = [results[name].table("exceptions") for name in ("ready", "stock", "routes", "gate") if name in results]
    found = [frame[columns] for frame in frames if len(frame)]
    if not found:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in columns})
    everything = pd.concat(found, ignore_index=True)
    order = ["severity", "money", "type", "sku", "warehouse", "week"]
    ranked = everything.sort_values(order, ascending=[True, False, True, True, True, True], kind="stable")
    return ranked.reset_index(drop=True)


def _manifest(prepared: Prepared, results: Mapping[str, Result]) -> dict[str, Any]:
    demand_log = results["demand"].info.get("log", [])
    return {
        "scenario": prepared.scenario.name,
        "title": prepared.scenario.title,
        "as_of": prepared.as_of.isoformat(),
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seed": prepared.scenario.settings.plan.seed,
        "currency": prepared.scenario.settings.plan.currency,
        "versions": _versions(),
        "settings": prepared.scenario.settings.as_dict(),
        "changes": [vars(entry) for entry in prepared.log] + list(demand_log),
        "assumptions": dict(prepared.assumptions),
        "notes": [
            *(note for stage, table, note in _SWITCHED_OFF if stage in results and not prepared.dataset.has(table)),
            *_of_forecast(prepared, results),
        ],
        "forecast_notes": _of_forecast(prepared, results),
        "inputs": dict(sorted(prepared.dataset.digests.items())),
        "stages": {name: result.path.name for name, result in results.items()},
        "timings": {name: round(result.seconds, 3) for name, result in results.items()},
        "computed": [name for name, result in results.items() if result.fresh],
        **{name: dict(results[name].info) for name in ("stock", "routes") if name in results},
    }


def _of_forecast(prepared: Prepared, results: Mapping[str, Result]) -> list[str]:
    """What the forecast has to say: of drivers that it lacks, and how many series had which fault."""
    notes = results["baseline"].table("notes")
    single = notes[notes["sku"] != ""]
    fault = single["note"].str.replace(r"^[\d,]+ ", "", regex=True)
    grouped = single.assign(fault=fault, series=single["sku"] + "@" + single["warehouse"]).groupby("fault", sort=True)
    told = []
    for name, part in grouped:
        rest = ", ..." if part["series"].nunique() > 1 else ""
        told.append(f"{part['series'].nunique():,} series: {name} ({part['series'].iloc[0]}{rest})")
    return [*unsold(prepared, results), *map(str, notes["note"][notes["sku"] == ""]), *told]


def unsold(prepared: Prepared, results: Mapping[str, Result]) -> list[str]:
    """Buckets before the day of the plan without any sale at all: mostly sales that are not in the table yet."""
    last, bucket = results["history"].info["last_sale"], prepared.scenario.settings.plan.bucket
    if not last:
        return []
    empty = len(buckets_until(dt.date.fromisoformat(last), prepared.as_of, bucket)) - 1
    if empty < _UNSOLD[bucket]:
        return []
    span = f"{empty} {bucket}{'s' * (empty > 1)} before {prepared.as_of}"
    what = "count as without demand; add their sales, or plan as of an earlier day (--as-of)"
    return [f"the last sale is of {last}: {span} {what}"]


def _versions() -> dict[str, str]:
    libraries = ("numpy", "pandas", "pyarrow", "scipy", "statsforecast", "lightgbm", "pulp", "highspy", "networkx")
    return {"planner": __version__, "python": platform.python_version()} | {name: version(name) for name in libraries}
