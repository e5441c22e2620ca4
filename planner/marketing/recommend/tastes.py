"""What speaks for an item, one function a reason: each gives scores [customers, items] of some customers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from planner.marketing.recommend.purchases import Floats, Ints, Purchases

HABIT_DAYS = 180.0
TREND_DAYS = 14.0
NEIGHBOURS = 150


def frequency(purchases: Purchases, rows: Ints) -> Floats:
    """How often they bought it, a day counting half after HABIT_DAYS."""
    return np.log1p(_dense(purchases.matrix(HABIT_DAYS)[rows]))


def trend(purchases: Purchases, rows: Ints) -> Floats:
    """How many customers bought it of late: the same for everybody."""
    sold = np.asarray(purchases.matrix(TREND_DAYS).sum(axis=0), dtype=np.float64).ravel()
    return np.broadcast_to(np.log1p(sold), (len(rows), len(sold))).copy()


def popularity(purchases: Purchases, rows: Ints) -> Floats:
    """How many customers ever bought it: the same for everybody."""
    sold = np.asarray((purchases.matrix(np.inf) > 0).sum(axis=0), dtype=np.float64).ravel()
    return np.broadcast_to(sold, (len(rows), len(sold))).copy()


def content(purchases: Purchases, rows: Ints, words: sparse.csr_matrix) -> Floats:
    """How near its words are to those of what they bought: cosine of TF-IDF. `words` has a row of length 1 an item."""
    wanted = _unit_rows(purchases.matrix(HABIT_DAYS)[rows] @ words)
    return _dense(wanted @ words.T)


def item_neighbours(purchases: Purchases, rows: Ints) -> Floats:
    """Cosine of the item's customers with those of each item that they bought, added up."""
    bought = (purchases.matrix(np.inf) > 0).astype(np.float64)
    alike = _unit_rows(sparse.csr_matrix(bought.T))
    cosine = (alike @ alike.T).tolil()
    cosine.setdiag(0.0)
    return _dense(bought[rows] @ cosine.tocsr())


def user_neighbours(purchases: Purchases, rows: Ints) -> Floats:
    """What the NEIGHBOURS customers with the most similar purchases bought, rare items counting for more."""
    bought = (purchases.matrix(np.inf) > 0).astype(np.float64)
    buyers = np.maximum(np.asarray(bought.sum(axis=0)).ravel(), 1.0)
    people = _unit_rows(bought @ sparse.diags(np.log(bought.shape[0] / buyers) + 1e-9))
    near = _dense(people[rows] @ people.T)
    near[np.arange(len(rows)), rows] = 0.0
    count = min(NEIGHBOURS, near.shape[1])
    least = np.partition(near, near.shape[1] - count, axis=1)[:, near.shape[1] - count]
    kept = sparse.csr_matrix(np.where(near >= np.maximum(least, 1e-12)[:, None], near, 0.0))
    return _dense(kept @ purchases.matrix(HABIT_DAYS))


def item_words(items: pd.DataFrame, features: pd.DataFrame, codes: Ints | object) -> sparse.csr_matrix:
    """TF-IDF of description, category, brand and further text of each code, words and pairs, rows of length 1."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    known = items.drop_duplicates("sku").set_index("sku")[["description", "category", "brand"]]
    told = known.assign(text=features.drop_duplicates("sku").set_index("sku")["text"] if len(features) else "")
    texts = told.reindex(pd.Index(np.asarray(codes, dtype=object))).fillna("").agg(" ".join, axis=1)
    if not texts.str.contains(r"\w\w").any():
        return sparse.csr_matrix((len(texts), 1))
    return sparse.csr_matrix(TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2)).fit_transform(texts))


def _unit_rows(matrix: Any) -> sparse.csr_matrix:
    length = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1.0 / np.maximum(length, 1e-12)) @ matrix)


def _dense(matrix: Any) -> Floats:
    return np.asarray(sparse.csr_matrix(matrix).toarray(), dtype=np.float64)
