"""Which demand each order line serves: supply in the order of arrival meets demand in the order of weeks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.stock.case import Case, Floats, Ints, Solution

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
    sent: dict[int, list[tuple[int, float, float, set[str]]]] = {}
    for n in _downstream_first(case):
        rows = sorted(lines.get(n, []), key=lambda row: (case.links.due[link[row], week[row]], link[row], week[row]))
        use, campaign, who = _consumption(case, solution, n, codes, sent.get(n, []))
        for row, part, found in _peg(case, n, rows, link, week, quantity, use, campaign, who):
            share[row], names[row] = part, "|".join(sorted(found))
            origin = int(case.links.origin[link[row]])
            if origin >= 0:
                amount = float(quantity[link[row], week[row]])
                sent.setdefault(origin, []).append((int(week[row]), amount, part, found))
    return share, names


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
