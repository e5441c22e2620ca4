"""campaign gate: planned campaigns against supply, and excess against campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.out import ROWS_SHOWN, Answer, Sheet
from planner.cli.session import current
from planner.errors import UsageError

if TYPE_CHECKING:
    from planner.record import Prepared
    from planner.workspace import Run

_SHOWN = ("verdict", "what", "served_share", "units_asked", "units_short", "money", "loss", "forgone", "cost")
_MOVES = ("sku", "warehouse", "source", "quantity", "leave_date", "due_date", "cost")
_TARGETS = ("customers", "expected_units", "money_freed", "buys_share", "excess_units", "skus", "country", "region")
_ITEMS = ("excess", "excess_value", "cover_weeks", "category", "expected", "money")


def gate(
    campaign: Annotated[str, typer.Argument(metavar="[CAMPAIGN]", help="One campaign, instead of all.")] = "",
    service: Annotated[
        float, typer.Option(min=0.5, max=0.99, metavar="SHARE", help="How sure the supply has to be.")
    ] = 0.9,
    excess: Annotated[
        bool, typer.Option("--excess", help="What is in excess, and whom to address to sell it.")
    ] = False,
    cover: Annotated[
        int, typer.Option(min=1, max=52, metavar="WEEKS", help="--excess: stock beyond these weeks.")
    ] = 13,
    kind: Annotated[str, typer.Option(metavar="KIND", help="--excess: the kind of campaign to be run.")] = "price",
    depth: Annotated[float, typer.Option(min=0, max=0.95, metavar="SHARE", help="--excess: its discount.")] = 0.2,
    weeks: Annotated[int, typer.Option(min=1, max=8, metavar="N", help="--excess: how long it runs.")] = 2,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Rows on the screen; 0 shows all.")] = ROWS_SHOWN,
) -> Answer:
    """Say of each planned campaign: go, or which change costs least: audience, week, region, SKU, transfer, order.

    Judged on the latest plan, should the campaign sell its SERVICE quantile. Money: loss of units short, margin of
    units not asked for, and the cost of the change. --excess: whom to address to sell what is in excess.
    """
    from planner.gating import judge

    session = current()
    if excess:
        if campaign:
            raise UsageError("--excess looks at all stock, not at one campaign", "planner campaign gate --excess")
        return _excess(service, cover, kind, depth, weeks, limit)
    prepared, run = _prepared(), _run()
    with session.out.working("following the plan with campaigns changed"):
        found = judge(run, prepared.dataset, prepared.scenario.settings, prepared.as_of, service, campaign)
    lines = [*found.notes, f"judged on run {run.name}, should a campaign sell its {service:.0%} quantile"]
    sheets = [
        Sheet("alternatives", found.alternatives, "Ways, the best first", ("campaign", "rank", "alternative"), _SHOWN,
              ("what",), limit, "no planned campaign reaches into the plan"),
        Sheet("moves", found.moves, "What each way moves or orders", ("campaign", "alternative"), _MOVES, shown=limit,
              empty="nothing to move"),
        Sheet("people", found.people, "Whom a smaller audience leaves out", ("campaign", "warehouse", "segment"),
              ("customers", "leave_out", "units_a_head"), shown=limit, empty="no campaign that is sent to people"),
    ]  # fmt: skip
    wide = session.out.format != "table"
    shown = [sheet for number, sheet in enumerate(sheets) if wide or not number or len(sheet.frame)]
    return Answer(shown, {"run": run.name, "service": service}, lines, "planner explain campaign CAMPAIGN")


def _excess(service: float, cover: int, kind: str, depth: float, weeks: int, limit: int) -> Answer:
    from planner.gating.excess import Wish, find_excess
    from planner.plan import compute
    from planner.settings import nearest
    from planner.tables import CAMPAIGN_KINDS

    if kind not in CAMPAIGN_KINDS:
        raise UsageError(f"--kind: there is no {kind!r}", nearest(kind, list(CAMPAIGN_KINDS)))
    session, prepared, run = current(), _prepared(), _run()
    lift = compute(prepared, "lift", session.progress())["lift"].table("lift")
    with session.out.working("looking for excess"):
        found = find_excess(run, lift, prepared.dataset, prepared.scenario.settings, prepared.as_of, service,
                            Wish(cover, weeks, kind, depth))  # fmt: skip
    items, currency = found.items, prepared.scenario.settings.plan.currency
    lines = [
        f"{items['excess'].sum():,.0f} units worth {items['excess_value'].sum():,.0f} {currency} lie beyond"
        f" {cover} weeks",
        f"expected of {weeks} weeks of {kind} at {depth:.0%} off; run {run.name}", *found.notes,
    ]  # fmt: skip
    sheets = [
        Sheet("targets", found.targets, "Whom to address", ("category", "warehouse", "segment"), _TARGETS, shown=limit,
              empty="nothing is in excess"),
        Sheet("items", items, "What is in excess", ("sku", "warehouse"), _ITEMS, shown=limit, empty="nothing"),
    ]  # fmt: skip
    return Answer(sheets, {"run": run.name, "service": service}, lines, "planner campaign gate")


def _prepared() -> Prepared:
    from planner.plan import prepare

    session = current()
    return prepare(session.workspace(), session.scenario, session.options.flags())


def _run() -> Run:
    """The latest run of the scenario with a plan."""
    session = current()
    return session.workspace().latest(session.scenario, "plan")
