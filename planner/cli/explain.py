"""explain forecast, order, plan, campaign: why this number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli import campaigns
from planner.cli.helping import Noun
from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, PLANNING, command, current
from planner.errors import UsageError

if TYPE_CHECKING:
    from planner.explain import Explanation
    from planner.explain_plan import Reasons
    from planner.record import Prepared
    from planner.workspace import Run

FORECAST_COLUMNS = ("sku", "warehouse", "date", "mean", "base", "campaign", "method")


def register(app: typer.Typer) -> None:
    explain = typer.Typer(cls=Noun, help="Why a number is what it is.")
    command(explain, "forecast", takes=DATA | PLANNING, noun="explain")(forecast)
    command(explain, "order", takes=DATA | {"scenario"}, noun="explain")(order)
    command(explain, "plan", takes=DATA | {"scenario"}, noun="explain")(plan)
    command(explain, "campaign", takes=DATA | PLANNING, noun="explain")(campaigns.explain)
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


_RUN = typer.Option(metavar="RUN", help="A run, instead of the latest.")


def order(
    line: Annotated[str, typer.Argument(metavar="ID", help="The line_id of planner orders list.")],
    run: Annotated[str, _RUN] = "",
) -> Answer:
    """Explain an order: the need, the rule that moved the quantity, the demand it serves, the prices that shaped it."""
    from planner.explain_plan import explain_order

    chosen, prepared = _as_planned(run)
    found = explain_order(chosen, prepared, line)
    one = found.orders.iloc[0]
    series = f"{one['sku']}@{one['destination']}"
    return _reasoned(chosen, found, {"order": line}, ("ledger", "pegs", "prices"), f"planner explain plan {series}")


def plan(
    series: Annotated[str, typer.Argument(metavar="SKU@WAREHOUSE", help="The series; a dc too.")],
    run: Annotated[str, _RUN] = "",
) -> Answer:
    """Explain a plan: its ledger by week, its orders with the rule behind each, the demand they serve, the prices."""
    from planner.explain_plan import explain_plan

    chosen, prepared = _as_planned(run)
    found = explain_plan(chosen, prepared, series)
    ids = found.orders["line_id"].tolist()
    step = f"planner explain order '{ids[0]}'" if ids else f"planner explain forecast {series}"
    return _reasoned(chosen, found, {"series": series}, ("ledger", "orders", "prices"), step)


def _as_planned(name: str) -> tuple[Run, Prepared]:
    """The run, and its tables under the settings that it was made with."""
    from planner.plan import prepare
    from planner.settings import flatten

    session = current()
    run = session.run_with_orders(name)
    if "orders" not in run.tables:
        raise UsageError(f"run {run.name} ends with the forecast: it holds no orders", "planner optimize")
    settings = {name: part for name, part in run.manifest["settings"].items() if name != "assumptions"}
    flags = {key: value for key, value in flatten(settings, "the run") if value is not None}
    return run, prepare(session.workspace(), run.scenario, flags | {"plan.as_of": run.manifest["as_of"]})


def _reasoned(run: Run, found: Reasons, about: dict[str, str], parts: tuple[str, ...], step: str) -> Answer:
    """On a screen the words and the `parts` that say something; in files everything."""
    sheets = {
        "ledger": Sheet("ledger", found.ledger, "Week by week", keys=("week",), shown=0),
        "orders": Sheet("orders", found.orders, "Orders", keys=("line_id",), shown=12, folded=("why",), empty="none",
                        columns=("quantity", "need", "why", "due_date")),
        "pegs": Sheet("pegs", found.pegs, "Demand that it serves", keys=("warehouse", "week"), shown=12, empty="none",
                      columns=("demand", "units", "campaign_units", "line_id")),
        "prices": Sheet("prices", found.prices, "Limits that charge it", keys=("constraint", "week")),
    }  # fmt: skip
    facts = {"run": run.name, **about, "words": dict(found.words)}
    if current().out.format == "table" and not current().options.output:
        shown = [sheets[name] for name in parts if len(sheets[name].frame)]
        return Answer(shown, facts, list(found.words.values()), step)
    return Answer(list(sheets.values()), facts)


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
