"""New items: guessed from items like them, honest about how little is known, and overruled by their own sales."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.forecast.dispersion import NEW, SILENT, classify
from planner.forecast.likeness import described, most_alike, vectors
from planner.forecast.newcomers import Newcomers, launch_curve, welcome, where_it_sells, widened
from tests.forecast.frames import panel, stocking, table

WEEKS = 80


def assortment() -> pd.DataFrame:
    """Cheap small teas and dear large juices of two brands."""
    rows = []
    for number in range(12):
        dear = number % 2
        rows.append(
            {
                "sku": f"s{number:04d}",
                "description": f"{'organic juice carton' if dear else 'green tea bags'} no {number}",
                "category": "drinks",
                "brand": "Lumo" if dear else "Aya",
                "unit_price": 6.0 + number / 10 if dear else 1.0 + number / 10,
            }
        )
    return table("items", rows)


def world(new: int = 1, weeks_known: int = 0, seed: int = 1):
    """Teas sell 5, juices 50 a week; the last `new` items are new and have `weeks_known` weeks of 20."""
    level = np.where(np.arange(12) % 2, 50.0, 5.0)
    values = np.random.default_rng(seed).poisson(level[:, None], (12, WEEKS)).astype(np.float32)
    values[12 - new :] = np.nan
    if weeks_known:
        values[12 - new :, -weeks_known:] = 20
    label = classify(values, "week")
    label[12 - new :] = NEW
    levels = np.where(label == NEW, 0.0, np.nan_to_num(values).mean(axis=1))
    return levels, values, label, panel(values).keys


def guess(levels, values, label, keys, wait=0, horizon=8, items=None) -> Newcomers:
    catalogue = assortment() if items is None else items
    return welcome(levels, values, label, keys, catalogue, "week", np.full(len(keys), wait), horizon)


def test_a_new_item_is_guessed_from_those_like_it_not_from_the_mean_of_its_category():
    found = guess(*world())
    assert found.rows.tolist() == [11]
    np.testing.assert_allclose(found.path[0], 50, rtol=0.25)
    tea = assortment()
    tea.loc[11, ["description", "brand", "unit_price"]] = ["green tea bags large", "Aya", 1.4]
    np.testing.assert_allclose(guess(*world(), items=tea).path[0], 5, rtol=0.25)


def test_without_any_likeness_it_is_the_mean_of_all_and_the_spread_says_so():
    plain = assortment().assign(description="", category="", brand="", unit_price=np.nan)
    blind, seen = guess(*world(), items=plain), guess(*world())
    assert 10 < blind.path[0, 0] < 50
    assert blind.cv[0] > 2 * seen.cv[0]


def test_own_sales_overrule_the_guess_the_more_the_longer():
    paths = [guess(*world(weeks_known=weeks)).path[0, 0] for weeks in (0, 2, 8)]
    assert paths[0] > paths[1] > paths[2] > 19
    assert paths[2] == pytest.approx(20, rel=0.25)
    spread = [guess(*world(weeks_known=weeks)).cv[0] for weeks in (0, 2, 8)]
    assert spread[0] > spread[1] > spread[2]


def test_an_item_known_elsewhere_brings_its_own_level():
    """A new series of a known SKU: warehouse v sells twice what w does."""
    rng = np.random.default_rng(4)
    level = np.r_[np.linspace(5, 60, 12), 2 * np.linspace(5, 60, 12)]
    values = rng.poisson(level[:, None], (24, WEEKS)).astype(np.float32)
    values[23] = np.nan
    keys = pd.DataFrame(
        {"sku": [f"s{n:04d}" for n in range(12)] * 2, "warehouse": ["w"] * 12 + ["v"] * 12}, dtype=object
    )
    label = classify(values, "week")
    label[23] = NEW
    levels = np.nan_to_num(values).mean(axis=1)
    blank = table("items", [{"sku": f"s{n:04d}"} for n in range(12)])
    assert guess(levels, values, label, keys, items=blank).path[0, 0] > 75  # the mean of all is 65


def test_a_launch_curve_is_learnt_and_starts_when_the_sale_starts():
    rng = np.random.default_rng(2)
    values = rng.poisson(20.0, (60, WEEKS)).astype(np.float32)
    start = rng.integers(8, 30, 50)
    ramp = np.r_[np.linspace(2.0, 1.0, 13), np.ones(WEEKS)]
    for row, first in enumerate(start):
        values[row] = np.r_[np.full(first, np.nan), rng.poisson(20 * ramp[: WEEKS - first])]
    values[59] = np.nan
    label = classify(values, "week")
    curve = launch_curve(values, label, "week")
    assert curve[0] == pytest.approx(1.8, abs=0.2)
    assert curve[-1] == 1
    label[59] = NEW
    keys = panel(values).keys
    levels = np.where(label == NEW, 0, 20.0)
    blank = table("items", [{"sku": sku} for sku in keys["sku"]])
    path = guess(levels, values, label, keys, wait=3, horizon=20, items=blank).path[0]
    np.testing.assert_allclose(path[3] / path[-1], curve[0])
    assert np.all(np.diff(path[3:]) <= 1e-9)


def test_without_launches_there_is_no_curve():
    _, values, label, _ = world()
    assert (launch_curve(values, label, "week") == 1).all()


def test_the_variance_says_how_little_is_known():
    new = guess(*world())
    mean = np.zeros((12, 8))
    mean[11] = new.path[0]
    wide = widened(np.where(mean > 0, mean, 0.0), mean, new)
    assert (wide[11] >= mean[11] + (new.cv[0] * mean[11]) ** 2).all()
    assert (wide[:11] == 0).all()


def test_nothing_to_learn_from_leaves_everything_as_it_is():
    levels, values, _, keys = world()
    for label in (np.full(12, NEW, np.int8), np.full(12, SILENT, np.int8)):
        assert not guess(levels, values, label, keys).rows.size


def test_likeness():
    table_ = vectors(list(assortment()["sku"]), assortment())
    like = np.asarray((table_ @ table_.T).todense())
    assert (like <= 1 + 1e-9).all()
    assert like[0, 2] > like[0, 1]
    assert most_alike("s0000", list(assortment()["sku"]), assortment())[0][0] == "s0002"
    assert most_alike("unknown", ["s0000"], assortment()) == []
    assert vectors(["a"], table("items", [{"sku": "b"}])).shape[0] == 1


def test_further_attributes_and_texts_count():
    features = pd.DataFrame({"sku": ["s0000", "s0003"], "text": ["winter blend", "winter blend"], "season": ["w", "w"]})
    plain = dict(most_alike("s0000", list(assortment()["sku"]), assortment(), 20))
    rich = dict(most_alike("s0000", list(assortment()["sku"]), described(assortment(), features), 20))
    assert rich["s0003"] > plain["s0003"] + 0.05


def test_a_dc_that_never_sells_is_promised_no_demand():
    values = panel([[1, 2], [0, 0], [3, 1]])
    values.keys["warehouse"] = ["shop", "dc", "dc2"]
    places = table("locations", [{"location": "shop", "kind": "store"}, {"location": "dc", "kind": "dc"},
                                 {"location": "dc2", "kind": "dc"}])  # fmt: skip
    listed = stocking(
        *({"sku": "a", "warehouse": place, "listed_from": "2024-01-01"} for place in ("shop", "dc", "dc2"))
    )
    found = where_it_sells(listed, places, values)
    assert found["listed_to"].notna().tolist() == [False, True, False]
