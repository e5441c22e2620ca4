"""The tables of one run as the report reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from planner.compare import read
from planner.workspace import Run


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """Row by row, columns as attributes."""
    return iter(frame.itertuples())


@dataclass(frozen=True)
class Tables:
    """The tables of one run as the report reads them, each once."""

    run: Run

    @property
    def currency(self) -> str:
        return str(self.run.manifest.get("currency", ""))

    @cached_property
    def now(self) -> pd.Timestamp:
        """The week that holds the as-of date; without a date the first week that is planned."""
        as_of = self.run.manifest.get("as_of")
        dates = [frame[name].min() for frame, name in ((self.forecast, "date"), (self.plan, "week")) if len(frame)]
        day = pd.Timestamp(as_of) if as_of else min(dates, default=pd.Timestamp("2000-01-03"))
        return (day - pd.Timedelta(days=day.weekday())).normalize()

    @cached_property
    def forecast(self) -> pd.DataFrame:
        quantiles = ["q0.05", "q0.25", "q0.75", "q0.95"]
        return read(
            self.run, "forecast", ["sku", "warehouse", "bucket"], ["mean", "base", "campaign", *quantiles], ["date"]
        )

    @cached_property
    def history(self) -> pd.DataFrame:
        return self.run.table("history").reindex(columns=["sku", "warehouse", "date", "demand"])

    @cached_property
    def plan(self) -> pd.DataFrame:
        numbers = ["receipts", "demand", "closing", "target", "expected_shortage"]
        return read(self.run, "plan", ["sku", "warehouse"], numbers, ["week"])

    @cached_property
    def uplift(self) -> pd.DataFrame:
        numbers = ["base", "gross", "cannibalised", "halo", "pulled_forward", "net"]
        return read(self.run, "uplift", ["campaign", "sku", "warehouse", "evidence"], numbers, ["date"])

    @cached_property
    def orders(self) -> pd.DataFrame:
        texts = ["line_id", "kind", "sku", "source", "destination", "moved_by", "campaigns"]
        numbers = ["quantity", "packs", "unit_cost", "duty", "campaign_quantity"]
        frame = read(self.run, "orders", texts, numbers, ["order_week", "due_date"])
        return frame.assign(money=frame["quantity"] * frame["unit_cost"])

    @cached_property
    def loads(self) -> pd.DataFrame:
        numbers = ["shipments", "kg", "m3", "cost", "co2_kg", "campaign_kg"]
        return read(self.run, "loads", ["origin", "destination", "mode"], numbers, ["depart_week"])

    @cached_property
    def vehicle_routes(self) -> pd.DataFrame:
        numbers = ["route", "trip", "stops", "distance_km", "duration_minutes", "kg", "fill", "cost"]
        return read(self.run, "vehicle_routes", ["depot", "vehicle"], numbers, ["date"])

    @cached_property
    def visits(self) -> pd.DataFrame:
        return read(self.run, "visits", ["depot", "vehicle", "location"], ["route", "trip", "position"], ["date"])

    @cached_property
    def exceptions(self) -> pd.DataFrame:
        return read(
            self.run, "exceptions", ["type", "sku", "warehouse", "text", "hint"], ["severity", "money"], ["week"]
        )

    @cached_property
    def locations(self) -> pd.DataFrame:
        frame = self.run.table("locations").reindex(columns=["location", "kind", "latitude", "longitude"])
        return frame.dropna(subset=["latitude", "longitude"])

    @cached_property
    def items(self) -> pd.DataFrame:
        return self.run.table("items").reindex(columns=["sku", "description", "unit_price", "unit_cost"])

    @cached_property
    def unit_costs(self) -> dict[str, float]:
        """What a unit of each SKU costs: what orders pay with duty, else what items say; unknown ones left out."""
        bought = self.orders[(self.orders["kind"] == "purchase") & (self.orders["unit_cost"] > 0)]
        landed = bought["unit_cost"] + bought["duty"] / bought["quantity"]
        paid = landed.groupby(bought["sku"]).mean()
        items = self.items.assign(cost=pd.to_numeric(self.items["unit_cost"])).dropna(subset=["cost"])
        known = dict(zip(items["sku"], items["cost"].astype(float), strict=True))
        return known | {str(sku): float(cost) for sku, cost in paid.items()}
