"""Regional campaigns whose truth is known: the mix, the effect and its interval, what is refused."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from planner.marketing.trials.regional import Regional, read_regional
from planner.marketing.trials.synthetic import compare, mix
from planner.panel import Panel
from tests.marketing.world import table

AS_OF = dt.date(2026, 3, 2)
WEEKS, RUNS = 60, 4
MONDAYS = pd.date_range(end=pd.Timestamp(AS_OF) - pd.Timedelta(weeks=1), periods=WEEKS, freq="W-MON")
START, END = MONDAYS[-RUNS - 2], MONDAYS[-3] + pd.Timedelta(days=6)


def sales(places: int = 24, treated: int = 1, effect: float = 0.3, noise: float = 0.06, seed: int = 1) -> np.ndarray:
    """Units [places, weeks]: sizes of their own, three common factors, noise; the first `treated` sell more."""
    rng = np.random.default_rng(seed)
    week = np.arange(WEEKS)
    factors = np.stack([np.sin(2 * np.pi * week / 52), np.cumsum(rng.normal(0, 0.02, WEEKS)), week / WEEKS])
    size = rng.lognormal(5, 0.6, places)
    units = size[:, None] * np.exp(rng.uniform(0, 0.4, (places, 3)) @ factors + rng.normal(0, noise, (places, WEEKS)))
    units[:treated, _during()] *= 1 + effect
    return units


def _during() -> np.ndarray:
    return np.asarray((MONDAYS >= START) & (MONDAYS <= END))


def read(units: np.ndarray, treated: int = 1, wanted: str = "", **changed: pd.DataFrame) -> Regional:
    """Half of each place's units are sold by each of its two warehouses; the campaign takes the region R00, R01 ..."""
    names = [f"R{n:02d}" for n in range(len(units))]
    places = [f"{name}-{half}" for name in names for half in "AB"]
    keys = pd.DataFrame({"sku": "TEA", "warehouse": places})
    tables = {
        "campaigns": table("campaigns", [
            {"campaign": f"C{n}", "kind": "price", "start": START, "end": END, "region": names[n], "status": "done"}
            for n in range(treated)
        ]),
        "campaign_items": table("campaign_items", [{"campaign": f"C{n}", "sku": "TEA"} for n in range(treated)]),
        "items": table("items", [{"sku": "TEA"}]),
        "locations": table("locations", [
            {"location": place, "kind": "warehouse", "region": place[:3], "country": "DE"} for place in places
        ]),
    } | changed  # fmt: skip
    panel = Panel(keys, MONDAYS, np.repeat(units / 2, 2, axis=0).astype(np.float32))
    return read_regional(panel, **tables, as_of=AS_OF, wanted=wanted)


def test_the_mix_is_the_quadratic_programme_solved() -> None:
    """Against a general solver, and found back where the truth is a mix."""
    rng = np.random.default_rng(2)
    donors = rng.normal(1, 0.2, (40, 6))
    assert mix(donors @ [0.5, 0.3, 0.2, 0, 0, 0], donors) == pytest.approx([0.5, 0.3, 0.2, 0, 0, 0], abs=1e-6)
    target = rng.normal(1, 0.2, 40)
    found = mix(target, donors)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1.0)
    peer = minimize(lambda w: ((target - donors @ w) ** 2).sum(), np.full(6, 1 / 6), method="SLSQP",
                    bounds=[(0, 1)] * 6, constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
                    options={"ftol": 1e-12})  # fmt: skip
    assert ((target - donors @ found) ** 2).sum() <= peer.fun + 1e-8


def test_an_effect_is_found_and_its_interval_holds_it() -> None:
    row = read(sales()).results.iloc[0]
    assert (row["level"], row["treated"], row["donors"], row["weeks"]) == ("region", "R00", 23, RUNS)
    assert row["low"] < 0.3 < row["high"]
    assert row["effect"] == pytest.approx(0.3, abs=0.15)
    assert row["verdict"] == "more units"
    gained = sales()[0, _during()].sum() - sales(effect=0.0)[0, _during()].sum()
    assert row["units"] == pytest.approx(gained, rel=0.4)
    donors = read(sales()).donors
    assert donors["weight"].sum() == pytest.approx(1.0)
    assert "R00" not in set(donors["place"])


@pytest.mark.parametrize("treated", [1, 3])
def test_intervals_hold_the_truth_and_nothing_is_seldom_called(treated: int) -> None:
    """Three treated places count together; 60 worlds of each kind: 95 % give or take 2.5 standard errors."""
    taken, after = np.arange(14 + 7 * (treated == 1)) < treated, _during()
    held, false = [], []
    for seed in range(60):
        some = compare(sales(len(taken), treated, 0.2, seed=seed)[:, : WEEKS - 2], taken, after[:-2])
        none = compare(sales(len(taken), treated, 0.0, seed=seed + 500)[:, : WEEKS - 2], taken, after[:-2])
        held.append(some.low < 0.2 < some.high)
        false.append(none.p_value <= 0.05)
    assert np.mean(held) > 0.88
    assert np.mean(false) < 0.12


def test_a_campaign_by_warehouse_is_read_when_it_is_named() -> None:
    where = {
        "campaigns": table("campaigns", [{"campaign": "C0", "kind": "price", "start": START, "end": END}]),
        "campaign_items": table("campaign_items", [{"campaign": "C0", "sku": "TEA", "warehouse": "R00-A"}]),
    }
    assert read(sales(), **where).results.empty
    row = read(sales(), wanted="C0", **where).results.iloc[0]
    assert (row["level"], row["treated"]) == ("warehouse", "R00-A")


def test_too_few_places_are_refused_and_few_are_not_called() -> None:
    few = read(sales(places=3))
    assert few.results.empty
    assert few.refused["why"].iloc[0].startswith("only 4 warehouses")
    row = read(sales(places=8)).results.iloc[0]
    assert row["verdict"].startswith("cannot tell: 7 placebos allow no p-value below 0.12")
    assert row["confidence"] == pytest.approx(7 / 8)


def test_a_place_that_moved_like_no_other_is_refused() -> None:
    units = sales()
    units[0] *= 1 + 0.4 * np.cos(np.arange(WEEKS) * 2 * np.pi / 9)
    refused = read(units).refused
    assert "no mix of the others moved as it did before" in refused["why"].iloc[0]


def test_places_with_a_campaign_of_their_own_do_not_count_as_untreated() -> None:
    """Two of three regions had the same campaign under another name: they are no donors of each other."""
    found = read(sales(treated=2), treated=2)
    assert found.results["donors"].tolist() == [22, 22]
    assert not {"R00", "R01"} & set(found.donors["place"])


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        (START, pd.Timestamp(AS_OF) + pd.Timedelta(days=9), "it runs until 2026-03-11"),
        (START + pd.Timedelta(days=1), START + pd.Timedelta(days=8), "no week from Monday to Sunday"),
        (MONDAYS[5], MONDAYS[8], "5 undisturbed weeks before it: at least 12"),
    ],
)
def test_a_time_that_cannot_be_read_is_named(start: pd.Timestamp, end: pd.Timestamp, says: str) -> None:
    row = {"campaign": "C0", "kind": "price", "start": start, "end": end, "region": "R00", "status": "done"}
    assert says in read(sales(), campaigns=table("campaigns", [row])).refused["why"].iloc[0]


def test_weeks_in_which_another_campaign_ran_elsewhere_are_left_out() -> None:
    rows = [
        {"campaign": "C0", "kind": "price", "start": START, "end": END, "region": "R00", "status": "done"},
        {
            "campaign": "OLD",
            "kind": "price",
            "start": MONDAYS[30],
            "end": MONDAYS[33],
            "region": "R05",
            "status": "done",
        },
    ]
    both = table("campaign_items", [{"campaign": name, "sku": "TEA"} for name in ("C0", "OLD")])
    found = read(sales(), campaigns=table("campaigns", rows), campaign_items=both, wanted="C0").results.iloc[0]
    alone = read(sales()).results.iloc[0]
    assert found["weeks_before"] == min(52, WEEKS - RUNS - 2) - 2
    assert alone["weeks_before"] == 52
