"""Which charts a run gets: the weeks at a glance, the series that matter most, campaigns, maps."""

from __future__ import annotations

from typing import Any

import pandas as pd

from planner.compare import Comparison
from planner.explain_campaign import steps
from planner.figures import money, number, percent, plural
from planner.periods import first_days
from planner.reports.charts import Row, SeriesChart, differences, series_chart, timeline, waterfall
from planner.reports.frames import Tables, rows_of
from planner.reports.maps import Link, Place, draw_map
from planner.reports.sections import day

SHOWN_SERIES, MORE_SERIES = 9, 12
CAMPAIGN_SERIES = 3
SHOWN_CAMPAIGNS = 6
PAST_DAYS = 126
SHOWN_ROUTES = 12
_KEYS = ["sku", "warehouse"]
_INSIDE = ("dc", "warehouse", "store", "zone")
_DAYS = {"day": 1, "week": 7, "month": 30}


def weeks(tables: Tables) -> dict[str, Any] | None:
    """The timeline, once for wide and once for narrow pages; None for a run that plans no week."""
    rows = [row for row in _rows(tables) if row.spans or any(value > 0 for _, value in row.bars)]
    dates = [date for row in rows for date, _ in row.bars]
    if not dates:
        return None
    first, last = min(dates), max(dates) + pd.Timedelta(days=6)
    return {name: timeline(rows, first, last, f"weeks-{name}", name == "narrow") for name in ("wide", "narrow")}


def _rows(tables: Tables) -> list[Row]:
    demand = tables.forecast.assign(week=first_days(tables.forecast["date"], "week"))
    demand = demand.groupby("week")[["mean", "campaign"]].sum()
    plan = tables.plan.groupby("week")[["receipts", "expected_shortage"]].sum()
    bought = tables.orders[tables.orders["kind"] == "purchase"]
    bought = bought.assign(part=bought["campaign_quantity"] * bought["unit_cost"])
    spend = bought.groupby("order_week")[["money", "part"]].sum()
    carried = tables.loads.groupby("depart_week")[["kg", "campaign_kg"]].sum()
    return [
        Row("Campaigns", "", spans=_campaign_spans(tables)),
        Row("Demand", "units", _bars(demand["mean"]), _bars(demand["campaign"])),
        Row("Purchases", "money", _bars(spend["money"]), _bars(spend["part"]), currency=tables.currency),
        Row("Received", "units", _bars(plan["receipts"]), css="receipt"),
        Row("Loads", "kg", _bars(carried["kg"]), _bars(carried["campaign_kg"]), css="stock"),
        Row("Expected shortage", "units", _bars(plan["expected_shortage"]), css="short"),
    ]


def _bars(series: pd.Series) -> list[tuple[pd.Timestamp, float]]:
    return [(pd.Timestamp(week), float(value)) for week, value in series.items()]  # type: ignore[arg-type]


def _campaign_spans(tables: Tables) -> list[tuple[pd.Timestamp, pd.Timestamp, str]]:
    """The weeks in which a campaign lifts demand, the largest campaigns in order of time."""
    lifted = tables.uplift[tables.uplift["gross"] > 0]
    spans = lifted.groupby("campaign").agg(first=("date", "min"), last=("date", "max"), net=("net", "sum"))
    largest = spans.sort_values("net", ascending=False, kind="stable").head(SHOWN_CAMPAIGNS).sort_values("first")
    return [(row.first, row.last + pd.Timedelta(days=6), str(row.Index)) for row in rows_of(largest)]


def series(tables: Tables) -> dict[str, Any]:
    """Cards of the series with most money in them; further ones folded away."""
    ranked = _ranked(tables)
    chosen = _with_campaigns(ranked).head(SHOWN_SERIES + MORE_SERIES)
    cards = [_card(tables, row, position) for position, row in enumerate(_frames(tables, chosen))]
    return {"cards": cards[:SHOWN_SERIES], "more": cards[SHOWN_SERIES:], "total": len(ranked)}


def _with_campaigns(ranked: pd.DataFrame) -> pd.DataFrame:
    """The ranking, but the last places on show go to the series that campaigns lift most, where there are any."""
    first, rest = ranked.head(SHOWN_SERIES - CAMPAIGN_SERIES), ranked.iloc[SHOWN_SERIES - CAMPAIGN_SERIES :]
    lifted = rest[(rest["campaign"] > 0) & (rest["mean"] > 0)]
    lifted = lifted.assign(worth=lifted["rank"] * lifted["campaign"] / lifted["mean"])
    most = lifted.sort_values(["worth", "campaign"], ascending=False, kind="stable").head(CAMPAIGN_SERIES).index
    return pd.concat([first, rest.loc[sorted(most)], rest.drop(most)])


def _ranked(tables: Tables) -> pd.DataFrame:
    """Every series with its demand, the money in it, and the campaign's part; most money first."""
    source = tables.forecast if len(tables.forecast) else tables.plan.assign(mean=tables.plan["demand"], campaign=0.0)
    totals = source.groupby(_KEYS, as_index=False)[["mean", "campaign"]].sum()
    value = totals["sku"].map(_unit_values(tables)).astype(float)
    totals["money"] = totals["mean"] * value
    order = totals.assign(rank=totals["money"].fillna(0.0), units=totals["mean"])
    return order.sort_values(["rank", "units", *_KEYS], ascending=[False, False, True, True], ignore_index=True)


def _unit_values(tables: Tables) -> dict[str, float]:
    """What a unit is worth: its price, else its cost."""
    items = tables.items.assign(price=pd.to_numeric(tables.items["unit_price"])).dropna(subset=["price"])
    return tables.unit_costs | dict(zip(items["sku"], items["price"].astype(float), strict=True))


def _frames(tables: Tables, chosen: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of each chosen series, cut out of the large tables in one pass each."""
    keys = pd.MultiIndex.from_frame(chosen[_KEYS])

    def cut(frame: pd.DataFrame, date: str) -> dict[Any, pd.DataFrame]:
        if frame.empty:
            return {}
        rows = frame[frame["sku"].isin(chosen["sku"])]
        rows = rows[pd.MultiIndex.from_frame(rows[_KEYS]).isin(keys)]
        return {key: part.sort_values(date) for key, part in rows.groupby(_KEYS)}

    past = (
        tables.history[tables.history["date"] >= tables.now - pd.Timedelta(days=PAST_DAYS)]
        if len(tables.history)
        else tables.history
    )
    parts = {"history": cut(past, "date"), "forecast": cut(tables.forecast, "date"), "plan": cut(tables.plan, "week")}
    empty = {"history": past.iloc[:0], "forecast": tables.forecast.iloc[:0], "plan": tables.plan.iloc[:0]}
    return [
        {"row": row, **{name: found.get((row.sku, row.warehouse), empty[name]) for name, found in parts.items()}}
        for row in rows_of(chosen)
    ]


def _card(tables: Tables, found: dict[str, Any], position: int) -> dict[str, Any]:
    row, forecast = found["row"], found["forecast"]
    bucket = forecast["bucket"].iloc[0] if len(forecast) else "week"
    chart = SeriesChart(
        f"{row.sku} at {row.warehouse}", found["history"], forecast, found["plan"], _DAYS.get(bucket, 7), tables.now
    )
    worth = f", worth {money(row.money, tables.currency)}" if row.money == row.money and row.money > 0 else ""
    campaign = f"; campaigns {number(row.campaign, signed=True)}" if abs(row.campaign) > 0.05 else ""
    short = found["plan"]["expected_shortage"].sum()
    demand = found["plan"]["demand"].sum()
    return {
        "sku": row.sku,
        "warehouse": row.warehouse,
        "note": f"{number(row.mean)} units{worth}{campaign}",
        "short": f"{number(short)} units expected short" if demand and short / demand > 0.02 else "",
        "chart": series_chart(chart, f"series-{position}"),
    }


def campaigns(tables: Tables) -> dict[str, Any]:
    """Waterfall of each of the largest campaigns, and the order lines that exist because of it."""
    names = tables.uplift.groupby("campaign")["net"].sum().abs().sort_values(ascending=False, kind="stable").index
    cards = [_campaign(tables, str(name), position) for position, name in enumerate(names[:SHOWN_CAMPAIGNS])]
    return {"cards": cards, "more": max(len(names) - SHOWN_CAMPAIGNS, 0)}


def _campaign(tables: Tables, name: str, position: int) -> dict[str, Any]:
    rows = tables.uplift[tables.uplift["campaign"] == name]
    lifted = rows[rows["gross"] > 0]
    shown = steps(rows)
    base, net = shown[0][1], float(rows["net"].sum())
    evidence = lifted.sort_values("gross", ascending=False, kind="stable")["evidence"].head(1).tolist()
    return {
        "name": name,
        "when": f"{day(lifted['date'].min())} to {day(lifted['date'].max() + pd.Timedelta(days=6))}"
        if len(lifted)
        else "",
        "net": f"{number(net, signed=True)} units net",
        "share": f"{percent(net / base, signed=True)} on {lifted['sku'].nunique():,} SKUs" if base > 0 else "",
        "orders": _pegged(tables, name),
        "evidence": str(evidence[0]) if evidence else "",
        "chart": waterfall(shown, name, f"campaign-{position}"),
    }


def _pegged(tables: Tables, name: str) -> str:
    """Lines pegged to this campaign; a line of several campaigns counts for each."""
    lines = tables.orders[tables.orders["campaigns"].map(lambda codes: name in codes.split("|")).astype(bool)]
    if lines.empty:
        return ""
    worth = money((lines["campaign_quantity"] * lines["unit_cost"]).sum(), tables.currency)
    return f"{number(lines['campaign_quantity'].sum())} units in {len(lines):,} order lines, {worth}"


def lane_map(tables: Tables) -> Any:
    """Places and the lanes in use, as wide as they carry weight; nothing without two places that have coordinates."""
    flows = tables.loads.groupby(["origin", "destination"], as_index=False)[["kg"]].sum()
    known = tables.locations[tables.locations["location"].isin({*flows["origin"], *flows["destination"]})]
    if len(known) < 2:
        return ""
    most = max(flows["kg"].max(), 1e-9)
    links = [
        Link(
            (row.origin, row.destination),
            f"{row.origin} to {row.destination}: {number(round(row.kg))} kg",
            weight=row.kg / most,
        )
        for row in rows_of(flows)
    ]
    return draw_map(_places(known), links, "lane-map", "Lanes in use")


def routes(tables: Tables) -> dict[str, Any]:
    """The first tours by day and depot, and where they go."""
    frame = tables.vehicle_routes.sort_values(["date", "depot", "route", "trip"], kind="stable")
    rows = [
        {
            "date": day(row.date),
            "vehicle": row.vehicle,
            "depot": row.depot,
            "stops": number(row.stops),
            "km": number(round(row.distance_km)),
            "hours": f"{row.duration_minutes / 60:.1f}",
            "kg": number(round(row.kg)),
            "fill": percent(row.fill) if row.fill > 0 else "",
            "cost": money(row.cost, tables.currency),
        }
        for row in rows_of(frame.head(SHOWN_ROUTES))
    ]
    distance, cost = number(round(frame["distance_km"].sum())), money(frame["cost"].sum(), tables.currency)
    total = f"{plural(len(frame), 'tour')}, {distance} km, {cost}"
    return {"rows": rows, "more": max(len(frame) - SHOWN_ROUTES, 0), "total": total, "map": _tour_map(tables)}


def _tour_map(tables: Tables) -> Any:
    """The tours of the first day from its largest depot."""
    visits = tables.visits[tables.visits["date"] == tables.visits["date"].min()]
    if visits.empty:
        return ""
    depot = visits["depot"].value_counts(sort=True).index[0]
    visits = visits[visits["depot"] == depot].sort_values(["route", "trip", "position"])
    known = tables.locations[tables.locations["location"].isin({*visits["location"], depot})]
    if len(known) < 2:
        return ""
    links = [
        Link((depot, *stops, depot), f"{name[1]}, tour {name[0]:.0f}: {', '.join(stops)}", f"tour t{position % 6}", 0.5)
        for position, (name, stops) in enumerate(
            visits.groupby(["route", "vehicle", "trip"])["location"].agg(list).items()
        )
    ]
    return draw_map(_places(known), links, "tour-map", f"Tours from {depot} on {day(visits['date'].iloc[0])}")


def _places(known: pd.DataFrame) -> list[Place]:
    return [
        Place(
            row.location,
            float(row.latitude),
            float(row.longitude),
            "inside" if row.kind in _INSIDE else "outside",
            row.kind in _INSIDE,
        )
        for row in rows_of(known.sort_values("location"))
    ]


def demand_differences(comparison: Comparison) -> list[dict[str, Any]]:
    """One chart a compared run: how much more is asked for, week by week."""
    charts = []
    for position, label in enumerate(comparison.labels[1:]):
        frame = comparison.demand_weeks[comparison.demand_weeks["run"] == label]
        by_week = frame.groupby("week")[["base", "campaign"]].sum()
        if len(by_week) and by_week.abs().to_numpy().sum() > 1e-6:
            rows = [(row.Index, float(row.base), float(row.campaign)) for row in rows_of(by_week)]
            charts.append(
                {"label": label, "chart": differences(rows, f"difference-{position}", f"Extra demand of {label}")}
            )
    return charts
