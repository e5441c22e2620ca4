"""Campaigns: what past ones did to demand, and what planned ones will add to it.

The history is cleaned of past campaigns and the lift is learnt before the forecast; uplift in units is computed on
the base forecast. What supply needs from here arrives as the uplift table.
"""

from planner.marketing.fit import Lift, fit_lift
from planner.marketing.past import by_campaign, factors
from planner.marketing.project import project_uplift

__all__ = ["Lift", "by_campaign", "factors", "fit_lift", "project_uplift"]
