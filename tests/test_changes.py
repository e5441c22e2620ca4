from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from planner.changes import apply_to_demand, apply_to_tables
from planner.dataset import Dataset
from planner.errors import UsageError
from planner.scenarios import Change


@pytest.fixture
def dataset() -> Dataset:
    items = pd.DataFrame({"sku": ["A", "B"], "category": ["juice", "tea"]})
    locations = pd.DataFrame(
        {"location": ["S", "T", "W"], "kind": ["supplier", "supplier", "warehouse"], "country": ["CN", "DE", "DE"]}
    )
    sourcing = pd.DataFrame(
        {"sku": ["A", "B", "A"], "source": ["S", "S", "T"], "destination": ["W"] * 3, "lead_days": [30.0, 40.0, 7.0]}
    )
    campaigns = pd.DataFrame(
        {"campaign": ["SPRING"], "kind": ["price"], "start": pd.to_datetime(["2026-04-06"]),
         "end": pd.to_datetime(["2026-04-19"]), "status": ["draft"]}
    )  # fmt: skip
    return Dataset.from_frames({"items": items, "locations": locations, "sourcing": sourcing, "campaigns": campaigns})


def change(
    table: str, column: str, operation: str, amount: object, start: object = None, end: object = None, **where: str
) -> Change:
    pairs = tuple((name, tuple(value.split("|"))) for name, value in sorted(where.items()))
    return Change(table, column, operation, amount, pairs, start, end, "scenarios/x.toml")  # type: ignore[arg-type]


def test_a_selection_changes_only_its_rows_and_is_logged(dataset: Dataset) -> None:
    changed, log = apply_to_tables(dataset, [change("sourcing", "lead_days", "add", 14, source="S")])
    assert list(changed["sourcing"]["lead_days"]) == [44.0, 54.0, 7.0]
    assert [(entry.old, entry.new) for entry in log] == [("30", "44"), ("40", "54")]
    assert list(dataset["sourcing"]["lead_days"]) == [30.0, 40.0, 7.0], "the dataset itself stays as it was"


def test_only_changed_tables_have_another_digest(dataset: Dataset) -> None:
    changed, _ = apply_to_tables(dataset, [change("sourcing", "lead_days", "add", 14, source="S")])
    assert changed.digests["sourcing"] != dataset.digests["sourcing"]
    assert changed.digests["items"] == dataset.digests["items"]
    again, _ = apply_to_tables(dataset, [change("sourcing", "lead_days", "add", 14, source="S")])
    assert again.digests == changed.digests


def test_a_source_is_closed(dataset: Dataset) -> None:
    changed, log = apply_to_tables(dataset, [change("sourcing", "", "remove", None, source="S")])
    assert list(changed["sourcing"]["source"]) == ["T"]
    assert (log[0].old, log[0].new) == ("3 rows", "1 rows")


def test_rows_are_selected_by_what_they_speak_of(dataset: Dataset) -> None:
    changed, _ = apply_to_tables(dataset, [change("sourcing", "lead_days", "scale", 2, category="juice")])
    assert list(changed["sourcing"]["lead_days"]) == [60.0, 40.0, 14.0]


def test_a_campaign_moves_and_is_planned(dataset: Dataset) -> None:
    changes = [
        change("campaigns", "start", "add", 7, campaign="SPRING"),
        change("campaigns", "end", "add", 7, campaign="SPRING"),
        change("campaigns", "status", "set", "planned", campaign="SPR*"),
    ]
    row = apply_to_tables(dataset, changes)[0]["campaigns"].iloc[0]
    assert (row["start"], row["end"], row["status"]) == (
        pd.Timestamp("2026-04-13"),
        pd.Timestamp("2026-04-26"),
        "planned",
    )


def test_two_changes_of_one_cell_name_both(dataset: Dataset) -> None:
    changes = [
        change("sourcing", "lead_days", "add", 14, source="S"),
        change("sourcing", "lead_days", "scale", 2, category="juice"),
    ]
    with pytest.raises(UsageError, match=r"source=S.*category=juice"):
        apply_to_tables(dataset, changes)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (change("sourcin", "lead_days", "add", 1), "no table 'sourcin'"),
        (change("sourcing", "lead_day", "add", 1), "no column 'lead_day'"),
        (change("sourcing", "lead_days", "add", 1, source="X"), "selects no row"),
        (change("sourcing", "lead_days", "add", -35, source="S"), "would leave"),
        (change("sourcing", "lead_days", "add", 1, brand_name="X"), "nothing can be selected by 'brand_name'"),
        (change("campaigns", "status", "set", "maybe"), "cannot be 'maybe'"),
        (change("campaigns", "status", "scale", 2.0), "it can only be set"),
        (change("campaigns", "start", "set", "soon"), "is no date"),
        (change("lanes", "transit_days", "add", 1), "has no table lanes"),
    ],
)
def test_a_change_that_cannot_be_applied_is_refused(dataset: Dataset, wrong: Change, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        apply_to_tables(dataset, [wrong])


def demand() -> pd.DataFrame:
    dates = pd.to_datetime(["2026-03-02", "2026-03-09"] * 2)
    return pd.DataFrame(
        {
            "sku": ["A", "A", "B", "B"],
            "warehouse": "W",
            "date": dates,
            "mean": [10.0, 10, 5, 5],
            "variance": [20.0, 20, 5, 5],
        }
    )


def test_demand_follows_with_its_spread(dataset: Dataset) -> None:
    surge = change("demand", "quantity", "scale", 1.5, start=dt.date(2026, 3, 9), category="juice")
    changed, log = apply_to_demand(demand(), [surge], dataset)
    assert list(changed["mean"]) == [10.0, 15.0, 5.0, 5.0]
    assert list(changed["variance"]) == [20.0, 45.0, 5.0, 5.0]
    assert (log[0].old, log[0].new) == ("10.0 units", "15.0 units")


def test_demand_never_falls_below_zero(dataset: Dataset) -> None:
    changed, _ = apply_to_demand(demand(), [change("demand", "quantity", "add", -100.0, category="tea")], dataset)
    assert list(changed["mean"]) == [10.0, 10.0, 0.0, 0.0]
