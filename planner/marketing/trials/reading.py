"""After a trial: each arm against the control, with confidence, and no verdict on what the trial could not see."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import chisquare, norm

from planner.marketing.trials.power import CONFIDENCE, smallest_effect

CONTROL = "control"
OUTCOMES = ("visit", "conversion", "spend")
COLUMNS = (
    "campaign", "outcome", "arm", "customers", "control_customers", "mean", "control_mean", "effect", "low", "high",
    "p_value", "smallest_effect", "verdict",
)  # fmt: skip
# Shares of the arms that differ from how they were cut, beyond chance: Kohavi and others call it sample ratio mismatch.
_MISMATCH_P = 0.001
_FEWEST_EVENTS = 10


def doubts(assignments: pd.DataFrame) -> list[str]:
    """Reasons why one campaign's trial cannot be read at all, each with what to do; empty where there are none."""
    arms = assignments["arm"].value_counts()
    if CONTROL not in arms.index:
        return [f"everybody was treated: no customer is in the arm {CONTROL}, so there is nothing to compare with; "
                "hold a part of the audience out the next time (holdout_share)"]  # fmt: skip
    if len(arms) == 1:
        return [f"nobody was treated: every customer is in the arm {CONTROL}; check the column arm"]
    return [*_swapped(assignments), *_mismatch(assignments, arms)]


def _swapped(assignments: pd.DataFrame) -> list[str]:
    """A control that was written to, or an arm that was not, is no control and no arm."""
    shares = assignments["sent_at"].notna().groupby(assignments["arm"]).mean()
    sent = {str(arm): float(share) for arm, share in shares.items()}
    held = sent.pop(CONTROL)
    if held < 0.5:
        return []
    least = min(sent, key=lambda arm: sent[arm])
    if sent[least] < 0.5:
        return [f"the arms look swapped: {CONTROL} was sent to ({held:.0%}), {least} was not ({sent[least]:.0%}); "
                "correct the column arm"]  # fmt: skip
    return [f"the control was sent to as well ({held:.0%} have a sent_at): there is nothing to compare with"]


def _mismatch(assignments: pd.DataFrame, arms: pd.Series) -> list[str]:
    planned = assignments.groupby("arm")["share"].mean().reindex(arms.index)
    if planned.isna().any() or not 0.99 < planned.sum() < 1.01:
        return []
    if float(chisquare(arms.to_numpy(float), arms.sum() * planned / planned.sum()).pvalue) >= _MISMATCH_P:
        return []
    cut = (arms.sum() * planned / planned.sum()).to_numpy(float)
    told = ", ".join(
        f"{arm} {count:,} instead of {was:,.0f}" for (arm, count), was in zip(arms.items(), cut, strict=True)
    )
    return [f"the arms are not as they were cut: {told}; find out who was lost before reading it"]


def read_trial(assignments: pd.DataFrame, campaign: str) -> pd.DataFrame:
    """One row an outcome and arm: difference of means to the control, its interval (Welch), p-value and verdict.

    Intervals, p-values and the smallest effect of several arms allow for each other (Bonferroni). The assignments
    must be free of `doubts`.
    """
    arms = sorted(set(assignments["arm"]) - {CONTROL})
    known = [name for name in OUTCOMES if assignments[name].notna().any()]
    rows = [_row(assignments, campaign, outcome, arm, len(arms)) for outcome in known for arm in arms]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(assignments: pd.DataFrame, campaign: str, outcome: str, arm: str, tests: int) -> list[object]:
    values = assignments[outcome].astype(float)
    treated, control = (values[assignments["arm"] == name].dropna().to_numpy() for name in (arm, CONTROL))
    counts, means = (len(treated), len(control)), (_mean(treated), _mean(control))
    sds = [float(part.std(ddof=1)) if len(part) > 1 else np.nan for part in (treated, control)]
    error = float(np.sqrt(sds[0] ** 2 / max(counts[0], 1) + sds[1] ** 2 / max(counts[1], 1)))
    effect = means[0] - means[1]
    z = norm.ppf(1 - (1 - CONFIDENCE) / (2 * tests))
    p_value = min(tests * 2 * norm.sf(abs(effect) / error), 1.0) if error > 0 else 1.0
    least = smallest_effect(*counts, *sds, tests=tests)
    events = int((treated != 0).sum() + (control != 0).sum())
    verdict = _verdict(effect, p_value, least, means[1], events, outcome)
    return [campaign, outcome, arm, *counts, *means, effect, effect - z * error, effect + z * error, p_value, least,
            verdict]  # fmt: skip


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def _verdict(effect: float, p_value: float, least: float, usual: float, events: int, outcome: str) -> str:
    """What may be said: more, less, or nothing; an effect smaller than the trial could see is not called none."""
    if events < _FEWEST_EVENTS:
        return f"cannot tell: {events} customers with {outcome} are too few"
    if p_value <= 1 - CONFIDENCE:
        return f"more {outcome}" if effect > 0 else f"less {outcome}"
    of = f", {least / usual:.0%} of the control" if usual > 0 else ""
    return f"cannot tell: effects below {least:.4g}{of}, were out of sight"
