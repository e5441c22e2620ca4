"""How figures are read and written."""

from __future__ import annotations

import math

import pytest

from planner.figures import FIGURES, UNKNOWN, compact, figure, money, number, percent, plural, points, written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234567.4, "EUR 1,234,567"),
        (99.994, "EUR 99.99"),
        (99.996, "EUR 100"),
        (0.0, "EUR 0"),
        (-0.5, "-EUR 0.50"),
        (-0.001, "EUR 0.00"),
        (math.nan, "–"),
        (math.inf, "–"),
        (None, "–"),
    ],
)
def test_money(value: float | None, text: str) -> None:
    assert money(value, "EUR") == text


def test_money_without_a_currency_and_with_a_sign() -> None:
    assert money(853, "", signed=True) == "+853"
    assert money(-1200, "USD", signed=True) == "-USD 1,200"


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.0, "12"), (0.25, "0.25"), (12.34, "12.3"), (123456.7, "123,457"), (99.96, "100"), (-3.5, "-3.50")],
)
def test_number(value: float, text: str) -> None:
    assert number(value) == text


def test_shares_have_one_decimal() -> None:
    assert percent(0.9783) == "97.8 %"
    assert percent(-0.0001, signed=True) == "0.0 %"
    assert percent(0.042, signed=True) == "+4.2 %"
    assert [points(value) for value in (0.012, -0.3, -0.0001, float("nan"))] == [
        "+1.2 points", "-30.0 points", "0.0 points", UNKNOWN,
    ]  # fmt: skip


def test_units_stand_behind() -> None:
    assert written(1234, "kg") == "1,234 kg"
    assert written(2.5, "seconds") == "2.50 s"
    assert written(0.5, "share") == "50.0 %"
    assert written(1234, "money", "EUR") == "EUR 1,234"


def test_plural_and_compact() -> None:
    assert (plural(1, "line"), plural(1200, "line")) == ("1 line", "1,200 lines")
    assert [compact(value) for value in (0, 950, 1500, 20_000, 1.25e6, 3e9)] == [
        "0",
        "950",
        "1.5k",
        "20k",
        "1.25M",
        "3B",
    ]


@pytest.mark.parametrize(
    ("name", "unit", "better"),
    [
        ("fill_rate", "share", "higher"),
        ("cost_holding", "money", "lower"),
        ("vehicle_cost", "money", "lower"),
        ("vehicle_km", "km", "lower"),
        ("forecast_wape", "share", "lower"),
        ("widgets", "", ""),
    ],
)
def test_every_name_is_read(name: str, unit: str, better: str) -> None:
    assert (figure(name).unit, figure(name).better) == (unit, better)


def test_known_figures_are_found_by_their_name() -> None:
    assert all(figure(name) is known for name, known in FIGURES.items())
