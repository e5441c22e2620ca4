"""Ordering rules that people use, one function each: from shelf, pipeline and forecast to an order per series."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special, stats

from planner.errors import UsageError
from planner.settings import nearest
from planner.stock.case import Floats, Ints

ORDER_WEEKS = 4


@dataclass(frozen=True)
class View:
    """What a rule may see in one week: [N] of each series, [N, T] by week from this one on.

    `window_*` is demand of the `span` weeks (lead time plus review) from this week on; `tail` is holding / (holding +
    shortage); `position` is on hand plus all that is on its way.
    """

    week: pd.Timestamp
    keys: pd.DataFrame
    on_hand: Floats
    pipeline: Floats
    mean: Floats
    window_mean: Floats
    window_variance: Floats
    span: Ints
    tail: Floats

    @property
    def position(self) -> Floats:
        total: Floats = self.on_hand + self.pipeline.sum(axis=1)
        return total

    @classmethod
    def of(
        cls, week: pd.Timestamp, keys: pd.DataFrame, on_hand: Floats, pipeline: Floats, weekly: pd.DataFrame,
        cumulative: pd.DataFrame, span: Ints, holding: Floats, shortage: Floats,
    ) -> View:  # fmt: skip
        """From the tables that the stock stage reads; a series that is not forecast has no demand."""
        ends = np.asarray(week + pd.to_timedelta((span - 1) * 7, unit="D"))
        wanted = keys.assign(to_date=pd.Series(ends, index=keys.index))
        window = wanted.merge(cumulative, "left", ["sku", "warehouse", "to_date"])[["mean", "variance"]].fillna(0.0)
        table = weekly.pivot_table(index=["sku", "warehouse"], columns="week", values="mean", aggfunc="sum")
        mean = table.reindex(pd.MultiIndex.from_frame(keys)).fillna(0.0).to_numpy(dtype=float)
        return cls(
            week, keys, on_hand, pipeline, mean, window["mean"].to_numpy(dtype=float),
            window["variance"].to_numpy(dtype=float), span, holding / np.maximum(holding + shortage, 1e-12),
        )  # fmt: skip

    def with_demand(self, weekly: pd.DataFrame, cumulative: pd.DataFrame) -> View:
        """The same shelf and pipeline before another forecast."""
        return View.of(
            self.week, self.keys, self.on_hand, self.pipeline, weekly, cumulative, self.span, self.tail, 1 - self.tail
        )  # fmt: skip


Rule = Callable[[View], Floats]


def newsvendor(view: View) -> Floats:
    """Up to the newsvendor quantile of a negative binomial over lead time plus review."""
    mean = np.maximum(view.window_mean, 1e-6)
    variance = np.maximum(view.window_variance, 1.001 * mean)
    level = stats.nbinom.ppf(1 - view.tail, mean**2 / (variance - mean), mean / variance)
    return np.where(view.window_mean > 0, level, 0.0) - view.position


def mean_up_to(view: View) -> Floats:
    """Up to the mean of lead time plus review: no safety stock."""
    return np.round(view.window_mean) - view.position


def base_stock(view: View) -> Floats:
    """Up to a level of normal demand: mean + z(1 - tail) x standard deviation over lead time plus review."""
    return _up_to(view, special.ndtri(1 - view.tail))


def min_max(view: View) -> Floats:
    """At or below the reorder point of `base_stock`, up to four weeks of demand above it; else nothing."""
    spread = np.sqrt(view.window_variance)
    point = np.ceil(view.window_mean + special.ndtri(1 - view.tail) * spread)
    most = point + np.ceil(cover_demand(view, ORDER_WEEKS))
    return np.where(view.position <= point, most - view.position, 0.0)


def z_score(factor: float) -> Rule:
    """Up to mean + factor x standard deviation over lead time plus review."""
    return lambda view: _up_to(view, np.full(len(view.on_hand), factor))


def cover(weeks: float) -> Rule:
    """Up to the mean demand of the next so many weeks."""
    return lambda view: np.ceil(cover_demand(view, weeks) - 1e-9) - view.position


def cover_demand(view: View, weeks: float) -> Floats:
    """Mean demand of the next weeks; a part of a week counts in part, and beyond the forecast its mean goes on."""
    count = view.mean.shape[1]
    share = np.clip(weeks - np.arange(count), 0.0, 1.0)
    total: Floats = view.mean @ share + max(0.0, weeks - count) * view.mean.mean(axis=1)
    return total


def _up_to(view: View, factor: Floats) -> Floats:
    level: Floats = np.ceil(view.window_mean + factor * np.sqrt(view.window_variance) - 1e-9)
    return level - view.position


PLAIN: dict[str, Rule] = {
    "newsvendor": newsvendor, "mean": mean_up_to, "base-stock": base_stock, "min-max": min_max,
}  # fmt: skip
WITH_NUMBER: dict[str, Callable[[float], Rule]] = {"cover": cover, "z": z_score}


def read_rule(text: str) -> Rule:
    """`newsvendor`, `mean`, `base-stock`, `min-max`, `cover:WEEKS` or `z:FACTOR`. Raises UsageError for another."""
    name, _, number = text.strip().partition(":")
    if name in PLAIN and not number:
        return PLAIN[name]
    if name in WITH_NUMBER:
        try:
            return WITH_NUMBER[name](float(number))
        except ValueError:
            raise UsageError(f"policy {text!r} needs a number", f"write {name}:4 or {name}:1.65") from None
    raise UsageError(f"there is no policy {text!r}", nearest(name, ["ours", *PLAIN, "cover:4", "z:1.65"]))
