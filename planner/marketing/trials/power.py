"""Before a trial: the smallest effect that it can see, and how many customers an effect needs.

Two-sided test of two means by the normal approximation, at confidence 95 % and power 80 % unless told otherwise.
"""

from __future__ import annotations

import math

from scipy.stats import norm

CONFIDENCE, POWER = 0.95, 0.80
_ROUNDS = 50


def smallest_effect(
    treated: int, control: int, sd_treated: float, sd_control: float, *, tests: int = 1,
    confidence: float = CONFIDENCE, power: float = POWER,
) -> float:  # fmt: skip
    """(z of confidence / tests + z of power) x sqrt(sd1^2 / n1 + sd0^2 / n0); infinite where a group is empty."""
    if min(treated, control) < 1:
        return math.inf
    z = norm.ppf(1 - (1 - confidence) / (2 * tests)) + norm.ppf(power)
    return float(z * math.sqrt(sd_treated**2 / treated + sd_control**2 / control))


def smallest_rate_effect(treated: int, control: int, rate: float, **told: float) -> float:
    """The same for a share such as conversion: the spread of the treated follows from the effect itself."""
    effect = 0.0
    for _ in range(_ROUNDS):
        sds = [
            math.sqrt(min(max(share, 0.0), 1.0) * (1 - min(max(share, 0.0), 1.0))) for share in (rate + effect, rate)
        ]
        effect = smallest_effect(treated, control, sds[0], sds[1], **told)  # type: ignore[arg-type]
    return effect


def needed_customers(effect: float, rate: float, holdout_share: float, **told: float) -> int:
    """Customers in all, of whom `holdout_share` are held out, so that `effect` on a share of `rate` can be seen.

    Raises ValueError where the effect is 0 or the holdout share leaves one group empty.
    """
    if not effect or not 0 < holdout_share < 1:
        raise ValueError("an effect and a holdout between 0 and 1 are needed")
    low, high = 2, 2
    while _seen(high, rate, holdout_share, **told) > abs(effect) and high < 10**12:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if _seen(middle, rate, holdout_share, **told) > abs(effect):
            low = middle
        else:
            high = middle
    return high


def _seen(customers: int, rate: float, holdout_share: float, **told: float) -> float:
    control = round(customers * holdout_share)
    return smallest_rate_effect(customers - control, control, rate, **told)
