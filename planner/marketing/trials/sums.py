"""Uplift of single customers summed to warehouses or regions: only where that beats rate x head-count.

The sum of single uplifts follows a different mix of customers from place to place, and carries the noise of the model;
the rate of all x head-count knows no mix. Which is nearer is decided by cross-validation on the trial itself.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.trials.uplift import LEARNERS, Floats, halves, standard, unseen

Texts = npt.NDArray[np.object_]
WAYS = ("rate x head-count", "sum of customers")
LEARNER = "t-ridge"
_TURNS = 10
# Gain over rate x head-count, in standard deviations over the splits: below it the mix is taken for noise.
_CLEARLY = 0.5


def by_group(group: Texts, single: Floats, rate: float, way: str) -> pd.Series:
    """Expected extra outcome of each group if all of its customers are treated."""
    values = single if way == WAYS[1] else np.full(len(group), rate)
    return pd.Series(values).groupby(group).sum()


def expected_by_place(
    place: Texts, x: Floats, treated: Floats, y: Floats, seed: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What a treatment of all customers of the trial brings place by place, by the nearer way; and both ways' errors.

    The first has one row a place: place, customers, expected (extra outcomes), way. Single uplifts come from models
    that have not seen the customer. `x` is standardised here.
    """
    x = standard(x)
    way, errors = choose_sum(place, x, treated, y, seed=seed)
    on = treated > 0
    rate = float(y[on].mean() - y[~on].mean())
    single = unseen(LEARNERS[LEARNER], x, treated, y, seed) if way == WAYS[1] else np.zeros(len(y))
    table = pd.DataFrame({"expected": by_group(place, single, rate, way)}).rename_axis("place")
    table.insert(0, "customers", pd.Series(place).value_counts())
    return table.reset_index().assign(way=way), errors.assign(chosen=errors["way"] == way)


def choose_sum(
    group: Texts, x: Floats, treated: Floats, y: Floats, learner: str = LEARNER, seed: int = 1, turns: int = _TURNS
) -> tuple[str, pd.DataFrame]:
    """The nearer way, and both with their error: mean over splits of sum over groups of |expected - measured|. The sum
    is taken only where it is nearer by more than half the standard deviation of that gain over the splits.

    Both are learnt on one half and compared with the difference of means in the other, group by group; the noise of
    that difference is the same for both.
    """
    errors = np.zeros((turns, len(WAYS)))
    for turn in range(turns):
        known = halves(treated, seed * 1000 + turn)
        for part in (known, ~known):
            errors[turn] += miss(group, x, treated, y, part, learner)
    table = pd.DataFrame({"way": WAYS, "error": errors.mean(axis=0), "sd": errors.std(axis=0, ddof=1)})
    gain = errors[:, 0] - errors[:, 1]
    return WAYS[int(gain.mean() > _CLEARLY * gain.std(ddof=1))], table


def miss(group: Texts, x: Floats, treated: Floats, y: Floats, known: npt.NDArray[np.bool_], learner: str) -> Floats:
    """Error of each way on the customers outside of `known`, learnt on those inside."""
    on = treated > 0
    rate = float(y[known & on].mean() - y[known & ~on].mean())
    single = LEARNERS[learner](x[known], treated[known], y[known], x[~known])
    measured = _measured(group[~known], on[~known], y[~known])
    expected = [by_group(group[~known], single, rate, way).reindex(measured.index) for way in WAYS]
    return np.array([float((part - measured).abs().sum()) for part in expected])


def _measured(group: Texts, on: npt.NDArray[np.bool_], y: Floats) -> pd.Series:
    """(mean treated - mean control) x head-count of each group that has both."""
    frame = pd.DataFrame({"group": group, "on": on, "y": y})
    means = frame.groupby(["group", "on"])["y"].mean().unstack().reindex(columns=[False, True])
    return ((means[True] - means[False]) * frame.groupby("group").size()).dropna()
