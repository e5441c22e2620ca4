"""What was learnt, for people: the lift as a factor with its band, and what each campaign of the past did."""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.marketing.fit import NOT_ON_SALE

# Four times out of five: from the 10 % to the 90 % quantile of a normal distribution.
BAND_Z = 1.2816
PAST_COLUMNS = (
    "campaign", "kind", "start", "end", "skus", "warehouses", "depth", "sold", "baseline", "excess", "addressed",
    "lift", "lift_low", "lift_high", "dip", "dip_share", "unread",
)  # fmt: skip


def factors(lift: pd.DataFrame) -> pd.DataFrame:
    """The lift table with `lift`, the factor on the baseline, and its 80 % band for the next event: lift_low, _high."""
    log_lift, sd = lift["log_lift"].astype(float), lift["sd"].astype(float)
    return lift.assign(
        lift=np.exp(log_lift), lift_low=np.exp(log_lift - BAND_Z * sd), lift_high=np.exp(log_lift + BAND_Z * sd)
    )


def by_campaign(events: pd.DataFrame) -> pd.DataFrame:
    """One row a past campaign over its series, the latest first: PAST_COLUMNS.

    `addressed` is the share of buyers that it reached. Lift = 1 + excess / covered baseline, that of those addressed,
    with the 80 % band of its noise; `dip` are the units missed in the weeks after, `dip_share` as a share of what was
    gained. `unread` series had nothing to compare with or gave way to a stronger campaign; their units are not in the
    sums.
    """
    events = events[events["note"] != NOT_ON_SALE]
    read = events["note"] == ""
    seen = events.assign(
        noise=(events["sd"] * events["covered"]) ** 2, weighted=events["depth"] * events["covered"], unread=~read,
        whole=events["covered"] / events["reach"].where(events["reach"] > 0),
    )  # fmt: skip
    sums = ["sold", "baseline", "excess", "covered", "whole", "noise", "weighted", "dip", "claim"]
    seen[sums] = seen[sums].where(read, 0.0).fillna(0.0)
    total = seen.groupby("campaign", as_index=False).agg(
        {"kind": "first", "start": "min", "end": "max", "sku": "nunique", "warehouse": "nunique", "unread": "sum"}
        | dict.fromkeys(sums, "sum")
    )
    covered = total["covered"].where(total["covered"] > 0)
    lift = (1.0 + total["excess"] / covered).clip(lower=0.0)
    sd = np.sqrt(total["noise"]) / covered
    total = total.rename(columns={"sku": "skus", "warehouse": "warehouses"}).assign(
        depth=total["weighted"] / covered, addressed=covered / total["whole"], lift=lift,
        lift_low=lift * np.exp(-BAND_Z * sd), lift_high=lift * np.exp(BAND_Z * sd),
        dip_share=total["dip"] / total["claim"].where(total["claim"] > 0),
    )  # fmt: skip
    order = total.sort_values(["start", "campaign"], ascending=[False, True], kind="stable")
    return order[list(PAST_COLUMNS)].reset_index(drop=True)
