"""How long it takes to check sales, beyond reading them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv

from planner import dataset as datasets
from planner.dataset import scan
from planner.intake.cache import TableCache
from planner.intake.checks import cross_check
from planner.intake.dialects import open_text
from planner.intake.reading import parse_csv, read_part
from planner.intake.sources import Source
from planner.tables import TABLES
from tests.benchmarks.registry import Figure, benchmark

ROWS, SMOKE_ROWS = 5_000_000, 50_000
SKUS, PLACES = 1000, 5
TYPES = {"sku": "category", "warehouse": "category", "quantity": "float64", "unit_price": "float64"}


@benchmark("validate")
def run(full: bool, smoke: bool) -> list[Figure]:
    """Five million sales rows as CSV, with items and locations: seconds to parse the text alone, beside pandas' own
    reader with the right types, and seconds of all checks beyond that (cells, keys, references). The fastest of three;
    with --full once more with one bad cell, which has to be found."""
    rows = SMOKE_ROWS if smoke else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, rows)
        source = scan(folder)["sales"]
        repeats = 1 if smoke else 3
        peer = _fastest(lambda: _pandas(folder / "sales.csv"), repeats)
        reading = _fastest(lambda: parse_csv(open_text(folder / "sales.csv", TABLES["sales"].names)), repeats)
        typed = _fastest(lambda: _clean(read_part(source.files[0], "sales.csv", "sales", 100).total, 0), repeats)
        between = _between(folder, repeats)
        figures = [
            Figure("read the text", reading, "s", None, "lower", "pandas.read_csv with types", peer, reading),
            Figure("check beyond reading", typed - reading + between, "s", 3.0, seconds=typed + between),
            Figure("rows per second, read and checked", rows / (typed + between), "rows/s", None, "higher"),
        ]
        return figures + (_one_bad_cell(source, rows) if full else [])


def _write(folder: Path, rows: int) -> None:
    """Daily sales of 1,000 SKUs in 5 warehouses, sorted by day, prices in 4,900 different cents."""
    rng = np.random.default_rng(1)
    series = np.arange(rows) % (SKUS * PLACES)
    first = np.datetime64("2022-01-03")
    days = (first + np.arange(rows // (SKUS * PLACES) + 1)).astype(str)
    columns = {
        "date": _text(days, np.arange(rows) // (SKUS * PLACES)),
        "sku": _text([f"{sku:05d}" for sku in range(SKUS)], series % SKUS),
        "warehouse": _text([f"W{place}" for place in range(PLACES)], series // SKUS),
        "quantity": pa.array(rng.poisson(3, rows)),
        "unit_price": pa.array(np.round(rng.uniform(1, 50, rows), 2)),
    }
    pa_csv.write_csv(pa.table(columns), folder / "sales.csv", pa_csv.WriteOptions(quoting_style="none"))
    (folder / "items.csv").write_text("sku\n" + "\n".join(f"{sku:05d}" for sku in range(SKUS)))
    (folder / "locations.csv").write_text(
        "location,kind\n" + "".join(f"W{place},warehouse\n" for place in range(PLACES))
    )


def _text(words: object, codes: np.ndarray) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words)).cast(pa.string())


def _fastest(measured: Callable[[], object], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        begin = time.perf_counter()
        measured()
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def _pandas(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=TYPES, parse_dates=["date"])


def _between(folder: Path, repeats: int) -> float:
    """Seconds for keys and references of tables that are parsed already."""
    tables = {name: datasets.parse_table(source, TableCache(None), 100) for name, source in scan(folder).items()}
    bodies = {name: table.body for name, table in tables.items()}
    return _fastest(lambda: _clean(cross_check(bodies, list(bodies), 100)[1], 0), repeats)


def _one_bad_cell(source: Source, rows: int) -> list[Figure]:
    path = source.files[0]
    text = path.read_bytes()
    middle = text.index(b"\n", len(text) // 2)
    path.write_bytes(text[:middle] + b"x" + text[middle:])
    begin = time.perf_counter()
    part = read_part(path, "sales.csv", "sales", 100)
    seconds = time.perf_counter() - begin
    _clean(part.total, 1)
    _clean(part.issues[0].row or 0, text.count(b"\n", 0, middle) + 1)
    return [Figure("read, check and find one bad cell", seconds, "s")]


def _clean(found: int, expected: int) -> None:
    if found != expected:
        raise AssertionError(f"{found} where {expected} was expected")
