"""Where the chain stands today: stock by lot, orders on their way, promises to customers, limits to come."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.demo.assortment import Floats, Rng
from planner.demo.atlas import atlas
from planner.demo.network import horizon
from planner.demo.sizes import TODAY, Size

DAY = pd.Timedelta(days=1)
RECEIPT_WEEKS = 50
LATE_SPREAD = 1.6  # a supplier that is late on average is also less reliable


def make_nodes(
    series: pd.DataFrame, goods: pd.DataFrame, coming: Floats, sourcing: pd.DataFrame, size: Size
) -> pd.DataFrame:
    """One row a stocked SKU-place, dcs included: weekly units to come, spread, and the first source with its terms."""
    rate = pd.Series(coming[:, size.weeks : size.weeks + 8].mean(axis=1))
    own = series[["sku", "warehouse", "good", "dispersion"]].assign(rate=rate)
    dc = series["warehouse"].map(size.map.feeds).where(~series["fresh"])
    behind = own.assign(warehouse=dc).dropna(subset=["warehouse"])
    behind = behind.groupby(["sku", "warehouse", "good"], as_index=False).agg(
        rate=("rate", "sum"), dispersion=("dispersion", "max")
    )
    nodes = pd.concat([own, behind], ignore_index=True)
    first = sourcing[sourcing["priority"] == 1].rename(columns={"destination": "warehouse"})
    terms = ["sku", "warehouse", "source", "lead_days", "moq", "order_multiple"]
    nodes = nodes.merge(first[terms], on=["sku", "warehouse"], how="left")
    traits = goods[["category", "shelf_life_days", "fresh", "volume_m3", "supplier", "launch_date"]]
    return nodes.join(traits, on="good").sort_values(["sku", "warehouse"], ignore_index=True)


def _buffer(nodes: pd.DataFrame) -> Floats:
    """Half a review period's demand, and 1.3 standard deviations over lead time plus review."""
    rate = nodes["rate"].to_numpy()
    weeks = nodes["lead_days"].to_numpy() / 7 + 1
    sigma = np.sqrt(weeks * (rate + rate**2 / nodes["dispersion"].to_numpy()))
    return np.asarray(np.round(0.7 * rate + 1.3 * sigma, 3))


def make_stock(nodes: pd.DataFrame, rng: Rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables stock and lots: most near their buffer, one in 16 nearly empty, one in 16 far too full."""
    count = len(nodes)
    luck = rng.random(count)
    factor = np.select(
        [luck < 1 / 16, luck > 15 / 16],
        [rng.uniform(0, 0.25, count), rng.uniform(3, 5, count)],
        rng.uniform(0.7, 1.3, count),
    )
    factor = np.where(nodes["fresh"], np.minimum(factor, 1.0), factor)
    units = np.round(_buffer(nodes) * factor)
    units = np.where(nodes["rate"] < 0.01, np.round(rng.uniform(4, 40, count)), units)
    units = np.where(nodes["launch_date"] > TODAY, 0.0, units)
    whole = nodes.assign(on_hand=units, status="free", lot="", share=1.0)
    rows = pd.concat([_young_and_old(whole), _quarantined(whole, rng)], ignore_index=True)
    rows["on_hand"] = np.round(rows["on_hand"] * rows["share"])
    rows = rows[(rows["on_hand"] > 0) | (rows["status"] == "free")].sort_values(
        ["sku", "warehouse", "status", "lot"], ignore_index=True
    )
    promised = np.where((rng.random(len(rows)) < 0.05) & (rows["status"] == "free"), np.floor(rows["on_hand"] * 0.1), 0)
    left = rows["expiry"].to_numpy()
    rows["expiry_date"] = TODAY + pd.to_timedelta(np.where(np.isnan(left), 0, left), unit="D")
    rows["expiry_date"] = rows["expiry_date"].where(~np.isnan(left))
    rows = rows.assign(allocated=promised, counted_at=TODAY - pd.Timedelta(hours=4))
    columns = ["sku", "warehouse", "on_hand", "allocated", "status", "lot", "expiry_date", "counted_at"]
    return rows[columns], _lots(rows)


def _young_and_old(whole: pd.DataFrame) -> pd.DataFrame:
    """Fresh goods lie in two lots; the older one leaves first."""
    life = whole["shelf_life_days"]
    plain = whole[~whole["fresh"]].assign(expiry=np.nan)
    fresh = whole[whole["fresh"]]
    name = fresh["sku"] + "-" + fresh["warehouse"]
    parts = [
        fresh.assign(lot=name + f"-{mark}", share=share, expiry=np.floor(life[fresh.index] * left))
        for mark, share, left in (("A", 0.35, 0.3), ("B", 0.65, 0.75))
    ]
    return pd.concat([plain, *parts], ignore_index=True)


def _quarantined(whole: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    rich = np.flatnonzero((whole["on_hand"] > 20) & ~whole["fresh"])
    chosen = np.sort(rng.permutation(rich)[: max(2, len(whole) // 150)])
    some = whole.iloc[chosen]
    left = np.floor(some["shelf_life_days"] * 0.5)
    return some.assign(status="quarantine", lot=some["sku"] + "-" + some["warehouse"] + "-Q", share=0.15, expiry=left)


def _lots(rows: pd.DataFrame) -> pd.DataFrame:
    some = rows[rows["lot"] != ""]
    age = np.where(np.isnan(some["expiry"]), 60, some["shelf_life_days"] - some["expiry"])
    return pd.DataFrame(
        {
            "lot": some["lot"],
            "sku": some["sku"],
            "made_at": TODAY - pd.to_timedelta(np.nan_to_num(age, nan=60), unit="D") + pd.Timedelta(hours=7),
            "supplier": some["supplier"],
            "quantity": np.ceil(np.maximum(some["on_hand"], 1) * 1.4),
            "expiry_date": some["expiry_date"],
        }
    ).sort_values("lot", ignore_index=True)


def make_movements(stock: pd.DataFrame, lots: pd.DataFrame) -> pd.DataFrame:
    """Each lot went from its supplier to where it lies now, two days after it was made."""
    here = lots.merge(stock[["lot", "warehouse"]], on="lot")
    table = pd.DataFrame(
        {
            "lot": here["lot"],
            "sku": here["sku"],
            "from": here["supplier"],
            "to": here["warehouse"],
            "at": here["made_at"] + 2 * DAY,
            "quantity": here["quantity"],
        }
    )
    return table.sort_values(["lot", "at"], ignore_index=True)


def make_readings(size: Size, rng: Rng) -> pd.DataFrame:
    """The cold room of each warehouse every three hours of the last two days; one was too warm for an afternoon."""
    times = pd.date_range(TODAY - 2 * DAY, TODAY - pd.Timedelta(hours=3), freq="3h", unit="ns")
    parts = []
    for number, code in enumerate(size.map.warehouses):
        degrees = np.round(rng.normal(4.0, 0.5, len(times)), 1)
        if number == 0:
            degrees[9:11] = (10.4, 11.2)
        parts.append(
            pd.DataFrame({"at": times, "device": f"{code}-COLD-1", "warehouse": code, "temperature_c": degrees})
        )
    return pd.concat(parts).sort_values(["at", "device"], ignore_index=True)


def make_pipeline(nodes: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """Orders that cover the lead time, weekly, from far away fortnightly; one purchase order is overdue."""
    known = nodes[(nodes["rate"] > 0.05) & nodes["source"].notna()].reset_index(drop=True)
    far = (known["lead_days"] > 30).to_numpy()
    gap = np.where(far, 2, 1)
    weekday = np.array([sum(map(ord, source)) % 4 for source in known["source"]])
    parts = []
    for slot in range(int(np.ceil(known["lead_days"].max() / 7))):
        due = 7 * slot * gap + weekday + 1
        wanted = known["rate"].to_numpy() * gap * rng.uniform(0.75, 1.2, len(known))
        cases = np.floor(wanted / known["order_multiple"].to_numpy() + rng.random(len(known)))
        units = np.maximum(cases * known["order_multiple"].to_numpy(), known["moq"].to_numpy())
        placed = (cases > 0) & (due < known["lead_days"].to_numpy()) & (rng.random(len(known)) > 0.05)
        placed &= rng.random(len(known)) < wanted / np.maximum(units, 1) + 0.2
        parts.append(known.assign(quantity=units, due=due)[placed])
    lines = pd.concat(parts, ignore_index=True)
    return _orders(lines, rng)


def _orders(lines: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """One order number a source, destination and day; far orders due in four weeks or later may still be moved."""
    purchase = lines["source"].isin(list(atlas().suppliers))
    first = lines[purchase].sort_values(["due", "source", "warehouse"]).iloc[0]
    same = (
        (lines["source"] == first["source"])
        & (lines["warehouse"] == first["warehouse"])
        & (lines["due"] == first["due"])
    )
    due = np.where(same, -4, lines["due"])
    number = lines.assign(due=due).groupby(["due", "source", "warehouse"], sort=True).ngroup()
    loose = rng.random(int(number.max()) + 1) < 0.4
    table = pd.DataFrame(
        {
            "order_id": np.where(purchase, "PO-26-", "TO-26-") + (number + 1).astype(str).str.zfill(5),
            "sku": lines["sku"],
            "source": lines["source"],
            "destination": lines["warehouse"],
            "quantity": lines["quantity"],
            "due_date": TODAY + pd.to_timedelta(due, unit="D"),
            "kind": np.where(purchase, "purchase", "transfer"),
            "firm": ~(loose[number.to_numpy()] & (due >= 28)),
        }
    )
    return table.sort_values(["order_id", "sku"], ignore_index=True)


def make_receipts(nodes: pd.DataFrame, size: Size, rng: Rng) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Orders that arrived in the last year, and the true lead times behind them (mean, spread) per link."""
    known = nodes[(nodes["rate"] > 0.05) & nodes["source"].notna()].reset_index(drop=True)
    pairs = known[["source", "warehouse", "lead_days"]].drop_duplicates(["source", "warehouse"])
    pairs = pairs.sort_values(["source", "warehouse"], ignore_index=True)
    lateness = {code: supplier.late for code, supplier in atlas().suppliers.items()}
    late = pairs["source"].map(lateness).fillna(1.0).to_numpy(dtype=float)
    agreed = pairs["lead_days"].to_numpy(dtype=float)
    mean, spread = agreed * late, (0.4 + 0.09 * agreed) * np.where(late > 1, LATE_SPREAD, 1.0)
    shape = (mean / spread) ** 2
    took = np.maximum(
        np.round(rng.standard_gamma(np.repeat(shape[:, None], RECEIPT_WEEKS, axis=1)) * (mean / shape)[:, None]),
        1,
    )
    truth = pd.DataFrame(
        {
            "source": pairs["source"],
            "destination": pairs["warehouse"],
            "agreed_days": agreed,
            "mean_days": np.round(mean, 3),
            "sd_days": np.round(spread, 3),
            "distribution": "gamma",
        }
    )
    pair = pd.MultiIndex.from_frame(pairs[["source", "warehouse"]]).get_indexer(
        pd.MultiIndex.from_frame(known[["source", "warehouse"]])
    )
    return _arrived(known, pair, took, size, rng), truth


def _arrived(known: pd.DataFrame, pair: npt.NDArray[np.intp], took: Floats, size: Size, rng: Rng) -> pd.DataFrame:
    """Lines of orders placed on the Mondays of the last year that have arrived by now."""
    each = max(1, size.receipts // len(known))
    row = np.repeat(np.arange(len(known)), each)
    week = rng.integers(0, RECEIPT_WEEKS, len(row))
    lines = pd.DataFrame({"row": row, "week": week}).drop_duplicates().sort_values(["week", "row"])
    link, week = lines["row"].to_numpy(), lines["week"].to_numpy()
    ordered = TODAY - pd.to_timedelta(7 * (week + 1), unit="D")
    days = took[pair[link], week]
    case = known["order_multiple"].to_numpy()[link]
    units = np.maximum(np.round(known["rate"].to_numpy()[link] * rng.uniform(0.6, 1.6, len(link)) / case), 1) * case
    table = pd.DataFrame(
        {
            "order_id": [f"R-{place:03d}-{number:02d}" for place, number in zip(pair[link], week, strict=True)],
            "sku": known["sku"].to_numpy()[link],
            "source": known["source"].to_numpy()[link],
            "destination": known["warehouse"].to_numpy()[link],
            "ordered_on": ordered,
            "promised_on": ordered + pd.to_timedelta(known["lead_days"].to_numpy()[link], unit="D"),
            "received_on": ordered + pd.to_timedelta(days, unit="D"),
            "quantity": units,
        }
    )
    arrived = table[table["received_on"] < TODAY]
    return arrived.sort_values(["order_id", "sku", "destination"], ignore_index=True)


def make_customer_orders(nodes: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """Larger orders with a date; a few are already late."""
    busy = nodes[(nodes["rate"] > 10) & nodes["warehouse"].isin(size.map.warehouses)]
    chosen = busy.iloc[np.sort(rng.permutation(len(busy))[: max(12, len(busy) // 40)])].reset_index(drop=True)
    late = np.arange(len(chosen)) % 6 == 0
    days = np.where(late, -rng.integers(1, 8, len(chosen)), rng.integers(1, 28, len(chosen)))
    return pd.DataFrame(
        {
            "order_id": [f"CO-{number + 1:05d}" for number in range(len(chosen))],
            "sku": chosen["sku"],
            "warehouse": chosen["warehouse"],
            "quantity": np.maximum(np.round(chosen["rate"] * rng.uniform(0.1, 0.5, len(chosen))), 1),
            "due_date": TODAY + pd.to_timedelta(days, unit="D"),
            "backorder": late,
        }
    )


def make_capacities(
    series: pd.DataFrame, goods: pd.DataFrame, coming: Floats, drafts: Floats, storage: dict[str, float], size: Size
) -> pd.DataFrame:
    """Storage everywhere, and the weekly output of the supplier that the spring campaign leans on most.

    Its limit is a fifth over the usual demand of the next five weeks: enough for every week without the campaign.
    """
    weeks = horizon()
    rows = [("storage", code, "m3", week, limit, 12.0) for code, limit in storage.items() for week in weeks]
    supplier = goods["supplier"].to_numpy()[series["good"]]
    extra = pd.Series(drafts[:, size.weeks :].sum(axis=1)).groupby(supplier).sum()
    busiest = str(extra.sort_index().idxmax())
    usual = coming[supplier == busiest][:, size.weeks :].sum(axis=0)
    smooth = np.array([usual[week : week + 5].max() for week in range(len(weeks))])
    limits = np.ceil(smooth * 1.2 / 10) * 10
    rows += [("supply", busiest, "units", week, limit, np.nan) for week, limit in zip(weeks, limits, strict=True)]
    return pd.DataFrame(rows, columns=["scope", "resource", "measure", "week", "limit", "soft_price"])


def make_erp_ids(goods: pd.DataFrame, size: Size) -> pd.DataFrame:
    """Material, plant and vendor numbers of the other system."""
    codes = [("item", sku, f"{1000000 + number:018d}") for number, sku in enumerate(goods["sku"])]
    places = sorted((*size.map.warehouses, *size.map.dcs))
    codes += [("location", code, f"{1000 + 10 * number}") for number, code in enumerate(places)]
    codes += [("supplier", code, f"{200000 + number}") for number, code in enumerate(sorted(size.map.suppliers))]
    frame = pd.DataFrame(codes, columns=["kind", "ours", "theirs"])
    frame.insert(0, "system", "sap")
    return frame.sort_values(["kind", "ours"], ignore_index=True)
