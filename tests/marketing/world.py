"""A small world whose truth is known: levels, season, a holiday, price promotions with lift and pull-forward."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.panel import Panel
from planner.periods import bucket_range

AS_OF = dt.date(2026, 3, 2)
WEEKS, HORIZON = 130, 12
ELASTICITY, SKU_SD, EVENT_SD = 2.2, 0.12, 0.15
PULLED, PULLED_WEEKS = 0.2, 3
DEPTHS = (0.1, 0.2, 0.3, 0.4)


def table(name: str, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table of its contract: every column, defaults filled in."""
    return Dataset.from_frames({name: pd.DataFrame(rows)})[name]


@dataclass(frozen=True)
class World:
    demand: Panel
    base: np.ndarray  # true baseline, [series, history and horizon]
    forecast: pd.DataFrame
    campaigns: pd.DataFrame
    campaign_items: pd.DataFrame
    items: pd.DataFrame
    locations: pd.DataFrame
    net: pd.DataFrame  # sku, warehouse, date: units that promotions truly add in their own weeks of the horizon


def make_world(
    seed: int = 1, skus: int = 24, warehouses: int = 3, past: int = 14, planned: int = 3, level: float = 60.0,
    dispersion: float = 1.5, status: str = "done",
) -> World:  # fmt: skip
    rng = np.random.default_rng(seed)
    names, places = [f"S{i:03d}" for i in range(skus)], [f"W{i}" for i in range(warehouses)]
    keys = pd.DataFrame([(sku, place) for sku in names for place in places], columns=["sku", "warehouse"])
    items = table("items", [_item(name, i) for i, name in enumerate(names)])
    locations = table(
        "locations",
        [{"location": place, "kind": "warehouse", "country": "DE" if i else "FR"} for i, place in enumerate(places)],
    )
    first = AS_OF - dt.timedelta(weeks=WEEKS)
    dates = bucket_range(first, WEEKS + HORIZON, "week")
    base = _base(rng, items, warehouses, level)
    runs = _runs(rng, names, past, planned, dates)
    extra, gained = _promotions(rng, runs, base, names, warehouses)
    mean = np.maximum(base + extra, 0.01)
    units = rng.negative_binomial(mean / (dispersion - 1.0), 1.0 / dispersion).astype(float)
    campaigns = table("campaigns", [_campaign(run, status) for run in runs])
    rows = [{"campaign": run["campaign"], "sku": names[i], "warehouse": "*"} for run in runs for i in run["skus"]]
    series, bucket = np.nonzero(gained[:, WEEKS:])
    net = keys.iloc[series].reset_index(drop=True).assign(date=dates[WEEKS + bucket])
    net = net.assign(net=extra[:, WEEKS:][series, bucket])
    return World(
        Panel(keys, dates[:WEEKS], units[:, :WEEKS].astype(np.float32)),
        base,
        _forecast(keys, dates[WEEKS:], base[:, WEEKS:], dispersion),
        campaigns,
        table("campaign_items", rows),
        items,
        locations,
        net,
    )


def _item(name: str, i: int) -> dict[str, Any]:
    return {
        "sku": name,
        "category": ("juice", "tea", "water")[i % 3],
        "brand": ("Acme", "Brio")[i // 3 % 2],
        "unit_price": 10.0,
        "unit_cost": 6.0,
    }


def _base(rng: np.random.Generator, items: pd.DataFrame, warehouses: int, level: float) -> np.ndarray:
    week = np.arange(WEEKS + HORIZON)
    phase = items["category"].map({"juice": 0.0, "tea": 2.0, "water": 4.0}).to_numpy().repeat(warehouses)
    season = 1.0 + 0.25 * np.sin(2 * np.pi * week[None, :] / 52 + phase[:, None])
    holiday = np.where(week % 52 == 20, 1.5, 1.0)
    return level * rng.lognormal(0.0, 0.5, (len(phase), 1)) * season * holiday


def _runs(
    rng: np.random.Generator, names: list[str], past: int, planned: int, dates: pd.DatetimeIndex
) -> list[dict[str, Any]]:
    """Campaigns of two weeks on a quarter of the SKUs, past ones eight or nine weeks apart."""
    starts = [16 + 8 * n + int(rng.integers(0, 2)) for n in range(past)] + [
        WEEKS + 1 + 3 * n % (HORIZON - 3) for n in range(planned)
    ]
    return [
        {
            "campaign": f"C{n:02d}",
            "week": week,
            "date": dates[week],
            "depth": float(rng.choice(DEPTHS)),
            "skus": sorted(int(i) for i in rng.choice(len(names), max(len(names) // 4, 1), replace=False)),
        }
        for n, week in enumerate(starts)
    ]


def _campaign(run: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "campaign": run["campaign"],
        "kind": "price",
        "start": run["date"],
        "end": run["date"] + pd.Timedelta(days=13),
        "discount_rate": run["depth"],
        "status": status if run["week"] < WEEKS else "planned",
    }


def _promotions(
    rng: np.random.Generator, runs: list[dict[str, Any]], base: np.ndarray, names: list[str], warehouses: int
) -> tuple[np.ndarray, np.ndarray]:
    """What promotions add to every cell (less what was bought ahead), and the gross part alone."""
    response = rng.normal(0.0, SKU_SD, len(names))
    extra, gross = np.zeros_like(base), np.zeros_like(base)
    for run in runs:
        for i in run["skus"]:
            lift = np.exp(-ELASTICITY * np.log1p(-run["depth"]) + response[i] + rng.normal(0.0, EVENT_SD))
            rows = slice(i * warehouses, (i + 1) * warehouses)
            weeks = slice(run["week"], run["week"] + 2)
            more = base[rows, weeks] * (lift - 1.0)
            gross[rows, weeks] += more
            extra[rows, weeks] += more
            after = slice(weeks.stop, weeks.stop + PULLED_WEEKS)
            extra[rows, after] -= PULLED * more.sum(axis=1, keepdims=True) / PULLED_WEEKS
    return extra, gross


def _forecast(keys: pd.DataFrame, dates: pd.DatetimeIndex, mean: np.ndarray, dispersion: float) -> pd.DataFrame:
    rows = keys.loc[keys.index.repeat(len(dates))].reset_index(drop=True)
    return rows.assign(
        date=np.tile(dates, len(keys)), mean=mean.ravel(), variance=mean.ravel() * dispersion, method="truth"
    )
