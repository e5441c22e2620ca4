"""What holds for campaigns to come country by country: how much they gain, by which channels, with whose consent."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from planner.marketing.bookings import AUDIENCE_KINDS
from planner.settings import CountrySettings

# Which consent a channel needs; what is shown in the own shop needs none.
CONSENT = {"email": "consent_email", "sms": "consent_sms", "social": "consent_ads"}


def under_rules(
    booked: pd.DataFrame, locations: pd.DataFrame, customers: pd.DataFrame, countries: Mapping[str, CountrySettings]
) -> pd.DataFrame:
    """Bookings with `reach` as the country of the warehouse has it: reach x gain factor x share that may be addressed.

    The share is 0 for a channel that is not used there, else that of the country's customers who may be addressed by
    it; 1 for campaigns that are not sent to anybody. Countries without settings stay as they are.
    """
    if not countries:
        return booked
    country = booked["warehouse"].map(locations.drop_duplicates("location").set_index("location")["country"])
    pairs = pd.DataFrame({"country": country.fillna(""), "kind": booked["kind"]})
    told = {
        (code, kind): rules.gain_factor * _addressable(code, str(kind), rules, customers)
        for code, rules in countries.items()
        for kind in booked["kind"].unique()
    }
    factor = [told.get(pair, 1.0) for pair in pairs.itertuples(index=False, name=None)]
    return booked.assign(reach=booked["reach"] * factor)


def _addressable(code: str, kind: str, rules: CountrySettings, customers: pd.DataFrame) -> float:
    """Share of the country's customers: opt-in counts those who agreed and did not leave, opt-out those who stayed.

    Without customers nobody is known to have agreed, nor to have objected.
    """
    if kind not in AUDIENCE_KINDS:
        return 1.0
    if kind not in rules.channels:
        return 0.0
    if rules.consent == "any" or kind not in CONSENT:
        return 1.0
    people = customers[customers["country"] == code]
    may = people["opted_out_at"].isna()
    if rules.consent == "opt-in":
        may &= people[CONSENT[kind]].fillna(0.0).astype(float) >= 1.0
        return float(may.mean()) if len(may) else 0.0
    return float(may.mean()) if len(may) else 1.0
