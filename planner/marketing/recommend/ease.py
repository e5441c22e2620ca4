"""EASE: which items go with which, by one ridge regression of every item on all others, in closed form.

    G = X'X + ridge x I,  P = inverse of G,  B = I - P / diagonal of P,  scores = X B     (Steck 2019)

X holds 0.5 ^ (days since the last purchase / half-life). In a week all of it shrinks by one factor, and only the rows
of customers who bought in it change: P follows by Woodbury's identity, and nothing else is computed again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse

from planner.marketing.recommend.purchases import Floats, Ints, Purchases

HALF_LIFE_DAYS = 90.0
RIDGE = 200.0
MOST_ITEMS = 5000
# While X shrinks the ridge does not: after six weeks it weighs half as much again, and a new fit is due.
LONGEST_DAYS = 42


@dataclass(frozen=True)
class Ease:
    """`items` are the codes that P is over; `fitted` is the day whose X counts as 1, `day` the last one learnt."""

    items: npt.NDArray[np.object_]
    inverse: Floats
    fitted: dt.date
    day: dt.date

    @classmethod
    def fit(cls, purchases: Purchases) -> Ease:
        """Over the MOST_ITEMS items with most customers; a tie goes to the first code."""
        chosen = _most_bought(purchases)
        held = purchases.latest(HALF_LIFE_DAYS)[:, chosen]
        gram = np.asarray((held.T @ held).todense(), dtype=np.float64)
        gram[np.diag_indices_from(gram)] += RIDGE
        return cls(purchases.items[chosen], _inverse(gram), purchases.day, purchases.day)

    def update(self, purchases: Purchases) -> Ease:
        """The same after what was bought since `day`: P - P V (S + V'PV)^-1 V'P, V the rows that changed."""
        grown = self._with_items(purchases)
        before, now = purchases.before(self.day), purchases
        buyers = np.unique(purchases.customer[purchases.age <= (purchases.day - self.day).days])
        at = grown._places(purchases)
        old, new = (grown._rows(part, buyers, at) for part in (before, now))
        changed = sparse.vstack([new, old]).toarray()
        signs = np.repeat([1.0, -1.0], len(buyers))
        projected = grown.inverse @ changed.T
        core = np.diag(signs) + changed @ projected
        inverse = grown.inverse - projected @ linalg.solve(core, projected.T)
        return Ease(grown.items, (inverse + inverse.T) / 2, self.fitted, purchases.day)

    def covers(self, purchases: Purchases) -> bool:
        """Whether an update from here is near enough to a new fit."""
        return self.day <= purchases.day and (purchases.day - self.fitted).days <= LONGEST_DAYS

    def scores(self, purchases: Purchases, rows: Ints) -> Floats:
        """[rows, items of `purchases`]; items that EASE does not cover score 0."""
        at = self._places(purchases)
        held = purchases.latest(HALF_LIFE_DAYS)[rows][:, at]
        scores = np.zeros((len(rows), len(purchases.items)))
        scores[:, at] = held @ self.coefficients
        return scores

    @property
    def coefficients(self) -> Floats:
        """B: column j says how much of item j follows from each other item."""
        weights = -self.inverse / np.diag(self.inverse)[None, :]
        weights[np.diag_indices_from(weights)] = 0.0
        return np.asarray(weights, dtype=np.float64)

    def _rows(self, purchases: Purchases, rows: Ints, at: Ints) -> sparse.csr_matrix:
        """X of some customers, in the unit of the day of the fit."""
        unit = 0.5 ** ((self.fitted - purchases.day).days / HALF_LIFE_DAYS)
        return sparse.csr_matrix(purchases.latest(HALF_LIFE_DAYS)[rows][:, at] * unit)

    def _places(self, purchases: Purchases) -> Ints:
        return np.searchsorted(purchases.items, self.items).astype(np.int64)

    def _with_items(self, purchases: Purchases) -> Ease:
        """With items sold for the first time since, of which nothing is known yet: P is 1 / ridge there."""
        fresh = np.setdiff1d(purchases.items, self.items)[: max(MOST_ITEMS - len(self.items), 0)]
        items = np.concatenate([self.items, fresh])
        inverse = linalg.block_diag(self.inverse, np.eye(len(fresh)) / RIDGE) if len(fresh) else self.inverse
        order = np.argsort(items, kind="stable")
        return Ease(items[order], inverse[np.ix_(order, order)], self.fitted, self.day)


def _most_bought(purchases: Purchases) -> Ints:
    buyers = np.asarray((purchases.matrix(np.inf) > 0).sum(axis=0)).ravel()
    return np.sort(np.lexsort((np.arange(len(buyers)), -buyers))[:MOST_ITEMS]).astype(np.int64)


def _inverse(gram: Floats) -> Floats:
    """Of a symmetric positive definite matrix, by Cholesky."""
    if not len(gram):
        return gram
    factor, _ = linalg.lapack.dpotrf(gram, lower=True, overwrite_a=True)
    inverse, _ = linalg.lapack.dpotri(factor, lower=True, overwrite_c=True)
    return np.asarray(np.tril(inverse) + np.tril(inverse, -1).T, dtype=np.float64)
