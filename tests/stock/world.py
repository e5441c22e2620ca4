"""Tiny worlds by hand: tables, and the demand tables that the forecast would have made of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock import StockResult, check, exposure, replenish
from planner.stock.case import Case
from planner.stock.inputs import read_case

AS_OF = dt.date(2026, 3, 2)
UPLIFT = ("campaign", "sku", "warehouse", "date", "net")


@dataclass(frozen=True)
class World:
    """Rows of the tables, weekly mean by (sku, warehouse), and how much variance a week has per unit of mean."""

    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    demand: Mapping[tuple[str, str], float | Sequence[float]]
    dispersion: float = 2.0
    weeks: int = 8
    as_of: dt.date = AS_OF
    settings: Settings = field(default_factory=Settings)
    uplift: Sequence[Mapping[str, Any]] = ()

    def with_rows(self, **tables: Sequence[Mapping[str, Any]]) -> World:
        return replace(self, tables={**self.tables, **tables})

    def changed(self, table: str, **values: Any) -> World:
        """The same world with columns of one table set in all its rows."""
        return self.with_rows(**{table: [{**row, **values} for row in self.tables[table]]})

    def stock_settings(self, **values: Any) -> World:
        return replace(self, settings=replace(self.settings, stock=replace(self.settings.stock, **values)))

    @property
    def dataset(self) -> Dataset:
        return Dataset.from_frames({name: pd.DataFrame(list(rows)) for name, rows in self.tables.items() if rows})

    @property
    def weekly(self) -> pd.DataFrame:
        first = pd.Timestamp(self.as_of) - pd.Timedelta(days=self.as_of.weekday())
        rows = []
        for (sku, warehouse), level in sorted(self.demand.items()):
            means = np.broadcast_to(np.asarray(level, float), (self.weeks,))
            campaign = self._campaign(sku, warehouse, first)
            for t, mean in enumerate(means):
                rows.append({
                    "sku": sku, "warehouse": warehouse, "week": first + pd.Timedelta(weeks=t),
                    "mean": mean + campaign[t], "variance": (mean + campaign[t]) * self.dispersion,
                    "base": mean, "campaign": campaign[t],
                })  # fmt: skip
        columns = ["sku", "warehouse", "week", "mean", "variance", "base", "campaign"]
        return pd.DataFrame(rows, columns=columns).astype({"week": "datetime64[ns]"})

    def _campaign(self, sku: str, warehouse: str, first: pd.Timestamp) -> np.ndarray:
        result = np.zeros(self.weeks)
        for row in self.uplift:
            if (row["sku"], row["warehouse"]) == (sku, warehouse):
                result[(pd.Timestamp(row["date"]) - first).days // 7] += row["net"]
        return result

    @property
    def cumulative(self) -> pd.DataFrame:
        """Sums over each exposure window, weeks independent of each other."""
        windows = exposure(self.dataset, self.settings, self.as_of)
        weekly, rows = self.weekly, []
        for sku, warehouse, weeks, members in windows.itertuples(index=False):
            places = members.split("|") if members else [warehouse]
            mine = (
                weekly[(weekly["sku"] == sku) & weekly["warehouse"].isin(places)]
                .groupby("week")[["mean", "variance"]]
                .sum()
            )
            for t in range(len(mine)):
                part = mine.iloc[max(0, t - weeks + 1) : t + 1]
                rows.append({
                    "sku": sku, "warehouse": warehouse, "from_date": part.index[0],
                    "to_date": part.index[-1] + pd.Timedelta(days=6), "mean": part["mean"].sum(),
                    "variance": part["variance"].sum(),
                })  # fmt: skip
        columns = ["sku", "warehouse", "from_date", "to_date", "mean", "variance"]
        return pd.DataFrame(rows, columns=columns).astype({"from_date": "datetime64[ns]", "to_date": "datetime64[ns]"})

    @property
    def uplift_table(self) -> pd.DataFrame:
        frame = pd.DataFrame(list(self.uplift), columns=list(UPLIFT))
        return frame.astype({"date": "datetime64[ns]"})

    @property
    def case(self) -> Case:
        return read_case(self.dataset, self.weekly, self.cumulative, self.settings, self.as_of)

    def replenish(self) -> StockResult:
        return replenish(self.dataset, self.weekly, self.cumulative, self.uplift_table, self.settings, self.as_of)

    def verify(self, orders: pd.DataFrame, plan: pd.DataFrame) -> list[str]:
        return check.verify(self.dataset, self.weekly, orders, plan, self.settings, self.as_of)


def one(**terms: Any) -> World:
    """One SKU at one warehouse, bought from one supplier; `terms` are those of the sourcing row."""
    source = {"sku": "A", "source": "S", "destination": "W", "unit_cost": 2.0, "lead_days": 7.0}
    return World(
        {
            "items": [{"sku": "A", "unit_price": 5.0, "holding_cost_per_week": 0.1, "shortage_cost": 2.0,
                       "volume_m3": 0.1, "weight_kg": 1.0, "shortage": "lost"}],
            "locations": [{"location": "S", "kind": "supplier"}, {"location": "W", "kind": "warehouse"}],
            "stocking": [{"sku": "A", "warehouse": "W"}],
            "suppliers": [{"location": "S"}],
            "sourcing": [{**source, **terms}],
            "stock": [{"sku": "A", "warehouse": "W", "on_hand": 20.0}],
        },
        {("A", "W"): 10.0},
    )  # fmt: skip


def chain() -> World:
    """One SKU bought for a dc that feeds two warehouses."""
    base = one()
    more = [{"location": "V", "kind": "warehouse"}, {"location": "D", "kind": "dc"}]
    bought = {"sku": "A", "source": "S", "destination": "D", "unit_cost": 2.0, "lead_days": 14.0}
    moved = {"sku": "A", "source": "D", "lead_days": 2.0}
    on_hand = {"V": 9.0, "W": 15.0, "D": 60.0}
    world = base.with_rows(
        locations=[*base.tables["locations"], *more],
        stocking=[{"sku": "A", "warehouse": place} for place in on_hand],
        sourcing=[{**bought, "order_multiple": 12.0}, *({**moved, "destination": place} for place in ("V", "W"))],
        stock=[{"sku": "A", "warehouse": place, "on_hand": units} for place, units in on_hand.items()],
    )
    return replace(world, demand={("A", "V"): 4.0, ("A", "W"): 10.0})


def shop(skus: int = 30, warehouses: int = 4, weeks: int = 26, seed: int = 1, **settings: Any) -> World:
    """A seeded shop: a dc in front of all warehouses, MOQs, packs, breaks, joint minima, several suppliers."""
    random = np.random.default_rng(seed)
    places, suppliers = [f"W{k}" for k in range(warehouses)], [f"S{s}" for s in range(max(1, skus // 10))]
    names = ("items", "stocking", "sourcing", "stock", "price_breaks")
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    tables["locations"] = [
        {"location": "DC", "kind": "dc", "capacity_m3": 400.0 * skus},
        *({"location": place, "kind": "warehouse"} for place in places),
        *({"location": supplier, "kind": "supplier"} for supplier in suppliers),
    ]
    joint = {"order_cost": 20.0, "order_weekdays": "tue"}
    tables["suppliers"] = [
        {"location": supplier, "min_order_value": 150.0 * (s % 2), **joint} for s, supplier in enumerate(suppliers)
    ]
    demand: dict[tuple[str, str], float | Sequence[float]] = {}
    for i in range(skus):
        _stock_sku(tables, demand, random, i, suppliers[i % len(suppliers)], places, weeks)
    world = World(tables, demand, 2.5, weeks)
    return world.stock_settings(**settings) if settings else world


def _stock_sku(
    tables: dict[str, list[dict[str, Any]]], demand: dict[tuple[str, str], float | Sequence[float]],
    random: np.random.Generator, i: int, supplier: str, places: Sequence[str], weeks: int,
) -> None:  # fmt: skip
    sku, level = f"K{i:03d}", float(np.exp(random.normal(2.0, 1.0)))
    cost = float(np.round(np.exp(random.normal(1.0, 0.7)), 2))
    item = {"sku": sku, "unit_cost": cost, "unit_price": round(cost * 1.8, 2), "volume_m3": 0.01, "weight_kg": 0.5}
    tables["items"].append({**item, "shortage": "backorder" if i % 9 == 0 else "lost"})
    bought = {"sku": sku, "source": supplier, "destination": "DC", "unit_cost": cost}
    terms = {
        "order_multiple": float(random.choice([1, 6, 12])),
        "moq": float(np.ceil(level * random.choice([0, 4, 12]))),
        "lead_days": float(random.choice([7, 14, 28])),
        "order_cost": float(random.choice([0, 5])),
    }
    tables["sourcing"].append({**bought, **terms})
    if i % 4 == 0:
        step = {"min_quantity": float(np.ceil(level * 30)), "unit_cost": round(cost * 0.95, 2)}
        tables["price_breaks"].append({"sku": sku, "source": supplier, **step})
    tables["stocking"].append({"sku": sku, "warehouse": "DC"})
    tables["stock"].append({"sku": sku, "warehouse": "DC", "on_hand": float(np.ceil(level * 8 * random.random()))})
    for place in places:
        mean = level * float(random.uniform(0.3, 1.7))
        season = 1 + 0.3 * np.sin(np.arange(weeks) / 4 + i)
        demand[sku, place] = [float(x) for x in np.round(mean * season, 4)]
        tables["stocking"].append({"sku": sku, "warehouse": place})
        tables["sourcing"].append({"sku": sku, "source": "DC", "destination": place, "lead_days": 3.0})
        tables["stock"].append({"sku": sku, "warehouse": place, "on_hand": float(np.ceil(mean * 2))})
