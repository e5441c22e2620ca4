"""Generated shops of any size for the benchmarks of the stock plan: tables, and demand as the forecast would give it.

Written before the solver was tuned on them, so that nothing in them leans towards it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock import exposure

AS_OF = dt.date(2026, 3, 2)
MONDAY = pd.Timestamp(AS_OF)
PLACES, SUPPLIERS, DISPERSION = 5, 8, 2.5
SUPPLY, STORAGE, BUDGET = 1.05, 5.5, 1.1
Draw = np.random.Generator


@dataclass(frozen=True)
class Shop:
    """Tables, demand by week and over each exposure window, and the settings: what `replenish` asks for."""

    dataset: Dataset
    weekly: pd.DataFrame
    cumulative: pd.DataFrame
    settings: Settings


def generated(count: int, weeks: int = 26, seed: int = 1, limits: bool = True) -> Shop:
    """About so many SKU-warehouses: five warehouses a SKU, every third SKU bought for a dc that feeds them.

    Purchases have an order cost, a MOQ, packs and, every fourth, a price break; transfers have an order cost. Demand
    is seasonal with a variance of 2.5 x mean; stock covers the lead time and one to six weeks. Of what demand asks for
    on average, one supplier of eight can deliver 105 % and the weekly budget pays 110 %; one warehouse holds 5.5 weeks
    of it.
    """
    draw = np.random.default_rng(seed)
    skus = _skus(draw, max(1, round(count / (PLACES + 1 / 3))))
    places = _places(draw, skus)
    mean = _means(draw, places, weeks)
    tables = _tables(draw, skus, places)
    budget = None
    if limits:
        tables["capacities"], budget = _limits(skus, places, mean)
    base = Settings()
    settings = replace(base, stock=replace(base.stock, horizon_weeks=weeks, budget_per_week=budget))
    dataset = Dataset.from_frames(tables)
    weekly = _weekly(places, mean)
    return Shop(dataset, weekly, _cumulative(weekly, exposure(dataset, settings, AS_OF), weeks), settings)


def with_vehicles(shop: Shop, a_week: float = 2.0, share: float = 0.04) -> Shop:
    """The shop with a lane from every source to every place it sends to. A vehicle holds what demand asks for in a week
    on average, divided by `a_week`, and costs so large a `share` of the value of its goods."""
    items = shop.dataset["items"].set_index("sku")
    sources = shop.dataset["sourcing"]
    level = shop.weekly.groupby(["sku", "warehouse"], as_index=False)["mean"].sum()
    weeks = shop.weekly["week"].nunique()
    central = sources.loc[sources["source"] == "DC", "sku"].unique()
    through = level[level["sku"].isin(central)].groupby("sku", as_index=False)["mean"].sum().assign(warehouse="DC")
    flows = sources.merge(
        pd.concat([level, through]), left_on=["sku", "destination"], right_on=["sku", "warehouse"], how="left"
    )
    weekly = flows["mean"].fillna(0.0) / weeks
    flows = flows.assign(
        m3=weekly * flows["sku"].map(items["volume_m3"]), value=weekly * flows["sku"].map(items["unit_cost"])
    )
    lanes = flows.groupby(["source", "destination"], as_index=False)[["m3", "value"]].sum()
    lanes = lanes[lanes["m3"] > 0]
    table = pd.DataFrame({
        "origin": lanes["source"], "destination": lanes["destination"], "mode": "road",
        "cost_per_shipment": (share * lanes["value"] / a_week).round(2), "capacity_m3": (lanes["m3"] / a_week).round(3),
    })  # fmt: skip
    settings = replace(shop.settings, stock=replace(shop.settings.stock, whole_trucks=True))
    frames = {name: shop.dataset[name] for name in shop.dataset}
    return replace(shop, dataset=Dataset.from_frames({**frames, "lanes": table}), settings=settings)


def _skus(draw: Draw, count: int) -> pd.DataFrame:
    cost = np.round(np.exp(draw.normal(1.5, 0.8, count)), 2) + 0.05
    frame = pd.DataFrame({"sku": [f"K{i:05d}" for i in range(count)], "cost": cost})
    return frame.assign(
        level=np.exp(draw.normal(2.0, 0.9, count)), behind_dc=np.arange(count) % 3 == 0,
        supplier=[f"S{s}" for s in draw.integers(0, SUPPLIERS, count)],
        volume=np.round(draw.uniform(0.01, 0.1, count), 4), lost=draw.random(count) < 0.7,
        pack=draw.choice([1.0, 6.0, 12.0], count), lot=draw.choice([0.0, 2.0, 5.0], count),
        order_cost=draw.choice([3.0, 8.0, 20.0], count), lead=draw.choice([7.0, 14.0, 21.0], count),
        phase=draw.uniform(0, 2 * np.pi, count), swing=draw.uniform(0.1, 0.5, count),
    )  # fmt: skip


def _places(draw: Draw, skus: pd.DataFrame) -> pd.DataFrame:
    """Every SKU at every warehouse, with its level there."""
    frame = skus.merge(pd.DataFrame({"warehouse": [f"W{k}" for k in range(PLACES)]}), how="cross")
    return frame.assign(level=frame["level"] * draw.uniform(0.4, 1.6, len(frame)))


def _means(draw: Draw, places: pd.DataFrame, weeks: int) -> np.ndarray:
    """[places, weeks] level x season x a little noise that the forecast knows of."""
    year = np.arange(weeks)[None, :] / 26 * 2 * np.pi + places["phase"].to_numpy()[:, None]
    season = 1 + places["swing"].to_numpy()[:, None] * np.sin(year)
    noise = draw.lognormal(0.0, 0.1, (len(places), weeks))
    return np.asarray(np.round(places["level"].to_numpy()[:, None] * season * noise, 4))


def _tables(draw: Draw, skus: pd.DataFrame, places: pd.DataFrame) -> dict[str, pd.DataFrame]:
    central = skus[skus["behind_dc"]].assign(warehouse="DC", level=lambda f: f["level"] * PLACES)
    fed, direct = places[places["behind_dc"]], places[~places["behind_dc"]]
    stocked = pd.concat([places, central], ignore_index=True)
    bought = pd.concat([direct, central], ignore_index=True)
    weeks_held = stocked["lead"] / 7 + draw.uniform(1, 6, len(stocked))
    kinds = {
        "DC": "dc",
        **{f"W{k}": "warehouse" for k in range(PLACES)},
        **{f"S{s}": "supplier" for s in range(SUPPLIERS)},
    }
    return {
        "items": pd.DataFrame({
            "sku": skus["sku"], "unit_cost": skus["cost"], "unit_price": (1.8 * skus["cost"]).round(2),
            "volume_m3": skus["volume"], "shortage": np.where(skus["lost"], "lost", "backorder"),
        }),
        "locations": pd.DataFrame({"location": list(kinds), "kind": list(kinds.values())}),
        "suppliers": pd.DataFrame({"location": [f"S{s}" for s in range(SUPPLIERS)]}),
        "stocking": stocked[["sku", "warehouse"]],
        "stock": stocked[["sku", "warehouse"]].assign(on_hand=np.ceil(stocked["level"] * weeks_held)),
        "sourcing": pd.concat([_purchases(bought), _transfers(fed)], ignore_index=True),
        "price_breaks": _breaks(skus),
    }  # fmt: skip


def _purchases(bought: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({
        "sku": bought["sku"], "source": bought["supplier"], "destination": bought["warehouse"],
        "unit_cost": bought["cost"], "lead_days": bought["lead"], "order_cost": bought["order_cost"],
        "moq": np.ceil(bought["level"] * bought["lot"] / bought["pack"]) * bought["pack"],
        "order_multiple": bought["pack"],
    })  # fmt: skip


def _transfers(fed: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({
        "sku": fed["sku"], "source": "DC", "destination": fed["warehouse"], "lead_days": 3.0, "order_cost": 1.0,
        "moq": 0.0, "order_multiple": 1.0,
    })  # fmt: skip


def _breaks(skus: pd.DataFrame) -> pd.DataFrame:
    chosen = skus.iloc[::4]
    units = np.ceil(chosen["level"] * np.where(chosen["behind_dc"], 6 * PLACES, 6) / chosen["pack"]) * chosen["pack"]
    return pd.DataFrame({"sku": chosen["sku"], "source": chosen["supplier"], "min_quantity": units,
                         "unit_cost": (0.97 * chosen["cost"]).round(4)})  # fmt: skip


def _limits(skus: pd.DataFrame, places: pd.DataFrame, mean: np.ndarray) -> tuple[pd.DataFrame, float]:
    """Capacity of supplier S0 in units, storage of warehouse W0 in m3, and the budget a week."""
    weekly = mean.mean(axis=1)
    supply = SUPPLY * weekly[(places["supplier"] == "S0").to_numpy()].sum()
    storage = STORAGE * (weekly * places["volume"])[(places["warehouse"] == "W0").to_numpy()].sum()
    weeks = [MONDAY + pd.Timedelta(weeks=t) for t in range(mean.shape[1])]
    rows: list[dict[str, Any]] = []
    for week in weeks:
        rows.append({"scope": "supply", "resource": "S0", "measure": "units", "week": week, "limit": np.floor(supply)})
        rows.append({"scope": "storage", "resource": "W0", "measure": "m3", "week": week, "limit": storage})
    return pd.DataFrame(rows), float(np.floor(BUDGET * (weekly * places["cost"]).sum()))


def _weekly(places: pd.DataFrame, mean: np.ndarray) -> pd.DataFrame:
    weeks = mean.shape[1]
    frame = places[["sku", "warehouse"]].loc[np.repeat(places.index, weeks)].reset_index(drop=True)
    week = np.tile((MONDAY + pd.to_timedelta(7 * np.arange(weeks), unit="D")).to_numpy(), len(places))
    values = mean.ravel()
    return frame.assign(
        week=week.astype("datetime64[ns]"), mean=values, variance=values * DISPERSION, base=values, campaign=0.0
    )


def _cumulative(weekly: pd.DataFrame, windows: pd.DataFrame, weeks: int) -> pd.DataFrame:
    """Sums over each exposure window, weeks and places independent of each other."""
    wide = weekly.pivot(index=["sku", "warehouse"], columns="week", values="mean")
    own = pd.MultiIndex.from_frame(windows[["sku", "warehouse"]])
    total = wide.groupby(level="sku").sum().reindex(own.get_level_values(0)).to_numpy()
    mean = np.where((windows["members"] != "").to_numpy()[:, None], total, wide.reindex(own).to_numpy())
    length = windows["weeks"].to_numpy()
    running = np.concatenate([np.zeros((len(mean), 1)), np.cumsum(mean, axis=1)], axis=1)
    first = np.maximum(np.arange(1, weeks + 1)[None, :] - length[:, None], 0)
    sums = running[:, 1:] - np.take_along_axis(running, first, axis=1)
    frame = windows[["sku", "warehouse"]].loc[np.repeat(windows.index, weeks)].reset_index(drop=True)
    start = MONDAY + pd.to_timedelta(7 * first.ravel(), unit="D")
    end = MONDAY + pd.to_timedelta(7 * np.tile(np.arange(weeks), len(windows)) + 6, unit="D")
    return frame.assign(from_date=start, to_date=end, mean=sums.ravel(), variance=sums.ravel() * DISPERSION)
