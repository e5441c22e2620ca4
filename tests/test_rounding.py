from __future__ import annotations

import numpy as np
import pandas as pd

from planner.rounding import rounded


def test_what_differs_in_the_last_bits_is_kept_alike() -> None:
    values = np.array([1.0 / 3.0, 12.35, 1e-7 / 3.0, 2.0e9 / 3.0, 4.0e14])
    for other in (np.nextafter(values, np.inf), np.nextafter(values, -np.inf)):
        left, right = (rounded(pd.DataFrame({"mean": column})) for column in (values, other))
        assert left.to_numpy().tobytes() == right.to_numpy().tobytes()


def test_what_people_write_stays_as_written() -> None:
    written = [0.0, 0.1, 12.35, 1234567.89, 1e11 + 1.0, -2.675]
    assert rounded(pd.DataFrame({"price": written}))["price"].tolist() == written


def test_noise_around_nothing_is_nothing() -> None:
    assert rounded(pd.DataFrame({"net": [3e-15, -3e-15]}))["net"].abs().tolist() == [0.0, 0.0]


def test_unknown_and_other_columns_stay() -> None:
    frame = pd.DataFrame({
        "sku": ["A", "B"], "quantity": [np.nan, np.inf], "packs": [1, 2],
        "sold": np.array([1 / 3, 2], dtype=np.float32), "week": pd.to_datetime(["2026-03-02", "2026-03-09"]),
    })  # fmt: skip
    pd.testing.assert_frame_equal(rounded(frame), frame)
    assert rounded(frame.iloc[:0]).empty
