"""The verdict on each planned campaign: go, or the ways out, ranked by money."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from planner.dataset import Dataset
from planner.errors import UsageError
from planner.gating.case import Case, Outcome, make_case
from planner.gating.ledger import Ledger, read_ledger
from planner.gating.people import bought, buying, customers_by_segment, leave_out
from planner.gating.smaller import fewer_regions, later, other_sku, served_shares, smaller_audience
from planner.gating.supply import Supply, order, read_supply, transfer
from planner.marketing.bookings import AUDIENCE_KINDS, counted
from planner.settings import Settings, nearest
from planner.workspace import Run

GO = "as planned"
COLUMNS = (
    "campaign", "rank", "verdict", "alternative", "what", "units_asked", "units_served", "units_short", "served_share",
    "meets_service", "loss", "forgone", "cost", "money",
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """`alternatives`: COLUMNS, a row a campaign and way, the best first. `moves`: what each way moves or orders.
    `people`: whom a smaller audience leaves out. `notes`: what was not judged.
    """

    alternatives: pd.DataFrame
    moves: pd.DataFrame
    people: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Ground:
    run: Run
    dataset: Dataset
    settings: Settings
    as_of: dt.date
    ledger: Ledger
    supply: Supply
    service: float


def judge(
    run: Run, dataset: Dataset, settings: Settings, as_of: dt.date, service: float = 0.9, wanted: str = ""
) -> Judged:
    """Planned campaigns, or the `wanted` one, against the plan of `run`. Raises UsageError for one that is not in it.

    Judged for the case that each campaign sells its `service` quantile: in so many of a hundred cases it is less. A
    campaign goes if all but a twentieth of that is there. Ways that reach this come first, the cheapest at the top.
    """
    campaigns = _to_judge(dataset, run, as_of, wanted)
    ledger = read_ledger(run, dataset, settings, as_of, service)
    prices = run.table("prices") if "prices" in run.tables else pd.DataFrame()
    supply = read_supply(ledger, prices, dataset, settings, as_of)
    ground = _Ground(run, dataset, settings, as_of, ledger, supply, service)
    rows, moves, people, notes = [], [], [], list[str]()
    for _, campaign in campaigns.sort_values(["start", "campaign"]).iterrows():
        found, left = _ways(ground, campaign)
        if not found:
            notes.append(f"{campaign['campaign']} adds nothing in the weeks planned: it is not judged")
            continue
        rows.append(_ranked(str(campaign["campaign"]), found))
        moves += [way.moves.assign(campaign=campaign["campaign"], alternative=way.alternative) for way in found
                  if len(way.moves)]  # fmt: skip
        people.append(left.assign(campaign=campaign["campaign"]))
    left_out = _joined(people, ["campaign", "warehouse", "segment", "customers", "leave_out"])
    lines = _joined(moves, ["campaign", "alternative", "sku", "warehouse"])
    return Judged(_joined(rows, list(COLUMNS)), lines, left_out, tuple(notes))


def _joined(parts: list[pd.DataFrame], first: list[str]) -> pd.DataFrame:
    kept = [part for part in parts if len(part)]
    if not kept:
        return pd.DataFrame(columns=first)
    table = pd.concat(kept, ignore_index=True)
    return table[[*first, *(name for name in table.columns if name not in first)]]


def _to_judge(dataset: Dataset, run: Run, as_of: dt.date, wanted: str) -> pd.DataFrame:
    campaigns = dataset["campaigns"]
    ahead = counted(campaigns)
    ahead = ahead[ahead["end"] >= pd.Timestamp(as_of)]
    if not wanted:
        return ahead
    row = campaigns[campaigns["campaign"] == wanted]
    if row.empty:
        raise UsageError(f"there is no campaign {wanted!r}", nearest(wanted, sorted(campaigns["campaign"])))
    if not (ahead["campaign"] == wanted).any():
        if row["end"].iloc[0] < pd.Timestamp(as_of):
            day = row["end"].iloc[0].date()
            raise UsageError(f"campaign {wanted} is over since {day}", "planner campaign settle, or explain campaign")
        status = row["status"].iloc[0]
        raise UsageError(f"campaign {wanted} is {status}, so the plan does not hold it",
                         "set its status to planned in a scenario, plan that, and add --scenario NAME")  # fmt: skip
    if wanted not in set(run.table("uplift")["campaign"]):
        raise UsageError(f"run {run.name} does not hold campaign {wanted}", "planner plan, then ask again")
    return ahead[ahead["campaign"] == wanted]


def _ways(ground: _Ground, campaign: pd.Series) -> tuple[list[Outcome], pd.DataFrame]:
    """The campaign as planned and, where that does not do, every way out; and whom a smaller audience leaves out."""
    name, none = str(campaign["campaign"]), pd.DataFrame()
    uplift = ground.run.table("uplift")
    case = make_case(name, ground.ledger, uplift, _depth(ground.dataset, campaign), ground.service)
    planned = case.outcome(GO, "nothing to change")
    if not planned.asked:
        return [], none
    if planned.meets:
        return [planned], none
    items = ground.dataset["items"]
    ended = set(items.loc[items["end_date"] < campaign["end"], "sku"])
    ours = ground.dataset["campaign_items"]
    promoted = set(ours.loc[ours["campaign"] == name, "sku"])
    moved = transfer(case, ground.supply)
    audience, left = _audience(ground, campaign, case, promoted)
    country = ground.dataset["locations"].drop_duplicates("location").set_index("location")["country"]
    begun = campaign["start"] < pd.Timestamp(ground.as_of)
    found = [planned, audience, fewer_regions(case, country), other_sku(case, ground.ledger, promoted, ended), moved,
             order(case, ground.supply), _both(case, ground.supply, moved)]  # fmt: skip
    found += [] if begun else later(case, ground.supply, campaign["start"])
    return [way for way in found if way is not None], left


def _depth(dataset: Dataset, campaign: pd.Series) -> pd.Series:
    """Discount by SKU: of the promotional price where there is one, else the campaign's own."""
    own = dataset["campaign_items"]
    own = own[own["campaign"] == campaign["campaign"]].drop_duplicates("sku").set_index("sku")
    price = dataset["items"].drop_duplicates("sku").set_index("sku")["unit_price"].reindex(own.index)
    rate = float(campaign["discount_rate"]) if campaign["discount_rate"] == campaign["discount_rate"] else 0.0
    cut: pd.Series = (1.0 - own["promo_price"] / price.where(price > 0)).fillna(rate).clip(0.0, 0.95)
    return cut


def _both(case: Case, supply: Supply, moved: Outcome | None) -> Outcome | None:
    """Transfers first, and an order of today for what they leave short."""
    if moved is None or moved.meets:
        return None
    ordered = order(case, supply, more=_received(case, moved.moves))
    if ordered is None:
        return None
    lines = pd.concat([moved.moves, ordered.moves], ignore_index=True)
    return replace(ordered, alternative="transfer and order", what=f"{moved.what}; {ordered.what}",
                   cost=moved.cost + ordered.cost, moves=lines)  # fmt: skip


def _received(case: Case, moves: pd.DataFrame) -> np.ndarray:
    received = np.zeros_like(case.extra)
    week = np.maximum(((moves["due_date"] - case.ledger.weeks[0]).dt.days // 7).to_numpy(int), 0)
    np.add.at(received, (case.ledger.rows_of(moves["sku"], moves["warehouse"]), week), moves["quantity"].to_numpy())
    return received


def _audience(
    ground: _Ground, campaign: pd.Series, case: Case, promoted: set[str]
) -> tuple[Outcome | None, pd.DataFrame]:
    """A campaign that is sent to people can be sent to fewer of them."""
    size = float(campaign["audience_size"]) if campaign["audience_size"] == campaign["audience_size"] else 0.0
    if not (campaign["kind"] in AUDIENCE_KINDS or size > 0):
        return None, pd.DataFrame()
    shares, left, gone = served_shares(case), pd.DataFrame(), 0.0
    data, as_of = ground.dataset, ground.as_of
    if data.has("customers") and data.has("order_lines"):
        people = customers_by_segment(data, as_of, ground.settings)
        people = addressed(people, campaign)
        cells = buying(people, bought(data, as_of), promoted, ground.settings.customers.minimum_cell)
        left = leave_out(cells, shares, size)
        gone = float(left["leave_out"].sum())
    if not len(left):
        weight = pd.Series(np.maximum(case.extra, 0.0).sum(axis=1)).groupby(case.ledger.keys["warehouse"]).sum()
        gone = float(np.ceil(size * (1.0 - (weight * shares).sum() / weight.sum())))
    saved = gone * float(campaign["cost_per_contact"] or 0.0)
    return smaller_audience(case, shares, gone, saved), left


def addressed(people: pd.DataFrame, campaign: pd.Series) -> pd.DataFrame:
    """Those of the campaign's country and segment; a segment that RFM does not know addresses everybody."""
    if campaign["country"]:
        people = people[people["country"] == campaign["country"]]
    if campaign["segment"] and (people["segment"] == campaign["segment"]).any():
        people = people[people["segment"] == campaign["segment"]]
    return people


def _ranked(name: str, found: list[Outcome]) -> pd.DataFrame:
    order_ = sorted(found, key=lambda way: (not way.meets, round(way.money, 6), way.alternative != GO, way.alternative))
    rows = [
        (name, rank, _verdict(way, rank), way.alternative, way.what, way.asked, way.asked - way.short, way.short,
         1.0 - way.short / way.asked if way.asked else 0.0, way.meets, way.loss, way.forgone, way.cost, way.money)
        for rank, way in enumerate(order_, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _verdict(way: Outcome, rank: int) -> str:
    if way.alternative == GO and way.meets:
        return "go"
    return "" if rank > 1 else "do this" if way.meets else "nothing does it all"


def served_at(run: Run, dataset: Dataset, settings: Settings, as_of: dt.date, name: str) -> pd.Series:
    """By warehouse the share of a campaign that the plan of `run` can serve, should it sell its 90 % quantile.

    Without rows where the plan expects nothing of it.
    """
    uplift = run.table("uplift")
    if not (uplift["campaign"] == name).any():
        return pd.Series(dtype=float)
    ledger = read_ledger(run, dataset, settings, as_of, 0.9)
    campaigns = dataset["campaigns"]
    depth = _depth(dataset, campaigns[campaigns["campaign"] == name].iloc[0])
    return served_shares(make_case(name, ledger, uplift, depth, 0.9))
