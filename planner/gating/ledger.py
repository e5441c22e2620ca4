"""The plan of a run as arrays [series, weeks], and what is short when demand or receipts change."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.costs import holding_costs, shortage_costs, unit_costs
from planner.stock.sourcing import read_sources
from planner.tables import QUANTILE_COLUMNS, QUANTILES
from planner.workspace import Run

Floats = npt.NDArray[np.float64]
KEY = ["sku", "warehouse"]


@dataclass(frozen=True)
class Ledger:
    """`keys`: sku, warehouse, category, unit_cost, price, margin, loss (of a unit short), holding (unit and week).

    `opening` [N]; `receipts` (less what expires and is sent on), `demand` (mean) and `spread` (quantile of demand over
    the exposure less its mean) [N, T]; `lost` [N]: what is short is lost, else it is owed.
    """

    keys: pd.DataFrame
    weeks: pd.DatetimeIndex
    opening: Floats
    receipts: Floats
    demand: Floats
    spread: Floats
    lost: npt.NDArray[np.bool_]

    def rows_of(self, skus: pd.Series, places: pd.Series) -> npt.NDArray[np.int64]:
        """Row of each pair; -1 where the plan does not hold it."""
        index = pd.MultiIndex.from_frame(self.keys[KEY])
        return np.asarray(index.get_indexer(pd.MultiIndex.from_arrays([skus, places])), dtype=np.int64)

    def follow(self, extra: Floats | float = 0.0, more: Floats | float = 0.0) -> tuple[Floats, Floats]:
        """Stock at the end and units missing in each week, with `extra` demand and `more` receipts.

        Missing = demand - stock - receipts where that is above zero; stock follows the mean, week by week.
        """
        demand, receipts = np.maximum(self.demand + extra, 0.0), self.receipts + more
        left, missing, stock = np.zeros_like(demand), np.zeros_like(demand), self.opening.copy()
        for week in range(demand.shape[1]):
            balance = stock + receipts[:, week] - demand[:, week]
            owed = np.where(self.lost, 0.0, np.maximum(-stock, 0.0))
            missing[:, week] = np.maximum(-balance - owed, 0.0)
            stock = np.where(self.lost, np.maximum(balance, 0.0), balance)
            left[:, week] = np.maximum(stock, 0.0)
        return left, missing

    def part(self, rows: npt.NDArray[np.int64]) -> Ledger:
        """The same for some series alone."""
        keys = self.keys.iloc[rows].reset_index(drop=True)
        return Ledger(
            keys, self.weeks, self.opening[rows], self.receipts[rows], self.demand[rows], self.spread[rows],
            self.lost[rows],
        )  # fmt: skip


def read_ledger(run: Run, dataset: Dataset, settings: Settings, as_of: dt.date, service: float) -> Ledger:
    """The ledger of a run; `service` is the chance at which `spread` is read."""
    plan = run.table("plan").sort_values([*KEY, "week"], kind="stable", ignore_index=True)
    weeks = pd.DatetimeIndex(sorted(plan["week"].unique()))
    keys = plan[KEY].drop_duplicates(ignore_index=True)
    shape = (len(keys), len(weeks))

    def wide(values: pd.Series) -> Floats:
        return values.to_numpy(float).reshape(shape)

    net = wide(plan["receipts"]) - wide(plan["shipped"]) - wide(plan["expired"])
    described = _described(keys, dataset, settings, as_of)
    kind = keys["sku"].map(dataset["items"].drop_duplicates("sku").set_index("sku")["shortage"])
    lost = kind.where(kind.isin(["lost", "backorder"]), settings.stock.shortage).eq("lost").to_numpy(bool)
    spread = _spread(run.table("cumulative"), keys, weeks, service)
    return Ledger(described, weeks, wide(plan["opening"])[:, 0], net, wide(plan["demand"]), spread, lost)


def at_quantile(table: pd.DataFrame, chance: float) -> Floats:
    """The value of each row at `chance`, between the quantiles that the table holds."""
    values = table[list(QUANTILE_COLUMNS)].to_numpy(float)
    place = float(np.interp(chance, QUANTILES, np.arange(len(QUANTILES))))
    low = int(np.floor(place))
    high = min(low + 1, len(QUANTILES) - 1)
    return np.asarray(values[:, low] + (place - low) * (values[:, high] - values[:, low]), dtype=np.float64)


def _spread(cumulative: pd.DataFrame, keys: pd.DataFrame, weeks: pd.DatetimeIndex, service: float) -> Floats:
    """Safety that demand over the exposure asks for at `service`; none for places that sell nothing themselves."""
    over = np.maximum(at_quantile(cumulative, service) - cumulative["mean"].to_numpy(float), 0.0)
    rows = pd.MultiIndex.from_frame(keys).get_indexer(pd.MultiIndex.from_frame(cumulative[KEY]))
    week = weeks.get_indexer(pd.DatetimeIndex(cumulative["to_date"]))
    spread = np.zeros((len(keys), len(weeks)))
    known = (rows >= 0) & (week >= 0)
    spread[rows[known], week[known]] = over[known]
    return spread


def _described(keys: pd.DataFrame, dataset: Dataset, settings: Settings, as_of: dt.date) -> pd.DataFrame:
    cost = unit_costs(dataset, keys, read_sources(dataset, settings, as_of), as_of)
    items = dataset["items"].drop_duplicates("sku").set_index("sku")
    loss = shortage_costs(dataset, keys, cost, settings)
    price = keys["sku"].map(items["unit_price"]).to_numpy(float)
    return keys.assign(
        category=keys["sku"].map(items["category"]).fillna(""), unit_cost=cost, price=price,
        margin=np.where(np.isnan(price), loss, price - cost), loss=loss,
        holding=holding_costs(dataset, keys["sku"], cost, settings),
    )  # fmt: skip
