"""campaign audience: who is left out and why, the cut that settles, and the files in their layouts."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from planner.audience import Audience, choose_audience, keep_arms
from planner.cli.app import main
from planner.dataset import Dataset
from planner.errors import DataError, UsageError
from planner.exports.audiences import PROFILES, columns_of, phone_e164, write_audience
from planner.marketing.trials.outcomes import with_outcomes
from planner.settings import Settings
from tests.test_gating import World

AS_OF = dt.date(2026, 3, 2)
Capture = pytest.CaptureFixture[str]


def _people(count: int = 100, **columns: Any) -> pd.DataFrame:
    names = [f"{number:016x}" for number in range(count)]
    return pd.DataFrame({"customer": names, "home_warehouse": "N", "country": "DE", "consent_email": True} | columns)


def _dataset(people: pd.DataFrame | None = None, assignments: pd.DataFrame | None = None, **campaign: Any) -> Dataset:
    row = {"campaign": "MAIL", "kind": "email", "start": "2026-03-23", "end": "2026-04-05", "status": "planned",
           "holdout_share": 0.2}  # fmt: skip
    tables = {
        "items": pd.DataFrame({"sku": ["A", "B"], "category": "c", "unit_price": 10.0, "unit_cost": 6.0}),
        "locations": pd.DataFrame({"location": ["SUP", "N", "S"], "kind": ["supplier", "warehouse", "warehouse"],
                                   "country": "DE"}),
        "campaigns": pd.DataFrame([row | campaign]).astype({"start": "datetime64[ns]", "end": "datetime64[ns]"}),
        "campaign_items": pd.DataFrame({"campaign": ["MAIL"], "sku": ["A"]}),
        "order_lines": pd.DataFrame({"order_id": ["1"], "date": [pd.Timestamp("2026-02-20")],
                                     "customer": [f"{7:016x}"], "sku": ["A"], "quantity": [3.0]}),
        "sourcing": pd.DataFrame({"sku": ["A"], "source": ["SUP"], "destination": ["N"], "lead_days": [70.0]}),
        "customers": _people() if people is None else people,
    }  # fmt: skip
    if assignments is not None:
        tables["assignments"] = assignments
    return Dataset.from_frames(tables)


def _choose(data: Dataset, run: Any = None, **settings: Any) -> Audience:
    return choose_audience(data, Settings(**settings), AS_OF, "MAIL", "email", run)


def _counts(found: Audience) -> dict[str, int]:
    return {str(row["outcome"]): int(row["customers"]) for row in found.counts.to_dict("records")}


def test_consent_opt_out_and_contact_limit_each_leave_out_their_own() -> None:
    people = _people()
    people["consent_email"] = [number >= 10 for number in range(100)]
    people["opted_out_at"] = [pd.Timestamp("2026-02-01") if 10 <= number < 15 else pd.NaT for number in range(100)]
    sent = [(name, number, f"{name:016x}") for name, number in ((20, 2), (21, 1))]
    before = pd.DataFrame(
        [(f"OLD{turn}", who, "email", "2026-03-10T09:00:00") for _, times, who in sent for turn in range(times)],
        columns=["campaign", "customer", "arm", "sent_at"],
    ).astype({"sent_at": "datetime64[ns]"})
    found = _counts(_choose(_dataset(people, before)))
    assert found == {"addressed": 67, "held out": 17, "channel not used": 0, "no consent": 10, "opted out": 5,
                     "contact limit": 1, "no stock": 0, "beyond audience size": 0}  # fmt: skip


def test_the_cut_is_the_same_each_time_and_another_with_another_seed() -> None:
    from planner.settings import PlanSettings

    first, again = (_choose(_dataset()).people for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert first["outcome"].value_counts().to_dict() == {"addressed": 80, "held out": 20}
    other = _choose(_dataset(), plan=PlanSettings(seed=2)).people
    assert (other["outcome"] != first["outcome"]).any()


def test_stock_is_looked_at_where_the_customer_lives() -> None:
    people = _people(home_warehouse=["N"] * 60 + ["S"] * 40)
    found = _choose(_dataset(people), World({("A", "N"): 100.0, ("A", "S"): 50.0}))
    lost = found.people[found.people["outcome"] == "no stock"]
    assert lost["warehouse"].tolist() == ["S"] * 20
    assert found.people.set_index("customer")["outcome"][f"{7:016x}"] != "no stock"


def test_an_audience_size_takes_those_who_buy_it_first() -> None:
    found = _choose(_dataset(audience_size=10.0, holdout_share=0.0))
    assert _counts(found)["addressed"] == 10
    assert f"{7:016x}" in set(found.sent()["customer"])
    assert any("everybody is treated" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"end": "2026-03-01", "start": "2026-02-01"}, "is over since 2026-03-01"), ({"status": "draft"}, "is draft"),
     ({"segment": "chompions"}, "no segment")],
)  # fmt: skip
def test_campaigns_that_address_nobody_are_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        _choose(_dataset(**change))


def test_without_consent_nothing_leaves() -> None:
    with pytest.raises(DataError) as caught:
        _choose(_dataset(_people().drop(columns="consent_email")))
    assert str(caught.value.issues[0]).startswith("customers.csv, column consent_email is missing or empty")


def test_the_arms_are_kept_and_what_came_of_them_is_read_back(tmp_path: Path) -> None:
    data = _dataset()
    found = _choose(data)
    path = keep_arms(found, tmp_path)
    kept = pd.read_csv(path, dtype={"customer": str}, parse_dates=["sent_at"])
    assert kept["arm"].value_counts().to_dict() == {"email": 80, "control": 20}
    assert kept.loc[kept["arm"] == "control", "sent_at"].isna().all()
    assert kept.groupby("arm")["share"].first().to_dict() == {"email": 0.8, "control": 0.2}
    later = _dataset(assignments=kept)
    again = _choose(later)
    assert again.kept
    assert set(again.sent()["customer"]) == set(found.sent()["customer"])
    buys = found.sent()["customer"].iloc[0]
    lines = pd.DataFrame({"order_id": ["2"], "date": [pd.Timestamp("2026-03-30")], "customer": [buys], "sku": ["A"],
                          "quantity": [2.0], "unit_price": [10.0]})  # fmt: skip
    over = Dataset.from_frames({name: later[name] for name in later} | {"order_lines": lines})
    told = with_outcomes(over).set_index("customer")
    assert told.loc[buys, ["conversion", "spend"]].tolist() == [1.0, 20.0]
    assert told["conversion"].sum() == 1.0
    assert len(told) == 100


def test_a_table_of_another_form_is_not_rewritten(tmp_path: Path) -> None:
    (tmp_path / "assignments.csv").write_text("campaign;customer;arm\nOLD;a;control\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no UTF-8 text with commas"):
        keep_arms(_choose(_dataset()), tmp_path)
    assert (tmp_path / "assignments.csv").read_text(encoding="utf-8").count("\n") == 2


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [("0171 5550123", "DE", "+491715550123"), ("+41 (0)79 555 01 23", "", "+41795550123"), ("123", "DE", ""),
     ("0048 601 555 012", "XX", "+48601555012"), ("06 5550 1234", "IT", "+390655501234"), ("0171 5550123", "", "")],
)  # fmt: skip
def test_phone_numbers_become_e164(text: str, country: str, number: str) -> None:
    assert phone_e164(text, country) == number


HEADERS = {
    ("google", "ads"): "Email,Phone,First Name,Last Name,Country,Zip",
    ("meta", "ads"): "email,phone,fn,ln,ct,zip,country",
    ("salesforce", "email"): "Subscriber Key,Email Address,Subscriber Status,First Name,Last Name",
    ("salesforce", "sms"): "_MobileNumber,_Locale,_ContactKey,_FirstName,_LastName",
    ("adobe", "email"): "lastname,firstname,city,birthdate,email,denylist",
    ("mautic", "email"): "email,mobile,firstname,lastname,country,tags,doNotEmail",
}


def _contacts(folder: Path) -> Path:
    path = folder / "contacts.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["customer", "E-Mail", "mobile", "first name", "last_name", "zip", "city"])
        for number in range(100):
            mail = "nobody" if number == 3 else f" Ann.{number}@Example.ORG"
            writer.writerow([f"{number:016x}", mail, f"0171 55{number:05d}", "Ann", "O'Neil", "04109", "Bad Elster"])
    return path


@pytest.mark.parametrize(("profile", "channel"), list(HEADERS))
def test_each_system_gets_its_layout(profile: str, channel: str, tmp_path: Path) -> None:
    from dataclasses import replace

    assert ",".join(columns_of(profile, channel)) == HEADERS[profile, channel]
    found = replace(_choose(_dataset(holdout_share=0.0)), channel=channel)
    done = write_audience(found, profile, _contacts(tmp_path), tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").read_text(encoding="utf-8").splitlines()))
    assert ",".join(rows[0]) == HEADERS[profile, channel]
    assert len(rows) == done.rows == (99 if channel == "email" else 100)
    text = (tmp_path / "out.csv").read_text(encoding="utf-8").lower()
    if profile in ("google", "meta"):
        assert hashlib.sha256(b"ann.5@example.org").hexdigest() in text
        phone = b"+491715500005" if profile == "google" else b"491715500005"
        assert hashlib.sha256(phone).hexdigest() in text
        assert not [word for word in ("example", "neil", "49171", "badelster") if word in text]
    elif channel == "sms":
        assert "491715500005,de," in text
        assert "example" not in text
    else:
        assert "ann.5@example.org" in text
        assert "49171" not in text  # agreed to e-mail, not to SMS


def test_contacts_are_refused_with_file_and_column(tmp_path: Path) -> None:
    found, target = _choose(_dataset()), tmp_path / "out.csv"
    with pytest.raises(UsageError, match="needs addresses"):
        write_audience(found, "mautic", None, target)
    bad = tmp_path / "bad.csv"
    for text, says in (
        ("name,email\nA,a@b.org\n", "bad.csv, row 1, column customer is missing"),
        ("customer\nA\n", "column email is missing, and so is phone"),
        ("customer,email\nA,a@b.org\nA,a@b.org\n", "bad.csv, row 3, column customer stands twice"),
        ("customer,email\nA,a@b.org\n", "holds none of the customers addressed"),
    ):
        bad.write_text(text, encoding="utf-8")
        with pytest.raises(DataError) as caught:
            write_audience(found, "mautic", bad, target)
        assert says in str(caught.value.issues[0])
    assert not target.exists()


def test_the_command_counts_and_writes_nothing_when_dry(planned: Path, capsys: Capture) -> None:
    before = sorted((path, path.stat().st_mtime) for path in (planned / "data").rglob("*"))
    words = ["-C", str(planned), "campaign", "audience", "EASTER26", "--profile", "mautic", "--format", "json"]
    assert main([*words, "--dry-run"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["columns"] == list(columns_of("mautic", "email"))
    assert sum(row["customers"] for row in said["counts"]) == 2000
    assert sorted((path, path.stat().st_mtime) for path in (planned / "data").rglob("*")) == before
    assert main(words) == 2
    assert main([*words, "--out", str(planned / "reports" / "x.csv")]) == 2
    assert "no place for addresses" in capsys.readouterr().err
    assert main(["-C", str(planned), "campaign", "audience", "EASTER26", "--profile", "hotmail", "--dry-run"]) == 2
    assert set(PROFILES) == {"google", "meta", "salesforce", "adobe", "mautic", "csv"}
