"""Customers leave no trace: names, mails and phone numbers are planted, everything is run, every output is read."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from planner.cli.app import main
from planner.errors import DataError, UsageError
from planner.importers.anonymise import OF_CUSTOMERS, anonymise
from tests.worlds import thinned

KEY = "a key that nobody guesses"
Capture = pytest.CaptureFixture[str]


def identity(number: int) -> dict[str, str]:
    return {
        "name": f"Plantina Secretova{number}",
        "email": f"plantina.{number}@example.org",
        "phone": f"+49 341 5550{number:05d}",
        "remark": f"calls on {number} mondays, lives at Plantstrasse {number}",
    }


@pytest.fixture(scope="module")
def planted(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The thinned demo with people in it: each customer is an e-mail address, with name, phone and remarks beside."""
    shop = thinned(demo, tmp_path_factory.mktemp("planted") / "shop")
    codes: dict[str, int] = {}
    for table in OF_CUSTOMERS:
        path = shop / "data" / f"{table}.csv"
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        if not rows or "customer" not in rows[0]:
            continue
        for row in rows:
            who = identity(codes.setdefault(row["customer"], len(codes)))
            row |= {"customer": who["email"]} | ({key: who[key] for key in who} if table == "customers" else {})
        with path.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return shop


@pytest.fixture(scope="module")
def hashed(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace around what `planner anonymise` made of it."""
    shop = tmp_path_factory.mktemp("hashed") / "shop"
    shutil.copytree(planted, shop, ignore=shutil.ignore_patterns("data"))
    anonymise(planted / "data", shop / "data", "", {"PLANNER_KEY": KEY})
    return shop


TELLING = re.compile(r"Plantina|Secretova|plantina|@example|\+49 341|5550\d{5}|Plantstrasse|" + KEY, re.IGNORECASE)


def told(path: Path) -> str:
    """Everything that a file says, Parquet read cell by cell."""
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pandas().to_csv()
    return path.read_bytes().decode("utf-8", errors="ignore")


def test_nothing_planted_is_in_any_output(
    hashed: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNER_KEY", KEY)
    commands = (
        ["optimize"], ["segment", "--by", "rfm", "--customers", "-o", str(tmp_path / "profiles.csv")],
        ["recommend", "--top", "2", "-o", str(tmp_path / "lists.json")], ["campaign", "settle"], ["report"],
        ["export", "csv", "--into", str(tmp_path / "out")], ["validate"],
    )  # fmt: skip
    for words in commands:
        assert main(["-C", str(hashed), *words]) == 0, words
    said = capsys.readouterr()
    assert not TELLING.search(said.out + said.err)
    files = [path for folder in (hashed, tmp_path) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 40
    assert not [path for path in files if TELLING.search(told(path))]


def test_addresses_are_in_the_file_asked_for_and_nowhere_else(
    hashed: Path, planted: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNER_KEY", KEY)
    shop, contacts = tmp_path / "shop", tmp_path / "contacts" / "contacts.csv"
    shutil.copytree(hashed, shop)
    contacts.parent.mkdir()
    with (planted / "data" / "customers.csv").open(encoding="utf-8", newline="") as handle:
        people = list(csv.DictReader(handle))
    with contacts.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, ["customer", "name", "email", "phone"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(people)
    for profile in ("google", "meta", "mautic"):
        target = tmp_path / "out" / f"{profile}.csv"
        words = ["campaign", "audience", "EASTER26", "--profile", profile, "--contacts", str(contacts)]
        assert main(["-C", str(shop), *words, "--out", str(target)]) == 0
        assert len(told(target).splitlines()) > 10
        assert bool(TELLING.search(told(target))) == (profile == "mautic")
    said = capsys.readouterr()
    assert not TELLING.search(said.out + said.err)
    assert not [path for path in shop.rglob("*") if path.is_file() and TELLING.search(told(path))]


def test_no_customer_is_in_a_run_folder(hashed: Path) -> None:
    assert main(["-C", str(hashed), "optimize", "-q"]) == 0
    with (hashed / "data" / "customers.csv").open(encoding="utf-8", newline="") as handle:
        people = {row["customer"] for row in csv.DictReader(handle)}
    runs = [path for path in (hashed / "reports").rglob("*") if path.is_file()]
    assert runs
    text = "".join(told(path) for path in runs)
    assert not [name for name in people if name in text]


def test_the_same_customer_has_the_same_hash_in_every_table(planted: Path, hashed: Path) -> None:
    def column(folder: Path, table: str) -> list[str]:
        with (folder / "data" / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
            return [row["customer"] for row in csv.DictReader(handle)]

    mapped = dict(zip(column(planted, "customers"), column(hashed, "customers"), strict=True))
    lines = list(zip(column(planted, "order_lines"), column(hashed, "order_lines"), strict=True))
    assert lines
    assert all(mapped[before] == after for before, after in lines)
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in mapped.values())


def test_the_command_says_what_it_left_behind(
    planted: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLANNER_KEY", KEY)
    arguments = ["anonymise", str(planted / "data"), "--into", str(tmp_path / "new"), "--format", "json"]
    assert main(arguments) == 0
    rows = {row["table"]: row["left_behind"] for row in json.loads(capsys.readouterr().out)["tables"]}
    assert rows["customers"] == "name, email, phone, remark"
    assert main(arguments) == 2
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        ("region", "customers.csv, row 2, column region holds an e-mail address"),
        ("occupation", "customers.csv, row 2, column occupation holds a phone number"),
    ],
)
def test_an_address_in_another_column_stops_it_without_being_repeated(
    planted: Path, tmp_path: Path, spoil: str, says: str
) -> None:
    shutil.copytree(planted / "data", tmp_path / "data")
    path = tmp_path / "data" / "customers.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    rows[0][spoil] = "write to jane@doe.org" if spoil == "region" else "retired, 0341 555 0199"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(DataError) as caught:
        anonymise(tmp_path / "data", tmp_path / "new", "", {"PLANNER_KEY": KEY})
    assert str(caught.value.issues[0]).startswith(says)
    assert "jane" not in str(caught.value.issues)
    assert not (tmp_path / "new").exists()


def test_hashes_are_not_hashed_again_and_a_key_is_needed(hashed: Path, planted: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        anonymise(hashed / "data", tmp_path / "new", "", {"PLANNER_KEY": KEY})
    assert "is a keyed hash already" in str(caught.value.issues[0])
    with pytest.raises(UsageError, match="no key"):
        anonymise(planted / "data", tmp_path / "new", "", {})
    with pytest.raises(UsageError, match="no table of customers"):
        anonymise(tmp_path, tmp_path / "new", "", {"PLANNER_KEY": KEY})
