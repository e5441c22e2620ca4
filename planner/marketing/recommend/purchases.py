"""order_lines -> who bought what on which days."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Purchases:
    """One entry a customer, item and day before `day`, returns left out; `customers` and `items` are sorted.

    `customer` and `item` number the entries, `age` counts days back from `day` (1 is the day before).
    """

    customers: npt.NDArray[np.object_]
    items: npt.NDArray[np.object_]
    customer: Ints
    item: Ints
    age: Ints
    day: dt.date

    def matrix(self, half_life_days: float) -> sparse.csr_matrix:
        """Frequency with decay [customers, items] = sum over days of 0.5 ^ (age / half-life)."""
        return self._matrix(0.5 ** (self.age / half_life_days))

    def latest(self, half_life_days: float) -> sparse.csr_matrix:
        """0.5 ^ (age / half-life) of the last purchase alone [customers, items]."""
        width = len(self.items)
        order = np.lexsort((self.age, self.customer * width + self.item))
        cell = (self.customer * width + self.item)[order]
        first = np.append(True, cell[1:] != cell[:-1])[: len(cell)]
        kept = order[first]
        weights = 0.5 ** (self.age[kept] / half_life_days)
        return sparse.csr_matrix((weights, (self.customer[kept], self.item[kept])), shape=self.shape)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.customers), len(self.items)

    def before(self, day: dt.date) -> Purchases:
        """What was known on an earlier `day`, over the same customers and items."""
        back = (self.day - day).days
        known = self.age > back
        return Purchases(
            self.customers, self.items, self.customer[known], self.item[known], self.age[known] - back, day
        )

    def digest(self) -> str:
        """Hash of who bought what when: it does not depend on customers or items that came later."""
        day = np.datetime64(self.day, "D").astype(np.int64) - self.age
        codes = [
            pd.util.hash_array(names)[at] for names, at in ((self.customers, self.customer), (self.items, self.item))
        ]
        rows = np.sort(pd.util.hash_array((codes[0] * np.uint64(31) + codes[1]) ^ day.astype(np.uint64)))
        return hashlib.sha256(rows.tobytes()).hexdigest()

    def _matrix(self, weights: Floats) -> sparse.csr_matrix:
        return sparse.csr_matrix((weights, (self.customer, self.item)), shape=self.shape)


def read_purchases(order_lines: pd.DataFrame, day: dt.date, customers: Any = ()) -> Purchases:
    """Purchases before `day`; `customers` are known even if they bought nothing."""
    lines = order_lines[["customer", "sku", "date", "quantity"]]
    bought = (lines["quantity"] > 0) & (lines["date"] < pd.Timestamp(day))
    if "returned" in order_lines:
        bought &= ~(order_lines["returned"] > 0)
    lines = lines[bought & (lines["customer"] != "") & (lines["sku"] != "")]
    days = lines["date"].dt.normalize()
    lines = lines.assign(date=days, customer=lines["customer"].astype(object), sku=lines["sku"].astype(object))
    lines = lines.drop_duplicates(["customer", "sku", "date"])
    people = np.array(sorted({*lines["customer"].unique(), *customers}), dtype=object)
    items = np.array(sorted(lines["sku"].unique()), dtype=object)
    return Purchases(
        people,
        items,
        pd.Index(people).get_indexer(pd.Index(lines["customer"])).astype(np.int64),
        pd.Index(items).get_indexer(pd.Index(lines["sku"])).astype(np.int64),
        (pd.Timestamp(day) - lines["date"]).dt.days.to_numpy(np.int64),
        day,
    )
