"""What settled trials say of the lift, and that campaigns to come learn from it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.dataset import Dataset
from planner.marketing import fit_lift
from planner.marketing.trials.outcomes import told_of, trial_evidence
from planner.panel import Panel
from planner.periods import bucket_range
from planner.settings import CampaignSettings

AS_OF = dt.date(2026, 3, 2)
START, END = pd.Timestamp("2026-01-05"), pd.Timestamp("2026-01-11")
SIDE = 4_000


def _dataset(
    rates: tuple[float, float] = (0.2, 0.1), reported: bool = False, treated: str = "email", **campaign: Any
) -> Dataset:
    """A trial on two SKUs of one brand: of each side that share buys one unit of A, and everybody buys C."""
    people = [f"t{n}" for n in range(SIDE)] + [f"c{n}" for n in range(SIDE)]
    arm = [treated] * SIDE + ["control"] * SIDE
    buys = np.concatenate([np.arange(SIDE) < round(rate * SIDE) for rate in rates])
    outcome = {"conversion": buys.astype(float)} if reported else {}
    lines = pd.DataFrame({"order_id": "1", "date": START, "customer": people, "sku": "C", "quantity": 1.0,
                          "unit_price": 5.0})  # fmt: skip
    bought = lines[buys].assign(order_id="2", sku="A")
    late = bought.assign(order_id="3", date=END + pd.Timedelta(days=1), quantity=100.0)
    row = {"campaign": "MAIL", "kind": "email", "start": START, "end": END, "discount_rate": 0.1, "status": "done"}
    return Dataset.from_frames({
        "assignments": pd.DataFrame({"campaign": "MAIL", "customer": people, "arm": arm, "share": 0.5, **outcome}),
        "campaigns": pd.DataFrame([row | campaign]),
        "campaign_items": pd.DataFrame({"campaign": "MAIL", "sku": ["A", "B"]}),
        "items": pd.DataFrame({"sku": ["A", "B", "C"], "category": "x", "brand": ["m", "m", "n"]}),
        "order_lines": pd.concat([lines, bought, late], ignore_index=True),
    })  # fmt: skip


def test_what_is_compared_are_units_of_what_it_promotes_while_it_runs() -> None:
    told = trial_evidence(_dataset(), AS_OF).iloc[0]
    assert told["basis"] == "units"
    assert np.exp(told["log_lift"]) == pytest.approx(2.0)
    assert (told["sku"], told["category"], told["brand"], told["depth"]) == ("", "x", "m", 0.1)
    assert told["age"] == 50
    # Delta method on shares p: (1 - p) / (p n) on each side.
    assert told["noise"] == pytest.approx(0.8 / (0.2 * SIDE) + 0.9 / (0.1 * SIDE), rel=0.001)


def test_what_was_reported_goes_before_and_says_less() -> None:
    read, reported = (trial_evidence(_dataset(reported=told), AS_OF).iloc[0] for told in (False, True))
    assert reported["basis"] == "conversion"
    assert reported["log_lift"] == pytest.approx(read["log_lift"])
    assert reported["noise"] == pytest.approx(read["noise"] + 0.35**2)


@pytest.mark.parametrize(
    "data",
    [_dataset(end=pd.Timestamp(AS_OF)), _dataset(treated="control"), _dataset(rates=(0.2, 0.001)),
     Dataset.from_frames({"items": pd.DataFrame({"sku": ["A"]})})],
    ids=["still running", "nobody treated", "too few buyers", "no trials"],
)  # fmt: skip
def test_what_cannot_be_read_says_nothing(data: Dataset) -> None:
    found = trial_evidence(data, AS_OF)
    assert found.empty
    assert told_of(found).empty


def _lift(data: Dataset, trials: bool) -> pd.DataFrame:
    panel = Panel(
        pd.DataFrame({"sku": ["A"], "warehouse": ["W"]}), bucket_range(AS_OF - dt.timedelta(weeks=4), 4, "week"),
        np.full((1, 4), 10.0, np.float32),
    )  # fmt: skip
    found = fit_lift(
        panel, data["campaigns"], data["campaign_items"], data["items"], data["locations"], CampaignSettings(),
        as_of=AS_OF, bucket="week", trials=trial_evidence(data, AS_OF) if trials else None,
    )  # fmt: skip
    return found.lift


def test_a_settled_trial_updates_the_prior_of_its_kind_alone() -> None:
    data = _dataset(rates=(0.5, 0.1))
    with_it, without, again = _lift(data, True), _lift(data, False), _lift(data, True)
    pd.testing.assert_frame_equal(with_it, again)

    def at(table: pd.DataFrame, kind: str, column: str = "log_lift") -> float:
        rows = table[(table["level"] == "prior") & (table["kind"] == kind) & (table["depth_band"] == "10-20 %")]
        return float(rows[column].iloc[0])

    assert at(without, "email") + 0.1 < at(with_it, "email") < np.log(5.0)
    expected = _lift(_dataset(rates=(0.16, 0.1)), True)
    assert at(expected, "email", "sd") < at(without, "email", "sd")
    assert at(with_it, "sms") == at(without, "sms")
    brand = with_it[(with_it["level"] == "brand") & (with_it["kind"] == "email")]
    assert brand[["key", "events", "trials"]].to_numpy().tolist() == [["m", 0.0, 1.0]]
    assert "1 past email campaign with 1 settled trial" in brand["evidence"].iloc[0]
