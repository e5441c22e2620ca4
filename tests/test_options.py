from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from planner.cli.options import described, refuse_unused, take
from planner.errors import UsageError


def test_accepted_before_and_after_the_command() -> None:
    before = take(["-C", "shop", "--format", "csv", "orders", "list", "--week", "2026-03-02"])
    after = take(["orders", "list", "--week", "2026-03-02", "--format=csv", "-C", "shop"])
    assert before == after
    options, rest = before
    assert (options.folder, options.format, rest) == (Path("shop"), "csv", ["orders", "list", "--week", "2026-03-02"])


def test_values_are_read() -> None:
    options, _ = take(["plan", "--as-of", "2026-03-02", "--seed", "7", "-o", "-", "-q"])
    assert (options.as_of, options.seed, options.output, options.quiet) == (dt.date(2026, 3, 2), 7, "-", True)
    assert options.flags() == {"plan.as_of": dt.date(2026, 3, 2), "plan.seed": 7}


def test_what_follows_two_dashes_is_left_alone() -> None:
    options, rest = take(["schema", "--", "--format"])
    assert (options.format, rest) == ("", ["schema", "--", "--format"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "--seed"], "--seed needs a value"),
        (["plan", "--seed", "x"], "'x' cannot be read"),
        (["plan", "--as-of", "20206-01-01"], "cannot be read"),
        (["plan", "--format", "xml"], "'xml' cannot be read"),
    ],
)
def test_a_wrong_value_is_named(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        take(arguments)


def test_an_option_that_would_do_nothing_is_refused() -> None:
    options, _ = take(["plan", "--select", "sku:A"])
    with pytest.raises(UsageError, match="--select means nothing to planner plan"):
        refuse_unused(options, frozenset({"scenario"}), "plan")


def test_every_option_says_what_it_does() -> None:
    assert all(words and text for words, text in described())
