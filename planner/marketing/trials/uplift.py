"""For whom a treatment works: uplift per customer, judged by how well it ranks customers it has not seen.

Qini curve at a share x of customers, the best first: treated responses - control responses x treated / control among
them, over the same for all. The Qini coefficient is the area between the curve and the diagonal (random: 0), AUUC the
area below the curve of gained responses per treated customer. Both are means over repeated splits, with their spread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Learner = Callable[[Floats, Floats, Floats, Floats], Floats]
DEFAULT = "s-logistic"
_PRODUCT_SCALE = 0.3
_REPEATS = 20
_INNER_REPEATS = 4


@dataclass(frozen=True)
class Uplift:
    """`uplift`: of each customer, by models that have not seen them. `quality`: learner, qini, sd, auuc, auuc_sd,
    chosen. `tells`: whether the chosen one beats random by two standard deviations of the splits.
    """

    uplift: Floats
    quality: pd.DataFrame
    learner: str
    tells: bool


def _logistic(x: Floats, y: Floats) -> Any:
    from sklearn.linear_model import LogisticRegression

    if y.min() == y.max():
        return _Constant(float(y.mean()))
    return LogisticRegression(C=1.0, max_iter=300).fit(x, y > 0)


@dataclass(frozen=True)
class _Constant:
    """Where everybody answered alike."""

    share: float

    def predict_proba(self, x: Floats) -> Floats:
        return np.full((len(x), 2), [1 - self.share, self.share])


def _chance(x: Floats, y: Floats, asked: Floats) -> Floats:
    return np.asarray(_logistic(x, y).predict_proba(asked)[:, 1], dtype=np.float64)


def _two_models(control_weight: float) -> Learner:
    """Chance if treated - weight x chance if not: 1 is the T-learner, 0 the response model, between them a part of
    the control's noise is left out.
    """

    def learn(x: Floats, treated: Floats, y: Floats, asked: Floats) -> Floats:
        on = treated > 0
        gain = _chance(x[on], y[on], asked)
        return gain - control_weight * _chance(x[~on], y[~on], asked) if control_weight else gain

    return learn


def _one_model(x: Floats, treated: Floats, y: Floats, asked: Floats) -> Floats:
    """S-learner: one logistic regression with the treatment and its product with every feature.

    Products are scaled down, so that the ridge draws what differs between customers to what is the same for all.
    """
    from sklearn.linear_model import LogisticRegression

    def design(features: Floats, on: Floats) -> Floats:
        return np.concatenate([features, 2 * on[:, None], _PRODUCT_SCALE * features * on[:, None]], axis=1)

    if y.min() == y.max():
        return np.zeros(len(asked))
    model, half = LogisticRegression(C=0.1, max_iter=300).fit(design(x, treated - 0.5), y > 0), np.full(len(asked), 0.5)
    gain = model.predict_proba(design(asked, half))[:, 1] - model.predict_proba(design(asked, -half))[:, 1]
    return np.asarray(gain, dtype=np.float64)


def _ridge(x: Floats, treated: Floats, y: Floats, asked: Floats) -> Floats:
    """Two ridge regressions: also for money."""
    from sklearn.linear_model import Ridge

    on = treated > 0
    gain = Ridge(100.0).fit(x[on], y[on]).predict(asked) - Ridge(100.0).fit(x[~on], y[~on]).predict(asked)
    return np.asarray(gain, dtype=np.float64)


def _forest(x: Floats, treated: Floats, y: Floats, asked: Floats) -> Floats:
    """Two forests with large leaves."""
    from sklearn.ensemble import RandomForestRegressor

    on = treated > 0
    forests = [
        RandomForestRegressor(60, min_samples_leaf=100, random_state=1).fit(x[part], y[part]) for part in (on, ~on)
    ]
    return np.asarray(forests[0].predict(asked) - forests[1].predict(asked), dtype=np.float64)


LEARNERS: Mapping[str, Learner] = MappingProxyType(
    {
        "s-logistic": _one_model,
        "t-logistic": _two_models(1.0),
        "half-control": _two_models(0.5),
        "response": _two_models(0.0),
        "t-ridge": _ridge,
        "t-forest": _forest,
    }
)
FAST = tuple(name for name in LEARNERS if name != "t-forest")


def fit_uplift(
    x: Floats, treated: Floats, y: Floats, *, learners: Sequence[str] = FAST, repeats: int = _REPEATS, seed: int = 1
) -> Uplift:
    """Uplift of each customer by the learner that ranks best, each judged on `repeats` halves that it has not seen.

    `x` is standardised here; `y` is the outcome, `treated` 0 or 1. The first learner stays unless another one is better
    by more than two standard errors of the difference.
    """
    x = standard(x)
    scores = {name: _judge(LEARNERS[name], x, treated, y, repeats, seed) for name in learners}
    chosen = _chosen({name: found[:, 0] for name, found in scores.items()})
    rows = [
        (name, *np.stack([found.mean(axis=0), found.std(axis=0, ddof=1)], axis=1).ravel(), name == chosen)
        for name, found in scores.items()
    ]
    quality = pd.DataFrame(rows, columns=["learner", "qini", "sd", "auuc", "auuc_sd", "chosen"])
    best = scores[chosen][:, 0]
    tells = bool(best.mean() > 2 * best.std(ddof=1))
    return Uplift(unseen(LEARNERS[chosen], x, treated, y, seed), quality, chosen, tells)


def choose(x: Floats, treated: Floats, y: Floats, seed: int, learners: Sequence[str] = FAST) -> str:
    """The learner that `fit_uplift` would take, from fewer splits."""
    scores = {name: _judge(LEARNERS[name], x, treated, y, _INNER_REPEATS, seed)[:, 0] for name in learners}
    return _chosen(scores)


def _chosen(scores: Mapping[str, Floats]) -> str:
    """The best mean, unless it is no more than two standard errors above the default's."""
    start = DEFAULT if DEFAULT in scores else next(iter(scores))
    best = max(scores, key=lambda name: scores[name].mean())
    gain = scores[best] - scores[start]
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return best if gain.mean() > 2 * error else start


def _judge(learner: Learner, x: Floats, treated: Floats, y: Floats, repeats: int, seed: int) -> Floats:
    """Qini and AUUC [repeats, 2], each on the half that the learner was not fitted to."""
    rows = []
    for turn in range(repeats):
        known = halves(treated, seed * 1000 + turn)
        rows.append(qini(learner(x[known], treated[known], y[known], x[~known]), treated[~known], y[~known]))
    return np.array(rows)


def halves(treated: Floats, seed: int) -> Flags:
    """A random half of the treated and of the others."""
    rng = np.random.default_rng(seed)
    known = np.zeros(len(treated), dtype=bool)
    for part in (treated > 0, treated <= 0):
        members = np.flatnonzero(part)
        known[rng.permutation(members)[: len(members) // 2]] = True
    return known


def unseen(learner: Learner, x: Floats, treated: Floats, y: Floats, seed: int) -> Floats:
    """Uplift of each customer, learnt on the half without it."""
    known = halves(treated, seed)
    result = np.zeros(len(y))
    for part in (known, ~known):
        result[~part] = learner(x[part], treated[part], y[part], x[~part])
    return result


def qini(uplift: Floats, treated: Floats, y: Floats) -> tuple[float, float]:
    """Qini coefficient and AUUC of one ranking; of equal uplifts the first customer comes first."""
    order = np.argsort(-uplift, kind="stable")
    on, outcome = treated[order] > 0, y[order]
    many, few = np.cumsum(on), np.cumsum(~on)
    gained = np.cumsum(outcome * on) - np.cumsum(outcome * ~on) * many / np.maximum(few, 1)
    gained = np.concatenate([[0.0], gained])
    share = np.linspace(0.0, 1.0, len(gained))
    area = float(np.trapezoid(gained, share))
    total = float(gained[-1])
    coefficient = area / total - 0.5 if total else 0.0
    return coefficient, area / max(float(on.sum()), 1.0)


def standard(x: Floats) -> Floats:
    spread = x.std(axis=0)
    return np.asarray((x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0), dtype=np.float64)


def send_list(customers: pd.Series, uplift: Uplift, least: float = 0.0) -> pd.DataFrame:
    """customer, uplift, send: not to whom it gains `least` or less. Where the ranking tells nothing, everybody."""
    send = (uplift.uplift > least) | (not uplift.tells)
    table = pd.DataFrame({"customer": customers.to_numpy(dtype=object), "uplift": uplift.uplift, "send": send})
    return table.sort_values(["uplift", "customer"], kind="stable", ignore_index=True)
