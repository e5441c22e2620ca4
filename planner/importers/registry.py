"""Which sources can be imported, and what each has to be told: one place for help, flags and printed defaults."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from planner.errors import UsageError


@dataclass(frozen=True)
class Option:
    """One option of a source. `assumed`: the source does not say it, so the import records it as an assumption."""

    name: str
    type: type
    default: str | float | bool
    help: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    assumed: bool = True

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def assumption(self, value: Any) -> str:
        """What was assumed, in words, and the flag that changes it."""
        shown = f"{value:g}" if isinstance(value, float) else value
        return f"{self.help}: {shown} ({self.flag})"


@dataclass(frozen=True)
class Source:
    """A layout that can be imported. `reader` is the module that reads it: loaded only when it is needed."""

    name: str
    help: str
    reader: str
    options: tuple[Option, ...]

    def option(self, name: str) -> Option:
        return next(option for option in self.options if option.name == name)


class Options(Mapping[str, Any]):
    """The values of a source's options, defaults filled in.

    Raises UsageError for an unknown option (naming the nearest) or a value that does not fit.
    """

    def __init__(self, source: Source, given: Mapping[str, Any]) -> None:
        known = {option.name: option for option in source.options}
        for name in given:
            if name not in known:
                close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
                hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(known) or 'none'}"
                raise UsageError(f"import {source.name} has no option {name!r}", hint)
        self.source = source
        self._values = {
            name: option.default if given.get(name) is None else _fit(option, given[name])
            for name, option in known.items()
        }

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def assumptions(self, *names: str) -> dict[str, str]:
        """The assumptions that these options stand for; without names, those of every assumed option."""
        chosen = names or tuple(option.name for option in self.source.options if option.assumed)
        return {name: self.source.option(name).assumption(self[name]) for name in chosen}


def _fit(option: Option, value: Any) -> Any:
    """`value` as the option's type, within its choices and limits."""
    try:
        fitted = option.type(value)
    except (TypeError, ValueError):
        raise UsageError(f"{option.flag} {value!r} is not a {_word(option.type)}", f"write {option.flag} 1") from None
    if option.type is float and not math.isfinite(fitted):
        raise UsageError(f"{option.flag} {value!r} is not a number", f"write {option.flag} 1")
    if option.choices and fitted not in option.choices:
        raise UsageError(f"{option.flag} {value!r} is not known", f"choose {' or '.join(option.choices)}")
    low, high = option.minimum, option.maximum
    if (low is not None and not fitted >= low) or (high is not None and not fitted <= high):
        limits = f"{low:g} or more" if high is None else f"between {low or 0:g} and {high:g}"
        raise UsageError(f"{option.flag} {value} is out of range", f"write a value {limits}")
    if option.type is str and option.assumed and not fitted.strip():
        raise UsageError(f"{option.flag} is empty", f"write {option.flag} {option.default}")
    return fitted


def _word(kind: type) -> str:
    return {float: "number", int: "whole number", bool: "flag"}.get(kind, "text")


SUPPLIER = Option("supplier", str, "SUPPLIER", "one supplier delivers everything, its code")
LEAD = Option("lead_days", float, 14.0, "days from order to availability", minimum=0)
REVIEW = Option("review_days", float, 7.0, "days between two chances to order", minimum=1)
COVER = Option("cover_weeks", float, 4.0, "opening stock in weeks of the mean demand of the last 13 weeks", minimum=0)
COST = Option("cost_share", float, 0.5, "unit cost as a share of the sales price", minimum=0, maximum=1)
KEY_FILE = Option(
    "key_file",
    str,
    "",
    "file with the secret key that customers are hashed with; PLANNER_KEY does the same",
    assumed=False,
)

VN2 = Source(
    "vn2",
    "VN2 challenge: weekly store sales, stock, in transit",
    "planner.importers.vn2",
    (
        SUPPLIER,
        LEAD,
        REVIEW,
        Option("unit_cost", float, 0.0, "purchase cost of one unit", minimum=0),
        Option("holding_cost", float, 0.2, "holding cost of a unit and week", minimum=0),
        Option("shortage_cost", float, 1.0, "cost of a unit of lost demand", minimum=0),
    ),
)
M5 = Source(
    "m5",
    "M5 (Walmart): daily sales, prices, events, SNAP days",
    "planner.importers.m5",
    (
        Option("bucket", str, "week", "day, or complete Monday weeks", choices=("day", "week"), assumed=False),
        SUPPLIER,
        LEAD,
        REVIEW,
        COVER,
        replace(COST, default=0.7),
    ),
)
ONLINE_RETAIL = Source(
    "online-retail",
    "Online Retail II: order lines, customers, returns",
    "planner.importers.online_retail",
    (
        Option("warehouse", str, "UK", "one warehouse ships everything, its code"),
        SUPPLIER,
        LEAD,
        REVIEW,
        COVER,
        COST,
        Option("drop_after_weeks", int, 26, "an item unsold for this many weeks has ended (0: none has)", minimum=0),
        KEY_FILE,
    ),
)
FRESH_RETAIL = Source(
    "fresh-retail",
    "FreshRetailNet: daily sales, hours out of stock, discounts",
    "planner.importers.fresh_retail",
    (
        SUPPLIER,
        replace(LEAD, default=1.0),
        replace(REVIEW, default=1.0),
        replace(COVER, default=0.5),
        replace(COST, default=0.7),
        Option("list_price", float, 10.0, "price of every item without discount", minimum=0),
    ),
)
HILLSTROM = Source(
    "hillstrom",
    "Hillstrom's e-mail trial: two treatments, a control, visits, spend",
    "planner.importers.hillstrom",
    (Option("start", str, "2008-03-03", "first day of the trial"),),
)
COMPLETE_JOURNEY = Source(
    "complete-journey",
    "The Complete Journey: baskets, households, coupons, displays",
    "planner.importers.complete_journey",
    (
        Option("stores", int, 10, "the largest stores become series, so many of them (0: all)", minimum=0),
        Option("first_day", str, "2014-01-01", "date of DAY 1, where the files count days"),
        SUPPLIER,
        LEAD,
        REVIEW,
        COVER,
        replace(COST, default=0.7),
        Option("drop_after_weeks", int, 26, "an item unsold for this many weeks has ended (0: none has)", minimum=0),
        KEY_FILE,
    ),
)
CSV = Source(
    "csv",
    "your own export, by a file that maps its columns",
    "planner.importers.mapped",
    (
        Option("mapping", str, "", "mapping file; without one, mapping.toml in FOLDER", assumed=False),
        Option("write_mapping", bool, False, "write a mapping to start from, guessed from the headers", assumed=False),
        SUPPLIER,
        LEAD,
        REVIEW,
        COVER,
        KEY_FILE,
    ),
)
SOURCES: Mapping[str, Source] = MappingProxyType(
    {source.name: source for source in (VN2, M5, ONLINE_RETAIL, FRESH_RETAIL, HILLSTROM, COMPLETE_JOURNEY, CSV)}
)
