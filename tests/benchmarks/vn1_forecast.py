"""Accuracy on very short weekly histories."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.forecast import fit_baseline
from planner.panel import Panel
from planner.settings import ForecastSettings
from tests.benchmarks.real import needed
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]

CASES = ((9, 4), (8, 5))


@benchmark("vn1-forecast")
def run(full: bool, smoke: bool) -> list[Figure]:
    """VN1, 15,053 series of a client, warehouse and product: 9 weeks to forecast 4, and 8 to forecast 5. A SKU is a
    client's product, its category the client. Score: (sum of absolute errors + absolute sum of errors) / sum of sales.
    Target: .8 of the score of a moving average over all weeks known; peers also the last 4 weeks' average and naive,
    and the forecast itself scaled, in hindsight, to the total that came. That one is off by no bias at all and still
    misses the target: what there is to gain beyond it lies in the shape, and 8 or 9 weeks tell little of that.
    """
    panel, items = load()
    return [figure for known, ahead in (CASES[:1] if smoke else CASES) for figure in _case(panel, items, known, ahead)]


def load() -> tuple[Panel, pd.DataFrame]:
    table = pd.read_csv(needed("vn1") / "vn1" / "phase_1_sales.csv")
    client = table["Client"].astype(str)
    keys = pd.DataFrame(
        {"sku": client + "/" + table["Product"].astype(str), "warehouse": table["Warehouse"].astype(str)}
    )
    order = keys.sort_values(["sku", "warehouse"]).index
    keys, client = keys.loc[order].astype(object), client[order]
    values = table.iloc[order, 3:].to_numpy(np.float32)
    items = pd.DataFrame({"sku": keys["sku"], "category": client.astype(object)}).drop_duplicates("sku")
    dates = pd.DatetimeIndex(pd.to_datetime(table.columns[3:])).astype("datetime64[ns]")
    return Panel(keys.reset_index(drop=True), dates, values), items.reset_index(drop=True)


def _case(panel: Panel, items: pd.DataFrame, known: int, ahead: int) -> list[Figure]:
    past, came = panel.values[:, :known], panel.values[:, known : known + ahead]
    base = fit_baseline(
        Panel(panel.keys, panel.dates[:known], past), items, ForecastSettings(), horizon=ahead, bucket="week", seed=1
    )
    said = base.forecast["mean"].to_numpy().reshape(came.shape)
    ours = score(said, came)
    averages = {"average of all weeks": past, "average of 4 weeks": past[:, -4:], "naive": past[:, -1:]}
    peers = {name: score(np.repeat(part.mean(axis=1)[:, None], ahead, axis=1), came) for name, part in averages.items()}
    peers["itself, were the total known"] = score(said * (came.sum() / said.sum()), came)
    target = 0.8 * peers["average of all weeks"]
    return [
        Figure(
            f"score, {known} weeks to forecast {ahead}", ours, "", target if place == 0 else None, "lower", name, peer
        )
        for place, (name, peer) in enumerate(peers.items())
    ]


def score(said: Floats, came: npt.NDArray[np.float32]) -> float:
    error = said - came
    return float((np.abs(error).sum() + abs(error.sum())) / came.sum())
