"""The files of The Complete Journey in their two published layouts, read with one set of words.

As dunnhumby publishes it: transaction_data.csv and seven more, days and weeks as running numbers. As the package
completejourney publishes it: transactions and seven more (CSV or Parquet), with dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from planner.errors import Issue
from planner.importers.inputs import KEPT_ISSUES, Inputs, missing, read_columns, read_names, refuse, unreadable
from planner.periods import days_long

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
LAST_DAY = 3650
_ROLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "lines": ("transaction_data", "transactions", "transactions_sample"),
        "products": ("product", "products"),
        "households": ("hh_demographic", "demographics"),
        "addressed": ("campaign_table", "campaigns"),
        "campaigns": ("campaign_desc", "campaign_descriptions"),
        "coupons": ("coupon", "coupons"),
        "redeemed": ("coupon_redempt", "coupon_redemptions"),
        "shown": ("causal_data", "promotions", "promotions_sample"),
    }
)
_WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "household": ("household_key", "household_id"),
        "basket": ("basket_id",),
        "product": ("product_id",),
        "store": ("store_id",),
        "quantity": ("quantity",),
        "sales_value": ("sales_value",),
        "retail_disc": ("retail_disc",),
        "coupon_match_disc": ("coupon_match_disc",),
        "week": ("week_no", "week"),
        "day": ("day", "transaction_timestamp", "redemption_date"),
        "department": ("department",),
        "commodity": ("commodity_desc", "product_category"),
        "kind": ("sub_commodity_desc", "product_type"),
        "brand": ("brand",),
        "size": ("curr_size_of_product", "package_size"),
        "maker": ("manufacturer", "manufacturer_id"),
        "campaign": ("campaign", "campaign_id"),
        "type": ("description", "campaign_type"),
        "start": ("start_day", "start_date"),
        "end": ("end_day", "end_date"),
        "coupon": ("coupon_upc",),
        "display": ("display", "display_location"),
        "mailer": ("mailer", "mailer_location"),
        "age": ("age_desc", "age"),
        "marital_status": ("marital_status_code", "marital_status"),
        "income": ("income_desc", "income"),
        "home_ownership": ("homeowner_desc", "home_ownership"),
        "household_comp": ("hh_comp_desc", "household_comp"),
        "household_size": ("household_size_desc", "household_size"),
        "kids_count": ("kid_category_desc", "kids_count"),
    }
)
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "lines": "household basket day product quantity sales_value store retail_disc coupon_match_disc week",
        "products": "product maker department brand commodity kind size",
        "households": "household age marital_status income home_ownership household_comp household_size kids_count",
        "addressed": "household campaign",
        "campaigns": "type campaign start end",
        "coupons": "coupon product campaign",
        "redeemed": "household day coupon campaign",
        "shown": "product store week display mailer",
    }
)


@dataclass(frozen=True)
class Read:
    """One file or a part of it: `frame` has our words as columns, every cell as it stands; `headers` says how the file
    names them, `before` how many rows of it came before.
    """

    path: Path
    frame: pd.DataFrame
    headers: Mapping[str, str]
    before: int = 0

    def texts(self, word: str, blank: bool = False) -> pd.Series:
        """Codes and words as texts without spaces around. Raises DataError for empty cells unless `blank` may be."""
        cells = as_texts(self.frame[word])
        if not blank:
            self.refuse(word, (cells == "").to_numpy(), "is empty", "every row needs one")
        return cells

    def numbers(self, word: str, low: float = 0.0) -> Floats:
        """Finite numbers, `low` or more. Raises DataError naming every other cell."""
        cells = self.frame[word]
        numbers = pd.to_numeric(cells if cells.dtype.kind in "iuf" else as_texts(cells), errors="coerce").to_numpy(
            float
        )
        rule = "must be a number" + (f", {low:g} or more" if np.isfinite(low) else "")
        self.refuse(word, ~(np.isfinite(numbers) & (numbers >= low)), rule, "")
        return numbers

    def days(self, word: str, first_day: pd.Timestamp) -> pd.Series:
        """Dates: as they are, or counted from DAY 1. Raises DataError naming every cell that is neither."""
        column = self.frame[word]
        if column.dtype.kind == "M":
            days = column.astype("datetime64[ns]")
            rule, hint = "is empty", "every row needs a date"
        else:
            text = as_texts(column)
            number = pd.to_numeric(text, errors="coerce")
            whole = number.where((number % 1 == 0) & (number.abs() <= LAST_DAY))
            days = first_day + days_long(whole - 1)
            named = pd.to_datetime(text.where(number.isna()), errors="coerce", format="ISO8601")
            days = days.fillna(named.dt.tz_localize(None) if named.dt.tz is not None else named)
            rule, hint = "is neither the number of a day nor a date", "write 659, or 2017-03-08"
        self.refuse(word, days.isna().to_numpy(), rule, hint)
        return days.dt.normalize()

    def known(self, word: str, codes: Sequence[str], where: str) -> pd.Series:
        """Texts that must stand in `codes`, those of the file `where`."""
        cells = self.texts(word)
        self.refuse(
            word, ~cells.isin(codes).to_numpy(), f"does not stand in {where}", "add it there, or take the row out"
        )
        return cells

    def refuse(self, word: str, bad: Flags, rule: str, hint: str) -> None:
        """Raises DataError naming file, row, column and cell of each row that is bad."""
        cells, header, rows = self.frame[word], self.headers[word], np.flatnonzero(bad)
        issues = [
            Issue(self.path.name, self.before + int(row) + 2, header, _shown(cells.iloc[row]), rule, hint)
            for row in rows[:KEPT_ISSUES]
        ]
        refuse(issues, len(rows))


def as_texts(cells: pd.Series) -> pd.Series:
    """Numbers that are whole without decimals, texts trimmed, nothing as an empty text."""
    if cells.dtype.kind in "iu":
        return cells.astype(str).astype(object)
    texts = cells.astype("string").fillna("").str.strip().astype(object)
    return texts.str.removesuffix(".0") if cells.dtype.kind == "f" else texts


def _shown(cell: object) -> str:
    return "" if cell is None or cell is pd.NaT or cell != cell else str(cell)


def find(inputs: Inputs) -> dict[str, Path]:
    """The file of each role. Raises DataError naming all that are missing."""
    names = {role: [f"{stem}{end}" for stem in stems for end in (".csv", ".parquet")] for role, stems in _ROLES.items()}
    return dict(zip(names, inputs.find(*names.values()), strict=True))


def read_file(path: Path, role: str) -> Read:
    """One file whole. Raises DataError for what is no table and for columns that it lacks."""
    headers = _headers(path, role)
    wanted = list(headers.values())
    frame = read_columns(path, wanted, texts=wanted).select(wanted).to_pandas()
    return Read(path, frame.set_axis(list(headers), axis=1), headers)


def read_parts(path: Path, role: str) -> Iterator[Read]:
    """The same in parts: for a file that need not fit into memory."""
    headers = _headers(path, role)
    wanted, before = list(headers.values()), 0
    try:
        for batch in _batches(path, wanted):
            yield Read(path, batch.select(wanted).to_pandas().set_axis(list(headers), axis=1), headers, before)
            before += batch.num_rows
    except pa.ArrowInvalid as error:
        raise unreadable(path, str(error)) from None


def _batches(path: Path, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    if path.suffix == ".parquet":
        yield from pq.ParquetFile(path).iter_batches(columns=wanted, use_threads=False)
        return
    types = pyarrow.csv.ConvertOptions(
        include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=True
    )
    with pyarrow.csv.open_csv(path, convert_options=types) as reader:
        yield from reader


def _headers(path: Path, role: str) -> dict[str, str]:
    """Our word -> the file's own header, of either layout, in any case."""
    names = read_names(path)
    folded = {str(name).strip().casefold(): str(name) for name in names}
    found = {word: [folded[name] for name in _WORDS[word] if name in folded] for word in _COLUMNS[role].split()}
    lacking = [" or ".join(_WORDS[word]) for word, own in found.items() if not own]
    missing(path, names, lacking)
    return {word: own[0] for word, own in found.items()}
