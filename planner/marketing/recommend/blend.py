"""The blend of all reasons, and the best items of each customer by it.

Weights were chosen on Online Retail, months from August to October 2011, and judged on a later one
(benchmark `recommend`). Each reason is scaled to 1 at the customer's best item before it is weighed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from planner.marketing.recommend import tastes
from planner.marketing.recommend.ease import Ease
from planner.marketing.recommend.purchases import Floats, Ints, Purchases

Reason = Callable[[Purchases, Ints], Floats]
BLEND: Mapping[str, float] = MappingProxyType({"frequency": 2.0, "ease": 1.0, "trend": 0.5, "content": 0.4})
METHODS = ("blend", "frequency", "ease", "content", "item-neighbours", "user-neighbours", "trend", "popularity")
WHY: Mapping[str, str] = MappingProxyType(
    {
        "frequency": "bought before",
        "ease": "goes with what they buy",
        "trend": "sells now",
        "content": "reads like what they buy",
        "item-neighbours": "bought by the same customers",
        "user-neighbours": "bought by similar customers",
        "popularity": "bought by most",
    }
)
COLUMNS = ("customer", "rank", "sku", "score", "stock_share", "why")
_AT_ONCE = 500


@dataclass(frozen=True)
class Offer:
    """What can be offered: `share` [places, items] is the part of demand that stock serves when the offer arrives,
    0 for an item that will be out; `place` says for each customer which row is theirs.
    """

    share: Floats
    place: Ints


def recommend(
    purchases: Purchases,
    words: sparse.csr_matrix,
    ease: Ease | None,
    *,
    method: str = "blend",
    top: int = 10,
    only_new: bool = False,
    offer: Offer | None = None,
    rows: Ints | None = None,
) -> pd.DataFrame:
    """The `top` items of each customer (of those in `rows`), the best first; ties go to the first code.

    `only_new` leaves out what the customer ever bought. Customers with fewer items to offer get fewer rows.
    """
    rows = np.arange(len(purchases.customers)) if rows is None else rows
    weights = BLEND if method == "blend" else {method: 1.0}
    reasons = _reasons(weights, words, ease)
    bought = purchases.matrix(np.inf) > 0
    parts = [
        _best(purchases, reasons, weights, rows[at : at + _AT_ONCE], bought if only_new else None, offer, top)
        for at in range(0, len(rows), _AT_ONCE)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def _reasons(weights: Mapping[str, float], words: sparse.csr_matrix, ease: Ease | None) -> dict[str, Reason]:
    every: dict[str, Reason] = {
        "frequency": tastes.frequency,
        "trend": tastes.trend,
        "popularity": tastes.popularity,
        "content": lambda purchases, rows: tastes.content(purchases, rows, words),
        "item-neighbours": tastes.item_neighbours,
        "user-neighbours": tastes.user_neighbours,
    }
    if ease is not None:
        every["ease"] = ease.scores
    return {name: every[name] for name in weights}


def _best(
    purchases: Purchases,
    reasons: Mapping[str, Reason],
    weights: Mapping[str, float],
    rows: Ints,
    without: sparse.csr_matrix | None,
    offer: Offer | None,
    top: int,
) -> pd.DataFrame:
    parts = {name: weights[name] * _scaled(reason(purchases, rows)) for name, reason in reasons.items()}
    score = np.sum(list(parts.values()), axis=0)
    share = np.ones_like(score) if offer is None else offer.share[offer.place[rows]]
    able = share > 0
    if without is not None:
        able &= ~without[rows].toarray()
    score = np.where(able, np.where(score > 0, score * share, score), -np.inf)
    chosen = ranked(score, top)
    row, column = np.repeat(np.arange(len(rows)), chosen.shape[1]), chosen.ravel()
    kept = np.isfinite(score[row, column])
    row, column, rank = row[kept], column[kept], np.tile(np.arange(1, chosen.shape[1] + 1), len(rows))[kept]
    names = np.array([WHY[name] for name in parts], dtype=object)
    strongest = np.argmax([part[row, column] for part in parts.values()], axis=0)
    values = (purchases.customers[rows[row]], rank, purchases.items[column], score[row, column], share[row, column])
    return pd.DataFrame(dict(zip(COLUMNS, (*values, names[strongest]), strict=True)))


def ranked(score: Floats, top: int) -> npt.NDArray[np.intp]:
    """Columns of the `top` highest scores of each row, the highest first; of equals the first column."""
    return np.argsort(-score, axis=1, kind="stable")[:, :top]


def _scaled(score: Floats) -> Floats:
    highest = score.max(axis=1, keepdims=True, initial=0.0)
    return np.asarray(score / np.maximum(highest, 1e-12), dtype=np.float64)
