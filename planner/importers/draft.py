"""What a reader hands over: tables and all that planner.toml has to say about them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from planner.periods import Bucket

Parts = pd.DataFrame | Iterable[pd.DataFrame]


@dataclass(frozen=True)
class Draft:
    """Tables with the columns that the source knows, sorted by key; a large one may come in parts.

    `stock` holds settings of [stock]; `assumptions` what the source does not say; `notes` what was left out.
    `lines` says, for tables that hold people's own rows, which _file and _line each row comes from: these tables are
    checked before they are taken over. `main` is the table without which the import is nothing.
    """

    title: str
    tables: Mapping[str, Parts]
    as_of: dt.date
    bucket: Bucket
    currency: str
    assumptions: Mapping[str, str]
    stock: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    lines: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    main: str = "sales"
