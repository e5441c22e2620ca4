"""Which items are alike: by category, brand, price, further attributes and the words that describe them.

Each SKU becomes one sparse vector of length 1 or less; the similarity of two is their product, from 0 to 1. Words count
by TF-IDF (Spärck Jones 1972), prices by their distance in logarithms, attributes by being the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Floats = npt.NDArray[np.float64]

TEXTS = ("description", "text")
_WEIGHTS = {"words": 0.35, "category": 0.25, "brand": 0.1, "price": 0.2, "attributes": 0.1}
_PRICE_STEP = 0.35
_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_FEATURE = "feature "


def described(items: pd.DataFrame, item_features: pd.DataFrame) -> pd.DataFrame:
    """Items with the text and the further columns of `item_features`, which are named `feature NAME` here."""
    if not len(item_features):
        return items
    extra = item_features.drop_duplicates("sku").rename(
        columns={name: name if name in ("sku", "text") else f"{_FEATURE}{name}" for name in item_features}
    )
    return items.merge(extra.astype({"sku": object}), on="sku", how="left")


def vectors(skus: Sequence[str], items: pd.DataFrame) -> sparse.csr_matrix:
    """One row a SKU, in the order given; rows of SKUs that `items` does not know are empty."""
    table = items.drop_duplicates("sku").set_index("sku").reindex(list(skus))
    parts = {
        "words": _words(table),
        "category": _same(table, ["category"]),
        "brand": _same(table, ["brand"]),
        "price": _price(table),
        "attributes": _same(table, [str(name) for name in table if str(name).startswith(_FEATURE)]),
    }
    scaled = [part * np.sqrt(_WEIGHTS[name]) for name, part in parts.items() if part.shape[1]]
    if not scaled:
        return sparse.csr_matrix((len(skus), 1))
    return sparse.csr_matrix(sparse.hstack(scaled))


def most_alike(sku: str, skus: Sequence[str], items: pd.DataFrame, count: int = 5) -> list[tuple[str, float]]:
    """The SKUs that are most like one of them, with their similarity."""
    names = [sku, *(name for name in skus if name != sku)]
    table = vectors(names, items)
    like = np.asarray((table[1:] @ table[0].T).todense()).ravel()
    order = np.argsort(-like, kind="stable")[:count]
    return [(names[place + 1], float(like[place])) for place in order if like[place] > 0]


def _words(table: pd.DataFrame) -> sparse.csr_matrix:
    """TF-IDF of the words, rows of length 1; a word of one SKU alone says nothing and is left out."""
    texts = [name for name in TEXTS if name in table]
    told = [" ".join(str(value) for value in row if value == value) for row in table[texts].itertuples(index=False)]
    words = [list(dict.fromkeys(_WORD.findall(text.lower()))) for text in told]
    found = pd.Series([word for row in words for word in row], dtype=object).value_counts()
    known = {word: column for column, word in enumerate(sorted(found[found > 1].index))}
    row = [number for number, line in enumerate(words) for word in line if word in known]
    column = [known[word] for line in words for word in line if word in known]
    rarity = np.log(len(table) / found.reindex(sorted(known)).to_numpy(dtype=float)) if known else np.zeros(0)
    return _unit(sparse.csr_matrix((rarity[column], (row, column)), shape=(len(table), len(known))))


def _same(table: pd.DataFrame, names: Sequence[str]) -> sparse.csr_matrix:
    """A column per value of each attribute; rows of length 1 where all attributes are known."""
    blocks = []
    for name in names:
        if name in table:
            value = table[name].astype(object).where(table[name].notna(), "").astype(str)
            code, levels = pd.factorize(value, sort=True)
            known = np.flatnonzero((value != "").to_numpy())
            cells = (np.ones(known.size), (known, code[known]))
            blocks.append(sparse.csr_matrix(cells, shape=(len(table), len(levels))))
    if not blocks:
        return sparse.csr_matrix((len(table), 0))
    return sparse.csr_matrix(sparse.hstack(blocks) / np.sqrt(len(blocks)))


def _price(table: pd.DataFrame) -> sparse.csr_matrix:
    """Log price between its two marks on a grid, so that near prices share marks; rows of length 1."""
    price = pd.to_numeric(table["unit_price"], errors="coerce") if "unit_price" in table else pd.Series(dtype=float)
    value = price.to_numpy(dtype=float) if len(price) else np.full(len(table), np.nan)
    known = np.flatnonzero(value > 0)
    if not known.size:
        return sparse.csr_matrix((len(table), 0))
    place = np.log(value[known]) / _PRICE_STEP
    low = np.floor(place).astype(np.int64)
    first = int(low.min())
    share = place - low
    cells = (np.r_[1 - share, share], (np.r_[known, known], np.r_[low, low + 1] - first))
    return _unit(sparse.csr_matrix(cells, shape=(len(table), int(low.max()) - first + 2)))


def _unit(table: sparse.csr_matrix) -> sparse.csr_matrix:
    """Rows of length 1; empty rows stay empty."""
    length = np.sqrt(np.asarray(table.multiply(table).sum(axis=1)).ravel())
    return sparse.csr_matrix(sparse.diags(1 / np.where(length > 0, length, 1.0)) @ table)
