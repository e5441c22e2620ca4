"""A folder of tables in which customers stand as they are -> the same with keyed hashes, and nothing else of them.

Of the tables that speak of customers only the contract's columns are carried, so names, addresses, phone numbers and
remarks stay behind; a text left in them that holds an e-mail address or a phone number stops it. The key is read, used
and never written.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from planner.errors import DataError, Issue, UsageError
from planner.files import whole_folder
from planner.importers.inputs import Inputs, read_text, unreadable
from planner.importers.keys import keyed_hashes, read_key
from planner.tables import TABLES

OF_CUSTOMERS = tuple(name for name, table in TABLES.items() if "customer" in table.names)
_HASH = re.compile(r"[0-9a-f]{64}")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+\d[\d ()/.-]{7,}\d|\b0\d{2,5}[ /-]\d[\d -]{4,}\d")
_KEPT = 100


@dataclass(frozen=True)
class Anonymised:
    """Rows by table; `dropped`: columns left behind, by table; `copied`: tables that say nothing of customers."""

    rows: Mapping[str, int]
    dropped: Mapping[str, tuple[str, ...]]
    copied: tuple[str, ...]


def anonymise(folder: Path, into: Path, key_file: str, environ: Mapping[str, str]) -> Anonymised:
    """Write `into`, a new folder, whole or not at all.

    Raises UsageError without a key, for a folder that is no folder of tables, or one that is there already; DataError
    for customers that are hashes already and for texts that hold an address.
    """
    folder, into = folder.expanduser().resolve(), into.expanduser().resolve()
    key = read_key(Inputs(folder, into, environ), key_file)
    if key is None:
        raise UsageError("there is no key to hash customers with", "set PLANNER_KEY, or name a file with --key-file")
    tables = _tables(folder)
    if into.exists():
        raise UsageError(f"{into} is there already", "name a new folder with --into DIR")
    rows: dict[str, int] = {}
    dropped: dict[str, tuple[str, ...]] = {}
    with whole_folder(into) as draft:
        for path in tables:
            if path.stem in OF_CUSTOMERS:
                frame = _read(path)
                kept = _hashed(frame, path, key)
                rows[path.stem] = len(kept)
                dropped[path.stem] = tuple(name for name in frame.columns if name not in kept.columns)
                _write(kept, draft / path.name)
            else:
                shutil.copyfile(path, draft / path.name)
    return Anonymised(rows, dropped, tuple(path.stem for path in tables if path.stem not in OF_CUSTOMERS))


def _tables(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", "name the folder that holds the tables")
    found = sorted(path for path in folder.iterdir() if path.stem in TABLES and path.suffix in (".csv", ".parquet"))
    if not any(path.stem in OF_CUSTOMERS for path in found):
        raise UsageError(f"{folder} holds no table of customers", f"expected one of {', '.join(OF_CUSTOMERS)}")
    return found


def _read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return read_text(path)
    try:
        return pd.DataFrame(pq.read_table(path, use_threads=False).to_pandas())
    except pa.ArrowInvalid as error:
        raise unreadable(path, str(error)) from None


def _write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False, lineterminator="\n")
    else:
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, compression="zstd")


def _hashed(frame: pd.DataFrame, path: Path, key: bytes) -> pd.DataFrame:
    """The contract's columns, customers as hashes; an empty customer stays empty."""
    if "customer" not in frame.columns and path.stem != "customer_orders":
        raise DataError([Issue(path.name, 1, "customer", "", "is missing", f"the file has {', '.join(frame.columns)}")])
    kept = frame[[name for name in TABLES[path.stem].names if name in frame.columns]]
    if "customer" in kept.columns:
        customers = kept["customer"].astype("string").fillna("").str.strip().astype(object)
        _refuse_hashes(customers, path)
        hashes = pd.Series(keyed_hashes(customers, key), index=kept.index).astype(object)
        kept = kept.assign(customer=hashes.where(customers != "", ""))
    _refuse_addresses(kept, path)
    return kept


def _refuse_hashes(customers: pd.Series, path: Path) -> None:
    """Hashing a hash would part the customer from what was hashed before."""
    at = [row for row, name in enumerate(customers.head(1000)) if _HASH.fullmatch(str(name))]
    if at:
        value = str(customers.iloc[at[0]])
        raise DataError([Issue(path.name, at[0] + 2, "customer", value, "is a keyed hash already", "use it as it is")])


def _refuse_addresses(frame: pd.DataFrame, path: Path) -> None:
    """Raises DataError for texts that hold an e-mail address or a phone number; the value itself is not repeated."""
    issues = []
    for name in frame.columns:
        if name == "customer" or frame[name].dtype.kind in "biufM":
            continue
        words = frame[name].astype(str)
        for value in words.unique():
            kind = "an e-mail address" if _MAIL.search(value) else "a phone number" if _PHONE.search(value) else ""
            if kind:
                row = int((words == value).to_numpy().argmax()) + 2
                issues.append(Issue(path.name, row, str(name), "", f"holds {kind}", "take it out of this column"))
    if issues:
        raise DataError(issues[:_KEPT], len(issues))
