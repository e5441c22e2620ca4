"""Anyone's own export: a mapping says which column is which word. The samples look like those of a German ERP."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from pathlib import Path

import pandas as pd
import pytest

from planner.dataset import Dataset, load, validate
from planner.errors import DataError, UsageError
from planner.importers import run_import
from planner.importers.guess import best_table
from planner.importers.mapping import read_mapping

SALES = """Belegdatum;Material;Werk;Menge;Nettopreis;Bewegungsart;Kunde;Text
03.11.2025;000123;1000;1.200;2,50;601;K4711;Müller
03.11.2025;000123;1000;24;2,50;601;K4712;Größe
04.11.2025;000123;2000;6,5;2,60;601;K4711;
04.11.2025;000124;1000;12-;9,90;653;K4712;Rückgabe
05.11.2025;000124;1000;30;9,90;601;;
05.11.2025;000124;1000;99;0,00;561;;Anfangsbestand
Summe;;;1.359,5;;;;
"""
STOCK = """Material;Werk;Charge;Frei verwendbar
000123;1000;A;40
000123;1000;B;2,5
000124;1000;;7
"""
MAPPING = """
[workspace]
title = "Werk Leipzig"
currency = "EUR"

[tables.sales]
file = "VBRP_*.csv"
date_format = "%d.%m.%Y"
keep = { Bewegungsart = ["601", "653"] }
drop = { Belegdatum = "Summe" }
values = { warehouse = { "1000" = "LEJ", "2000" = "HAM" } }

[tables.sales.columns]
date = "Belegdatum"
sku = "Material"
warehouse = "Werk"
quantity = "Menge"
unit_price = "Nettopreis"

[tables.stock]
file = "mard.csv"
columns = { sku = "Material", on_hand = "Frei verwendbar" }
constants = { warehouse = "LEJ" }
scale = { on_hand = 12 }
"""


@pytest.fixture
def export(tmp_path: Path) -> Path:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "VBRP_2025.csv").write_bytes(SALES.encode("cp1252"))
    (folder / "mard.csv").write_text(STOCK, encoding="utf-8-sig")
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="cp1252" if path.name.startswith("VBRP") else "utf-8")
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode("cp1252" if path.name.startswith("VBRP") else "utf-8"))


def imported(folder: Path, into: Path, **options: object) -> Dataset:
    run_import("csv", folder, into, options, environ={})
    assert validate(into / "data").total == 0
    return load(into / "data")


def test_numbers_dates_codes_and_filters(export: Path, tmp_path: Path) -> None:
    sales = imported(export, tmp_path / "w")["sales"]
    assert sales[["date", "sku", "warehouse", "quantity", "unit_price"]].values.tolist() == [
        [pd.Timestamp("2025-11-03"), "000123", "LEJ", 1224.0, 2.5],
        [pd.Timestamp("2025-11-04"), "000123", "HAM", 6.5, 2.6],
        [pd.Timestamp("2025-11-04"), "000124", "LEJ", -12.0, 9.9],
        [pd.Timestamp("2025-11-05"), "000124", "LEJ", 30.0, 9.9],
    ]


def test_units_are_converted_and_lots_added_up(export: Path, tmp_path: Path) -> None:
    result = run_import("csv", export, tmp_path / "w", environ={})
    stock = load(tmp_path / "w" / "data")["stock"].set_index(["sku", "warehouse"])["on_hand"]
    assert stock.to_dict() == {("000123", "LEJ"): 510.0, ("000124", "LEJ"): 84.0}
    assert any("stock: 3 rows added up to 2" in note for note in result.notes)
    assert any("mard.csv: not mapped are Werk, Charge" in note for note in result.notes)


def test_what_the_export_lacks_is_assumed_and_said(export: Path, tmp_path: Path) -> None:
    result = run_import("csv", export, tmp_path / "w", {"lead_days": 9, "supplier": "LIEFERANT"}, environ={})
    data = load(tmp_path / "w" / "data")
    assert data["items"]["sku"].tolist() == ["000123", "000124"]
    assert data["locations"].set_index("location")["kind"].to_dict() == {
        "HAM": "warehouse",
        "LEJ": "warehouse",
        "LIEFERANT": "supplier",
    }
    assert data["sourcing"][["sku", "destination", "lead_days"]].values.tolist() == [
        ["000123", "HAM", 9.0],
        ["000123", "LEJ", 9.0],
        ["000124", "LEJ", 9.0],
    ]
    assert set(result.assumptions) == {
        "source", "lead_days", "review_days", "supplier", "items", "stocking", "pipeline", "locations", "as_of",
    }  # fmt: skip
    assert result.as_of == dt.date(2025, 11, 10)


def test_opening_stock_is_assumed_where_there_is_none(export: Path, tmp_path: Path) -> None:
    text = (export / "mapping.toml").read_text()
    (export / "mapping.toml").write_text(text[: text.index("[tables.stock]")])
    stock = imported(export, tmp_path / "w", cover_weeks=26)["stock"].set_index(["sku", "warehouse"])["on_hand"]
    assert stock.to_dict() == {("000123", "HAM"): 13.0, ("000123", "LEJ"): 2448.0, ("000124", "LEJ"): 36.0}


def test_the_as_of_date_of_the_mapping_counts(export: Path, tmp_path: Path) -> None:
    edit(export / "mapping.toml", 'currency = "EUR"', "as_of = 2025-11-06")
    assert run_import("csv", export, tmp_path / "w", environ={}).as_of == dt.date(2025, 11, 6)


def test_files_of_two_layouts_make_one_table(export: Path, tmp_path: Path) -> None:
    (export / "shop.csv").write_text("day,item,sold\n2025-11-06,000123,3\n")
    text = (export / "mapping.toml").read_text()
    head, rest = text.split("[tables.sales]", 1)
    sales, stock = rest.split("[tables.stock]", 1)
    sales = sales.replace("[tables.sales.columns]", "[tables.sales.columns]")
    shop = '[[tables.sales]]\nfile = "shop.csv"\ncolumns = { date = "day", sku = "item", quantity = "sold" }\n'
    shop += 'constants = { warehouse = "LEJ", channel = "shop" }\n'
    text = f"{head}[[tables.sales]]{sales}\n{shop}\n[tables.stock]{stock}"
    (export / "mapping.toml").write_text(text)
    data = imported(export, tmp_path / "w")["sales"]
    assert len(data) == 5
    assert data[data["channel"] == "shop"]["quantity"].tolist() == [3.0]


@pytest.mark.parametrize(
    ("file", "old", "new", "named"),
    [
        ("VBRP_2025.csv", "24;2,50", "viel;2,50", ("VBRP_2025.csv", 3, "Menge", "viel")),
        ("VBRP_2025.csv", "04.11.2025;000124", "31.11.2025;000124", ("VBRP_2025.csv", 5, "Belegdatum", None)),
        ("VBRP_2025.csv", "Material", "Artikel", ("VBRP_2025.csv", 1, "Material", "")),
        ("VBRP_2025.csv", "K4711;Müller", "K4711", ("VBRP_2025.csv", 2, "", None)),
        ("VBRP_2025.csv", "05.11.2025;000124;1000;30", "05.11.2025;;1000;30", ("VBRP_2025.csv", 6, "sku", "")),
        ("mard.csv", "000124;1000;;7", "000124;1000;;sieben", ("mard.csv", 4, "Frei verwendbar", "sieben")),
    ],
)
def test_a_fault_is_named_by_the_file_and_line_of_the_export(
    export: Path, tmp_path: Path, file: str, old: str, new: str, named: tuple[object, ...]
) -> None:
    edit(export / file, old, new)
    with pytest.raises(DataError) as caught:
        run_import("csv", export, tmp_path / "w", environ={})
    issue = caught.value.issues[0]
    assert (issue.file, issue.row, issue.column) == named[:3]
    assert named[3] is None or issue.value == named[3]
    assert not (tmp_path / "w").exists()


def test_an_unknown_code_is_named_where_it_stands(export: Path, tmp_path: Path) -> None:
    (export / "mara.csv").write_text("Material;Bezeichnung\n000123;Saft\n")
    with (export / "mapping.toml").open("a") as mapping:
        mapping.write(
            '\n[tables.items]\nfile = "mara.csv"\ncolumns = { sku = "Material", description = "Bezeichnung" }\n'
        )
    with pytest.raises(DataError) as caught:
        run_import("csv", export, tmp_path / "w", environ={})
    places = {(issue.file, issue.row, issue.value) for issue in caught.value.issues}
    assert ("VBRP_2025.csv", 5, "000124") in places
    assert ("mard.csv", 4, "000124") in places


def test_all_faults_of_all_files_are_told_at_once(export: Path, tmp_path: Path) -> None:
    edit(export / "VBRP_2025.csv", "24;2,50", "viel;teuer")
    edit(export / "mard.csv", "2,5", "x")
    edit(
        export / "mapping.toml",
        "[tables.stock]",
        '[tables.items]\nfile = "mara.csv"\ncolumns = { sku = "M" }\n\n[tables.stock]',
    )
    with pytest.raises(DataError) as caught:
        run_import("csv", export, tmp_path / "w", environ={})
    assert caught.value.total == len(caught.value.issues) == 4


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[tables.sales]", "[tables.sale]", "'sale'"),
        ("keep =", "kep =", "'kep'"),
        ('quantity = "Menge"', 'qty = "Menge"', "quantity is not mapped"),
        ('constants = { warehouse = "LEJ" }', 'constants = { warehouse = "LEJ", sku = "1" }', "sku stands in columns"),
        ("scale = { on_hand = 12 }", "scale = { on_hand = -1 }", "scale.on_hand"),
        ("scale = { on_hand = 12 }", "scale = { sku = 2 }", "sku is no number"),
        ("values = { warehouse", "values = { channel", "channel"),
        ('file = "mard.csv"', 'file = "../mard.csv"', "leaves the folder"),
        ('file = "mard.csv"', "", "`file` is missing"),
        ('currency = "EUR"', 'bucket = "year"', "'year'"),
        ('currency = "EUR"', 'as_of = "heute"', "'heute'"),
        ("[workspace]", "[workspace", "not valid TOML"),
    ],
)
def test_a_wrong_mapping_is_named(export: Path, tmp_path: Path, old: str, new: str, says: str) -> None:
    edit(export / "mapping.toml", old, new)
    with pytest.raises(UsageError, match=says.replace("(", r"\(")):
        run_import("csv", export, tmp_path / "w", environ={})


def test_an_extra_column_is_kept_and_told(export: Path, tmp_path: Path) -> None:
    edit(export / "mapping.toml", 'quantity = "Menge"', 'quantity = "Menge"\nremark = "Text"')
    result = run_import("csv", export, tmp_path / "w", environ={})
    assert any("remark is no column of the contract" in note for note in result.notes)
    assert "Größe" not in result.notes
    assert load(tmp_path / "w" / "data")["sales"]["remark"].tolist()[0] == "Müller"


def test_customers_leave_only_as_keyed_hashes(export: Path, tmp_path: Path) -> None:
    with (export / "mapping.toml").open("a") as mapping:
        mapping.write(
            '\n[tables.order_lines]\nfile = "VBRP_2025.csv"\nkeep = { Bewegungsart = "601" }\n'
            'columns = { date = "Belegdatum", customer = "Kunde", sku = "Material", quantity = "Menge" }\n'
            'constants = { order_id = "?" }\ndrop = { Kunde = "" }\n'
        )
    without = run_import("csv", export, tmp_path / "w", environ={})
    assert "order_lines" not in without.tables
    assert any(note.startswith("order_lines left out") for note in without.notes)
    key = "0123456789abcdef"
    run_import("csv", export, tmp_path / "w", environ={"PLANNER_KEY": key})
    customers = load(tmp_path / "w" / "data")["order_lines"]["customer"].tolist()
    mine = [hmac.new(key.encode(), code.encode(), hashlib.sha256).hexdigest() for code in ("K4711", "K4712")]
    assert sorted(customers) == sorted([*mine, mine[0]])
    for path in (tmp_path / "w").rglob("*.*"):
        assert "K471" not in path.read_text(encoding="utf-8")


def test_the_workspace_inside_the_folder_is_never_read(export: Path, tmp_path: Path) -> None:
    edit(export / "mapping.toml", 'file = "VBRP_*.csv"', 'file = "**/VBRP_*.csv"')
    run_import("csv", export, export / "W", environ={})
    (export / "W" / "data" / "VBRP_old.csv").write_bytes(SALES.encode("cp1252"))
    run_import("csv", export, export / "W", environ={})
    assert len(load(export / "W" / "data")["sales"]) == 4


def test_a_mapping_to_start_from_is_guessed(export: Path, tmp_path: Path) -> None:
    (export / "mapping.toml").unlink()
    (export / "VBRP_2025.csv").rename(export / "Absatz 2025.csv")
    (export / "readme.txt").write_text("nothing to see here")
    edit(export / "mard.csv", "Frei verwendbar", "Rest")
    result = run_import("csv", export, tmp_path / "w", {"write_mapping": True}, environ={})
    assert result.as_of is None
    assert not (tmp_path / "w").exists()
    assert any("Absatz 2025.csv: taken for sales" in note for note in result.notes)
    assert any("readme.txt: no table" in note for note in result.notes)
    text = (export / "mapping.toml").read_text(encoding="utf-8")
    assert 'on_hand = ""   # needed' in text
    (export / "mapping.toml").write_text(text.replace('# on_hand = ""   # needed', 'on_hand = "Rest"'))
    sales, stock = sorted(read_mapping(export / "mapping.toml").entries, key=lambda entry: entry.table)
    assert (sales.table, dict(sales.columns)) == (
        "sales",
        {
            "date": "Belegdatum",
            "sku": "Material",
            "warehouse": "Werk",
            "quantity": "Menge",
            "unit_price": "Nettopreis",
        },
    )
    assert (stock.table, stock.file) == ("stock", "mard.csv")


def test_a_mapping_is_not_overwritten(export: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exists already"):
        run_import("csv", export, tmp_path / "w", {"write_mapping": True}, environ={})


@pytest.mark.parametrize(
    ("stem", "header", "table"),
    [
        ("export", ("Posting Date", "Item No.", "Location", "Quantity"), "sales"),
        ("export", ("Item No.", "Location", "On Hand"), "stock"),
        ("items", ("Item No.", "Description", "Category", "Standard Cost"), "items"),
        ("open_orders", ("PO Number", "Item", "Plant", "Open Qty", "Delivery Date"), "pipeline"),
        ("x", ("foo", "bar"), ""),
    ],
)
def test_a_table_is_known_by_its_headers(stem: str, header: tuple[str, ...], table: str) -> None:
    assert best_table(stem, header) == table
