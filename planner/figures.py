"""What a key figure means: its words, its unit, which way is better; and how figures are written for people."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Unit = Literal["money", "share", "units", "count", "kg", "m3", "km", "seconds", ""]
Better = Literal["higher", "lower", ""]
UNKNOWN = "–"


@dataclass(frozen=True)
class Figure:
    name: str
    label: str
    unit: Unit
    better: Better = ""


_KNOWN = (
    Figure("fill_rate", "Expected fill rate", "share", "higher"),
    Figure("spend_first_week", "Spend in the first week of orders", "money"),
    Figure("spend", "Purchase spend", "money", "lower"),
    Figure("duty", "Import duty", "money", "lower"),
    Figure("stock_value", "Stock value", "money", "lower"),
    Figure("stock_units", "Average stock", "units", "lower"),
    Figure("freight", "Freight", "money", "lower"),
    Figure("expected_shortage", "Expected shortage", "units", "lower"),
    Figure("co2_kg", "CO2", "kg", "lower"),
    Figure("waste", "Waste", "units", "lower"),
    Figure("demand", "Demand", "units"),
    Figure("campaign_demand", "Campaign demand", "units"),
    Figure("order_lines", "Order lines", "count"),
    Figure("purchase_units", "Units bought", "units"),
    Figure("transfer_units", "Units transferred", "units"),
    Figure("campaign_order_lines", "Order lines for campaigns", "count"),
    Figure("campaign_order_units", "Units ordered for campaigns", "units"),
    Figure("loads", "Loads", "count"),
    Figure("shipments", "Shipments", "count", "lower"),
    Figure("vehicles", "Vehicle tours", "count"),
    Figure("km", "Distance of loads", "km", "lower"),
    Figure("vehicle_km", "Distance of vehicle tours", "km", "lower"),
    Figure("vehicle_cost", "Cost of vehicle tours", "money", "lower"),
    Figure("deliveries", "Deliveries", "count"),
    Figure("deliveries_served", "Deliveries served", "count", "higher"),
    Figure("cost_holding", "Cost of holding stock", "money", "lower"),
    Figure("cost_shortage", "Cost of shortage", "money", "lower"),
    Figure("cost_order", "Cost of placing orders", "money", "lower"),
    Figure("cost_purchase_difference", "Paid above the lowest prices", "money", "lower"),
    Figure("cost_leftover", "Loss on stock left at the end", "money", "lower"),
    Figure("cost_floor", "Weight of stock below its minimum", "money", "lower"),
    Figure("cost_early_transfer", "Weight of moving stock early", "money", "lower"),
    Figure("cost_over_limit", "Cost of exceeding limits", "money", "lower"),
    Figure("cost_tie_break", "Weight of the preferred source", "money", "lower"),
    Figure("cost_freight", "Freight of whole vehicles", "money", "lower"),
    Figure("objective", "Planned cost, goods aside", "money", "lower"),
    Figure("bound", "Lower bound of the cost", "money"),
    Figure("gap", "Gap to the bound", "share", "lower"),
)
FIGURES: Mapping[str, Figure] = MappingProxyType({known.name: known for known in _KNOWN})

_PATTERNS: tuple[tuple[str, Unit, Better], ...] = (
    (r"(^|_)(wape|gap|shortage_share|error)$", "share", "lower"),
    (r"(^|_)(service|fill|fill_rate|coverage)$", "share", "higher"),
    (r"(^|_)(share|rate|bias)$", "share", ""),
    (r"(^|_)kg$", "kg", ""),
    (r"(^|_)m3$", "m3", ""),
    (r"(^|_)km$", "km", "lower"),
    (r"(^|_)seconds$", "seconds", ""),
    (r"(^cost_|(^|_)(cost|costs|spend|freight|loss|penalty|duty)$)", "money", "lower"),
    (r"(^|_)(value|money|revenue|budget)$", "money", ""),
    (r"(^|_)(shortage|short|waste|lost)(_units)?$", "units", "lower"),
    (r"(^|_)(units|quantity|demand)$", "units", ""),
)


def figure(name: str) -> Figure:
    """The key figure of that name; an unknown one is read by its last word, so that a new one shows sensibly."""
    if name in FIGURES:
        return FIGURES[name]
    label = name.replace("_", " ").strip()
    label = label[:1].upper() + label[1:]
    for pattern, unit, better in _PATTERNS:
        if re.search(pattern, name):
            return Figure(name, label, unit, better)
    return Figure(name, label, "")


def written(value: float | None, unit: str, currency: str = "", signed: bool = False) -> str:
    """A figure as a person reads it: EUR 1,234, 97.8 %, 1,234 kg. An unknown one is a dash."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if unit == "money":
        return money(value, currency, signed)
    if unit == "share":
        return percent(value, signed)
    return f"{number(value, signed)} {unit}" if unit in ("kg", "m3", "km") else number(value, signed) + _short(unit)


def money(value: float | None, currency: str, signed: bool = False) -> str:
    """Whole currency from 100 on, cents below; the sign stands before the currency."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    amount = f"{abs(value):,.0f}" if abs(value) >= 99.995 or value == 0 else f"{abs(value):,.2f}"
    return f"{_sign(value, amount, signed)}{currency} {amount}" if currency else _sign(value, amount, signed) + amount


def number(value: float | None, signed: bool = False) -> str:
    """Thousands separators; decimals only where a small figure needs them."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    digits = 0 if abs(value) >= 99.95 or float(value).is_integer() else 1 if abs(value) >= 9.995 else 2
    amount = f"{abs(value):,.{digits}f}"
    return _sign(value, amount, signed) + amount


def percent(share: float | None, signed: bool = False) -> str:
    """One decimal: 0.978 -> 97.8 %."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    amount = f"{abs(share) * 100:,.1f}"
    return f"{_sign(share, amount, signed)}{amount} %"


def points(difference: float | None) -> str:
    """The difference of two shares: 0.012 -> +1.2 points."""
    if difference is None or not math.isfinite(difference):
        return UNKNOWN
    amount = f"{abs(difference) * 100:,.1f}"
    return f"{_sign(difference, amount, True)}{amount} points"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """1 line, 12 lines."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def compact(value: float) -> str:
    """A short form for axes: 1.5M, 20k, 7."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _sign(value: float, amount: str, signed: bool) -> str:
    """No sign on what rounds to zero."""
    if not amount.strip("0.,"):
        return ""
    return "-" if value < 0 else "+" if signed else ""


def _short(unit: str) -> str:
    return " s" if unit == "seconds" else ""
