"""Past campaigns: the history without them, and the lift that is learnt from them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.marketing import Lift, fit_lift
from planner.marketing.bookings import USUAL_SHARE
from planner.marketing.fit import EVENT_COLUMNS
from planner.marketing.pool import BAND_DEPTHS, COLUMNS
from planner.panel import Panel
from planner.periods import Bucket, bucket_range
from planner.settings import CampaignSettings
from tests.marketing.world import AS_OF, ELASTICITY, PULLED, WEEKS, World, make_world, table

SETTINGS = CampaignSettings()


def fit(world: World, settings: CampaignSettings = SETTINGS) -> Lift:
    return fit_lift(
        world.demand, world.campaigns, world.campaign_items, world.items, world.locations, settings,
        as_of=AS_OF, bucket="week",
    )  # fmt: skip


def price_curve(lift: pd.DataFrame) -> pd.DataFrame:
    return lift[(lift["level"] == "prior") & (lift["kind"] == "price")].set_index("depth")


@pytest.fixture(scope="module")
def fitted() -> tuple[World, Lift]:
    world = make_world(1)
    return world, fit(world)


def test_the_cleaned_history_is_the_baseline(fitted: tuple[World, Lift]) -> None:
    world, lift = fitted
    touched = lift.cleaned.values != world.demand.values
    base = world.base[:, :WEEKS]
    assert 0.05 < touched.mean() < 0.4
    assert world.demand.values[touched].sum() / base[touched].sum() > 1.2
    assert lift.cleaned.values[touched].sum() / base[touched].sum() == pytest.approx(1.0, abs=0.03)
    assert lift.cleaned.values.sum() / base.sum() == pytest.approx(1.0, abs=0.01)


def test_promoted_buckets_come_close_one_by_one_also_in_the_holiday(fitted: tuple[World, Lift]) -> None:
    world, lift = fitted
    promoted = lift.events.merge(world.demand.keys.reset_index(), on=["sku", "warehouse"])
    first = world.demand.dates.get_indexer(promoted["start"])
    rows = np.repeat(promoted["index"].to_numpy(), 2)
    columns = np.stack([first, first + 1], axis=1).ravel()
    error = np.abs(lift.cleaned.values[rows, columns] / world.base[rows, columns] - 1.0)
    assert error.mean() < 0.08
    assert np.quantile(error, 0.95) < 0.2


def test_what_was_not_promoted_is_untouched(fitted: tuple[World, Lift]) -> None:
    world, lift = fitted
    promoted = set(lift.events["sku"])
    calm = ~world.demand.keys["sku"].isin(promoted).to_numpy()
    np.testing.assert_array_equal(lift.cleaned.values[calm], world.demand.values[calm])


def test_the_lift_curve_is_recovered_within_its_band() -> None:
    truth = -ELASTICITY * np.log1p(-np.array(BAND_DEPTHS[2:5]))
    curves = [price_curve(fit(make_world(seed)).lift).loc[list(BAND_DEPTHS[2:5])] for seed in range(1, 5)]
    found = np.mean([curve["log_lift"] for curve in curves], axis=0)
    assert np.abs(found - truth).max() < 0.06
    for curve in curves:
        assert (np.abs(curve["log_lift"] - truth) < 2 * curve["sd"]).all()


def test_the_share_bought_ahead_is_recovered() -> None:
    shares = [price_curve(fit(make_world(seed)).lift)["pull_forward"].iloc[0] for seed in range(1, 5)]
    assert np.mean(shares) == pytest.approx(PULLED, abs=0.05)


def test_every_level_is_there_and_an_own_row_is_surer_than_the_prior(fitted: tuple[World, Lift]) -> None:
    lift = fitted[1].lift
    assert list(lift.columns) == list(COLUMNS)
    price = lift[lift["kind"] == "price"].set_index("level")
    assert set(price.index) == {"prior", "category", "brand", "sku"}
    assert price.loc["sku", "sd"].max() < price.loc["category", "sd"].min() < price.loc["prior", "sd"].min()
    assert (price.loc["prior", "events"].sum()) == price.loc["category", "events"].sum()


def test_more_prior_events_hold_the_lift_closer_to_the_built_in_one(fitted: tuple[World, Lift]) -> None:
    world = fitted[0]
    shift = {n: price_curve(fit(world, replace(SETTINGS, prior_events=n)).lift)["shift"].abs().mean() for n in (1, 400)}
    assert shift[400] < 0.5 * shift[1]


def test_events_tell_what_happened(fitted: tuple[World, Lift]) -> None:
    world, lift = fitted
    events = lift.events
    assert list(events.columns) == list(EVENT_COLUMNS)
    past = world.campaigns[world.campaigns["end"] < pd.Timestamp(AS_OF)]
    assert set(events["campaign"]) == set(past["campaign"])
    assert events["buckets"].eq(2).all()
    np.testing.assert_allclose(events["excess"], events["sold"] - events["baseline"])


@pytest.mark.parametrize("status", ["draft", "cancelled"])
def test_without_campaigns_the_history_stays_as_it_is(status: str) -> None:
    world = make_world(1)
    off = replace(world, campaigns=world.campaigns.assign(status=status))
    lift = fit(off)
    assert lift.cleaned is world.demand
    assert lift.events.empty
    assert set(lift.lift["level"]) == {"prior"}
    assert lift.lift["evidence"].str.startswith("no past").all()
    none = replace(world, campaigns=world.campaigns.iloc[:0], campaign_items=world.campaign_items.iloc[:0])
    assert fit(none).cleaned is world.demand


def test_the_order_of_rows_changes_nothing(fitted: tuple[World, Lift]) -> None:
    world, lift = fitted
    turned = replace(
        world,
        campaigns=world.campaigns.iloc[::-1].reset_index(drop=True),
        campaign_items=world.campaign_items.iloc[::-1].reset_index(drop=True),
    )
    again = fit(turned)
    np.testing.assert_array_equal(again.cleaned.values, lift.cleaned.values)
    pd.testing.assert_frame_equal(again.lift, lift.lift)
    pd.testing.assert_frame_equal(again.events, lift.events)


def _simple(
    values: np.ndarray, campaigns: list[dict[str, Any]], bucket: Bucket = "week", items: int | None = None,
    settings: CampaignSettings = SETTINGS, customers: pd.DataFrame | None = None, **item: Any,
) -> Lift:  # fmt: skip
    """Fit series A, B, ... at W; campaigns are on A unless they name a sku."""
    count = values.shape[1]
    dates = bucket_range(AS_OF - dt.timedelta(days=count * {"day": 1, "week": 7, "month": 30}[bucket]), count, bucket)
    names = [chr(65 + i) for i in range(len(values))]
    keys = pd.DataFrame({"sku": names, "warehouse": "W"})
    rows = [{"kind": "price", "discount_rate": 0.2, "campaign": f"C{i}"} | row for i, row in enumerate(campaigns)]
    promoted = [{"campaign": row["campaign"], "sku": row.pop("sku", "A"), **item} for row in rows]
    for row in rows:
        row["start"], row["end"] = dates[row["start"]], dates[row["end"]] + (dates[1] - dates[0]) - pd.Timedelta(days=1)
    return fit_lift(
        Panel(keys, dates, values.astype(np.float32)), table("campaigns", rows), table("campaign_items", promoted),
        table("items", [{"sku": name, "category": "x", "unit_price": 10.0} for name in names]),
        table("locations", [{"location": "W", "kind": "warehouse", "country": "DE"}]), settings,
        as_of=AS_OF, bucket=bucket, customers=customers,
    )  # fmt: skip


def _flat(buckets: int = 60, level: float = 100.0, series: int = 1) -> np.ndarray:
    return np.full((series, buckets), level)


def test_unknown_buckets_stay_unknown() -> None:
    values = _flat()
    values[0, 30:32] = [np.nan, 200.0]
    values[0, :5] = np.nan
    lift = _simple(values, [{"start": 30, "end": 31}])
    assert np.isnan(lift.cleaned.values[0, [0, 1, 2, 3, 4, 30]]).all()
    assert lift.cleaned.values[0, 31] == pytest.approx(100.0)
    assert np.exp(lift.events["log_lift"][0]) == pytest.approx(2.0)


def test_a_holiday_that_everything_has_is_not_taken_for_lift() -> None:
    values = _flat(series=30)
    values[:, 30] = 180.0
    values[0, 30] = 360.0
    lift = _simple(values, [{"start": 30, "end": 30}])
    assert np.exp(lift.events["log_lift"][0]) == pytest.approx(2.0, rel=0.05)
    assert lift.cleaned.values[0, 30] == pytest.approx(180.0, rel=0.05)


def test_a_trend_is_not_taken_for_lift() -> None:
    values = np.linspace(50.0, 150.0, 60)[None, :]
    expected = values[0, 30]
    values[0, 30] *= 1.5
    lift = _simple(values, [{"start": 30, "end": 30}])
    assert lift.events["baseline"][0] == pytest.approx(expected, rel=0.06)


def test_days_after_weekdays_are_judged_by_their_weekday() -> None:
    week = np.array([80.0, 80, 80, 80, 120, 160, 100])
    values = np.tile(week, 30)[None, :].repeat(5, axis=0)
    truth = values[0, 152:155].copy()
    values[0, 152:155] *= 2.0
    lift = _simple(values, [{"start": 152, "end": 154}], bucket="day")
    np.testing.assert_allclose(lift.cleaned.values[0, 152:155], truth, rtol=0.05)


def test_months_are_covered_by_days() -> None:
    values = _flat(36)
    values[0, 20] = 150.0
    lift = _simple(values, [{"start": 20, "end": 20}], bucket="month")
    assert lift.cleaned.values[0, 20] == pytest.approx(100.0, rel=0.02)


def test_a_part_of_a_week_counts_by_its_days() -> None:
    values = _flat()
    values[0, 30] = 100.0 * (1 + 3 / 7)
    dates = bucket_range(AS_OF - dt.timedelta(weeks=60), 60, "week")
    campaigns = table(
        "campaigns",
        [{"campaign": "C", "kind": "price", "start": dates[30], "end": dates[30] + pd.Timedelta(days=2),
          "discount_rate": 0.2}],
    )  # fmt: skip
    items = table("items", [{"sku": "A"}])
    lift = fit_lift(
        Panel(pd.DataFrame({"sku": ["A"], "warehouse": ["W"]}), dates, values.astype(np.float32)), campaigns,
        table("campaign_items", [{"campaign": "C", "sku": "A"}]), items, table("locations", [{"location": "W"}]),
        SETTINGS, as_of=AS_OF, bucket="week",
    )  # fmt: skip
    assert np.exp(lift.events["log_lift"][0]) == pytest.approx(2.0, rel=0.01)


def test_the_dip_after_a_campaign_is_filled_again() -> None:
    values = _flat(series=1)
    values[0, 30:32] = 250.0
    values[0, 32:35] = 75.0
    settings = replace(SETTINGS, prior_events=0.0)
    lift = _simple(values, [{"start": 30, "end": 31}], settings=settings)
    np.testing.assert_allclose(lift.cleaned.values[0, 30:35], 100.0, rtol=0.02)
    assert lift.events["dip_share"][0] == pytest.approx(0.25, abs=0.01)


def test_two_campaigns_on_one_series_count_each_day_once() -> None:
    values = _flat()
    values[0, 30:34] = 200.0
    deep = {"start": 30, "end": 33, "discount_rate": 0.4}
    lift = _simple(values, [deep, {"start": 31, "end": 32, "discount_rate": 0.1}])
    assert lift.events["excess"].sum() == pytest.approx(400.0, rel=0.01)
    weak = lift.events[lift.events["campaign"] == "C1"].iloc[0]
    assert weak["buckets"] == 0
    assert weak["note"] == "a stronger campaign ran on the same days"


def test_a_campaign_across_the_as_of_date_teaches_with_its_past_weeks() -> None:
    values = _flat()
    values[0, 58:60] = 200.0
    dates = bucket_range(AS_OF - dt.timedelta(weeks=60), 64, "week")
    campaigns = table(
        "campaigns",
        [{"campaign": "C", "kind": "price", "start": dates[58], "end": dates[62], "discount_rate": 0.2}],
    )
    lift = fit_lift(
        Panel(pd.DataFrame({"sku": ["A"], "warehouse": ["W"]}), dates[:60], values.astype(np.float32)), campaigns,
        table("campaign_items", [{"campaign": "C", "sku": "A"}]), table("items", [{"sku": "A"}]),
        table("locations", [{"location": "W"}]), SETTINGS, as_of=AS_OF, bucket="week",
    )  # fmt: skip
    assert lift.events["buckets"].tolist() == [2.0]
    np.testing.assert_allclose(lift.cleaned.values[0], 100.0, rtol=0.01)


def test_a_series_that_is_always_promoted_is_left_alone_and_named() -> None:
    lift = _simple(_flat(level=50.0), [{"start": 0, "end": 59}])
    np.testing.assert_array_equal(lift.cleaned.values, 50.0)
    assert lift.events["note"].tolist() == ["nothing unpromoted to compare with"]
    assert set(lift.lift["level"]) == {"prior"}


def test_a_series_without_any_sale_teaches_nothing() -> None:
    lift = _simple(_flat(level=0.0, series=2), [{"start": 30, "end": 31}])
    np.testing.assert_array_equal(lift.cleaned.values, 0.0)
    assert lift.events["log_lift"].isna().all()
    assert np.isfinite(lift.lift[["log_lift", "sd"]].to_numpy()).all()


def test_a_sku_without_history_changes_nothing() -> None:
    lift = _simple(_flat(), [{"start": 30, "end": 31, "sku": "Z"}])
    assert lift.events.empty
    np.testing.assert_array_equal(lift.cleaned.values, 100.0)


def test_a_campaign_elsewhere_does_not_touch_the_series() -> None:
    values = _flat()
    assert _simple(values, [{"start": 30, "end": 31, "country": "FR"}]).events.empty
    assert len(_simple(values, [{"start": 30, "end": 31, "country": "DE"}]).events) == 1
    assert _simple(values, [{"start": 30, "end": 31}], warehouse="V").events.empty


def test_the_promotional_price_tells_the_depth() -> None:
    lift = _simple(_flat(), [{"start": 30, "end": 31, "discount_rate": 0.1}], promo_price=7.0)
    assert lift.events["depth"].tolist() == pytest.approx([0.3])


def test_lift_is_that_of_those_addressed() -> None:
    values = _flat()
    values[0, 30] = 140.0
    sent = {"start": 30, "end": 30, "kind": "email", "holdout_share": 0.2}

    def lift_of(row: dict[str, Any], customers: int) -> float:
        people = {"customer": [f"c{n}" for n in range(customers)], "country": ["DE", "CH"] * (customers // 2),
                  "region": "", "created_on": pd.Timestamp("2020-01-01")}  # fmt: skip
        events = _simple(values, [row], customers=pd.DataFrame(people)).events
        return float(np.exp(events["log_lift"][0]))

    assert lift_of(sent | {"audience_size": 200}, 100) == pytest.approx(1.5, rel=0.01)
    assert lift_of(sent | {"audience_size": 50}, 100) == pytest.approx(2.0, rel=0.01)
    assert lift_of(sent | {"audience_size": 50, "country": "DE"}, 200) == pytest.approx(2.0, rel=0.01)
    assert lift_of(sent, 100) == pytest.approx(1.0 + 0.4 / (USUAL_SHARE * 0.8), rel=0.01)
    nobody = _simple(values, [sent | {"holdout_share": 1.0}])
    assert nobody.events["note"].tolist() == ["nobody was addressed"]


def test_a_gain_that_fades_is_learnt_and_projected_so() -> None:
    promoted = [{"start": 30, "end": 32, "sku": chr(65 + n)} for n in range(12)]
    values = _flat(series=26)
    values[:12, 30:36] = (160.0, 140.0, 120.0, 85.0, 91.0, 94.0)
    faded = _simple(values, promoted).lift[["slope", "dip_slope"]].drop_duplicates()
    assert faded.to_numpy().tolist() == [pytest.approx([-0.75, -0.675], abs=0.08)]
    values[:12, 30:36] = (140.0, 140.0, 140.0, 90.0, 90.0, 90.0)
    even = _simple(values, promoted).lift[["slope", "dip_slope"]].drop_duplicates()
    assert even.to_numpy().tolist() == [pytest.approx([0.0, 0.0], abs=0.15)]


def test_no_buckets_at_all_are_no_history() -> None:
    empty = Panel(
        pd.DataFrame({"sku": ["A"], "warehouse": ["W"]}), bucket_range(AS_OF, 0, "week"), np.zeros((1, 0), np.float32)
    )
    world = make_world(1)
    lift = fit_lift(
        empty, world.campaigns, world.campaign_items, world.items, world.locations, SETTINGS, as_of=AS_OF, bucket="week"
    )
    assert lift.cleaned is empty
