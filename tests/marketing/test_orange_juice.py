"""Dominick's orange juice: lift shrunk by evidence against own history alone, on later weeks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.marketing import fit_lift, project_uplift
from planner.panel import Panel
from planner.settings import CampaignSettings
from tests.marketing.world import table

FIRST = pd.Timestamp("1990-01-01")
STORES, WEEKS_AHEAD = 15, 4
BRANDS = ("tropicana", "tropicana", "florida", "minute", "minute", "citrus", "tree", "gold", "own", "own", "house")


@pytest.fixture(scope="module")
def juice(real_data: Path) -> pd.DataFrame:
    """Store, brand and week: units, depth of the price cut, kind of promotion ("" for none)."""
    rows = pd.read_csv(real_data / "orange_juice" / "weekly.csv.gz")
    rows = rows[rows["store"].isin(sorted(rows["store"].unique())[:STORES])].reset_index(drop=True)
    prices = rows[[f"price{brand}" for brand in range(1, 12)]].to_numpy()
    price = pd.Series(prices[np.arange(len(rows)), rows["brand"] - 1])
    rows = pd.DataFrame(
        {
            "sku": "B" + rows["brand"].astype(str).str.zfill(2),
            "warehouse": "S" + rows["store"].astype(str),
            "date": FIRST + pd.to_timedelta(7 * (rows["week"] - rows["week"].min()), unit="D"),
            "units": np.exp(rows["logmove"]),
            "price": price,
            "feature": rows["feat"] > 0.5,
        }
    )
    usual = rows.groupby(["sku", "warehouse"])["price"].transform(lambda prices: prices.quantile(0.75))
    rows = rows.assign(depth=(1.0 - rows["price"] / usual).clip(0.0, 0.9))
    return rows.assign(kind=np.where(rows["feature"], "feature", np.where(rows["depth"] > 0.05, "price", "")))


def _campaigns(juice: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One campaign a brand, week, kind and depth, on the stores that had it."""
    runs = juice[juice["kind"] != ""]
    step = (runs["depth"] * 20).round().astype(int).astype(str)
    runs = runs.assign(campaign=runs["kind"] + runs["sku"] + runs["date"].dt.strftime("-%Y%m%d-") + step)
    heads = runs.groupby("campaign", as_index=False).agg(
        kind=("kind", "first"), start=("date", "first"), discount_rate=("depth", "mean")
    )
    heads = heads.assign(end=heads["start"] + pd.Timedelta(days=6), status="done")
    return table("campaigns", heads.to_dict("records")), runs[["campaign", "sku", "warehouse"]]


def _window(juice: pd.DataFrame, weeks: int) -> tuple[float, float, float]:
    """Absolute errors of shrunk lift and of own history alone, and units, over the weeks after the first `weeks`."""
    today = FIRST + pd.Timedelta(weeks=weeks)
    wide = juice.pivot(index=["sku", "warehouse"], columns="date", values="units")
    history = wide.reindex(columns=pd.date_range(FIRST, today - pd.Timedelta(weeks=1), freq="W-MON"))
    keys = history.index.to_frame(index=False)
    campaigns, promoted = _campaigns(juice)
    promoted = table("campaign_items", promoted.to_dict("records"))
    items = table("items", [{"sku": f"B{i:02d}", "category": "juice", "brand": b} for i, b in enumerate(BRANDS, 1)])
    places = table("locations", [{"location": name, "kind": "store"} for name in sorted(keys["warehouse"].unique())])
    settings = CampaignSettings(pull_forward_share=0.1)
    panel = Panel(keys, pd.DatetimeIndex(history.columns), history.to_numpy(np.float32))
    known = (promoted, items, places, settings)
    lift = fit_lift(panel, campaigns, *known, as_of=today.date(), bucket="week")
    level = np.nan_to_num(np.nanmean(lift.cleaned.values[:, -12:], axis=1)).astype(float)
    ahead = pd.date_range(today, periods=WEEKS_AHEAD, freq="W-MON")
    forecast = keys.loc[keys.index.repeat(WEEKS_AHEAD)].assign(date=np.tile(ahead, len(keys)))
    forecast = forecast.assign(mean=level.repeat(WEEKS_AHEAD), variance=level.repeat(WEEKS_AHEAD), method="level")
    uplift = project_uplift(lift.lift, forecast, campaigns, *known, as_of=today.date(), bucket="week")
    own = lift.events.groupby(["sku", "warehouse"])["log_lift"].mean().rename("own").reset_index()
    seen = uplift[uplift["gross"] != 0].merge(juice[["sku", "warehouse", "date", "units"]]).merge(own, how="left")
    shrunk = (seen["base"] + seen["gross"] - seen["units"]).abs().sum()
    alone = (seen["base"] * np.exp(seen["own"].fillna(0.0)) - seen["units"]).abs().sum()
    return float(shrunk), float(alone), float(seen["units"].sum())


def test_shrunk_lift_beats_own_history_alone(juice: pd.DataFrame) -> None:
    shrunk, alone, units = np.sum([_window(juice, weeks) for weeks in (20, 30, 40)], axis=0)
    assert shrunk < alone
    assert shrunk / units < 0.75
