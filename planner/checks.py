"""What must hold between rows and tables: keys, references, spans, falling prices, reserved words.

Every rule finds rows; a fault is described only for the rows that are kept, so a million faults cost no million texts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.cells import nearest
from planner.frames import is_date
from planner.tables import TABLES, Column

Rows = npt.NDArray[np.intp]
EVERYWHERE = "*"
SPANS = (
    ("start", "end", False),
    ("listed_from", "listed_to", False),
    ("launch_date", "end_date", False),
    ("ordered_on", "received_on", False),
    ("window_start", "window_end", True),
    ("temperature_min_c", "temperature_max_c", False),
    ("min_stock", "max_stock", False),
)


@dataclass(frozen=True)
class Body:
    """A table as it was read. `faulty` rows are reported already; `loose` words stand in records that became no row.

    `whole` is False when a file was unreadable or a required column is missing: then nothing is concluded from it.
    """

    frame: pd.DataFrame
    faulty: Rows = field(default_factory=lambda: np.zeros(0, np.intp))
    loose: Mapping[str, frozenset[str]] = field(default_factory=dict)
    whole: bool = True


@dataclass(frozen=True)
class RowFault:
    """A fault in a row of a table; `first` is the row that it repeats, whose line belongs into the rule."""

    table: str
    row: int
    column: str
    value: str
    rule: str
    hint: str
    first: int | None = None


@dataclass(frozen=True)
class Finding:
    """Rows of a table that break one rule, and how to describe one of them."""

    table: str
    rows: Rows
    describe: Callable[[int], RowFault]


def cross_check(bodies: Mapping[str, Body], tables: Collection[str], keep: int) -> tuple[list[RowFault], int]:
    """The first `keep` faults of every rule in `tables`, and the number of all faults."""
    faults: list[RowFault] = []
    total = 0
    for finding in _findings(bodies, tables):
        total += len(finding.rows)
        faults += [finding.describe(int(row)) for row in finding.rows[:keep]]
    return faults, total


def _findings(bodies: Mapping[str, Body], tables: Collection[str]) -> Iterator[Finding]:
    for table in tables:
        body = bodies[table]
        yield from _references(table, body, bodies)
        if body.whole:
            yield from _keys(table, body)
            yield from _spans(table, body)
            for rule in RULES.get(table, ()):
                yield from rule(table, body, bodies)


# keys


def _keys(table: str, body: Body) -> Iterator[Finding]:
    """No two rows share the key; every further one repeats the first."""
    key = [name for name in TABLES[table].key if name in body.frame]
    if not key:
        return
    short = [name for name in key if TABLES[table].column(name).required]
    if _all_different(*_key_numbers(body.frame[short])):
        return
    numbers, size = _key_numbers(body.frame[key])
    if _all_different(numbers, size):
        return
    rows = _sound(body, key, table)
    rows = rows[pd.Series(numbers[rows]).duplicated().to_numpy()]
    repeated = np.flatnonzero(np.isin(numbers, numbers[rows]))
    firsts = pd.Series(repeated, index=numbers[repeated]).groupby(level=0).first()

    def describe(row: int) -> RowFault:
        values = ", ".join(_shown(body.frame[name].iloc[row]) for name in key[:3])
        hint = f"{', '.join(key)} may stand only once"
        return RowFault(table, row, key[0], values, "repeats row {first}", hint, int(firsts[numbers[row]]))

    yield Finding(table, rows, describe)


def _sound(body: Body, key: list[str], table: str) -> Rows:
    """Rows without a fault of their own and without an empty cell in a required part of the key."""
    sound = np.ones(len(body.frame), bool)
    sound[body.faulty] = False
    for name in key:
        if TABLES[table].column(name).required:
            sound &= ~_empty(body.frame[name])
    return np.flatnonzero(sound)


def _all_different(numbers: npt.NDArray[np.int64], size: int) -> bool:
    """Whether no number (from 0 up to below `size`) stands twice; by marking them where that fits into memory."""
    if bool(np.all(numbers[1:] > numbers[:-1])):
        return True
    if size > max(1 << 24, 16 * len(numbers)):
        return not pd.Series(numbers).duplicated().any()
    seen = np.zeros(size, bool)
    seen[numbers] = True
    return int(seen.sum()) == len(numbers)


def _key_numbers(frame: pd.DataFrame) -> tuple[npt.NDArray[np.int64], int]:
    """One whole number per different combination of the columns, and what all of them are below."""
    numbers = np.zeros(len(frame), np.int64)
    size = 1
    for name in frame.columns:
        codes, count = _codes(frame[name])
        if size * count >= 1 << 62:
            numbers, kept = pd.factorize(numbers)
            size = len(kept)
        numbers = numbers * count + codes
        size *= count
    return numbers, size


def _codes(series: pd.Series) -> tuple[npt.NDArray[np.int64], int]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.codes.to_numpy().astype(np.int64), max(1, len(series.cat.categories))
    if series.dtype.kind == "M":
        days = series.to_numpy().astype("datetime64[D]").astype(np.int64)
        if len(days) and not series.isna().any() and bool((series.to_numpy() == days.astype("datetime64[D]")).all()):
            return days - days.min(), int(days.max() - days.min()) + 1
    codes, words = pd.factorize(series)
    return codes.astype(np.int64) + 1, len(words) + 1


def _empty(series: pd.Series) -> npt.NDArray[np.bool_]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return np.asarray(series.cat.categories == "", bool)[series.cat.codes.to_numpy()]
    return (series.isna() | (series == "")).to_numpy(bool) if series.dtype == object else series.isna().to_numpy(bool)


def _shown(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat() if value == value.normalize() else str(value)
    return f"{value:g}" if isinstance(value, float) else "" if value is pd.NaT else str(value)


# references


def _references(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """A code that refers to another table stands there, if that table is present."""
    for column in TABLES[table].columns:
        target, _, name = column.refers.partition(".")
        if target in bodies and bodies[target].whole and column.name in body.frame:
            known = _known(bodies[target], name) | ({EVERYWHERE} if table == "campaign_items" else set())
            yield from _unknown(table, column, body.frame[column.name], known)


def _known(body: Body, name: str) -> set[str]:
    return set(body.frame[name].unique()) | body.loose.get(name, frozenset())


def _unknown(table: str, column: Column, series: pd.Series, known: set[str]) -> Iterator[Finding]:
    codes, words = _words(series)
    strange = np.fromiter((bool(word) and word not in known for word in words), bool, len(words))
    if not strange.any():
        return
    target = column.refers.partition(".")[0]

    @cache
    def hint(word: str) -> str:
        return nearest(word, sorted(known), f"add it to {target}")

    def describe(row: int) -> RowFault:
        word = str(words[codes[row]])
        return RowFault(table, row, column.name, word, f"is not in {target}", hint(word))

    yield Finding(table, np.flatnonzero(strange[codes]), describe)


def _words(series: pd.Series) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.cat.codes.to_numpy(), series.cat.categories.to_numpy(dtype=object)
    codes, words = pd.factorize(series)
    return codes, np.asarray(words, dtype=object)


# spans


def _spans(table: str, body: Body) -> Iterator[Finding]:
    """What starts does not end before; a time window has some length."""
    for first, last, strict in SPANS:
        if first in body.frame and last in body.frame:
            yield _span(table, body.frame, first, last, strict)


def _span(table: str, frame: pd.DataFrame, first: str, last: str, strict: bool) -> Finding:
    low, high = frame[first], frame[last]
    both = ~_empty(low) & ~_empty(high)
    wrong = (low >= high) if strict else (low > high)

    def describe(row: int) -> RowFault:
        word = "not after" if strict else "before" if is_date(TABLES[table].column(first)) else "below"
        rule = f"is {word} {first} {_shown(low.iloc[row])}"
        return RowFault(table, row, last, _shown(high.iloc[row]), rule, f"{first} comes first")

    return Finding(table, np.flatnonzero(wrong.to_numpy(bool) & both), describe)


# rules of single tables


def _falling_prices(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """A larger quantity never costs more per unit."""
    frame = body.frame.drop(index=pd.Index(body.faulty))
    ordered = frame.sort_values(["sku", "source", "min_quantity"], kind="stable")
    before = ordered.groupby(["sku", "source"], sort=False)[["min_quantity", "unit_cost"]].shift()
    rising = ordered["unit_cost"] > before["unit_cost"]
    rows = np.sort(ordered.index[rising.to_numpy(bool)].to_numpy()).astype(np.intp)

    def describe(row: int) -> RowFault:
        rule = f"is more than the {before['unit_cost'][row]:g} asked from {before['min_quantity'][row]:g} units on"
        return RowFault(table, row, "unit_cost", _shown(frame["unit_cost"][row]), rule, "price breaks fall")

    yield Finding(table, rows, describe)


def _text_rule(
    table: str, frame: pd.DataFrame, name: str, broken: Callable[[str], bool], rule: str, hint: str
) -> Iterator[Finding]:
    """Rows whose text in column `name` is `broken`; each different text is asked once."""
    if name not in frame:
        return
    codes, words = _words(frame[name])
    wrong = np.fromiter((bool(word) and broken(str(word)) for word in words), bool, len(words))
    if wrong.any():
        rows = np.flatnonzero(wrong[codes])
        yield Finding(table, rows, lambda row: RowFault(table, row, name, str(words[codes[row]]), rule, hint))


def _reserved_places(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """`all`, `*`, `>` and `|` mean something where locations are listed."""
    yield from _text_rule(
        table,
        body.frame,
        "location",
        lambda word: word.lower() in ("all", EVERYWHERE) or ">" in word or "|" in word,
        "is a reserved word or holds > or |",
        "give the location another code",
    )


def _reserved_items(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    yield from _text_rule(
        table, body.frame, "sku", lambda word: word == EVERYWHERE, "is reserved", "give the SKU another code"
    )


def _reserved_campaigns(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """Order lines list their campaigns separated by |."""
    yield from _text_rule(
        table, body.frame, "campaign", lambda word: "|" in word, "holds the reserved mark |", "use another mark"
    )


def _reserved_arms(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    yield from _text_rule(
        table,
        body.frame,
        "arm",
        lambda word: word != "control" and word.casefold() == "control",
        "is not the reserved word control",
        "write control in small letters",
    )


def _hashed_customers(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """Customers come as keyed hashes, never as addresses."""
    yield from _text_rule(
        table, body.frame, "customer", lambda word: "@" in word, "is an e-mail address", "hash customers with a key"
    )


def _vehicle_kinds(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """Vehicle types that may serve a stop exist."""
    if "vehicles" not in bodies or not bodies["vehicles"].whole:
        return
    known = _known(bodies["vehicles"], "vehicle")
    yield from _text_rule(
        table,
        body.frame,
        "vehicle_kinds",
        lambda words: any(word not in known for word in words.split()),
        "names a vehicle that is not in vehicles",
        f"known: {', '.join(sorted(known)[:5])}",
    )


def _resources(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """A limit is on a location, on origin>destination>mode for a lane, or on all."""
    frame = body.frame
    lane = (frame["scope"] == "lane").to_numpy(bool)
    named = ~_empty(frame["resource"]) & (frame["resource"] != "all").to_numpy(bool)
    for scope, known, target in (
        (lane, _lane_names(bodies), "lanes"),
        (~lane, _places(bodies), "locations"),
    ):
        if known is not None:
            strange = scope & named & ~frame["resource"].isin(known).to_numpy(bool)
            yield Finding(table, np.flatnonzero(strange), _resource_fault(table, frame, known, target))


def _resource_fault(table: str, frame: pd.DataFrame, known: set[str], target: str) -> Callable[[int], RowFault]:
    form = "origin>destination>mode, or all" if target == "lanes" else "a location, or all"

    def describe(row: int) -> RowFault:
        word = str(frame["resource"].iloc[row])
        return RowFault(table, row, "resource", word, f"is not in {target}", nearest(word, sorted(known), form))

    return describe


def _lane_names(bodies: Mapping[str, Body]) -> set[str] | None:
    if "lanes" not in bodies or not bodies["lanes"].whole:
        return None
    lanes = bodies["lanes"].frame
    return set(lanes["origin"] + ">" + lanes["destination"] + ">" + lanes["mode"])


def _places(bodies: Mapping[str, Body]) -> set[str] | None:
    body = bodies.get("locations")
    return _known(body, "location") if body is not None and body.whole else None


def _money_limits(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """A limit on money is counted in money."""
    frame = body.frame
    wrong = (frame["scope"] == "money") & ~frame["measure"].isin(["money", ""])

    def describe(row: int) -> RowFault:
        measure = str(frame["measure"].iloc[row])
        return RowFault(table, row, "measure", measure, "does not count money", "scope money has the measure money")

    yield Finding(table, np.flatnonzero(wrong.to_numpy(bool)), describe)


def _not_to_itself(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """Goods do not come from where they go."""
    frame = body.frame
    first = "source" if "source" in frame else "origin"
    same = (frame[first] == frame["destination"]).to_numpy(bool) & ~_empty(frame[first])

    def describe(row: int) -> RowFault:
        return RowFault(table, row, "destination", str(frame["destination"].iloc[row]), f"is the {first} too", "")

    yield Finding(table, np.flatnonzero(same), describe)


def _predecessors(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """No SKU replaces itself, be it over others; each loop is one fault, in its first row."""
    chained = np.flatnonzero((body.frame["predecessor"] != "").to_numpy(bool))
    skus, previous = body.frame["sku"].iloc[chained], body.frame["predecessor"].iloc[chained]
    before = dict(zip(skus, previous, strict=True))
    told: set[str] = set()
    first: list[int] = []
    for row, sku in zip(chained, skus, strict=True):
        loop = _loop(sku, before)
        if loop and not loop & told:
            first.append(int(row))
        told |= loop
    rows = np.array(first, dtype=np.intp)

    def describe(row: int) -> RowFault:
        word = str(body.frame["predecessor"].iloc[row])
        return RowFault(table, row, "predecessor", word, "leads back to the SKU itself", "clear one predecessor")

    yield Finding(table, rows, describe)


def _loop(sku: str, before: Mapping[str, str]) -> set[str]:
    """The SKUs of the loop that `sku` is part of; empty when it is in none."""
    seen, at = {sku}, before[sku]
    while at in before and at not in seen:
        seen.add(at)
        at = before[at]
    return seen if at == sku else set()


Rule = Callable[[str, Body, Mapping[str, Body]], Iterator[Finding]]
RULES: Mapping[str, tuple[Rule, ...]] = {
    "items": (_reserved_items, _predecessors),
    "locations": (_reserved_places,),
    "sourcing": (_not_to_itself,),
    "price_breaks": (_falling_prices,),
    "lanes": (_not_to_itself,),
    "capacities": (_resources, _money_limits),
    "stops": (_vehicle_kinds,),
    "campaigns": (_reserved_campaigns,),
    "customers": (_hashed_customers,),
    "order_lines": (_hashed_customers,),
    "behaviour": (_hashed_customers,),
    "assignments": (_hashed_customers, _reserved_arms),
}
