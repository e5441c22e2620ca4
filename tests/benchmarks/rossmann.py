"""Daily sales of drugstores under a store-wide promotion."""

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

HORIZON, ORIGINS = 28, ("2015-04-13", "2015-05-11", "2015-06-08", "2015-07-06")
SMOKE_STORES, DRAWS = 40, 1000
HOLIDAYS = {"a": "public", "b": "easter", "c": "christmas"}
GROUP = ["warehouse", "weekday", "promo"]


@benchmark("rossmann")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Rossmann, 1,115 stores by day: forecasts of 28 days from four Mondays (2015-04-13, 05-11, 06-08; 07-06 has 26).
    Known ahead: promotion, school and state holidays, on which days a store is closed; customers and everything else
    about the day are not. WAPE over open days, beside the mean of the store's days of that weekday with and without
    promotion over all of its history. Target: 10 % below these means; the interval of the ratio (2.5 to 97.5 %) is that
    of 1,000 draws of stores with replacement. Settings are the defaults.
    """
    rows = load(SMOKE_STORES if smoke else None)
    parts = [_one(rows, pd.Timestamp(day)) for day in (ORIGINS[-1:] if smoke else ORIGINS)]
    found = pd.concat(parts, ignore_index=True)
    promoted = found[found["promo"] > 0]
    ratio, low, high = _ratio(found)
    ours, peer = (_wape(found, name) for name in ("mean", "peer"))
    name = "store x weekday x promo means"
    return [
        Figure("WAPE", ours, "%", 0.9 * peer, "lower", name, peer),
        Figure("WAPE over that of the means", ratio, "", 0.9, "lower"),
        Figure("lower end of its interval", low, ""), Figure("upper end of its interval", high, ""),
        Figure("WAPE of promoted days", _wape(promoted, "mean"), "%", None, "lower", name, _wape(promoted, "peer")),
        Figure("bias, absolute", 100 * abs(float(found["mean"].sum() / found["units"].sum()) - 1), "%", None, "lower",
               name, 100 * abs(float(found["peer"].sum() / found["units"].sum()) - 1)),
    ]  # fmt: skip


def load(stores: int | None) -> pd.DataFrame:
    """One row a store and open day: warehouse, date, units, promo, school, holiday, weekday."""
    rows = pd.read_parquet(needed("rossmann") / "rossmann" / "sales.parquet")
    rows = rows[(rows["Open"] == 1) & rows["Store"].isin(sorted(rows["Store"].unique())[:stores])]
    return pd.DataFrame({
        "warehouse": "S" + rows["Store"].astype(str).str.zfill(4), "date": rows["Date"].astype("datetime64[ns]"),
        "units": rows["Sales"].astype(float), "promo": rows["Promo"].astype(float),
        "school": rows["SchoolHoliday"].astype(float), "holiday": rows["StateHoliday"].astype(str).map(HOLIDAYS),
        "weekday": rows["DayOfWeek"].astype(int),
    }).reset_index(drop=True)  # fmt: skip


def _one(rows: pd.DataFrame, today: pd.Timestamp) -> pd.DataFrame:
    """The open days of one horizon: units, mean as forecast, peer."""
    until = today + pd.Timedelta(days=HORIZON)
    past, known = rows[rows["date"] < today], rows[rows["date"] < until]
    table, calendar = items("ALL"), _calendar(known)
    locations = pd.DataFrame({"location": sorted(rows["warehouse"].unique()), "country": ""})
    sales = past[["date", "warehouse"]].assign(sku="ALL", quantity=past["units"])
    history = build_history(
        sales.astype({"sku": "category", "warehouse": "category"}), stocking(), table, as_of=today.date(), bucket="day",
        calendar=calendar, locations=locations,
    )  # fmt: skip
    drivers = pd.concat([
        known[["date", "warehouse"]].assign(sku="", country="", name=name, value=known[name])
        for name in ("promo", "school")
    ], ignore_index=True)  # fmt: skip
    baseline = fit_baseline(
        history.demand, table, ForecastSettings(), horizon=HORIZON, bucket="day", seed=1, in_stock=history.in_stock,
        tables=Tables(drivers, calendar, locations),
    )  # fmt: skip
    asked = known[known["date"] >= today]
    asked = asked.merge(baseline.forecast[["warehouse", "date", "mean"]], on=["warehouse", "date"], how="left")
    means = past.groupby(GROUP)["units"].mean().rename("peer").reset_index()
    asked = asked.merge(means, on=GROUP, how="left")
    usual = asked["warehouse"].map(past.groupby("warehouse")["units"].mean())
    return asked.assign(peer=asked["peer"].fillna(usual).fillna(0.0), mean=asked["mean"].fillna(0.0))


def _calendar(known: pd.DataFrame) -> pd.DataFrame:
    """Holidays of each store, and the days on which it is closed."""
    dates = pd.date_range(known["date"].min(), known["date"].max())
    open_ = pd.MultiIndex.from_frame(known[["warehouse", "date"]])
    every = pd.MultiIndex.from_product([sorted(known["warehouse"].unique()), dates], names=["warehouse", "date"])
    shut = every.difference(open_).to_frame(index=False).assign(name="closed", kind="closure", closed=1.0)
    feast = known[known["holiday"].notna()][["warehouse", "date", "holiday"]]
    feast = feast.rename(columns={"holiday": "kind"}).assign(name=feast["holiday"], closed=0.0)
    columns = ["country", "date", "name", "kind", "closed"]
    return pd.concat([shut, feast]).rename(columns={"warehouse": "country"})[columns].reset_index(drop=True)


def _wape(found: pd.DataFrame, name: str) -> float:
    return 100 * float((found[name] - found["units"]).abs().sum() / found["units"].sum())


def _ratio(found: pd.DataFrame) -> tuple[float, float, float]:
    """WAPE over that of the peer, and the interval of it over stores."""
    errors = pd.DataFrame({name: (found[name] - found["units"]).abs() for name in ("mean", "peer")})
    by_store = errors.groupby(found["warehouse"]).sum().to_numpy(float)
    draw = np.random.default_rng(1)
    drawn = by_store[draw.integers(0, len(by_store), (DRAWS, len(by_store)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], (0.025, 0.975))
    total = by_store.sum(axis=0)
    return float(total[0] / total[1]), float(low), float(high)
