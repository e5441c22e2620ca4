"""Planned campaigns: what they add, what it costs elsewhere and later, and how sure that is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from planner.marketing import project_uplift
from planner.marketing.parts import COLUMNS
from planner.marketing.pool import learn, no_evidence, with_shares
from planner.periods import Bucket, bucket_range
from planner.settings import CampaignSettings
from planner.tables import QUANTILE_COLUMNS
from tests.marketing.test_fit import fit
from tests.marketing.world import AS_OF, World, make_world, table

SETTINGS = CampaignSettings()
KEY = ["campaign", "sku", "warehouse", "date"]
WEEKS = bucket_range(AS_OF, 12, "week")


def project(world: World, settings: CampaignSettings = SETTINGS, taken: float | None = None) -> pd.DataFrame:
    """`taken`: the share that promotions take from their category, instead of what the past says."""
    lift = fit(world, settings).lift
    if taken is not None:
        lift = with_shares(lift, pd.DataFrame({"category": [""], "share": [taken], "sd": [0.0]}))
    return project_uplift(
        lift, world.forecast, world.campaigns, world.campaign_items, world.items, world.locations,
        settings, as_of=AS_OF, bucket="week",
    )  # fmt: skip


def check_form(uplift: pd.DataFrame) -> None:
    """What holds for every uplift table."""
    assert list(uplift.columns) == list(COLUMNS)
    net = uplift["gross"] - uplift["cannibalised"] + uplift["halo"] - uplift["pulled_forward"]
    assert (net == uplift["net"]).all()
    assert not uplift.duplicated(KEY).any()
    pd.testing.assert_frame_equal(uplift, uplift.sort_values(KEY, ignore_index=True))
    numbers = uplift.drop(columns=[*KEY, "evidence"])
    assert (numbers.dtypes == "float64").all()
    assert np.isfinite(numbers.to_numpy()).all()
    assert (np.diff(uplift[list(QUANTILE_COLUMNS)].to_numpy(), axis=1) >= 0).all()
    assert (uplift["evidence"] != "").all()
    assert uplift["date"].dtype == "datetime64[ns]"


def test_the_parts_add_up_and_the_total_is_right() -> None:
    ratios = []
    for seed in range(1, 5):
        world = make_world(seed)
        uplift = project(world)
        check_form(uplift)
        per_cell = uplift.groupby(KEY[1:], as_index=False)["net"].sum()
        both = per_cell.merge(world.net, on=KEY[1:], suffixes=("", "_true"))
        assert len(both) == len(world.net)
        ratios.append(both["net"].sum() / both["net_true"].sum())
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.1)


def test_the_band_of_net_covers_eight_in_ten() -> None:
    inside = []
    for seed in range(1, 9):
        world = make_world(seed)
        uplift = project(world)
        alone = uplift[~uplift.duplicated(KEY[1:], keep=False)]
        both = alone.merge(world.net, on=KEY[1:], suffixes=("", "_true"))
        inside.append((both["net_true"] >= both["q0.10"]) & (both["net_true"] <= both["q0.90"]))
    assert 0.7 < np.concatenate(inside).mean() < 0.9


def test_what_is_bought_ahead_is_missing_after_the_end() -> None:
    world = make_world(1, planned=1)
    uplift = project(world)
    end = world.campaigns["end"].max()
    after = uplift[uplift["date"] > end]
    assert (after["net"] < 0).all()
    assert (after["date"] <= end + pd.Timedelta(weeks=3)).all()
    category = world.items.set_index("sku")["category"]
    told = fit(world).lift.query("kind == 'price' and level == 'category'").set_index("key")["pull_forward"]
    shares = uplift.groupby(uplift["sku"].map(category))[["pulled_forward", "gross"]].sum()
    shares = shares[shares["gross"] > 0]
    assert (shares["pulled_forward"] / shares["gross"]).to_dict() == pytest.approx(told.reindex(shares.index).to_dict())
    weeks = after.groupby("date")["pulled_forward"].sum()
    assert weeks.max() < 1.05 * weeks.min()
    assert after["evidence"].str.contains("bought ahead").all()


def test_other_skus_lose_and_gain_their_shares() -> None:
    world = make_world(1, planned=1)
    uplift = project(world, replace(SETTINGS, halo_share=0.1), taken=0.3)
    check_form(uplift)
    gross = uplift["gross"].sum()
    assert uplift["cannibalised"].sum() == pytest.approx(0.3 * gross)
    assert uplift["halo"].sum() == pytest.approx(0.1 * gross)
    promoted = set(world.campaign_items.loc[world.campaign_items["campaign"] == "C14", "sku"])
    beside = uplift[uplift["cannibalised"] > 0]
    assert not promoted & set(beside["sku"])
    category = world.items.set_index("sku")["category"]
    assert set(beside["sku"].map(category)) == {category[sku] for sku in promoted}
    assert beside["evidence"].str.contains("promotes beside it").all()


def _one(
    campaigns: list[dict[str, Any]], base: dict[str, float], items: list[dict[str, Any]] | None = None,
    promoted: list[dict[str, Any]] | None = None, settings: CampaignSettings = SETTINGS, bucket: Bucket = "week",
) -> pd.DataFrame:  # fmt: skip
    """Uplift from the built-in prior on flat series; base names "SKU@WAREHOUSE"; campaigns promote A everywhere."""
    dates = bucket_range(AS_OF, 12, bucket)
    rows = [(*name.split("@"), date, level, level) for name, level in base.items() for date in dates]
    forecast = pd.DataFrame(rows, columns=["sku", "warehouse", "date", "mean", "variance"]).assign(method="truth")
    named = [{"kind": "price", "discount_rate": 0.2, "campaign": f"C{i}"} | row for i, row in enumerate(campaigns)]
    catalogue = table("items", items or [{"sku": "A"}])
    places = sorted({name.split("@")[1] for name in base})
    return project_uplift(
        learn(no_evidence(), catalogue, settings), forecast, table("campaigns", named),
        table("campaign_items", promoted or [{"campaign": row["campaign"], "sku": "A"} for row in named]), catalogue,
        table("locations", [{"location": place, "kind": "warehouse", "country": place[0]} for place in places]),
        settings, as_of=AS_OF, bucket=bucket,
    )  # fmt: skip


def _week(first: int, last: int | None = None) -> dict[str, Any]:
    return {"start": WEEKS[first], "end": WEEKS[last if last is not None else first] + pd.Timedelta(days=6)}


def test_without_any_past_campaign_the_built_in_prior_is_named_and_wide() -> None:
    uplift = _one([_week(2) | {"discount_rate": 0.25}], {"A@W": 100.0})
    check_form(uplift)
    row = uplift.iloc[0]
    assert "no past price campaign: built-in prior" in row["evidence"]
    assert row["gross"] == pytest.approx(100.0 * (0.75**-2.6 * np.exp(0.35**2 / 2) - 1.0))
    assert row["q0.10"] < 0.45 * row["q0.90"]


def test_a_deeper_discount_adds_more() -> None:
    gross = [
        _one([_week(2) | {"discount_rate": d}], {"A@W": 100.0})["gross"].sum() for d in (0.0, 0.07, 0.1, 0.22, 0.3)
    ]
    assert gross == sorted(gross)
    assert len(set(gross)) == 5


def test_a_discount_beyond_reason_is_held_at_the_deepest_band() -> None:
    deep = [_one([_week(2) | {"discount_rate": d}], {"A@W": 100.0})["gross"].sum() for d in (0.6, 0.9, 1.2)]
    assert deep[0] == pytest.approx(deep[1]) == pytest.approx(deep[2])


def test_part_of_a_week_adds_its_share() -> None:
    whole = _one([_week(2)], {"A@W": 100.0})["gross"].sum()
    days = {"start": WEEKS[2] + pd.Timedelta(days=5), "end": WEEKS[3] + pd.Timedelta(days=1)}
    part = _one([days], {"A@W": 100.0}).set_index("date")["gross"]
    assert part[WEEKS[2]] == pytest.approx(whole * 2 / 7)
    assert part[WEEKS[3]] == pytest.approx(whole * 2 / 7)


@pytest.mark.parametrize("bucket", ["day", "week", "month"])
def test_every_bucket_gives_the_same_units(bucket: Bucket) -> None:
    level: dict[Bucket, float] = {"day": 10.0, "week": 70.0, "month": 310.0}
    start = pd.Timestamp("2026-03-02")
    week = {"start": start, "end": start + pd.Timedelta(days=6), "discount_rate": 0.25}
    uplift = _one([week], {"A@W": level[bucket]}, bucket=bucket)
    check_form(uplift)
    assert uplift["gross"].sum() == pytest.approx(70.0 * 0.75**-2.6 * np.exp(0.35**2 / 2) - 70.0)


def test_a_running_campaign_adds_its_remaining_weeks_and_its_whole_dip() -> None:
    running = {"start": WEEKS[0] - pd.Timedelta(weeks=1), "end": WEEKS[0] + pd.Timedelta(days=6)}
    uplift = _one([running], {"A@W": 100.0})
    ahead = _one([_week(1, 2)], {"A@W": 100.0})
    assert uplift["gross"].sum() == pytest.approx(ahead["gross"].sum() / 2)
    assert uplift["pulled_forward"].sum() == pytest.approx(ahead["pulled_forward"].sum())


def test_a_campaign_that_has_just_ended_still_has_its_dip() -> None:
    over = {"start": WEEKS[0] - pd.Timedelta(weeks=1), "end": WEEKS[0] - pd.Timedelta(days=1), "status": "done"}
    uplift = _one([over], {"A@W": 100.0})
    assert uplift["gross"].eq(0.0).all()
    assert uplift["date"].tolist() == list(WEEKS[:3])
    assert (uplift["net"] < 0).all()
    long_over = {name: day - pd.Timedelta(weeks=4) for name, day in over.items() if name != "status"}
    assert _one([long_over], {"A@W": 100.0}).empty


def test_of_two_campaigns_on_one_sku_the_stronger_counts() -> None:
    strong, weak = _week(2, 3) | {"discount_rate": 0.3}, _week(3, 4) | {"discount_rate": 0.1}
    both = _one([weak, strong], {"A@W": 100.0})
    check_form(both)
    alone = _one([strong], {"A@W": 100.0})
    assert both[both["campaign"] == "C1"]["gross"].sum() == pytest.approx(alone["gross"].sum())
    minor = both[(both["campaign"] == "C0") & both["date"].isin(WEEKS[3:5])].set_index("date")
    assert minor.loc[WEEKS[3], "gross"] == 0.0
    assert minor.loc[WEEKS[4], "gross"] > 0.0
    assert minor["evidence"].str.contains("gives way to a stronger campaign on 7 days").all()


def test_no_series_loses_more_than_its_base() -> None:
    settings = replace(SETTINGS, pull_forward_share=0.9, cannibalised_share=0.9)
    items = [{"sku": "A", "category": "x"}, {"sku": "B", "category": "x"}]
    uplift = _one([_week(1, 4) | {"discount_rate": 0.5}], {"A@W": 100.0, "B@W": 5.0}, items, settings=settings)
    check_form(uplift)
    assert (uplift["cannibalised"] + uplift["pulled_forward"] <= uplift["base"] + 1e-9).all()
    assert uplift["net"].min() == pytest.approx(-100.0)


def test_the_holdout_is_not_addressed() -> None:
    mail = _week(2) | {"kind": "email"}
    full, held = (_one([mail | {"holdout_share": share}], {"A@W": 100.0}) for share in (0.0, 0.25))
    assert held["gross"].sum() == pytest.approx(0.75 * full["gross"].sum())
    shelf = _one([_week(2) | {"holdout_share": 0.25}], {"A@W": 100.0})
    assert shelf["gross"].sum() == pytest.approx(_one([_week(2)], {"A@W": 100.0})["gross"].sum())


def test_country_and_warehouse_restrict() -> None:
    base = {"A@D1": 100.0, "A@D2": 100.0, "A@F1": 100.0}
    assert set(_one([_week(2) | {"country": "D"}], base)["warehouse"]) == {"D1", "D2"}
    named = [{"campaign": "C0", "sku": "A", "warehouse": "F1"}]
    assert set(_one([_week(2)], base, promoted=named)["warehouse"]) == {"F1"}
    assert _one([_week(2) | {"country": "D"}], base, promoted=named).empty


def test_a_row_for_one_warehouse_goes_before_the_row_for_all() -> None:
    rows = [{"campaign": "C0", "sku": "A", "promo_price": 9.0},
            {"campaign": "C0", "sku": "A", "warehouse": "W2", "promo_price": 6.0}]  # fmt: skip
    uplift = _one([_week(2)], {"A@W1": 100.0, "A@W2": 100.0}, [{"sku": "A", "unit_price": 10.0}], rows)
    gross = uplift.groupby("warehouse")["gross"].sum()
    assert gross["W2"] > 3 * gross["W1"]


def test_a_sku_that_never_sold_takes_the_level_of_like_items_and_says_so() -> None:
    items = [{"sku": name, "category": "x" if name in "ABC" else "y"} for name in "ABCD"]
    base = {"B@W": 40.0, "C@W": 60.0, "D@W": 900.0, "D@V": 900.0}
    new = _one([_week(2)], base, items).query("gross > 0")
    assert new["warehouse"].tolist() == ["W"]
    assert new["base"].tolist() == [50.0]
    assert new["evidence"].str.contains("never sold: level is the median of 2 items of category x at W").all()
    listed = _one([_week(2)], base | {"A@W": 0.0}, items).query("gross > 0")
    assert listed["base"].tolist() == [50.0]
    known = _one([_week(2)], base | {"A@W": 50.0}, items).query("gross > 0")
    assert new["variance"].iloc[0] > 1.5 * known["variance"].iloc[0]


def test_what_is_no_longer_sold_stays_at_nothing() -> None:
    items = [{"sku": "A", "category": "x", "end_date": WEEKS[1]}, {"sku": "B", "category": "x"}]
    uplift = _one([_week(2)], {"A@W": 0.0, "B@W": 100.0}, items)
    assert uplift["gross"].sum() == 0.0


def test_a_zero_baseline_beside_others_adds_nothing() -> None:
    uplift = _one([_week(2)], {"A@W": 100.0, "A@V": 0.0})
    check_form(uplift)
    assert uplift[uplift["warehouse"] == "V"]["gross"].eq(0.0).all()


_BEYOND = {"start": WEEKS[11] + pd.Timedelta(weeks=9), "end": WEEKS[11] + pd.Timedelta(weeks=10)}


@pytest.mark.parametrize("change", [{"status": "draft"}, {"status": "cancelled"}, _BEYOND])
def test_what_does_not_run_in_the_horizon_adds_nothing(change: dict[str, Any]) -> None:
    uplift = _one([_week(2) | change], {"A@W": 100.0})
    assert uplift.empty
    assert list(uplift.columns) == list(COLUMNS)
    assert uplift["date"].dtype == "datetime64[ns]"


def test_switched_off_campaigns_add_nothing() -> None:
    assert _one([_week(2)], {"A@W": 100.0}, settings=replace(SETTINGS, enabled=False)).empty
    assert _one([_week(2)], {"A@W": 100.0}, promoted=[{"campaign": "C0", "sku": "Z", "warehouse": "X"}]).empty


def test_without_pull_forward_nothing_is_missing_later() -> None:
    uplift = _one([_week(2)], {"A@W": 100.0}, settings=replace(SETTINGS, pull_forward_weeks=0))
    assert uplift["date"].tolist() == [WEEKS[2]]
    assert uplift["pulled_forward"].eq(0.0).all()


def test_the_order_of_rows_changes_nothing() -> None:
    world = make_world(1)
    settings = replace(SETTINGS, halo_share=0.1)
    turned = replace(
        world,
        forecast=world.forecast.iloc[::-1],
        campaigns=world.campaigns.iloc[::-1],
        campaign_items=world.campaign_items.iloc[::-1],
    )
    pd.testing.assert_frame_equal(project(world, settings, 0.2), project(turned, settings, 0.2), check_exact=True)
