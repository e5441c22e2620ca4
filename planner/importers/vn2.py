"""VN2 Inventory Planning Challenge: sales.csv, in_stock.csv, initial_state.csv, master.csv.

Sales and in-stock flags are wide, one column a Monday. The planner stands on the Monday after the last sales column.
Of the state only End Inventory and what is in transit counts: its other columns may be stale.
"""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from planner.errors import DataError, Issue
from planner.importers import assume
from planner.importers.draft import Draft
from planner.importers.inputs import Inputs, as_numbers, missing, no_twins, read_text, refuse
from planner.importers.registry import Options

KEY = ["Store", "Product"]
STATE = ["End Inventory", "In Transit W+1", "In Transit W+2"]
FLAGS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0, "": np.nan}
WEEK = dt.timedelta(days=7)


def read(inputs: Inputs, options: Options) -> Draft:
    """The four files as tables. Raises DataError for files, columns or cells that do not fit the layout."""
    paths = inputs.find(["sales.csv"], ["in_stock.csv"], ["initial_state.csv"], ["master.csv"])
    sold, shelf, state, master = (_read(path) for path in paths)
    weeks = _weeks(sold, paths[0])
    as_of = weeks[-1] + WEEK
    sales = _long(sold, weeks, paths[0]).merge(_in_stock(shelf, weeks, paths[1]), how="left", on=[*KEY, "date"])
    series = (
        pd.concat([sold[KEY], state[KEY]]).drop_duplicates().rename(columns={"Product": "sku", "Store": "warehouse"})
    )
    series = series.sort_values(["sku", "warehouse"], ignore_index=True)
    supplier, lead = str(options["supplier"]), float(options["lead_days"])
    tables = {
        "items": _items(master, series, options),
        "locations": assume.places(_stores(master, series), supplier),
        "stocking": assume.stocking(series, options["review_days"]),
        "sourcing": assume.sourcing(series, supplier, lead),
        "sales": _named(sales)[["date", "sku", "warehouse", "quantity", "in_stock"]],
        "stock": _stock(state, series, paths[2]),
        "pipeline": _pipeline(state, supplier, as_of, paths[2]),
    }
    return Draft(
        title="VN2 Inventory Planning Challenge",
        tables=tables,
        as_of=as_of,
        bucket="week",
        currency="EUR",
        assumptions=options.assumptions() | {"shortage": "demand that finds no stock is lost"},
        stock={"review_days": options["review_days"], "lead_days": lead},
        notes=_notes(sold, state, master, shelf, weeks),
    )


def _read(path: Path) -> pd.DataFrame:
    frame = read_text(path)
    missing(path, list(frame.columns), [*KEY, *(STATE if path.name == "initial_state.csv" else [])])
    frame[KEY] = frame[KEY].apply(lambda cells: cells.str.strip())
    blank = np.flatnonzero((frame[KEY] == "").any(axis=1).to_numpy())
    refuse([Issue(path.name, int(row) + 2, "Store + Product", "", "must not be empty", "") for row in blank])
    no_twins(frame, KEY, path)
    return frame


def _dates(frame: pd.DataFrame) -> dict[str, dt.date]:
    """The columns named by a date."""
    return {
        name: dt.date.fromisoformat(name[:10])
        for name in frame.columns
        if re.fullmatch(r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])([ T]00:00:00)?", name)
    }


def _weeks(sold: pd.DataFrame, path: Path) -> list[dt.date]:
    """The Mondays of the sales columns. Raises DataError for another weekday or a week left out."""
    weeks = sorted(_dates(sold).values())
    if not weeks or sold.empty:
        raise DataError(
            [Issue(path.name, 1, "", "", "holds no week of sales", "one column a Monday, such as 2024-04-08")]
        )
    issues = [Issue(path.name, 1, str(day), "", "is not a Monday", "") for day in weeks if day.weekday() != 0]
    gaps = [day + WEEK for day, after in pairwise(weeks) if after - day != WEEK]
    refuse(
        issues
        or [Issue(path.name, 1, str(day), "", "is missing or doubled", "one column for every week") for day in gaps]
    )
    return weeks


def _long(frame: pd.DataFrame, weeks: list[dt.date], path: Path) -> pd.DataFrame:
    """One row a cell: Store, Product, date, quantity; a blank cell is unknown."""
    columns = sorted(_dates(frame).items(), key=lambda item: item[1])
    values = np.column_stack([as_numbers(frame[name], path) for name, _ in columns])
    return _stacked(frame, weeks, values, "quantity")


def _in_stock(frame: pd.DataFrame, weeks: list[dt.date], path: Path) -> pd.DataFrame:
    """One row a flag; weeks that the file does not hold yet stay unknown."""
    known = {day: name for name, day in _dates(frame).items()}
    values = np.full((len(frame), len(weeks)), np.nan)
    for column, day in enumerate(weeks):
        if day in known:
            values[:, column] = _flags(frame[known[day]], path)
    return _stacked(frame, weeks, values, "in_stock")


def _flags(cells: pd.Series, path: Path) -> np.ndarray:
    text = cells.str.strip().str.lower()
    bad = np.flatnonzero(~text.isin(list(FLAGS)).to_numpy())
    refuse(
        [Issue(path.name, int(row) + 2, str(cells.name), cells.iloc[row], "must be True or False", "") for row in bad]
    )
    return text.map(FLAGS).to_numpy(dtype=np.float64)


def _stacked(frame: pd.DataFrame, weeks: list[dt.date], values: np.ndarray, name: str) -> pd.DataFrame:
    rows = np.repeat(np.arange(len(frame)), len(weeks))
    dates = np.tile(np.array(weeks, dtype="datetime64[ns]"), len(frame))
    return frame[KEY].iloc[rows].reset_index(drop=True).assign(date=dates, **{name: values.ravel()})


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    named = frame.rename(columns={"Product": "sku", "Store": "warehouse"})
    return named.sort_values(["date", "sku", "warehouse"], ignore_index=True)


def _items(master: pd.DataFrame, series: pd.DataFrame, options: Options) -> pd.DataFrame:
    """One row a SKU: where stores describe it differently, the first row counts."""
    missing(Path("master.csv"), list(master.columns), ["ProductGroup"])
    first = master.drop_duplicates("Product").set_index("Product").reindex(series["sku"].unique()).fillna("")
    items = pd.DataFrame({"sku": first.index, "category": first["ProductGroup"].to_numpy()})
    for name, theirs in (
        ("division", "Division"),
        ("department", "Department"),
        ("department_group", "DepartmentGroup"),
    ):
        if theirs in first:
            items[name] = first[theirs].to_numpy()
    return items.assign(
        unit_cost=options["unit_cost"],
        holding_cost_per_week=options["holding_cost"],
        shortage_cost=options["shortage_cost"],
        shortage="lost",
    )


def _stores(master: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    codes = sorted(series["warehouse"].unique())
    first = master.drop_duplicates("Store").set_index("Store").reindex(codes).fillna("")
    stores = pd.DataFrame({"location": codes, "kind": "store"})
    for name, theirs in (("store_format", "StoreFormat"), ("format", "Format")):
        if theirs in first:
            stores[name] = first[theirs].to_numpy()
    return stores


def _stock(state: pd.DataFrame, series: pd.DataFrame, path: Path) -> pd.DataFrame:
    """End Inventory is on hand; a series without a row in the state has none."""
    on_hand = as_numbers(state["End Inventory"], path, blank=0.0)
    known = pd.DataFrame({"sku": state["Product"], "warehouse": state["Store"], "on_hand": on_hand})
    return series.merge(known, how="left", on=["sku", "warehouse"]).fillna({"on_hand": 0.0})


def _pipeline(state: pd.DataFrame, supplier: str, as_of: dt.date, path: Path) -> pd.DataFrame:
    """What is in transit: W+1 arrives in the week of the as-of date, W+2 in the week after."""
    parts = []
    for name, due in (("In Transit W+1", as_of), ("In Transit W+2", as_of + WEEK)):
        part = pd.DataFrame({"sku": state["Product"], "source": supplier, "destination": state["Store"]})
        part = part.assign(quantity=as_numbers(state[name], path, blank=0.0), due_date=pd.Timestamp(due).as_unit("ns"))
        part.insert(
            0,
            "order_id",
            [f"T-{due}-{store}-{sku}" for store, sku in zip(part["destination"], part["sku"], strict=True)],
        )
        parts.append(part[part["quantity"] > 0])
    both = pd.concat(parts, ignore_index=True).assign(kind="purchase", firm="true")
    return both.sort_values(["due_date", "sku", "destination"], ignore_index=True)


def _notes(
    sold: pd.DataFrame, state: pd.DataFrame, master: pd.DataFrame, shelf: pd.DataFrame, weeks: list[dt.date]
) -> tuple[str, ...]:
    """What the four files do not agree on."""
    keys = {
        name: set(zip(frame["Store"], frame["Product"], strict=True))
        for name, frame in (("sales", sold), ("state", state), ("shelf", shelf))
    }
    absent = [day for day in weeks if day not in _dates(shelf).values()]
    findings = (
        (
            len(keys["sales"] - keys["state"]),
            "store-products have no row in initial_state.csv: nothing on hand or in transit",
        ),
        (len(keys["state"] - keys["sales"]), "store-products of initial_state.csv have no sales"),
        (len(keys["sales"] - keys["shelf"]), "store-products have no row in in_stock.csv: in stock unknown"),
        (len(set(sold["Product"]) - set(master["Product"])), "products have no row in master.csv: no category"),
        (len(absent), "weeks are not in in_stock.csv yet: in stock unknown"),
    )
    return tuple(f"{count:,} {text}" for count, text in findings if count)
