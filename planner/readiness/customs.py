"""Doubts about import duty: no rate for what crosses a border, duty paid twice, a rate that looks like per cent."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import pandas as pd

from planner.readiness.ground import PAIR, RECENT_WEEKS, Ground, numbered, one
from planner.stock.costs import duties_paid
from planner.stock.duties import crossings
from planner.stock.sourcing import read_sources, rows_of


def _without_rate(ground: Ground, found: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """What crosses a customs border has a row of `duties`, with rate 0 where it is free. The plan charges none."""
    free = found[found["crosses"] & found["rate"].isna() & (found["origin"] != "") & (found["into"] != "")]
    items = numbered(ground.dataset["items"]).set_index("sku")["row"]
    for (code, origin, into), rows in free.groupby(["hs_code", "origin", "into"]):
        once, skus = rows.drop_duplicates(PAIR), sorted(rows["sku"].unique())
        spend = f"{ground.settings.plan.currency} {(once['units'] * once['price']).sum():,.0f}"
        what = f"hs code {code}" if code else "goods without hs code"
        text = (
            f"duties has no row for {what} from {origin} into {into}: {_counted(skus)}, {spend} at cost sold in"
            f" {RECENT_WEEKS} weeks, cross the border free of duty."
        )
        hint = "add a row to duties, with rate 0 where none is due" if code else "fill items.hs_code"
        cells = [("items", "hs_code", int(items[skus[0]]))]
        sku = skus[0] if len(skus) == 1 else ""
        yield one("no-duty-rate", 3, once["money"].sum(), text, hint, sku, cells=cells)


def _twice(ground: Ground, found: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Goods that paid duty on import pay again on a transfer where that is meant: where customs areas are told."""
    areas = ground.dataset["locations"].set_index("location")["customs_area"].fillna("")
    untold = (found["source"].map(areas) == "") & (found["warehouse"].map(areas) == "")
    again = found[(found["rate"] > 0) & found["transfer"] & untold & (found["paid"] > 0)]
    for (start, into), rows in again.groupby(["source", "into"]):
        text = (
            f"{_counted(rows['sku'].unique())} pay duty on the way to {start} and again from there into {into}:"
            f" {100 * rows['rate'].max():g} % at most."
        )
        hint = "name the customs area of both in locations.customs_area: the same one where no duty is due between them"
        yield one("duty-twice", 3, rows.drop_duplicates(PAIR)["money"].sum(), text, hint, place=str(start))


def _without_country(ground: Ground, found: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Every end of a way lies in a country; the plan charges no duty where that is unknown."""
    places = numbered(ground.dataset["locations"])
    blank = places[places["country"].fillna("") == ""]
    for place, row in blank[["location", "row"]].itertuples(index=False):
        rows = found[(found["source"] == place) | (found["warehouse"] == place)]
        if len(rows):
            text = f"{place} has no country: what comes from there or goes there pays no duty."
            touched = rows.drop_duplicates(PAIR)["money"].sum()
            cells = [("locations", "country", int(row))]
            yield one("no-country", 3, touched, text, "fill locations.country", place=str(place), cells=cells)


def _per_cent(ground: Ground, found: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """A duty of more than the price is rare: is it per cent?"""
    table = numbered(ground.dataset["duties"])
    for row in rows_of(table[table["rate"] > 1]):
        uses = (found["code"] == row.hs_code) & (found["origin"] == row.origin) & (found["into"] == row.destination)
        touched = found[uses].drop_duplicates(PAIR)["money"].sum()
        text = (
            f"The duty on {row.hs_code} from {row.origin} into {row.destination} is {100 * row.rate:g} % of the price."
        )
        hint = f"write {row.rate / 100:g} if {row.rate:g} per cent are meant"
        yield one("duty-above-price", 2, touched, text, hint, cells=[("duties", "rate", int(row.row))])


def _counted(skus: Sized) -> str:
    return f"{len(skus)} SKU{'' if len(skus) == 1 else 's'}"


def _ways(ground: Ground) -> pd.DataFrame:
    """Rows of sourcing with what `duties` says of them, their `price` in base currency, `transfer`, and the duty `paid`
    in a unit when it leaves its source."""
    rows, as_of = ground.sourcing, ground.as_of.date()
    told = crossings(ground.dataset, rows.rename(columns={"warehouse": "destination"}))
    sources = read_sources(ground.dataset, ground.settings, as_of)
    terms = sources.drop_duplicates("row").set_index("row").reindex(rows["row"])
    before = rows[["sku", "source"]].set_axis(PAIR, axis=1)
    return rows.join(told).assign(
        price=terms["unit_cost"].fillna(0.0).to_numpy(float), transfer=terms["transfer"].eq(True).to_numpy(bool),
        paid=duties_paid(sources, before, as_of),
    )  # fmt: skip


def customs(ground: Ground) -> Iterator[pd.DataFrame]:
    """The doubts about duty, where `duties` tells of any."""
    if ground.dataset.has("duties"):
        found = _ways(ground)
        for doubt in (_without_rate, _twice, _without_country, _per_cent):
            yield from doubt(ground, found)
