"""What holds for campaigns to come country by country: how much they gain, by which channels, with whose consent."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.bookings import AUDIENCE_KINDS
from planner.settings import CountrySettings

# By which channel a kind of campaign reaches people; what is shown in the own shop needs none, and so no consent.
CHANNEL_OF = {"email": "email", "sms": "sms", "social": "ads"}
_KIND_OF = {channel: kind for kind, channel in CHANNEL_OF.items()}
Flags = npt.NDArray[np.bool_]


def used_in(country: pd.Series, channel: str, countries: Mapping[str, CountrySettings]) -> Flags:
    """Whether the channel (email, sms, ads) may be used in each row's country; it may where nothing is set."""
    told = {code: _KIND_OF[channel] in rules.channels for code, rules in countries.items()}
    return country.map(lambda code: told.get(code, True)).to_numpy(bool)


def consenting(customers: pd.DataFrame, channel: str, countries: Mapping[str, CountrySettings]) -> Flags:
    """Whether each row of country and consent_{channel} lets itself be addressed: in a country of opt-out everybody,
    elsewhere those who agreed. A missing column is no consent. Who has opted out is for the caller to leave out.
    """
    silent = {code for code, rules in countries.items() if rules.consent == "opt-out"}
    column = f"consent_{channel}"
    agreed = customers[column].fillna(0.0).astype(float) >= 1.0 if column in customers else False
    return np.asarray(customers["country"].isin(silent) | agreed, dtype=np.bool_)


def under_rules(
    booked: pd.DataFrame, locations: pd.DataFrame, customers: pd.DataFrame, countries: Mapping[str, CountrySettings]
) -> pd.DataFrame:
    """Bookings with `reach` as the country of the warehouse has it: reach x gain factor x share that may be addressed.

    The share is 0 for a channel that is not used there, else that of the country's customers who may be addressed by
    it; 1 for campaigns that are not sent to anybody. An audience of known size is drawn from those who may be
    addressed, so it is cut only where it is larger than they are. Countries without settings stay as they are.
    """
    if not countries:
        return booked
    country = booked["warehouse"].map(locations.drop_duplicates("location").set_index("location")["country"])
    pairs = pd.DataFrame({"country": country.fillna(""), "kind": booked["kind"]})
    may = {
        (code, kind): _addressable(code, str(kind), rules, customers)
        for code, rules in countries.items()
        for kind in booked["kind"].unique()
    }
    rows = list(pairs.itertuples(index=False, name=None))
    share = np.array([may.get(pair, 1.0) for pair in rows])
    gain = np.array([countries[code].gain_factor if code in countries else 1.0 for code, _ in rows])
    sent = booked["addressed"].fillna(1.0).to_numpy(float)
    return booked.assign(reach=booked["reach"] * gain * np.minimum(share / np.maximum(sent, 1e-9), 1.0))


def _addressable(code: str, kind: str, rules: CountrySettings, customers: pd.DataFrame) -> float:
    """Share of the country's customers: opt-in counts those who agreed and did not leave, opt-out those who stayed.

    Without customers nobody is known to have agreed, nor to have objected.
    """
    if kind not in AUDIENCE_KINDS:
        return 1.0
    if kind not in rules.channels:
        return 0.0
    if rules.consent == "any" or kind not in CHANNEL_OF:
        return 1.0
    people = customers[customers["country"] == code]
    may = consenting(people, CHANNEL_OF[kind], {code: rules}) & people["opted_out_at"].isna()
    return float(may.mean()) if len(may) else float(rules.consent == "opt-out")
