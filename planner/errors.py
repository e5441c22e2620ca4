"""What can go wrong, and what the user is told.

PlannerError                    exit 1   anything the planner refuses to do
├── UsageError                  exit 2   a wrong command, option or setting
├── DataError                   exit 3   faults in the tables, all of them at once
├── InfeasibleError             exit 4   no plan: the binding limits are named
├── FindingsError               exit 5   findings, when --fail-on asked for it
└── ConflictError               exit 6   stale, or already released

Every error carries a hint: what to do next, mostly a command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Issue:
    """One fault in one place: `row` is the line as a person counts it, the header being line 1."""

    file: str
    row: int | None
    column: str
    value: str
    rule: str
    hint: str

    def where(self) -> str:
        row = f", row {self.row}" if self.row is not None else ""
        column = f", column {self.column}" if self.column else ""
        return f"{self.file}{row}{column}"

    def __str__(self) -> str:
        value = f": {self.value!r}" if self.value else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where()}{value} {self.rule}{hint}"

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


class PlannerError(Exception):
    """The root: a message for people, and a hint that names the next step."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(PlannerError):
    exit_code = 2


class DataError(PlannerError):
    """Faults in the input: `issues` holds those kept, `total` counts all that were found."""

    exit_code = 3

    def __init__(self, issues: Sequence[Issue], total: int | None = None, hint: str = "") -> None:
        self.issues = tuple(issues)
        self.total = len(self.issues) if total is None else total
        noun = "fault" if self.total == 1 else "faults"
        super().__init__(f"{self.total:,} {noun} in the input", hint)


class InfeasibleError(PlannerError):
    exit_code = 4


class FindingsError(PlannerError):
    exit_code = 5


class ConflictError(PlannerError):
    exit_code = 6
