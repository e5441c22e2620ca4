"""Campaigns against supply: does the stock plan follow what a campaign adds, and what is the smallest fix if not.

A unit counts as short for a campaign where the plan expects more shortage than that series has in an ordinary week,
up to what the campaigns add in that week; where several campaigns meet, each answers for its part of the net demand.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.periods import Bucket, days_long, first_day, first_days
from planner.settings import Settings
from planner.stock.costs import shortage_costs, unit_costs
from planner.stock.sourcing import primary_sources, read_sources

COLUMNS = ("type", "severity", "sku", "warehouse", "week", "money", "text", "hint")
Record = Mapping[Hashable, Any]
# Below this share of what a campaign adds, a shortage is what any plan has that does not hold stock for every chance.
MATERIAL_SHARE = 0.05
# Up to this share it is a smaller loss to address fewer people or stores than to wait.
SMALL_SHARE = 0.2
_LONGEST_CHAIN = 6
_NAMED = 4
_KEY = ["sku", "warehouse", "week"]


def check_campaigns(
    dataset: Dataset, uplift: pd.DataFrame, plan: pd.DataFrame, settings: Settings, as_of: dt.date
) -> pd.DataFrame:
    """Exceptions, the worst first: one row a planned campaign with its verdict, and one a SKU, warehouse and week
    that is short by more than a twentieth of what the campaign adds there. Money is the cost of the shortage.
    """
    campaigns = _planned(dataset["campaigns"], settings, as_of)
    lines = _lines(uplift[uplift["campaign"].isin(campaigns["campaign"])], plan, settings.plan.bucket, as_of)
    lines = _with_supply(lines, dataset, settings, as_of)
    found: list[dict[str, Any]] = []
    for campaign in campaigns.sort_values("campaign").to_dict("records"):
        own = lines[lines["campaign"] == campaign["campaign"]]
        verdict = _verdict(campaign, own, as_of, settings.plan.currency)
        # One step below the verdict, so that the campaign as a whole is read before its lines.
        found += [verdict, *_short_lines(own, verdict["severity"] + 1, as_of)]
    return _ranked(found)


def _planned(campaigns: pd.DataFrame, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """Campaigns that still run or are to come."""
    if not settings.campaigns.enabled:
        return campaigns.iloc[:0]
    counted = campaigns["status"].isin(["", "planned", "done"])
    ahead = campaigns["end"] >= pd.Timestamp(first_day(as_of, settings.plan.bucket))
    return campaigns[counted & ahead & (campaigns["end"] >= campaigns["start"])]


def _lines(uplift: pd.DataFrame, plan: pd.DataFrame, bucket: Bucket, as_of: dt.date) -> pd.DataFrame:
    """One row a campaign and promoted SKU, warehouse and week: net units, short units, planned, judged."""
    weekly = _by_week(uplift[uplift["gross"] > 0], bucket)
    weekly = weekly[(weekly["net"] > 0) & (weekly["week"] >= pd.Timestamp(first_day(as_of, "week")))]
    lines = weekly.merge(_shortage(plan, weekly), on=_KEY, how="left")
    lines["planned"] = lines["missing"].notna()
    lines["judged"] = lines["week"] <= (plan["week"].max() if len(plan) else pd.NaT)
    total = lines.groupby(_KEY)["net"].transform("sum")
    missing = np.where(lines["planned"], np.minimum(lines["missing"], total), total)
    lines["short"] = np.where(lines["judged"], missing * lines["net"] / total, 0.0)
    return lines.sort_values(["campaign", *_KEY], kind="stable", ignore_index=True)


def _by_week(uplift: pd.DataFrame, bucket: Bucket) -> pd.DataFrame:
    """Gross and net by Monday week; months are spread evenly over their days."""
    rows = uplift[["campaign", "sku", "warehouse", "date", "gross", "net"]]
    if bucket == "month":
        days = rows["date"].dt.days_in_month.to_numpy()
        rows = rows.loc[rows.index.repeat(days)].assign(days=np.repeat(days, days))
        offset = rows.groupby(["campaign", "sku", "warehouse", "date"]).cumcount()
        rows = rows.assign(gross=rows["gross"] / rows["days"], net=rows["net"] / rows["days"])
        rows = rows.assign(date=rows["date"] + pd.to_timedelta(offset, unit="D"))
    rows = rows.assign(week=first_days(rows["date"], "week"))
    return rows.groupby(["campaign", *_KEY], as_index=False)[["gross", "net"]].sum()


def _shortage(plan: pd.DataFrame, promoted: pd.DataFrame) -> pd.DataFrame:
    """Missing = expected shortage - demand x the series' usual rate of shortage, not below zero.

    The usual rate is the median over the weeks in which nothing is promoted.
    """
    marked = plan.merge(promoted[_KEY].drop_duplicates().assign(promoted=True), on=_KEY, how="left")
    calm = marked[marked["promoted"].isna() & (marked["demand"] > 0)]
    rate = (calm["expected_shortage"] / calm["demand"]).groupby([calm["sku"], calm["warehouse"]]).median()
    marked = marked[marked["promoted"].notna()].merge(rate.rename("rate").reset_index(), on=_KEY[:2], how="left")
    usual = marked["demand"] * marked["rate"].fillna(0.0).clip(0.0, 1.0)
    return marked[_KEY].assign(missing=(marked["expected_shortage"] - usual).clip(lower=0.0))


def _with_supply(lines: pd.DataFrame, dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    """Lines with money, the last day to order for their week, and the first week that an order of today supplies."""
    keys = lines[["sku", "warehouse"]].drop_duplicates(ignore_index=True)
    sources = read_sources(dataset, settings, as_of)
    cost = shortage_costs(dataset, keys, unit_costs(dataset, keys, sources, as_of), settings)
    lead = np.ceil(_lead_days(keys, primary_sources(sources, as_of), settings.stock.lead_days))
    arrival = pd.Timestamp(as_of) + days_long(lead)
    monday = arrival + days_long((7 - arrival.dt.weekday) % 7)
    keys = keys.assign(cost=cost, lead=lead, ready=monday)
    lines = lines.merge(keys, on=["sku", "warehouse"], how="left")
    order_by = lines["week"] - days_long(lines["lead"])
    return lines.assign(money=lines["short"] * lines["cost"], order_by=order_by)


def _lead_days(keys: pd.DataFrame, sources: pd.DataFrame, default: float) -> pd.Series:
    """Days from an order at the outermost source: lead times add up along the chain of transfers."""
    step = sources.set_index(["sku", "destination"])[["source", "transfer", "lead_days"]]
    place, total = keys["warehouse"], pd.Series(0.0, index=keys.index)
    open_ = pd.Series(True, index=keys.index)
    for depth in range(_LONGEST_CHAIN):
        here = step.reindex(pd.MultiIndex.from_arrays([keys["sku"], place])).set_axis(keys.index)
        days = here["lead_days"].astype(float).fillna(default if depth == 0 else 0.0)
        total += days.where(open_, 0.0)
        open_ &= here["transfer"].eq(True)
        place = place.where(~open_, here["source"])
    return total


def _verdict(campaign: Record, lines: pd.DataFrame, as_of: dt.date, currency: str) -> dict[str, Any]:
    """One row for the campaign as a whole."""
    name, judged = campaign["campaign"], lines[lines["judged"]]
    net, short = float(judged["net"].sum()), float(judged["short"].sum())
    if lines.empty:
        text = f"Campaign {name} adds nothing to the plan: none of its items sells where and when it runs."
        return _row("campaign-empty", 3, text, "check campaign_items, its dates, country and region")
    beyond = lines.loc[~lines["judged"], "net"].sum()
    later = f" {beyond:,.0f} units lie beyond the planned weeks and are not judged." if beyond else ""
    adds = f"Campaign {name} asks for {net:,.0f} units more while it runs"
    if short <= MATERIAL_SHARE * net:
        text = f"{adds} and the stock plan follows: {_served(net, short):.0%} of them are covered.{later}"
        return _row("campaign-covered", 4, text, "nothing to do")
    worst = judged[judged["short"] > 0]
    series, week = len(worst.drop_duplicates(["sku", "warehouse"])), worst["week"].min()
    what = f"{short:,.0f} of them ({short / net:.0%}) are short on {series:,} SKU-warehouses from {week:%Y-%m-%d} on"
    money = float(worst["money"].sum())
    text = f"{adds}; {what}, worth {money:,.0f} {currency}. {_cause(worst, as_of)}{later}"
    severity = 1 if short > SMALL_SHARE * net else 2
    return _row("campaign-supply", severity, text, _fix(campaign, judged, as_of), week=week, money=money)


def _cause(worst: pd.DataFrame, as_of: dt.date) -> str:
    """Which of the shortage an order could still have met."""
    late = worst[worst["order_by"] < pd.Timestamp(as_of)]
    if late.empty:
        return "Orders could still arrive in time, so a limit or their cost holds them back."
    share = late["short"].sum() / worst["short"].sum()
    return f"For {share:.0%} of it the order had to leave by {late['order_by'].min():%Y-%m-%d}."


def _fix(campaign: Record, lines: pd.DataFrame, as_of: dt.date) -> str:
    """The smallest fix first: order now, then a smaller audience or fewer stores, then a later start."""
    worst = lines[lines["short"] > 0]
    late = worst[worst["order_by"] < pd.Timestamp(as_of)]
    share = worst["short"].sum() / lines["net"].sum()
    if late["short"].sum() <= MATERIAL_SHARE * lines["net"].sum():
        in_time = worst[worst["order_by"] >= pd.Timestamp(as_of)]
        day, units = in_time["order_by"].min(), in_time["short"].sum()
        return f"order {units:,.0f} units more, the first by {day:%Y-%m-%d}; or {_smaller(campaign, lines)}"
    fixes = [_smaller(campaign, lines), _later(campaign, late, as_of)]
    return "; or ".join(fixes if share <= SMALL_SHARE else fixes[::-1])


def _later(campaign: Record, late: pd.DataFrame, as_of: dt.date) -> str:
    """Move the start so far that an order of today supplies every SKU-warehouse that is too late now."""
    weeks = max(int(np.ceil(((late["ready"] - late["week"]).dt.days / 7).max())), 1)
    begin = max(campaign["start"], pd.Timestamp(first_day(as_of, "week"))) + pd.Timedelta(weeks=weeks)
    return f"start {weeks} week{'s' if weeks > 1 else ''} later, on {begin:%Y-%m-%d}, and order today"


def _smaller(campaign: Record, lines: pd.DataFrame) -> str:
    """Address the share of the audience that can be served; without an audience, the stores that are covered."""
    served = _served(lines["net"].sum(), lines["short"].sum())
    audience = campaign["audience_size"]
    if audience == audience and audience > 0:
        return f"address {np.floor(served * audience):,.0f} of {audience:,.0f} customers ({served:.0%})"
    places = lines.groupby("warehouse")[["net", "short"]].sum()
    covered = sorted(places.index[places["short"] <= MATERIAL_SHARE * places["net"]])
    if covered:
        return f"run it only at {_some(covered)}: {len(covered)} of {len(places)} warehouses are covered"
    return f"offer {served:.0%} of the quantity"


def _served(net: float, short: float) -> float:
    """Share that can be served, never rounded up to more than there is."""
    return float(np.floor((1.0 - short / net) * 100) / 100) if net > 0 else 1.0


def _short_lines(lines: pd.DataFrame, severity: int, as_of: dt.date) -> list[dict[str, Any]]:
    worst = lines[lines["short"] > MATERIAL_SHARE * lines["net"]]
    return [_line(line, severity, as_of) for line in worst.to_dict("records")]


def _line(line: Record, severity: int, as_of: dt.date) -> dict[str, Any]:
    sku, place, week = line["sku"], line["warehouse"], f"{line['week']:%Y-%m-%d}"
    text = (
        f"{sku} at {place}: {line['short']:,.1f} of {line['net']:,.1f} units are short that campaign {line['campaign']}"
    )
    text += (
        f" adds in the week of {week}." if line["planned"] else f" adds in the week of {week}; it has no stock plan."
    )
    if line["order_by"] >= pd.Timestamp(as_of):
        hint = f"order by {line['order_by']:%Y-%m-%d}: a limit or the cost of that order holds it back"
    else:
        hint = f"an order of today supplies from {line['ready']:%Y-%m-%d} on: start later, or move stock there"
    return _row("campaign-short", severity, text, hint, sku, place, line["week"], float(line["money"]))


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest


def _row(
    kind: str, severity: int, text: str, hint: str, sku: str = "", warehouse: str = "", week: Any = pd.NaT,
    money: float = 0.0,
) -> dict[str, Any]:  # fmt: skip
    return dict(zip(COLUMNS, (kind, severity, sku, warehouse, week, money, text, hint), strict=True))


def _ranked(found: Iterable[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(found), columns=list(COLUMNS))
    frame = frame.astype({"severity": "int64", "money": "float64", "week": "datetime64[ns]"})
    order = ["severity", "money", "type", "sku", "warehouse", "week", "text"]
    return frame.sort_values(order, ascending=[True, False, *[True] * 5], kind="stable", ignore_index=True)
