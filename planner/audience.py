"""The audience of a campaign: who is sent what, when and by which channel, who is held out, and why the others are not.

The cut is seeded and kept in the table assignments, so that `campaign settle` can read what came of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.dataset import Dataset
from planner.errors import DataError, Issue, UsageError
from planner.files import whole_file
from planner.gating.judge import served_at
from planner.gating.people import bought, customers_by_segment
from planner.marketing.bookings import counted
from planner.marketing.countries import CHANNEL_OF, consenting, used_in
from planner.marketing.segments import one_large_customer
from planner.settings import Settings, nearest
from planner.workspace import Run

CHANNELS = ("email", "sms", "ads")
OF_KIND = {**CHANNEL_OF, "recommendation": "email"}
CONTROL = "control"
ADDRESSED, HELD_OUT = "addressed", "held out"
REASONS = ("channel not used", "no consent", "opted out", "contact limit", "no stock", "beyond audience size")
COLUMNS = ("customer", "warehouse", "country", "channel", "outcome", "arm", "send_on")
_STORED = ["campaign", "customer", "arm", "share", "sent_at"]
_HOUR = pd.Timedelta(hours=9)
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Audience:
    """`people`: COLUMNS, a row a candidate, sorted by customer; `counts`: channel, outcome, customers, share. `share`
    is the part held out; `kept`: the arms were cut before and stay as they are.
    """

    campaign: str
    channel: str
    people: pd.DataFrame
    share: float
    kept: bool
    notes: tuple[str, ...]

    @property
    def counts(self) -> pd.DataFrame:
        found = self.people["outcome"].value_counts()
        order = [ADDRESSED, HELD_OUT, *REASONS]
        rows = [(self.channel, name, int(found.get(name, 0))) for name in order]
        table = pd.DataFrame(rows, columns=["channel", "outcome", "customers"])
        return table.assign(share=table["customers"] / max(len(self.people), 1))

    def sent(self) -> pd.DataFrame:
        return self.people[self.people["outcome"] == ADDRESSED].reset_index(drop=True)


def choose_audience(
    dataset: Dataset, settings: Settings, as_of: dt.date, campaign: str, channel: str, run: Run | None
) -> Audience:
    """Candidates of the campaign's country, region and segment, each with the first reason that keeps them out. Channel
    and consent are those of the customer's country (`countries` of the settings).

    Raises UsageError for a campaign that is over, not planned, or names an unknown segment; DataError where nobody's
    consent is known.
    """
    row = _campaign(dataset, as_of, campaign)
    people, notes = _candidates(dataset, settings, as_of, row)
    large = one_large_customer(dataset["order_lines"])
    notes += [large] if large else []
    known = dataset["customers"].drop_duplicates("customer").set_index("customer").reindex(people["customer"])
    people = people.assign(channel=channel, send_on=_send_day(people, dataset, row, as_of), outcome="", arm="")
    out = known["opted_out_at"].to_numpy("datetime64[ns]") <= (people["send_on"] + pd.Timedelta(days=1)).to_numpy()
    agreed = consenting(known.assign(country=people["country"].to_numpy()), channel, settings.countries)
    if not agreed.any():
        _refuse_without_consent(dataset["customers"], f"consent_{channel}")
    people = _marked(people, ~used_in(people["country"], channel, settings.countries), REASONS[0])
    people = _marked(people, ~agreed & ~out, REASONS[1])
    people = _marked(people, out, REASONS[2])
    people = _marked(people, _too_often(people, dataset["assignments"], campaign, settings), REASONS[3])
    stored = dataset["assignments"]
    stored = stored[stored["campaign"] == campaign]
    if len(stored):
        arm = people["customer"].map(stored.drop_duplicates("customer").set_index("customer")["arm"].astype(object))
        return _as_cut_before(people, arm, row, channel, notes)
    units = _units(people, dataset, as_of, campaign)
    if run is None:
        notes += ["there is no plan yet: stock was not looked at (planner plan)"]
    else:
        shares = served_at(run, dataset, settings, as_of, campaign)
        notes += [] if len(shares) else [f"run {run.name} expects nothing of it: stock was not looked at"]
        people = _marked(people, _unserved(people, units, shares), REASONS[4])
    size = float(row["audience_size"])
    if size == size and size > 0:
        people = _marked(people, _beyond(people, units, int(size)), REASONS[5])
    return _cut(people, row, campaign, channel, settings.plan.seed, notes)


def _campaign(dataset: Dataset, as_of: dt.date, name: str) -> pd.Series:
    campaigns = dataset["campaigns"]
    found = campaigns[campaigns["campaign"] == name]
    if found.empty:
        raise UsageError(f"there is no campaign {name!r}", nearest(name, sorted(campaigns["campaign"])))
    row = found.iloc[0]
    if row["end"] < pd.Timestamp(as_of):
        raise UsageError(f"campaign {name} is over since {row['end'].date()}: nobody can be addressed any more",
                         f"planner campaign settle {name}")  # fmt: skip
    if not len(counted(found)):
        raise UsageError(f"campaign {name} is {row['status']}: nobody is addressed for it",
                         "set its status to planned in campaigns or in a scenario")  # fmt: skip
    return row


def _candidates(dataset: Dataset, settings: Settings, as_of: dt.date, row: pd.Series) -> tuple[pd.DataFrame, list[str]]:
    """Customers of the campaign's country, region and segment."""
    if not dataset.has("customers"):
        raise DataError([Issue("customers.csv", None, "", "", "is missing: campaign audience needs it",
                               "planner schema customers")])  # fmt: skip
    known = dataset["customers"].drop_duplicates("customer")
    people = customers_by_segment(dataset, as_of, settings)
    people = people[people["customer"].isin(known["customer"])].sort_values("customer", ignore_index=True)
    places = dataset["locations"].drop_duplicates("location").set_index("location")
    own = people["customer"].map(known.set_index("customer")["region"]).fillna("")
    for area, told in (("country", people["country"]), ("region", own)):
        if row[area]:
            inside = (people["warehouse"].map(places[area]) == row[area]) | (told == row[area])
            people, own = people[inside], own[inside]
    if row["segment"]:
        segments = sorted(people["segment"].unique())
        if row["segment"] not in segments:
            raise UsageError(f"campaign {row['campaign']}: there is no segment {row['segment']!r} by RFM",
                             nearest(row["segment"], segments))  # fmt: skip
        people = people[people["segment"] == row["segment"]]
    homeless = int((people["warehouse"] == "").sum())
    told_of = [f"{homeless:,} customers have no home warehouse: their stock was not looked at"] if homeless else []
    return people.reset_index(drop=True), told_of


def _refuse_without_consent(customers: pd.DataFrame, consent: str) -> None:
    if consent not in customers or not customers[consent].fillna(False).any():
        raise DataError(
            [Issue("customers.csv", None, consent, "", "is missing or empty: nobody may be addressed without consent",
                   f"add the column {consent} with true for those who agreed")]
        )  # fmt: skip


def _marked(people: pd.DataFrame, rows: Flags, reason: str) -> pd.DataFrame:
    """The first reason stays."""
    return people.assign(outcome=people["outcome"].mask(rows & (people["outcome"] == "").to_numpy(), reason))


def _send_day(people: pd.DataFrame, dataset: Dataset, row: pd.Series, as_of: dt.date) -> pd.Series:
    """The first day of the campaign from today on that the calendar of the customer's country leaves open."""
    first = max(row["start"], pd.Timestamp(as_of))
    calendar = dataset["calendar"]
    closed = calendar[calendar["closed"].astype(bool)]
    days = {}
    for country in people["country"].unique():
        shut = set(closed.loc[closed["country"] == country, "date"])
        days[country] = next((day for day in pd.date_range(first, row["end"]) if day not in shut), first)
    return pd.to_datetime(people["country"].map(days))


def _too_often(people: pd.DataFrame, assignments: pd.DataFrame, campaign: str, settings: Settings) -> Flags:
    """Sent to `customers.most_contacts` times or more within the weeks before, by other campaigns."""
    told = settings.customers
    others = assignments[(assignments["campaign"] != campaign) & (assignments["arm"] != CONTROL)]
    others = others.loc[others["sent_at"].notna(), ["customer", "sent_at"]].astype({"customer": object})
    both = people[["customer", "send_on"]].merge(others, on="customer")
    gap = both["send_on"] + pd.Timedelta(days=1) - both["sent_at"]
    near = both[(gap > pd.Timedelta(0)) & (gap <= pd.Timedelta(weeks=told.contact_weeks))]
    times = people["customer"].map(near["customer"].value_counts()).fillna(0)
    return np.asarray(times >= told.most_contacts, dtype=np.bool_)


def _units(people: pd.DataFrame, dataset: Dataset, as_of: dt.date, campaign: str) -> pd.Series:
    """What each has bought of the promoted SKUs in the last 26 weeks."""
    items = dataset["campaign_items"]
    skus = set(items.loc[items["campaign"] == campaign, "sku"])
    lines = bought(dataset, as_of)
    own = lines[lines["sku"].isin(skus)].groupby("customer")["quantity"].sum()
    return people["customer"].map(own).fillna(0.0)


def _unserved(people: pd.DataFrame, units: pd.Series, shares: pd.Series) -> Flags:
    """At each warehouse that can serve a share only, those who buy least are left out: (1 - share) of the people."""
    gone = np.zeros(len(people), dtype=bool)
    left = (people["outcome"] == "").to_numpy()
    for place, share in shares[shares < 1].items():
        here = np.flatnonzero(left & (people["warehouse"] == place).to_numpy())
        order = here[np.lexsort((people["customer"].to_numpy(str)[here], units.to_numpy(float)[here]))]
        gone[order[: int(np.ceil((1.0 - share) * len(here) - 1e-9))]] = True
    return gone


def _beyond(people: pd.DataFrame, units: pd.Series, size: int) -> Flags:
    """Those who buy most of what is promoted come first."""
    gone = np.zeros(len(people), dtype=bool)
    left = np.flatnonzero((people["outcome"] == "").to_numpy())
    gone[left[np.lexsort((people["customer"].to_numpy(str)[left], -units.to_numpy(float)[left]))][size:]] = True
    return gone


def _cut(
    people: pd.DataFrame, row: pd.Series, campaign: str, channel: str, seed: int, notes: list[str]
) -> Audience:  # fmt: skip
    """Hold out the customers whose draws are lowest: a draw is a hash of seed, campaign and customer."""
    share = float(row["holdout_share"])
    left = np.flatnonzero((people["outcome"] == "").to_numpy())
    drawn = [hashlib.sha256(f"{seed}|{campaign}|{name}".encode()).hexdigest() for name in people["customer"].iloc[left]]
    held = left[np.argsort(np.array(drawn, dtype=str), kind="stable")[: round(share * len(left))]]
    outcome = people["outcome"].to_numpy(dtype=object).copy()
    outcome[left], outcome[held] = ADDRESSED, HELD_OUT
    arm = np.where(outcome == ADDRESSED, channel, np.where(outcome == HELD_OUT, CONTROL, ""))
    told = list(notes)
    if not len(held) and len(left):
        told.append("everybody is treated: nothing can be learnt from it; set holdout_share in campaigns, such as 0.1")
    people = people.assign(outcome=outcome, arm=arm)
    return Audience(campaign, channel, people[list(COLUMNS)], share, False, tuple(told))


def _as_cut_before(
    people: pd.DataFrame, arm: pd.Series, row: pd.Series, channel: str, notes: list[str]
) -> Audience:  # fmt: skip
    """The arms of the table stay; whoever withdrew consent since is left out, and nobody is added."""
    people = people[arm.notna().to_numpy()].reset_index(drop=True)
    arm = arm.dropna().reset_index(drop=True)
    outcome = np.where(arm == CONTROL, HELD_OUT, np.where(people["outcome"] == "", ADDRESSED, people["outcome"]))
    people = people.assign(outcome=outcome, arm=arm)
    told = [*notes, "its arms were cut before and stay: only those assigned then are addressed"]
    share = float(row["holdout_share"])
    return Audience(str(row["campaign"]), channel, people[list(COLUMNS)], share, True, tuple(told))


def keep_arms(audience: Audience, data: Path) -> Path:
    """Add who was addressed and who was held out to the table assignments; the file is replaced as a whole."""
    people = audience.people[audience.people["arm"] != ""]
    held = (people["arm"] == CONTROL).to_numpy()
    rows = pd.DataFrame({
        "campaign": audience.campaign, "customer": people["customer"], "arm": people["arm"],
        "share": np.where(held, audience.share, 1.0 - audience.share).round(6),
        "sent_at": (people["send_on"] + _HOUR).where(~held).dt.strftime("%Y-%m-%dT%H:%M:%S"),
    })[_STORED]  # fmt: skip
    target = _table_file(data, audience.campaign)
    with whole_file(target) as draft:
        if target.suffix == ".parquet":
            old = pd.read_parquet(target)
            rows = rows.assign(sent_at=pd.to_datetime(rows["sent_at"]))
            pd.concat([old, rows], ignore_index=True).to_parquet(draft, index=False)
        elif target.is_file():
            old = _read_plain(target)
            pd.concat([old, rows.astype(str).replace("nan", "")], ignore_index=True).fillna("").to_csv(
                draft, index=False, lineterminator="\n"
            )
        else:
            rows.to_csv(draft, index=False, lineterminator="\n")
    return target


def check_arms_can_be_kept(audience: Audience, data: Path) -> None:
    """Raises UsageError where the table is a CSV of another form: it is not ours to rewrite."""
    target = _table_file(data, audience.campaign)
    if not audience.kept and target.is_file() and target.suffix == ".csv":
        _read_plain(target)


def _read_plain(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError):
        table = pd.DataFrame()
    if not {"campaign", "customer", "arm"} <= set(table.columns):
        raise UsageError(f"the arms cannot be added to {path.name}: it is no UTF-8 text with commas",
                         "save it as CSV with commas, or move it into a folder assignments/")  # fmt: skip
    return table


def _table_file(data: Path, campaign: str) -> Path:
    """The file of the table; in a folder of parts, a part of its own; where there is none, assignments.csv."""
    folder = data / "assignments"
    if folder.is_dir():
        return folder / f"{hashlib.sha256(campaign.encode()).hexdigest()[:12]}.csv"
    parquet = data / "assignments.parquet"
    return parquet if parquet.is_file() else data / "assignments.csv"
