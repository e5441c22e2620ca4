"""Tables -> one Case: nodes, links, joint orders, shared limits and shortage curves as arrays."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from planner.dataset import Dataset
from planner.periods import first_day
from planner.settings import Settings
from planner.stock.case import Case, Curves, Flags, Floats, Ints, Links, Nodes
from planner.stock.costs import holding_costs, leftover_costs, shortage_costs, unit_costs
from planner.stock.curves import settled, shortage_curves
from planner.stock.expiry import least_waste, leaving, read_lots
from planner.stock.limits import read_limits
from planner.stock.links import joint_orders, read_links
from planner.stock.lost_sales import best_chance, decision_share, with_lost_sales
from planner.stock.policy import service_costs
from planner.stock.position import Position, position_of
from planner.stock.sourcing import primary_sources, read_sources
from planner.stock.trucks import read_trucks
from planner.stock.windows import exposure, members_below

Key = tuple[str, str]


@dataclass(frozen=True)
class Demand:
    """[N, T] of each node: mean, its campaign part, variance; and the mean and variance of each exposure window."""

    mean: Floats
    campaign: Floats
    variance: Floats
    window_mean: Floats
    window_variance: Floats


def read_case(
    dataset: Dataset, weekly: pd.DataFrame, cumulative: pd.DataFrame, settings: Settings, as_of: dt.date
) -> Case:
    """Everything the model needs."""
    weeks = planned_weeks(weekly, settings, as_of)
    sources = read_sources(dataset, settings, as_of)
    keys = _node_keys(weekly, dataset, sources)
    number = {key: i for i, key in enumerate(_pairs(keys))}
    known = np.array([pair in number for pair in _pairs(sources, "destination")], bool)
    used = sources[known].reset_index(drop=True)
    links = read_links(dataset, used, number, weeks, as_of, settings)
    position = position_of(dataset, number, weeks, as_of)
    windows = exposure(dataset, settings, as_of)
    demand = _demand(keys, weekly, cumulative, windows, used, position, weeks, as_of)
    nodes = _nodes(
        dataset, keys, number, used, windows, demand, position, links.origin, links.node, settings, weeks, as_of
    )
    nodes = _with_ceilings(dataset, nodes)
    nodes = _with_service(nodes, service_costs(dataset, weekly, cumulative, settings, as_of))
    own, echelon = curves_of(nodes, links)
    items = dataset["items"].set_index("sku")
    volume = _of_items(items, "volume_m3", nodes.sku)
    weight = _of_items(items, "weight_kg", nodes.sku)
    pallet = _of_items(items, "pallet_quantity", nodes.sku)
    limits = read_limits(dataset, nodes, links, weeks, settings, as_of, volume, weight, pallet)
    joints = joint_orders(dataset, links, settings, as_of)
    return Case(
        as_of,
        weeks,
        nodes,
        links,
        joints,
        limits,
        own,
        echelon,
        volume[links.node],
        weight[links.node],
        read_lots(dataset, number, weeks, as_of, position.opening),
        read_trucks(dataset, links, nodes, volume, weight, settings, as_of),
    )


def curves_of(nodes: Nodes, links: Links) -> tuple[Curves, Curves]:
    """Expected shortage of the nodes themselves, and of the echelons behind those that feed others."""
    tail = nodes.holding / np.maximum(nodes.holding + nodes.shortage, 1e-12)
    first = first_arrivals(links, len(nodes))
    best = np.clip(best_chance(tail, np.where(nodes.lost, decision_share(first), 0.0)), 0.003, 0.6)
    own = shortage_curves(nodes.demand, nodes.variance, nodes.window_mean, nodes.window_variance, nodes.lost, best)
    return settled(with_lost_sales(own, nodes, first, tail)), settled(_echelon_curves(nodes, tail))


def first_arrivals(links: Links, count: int) -> Ints:
    """[N] first week in which an order or transfer that is not yet placed can arrive; -1 where none can."""
    first = np.full(count, np.iinfo(np.int64).max)
    due = np.where(links.due >= 0, links.due, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max)
    np.minimum.at(first, links.node, due)
    return np.where(first < np.iinfo(np.int64).max, first, -1)


def planned_weeks(weekly: pd.DataFrame, settings: Settings, as_of: dt.date) -> pd.DatetimeIndex:
    """From the week of as_of to the last one forecast, at most `stock.horizon_weeks`."""
    first = pd.Timestamp(first_day(as_of, "week"))
    last = weekly["week"].max() if len(weekly) else first
    count = max(1, min(settings.stock.horizon_weeks, int((max(last, first) - first).days // 7) + 1))
    return pd.date_range(first, periods=count, freq="W-MON", unit="ns")


def _pairs(frame: pd.DataFrame, place: str = "warehouse") -> list[Key]:
    return list(zip(frame["sku"].astype(object), frame[place].astype(object), strict=True))


def _node_keys(weekly: pd.DataFrame, dataset: Dataset, sources: pd.DataFrame) -> pd.DataFrame:
    """Every SKU-place with demand or a stocking record, and every place that such a one is supplied from."""
    known = set(_pairs(weekly[["sku", "warehouse"]].drop_duplicates())) | set(_pairs(dataset["stocking"]))
    transfers = sources[sources["transfer"]]
    up: dict[Key, set[Key]] = {}
    for sku, source, place in zip(transfers["sku"], transfers["source"], transfers["destination"], strict=True):
        up.setdefault((sku, place), set()).add((sku, source))
    stack = sorted(known)
    while stack:
        new = up.get(stack.pop(), set()) - known
        known |= new
        stack += sorted(new)
    return pd.DataFrame(sorted(known), columns=["sku", "warehouse"], dtype=object)


@dataclass(frozen=True)
class _Cells:
    """Where the rows of a table stand among the cells [N, T]; `good` are those inside."""

    shape: tuple[int, int]
    good: Flags
    row: Ints
    column: Ints

    def total(self, values: pd.Series) -> Floats:
        """[N, T] sum of the values of each cell."""
        result = np.zeros(self.shape)
        np.add.at(result, (self.row, self.column), values.to_numpy(dtype=float)[self.good])
        return np.nan_to_num(result)


def _cells(frame: pd.DataFrame, date: str, number: dict[Key, int], weeks: pd.DatetimeIndex) -> _Cells:
    """The node and week of each row; each pair of texts is looked up once."""
    shape, none = (len(number), len(weeks)), np.zeros(0, np.int64)
    if not len(frame):
        return _Cells(shape, none.astype(bool), none, none)
    sku, skus = pd.factorize(frame["sku"])
    place, places = pd.factorize(frame["warehouse"])
    pairs, pair = np.unique(sku * len(places) + place, return_inverse=True)
    found = zip(skus[pairs // len(places)], places[pairs % len(places)], strict=True)
    rows = np.array([number.get(key, -1) for key in found], dtype=np.int64)[pair]
    columns = ((frame[date] - weeks[0]).dt.days // 7).to_numpy()
    good = (rows >= 0) & (columns >= 0) & (columns < len(weeks))
    return _Cells(shape, good, rows[good], columns[good].astype(np.int64))


def _demand(
    keys: pd.DataFrame, weekly: pd.DataFrame, cumulative: pd.DataFrame, windows: pd.DataFrame, sources: pd.DataFrame,
    position: Position, weeks: pd.DatetimeIndex, as_of: dt.date,
) -> Demand:  # fmt: skip
    """Demand net of the days already gone, at least what customers have ordered, and its exposure windows."""
    number = {key: i for i, key in enumerate(_pairs(keys))}
    left = (7 - as_of.weekday()) / 7
    share = np.r_[left, np.ones(len(weeks) - 1)]
    cells = _cells(weekly, "week", number, weeks)
    raw = {name: cells.total(weekly[name]) for name in ("mean", "campaign", "variance")}
    forecast, campaign, variance = (raw[name] * share for name in ("mean", "campaign", "variance"))
    mean = np.maximum(forecast, position.ordered)
    ends = _cells(cumulative, "to_date", number, weeks)
    window_mean, window_variance = ends.total(cumulative["mean"]), ends.total(cumulative["variance"])
    length = dict(zip(_pairs(windows), windows["weeks"], strict=True))
    spans = np.array([int(length.get(key, 1)) for key in _pairs(keys)], dtype=int)
    gone_mean, gone_variance = raw["mean"][:, 0] * (1 - left), raw["variance"][:, 0] * (1 - left)
    holds_first = np.arange(len(weeks))[None, :] < spans[:, None]
    window_mean = np.maximum(window_mean - holds_first * gone_mean[:, None], 0.0)
    window_variance = np.maximum(window_variance - holds_first * gone_variance[:, None], 0.0)
    own_mean, own_variance = rolling(forecast, spans), rolling(variance, spans)
    missing = window_mean < forecast - 1e-9
    window_mean = np.where(missing, own_mean, window_mean) + rolling(mean - forecast, spans)
    window_variance = np.where(missing, own_variance, np.maximum(window_variance, variance))
    window_variance += _lead_spread(keys, sources, window_mean, spans, as_of)
    return Demand(mean, np.minimum(campaign, mean), variance, np.maximum(window_mean, mean), window_variance)


def rolling(values: Floats, spans: Ints) -> Floats:
    """Sum over the `spans` weeks that end with each week, cut at the first one."""
    total = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    ends = np.arange(1, values.shape[1] + 1)[None, :]
    starts = np.maximum(ends - spans[:, None], 0)
    until: Floats = np.take_along_axis(total, np.broadcast_to(ends, values.shape), 1)
    before: Floats = np.take_along_axis(total, starts, 1)
    return until - before


def _lead_spread(keys: pd.DataFrame, sources: pd.DataFrame, window: Floats, spans: Ints, as_of: dt.date) -> Floats:
    """Variance that an uncertain lead time adds: rate^2 x variance of the lead time, rate in units per week."""
    primary = primary_sources(sources, as_of)
    spread = dict(zip(_pairs(primary, "destination"), primary["lead_days_sd"] / 7, strict=True))
    weeks = np.array([float(spread.get(key, 0.0)) for key in _pairs(keys)])
    rate = window / np.minimum(np.arange(1, window.shape[1] + 1)[None, :], spans[:, None])
    return rate**2 * (weeks**2)[:, None]  # type: ignore[no-any-return]


def _nodes(
    dataset: Dataset, keys: pd.DataFrame, number: dict[Key, int], sources: pd.DataFrame, windows: pd.DataFrame,
    demand: Demand, position: Position, origin: Ints, node: Ints, settings: Settings, weeks: pd.DatetimeIndex,
    as_of: dt.date,
) -> Nodes:  # fmt: skip
    sku, place = keys["sku"].to_numpy(dtype=object), keys["warehouse"].to_numpy(dtype=object)
    listed = _listed(dataset, keys, weeks)
    mean = demand.mean * listed
    sells = (mean.sum(axis=1) > 0) | (position.backlog > 0)
    feeds = np.isin(np.arange(len(keys)), origin)
    cost = unit_costs(dataset, keys, sources, as_of)
    spans = dict(zip(_pairs(windows), windows["weeks"], strict=True))
    exposure_weeks = np.array([int(spans.get(key, 1)) for key in _pairs(keys)], dtype=np.int64)
    has_members = {key: bool(text) for key, text in zip(_pairs(windows), windows["members"], strict=True)}
    members = _members(sources, number, sells, feeds)
    echelon_mean, echelon_variance = _echelon_demand(keys, demand, members, has_members, exposure_weeks)
    own_mean, own_variance = demand.window_mean, demand.window_variance
    together = np.array([has_members.get(key, False) for key in _pairs(keys)], bool)
    own_mean = np.where(together[:, None], rolling(mean, exposure_weeks), own_mean)
    own_variance = np.where(together[:, None], rolling(demand.variance, exposure_weeks), own_variance)
    floor = _floor(dataset, keys)
    shortage = _shortage(dataset, keys, cost, settings, members, mean)
    backlog = np.where(sells, position.backlog, 0.0)
    lost = _lost(dataset, sku, settings)
    mean = mean.copy()
    mean[:, 0] += np.where(lost, backlog, 0.0)  # what is already owed is served first, whatever the kind
    lots = read_lots(dataset, number, weeks, as_of, position.opening)
    asked = np.where((sells & ~feeds)[:, None], mean, 0.0)
    expired = np.where(feeds[:, None], 0.0, leaving(lots, asked))
    wasted = np.where(feeds, 0.0, least_waste(lots, asked, np.where(asked > 0, demand.variance, 0.0)))
    return Nodes(
        sku=sku, place=place, network=_networks(len(keys), origin, node), sells=sells, feeds=feeds,
        fed=_fed_only(len(keys), origin, node), members=members, demand=mean,
        campaign=np.minimum(demand.campaign * listed, mean), variance=demand.variance * listed,
        window_mean=np.maximum(own_mean, mean), window_variance=own_variance,
        echelon_mean=echelon_mean, echelon_variance=echelon_variance,
        opening=position.opening, backlog=np.where(lost, 0.0, backlog), pipeline=position.pipeline - expired,
        expired=expired, wasted=wasted,
        moving=position.moving, lost=lost, holding=holding_costs(dataset, sku, cost, settings), shortage=shortage,
        cost=cost, leftover=leftover_costs(dataset, sku, cost), floor=floor, ceiling=np.full(mean.shape, np.inf),
        listed=listed, exposure_weeks=exposure_weeks,
    )  # fmt: skip


def _fed_only(count: int, origin: Ints, node: Ints) -> Flags:
    """Nodes that are supplied by transfers alone."""
    by_transfer = np.isin(np.arange(count), node[origin >= 0])
    return by_transfer & ~np.isin(np.arange(count), node[origin < 0])


def _members(sources: pd.DataFrame, number: dict[Key, int], sells: Flags, feeds: Flags) -> tuple[Ints, ...]:
    """The selling nodes below each feeding node, itself included if it sells; nothing for the others."""
    below = members_below(sources[sources["transfer"]])
    result: list[Ints] = []
    for key, i in number.items():
        places = [(key[0], place) for place in below.get(key, [])] if feeds[i] else []
        found = {number[pair] for pair in places if pair in number} | ({i} if feeds[i] else set())
        result.append(np.array(sorted(j for j in found if sells[j]), dtype=np.int64))
    return tuple(result)


def _echelon_demand(
    keys: pd.DataFrame, demand: Demand, members: tuple[Ints, ...], has_members: dict[Key, bool], spans: Ints
) -> tuple[Floats, Floats]:
    """Demand of all members over the feeding node's own exposure; from `cumulative` where it has a row for them."""
    mean, variance = np.zeros_like(demand.mean), np.zeros_like(demand.mean)
    weekly_mean, weekly_variance = np.zeros_like(demand.mean), np.zeros_like(demand.mean)
    heads = [i for i, below in enumerate(members) if len(below)]
    for i in heads:
        weekly_mean[i] = demand.mean[members[i]].sum(axis=0)
        weekly_variance[i] = demand.variance[members[i]].sum(axis=0)
    mean[heads], variance[heads] = (rolling(part[heads], spans[heads]) for part in (weekly_mean, weekly_variance))
    pairs = _pairs(keys)
    told = [i for i in heads if has_members.get(pairs[i], False) and demand.window_mean[i].sum() > 0]
    scale = mean[told] / np.maximum(demand.window_mean[told], 1e-9)
    variance[told] = np.maximum(demand.window_variance[told] * scale, weekly_variance[told])
    return mean, variance


def _echelon_curves(nodes: Nodes, tail: Floats) -> Curves:
    """Curves of the nodes that feed others; nothing is ever short of the rest, whose rows stay 0."""
    heads = np.flatnonzero([nodes.feeds[n] and len(members) > 0 for n, members in enumerate(nodes.members)])
    shape = (len(heads), nodes.demand.shape[1])
    weekly = np.array([nodes.demand[nodes.members[n]].sum(axis=0) for n in heads]).reshape(shape)
    spread = np.array([nodes.variance[nodes.members[n]].sum(axis=0) for n in heads]).reshape(shape)
    found = shortage_curves(
        weekly, spread, np.maximum(nodes.echelon_mean[heads], weekly), nodes.echelon_variance[heads],
        nodes.lost[heads], np.clip(tail[heads], 0.003, 0.6),
    )  # fmt: skip
    return Curves(*(_spread_out(part, heads, len(nodes)) for part in (found.available, found.shortage, found.slope)))


def _spread_out(part: Floats, rows: Ints, count: int) -> Floats:
    """The rows at their places among `count`, others 0."""
    result = np.zeros((count, *part.shape[1:]))
    result[rows] = part
    return result


def _listed(dataset: Dataset, keys: pd.DataFrame, weeks: pd.DatetimeIndex) -> Flags:
    """[N, T] weeks of which at least the first sellable day lies between listing (or launch) and delisting (or end)."""
    stocking = keys.merge(dataset["stocking"], "left", ["sku", "warehouse"])
    items = dataset["items"].set_index("sku")
    start = stocking["listed_from"]
    last = pd.concat([stocking["listed_to"], keys["sku"].map(items["end_date"])], axis=1).min(axis=1)
    begins = weeks.to_numpy()[None, :] + np.timedelta64(6, "D") >= start.fillna(weeks[0]).to_numpy()[:, None]
    ends = weeks.to_numpy()[None, :] <= last.fillna(weeks[-1]).to_numpy()[:, None]
    return begins & ends


def _floor(dataset: Dataset, keys: pd.DataFrame) -> Floats:
    """Stock that shall be there at the end of every week: the largest of minimum, presentation and safety stock."""
    rows = keys.merge(dataset["stocking"], "left", ["sku", "warehouse"])
    floors = rows[["min_stock", "presentation_stock", "safety_stock"]].fillna(0.0)
    return floors.max(axis=1).to_numpy(dtype=float)


def _with_ceilings(dataset: Dataset, nodes: Nodes) -> Nodes:
    """Ceiling on stock before plus receipts: max_stock, and demand of the next max_cover_weeks or shelf life, which
    counts from the receipt and for no less than a week."""
    keys = pd.DataFrame({"sku": nodes.sku, "warehouse": nodes.place})
    rows = keys.merge(dataset["stocking"], "left", ["sku", "warehouse"])
    ceiling = np.repeat(rows["max_stock"].fillna(np.inf).to_numpy(dtype=float)[:, None], nodes.demand.shape[1], axis=1)
    life = (rows["sku"].map(dataset["items"].set_index("sku")["shelf_life_days"]).astype(float) / 7).clip(lower=1.0)
    cover = pd.concat([rows["max_cover_weeks"].astype(float), life], axis=1).min(axis=1).to_numpy(dtype=float)
    for i in np.flatnonzero(cover < nodes.demand.shape[1]):
        ahead = nodes.demand[nodes.members[i]].sum(axis=0) if nodes.feeds[i] else nodes.demand[i]
        ceiling[i] = np.minimum(ceiling[i], cover_quantity(ahead, float(cover[i])))
    return replace(nodes, ceiling=ceiling)


def cover_quantity(demand: Floats, weeks: float) -> Floats:
    """Demand of the next `weeks` weeks from each week on; beyond the horizon the last four weeks' mean goes on."""
    longer = np.r_[demand, np.full(int(np.ceil(weeks)) + 1, demand[-4:].mean())]
    total = np.r_[0.0, np.cumsum(longer)]
    start = np.arange(len(demand))
    return np.interp(start + weeks, np.arange(len(total)), total) - total[start]  # type: ignore[no-any-return]


def _networks(count: int, origin: Ints, node: Ints) -> Ints:
    """Number of the network of each node: nodes joined by transfers of the same SKU."""
    inner = origin >= 0
    graph = coo_matrix((np.ones(inner.sum()), (origin[inner], node[inner])), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    order = {label: i for i, label in enumerate(dict.fromkeys(labels.tolist()))}
    return np.array([order[label] for label in labels.tolist()], dtype=np.int64)


def _lost(dataset: Dataset, sku: Any, settings: Settings) -> Flags:
    kind = pd.Series(sku).map(dataset["items"].set_index("sku")["shortage"]).fillna("").replace("", None)
    return (kind.fillna(settings.stock.shortage) == "lost").to_numpy(dtype=bool)


def _shortage(
    dataset: Dataset, keys: pd.DataFrame, cost: Floats, settings: Settings, members: tuple[Ints, ...], mean: Floats
) -> Floats:
    """Cost per unit short; for a feeding node that of its members, weighted by their demand."""
    return _fed_back(shortage_costs(dataset, keys, cost, settings), members, mean)


def _fed_back(own: Floats, members: tuple[Ints, ...], mean: Floats) -> Floats:
    result, weight = own.copy(), mean.sum(axis=1)
    for i, below in enumerate(members):
        if len(below) and weight[below].sum() > 0:
            result[i] = own[i] if i in below else np.average(own[below], weights=weight[below])
    return result


def _with_service(nodes: Nodes, costs: dict[Key, float]) -> Nodes:
    """Where a service is asked for, a unit short costs what makes that service the cheapest."""
    if not costs:
        return nodes
    pairs = zip(nodes.sku, nodes.place, nodes.shortage, strict=True)
    own = np.array([costs.get((str(sku), str(place)), cost) for sku, place, cost in pairs], dtype=float)
    return replace(nodes, shortage=_fed_back(own, nodes.members, nodes.demand))


def _of_items(items: pd.DataFrame, column: str, sku: Any) -> Floats:
    return pd.Series(sku).map(items[column]).to_numpy(dtype=float)
