"""policy, simulate, and policies in a backtest: how much to hold, and what it would have cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.out import Answer, Sheet
from planner.cli.session import DATA, PLANNING, command, current

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

PANEL = "Plan"
COLUMNS = ("order_up_to", "safety_stock", "reorder_point", "min", "max", "set_by", "cycle_service", "fill_rate",
           "shortage_cost", "implied_shortage_cost", "quote_weeks", "placed_safety_stock", "demand", "weeks",
           "review_weeks", "expected_shortage", "unit_cost", "holding_cost_per_week", "safety_stock_value",
           "weekly_demand")  # fmt: skip
CURVE = ("fill_rate", "stock_value", "stock", "holding", "shortage", "cost", "demand")
REPLAY = ("cost", "against_first", "holding", "shortage", "ordering", "fill_rate", "average_stock")


def register(app: typer.Typer) -> None:
    command(app, "policy", takes=DATA | PLANNING | {"select"}, panel=PANEL)(policy)
    command(app, "simulate", takes=DATA | PLANNING, panel=PANEL)(simulate)


def policy(
    curve: Annotated[bool, typer.Option("--curve", help="Money against service, by class.")] = False,
) -> Answer:  # fmt: skip
    """Targets per SKU-warehouse: order-up-to level, safety stock, reorder point, min and max for the ERP.

    Each level is the cheapest one, or meets the service target of the stocking table; the shortage cost that it implies
    stands beside it. Where goods pass through a dc, safety stock is split by the guaranteed service model.
    """
    from planner.plan import compute, prepare
    from planner.stock.policy import read_windows, service_curve, targets

    session = current()
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    prepared.dataset.require("optimize")
    results = compute(prepared, "cumulative", session.progress())
    weekly, cumulative = results["weekly"].table("weekly"), results["cumulative"].table("cumulative")
    settings = prepared.scenario.settings
    frame = session.selected(targets(prepared.dataset, weekly, cumulative, settings, prepared.as_of))
    title = f"{len(frame):,} SKU-warehouses, levels for lead time plus review"
    sheet = Sheet("targets", frame, title, ("sku", "warehouse"), COLUMNS)
    if not curve:
        return Answer([sheet], {"as_of": prepared.as_of.isoformat()}, next_step="planner policy --curve")
    windows = read_windows(frame, weekly, cumulative, frame["review_weeks"].to_numpy())
    table = service_curve(frame, windows)
    lines = ["per week; now: the levels of planner policy; class A: the first 80 % of demand by value, B the next 15 %"]
    shown = Sheet("curve", table, "Money against service", ("class", "service"), CURVE, shown=0)
    return Answer([shown, sheet] if session.out.format != "table" else [shown], {}, lines, "planner policy")


def simulate(
    paths: Annotated[int, typer.Option(min=2, metavar="N", help="Sample paths of demand.")] = 100,
    weeks: Annotated[int, typer.Option(min=1, metavar="N", help="Weeks to play.")] = 13,
    frozen: Annotated[bool, typer.Option("--frozen", help="Carry out the plan's orders, whatever sells.")] = False,
) -> Answer:
    """Play the plan along sample paths of demand: service, stock, spend and cost, with intervals.

    Every week each path plans again from its own stock; with --frozen the orders stand. Beside it what the plan
    promises.
    """
    from planner.plan import compute, prepare
    from planner.simulation import playable
    from planner.simulation import simulate as play

    session = current()
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    prepared.dataset.require("optimize")
    playable(prepared)
    results = compute(prepared, "stock", session.progress())
    found = play(prepared, results, paths, weeks, frozen, _told(session.out.detail))
    currency = prepared.scenario.settings.plan.currency
    how = "orders as planned" if frozen else "planned again every week"
    title = f"{paths} paths over {len(found.weekly)} weeks, {how}"
    figures = Sheet("figures", _worded(found.figures, currency), title, ("figure",), shown=0, data=found.figures)
    by_week = Sheet("weeks", found.weekly, "By week, means", ("week",), shown=0)
    series = Sheet("series", found.series, "Series that miss most", ("sku", "warehouse"), shown=5)
    lines = ["low, high: nine paths of ten lie between; promised: what the plan expects of the same weeks"]
    if found.skus < found.of:
        lines.append(f"{found.skus:,} of {found.of:,} SKUs, drawn by the seed: fewer --paths plays more of them")
    if not frozen:
        lines.append("each SKU network plans by itself: limits and joint orders that several share are not heeded")
    return Answer(
        [figures, by_week, series],
        {"paths": paths, "skus": found.skus},
        lines,
        "planner simulate" if frozen else "planner simulate --frozen",
    )


def _worded(figures: pd.DataFrame, currency: str) -> pd.DataFrame:
    from planner.figures import figure, written

    shown = figures[["figure"]].assign(figure=[figure(name).label for name in figures["figure"]])
    for name in ("mean", "low", "high", "promised"):
        shown[name] = [
            written(value, unit, currency) for value, unit in zip(figures[name], figures["unit"], strict=True)
        ]
    return shown


def replayed(policies: str, weeks: int) -> Answer:
    """What each policy would have cost on the own history; the body of `planner backtest --policy`."""
    from planner.plan import prepare
    from planner.replay import replay

    session = current()
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    prepared.dataset.require("optimize")
    names = tuple(dict.fromkeys(name.strip() for name in policies.split(",") if name.strip()))
    found = replay(
        prepared.dataset, prepared.scenario.settings, prepared.as_of, names, weeks, _told(session.out.detail)
    )  # fmt: skip
    first, last = found.ground.weeks[0].date(), found.ground.weeks[-1].date()
    title = f"{len(found.ground.keys):,} SKU-warehouses, {weeks} weeks from {first} to {last}"
    summary = Sheet("policies", found.summary, title, ("policy",), REPLAY, shown=0)
    by_week = Sheet(
        "weeks", found.weekly, "By week", ("policy", "week"), ("cost", "short", "stock", "ordered"), shown=0
    )
    scored = float(found.ground.scored.mean())
    lines = [f"scored: {scored:.0%} of the cells; not the weeks before a first order arrives, nor empty shelves",
             "each SKU-warehouse supplied from outside, without limits that several share"]  # fmt: skip
    sheets = [summary] if session.out.format == "table" else [summary, by_week]
    return Answer(sheets, {"weeks": weeks}, lines, "planner policy")


def _told(say: Callable[[str], None]) -> Callable[[str, int, int], None]:
    return lambda what, done, of: say(f"{what}: {done} of {of}")
