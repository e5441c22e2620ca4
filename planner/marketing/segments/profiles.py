"""customers, order_lines, behaviour -> one row a customer: what is known of them on a day.

    recency_days       days since the last order                 orders, value    number and money of orders
    gap_days           mean days between two orders (empty with one)              value_per_order
    price_sensitivity  share of the money spent at 5 % or more below the item's usual price (its upper quartile of the
                       country), shrunk to the mean of all by 5 lines
    returned_share     returned money over bought money
    looks              views, searches, carts and clicks in the last eight weeks
    share of X         share of the money spent in the category X, for the MOST_CATEGORIES largest

Customers who never ordered have no recency and no gap, and 0 elsewhere.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

MOST_CATEGORIES = 8
SHARE = "share of "
_CHEAP, _LINES_OF_MEAN = 0.95, 5.0
_LOOK_DAYS = 56
LARGE_SHARE = 0.4


def make_profiles(
    customers: pd.DataFrame, order_lines: pd.DataFrame, behaviour: pd.DataFrame, items: pd.DataFrame, as_of: dt.date
) -> pd.DataFrame:
    """One row a customer known before `as_of`, sorted by customer; nothing from that day on is read."""
    today = pd.Timestamp(as_of)
    lines = _lines(order_lines, items, today)
    known = customers[~(customers["created_on"] >= today)]
    people = pd.Index(sorted({*known["customer"], *lines["customer"].unique()}), name="customer")
    bought = lines[~lines["back"]]
    table = pd.DataFrame(index=people).join(_orders(bought, today)).join(_prices(bought))
    money = lines.groupby([lines["customer"], lines["back"]])["money"].sum().unstack(fill_value=0)
    money = money.reindex(columns=[False, True], fill_value=0.0)
    table["returned_share"] = (money[True] / money[False].where(money[False] > 0)).clip(0.0, 1.0)
    table["looks"] = _looks(behaviour, today)
    table = table.join(_mix(bought))
    counts = [name for name in table.columns if name not in ("recency_days", "gap_days")]
    table[counts] = table[counts].fillna(0.0)
    return _home(table, known, bought).reset_index()


def one_large_customer(order_lines: pd.DataFrame) -> str:
    """A sentence about one customer who has LARGE_SHARE of the lines or more; empty where there is none."""
    share = order_lines["customer"].value_counts(normalize=True)
    share = share[share.index != ""]
    if share.empty or share.iloc[0] < LARGE_SHARE:
        return ""
    return (
        f"one customer, {share.index[0]}, has {share.iloc[0]:.0%} of the order lines: read sums with care, "
        f"and leave a reseller out of order_lines"
    )


def _lines(order_lines: pd.DataFrame, items: pd.DataFrame, today: pd.Timestamp) -> pd.DataFrame:
    """Lines before `today` with money, category and whether they came back."""
    lines = order_lines[(order_lines["date"] < today) & (order_lines["customer"] != "")]
    lines = lines.astype(
        {name: object for name in ("customer", "sku", "order_id", "country", "warehouse") if name in lines}
    )
    known = items.drop_duplicates("sku").set_index("sku")
    price = lines["unit_price"] if "unit_price" in lines else pd.Series(np.nan, index=lines.index)
    price = price.fillna(lines["sku"].map(known["unit_price"])).fillna(0.0)
    back = lines["quantity"] < 0
    if "returned" in lines:
        back |= lines["returned"] > 0
    return lines.assign(
        price=price,
        money=price * lines["quantity"].abs(),
        back=back,
        category=lines["sku"].map(known["category"]).fillna(""),
        country=lines.get("country", ""),
        warehouse=lines.get("warehouse", ""),
    )


def _orders(bought: pd.DataFrame, today: pd.Timestamp) -> pd.DataFrame:
    by = bought.groupby("customer")
    first, last = by["date"].min(), by["date"].max()
    orders, days = by["order_id"].nunique(), by["date"].nunique()
    table = pd.DataFrame({"recency_days": (today - last).dt.days.astype(float), "orders": orders.astype(float)})
    gap = (last - first).dt.days / (days - 1).where(days > 1)
    value = by["money"].sum()
    return table.assign(value=value, value_per_order=value / orders, gap_days=gap)


def _prices(bought: pd.DataFrame) -> pd.DataFrame:
    """Money spent below the usual price over all money, shrunk by _LINES_OF_MEAN lines to that of all."""
    item = bought.groupby(["sku", "country"]).ngroup()
    usual = item.map(bought["price"].groupby(item).quantile(0.75))
    cheap = bought["money"].where(bought["price"] < _CHEAP * usual, 0.0)
    sums = pd.DataFrame({"customer": bought["customer"], "cheap": cheap, "money": bought["money"], "lines": 1.0})
    sums = sums.groupby("customer").sum()
    mean = sums["cheap"].sum() / max(sums["money"].sum(), 1e-9)
    own = (sums["cheap"] / sums["money"].where(sums["money"] > 0)).fillna(mean)
    weight = sums["lines"] / (sums["lines"] + _LINES_OF_MEAN)
    return pd.DataFrame({"price_sensitivity": mean + weight * (own - mean)})


def _looks(behaviour: pd.DataFrame, today: pd.Timestamp) -> pd.Series:
    seen = behaviour[(behaviour["at"] < today) & (behaviour["at"] >= today - pd.Timedelta(days=_LOOK_DAYS))]
    seen = seen[seen["kind"] != "shown"]
    return seen["customer"].astype(object).value_counts().astype(float)


def _mix(bought: pd.DataFrame) -> pd.DataFrame:
    """Shares of the largest categories; nothing where items have no category."""
    money = bought[bought["category"] != ""].groupby(["customer", "category"])["money"].sum().unstack(fill_value=0)
    largest = money.sum().sort_values(ascending=False, kind="stable").index[:MOST_CATEGORIES]
    total = money.sum(axis=1)
    return money[sorted(largest)].div(total.where(total > 0), axis=0).add_prefix(SHARE)


def _home(table: pd.DataFrame, known: pd.DataFrame, bought: pd.DataFrame) -> pd.DataFrame:
    """Home warehouse and country: as the table customers says, else where most lines are from."""
    told = known.drop_duplicates("customer").set_index("customer")
    for name, column in (("home_warehouse", "warehouse"), ("country", "country")):
        seen = bought.loc[bought[column] != "", ["customer", column]].value_counts().reset_index()
        seen = seen.sort_values(["count", column], ascending=[False, True], kind="stable")
        usual = seen.drop_duplicates("customer").set_index("customer")[column]
        own = told.loc[told[name] != "", name].reindex(table.index)
        table[name] = own.where(own.notna(), usual.reindex(table.index)).astype("string").fillna("").astype(object)
    return table
