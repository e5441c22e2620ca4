"""What the truth says is really in the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.demo.world import World

KEY = ["sku", "warehouse", "date"]
TODAY = pd.Timestamp("2026-03-02")


@pytest.fixture(scope="module")
def sold(world: World) -> pd.DataFrame:
    """Truth of the past beside what was sold; a week without a row sold nothing, on a full shelf."""
    truth = world.truth["demand"].astype({"sku": str, "warehouse": str})
    sales = world.tables["sales"].astype({"sku": str, "warehouse": str})
    sales = sales[sales["returned"] == 0]
    both = truth[truth["date"] < TODAY].merge(sales, on=KEY, how="left")
    return both.fillna({"quantity": 0.0, "in_stock": 1.0})


def promoted(world: World, code: str) -> pd.DataFrame:
    campaign = world.tables["campaigns"].set_index("campaign").loc[code]
    lifts = world.truth["lifts"].query("campaign == @code")
    weeks = pd.date_range(campaign["start"], campaign["end"], freq="W-MON", unit="ns")
    return lifts.merge(pd.DataFrame({"date": weeks}), how="cross")


def test_promotions_lift_sales_as_the_truth_says(world: World, sold: pd.DataFrame) -> None:
    campaigns = world.tables["campaigns"].query("kind == 'price' and status == 'done'")["campaign"]
    cells = pd.concat([promoted(world, code) for code in campaigns]).groupby(KEY, as_index=False)["lift"].sum()
    full = sold[sold["in_stock"] == 1].merge(cells, on=KEY)
    ratio = full["quantity"].sum() / full["base"].sum()
    truth = (full["base"] * (1 + full["lift"])).sum() / full["base"].sum()
    assert truth > 1.5
    assert ratio == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("code", ["SPRING24", "SPRING25", "CLEAN24", "XMAS24", "SUMMER24"])
def test_each_named_campaign_shows_its_own_lift(world: World, sold: pd.DataFrame, code: str) -> None:
    full = sold[sold["in_stock"] == 1].merge(promoted(world, code), on=KEY)
    full = full.merge(world.truth["series"][["sku", "warehouse", "dispersion"]], on=["sku", "warehouse"])
    gross = full["base"] * full["lift"]
    variance = full["mean"] + full["base"] ** 2 / full["dispersion"] + gross**2 / 12
    assert gross.sum() > 0.4 * full["base"].sum()
    assert abs(full["quantity"].sum() - full["mean"].sum()) < 3.5 * np.sqrt(variance.sum())
    assert full["quantity"].sum() > full["base"].sum() + 3.5 * np.sqrt(variance.sum())


def test_weeks_after_a_campaign_dip(world: World, sold: pd.DataFrame) -> None:
    effects = world.truth["effects"]
    dips = (
        effects[(effects["pulled_forward"] > 0) & (effects["date"] < TODAY)].groupby(KEY, as_index=False).sum("gross")
    )
    alone = dips[dips["gross"] == 0]
    full = sold[sold["in_stock"] == 1].merge(alone, on=KEY)
    assert full["mean"].sum() < 0.95 * full["base"].sum()
    assert full["quantity"].sum() == pytest.approx(full["mean"].sum(), rel=0.05)


def test_neighbours_of_promoted_skus_lose(world: World, sold: pd.DataFrame) -> None:
    eaten = world.truth["effects"].query("cannibalised > 0").groupby(KEY, as_index=False)["cannibalised"].sum()
    full = sold[sold["in_stock"] == 1].merge(eaten, on=KEY)
    assert full["quantity"].sum() < 0.97 * full["base"].sum()


def test_a_cancelled_campaign_does_nothing(world: World, sold: pd.DataFrame) -> None:
    truth = world.truth["campaigns"].set_index("campaign")
    assert truth.loc["CARN25", "gross"] == 0
    skus = world.tables["campaign_items"].query("campaign == 'CARN25'")["sku"]
    weeks = pd.to_datetime(["2025-02-17", "2025-02-24"])
    some = sold[sold["sku"].isin(skus) & sold["date"].isin(weeks) & (sold["in_stock"] == 1)]
    assert len(some) > 10
    assert some["quantity"].sum() == pytest.approx(some["mean"].sum(), rel=0.15)
    assert (some["unit_price"].dropna() == some["list_price"].dropna()).all()


def test_discounts_stand_in_the_prices(world: World, sold: pd.DataFrame) -> None:
    cells = sold.merge(promoted(world, "SPRING25"), on=KEY).dropna(subset=["unit_price"])
    depth = 1 - cells["unit_price"] / cells["list_price"]
    assert np.allclose(depth, 0.25, atol=0.02)


def test_campaign_parts_add_up(world: World) -> None:
    truth = world.truth["campaigns"]
    net = truth["gross"] - truth["pulled_forward"] - truth["cannibalised"]
    assert np.allclose(truth["net"], net, atol=0.01)
    sums = world.truth["effects"].groupby("campaign")[["gross", "pulled_forward", "cannibalised"]].sum()
    table = truth.set_index("campaign").loc[sums.index, sums.columns]
    assert np.allclose(table, sums, atol=0.01)


def test_the_mean_is_base_plus_effects_without_drafts(world: World) -> None:
    effects = world.truth["effects"].query("campaign != 'SPRING'")
    sums = effects.groupby(KEY, as_index=False)[["gross", "pulled_forward", "cannibalised"]].sum()
    truth = world.truth["demand"].astype({"sku": str, "warehouse": str}).merge(sums, on=KEY, how="left").fillna(0.0)
    expected = truth["base"] + truth["gross"] - truth["pulled_forward"] - truth["cannibalised"]
    assert np.allclose(truth["mean"], expected, atol=0.02)


def test_spring_changes_the_future_by_its_net_effect(world: World) -> None:
    spring = world.truth["spring"]
    assert spring["date"].min() >= pd.Timestamp("2026-04-13")
    extra = (spring["demand_with_spring"] - spring["demand"]).sum()
    net = world.truth["campaigns"].set_index("campaign").loc["SPRING", "net"]
    assert extra == pytest.approx(net, rel=0.1)


def test_stock_outs_hide_demand(sold: pd.DataFrame) -> None:
    empty = sold["in_stock"] < 1
    assert 0.02 < empty.mean() < 0.08
    assert (sold["quantity"] <= sold["demand"]).all()
    assert (sold.loc[~empty, "quantity"] == sold.loc[~empty, "demand"]).all()
    share = sold.loc[empty, "quantity"].sum() / sold.loc[empty, "demand"].sum()
    assert share == pytest.approx(np.average(sold.loc[empty, "in_stock"], weights=sold.loc[empty, "demand"]), rel=0.05)


def test_hidden_units_are_counted(world: World, sold: pd.DataFrame) -> None:
    hidden = sold.assign(hidden=sold["demand"] - sold["quantity"]).groupby(["sku", "warehouse"])["hidden"].sum()
    truth = world.truth["series"].set_index(["sku", "warehouse"])["hidden"]
    assert (hidden.reindex(truth.index, fill_value=0) == truth).all()


def test_demand_has_its_stated_mean(world: World) -> None:
    truth = world.truth["demand"]
    assert truth["demand"].sum() == pytest.approx(truth["mean"].sum(), rel=0.02)


def test_classes_show_in_the_demand(world: World) -> None:
    truth = world.truth["demand"].astype({"sku": str, "warehouse": str})
    full = truth[truth["base"] > 0.5 * truth.groupby(["sku", "warehouse"])["base"].transform("mean")]
    zero = full.assign(zero=full["demand"] == 0).groupby(["sku", "warehouse"])["zero"].mean().rename("zero")
    classes = world.truth["series"].join(zero, on=["sku", "warehouse"]).groupby("demand_class")["zero"].mean()
    assert classes["smooth"] < 0.05
    assert classes["intermittent"] > 0.5
    assert classes["lumpy"] > 0.5


def test_seasons_peak_when_they_should(world: World) -> None:
    truth = world.truth["demand"].merge(world.tables["item_features"][["sku", "product"]], on="sku")
    monthly = truth.groupby(["product", truth["date"].dt.month])["base"].mean().unstack()
    assert monthly.loc["strawberries"].idxmax() in (5, 6, 7)
    assert monthly.loc["milk chocolate"].idxmax() == 12
    assert monthly.loc["potting soil"].idxmax() in (4, 5)


def test_a_new_item_takes_over_from_the_old_one(world: World) -> None:
    items = world.tables["items"]
    new = items[items["predecessor"] != ""].iloc[0]
    dates = world.tables["sales"].groupby("sku", observed=True)["date"]
    assert dates.max()[new["predecessor"]] < dates.min()[new["sku"]]


def test_one_supplier_is_later_than_agreed(world: World) -> None:
    receipts = world.tables["receipts"]
    days = (receipts["received_on"] - receipts["ordered_on"]).dt.days / (
        receipts["promised_on"] - receipts["ordered_on"]
    ).dt.days
    ratio = days.groupby(receipts["source"]).mean()
    assert ratio["S-ARDE"] > 1.15
    assert ratio.drop("S-ARDE").between(0.85, 1.12).all()


def test_receipts_follow_the_stated_lead_times(world: World) -> None:
    receipts = world.tables["receipts"].drop_duplicates("order_id")
    took = (receipts["received_on"] - receipts["ordered_on"]).dt.days
    seen = took.groupby([receipts["source"], receipts["destination"]]).agg(["mean", "count"])
    truth = world.truth["lead_times"].set_index(["source", "destination"])
    both = seen.join(truth)
    error = (both["mean"] - both["mean_days"]).abs()
    assert (error < 4 * both["sd_days"] / np.sqrt(both["count"]) + 0.6).all()


def test_messages_move_those_who_got_them(world: World) -> None:
    table = world.tables["assignments"]
    rate = table.groupby(table["arm"] == "control")["conversion"].mean()
    added = world.truth["response"]["conversion_added"].mean()
    assert rate[False] - rate[True] == pytest.approx(added, abs=0.03)
    allowed = world.tables["customers"].set_index("customer")
    mailed = table[table["arm"] == "email"]["customer"]
    assert allowed.loc[mailed, "consent_email"].all()


def test_order_lines_are_a_sample_of_the_sales(world: World) -> None:
    sales = world.tables["sales"].query("returned == 0").groupby("sku", observed=True)["quantity"].sum()
    lines = world.tables["order_lines"].groupby("sku")["quantity"].sum().reindex(sales.index.astype(str), fill_value=0)
    assert np.corrcoef(np.sqrt(sales.to_numpy()), np.sqrt(lines.to_numpy()))[0, 1] > 0.8
    assert lines.sum() < sales.sum()


def test_customers_are_keyed_hashes(world: World) -> None:
    customers = world.tables["customers"]["customer"]
    assert customers.is_unique
    assert customers.str.fullmatch("[0-9a-f]{16}").all()
