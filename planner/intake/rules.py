"""Rules of single tables: falling prices, reserved words, resources of limits, loops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from planner.intake.cells import nearest
from planner.intake.findings import Body, Finding, RowFault, empty, known_words, shown, words_of

EVERYWHERE = "*"


def _falling_prices(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """A larger quantity never costs more per unit."""
    frame = body.frame.drop(index=pd.Index(body.faulty))
    ordered = frame.sort_values(["sku", "source", "min_quantity"], kind="stable")
    before = ordered.groupby(["sku", "source"], sort=False)[["min_quantity", "unit_cost"]].shift()
    rising = ordered["unit_cost"] > before["unit_cost"]
    rows = np.sort(ordered.index[rising.to_numpy(bool)].to_numpy()).astype(np.intp)

    def describe(row: int) -> RowFault:
        rule = f"is more than the {before['unit_cost'][row]:g} asked from {before['min_quantity'][row]:g} units on"
        return RowFault(table, row, "unit_cost", shown(frame["unit_cost"][row]), rule, "price breaks fall")

    yield Finding(table, rows, describe)


def _text_rule(
    table: str, frame: pd.DataFrame, name: str, broken: Callable[[str], bool], rule: str, hint: str
) -> Iterator[Finding]:
    """Rows whose text in column `name` is `broken`; each different text is asked once."""
    if name not in frame:
        return
    codes, words = words_of(frame[name])
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
        table,
        body.frame,
        "customer",
        lambda word: "@" in word,
        "is an e-mail address",
        "planner anonymise FOLDER --into DIR",
    )


def _vehicle_kinds(table: str, body: Body, bodies: Mapping[str, Body]) -> Iterator[Finding]:
    """Vehicle types that may serve a stop exist."""
    if "vehicles" not in bodies or not bodies["vehicles"].whole:
        return
    known = known_words(bodies["vehicles"], "vehicle")
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
    named = ~empty(frame["resource"]) & (frame["resource"] != "all").to_numpy(bool)
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
    return known_words(body, "location") if body is not None and body.whole else None


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
    same = (frame[first] == frame["destination"]).to_numpy(bool) & ~empty(frame[first])

    def describe(row: int) -> RowFault:
        place, hint = str(frame["destination"].iloc[row]), f"correct {first} or destination, or remove the row"
        return RowFault(table, row, "destination", place, f"is the {first} too", hint)

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
