"""How likely each customer is to order in the weeks to come: for the size of an audience, never for volume.

Learnt from profiles as they stood some weeks ago and what came after; judged on the weeks before those, so that nothing
is scored on what it was fitted to. Logistic regression by default; a tree and a forest are there to compare.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.segments.profiles import SHARE

Floats = npt.NDArray[np.float64]
LEARNERS = ("logistic", "tree", "forest")
_COLUMNS = (
    "recency_days",
    "orders",
    "value",
    "value_per_order",
    "gap_days",
    "price_sensitivity",
    "returned_share",
    "looks",
)
_NEVER_DAYS = 3650.0


@dataclass(frozen=True)
class Propensity:
    """`chance` of an order in the next `weeks` for each row of the profiles; `quality`: learner, auc, log_loss,
    expected and came (orders of the weeks that it was judged on), chosen.
    """

    chance: Floats
    weeks: int
    quality: pd.DataFrame


def propensity(
    profile_of: Callable[[dt.date], pd.DataFrame], order_lines: pd.DataFrame, as_of: dt.date, weeks: int,
    learner: str = "logistic", seed: int = 1,
) -> Propensity:  # fmt: skip
    """Learn on the last `weeks` before `as_of`, having judged each learner there on the `weeks` before those.

    `profile_of` gives the profiles as of a day. Where nobody or everybody ordered, the chance is their share.
    """
    span = dt.timedelta(weeks=weeks)
    now, late, early = (profile_of(as_of - turn * span) for turn in (0, 1, 2))
    came_late, came_early = (
        _ordered(part, order_lines, as_of - turn * span, span) for part, turn in ((late, 1), (early, 2))
    )
    judged = {name: _quality(came_late, _chances(name, early, came_early, late, seed)) for name in LEARNERS}
    quality = pd.DataFrame([{"learner": name, **row, "chosen": name == learner} for name, row in judged.items()])
    return Propensity(_chances(learner, late, came_late, now, seed), weeks, quality)


def _ordered(profiles: pd.DataFrame, order_lines: pd.DataFrame, day: dt.date, span: dt.timedelta) -> Floats:
    first, last = pd.Timestamp(day), pd.Timestamp(day + span)
    came = order_lines[(order_lines["date"] >= first) & (order_lines["date"] < last)]
    came = came[~(came["returned"] > 0)] if "returned" in came else came
    return np.asarray(profiles["customer"].isin(set(came["customer"])), dtype=np.float64)


def _chances(learner: str, past: pd.DataFrame, came: Floats, asked: pd.DataFrame, seed: int) -> Floats:
    share = float(came.mean()) if len(came) else 0.0
    if share in (0.0, 1.0) or not len(asked):
        return np.full(len(asked), share)
    model = _model(learner, seed)
    columns = [name for name in past.columns if name in _COLUMNS or (name.startswith(SHARE) and name in asked.columns)]
    model.fit(_features(past, columns), came)
    return np.asarray(model.predict_proba(_features(asked, columns))[:, 1], dtype=np.float64)


def _model(learner: str, seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    if learner == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.3, max_iter=500))
    if learner == "tree":
        return DecisionTreeClassifier(min_samples_leaf=50, max_depth=6, random_state=seed)
    return RandomForestClassifier(100, min_samples_leaf=20, random_state=seed)


def _features(profiles: pd.DataFrame, columns: list[str]) -> Floats:
    """Logs of counts and days; who never ordered, or ordered once, has a long recency or gap."""
    parts = [profiles[name].fillna(_NEVER_DAYS) if name.endswith("_days") else profiles[name] for name in columns]
    return np.stack([np.log1p(np.maximum(part.to_numpy(float), 0.0)) for part in parts], axis=1)


def _quality(came: Floats, chance: Floats) -> dict[str, float]:
    from sklearn.metrics import log_loss, roc_auc_score

    both = 0 < came.sum() < len(came)
    return {
        "auc": float(roc_auc_score(came, chance)) if both else np.nan,
        "log_loss": float(log_loss(came, chance, labels=[0, 1])) if len(came) else np.nan,
        "expected": float(chance.sum()),
        "came": float(came.sum()),
    }
