"""Two currencies meet only through the `currencies` table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import pandas as pd


def rates_to_base(currencies: pd.DataFrame, base: str, as_of: dt.date) -> dict[str, float]:
    """What one unit of each currency is worth in `base`: the newest rate that is not after `as_of`, else the oldest."""
    rates = {"": 1.0, base: 1.0}
    for currency, group in currencies.sort_values("date").groupby("currency", observed=True):
        known = group[group["date"] <= pd.Timestamp(as_of)]
        row = known.iloc[-1] if len(known) else group.iloc[0]
        rates[str(currency)] = float(row["rate_to_base"])
    return rates | {base: 1.0}


def to_base(amounts: pd.Series, currency: pd.Series, rates: Mapping[str, float]) -> pd.Series:
    """Amounts in base currency; NaN where the currency has no rate. An empty currency is the base."""
    return amounts * currency.astype(object).map(rates).astype(float)
