"""Import duty: what crosses a customs border pays a share of its price, by tariff number, origin and destination."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.stock.case import Floats

Tariff = dict[tuple[str, str], dict[str, float]]


def duty_rates(dataset: Dataset, ways: pd.DataFrame) -> Floats:
    """[row] duty of each way (sku, source, destination) as a share of the price; 0 where none is due or told."""
    if not len(dataset["duties"]):
        return np.zeros(len(ways))
    return crossings(dataset, ways)["rate"].fillna(0.0).to_numpy(dtype=float)


def crossings(dataset: Dataset, ways: pd.DataFrame) -> pd.DataFrame:
    """What `duties` says of each way (sku, source, destination), in its order and with its index.

    `crosses`: source and destination lie in two customs areas (locations.customs_area, else the country), and the goods
    do not come home. `hs_code` is that of the item, `origin` its country of origin, else the country of the source,
    `into` the country of the destination. The row whose hs_code is the longest to begin the item's gives `code` and
    `rate`, a share of the price; "" and NaN where nothing is crossed or no row fits.
    """
    places, items = dataset["locations"].set_index("location"), dataset["items"].set_index("sku")
    country = places["country"].astype(object).fillna("")
    area = places["customs_area"].astype(object).fillna("")
    area = area.where(area != "", country)
    source, destination = ways["source"].astype(object), ways["destination"].astype(object)
    here, there = (place.map(area).fillna("") for place in (source, destination))
    made = ways["sku"].astype(object).map(items["origin_country"].astype(object)).fillna("")
    found = pd.DataFrame({
        "hs_code": ways["sku"].astype(object).map(items["hs_code"].astype(object)).fillna(""),
        "origin": made.where(made != "", source.map(country).fillna("")),
        "into": destination.map(country).fillna(""),
    })  # fmt: skip
    crosses = (here != there) & (here != "") & (there != "") & (found["origin"] != found["into"])
    return _rated(found.assign(crosses=crosses), _tariff(dataset))


def _tariff(dataset: Dataset) -> Tariff:
    """(origin, destination) -> hs_code -> rate."""
    result: Tariff = {}
    table = dataset["duties"]
    for code, origin, into, rate in zip(
        table["hs_code"], table["origin"], table["destination"], table["rate"], strict=True
    ):
        result.setdefault((str(origin), str(into)), {})[str(code)] = float(rate)
    return result


def _rated(found: pd.DataFrame, tariff: Tariff) -> pd.DataFrame:
    """The rows with `code` and `rate`; each tariff number and pair of countries is looked up once."""
    asked = zip(found["hs_code"], found["origin"], found["into"], found["crosses"], strict=True)
    known: dict[tuple[str, str, str], tuple[str, float]] = {}
    told = []
    for code, origin, into, crosses in asked:
        key = (code, origin, into)
        if crosses and key not in known:
            known[key] = _longest(code, tariff.get((origin, into), {}))
        told.append(known[key] if crosses else ("", np.nan))
    return found.assign(
        code=pd.Series([code for code, _ in told], found.index, dtype=object),
        rate=pd.Series([rate for _, rate in told], found.index, dtype=float),
    )


def _longest(code: str, rates: dict[str, float]) -> tuple[str, float]:
    """The longest of the tariff numbers that begins this one, and its rate."""
    for length in range(len(code), 0, -1):
        if code[:length] in rates:
            return code[:length], rates[code[:length]]
    return "", np.nan
