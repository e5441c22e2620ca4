"""Import duty: what each line pays at the border, from the tables again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.stock.check.reading import far, rows_of


def duties(dataset: Dataset, lines: pd.DataFrame) -> Iterator[str]:
    """Duty = quantity x price x the rate of the longest tariff number that fits; 0 within one customs area."""
    listed = (lines["list_cost"] * lines["rate"]).fillna(lines["item_cost"]).fillna(0.0)
    price = listed.where(lines["kind"] == "transfer", lines["unit_cost"])
    right = lines["quantity"] * price * shares(dataset, lines)
    wrong = lines["fits"] & far(lines["duty"], right)
    for row, value in zip(rows_of(lines[wrong]), right[wrong], strict=True):
        yield f"duty: {row.line_id} pays {row.duty:,.2f} at the border, the tables say {value:,.2f}"


def shares(dataset: Dataset, ways: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Duty of each way (sku, source, destination) as a share of the price."""
    places, goods = _records(dataset["locations"], "location"), _records(dataset["items"], "sku")
    tariff = {(row.hs_code, row.origin, row.destination): float(row.rate) for row in rows_of(dataset["duties"])}
    lengths = sorted({len(code) for code, _, _ in tariff}, reverse=True)
    asked = list(zip(ways["sku"], ways["source"], ways["destination"], strict=True))
    told: dict[tuple[str, ...], float] = {}
    for way in set(asked) if tariff else ():
        start, end, item = places.get(way[1], {}), places.get(way[2], {}), goods.get(way[0], {})
        areas = {place.get("customs_area") or place.get("country") or "" for place in (start, end)}
        origin, into = item.get("origin_country") or start.get("country") or "", end.get("country", "")
        if len(areas) == 2 and "" not in areas and origin != into:
            code = item.get("hs_code", "")
            parts = [(code[:size], origin, into) for size in lengths if size <= len(code)]
            told[way] = next((tariff[part] for part in parts if part in tariff), 0.0)
    return np.array([told.get(way, 0.0) for way in asked], dtype=float)


def _records(table: pd.DataFrame, key: str) -> dict[str, dict[Any, str]]:
    """Customs columns of a table by its key, as texts."""
    names = [name for name in ("hs_code", "origin_country", "customs_area", "country") if name in table]
    texts = table[names].astype(object).fillna("").astype(str)
    return dict(zip(table[key].astype(str), texts.to_dict("records"), strict=True))
