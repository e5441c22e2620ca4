"""The lift of a promotion on an item that never had one, from promotions of others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.pool import learn, look_up
from planner.settings import CampaignSettings
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]
CALM, FEWEST, LEAST_DEPTH = 10, 3, 0.05
MAKERS = ("tropicana", "tropicana", "florida", "minute", "minute", "citrus", "tree", "gold", "own", "own", "house")


@benchmark("new-campaign")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Dominick's orange juice, brands left out in turn: mean absolute error of log lift in their promoted weeks, learnt
    from those of the other ten. Lift = log units - mean log units of the store's last 10 weeks of that brand without a
    feature (at least 3); promoted: at least 5 % below the mean price of these weeks. Evidence is one row a week, brand
    and kind, over stores. Peers: no lift at all, and the mean lift of the other brands.
    """
    events = load(12 if smoke else None)
    parts = [_left_out(events, brand) for brand in sorted(events["brand"].unique())]
    error, mean, none = np.concatenate(parts, axis=1).mean(axis=1)
    return [
        Figure("mean absolute error of log lift", float(error), "", 0.555, "lower", "no lift", float(none)),
        Figure("mean absolute error of log lift", float(error), "", None, "lower", "mean of the others", float(mean)),
    ]


def load(stores: int | None) -> pd.DataFrame:
    """store, brand, week, feat, depth, lift of every promoted week."""
    rows = pd.read_csv(needed("orange_juice") / "orange_juice" / "weekly.csv.gz")
    prices = rows[[f"price{brand}" for brand in range(1, 12)]].to_numpy()
    rows = rows.assign(price=prices[np.arange(len(rows)), rows["brand"] - 1])
    rows = rows[rows["store"].isin(sorted(rows["store"].unique())[:stores])]
    rows = rows.sort_values(["store", "brand", "week"], ignore_index=True)
    before = [_calm_before(part) for _, part in rows.groupby(["store", "brand"], sort=False)]
    rows = rows.join(pd.concat(before))
    rows = rows.assign(depth=1.0 - rows["price"] / rows["calm_price"], lift=rows["logmove"] - rows["calm_log"])
    return rows[(rows["depth"] > LEAST_DEPTH) & (rows["weeks"] >= FEWEST)]


def _calm_before(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean log units and price of the last CALM weeks before each row that had no feature, and how many there were."""
    calm = (rows["feat"] <= 0.5).to_numpy()
    until = np.cumsum(calm) - calm
    since = np.maximum(until - CALM, 0)
    weeks = until - since
    sums = [np.concatenate([[0.0], np.cumsum(rows[name].to_numpy()[calm])]) for name in ("logmove", "price")]
    means = [(part[until] - part[since]) / np.maximum(weeks, 1) for part in sums]
    return pd.DataFrame({"calm_log": means[0], "calm_price": means[1], "weeks": weeks}, index=rows.index)


def _left_out(events: pd.DataFrame, brand: int) -> Floats:
    """Absolute errors [ours, mean of the others, no lift; events of the brand]."""
    kinds = np.where(events["feat"] > 0.5, "feature", "price")
    events = events.assign(kind=kinds, sku="B" + events["brand"].astype(str).str.zfill(2))
    others, own = events[events["brand"] != brand], events[events["brand"] == brand]
    items = pd.DataFrame({"sku": [f"B{n:02d}" for n in range(1, 12)], "category": "juice", "brand": MAKERS})
    asked = own[["sku", "kind", "depth"]].reset_index(drop=True)
    asked = asked.assign(category="juice", brand=MAKERS[brand - 1])
    said = look_up(learn(_evidence(others), items, CampaignSettings()), asked)["log_lift"].to_numpy(float)
    came = own["lift"].to_numpy(float)
    return np.abs(np.stack([said - came, others["lift"].mean() - came, came]))


def _evidence(events: pd.DataFrame) -> pd.DataFrame:
    """One row a week, brand and kind; noise is the variance of the mean over stores."""
    by = events.groupby(["week", "sku", "kind"])
    table = by.agg(log_lift=("lift", "mean"), depth=("depth", "mean"), count=("lift", "size")).reset_index()
    within = float(by["lift"].var().mean())
    nothing = dict.fromkeys(("age", "dip", "claim", "dip_noise", "trial"), 0.0)
    named = table["week"].astype(str) + table["kind"]
    return table.assign(campaign=named, noise=within / table["count"], covered=table["count"].astype(float), **nothing)
