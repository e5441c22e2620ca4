"""Hillstrom's e-mail trial: customers, two treatments and a control, and what followed, as email_trial.csv.gz or .csv.

The source has no customers' codes, so each gets the number of its row. It has no sales either: nothing to plan, but a
trial to settle.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.errors import DataError, Issue, UsageError
from planner.importers.draft import Draft
from planner.importers.inputs import Inputs, as_numbers, missing, read_text, refuse
from planner.importers.registry import Options

CAMPAIGN = "EMAIL"
ARMS = {"Mens E-Mail": "mens", "Womens E-Mail": "womens", "No E-Mail": "control"}
NUMBERS = ("recency", "history", "mens", "womens", "newbie", "visit", "conversion", "spend")
COLUMNS = [*NUMBERS, "zip_code", "channel", "segment"]
_DAYS = 14


def read(inputs: Inputs, options: Options) -> Draft:
    """The trial as tables. Raises DataError where the file does not fit the layout."""
    (path,) = inputs.find(["email_trial.csv.gz", "email_trial.csv"])
    inputs.say(f"reading {path.name}")
    frame = read_text(path)
    missing(path, list(frame.columns), COLUMNS)
    odd = np.flatnonzero(~frame["segment"].isin(ARMS))
    hint = f"known: {', '.join(ARMS)}"
    cells = frame["segment"].to_numpy(str)
    refuse([Issue(path.name, int(row) + 2, "segment", str(cells[row]), "is no arm of this trial", hint) for row in odd])
    if frame.empty:
        raise DataError([Issue(path.name, None, "", "", "holds no rows", "download it again")])
    numbers = {name: as_numbers(frame[name], path) for name in NUMBERS}
    start = _start(str(options["start"]))
    return Draft(
        title="Hillstrom e-mail trial",
        tables=_tables(frame, numbers, start),
        as_of=start + dt.timedelta(days=_DAYS),
        bucket="week",
        currency="USD",
        assumptions=options.assumptions(),
        main="assignments",
    )


def _start(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--start {text!r} is not a date", "write 2008-03-03") from None


def _tables(
    frame: pd.DataFrame, numbers: Mapping[str, npt.NDArray[np.float64]], start: dt.date
) -> dict[str, pd.DataFrame]:
    known = pd.DataFrame(dict(numbers))
    customer = [f"row {number:05d}" for number in range(1, len(frame) + 1)]
    arm = frame["segment"].map(ARMS)
    sent = pd.Series(pd.Timestamp(start) + pd.Timedelta(hours=9), index=frame.index).where(arm != "control")
    share = arm.map(arm.value_counts(normalize=True).map(lambda _: 1 / arm.nunique())).round(6)
    customers = pd.DataFrame({"customer": customer, "country": "US", "region": frame["zip_code"]})
    customers = customers.assign(channel=frame["channel"])
    customers = customers.assign(
        **{f"past_{name}": known[name] for name in ("recency", "history", "mens", "womens", "newbie")}
    )
    assignments = pd.DataFrame(
        {"campaign": CAMPAIGN, "customer": customer, "arm": arm, "share": share, "sent_at": sent}
    )
    assignments = assignments.assign(**{name: known[name] for name in ("visit", "conversion", "spend")})
    campaign = {
        "campaign": CAMPAIGN, "kind": "email", "start": pd.Timestamp(start),
        "end": pd.Timestamp(start) + pd.Timedelta(days=_DAYS - 1), "name": "mens or womens merchandise by e-mail",
        "audience_size": len(frame), "holdout_share": round(float((arm == "control").mean()), 4), "status": "done",
    }  # fmt: skip
    return {"customers": customers, "campaigns": pd.DataFrame([campaign]), "assignments": assignments}
