"""The settings and scenarios that come with a demo."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from planner.demo.promotions import SPRING
from planner.demo.sizes import AS_OF, TODAY, Size


def planner_toml(size: Size, seed: int) -> str:
    return f"""\
title = "{size.title}"

[plan]
as_of = {AS_OF.isoformat()}  # everything before this day has happened
currency = "EUR"
seed = {seed}

[stock]
review_days = 7
lead_days = 14
holding_rate_per_year = 0.25
shortage = "lost"
"""


def scenarios(size: Size, budget: float, port: str, sources: Sequence[str], pipeline: pd.DataFrame) -> dict[str, str]:
    """Texts of scenarios/NAME.toml. `port` and the suppliers (`sources`) behind it are the ones that run late."""
    return {
        "base": 'title = "Base: what is booked today"\n',
        "spring-campaign": _spring(),
        "port-delay": _port_delay(port, sources, pipeline),
        "demand-surge": _surge(size),
        "budget-cut": _budget_cut(budget),
    }


def _spring() -> str:
    return f"""\
title = "With the spring campaign"
extends = "base"

[[change]]  # a draft does not count; planned it does
table = "campaigns"
column = "status"
set = "planned"
where = {{ campaign = "{SPRING}" }}
"""


def _port_delay(port: str, sources: Sequence[str], pipeline: pd.DataFrame) -> str:
    names = ", ".join(f'"{source}"' for source in sources)
    text = f"""\
title = "Two weeks of delay at the port {port}"
extends = "base"

[[change]]  # new orders take longer
table = "sourcing"
column = "lead_days"
add = 14
where = {{ source = [{names}] }}

[[change]]  # the ship does, too
table = "lanes"
column = "transit_days"
add = 14
where = {{ origin = "{port}", mode = "sea" }}
"""
    if not pipeline["source"].isin(list(sources)).any():
        return text
    return f"""{text}
[[change]]  # and what is on its way comes later
table = "pipeline"
column = "due_date"
add = 14
where = {{ source = [{names}] }}
"""


def _surge(size: Size) -> str:
    first, last = TODAY + pd.Timedelta(weeks=4), TODAY + pd.Timedelta(weeks=12) - pd.Timedelta(days=1)
    return f"""\
title = "A hot spring: {size.categories[0]} sell 30 % more for eight weeks"
extends = "base"

[[change]]
table = "demand"
column = "quantity"
scale = 1.3
where = {{ category = "{size.categories[0]}" }}
from = {first.date().isoformat()}
to = {last.date().isoformat()}
"""


def _budget_cut(budget: float) -> str:
    return f"""\
title = "A fifth less purchase budget"
extends = "base"

[settings.stock]
budget_per_week = {budget:.0f}  # EUR; four fifths of what the usual demand costs in a week
"""
