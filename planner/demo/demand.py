"""What people want week by week, and what the shelf lets them buy: true demand, stock-outs, sales, returns."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.demo.assortment import Floats, Rng
from planner.demo.atlas import atlas
from planner.demo.catalogue import catalogue
from planner.demo.promotions import Effects
from planner.demo.sizes import TODAY, Size

EXACT = 6  # means are rounded before anything is drawn from them, so that the last bit of a sine decides nothing
INFLATION = {2023: 0.945, 2024: 0.96, 2025: 0.98, 2026: 1.0}
NOT_WEATHER = ("even", "december", "gift", "school")


@dataclass(frozen=True)
class Drawn:
    """Matrices [series, weeks]: demand without the drafts, demand with them, share in stock, and what was sold."""

    demand: Floats
    demand_with_drafts: Floats
    in_stock: Floats
    sold: Floats


def expected(series: pd.DataFrame, size: Size) -> Floats:
    """Mean demand [series, weeks] without any campaign."""
    season = _season_of(series, size)
    years = (size.dates - TODAY).days.to_numpy() / 365.25
    growth = (1 + series["growth"].to_numpy())[:, None] ** years[None, :]
    mean = series["level"].to_numpy()[:, None] * season * growth * _calendar_of(series, size) * _active(series, size)
    return np.round(mean, EXACT)


def _season_of(series: pd.DataFrame, size: Size) -> Floats:
    """Twelve months read between their middles; south of the equator the weather ones are half a year later."""
    middle = np.asarray((size.dates + pd.Timedelta(days=3)).dayofyear, dtype=float) / 365.25
    months = (np.arange(12) + 0.5) / 12
    profiles = {
        (name, south): np.interp((middle + shift) % 1.0, months, values, period=1.0)
        for name, values in catalogue().seasons.items()
        for south, shift in ((False, 0.0), (True, 0.0 if name in NOT_WEATHER else 0.5))
    }
    south = series["warehouse"].map(
        {code: atlas().countries[atlas().sites[code].country].south for code in size.map.warehouses}
    )
    keys = list(profiles)
    place = {key: row for row, key in enumerate(keys)}
    rows = [place[key] for key in zip(series["season"], south, strict=True)]
    return np.stack([profiles[key] for key in keys])[rows]


def _calendar_of(series: pd.DataFrame, size: Size) -> Floats:
    """Easter sells chocolate, paydays a little of everything, holidays drinks and snacks."""
    easter = np.zeros(len(size.dates))
    for year in {date.year for date in size.dates}:
        days = -(size.dates - pd.Timestamp(easter_sunday(year))).days.to_numpy()
        easter += ((days >= 0) & (days < 14)).astype(float)
    factor = np.empty((len(size.map.warehouses), 3, len(size.dates)))
    for row, code in enumerate(size.map.warehouses):
        holidays, paydays = weeks_with(atlas().sites[code].country, size.dates)
        usual = 1 + 0.04 * paydays
        factor[row] = usual * (1 + 0.5 * easter), usual * (1 + 0.06 * holidays), usual * (1 - 0.03 * holidays)
    kind = series["category"].map({"chocolate": 0, "beverages": 1, "snacks": 1}).fillna(2).to_numpy(dtype=int)
    return np.asarray(factor[series["place"].to_numpy(), kind])


def weeks_with(country: str, dates: pd.DatetimeIndex) -> tuple[Floats, Floats]:
    """Holidays and paydays in each week."""
    counts = np.zeros((2, len(dates)))
    years = range(dates[0].year, (dates[-1] + pd.Timedelta(days=6)).year + 1)
    for row, days in enumerate((holidays_of(country, years), paydays_of(country, years))):
        week = ((pd.DatetimeIndex([day for day, _ in days]) - dates[0]).days // 7).to_numpy()
        np.add.at(counts[row], week[(week >= 0) & (week < len(dates))], 1.0)
    return counts[0], counts[1]


def holidays_of(country: str, years: range) -> list[tuple[dt.date, str]]:
    known = atlas().countries[country]
    fixed = [(dt.date.fromisoformat(f"{year}-{day}"), name) for year in years for day, name in known.holidays.items()]
    moving = [
        (easter_sunday(year) + dt.timedelta(days=int(days)), name)
        for year in years
        for days, name in known.easter.items()
    ]
    return sorted([*fixed, *moving])


def paydays_of(country: str, years: range) -> list[tuple[dt.date, str]]:
    day = atlas().countries[country].payday
    return [(dt.date(year, month, day), "payday") for year in years for month in range(1, 13)]


def easter_sunday(year: int) -> dt.date:
    """Easter of the Gregorian calendar, by the anonymous algorithm (Meeus/Jones/Butcher)."""
    golden, century, rest = year % 19, *divmod(year, 100)
    leap, odd = divmod(century, 4)
    moon = (19 * golden + century - leap - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * odd + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return dt.date(year, month, day + 1)


def _active(series: pd.DataFrame, size: Size) -> Floats:
    """Zero outside the life of an item; six weeks to grow, four to fade."""
    monday = size.dates.to_numpy()[None, :]
    launch, end = (series[name].to_numpy(dtype="datetime64[ns]")[:, None] for name in ("launch_date", "end_date"))
    week = np.timedelta64(7, "D")
    age, left = (monday - launch) / week, (end - monday) / week
    grown = np.where(np.isnan(age), 1.0, np.clip((age + 2) / 8, 0.25, 1.0) * (age > -0.5))
    fading = np.where(np.isnan(left), 1.0, np.clip((left + 1) / 5, 0.2, 1.0) * (left > 0))
    return np.asarray(grown * fading, dtype=float)


def draw(series: pd.DataFrame, mean: Floats, past: Effects, drafts: Effects, size: Size, rng: Rng) -> Drawn:
    """Demand around its mean; campaigns add to and take from the same draw, so that with and without compare."""
    quiet = _counts(series, mean, rng)
    demand = _campaigned(quiet, mean, past, rng)
    with_drafts = _campaigned(demand, mean, drafts, rng)
    in_stock = _availability(demand, mean, size, rng)
    sold = np.where(in_stock < 1, rng.binomial(demand.astype(np.int64), in_stock), demand).astype(float)
    return Drawn(demand, with_drafts, in_stock, sold)


def _counts(series: pd.DataFrame, mean: Floats, rng: Rng) -> Floats:
    """Negative binomial sizes; intermittent and lumpy series have demand in a share of the weeks only."""
    occurrence, spread = (series[name].to_numpy()[:, None] for name in ("occurrence", "dispersion"))
    noise = rng.standard_gamma(np.broadcast_to(spread, mean.shape)) / spread
    happens = rng.random(mean.shape) < occurrence
    return np.asarray(rng.poisson(np.round(mean / occurrence * noise, EXACT) * happens), dtype=float)


def _campaigned(demand: Floats, mean: Floats, effects: Effects, rng: Rng) -> Floats:
    noise = rng.standard_gamma(12.0, mean.shape) / 12.0
    added = rng.poisson(np.round(effects.gross * noise, EXACT))
    share = np.divide(effects.lost, mean, out=np.zeros_like(mean), where=mean > 0)
    lost = rng.binomial(demand.astype(np.int64), np.round(np.clip(share, 0, 1), EXACT))
    return np.asarray(demand + added - lost, dtype=float)


def _availability(demand: Floats, mean: Floats, size: Size, rng: Rng) -> Floats:
    """Stock-outs of one to three weeks, more often where demand ran away from what was expected."""
    rush = (demand > 1.8 * mean) & (mean > 5)
    starts = rng.random(demand.shape) < np.where(rush, 0.08, 0.014)
    length = rng.integers(1, 4, demand.shape)
    empty = starts.copy()
    for weeks in (1, 2):
        empty[:, weeks:] |= (starts & (length > weeks))[:, :-weeks]
    empty[:, size.weeks :] = False
    return np.where(empty & (mean > 0), np.round(rng.beta(1.2, 1.6, demand.shape) * 0.9, 2), 1.0)


def list_prices(goods: pd.DataFrame, size: Size) -> Floats:
    """List price [goods, weeks]: raised once a year."""
    factor = np.array([INFLATION[year] for year in size.dates.year])
    return np.asarray(np.round(goods["unit_price"].to_numpy()[:, None] * factor, 2))


def make_sales(
    series: pd.DataFrame, drawn: Drawn, prices: Floats, discount: Floats, size: Size, rng: Rng
) -> pd.DataFrame:
    """Rows by week, SKU and warehouse: weeks with sales, and empty weeks with an empty shelf; then the returns."""
    past = slice(0, size.weeks)
    sold, in_stock = drawn.sold[:, past], drawn.in_stock[:, past]
    week, row = np.nonzero(((sold > 0) | (in_stock < 1)).T)
    lists = prices[series["good"].to_numpy()[row], week]
    sales = pd.DataFrame(
        {
            "date": size.dates.to_numpy()[week],
            **_codes(series, row),
            "quantity": sold[row, week],
            "unit_price": np.round(lists * (1 - discount[row, week]), 2),
            "list_price": lists,
            "in_stock": in_stock[row, week],
            "returned": 0,
        }
    )
    returns = _returns(sales[sales["quantity"] > 2], rng)
    both = pd.concat([sales, returns], ignore_index=True)
    return both.sort_values(["date", "sku", "warehouse", "returned"], ignore_index=True, kind="stable")


def _codes(series: pd.DataFrame, row: npt.NDArray[np.intp]) -> dict[str, pd.Categorical]:
    return {
        name: pd.Categorical.from_codes(codes[row], categories=categories)  # type: ignore[arg-type]
        for name in ("sku", "warehouse")
        for codes, categories in [pd.factorize(series[name], sort=True)]
    }


def _returns(sales: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """In one row of 80 a few units come back in the same week: a quantity of its own, marked as returned."""
    back = sales[rng.random(len(sales)) < 1 / 80]
    share = rng.uniform(0.02, 0.3, len(back))
    return back.assign(quantity=np.maximum(np.round(back["quantity"] * share), 1.0), returned=1)


def make_drivers(goods: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """Prices that will rise in May for one SKU in six, and the public holidays of each coming week and country."""
    rising = np.flatnonzero(rng.random(len(goods)) < 1 / 6)
    coming = size.dates[size.weeks :]
    dates = coming[9:]
    price = np.round(goods["unit_price"].to_numpy()[rising] * 1.04, 2)
    prices = pd.DataFrame(
        {
            "name": "list_price",
            "date": np.tile(dates.to_numpy(), len(rising)),
            "value": np.repeat(price, len(dates)),
            "sku": np.repeat(goods["sku"].to_numpy()[rising], len(dates)),
            "country": "",
        }
    )
    countries = sorted({atlas().sites[code].country for code in size.map.warehouses})
    holidays = [
        pd.DataFrame(
            {"name": "holidays", "date": coming, "value": weeks_with(code, coming)[0], "sku": "", "country": code}
        )
        for code in countries
    ]
    table = pd.concat([prices, *holidays], ignore_index=True)
    return table.sort_values(["name", "date", "sku", "country"], ignore_index=True)
