"""Weekly demand under price cuts, deals and features: Dominick's orange juice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import build_history, fit_baseline
from planner.forecast.drivers import Tables
from planner.settings import ForecastSettings
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark
from tests.forecast.frames import items, stocking

Floats = npt.NDArray[np.float64]

FIRST, BEGIN = pd.Timestamp("1990-01-01"), 40
PAIRS, SMOKE_STORES = range(141, 160, 2), 8
UNSEEN = 2
KNOWN = ("price", "deal", "feature")


@benchmark("promo")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Dominick's orange juice, 83 stores x 11 brands by week: the last 10 pairs of weeks (141 to 160), each forecast
    without the two weeks before it; own prices, deal and feature are known ahead, nothing else. WAPE, bias and MAPE
    over all rows that were sold. Peer: per brand a log-linear regression with a constant for each store, own price, the
    mean price of the others, deal and feature, with half the variance of its errors added. Settings are the defaults,
    chosen on weeks before 141.
    """
    rows = load(SMOKE_STORES if smoke else None)
    pairs = list(PAIRS)[-1:] if smoke else list(PAIRS)
    asked = [rows[rows["week"].isin([week, week + 1])] for week in pairs]
    ours = pd.concat([_forecast(rows, part, week) for part, week in zip(asked, pairs, strict=True)])
    peer = pd.concat([_regressed(rows, part, week) for part, week in zip(asked, pairs, strict=True)])
    (error, bias, each), (peer_error, peer_bias, peer_each) = (_scored(part) for part in (ours, peer))
    name = "log-linear regression"
    return [
        Figure("WAPE", error, "%", 40.4, "lower", name, peer_error),
        Figure("bias, absolute", abs(bias), "%", 8.0, "lower", name, abs(peer_bias)),
        Figure("MAPE", each, "%", None, "lower", name, peer_each),
    ]


def load(stores: int | None) -> pd.DataFrame:
    """One row a store, brand and week: sku, warehouse, date, week, units, price, others (mean of the other prices),
    deal, feature."""
    rows = pd.read_csv(needed("orange_juice") / "orange_juice" / "weekly.csv.gz")
    rows = rows[rows["store"].isin(sorted(rows["store"].unique())[:stores])].reset_index(drop=True)
    prices = rows[[f"price{brand}" for brand in range(1, 12)]].to_numpy()
    price = prices[np.arange(len(rows)), rows["brand"] - 1]
    others = np.exp((np.log(prices).sum(axis=1) - np.log(price)) / (prices.shape[1] - 1))
    return pd.DataFrame({
        "sku": "B" + rows["brand"].astype(str).str.zfill(2), "warehouse": "S" + rows["store"].astype(str).str.zfill(3),
        "date": FIRST + pd.to_timedelta(7 * (rows["week"] - BEGIN), unit="D"), "week": rows["week"],
        "units": np.exp(rows["logmove"]), "price": price, "others": others, "deal": rows["deal"].astype(float),
        "feature": rows["feat"].astype(float),
    })  # fmt: skip


def _forecast(rows: pd.DataFrame, asked: pd.DataFrame, week: int) -> pd.DataFrame:
    """The pair of weeks by the product's own forecast."""
    last = week - UNSEEN - 1
    past, known = rows[rows["week"] <= last], rows[rows["week"] <= week + 1]
    sales = past[["date", "sku", "warehouse"]].assign(quantity=past["units"], unit_price=past["price"])
    sales = sales.astype({"sku": "category", "warehouse": "category"})
    table = items(*sorted(rows["sku"].unique())).assign(category="juice")
    history = build_history(
        sales, stocking(), table, as_of=(FIRST + pd.Timedelta(weeks=last + 1 - BEGIN)).date(), bucket="week"
    )
    drivers = pd.concat(
        [known[["date", "sku", "warehouse"]].assign(name=name, value=known[name], country="") for name in KNOWN]
    )
    baseline = fit_baseline(
        history.demand, table, ForecastSettings(), horizon=UNSEEN + 2, bucket="week", seed=1,
        in_stock=history.in_stock, tables=Tables(drivers.reset_index(drop=True)),
    )  # fmt: skip
    said = baseline.forecast[["sku", "warehouse", "date", "mean"]]
    return asked.merge(said, on=["sku", "warehouse", "date"], how="left").fillna({"mean": 0.0})


def _regressed(rows: pd.DataFrame, asked: pd.DataFrame, week: int) -> pd.DataFrame:
    past, parts = rows[rows["week"] <= week - UNSEEN - 1], []
    for sku, own in past.groupby("sku"):
        said = asked[asked["sku"] == sku]
        columns, log = _columns(own), np.log(own["units"].to_numpy(float))
        usual = pd.DataFrame(np.column_stack([columns, log])).groupby(own["warehouse"].to_numpy()).mean()
        centred = np.column_stack([columns, log]) - usual.loc[own["warehouse"]].to_numpy()
        effects, *_ = np.linalg.lstsq(centred[:, :-1], centred[:, -1], rcond=None)
        spread = float((centred[:, -1] - centred[:, :-1] @ effects).var())
        there = usual.reindex(said["warehouse"]).to_numpy()
        line = there[:, -1] + (_columns(said) - there[:, :-1]) @ effects
        parts.append(said.assign(mean=np.nan_to_num(np.exp(line + spread / 2))))
    return pd.concat(parts)


def _columns(rows: pd.DataFrame) -> Floats:
    return np.column_stack([np.log(rows[["price", "others"]]), rows[["deal", "feature"]]]).astype(float)


def _scored(rows: pd.DataFrame) -> tuple[float, float, float]:
    """WAPE, bias and MAPE in %."""
    error, units = (rows["mean"] - rows["units"]).to_numpy(float), rows["units"].to_numpy(float)
    return (
        100 * float(np.abs(error).sum() / units.sum()), 100 * float(error.sum() / units.sum()),
        100 * float(np.mean(np.abs(error) / units)),
    )  # fmt: skip
