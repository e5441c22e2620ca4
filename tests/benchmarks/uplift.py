"""Uplift per customer on a randomised trial, and what it is worth summed to places."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.trials.sums import WAYS, choose_sum, miss
from planner.marketing.trials.uplift import FAST, LEARNERS, choose, halves, qini, standard
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]
ARMS = {"any e-mail": ("Mens E-Mail", "Womens E-Mail"), "mens": ("Mens E-Mail",), "womens": ("Womens E-Mail",)}
PEERS = {"logistic T-learner": "t-logistic", "response model": "response"}
SPLITS = 20
GROUPINGS = {"zip": ["zip_code"], "channel": ["channel"], "purchase mix": ["mens", "womens", "newbie"]}


@benchmark("uplift")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Hillstrom, the public half: visits of those written to against those who were not; 20 splits into halves, treated
    and control alike, learnt on one and ranked on the other. The learner is chosen within the learning half. Targets:
    Qini of two standard deviations of the splits above random (0), and not below the better of a logistic T-learner and
    a response model. AUUC: visits gained per customer written to.
    """
    trial = load()
    return [
        figure for name, arms in ARMS.items() for figure in _ranked(trial, name, arms, 3 if smoke else SPLITS, full)
    ]


def load() -> pd.DataFrame:
    return pd.read_csv(needed("hillstrom") / "hillstrom" / "email_trial.csv.gz")


def features(trial: pd.DataFrame) -> Floats:
    places = pd.get_dummies(trial[["zip_code", "channel"]], dtype=float)
    logs = np.log1p(trial[["recency", "history"]])
    return standard(pd.concat([logs, trial[["mens", "womens", "newbie"]], places], axis=1).to_numpy(float))


def _ranked(trial: pd.DataFrame, name: str, arms: tuple[str, ...], splits: int, full: bool) -> list[Figure]:
    trial = trial[trial["segment"].isin([*arms, "No E-Mail"])].reset_index(drop=True)
    x, y, on = features(trial), trial["visit"].to_numpy(float), trial["segment"].isin(arms).to_numpy(float)
    shown = {**PEERS, **({key: key for key in LEARNERS if key not in PEERS.values()} if full else {})}
    own, others = [], {peer: [] for peer in shown}
    for split in range(splits):
        known = halves(on, split)
        asked = (on[~known], y[~known])
        learner = choose(x[known], on[known], y[known], split, FAST if full or splits > 5 else FAST[:3])
        own.append(qini(LEARNERS[learner](x[known], on[known], y[known], x[~known]), *asked))
        for peer, key in shown.items():
            others[peer].append(qini(LEARNERS[key](x[known], on[known], y[known], x[~known]), *asked)[0])
    scores, gained = np.array(own).T
    value, spread = float(scores.mean()), float(scores.std(ddof=1))
    means = {peer: float(np.mean(values)) for peer, values in others.items()}
    best = max(means[peer] for peer in PEERS)
    wide = Figure(f"Qini, {name}", value, "", 2 * spread, "higher", "random, 2 sd of the splits", 2 * spread)
    beside = [
        Figure(f"Qini, {name}", value, "", best if mean == best else None, "higher", peer, mean)
        for peer, mean in means.items()
    ]
    told = Figure(f"sd of Qini over {splits} splits, {name}", spread, "")
    return [wide, *beside, told, Figure(f"AUUC, {name}", float(gained.mean()), "visits", None, "higher")]


@benchmark("uplift-region")
def run_region(full: bool, smoke: bool) -> list[Figure]:
    """Hillstrom, any e-mail, by zip, by channel and by purchase mix: visits gained by group, expected by the sum of
    single uplifts or by rate x head-count, against the difference of means in the half not learnt from; 20 splits. The
    way is picked by cross-validation within the learning half. Target: the error of what was picked at most 5 % above
    that of the better way.
    """
    trial = load()
    x, y = features(trial), trial["visit"].to_numpy(float)
    on = (trial["segment"] != "No E-Mail").to_numpy(float)
    figures = []
    for name, columns in GROUPINGS.items():
        group = trial[columns].astype(str).agg("/".join, axis=1).to_numpy(dtype=object)
        errors, picked = [], []
        for split in range(2 if smoke else SPLITS):
            known = halves(on, split)
            way, _ = choose_sum(group[known], x[known], on[known], y[known], seed=split, turns=3 if smoke else 10)
            errors.append(miss(group, x, on, y, known, "t-ridge"))
            picked.append(errors[-1][WAYS.index(way)])
        means = np.mean(errors, axis=0)
        for way, error in zip(WAYS, map(float, means), strict=True):
            target = 1.05 * error if error == means.min() else None
            figures.append(Figure(f"error by {name}", float(np.mean(picked)), "visits", target, "lower", way, error))
    return figures
