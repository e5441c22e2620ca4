"""What `forecast` says about published versions: what changed since the last one, and the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from planner.cli.out import Sheet
from planner.cli.session import current

if TYPE_CHECKING:
    import pandas as pd

    from planner.publications import Publication
    from planner.record import Prepared
    from planner.workspace import Run

SHOWN = 10


def since_published(run: Run, prepared: Prepared, publish: bool) -> tuple[list[Sheet], list[str]]:
    """What changed since the last publication as sheet and words; with `publish`, the run becomes the next one."""
    from planner import publications
    from planner.plan import compute

    session = current()
    versions = publications.publications(prepared.workspace, session.scenario)
    if not versions and not publish:
        return [], []
    results = compute(prepared, "forecast", session.progress())
    sheets: list[Sheet] = []
    lines: list[str] = []
    if versions:
        table = session.selected(publications.changes_since(prepared, results, versions[0], session.progress()))
        sheets, lines = _changed(table, versions[0])
    if publish:
        version, new = publications.publish(prepared, results, run.name)
        lines.append(f"published as {version.name}" if new else f"{version.name} is published already")
    return sheets, lines


def _changed(table: pd.DataFrame, last: Publication) -> tuple[list[Sheet], list[str]]:
    moved = table[table["difference"].abs() > 1e-6].reset_index(drop=True)
    since = f"since {last.name} ({last.manifest['published'][:10]})"
    if not len(table):
        return [], [f"{since}: no bucket in common"]
    if not len(moved):
        return [], [f"{since}: nothing changed"]
    before, after = table["before"].sum(), table["after"].sum()
    total = f"{since}: {after - before:+,.0f} units of {before:,.0f}, {len(moved):,} of {len(table):,} series"
    columns = ("difference", "why", "before", "after", "sales", "method", "drivers", "overrides", "campaigns")
    sheet = Sheet("changes", moved, f"What changed {since}", ("sku", "warehouse"), columns, ("why",), SHOWN)
    return [sheet], [total]
