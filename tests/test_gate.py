"""Campaigns against supply: what is short, what it costs, and the smallest fix."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.dataset import Dataset
from planner.gate import COLUMNS, check_campaigns
from planner.periods import bucket_range
from planner.settings import PlanSettings, Settings

AS_OF = dt.date(2026, 3, 2)
WEEKS = bucket_range(AS_OF, 8, "week")


def _dataset(lead_days: float = 14.0, **campaign: Any) -> Dataset:
    row = {"campaign": "SPRING", "kind": "price", "start": WEEKS[3], "end": WEEKS[4] + pd.Timedelta(days=6)}
    return Dataset.from_frames(
        {
            "items": pd.DataFrame({"sku": ["A", "B"], "unit_price": [10.0, 10.0], "unit_cost": [6.0, 6.0]}),
            "locations": pd.DataFrame({"location": ["SUP", "N", "S"], "kind": ["supplier", "warehouse", "warehouse"]}),
            "sourcing": pd.DataFrame(
                [(sku, "SUP", place, 6.0, lead_days) for sku in ("A", "B") for place in ("N", "S")],
                columns=["sku", "source", "destination", "unit_cost", "lead_days"],
            ),
            "campaigns": pd.DataFrame([row | campaign]),
            "campaign_items": pd.DataFrame({"campaign": ["SPRING"] * 2, "sku": ["A", "B"]}),
        }
    )


def _uplift(net: float = 100.0, campaign: str = "SPRING", weeks: tuple[int, ...] = (3, 4)) -> pd.DataFrame:
    rows = [(campaign, sku, place, WEEKS[w], net, net) for sku in ("A", "B") for place in ("N", "S") for w in weeks]
    return pd.DataFrame(rows, columns=["campaign", "sku", "warehouse", "date", "gross", "net"])


def _plan(short: dict[tuple[str, str, int], float], usual: float = 0.0) -> pd.DataFrame:
    """Demand 200 a week; `usual` is missing in every week, `short` on top of it."""
    rows = [
        (sku, place, week, 200.0, usual + short.get((sku, place, number), 0.0))
        for sku in ("A", "B")
        for place in ("N", "S")
        for number, week in enumerate(WEEKS)
    ]
    return pd.DataFrame(rows, columns=["sku", "warehouse", "week", "demand", "expected_shortage"])


def _check(dataset: Dataset, uplift: pd.DataFrame, plan: pd.DataFrame, settings: Settings = Settings()) -> pd.DataFrame:  # noqa: B008
    return check_campaigns(dataset, uplift, plan, settings, AS_OF)


def test_a_campaign_that_supply_follows_is_named_as_covered() -> None:
    found = _check(_dataset(), _uplift(), _plan({}))
    assert list(found.columns) == list(COLUMNS)
    assert found["type"].tolist() == ["campaign-covered"]
    assert "800 units" in found["text"][0]
    assert found["money"][0] == 0.0


def test_what_is_short_is_told_in_units_and_money() -> None:
    found = _check(_dataset(), _uplift(), _plan({("A", "N", 3): 40.0, ("B", "S", 4): 10.0}))
    assert found["type"].tolist() == ["campaign-supply", "campaign-short", "campaign-short"]
    assert found["money"].tolist() == pytest.approx([200.0, 160.0, 40.0])
    assert found["sku"].tolist() == ["", "A", "B"]
    assert found["week"].tolist() == [WEEKS[3], WEEKS[3], WEEKS[4]]
    assert "50 of them (6%) are short on 2 SKU-warehouses from 2026-03-23" in found["text"][0]


def test_the_usual_shortage_of_a_series_is_not_blamed_on_the_campaign() -> None:
    found = _check(_dataset(), _uplift(), _plan({("A", "N", 3): 40.0}, usual=8.0))
    line = found[found["type"] == "campaign-short"]
    assert line["money"].tolist() == pytest.approx([160.0])


def test_no_more_is_short_than_the_campaign_adds() -> None:
    found = _check(_dataset(), _uplift(net=100.0), _plan({("A", "N", 3): 180.0}))
    assert found["money"].max() == pytest.approx(400.0)


def test_two_campaigns_share_a_shortage_by_their_net_demand() -> None:
    data = _dataset()
    second = data["campaigns"].assign(campaign="EASTER")
    both = Dataset.from_frames(
        {name: data[name] for name in data} | {"campaigns": pd.concat([data["campaigns"], second], ignore_index=True)}
    )
    uplift = pd.concat([_uplift(100.0), _uplift(300.0, "EASTER")], ignore_index=True)
    found = _check(both, uplift, _plan({("A", "N", 3): 80.0}))
    lines = found[found["type"] == "campaign-short"]
    assert lines["money"].sum() == pytest.approx(80.0 * 4.0)
    assert lines[lines["text"].str.contains("EASTER")]["money"].tolist() == pytest.approx([60.0 * 4.0])


def test_the_fix_in_time_is_an_order_with_its_last_day() -> None:
    found = _check(_dataset(lead_days=14), _uplift(), _plan({("A", "N", 3): 100.0}))
    assert found["hint"][0].startswith("order 100 units more, the first by 2026-03-09")


def test_a_long_lead_time_asks_for_a_later_start() -> None:
    short = {(sku, place, week): 60.0 for sku in ("A", "B") for place in ("N", "S") for week in (3, 4)}
    found = _check(_dataset(lead_days=28), _uplift(), _plan(short))
    assert found["severity"][0] == 1
    assert found["hint"][0].startswith("start 1 week later, on 2026-03-30")
    assert "had to leave by 2026-02-23" in found["text"][0]
    line = found[found["type"] == "campaign-short"].iloc[0]
    assert "supplies from 2026-03-30 on" in line["hint"]


def test_lead_times_add_up_behind_a_dc() -> None:
    data = _dataset(lead_days=14)
    places = pd.DataFrame({"location": ["SUP", "DC", "N", "S"], "kind": ["supplier", "dc", "warehouse", "warehouse"]})
    chain = pd.DataFrame(
        [("A", "DC", "N", 3.0), ("A", "SUP", "DC", 30.0)], columns=["sku", "source", "destination", "lead_days"]
    )
    behind = Dataset.from_frames({name: data[name] for name in data} | {"locations": places, "sourcing": chain})
    found = _check(behind, _uplift(), _plan({("A", "N", 3): 100.0}))
    assert "had to leave by 2026-02-18" in found["text"][0]


def test_a_small_shortage_asks_for_a_smaller_audience_first() -> None:
    data = _dataset(lead_days=60, kind="email", audience_size=1000.0)
    found = _check(data, _uplift(), _plan({("A", "N", 3): 100.0}))
    assert found["hint"][0].startswith("address 870 of 1,000 customers (87%)")


def test_without_an_audience_the_covered_stores_are_named() -> None:
    found = _check(_dataset(lead_days=60), _uplift(), _plan({("A", "N", 3): 60.0, ("B", "N", 3): 60.0}))
    assert found["hint"][0].startswith("run it only at S: 1 of 2 warehouses are covered")


def test_a_series_without_a_plan_is_short_of_everything() -> None:
    plan = _plan({})
    found = _check(_dataset(), _uplift(), plan[(plan["sku"] != "A") | (plan["warehouse"] != "N")])
    lines = found[found["type"] == "campaign-short"]
    assert lines["money"].tolist() == pytest.approx([400.0, 400.0])
    assert lines["text"].str.contains("it has no stock plan").all()


def test_weeks_beyond_the_plan_are_not_judged_but_counted() -> None:
    plan = _plan({})
    found = _check(_dataset(), _uplift(), plan[plan["week"] <= WEEKS[3]])
    assert found["type"].tolist() == ["campaign-covered"]
    assert "400 units lie beyond the planned weeks" in found["text"][0]


def test_a_campaign_that_adds_nothing_is_named() -> None:
    found = _check(_dataset(), _uplift().iloc[:0], _plan({}))
    assert found["type"].tolist() == ["campaign-empty"]


_OVER = {"start": WEEKS[0] - pd.Timedelta(days=30), "end": WEEKS[0] - pd.Timedelta(days=9)}


@pytest.mark.parametrize("change", [{"status": "draft"}, {"status": "cancelled"}, _OVER])
def test_campaigns_that_are_not_to_come_are_not_checked(change: dict[str, Any]) -> None:
    found = _check(_dataset(**change), _uplift(), _plan({("A", "N", 3): 100.0}))
    assert found.empty
    assert found["week"].dtype == "datetime64[ns]"


def test_daily_uplift_is_judged_by_week() -> None:
    weekly = _uplift(net=70.0)
    days = weekly.loc[weekly.index.repeat(7)].reset_index(drop=True)
    days["date"] = days["date"] + pd.to_timedelta(np.tile(np.arange(7), len(weekly)), unit="D")
    days[["gross", "net"]] /= 7.0
    settings = replace(Settings(), plan=PlanSettings(bucket="day"))
    plan = _plan({("A", "N", 3): 30.0})
    by_day = _check(_dataset(), days, plan, settings)
    pd.testing.assert_frame_equal(by_day, _check(_dataset(), weekly, plan))


def test_monthly_uplift_is_spread_over_its_weeks() -> None:
    uplift = _uplift().iloc[:1].assign(date=pd.Timestamp("2026-03-01"), gross=310.0, net=310.0)
    settings = replace(Settings(), plan=PlanSettings(bucket="month"))
    data = _dataset(start=pd.Timestamp("2026-03-01"))
    found = _check(data, uplift, _plan({("A", "N", 1): 35.0}), settings)
    line = found[found["type"] == "campaign-short"].iloc[0]
    assert "35.0 of 70.0 units" in line["text"]


def test_two_runs_agree_to_the_byte() -> None:
    plan = _plan({("A", "N", 3): 40.0, ("B", "S", 4): 10.0})
    pd.testing.assert_frame_equal(
        _check(_dataset(), _uplift(), plan), _check(_dataset(), _uplift().iloc[::-1], plan.iloc[::-1])
    )
