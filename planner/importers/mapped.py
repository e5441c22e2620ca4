"""Anyone's own export: files, columns and codes come from a mapping, what they lack from options."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from planner.errors import DataError, Issue, UsageError
from planner.importers import assume
from planner.importers.draft import Draft
from planner.importers.foreign import ORIGIN, Reader
from planner.importers.inputs import Inputs
from planner.importers.keys import NO_KEY, keyed_hashes, read_key
from planner.importers.mapping import Entry, Plan, read_mapping
from planner.importers.registry import Options
from planner.periods import Bucket, bucket_range
from planner.tables import TABLES

Tables = dict[str, pd.DataFrame]
SUMMED = {"sales": "quantity", "stock": "on_hand"}
PLACES = {
    "sales": ("warehouse",),
    "stock": ("warehouse",),
    "stocking": ("warehouse",),
    "sourcing": ("destination", "source"),
    "pipeline": ("destination", "source"),
    "suppliers": ("location",),
}


def mapping_path(inputs: Inputs, options: Options) -> Path:
    """The mapping file: as named, else mapping.toml in the folder."""
    return Path(options["mapping"]).expanduser() if options["mapping"] else inputs.folder / "mapping.toml"


def read(inputs: Inputs, options: Options) -> Draft:
    """The mapped files as tables. Raises UsageError for a faulty mapping, DataError for faulty files."""
    plan = read_mapping(mapping_path(inputs, options))
    tables, notes = _mapped(plan, inputs)
    _hash_customers(tables, read_key(inputs, options["key_file"]), notes)
    _tidy(tables, notes)
    assumptions = _fill_in(tables, plan, options)
    last = tables["sales"]["date"].max()
    if pd.isna(last):
        raise DataError(
            [Issue("sales", None, "", "", "hold no row that is kept", "check `keep` and `drop` in the mapping")]
        )
    as_of = plan.as_of or bucket_range(last.date(), 2, plan.bucket)[1].date()
    if plan.as_of is None:
        assumptions["as_of"] = f"the {plan.bucket} of the last sale, {last.date()}, is complete"
    lines = {name: frame[list(ORIGIN)] for name, frame in tables.items() if ORIGIN[0] in frame}
    return Draft(
        title=plan.title,
        tables={name: frame.drop(columns=list(ORIGIN), errors="ignore") for name, frame in tables.items()},
        as_of=as_of,
        bucket=plan.bucket,
        currency=plan.currency,
        assumptions=assumptions,
        stock={"review_days": options["review_days"], "lead_days": options["lead_days"]},
        notes=tuple(notes),
        lines=lines,
    )


def _mapped(plan: Plan, inputs: Inputs) -> tuple[Tables, list[str]]:
    """Every mapped table, its files below each other. Raises DataError with the faults of all files."""
    frames: dict[str, list[pd.DataFrame]] = {}
    issues: list[Issue] = []
    notes: list[str] = []
    total = 0
    for entry in plan.entries:
        reader = Reader(entry)
        files = _files(entry, inputs)
        if not files:
            seen = ", ".join(sorted(path.name for path in inputs.folder.iterdir() if path.is_file())[:8]) or "no file"
            issues.append(Issue(entry.file, None, "", "", f"is missing in {inputs.folder}", f"the folder holds {seen}"))
            total += 1
        for path in files:
            inputs.say(f"reading {path.name}")
            frames.setdefault(entry.table, []).append(reader.read(path, path.relative_to(inputs.folder).as_posix()))
        issues += reader.issues
        total += reader.total
        notes += _unused(entry, reader)
    if issues:
        raise DataError(issues[:100], total, "mend the files, or the mapping, then import again")
    return {name: pd.concat(parts, ignore_index=True) for name, parts in frames.items()}, notes


def _files(entry: Entry, inputs: Inputs) -> list[Path]:
    """The files of an entry in the order of their names; never those of the workspace being written."""
    pattern = entry.file
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise UsageError(f"{pattern} leaves the folder {inputs.folder}", "name files relative to FOLDER")
    own = inputs.into / "data"
    return sorted(
        path for path in inputs.folder.glob(pattern) if path.is_file() and not path.resolve().is_relative_to(own)
    )


def _unused(entry: Entry, reader: Reader) -> list[str]:
    known = TABLES[entry.table].names
    notes = [
        f"{entry.table}: {word} is no column of the contract, it is kept as an extra one"
        for word in (*entry.columns, *entry.constants)
        if word not in known
    ]
    if reader.unused:
        notes.append(f"{entry.file}: not mapped are {', '.join(reader.unused)}")
    return notes


def _hash_customers(tables: Tables, key: bytes | None, notes: list[str]) -> None:
    """Customers become keyed hashes; without a key their tables are left out, and their column elsewhere."""
    for name in sorted(name for name, frame in tables.items() if "customer" in frame):
        if key is not None:
            customers = tables[name]["customer"].astype(object)
            hashed = pd.Series(keyed_hashes(customers, key), index=customers.index).astype(object)
            tables[name] = tables[name].assign(customer=hashed.where(customers != "", ""))
        elif "customer" in TABLES[name].required:
            del tables[name]
            notes.append(f"{name} {NO_KEY}")
        else:
            tables[name] = tables[name].drop(columns="customer")
            notes.append(f"{name}: customer {NO_KEY}")


def _tidy(tables: Tables, notes: list[str]) -> None:
    """Sort by key, and add up what stands in several rows for one key: an export often has one row a document."""
    for name, frame in tables.items():
        key = [column for column in TABLES[name].key if column in frame] or list(TABLES[name].required)
        ordered = frame.sort_values(key, kind="stable", ignore_index=True)
        if name in SUMMED:
            turn = ordered.groupby(key, dropna=False, sort=False).ngroup()
            summed = ordered[SUMMED[name]].groupby(turn).sum(min_count=1)
            first = ordered[~turn.duplicated().to_numpy()].reset_index(drop=True)
            if len(first) < len(ordered):
                notes.append(f"{name}: {len(ordered):,} rows added up to {len(first):,}, one for each {', '.join(key)}")
            ordered = first.assign(**{SUMMED[name]: summed.to_numpy()})
        tables[name] = ordered


def _fill_in(tables: Tables, plan: Plan, options: Options) -> dict[str, str]:
    """Tables that the export lacks, from what it has and from options; returns what was assumed."""
    assumed: list[str] = ["lead_days", "review_days"]
    texts: dict[str, str] = {}
    series = _series(tables)
    if "items" not in tables:
        tables["items"] = pd.DataFrame({"sku": sorted(_values(tables, "sku"))})
        texts["items"] = "items are every SKU of the other tables, without cost, price or category"
    if "stocking" not in tables:
        tables["stocking"] = assume.stocking(series, options["review_days"])
        texts["stocking"] = "every SKU is stocked where it was sold or is on hand"
    if "sourcing" not in tables:
        tables["sourcing"] = assume.sourcing(series, options["supplier"], options["lead_days"])
        assumed.append("supplier")
    if "stock" not in tables:
        weekly = _weekly(tables["sales"], series, plan.bucket)
        tables["stock"] = assume.opening_stock(series, weekly, options["cover_weeks"])
        assumed.append("cover_weeks")
    if "pipeline" not in tables:
        texts["pipeline"] = "nothing is on order or on its way"
    _add_places(tables, options["supplier"], texts)
    return options.assumptions(*assumed) | texts


def _add_places(tables: Tables, supplier: str, texts: dict[str, str]) -> None:
    """Locations from where goods are sold, stocked and bought; a list that is there only gains the assumed supplier."""
    sources = _values(tables, "source") - _values(tables, "warehouse") - _values(tables, "destination")
    if "locations" in tables:
        known = set(tables["locations"]["location"])
        if supplier in sources - known:
            tables["locations"] = pd.concat([tables["locations"], assume.supplier_row(supplier)], ignore_index=True)
        return
    codes = {
        word
        for name, columns in PLACES.items()
        if name in tables
        for column in columns
        if column in tables[name]
        for word in tables[name][column]
    } - {""}
    suppliers = sources | _values(tables, "location")
    kinds = ["supplier" if code in suppliers else "warehouse" for code in sorted(codes)]
    tables["locations"] = pd.DataFrame({"location": sorted(codes), "kind": kinds})
    texts["locations"] = (
        "locations are every place of the other tables: a supplier where goods only come from, else a warehouse"
    )


def _values(tables: Tables, column: str) -> set[str]:
    found: Iterable[pd.Series] = (frame[column] for frame in tables.values() if column in frame)
    return {str(word) for series in found for word in series.unique()} - {""}


def _series(tables: Tables) -> pd.DataFrame:
    """Every SKU and warehouse that sold or has stock, sorted."""
    parts = [tables[name][["sku", "warehouse"]] for name in ("sales", "stock", "stocking") if name in tables]
    return pd.concat(parts).drop_duplicates().sort_values(["sku", "warehouse"], ignore_index=True)


def _weekly(sales: pd.DataFrame, series: pd.DataFrame, bucket: Bucket) -> pd.Series:
    """Mean weekly sales of the last 13 weeks (three months, where sales are monthly)."""
    end = bucket_range(sales["date"].max().date(), 2, bucket)[1]
    recent = sales[(sales["date"] >= end - pd.Timedelta(weeks=assume.RECENT_WEEKS)).to_numpy()]
    sign = np.where(recent["returned"] == 1, -1.0, 1.0) if "returned" in recent else 1.0
    net = recent.assign(net=recent["quantity"].abs() * sign if "returned" in recent else recent["quantity"])
    mean = net.groupby(["sku", "warehouse"])["net"].sum() / assume.RECENT_WEEKS
    return mean.reindex(pd.MultiIndex.from_frame(series)).fillna(0.0).clip(lower=0.0).reset_index(drop=True)
