"""Recommendations against supply: an item that will be out when the offer arrives is offered to nobody."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.files import digest_of, whole_file
from planner.marketing.recommend import Ease, Offer, Purchases, read_purchases, recommend
from planner.marketing.recommend.tastes import item_words
from planner.periods import first_day
from planner.workspace import code_digest

Floats = npt.NDArray[np.float64]
_RECENT_DAYS = 56
_STATE = "ease.npz"


@dataclass(frozen=True)
class Wish:
    """What is asked for: `arrives` is the day on which customers see the offer."""

    arrives: dt.date
    method: str = "blend"
    top: int = 10
    only_new: bool = False
    customer: str = ""


@dataclass(frozen=True)
class Offers:
    """`lists`: customer, rank, sku, description, warehouse, stock_share, score, why. `slots`: how many customers see
    each SKU at each warehouse, and what is there for them. `notes` say what was not looked at.
    """

    lists: pd.DataFrame
    slots: pd.DataFrame
    notes: tuple[str, ...]


def make_offers(dataset: Dataset, as_of: dt.date, plan: pd.DataFrame, cache: Path, wish: Wish) -> Offers:
    """The best items of each customer, weighed by the stock at their warehouse on the day that they arrive.

    `plan` is the stock plan of a run; where it has no rows, stock, pipeline and the sales of late stand in for it.
    """
    purchases = read_purchases(dataset["order_lines"], as_of, dataset["customers"]["customer"])
    words = item_words(dataset["items"], dataset["item_features"], purchases.items)
    ease, note = learnt(purchases, cache) if wish.method in ("blend", "ease") else (None, "")
    there, source = on_offer(dataset, as_of, plan, wish.arrives)
    homes = _homes(dataset, purchases)
    offer = None if there is None else _offer(there, homes, purchases, dataset["items"], wish.arrives)
    rows = np.flatnonzero(purchases.customers == wish.customer) if wish.customer else None
    lists = recommend(purchases, words, ease, method=wish.method, top=wish.top, only_new=wish.only_new, offer=offer,
                      rows=rows)  # fmt: skip
    described = dataset["items"].drop_duplicates("sku").set_index("sku")["description"]
    home = pd.Series(homes, index=pd.Index(purchases.customers))
    lists = lists.assign(description=lists["sku"].map(described).fillna(""), warehouse=lists["customer"].map(home))
    return Offers(lists, _slots(lists, there), tuple(filter(None, (note, source))))


def learnt(purchases: Purchases, cache: Path) -> tuple[Ease, str]:
    """What goes with what: brought up to date from the last time where the past is the same, else learnt anew."""
    state = cache / "recommend" / _STATE
    known = _stored(state, purchases)
    ease = known.update(purchases) if known is not None else Ease.fit(purchases)
    if known is None or ease.day != known.day:
        _store(state, ease, purchases)
    if known is None:
        return ease, "what goes with what was learnt anew"
    since = "is from today" if known.day == purchases.day else f"was brought up to date from {known.day}"
    return ease, f"what goes with what {since}"


def _stored(state: Path, purchases: Purchases) -> Ease | None:
    if not state.is_file():
        return None
    try:
        with np.load(state, allow_pickle=False) as held:
            day = dt.date.fromisoformat(str(held["day"]))
            fitted = dt.date.fromisoformat(str(held["fitted"]))
            ease = Ease(held["items"].astype(object), held["inverse"], fitted, day)
            digest = str(held["digest"])
    except (OSError, ValueError, KeyError):
        return None
    fits = ease.covers(purchases) and digest == _digest(purchases.before(day))
    return ease if fits else None


def _store(state: Path, ease: Ease, purchases: Purchases) -> None:
    with whole_file(state) as draft, draft.open("wb") as handle:
        np.savez(handle, items=ease.items.astype(str), inverse=ease.inverse, day=ease.day.isoformat(),
                 fitted=ease.fitted.isoformat(), digest=_digest(purchases))  # fmt: skip


def _digest(purchases: Purchases) -> str:
    return digest_of(code_digest(), purchases.digest())


def on_offer(dataset: Dataset, as_of: dt.date, plan: pd.DataFrame, arrives: dt.date) -> tuple[pd.DataFrame | None, str]:
    """sku, warehouse, there (units in the week of `arrives`), share (of that week's demand that they serve); and what
    it was read from. None where nothing is known of stock.
    """
    week = pd.Timestamp(first_day(arrives, "week"))
    planned = plan[plan["week"] == week] if len(plan) else plan
    if len(planned):
        there = planned[["sku", "warehouse"]].assign(
            there=planned["opening"] + planned["receipts"], demand=planned["demand"]
        )
        return _with_share(there), f"stock of the week of {week:%Y-%m-%d} as the latest plan has it"
    if not dataset.has("stock"):
        return None, "there is no table stock: stock was not looked at"
    return _with_share(_expected(dataset, as_of, arrives)), "stock less the sales of the last eight weeks until then"


def _with_share(there: pd.DataFrame) -> pd.DataFrame:
    """Share = units there / demand of the week, at most 1; less than one unit serves nobody."""
    units, demand = there["there"].to_numpy(float), there["demand"].to_numpy(float)
    share = np.minimum(np.divide(units, demand, out=np.ones_like(units), where=demand > 0), 1.0)
    return there.assign(share=np.where(units >= 1.0, share, 0.0))


def _expected(dataset: Dataset, as_of: dt.date, arrives: dt.date) -> pd.DataFrame:
    """Free stock + what is due by then - mean daily sales x days until then; demand of a week = 7 x that mean."""
    key, today = ["sku", "warehouse"], pd.Timestamp(as_of)
    stock = dataset["stock"][dataset["stock"]["status"] == "free"]
    units = stock.assign(units=stock["on_hand"] - stock["allocated"]).groupby(key)["units"].sum()
    pipeline = dataset["pipeline"].rename(columns={"destination": "warehouse"})
    coming = pipeline[pipeline["due_date"] <= pd.Timestamp(arrives)].groupby(key)["quantity"].sum()
    sales = dataset["sales"]
    recent = sales[(sales["date"] >= today - pd.Timedelta(days=_RECENT_DAYS)) & (sales["date"] < today)]
    net = recent["quantity"] * (np.where(recent["returned"] > 0, -1.0, 1.0) if "returned" in recent else 1.0)
    daily = net.groupby([recent["sku"].astype(object), recent["warehouse"].astype(object)]).sum() / _RECENT_DAYS
    there = units.reset_index()
    at = pd.MultiIndex.from_frame(there[key])
    pace = np.maximum(daily.reindex(at).fillna(0.0).to_numpy(float), 0.0)
    due = coming.reindex(at).fillna(0.0).to_numpy(float)
    left = there.pop("units").to_numpy(float) + due - pace * max((arrives - as_of).days, 0)
    return there.assign(there=np.maximum(left, 0.0), demand=7.0 * pace)


def _homes(dataset: Dataset, purchases: Purchases) -> npt.NDArray[np.object_]:
    """Each customer's warehouse: as the table says, else where most of their lines came from, else none."""
    customers, lines = dataset["customers"], dataset["order_lines"]
    told = customers[customers["home_warehouse"] != ""].set_index("customer")["home_warehouse"]
    home = told.reindex(purchases.customers)
    if "warehouse" in lines:
        seen = lines[["customer", "warehouse"]].astype(object)
        counted = seen[seen["warehouse"] != ""].value_counts().reset_index()
        counted = counted.sort_values(["count", "warehouse"], ascending=[False, True], kind="stable")
        home = home.fillna(counted.drop_duplicates("customer").set_index("customer")["warehouse"])
    return home.fillna("").to_numpy(dtype=object)


def _offer(
    there: pd.DataFrame, homes: npt.NDArray[np.object_], purchases: Purchases, items: pd.DataFrame, arrives: dt.date
) -> Offer:
    """Shares by place and item; whoever has no place is served by the best one. Items that ended are out."""
    places = np.array(sorted(there["warehouse"].unique()), dtype=object)
    share = np.zeros((len(places) + 1, len(purchases.items)))
    known = there[there["sku"].isin(purchases.items)]
    share[np.searchsorted(places, known["warehouse"]), np.searchsorted(purchases.items, known["sku"])] = known["share"]
    ended = items.loc[items["end_date"] < pd.Timestamp(arrives), "sku"]
    share[:, np.isin(purchases.items.astype(str), ended.to_numpy(str))] = 0.0
    share[-1] = share[:-1].max(axis=0, initial=0.0)
    at = pd.Index(places).get_indexer(pd.Index(homes))
    return Offer(share, np.where(at < 0, len(places), at).astype(np.int64))


def _slots(lists: pd.DataFrame, there: pd.DataFrame | None) -> pd.DataFrame:
    """sku, warehouse, customers (who see it), there (units): the most shown first."""
    shown = lists.groupby(["sku", "warehouse"]).size().rename("customers").reset_index()
    known = pd.DataFrame(columns=["sku", "warehouse", "there"]) if there is None else there
    shown = shown.merge(known[["sku", "warehouse", "there"]], on=["sku", "warehouse"], how="left")
    return shown.sort_values(["customers", "sku", "warehouse"], ascending=[False, True, True], ignore_index=True)
