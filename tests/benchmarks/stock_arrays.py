"""The model of record of a generated shop written straight into arrays, for comparison: what no layer could beat.

Only what occurs in those shops: purchases with lots and price breaks, transfers from a dc, expected shortage of places
and echelons, shared limits. No joint orders, floors, ceilings, ends of listings.
"""

from __future__ import annotations

from typing import Any

import highspy
import numpy as np
from scipy.sparse import coo_matrix

from planner.stock.case import Case, Curves, Floats, Ints
from planner.stock.model import EARLY_SHARE, limit_constant


class Arrays:
    """Columns, rows and entries in blocks."""

    def __init__(self) -> None:
        self.columns = self.rows = 0
        self.parts: dict[str, list[Any]] = {name: [] for name in ("cost", "upper", "whole", "low", "high")}
        self.entries: list[tuple[Any, Any, Any]] = []

    def variables(self, shape: tuple[int, ...], cost: Any, upper: Any = np.inf, whole: bool = False) -> Ints:
        """Numbers of new columns."""
        count = int(np.prod(shape))
        for name, value in (("cost", cost), ("upper", upper), ("whole", whole)):
            self.parts[name].append(np.broadcast_to(value, shape).ravel())
        self.columns += count
        return np.arange(self.columns - count, self.columns).reshape(shape)

    def constraints(self, low: Any, high: Any, count: int) -> Ints:
        """Numbers of new rows."""
        self.parts["low"].append(np.broadcast_to(low, count).ravel())
        self.parts["high"].append(np.broadcast_to(high, count).ravel())
        self.rows += count
        return np.arange(self.rows - count, self.rows)

    def put(self, row: Any, column: Any, amount: Any) -> None:
        """Entries; those of row -1 are left out."""
        row, column, amount = (part.ravel() for part in np.broadcast_arrays(row, column, np.asarray(amount, float)))
        if row.min(initial=0) < 0:
            row, column, amount = row[row >= 0], column[row >= 0], amount[row >= 0]
        self.entries.append((row, column, amount))

    def highs(self) -> Any:
        """The model inside HiGHS."""
        row, column, amount = (np.concatenate(part) for part in zip(*self.entries, strict=True))
        matrix = coo_matrix((amount, (row, column)), (self.rows, self.columns)).tocsr()
        join = {name: np.concatenate(parts) for name, parts in self.parts.items()}
        model, solver = highspy.HighsLp(), highspy.Highs()
        model.num_col_, model.num_row_ = self.columns, self.rows
        model.col_cost_, model.col_lower_, model.col_upper_ = join["cost"], np.zeros(self.columns), join["upper"]
        model.row_lower_, model.row_upper_ = join["low"], join["high"]
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        solver.setOptionValue("output_flag", False)
        solver.setOptionValue("threads", 1)
        solver.passModel(model)
        columns = np.flatnonzero(join["whole"]).astype(np.int32)
        kind = int(highspy.HighsVarType.kInteger)
        solver.changeColsIntegrality(len(columns), columns, np.full(len(columns), kind, np.uint8))
        return solver


class Direct:
    """Builds the arrays of one case, equation by equation."""

    def __init__(self, case: Case, room: Floats) -> None:
        self.case, self.room, self.a = case, room, Arrays()
        self.n, self.weeks = len(case.nodes), case.horizon
        self._orders()
        self._stock()
        self._shortage()
        self._echelon()
        self._limits()

    def _orders(self) -> None:
        links, a = self.case.links, self.a
        first = np.array([tiers[0] for tiers in links.tiers])
        two = np.array([len(tiers) > 1 for tiers in links.tiers])
        second = np.array([tiers[1] if len(tiers) > 1 else (np.inf, np.inf) for tiers in links.tiers])
        start, price = np.stack([first[:, 0], second[:, 0]]), np.stack([first[:, 1], second[:, 1]])
        most = self._most(np.where(two, second[:, 0], first[:, 0]))
        least = np.maximum(1, np.ceil(np.maximum(start, links.moq) / links.pack - 1e-9))[:, :, None]
        top = np.where(two, np.ceil(second[:, 0] / links.pack - 1e-9) - 1, np.inf)
        upper = np.stack([np.minimum(most, top[:, None]), most])
        there = (links.due >= 0)[None] & (upper >= least) & np.isfinite(start)[:, :, None]
        tier, link, week = np.nonzero(there)
        self.link, self.week, self.due, self.pack = link, week, links.due[link, week], links.pack[link]
        self.price, upper, least = price[tier, link], upper[there], np.broadcast_to(least, there.shape)[there]
        extra = np.maximum(self.price - links.reference[link], 0.0) + 1e-7 * links.priority[link]
        self.packs = a.variables(link.shape, extra * self.pack, upper, True)
        lot = ((links.order_cost > 0) | (links.moq > links.pack + 1e-9) | two)[link]
        placed = a.variables((int(lot.sum()),), links.order_cost[link[lot]], 1.0, True)
        for amount, low, high in ((least, 0.0, np.inf), (upper, -np.inf, 0.0)):
            rows = a.constraints(low, high, len(placed))
            a.put(rows, self.packs[lot], 1.0)
            a.put(rows, placed, -amount[lot])
        spot, count = np.unique(link[lot] * self.weeks + week[lot], return_counts=True)
        several = np.isin(link[lot] * self.weeks + week[lot], spot[count > 1])
        rows = a.constraints(-np.inf, 1.0, int((count > 1).sum()))
        a.put(
            rows[np.searchsorted(spot[count > 1], (link[lot] * self.weeks + week[lot])[several])], placed[several], 1.0
        )
        self.node, self.origin = links.node[link], links.origin[link]
        self.sent = np.flatnonzero(self.origin >= 0)

    def _most(self, deepest: Floats) -> Floats:
        """[L, T] packs that an order could ever be worth."""
        nodes, links = self.case.nodes, self.case.links
        week, backlog, floor = nodes.demand.copy(), nodes.backlog.copy(), nodes.floor.copy()
        top = self.case.own.available[:, :, -1].max(axis=1)
        for n in np.flatnonzero(nodes.feeds).tolist():
            below = nodes.members[n]
            week[n], backlog[n], floor[n] = nodes.demand[below].sum(0), nodes.backlog[below].sum(), floor[below].sum()
            top[n] = max(top[below].sum(), self.case.echelon.available[n, :, -1].max())
        ahead = np.concatenate([np.cumsum(week[:, ::-1], axis=1)[:, ::-1], np.zeros((self.n, 1))], axis=1)
        due = np.take_along_axis(ahead[links.node], np.where(links.due < 0, self.weeks, links.due), axis=1)
        useful = due + (backlog + top + floor + nodes.floor)[links.node][:, None]
        useful = np.maximum(useful, np.maximum(links.moq, deepest)[:, None])
        most = np.floor(links.max_order / links.pack + 1e-9)[:, None]
        return np.asarray(np.minimum(np.ceil(useful / links.pack[:, None] - 1e-9), most))

    def _stock(self) -> None:
        nodes, a = self.case.nodes, self.a
        cost = nodes.holding + EARLY_SHARE * np.where(nodes.fed, nodes.holding, 0.0)
        self.stock = a.variables((self.n, self.weeks), cost[:, None])
        self.sells = np.flatnonzero(nodes.sells)
        self.short = np.full((self.n, self.weeks), -1)
        self.short[self.sells] = a.variables((len(self.sells), self.weeks), nodes.shortage[self.sells][:, None])
        self.owes = np.flatnonzero(nodes.sells & ~nodes.lost)
        self.known = nodes.pipeline.copy()
        self.known[:, 0] += nodes.opening - nodes.backlog
        right = self.known - np.where(nodes.sells[:, None], nodes.demand, 0.0)
        rows = a.constraints(right.ravel(), right.ravel(), right.size).reshape(right.shape)
        a.put(rows, self.stock, 1.0)
        a.put(rows[self.sells], self.short[self.sells], -1.0)
        self._available(rows, -1.0)

    def _available(self, rows: Ints, sign: float) -> None:
        """Stock before - owed before + received - shipped, into these rows [N, T]."""
        a = self.a
        a.put(rows[:, 1:], self.stock[:, :-1], sign)
        a.put(rows[self.owes, 1:], self.short[self.owes, :-1], -sign)
        a.put(rows[self.node, self.due], self.packs, sign * self.pack)
        a.put(rows[self.origin[self.sent], self.week[self.sent]], self.packs[self.sent], -sign * self.pack[self.sent])

    def _shortage(self) -> None:
        case, nodes, a = self.case, self.case.nodes, self.a
        start, level = case.own.available[..., 0].copy(), case.own.shortage[..., 0]
        level = np.where(nodes.lost[:, None] & (start <= 0), np.maximum(level, nodes.demand), level)
        rows = np.full((2, self.n, self.weeks), -1)
        for kind, right in enumerate((start - self.known, level)):
            right = right[self.sells].ravel()
            rows[kind, self.sells] = a.constraints(right, right, right.size).reshape(len(self.sells), self.weeks)
        self._available(rows[0], 1.0)
        a.put(rows[1, self.sells], self.short[self.sells], 1.0)
        below = a.variables((len(self.owes), self.weeks), 0.0)
        a.put(rows[0, self.owes], below, 1.0)
        a.put(rows[1, self.owes], below, -1.0)
        self._segments(case.own, self.sells, rows)

    def _segments(self, curves: Curves, chosen: Ints, rows: Ints) -> None:
        a = self.a
        width, slope = np.diff(curves.available[chosen], axis=2), curves.slope[chosen]
        used = (width > 1e-9) & (slope > 1e-9)
        where = np.nonzero(used)
        segments = a.variables(where[0].shape, 0.0, width[used])
        a.put(rows[0, chosen][where[0], where[1]], segments, -1.0)
        a.put(rows[1, chosen][where[0], where[1]], segments, slope[used])
        a.put(rows[0, chosen], a.variables((len(chosen), self.weeks), 0.0), -1.0)

    def _echelon(self) -> None:
        case, nodes, a = self.case, self.case.nodes, self.a
        dcs = np.flatnonzero(nodes.feeds)
        extra = a.variables((len(dcs), self.weeks), nodes.shortage[dcs][:, None])
        group, member = np.full(self.n, -1), np.concatenate([nodes.members[n] for n in dcs])
        group[member] = np.repeat(dcs, [len(nodes.members[n]) for n in dcs])
        known = np.zeros((self.n, self.weeks))
        np.add.at(known, group[member], nodes.moving[member] + nodes.demand[member])
        start, rows = case.echelon.available[dcs, :, 0] - known[dcs], np.full((2, self.n, self.weeks), -1)
        rows[0, dcs] = a.constraints(start.ravel(), start.ravel(), start.size).reshape(start.shape)
        rows[1, dcs] = a.constraints(case.echelon.shortage[dcs, :, 0].ravel(), np.inf, start.size).reshape(start.shape)
        a.put(rows[0, dcs], self.stock[dcs], 1.0)
        a.put(rows[0, group[member]], self.stock[member], 1.0)
        a.put(rows[0, group[member]], self.short[member], -1.0)
        a.put(rows[1, group[member]], self.short[member], 1.0)
        a.put(rows[1, dcs], extra, 1.0)
        travel = self.due[self.sent] - self.week[self.sent]
        for late in range(int(travel.max(initial=0))):
            on = self.sent[travel > late]
            a.put(rows[0, self.origin[on], self.week[on] + late], self.packs[on], self.pack[on])
        below = a.variables((len(dcs), self.weeks), 0.0)
        a.put(rows[0, dcs], below, 1.0)
        a.put(rows[1, dcs], below, -1.0)
        self._segments(case.echelon, dcs, rows)

    def _limits(self) -> None:
        case, a = self.case, self.a
        for index, limit in enumerate(case.limits):
            right = self.room[index] - limit_constant(case, index, np.arange(self.n))
            rows = a.constraints(-np.inf, right, self.weeks)
            soft = np.flatnonzero(np.isfinite(limit.soft))
            a.put(rows[soft], a.variables((len(soft),), limit.soft[soft]), -1.0)
            when = {"order": self.week, "receipt": self.due, "payment": case.links.paid[self.link, self.week]}[
                limit.when
            ]
            use = limit.orders[self.link] * (self.price if limit.money else 1.0) * self.pack
            on = np.flatnonzero((use != 0) & (when >= 0))
            a.put(rows[when[on]], self.packs[on], use[on])
            held = np.flatnonzero(limit.held)
            if len(held):
                a.put(rows[1:], self.stock[held, :-1], limit.held[held][:, None])
                owes = np.intersect1d(held, self.owes)
                a.put(rows[1:], self.short[owes, :-1], -limit.held[owes][:, None])
                inside = np.flatnonzero(limit.held[self.node])
                a.put(rows[self.due[inside]], self.packs[inside], limit.held[self.node[inside]] * self.pack[inside])
            served = np.flatnonzero(limit.served)
            a.put(rows, self.short[served], -limit.served[served][:, None])
