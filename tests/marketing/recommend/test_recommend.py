"""Recommendations on a tiny shop, where who likes what is plain."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from planner.marketing.recommend import METHODS, Ease, Offer, read_purchases, recommend
from planner.marketing.recommend.blend import ranked
from planner.marketing.recommend.tastes import item_words

DAY = dt.date(2026, 3, 2)
NO_FEATURES = pd.DataFrame({"sku": pd.Series(dtype=object), "text": pd.Series(dtype=object)})


def shop(people: int = 40, seed: int = 1) -> pd.DataFrame:
    """Even customers drink tea (T0..T4), odd ones coffee (C0..C4): three of five each, over half a year."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"P{who:02d}", f"{'TC'[who % 2]}{item}", pd.Timestamp(DAY) - pd.Timedelta(days=int(rng.integers(1, 180))), 1.0)
        for who in range(people)
        for item in rng.permutation(5)[:3]
    ]
    return pd.DataFrame(rows, columns=["customer", "sku", "date", "quantity"]).assign(returned=0.0)


def words(codes: np.ndarray) -> sparse.csr_matrix:
    items = pd.DataFrame({"sku": codes, "description": [f"{'tea' if c[0] == 'T' else 'coffee'} {c}" for c in codes]})
    return item_words(items.assign(category="", brand=""), NO_FEATURES, codes)


def test_returns_later_lines_and_repeats_of_a_day_do_not_count() -> None:
    lines = shop(2)
    later = lines.head(1).assign(date=pd.Timestamp(DAY))
    back = lines.head(1).assign(returned=1.0, sku="X")
    known = read_purchases(pd.concat([lines, lines, later, back]), DAY, ["nobody"])
    assert len(known.customer) == len(lines)
    assert known.age.min() >= 1
    assert list(known.customers) == ["P00", "P01", "nobody"]
    assert "X" not in known.items


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("trend", "popularity", "frequency")])
def test_every_personal_way_finds_the_drink_they_like(method: str) -> None:
    known = read_purchases(shop(), DAY)
    found = recommend(known, words(known.items), Ease.fit(known), method=method, top=2, only_new=True)
    own = found["customer"].str[1:].astype(int).mod(2).map({0: "T", 1: "C"})
    assert (found["sku"].str[0] == own).mean() > 0.9
    assert found.groupby("customer")["rank"].max().eq(2).all()


def test_the_blend_puts_habits_first_and_says_why() -> None:
    known = read_purchases(shop(), DAY)
    found = recommend(known, words(known.items), Ease.fit(known), top=3)
    bought = {(known.customers[c], known.items[i]) for c, i in zip(known.customer, known.item, strict=True)}
    first = found[found["rank"] == 1]
    assert all(pair in bought for pair in zip(first["customer"], first["sku"], strict=True))
    assert set(first["why"]) == {"bought before"}


def test_what_will_be_out_is_never_offered_and_scarce_items_come_later() -> None:
    known = read_purchases(shop(), DAY)
    share = np.ones((1, len(known.items)))
    share[0, list(known.items).index("T0")] = 0.0
    share[0, list(known.items).index("T1")] = 0.05
    offer = Offer(share, np.zeros(len(known.customers), dtype=np.int64))
    plain, weighed = (recommend(known, words(known.items), None, method="content", offer=o) for o in (None, offer))
    assert "T0" in set(plain["sku"])
    assert "T0" not in set(weighed["sku"])
    ranks = [frame[frame["sku"] == "T1"].set_index("customer")["rank"] for frame in (plain, weighed)]
    assert ranks[1].mean() > ranks[0].mean()


def test_whoever_bought_nothing_sees_what_sells_now() -> None:
    known = read_purchases(shop(), DAY, ["nobody"])
    found = recommend(known, words(known.items), Ease.fit(known), top=1, rows=np.array([len(known.customers) - 1]))
    assert found["why"].tolist() == ["sells now"]


def test_an_update_equals_a_new_fit_with_the_ridge_of_then() -> None:
    lines, earlier = shop(), DAY - dt.timedelta(days=14)
    lines = pd.concat([lines, pd.DataFrame([("P00", "NEW", pd.Timestamp(DAY) - pd.Timedelta(days=2), 1.0, 0.0)],
                                           columns=list(lines.columns))])  # fmt: skip
    whole = read_purchases(lines, DAY)
    updated = Ease.fit(read_purchases(lines, earlier)).update(whole)
    held = whole.latest(90.0).toarray() * 0.5 ** (-14 / 90.0)
    expected = np.linalg.inv(held.T @ held + 200.0 * np.eye(len(whole.items)))
    assert list(updated.items) == list(whole.items)
    assert updated.day == DAY
    np.testing.assert_allclose(updated.inverse, expected, atol=1e-12)


def test_ties_go_to_the_first_code() -> None:
    assert ranked(np.array([[1.0, 2.0, 2.0, 1.0]]), 3).tolist() == [[1, 2, 0]]


def test_a_digest_knows_the_past_and_nothing_else() -> None:
    lines, earlier = shop(), DAY - dt.timedelta(days=30)
    past = read_purchases(lines, earlier)
    assert read_purchases(lines, DAY).before(earlier).digest() == past.digest()
    assert read_purchases(lines.iloc[1:], earlier).digest() != past.digest() or lines["date"].iloc[0].date() >= earlier
