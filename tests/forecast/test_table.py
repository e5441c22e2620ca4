from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from planner.forecast import combine
from planner.forecast.table import FORECAST_COLUMNS
from planner.tables import QUANTILE_COLUMNS
from tests.forecast.frames import no_uplift, uplift

WEEKS = pd.date_range("2024-03-04", periods=3, freq="W-MON", unit="ns")


def base(whole: bool | None = None) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "sku": np.repeat(np.array(["a", "b"], dtype=object), 3),
            "warehouse": np.array(["w"] * 6, dtype=object),
            "date": np.tile(WEEKS, 2),
            "mean": [4.0, 4.0, 4.0, 0.0, 0.0, 0.0],
            "variance": [6.0, 6.0, 6.0, 0.0, 0.0, 0.0],
            "method": np.array(["median"] * 3 + ["no demand"] * 3, dtype=object),
        }
    )
    return frame if whole is None else frame.assign(whole=whole)


def test_without_campaigns_the_forecast_is_the_base():
    found = combine(base(), no_uplift(), "week")
    assert tuple(found.columns) == FORECAST_COLUMNS
    assert found["mean"].tolist() == found["base"].tolist() == [4, 4, 4, 0, 0, 0]
    assert found["campaign"].tolist() == [0] * 6
    assert found["bucket"].unique().tolist() == ["week"]
    assert not found["overridden"].any()
    assert found[list(QUANTILE_COLUMNS)].iloc[3:].to_numpy().sum() == 0


def test_campaigns_are_added_with_their_variance():
    rows = [("c1", "a", "w", "2024-03-04", 5.0, 2.0), ("c2", "a", "w", "2024-03-04", 1.0, 1.0)]
    found = combine(base(), uplift(rows), "week")
    assert found.loc[0, ["mean", "base", "campaign", "variance"]].tolist() == [10, 4, 6, 9]
    assert found.loc[1, ["mean", "campaign", "variance"]].tolist() == [4, 0, 6]
    assert found.loc[0, "q0.50"] > found.loc[1, "q0.50"]


def test_a_dip_never_makes_demand_negative_and_the_parts_still_add_up():
    found = combine(base(), uplift([("c", "a", "w", "2024-03-11", -9.0, 1.0)]), "week")
    assert found.loc[1, ["mean", "base", "campaign"]].tolist() == [0, 4, -4]
    np.testing.assert_allclose(found["base"] + found["campaign"], found["mean"])


def test_uplift_that_is_not_forecast_is_left_out():
    rows = [
        ("c", "a", "w", "2025-01-06", 5.0, 1.0),
        ("c", "z", "w", "2024-03-04", 5.0, 1.0),
        ("c", "a", "x", "2024-03-04", 5.0, 1.0),
    ]
    assert combine(base(), uplift(rows), "week")["campaign"].sum() == 0


@pytest.mark.parametrize("whole", [True, False])
def test_quantiles_rise_and_are_whole_where_units_are(whole):
    found = combine(base(whole), no_uplift(), "week")[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found == np.round(found)).all() == whole


def test_rows_are_sorted_by_key_whatever_came_in():
    mixed = base().sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(combine(mixed, no_uplift(), "week"), combine(base(), no_uplift(), "week"))
