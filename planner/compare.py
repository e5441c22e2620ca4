"""Two or more runs side by side: which extra demand, which extra orders, which extra loads, at what cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.errors import UsageError
from planner.figures import Figure, figure, money, number, percent, plural, points
from planner.periods import first_days, last_day
from planner.workspace import Run

MOST_RUNS = 6
_NOTHING = 1e-6
_SUFFIXES = (" before", " after")
_PARTS = ["mean", "base", "campaign"]
_ORDER_WORDS = ["line_id", "kind", "sku", "source", "destination", "moved_by", "campaigns"]
_LANE = ["origin", "destination", "mode"]
_LOAD_NUMBERS = ["shipments", "kg", "m3", "cost"]


@dataclass(frozen=True)
class Comparison:
    """Every run against the first, `base`. Frames carry a column `run`, the label of the run that is compared.

    `kpis`: figure, label, unit, one column a run; then difference, percent and verdict (better, worse or empty),
    with the run's label behind the word where more than two runs are compared.
    `demand`: sku, warehouse, category; `demand_weeks`: week, category; both with before, after, difference and its
    parts base and campaign, percent.
    `orders`: line_id, change (added, removed, changed), what the line is, and quantity, money
    and duty before, after, difference.
    `loads`: origin, destination, mode, and shipments, kg, m3, cost before, after and difference.
    `changes`: run, key, old, new, by. `headline`: plain sentences. `notes`: what could not be compared, and why.
    Demand, orders and loads count only the weeks that both runs plan.
    """

    labels: tuple[str, ...]
    titles: tuple[str, ...]
    currency: str
    kpis: pd.DataFrame
    demand: pd.DataFrame
    demand_weeks: pd.DataFrame
    orders: pd.DataFrame
    loads: pd.DataFrame
    changes: pd.DataFrame
    headline: tuple[str, ...]
    notes: tuple[str, ...]


def compare(runs: Sequence[Run]) -> Comparison:
    """Compare each run with the first. Raises UsageError for less than two runs, too many, or two currencies."""
    sides = _sides(runs)
    base, others = sides[0], sides[1:]
    pairs = [_Pair(base, other) for other in others]
    frames = {
        "kpis": _kpis(sides),
        "demand": _stack(pair.demand for pair in pairs),
        "demand_weeks": _stack(pair.demand_weeks for pair in pairs),
        "orders": _stack(pair.orders for pair in pairs),
        "loads": _stack(pair.loads for pair in pairs),
        "changes": _changes(sides),
    }
    return Comparison(
        labels=tuple(side.label for side in sides),
        titles=tuple(str(side.run.manifest.get("title") or side.label) for side in sides),
        currency=base.currency,
        headline=tuple(sentence for pair in pairs for sentence in _headline(pair)),
        notes=tuple(dict.fromkeys(note for pair in pairs for note in pair.notes)),
        **frames,
    )


@dataclass(frozen=True)
class _Side:
    """One run as a comparison reads it: an absent table is empty, a missing column too."""

    run: Run
    label: str

    @property
    def currency(self) -> str:
        return str(self.run.manifest.get("currency", ""))

    @cached_property
    def demand(self) -> pd.DataFrame:
        frame = read(self.run, "forecast", ["sku", "warehouse", "bucket"], _PARTS, ["date"])
        return frame.assign(week=first_days(frame["date"], "week"))

    @cached_property
    def orders(self) -> pd.DataFrame:
        frame = read(self.run, "orders", _ORDER_WORDS, ["quantity", "unit_cost", "duty"], ["order_week", "due_week"])
        return frame.assign(money=frame["quantity"] * frame["unit_cost"]).drop(columns="unit_cost")

    @cached_property
    def loads(self) -> pd.DataFrame:
        return read(self.run, "loads", _LANE, _LOAD_NUMBERS, ["depart_week"])

    @cached_property
    def span(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        """First and last day that the run plans: by its forecast, else by the weeks of its plan."""
        if len(self.demand):
            return self.demand["date"].min(), last_day(self.demand["date"].max(), self.demand["bucket"].iloc[0])
        weeks = read(self.run, "plan", [], [], ["week"])["week"]
        return (weeks.min(), last_day(weeks.max(), "week")) if len(weeks) else None

    @cached_property
    def categories(self) -> dict[str, str]:
        items = read(self.run, "items", ["sku", "category"], [])
        return dict(zip(items["sku"], items["category"], strict=True))


@dataclass(frozen=True)
class _Pair:
    """The first run and one other, within the days that both plan."""

    base: _Side
    other: _Side

    def has(self, table: str) -> bool:
        return table in self.base.run.tables and table in self.other.run.tables

    @cached_property
    def days(self) -> tuple[pd.Timestamp, pd.Timestamp] | None:
        spans = [side.span for side in (self.base, self.other) if side.span is not None]
        return (max(first for first, _ in spans), min(last for _, last in spans)) if spans else None

    @cached_property
    def categories(self) -> dict[str, str]:
        return self.base.categories | self.other.categories

    @cached_property
    def demand(self) -> pd.DataFrame:
        frame = self._demand_by(["sku", "warehouse"])
        frame.insert(2, "category", frame["sku"].map(lambda sku: self.categories.get(sku, "")).astype(object))
        return self._labelled(frame)

    @cached_property
    def demand_weeks(self) -> pd.DataFrame:
        return self._labelled(self._demand_by(["week", "category"]))

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Lines that one run has and the other has not, or whose quantity, money, duty or due week differ."""
        before, after = self._shared("orders", self.base.orders, self.other.orders, "order_week")
        both = before.merge(after, on="line_id", how="outer", suffixes=_SUFFIXES, indicator="change")
        change = both["change"].astype(object).map({"left_only": "removed", "right_only": "added", "both": "changed"})
        frame = pd.DataFrame({"line_id": both["line_id"], "change": change})
        for word in [*_ORDER_WORDS[1:], "order_week", "due_week"]:
            frame[word] = both[f"{word} after"].where(change != "removed", both[f"{word} before"])
        differs = _side_by_side(frame, both, ["quantity", "money", "duty"])
        differs |= ((change != "changed") | (both["due_week before"] != both["due_week after"])).to_numpy(bool)
        return self._labelled(frame[differs].sort_values(["change", "line_id"]))

    @cached_property
    def loads(self) -> pd.DataFrame:
        before, after = (
            frame.groupby(_LANE, as_index=False)[_LOAD_NUMBERS].sum()
            for frame in self._shared("loads", self.base.loads, self.other.loads, "depart_week")
        )
        both = before.merge(after, on=_LANE, how="outer", suffixes=_SUFFIXES)
        frame = both[_LANE].copy()
        _side_by_side(frame, both, _LOAD_NUMBERS)
        return self._labelled(frame.sort_values(_LANE))

    @cached_property
    def notes(self) -> list[str]:
        notes = []
        for table in ("forecast", "orders", "loads"):
            lacking = [side.label for side in (self.base, self.other) if table not in side.run.tables]
            if lacking:
                verb = "has" if len(lacking) == 1 else "have"
                notes.append(f"{table.capitalize()} not compared: {' and '.join(lacking)} {verb} none.")
        return [*notes, *self._note_on_days(), *self._note_on_dates()]

    def _note_on_days(self) -> list[str]:
        if self.days is None or self.base.span == self.other.span or None in (self.base.span, self.other.span):
            return []
        first, last = (day.date() for day in self.days)
        shared = f"only {first} to {last}, which both plan" if first <= last else "nothing, for they share no day"
        return [
            f"{self.base.label} and {self.other.label} plan different weeks: demand, orders and loads count {shared}; "
            "key figures count each run's own weeks."
        ]

    def _note_on_dates(self) -> list[str]:
        dates = [side.run.manifest.get("as_of") for side in (self.base, self.other)]
        return (
            []
            if dates[0] == dates[1]
            else [f"{self.base.label} is as of {dates[0]}, {self.other.label} of {dates[1]}."]
        )

    def _demand_by(self, keys: list[str]) -> pd.DataFrame:
        sums = [
            frame.assign(category=frame["sku"].map(self.categories).fillna("").astype(object))
            .groupby(keys, as_index=False)[_PARTS].sum()
            for frame in self._shared("forecast", self.base.demand, self.other.demand, "date")
        ]  # fmt: skip
        both = sums[0].merge(sums[1], on=keys, how="outer", suffixes=_SUFFIXES)
        both = both.fillna({f"{part}{suffix}": 0.0 for part in _PARTS for suffix in _SUFFIXES})
        result = both[keys].assign(before=both["mean before"], after=both["mean after"])
        for part, name in (("mean", "difference"), ("base", "base"), ("campaign", "campaign")):
            result[name] = both[f"{part} after"] - both[f"{part} before"]
        result["percent"] = _percent(result["difference"], result["before"])
        return result.sort_values(keys, ignore_index=True)

    def _shared(self, table: str, before: pd.DataFrame, after: pd.DataFrame, date: str) -> list[pd.DataFrame]:
        """Both sides' rows within the shared days; none where one side lacks the table."""
        if not self.has(table):
            return [before.iloc[:0], after.iloc[:0]]
        if self.days is None:
            return [before, after]
        return [frame[frame[date].between(*self.days)] for frame in (before, after)]

    def _labelled(self, frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.reset_index(drop=True)
        frame.insert(0, "run", pd.Series([self.other.label] * len(frame), dtype=object))
        return frame


def _headline(pair: _Pair) -> list[str]:
    """What the other run does more or less of, one sentence a subject; a subject that a run lacks is left out."""
    parts = [
        _demand_sentence(pair) if pair.has("forecast") else "",
        _orders_sentence(pair) if pair.has("orders") else "",
        _loads_sentence(pair) if pair.has("loads") else "",
        _cost_sentence(pair) if pair.has("orders") else "",
        _service_sentence(pair),
    ]
    return [part for part in parts if part]


def _demand_sentence(pair: _Pair) -> str:
    total = pair.demand[["before", "difference", "base", "campaign"]].sum()
    name, more = pair.other.label, float(total["difference"])
    if abs(more) < _NOTHING:
        return f"Demand: {name} asks for what {pair.base.label} asks for, {number(float(total['before']))} units."
    share = percent(more / total["before"], signed=True) if total["before"] > 0 else "from nothing"
    campaign = float(total["campaign"])
    of_it = f", {number(campaign, signed=True)} of it campaign demand" if abs(campaign) > _NOTHING else ""
    sentence = f"Demand: {name} asks for {_more(more, 'unit')} than {pair.base.label} ({share}){of_it}"
    weeks = pair.demand_weeks.groupby("week")["difference"].sum()
    categories = pair.demand_weeks.groupby("category")["difference"].sum()
    week = (weeks * np.sign(more)).idxmax()
    named = f"in {_top(categories, more)} and " if len(categories) > 1 else ""
    return f"{sentence}; most {named}in the week of {week.date()} ({number(weeks[week], signed=True)})."


def _orders_sentence(pair: _Pair) -> str:
    orders, name = pair.orders, pair.other.label
    if orders.empty:
        return f"Orders: {name} orders exactly what {pair.base.label} orders."
    counts = orders["change"].value_counts()
    verbs = (("added", "adds"), ("removed", "drops"), ("changed", "changes"))
    done = [f"{verb} {plural(int(counts[change]), 'line')}" for change, verb in verbs if change in counts]
    bought = orders[orders["kind"] == "purchase"][["quantity difference", "money difference"]].sum()
    moved = float(orders.loc[orders["kind"] == "transfer", "quantity difference"].sum())
    transfers = f", and {number(moved, signed=True)} units transferred" if abs(moved) > _NOTHING else ""
    paid = float(bought["money difference"])
    worth = _more_money(paid, pair.base.currency) if abs(paid) >= _NOTHING else "for the same money"
    return (
        f"Orders: {name} {' and '.join([', '.join(done[:-1]), done[-1]] if len(done) > 1 else done)}: "
        f"{number(float(bought['quantity difference']), signed=True)} units bought, "
        f"{worth}{transfers}."
    )


def _loads_sentence(pair: _Pair) -> str:
    total = pair.loads[[f"{name} difference" for name in _LOAD_NUMBERS]].sum()
    shipments, kg, m3, cost = (float(value) for value in total)
    if max(abs(value) for value in (shipments, kg, m3, cost)) < _NOTHING:
        return f"Loads: {pair.other.label} ships what {pair.base.label} ships."
    lanes = pair.loads.assign(lane=pair.loads["origin"] + " to " + pair.loads["destination"])
    weights = lanes.groupby("lane")["kg difference"].sum()
    return (
        f"Loads: {pair.other.label} needs {_more(shipments, 'shipment')} ({number(kg, signed=True)} kg, "
        f"{number(m3, signed=True)} m3), {_more_money(cost, pair.base.currency)} for freight; "
        f"most on {_top(weights, kg, ' kg')}."
    )


def _cost_sentence(pair: _Pair) -> str:
    """Purchases, duty and freight together, and per unit of extra demand where there is some."""
    spend = float(pair.orders.loc[pair.orders["kind"] == "purchase", "money difference"].sum())
    duty, freight = float(pair.orders["duty difference"].sum()), float(pair.loads["cost difference"].sum())
    total, demand, currency = spend + duty + freight, float(pair.demand["difference"].sum()), pair.base.currency
    each = f", or {money(total / demand, currency)} for each extra unit of demand" if demand > 1 and total > 0 else ""
    border = f", duty {money(duty, currency, signed=True)}" if abs(duty) >= _NOTHING else ""
    return (
        f"Cost: {_more_money(total, currency)} in all, purchases {money(spend, currency, signed=True)}{border} "
        f"and freight {money(freight, currency, signed=True)}{each}."
    )


def _service_sentence(pair: _Pair) -> str:
    before, after = ((_number(side.run.kpis.get("fill_rate"))) for side in (pair.base, pair.other))
    if np.isnan(before) or np.isnan(after):
        return ""
    if percent(before) == percent(after):
        return f"Service: expected fill rate {percent(after)} in both."
    return f"Service: expected fill rate {percent(after)} instead of {percent(before)} ({points(after - before)})."


def _more(difference: float, noun: str) -> str:
    """12 more units, 1 fewer shipment, as many units."""
    if abs(difference) < _NOTHING:
        return f"as many {noun}s"
    amount = number(abs(difference))
    return f"{amount} {'more' if difference > 0 else 'fewer'} {noun}{'' if amount == '1' else 's'}"


def _more_money(difference: float, currency: str) -> str:
    if abs(difference) < _NOTHING:
        return "the same"
    return f"{money(abs(difference), currency)} {'more' if difference > 0 else 'less'}"


def _top(amounts: pd.Series, direction: float, unit: str = "") -> str:
    """The name that moves most in the direction of the total, with how much."""
    name = (amounts * np.sign(direction or 1.0)).idxmax()
    return f"{name or 'no category'} ({number(float(amounts[name]), signed=True)}{unit})"


def read(run: Run, name: str, texts: Sequence[str], numbers: Sequence[str], dates: Sequence[str] = ()) -> pd.DataFrame:
    """Some columns of a table of the run, typed: texts "" and numbers 0 where they are absent, dates NaT."""
    frame = run.table(name).reindex(columns=[*texts, *dates, *numbers])
    for column in texts:
        frame[column] = frame[column].astype(object).where(frame[column].notna(), "")
    for column in dates:
        frame[column] = pd.to_datetime(frame[column])
    for column in numbers:
        frame[column] = pd.to_numeric(frame[column]).astype(float).fillna(0.0)
    return frame


def _sides(runs: Sequence[Run]) -> list[_Side]:
    if not 2 <= len(runs) <= MOST_RUNS:
        raise UsageError(f"{len(runs)} runs cannot be compared: 2 to {MOST_RUNS} can", "name two or more scenarios")
    scenarios = [run.scenario for run in runs]
    unique = len(set(scenarios)) == len(scenarios)
    sides = [_Side(run, run.scenario if unique else run.name) for run in runs]
    if len({side.label for side in sides}) < len(sides):
        raise UsageError("a run cannot be compared with itself", "name two different runs")
    currencies = sorted({side.currency for side in sides})
    if len(currencies) > 1:
        raise UsageError(f"runs in {' and '.join(currencies)} cannot be compared", "plan them with one plan.currency")
    return sides


def _kpis(sides: Sequence[_Side]) -> pd.DataFrame:
    names = list(dict.fromkeys(name for side in sides for name in side.run.kpis))
    figures = [figure(name) for name in names]
    frame = pd.DataFrame(
        {
            "figure": pd.Series(names, dtype=object),
            "label": pd.Series([item.label for item in figures], dtype=object),
            "unit": pd.Series([item.unit for item in figures], dtype=object),
        }
    )
    values = {
        side.label: pd.Series([_number(side.run.kpis.get(name)) for name in names], dtype=float) for side in sides
    }
    for label, column in values.items():
        frame[label] = column
    base = values[sides[0].label]
    for side in sides[1:]:
        behind = f" {side.label}" if len(sides) > 2 else ""
        difference = values[side.label] - base
        frame[f"difference{behind}"] = difference
        frame[f"percent{behind}"] = _percent(difference, base)
        frame[f"verdict{behind}"] = [_verdict(item, amount) for item, amount in zip(figures, difference, strict=True)]
    return frame


def _verdict(item: Figure, difference: float) -> str:
    if not item.better or np.isnan(difference) or abs(difference) < 1e-9:
        return ""
    return "better" if (difference > 0) == (item.better == "higher") else "worse"


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _percent(difference: pd.Series, before: pd.Series) -> pd.Series:
    """As a share of what it was; unknown where it was zero."""
    return difference / before.abs().where(before.abs() > 1e-9)


def _side_by_side(frame: pd.DataFrame, both: pd.DataFrame, names: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Add before, after and difference of each number to `frame`; returns where any of them differs."""
    differs = np.zeros(len(both), dtype=bool)
    for name in names:
        before, after = (both[f"{name}{suffix}"].astype(float).fillna(0.0) for suffix in _SUFFIXES)
        frame[f"{name} before"], frame[f"{name} after"], frame[f"{name} difference"] = before, after, after - before
        differs |= ((after - before).abs() > _NOTHING).to_numpy(bool)
    return differs


def _changes(sides: Sequence[_Side]) -> pd.DataFrame:
    columns = ["run", "key", "old", "new", "by"]
    rows = [
        [side.label, *(str(entry.get(name, "")) for name in columns[1:])]
        for side in sides
        for entry in side.run.manifest.get("changes") or []
    ]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def _stack(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    stacked = list(frames)
    filled = [frame for frame in stacked if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else stacked[0]
