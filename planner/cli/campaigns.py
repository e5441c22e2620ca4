"""campaign list, fit, apply; explain campaign: what campaigns did, what they will add, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.out import ROWS_SHOWN, Answer, Sheet
from planner.cli.session import current
from planner.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from planner.explain_campaign import CampaignReasons
    from planner.record import Prepared
    from planner.workspace import Run

_LIFT_SHOWN = ("events", "trials", "lift", "lift_low", "lift_high", "pull_forward", "cannibalised")
_PAST_SHOWN = ("kind", "start", "end", "depth", "addressed", "lift", "lift_low", "lift_high", "excess",
               "baseline", "dip", "dip_share", "skus", "warehouses", "unread", "sold")  # fmt: skip
_ORDERS_SHOWN = ("quantity", "campaign_quantity", "sku", "source", "destination", "order_date", "due_date",
                 "campaigns")  # fmt: skip
_LOADS_SHOWN = ("mode", "shipments", "campaign_kg", "kg", "arrive_date", "campaigns")
_PARTS_SHOWN = ("base", "gross", "cannibalised", "halo", "pulled_forward", "net", "low", "high")


def list_campaigns() -> Answer:
    """List campaigns: when, what they promote, and what the latest plan expects of those to come."""
    prepared = _prepared()
    campaigns, items = prepared.dataset["campaigns"], prepared.dataset["campaign_items"]
    frame = campaigns[["campaign", "kind", "start", "end", "discount_rate", "status", "name"]].copy()
    frame["skus"] = frame["campaign"].map(items.groupby("campaign")["sku"].nunique()).fillna(0).astype(int)
    frame["net_units"] = frame["campaign"].map(_net_units()).astype(float)
    sheet = Sheet("campaigns", frame.sort_values("start"), keys=("campaign",), shown=0, empty="no campaigns",
                  columns=("kind", "start", "end", "discount_rate", "status", "skus", "net_units", "name"))  # fmt: skip
    return Answer([sheet], next_step="planner campaign fit   |   planner campaign apply")


def fit(
    events: Annotated[
        bool, typer.Option("--events", help="Each SKU and warehouse of the past campaigns instead, for a file.")
    ] = False,
    limit: Annotated[int, typer.Option(min=0, metavar="N", help="Rows on the screen; 0 shows all.")] = ROWS_SHOWN,
) -> Answer:
    """Learn the lift of past campaigns: by kind and depth, then category, brand and SKU, and what each campaign did.

    Each level moves away from the one above as far as its evidence carries; lift_low to lift_high holds the next event
    four times out of five. -o writes the lift; --events what it was learnt from.
    """
    from planner.marketing import by_campaign, factors
    from planner.plan import compute

    prepared = _prepared()
    found = compute(prepared, "lift", current().progress())["lift"]
    lift, seen = factors(found.table("lift")), found.table("events")
    if events:
        return Answer([Sheet("events", seen, "", ("campaign", "sku", "warehouse"), shown=limit, empty="none")])
    known = lift["events"] + lift["trials"] > 0
    told = lift[known] if known.any() else lift
    learnt = Sheet("lift", told, "Lift of those reached, a factor on the base", ("level", "key", "kind", "depth_band"),
                   _LIFT_SHOWN, shown=limit, data=lift)  # fmt: skip
    past = Sheet("campaigns", by_campaign(seen), "What past campaigns did", ("campaign",), _PAST_SHOWN, shown=limit,
                 empty="no campaign lies in the past: lifts are those of the built-in prior")  # fmt: skip
    basis = sorted(set(lift.loc[lift["level"] == "prior", "evidence"].str.split(" events here, ").str[-1]))
    return Answer([learnt, past], {}, [*(f"{line}." for line in basis), *_beyond(prepared)], "planner campaign apply")


def apply(
    campaign: Annotated[str, typer.Argument(metavar="[CAMPAIGN]", help="One campaign, instead of all.")] = "",
) -> Answer:
    """Say what planned campaigns add to the base forecast: gross, cannibalised, halo, pulled forward, net, by week.

    -o writes each row of SKU, warehouse and bucket with variance, quantiles and evidence.
    """
    from planner.explain_campaign import banded, by_bucket
    from planner.plan import compute
    from planner.settings import nearest

    prepared, session = _prepared(), current()
    uplift = compute(prepared, "uplift", session.progress())["uplift"].table("uplift")
    known = sorted(prepared.dataset["campaigns"]["campaign"])
    if campaign and campaign not in known:
        raise UsageError(f"there is no campaign {campaign!r}", nearest(campaign, known))
    rows = uplift[(uplift["campaign"] == campaign) | (not campaign)].reset_index(drop=True)
    rows = session.selected(rows)
    keys = ("campaign", "sku", "warehouse", "date")
    if session.out.format != "table" or session.options.output:
        return Answer([Sheet("uplift", rows, keys=keys)])
    lifted = rows.assign(base=rows["base"].where(rows["gross"] > 0, 0.0))
    nothing = "no planned campaign reaches into the horizon"
    sheets = [
        Sheet("campaigns", banded(lifted, ["campaign"], ["base"]), "By campaign, units", ("campaign",), _PARTS_SHOWN,
              shown=0, empty=nothing),
        Sheet("weeks", by_bucket(rows), "By bucket", ("date",), _PARTS_SHOWN, shown=0),
    ]  # fmt: skip
    band = "low to high: the 80 % band where all lifts are off in the same direction"
    name = campaign or (str(rows["campaign"].iloc[0]) if len(rows) else "")
    return Answer(sheets if len(rows) else sheets[:1], {}, [band] * bool(len(rows)) + _beyond(prepared),
                  f"planner explain campaign {name}" if name else "planner campaign list")  # fmt: skip


def explain(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="The campaign, past or planned.")],
    run: Annotated[str, typer.Option(metavar="RUN", help="A run, instead of the scenario's latest.")] = "",
) -> Answer:
    """Explain a campaign: its waterfall, evidence, weeks, and the order lines and loads that exist because of it.

    -o FILE.svg writes waterfall and weeks as a drawing.
    """
    from planner.explain_campaign import explain_campaign
    from planner.plan import compute

    prepared, session = _prepared(), current()
    results = compute(prepared, "uplift", session.progress())
    found = explain_campaign(prepared, results, campaign, _with_orders(run))
    target = Path(session.options.output)
    if target.suffix == ".svg":
        from planner.reports.explained import campaign_drawing

        session.workspace().write_text(target, campaign_drawing(found, prepared.scenario.settings.plan.bucket))
        return Answer(lines=[*found.words.values(), f"wrote {target}"])
    facts = {"campaign": campaign, "words": dict(found.words)}
    sheets = _sheets(found)
    if session.out.format == "table" and not session.options.output:
        shown = [sheet for sheet in sheets if len(sheet.frame)]
        step = "planner explain order ID" if len(found.orders) else "planner campaign apply"
        return Answer(shown, facts, [*_plot(found), *found.words.values()], step)
    return Answer(sheets, facts)


def _sheets(found: CampaignReasons) -> list[Sheet]:
    ahead = len(found.weeks) > 0
    return [
        Sheet("waterfall", found.waterfall if ahead else found.waterfall.iloc[:0], "Waterfall", ("part",), shown=0),
        Sheet("weeks", found.weeks, "By bucket", ("date",), _PARTS_SHOWN, shown=0),
        Sheet("series", found.series, "By SKU and warehouse", ("sku", "warehouse"), ("net", "gross", "low", "high",
              "pulled_forward", "cannibalised", "halo"), shown=8),
        Sheet("past", found.past, "What it did", ("campaign",), _PAST_SHOWN, shown=0),
        Sheet("orders", found.orders, "Order lines because of it", ("line_id",), _ORDERS_SHOWN, shown=12),
        Sheet("loads", found.loads, "Loads because of it", ("origin", "destination", "depart_week"), _LOADS_SHOWN,
              shown=12),
    ]  # fmt: skip


def _plot(found: CampaignReasons) -> list[str]:
    """The promoted series together: a half year back and the horizon, without the campaign and with it."""
    import numpy as np
    import pandas as pd

    from planner.reports.braille import Plot

    frame = found.around
    known = frame["demand"].notna()
    frame = pd.concat([frame[known].tail(int((~known).sum()) or len(frame)), frame[~known]])
    if not len(frame):
        return []
    lines = [frame["base"].to_numpy(float), frame["demand"].fillna(frame["mean"]).to_numpy(float)]
    low, high = (frame[name].to_numpy(float) for name in ("low", "high"))
    dates = pd.DatetimeIndex(frame["date"])
    shade = (low, high) if np.isfinite(high).any() else (None, None)
    legend = "what it promotes, together: without campaigns, and as sold, then with this campaign and its 80 % band"
    return [*Plot(dates, lines, *shade).draw(90, 9), legend, ""]


def _beyond(prepared: Prepared) -> list[str]:
    if prepared.scenario.settings.campaigns.enabled:
        return []
    return ["campaigns are switched off (campaigns.enabled): nothing is added to the base"]


def _prepared() -> Prepared:
    from planner.plan import prepare

    session = current()
    return prepare(session.workspace(), session.scenario, session.options.flags())


def _with_orders(name: str) -> Run | None:
    """The run that is named, else the scenario's latest with orders; None before there is one."""
    session = current()
    if name:
        return session.run_with_orders(name)
    runs = [run for run in session.workspace().runs() if run.scenario == session.scenario and "orders" in run.tables]
    return runs[0] if runs else None


def _net_units() -> dict[str, float]:
    """Net units of each planned campaign in the scenario's latest run; empty before there is one."""
    session = current()
    runs = [run for run in session.workspace().runs() if run.scenario == session.scenario and "uplift" in run.tables]
    if not runs:
        return {}
    rows: pd.DataFrame = runs[0].table("uplift")
    return dict(rows.groupby("campaign")["net"].sum())
