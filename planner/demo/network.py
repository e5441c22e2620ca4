"""How goods come in: places, suppliers' terms, sources of each SKU, lanes, duties, rates and the calendar."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.demo.assortment import Floats, Rng, through_dc
from planner.demo.atlas import Leg, Place, Supplier, atlas
from planner.demo.demand import holidays_of, paydays_of
from planner.demo.sizes import FUTURE_WEEKS, TODAY, Size

HANDLING_DAYS = 1
TRANSFER_PRODUCTION = 1
CARRIERS = {"road": "Mitteland Spedition", "sea": "BlueWave Line", "rail": "Silk Rail Cargo"}


def place_of(code: str) -> Place:
    known = atlas()
    return known.sites[code] if code in known.sites else known.suppliers[code].place


def make_sourcing(goods: pd.DataFrame, series: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """Suppliers to dcs and to warehouses without one, dcs to the warehouses behind them, and a few second sources."""
    held = through_dc(series, goods, size)
    dc = series["warehouse"].map(size.map.feeds).where(~series["fresh"])
    moved = pd.DataFrame({"good": series["good"], "source": dc, "destination": series["warehouse"]}).dropna()
    direct = pd.DataFrame({"good": series["good"], "destination": series["warehouse"]})[dc.isna()]
    central = held.rename(columns={"dc": "destination"})[["good", "destination"]]
    bought = pd.concat([direct, central], ignore_index=True)
    bought["source"] = goods["supplier"].to_numpy()[bought["good"]]
    links = pd.concat([bought.assign(priority=1), moved.assign(priority=1), _second(moved, goods, rng)])
    table = _terms(links.reset_index(drop=True), goods, series, size)
    return table.sort_values(["sku", "destination", "source"], ignore_index=True)


def _second(moved: pd.DataFrame, goods: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """One transfer in 25 could also be bought direct: dearer, and past the dc."""
    near = np.array([place_of(code).region == "Europe" for code in goods["supplier"]])
    europe = np.array([place_of(code).region == "Europe" for code in moved["destination"]])
    chosen = near[moved["good"].to_numpy()] & europe & (rng.random(len(moved)) < 0.04)
    links = pd.DataFrame(moved[chosen])
    return links.assign(source=goods["supplier"].to_numpy()[links["good"]], priority=2)


def _terms(links: pd.DataFrame, goods: pd.DataFrame, series: pd.DataFrame, size: Size) -> pd.DataFrame:
    """Costs in the supplier's currency; minimum and multiple in whole cases, overseas in pallet layers."""
    good = goods.iloc[links["good"].to_numpy()].reset_index(drop=True)
    trade = links["source"].isin(list(atlas().suppliers)).to_numpy()
    currency = links["source"].map({code: atlas().currency(place_of(code)) for code in links["source"].unique()})
    rate = currency.map(atlas().rates).to_numpy(dtype=float)
    dearer = np.where(links["priority"] == 2, 1.06, 1.0)
    agreed = {
        pair: agreed_lead_days(*pair) for pair in sorted(set(zip(links["source"], links["destination"], strict=True)))
    }
    lead = np.array([agreed[pair] for pair in zip(links["source"], links["destination"], strict=True)], dtype=float)
    weekly = _weekly(links, series, size)
    return pd.DataFrame(
        {
            "sku": good["sku"],
            "source": links["source"],
            "destination": links["destination"],
            "unit_cost": np.where(trade, np.round(good["unit_cost"] * dearer / rate, 3), np.nan),
            "currency": np.where(trade, currency, ""),
            "order_cost": np.where(trade, 2.5, 0.8),
            "moq": np.where(trade, _minimum(weekly, good["case_quantity"].to_numpy(dtype=float), lead), 0),
            "order_multiple": good["case_quantity"],
            "lead_days": lead,
            "lead_days_sd": np.round(0.4 + 0.09 * lead, 1),
            "order_weekdays": links["source"].map({code: _weekdays(code) for code in links["source"].unique()}),
            "priority": links["priority"],
        }
    )


def _weekly(links: pd.DataFrame, series: pd.DataFrame, size: Size) -> Floats:
    """Usual weekly units that the link serves: those of the warehouse, or of all warehouses behind the dc."""
    dc = series["warehouse"].map(size.map.feeds).where(~series["fresh"])
    own = series.groupby(["good", "warehouse"])["level"].sum()
    behind = series.assign(dc=dc).dropna(subset=["dc"]).groupby(["good", "dc"])["level"].sum()
    units = pd.concat([own, behind])
    units.index = units.index.set_names(["good", "destination"])
    wanted = pd.MultiIndex.from_frame(links[["good", "destination"]])
    return np.asarray(units.reindex(wanted), dtype=float)


def _minimum(weekly: Floats, case: Floats, lead: Floats) -> Floats:
    """Two thirds of a week's demand, from overseas three weeks', in whole cases."""
    units = weekly * np.where(lead > 30, 3.0, 0.66)
    return np.asarray(np.maximum(np.round(units / case), 1) * case)


def agreed_lead_days(source: str, destination: str) -> int:
    """Production, transit and customs of the usual way, and a day to put away."""
    terms = atlas().suppliers.get(source)
    legs = atlas().legs(place_of(source), place_of(destination))
    production = terms.production if terms else TRANSFER_PRODUCTION
    return production + sum(leg.transit_days + leg.customs_days for leg in legs) + HANDLING_DAYS


def _weekdays(source: str) -> str:
    terms = atlas().suppliers.get(source)
    return terms.weekdays if terms else "mon tue wed thu fri"


def make_price_breaks(sourcing: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """Two lower prices for a share of the bought SKUs, from a few minimum quantities on."""
    bought = sourcing[(sourcing["currency"] != "") & (sourcing["priority"] == 1)]
    first = bought.sort_values(["sku", "source", "moq"]).drop_duplicates(["sku", "source"], keep="last")
    chosen = first[rng.random(len(first)) < size.tiered]
    tiers = [
        pd.DataFrame(
            {
                "sku": chosen["sku"],
                "source": chosen["source"],
                "min_quantity": (chosen["moq"] * times).astype(int),
                "unit_cost": np.round(chosen["unit_cost"] * (1 - less), 3),
            }
        )
        for times, less in ((4, 0.03), (10, 0.06))
    ]
    return pd.concat(tiers).sort_values(["sku", "source", "min_quantity"], ignore_index=True)


def make_lanes(sourcing: pd.DataFrame, size: Size) -> pd.DataFrame:
    """Every leg that a source needs, the land bridge from China, and roads between the warehouses of a region."""
    legs: dict[tuple[str, str, str], Leg] = {}
    for source, destination in sorted(set(zip(sourcing["source"], sourcing["destination"], strict=True))):
        ends = place_of(source), place_of(destination)
        ways = atlas().legs(*ends)
        if ends[0].region == "China" and ends[1].region == "Europe":
            ways = [*ways, atlas().rail(*ends)]
        legs |= {(leg.origin.code, leg.destination.code, leg.mode): leg for leg in ways}
    for one in size.map.warehouses:
        for other in size.map.warehouses:
            if one != other and place_of(one).region == place_of(other).region:
                legs |= {(one, other, "road"): atlas().legs(place_of(one), place_of(other))[0]}
    return pd.DataFrame([_lane(leg) for _, leg in sorted(legs.items())])


def _lane(leg: Leg) -> dict[str, object]:
    """Costs in EUR. A container by sea, a wagon by rail, a trailer by road."""
    km = leg.distance_km
    costs = {
        "road": (35.0, 0.010 + 0.00006 * km, 2.0 + 0.012 * km, 24_000, 82.0, 0.062),
        "rail": (90.0, 0.020 + 0.00003 * km, 6.0 + 0.010 * km, 26_000, 76.0, 0.022),
        "sea": (160.0, 0.010, 12.0 + 0.0018 * km, 21_500, 67.0, 0.008),
    }[leg.mode]
    return {
        "origin": leg.origin.code,
        "destination": leg.destination.code,
        "mode": leg.mode,
        "carrier": CARRIERS[leg.mode],
        "distance_km": km,
        "transit_days": leg.transit_days,
        "transit_days_sd": round(0.2 + 0.1 * leg.transit_days, 1),
        "cost_per_shipment": costs[0],
        "cost_per_kg": round(costs[1], 4),
        "cost_per_m3": round(costs[2], 2),
        "currency": "EUR",
        "capacity_kg": costs[3],
        "capacity_m3": costs[4],
        "customs_days": leg.customs_days,
        "co2_kg_per_tkm": costs[5],
    }


def make_locations(lanes: pd.DataFrame, stores: list[Place], size: Size, storage: dict[str, float]) -> pd.DataFrame:
    """Every place that a lane or a delivery touches."""
    codes = sorted({*lanes["origin"], *lanes["destination"], *size.map.warehouses, *size.map.dcs, *size.map.suppliers})
    places = [*(place_of(code) for code in codes), *stores]
    frame = pd.DataFrame(
        {
            "location": [place.code for place in places],
            "kind": [place.kind for place in places],
            "name": [place.name for place in places],
            "country": [place.country for place in places],
            "customs_area": [atlas().countries[place.country].customs for place in places],
            "region": [place.region for place in places],
            "currency": [atlas().currency(place) for place in places],
            "latitude": [place.latitude for place in places],
            "longitude": [place.longitude for place in places],
            "capacity_m3": [storage.get(place.code) for place in places],
            "timezone": [atlas().countries[place.country].timezone for place in places],
            "opens": ["06:00" if place.kind in ("dc", "warehouse") else "08:00" for place in places],
            "closes": ["22:00" if place.kind in ("dc", "warehouse") else "18:00" for place in places],
        }
    )
    return frame.sort_values("location", ignore_index=True)


def make_suppliers(size: Size) -> pd.DataFrame:
    """Terms of a joint order, in base currency."""
    terms: list[Supplier] = [atlas().suppliers[code] for code in sorted(size.map.suppliers)]
    return pd.DataFrame(
        {
            "location": [supplier.place.code for supplier in terms],
            "min_order_value": [supplier.minimum for supplier in terms],
            "order_cost": [supplier.order_cost for supplier in terms],
            "payment_days": [60 if supplier.place.region != "Europe" else 30 for supplier in terms],
            "order_weekdays": [supplier.weekdays for supplier in terms],
        }
    )


def make_duties(goods: pd.DataFrame, size: Size) -> pd.DataFrame:
    """A rate for each tariff number that crosses a customs border on its way to a dc or a warehouse."""
    goals = sorted({place_of(code).country for code in (*size.map.warehouses, *size.map.dcs)})
    areas = {code: country.customs for code, country in atlas().countries.items()}
    pairs = goods[["hs_code", "origin_country"]].drop_duplicates().sort_values(["hs_code", "origin_country"])
    rows = [
        {"hs_code": code, "origin": origin, "destination": goal, "rate": round(0.01 + int(code[:4]) % 13 / 100, 3)}
        for code, origin in zip(pairs["hs_code"], pairs["origin_country"], strict=True)
        for goal in goals
        if areas[origin] != areas[goal]
    ]
    return pd.DataFrame(rows, columns=["hs_code", "origin", "destination", "rate"])


def make_currencies(places: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """The rate of the first day of each of the last 25 months; the newest is the one that prices were set by."""
    months = pd.date_range("2024-03-01", "2026-03-01", freq="MS", unit="ns")
    parts = []
    for code in sorted({*places["currency"]} - {"EUR"}):
        walk = np.cumsum(np.append(rng.normal(0, 0.006, len(months) - 1), 0.0)[::-1])[::-1]
        rate = np.round(atlas().rates[code] * (1 + walk), 5)
        parts.append(pd.DataFrame({"currency": code, "date": months, "rate_to_base": rate}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["currency", "date", "rate_to_base"])


def make_calendar(places: pd.DataFrame, size: Size) -> pd.DataFrame:
    """Holidays and paydays by country; New Year closures of the warehouses, and the Chinese New Year."""
    years = range(size.dates[0].year, size.dates[-1].year + 1)
    rows: list[tuple[str, object, str, str, bool]] = []
    for country in sorted({*places["country"]}):
        rows += [(country, day, name, "holiday", True) for day, name in holidays_of(country, years)]
        rows += [(country, day, name, "payday", False) for day, name in paydays_of(country, years)]
    for code in sorted((*size.map.warehouses, *size.map.dcs)):
        for year in years:
            rows.append((code, pd.Timestamp(year, 12, 31).date(), "stocktaking", "closure", True))
    if "CN" in set(places["country"]):
        weeks = ("2024-02-10", "2025-01-29", "2026-02-17")
        days = [day.date() for week in weeks for day in pd.date_range(week, periods=7, unit="ns")]
        rows += [("CN", day, "Chinese New Year", "closure", True) for day in days]
    frame = pd.DataFrame(rows, columns=["country", "date", "name", "kind", "closed"])
    frame["date"] = pd.to_datetime(frame["date"]).astype("datetime64[ns]")
    return frame.sort_values(["country", "date", "kind", "name"], ignore_index=True)


def storage_of(series: pd.DataFrame, size: Size) -> dict[str, float]:
    """Cubic metres: about seven weeks of usual demand in a warehouse, eight in a dc."""
    own = (series["level"] * series["volume_m3"]).groupby(series["warehouse"]).sum()
    dc = series["warehouse"].map(size.map.feeds).where(~series["fresh"])
    behind = (series["level"] * series["volume_m3"]).groupby(dc).sum()
    room = {str(code): units * 7 for code, units in own.items()} | {
        str(code): units * 8 for code, units in behind.items()
    }
    return {code: float(np.ceil(m3 / 5) * 5) for code, m3 in sorted(room.items())}


def horizon() -> pd.DatetimeIndex:
    return pd.date_range(TODAY, periods=FUTURE_WEEKS, freq="W-MON", unit="ns")


def behind(port: str, sourcing: pd.DataFrame) -> list[str]:
    """Sources whose goods pass the port on their way."""
    return [code for code in sorted(sourcing["source"].unique()) if place_of(code).port == port]


def make_parcels() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tariff zones and rate card of a parcel carrier."""
    zones = [("Kurier24", "DE", "1", "00000", "19999"), ("Kurier24", "DE", "2", "20000", "99999")]
    zones += [("Kurier24", "PL", "3", "00-000", "99-999"), ("Kurier24", "CH", "4", "1000", "9999")]
    steps = (0, 2, 5, 10, 20)
    rates = [
        ("Kurier24", "standard", str(zone), kg, round(3.2 + 1.1 * zone + 0.28 * kg, 2), "EUR", 0.085, 5000, zone)
        for zone in (1, 2, 3, 4)
        for kg in steps
    ]
    names = ["carrier", "service", "zone", "from_kg", "price", "currency", "fuel_surcharge_rate"]
    return (
        pd.DataFrame(zones, columns=["carrier", "country", "zone", "postcode_from", "postcode_to"]),
        pd.DataFrame(rates, columns=[*names, "volumetric_divisor", "transit_days"]),
    )
