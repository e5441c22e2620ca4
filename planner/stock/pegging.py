"""Which demand each order line serves: supply in the order of arrival meets demand in the order of weeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.stock.case import Case, Flags, Floats, Ints, Solution

Codes = dict[tuple[str, str], dict[int, list[str]]]


def campaign_share(
    case: Case, solution: Solution, link: Ints, week: Ints, uplift: pd.DataFrame
) -> tuple[Floats, list[str]]:
    """For each line: units pegged to campaign demand, and the campaigns' codes joined by "|".

    First in, first out: opening stock, then what arrives, serves what is sold week by week; a week's campaign part is
    shared alike by all units that serve it. A transfer passes the share of its units on to the line that supplied it.
    """
    codes = _codes(uplift, case.weeks)
    quantity = solution.quantity(case.links)
    lines: dict[int, list[int]] = {}
    for row, i in enumerate(link.tolist()):
        lines.setdefault(int(case.links.node[i]), []).append(row)
    share, names = np.zeros(len(link)), [""] * len(link)
    special = _with_campaigns(case)
    sent: dict[int, list[tuple[int, float, float, set[str]]]] = {}
    for n in (n for n in _downstream_first(case) if special[n]):
        rows = sorted(lines.get(n, []), key=lambda row: (case.links.due[link[row], week[row]], link[row], week[row]))
        use, campaign, who = _consumption(case, solution, n, codes, sent.get(n, []))
        for row, part, found in _peg(case, n, rows, link, week, quantity, use, campaign, who):
            share[row], names[row] = part, "|".join(sorted(found))
            origin = int(case.links.origin[link[row]])
            if origin >= 0:
                amount = float(quantity[link[row], week[row]])
                sent.setdefault(origin, []).append((int(week[row]), amount, part, found))
    return share, names


def _with_campaigns(case: Case) -> Flags:
    """[N] nodes whose network sells anything to a campaign; no unit of the others serves one."""
    own = (case.nodes.campaign > 0).any(axis=1)
    return np.isin(case.nodes.network, case.nodes.network[own])


def _codes(uplift: pd.DataFrame, weeks: pd.DatetimeIndex) -> Codes:
    """(sku, warehouse) -> week -> codes of the campaigns that add demand in it."""
    result: Codes = {}
    rows = uplift[uplift["net"] > 0] if len(uplift) else uplift
    if not len(rows):
        return result
    offsets = (rows["date"] - weeks[0]).dt.days // 7
    for sku, place, week, code in zip(rows["sku"], rows["warehouse"], offsets, rows["campaign"], strict=True):
        found = result.setdefault((str(sku), str(place)), {}).setdefault(int(week), [])
        if str(code) not in found:
            found.append(str(code))
    return result


def _downstream_first(case: Case) -> list[int]:
    """Nodes so that each comes after all that it feeds; a loop is cut where it is met."""
    feeds: dict[int, set[int]] = {}
    for origin, node in zip(case.links.origin.tolist(), case.links.node.tolist(), strict=True):
        if origin >= 0:
            feeds.setdefault(origin, set()).add(node)
    done: list[int] = []
    seen: set[int] = set()

    def visit(n: int) -> None:
        if n not in seen:
            seen.add(n)
            for below in sorted(feeds.get(n, ())):
                visit(below)
            done.append(n)

    for n in range(len(case.nodes)):
        visit(n)
    return done


def _consumption(
    case: Case, solution: Solution, n: int, codes: Codes, sent: list[tuple[int, float, float, set[str]]]
) -> tuple[Floats, Floats, list[set[str]]]:
    """[T] units that leave the node by sale or transfer, their campaign part, and the campaigns behind it."""
    nodes = case.nodes
    use, campaign = np.zeros(case.horizon), np.zeros(case.horizon)
    who: list[set[str]] = [set() for _ in range(case.horizon)]
    if nodes.sells[n]:
        short = solution.short[n]
        served = nodes.demand[n] - (short if nodes.lost[n] else np.diff(short, prepend=nodes.backlog[n]))
        use = np.maximum(served, 0.0)
        portion = np.divide(nodes.campaign[n], nodes.demand[n], out=np.zeros(case.horizon), where=nodes.demand[n] > 0)
        campaign = use * np.clip(portion, 0.0, 1.0)
        by_week = codes.get((nodes.sku[n], nodes.place[n]), {})
        who = [set(by_week.get(t, [])) if campaign[t] > 0 else set() for t in range(case.horizon)]
    for t, amount, part, found in sent:
        use[t] += amount
        campaign[t] += part
        who[t] |= found
    return use, campaign, who


def _peg(
    case: Case, n: int, rows: list[int], link: Ints, week: Ints, quantity: Floats, use: Floats, campaign: Floats,
    who: list[set[str]],
) -> list[tuple[int, float, set[str]]]:  # fmt: skip
    """(line, campaign units, codes) for the lines into a node."""
    total, special = np.r_[0.0, np.cumsum(use)], np.r_[0.0, np.cumsum(campaign)]
    pipeline = np.cumsum(case.nodes.pipeline[n])
    first, result = float(case.nodes.opening[n]), []
    ordered = 0.0
    for row in rows:
        i, t = int(link[row]), int(week[row])
        start = first + float(pipeline[case.links.due[i, t]]) + ordered
        amount = float(quantity[i, t])
        ordered += amount
        low, high = np.interp([start, start + amount], total, special) if total[-1] > 0 else (0.0, 0.0)
        served = (total[1:] > start + 1e-9) & (total[:-1] < start + amount - 1e-9)
        found = set().union(*(who[u] for u in np.flatnonzero(served))) if high - low > 1e-9 else set()
        result.append((row, max(0.0, float(high - low)), found))
    return result


@dataclass(frozen=True)
class Peg:
    """Units of a line that serve the demand of `node` in `week`, and their campaign part."""

    line: int
    node: int
    week: int
    units: float
    campaign: float


def pegs(case: Case, solution: Solution, link: Ints, week: Ints) -> list[Peg]:
    """Which demand each line serves, through transfers down to where customers are; first in, first out.

    What a line brings beyond all use within the horizon has no peg. Campaign units add up to `campaign_share`.
    """
    quantity = solution.quantity(case.links)[link, week]
    found: dict[int, list[Peg]] = {}
    sent: dict[int, list[int]] = {}
    for n in _downstream_first(case):
        uses = [
            *_sales(case, solution, n),
            *(_passed_on(found[row], quantity[row], week[row]) for row in sent.get(n, [])),
        ]
        rows = [row for row in range(len(link)) if case.links.node[link[row]] == n]
        rows.sort(key=lambda row: (case.links.due[link[row], week[row]], link[row], week[row]))
        for row, start in zip(rows, _starts(case, n, rows, link, week, quantity), strict=True):
            found[row] = _drawn(row, start, start + quantity[row], uses, case.horizon)
            if case.links.origin[link[row]] >= 0:
                sent.setdefault(int(case.links.origin[link[row]]), []).append(row)
    return [peg for row in sorted(found) for peg in found[row]]


@dataclass(frozen=True)
class _Withdrawal:
    """What leaves a node in a week: units in all, and the demand that they serve in the end."""

    week: int
    units: float
    serves: list[Peg]


def _sales(case: Case, solution: Solution, n: int) -> list[_Withdrawal]:
    use, campaign, _ = _consumption(case, solution, n, {}, [])
    return [_Withdrawal(t, float(use[t]), [Peg(-1, n, t, float(use[t]), float(campaign[t]))])
            for t in np.flatnonzero(use > 1e-9).tolist()]  # fmt: skip


def _passed_on(own: list[Peg], quantity: float, week: int) -> _Withdrawal:
    return _Withdrawal(int(week), float(quantity), own)


def _starts(case: Case, n: int, rows: list[int], link: Ints, week: Ints, quantity: Floats) -> list[float]:
    """Where each line begins in the queue of goods: opening stock, pipeline and earlier lines go first."""
    pipeline = np.cumsum(case.nodes.pipeline[n])
    before = np.cumsum([0.0, *quantity[rows]])[:-1]
    return [
        float(case.nodes.opening[n] + pipeline[case.links.due[link[row], week[row]]] + earlier)
        for row, earlier in zip(rows, before, strict=True)
    ]


def _drawn(row: int, start: float, end: float, uses: list[_Withdrawal], horizon: int) -> list[Peg]:
    """The part of each withdrawal that falls to units start..end of the queue; a week's withdrawals share alike."""
    total = np.zeros(horizon)
    for use in uses:
        total[use.week] += use.units
    reached = np.cumsum(total)
    overlap = np.clip(np.minimum(reached, end) - np.maximum(reached - total, start), 0.0, None)
    share = np.divide(overlap, total, out=np.zeros(horizon), where=total > 1e-9)
    result: dict[tuple[int, int], Peg] = {}
    for use in uses:
        for peg in use.serves if share[use.week] > 1e-9 else ():
            spot, part = (peg.node, peg.week), share[use.week]
            old = result.get(spot, Peg(row, *spot, 0.0, 0.0))
            result[spot] = Peg(row, *spot, old.units + part * peg.units, old.campaign + part * peg.campaign)
    return [result[spot] for spot in sorted(result, key=lambda spot: (spot[1], spot[0]))]
