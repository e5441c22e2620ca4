"""Trials: what one could see before it, what it says after, and for whom it worked."""

from planner.marketing.trials.power import needed_customers, smallest_effect
from planner.marketing.trials.reading import OUTCOMES, doubts, read_trial
from planner.marketing.trials.sums import by_group, choose_sum, expected_by_place
from planner.marketing.trials.uplift import LEARNERS, Uplift, fit_uplift, qini, send_list

__all__ = [
    "LEARNERS", "OUTCOMES", "Uplift", "by_group", "choose_sum", "doubts", "expected_by_place", "fit_uplift",
    "needed_customers", "qini", "read_trial", "send_list", "smallest_effect",
]  # fmt: skip
