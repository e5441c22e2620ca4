"""segment, recommend: what the tables of customers say, for a campaign to come."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.out import ROWS_SHOWN, Answer, Sheet
from planner.cli.session import DATA, PLANNING, command, current
from planner.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from planner.record import Prepared

_PANEL = "Read"
_ARRIVES_AFTER = dt.timedelta(days=7)


def register(app: typer.Typer) -> None:
    command(app, "segment", takes=DATA | PLANNING, panel=_PANEL)(segment)
    command(app, "recommend", takes=DATA | PLANNING, panel=_PANEL)(recommend)


def segment(
    by: Annotated[str, typer.Option(metavar="NAME", help="kmeans, hierarchical or rfm.")] = "kmeans",
    weeks: Annotated[int, typer.Option(min=1, max=520, metavar="N", help="Weeks of head-counts.")] = 8,
    learner: Annotated[
        str, typer.Option(metavar="NAME", help="Chance to order by logistic, tree or forest.")
    ] = "logistic",
    customers: Annotated[
        bool, typer.Option("--customers", help="The profile of each customer instead, for a file.")
    ] = False,
) -> Answer:
    """Sort customers into segments with names, head-counts by warehouse and week, and who is likely to order.

    Segments are as many as stay the same over seeds. Cells of few people are merged into others.
    """
    from planner.marketing.extras import need_scikit_learn
    from planner.marketing.segments import LEARNERS, METHODS
    from planner.population import describe
    from planner.settings import nearest

    for option, name, known in (("--by", by, METHODS), ("--learner", learner, LEARNERS)):
        if name not in known:
            raise UsageError(f"{option}: there is no {name!r}", nearest(name, list(known)))
    need_scikit_learn("planner segment")
    session = current()
    prepared = _prepared()
    _require(prepared, "segment")
    with session.out.working("sorting customers"):
        found = describe(prepared.dataset, prepared.as_of, prepared.scenario.settings, by, learner, weeks)
    if customers:
        return Answer([Sheet("profiles", found.profiles, keys=("customer",))], {}, found.notes)
    columns = ("customers", "recency_days", "orders", "value", "price_sensitivity", "gap_days", "chance",
               "expected_buyers")  # fmt: skip
    sheets = [
        Sheet("segments", found.segments, f"{len(found.profiles):,} customers", ("segment",), columns, shown=0),
        Sheet("cells", found.cells, "Head-counts", ("segment", "warehouse", "week")),
        Sheet("stability", found.stability, "Do seeds agree", ("segments",), shown=0, empty="RFM has no seed"),
        Sheet("learners", found.learners, "Chance to order, judged on weeks not learnt from", ("learner",), shown=0),
    ]
    return Answer(sheets, {}, found.notes, "planner segment --customers -o profiles.csv")


def recommend(
    top: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Items for each customer.")] = 10,
    method: Annotated[str, typer.Option(metavar="NAME", help="One reason alone, or the blend of them.")] = "blend",
    new: Annotated[bool, typer.Option("--new", help="Only items that the customer never bought.")] = False,
    arrives: Annotated[str, typer.Option(metavar="DATE", help="When customers see it; without it, in a week.")] = "",
    customer: Annotated[str, typer.Option(metavar="HASH", help="Only this customer.")] = "",
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Rows on the screen; 0 shows all.")] = ROWS_SHOWN,
) -> Answer:
    """List what each customer is likely to buy next and will find in stock at their warehouse.

    Habits, what goes with them (EASE), words and what sells now are blended, each weighed as it did on earlier months.
    """
    from planner.marketing.extras import need_scikit_learn
    from planner.marketing.recommend import METHODS
    from planner.offers import Wish, make_offers
    from planner.settings import nearest

    if method not in METHODS:
        raise UsageError(f"--method: there is no {method!r}", nearest(method, list(METHODS)))
    need_scikit_learn("planner recommend")
    session = current()
    prepared = _prepared()
    _require(prepared, "recommend")
    _known(prepared, customer)
    day = _day("--arrives", arrives) if arrives else prepared.as_of + _ARRIVES_AFTER
    if day < prepared.as_of:
        raise UsageError(f"--arrives {day} lies before {prepared.as_of}, the day of the plan", "name a later day")
    wish = Wish(day, method, top, new, customer)
    with session.out.working("reading what customers bought"):
        found = make_offers(prepared.dataset, prepared.as_of, _latest_plan(), session.workspace().cache, wish)
    people = found.lists["customer"].nunique()
    columns = ("sku", "description", "why", "stock_share", "warehouse", "score")
    sheets = [
        Sheet("recommendations", found.lists, f"{people:,} customers", ("customer", "rank"), columns, shown=limit,
              empty="nothing that these customers would want is in stock"),
        Sheet("slots", found.slots, "How many customers see what", ("sku", "warehouse"), shown=limit),
    ]  # fmt: skip
    return Answer(sheets, {"arrives": day.isoformat()}, found.notes)


def _prepared() -> Prepared:
    from planner.plan import prepare

    session = current()
    return prepare(session.workspace(), session.scenario, session.options.flags())


def _require(prepared: Prepared, name: str) -> None:
    """The tables that the command needs; where an import left customers out, how to have them.

    Raises DataError.
    """
    from planner.errors import DataError
    from planner.importers.registry import SOURCES

    try:
        prepared.dataset.require(name)
    except DataError as error:
        told = prepared.assumptions.get("source", "")
        source = SOURCES.get(told)
        if source is None:
            raise
        if any(option.flag == "--key-file" for option in source.options):
            again = f"planner import {told} FOLDER --into {prepared.workspace.root} --yes --key-file key.txt"
            hint = (
                f"customers leave an import only as keyed hashes: openssl rand -hex 32 > key.txt, then {again}"
                " (keep key.txt outside the workspace, and to yourself)"
            )
        else:
            hint = f"{told} says nothing of what customers bought: planner campaign settle reads what it has"
        raise DataError(error.issues, error.total, hint=hint) from None


def _known(prepared: Prepared, customer: str) -> None:
    tables = (prepared.dataset[name]["customer"] for name in ("customers", "order_lines"))
    if customer and not any((column == customer).any() for column in tables):
        raise UsageError(f"there is no customer {customer!r}", "name one by its hash, as in the table customers")


def _latest_plan() -> pd.DataFrame:
    """The stock plan of the scenario's latest run; without rows before there is one."""
    import pandas as pd

    session = current()
    runs = [run for run in session.workspace().runs() if run.scenario == session.scenario and "plan" in run.tables]
    return runs[0].table("plan") if runs else pd.DataFrame()


def _day(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option}: {text!r} is not a date", "write 2026-03-02") from None
