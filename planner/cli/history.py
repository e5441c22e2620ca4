"""history: what was sold, what was made of it, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.out import ROWS_SHOWN, Answer, Sheet
from planner.cli.session import DATA, PLANNING, command, current

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd

    from planner.trail import Trail


_BLIND = "no empty shelf is known here: where sales have no in_stock, a zero counts as no demand"


def register(app: typer.Typer) -> None:
    command(app, "history", takes=DATA | PLANNING | {"select"}, panel="Plan")(history)


def history(
    series: Annotated[str, typer.Argument(metavar="SKU@WAREHOUSE", help="One series; without it, all of them.")] = "",
    stockouts: Annotated[bool, typer.Option("--stockouts", help="Only buckets with an empty shelf.")] = False,
    outliers: Annotated[bool, typer.Option("--outliers", help="Only one-off spikes, adjusted or kept.")] = False,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Rows on the screen; 0 shows all.")] = ROWS_SHOWN,
) -> Answer:
    """Show sales as they were, as demand, and why they differ: empty shelves, campaigns, one-offs, predecessors.

    The forecast learns from the adjusted column. Without a series: how much was adjusted for which reason.
    """
    from planner.forecast.history import EMPTY_SHELF
    from planner.forecast.outliers import ONE_OFF
    from planner.plan import compute, prepare
    from planner.trail import notes, summary, trail

    session = current()
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    results = compute(prepared, "outliers", session.progress())
    wanted = (*((EMPTY_SHELF,) if stockouts else ()), *((ONE_OFF,) if outliers else ()))
    if series:
        return _one(trail(prepared.dataset, results, series), prepared.as_of, wanted, limit)
    told = session.selected(notes(results))
    if wanted:
        rows = told[told["reason"].isin(wanted)].reset_index(drop=True)
        rows = rows.assign(difference=rows["adjusted"] - rows["original"])
        rows = rows.sort_values(
            "difference", key=lambda gap: -(rows["original"] - rows["adjusted"]).abs(), kind="stable"
        )
        return Answer([_list(rows, f"{len(rows):,} buckets: {' or '.join(wanted)}", limit)], next_step=_next(rows))
    columns = ("buckets", "series", "original", "adjusted", "difference")
    title = "What was adjusted before the forecast"
    sheet = Sheet("reasons", summary(told), title, ("reason",), columns, shown=0, empty="nothing was adjusted")
    blind = [] if (told["reason"] == EMPTY_SHELF).any() else [_BLIND]
    return Answer([sheet], lines=blind, next_step="planner history --stockouts   |   planner history SKU@WAREHOUSE")


def _one(found: Trail, as_of: dt.date, wanted: tuple[str, ...], limit: int) -> Answer:
    """Plot and table of one series; on the screen the newest row comes first."""
    import pandas as pd

    from planner.trail import mark

    name = f"{found.sku}@{found.warehouse}"
    rows = found.table
    if not len(rows):
        return Answer([], {"sku": found.sku, "warehouse": found.warehouse}, [f"{name} has not been on sale yet"],
                      f"planner explain forecast {name}")  # fmt: skip
    if wanted:
        rows = rows[rows["why"].str.startswith(wanted)]
    as_text = current().out.format == "table"
    rows = rows.iloc[::-1] if as_text else rows
    title = f"{name}, the newest first" if as_text else name
    columns = ("sold", "in_stock", "demand", "adjusted", "why")
    rows = rows.reset_index(drop=True)
    sheet = Sheet("history", rows, title, ("date",), columns, ("why",), limit, "no such bucket")
    marks = [mark(why) for why in found.table["why"]]
    ended = (
        [f"no longer sold: the last day of sale was {found.ends.date()}"] if found.ends < pd.Timestamp(as_of) else []
    )
    return Answer([sheet], {"sku": found.sku, "warehouse": found.warehouse}, [*_plot(found.table, marks), *ended],
                  f"planner explain forecast {name}")  # fmt: skip


def _plot(table: pd.DataFrame, marks: list[str]) -> list[str]:
    import pandas as pd

    from planner.reports.braille import Plot
    from planner.trail import MARKS

    lines = [table[name].to_numpy(dtype=float) for name in ("sold", "adjusted")]
    plot = Plot(pd.DatetimeIndex(table["date"]), lines, marks=marks)
    used = [f"{sign} {reason}" for reason, sign in MARKS.items() if sign in marks]
    used += ["* other"] if "*" in marks else []
    return [*plot.draw(), "sold and adjusted" + (f"; {', '.join(used)}" if used else "")]


def _list(rows: pd.DataFrame, title: str, limit: int) -> Sheet:
    columns = ("original", "adjusted", "difference", "reason", "kept")
    keys, folded = ("sku", "warehouse", "date"), ("reason", "kept")
    return Sheet("notes", rows.reset_index(drop=True), title, keys, columns, folded, limit, "none")


def _next(rows: pd.DataFrame) -> str:
    return f"planner history {rows['sku'].iloc[0]}@{rows['warehouse'].iloc[0]}" if len(rows) else ""
