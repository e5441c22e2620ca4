"""Is this plan allowed, and does it add up? Read from the tables again, without a line of the model's code.

Every violation is one sentence that starts with the rule's name. A clean plan gives an empty list.
"""

from __future__ import annotations

import datetime as dt

import pandas as pd

from planner.dataset import Dataset
from planner.settings import Settings
from planner.stock.check.balance import balances, demand, expired, openings, receipts, shipments, stock_signs
from planner.stock.check.customs import duties
from planner.stock.check.freight import freights
from planner.stock.check.limits import budget, capacities, ceilings, covers, joint_minima
from planner.stock.check.lines import dates, identity, listing, order_days, quantities, sources, unit_costs
from planner.stock.check.reading import read_ledger, read_lines

SHOWN = 200


def verify(
    dataset: Dataset, weekly: pd.DataFrame, orders: pd.DataFrame, plan: pd.DataFrame, settings: Settings, as_of: dt.date
) -> list[str]:
    """All violations (at most SHOWN, then a count), sorted."""
    lines = read_lines(dataset, orders, settings)
    ledger = read_ledger(dataset, plan, settings, as_of)
    found = sorted({
        *identity(orders), *sources(lines, as_of), *quantities(lines), *dates(lines, plan, as_of),
        *order_days(dataset, lines), *listing(dataset, lines), *unit_costs(lines),
        *duties(dataset, lines), *openings(ledger), *balances(ledger),
        *receipts(dataset, lines, ledger, as_of), *shipments(lines, ledger), *stock_signs(ledger),
        *expired(dataset, ledger, as_of), *covers(dataset, lines, ledger),
        *demand(dataset, weekly, ledger, settings, as_of), *joint_minima(dataset, lines, settings, as_of),
        *ceilings(dataset, lines, ledger), *budget(dataset, lines, plan, settings, as_of),
        *capacities(dataset, lines, ledger, settings, as_of), *freights(dataset, lines, settings, as_of),
    })  # fmt: skip
    return found[:SHOWN] + ([f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])
