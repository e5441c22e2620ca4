"""Why a campaign adds what it adds: its waterfall, the evidence behind it, its weeks, and what is ordered for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.errors import UsageError
from planner.figures import money, number, percent, plural
from planner.marketing import by_campaign
from planner.marketing.parts import noise
from planner.marketing.past import BAND_Z
from planner.panel import Panel
from planner.record import Prepared
from planner.settings import nearest
from planner.workspace import Result, Run

PARTS = ("gross", "cannibalised", "halo", "pulled_forward", "net")
_STEPS = (("Gross lift", "gross", 1), ("Cannibalised", "cannibalised", -1), ("Halo", "halo", 1),
          ("Pulled forward", "pulled_forward", -1))  # fmt: skip
_KEY = ["sku", "warehouse"]
Step = tuple[str, float, str]
_MOST = 3


@dataclass(frozen=True)
class CampaignReasons:
    """`words`: a sentence or two a subject. `waterfall`: part, units; base + the parts between = base and net.

    `weeks`: the uplift by bucket, `series`: by SKU and warehouse with its evidence, `past`: the row of what it did.
    `orders` and `loads`: those of the run that exist because of it. `around`: date, demand (of the past), base,
    mean, low, high of the promoted series together, with this campaign alone.
    """

    name: str
    words: Mapping[str, str]
    waterfall: pd.DataFrame
    weeks: pd.DataFrame
    series: pd.DataFrame
    past: pd.DataFrame
    orders: pd.DataFrame
    loads: pd.DataFrame
    around: pd.DataFrame

    @property
    def steps(self) -> list[Step]:
        """As the waterfall draws them."""
        kinds = ["total", *("up" if units > 0 else "down" for units in self.waterfall["units"][1:-1]), "total"]
        return list(zip(self.waterfall["part"], self.waterfall["units"].tolist(), kinds, strict=True))


def explain_campaign(prepared: Prepared, results: Mapping[str, Result], name: str, run: Run | None) -> CampaignReasons:
    """Explain a campaign, from the results of the stages up to `uplift` and a run with orders. Raises UsageError."""
    row = _known(prepared, name)
    uplift, events = results["uplift"].table("uplift"), results["lift"].table("events")
    rows = uplift[uplift["campaign"] == name].reset_index(drop=True)
    events = events[events["campaign"] == name].reset_index(drop=True)
    past, weeks, series = by_campaign(events), by_bucket(rows), by_series(rows)
    orders, loads = because_of(run, name, "orders"), because_of(run, name, "loads")
    words = {
        "campaign": _campaign(prepared, row),
        "past": _past(past),
        "effect": _effect(prepared, row, rows, past),
        "weeks": _phased(weeks),
        "evidence": _evidence(series),
        "orders": _orders(run, rows, orders, name),
        "loads": _loads(loads),
        "supply": _supply(run, name),
    }
    waterfall = pd.DataFrame([(label, units) for label, units, _ in steps(rows)], columns=["part", "units"])
    around = _around(results, pd.concat([rows.loc[rows["gross"] > 0, _KEY], events[_KEY]]), rows)
    told = {subject: text for subject, text in words.items() if text}
    return CampaignReasons(name, told, waterfall, weeks, series, past, orders, loads, around)


def steps(rows: pd.DataFrame) -> list[Step]:
    """The waterfall of a campaign's rows of the uplift table: label, units, kind (total, up or down).

    The base is that of the rows with a gross lift; a part that is nothing is left out; the totals add up exactly.
    """
    base = float(rows.loc[rows["gross"] > 0, "base"].sum())
    parts = [(label, sign * float(rows[part].sum()), "up" if sign > 0 else "down") for label, part, sign in _STEPS]
    shown = [step for step in parts if abs(step[1]) > 1e-9]
    return [("Base", base, "total"), *shown, ("Base and net", base + sum(step[1] for step in shown), "total")]


def by_bucket(rows: pd.DataFrame) -> pd.DataFrame:
    """The uplift by date: base of what is promoted then, the parts, net, and its 80 % band (see `banded`)."""
    base = rows["base"].where(rows["gross"] > 0, 0.0)
    return banded(rows.assign(base=base), ["date"], ["base"])


def by_series(rows: pd.DataFrame) -> pd.DataFrame:
    """The uplift by SKU and warehouse, the largest first, with the evidence of each."""
    rows = rows[(rows["base"] > 0) | (rows["net"] != 0)]
    evidence = rows.drop_duplicates(_KEY)[[*_KEY, "evidence"]]
    table = banded(rows, _KEY, []).merge(evidence, on=_KEY)
    return table.sort_values("net", key=lambda net: -net.abs(), kind="stable", ignore_index=True)


def banded(rows: pd.DataFrame, by: list[str], more: list[str]) -> pd.DataFrame:
    """Sums of the uplift table by `by`, with low and high, the 80 % band of net where all lifts are off together: what
    they bring adds up, the noise of the rows partly cancels out."""
    sums = rows.assign(noise=noise(rows)).groupby(by, as_index=False)[[*more, *PARTS, "swing", "noise"]].sum()
    half = BAND_Z * np.hypot(sums.pop("swing"), np.sqrt(sums.pop("noise")))
    return pd.DataFrame(sums.assign(low=sums["net"] - half, high=sums["net"] + half))


def because_of(run: Run | None, name: str, table: str) -> pd.DataFrame:
    """The rows of a run's orders or loads whose `campaigns` name it."""
    frame = run.table(table) if run is not None else pd.DataFrame()
    if "campaigns" not in frame:
        return frame.iloc[:0]
    own = [name in str(codes).split("|") for codes in frame["campaigns"]]
    return frame[np.array(own, dtype=bool)].reset_index(drop=True)


def _known(prepared: Prepared, name: str) -> pd.Series:
    campaigns = prepared.dataset["campaigns"]
    found = campaigns[campaigns["campaign"] == name]
    if found.empty:
        raise UsageError(f"there is no campaign {name!r}", nearest(name, sorted(campaigns["campaign"])))
    return found.iloc[0]


def _around(results: Mapping[str, Result], series: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Demand and base of the promoted series over the last year, then base and mean with this campaign alone."""
    demand, cleaned = (Panel.from_wide(results[stage].table(part)) for stage, part in (("history", "demand"),
                       ("lift", "cleaned")))  # fmt: skip
    keys = pd.MultiIndex.from_frame(series.drop_duplicates(), names=_KEY)
    own = pd.MultiIndex.from_frame(demand.keys[_KEY]).isin(keys)
    past = pd.DataFrame({
        "date": demand.dates, "demand": np.nansum(demand.values[own], axis=0, dtype=float),
        "base": np.nansum(cleaned.values[own], axis=0, dtype=float),
    })  # fmt: skip
    forecast = results["demand"].table("forecast")
    here = forecast[pd.MultiIndex.from_frame(forecast[_KEY]).isin(keys)]
    ahead = here.assign(base=here["mean"]).groupby("date", as_index=False)[["base"]].sum()
    promoted = rows[pd.MultiIndex.from_frame(rows[_KEY]).isin(keys)] if len(rows) else rows
    extra = banded(promoted, ["date"], []).set_index("date").reindex(ahead["date"]).fillna(0.0)
    added = {name: ahead["base"].to_numpy() + extra[part].to_numpy() for name, part in (("mean", "net"), ("low", "low"),
             ("high", "high"))}  # fmt: skip
    return pd.concat([past, ahead.assign(**added)], ignore_index=True)


def _campaign(prepared: Prepared, row: pd.Series) -> str:
    items = prepared.dataset["campaign_items"]
    own = items[items["campaign"] == row["campaign"]]
    title = f" ({row['name']})" if row["name"] else ""
    off = f", {percent(float(row['discount_rate']))} off" if row["discount_rate"] > 0 else ""
    area = [str(row[name]) for name in ("country", "region") if row[name]]
    people = f", sent to {number(float(row['audience_size']))} customers" if row["audience_size"] > 0 else ""
    where = f" in {', '.join(area)}" if area else ""
    return (
        f"{row['campaign']}{title}: {row['kind']}, {row['start'].date()} to {row['end'].date()}{off}, on"
        f" {plural(own['sku'].nunique(), 'SKU')}{where}{people}; {row['status'] or 'planned'}."
    )


def _past(past: pd.DataFrame) -> str:
    """What it did, where it has begun."""
    if past.empty:
        return ""
    row = past.iloc[0]
    unread = f" {plural(int(row['unread']), 'series', 'series')} could not be read." if row["unread"] else ""
    if not row["baseline"] > 0:
        return f"What it did cannot be told.{unread}"
    dip = f"; {number(row['dip'])} of it were missing in the weeks after" if row["dip"] > 0 else ""
    whom = f" of those addressed, {percent(row['addressed'])} of buyers" if row["addressed"] < 0.995 else ""
    return (
        f"So far it sold {number(row['sold'])} where {number(row['baseline'])} were to be expected,"
        f" {number(row['excess'], signed=True)}{dip}. Lift {row['lift']:.2f}{whom}, four times out of five between"
        f" {row['lift_low']:.2f} and {row['lift_high']:.2f}.{unread}"
    )


def _effect(prepared: Prepared, row: pd.Series, rows: pd.DataFrame, past: pd.DataFrame) -> str:
    if not len(rows):
        return _nothing(prepared, row, past)
    waterfall = steps(rows)
    base, net = waterfall[0][1], waterfall[-1][1] - waterfall[0][1]
    parts = "; ".join(f"{label.lower()} {number(units, signed=True)}" for label, units, _ in waterfall[1:-1])
    share = f" ({percent(net / base, signed=True)})" if base > 0 else ""
    band = banded(rows, ["campaign"], []).iloc[0]
    return (
        f"Ahead it adds {number(net, signed=True)} units net to a base of {number(base)}{share}: {parts}. Four times"
        f" out of five between {number(band['low'])} and {number(band['high'])}."
    )


def _nothing(prepared: Prepared, row: pd.Series, past: pd.DataFrame) -> str:
    """Why a campaign adds nothing to the plan."""
    settings, items = prepared.scenario.settings, prepared.dataset["campaign_items"]
    if not settings.campaigns.enabled:
        return "It adds nothing: campaigns are switched off (campaigns.enabled)."
    if row["status"] not in ("", "planned", "done"):
        return f"It adds nothing, being {row['status']}: set its status to planned, or let a scenario do so."
    if row["end"] < pd.Timestamp(prepared.as_of):
        return "Ahead it adds nothing: it is over." + ("" if len(past) else " The history does not reach back to it.")
    if not (items["campaign"] == row["campaign"]).any():
        return "It adds nothing: campaign_items name no SKU for it."
    return "It adds nothing: none of its SKUs is forecast where and when it runs."


def _phased(weeks: pd.DataFrame) -> str:
    if not len(weeks):
        return ""
    place = int(weeks["net"].to_numpy().argmax())
    day, net = weeks["date"].iloc[place].date(), float(weeks["net"].iloc[place])
    lost = weeks[(weeks["gross"] <= 0) & (weeks["net"] < 0)]
    after = (
        f" Where it no longer runs {number(float(lost['net'].sum()))} until {lost['date'].max().date()}, having been"
        " bought ahead or elsewhere." if len(lost) else ""
    )  # fmt: skip
    runs = weeks.loc[weeks["gross"] > 0, "date"]
    when = f", one of {len(runs)} buckets from {runs.min().date()} to {runs.max().date()}" if len(runs) > 1 else ""
    return f"The most falls on {day}{when}: {number(net, signed=True)}.{after}"


def _evidence(series: pd.DataFrame) -> str:
    lifted = series[series["gross"] > 0].drop_duplicates("sku")
    if not len(lifted):
        return ""
    told = [f"{sku}: {text}" for sku, text in zip(lifted["sku"].head(_MOST), lifted["evidence"].head(_MOST),
                                                  strict=True)]  # fmt: skip
    more = f"; and {plural(len(lifted) - _MOST, 'more SKU')}" if len(lifted) > _MOST else ""
    return f"Evidence: {'; '.join(told)}{more}."


def _orders(run: Run | None, rows: pd.DataFrame, orders: pd.DataFrame, name: str) -> str:
    if not len(rows):
        return ""
    if run is None:
        return "Orders: none yet; planner plan makes them."
    planned = run.table("uplift")
    then = float(planned.loc[planned["campaign"] == name, "net"].sum())
    stale = ""
    if abs(then - float(rows["net"].sum())) > 1e-6 * max(1.0, abs(then)):
        stale = f" That run knew of {number(then, signed=True)} units for it; planner plan makes another."
    if not len(orders):
        return f"Orders: run {run.name} orders nothing because of it.{stale}"
    worth = money(float((orders["campaign_quantity"] * orders["unit_cost"]).sum()), str(run.manifest["currency"]))
    shared = int(orders["campaigns"].str.contains("|", regex=False).sum())
    others = f", {shared} of them shared with other campaigns" if shared else ""
    return (
        f"Orders: {plural(len(orders), 'line')} of run {run.name}{others}, {number(orders['campaign_quantity'].sum())}"
        f" of {number(orders['quantity'].sum())} units for campaigns, worth {worth}; the first leaves on"
        f" {orders['order_date'].min().date()}.{stale}"
    )


def _loads(loads: pd.DataFrame) -> str:
    if not len(loads):
        return ""
    lanes = loads.groupby(["origin", "destination"]).ngroups
    return (
        f"Loads: {number(loads['shipments'].sum())} on {plural(lanes, 'lane')}"
        f" carry {number(loads['campaign_kg'].sum())} of {number(loads['kg'].sum())} kg for campaigns."
    )


def _supply(run: Run | None, name: str) -> str:
    """The verdict of the gate on the campaign as a whole."""
    if run is None:
        return ""
    table = run.table("exceptions")
    mine = table["type"].str.startswith("campaign") & table["text"].str.startswith(f"Campaign {name} ")
    rows = table[mine & (table["sku"] == "")]
    return f"Supply: {rows['text'].iloc[0]} Next: {rows['hint'].iloc[0]}." if len(rows) else ""
