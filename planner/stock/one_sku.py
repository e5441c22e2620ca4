"""One SKU of a finished plan, as the model sees it: its places, its sources, what was decided for them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.errors import UsageError
from planner.settings import Settings
from planner.stock.case import Case, Floats, Ints, Solution
from planner.stock.inputs import read_case
from planner.stock.ledger import Flow
from planner.stock.sourcing import rows_of

TABLES = (
    "items", "locations", "stocking", "suppliers", "sourcing", "price_breaks", "currencies", "capacities", "calendar",
    "stock", "pipeline", "customer_orders", "lanes", "duties",
)  # fmt: skip


@dataclass(frozen=True)
class OneSku:
    """`lines` are the SKU's rows of the orders table; `link` and `week` say where each stands in the solution."""

    case: Case
    solution: Solution
    flow: Flow
    lines: pd.DataFrame
    link: Ints
    week: Ints

    def node(self, place: str) -> int:
        return int(np.flatnonzero(self.case.nodes.place == place)[0])


def one_sku(
    dataset: Dataset, plan: pd.DataFrame, orders: pd.DataFrame, cumulative: pd.DataFrame, settings: Settings,
    as_of: dt.date, sku: str,
) -> OneSku:  # fmt: skip
    """Demand, stock and orders from the tables of the plan; terms from the tables of the workspace.

    Raises UsageError where the terms are no longer those that the orders were made with.
    """
    mine = plan[plan["sku"] == sku]
    lines = orders[orders["sku"] == sku].reset_index(drop=True)
    sums = cumulative[cumulative["sku"] == sku].reset_index(drop=True)
    case = read_case(only(dataset, {sku}), _weekly(mine, as_of), sums, settings, as_of)
    read = partial(_matrix, mine, case)
    link, week = placed(case, lines)
    solution = _decided(case, lines, link, week, read)
    brought = np.zeros((len(case.nodes), case.horizon))
    np.add.at(brought, (case.links.node[link], case.links.due[link, week]), lines["quantity"].to_numpy(dtype=float))
    demand = np.where(case.nodes.sells[:, None], read("demand"), 0.0)
    nodes = replace(
        case.nodes, demand=demand, campaign=read("campaign_demand"), opening=read("opening")[:, 0],
        pipeline=read("receipts") - brought - read("expired"), expired=read("expired"),
    )  # fmt: skip
    owed = np.concatenate([nodes.backlog[:, None], solution.short[:, :-1]], axis=1)
    owed = np.where(nodes.lost[:, None], 0.0, owed * nodes.sells[:, None])
    opening, receipts, shipped = read("opening"), read("receipts") - read("expired"), read("shipped")
    flow = Flow(opening, read("receipts"), shipped, opening + receipts - shipped - owed, read("target"))
    return OneSku(replace(case, nodes=nodes), solution, flow, lines, link, week)


def only(dataset: Dataset, skus: set[str], names: tuple[str, ...] = TABLES) -> Dataset:
    """The rows of some SKUs, and those that concern none, of the tables that are named."""

    def rows(name: str) -> pd.DataFrame:
        frame = dataset[name]
        return frame[frame["sku"].isin(skus)].reset_index(drop=True) if "sku" in frame else frame

    there = [name for name in names if dataset.has(name)]
    return Dataset({name: partial(rows, name) for name in there}, {name: dataset.digests[name] for name in there})


def _weekly(plan: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """Demand as the forecast would have given it: the first week whole again."""
    left = (7 - as_of.weekday()) / 7
    whole = np.where(plan["week"] == plan["week"].min(), 1 / left, 1.0)
    mean, campaign = plan["demand"] * whole, plan["campaign_demand"] * whole
    return plan[["sku", "warehouse", "week"]].assign(mean=mean, variance=mean, base=mean - campaign, campaign=campaign)


def _matrix(plan: pd.DataFrame, case: Case, column: str) -> Floats:
    """[N, T] of the plan's column."""
    table = plan.pivot_table(index="warehouse", columns="week", values=column, aggfunc="sum")
    return table.reindex(index=case.nodes.place, columns=case.weeks).fillna(0.0).to_numpy(dtype=float)


def placed(case: Case, lines: pd.DataFrame) -> tuple[Ints, Ints]:
    """Link and week of each line of an orders table. Raises UsageError where no link could have made it."""
    links, known = case.links, dict[tuple[str, str, str], list[int]]()
    for i, key in enumerate(zip(links.sku, links.source, links.destination, strict=True)):
        known.setdefault(key, []).append(i)
    week: Ints = ((lines["order_week"] - case.weeks[0]).dt.days // 7).to_numpy().astype(np.int64)
    found = np.zeros(len(lines), np.int64)
    for row, line in enumerate(rows_of(lines)):
        ways = known.get((line.sku, line.source, line.destination), [])
        fits = [
            i for i in ways if links.due[i, week[row]] >= 0 and abs(links.pack[i] * line.packs - line.quantity) < 1e-6
        ]
        if not fits:
            raise UsageError(f"the terms of {line.line_id} have changed since it was planned", "planner optimize")
        found[row] = fits[0]
    return found, week


def _decided(
    case: Case, lines: pd.DataFrame, link: Ints, week: Ints, read: Callable[[str], Floats]
) -> Solution:  # fmt: skip
    shape = (len(case.links), case.horizon)
    packs, tier = np.zeros(shape), np.zeros(shape, np.int64)
    packs[link, week] = lines["packs"].to_numpy(dtype=float)
    for i, t, quantity in zip(link.tolist(), week.tolist(), lines["quantity"].tolist(), strict=True):
        tier[i, t] = max(k for k, (least, _) in enumerate(case.links.tiers[i]) if least <= quantity + 1e-9)
    sells, short = case.nodes.sells[:, None], read("expected_shortage")
    return Solution(packs, tier, read("closing"), np.where(sells, short, 0.0), np.where(sells, 0.0, short))
