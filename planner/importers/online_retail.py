"""UCI Online Retail II: invoice lines of one web shop, as online_retail_ii.parquet or .csv.

A line is a sale, a return (its invoice starts with C, its quantity is negative) or something else: postage, bank
charges, stock corrections. Only the first two are kept. The two sheets of the source overlap; a line counts once.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

from planner.errors import DataError, Issue
from planner.importers import assume
from planner.importers.countries import CODES
from planner.importers.draft import Draft
from planner.importers.inputs import Inputs, read_columns
from planner.importers.keys import NO_KEY, keyed_hashes, read_key
from planner.importers.registry import Options

COLUMNS = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
TEXTS = ["Invoice", "StockCode", "Description", "Country"]
PRODUCT = r"[0-9]{5}[A-Z]{0,2}"
RECENT = pd.Timedelta(weeks=assume.RECENT_WEEKS)


def read(inputs: Inputs, options: Options) -> Draft:
    """The lines as tables. Raises DataError where the file does not fit the layout."""
    (path,) = inputs.find(["online_retail_ii.parquet", "online_retail_II.csv", "online_retail_ii.csv"])
    key = read_key(inputs, options["key_file"])
    inputs.say(f"reading {path.name}")
    lines = _read(path)
    inputs.say(f"sorting {len(lines):,} lines")
    last = lines["date"].max()
    lines, notes = _clean(lines)
    as_of = (last + pd.Timedelta(days=7 - last.weekday())).date()
    warehouse, supplier = str(options["warehouse"]), str(options["supplier"])
    lead, review = float(options["lead_days"]), float(options["review_days"])
    items = _items(lines, as_of, options["drop_after_weeks"], options["cost_share"])
    place = pd.DataFrame({"location": [warehouse], "kind": ["warehouse"], "country": ["GB"]})
    series = items[["sku"]].assign(warehouse=warehouse)
    supply = assume.supply(series, _weekly(lines, items, as_of), supplier, lead, review, options["cover_weeks"])
    supply["stocking"] = supply["stocking"].assign(listed_to=items["end_date"].to_numpy())
    inputs.say("adding up sales")
    tables = {
        "items": items,
        "locations": assume.places(place, supplier),
        **supply,
        "sales": _sales(lines, warehouse),
        **({} if key is None else _people(lines, warehouse, key)),
    }
    return Draft(
        title="Online Retail II",
        tables=tables,
        as_of=as_of,
        bucket="week",
        currency="GBP",
        assumptions=options.assumptions()
        | {"last_week": f"the week up to {as_of} is complete: the last line is of {last.date()}"},
        stock={"review_days": review, "lead_days": lead},
        notes=tuple(notes if key else [*notes, f"customers and order_lines {NO_KEY}"]),
    )


def _read(path: Path) -> pd.DataFrame:
    """Lines with our words; the customer is a text without decimals, empty where unknown."""
    table = read_columns(path, COLUMNS, ["sheet"], TEXTS)
    frame: pd.DataFrame = table.to_pandas().rename(columns={"Customer ID": "customer"})
    try:
        frame["InvoiceDate"] = pd.to_datetime(frame["InvoiceDate"]).astype("datetime64[ns]")
        frame[["Quantity", "Price"]] = frame[["Quantity", "Price"]].astype(float)
        frame["customer"] = pd.to_numeric(frame["customer"]).astype("Int64").astype("string").fillna("").astype(object)
    except (ValueError, TypeError) as error:
        rule = f"holds a value that does not fit: {str(error)[:120]}"
        raise DataError([Issue(path.name, None, "InvoiceDate, Quantity, Price or Customer ID", "", rule, "")]) from None
    frame[TEXTS] = frame[TEXTS].astype("string").fillna("").astype(object)
    frame["sku"] = frame["StockCode"].str.strip().str.upper()
    frame["date"] = frame["InvoiceDate"].dt.normalize()
    if frame.empty or bool(frame["date"].isna().any()):
        raise DataError([Issue(path.name, None, "InvoiceDate", "", "is empty in some rows, or there is no row", "")])
    return frame


def _clean(lines: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Sales and returns of products, and a note for each kind of line that is left out."""
    notes: list[str] = []

    def leave_out(frame: pd.DataFrame, doomed: pd.Series, why: str) -> pd.DataFrame:
        count = int(doomed.sum())
        if count:
            notes.append(f"{count:,} {'line' if count == 1 else 'lines'} left out: {why}")
        return frame[~doomed.to_numpy()]

    if "sheet" in lines:
        lines = leave_out(lines, _overlap(lines), "they stand in both sheets of the source")
    odd = ~lines["sku"].str.fullmatch(PRODUCT)
    codes = lines.loc[odd, "sku"].value_counts()
    named = ", ".join(
        f"{code} {count:,}" for code, count in sorted(codes.items(), key=lambda pair: (-pair[1], pair[0]))[:8]
    )
    lines = leave_out(lines, odd, f"no product code, such as {named}")
    lines = leave_out(
        lines, (lines["Price"] <= 0) | (lines["Quantity"] == 0), "no price: samples and stock corrections"
    )
    returned = lines["Invoice"].str.upper().str.startswith("C") | (lines["Quantity"] < 0)
    lines = lines.assign(returned=returned, quantity=lines["Quantity"].abs())
    lines = leave_out(lines, _cancelled(lines), "orders cancelled in full on the same day, and their cancellations")
    sold = set(lines.loc[~lines["returned"], "sku"])
    lines = leave_out(lines, ~lines["sku"].isin(sold), "returns of products that were never sold")
    unknown = sorted(set(lines["Country"]) - set(CODES))
    if unknown:
        notes.append(f"no country code for {', '.join(unknown)}")
    return lines, notes


def _overlap(lines: pd.DataFrame) -> pd.Series:
    """Lines of an earlier sheet whose invoice stands in a later sheet as well."""
    sheet = pd.Series(pd.factorize(lines["sheet"], sort=True)[0], index=lines.index)
    return sheet != sheet.groupby(pd.factorize(lines["Invoice"])[0]).transform("max")


def _cancelled(lines: pd.DataFrame) -> pd.Series:
    """Pairs of a sale and a return on one day: same customer, product, quantity and price, matched one to one."""
    key = ["customer", "sku", "quantity", "Price", "date"]
    known = lines.loc[(lines["customer"] != "").to_numpy(), [*key, "returned"]]
    back = known.loc[known["returned"].to_numpy(), key].drop_duplicates()
    pairs = known.reset_index(names="row").merge(back, on=key).set_index("row")
    pairs["turn"] = pairs.groupby([*key, "returned"], sort=False).cumcount()
    both = pairs.groupby([*key, "turn"], sort=False)["returned"].transform("nunique") == 2
    return both.reindex(lines.index, fill_value=False)


def _items(lines: pd.DataFrame, as_of: dt.date, drop_after_weeks: int, cost_share: float) -> pd.DataFrame:
    """One row a product: its most frequent description, its mean price of late, and its end if it sells no more."""
    sold = lines[~lines["returned"].to_numpy()]
    last = sold.groupby("sku")["date"].max()
    recent = sold[(sold["date"] > sold["sku"].map(last) - RECENT).to_numpy()]
    sums = recent.assign(money=recent["Price"] * recent["quantity"]).groupby("sku")[["money", "quantity"]].sum()
    price = (sums["money"] / sums["quantity"]).round(4)
    ended = last < pd.Timestamp(as_of) - pd.Timedelta(weeks=drop_after_weeks) if drop_after_weeks else last.isna()
    items = pd.DataFrame(
        {
            "description": _descriptions(sold),
            "unit_cost": (price * cost_share).round(4),
            "unit_price": price,
            "end_date": last.where(ended),
        }
    )
    return items.rename_axis("sku").sort_index().reset_index()


def _descriptions(sold: pd.DataFrame) -> pd.Series:
    """The most frequent words for each product; of equals the first in the alphabet."""
    codes, texts = pd.factorize(sold["Description"])
    tidy = np.array([" ".join(str(text).split()) for text in texts], dtype=object)
    counted = sold.assign(words=tidy[codes]).groupby(["sku", "words"]).size().rename("lines").reset_index()
    counted = counted.sort_values(["sku", "lines", "words"], ascending=[True, False, True], kind="stable")
    return counted.drop_duplicates("sku").set_index("sku")["words"]


def _weekly(lines: pd.DataFrame, items: pd.DataFrame, as_of: dt.date) -> pd.Series:
    """Mean weekly sales of the last 13 weeks, returns taken off; nothing for items that ended."""
    recent = lines[(lines["date"] >= pd.Timestamp(as_of) - RECENT).to_numpy()]
    net = recent["quantity"] * np.where(recent["returned"], -1.0, 1.0)
    mean = (net.groupby(recent["sku"]).sum() / assume.RECENT_WEEKS).clip(lower=0.0)
    return items["sku"].map(mean).fillna(0.0).where(items["end_date"].isna(), 0.0)


def _sales(lines: pd.DataFrame, warehouse: str) -> pd.DataFrame:
    """One row a product and day, and one for what came back; unit_price = revenue / units."""
    key = ["date", "sku", "returned"]
    sums = (
        lines.assign(money=lines["Price"] * lines["quantity"]).groupby(key)[["money", "quantity"]].sum().reset_index()
    )
    sales = pd.DataFrame(
        {
            "date": sums["date"],
            "sku": sums["sku"].astype("category"),
            "warehouse": pd.Categorical([warehouse] * len(sums)),
            "quantity": sums["quantity"],
            "unit_price": (sums["money"] / sums["quantity"]).round(4),
            "returned": sums["returned"],
        }
    )
    return sales.sort_values(key, ignore_index=True)


def _people(lines: pd.DataFrame, warehouse: str, key: bytes) -> dict[str, pd.DataFrame]:
    """Customers and their lines under keyed hashes; lines without a customer stay in sales only."""
    known = lines[(lines["customer"] != "").to_numpy()]
    known = known.assign(hashed=keyed_hashes(known["customer"], key), code=known["Country"].map(CODES).fillna(""))
    order_lines = pd.DataFrame(
        {
            "order_id": known["Invoice"].astype("category"),
            "date": known["date"],
            "customer": known["hashed"],
            "sku": known["sku"].astype("category"),
            "quantity": known["quantity"],
            "unit_price": known["Price"],
            "warehouse": pd.Categorical([warehouse] * len(known)),
            "country": known["code"].astype("category"),
            "returned": known["returned"],
        }
    )
    order_lines = order_lines.sort_values(["date", "order_id", "sku", "quantity", "unit_price"], ignore_index=True)
    first = known.sort_values(["date", "Invoice"], kind="stable").drop_duplicates("customer")
    customers = pd.DataFrame(
        {
            "customer": first["hashed"].astype(object),
            "country": first["code"],
            "home_warehouse": warehouse,
            "created_on": first["date"],
        }
    )
    return {"order_lines": order_lines, "customers": customers.sort_values("customer", ignore_index=True)}
