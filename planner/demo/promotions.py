"""Campaigns and what they truly do: lift, what it takes from the weeks after, and what it takes from other SKUs."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.demo.assortment import Floats, Rng
from planner.demo.atlas import atlas
from planner.demo.sizes import Size

KIND_EFFECT = {
    "price": 0.0,
    "feature": 0.22,
    "display": 0.30,
    "email": 0.10,
    "sms": 0.07,
    "social": 0.12,
    "recommendation": 0.05,
}
PULLED_FORWARD = 0.20  # of the gross lift, out of the three weeks after the campaign
PULLED_FORWARD_FRESH = 0.04
PULL_WEEKS = (0.5, 0.3, 0.2)
CANNIBALISED = 0.15  # of the gross lift, out of the same category in the same warehouse
ROOM = 0.35  # no series ever loses more than this share of its mean
BEST = 0.3  # the best sellers of a category, which need no campaign
DEPTHS = (0.10, 0.15, 0.20, 0.25, 0.30, 0.40)
SPRING = "SPRING"


@dataclass(frozen=True)
class Campaign:
    """One campaign. `places`: warehouses it is limited to by its items; `country`: the country it is limited to."""

    code: str
    kind: str
    start: str
    weeks: int
    discount: float
    categories: tuple[str, ...]
    name: str
    status: str = "done"
    share: float = 0.45
    segment: str = ""
    contact_cost: float = 0.0
    holdout: float = 0.0
    country: str = ""
    places: tuple[str, ...] = ()

    @property
    def first(self) -> pd.Timestamp:
        return pd.Timestamp(self.start)

    @property
    def last(self) -> pd.Timestamp:
        return self.first + pd.Timedelta(days=7 * self.weeks - 1)

    @property
    def addressed(self) -> bool:
        return self.kind in ("email", "sms")


@cache
def named_campaigns() -> tuple[Campaign, ...]:
    body = tomllib.loads(files("planner.demo").joinpath("campaigns.toml").read_text(encoding="utf-8"))
    return tuple(Campaign(**{key: _frozen(value) for key, value in entry.items()}) for entry in body["campaign"])


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Bookings:
    """Campaigns with the series each promotes: `members` has campaign (position), series, and the true `lift`."""

    campaigns: tuple[Campaign, ...]
    members: pd.DataFrame

    def only(self, statuses: tuple[str, ...]) -> Bookings:
        """The same bookings without the members of campaigns of another status."""
        counts = np.array([campaign.status in statuses for campaign in self.campaigns])
        return Bookings(self.campaigns, self.members[counts[self.members["campaign"].to_numpy()]])


@dataclass(frozen=True)
class Effects:
    """Expected units [series, weeks] that campaigns add (`gross`) and take away (`lost`); `rows`: by campaign."""

    gross: Floats
    lost: Floats
    rows: pd.DataFrame


def make_campaigns(size: Size, rng: Rng) -> tuple[Campaign, ...]:
    """The named campaigns of the calendar, and one-category price promotions between them; in order of time."""
    first = size.dates[0] + pd.Timedelta(weeks=8)
    named = [campaign for campaign in named_campaigns() if campaign.first >= first]
    named = [campaign for campaign in named if set(campaign.categories) & set(size.categories)]
    weeks = rng.choice(np.arange(size.weeks - 12), size.promotions, replace=size.promotions > size.weeks - 12)
    extra = [
        _promotion(first + pd.Timedelta(weeks=int(week)), number, size, rng)
        for number, week in enumerate(sorted(weeks))
    ]
    return tuple(sorted([*named, *extra], key=lambda campaign: (campaign.start, campaign.code)))


def _promotion(monday: pd.Timestamp, number: int, size: Size, rng: Rng) -> Campaign:
    category = size.categories[int(rng.integers(len(size.categories)))]
    depth = DEPTHS[int(rng.integers(len(DEPTHS)))]
    weeks = int(rng.integers(1, 3))
    name = f"{category.capitalize()} {depth:.0%} off"
    return Campaign(
        f"PROMO{number + 1:02d}", "price", monday.date().isoformat(), weeks, depth, (category,), name, share=0.3
    )


def book(campaigns: tuple[Campaign, ...], goods: pd.DataFrame, series: pd.DataFrame, size: Size, rng: Rng) -> Bookings:
    """The best steady sellers of the campaign's categories, in the warehouses that it reaches, with their true lift."""
    countries = series["warehouse"].map(_countries(size))
    taste = np.exp(rng.normal(0, 0.12, len(goods)))
    parts = []
    for position, campaign in enumerate(campaigns):
        skus = _promoted(campaign, goods)
        inside = series["good"].isin(skus)
        if campaign.country:
            inside &= countries == campaign.country
        if reached := [place for place in campaign.places if place in size.map.warehouses]:
            inside &= series["warehouse"].isin(reached)
        rows = np.flatnonzero(inside)
        good = series["good"].to_numpy()[rows]
        power = goods["response"].to_numpy()[good] * campaign.discount + KIND_EFFECT[campaign.kind]
        lift = (np.exp(power) - 1) * taste[good] * np.exp(rng.normal(0, 0.08, len(rows)))
        parts.append(pd.DataFrame({"campaign": position, "series": rows, "lift": np.round(lift, 4)}))
    return Bookings(campaigns, pd.concat(parts, ignore_index=True))


def _countries(size: Size) -> dict[str, str]:
    return {code: atlas().sites[code].country for code in size.map.warehouses}


def _promoted(campaign: Campaign, goods: pd.DataFrame) -> npt.NDArray[np.intp]:
    """In each category the steady sellers behind the best, on sale from ten weeks before the campaign to its end."""
    early = campaign.first - pd.Timedelta(weeks=10)
    alive = ~(goods["launch_date"] > early) & ~(goods["end_date"] <= campaign.last)
    good = alive & goods["category"].isin(campaign.categories) & goods["demand_class"].isin(["smooth", "erratic"])
    rank = goods["level"].where(good).groupby(goods["category"]).rank(ascending=False, pct=True)
    return np.flatnonzero(((rank > BEST) & (rank <= BEST + campaign.share)).to_numpy())


def effects(bookings: Bookings, series: pd.DataFrame, mean: Floats, size: Size) -> Effects:
    """Expected effects of the bookings on the series' means, campaign after campaign."""
    gross, lost = np.zeros_like(mean), np.zeros_like(mean)
    rows = []
    for position, members in bookings.members.groupby("campaign", sort=True):
        campaign = bookings.campaigns[int(str(position))]
        weeks = np.flatnonzero((size.dates >= campaign.first) & (size.dates <= campaign.last))
        if len(weeks):
            span = slice(int(weeks[0]), int(weeks[-1]) + 1 + len(PULL_WEEKS))
            usual, gone = mean[:, span], lost[:, span]
            added = _added(members, usual, len(weeks))
            taken = _pulled(added, members, series, usual, gone, len(weeks))
            eaten = _eaten(added, members, series, usual, gone + taken, len(weeks))
            lost[:, span] += taken + eaten
            gross[:, span] += added
            rows.append(_long(campaign, added, taken, eaten, span.start))
    return Effects(gross, lost, pd.concat(rows, ignore_index=True) if rows else pd.DataFrame())


def _added(members: pd.DataFrame, mean: Floats, length: int) -> Floats:
    """Gross = mean x lift in the first `length` weeks of the span, those of the campaign."""
    added = np.zeros_like(mean)
    rows = members["series"].to_numpy()
    added[rows, :length] = np.round(mean[rows, :length] * members["lift"].to_numpy()[:, None], 4)
    return added


def _pulled(
    added: Floats, members: pd.DataFrame, series: pd.DataFrame, mean: Floats, lost: Floats, length: int
) -> Floats:
    """Pulled forward = a share of the gross units, out of the three weeks after, as far as there is room."""
    taken = np.zeros_like(mean)
    rows = members["series"].to_numpy()
    share = np.where(series["fresh"].to_numpy()[rows], PULLED_FORWARD_FRESH, PULLED_FORWARD)
    units = added[rows].sum(axis=1) * share
    for weight, week in zip(PULL_WEEKS, range(length, mean.shape[1]), strict=False):
        room = np.maximum(ROOM * mean[rows, week] - lost[rows, week], 0.0)
        taken[rows, week] = np.round(np.minimum(units * weight, room), 4)
    return taken


def _eaten(
    added: Floats, members: pd.DataFrame, series: pd.DataFrame, mean: Floats, lost: Floats, length: int
) -> Floats:
    """Cannibalised = a share of the gross units, out of the rest of the category in the warehouse, by their means."""
    group = series.groupby(["category", "place"], sort=True).ngroup().to_numpy()
    others = np.ones(len(series), dtype=bool)
    others[members["series"].to_numpy()] = False
    spare = np.where(others[:, None], mean, 0.0)[:, :length]
    more, rest = (
        np.stack([np.bincount(group, week) for week in part.T], axis=1) for part in (added[:, :length], spare)
    )
    share = np.divide(CANNIBALISED * more, rest, out=np.zeros_like(more), where=rest > 0)
    room = np.maximum(ROOM * spare - lost[:, :length], 0.0)
    eaten = np.zeros_like(mean)
    eaten[:, :length] = np.round(np.minimum(spare * share[group], room), 4)
    return eaten


def _long(campaign: Campaign, added: Floats, taken: Floats, eaten: Floats, first: int) -> pd.DataFrame:
    row, week = np.nonzero((added > 0) | (taken > 0) | (eaten > 0))
    return pd.DataFrame(
        {
            "campaign": campaign.code,
            "series": row,
            "week": week + first,
            "gross": added[row, week],
            "pulled_forward": taken[row, week],
            "cannibalised": eaten[row, week],
        }
    )


def discounts(bookings: Bookings, series: pd.DataFrame, size: Size) -> Floats:
    """Share off the list price [series, weeks]; the deepest where two campaigns meet."""
    result = np.zeros((len(series), len(size.dates)))
    for position, members in bookings.members.groupby("campaign", sort=True):
        campaign = bookings.campaigns[int(str(position))]
        weeks = np.flatnonzero((size.dates >= campaign.first) & (size.dates <= campaign.last))
        cells = np.ix_(members["series"].to_numpy(), weeks)
        result[cells] = np.maximum(result[cells], campaign.discount)
    return result


def campaign_table(bookings: Bookings, size: Size) -> pd.DataFrame:
    """The table campaigns; an audience is a share of the known customers."""
    return pd.DataFrame([_row(campaign, size) for campaign in bookings.campaigns])


def _row(campaign: Campaign, size: Size) -> dict[str, object]:
    audience = round(size.customers * 0.35 / 10) * 10 if campaign.addressed else None
    return {
        "campaign": campaign.code,
        "kind": campaign.kind,
        "start": campaign.first,
        "end": campaign.last,
        "name": campaign.name,
        "country": campaign.country,
        "region": "",
        "segment": campaign.segment,
        "audience_size": audience,
        "cost_per_contact": campaign.contact_cost or None,
        "discount_rate": campaign.discount,
        "budget": 400.0 * campaign.weeks * len(campaign.categories),
        "holdout_share": campaign.holdout or None,
        "status": campaign.status,
    }


def campaign_items(bookings: Bookings, goods: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    """One row a SKU with warehouse *, or one a SKU-warehouse where the campaign is limited to some."""
    members = bookings.members.join(series[["sku", "warehouse", "good"]], on="series")
    names = pd.Series([campaign.code for campaign in bookings.campaigns], dtype=object)
    limited = np.array([bool(campaign.places) for campaign in bookings.campaigns])[members["campaign"].to_numpy()]
    discount = np.array([campaign.discount for campaign in bookings.campaigns])[members["campaign"].to_numpy()]
    price = np.round(goods["unit_price"].to_numpy()[members["good"].to_numpy()] * (1 - discount), 2)
    table = pd.DataFrame(
        {
            "campaign": names.to_numpy()[members["campaign"].to_numpy()],
            "sku": members["sku"].to_numpy(),
            "warehouse": np.where(limited, members["warehouse"], "*"),
            "promo_price": np.where(discount > 0, price, np.nan),
        }
    )
    return table.drop_duplicates(["campaign", "sku", "warehouse"], ignore_index=True)
