"""An audience in the layout of a marketing system. Addresses are joined here from a contact file and kept nowhere.

    google      Customer Match: Email, Phone, First Name, Last Name, Country, Zip; all but country and zip are hashed
    meta        custom audience: email, phone, fn, ln, ct, zip, country, all hashed
    salesforce  e-mail: Subscriber Key, Email Address, Subscriber Status; SMS: _MobileNumber, _Locale, _ContactKey
    adobe       lastname, firstname, city, birthdate, email, denylist
    mautic      contacts import: email, mobile, firstname, lastname, country, tags joined by |, doNotEmail
    csv         everything, readable, with customer, channel and day

Hashed is SHA-256 of what is trimmed and in lower case; phones are E.164 (for meta and Salesforce digits alone).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from planner.audience import Audience
from planner.errors import DataError, Issue, UsageError
from planner.exports.text import frame_to_csv
from planner.files import whole_file
from planner.importers.inputs import read_text
from planner.importers.keys import keyed_hashes

PROFILES: Mapping[str, tuple[str, ...]] = {
    "google": ("ads",), "meta": ("ads",), "salesforce": ("email", "sms"), "adobe": ("email",),
    "mautic": ("email", "sms"), "csv": ("email", "sms", "ads"),
}  # fmt: skip
_NAMES = {
    "customer": ("customer", "customer_id", "id"), "email": ("email", "e-mail", "mail", "email address"),
    "phone": ("phone", "mobile", "phone number", "telephone"),
    "first_name": ("first_name", "firstname", "first name"),
    "last_name": ("last_name", "lastname", "last name"), "country": ("country",),
    "zip": ("zip", "postcode", "zip code"),
    "city": ("city",), "birthdate": ("birthdate", "birth_date", "date of birth"),
}  # fmt: skip
_CALLING = {
    "AT": "43", "AU": "61", "BE": "32", "BG": "359", "BR": "55", "CA": "1", "CH": "41", "CN": "86", "CZ": "420",
    "DE": "49", "DK": "45", "EE": "372", "ES": "34", "FI": "358", "FR": "33", "GB": "44", "GR": "30", "HR": "385",
    "HU": "36", "IE": "353", "IN": "91", "IT": "39", "JP": "81", "KR": "82", "LT": "370", "LU": "352", "LV": "371",
    "MX": "52", "NL": "31", "NO": "47", "NZ": "64", "PL": "48", "PT": "351", "RO": "40", "SE": "46", "SG": "65",
    "SI": "386", "SK": "421", "TR": "90", "UA": "380", "US": "1", "ZA": "27",
}  # fmt: skip
# Italy keeps the zero of a national number; Canada and the United States have none.
_KEEPS_ZERO = ("IT",)
_MAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")


@dataclass(frozen=True)
class Written:
    """Rows of the file, and how many of the audience have no usable address in the contact file."""

    path: Path
    rows: int
    without_address: int


def columns_of(profile: str, channel: str) -> tuple[str, ...]:
    """The header of the file. Raises UsageError where the profile is unknown or has no layout for the channel."""
    if profile not in PROFILES:
        raise UsageError(f"--profile: there is no {profile!r}", f"known: {', '.join(PROFILES)}")
    if channel not in PROFILES[profile]:
        raise UsageError(f"profile {profile} has no file for {channel}", f"it takes {' or '.join(PROFILES[profile])}")
    empty = pd.DataFrame(columns=["customer", "country", "channel", "send_on", *_NAMES], dtype=str)
    return tuple(_LAYOUTS[profile](empty.loc[:, ~empty.columns.duplicated()], channel, "").columns)


def write_audience(
    audience: Audience, profile: str, contacts: Path | None, target: Path, key: bytes | None = None
) -> Written:
    """Write those addressed. Raises UsageError without a contact file where one is needed, DataError for its faults."""
    columns_of(profile, audience.channel)
    sent = audience.sent()
    if contacts is None:
        if profile != "csv":
            raise UsageError(f"profile {profile} needs addresses", "name a file of contacts with --contacts FILE")
        rows, known = sent.reindex(columns=[*sent.columns, *(name for name in _NAMES if name not in sent)]), None
        rows = rows.fillna("")
    else:
        known = read_contacts(contacts, sent["customer"], key)
        merged = sent.merge(known, on="customer", how="left", suffixes=("", "_told")).fillna("")
        merged["country"] = merged["country_told"].where(merged["country_told"] != "", merged["country"])
        rows = _normal(merged)
        rows = rows[_reachable(rows, audience.channel)].reset_index(drop=True)
    table = _LAYOUTS[profile](rows, audience.channel, audience.campaign)
    with whole_file(target) as draft:
        draft.write_text(frame_to_csv(table), encoding="utf-8", newline="\n")
    return Written(target, len(table), len(sent) - len(table))


def read_contacts(path: Path, wanted: pd.Series, key: bytes | None) -> pd.DataFrame:
    """customer (keyed hash) and the address columns as texts. Customers that are no hashes are hashed with the key.

    Raises DataError naming file, row and column; values are not repeated, since they tell of people.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}", "name a CSV of contacts with --contacts FILE")
    raw = read_text(path)
    told = {str(name).strip().lower(): name for name in raw.columns}
    found = {ours: next((told[name] for name in names if name in told), None) for ours, names in _NAMES.items()}
    if found["customer"] is None:
        raise DataError([Issue(path.name, 1, "customer", "", "is missing", "name the column of customers: customer")])
    if found["email"] is None and found["phone"] is None:
        raise DataError([Issue(path.name, 1, "email", "", "is missing, and so is phone", "add email or phone")])
    table = pd.DataFrame({
        ours: raw[name].astype("string").fillna("").str.strip().astype(object) if name is not None else ""
        for ours, name in found.items()
    })  # fmt: skip
    again = table["customer"].duplicated()
    if again.any():
        row = int(again.to_numpy().argmax()) + 2
        raise DataError([Issue(path.name, row, "customer", "", "stands twice", "keep one row a customer")])
    if not table["customer"].isin(wanted).any() and key is not None:
        table["customer"] = pd.Series(keyed_hashes(table["customer"], key)).astype(object)
    if len(wanted) and not table["customer"].isin(wanted).any():
        raise DataError([Issue(path.name, None, "customer", "", "holds none of the customers addressed",
                               "write their keyed hashes, or set PLANNER_KEY to the key that made them")])  # fmt: skip
    return table


def _normal(rows: pd.DataFrame) -> pd.DataFrame:
    mail = rows["email"].str.lower()
    phone = [phone_e164(text, country) for text, country in zip(rows["phone"], rows["country"], strict=True)]
    return rows.assign(email=mail.where(mail.str.fullmatch(_MAIL.pattern), ""), phone=phone)


def phone_e164(text: str, country: str) -> str:
    """The number with + and calling code; empty where it has none and the country's is not known."""
    digits, plain = re.sub(r"\D", "", text), text.strip().replace("(0)", "")
    if plain.startswith("+"):
        digits = re.sub(r"\D", "", plain)
    elif plain.startswith("00"):
        digits = digits[2:]
    else:
        code = _CALLING.get(country.upper(), "")
        own = digits if country.upper() in _KEEPS_ZERO else digits.removeprefix("0")
        digits = code + own if code and own else ""
    return f"+{digits}" if 8 <= len(digits) <= 15 else ""


def _reachable(rows: pd.DataFrame, channel: str) -> pd.Series:
    mail, phone = rows["email"] != "", rows["phone"] != ""
    return {"email": mail, "sms": phone}.get(channel, mail | phone)


def _hashed(column: pd.Series, pattern: str = "") -> pd.Series:
    """SHA-256 in hexadecimal of the text trimmed, in lower case, and without what `pattern` matches; empty stays."""
    plain = column.astype(str).str.strip().str.lower()
    plain = plain.str.replace(pattern, "", regex=True) if pattern else plain
    return plain.map(lambda text: hashlib.sha256(text.encode()).hexdigest() if text else "")


def _google(rows: pd.DataFrame, channel: str, campaign: str) -> pd.DataFrame:
    return pd.DataFrame({
        "Email": _hashed(rows["email"]), "Phone": _hashed(rows["phone"]), "First Name": _hashed(rows["first_name"]),
        "Last Name": _hashed(rows["last_name"]), "Country": rows["country"].str.lower(), "Zip": rows["zip"],
    })  # fmt: skip


def _meta(rows: pd.DataFrame, channel: str, campaign: str) -> pd.DataFrame:
    letters = r"[\W\d_]"
    return pd.DataFrame({
        "email": _hashed(rows["email"]), "phone": _hashed(rows["phone"], r"\D"),
        "fn": _hashed(rows["first_name"], letters), "ln": _hashed(rows["last_name"], letters),
        "ct": _hashed(rows["city"], letters), "zip": _hashed(rows["zip"], r"[\s-]"),
        "country": _hashed(rows["country"]),
    })  # fmt: skip


def _salesforce(rows: pd.DataFrame, channel: str, campaign: str) -> pd.DataFrame:
    names = {"first": rows["first_name"], "last": rows["last_name"]}
    if channel == "sms":
        return pd.DataFrame({
            "_MobileNumber": rows["phone"].str.removeprefix("+"), "_Locale": rows["country"].str.upper(),
            "_ContactKey": rows["customer"], "_FirstName": names["first"], "_LastName": names["last"],
        })  # fmt: skip
    return pd.DataFrame({
        "Subscriber Key": rows["customer"], "Email Address": rows["email"],
        "Subscriber Status": _same(rows, "Active"), "First Name": names["first"], "Last Name": names["last"],
    })  # fmt: skip


def _adobe(rows: pd.DataFrame, channel: str, campaign: str) -> pd.DataFrame:
    return pd.DataFrame({"lastname": rows["last_name"], "firstname": rows["first_name"], "city": rows["city"],
                         "birthdate": rows["birthdate"], "email": rows["email"],
                         "denylist": _same(rows, "0")})  # fmt: skip


def _mautic(rows: pd.DataFrame, channel: str, campaign: str) -> pd.DataFrame:
    """Only those who agreed are in the file, so that no address of the other channel goes along with it."""
    mail, phone = (rows["email"], _same(rows, "")) if channel == "email" else (_same(rows, ""), rows["phone"])
    return pd.DataFrame({"email": mail, "mobile": phone, "firstname": rows["first_name"],
                         "lastname": rows["last_name"], "country": rows["country"],
                         "tags": _same(rows, f"{campaign}|{channel}"),
                         "doNotEmail": _same(rows, "0" if channel == "email" else "1")})  # fmt: skip


def _csv(rows: pd.DataFrame, channel: str, campaign: str) -> pd.DataFrame:
    """The address of the channel alone: consent was given for no other."""
    hidden = {"email": ("phone",), "sms": ("email",)}.get(channel, ())
    rows = rows.assign(campaign=campaign, **dict.fromkeys(hidden, ""))
    return rows[["campaign", "customer", "channel", "send_on", "email", "phone", "first_name", "last_name", "country"]]


def _same(rows: pd.DataFrame, text: str) -> pd.Series:
    return pd.Series(text, index=rows.index, dtype=object)


_LAYOUTS: Mapping[str, Callable[[pd.DataFrame, str, str], pd.DataFrame]] = {
    "google": _google, "meta": _meta, "salesforce": _salesforce, "adobe": _adobe, "mautic": _mautic, "csv": _csv,
}  # fmt: skip
