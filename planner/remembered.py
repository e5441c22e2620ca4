"""The last backtest of a scenario, kept by series with what it was made of, so that stale figures can be told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from planner.files import whole_file
from planner.judged import Judged, worst
from planner.plan import FLOW
from planner.record import Prepared
from planner.workspace import code_digest, read_parquet, write_parquet


@dataclass(frozen=True)
class Remembered:
    """`table`: the figures by series, as judged.worst gives them, with `origins` and `horizon`.

    `changed`: what is no longer as it was when they were made; empty where they still hold.
    """

    table: pd.DataFrame
    changed: tuple[str, ...]


def remember(prepared: Prepared, judged: Judged, facts: Mapping[str, str]) -> None:
    """Keep the figures by series, so that explain can tell them without judging again."""
    table = worst(judged, prepared.dataset).assign(
        origins=facts["origins"], horizon=facts["horizon"], basis=json.dumps(_basis(prepared), sort_keys=True)
    )
    with whole_file(_place(prepared)) as draft:
        write_parquet(table, draft)


def recall(prepared: Prepared) -> Remembered | None:
    """What the last backtest of this scenario found; None where there was none."""
    path = _place(prepared)
    if not path.is_file():
        return None
    table = read_parquet(path)
    then = json.loads(table["basis"].iloc[0]) if "basis" in table and len(table) else {}
    now = _basis(prepared)
    changed = [name for name in now if then.get(name) != now[name]]
    return Remembered(table.drop(columns="basis", errors="ignore"), tuple(changed))


def _basis(prepared: Prepared) -> dict[str, Any]:
    """Digests of all that the stages up to the forecast may see, by a name that can be told.

    The horizon is no part of it: a backtest looks as far ahead as it is asked to.
    """
    stages = FLOW[: [stage.name for stage in FLOW].index("forecast") + 1]
    tables = sorted({name for stage in stages for name in stage.tables})
    settings = prepared.scenario.settings
    return {
        **{f"table {name}": prepared.dataset.digests.get(name, "") for name in tables},
        **{f"{section} settings": settings.as_dict()[section] for section in ("forecast", "campaigns")},
        **{key: settings.get(key) for key in ("plan.bucket", "plan.seed")},
        "as-of date": prepared.as_of.isoformat(),
        "demand of the scenario": repr(prepared.demand_changes),
        "program": code_digest(),
    }


def _place(prepared: Prepared) -> Path:
    return prepared.workspace.root / ".planner" / f"backtest-{prepared.scenario.name}.parquet"
