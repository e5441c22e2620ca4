"""Customers as keyed hashes, what a sample of them bought and looked at, and who was written to."""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.demo.assortment import Floats, Rng
from planner.demo.atlas import atlas
from planner.demo.promotions import Bookings, Campaign
from planner.demo.sizes import TODAY, Size

SEGMENTS = ("families", "gardeners", "bargain hunters", "sweet teeth")
TASTES: dict[str, tuple[str, ...]] = {
    "families": ("fruit", "dairy", "baby", "household", "personal care", "frozen"),
    "gardeners": ("garden", "tools", "fruit", "beverages"),
    "bargain hunters": ("household", "snacks", "pet", "stationery", "beverages"),
    "sweet teeth": ("chocolate", "snacks", "coffee", "toys"),
}
LIKED, OTHER = 1.0, 0.3
OCCUPATIONS = ("employed", "self-employed", "student", "retired", "")
USUAL = 0.08  # share of customers who buy in the week without any message
MOVED = {"families": 0.045, "gardeners": 0.02, "bargain hunters": 0.035, "sweet teeth": 0.01}


def make_customers(size: Size, seed: int, rng: Rng) -> pd.DataFrame:
    """Sorted by key. `segment` and `pace` (orders per week) are hidden traits."""
    count = size.customers
    key = hashlib.sha256(f"planner demo {seed}".encode()).digest()
    names = [hmac.new(key, f"customer {number}".encode(), hashlib.sha256).hexdigest()[:16] for number in range(count)]
    home = np.array(size.map.warehouses, dtype=object)[rng.integers(0, len(size.map.warehouses), count)]
    joined = rng.integers(30, size.weeks * 7, count)
    mail = rng.random(count) < 0.62
    left = mail & (rng.random(count) < 0.05)
    away = rng.integers(1, 30, count)
    gender = np.array(["f", "m", "x", ""], dtype=object)[rng.choice(4, count, p=[0.46, 0.42, 0.02, 0.10])]
    frame = pd.DataFrame(
        {
            "customer": names,
            "country": [atlas().sites[code].country for code in home],
            "region": [atlas().sites[code].name for code in home],
            "home_warehouse": home,
            "created_on": TODAY - pd.to_timedelta(joined, unit="D"),
            "birth_year": np.where(
                rng.random(count) < 0.85, np.clip(np.round(rng.normal(1981, 14, count)), 1935, 2007), np.nan
            ),
            "gender": gender,
            "occupation": np.array(OCCUPATIONS, dtype=object)[rng.choice(5, count, p=[0.5, 0.1, 0.12, 0.18, 0.1])],
            "consent_email": mail & ~left,
            "consent_sms": rng.random(count) < 0.28,
            "consent_ads": rng.random(count) < 0.45,
            "opted_out_at": pd.Series(TODAY - pd.to_timedelta(away, unit="D")).where(left),
            "segment": np.array(SEGMENTS, dtype=object)[rng.choice(4, count, p=[0.35, 0.2, 0.25, 0.2])],
            "pace": np.round(rng.standard_gamma(0.8, count) * size.orders_per_customer / 0.8 / size.weeks, 6),
        }
    )
    return frame.sort_values("customer", ignore_index=True)


def make_order_lines(
    customers: pd.DataFrame,
    goods: pd.DataFrame,
    series: pd.DataFrame,
    sold: Floats,
    price: Floats,
    size: Size,
    rng: Rng,
) -> pd.DataFrame:
    """A sample of the sales, line by line: SKUs in proportion to what their warehouse sold in that week.

    A line of a category that the customer's segment does not care for is dropped more often than not.
    """
    lines = _baskets(customers, size, rng)
    home = pd.Categorical(customers["home_warehouse"], categories=list(size.map.warehouses)).codes[lines["who"]]
    row, kept = _choose(series, sold, home, lines["week"].to_numpy(), rng)
    fits = _fit(customers, goods)[lines["who"].to_numpy(), series["good"].to_numpy()[row]]
    kept &= rng.random(len(lines)) < fits
    lines, row = lines[kept].reset_index(drop=True), row[kept]
    returned = rng.random(len(lines)) < 0.012
    table = pd.DataFrame(
        {
            "order_id": "W" + lines["order"].astype(str).str.zfill(7),
            "date": size.dates[lines["week"]] + pd.to_timedelta(lines["day"], unit="D").to_numpy(),
            "customer": customers["customer"].to_numpy()[lines["who"]],
            "sku": series["sku"].to_numpy()[row],
            "quantity": 1 + rng.poisson(0.5, len(lines)),
            "unit_price": price[row, lines["week"].to_numpy()],
            "warehouse": series["warehouse"].to_numpy()[row],
            "country": customers["country"].to_numpy()[lines["who"]],
            "channel": np.where(lines["order"] % 10 < 7, "web", "app"),
            "returned": returned.astype(int),
        }
    )
    table = table.drop_duplicates(["order_id", "sku"])
    return table.sort_values(["date", "order_id", "sku"], ignore_index=True)


def _baskets(customers: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """Orders in time, and one to six candidate lines each."""
    since = np.maximum(((customers["created_on"] - size.dates[0]).dt.days // 7 + 1).to_numpy(), 0)
    orders = rng.poisson(customers["pace"].to_numpy() * (size.weeks - since))
    who = np.repeat(np.arange(len(customers)), orders)
    week = np.minimum(since[who] + np.floor(rng.random(len(who)) * (size.weeks - since[who])), size.weeks - 1).astype(
        int
    )
    order = pd.DataFrame({"who": who, "week": week, "day": rng.integers(0, 7, len(who))})
    order = order.sort_values(["week", "day", "who"], ignore_index=True)
    count = 1 + rng.poisson(2.2, len(order))
    return (
        order.loc[np.repeat(order.index, count)]
        .assign(order=np.repeat(np.arange(1, len(order) + 1), count))
        .reset_index(drop=True)
    )


def _choose(
    series: pd.DataFrame, sold: Floats, home: npt.NDArray[np.integer], week: npt.NDArray[np.integer], rng: Rng
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """A series for each line, drawn by the units sold in that warehouse and week; False where nothing was sold."""
    row = np.zeros(len(week), dtype=np.intp)
    found = np.zeros(len(week), dtype=bool)
    point = rng.random(len(week))
    for place in np.unique(home):
        members = np.flatnonzero(series["place"].to_numpy() == place)
        total = np.cumsum(sold[members], axis=0)
        lines = np.flatnonzero(home == place)
        for number in np.unique(week[lines]):
            some = lines[week[lines] == number]
            units = total[:, number]
            if units[-1] > 0:
                row[some] = members[np.searchsorted(units, point[some] * units[-1], side="right")]
                found[some] = True
    return row, found


def _fit(customers: pd.DataFrame, goods: pd.DataFrame) -> Floats:
    """How well each SKU fits each customer [customers, goods], by segment."""
    table = np.array(
        [[LIKED if name in TASTES[segment] else OTHER for name in goods["category"]] for segment in SEGMENTS]
    )
    return np.asarray(table[pd.Categorical(customers["segment"], categories=list(SEGMENTS)).codes])


def make_behaviour(orders: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """What led to the orders of the last six weeks: seen, searched, put into the cart."""
    recent = orders[orders["date"] >= TODAY - pd.Timedelta(weeks=6)]
    parts = []
    for kind, share, minutes in (
        ("view", 0.9, 22),
        ("search", 0.3, 30),
        ("shown", 0.5, 35),
        ("click", 0.2, 34),
        ("cart", 0.8, 8),
    ):
        some = recent[rng.random(len(recent)) < share]
        before = rng.integers(1, minutes, len(some)) + (20 * 60 - rng.integers(0, 700, len(some)))
        at = some["date"] + pd.to_timedelta(before, unit="min")
        parts.append(pd.DataFrame({"at": at, "customer": some["customer"], "sku": some["sku"], "kind": kind}))
    return pd.concat(parts).sort_values(["at", "customer", "sku", "kind"], ignore_index=True)


def make_assignments(bookings: Bookings, customers: pd.DataFrame, rng: Rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who was written to and who was held out, with what followed; and the true effect per campaign and segment."""
    mailed = [c for c in bookings.campaigns if c.addressed and c.status == "done"]
    tables = [_assigned(campaign, customers, rng) for campaign in mailed]
    truth = [
        {"campaign": campaign.code, "segment": segment, "conversion_control": USUAL, "conversion_added": MOVED[segment]}
        for campaign in mailed
        for segment in SEGMENTS
    ]
    return pd.concat(tables, ignore_index=True), pd.DataFrame(truth)


def _assigned(campaign: Campaign, customers: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """A random part of those who agreed; visit and spend follow the purchase."""
    consent = customers["consent_email"] if campaign.kind == "email" else customers["consent_sms"]
    addressed = (customers["segment"] == campaign.segment) | (not campaign.segment)
    able = np.flatnonzero(consent & addressed & (customers["created_on"] < campaign.first))
    chosen = np.sort(rng.permutation(able)[: round(len(customers) * 0.35)])
    some = customers.iloc[chosen].reset_index(drop=True)
    held = rng.random(len(some)) < campaign.holdout
    chance = USUAL + np.where(held, 0.0, some["segment"].map(MOVED).to_numpy(dtype=float))
    bought = rng.random(len(some)) < chance
    visited = bought | (rng.random(len(some)) < np.where(held, 0.12, 0.21))
    spend = np.where(bought, np.round(4 + rng.standard_gamma(2.0, len(some)) * 9, 2), 0.0)
    sent = campaign.first + pd.Timedelta(hours=9)
    return pd.DataFrame(
        {
            "campaign": campaign.code,
            "customer": some["customer"],
            "arm": np.where(held, "control", campaign.kind),
            "share": np.where(held, campaign.holdout, round(1 - campaign.holdout, 4)),
            "sent_at": pd.Series(sent, index=some.index).where(~held),
            "visit": visited,
            "conversion": bought,
            "spend": spend,
        }
    )
