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


@dataclass(frozen=True)
class Relief:
    """One limit that binds in some weeks. `asked` and `allowed` are means of the weeks with a limit, `missing` is what
    binding weeks lack of what the plan without limits asks for. `worth` [T] is that of one `step` more.

    `could_save` is what giving all that is missing could save: prices fall as a limit gives, so no more than price x
    amount, nor than what all limits together cost.
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


def reliefs(plan: Plan) -> list[Relief]:
    """Every limit that has a price somewhere, the one that could save most first."""
    found = [_relief(plan, i) for i in np.flatnonzero((plan.prices > _WORTHLESS).any(axis=1)).tolist()]
    return sorted(found, key=lambda relief: (-relief.could_save, relief.constraint))


def _relief(plan: Plan, i: int) -> Relief:
    limit, prices = plan.case.limits[i], np.where(plan.prices[i] > _WORTHLESS, plan.prices[i], 0.0)
    measure = limit.name.rpartition(" ")[2]
    step, limited = STEPS.get(measure, 1.0), np.isfinite(plan.room[i])
    lacking = np.where((prices > 0) & limited, np.maximum(plan.wanted[i] - plan.room[i], 0.0), 0.0)
    saved = min(float((prices * lacking).sum()), max(0.0, plan.objective - plan.unlimited))
    return Relief(
        limit.name, label(limit.name), measure, step, int((prices > 0).sum()), float(plan.wanted[i][limited].mean()),
        float(plan.room[i][limited].mean()), float(lacking.sum()), prices * step, saved,
    )  # fmt: skip
