"""What the demo hides from the planner and shows to tests: true demand, lifts, classes, lead times."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.demo.assortment import Floats
from planner.demo.demand import Drawn
from planner.demo.promotions import Bookings, Effects
from planner.demo.sizes import Size

README = """\
# The truth behind this demo

The planner never reads this folder. It holds what a real company can only guess, so that tests can compare. Columns
named like those in `data/` mean the same; a week is named by its Monday. Weeks before 2026-03-02 are the past.

- **demand**: one row per sku, warehouse and week of the past and of the next 26 weeks. `base`: mean without any
  campaign; `mean`: mean with all planned and done campaigns; `demand`: what customers wanted, whether it was on the
  shelf or not. Drafts do not count. The sales in `data/` are this demand cut by stock-outs.
- **spring**: sku, warehouse, week where the campaign SPRING, a draft, would change demand. `demand` without it,
  `demand_with_spring` with it: the same draw, so that the difference is the campaign.
- **effects**: campaign, sku, warehouse, week. Expected units: `gross` added; `pulled_forward` out of the weeks after;
  `cannibalised` out of this SKU by others that were promoted. Over a campaign the sums make its net effect:
  net = gross - pulled_forward - cannibalised.
- **lifts**: campaign, sku, warehouse that were promoted. `lift`: gross units over base units while it runs.
- **campaigns**: the sums of the effects; `mean_lift` is weighed by base units. A cancelled campaign has none.
- **series**: sku, warehouse. `demand_class`; `level`: usual weekly units; `occurrence`: share of weeks with demand;
  `dispersion`: k of the negative binomial, variance = mean + mean^2 / k; `growth` per year; `hidden`: units of demand
  that met an empty shelf.
- **lead_times**: source, destination. Agreed and true lead time: gamma with this mean and standard deviation, rounded
  to whole days, at least one.
- **response**: campaign, customer segment. Conversion without the message, and what the message adds.
- **segments**: the hidden segment of each customer.

Big tables are Parquet. All of it follows from the seed in `planner.toml`:
`planner init DIR --demo {size} --seed {seed}` writes the same bytes again.
"""


def make_truth(
    series: pd.DataFrame, mean: Floats, past: Effects, drafts: Effects, drawn: Drawn, bookings: Bookings, size: Size
) -> dict[str, pd.DataFrame]:
    """The tables on demand and campaigns, by name."""
    rows = pd.concat([past.rows, drafts.rows], ignore_index=True)
    named = rows.join(series[["sku", "warehouse"]], on="series").assign(date=size.dates[rows["week"]])
    columns = ["campaign", "sku", "warehouse", "date", "gross", "pulled_forward", "cannibalised"]
    return {
        "demand": _demand(series, mean, past, drawn, size),
        "spring": _spring(series, drawn, size),
        "effects": named[columns].sort_values(columns[:4], ignore_index=True),
        "lifts": _lifts(bookings, series),
        "campaigns": _campaigns(rows, bookings, mean, size),
        "series": _series(series, drawn, size),
    }


def _demand(series: pd.DataFrame, mean: Floats, past: Effects, drawn: Drawn, size: Size) -> pd.DataFrame:
    row, week = np.nonzero(mean > 0)
    return pd.DataFrame(
        {
            "sku": pd.Categorical(series["sku"].to_numpy()[row]),
            "warehouse": pd.Categorical(series["warehouse"].to_numpy()[row]),
            "date": size.dates.to_numpy()[week],
            "base": np.round(mean[row, week], 2),
            "mean": np.round((mean + past.gross - past.lost)[row, week], 2),
            "demand": drawn.demand[row, week].astype(int),
        }
    )


def _spring(series: pd.DataFrame, drawn: Drawn, size: Size) -> pd.DataFrame:
    differs = drawn.demand != drawn.demand_with_drafts
    differs[:, : size.weeks] = False
    row, week = np.nonzero(differs)
    return pd.DataFrame(
        {
            "sku": series["sku"].to_numpy()[row],
            "warehouse": series["warehouse"].to_numpy()[row],
            "date": size.dates.to_numpy()[week],
            "demand": drawn.demand[row, week].astype(int),
            "demand_with_spring": drawn.demand_with_drafts[row, week].astype(int),
        }
    )


def _lifts(bookings: Bookings, series: pd.DataFrame) -> pd.DataFrame:
    names = np.array([campaign.code for campaign in bookings.campaigns], dtype=object)
    members = bookings.members[~_cancelled(bookings)].join(series[["sku", "warehouse"]], on="series")
    table = pd.DataFrame(
        {
            "campaign": names[members["campaign"].to_numpy()],
            "sku": members["sku"],
            "warehouse": members["warehouse"],
            "lift": members["lift"],
        }
    )
    return table.sort_values(["campaign", "sku", "warehouse"], ignore_index=True)


def _cancelled(bookings: Bookings) -> npt.NDArray[np.bool_]:
    status = np.array([campaign.status == "cancelled" for campaign in bookings.campaigns])
    return np.asarray(status[bookings.members["campaign"].to_numpy()])


def _campaigns(rows: pd.DataFrame, bookings: Bookings, mean: Floats, size: Size) -> pd.DataFrame:
    usual = pd.Series(mean[rows["series"], rows["week"]]).where(rows["gross"] > 0, 0.0)
    sums = rows.assign(base=usual).groupby("campaign")[["base", "gross", "pulled_forward", "cannibalised"]].sum()
    table = pd.DataFrame(
        {
            "campaign": [campaign.code for campaign in bookings.campaigns],
            "kind": [campaign.kind for campaign in bookings.campaigns],
            "discount_rate": [campaign.discount for campaign in bookings.campaigns],
            "status": [campaign.status for campaign in bookings.campaigns],
        }
    ).join(sums, on="campaign")
    table = table.fillna(dict.fromkeys(sums.columns, 0.0))
    net = table["gross"] - table["pulled_forward"] - table["cannibalised"]
    lift = np.divide(table["gross"], table["base"], out=np.zeros(len(table)), where=table["base"].to_numpy() > 0)
    return table.assign(net=net, mean_lift=lift).round(4).sort_values("campaign", ignore_index=True)


def _series(series: pd.DataFrame, drawn: Drawn, size: Size) -> pd.DataFrame:
    traits = ["sku", "warehouse", "demand_class", "level", "occurrence", "dispersion", "growth"]
    hidden = (drawn.demand - drawn.sold)[:, : size.weeks].sum(axis=1).astype(int)
    return series[traits].round(4).assign(hidden=hidden)
