"""Hillstrom's layout, from a few rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from planner.dataset import load
from planner.errors import DataError, UsageError
from planner.importers import run_import

HEADER = "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"
ROWS = (
    "10,2) $100 - $200,142.44,1,0,Surburban,0,Phone,Womens E-Mail,0,0,0.0",
    "6,3) $200 - $350,329.08,1,1,Rural,1,Web,No E-Mail,1,0,0.0",
    "7,2) $100 - $200,180.65,0,1,Urban,1,Multichannel,Mens E-Mail,1,1,29.99",
)


def write(folder: Path, *rows: str, header: str = HEADER) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "email_trial.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def test_two_treatments_and_a_control(tmp_path: Path) -> None:
    done = run_import("hillstrom", write(tmp_path / "raw", *ROWS), tmp_path / "w")
    assert dict(done.tables) == {"customers": 3, "campaigns": 1, "assignments": 3}
    data = load(tmp_path / "w" / "data")
    rows = data["assignments"].set_index("customer")
    assert rows["arm"].tolist() == ["womens", "control", "mens"]
    assert rows.loc["row 00003", ["visit", "conversion", "spend"]].tolist() == [1, 1, 29.99]
    assert rows["sent_at"].isna().tolist() == [False, True, False]
    assert data["customers"].set_index("customer").loc["row 00001", "region"] == "Surburban"
    campaign = data["campaigns"].iloc[0]
    assert (campaign["start"], campaign["end"]) == (pd.Timestamp("2008-03-03"), pd.Timestamp("2008-03-16"))
    assert done.as_of is not None
    assert done.as_of.isoformat() == "2008-03-17"


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    odd = ROWS[0].replace("Womens", "Kids")
    with pytest.raises(DataError) as caught:
        run_import("hillstrom", write(tmp_path / "raw", *ROWS, odd), tmp_path / "w")
    assert str(caught.value.issues[0]).startswith("email_trial.csv, row 5, column segment: 'Kids E-Mail'")
    with pytest.raises(DataError) as caught:
        run_import("hillstrom", write(tmp_path / "raw", header="a,b"), tmp_path / "w")
    assert "segment" in {issue.column for issue in caught.value.issues}
    with pytest.raises(UsageError, match="is not a date"):
        run_import("hillstrom", write(tmp_path / "raw", *ROWS), tmp_path / "w", {"start": "March"})
