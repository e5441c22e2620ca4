"""Campaigns against supply, with every way out priced; and what is in excess against campaigns.

Everything is read from a run: its ledger is followed week by week with the campaign changed, nothing is guessed anew.
"""

from planner.gating.excess import find_excess
from planner.gating.judge import Judged, judge

__all__ = ["Judged", "find_excess", "judge"]
