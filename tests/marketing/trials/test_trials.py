"""Trials whose truth is known: what could be seen, what is read, what is refused, for whom it works."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from planner.marketing.trials import (
    LEARNERS,
    by_group,
    choose_sum,
    doubts,
    fit_uplift,
    needed_customers,
    qini,
    read_trial,
    send_list,
    smallest_effect,
)
from planner.marketing.trials.power import smallest_rate_effect
from planner.marketing.trials.settle import by_place, features, for_whom, settle

SENT = pd.Timestamp("2026-02-02 09:00")


def trial(people: int = 4000, effect: float = 0.05, held: float = 0.5, seed: int = 1, arms: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    treated = rng.random(people) >= held
    arm = np.where(treated, np.array([f"mail{n}" for n in rng.integers(0, arms, people)]), "control")
    visit = rng.random(people) < 0.10 + effect * treated
    share = np.where(treated, (1 - held) / arms, held)
    frame = pd.DataFrame(
        {"campaign": "C", "customer": [f"P{n:05d}" for n in range(people)], "arm": arm, "share": share}
    )
    sent = pd.Series(SENT, index=frame.index).where(treated)
    return frame.assign(sent_at=sent, visit=visit.astype(float), conversion=np.nan, spend=visit * 10.0)


def test_the_smallest_effect_is_the_textbook_one() -> None:
    assert smallest_effect(1000, 1000, 1.0, 1.0) == pytest.approx((1.959964 + 0.841621) * np.sqrt(2 / 1000), rel=1e-5)
    assert smallest_effect(0, 1000, 1.0, 1.0) == np.inf
    assert smallest_effect(500, 500, 1.0, 1.0, tests=3) > smallest_effect(500, 500, 1.0, 1.0)


def test_an_effect_needs_as_many_customers_as_show_it() -> None:
    count = needed_customers(0.02, 0.10, 0.5)
    assert 7300 < count < 8000  # 2 x 3,841 by the usual formula for 10 % against 12 %
    assert smallest_rate_effect(count - count // 2, count // 2, 0.10) <= 0.0201
    with pytest.raises(ValueError, match="holdout"):
        needed_customers(0.02, 0.10, 0.0)


def test_an_effect_is_called_and_its_interval_holds_the_truth() -> None:
    read = read_trial(trial(), "C").set_index("outcome")
    assert read.loc["visit", "verdict"] == "more visit"
    assert read.loc["visit", "low"] < 0.05 < read.loc["visit", "high"]
    assert "conversion" not in read.index


def test_intervals_hold_the_truth_nineteen_times_of_twenty() -> None:
    reads = pd.concat([read_trial(trial(800, 0.03, seed=seed), "C").iloc[:1] for seed in range(40)])
    covered = ((reads["low"] < 0.03) & (reads["high"] > 0.03)).mean()
    assert 0.87 < covered < 1.0
    nothing = pd.concat([read_trial(trial(800, 0.0, seed=seed), "C").iloc[:1] for seed in range(40)])
    assert (nothing["p_value"] <= 0.05).mean() < 0.13


def test_what_it_could_not_see_is_not_called_nothing() -> None:
    row = read_trial(trial(600, 0.0), "C").iloc[0]
    assert row["verdict"].startswith("cannot tell: effects below")
    assert row["smallest_effect"] > 0.05
    few = trial(40, 0.0).assign(visit=0.0)
    assert "too few" in read_trial(few, "C").iloc[0]["verdict"]


def test_several_arms_allow_for_each_other() -> None:
    one, two = read_trial(trial(), "C"), read_trial(trial(arms=2), "C")
    assert two["arm"].nunique() == 2
    width = [(frame["high"] - frame["low"]).iloc[0] for frame in (one, two)]
    assert width[1] > width[0]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda frame: frame[frame["arm"] != "control"], "everybody was treated"),
        (lambda frame: frame[frame["arm"] == "control"], "nobody was treated"),
        (
            lambda frame: frame.assign(arm=frame["arm"].map({"control": "mail0", "mail0": "control"})),
            "arms look swapped",
        ),
        (lambda frame: frame.assign(sent_at=SENT), "control was sent to as well"),
        (lambda frame: frame[(frame["arm"] == "control") | (frame.index % 4 > 0)], "not as they were cut"),
    ],
)
def test_a_trial_in_doubt_is_not_read(spoil, says: str) -> None:  # type: ignore[no-untyped-def]
    assert doubts(trial()) == []
    assert says in " ".join(doubts(spoil(trial())))


def test_a_trial_that_still_runs_is_refused() -> None:
    campaigns = pd.DataFrame({"campaign": ["C"], "end": [pd.Timestamp("2026-02-15")]})
    assert settle(trial(), campaigns, dt.date(2026, 3, 2)).refused.empty
    early = settle(trial(), campaigns, dt.date(2026, 2, 10))
    assert early.results.empty
    assert "runs until 2026-02-15" in early.refused["why"].iloc[0]


def world(people: int = 6000, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The treatment helps where the first feature is 1, and hurts a little where it is 0."""
    rng = np.random.default_rng(seed)
    x = np.stack([rng.integers(0, 2, people), rng.normal(0, 1, people)], axis=1).astype(float)
    on = (rng.random(people) < 0.5).astype(float)
    y = (rng.random(people) < 0.2 + on * np.where(x[:, 0] > 0, 0.15, -0.05)).astype(float)
    return x, on, y


def test_a_perfect_ranking_has_a_high_qini_and_a_random_one_none() -> None:
    x, on, y = world()
    assert qini(x[:, 0], on, y)[0] > 0.2
    assert abs(np.mean([qini(np.random.default_rng(n).random(len(y)), on, y)[0] for n in range(30)])) < 0.05
    assert qini(-x[:, 0], on, y)[0] < -0.2


@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in ("response", "half-control")])
def test_every_learner_finds_for_whom_it_works(name: str) -> None:
    x, on, y = world()
    found = fit_uplift(x, on, y, learners=(name,), repeats=2)
    assert found.uplift[x[:, 0] > 0].mean() > found.uplift[x[:, 0] < 1].mean() + 0.08


def test_the_list_leaves_out_whom_it_hurts_and_nobody_where_nothing_is_known() -> None:
    x, on, y = world()
    names = pd.Series([f"P{n}" for n in range(len(y))])
    found = fit_uplift(x, on, y, repeats=3, learners=("s-logistic", "response"))
    assert found.tells
    sends = send_list(names, found).set_index("customer")["send"].reindex(names).to_numpy()
    assert sends[x[:, 0] > 0].mean() > 0.9
    assert sends[x[:, 0] < 1].mean() < 0.1
    blind = fit_uplift(np.random.default_rng(1).normal(size=(len(y), 2)), on, y, repeats=3, learners=("t-ridge",))
    assert not blind.tells
    assert send_list(names, blind)["send"].all()


def test_sums_of_customers_are_taken_where_the_mix_differs() -> None:
    x, on, y = world()
    mixed = np.where(x[:, 0] > 0, "many", "few").astype(object)
    alike = np.random.default_rng(5).choice(["north", "south"], len(y)).astype(object)
    assert choose_sum(mixed, x, on, y)[0] == "sum of customers"
    assert choose_sum(alike, x, on, y)[0] == "rate x head-count"
    assert by_group(alike, y, 0.1, "rate x head-count").sum() == pytest.approx(0.1 * len(y))


def test_an_effect_comes_to_warehouses_by_the_nearer_way() -> None:
    """It works for the loyal alone (+15 points, else -5): three of four in the north, one of four in the south."""
    x, on, y = world(8000)
    rng = np.random.default_rng(9)
    north = rng.random(len(y)) < np.where(x[:, 0] > 0, 0.75, 0.25)
    names = [f"P{n}" for n in range(len(y))]
    people = pd.DataFrame({"customer": names, "loyal": x[:, 0], "noise": x[:, 1]})
    people = people.assign(home=np.where(north, "NORTH", "SOUTH"), tiny=np.where(np.arange(len(y)) < 3, "few", "many"))
    rows = pd.DataFrame({"customer": names, "arm": np.where(on > 0, "mail", "control"), "visit": y})
    found = by_place(rows, people, "mail", "visit", ["home"], seed=1, cell=10)
    assert found is not None
    table = found[0].set_index("place")
    assert set(table["way"]) == {"sum of customers"}
    truth = pd.Series(np.where(x[:, 0] > 0, 0.15, -0.05)).groupby(np.where(north, "NORTH", "SOUTH")).sum()
    assert table.loc["NORTH", "expected"] == pytest.approx(truth["NORTH"], rel=0.25)
    assert table["customers"].sum() == len(y)
    errors = found[1].set_index("way")["error"]
    assert errors["sum of customers"] < errors["rate x head-count"]
    rare = by_place(rows, people, "mail", "visit", ["tiny"], seed=1, cell=4)
    assert rare is not None
    assert rare[0]["place"].tolist() == ["many"]  # three people are too few to be shown
    assert by_place(rows, people.assign(home=""), "mail", "visit", ["home"], seed=1, cell=10) is None


def test_words_and_numbers_of_customers_become_features() -> None:
    people = pd.DataFrame(
        {"customer": list("abcd"), "history": ["1", "20", "", "7"], "channel": list("xxyy"), "same": 1}
    )
    x, columns = features(people)
    assert columns == ["history", "channel_x", "channel_y"]
    assert np.isfinite(x).all()
    assert for_whom(trial(50), people, "mail0", "visit", 1) is None
