"""The same work on several processes. How many changes no result: the pieces are cut without looking at the number.

Processes are forked, so they see the data without a copy, and each computes with one thread. Where there is no fork,
or for one piece, the work is done here.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_JOBS: ContextVar[int] = ContextVar("jobs", default=1)
_SHARED: dict[str, Callable[[Any], Any]] = {}


@contextmanager
def processes(count: int) -> Iterator[None]:
    """Within this block `each` uses up to `count` processes; 0 means one a processor."""
    token = _JOBS.set(count if count > 0 else os.cpu_count() or 1)
    try:
        yield
    finally:
        _JOBS.reset(token)


def each(function: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """`function` of every piece, in order. An exception of any piece is raised here."""
    count = min(_JOBS.get(), len(pieces))
    if count < 2 or "fork" not in multiprocessing.get_all_start_methods():
        return [function(piece) for piece in pieces]
    _SHARED["function"] = function
    try:
        with ProcessPoolExecutor(count, multiprocessing.get_context("fork"), initializer=_alone) as pool:
            return list(pool.map(_call, pieces))
    finally:
        del _SHARED["function"]


def _alone() -> None:
    """A process of its own starts no further ones."""
    _JOBS.set(1)


def _call(piece: Any) -> Any:
    return _SHARED["function"](piece)
