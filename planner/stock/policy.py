"""Targets per SKU-warehouse: how much to hold, from money or from a service that was asked for.

Demand over lead time plus review is a distribution (the `cumulative` table). The order-up-to level leaves the chance
of a shortage that is cheapest, or the one that the service target allows; what that chance says about the cost of a
shortage is shown beside it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.case import Flags, Floats, Ints
from planner.stock.costs import holding_costs, shortage_costs, unit_costs
from planner.stock.curves import expected_excess
from planner.stock.echelon import Stages, place_safety_stock
from planner.stock.lost_sales import best_chance, decision_share
from planner.stock.sourcing import primary_sources, read_sources
from planner.stock.windows import exposure

LEVELS = (0.80, 0.85, 0.90, 0.95, 0.98, 0.99)
CLASSES = (("A", 0.80), ("B", 0.95), ("C", 1.01))
_KEY = ["sku", "warehouse"]
_STEPS = 60
_NEVER = 1e-6


@dataclass(frozen=True)
class Windows:
    """Demand [N] over lead time plus review, over the weeks before its last review, and per week."""

    mean: Floats
    variance: Floats
    before_mean: Floats
    before_variance: Floats
    weekly: Floats

    def rows(self, chosen: Flags) -> Windows:
        parts = (self.mean, self.variance, self.before_mean, self.before_variance, self.weekly)
        return Windows(*(part[chosen] for part in parts))

    def chance(self, level: Floats) -> Floats:
        """Chance that demand exceeds the level."""
        whole = np.floor(level + 1e-9)
        chance: Floats = expected_excess(whole, self.mean, self.variance)
        chance = chance - expected_excess(whole + 1, self.mean, self.variance)
        return np.clip(chance, 0.0, 1.0)

    def shortage(self, level: Floats) -> Floats:
        """Expected shortage of one review."""
        short: Floats = expected_excess(level, self.mean, self.variance)
        return np.maximum(short - expected_excess(level, self.before_mean, self.before_variance), 0.0)

    def fill(self, level: Floats) -> Floats:
        """Share of the demand of one review that is served from the shelf."""
        demand = np.maximum(self.mean - self.before_mean, 1e-9)
        return np.clip(1 - self.shortage(level) / demand, 0.0, 1.0)

    def level_at(self, reached: Floats, fill: Flags) -> Floats:
        """Smallest whole level whose chance of no shortage (or fill rate) reaches the target."""
        low, high = np.full(len(self.mean), -1.0), self.mean + 12 * np.sqrt(self.variance) + 20
        filled, others, got = self.rows(fill), self.rows(~fill), np.zeros(len(self.mean))
        for _ in range(_STEPS):
            middle = np.floor((low + high) / 2)
            got[fill], got[~fill] = filled.fill(middle[fill]), 1 - others.chance(middle[~fill])
            good = got >= reached - 1e-12
            lower, upper = np.where(good, low, middle), np.where(good, middle, high)
            if (lower == low).all() and (upper == high).all():
                break
            low, high = lower, upper
        return np.where(self.mean <= 1e-9, 0.0, np.maximum(np.ceil(high - 1e-9), 0.0))


def implied_shortage_cost(holding: Floats, chance: Floats, share: Floats) -> Floats:
    """Cost per unit short at which this chance of a shortage is the cheapest: holding (1 - t) / t, with t the chance
    net of sales that are lost again."""
    chance = np.clip(chance, _NEVER, 1.0)
    tail = chance * (1 - share * (1 - chance))
    return holding * (1 - tail) / tail


def targets(
    dataset: Dataset, weekly: pd.DataFrame, cumulative: pd.DataFrame, settings: Settings, as_of: dt.date
) -> pd.DataFrame:
    """One row a SKU-warehouse: order_up_to, safety_stock, reorder_point, min, max, cycle_service, fill_rate, expected
    shortage a review, shortage_cost and the implied one, and how the level was set (`set_by`).

    min and max are for an ERP that reorders at min up to max: max is the order-up-to level (at least min plus MOQ), min
    is max less the demand of one review. Hand-set safety stock, minimum and presentation stock, maximum stock and
    maximum cover are respected, in this order.
    """
    ground = _ground(dataset, weekly, cumulative, settings, as_of)
    keys, windows, stocking, review = ground.keys, ground.windows, ground.stocking, ground.review
    sources = primary_sources(read_sources(dataset, settings, as_of), as_of)
    terms = keys.merge(sources.rename(columns={"destination": "warehouse"}), "left", _KEY)
    holding, shortage, share, cost = ground.holding, ground.shortage, ground.share, ground.cost
    asked, set_by = _levels(ground)
    level, set_by = _bounded(asked, set_by, windows, stocking)
    per_review = windows.mean - windows.before_mean
    chance = windows.chance(level)
    implied = np.where(stocking["service_target"].notna(), windows.chance(asked), chance)
    frame = keys[[*_KEY, "weeks"]].assign(
        review_weeks=review, demand=windows.mean, order_up_to=level, safety_stock=level - windows.mean,
        reorder_point=np.maximum(level - per_review, 0.0), set_by=set_by,
        min=np.maximum(np.floor(level - per_review + 1e-9), 0.0),
        cycle_service=1 - chance, fill_rate=windows.fill(level), expected_shortage=windows.shortage(level),
        shortage_cost=shortage, implied_shortage_cost=implied_shortage_cost(holding, implied, share),
        holding_cost_per_week=holding, unit_cost=cost, weekly_demand=windows.weekly,
    )  # fmt: skip
    frame["max"] = np.maximum(frame["order_up_to"], frame["min"] + terms["moq"].fillna(0.0).to_numpy(float))
    frame["safety_stock_value"] = frame["safety_stock"].clip(lower=0) * cost
    return frame.join(_placed(dataset, keys, terms, windows, chance, holding))


@dataclass(frozen=True)
class _Ground:
    """What levels are made of, one row a SKU-warehouse; `share` is that of sales that are lost again."""

    keys: pd.DataFrame
    stocking: pd.DataFrame
    windows: Windows
    review: Ints
    holding: Floats
    shortage: Floats
    share: Floats
    cost: Floats


def _ground(
    dataset: Dataset, weekly: pd.DataFrame, cumulative: pd.DataFrame, settings: Settings, as_of: dt.date
) -> _Ground:
    keys = exposure(dataset, settings, as_of)
    stocking = keys.merge(dataset["stocking"], "left", _KEY)
    days = stocking["review_days"].fillna(settings.stock.review_days).to_numpy(float)
    review = np.maximum(1, np.ceil(days / 7)).astype(np.int64)
    cost = unit_costs(dataset, keys, read_sources(dataset, settings, as_of), as_of)
    kind = keys["sku"].map(dataset["items"].set_index("sku")["shortage"]).fillna("").replace("", None)
    lost = (kind.fillna(settings.stock.shortage) == "lost").to_numpy(bool)
    share = np.where(lost, decision_share(np.maximum(keys["weeks"].to_numpy() - review, 0)), 0.0)
    return _Ground(
        keys, stocking, read_windows(keys, weekly, cumulative, review), review,
        holding_costs(dataset, keys["sku"], cost, settings), shortage_costs(dataset, keys, cost, settings), share, cost,
    )  # fmt: skip


def service_costs(
    dataset: Dataset, weekly: pd.DataFrame, cumulative: pd.DataFrame, settings: Settings, as_of: dt.date
) -> dict[tuple[str, str], float]:
    """Cost per unit short by (sku, warehouse) at which the service that `stocking` asks for is the cheapest.

    The optimizer plans with it in place of the shortage cost. Nothing for those without a target, without demand, or
    whose stock costs nothing to hold: no cost would imply a level there.
    """
    if not dataset["stocking"]["service_target"].notna().any():
        return {}
    ground = _ground(dataset, weekly, cumulative, settings, as_of)
    level, _ = _levels(ground)
    cost = implied_shortage_cost(ground.holding, ground.windows.chance(level), ground.share)
    told = ground.stocking["service_target"].notna().to_numpy(bool) & (cost > 0) & (ground.windows.mean > 1e-9)
    pairs = zip(ground.keys["sku"].astype(str), ground.keys["warehouse"].astype(str), strict=True)
    return {pair: float(value) for pair, value, known in zip(pairs, cost, told, strict=True) if known}


def read_windows(keys: pd.DataFrame, weekly: pd.DataFrame, cumulative: pd.DataFrame, review: Ints) -> Windows:
    """Demand of the first full window of each key; the weeks before its last review take their part of the variance."""
    weeks = keys["weeks"].to_numpy(dtype=np.int64)
    first = pd.Timestamp(cumulative["to_date"].min() if len(cumulative) else 0)
    ends = pd.Series(first, index=keys.index) + pd.to_timedelta(pd.Series((weeks - 1) * 7, index=keys.index), unit="D")
    window = keys[_KEY].assign(to_date=ends).merge(cumulative, "left", [*_KEY, "to_date"])
    mean, variance = (window[name].fillna(0.0).to_numpy(dtype=float) for name in ("mean", "variance"))
    share = np.clip((weeks - review) / weeks, 0.0, 1.0)
    near = weekly.groupby(_KEY, observed=True)["mean"].mean()
    per_week = near.reindex(pd.MultiIndex.from_frame(keys[_KEY])).fillna(0.0).to_numpy(dtype=float)
    return Windows(mean, variance, mean * share, variance * share, np.where(per_week > 0, per_week, mean / weeks))


def _levels(ground: _Ground) -> tuple[Floats, pd.Series]:
    """The cheapest level, or the one that the service target asks for."""
    windows, stocking, share = ground.windows, ground.stocking, ground.share
    tail = ground.holding / np.maximum(ground.holding + ground.shortage, 1e-12)
    chance = np.clip(best_chance(tail, share), _NEVER, 1.0)
    asked = stocking["service_target"].astype(float)
    fill = ((stocking["service_kind"] == "fill") & asked.notna()).to_numpy(bool)
    reached = asked.to_numpy(dtype=float)
    level = windows.level_at(np.where(np.isnan(reached), 1 - chance, np.clip(reached, 0.0, 1 - _NEVER)), fill)
    words = np.select([fill, asked.notna().to_numpy(bool)], ["fill rate", "cycle service"], "money")
    return level, pd.Series(words, index=stocking.index, dtype=object)


def _bounded(
    level: Floats, set_by: pd.Series, windows: Windows, stocking: pd.DataFrame
) -> tuple[Floats, pd.Series]:  # fmt: skip
    """The level with what was fixed by hand, and who set it last."""
    fixed = stocking["safety_stock"].to_numpy(dtype=float)
    floor = stocking[["min_stock", "presentation_stock"]].astype(float).max(axis=1).to_numpy(dtype=float)
    most = stocking["max_stock"].to_numpy(dtype=float)
    cover = stocking["max_cover_weeks"].to_numpy(dtype=float) * windows.weekly
    steps = (
        (np.ceil(windows.mean + fixed - 1e-9), np.isfinite(fixed), "safety stock by hand"),
        (np.ceil(windows.mean + floor - 1e-9), windows.mean + floor > level, "minimum stock"),
        (np.floor(most), most < level, "maximum stock"),
        (np.floor(cover + 1e-9), cover < level, "maximum cover"),
    )
    for value, applies, word in steps:
        applies = applies & np.isfinite(value)
        level = np.where(applies, value, level)
        set_by = set_by.where(~applies, word)
    return level, set_by


def _placed(
    dataset: Dataset, keys: pd.DataFrame, terms: pd.DataFrame, windows: Windows, chance: Floats, holding: Floats
) -> pd.DataFrame:
    """quote_weeks and placed_safety_stock where goods pass through a dc: the split of safety stock by the guaranteed
    service model, each SKU's network by itself; nothing for the others.

    A stage's own time is its lead time; one that sells also waits for its review. Its bound is the normal quantile of
    its own chance of a shortage.
    """
    result = pd.DataFrame({"quote_weeks": np.nan, "placed_safety_stock": np.nan}, index=keys.index)
    weeks = np.maximum(np.ceil(terms["lead_days"].fillna(0.0).to_numpy(dtype=float) / 7), 0).astype(np.int64)
    deviation = np.sqrt(windows.variance / np.maximum(keys["weeks"].to_numpy(dtype=float), 1))
    factor = np.maximum(-special.ndtri(np.clip(chance, 1e-4, 0.5)), 0.0)
    feeding = terms["transfer"].eq(True).to_numpy(bool)
    for sku in keys["sku"][feeding].unique():
        rows = np.flatnonzero((keys["sku"] == sku).to_numpy())
        place = {name: k for k, name in enumerate(keys["warehouse"].iloc[rows])}
        arcs = tuple(
            (place[str(terms["source"].iloc[row])], k)
            for k, row in enumerate(rows)
            if feeding[row] and terms["source"].iloc[row] in place
        )
        if not arcs:  # the feeding place is not stocked
            continue
        feeds = {i for i, _ in arcs}
        sells = np.array([k not in feeds or not keys["members"].iloc[row] for k, row in enumerate(rows)])
        stages = Stages(
            weeks[rows] + sells, holding[rows], (factor * deviation)[rows], np.zeros(len(rows), np.int64),
            np.where(sells, 0, -1), arcs,
        )  # fmt: skip
        found = place_safety_stock(stages)
        result.loc[keys.index[rows], "quote_weeks"] = found.quote
        result.loc[keys.index[rows], "placed_safety_stock"] = found.stock
    return result


def service_curve(frame: pd.DataFrame, windows: Windows) -> pd.DataFrame:
    """Money against service by class: at each cycle service the stock value, its holding cost and the shortage cost per
    week, and the fill rate; `now` is the level that `targets` chose. Class A holds the first 80 % of demand by value, B
    the next 15 %."""
    value = windows.weekly * np.where(frame["unit_cost"] > 0, frame["unit_cost"], 1.0)
    rank = np.argsort(-value, kind="stable")
    share = np.empty(len(frame))
    share[rank] = (np.cumsum(value[rank]) - value[rank]) / max(float(value.sum()), 1e-9)
    label = np.select([share < limit for _, limit in CLASSES], [name for name, _ in CLASSES], "C")
    review = frame["review_weeks"].to_numpy(dtype=float)
    parts = []
    for name, level in _curve_levels(frame, windows):
        spare = np.maximum(level - windows.mean, 0.0) + windows.shortage(level)
        held = spare + (windows.mean - windows.before_mean) / 2
        short = windows.shortage(level) / review
        parts.append(pd.DataFrame({
            "class": label, "service": name, "stock_value": held * frame["unit_cost"].to_numpy(dtype=float),
            "stock": held, "holding": held * frame["holding_cost_per_week"].to_numpy(dtype=float),
            "shortage": short * frame["shortage_cost"].to_numpy(dtype=float), "short": short, "demand": windows.weekly,
        }))  # fmt: skip
    table = pd.concat(parts).groupby(["class", "service"], sort=True)
    total = table[["stock_value", "stock", "holding", "shortage", "short", "demand"]].sum().reset_index()
    fill = 1 - total["short"] / total["demand"].where(total["demand"] > 0)
    return total.assign(fill_rate=fill, cost=total["holding"] + total["shortage"]).drop(columns=["short"])


def _curve_levels(frame: pd.DataFrame, windows: Windows) -> list[tuple[str, Floats]]:
    cycle = np.zeros(len(frame), bool)
    levels = [(f"{level:.2f}", windows.level_at(np.full(len(frame), level), cycle)) for level in LEVELS]
    return [*levels, ("now", frame["order_up_to"].to_numpy(dtype=float))]
