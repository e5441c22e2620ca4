"""How large a demo is, and on which map it plays. Every size shares one calendar: today is Monday, 2 March 2026."""

from __future__ import annotations

import datetime as dt
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from planner.demo.atlas import Map
from planner.demo.catalogue import catalogue

AS_OF = dt.date(2026, 3, 2)
TODAY = pd.Timestamp(AS_OF)
FUTURE_WEEKS = 26


@dataclass(frozen=True)
class Size:
    """`skus` are spread over `categories`; `level`: typical weekly units of a steady seller over all warehouses.

    `listed`: share of SKU-warehouses that are stocked; `promotions`: price promotions beside the named campaigns;
    `tiered`: share of bought SKUs with price breaks; `receipts`: most order lines in the lead time history.
    """

    name: str
    title: str
    map: Map
    categories: tuple[str, ...]
    skus: int
    weeks: int
    level: float
    listed: float
    promotions: int
    tiered: float
    customers: int
    orders_per_customer: float
    receipts: int

    @cached_property
    def dates(self) -> pd.DatetimeIndex:
        """The Mondays of the past and of the next 26 weeks."""
        first = TODAY - pd.Timedelta(weeks=self.weeks)
        return pd.date_range(first, periods=self.weeks + FUTURE_WEEKS, freq="W-MON", unit="ns")


def stream(seed: int, what: str) -> np.random.Generator:
    """A generator of its own for each part, so that a change of one part leaves the others as they are."""
    return np.random.default_rng([seed, zlib.crc32(what.encode())])


_EVERY = tuple(catalogue().categories)
SIZES = {
    "small": Size(
        name="small",
        title="Demo: 45 SKUs, three countries",
        map=Map(
            warehouses=("BSL", "LEJ", "WAW"),
            dcs=("RTM",),
            feeds={"LEJ": "RTM", "BSL": "RTM"},
            suppliers=(
                "S-SONN",
                "S-ZDRO",
                "S-LEMA",
                "S-ARDE",
                "S-LODZ",
                "S-HUEL",
                "S-RHON",
                "S-RHEI",
                "S-GELD",
                "S-NGBO",
            ),
            depots=("LEJ", "WAW"),
        ),
        categories=_EVERY[:7],
        skus=45,
        weeks=130,
        level=240.0,
        listed=0.97,
        promotions=4,
        tiered=0.12,
        customers=2000,
        orders_per_customer=3.0,
        receipts=1200,
    ),
    "retail": Size(
        name="retail",
        title="Demo: a German retailer, 30,000 SKU-warehouses",
        map=Map(
            warehouses=("BER", "CGN", "HAM", "LEJ", "MUC", "STR"),
            dcs=("KSF",),
            feeds={"BER": "KSF", "CGN": "KSF", "LEJ": "KSF", "STR": "KSF"},
            suppliers=(
                *("S-SONN", "S-ZDRO", "S-LEMA", "S-ARDE", "S-LODZ", "S-HUEL", "S-RHON", "S-RHEI", "S-GELD", "S-NGBO"),
                *("S-HANS", "S-BRUN", "S-ALLG", "S-POLA", "S-GELA", "S-UTRE", "S-BOBI", "S-SZNX", "S-HOLZ", "S-NUER"),
                *("S-IZMI", "S-TAIC", "S-WERK", "S-NOVA"),
            ),
            depots=("LEJ",),
        ),
        categories=_EVERY,
        skus=5120,
        weeks=104,
        level=70.0,
        listed=0.982,
        promotions=45,
        tiered=0.1,
        customers=40_000,
        orders_per_customer=6.0,
        receipts=60_000,
    ),
    "global": Size(
        name="global",
        title="Demo: three continents, eight currencies",
        map=Map(
            warehouses=("ATL", "BHX", "BSL", "DFW", "LEJ", "LYS", "NRT", "SYD", "WAW", "YYZ"),
            dcs=("MEM", "RTM", "SIN"),
            feeds={
                **dict.fromkeys(("BHX", "BSL", "LEJ", "LYS"), "RTM"),
                **dict.fromkeys(("ATL", "DFW", "YYZ"), "MEM"),
                **dict.fromkeys(("NRT", "SYD"), "SIN"),
            },
            suppliers=(
                *("S-SONN", "S-ZDRO", "S-LEMA", "S-ARDE", "S-LODZ", "S-RHON", "S-RHEI", "S-GELD", "S-NGBO", "S-HANS"),
                *("S-BRUN", "S-UTRE", "S-BOBI", "S-SZNX", "S-HOLZ", "S-NUER", "S-IZMI", "S-TAIC", "S-WERK", "S-NOVA"),
            ),
            depots=("LEJ",),
        ),
        categories=tuple(name for name in _EVERY if not catalogue().categories[name].fresh and name != "frozen"),
        skus=400,
        weeks=130,
        level=500.0,
        listed=0.9,
        promotions=20,
        tiered=0.1,
        customers=8000,
        orders_per_customer=4.0,
        receipts=20_000,
    ),
}
