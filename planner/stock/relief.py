"""What shared limits cost: what each would have to give, and what more of it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from planner.stock.optimise import Plan

STEPS = {"money": 1000.0}
_WORDS = {
    "storage": "storage at {}", "inbound": "goods in at {}", "outbound": "goods out at {}", "supply": "supply of {}",
    "lane": "lane {}", "money": "budget of {}",
}  # fmt: skip
_WORTHLESS = 1e-6
_STAKE = 1e-4


@dataclass(frozen=True)
class Relief:
    """One limit that binds in some weeks. `asked` and `allowed` are means of these weeks, `missing` is what they lack
    of what the plan without limits asks for, in all. `worth` [T] is that of one `step` more.

    `could_save` is what giving all that is missing could save: prices fall as a limit gives, so no more than price x
    amount, nor than what all limits together cost where the plan without limits is the cheaper one.
    """

    constraint: str
    label: str
    measure: str
    step: float
    weeks: int
    asked: float
    allowed: float
    missing: float
    worth: np.ndarray
    could_save: float

    def record(self, mondays: Any) -> dict[str, Any]:
        """Plain values, for the record of the run."""
        best, binding = int(self.worth.argmax()), self.worth > 0
        return {
            "constraint": self.constraint, "label": self.label, "measure": self.measure, "weeks": self.weeks,
            "asked": round(self.asked, 3), "allowed": round(self.allowed, 3), "missing": round(self.missing, 3),
            "step": self.step, "worth": round(float(self.worth[binding].mean()), 6),
            "most": round(float(self.worth[best]), 6), "most_week": str(mondays[best].date()),
            "could_save": round(self.could_save, 2),
        }  # fmt: skip


def label(constraint: str) -> str:
    """`supply S-1 units` -> supply of S-1, units; the limit on all money is the budget."""
    scope, _, rest = constraint.partition(" ")
    resource, _, measure = rest.rpartition(" ")
    if scope == "money":
        return "budget" if resource == "all" else f"budget of {resource}"
    words = _WORDS[scope].format("all places" if resource == "all" else resource)
    return f"{words}, {measure}"


def felt(plan: Plan) -> np.ndarray:
    """[limit, T] the prices that matter. Those are left out that value all of a limit below a ten-thousandth of the
    cost of the plan, and weeks below a tenth of that."""
    limited = np.isfinite(plan.room)
    prices = np.where(limited & (plan.prices > _WORTHLESS), plan.prices, 0.0)
    stake = prices * np.where(limited, np.maximum(plan.room, plan.wanted), 0.0)
    least = _STAKE * abs(plan.objective)
    stake[stake < 0.1 * least] = 0.0
    return np.where((stake > 0) & (stake.sum(axis=1, keepdims=True) > least), prices, 0.0)


def reliefs(plan: Plan) -> list[Relief]:
    """Every limit that has a price that matters, the one that could save most first."""
    prices = felt(plan)
    found = [_relief(plan, i, prices[i]) for i in np.flatnonzero((prices > 0).any(axis=1)).tolist()]
    return sorted(found, key=lambda relief: (-relief.could_save, relief.constraint))


def _relief(plan: Plan, i: int, prices: np.ndarray) -> Relief:
    limit, binding = plan.case.limits[i], prices > 0
    measure = limit.name.rpartition(" ")[2]
    step, asked, allowed = STEPS.get(measure, 1.0), plan.wanted[i][binding], plan.room[i][binding]
    lacking, above = np.maximum(asked - allowed, 0.0), plan.objective - plan.unlimited
    saved = float((prices[binding] * lacking).sum())
    return Relief(
        limit.name, label(limit.name), measure, step, int(binding.sum()), float(asked.mean()), float(allowed.mean()),
        float(lacking.sum()), prices * step, min(saved, above) if above > 0 else saved,
    )  # fmt: skip
