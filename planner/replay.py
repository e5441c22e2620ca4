"""What ordering policies would have cost on the own history, week by week, nothing seen ahead of its time.

Every week the stages of the plan see only the sales before it; each policy then orders from its own shelf and
pipeline, and the week's demand falls on what it has. Every SKU-warehouse is supplied from outside by its primary
source, over the whole lead time of its chain; limits that several SKUs share and joint minima are left out, since a
rule per SKU cannot heed them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.errors import UsageError
from planner.forecast import build_history
from planner.periods import first_day
from planner.plan import FLOW, Context
from planner.settings import Settings
from planner.stock import exposure, replenish
from planner.stock.costs import duties_paid, holding_costs, shortage_costs, unit_costs
from planner.stock.rules import Rule, View, read_rule
from planner.stock.sourcing import primary_sources, read_sources

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

OURS = "ours"
START_WEEKS = 13
DEMAND_STAGES = tuple(
    stage for stage in FLOW[: [stage.name for stage in FLOW].index("stock")] if stage.name != "ready"
)  # fmt: skip
_KEY = ["sku", "warehouse"]
_LONGEST_CHAIN = 12


@dataclass(frozen=True)
class Ground:
    """What every policy plays on: [N] of each series, [N, W] of each week.

    `scored`: the shelf was full enough to see demand, and the start is over.
    """

    keys: pd.DataFrame
    weeks: pd.DatetimeIndex
    demand: Floats
    scored: Flags
    start: Floats
    lead: Ints
    span: Ints
    holding: Floats
    shortage: Floats
    order_cost: Floats
    pack: Floats
    moq: Floats
    lost: Flags
    tables: Mapping[str, pd.DataFrame]


@dataclass
class Track:
    """What one policy did: [N, W] of each."""

    ordered: Floats
    stock: Floats
    short: Floats

    def cost(self, ground: Ground) -> Floats:
        """Holding on stock left, shortage, and the cost of each order line."""
        held = ground.holding[:, None] * np.maximum(self.stock, 0.0) + ground.shortage[:, None] * self.short
        return held + ground.order_cost[:, None] * (self.ordered > 0)


@dataclass(frozen=True)
class Replay:
    """`summary`: one row a policy. `weekly`: policy, week, cost, holding, shortage, orders. `tracks` by policy."""

    ground: Ground
    summary: pd.DataFrame
    weekly: pd.DataFrame
    tracks: Mapping[str, Track]


@dataclass(frozen=True)
class _Memory:
    """The results of a stage, kept in memory only."""

    tables: Mapping[str, pd.DataFrame]

    def table(self, name: str) -> pd.DataFrame:
        return self.tables[name]


def replay(
    dataset: Dataset, settings: Settings, as_of: dt.date, policies: Sequence[str], weeks: int,
    progress: Callable[[str, int, int], None] | None = None, extra: Mapping[str, Rule] | None = None,
) -> Replay:  # fmt: skip
    """Play `policies` over the last complete `weeks` before `as_of`; `extra` adds rules under names of their own.

    Raises UsageError for a policy that is not known, or too short a history.
    """
    rules = {name: (extra or {}).get(name) or (None if name == OURS else read_rule(name)) for name in policies}
    ground = lay_ground(dataset, settings, as_of, weeks)
    state = {name: _Shelf.start(ground) for name in rules}
    for t, week in enumerate(ground.weeks):
        demand = forecast_at(dataset, settings, week.date(), ground)
        for name, rule in rules.items():
            view = state[name].view(ground, week, demand)
            order = planned_orders(ground, settings, view, demand) if rule is None else whole_orders(ground, rule(view))
            state[name].step(ground, t, order)
        if progress:
            progress("weeks", t + 1, len(ground.weeks))
    tracks = {name: shelf.track for name, shelf in state.items()}
    return Replay(ground, _summary(ground, tracks), _weekly(ground, tracks), tracks)


def lay_ground(dataset: Dataset, settings: Settings, as_of: dt.date, weeks: int) -> Ground:
    """Demand of the last `weeks` weeks, terms of supply, costs, and the stock that everyone starts with.

    A series starts with two weeks of its mean over the 13 weeks before on hand, and one week's arriving in each week
    of the lead time after the first. Weeks are scored once an order can have arrived and been sold from, where the
    shelf was never empty; elsewhere demand is taken as what was sold.
    """
    history = build_history(dataset["sales"], dataset["stocking"], dataset["items"], as_of=as_of, bucket="week")
    if len(history.sold.dates) < weeks + START_WEEKS:
        raise UsageError(
            f"{len(history.sold.dates)} weeks of history are too few to replay {weeks}",
            f"at most {max(0, len(history.sold.dates) - START_WEEKS)} weeks: --weeks N",
        )
    tables = flat_tables(dataset, settings, as_of)
    sources = tables["sourcing"].set_index(["sku", "destination"])
    supplied = pd.MultiIndex.from_frame(history.sold.keys).isin(sources.index)
    keys = history.sold.keys[supplied].reset_index(drop=True)
    terms = sources.reindex(pd.MultiIndex.from_frame(keys))
    sold = np.maximum(np.nan_to_num(history.sold.values[supplied].astype(float)), 0.0)
    seen = (history.in_stock.values[supplied] >= 1) & np.isfinite(history.sold.values[supplied])
    flat = Dataset.from_frames({name: frame for name, frame in tables.items() if len(frame)})
    spans = keys.merge(exposure(flat, settings, as_of), "left", _KEY)["weeks"].to_numpy(dtype=np.int64)
    lead = np.ceil(terms["lead_days"].to_numpy(dtype=float) / 7 - 1e-9).astype(np.int64)
    cost = unit_costs(flat, keys, read_sources(flat, settings, as_of), as_of)
    kind = keys["sku"].map(dataset["items"].set_index("sku")["shortage"]).fillna("").replace("", None)
    return Ground(
        keys, history.sold.dates[-weeks:], sold[:, -weeks:],
        seen[:, -weeks:] & (np.arange(weeks)[None, :] > lead[:, None]),
        sold[:, -weeks - START_WEEKS : -weeks].mean(axis=1), lead, spans,
        holding_costs(flat, keys["sku"], cost, settings),
        shortage_costs(flat, keys, cost, settings), terms["order_cost"].fillna(0.0).to_numpy(dtype=float),
        terms["order_multiple"].fillna(1.0).to_numpy(dtype=float), terms["moq"].fillna(0.0).to_numpy(dtype=float),
        (kind.fillna(settings.stock.shortage) == "lost").to_numpy(dtype=bool), tables,
    )  # fmt: skip


def flat_tables(dataset: Dataset, settings: Settings, as_of: dt.date) -> dict[str, pd.DataFrame]:
    """Tables of the same SKU-warehouses, each supplied from outside over the lead time of its whole chain, in whole
    weeks."""
    sources = read_sources(dataset, settings, as_of)
    primary = primary_sources(sources, as_of)
    step = primary.set_index(["sku", "destination"])
    place, lead = primary["source"], primary["lead_days"].astype(float)
    for _ in range(_LONGEST_CHAIN):
        above = step.reindex(pd.MultiIndex.from_arrays([primary["sku"], place]))
        more = above["lead_days"].notna().to_numpy()
        if not more.any():
            break
        lead = lead + np.where(more, np.nan_to_num(above["lead_days"].to_numpy(dtype=float)), 0.0)
        place = place.where(~more, above["source"].set_axis(place.index))
    keys = primary[["sku", "destination"]].set_axis(_KEY, axis=1)
    paid = duties_paid(sources, keys, as_of)
    sourcing = pd.DataFrame({
        "sku": primary["sku"], "source": "outside", "destination": primary["destination"],
        "unit_cost": primary["unit_cost"] + paid, "order_cost": primary["order_cost"], "moq": primary["moq"],
        "order_multiple": primary["pack"], "lead_days": 7.0 * np.ceil(lead / 7 - 1e-9),
        "lead_days_sd": primary["lead_days_sd"],
    })  # fmt: skip
    here = dataset["locations"]
    outside = pd.DataFrame({"location": ["outside"], "kind": ["supplier"]})
    kept = {name: dataset[name] for name in ("items", "stocking") if dataset.has(name)}
    return {**kept, "locations": pd.concat([here, outside], ignore_index=True), "sourcing": sourcing}


@dataclass(frozen=True)
class Demand:
    """What the stages of the plan say in one week: `weekly` and `cumulative` as the stock stage reads them."""

    weekly: pd.DataFrame
    cumulative: pd.DataFrame
    uplift: pd.DataFrame


def forecast_at(dataset: Dataset, settings: Settings, as_of: dt.date, ground: Ground) -> Demand:
    """The plan's own stages, up to the demand that stock reads, as they would have run on that day."""
    flat = {name: frame for name, frame in ground.tables.items() if len(frame)}
    results: dict[str, Any] = {}
    for stage in DEMAND_STAGES:
        seen = Dataset.from_frames(flat) if stage.name == "windows" else dataset
        results[stage.name] = _Memory(stage.compute(Context(seen, settings, as_of, (), results)).tables)
    tables = [results[name].table(name) for name in ("weekly", "cumulative", "uplift")]
    keys = pd.MultiIndex.from_frame(ground.keys)
    weekly, cumulative = (t[pd.MultiIndex.from_frame(t[_KEY]).isin(keys)].reset_index(drop=True) for t in tables[:2])
    return Demand(weekly, cumulative, tables[2])


def planned_orders(ground: Ground, settings: Settings, view: View, demand: Demand, whole: bool = False) -> Floats:
    """What the stock stage orders this week, from this shelf and pipeline: [N].

    Later weeks only matter as far as they bear on this week's order: unless the `whole` horizon is asked for, it ends
    two weeks after the longest exposure, or a quarter after it where lots, minima or order costs tie weeks together.
    """
    lots = ground.order_cost.any() or (ground.moq > ground.pack).any()
    weeks = settings.stock.horizon_weeks if whole else int(ground.span.max()) + (13 if lots else 2)
    weeks = min(weeks, settings.stock.horizon_weeks)
    short = replace(settings, stock=replace(settings.stock, horizon_weeks=weeks))
    dataset = _standing(ground, view)
    orders = replenish(
        dataset, demand.weekly, demand.cumulative, demand.uplift, short, view.week.date()
    ).orders  # fmt: skip
    now = orders[orders["order_week"] == view.week]
    units = now.groupby(["sku", "destination"])["quantity"].sum()
    return units.reindex(pd.MultiIndex.from_frame(ground.keys)).fillna(0.0).to_numpy(dtype=float)


def _standing(ground: Ground, view: View) -> Dataset:
    """Tables of that Monday: the shelf, and what is on its way."""
    stock = ground.keys.assign(on_hand=np.maximum(view.on_hand, 0.0))
    row, week = np.nonzero(view.pipeline > 0)
    keys = ground.keys.iloc[row].reset_index(drop=True)
    pipeline = pd.DataFrame({
        "order_id": [f"{i}" for i in range(len(row))], "sku": keys["sku"], "source": "outside",
        "destination": keys["warehouse"], "quantity": view.pipeline[row, week],
        "due_date": view.week + pd.to_timedelta(week * 7, unit="D"), "kind": "purchase", "firm": True,
    })  # fmt: skip
    owed = np.flatnonzero(view.on_hand < 0)
    orders = ground.keys.iloc[owed].reset_index(drop=True)
    orders = orders.assign(
        order_id=[f"b{i}" for i in owed], quantity=-view.on_hand[owed], due_date=view.week, backorder=True
    )
    frames = {**ground.tables, "stock": stock, "pipeline": pipeline, "customer_orders": orders}
    return Dataset.from_frames({name: frame for name, frame in frames.items() if len(frame)})


def whole_orders(ground: Ground, wanted: Floats) -> Floats:
    """Nothing, or at least the MOQ, in whole packs: the nearest number of them."""
    packs = np.round(np.maximum(wanted, 0.0) / ground.pack)
    least = np.ceil(ground.moq / ground.pack - 1e-9)
    return np.where(packs > 0, np.maximum(packs, least), 0.0) * ground.pack


@dataclass
class _Shelf:
    """Where one policy stands: on hand (below zero: owed), arrivals [N, K] from this week on, and its track."""

    on_hand: Floats
    pipeline: Floats
    track: Track

    @classmethod
    def start(cls, ground: Ground) -> _Shelf:
        ahead = int(ground.lead.max(initial=0)) + 1
        week = np.arange(ahead)[None, :]
        moving = (week >= 1) & (week < ground.lead[:, None])
        blank = [np.zeros(ground.demand.shape) for _ in range(3)]
        return cls(
            np.ceil(2 * ground.start), np.where(moving, np.round(ground.start)[:, None], 0.0), Track(*blank)
        )  # fmt: skip

    def view(self, ground: Ground, week: pd.Timestamp, demand: Demand) -> View:
        return View.of(
            week, ground.keys, self.on_hand, self.pipeline, demand.weekly, demand.cumulative, ground.span,
            ground.holding, ground.shortage,
        )  # fmt: skip

    def step(self, ground: Ground, t: int, order: Floats) -> None:
        """Order, receive, sell: what is ordered now arrives `lead` weeks later, before that week's sales."""
        row = np.arange(len(order))
        self.pipeline[row, ground.lead] += order
        left = self.on_hand + self.pipeline[:, 0] - ground.demand[:, t]
        short = np.maximum(-left, 0.0)
        self.on_hand = np.where(ground.lost, np.maximum(left, 0.0), left)
        self.pipeline = np.concatenate([self.pipeline[:, 1:], np.zeros((len(order), 1))], axis=1)
        for target, value in ((self.track.ordered, order), (self.track.stock, self.on_hand), (self.track.short, short)):
            target[:, t] = value


def _summary(ground: Ground, tracks: Mapping[str, Track]) -> pd.DataFrame:
    rows = []
    for name, track in tracks.items():
        scored, demand = ground.scored, float(ground.demand[ground.scored].sum())
        rows.append({
            "policy": name, "cost": float(track.cost(ground)[scored].sum()),
            "holding": float((ground.holding[:, None] * np.maximum(track.stock, 0.0))[scored].sum()),
            "shortage": float((ground.shortage[:, None] * track.short)[scored].sum()),
            "ordering": float((ground.order_cost[:, None] * (track.ordered > 0))[scored].sum()),
            "fill_rate": 1 - float(track.short[scored].sum()) / max(demand, 1e-9),
            "average_stock": float(np.maximum(track.stock, 0.0).sum() / track.stock.shape[1]),
        })  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.assign(against_first=frame["cost"] / max(float(frame["cost"].iloc[0]), 1e-9))


def _weekly(ground: Ground, tracks: Mapping[str, Track]) -> pd.DataFrame:
    parts = []
    for name, track in tracks.items():
        cost = np.where(ground.scored, track.cost(ground), 0.0).sum(axis=0)
        short = np.where(ground.scored, track.short, 0.0).sum(axis=0)
        parts.append(pd.DataFrame({
            "policy": name, "week": ground.weeks, "cost": cost, "short": short,
            "stock": np.maximum(track.stock, 0.0).sum(axis=0), "ordered": track.ordered.sum(axis=0),
        }))  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def last_week(as_of: dt.date) -> dt.date:
    """The Monday up to which weeks are complete."""
    return first_day(as_of, "week")
