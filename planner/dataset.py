"""A folder of tables -> Dataset, or every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import pandas as pd

from planner.cells import nearest
from planner.errors import DataError, Issue, UsageError
from planner.frames import conform, empty_frame, fingerprint
from planner.tables import NEEDS, TABLES

Loader = Callable[[], pd.DataFrame]


class Dataset:
    """The tables of a workspace: `dataset["sales"]` reads a table when it is first asked for, and once.

    An absent table gives a frame without rows but with every column. Frames are shared: copy before changing one.
    """

    def __init__(self, loaders: Mapping[str, Loader], digests: Mapping[str, str], notes: tuple[str, ...] = ()) -> None:
        self._loaders = dict(loaders)
        self._frames: dict[str, pd.DataFrame] = {}
        self.digests: Mapping[str, str] = MappingProxyType(dict(sorted(digests.items())))
        self.notes = notes

    @classmethod
    def from_frames(cls, frames: Mapping[str, pd.DataFrame]) -> Dataset:
        """A dataset of frames made in memory; missing columns of the contract are filled in."""
        tables = {known(name): conform(name, frame) for name, frame in frames.items()}
        return cls({}, {}).with_tables({name: (frame, fingerprint(name, frame)) for name, frame in tables.items()})

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames:
            loader = self._loaders.get(known(name))
            self._frames[name] = loader() if loader else empty_frame(name)
        return self._frames[name]

    def __iter__(self) -> Iterator[str]:
        """Names of the tables that are there, in the order of the contracts."""
        return (name for name in TABLES if self.has(name))

    def has(self, name: str) -> bool:
        """Whether the table is there, be it without rows."""
        return known(name) in self.digests

    def with_tables(self, tables: Mapping[str, tuple[pd.DataFrame, str]]) -> Dataset:
        """The same dataset with some tables replaced, each by a frame and its digest."""
        other = Dataset(self._loaders, {**self.digests, **{known(n): digest for n, (_, digest) in tables.items()}})
        other.notes = self.notes
        other._frames = {**self._frames, **{name: frame for name, (frame, _) in tables.items()}}
        return other

    def require(self, command: str) -> None:
        """Raises DataError if a table that `command` needs (tables.NEEDS) is not there: one issue each."""
        lacking = [name for name in NEEDS[command] if not self.has(name)]
        issues = [
            Issue(f"{name}.csv", None, "", "", f"is missing: {command} needs it", f"planner schema {name}")
            for name in lacking
        ]
        if issues:
            raise DataError(issues, hint="add the tables to data/, or write them with `planner import`")


def known(name: str) -> str:
    """`name` itself if there is such a table; raises UsageError with the nearest one."""
    if name not in TABLES:
        raise UsageError(f"there is no table {name!r}", nearest(name, TABLES, "planner schema lists the tables"))
    return name
