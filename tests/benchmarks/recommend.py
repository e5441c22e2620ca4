"""Which items a customer buys next, judged on a month that no setting was chosen on."""

from __future__ import annotations

import datetime as dt
import time

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from planner.marketing.recommend import Ease, Purchases, read_purchases, recommend
from planner.marketing.recommend.tastes import item_words
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark

CUT, DAYS, TOP = dt.date(2011, 11, 10), 30, 10
PEERS = {"popularity": "popularity", "item neighbours": "item-neighbours", "EASE": "ease"}
TARGETS = {"all": 0.355, "new": 0.107}
_GAIN = 1.0 / np.log2(np.arange(2, TOP + 2))


@benchmark("recommend")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Online Retail, sheet 2010-2011: lines of known customers, returns dropped; learnt before 2011-11-10, tested on
    what customers who bought before buy in the next 30 days. Candidates are all items sold before; ties go to the
    first code. NDCG@10 over customers with a hit to find: `all` over everything, `new` over items that the customer
    never bought. Weights were chosen on months that begin 2011-08-12, 09-11 and 10-11. Seconds: lists of ten for
    every customer, fit included. `--full` adds the other ways and the months of choosing.
    """
    lines, items = load()
    if smoke:
        some = np.sort(lines["customer"].unique())[::12]
        lines = lines[lines["customer"].isin(some)]
    figures = _judged(lines, items, CUT, tuple(PEERS) + (("frequency", "content", "user neighbours") if full else ()))
    if full:
        for cut in (dt.date(2011, 8, 12), dt.date(2011, 9, 11), dt.date(2011, 10, 11)):
            figures += _judged(lines, items, cut, ())
    return figures + _speed(lines, items)


def load() -> tuple[pd.DataFrame, pd.DataFrame]:
    """order_lines, and items with their most frequent description."""
    raw = pd.read_parquet(needed("online_retail") / "online_retail" / "online_retail_ii.parquet")
    raw = raw[(raw["sheet"] == "2010-2011") & raw["Customer ID"].notna()]
    lines = pd.DataFrame(
        {
            "customer": raw["Customer ID"].astype(int).astype(str).to_numpy(dtype=object),
            "sku": raw["StockCode"].str.strip().str.upper().to_numpy(dtype=object),
            "date": raw["InvoiceDate"].dt.normalize().astype("datetime64[ns]").to_numpy(),
            "quantity": raw["Quantity"].astype(float).to_numpy(),
            "returned": raw["Invoice"].str.startswith("C").to_numpy(float),
            "description": raw["Description"].fillna("").to_numpy(dtype=object),
        }
    )
    words = lines.groupby("sku")["description"].agg(lambda texts: texts.value_counts().index[0])
    return lines, words.reset_index().assign(category="", brand="")


def split(lines: pd.DataFrame, cut: dt.date) -> tuple[Purchases, sparse.csr_matrix]:
    """Purchases before `cut`, and what the same customers bought of the same items in the 30 days from it."""
    known = read_purchases(lines, cut)
    first, last = pd.Timestamp(cut), pd.Timestamp(cut) + pd.Timedelta(days=DAYS)
    came = lines[(lines["date"] >= first) & (lines["date"] < last) & (lines["quantity"] > 0) & (lines["returned"] == 0)]
    came = came[came["customer"].isin(known.customers) & came["sku"].isin(known.items)]
    came = came.drop_duplicates(["customer", "sku"])
    row, column = np.searchsorted(known.customers, came["customer"]), np.searchsorted(known.items, came["sku"])
    return known, sparse.csr_matrix((np.ones(len(came)), (row, column)), shape=known.shape)


def ndcg(lists: pd.DataFrame, known: Purchases, came: npt.NDArray[np.bool_], rows: npt.NDArray[np.int64]) -> float:
    """Mean over `rows` with something to find of sum of gain at hits / best sum possible."""
    place = np.full(len(known.customers), -1)
    place[rows] = np.arange(len(rows))
    row = place[np.searchsorted(known.customers, lists["customer"])]
    hit = came[row, np.searchsorted(known.items, lists["sku"])]
    found = np.bincount(row, hit * _GAIN[lists["rank"].to_numpy() - 1], minlength=len(rows))
    wanted = came.sum(axis=1)
    best = np.cumsum(_GAIN)[np.clip(wanted, 1, TOP) - 1]
    return float((found / best)[wanted > 0].mean())


def _judged(lines: pd.DataFrame, items: pd.DataFrame, cut: dt.date, peers: tuple[str, ...]) -> list[Figure]:
    known, came = split(lines, cut)
    rows = np.flatnonzero(np.diff(came.indptr) > 0).astype(np.int64)
    bought = (known.matrix(np.inf)[rows] > 0).toarray()
    truth = {"all": came[rows].toarray() > 0, "new": (came[rows].toarray() > 0) & ~bought}
    words, ease = item_words(items, items.iloc[:0], known.items), Ease.fit(known)

    def score(method: str, kind: str) -> float:
        found = recommend(known, words, ease, method=method, top=TOP, only_new=kind == "new", rows=rows)
        return ndcg(found, known, truth[kind], rows)

    figures = []
    for kind, target in TARGETS.items():
        own, judged = score("blend", kind), cut == CUT
        name = f"NDCG@10 {kind}" if judged else f"NDCG@10 {kind}, month of choosing {cut}"
        if not peers:
            figures.append(Figure(name, own, "", None, "higher"))
        for place, peer in enumerate(peers):
            value = score(PEERS.get(peer, peer.replace(" ", "-")), kind)
            figures.append(Figure(name, own, "", target if place == 0 else None, "higher", peer, value))
    return figures


def _speed(lines: pd.DataFrame, items: pd.DataFrame) -> list[Figure]:
    """Seconds for all customers, and of a week's update beside a new fit."""
    known = read_purchases(lines, CUT)
    begin = time.perf_counter()
    fitted = Ease.fit(known)
    fit = time.perf_counter() - begin
    recommend(known, item_words(items, items.iloc[:0], known.items), fitted, top=TOP)
    whole = time.perf_counter() - begin
    week = read_purchases(lines, CUT + dt.timedelta(days=7))
    begin = time.perf_counter()
    fitted.update(week)
    update = time.perf_counter() - begin
    return [
        Figure(f"lists for {len(known.customers):,} customers", whole, "s", 60.0),
        Figure("update by a week", update, "s", None, "lower", "new fit", fit),
    ]
