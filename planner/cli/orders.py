"""orders: what the latest plan proposes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.helping import Noun
from planner.cli.out import ROWS_SHOWN, Answer, Sheet
from planner.cli.session import DATA, command, current
from planner.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd


def register(app: typer.Typer) -> None:
    orders = typer.Typer(cls=Noun, help="Proposed purchase and transfer orders.")
    command(orders, "list", takes=DATA | {"scenario", "select"}, noun="orders")(list_orders)
    app.add_typer(orders, name="orders", rich_help_panel="Read")


def list_orders(
    week: Annotated[str, typer.Option(metavar="DATE", help="Only what is ordered in the week of this day.")] = "",
    run: Annotated[str, typer.Option(metavar="RUN", help="A run, instead of the latest.")] = "",
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Rows on the screen; 0 shows all.")] = ROWS_SHOWN,
) -> Answer:
    """List the proposals of the latest run; what is already on its way is not among them."""
    import pandas as pd

    from planner.cli.sheets import ORDER_COLUMNS
    from planner.periods import first_day

    session = current()
    chosen = session.run_with_orders(run)
    if "orders" not in chosen.tables:
        raise UsageError(f"run {chosen.name} ends with the forecast: it holds no orders", "planner optimize")
    orders = session.selected(chosen.table("orders"))
    if week:
        orders = orders[orders["order_week"] == pd.Timestamp(first_day(_day(week), "week"))]
    lines = [f"{_in_words(orders, chosen.manifest['currency'])}, from run {chosen.name}"]
    sheet = Sheet(
        "orders", orders, keys=("line_id",), columns=ORDER_COLUMNS, shown=limit, empty="no orders are proposed"
    )
    return Answer([sheet], {"run": chosen.name}, lines, "planner export csv")


def _in_words(orders: pd.DataFrame, currency: str) -> str:
    """Purchases by what they cost; transfers move goods that are paid for, so they count in units."""
    from planner.figures import money, plural

    bought, moved = (orders[orders["kind"] == kind] for kind in ("purchase", "transfer"))
    words = [
        f"{plural(len(bought), 'purchase')} for {money((bought['quantity'] * bought['unit_cost']).sum(), currency)}"
    ]
    if len(moved):
        words.append(f"{plural(len(moved), 'transfer')} of {moved['quantity'].sum():,.0f} units")
    return " and ".join(words)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--week: {text!r} is not a date", "write 2026-03-02") from None
