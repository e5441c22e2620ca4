"""One file as people have it -> one typed frame, and every fault with the line that a person counts."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from planner.errors import Issue
from planner.intake.reading import Part, part_lines, read_part

HEAD = "date,sku,warehouse,quantity\n"


@pytest.fixture
def read(tmp_path: Path):
    def reader(content: str | bytes, table: str = "sales", name: str = "", keep: float = 100) -> Part:
        path = tmp_path / (name or f"{table}.csv")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_part(path, path.name, table, keep)

    return reader


def only(part: Part) -> Issue:
    """The one fault of a file."""
    assert part.total == 1, part.issues
    return part.issues[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_dialect_gives_the_same_frame(read, delimiter, encoding, end):
    rows = [
        "Date,SKU, Ware House ,QUANTITY,Unit-Price",
        "2024-04-15,007,橙汁仓库,3,2.5",
        "2024-04-16,007,橙汁仓库,0,2.5",
        "",
    ]
    part = read(end.join(rows).replace(",", delimiter).encode(encoding))
    assert part.issues == ()
    frame = part.frame
    assert list(frame.columns) == ["date", "sku", "warehouse", "quantity", "unit_price"]
    assert frame["sku"].tolist() == ["007", "007"]
    assert frame["warehouse"].tolist() == ["橙汁仓库"] * 2
    assert frame["quantity"].tolist() == [3.0, 0.0]
    assert frame["date"].tolist() == [pd.Timestamp("2024-04-15"), pd.Timestamp("2024-04-16")]


def test_cp1252_is_the_last_resort(read):
    part = read("sku;description\n1;Käse Größe ½ Maß – süß\n".encode("cp1252"), "items")
    assert part.frame["description"].tolist() == ["Käse Größe ½ Maß – süß"]


def test_excel_writes_its_separator_first(read):
    part = read("sep=;\ndate;sku;warehouse;quantity\n15.04.2024;A;W;1\n15.04.2024;A;W;x\n")
    assert only(part).row == 4
    assert len(part.frame) == 2


@pytest.mark.parametrize(
    "word",
    ["2024-04-15", "2024/04/15", "2024-4-15", "15.04.2024", "20240415", "2024-04-15 00:00:00", "2024-04-15T00:00",
     "45397", "45397.0", "15-Apr-2024", "15 April 2024", "2024年4月15日", "2024-04-15T00:00:00Z"],
)  # fmt: skip
def test_dates_in_common_forms(read, word):
    part = read(f"{HEAD}{word},A,W,1\n")
    assert part.issues == ()
    assert part.frame["date"].tolist() == [pd.Timestamp("2024-04-15")]


@pytest.mark.parametrize(
    ("word", "rule"),
    [
        ("20206-01-05", "outside the years 1990 to 2100"),
        ("0024-01-05", "outside the years 1990 to 2100"),
        ("1989-12-31", "outside the years 1990 to 2100"),
        ("20206", "outside the years 1990 to 2100"),
        ("2024-02-30", "not a day of the calendar"),
        ("20241301", "not a day of the calendar"),
        ("yesterday", "is not a date"),
        ("15.04.24", "is not a date"),
        ("2024-04-15 13:30", "time of day"),
    ],
)
def test_dates_that_are_refused(read, word, rule):
    issue = only(read(f"{HEAD}{word},A,W,1\n"))
    assert (issue.row, issue.column, issue.value) == (2, "date", word)
    assert rule in issue.rule
    assert issue.hint


def test_the_column_settles_day_and_month(read):
    days = read(f"{HEAD}03/04/2024,A,W,1\n15/04/2024,A,W,1\n")
    assert days.frame["date"].tolist() == [pd.Timestamp("2024-04-03"), pd.Timestamp("2024-04-15")]
    months = read(f"{HEAD}03/04/2024,A,W,1\n04/15/2024,A,W,1\n")
    assert months.frame["date"].tolist() == [pd.Timestamp("2024-03-04"), pd.Timestamp("2024-04-15")]
    same = read(f"{HEAD}04/04/2024,A,W,1\n")
    assert same.frame["date"].tolist() == [pd.Timestamp("2024-04-04")]


def test_an_unsettled_column_is_one_fault(read):
    issue = only(read(HEAD + "04/04/2024,A,W,1\n" + "03/04/2024,A,W,1\n" * 3 + "05/06/2024,A,W,1\n"))
    assert (issue.row, issue.value) == (3, "03/04/2024")
    assert "day/month or month/day" in issue.rule


def test_one_date_against_the_rest_of_its_column(read):
    issue = only(read(HEAD + "25/04/2024,A,W,1\n26/04/2024,A,W,1\n04/15/2024,A,W,1\n"))
    assert issue.row == 4
    assert "day/month" in issue.hint


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1,5", "1.234,50", "1.234", "12"], [1.5, 1234.5, 1234, 12]),
        (["1.5", "1,234.50", "1,234", "12"], [1.5, 1234.5, 1234, 12]),
        (["1 234,5", "1\u202f234", "7"], [1234.5, 1234, 7]),
        (["1'234.5", "1234.5"], [1234.5, 1234.5]),
        (["1.234", "2"], [1.234, 2]),
        (["1.234.567", "1,5"], [1234567, 1.5]),
        (["1,234,567"], [1234567]),
        (["1e3", "+2", ".5", "3."], [1000, 2, 0.5, 3]),
        (["0,123"], [0.123]),
    ],
)
def test_decimal_and_thousands_marks(read, cells, values):
    part = read("date;sku;warehouse;quantity\n" + "".join(f"2024-04-15;A;W;{cell}\n" for cell in cells))
    assert part.issues == ()
    assert part.frame["quantity"].tolist() == values


def test_another_column_settles_the_decimal_mark(read):
    part = read("date;sku;warehouse;quantity;unit_price\n2024-04-15;A;W;1,234;2,50\n")
    assert part.frame["quantity"].tolist() == [1.234]


def test_an_unsettled_decimal_mark_is_one_fault(read):
    issue = only(read(f'{HEAD}2024-04-15,A,W,"1,234"\n2024-04-16,A,W,"2,345"\n'))
    assert (issue.row, issue.value) == (2, "1,234")
    assert "1.234 or 1234" in issue.rule


@pytest.mark.parametrize("word", ["inf", "-inf", "NaN", "null", "1e999", "12%", "abc", "-", ".", "1.5.2", "1..2"])
def test_numbers_that_are_refused(read, word):
    issue = only(read(f"sku,unit_cost\nA,{word}\n", "items"))
    assert (issue.row, issue.column, issue.value) == (2, "unit_cost", word)


def test_ranges_and_whole_numbers(read):
    part = read(
        "campaign,kind,start,end,audience_size,discount_rate\nC,price,2024-01-01,2024-01-02,2.5,1.5\n", "campaigns"
    )
    assert [(issue.column, issue.rule) for issue in part.issues] == [
        ("audience_size", "is not a whole number"),
        ("discount_rate", "is above 1"),
    ]
    assert only(read("sku,source,destination,moq\nA,S,W,-1\n", "sourcing")).rule == "is below 0"


def test_negative_sales_are_returns(read):
    assert read(f"{HEAD}2024-04-15,A,W,-2\n").issues == ()


def test_flags_shares_times_weekdays_choices(read):
    text = "order_id,sku,destination,quantity,due_date,kind,firm\n" + "".join(
        f"P{place},A,W,1,2024-04-15,{kind},{flag}\n"
        for place, (kind, flag) in enumerate([("Purchase", "YES"), ("TRANSFER", "0"), ("", ""), ("purchase", "false")])
    )
    frame = read(text, "pipeline").frame
    assert frame["kind"].tolist() == ["purchase", "transfer", "purchase", "purchase"]
    assert frame["firm"].tolist() == [True, False, True, False]
    assert frame["firm"].dtype == bool
    shares = read(
        "date,sku,warehouse,quantity,in_stock\n"
        + "".join(f"2024-04-1{i},A,W,1,{w}\n" for i, w in enumerate(["true", "0", "0.4", ""]))
    )
    assert shares.frame["in_stock"].tolist()[:3] == [1.0, 0.0, 0.4]
    assert np.isnan(shares.frame["in_stock"][3])
    places = read("location,kind,opens,closes\nW,Warehouse,8:00,24:00\n", "locations").frame
    assert places[["kind", "opens", "closes"]].to_numpy().tolist() == [["warehouse", "08:00", "24:00"]]
    days = read('location,order_weekdays\nA,Mon-Wed\nB,"Friday, mon"\nC,sat-mon\n', "suppliers").frame
    assert days["order_weekdays"].tolist() == ["mon tue wed", "mon fri", "mon sat sun"]


@pytest.mark.parametrize(
    ("table", "text", "column", "hint"),
    [
        ("items", "sku,shortage\nA,bakorder\n", "shortage", "did you mean backorder?"),
        ("locations", "location,kind\nW,warehose\n", "kind", "did you mean warehouse?"),
        ("locations", "location,kind,opens\nW,store,25:10\n", "opens", "08:30"),
        ("suppliers", "location,order_weekdays\nS,someday\n", "order_weekdays", "mon tue wed"),
        ("suppliers", "location,order_weekdays\nS,monkey\n", "order_weekdays", "mon tue wed"),
        ("pipeline", "order_id,sku,destination,quantity,due_date,firm\nP,A,W,1,20240101,may\n", "firm", "true or"),
        ("sales", "date,sku,warehouse,quantity,in_stock\n2024-01-01,A,W,1,1.5\n", "in_stock", "0 to 1"),
        ("capacities", "scope,resource,measure,week,limit\nstorage,W,m3,2024-04-16,5\n", "week", "2024-04-15"),
        ("items", "sku,unit_cost\nA,12%\n", "unit_cost", "0.12"),
        ("items", "sku\nA\x07\n", "sku", "remove it"),
    ],
)  # fmt: skip
def test_every_cell_fault_has_a_useful_hint(read, table, text, column, hint):
    issue = only(read(text, table))
    assert issue.column == column
    assert hint in issue.hint


def test_required_cells_and_unknown_quantities(read):
    part = read(HEAD + ",A,W,\n2024-04-15, ,W,1\n")
    assert [(issue.row, issue.column, issue.rule) for issue in part.issues] == [
        (2, "date", "is empty"),
        (3, "sku", "is empty"),
    ]
    assert np.isnan(part.frame["quantity"][0])


def test_lines_are_counted_as_a_person_does(read):
    text = HEAD + '2024-04-15,"A\nB",W,1\n\n \n,,,\n2024-04-15,C,W,x\r\n\r\n2024-04-16,"D",W,y\n'
    part = read(text)
    assert [(issue.row, issue.value) for issue in part.issues] == [(7, "x"), (9, "y")]
    assert part.frame["sku"].tolist() == ["A\nB", "C", "D"]
    assert part.faulty.tolist() == [1, 2]


def test_ragged_rows_are_one_fault_each(read):
    part = read(HEAD + "2024-04-15,A,W,1\n2024-04-15,B\n2024-04-15,C,W,1,5\n2024-04-15,D,W,1\n2024-04-15,E,W,q\n")
    assert [(issue.row, issue.rule) for issue in part.issues] == [
        (3, "has 2 cells where the header has 4"),
        (4, "has 5 cells where the header has 4"),
        (6, "is not a number"),
    ]
    assert "decimal commas" in part.issues[1].hint
    assert part.loose["sku"] == {"B", "C"}
    assert part.frame["sku"].tolist() == ["A", "D", "E"]


@pytest.mark.parametrize(
    ("content", "rule", "row"),
    [
        (b"", "is empty", None),
        (b"\n \n", "is empty", None),
        (b"\xef\xbb\xbf", "is empty", None),
        (b"PK\x03\x04\x14\x00", "Excel workbook", None),
        (b"PAR1\x00\x00", "Parquet file", None),
        (b"\x1f\x8b\x08\x00", "compressed", None),
        (bytes(range(256)) * 9, "binary", None),
        (b"date,sku\n\x81\x8d\x8f", "not a text file", None),
        (b"date|sku|warehouse|quantity\n1|2|3|4\n", "not separated by", 1),
        (b"\n2024-04-15,A,W,1\n2024-04-15,B,W,1\n", "no header", 2),
        (HEAD.encode() + b"2024-04-15;A;W;1\n" * 5, "as most rows do", 2),
        (HEAD.encode() + b'2024-04-15,A,W,1\n2024-04-15,"B,W,1\n2024-04-15,C,W,1\n', "never closed", 3),
        (HEAD.encode() + b'2024-04-15,A,W,"1\n2024-04-15,C,W,1\n', "never closed", 2),
    ],
)
def test_a_broken_file_is_one_clear_fault(read, content, rule, row):
    issue = only(read(content))
    assert rule in issue.rule
    assert issue.row == row
    assert issue.hint


def test_a_missing_column_is_named_with_the_nearest_one(read):
    part = read("date,sku,warehous,qty\n2024-04-15,A,W,1\n")
    assert [(issue.row, issue.column) for issue in part.issues] == [(1, "quantity"), (1, "warehouse")]
    assert part.issues[1].hint == "rename warehous?"
    assert "qty" in part.issues[0].hint
    assert not part.whole


def test_duplicate_headers(read):
    issue = only(read("date,sku,Ware house,quantity,WAREHOUSE\n2024-04-15,A,W,1,W\n"))
    assert (issue.row, issue.column, issue.rule) == (1, "warehouse", "names a column twice")


def test_header_only_is_an_empty_table(read):
    part = read(HEAD.strip())
    assert part.issues == ()
    assert len(part.frame) == 0
    assert part.frame["sku"].dtype == "category"


def test_unknown_columns_are_kept_verbatim(read):
    part = read("sku,Colour Name,text\nA,007,x\n", "item_features")
    assert part.extras == ("Colour Name",)
    assert part.frame["Colour Name"].tolist() == ["007"]
    big = read("date,sku,warehouse,quantity,till\n2024-04-15,A,W,1,7\n")
    assert big.extras == ("till",)
    assert big.frame["till"].dtype == "category"


def test_a_million_rows_with_one_bad_cell(tmp_path):
    rows = 1_000_000
    path = tmp_path / "sales.csv"
    bad, blank = 765_432, 400_000
    day = [f"2024-{1 + place % 12:02d}-{1 + place % 28:02d}" for place in range(336)]
    lines = [f"{day[place % 336]},S{place // 336},W,{place % 50}\n" for place in range(rows)]
    lines[bad] = lines[bad].rsplit(",", 1)[0] + ",1O\n"
    lines[blank] = "\n" + lines[blank]
    path.write_text(HEAD + "".join(lines))
    part = read_part(path, "sales.csv", "sales", 100)
    issue = only(part)
    assert (issue.file, issue.row, issue.column, issue.value) == ("sales.csv", bad + 3, "quantity", "1O")
    assert len(part.frame) == rows


def test_the_first_faults_are_kept_and_all_are_counted(read):
    part = read(HEAD + "".join(f"2024-04-15,S{place},W,x\n" for place in range(5000)), keep=7)
    assert part.total == 5000
    assert [issue.row for issue in part.issues] == list(range(2, 9))


def test_parquet_follows_the_same_rules(tmp_path):
    path = tmp_path / "sales.parquet"
    table = pa.table(
        {
            "Date": pd.to_datetime(["2024-04-15", "2024-04-16", "2024-04-17"]),
            "sku": pa.array([126.0, 7.0, 1.5]),
            "warehouse": pa.array(["W", "W", None]).dictionary_encode(),
            "quantity": pa.array([1, None, 3], pa.int64()),
            "in_stock": [True, False, None],
            "tags": [["a"], [], None],
        }
    )
    pq.write_table(table, path)
    part = read_part(path, "sales.parquet", "sales")
    assert part.frame["sku"].tolist() == ["126", "7", "1.5"]
    assert part.frame["quantity"].tolist()[::2] == [1.0, 3.0]
    assert part.frame["in_stock"].tolist()[:2] == [1.0, 0.0]
    issue = only(part)
    assert (issue.row, issue.column, issue.rule) == (4, "warehouse", "is empty")
    assert part.extras == ("tags",)


@pytest.mark.parametrize(
    ("values", "column"),
    [(pa.array([float("inf")]), "quantity"), (pa.array([[1.0]]), "quantity"), (pa.array(["x"]), "quantity")],
)
def test_parquet_faults(tmp_path, values, column):
    path = tmp_path / "sales.parquet"
    pq.write_table(pa.table({"date": ["2024-04-15"], "sku": [1], "warehouse": ["W"], column: values}), path)
    assert only(read_part(path, "sales.parquet", "sales")).column == column


def test_parquet_codes_dates_and_decimals(tmp_path):
    path = tmp_path / "stock.parquet"
    moments = pa.array(pd.to_datetime(["2024-04-15 13:30"]).tz_localize("UTC"))
    day = pa.array([pd.Timestamp("2024-05-01").date()])
    pq.write_table(
        pa.table({"sku": [7], "warehouse": [b"W"], "on_hand": pa.array([2]).cast(pa.decimal128(38, 2)),
                  "counted_at": moments, "expiry_date": day}), path)  # fmt: skip
    part = read_part(path, "stock.parquet", "stock")
    assert part.issues == ()
    row = part.frame.iloc[0]
    assert (row["sku"], row["warehouse"], row["on_hand"]) == ("7", "W", 2.0)
    assert (row["counted_at"], row["expiry_date"]) == (pd.Timestamp("2024-04-15 13:30"), pd.Timestamp("2024-05-01"))
    assert row["status"] == "free"


def test_damaged_files(read, tmp_path):
    assert "Parquet" in only(read(b"nonsense", name="sales.parquet")).rule
    assert "does not unpack" in only(read(b"nonsense", name="sales.csv.gz")).rule
    whole = gzip.compress(f"{HEAD}2024-04-15,A,W,1\n".encode())
    assert read(whole, name="sales.csv.gz").issues == ()
    assert "does not unpack" in only(read(whole[:-9], name="sales.csv.gz")).rule
    gone = read_part(tmp_path / "gone.csv", "gone.csv", "sales")
    assert "cannot be read" in only(gone).rule


def test_lines_of_rows_can_be_found_again(read, tmp_path):
    text = HEAD + '\n2024-04-15,"A\nB",W,1\nshort,row\n,,,\n2024-04-15,C,W,2\n'
    part = read(text)
    assert len(part.frame) == 2
    assert part_lines(tmp_path / "sales.csv", "sales", [0, 1]) == {0: 3, 1: 7}


def test_types_of_the_contract(read):
    small = read("sku,launch_date,unit_cost\nA,2024-01-01,\n", "items").frame
    assert small["sku"].dtype == object
    assert small["launch_date"].dtype == "datetime64[ns]"
    assert small["quantity_step"].tolist() == [1.0]
    assert small["unit"].tolist() == ["each"]
    assert small["description"].tolist() == [""]
    assert np.isnan(small["unit_cost"][0])
    big = read(f"{HEAD}2024-04-15,B,W,1\n2024-04-15,A,W,1\n2024-04-15,A ,V,1\n").frame
    assert big["sku"].cat.categories.tolist() == ["A", "B"]
    assert "unit_price" not in big


def test_columns_without_a_name(read):
    part = read("date,sku,warehouse,quantity,\n2024-04-15,A,W,1,\n2024-04-16,A,W,1,\n")
    assert part.issues == ()
    assert part.extras == ()
    kept = read("sku,,unit_cost\nA,red,1\n", "items")
    assert kept.extras == ("column 2",)
    assert kept.frame["column 2"].tolist() == ["red"]


def test_a_missing_column_stands_in_the_line_of_the_header(read):
    assert only(read("sep=,\n\nsku,source\nA,S\n", "sourcing")).row == 3


def test_a_few_ragged_rows_are_told_one_by_one(read):
    assert read(HEAD + "2024-04-15,A,W,1\n" + "2024-04-15,A,W,1,5\n" * 3).total == 3
    assert read(HEAD + "2024-04-15,A,W,1\n" + "2024-04-15,A,W,1,5\n" * 4).total == 1


def test_a_line_longer_than_any_row(read):
    issue = only(read(HEAD + "2024-04-15,A,W,1\n" + "x" * 20_000_000 + "\n"))
    assert issue.rule


def test_the_index_of_a_frame_is_no_column(tmp_path):
    path = tmp_path / "items.parquet"
    pd.DataFrame({"sku": ["A", "B"]}, index=[5, 9]).to_parquet(path)
    part = read_part(path, "items.parquet", "items")
    assert part.extras == ()
    assert part.frame["sku"].tolist() == ["A", "B"]


def test_times_that_say_their_zone_become_one_clock_and_two_clocks_are_a_fault() -> None:
    from planner.intake.dates import parse_dates

    zoned = np.array(["2026-03-23T09:00:00+02:00", "2026-03-22T23:30:00-05:00", ""], dtype=object)
    values, complaints = parse_dates(zoned, with_time=True)
    assert values.astype("datetime64[m]").astype(str).tolist() == ["2026-03-23T07:00", "2026-03-23T04:30", "NaT"]
    assert not complaints
    mixed = np.array(["2026-03-23T09:00:00", "2026-03-23T09:00:00Z"], dtype=object)
    values, complaints = parse_dates(mixed, with_time=True)
    assert np.isnat(values).tolist() == [False, True]
    assert {row: rule for row, (rule, _, _) in complaints.items()} == {
        1: "has a time zone, others in this column have none"
    }
