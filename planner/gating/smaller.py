"""Changes of the campaign itself: fewer people, fewer places, a later week, another SKU."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.gating.case import MATERIAL_SHARE, Case, Outcome
from planner.gating.ledger import Floats, Ledger
from planner.gating.supply import Supply, order

LATEST_WEEKS = 8
_SHARES = np.round(np.arange(1.0, -0.01, -0.05), 2)
_MOST_OTHERS = 25
_MOST_SKUS = 20


def served_shares(case: Case) -> pd.Series:
    """By warehouse the largest share of the campaign, in twentieths, of which all but a twentieth is there."""
    places = case.ledger.keys["warehouse"]
    found = pd.Series(0.0, index=sorted(places.unique()))
    open_ = pd.Series(True, index=found.index)
    for share in _SHARES:
        extra = case.extra * share
        short = pd.Series(case.short(extra).sum(axis=1)).groupby(places).sum()
        asked = pd.Series(np.maximum(extra, 0.0).sum(axis=1)).groupby(places).sum()
        fits = open_ & (short <= MATERIAL_SHARE * asked + 1e-6)
        found[fits], open_ = float(share), open_ & ~fits
    return found


def smaller_audience(case: Case, shares: pd.Series, left_out: float, saved: float) -> Outcome | None:
    """Address at each warehouse only the share that can be served. `left_out` people cost `saved` less to address."""
    if not (shares < 1).any() or not shares.any():
        return None
    extra = case.extra * case.ledger.keys["warehouse"].map(shares).to_numpy(float)[:, None]
    where = ", ".join(f"{share:.0%} at {place}" for place, share in shares[shares < 1].items())
    what = f"leave out {left_out:,.0f} people: address {where}"
    return case.outcome("smaller audience", what, extra, cost=-saved)


def fewer_regions(case: Case, country: pd.Series) -> Outcome | None:
    """Run it only where all but a twentieth is there; whole countries are named as such."""
    places = case.ledger.keys["warehouse"]
    short = pd.Series(case.short().sum(axis=1)).groupby(places).sum()
    asked = pd.Series(np.maximum(case.extra, 0.0).sum(axis=1)).groupby(places).sum()
    dropped = sorted(short.index[short > MATERIAL_SHARE * asked + 1e-6])
    if not dropped or len(dropped) == len(short):
        return None
    of = {place: str(country.get(place, "")) for place in short.index}
    kept = {of[place] for place in short.index if place not in dropped}
    whole = sorted({of[place] for place in dropped} - kept - {""})
    single = [place for place in dropped if of[place] not in whole]
    named = [*(f"country {name}" for name in whole), *single]
    extra = case.extra * (~places.isin(dropped)).to_numpy(float)[:, None]
    return case.outcome("fewer regions", f"leave out {', '.join(named)}", extra)


def later(case: Case, supply: Supply, start: pd.Timestamp) -> list[Outcome]:
    """The whole campaign moved by one week and more, as it is and with an order of today: the best of each."""
    found: dict[str, Outcome] = {}
    last = int(np.flatnonzero((case.extra > 0).any(axis=0)).max(initial=0))
    for weeks in range(1, min(LATEST_WEEKS, case.ledger.demand.shape[1] - 1 - last) + 1):
        extra = _moved(case, weeks)
        shifted = Case(case.name, case.ledger, case.extra, case.usual, case.margin)
        day = (start + pd.Timedelta(weeks=weeks)).date()
        what = f"start {weeks} week{'s' if weeks > 1 else ''} later, on {day}"
        plain = shifted.outcome("later week", what, extra)
        _keep(found, plain)
        ordered = None if plain.meets else order(case, supply, extra)
        if ordered is not None:
            _keep(found, Outcome("later week and order", f"{what}; {ordered.what}", ordered.asked, ordered.short,
                                 ordered.loss, ordered.forgone, ordered.cost, ordered.moves))  # fmt: skip
    return list(found.values())


def _keep(found: dict[str, Outcome], new: Outcome) -> None:
    old = found.get(new.alternative)
    if old is None or (not new.meets, round(new.money, 6)) < (not old.meets, round(old.money, 6)):
        found[new.alternative] = new


def _moved(case: Case, weeks: int) -> Floats:
    """Units `weeks` later: the same gain on the base demand of the later week."""
    moved, base = np.zeros_like(case.extra), case.ledger.demand
    moved[:, weeks:] = case.extra[:, :-weeks]
    before = np.zeros_like(base)
    before[:, weeks:] = base[:, :-weeks]
    ratio = np.divide(base, before, out=np.ones_like(base), where=before > 0)
    return np.asarray(moved * np.clip(ratio, 0.2, 5.0))


def other_sku(case: Case, whole: Ledger, promoted: set[str], ended: set[str]) -> Outcome | None:
    """For the SKUs that are short most, the SKU of the same category whose stock serves the same campaign best.

    The other SKU is taken to gain the same share of its own demand, at each warehouse and week.
    """
    keys, short = case.ledger.keys, case.short()
    lost = pd.Series(short.sum(axis=1) * keys["loss"].to_numpy(float)).groupby(keys["sku"]).sum()
    worst = [str(sku) for sku in lost[lost > 0].sort_values(ascending=False, kind="stable").index[:_MOST_SKUS]]
    left, gone, earned, added, missing, loss = whole.follow()[0], case.extra.copy(), 0.0, 0.0, 0.0, 0.0
    used, named = set(promoted), list[str]()
    for sku in worst:
        rows = np.flatnonzero((keys["sku"] == sku).to_numpy())
        category = str(keys["category"].iloc[rows[0]])
        best = _best_other(case, whole, left, rows, category, used | ended)
        if best is None:
            continue
        name, asked, lacking, profit, cost = best
        gone[rows] = 0.0
        used.add(name)
        earned, added, missing, loss = earned + profit, added + asked, missing + lacking, loss + cost
        named.append(f"{name} for {sku}")
    if not named:
        return None
    told = ", ".join(named[:4]) + (f" and {len(named) - 4} more" if len(named) > 4 else "")
    base = case.outcome("other SKU", f"promote {told}", gone, earned=earned)
    return Outcome("other SKU", base.what, base.asked + added, base.short + missing, base.loss + loss, base.forgone)


def _best_other(
    case: Case, whole: Ledger, left: Floats, rows: np.ndarray, category: str, without: set[str]
) -> tuple[str, float, float, float, float] | None:
    """SKU, units asked for, units short, margin of what it serves, loss of what is short: the most earned."""
    keys, places = whole.keys, case.ledger.keys["warehouse"].iloc[rows]
    alike = (keys["category"] == category).to_numpy() & (category != "") & ~keys["sku"].isin(without).to_numpy()
    here = alike & keys["warehouse"].isin(places).to_numpy()
    worth = pd.Series(left[here].min(axis=1) * keys["unit_cost"].to_numpy(float)[here]).groupby(
        keys["sku"].to_numpy()[here]
    )
    names = worth.sum().sort_values(ascending=False, kind="stable").index[:_MOST_OTHERS]
    base = case.ledger.demand[rows]
    gain = np.divide(case.extra[rows], base, out=np.zeros_like(base), where=base > 0)
    best: tuple[str, float, float, float, float] | None = None
    for name in names:
        series = whole.rows_of(pd.Series([name] * len(rows)), places.reset_index(drop=True))
        there = series >= 0
        part = whole.part(series[there])
        extra = gain[there] * part.demand
        own = Case(case.name, part, extra, part.follow()[1], case.margin[rows][there])
        short, asked = own.short().sum(axis=1), np.maximum(extra, 0.0).sum(axis=1)
        if not asked.sum() or short.sum() > MATERIAL_SHARE * asked.sum():
            continue
        off = case.margin[rows][there] / np.maximum(case.ledger.keys["margin"].to_numpy(float)[rows][there], 1e-9)
        margin = np.maximum(part.keys["margin"].to_numpy(float), 0.0) * np.minimum(off, 1.0)
        profit = float(((asked - short) * margin).sum())
        cost = float((short * part.keys["loss"].to_numpy(float)).sum())
        if best is None or profit - cost > best[3] - best[4]:
            best = (str(name), float(asked.sum()), float(short.sum()), profit, cost)
    return best
