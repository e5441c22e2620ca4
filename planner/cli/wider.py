"""What `forecast --level` and `forecast --paths` show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.cli.out import ROWS_SHOWN, Answer, Sheet
from planner.cli.session import current
from planner.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from planner.record import Prepared
    from planner.workspace import Run

_NAMED = 5


def wider(run: Run, prepared: Prepared, level: str, count: int) -> Answer:
    """Nodes of one level with their quantiles, or sample paths of the series."""
    from planner.levels import by_level, paths
    from planner.plan import compute

    session = current()
    if level and count:
        raise UsageError("--level and --paths ask for different tables", "ask for one after the other")
    results = compute(prepared, "forecast", session.progress())
    facts, where = {"run": run.name}, [f"Run {run.name}"]
    if count:
        import pandas as pd

        table = session.selected(pd.concat(list(paths(prepared, results, count)), ignore_index=True))
        title = f"{count} paths of each series, seed {prepared.scenario.settings.plan.seed}"
        return Answer([Sheet("paths", table, title, keys=("sku", "warehouse", "date"))], facts, where)
    table, orphans = by_level(prepared, results, [level])
    title = f"Demand by {table['level'].iloc[0]}: quantiles from paths in which errors go together"
    shown = prepared.scenario.settings.plan.buckets if table["node"].nunique() == 1 else ROWS_SHOWN
    sheet = Sheet("levels", table, title, keys=("level", "node", "date"), shown=shown)
    return Answer([sheet], facts | _named(orphans), [*_told(orphans), *where], "planner backtest --levels")


def _named(orphans: pd.DataFrame) -> dict[str, list[dict[str, str]]]:
    rows = orphans.astype(str).itertuples(index=False)
    return {"orphans": [dict(zip(orphans.columns, row, strict=True)) for row in rows]} if len(orphans) else {}


def _told(orphans: pd.DataFrame) -> list[str]:
    """Orphans by name: a line for what they lack."""
    lines = []
    for lacks, part in orphans.groupby("lacks", sort=True):
        names = (part["warehouse"] if lacks == "country" else part["sku"]).drop_duplicates().tolist()
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        lines.append(f"without a {lacks}, so counted as (none): {', '.join(names[:_NAMED])}{more}")
    return lines
