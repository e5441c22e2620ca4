"""The Complete Journey in both published layouts, from a few generated rows."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import pandas as pd
import pytest

from planner.dataset import load, validate
from planner.errors import DataError, UsageError
from planner.importers import run_import
from planner.plan import run_plan
from planner.workspace import Workspace

KEY = "a key that nobody knows"
FIRST = pd.Timestamp("2014-01-01")
WEEKS = 20
DISCS = ["RETAIL_DISC", "COUPON_DISC", "COUPON_MATCH_DISC"]


def tables() -> dict[str, pd.DataFrame]:
    """Two stores and four products (one of them fuel) for 20 weeks; DAY 6, the first Monday, begins week 2."""
    rows = []
    for week in range(1, WEEKS + 1):
        for store, product, quantity in (("9", "101", 2), ("9", "102", 1), ("31", "101", 3), ("9", "900", 7500)):
            day = 7 * week - 2
            rows.append([100 + week % 3, 5000 + week, day, product, quantity, 4.0, store, -1.0, 1830, week, 0.0, -0.5])
    header = "household_key BASKET_ID DAY PRODUCT_ID QUANTITY SALES_VALUE STORE_ID RETAIL_DISC TRANS_TIME WEEK_NO"
    lines = pd.DataFrame(rows, columns=[*header.split(), "COUPON_DISC", "COUPON_MATCH_DISC"])
    product = "PRODUCT_ID MANUFACTURER DEPARTMENT BRAND COMMODITY_DESC SUB_COMMODITY_DESC CURR_SIZE_OF_PRODUCT"
    told = [["101", 2, "GROCERY", "National", "FRZN ICE", "ICE", "22 LB"],
            ["102", 3, "PASTRY", "Private", "BREAD", "BREAD:FRENCH", ""],
            ["103", 3, "PASTRY", "Private", "BREAD", "BREAD:RYE", ""],
            ["900", 1, "FUEL", "National", "COUPON/MISC ITEMS", "GASOLINE-REG UNLEADED", ""]]  # fmt: skip
    people = ("AGE_DESC MARITAL_STATUS_CODE INCOME_DESC HOMEOWNER_DESC HH_COMP_DESC HOUSEHOLD_SIZE_DESC "
              "KID_CATEGORY_DESC household_key")  # fmt: skip
    facts = [["65+", "A", "35-49K", "Homeowner", "2 Adults No Kids", "2", "None/Unknown", 100]]
    return {
        "transaction_data": lines,
        "product": pd.DataFrame(told, columns=product.split()),
        "hh_demographic": pd.DataFrame(facts, columns=people.split()),
        "campaign_table": pd.DataFrame(
            [["TypeA", 100, 8], ["TypeA", 777, 8], ["TypeB", 101, 30]],
            columns=["DESCRIPTION", "household_key", "CAMPAIGN"],
        ),
        "campaign_desc": pd.DataFrame(
            [["TypeA", 8, 40, 60], ["TypeB", 30, 130, 150]], columns=["DESCRIPTION", "CAMPAIGN", "START_DAY", "END_DAY"]
        ),
        "coupon": pd.DataFrame(
            [[10000085364, "101", 8], [10000085364, "103", 8], [10000085365, "102", 30]],
            columns=["COUPON_UPC", "PRODUCT_ID", "CAMPAIGN"],
        ),
        "coupon_redempt": pd.DataFrame(
            [[100, 47, 10000085364, 8]], columns=["household_key", "DAY", "COUPON_UPC", "CAMPAIGN"]
        ),
        "causal_data": pd.DataFrame(
            [
                ["101", "9", 5, "7", "0"],
                ["101", "9", 6, "0", "A"],
                ["101", "31", 5, "0", "0"],
                ["555", "9", 5, "7", "A"],
            ],
            columns=["PRODUCT_ID", "STORE_ID", "WEEK_NO", "display", "mailer"],
        ),
    }  # fmt: skip


def write(folder: Path, **changed: pd.DataFrame) -> Path:
    folder.mkdir(parents=True)
    for name, table in (tables() | changed).items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def hashed(household: str) -> str:
    return hmac.new(KEY.encode(), household.encode(), hashlib.sha256).hexdigest()


def test_every_file_becomes_tables_that_validate_and_plan(tmp_path: Path) -> None:
    done = run_import("complete-journey", write(tmp_path / "raw"), tmp_path / "w", environ={"PLANNER_KEY": KEY})
    assert validate(tmp_path / "w" / "data").total == 0
    data = load(tmp_path / "w" / "data")
    assert str(done.as_of) == "2014-05-19"
    sales = data["sales"]
    first = sales[(sales["sku"] == "101") & (sales["warehouse"] == "9")].iloc[0]
    assert (first["date"], first["quantity"]) == (pd.Timestamp("2014-01-05"), 2.0)
    assert (first["unit_price"], first["list_price"]) == (2.0, 2.75)
    assert set(sales["sku"]) == {"101", "102"}
    assert any("20 lines left out: fuel" in note for note in done.notes)
    campaigns = data["campaigns"].set_index("campaign")
    assert campaigns.loc["COUPON-08", "audience_size"] == 2
    assert campaigns.loc["COUPON-08", "start"] == FIRST + pd.Timedelta(days=39)
    assert campaigns["status"].to_dict() == {
        "COUPON-08": "done", "COUPON-30": "planned", "DISPLAY-2014-01-27": "done", "FEATURE-2014-02-03": "done"
    }  # fmt: skip
    promoted = data["campaign_items"][["campaign", "sku", "warehouse"]].to_numpy().tolist()
    assert promoted == [
        ["COUPON-08", "101", "*"], ["COUPON-30", "102", "*"], ["DISPLAY-2014-01-27", "101", "9"],
        ["FEATURE-2014-02-03", "101", "9"],
    ]  # fmt: skip
    plan = run_plan(Workspace(tmp_path / "w")).table("plan")
    assert set(plan["warehouse"]) == {"9", "31"}


def test_households_leave_only_as_keyed_hashes(tmp_path: Path) -> None:
    run_import("complete-journey", write(tmp_path / "raw"), tmp_path / "w", environ={"PLANNER_KEY": KEY})
    data = load(tmp_path / "w" / "data")
    people = data["customers"].set_index("customer")
    assert set(people.index) == {hashed(name) for name in ("100", "101", "102", "777")}
    assert people.loc[hashed("100"), "age"] == "65+"
    assert people.loc[hashed("100"), "home_warehouse"] == "9"
    assert not people[["consent_email", "consent_sms", "consent_ads"]].to_numpy(float).any()
    lines = data["order_lines"]
    assert len(lines) == 60
    assert set(lines["customer"]) == {hashed(name) for name in ("100", "101", "102")}
    came = data["assignments"].set_index(["campaign", "customer"])["conversion"].to_dict()
    assert came == {("COUPON-08", hashed("100")): 1, ("COUPON-08", hashed("777")): 0, ("COUPON-30", hashed("101")): 0}
    run_import("complete-journey", tmp_path / "raw", tmp_path / "v", environ={})
    assert not any((tmp_path / "v" / "data" / f"{name}.csv").exists() for name in ("customers", "order_lines"))


def test_only_the_largest_stores_become_series(tmp_path: Path) -> None:
    done = run_import("complete-journey", write(tmp_path / "raw"), tmp_path / "w", {"stores": 1}, environ={})
    assert set(load(tmp_path / "w" / "data")["sales"]["warehouse"]) == {"9"}
    assert any("1 smaller stores left out (20 lines" in note for note in done.notes)


def test_the_layout_with_dates_says_the_same(tmp_path: Path) -> None:
    """The package completejourney: other names, dates instead of days, discounts without a minus."""
    raw, folder = tables(), tmp_path / "dated"
    folder.mkdir()

    def dates(days: pd.Series) -> pd.Series:
        return FIRST + pd.to_timedelta(days - 1, unit="D")

    lines = raw["transaction_data"].rename(columns=str.lower)
    lines = lines.assign(transaction_timestamp=dates(lines["day"]) + pd.Timedelta(hours=18))
    lines = lines.drop(columns=["day", "trans_time"])
    lines = lines.assign(**{name.lower(): lines[name.lower()].abs() for name in DISCS})
    own = {"household_key": "household_id", "week_no": "week", "campaign": "campaign_id"}
    lines.rename(columns=own).to_parquet(folder / "transactions.parquet")
    words = "product_id manufacturer_id department brand product_category product_type package_size"
    product = raw["product"].set_axis(words.split(), axis=1)
    product.assign(product_id=product["product_id"].astype(int)).to_parquet(folder / "products.parquet")
    words = "age marital_status income home_ownership household_comp household_size kids_count household_id"
    raw["hh_demographic"].set_axis(words.split(), axis=1).to_parquet(folder / "demographics.parquet")
    raw["campaign_table"].rename(columns=str.lower).rename(columns=own).to_parquet(folder / "campaigns.parquet")
    told = raw["campaign_desc"].set_axis(["campaign_type", "campaign_id", "start_date", "end_date"], axis=1)
    told = told.assign(start_date=dates(told["start_date"]), end_date=dates(told["end_date"]))
    told.to_parquet(folder / "campaign_descriptions.parquet")
    raw["coupon"].rename(columns=str.lower).rename(columns=own).to_parquet(folder / "coupons.parquet")
    used = raw["coupon_redempt"].rename(columns=str.lower).rename(columns=own)
    used.assign(redemption_date=dates(used["day"])).drop(columns="day").to_parquet(
        folder / "coupon_redemptions.parquet"
    )
    names = ["product_id", "store_id", "week", "display_location", "mailer_location"]
    raw["causal_data"].set_axis(names, axis=1).to_parquet(folder / "promotions_sample.parquet")
    for source, into in ((folder, "dated_w"), (write(tmp_path / "raw"), "raw_w")):
        run_import("complete-journey", source, tmp_path / into, environ={"PLANNER_KEY": KEY})
    one, other = load(tmp_path / "dated_w" / "data"), load(tmp_path / "raw_w" / "data")
    for name in ("items", "sales", "campaigns", "campaign_items", "customers", "order_lines", "assignments"):
        pd.testing.assert_frame_equal(one[name], other[name])


@pytest.mark.parametrize(
    ("name", "row", "column", "cell", "said"),
    [
        ("transaction_data", 4, "QUANTITY", "two", "must be a number"),
        ("transaction_data", 2, "DAY", "soon", "neither the number of a day nor a date"),
        ("transaction_data", 3, "STORE_ID", "", "is empty"),
        ("campaign_desc", 1, "END_DAY", "3", "lies before the start"),
        ("campaign_table", 2, "CAMPAIGN", "31", "does not stand in campaign_desc.csv"),
        ("coupon", 0, "CAMPAIGN", "7", "does not stand in campaign_desc.csv"),
        ("coupon_redempt", 0, "DAY", "1.5", "neither the number of a day nor a date"),
        ("causal_data", 3, "WEEK_NO", "0", "must be a number, 1 or more"),
    ],
)  # fmt: skip
def test_a_bad_cell_is_named(tmp_path: Path, name: str, row: int, column: str, cell: str, said: str) -> None:
    table = tables()[name].astype({column: object})
    table.loc[row, column] = cell
    with pytest.raises(DataError) as caught:
        run_import("complete-journey", write(tmp_path / "raw", **{name: table}), tmp_path / "w", environ={})
    issue = caught.value.issues[0]
    assert (issue.file, issue.row, issue.column, issue.value) == (f"{name}.csv", row + 2, column, cell)
    assert said in issue.rule
    assert not (tmp_path / "w").exists()


def test_days_and_weeks_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    lines = tables()["transaction_data"]
    lines["WEEK_NO"] = lines["WEEK_NO"].to_numpy()[::-1]
    with pytest.raises(DataError) as caught:
        run_import("complete-journey", write(tmp_path / "raw", transaction_data=lines), tmp_path / "w", environ={})
    assert caught.value.issues[0].column == "WEEK_NO"
    assert "does not fit the day" in caught.value.issues[0].rule


def test_missing_files_and_columns_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "raw", coupon=tables()["coupon"].drop(columns="COUPON_UPC"))
    with pytest.raises(DataError) as caught:
        run_import("complete-journey", folder, tmp_path / "w", environ={})
    assert (caught.value.issues[0].file, caught.value.issues[0].column) == ("coupon.csv", "coupon_upc")
    (folder / "causal_data.csv").unlink()
    with pytest.raises(DataError) as caught:
        run_import("complete-journey", folder, tmp_path / "w", environ={})
    assert caught.value.issues[0].file.startswith("causal_data.csv or ")
    with pytest.raises(UsageError, match="--first-day 'spring' is not a date"):
        run_import("complete-journey", write(tmp_path / "again"), tmp_path / "w", {"first_day": "spring"}, environ={})
