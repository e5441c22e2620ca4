"""What a scenario does to data: the rows it selects, what becomes of them, and a log old -> new."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.columns import Column
from planner.dataset import Dataset
from planner.errors import UsageError
from planner.files import digest_of
from planner.scenarios import Change
from planner.selection import Mask, matches, word
from planner.settings import Applied, nearest
from planner.tables import TABLES

DEMAND = "demand"
LOGGED_VALUES = 12
_DATE_COLUMNS = ("date", "week", "start", "due_date")


def apply_to_tables(dataset: Dataset, changes: Sequence[Change]) -> tuple[Dataset, list[Applied]]:
    """The dataset as the scenario sees it, and the log. Demand is not a table: see `apply_to_demand`.

    Raises UsageError for a table or column that does not exist, a change that selects no row, or two changes that
    touch the same cell.
    """
    log: list[Applied] = []
    touched: dict[tuple[str, str], list[tuple[Mask, str]]] = {}
    frames: dict[str, tuple[pd.DataFrame, str]] = {}
    for change in (change for change in changes if change.table != DEMAND):
        frame = frames[change.table][0] if change.table in frames else _table(dataset, change)
        digest = frames[change.table][1] if change.table in frames else dataset.digests[change.table]
        rows = selected(frame, change, dataset)
        _claim(touched, change, rows)
        frame, entries = _changed(frame, change, rows)
        frames[change.table] = (frame, digest_of(digest, repr(change)))
        log += entries
    for name, (frame, digest) in frames.items():
        frames[name] = (_without_removed(frame), digest)
    return dataset.with_tables(frames), log


def apply_to_demand(
    forecast: pd.DataFrame, changes: Sequence[Change], dataset: Dataset
) -> tuple[pd.DataFrame, list[Applied]]:
    """Demand changed per sku, warehouse and date; `forecast` has mean and variance, and both follow."""
    log: list[Applied] = []
    touched: dict[tuple[str, str], list[tuple[Mask, str]]] = {}
    mean, variance = forecast["mean"].to_numpy(float).copy(), forecast["variance"].to_numpy(float).copy()
    for change in (change for change in changes if change.table == DEMAND):
        if change.column != "quantity" or change.operation == "remove" or isinstance(change.amount, str | bool):
            raise UsageError(f"{change.by}: demand has one column, quantity", "use set, add or scale with a number")
        rows = selected(forecast, change, dataset)
        _claim(touched, change, rows)
        before = float(mean[rows].sum())
        mean[rows] = np.maximum(_arithmetic(mean[rows], change), 0.0)
        if change.operation == "scale":
            variance[rows] *= float(change.amount or 0.0) ** 2
        log.append(Applied(change.describe(), f"{before:.1f} units", f"{mean[rows].sum():.1f} units", change.by))
    return forecast.assign(mean=mean, variance=variance), log


def selected(frame: pd.DataFrame, change: Change, dataset: Dataset) -> Mask:
    """Rows that fit the change's `where` and whose date lies within its span."""
    rows = matches(frame, change.where, dataset, f"{change.by}: {change.table}")
    if change.start or change.end:
        dates = frame[_date_column(frame, change)]
        if change.start:
            rows &= (dates >= pd.Timestamp(change.start)).to_numpy()
        if change.end:
            rows &= (dates <= pd.Timestamp(change.end)).to_numpy()
    if not rows.any():
        raise UsageError(
            f"{change.by}: the change selects no row: {change.describe()}", "check its `where`, from and to"
        )
    return rows


def _date_column(frame: pd.DataFrame, change: Change) -> str:
    for name in _DATE_COLUMNS:
        if name in frame.columns:
            return name
    raise UsageError(f"{change.by}: {change.table} has no dates for from and to", "remove from and to")


def _table(dataset: Dataset, change: Change) -> pd.DataFrame:
    if change.table not in TABLES:
        raise UsageError(f"{change.by}: there is no table {change.table!r}", nearest(change.table, [DEMAND, *TABLES]))
    if not dataset.has(change.table):
        raise UsageError(f"{change.by}: this workspace has no table {change.table}", f"add data/{change.table}.csv")
    return dataset[change.table].reset_index(drop=True)


def _claim(touched: dict[tuple[str, str], list[tuple[Mask, str]]], change: Change, rows: Mask) -> None:
    """Two changes of one cell contradict each other, whatever their order."""
    for (table, column), claims in touched.items():
        if table == change.table and (not column or not change.column or column == change.column):
            for other, described in claims:
                if (other & rows).any():
                    raise UsageError(
                        f"two changes touch the same rows: {described}, and {change.by}: {change.describe()}",
                        "keep one of the two",
                    )
    touched.setdefault((change.table, change.column), []).append((rows, f"{change.by}: {change.describe()}"))


def _changed(frame: pd.DataFrame, change: Change, rows: Mask) -> tuple[pd.DataFrame, list[Applied]]:
    if change.operation == "remove":
        removed = _removed(frame) | rows
        return frame.assign(_removed=removed), [
            Applied(change.describe(), f"{len(frame):,} rows", f"{len(frame) - int(removed.sum()):,} rows", change.by)
        ]
    if change.column not in frame.columns:
        raise UsageError(
            f"{change.by}: {change.table} has no column {change.column!r}", nearest(change.column, list(frame.columns))
        )
    old = frame.loc[rows, change.column]
    new = _new_values(old, _contract(change), change)
    result = frame.copy()
    if isinstance(result[change.column].dtype, pd.CategoricalDtype):
        result[change.column] = result[change.column].astype(object)
    result.loc[rows, change.column] = new
    return result, _log(change, old, new)


def _contract(change: Change) -> Column:
    table = TABLES[change.table]
    return table.column(change.column) if change.column in table.names else Column(change.column, "text", "")


def _new_values(old: pd.Series, column: Column, change: Change) -> pd.Series:
    if column.type in ("date", "datetime"):
        return _moved(old, change)
    if column.type in ("number", "integer", "share"):
        if isinstance(change.amount, str | bool):
            raise UsageError(
                f"{change.by}: {change.table}.{column.name} = {change.amount!r} is not a number", "write a number"
            )
        new = pd.Series(_arithmetic(old.to_numpy(float), change), index=old.index)
        _within(new, column, change)
        return new
    if change.operation != "set":
        raise UsageError(f"{change.by}: {change.table}.{column.name} is no number: it can only be set", "use set")
    if column.type == "flag" and not isinstance(change.amount, bool):
        raise UsageError(f"{change.by}: {change.table}.{column.name} is a flag", "write set = true or set = false")
    if column.choices and change.amount not in column.choices:
        raise UsageError(
            f"{change.by}: {change.table}.{column.name} cannot be {change.amount!r}",
            f"one of {', '.join(column.choices)}",
        )
    return pd.Series([change.amount] * len(old), index=old.index, dtype=object if column.type != "flag" else bool)


def _arithmetic(old: npt.NDArray[np.float64], change: Change) -> npt.NDArray[np.float64]:
    amount = float(change.amount or 0.0)
    return {"set": np.full_like(old, amount), "add": old + amount, "scale": old * amount}[change.operation]


def _moved(old: pd.Series, change: Change) -> pd.Series:
    """Dates are set to a day or moved by days."""
    if change.operation == "add":
        return old + pd.to_timedelta(float(change.amount or 0), unit="D")
    try:
        return pd.Series(pd.Timestamp(str(change.amount)), index=old.index)
    except ValueError:
        raise UsageError(f"{change.by}: {change.amount!r} is no date", 'write set = "2026-03-02" or add = 7') from None


def _within(new: pd.Series, column: Column, change: Change) -> None:
    low = column.minimum if column.minimum is not None else -np.inf
    high = column.maximum if column.maximum is not None else np.inf
    if ((new < low) | (new > high)).any():
        raise UsageError(
            f"{change.by}: {change.table}.{column.name} would leave {low:g}..{high:g}: {change.describe()}",
            "choose less",
        )


def _log(change: Change, old: pd.Series, new: pd.Series) -> list[Applied]:
    """One entry for each distinct old -> new, the most frequent first; the rest is counted."""
    counted = pd.DataFrame({"old": old.map(word), "new": new.map(word), "rows": 1})
    pairs = counted.groupby(["old", "new"])["rows"].sum().reset_index()
    pairs = pairs.sort_values(["rows", "old", "new"], ascending=[False, True, True])
    shown, rest = pairs.iloc[:LOGGED_VALUES], pairs.iloc[LOGGED_VALUES:]
    entries = [
        Applied(f"{change.describe()} ({rows:,} rows)", str(before), str(after), change.by)
        for before, after, rows in shown.itertuples(index=False)
    ]
    if len(rest):
        entries.append(
            Applied(f"{change.describe()} ({int(rest['rows'].sum()):,} more rows)", "various", "various", change.by)
        )
    return entries


def _removed(frame: pd.DataFrame) -> Mask:
    return frame["_removed"].to_numpy(bool) if "_removed" in frame.columns else np.zeros(len(frame), dtype=bool)


def _without_removed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns="_removed", errors="ignore")[~_removed(frame)].reset_index(drop=True)
