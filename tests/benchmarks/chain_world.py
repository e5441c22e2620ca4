"""A generated trade with campaigns whose true effect is known, for the benchmark of the way from campaign to stock.

Written before anything was measured on it. Three countries with two warehouses each; 40,000 customers near them; 500
SKUs in 20 categories; 104 weeks of weekly sales with 48 campaigns in them, and 26 weeks ahead with the 12 to predict.

Truth of one campaign on one series and week:
gross      base x (lift - 1) x phase; log lift = elasticity x -log(1 - depth) + what the kind adds + chance of the
           event; elasticity differs by category, SKU and country. A mail reaches those of its segment who agreed to it.
lost       a share of the gross, by category, taken from the SKUs of the category there that are not promoted, most from
           those nearest to it.
halo       a share of the gross, by category, on three companions of each promoted SKU in another category.
pulled     a share of the gross, by category, missing in the three weeks after, most of it in the first.
Units: base and gained are negative binomial with the dispersion of the series; each unit of the base is lost with the
same chance, which is negative binomial again. So the effect in units is known beside the expected one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Draw = np.random.Generator

AS_OF = dt.date(2026, 3, 2)
MONDAY = pd.Timestamp(AS_OF)
PAST, AHEAD, BEFORE, TO_COME = 104, 26, 48, 12
COUNTRIES = ("DE", "FR", "PL")
PLACES = ("DE-1", "DE-2", "FR-1", "FR-2", "PL-1", "PL-2")
LATITUDE, LONGITUDE = (53.5, 48.1, 48.9, 45.8, 52.2, 50.1), (10.0, 11.6, 2.4, 4.8, 21.0, 19.9)
CUSTOMERS, SKUS, CATEGORIES, BRANDS, SUPPLIERS = 40_000, 500, 20, 40, 6
SEGMENTS, SEGMENT_SHARES = ("loyal", "occasional", "lapsed"), (0.35, 0.40, 0.25)
KINDS = ("price", "feature", "display", "email")
ADDS = {"price": 0.0, "feature": 0.25, "display": 0.2, "email": 0.3}
PHASES = ((1.0,), (1.15, 0.85), (1.25, 1.0, 0.75))
CHANCE = (0.08, 0.12, 0.08)
AFTER = (0.5, 0.3, 0.2)
MOST_LOST = 0.8


@dataclass(frozen=True)
class World:
    """`keys`: sku and warehouse of the N series. All arrays are [N, 26], in units of each week ahead.

    `demand` is what is asked for with the 12 campaigns, `base` what would be without; `effect` = demand - base, and
    `expected` its expectation given the lifts; `gross` the expected units gained by what is promoted itself.
    `foreseen`: the sum of gross for one who knows all of this but the chance of each event.
    `felt` marks cells in which one of the 12 changes anything, `running` the promoted ones.
    """

    dataset: Dataset
    keys: pd.DataFrame
    weeks: pd.DatetimeIndex
    base: Floats
    demand: Floats
    expected: Floats
    gross: Floats
    foreseen: float

    @property
    def effect(self) -> Floats:
        return self.demand - self.base

    @property
    def felt(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.expected != 0)

    @property
    def running(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.gross > 0)


@dataclass(frozen=True)
class _Goods:
    """Per SKU [S]: category, brand, price, cost; response per SKU and country [S, 3]; shares per category."""

    category: Ints
    brand: Ints
    price: Floats
    cost: Floats
    elasticity: Floats
    near: Floats
    companions: Ints
    lost: Floats
    halo: Floats
    pulled: Floats


def generated(seed: int) -> World:
    """The world of a seed, with the tables that a plan needs; the campaigns to predict are `planned`."""
    draw = np.random.default_rng(seed)
    goods, people = _goods(draw), _people(draw)
    mean, dispersion = _base(draw, goods, people)
    table, promoted = _campaigns(draw, goods)
    gained, lost, gross = (np.zeros((2, *mean.shape)) for _ in range(3))
    foreseen = 0.0
    for (_, campaign), chosen in zip(table.iterrows(), promoted, strict=True):
        ahead = int(campaign["week"] >= PAST)
        chance = _chance(draw, len(chosen))
        own = _gross(chance, campaign, chosen, mean, goods, people)
        _spill(own, chosen, mean, goods, gained[ahead], lost[ahead])
        gross[ahead] += own
        if ahead:
            usual = np.full_like(chance, sum(sd**2 for sd in CHANCE) / 2)
            foreseen += float(_gross(usual, campaign, chosen, mean, goods, people).sum())
    drawn = [np.minimum(part / mean, MOST_LOST) for part in (lost[0], lost[0] + lost[1])]
    loses = np.maximum(drawn[1] - drawn[0], 0.0) / (1.0 - drawn[0])
    left = draw.binomial(_units(draw, mean, dispersion), 1.0 - drawn[0])
    base = left + _units(draw, gained[0], dispersion)
    # Only what is asked for can be lost: a coming campaign takes from what past ones left of the base.
    demand = draw.binomial(base, 1.0 - loses) + _units(draw, gained[1], dispersion)
    expected = gained[1] - loses * (mean * (1.0 - drawn[0]) + gained[0])
    sold, ahead_of = demand[..., :PAST].reshape(-1, PAST), slice(PAST, None)
    flat = [part[..., ahead_of].reshape(-1, AHEAD).astype(np.float64) for part in (base, demand, expected, gross[1])]
    skus = _names()
    keys = pd.DataFrame({"sku": np.repeat(skus, len(PLACES)), "warehouse": np.tile(PLACES, SKUS)})
    tables = _tables(draw, goods, people, keys, sold, mean[..., :PAST].reshape(-1, PAST))
    tables |= _campaign_tables(table, promoted, goods, people, skus)
    weeks = pd.date_range(MONDAY, periods=AHEAD, freq="7D")
    return World(Dataset.from_frames(tables), keys, weeks, *flat, foreseen)


def _names() -> list[str]:
    return [f"SKU{n:03d}" for n in range(SKUS)]


def _goods(draw: Draw) -> _Goods:
    category = np.arange(SKUS) % CATEGORIES
    brand = draw.integers(BRANDS, size=SKUS)
    elasticity = (draw.normal(2.2, 0.4, CATEGORIES)[category, None] + draw.normal(0, 0.3, (SKUS, 1))
                  + draw.normal(0, 0.25, (1, len(COUNTRIES))))  # fmt: skip
    cost = np.round(draw.lognormal(1.8, 0.7, SKUS), 2)
    other = np.stack([(category + 1) % CATEGORIES + CATEGORIES * draw.integers(SKUS // CATEGORIES, size=SKUS)
                      for _ in range(3)], axis=1)  # fmt: skip
    return _Goods(
        category, brand, np.round(cost * draw.uniform(1.5, 2.2, SKUS), 2), cost, np.maximum(elasticity, 0.8),
        draw.lognormal(0, 0.6, SKUS), other,
        *(draw.uniform(*span, CATEGORIES) for span in ((0.12, 0.32), (0.03, 0.12), (0.12, 0.35))),
    )  # fmt: skip


def _people(draw: Draw) -> pd.DataFrame:
    place = draw.choice(len(PLACES), CUSTOMERS, p=(0.25, 0.15, 0.2, 0.14, 0.16, 0.1))
    return pd.DataFrame({
        "customer": [f"c{n:05d}" for n in range(CUSTOMERS)], "country": np.repeat(COUNTRIES, 2)[place],
        "home_warehouse": np.array(PLACES, object)[place], "created_on": MONDAY - pd.Timedelta(weeks=PAST + 1),
        "segment": draw.choice(SEGMENTS, CUSTOMERS, p=SEGMENT_SHARES),
        "consent_email": (draw.random(CUSTOMERS) < np.array([0.5, 0.6, 0.75])[place // 2]).astype(float),
    })  # fmt: skip


def _base(draw: Draw, goods: _Goods, people: pd.DataFrame) -> tuple[Floats, Floats]:
    """Mean units [S, places, weeks] before any campaign, and their variance over mean [S, places, 1]."""
    week = np.arange(PAST + AHEAD)
    size = people["home_warehouse"].value_counts().reindex(PLACES).to_numpy(float) * len(PLACES) / CUSTOMERS
    level = draw.lognormal(3.0, 0.8, (SKUS, 1)) * size * draw.lognormal(0, 0.2, (SKUS, len(PLACES)))
    swing, phase = draw.uniform(0.05, 0.3, CATEGORIES), draw.uniform(0, 2 * np.pi, CATEGORIES)
    season = 1 + swing[:, None] * np.sin(2 * np.pi * week / 52 + phase[:, None])
    trend = np.exp(draw.normal(0, 0.06, (SKUS, 1)) * (week - PAST) / 52)
    drift = np.exp(np.cumsum(draw.normal(0, 0.01, (SKUS, len(PLACES), len(week))), axis=2))
    mean = level[:, :, None] * (season[goods.category] * trend)[:, None, :] * drift
    return np.asarray(np.maximum(mean, 0.5)), draw.uniform(1.2, 3.0, (SKUS, len(PLACES), 1))


def _units(draw: Draw, mean: Floats, dispersion: Floats) -> Ints:
    """Negative binomial with variance = dispersion x mean."""
    return draw.poisson(draw.gamma(np.maximum(mean, 1e-12) / (dispersion - 1), dispersion - 1) * (mean > 0))


def _campaigns(draw: Draw, goods: _Goods) -> tuple[pd.DataFrame, list[Ints]]:
    """week, length, kind, depth, country (empty: all), segment by campaign, and the SKUs of each.

    The past ones are over four weeks before today; those to come begin from the sixth week on.
    """
    count = BEFORE + TO_COME
    kind = np.concatenate([draw.permutation(np.resize(KINDS, part)) for part in (BEFORE, TO_COME)])
    length = draw.integers(1, 4, count)
    week = np.concatenate([
        np.sort(draw.integers(4, PAST - 6, BEFORE)), PAST + 5 + np.sort(draw.integers(0, AHEAD - 11, TO_COME))
    ])  # fmt: skip
    depth = np.round(draw.uniform(0.10, 0.40, count), 2)
    depth = np.where(kind == "display", np.round(depth / 2, 2), depth)
    table = pd.DataFrame({
        "week": week, "length": length, "kind": kind, "depth": depth,
        "country": draw.choice(["", *COUNTRIES], count, p=(0.4, 0.2, 0.2, 0.2)),
        "segment": np.where(kind == "email", draw.choice(SEGMENTS, count), ""),
    })  # fmt: skip
    promoted = []
    for _ in range(count):
        of_category = np.flatnonzero(np.isin(goods.category, draw.choice(CATEGORIES, 2, replace=False)))
        promoted.append(np.sort(draw.choice(of_category, draw.integers(8, 16), replace=False)))
    return table, promoted


def _addressed(people: pd.DataFrame, segment: str) -> Floats:
    """Share of each warehouse's customers who are in the segment and agreed to mails."""
    asked = (people["segment"] == segment) & (people["consent_email"] > 0)
    share = asked.astype(float).groupby(people["home_warehouse"]).mean()
    return np.asarray(share.reindex(PLACES), dtype=np.float64)


def _chance(draw: Draw, skus: int) -> Floats:
    """Of one event, log lift beyond what is to be expected [skus, places]: its own, of the SKUs, of the places."""
    of_event = draw.normal(0, CHANCE[0]) + draw.normal(0, CHANCE[1], (skus, 1))
    return np.asarray(of_event + draw.normal(0, CHANCE[2], (skus, len(PLACES))), dtype=np.float64)


def _gross(
    chance: Floats, campaign: pd.Series, skus: Ints, mean: Floats, goods: _Goods, people: pd.DataFrame
) -> Floats:  # fmt: skip
    cut, kind = -np.log1p(-campaign["depth"]), campaign["kind"]
    country = np.arange(len(PLACES)) // 2
    log_lift = ADDS[kind] + goods.elasticity[skus][:, country] * cut + chance
    gain = np.maximum(np.expm1(log_lift), 0.02)
    if kind == "email":
        gain = gain * _addressed(people, campaign["segment"])
    if campaign["country"]:
        gain = gain * (np.array(COUNTRIES)[country] == campaign["country"])
    weeks = int(campaign["week"]) + np.arange(campaign["length"])
    gross = np.zeros(mean.shape)
    phase = np.array(PHASES[int(campaign["length"]) - 1])
    gross[np.ix_(skus, np.arange(len(PLACES)), weeks)] = (
        mean[np.ix_(skus, np.arange(len(PLACES)), weeks)] * gain[:, :, None] * phase
    )
    return gross


def _spill(own: Floats, skus: Ints, mean: Floats, goods: _Goods, gained: Floats, lost: Floats) -> None:
    """Add what a campaign gains and loses everywhere to `gained` and `lost`."""
    gained += own
    for sku in skus:
        weeks = np.flatnonzero(own[sku].any(axis=0))
        if not len(weeks):
            continue
        units, category = own[sku][:, weeks], goods.category[sku]
        others = np.setdiff1d(np.flatnonzero(goods.category == category), skus)
        if len(others):
            weight = goods.near[others][:, None, None] * mean[np.ix_(others, np.arange(len(PLACES)), weeks)]
            share = goods.lost[category] * weight / weight.sum(axis=0)
            lost[np.ix_(others, np.arange(len(PLACES)), weeks)] += share * units
        for companion in goods.companions[sku]:
            gained[np.ix_([companion], np.arange(len(PLACES)), weeks)] += goods.halo[category] * units / 3
        for step, part in enumerate(AFTER, start=1):
            lost[sku, :, weeks[-1] + step] += goods.pulled[category] * part * units.sum(axis=1)


def _tables(
    draw: Draw, goods: _Goods, people: pd.DataFrame, keys: pd.DataFrame, sold: Ints, mean: Floats
) -> dict[str, pd.DataFrame]:  # fmt: skip
    """items, locations, stocking, suppliers, sourcing, sales, customers, stock and pipeline."""
    skus, sellers = _names(), [f"SUP{n}" for n in range(SUPPLIERS)]
    supplier, lead = draw.integers(SUPPLIERS, size=SKUS), draw.integers(1, 5, SUPPLIERS)
    series, week = np.nonzero(sold > 0)
    dates = MONDAY - pd.to_timedelta(7 * (PAST - np.arange(PAST)), unit="D")
    weeks = lead[np.repeat(supplier, len(PLACES))]
    level = mean[:, -4:].mean(axis=1)
    rows = np.repeat(np.arange(len(keys)), weeks)
    arrives = np.arange(len(rows)) - np.repeat(np.cumsum(weeks) - weeks, weeks)
    on_way = keys.iloc[rows].reset_index(drop=True)
    sourcing = keys.rename(columns={"warehouse": "destination"})
    return {
        "items": pd.DataFrame({
            "sku": skus, "category": [f"C{n:02d}" for n in goods.category], "brand": [f"B{n:02d}" for n in goods.brand],
            "unit_cost": goods.cost, "unit_price": goods.price, "weight_kg": 1.0, "volume_m3": 0.002,
        }),
        "locations": pd.DataFrame({
            "location": [*PLACES, *sellers], "kind": ["warehouse"] * len(PLACES) + ["supplier"] * SUPPLIERS,
            "country": [*np.repeat(COUNTRIES, 2), *["DE"] * SUPPLIERS], "latitude": [*LATITUDE, *[51.0] * SUPPLIERS],
            "longitude": [*LONGITUDE, *[7.0] * SUPPLIERS],
        }),
        "stocking": keys,
        "suppliers": pd.DataFrame({"location": sellers}),
        "sourcing": sourcing.assign(
            source=np.repeat(np.array(sellers, object)[supplier], len(PLACES)), lead_days=7.0 * weeks,
            unit_cost=np.repeat(goods.cost, len(PLACES)), order_multiple=1.0, moq=1.0,
        ),
        "sales": keys.iloc[series].reset_index(drop=True).assign(
            date=dates[week], quantity=sold[series, week].astype(float)
        ),
        "customers": people.drop(columns="segment"),
        "stock": keys.assign(on_hand=np.ceil(2 * level)),
        "pipeline": on_way.rename(columns={"warehouse": "destination"}).assign(
            order_id=[f"p{n}" for n in range(len(rows))], quantity=np.ceil(level[rows]), kind="purchase", firm=True,
            source=np.repeat(np.array(sellers, object)[supplier], len(PLACES))[rows],
            due_date=MONDAY + pd.to_timedelta(7 * arrives, unit="D"),
        ),
    }  # fmt: skip


def _campaign_tables(
    table: pd.DataFrame, promoted: list[Ints], goods: _Goods, people: pd.DataFrame, skus: list[str]
) -> dict[str, pd.DataFrame]:  # fmt: skip
    names = [f"{'PAST' if n < BEFORE else 'NEXT'}{n:02d}" for n in range(len(table))]
    start = MONDAY + pd.to_timedelta(7 * (table["week"] - PAST), unit="D")
    audience = [
        float(((people["segment"] == row["segment"]) & (people["consent_email"] > 0)
               & ((row["country"] == "") | (people["country"] == row["country"]))).sum())
        if row["segment"] else np.nan for _, row in table.iterrows()
    ]  # fmt: skip
    campaigns = pd.DataFrame({
        "campaign": names, "kind": table["kind"], "start": start,
        "end": start + pd.to_timedelta(7 * table["length"] - 1, unit="D"), "country": table["country"],
        "segment": table["segment"], "audience_size": audience, "discount_rate": table["depth"],
        "status": np.where(table["week"] < PAST, "done", "planned"),
    })  # fmt: skip
    told = zip(names, promoted, table["depth"], strict=True)
    lines = [
        (name, skus[n], "*", round(goods.price[n] * (1 - depth), 2)) for name, chosen, depth in told for n in chosen
    ]
    items = pd.DataFrame(lines, columns=["campaign", "sku", "warehouse", "promo_price"])
    return {"campaigns": campaigns, "campaign_items": items}
