"""Small believable runs for the tests of comparison, exports and reports: juices, teas and one campaign."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from planner.tables import QUANTILE_COLUMNS, QUANTILES
from planner.workspace import Draft, Run, Workspace

AS_OF = pd.Timestamp("2026-03-02")
SPREAD = np.array([-1.64, -1.28, -0.67, 0.0, 0.67, 1.28, 1.64, 2.33])
SKUS = ("APPLE-1L", "CHERRY-1L", "MATE-500", "OOLONG-250", "ORANGE-1L", "SENCHA-100")
WAREHOUSES = ("LEJ", "LYS", "WAW")
SUPPLIERS = ("SUP-BREMEN", "SUP-GDANSK", "SUP-TOKYO")
COST = dict(zip(SKUS, (0.82, 1.64, 1.1, 7.9, 0.95, 12.4), strict=True))
CAMPAIGN_SKUS = ("APPLE-1L", "ORANGE-1L")


def make_run(
    folder: Path, scenario: str = "base", weeks: int = 26, campaign: float = 0.0, demand: float = 1.0, **manifest: Any
) -> Run:
    """A whole run written by the workspace itself; `campaign` scales the spring campaign, `demand` everything."""
    tables = make_tables(weeks, campaign, demand)
    content = {
        "scenario": scenario,
        "title": {"base": "Base", "spring-campaign": "Spring campaign"}.get(scenario, scenario),
        "as_of": "2026-03-02",
        "created": "2026-03-02T07:31:00+00:00",
        "seed": 1,
        "currency": "EUR",
        "versions": {"planner": "0.1.0", "python": "3.11.9"},
        "settings": {"plan": {"bucket": "week"}},
        "changes": [{"key": "campaigns.status where campaign=SPRING", "old": "draft", "new": "planned",
                     "by": "scenarios/spring-campaign.toml"}] if campaign else [],
        "assumptions": {"lead_days": "14 days where sourcing names none (12 rows)"},
        "notes": ["no capacities: only the limits of locations and budget hold"],
        "timings": {"history": 0.21, "baseline": 1.4, "stock": 3.2, "routes": 0.6},
        "stock": {"status": "feasible", "objective": 41250.0, "bound": 41110.5, "gap": 0.0034, "check": []},
        "routes": {"freight": float(tables["loads"]["cost"].sum())},
    } | manifest  # fmt: skip
    return Workspace(folder).write_run(
        f"2026-03-02-{scenario}", Draft(tables, key_figures(tables)), {}, content
    )  # fmt: skip


def small_run(folder: Path, scenario: str, tables: dict[str, pd.DataFrame], **manifest: object) -> Run:
    """A run of just these tables."""
    content = {"scenario": scenario, "as_of": "2026-03-02", "currency": "EUR", **manifest}
    return Workspace(folder).write_run(f"run-{scenario}", Draft(tables, {}), {}, content)


def key_figures(tables: dict[str, pd.DataFrame]) -> dict[str, float]:
    plan, orders, loads = tables["plan"], tables["orders"], tables["loads"]
    bought = orders[orders["kind"] == "purchase"]
    return {
        "demand": float(tables["forecast"]["mean"].sum()),
        "campaign_demand": float(tables["forecast"]["campaign"].sum()),
        "fill_rate": float(1 - plan["expected_shortage"].sum() / plan["demand"].sum()),
        "expected_shortage": float(plan["expected_shortage"].sum()),
        "stock_value": float((plan["closing"] * plan["sku"].map(COST)).sum() / plan["week"].nunique()),
        "spend": float((bought["quantity"] * bought["unit_cost"]).sum()),
        "order_lines": len(orders),
        "freight": float(loads["cost"].sum()),
        "co2_kg": float(loads["co2_kg"].sum()),
        "objective": 41250.0,
        "bound": 41110.5,
        "gap": 0.0034,
    }


def make_tables(weeks: int, campaign: float, demand: float) -> dict[str, pd.DataFrame]:
    return {name: frame.copy() for name, frame in _tables(weeks, campaign, demand).items()}


@cache
def _tables(weeks: int, campaign: float, demand: float) -> dict[str, pd.DataFrame]:
    forecast = make_forecast(weeks, campaign, demand)
    plan = make_plan(forecast)
    orders = make_orders(plan)
    loads = make_loads(orders)
    return {
        "history": make_history(),
        "forecast": forecast,
        "uplift": make_uplift(forecast),
        "plan": plan,
        "orders": orders,
        "loads": loads,
        "vehicle_routes": make_routes(),
        "visits": make_visits(),
        "exceptions": make_exceptions(),
        "items": make_items(),
        "locations": make_locations(),
    }


def series() -> pd.DataFrame:
    return pd.DataFrame([(sku, place) for sku in SKUS for place in WAREHOUSES], columns=["sku", "warehouse"])


def level(frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    return 40.0 + 55.0 * frame["sku"].map(SKUS.index) + 30.0 * frame["warehouse"].map(WAREHOUSES.index).to_numpy()


def season(dates: pd.Series) -> np.ndarray[Any, Any]:
    return (1 + 0.25 * np.sin((dates.dt.dayofyear - 80) / 365 * 2 * np.pi)).to_numpy()


def crossed(first: pd.Timestamp, weeks: int, name: str) -> pd.DataFrame:
    dates = pd.DataFrame({name: pd.date_range(first, periods=weeks, freq="7D", unit="ns")})
    return series().merge(dates, how="cross")


def make_history() -> pd.DataFrame:
    frame = crossed(AS_OF - pd.Timedelta(weeks=52), 52, "date")
    noise = np.random.default_rng(7).normal(1, 0.22, len(frame)).clip(0.2)
    demand = np.round(level(frame) * season(frame["date"]) * noise)
    return frame.assign(sold=np.round(demand * np.where(np.arange(len(frame)) % 17 == 0, 0.4, 1)), demand=demand)


def make_forecast(weeks: int, campaign: float, demand: float) -> pd.DataFrame:
    frame = crossed(AS_OF, weeks, "date")
    base = level(frame) * season(frame["date"]) * demand
    week = ((frame["date"] - AS_OF).dt.days // 7).to_numpy()
    profile = np.select([week == 6, week == 7, (week > 7) & (week < 11)], [0.9, 0.6, -0.12], 0.0)
    extra = base * profile * campaign * frame["sku"].isin(CAMPAIGN_SKUS).to_numpy()
    mean = base + extra
    spread = np.sqrt(mean * 4) * (1 + week / 30)
    quantiles = {name: np.maximum(mean + spread * z, 0) for name, z in zip(QUANTILE_COLUMNS, SPREAD, strict=True)}
    assert len(QUANTILES) == len(SPREAD)
    parts = {"bucket": "week", "mean": mean, **quantiles, "base": base, "campaign": extra, "method": "blend"}
    return frame.assign(**parts, overridden=False, variance=spread**2)


def make_uplift(forecast: pd.DataFrame) -> pd.DataFrame:
    rows = forecast[forecast["campaign"] != 0].reset_index(drop=True)
    gross = rows["campaign"].clip(lower=0) / 0.85
    pulled = (-rows["campaign"]).clip(lower=0)
    frame = pd.DataFrame(
        {"campaign": "SPRING", "sku": rows["sku"], "warehouse": rows["warehouse"], "date": rows["date"]}
    )
    frame = frame.assign(
        base=rows["base"], gross=gross, cannibalised=gross * 0.2, halo=gross * 0.05, pulled_forward=pulled
    )
    return frame.assign(net=rows["campaign"], variance=gross * 3, evidence="4 own events, 11 like it")


def make_plan(forecast: pd.DataFrame) -> pd.DataFrame:
    """Every fourth week a receipt of what the next four weeks ask for; a thin second month for one SKU."""
    rows = []
    for (sku, place), group in forecast.groupby(["sku", "warehouse"]):
        stock = float(group["mean"].iloc[0]) * 3
        for position, (week, mean, extra) in enumerate(
            zip(group["date"], group["mean"], group["campaign"], strict=True)
        ):
            coming = group["mean"].iloc[position : position + 4].sum()
            short = sku == "SENCHA-100" and 4 <= position < 8
            receipts = (
                np.ceil(coming * (0.4 if short else 1.02) / 12) * 12
                if position % 4 == 2 or (short and position == 4)
                else 0.0
            )
            closing = max(stock + receipts - mean, 0.0)
            shortage = max(mean - stock - receipts, 0.0) + 0.004 * mean
            rows.append(
                (sku, place, week, stock, receipts, mean, extra, 0.0, closing, shortage, closing / mean, mean * 1.5)
            )
            stock = closing
    stocks = ["opening", "receipts", "demand", "campaign_demand", "shipped", "closing"]
    return pd.DataFrame(
        rows, columns=["sku", "warehouse", "week", *stocks, "expected_shortage", "cover_weeks", "target"]
    )


def make_orders(plan: pd.DataFrame) -> pd.DataFrame:
    """A line for every receipt: juices from the north, dutiable tea from Tokyo, everything for Lyon through Leipzig."""
    due = plan[plan["receipts"] > 0].reset_index(drop=True)
    lead = np.where(due["sku"].isin(["OOLONG-250", "SENCHA-100"]), 21, 14)
    week = (due["week"] - pd.to_timedelta(lead, unit="D")).clip(lower=AS_OF)
    transfer = (due["warehouse"] == "LYS").to_numpy()
    source = np.where(transfer, "LEJ", due["sku"].map(lambda sku: SUPPLIERS[SKUS.index(sku) % 3]))
    campaign = np.minimum(due["campaign_demand"].clip(lower=0) * 2, due["receipts"]).round()
    return pd.DataFrame(
        {
            "line_id": [
                f"{s}-{w}-{d:%y%m%d}" for s, w, d in zip(due["sku"], due["warehouse"], due["week"], strict=True)
            ],
            "kind": np.where(transfer, "transfer", "purchase"),
            "sku": due["sku"],
            "source": source,
            "destination": due["warehouse"],
            "order_date": week,
            "order_week": week,
            "due_date": due["week"],
            "due_week": due["week"],
            "quantity": due["receipts"],
            "packs": due["receipts"] / 12,
            "unit_cost": due["sku"].map(COST),
            "duty": np.where(source == "SUP-TOKYO", (due["receipts"] * due["sku"].map(COST) * 0.032).round(2), 0.0),
            "freight": (due["receipts"] * 0.06).round(2),
            "moved_by": np.where(np.arange(len(due)) % 3 == 0, "order multiple", ""),
            "status": "proposed",
            "campaign_quantity": campaign,
            "campaigns": np.where(campaign > 0, "SPRING", ""),
        }
    ).sort_values("line_id", ignore_index=True)


def make_loads(orders: pd.DataFrame) -> pd.DataFrame:
    lanes = orders.groupby(["source", "destination", "order_week"], as_index=False).agg(
        quantity=("quantity", "sum"), lines=("line_id", "size"), campaign=("campaign_quantity", "sum")
    )
    mode = np.where(lanes["source"] == "SUP-TOKYO", "sea", "road")
    kg = lanes["quantity"] * 1.05
    return pd.DataFrame(
        {
            "load_id": [f"L{position:04d}" for position in range(len(lanes))],
            "origin": lanes["source"],
            "destination": lanes["destination"],
            "mode": mode,
            "carrier": "",
            "depart_date": lanes["order_week"],
            "depart_week": lanes["order_week"],
            "arrive_date": lanes["order_week"] + pd.Timedelta(days=3),
            "kg": kg,
            "m3": kg / 400,
            "lines": lanes["lines"],
            "shipments": np.ceil(kg / 2500).astype(int),
            "fill": (kg / 2500 / np.ceil(kg / 2500)).round(4),
            "cost": np.ceil(kg / 2500) * np.where(mode == "sea", 820.0, 240.0),
            "co2_kg": kg * 0.07,
            "campaign_kg": lanes["campaign"] * 1.05,
        }
    )


def make_routes() -> pd.DataFrame:
    days = [AS_OF, AS_OF, AS_OF + pd.Timedelta(days=1)]
    return pd.DataFrame(
        {
            "depot": "LEJ", "date": days, "vehicle": ["van", "truck", "truck"], "route": [1, 2, 1], "trip": 1,
            "stops": [3, 2, 3], "distance_km": [182.4, 96.0, 211.8], "duration_minutes": [315.0, 190.0, 344.0],
            "kg": [640.0, 2210.0, 1930.0], "m3": [4.1, 12.6, 11.2], "fill": [0.71, 0.92, 0.8],
            "cost": [212.5, 248.0, 301.7], "co2_kg": [41.0, 62.0, 88.0],
            "start": [day + pd.Timedelta(hours=6) for day in days],
            "end": [day + pd.Timedelta(hours=12) for day in days],
        }
    )  # fmt: skip


def make_visits() -> pd.DataFrame:
    stops = [
        ("van", 1, "HALLE"),
        ("van", 1, "ERFURT"),
        ("van", 1, "JENA"),
        ("truck", 2, "DRESDEN"),
        ("truck", 2, "CHEMNITZ"),
    ]
    rows = [(AS_OF, *stop) for stop in stops]
    rows += [(AS_OF + pd.Timedelta(days=1), "truck", 1, place) for place in ("DRESDEN", "COTTBUS", "HALLE")]
    frame = pd.DataFrame(rows, columns=["date", "vehicle", "route", "location"])
    position = frame.groupby(["date", "vehicle", "route"]).cumcount() + 1
    return frame.assign(depot="LEJ", trip=1, position=position, delivery=[f"D{n}" for n in range(len(frame))])


def make_exceptions() -> pd.DataFrame:
    weeks = [AS_OF + pd.Timedelta(weeks=4), AS_OF + pd.Timedelta(weeks=6), pd.NaT, AS_OF]
    return pd.DataFrame(
        {
            "type": ["shortage", "campaign-gap", "no-lead-time", "excess"],
            "severity": [1, 1, 2, 3],
            "sku": ["SENCHA-100", "ORANGE-1L", "MATE-500", "CHERRY-1L"],
            "warehouse": ["WAW", "LEJ", "", "LYS"],
            "week": pd.Series(weeks, dtype="datetime64[ns]"),
            "money": [8410.0, 2210.5, 980.0, 412.0],
            "text": [
                "SENCHA-100 at WAW runs short from 2026-03-30: 310 units of demand find no stock.",
                "SPRING asks for 420 units of ORANGE-1L at LEJ that supply cannot bring in time.",
                "MATE-500 has no lead time at SUP-TOKYO; 14 days are assumed.",
                "CHERRY-1L at LYS holds 9.5 weeks of cover.",
            ],
            "hint": [
                "Order 360 units from SUP-TOKYO by air before 2026-03-16.",
                "Move SPRING one week later, or leave ORANGE-1L out at LEJ.",
                "Fill sourcing.lead_days.",
                "Transfer 120 units to LEJ.",
            ],
        }
    )


def make_items() -> pd.DataFrame:
    category = ["juice", "juice", "tea", "tea", "juice", "tea"]
    price = [cost * 1.7 for cost in COST.values()]
    return pd.DataFrame(
        {"sku": SKUS, "description": "", "category": category, "unit_cost": COST.values(), "unit_price": price}
    )


def make_locations() -> pd.DataFrame:
    rows = [
        ("SUP-BREMEN", "supplier", 53.08, 8.80), ("SUP-GDANSK", "supplier", 54.35, 18.65),
        ("SUP-TOKYO", "supplier", 35.68, 139.77), ("LEJ", "warehouse", 51.42, 12.24), ("LYS", "warehouse", 45.73, 5.08),
        ("WAW", "warehouse", 52.17, 20.97), ("HALLE", "store", 51.48, 11.97), ("ERFURT", "store", 50.98, 11.03),
        ("JENA", "store", 50.93, 11.59), ("DRESDEN", "store", 51.05, 13.74), ("CHEMNITZ", "store", 50.83, 12.92),
        ("COTTBUS", "store", 51.76, 14.33),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["location", "kind", "latitude", "longitude"])
