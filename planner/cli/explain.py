"""explain forecast: why this number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.helping import Noun
from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, PLANNING, command, current

if TYPE_CHECKING:
    from planner.explain import Explanation

FORECAST_COLUMNS = ("sku", "warehouse", "date", "mean", "base", "campaign", "method")


def register(app: typer.Typer) -> None:
    explain = typer.Typer(cls=Noun, help="Why a number is what it is.")
    command(explain, "forecast", takes=DATA | PLANNING, noun="explain")(forecast)
    app.add_typer(explain, name="explain", rich_help_panel="Read")


def forecast(
    series: Annotated[str, typer.Argument(metavar="SKU@WAREHOUSE", help="The series.")],
    horizon: Annotated[int | None, typer.Option(min=1, metavar="N", help="Buckets ahead, not plan.horizon.")] = None,
) -> Answer:
    """Explain a forecast: method and weights, season, drivers, adjustments, campaigns, accuracy, with a plot.

    -o FILE.svg writes the plot as a drawing.
    """
    from planner.cli.planning import planning_flags
    from planner.explain import explain_forecast
    from planner.plan import compute, prepare

    session = current()
    prepared = prepare(session.workspace(), session.scenario, planning_flags(horizon))
    found = explain_forecast(prepared, compute(prepared, "forecast", session.progress()), series)
    target = Path(session.options.output)
    if target.suffix == ".svg":
        from planner.reports.explained import drawing

        session.workspace().write_text(target, drawing(found, prepared.scenario.settings.plan.bucket))
        return Answer(lines=[*found.words.values(), f"wrote {target}"])
    name = f"{found.trail.sku}@{found.trail.warehouse}"
    facts = {"sku": found.trail.sku, "warehouse": found.trail.warehouse, "words": dict(found.words)}
    if session.out.format == "table" and not session.options.output:
        shown = [sheet for sheet in _tables(found) if sheet.name != "weights"]  # the words tell them
        return Answer(shown, facts, [*_plot(found), *found.words.values()], f"planner history {name}")
    return Answer([Sheet("forecast", found.ahead, keys=("sku", "warehouse", "date")), *_tables(found)], facts)


def _tables(found: Explanation) -> list[Sheet]:
    """What is easier read as a table; those that have something to say."""
    sheets = [
        Sheet("weights", found.weights, "Weights", keys=("method",), shown=0),
        Sheet("drivers", found.drivers, "Drivers, over the horizon", keys=("driver",), shown=8),
        Sheet("alike", found.alike, "Items most like it", keys=("sku",), shown=5),
    ]
    return [sheet for sheet in sheets if len(sheet.frame)]


def _plot(found: Explanation) -> list[str]:
    """The last year and the horizon: sold, forecast and the band that nine of ten are expected in."""
    import numpy as np
    import pandas as pd

    from planner.explain import YEAR
    from planner.reports.braille import Plot
    from planner.trail import MARKS, mark

    past = found.trail.table.tail(YEAR[str(found.ahead["bucket"].iloc[0])])
    unknown, before = np.full(len(found.ahead), np.nan), np.full(len(past), np.nan)
    lines = [np.r_[past["sold"].to_numpy(float), unknown], np.r_[before, found.ahead["mean"].to_numpy(float)]]
    band = [np.r_[before, found.ahead[name].to_numpy(float)] for name in ("q0.05", "q0.95")]
    marks = [mark(why) for why in past["why"]]
    marks += ["c" if abs(extra) > 1e-9 else "" for extra in found.ahead["campaign"]]
    dates = pd.DatetimeIndex([*past["date"], *found.ahead["date"]])
    used = [f"{sign} {reason}" for reason, sign in MARKS.items() if sign in marks]
    legend = "sold, then the forecast, shaded from its 5 % to its 95 % quantile" + "".join(f"; {word}" for word in used)
    return [*Plot(dates, lines, band[0], band[1], marks).draw(90, 9), legend, ""]
