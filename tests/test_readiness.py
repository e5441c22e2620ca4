"""What weakens a plan is found, and ranked by the demand that it touches."""

# ruff: noqa: E501  (a case is easier to see in one line)
from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pandas as pd
import pytest

from planner.dataset import Dataset
from planner.readiness import COLUMNS, plan_ready
from planner.settings import Settings

AS_OF = dt.date(2024, 4, 15)


def frame(columns: str, *rows: tuple) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=columns.split())


def world(**changes: pd.DataFrame | None) -> Dataset:
    """S supplies dc D, which feeds W and V; A sells 30 a week for 2 each, B 10 for 5 at W, C 10 for 1 at V."""
    days = [dt.date(2024, 4, 14) - dt.timedelta(weeks=week) for week in range(20)]
    pairs = [("A", "W", 20.0), ("A", "V", 10.0), ("B", "W", 10.0), ("C", "V", 10.0)]
    skus, costs = ["A", "B", "C"], [1.0, 3.0, 0.5]
    places = [("S", "supplier"), ("D", "dc"), ("W", "warehouse"), ("V", "store")]
    links = [(sku, "S", "D") for sku in skus] + [(sku, "D", place) for sku, place, _ in pairs]
    tables = {
        "sales": frame("date sku warehouse quantity", *[(day, *pair) for day in days for pair in pairs]),
        "items": pd.DataFrame({"sku": skus, "unit_cost": costs, "unit_price": [2.0, 5.0, 1.0]}),
        "locations": frame("location kind", *places),
        "sourcing": frame("sku source destination", *links).assign(lead_days=7.0),
        "stock": frame("sku warehouse on_hand", *[(sku, place, 5.0) for sku, place, _ in pairs], ("A", "D", 50.0)),
        "lanes": frame("origin destination mode", ("S", "D", "sea"), ("D", "W", "road"), ("D", "V", "road")),
    }
    return Dataset.from_frames({name: table for name, table in (tables | changes).items() if table is not None})


def findings(dataset: Dataset, settings: Settings | None = None) -> pd.DataFrame:
    return plan_ready(dataset, settings or Settings(), AS_OF)


def change(table: str, where: str, **values: object) -> Dataset:
    """The world with some cells of one table changed."""
    dataset = world()
    changed = dataset[table].copy()
    for name, value in values.items():
        changed.loc[changed.eval(where), name] = value
    return dataset.with_tables({table: (changed, "changed")})


MONEY = {("A", "W"): 520.0, ("A", "V"): 260.0, ("B", "W"): 650.0, ("C", "V"): 130.0}
TOTAL = sum(MONEY.values())


def test_a_sound_world_has_no_finding():
    found = findings(world())
    assert found.empty
    assert list(found.columns) == list(COLUMNS)
    assert found["week"].dtype == "datetime64[ns]"
    assert found["money"].dtype == "float64"


def test_missing_sources_are_ranked_by_demand():
    dataset = world()
    rows = dataset["sourcing"]
    kept = rows[~((rows["destination"] == "W") | (rows["sku"] == "C"))]
    found = findings(dataset.with_tables({"sourcing": (kept, "less")}))
    found = found[found["type"] == "no-source"]
    assert list(zip(found["sku"], found["warehouse"], strict=True)) == [("B", "W"), ("A", "W"), ("C", "V")]
    assert found["money"].tolist() == [650.0, 520.0, 130.0]
    assert found["demand_share"].tolist() == pytest.approx([650 / TOTAL, 520 / TOTAL, 130 / TOTAL])
    assert "130 units sold in 13 weeks" in found["text"].iloc[0]
    assert set(found["severity"]) == {1}


def test_a_dc_without_source_touches_what_it_feeds():
    dataset = world()
    rows = dataset["sourcing"]
    kept = rows[~((rows["destination"] == "D") & (rows["sku"] == "A"))]
    found = findings(dataset.with_tables({"sourcing": (kept, "less")}))
    assert found[["type", "sku", "warehouse"]].to_numpy().tolist() == [["no-source", "A", "D"]]
    assert found["money"].tolist() == [MONEY["A", "W"] + MONEY["A", "V"]]


def test_ended_sources_and_listed_skus():
    found = findings(change("sourcing", "sku == 'B' and destination == 'W'", end=pd.Timestamp("2024-04-14")))
    assert "has only sources that have ended" in found["text"].iloc[0]
    listed = frame("sku warehouse listed_from listed_to", ("C", "W", None, None), ("B", "V", None, dt.date(2024, 1, 1)))
    found = findings(world(stocking=listed))
    assert found[["type", "sku", "warehouse", "money"]].to_numpy().tolist() == [["no-source", "C", "W", 0.0]]


def test_no_sourcing_and_no_stock_at_all():
    found = findings(world(sourcing=None, stock=None, lanes=None))
    assert found[["type", "money", "demand_share"]].to_numpy().tolist() == [
        ["no-source", TOTAL, 1.0],
        ["no-stock-record", TOTAL, 1.0],
    ]


@pytest.mark.parametrize(
    ("table", "where", "values", "kind", "text", "money"),
    [
        ("sourcing", "sku == 'B' and source == 'D'", {"lead_days": None}, "no-lead-time", "14 days are assumed", 650.0),
        ("sourcing", "sku == 'A' and source == 'S'", {"lead_days": 190}, "late-source", "26 weeks", 780.0),
        ("sourcing", "sku == 'C' and source == 'S'", {"currency": "CNY"}, "no-rate", "CNY has no rate to EUR", 130.0),
        ("lanes", "origin == 'S'", {"currency": "USD"}, "no-rate", "1 lanes cannot be priced", TOTAL),
        ("items", "sku == 'A'", {"unit_cost": None}, "no-cost", "A has no unit cost", 780.0),
        ("sourcing", "sku == 'A' and source == 'S'", {"order_multiple": 48, "max_order": 24}, "order-too-small",
         "can never be ordered", 780.0),
        ("sourcing", "sku == 'A' and source == 'S'", {"moq": 48, "max_order": 24}, "order-too-small", "A from S", 780.0),
        ("sourcing", "sku == 'B' and source == 'S'", {"order_multiple": 2.5}, "units-disagree", "quantity_step", 650.0),
        ("sourcing", "sku == 'B' and source == 'S'", {"order_multiple": 12, "moq": 30}, "units-disagree", "moq", 650.0),
        ("items", "sku == 'B'", {"case_quantity": 12, "pallet_quantity": 100}, "units-disagree", "pallet of 100", 650.0),
        ("sales", "sku == 'C' and date > '2024-04-10'", {"quantity": 9.5}, "units-disagree", "1 sales are fractions", 129.5),
    ],
)  # fmt: skip
def test_each_question_finds_its_weakness(table, where, values, kind, text, money):
    found = findings(change(table, where, **values))
    assert found["type"].tolist() == [kind]
    assert text in found["text"].iloc[0]
    assert found["money"].tolist() == [money]
    assert found["hint"].iloc[0]


def test_cases_that_do_not_fit_the_multiple():
    dataset = change("items", "sku == 'B'", case_quantity=12)
    rows = dataset["sourcing"].assign(order_multiple=24.0)
    assert findings(dataset.with_tables({"sourcing": (rows, "24")})).empty
    rows = rows.assign(order_multiple=18.0)
    found = findings(dataset.with_tables({"sourcing": (rows, "18")}))
    assert set(found["sku"]) == {"B"}
    assert "does not fit its case" in found["text"].iloc[0]


def test_sales_without_stock_record_and_stock_without_sales():
    rows = frame("sku warehouse on_hand", ("A", "W", 5.0), ("A", "V", 5.0), ("C", "V", 0.0), ("B", "V", 30.0))
    found = findings(world(stock=rows))
    assert found[["type", "sku", "warehouse", "money", "severity"]].to_numpy().tolist() == [
        ["no-stock-record", "B", "W", 650.0, 2],
        ["stock-without-demand", "B", "V", 150.0, 3],
    ]
    assert found["demand_share"].tolist() == pytest.approx([650 / TOTAL, 0.0])


def test_lanes_that_lead_nowhere_and_places_without_lane():
    lanes = frame(
        "origin destination mode", ("S", "P", "sea"), ("P", "D", "rail"), ("D", "W", "road"), ("S", "X", "air")
    )
    found = findings(world(lanes=lanes))
    assert found[["type", "warehouse", "money"]].to_numpy().tolist() == [
        ["no-lane", "V", 390.0],
        ["dead-lane", "X", 0.0],
    ]
    assert found["text"].iloc[0].startswith("No lane leads from D to V")
    assert findings(world(lanes=None)).empty


def test_rates_and_base_currency():
    dollars = change("sourcing", "source == 'S'", currency="USD")
    assert set(findings(dollars)["type"]) == {"no-rate"}
    assert findings(dollars, replace(Settings(), plan=replace(Settings().plan, currency="USD"))).empty
    rates = Dataset.from_frames({"currencies": frame("currency date rate_to_base", ("USD", "2024-01-01", 0.9))})
    assert findings(dollars.with_tables({"currencies": (rates["currencies"], "rates")})).empty


def test_nothing_but_sales_is_answered_too():
    found = findings(world(items=None, locations=None, sourcing=None, stock=None, lanes=None))
    assert set(found["type"]) == {"no-source", "no-stock-record", "no-cost"}
    nothing = findings(Dataset.from_frames({}))
    assert sorted(nothing["type"]) == ["no-sales", "no-source", "no-stock-record"]
    assert nothing["demand_share"].tolist() == [0.0, 0.0, 0.0]


def test_only_the_last_weeks_before_the_as_of_date_count():
    dataset = world()
    late = dataset["sales"].assign(date=dataset["sales"]["date"] + pd.Timedelta(weeks=20))
    found = findings(dataset.with_tables({"sales": (late, "late"), "sourcing": (dataset["sourcing"].iloc[:0], "none")}))
    assert found["money"].sum() == sum(found.loc[found["type"] == "stock-without-demand", "money"])


@pytest.mark.parametrize(
    ("as_of", "kind", "text"),
    [
        (dt.date(2020, 1, 1), "no-sales", "the first is of 2023-12-03"),
        (dt.date(2100, 1, 1), "old-sales", "The last sale is of 2024-04-14"),
    ],
)
def test_a_day_far_from_the_sales_is_told(as_of: dt.date, kind: str, text: str):
    found = plan_ready(world(), Settings(), as_of)
    row = found[found["type"] == kind].iloc[0]
    assert text in row["text"]
    assert row["severity"] == 1


def bordered(**changes: pd.DataFrame | None) -> Dataset:
    """The world with a border between S in China and the German places: A has a rate, B has none, C no tariff number."""
    base = world()
    return world(
        items=base["items"].assign(hs_code=["0902", "6403", ""]),
        locations=base["locations"].assign(country=["CN", "DE", "DE", "DE"]),
        duties=frame("hs_code origin destination rate", ("09", "CN", "DE", 0.05)),
        **changes,
    )


def test_what_crosses_a_border_without_a_rate_is_named_with_its_spend():
    found = findings(bordered())
    assert found[["type", "severity", "sku"]].to_numpy().tolist() == [
        ["no-duty-rate", 3, "B"],
        ["no-duty-rate", 3, "C"],
    ]
    assert "hs code 6403 from CN into DE: 1 SKU, EUR 390 at cost sold" in found["text"].iloc[0]
    assert "goods without hs code" in found["text"].iloc[1]
    assert found["hint"].iloc[1] == "fill items.hs_code"
    free = bordered()["duties"]
    rows = pd.concat([free, frame("hs_code origin destination rate", ("6403", "CN", "DE", 0.0))])
    told = bordered().with_tables({"duties": (rows.reset_index(drop=True), "more")})
    assert findings(told)["sku"].tolist() == ["C"], "a rate of 0 is told"


def test_duty_that_is_paid_twice_or_looks_like_per_cent_or_has_no_country():
    data = bordered()
    places = data["locations"].assign(country=["CN", "NL", "DE", ""])
    rates = frame("hs_code origin destination rate", *[(code, "CN", into, rate) for into in ("NL", "DE")
                                                      for code, rate in (("0902", 5.0), ("6", 0.0))])  # fmt: skip
    items = data["items"].assign(hs_code=["0902", "6403", "6404"], origin_country="CN")
    found = findings(data.with_tables({
        "locations": (places, "changed"), "duties": (rates, "changed"), "items": (items, "changed"),
    }))  # fmt: skip
    texts = found.groupby("type")["text"].first()
    assert sorted(texts.index) == ["duty-above-price", "duty-twice", "no-country"]
    assert texts["duty-twice"].startswith("1 SKU pay duty on the way to D and again from there into DE: 500 % at most.")
    assert "is 500 %" in texts["duty-above-price"]
    assert texts["no-country"].startswith("V has no country")
    union = places.assign(customs_area=["", "EU", "EU", "EU"])
    found = findings(data.with_tables({
        "locations": (union, "changed"), "duties": (rates, "changed"), "items": (items, "changed"),
    }))  # fmt: skip
    assert set(found["type"]) == {"duty-above-price", "no-country"}
