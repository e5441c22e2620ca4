"""One campaign before the ledger: what it asks for at the chosen service, what is short, and in money."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from planner.gating.ledger import KEY, Floats, Ledger, at_quantile
from planner.marketing.parts import noise
from planner.periods import first_days

MATERIAL_SHARE = 0.05


@dataclass(frozen=True)
class Outcome:
    """What one way gives: units, money, and the lines that it consists of.

    `loss`: shortage cost of what is short; `forgone`: margin of what is no longer asked for, less the margin that the
    way earns elsewhere; `cost`: what the way itself costs. `moves`: sku, warehouse, source, quantity, date, cost.
    """

    alternative: str
    what: str
    asked: float
    short: float
    loss: float
    forgone: float = 0.0
    cost: float = 0.0
    moves: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def money(self) -> float:
        return self.loss + self.forgone + self.cost

    @property
    def meets(self) -> bool:
        """All but a twentieth of what is asked for is there."""
        return self.asked > 0 and self.short <= MATERIAL_SHARE * self.asked + 1e-6


@dataclass(frozen=True)
class Case:
    """`extra` [N, T]: units of the campaign beyond `ledger.demand`, which is without it, at the chosen service.

    `usual` [N, T] is missing without the campaign. `margin` [N] is what a promoted unit earns at its promotional price.
    """

    name: str
    ledger: Ledger
    extra: Floats
    usual: Floats
    margin: Floats

    def at(self, row: int) -> Case:
        """The same for one series alone."""
        one = np.array([row])
        return Case(self.name, self.ledger.part(one), self.extra[one], self.usual[one], self.margin[one])

    def short(self, extra: Floats | None = None, more: Floats | float = 0.0) -> Floats:
        """Units [N, T] that are missing because of the campaign: never more in all than it asks for."""
        extra = self.extra if extra is None else extra
        missing = np.maximum(self.ledger.follow(extra, more)[1] - self.usual, 0.0)
        total, most = missing.sum(axis=1), np.maximum(extra, 0.0).sum(axis=1)
        return np.asarray(missing * np.divide(np.minimum(total, most), total, out=np.zeros_like(total),
                                              where=total > 0)[:, None])  # fmt: skip

    def outcome(
        self, alternative: str, what: str, extra: Floats | None = None, more: Floats | float = 0.0, cost: float = 0.0,
        moves: pd.DataFrame | None = None, earned: float = 0.0,
    ) -> Outcome:  # fmt: skip
        """The figures of the campaign with `extra` demand and `more` receipts."""
        extra = self.extra if extra is None else extra
        short = self.short(extra, more).sum(axis=1)
        asked, before = (np.maximum(values, 0.0).sum(axis=1) for values in (extra, self.extra))
        forgone = float((np.maximum(before - asked, 0.0) * self.margin).sum()) - earned
        loss = float((short * self.ledger.keys["loss"].to_numpy(float)).sum())
        lines = pd.DataFrame() if moves is None else moves
        return Outcome(alternative, what, float(asked.sum()), float(short.sum()), loss, forgone, cost, lines)


def make_case(name: str, ledger: Ledger, uplift: pd.DataFrame, depth: pd.Series, service: float) -> Case:
    """The case of campaign `name`. Where it runs, its net units add up to what all of it sells at the quantile
    `service`; where it leaves a dip, they count at their mean. Weeks before and beyond the plan are left out. `depth`:
    discount by SKU.
    """
    own = uplift[uplift["campaign"] == name]
    net = own["net"].to_numpy(float)
    mean = spread_out(ledger, own, net)
    runs = own["gross"].to_numpy(float) > 0
    beyond = (at_quantile(own, service) - net) * together(own[runs])
    extra = spread_out(ledger, own, np.where(runs, np.maximum(net + beyond, 0.0), net))
    without = replace(ledger, demand=np.maximum(ledger.demand - mean, 0.0))
    touched = np.flatnonzero((extra != 0).any(axis=1))
    part = without.part(touched)
    off = part.keys["sku"].map(depth).fillna(0.0).to_numpy(float)
    price = part.keys["price"].to_numpy(float)
    margin = np.where(np.isnan(price), part.keys["margin"], price * (1.0 - off) - part.keys["unit_cost"])
    return Case(name, part, extra[touched], part.follow()[1], np.maximum(margin, 0.0))


def together(rows: pd.DataFrame) -> float:
    """How far the sum of rows is off its mean, over the sum of how far each is: lifts are off together (`swing`), the
    rest of the `variance` partly cancels out."""
    each = float(np.sqrt(rows["variance"].to_numpy(float)).sum())
    return float(np.hypot(rows["swing"].sum(), np.sqrt(noise(rows).sum()))) / each if each > 0 else 1.0


def spread_out(ledger: Ledger, rows: pd.DataFrame, units: Floats) -> Floats:
    """Units of rows (sku, warehouse, date) by series and week of the ledger; months go evenly over their days."""
    table = np.zeros((len(ledger.keys), len(ledger.weeks)))
    days = rows["date"].dt.days_in_month.to_numpy() if _monthly(rows) else np.ones(len(rows), dtype=np.int64)
    row = np.repeat(np.arange(len(rows)), days)
    offset = np.arange(len(row)) - np.repeat(np.cumsum(days) - days, days)
    date = rows["date"].iloc[row].reset_index(drop=True) + pd.to_timedelta(offset, unit="D")
    week = ledger.weeks.get_indexer(pd.DatetimeIndex(first_days(date, "week")))
    series = ledger.rows_of(rows["sku"], rows["warehouse"])[row]
    known = (series >= 0) & (week >= 0)
    np.add.at(table, (series[known], week[known]), (units / days)[row][known])
    return table


def _monthly(rows: pd.DataFrame) -> bool:
    """Buckets are months: every row lies on a first day, and not all of those are Mondays."""
    return bool(len(rows)) and bool((rows["date"].dt.day == 1).all()) and bool((rows["date"].dt.weekday != 0).any())


def by_series(case: Case, values: Floats) -> pd.DataFrame:
    return case.ledger.keys[KEY].assign(units=values.sum(axis=1))
