"""Lost sales: the chain of stock against sums over all demands, and what the curves then ask for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from planner.stock.case import Curves
from planner.stock.lost_sales import along, best_chance, from_the_shelf, net_of_repeats, repeat_share
from tests.stock.world import one

MEAN, OPENING, ARRIVALS = 1.4, 2.0, (0.0, 1.0, 0.0)


def chain(weeks: int, opening: float = OPENING, mean: float = MEAN) -> Curves:
    demand = np.full((1, weeks), mean)
    pipeline = np.array([ARRIVALS[:weeks]])
    blank = np.zeros((1, weeks, 11))
    return from_the_shelf(
        Curves(blank, blank, blank[:, :, 1:]), demand, demand, demand.cumsum(axis=1), np.array([opening]), pipeline,
        np.array([weeks - 1]), np.array([0.2]), np.array([True]),
    )  # fmt: skip


def by_hand(ordered: float) -> tuple[float, float]:
    """Expected available and shortage in the third week, summed over all demands of the two weeks before."""
    units = np.arange(30)
    chance = stats.poisson(MEAN).pmf(units)
    available = short = 0.0
    for first, p in zip(units, chance, strict=True):
        for second, q in zip(units, chance, strict=True):
            left = max(max(OPENING - first, 0.0) + 1.0 - second, 0.0) + ordered
            available += p * q * left
            short += p * q * float((np.maximum(units - left, 0.0) * chance).sum())
    return available, short


@pytest.mark.parametrize("step", [1, 2, 3])
def test_the_chain_is_the_sum_over_all_demands(step: int) -> None:
    curves = chain(3)
    available, short = curves.available[0, 2], curves.shortage[0, 2]
    expected = by_hand(available[step] - available[1])
    assert available[step] == pytest.approx(expected[0], abs=1e-3)
    assert short[step] == pytest.approx(expected[1], abs=1e-3)


def test_an_empty_shelf_without_arrivals_loses_all_demand() -> None:
    curves = chain(1, opening=0.0)
    assert curves.shortage[0, 0, 1] == pytest.approx(MEAN, rel=1e-6)
    assert curves.slope[0, 0, 1] == pytest.approx(1 - np.exp(-MEAN), abs=1e-3)


def test_large_demand_is_followed_in_steps_of_several_units() -> None:
    curves = chain(3, opening=800.0, mean=300.0)
    assert curves.available[0, 2, 1] == pytest.approx(801.0 - 600.0, abs=1.0)
    assert (np.diff(curves.slope[0, 2]) <= 1e-12).all()


def test_a_unit_more_is_worth_less_the_longer_the_way() -> None:
    share = repeat_share(np.array([0, 1, 2, 3, 9]))
    assert share[0] == 0
    assert (np.diff(share) >= 0).all()
    chance = best_chance(np.full(5, 1 / 6), share)
    assert chance[0] == pytest.approx(1 / 6)
    assert chance * (1 - share * (1 - chance)) == pytest.approx(np.full(5, 1 / 6))


def test_the_promise_at_the_optimum_is_kept() -> None:
    curves, tail, share = chain(3), np.array([0.22]), np.array([0.3])
    net = net_of_repeats(curves, tail, share, np.ones((1, 3), bool))
    at = int((net.slope[0, 2] >= tail[0]).sum())
    assert at < int((curves.slope[0, 2] >= tail[0]).sum())
    assert net.shortage[0, 2, at] == pytest.approx(curves.shortage[0, 2, at])
    assert (net.shortage[0, 2] >= MEAN - net.available[0, 2] - 1e-9).all()


def test_backorders_are_left_alone() -> None:
    """Demand that waits is served from what comes next: the sum over the window is exact."""
    world = one(lead_days=14.0).changed("items", shortage="backorder")
    slopes = world.case.own.slope[0, 2]
    assert world.case.own.available[0, 2, 0] < 0
    assert slopes[0] <= 1


LONG, MEAN_LONG, VARIANCE, LOT, START = 13, 20.0, 50.0, 60.0, 30.0


def unit_by_unit() -> tuple[list[float], list[float], list[float]]:
    """Stock left, lost sales and the expected stock before demand, week by week, over all single units."""
    share = MEAN_LONG / VARIANCE
    demand = stats.nbinom(MEAN_LONG * share / (1 - share), share)
    units = np.arange(LONG * int(LOT))
    chance = np.zeros(len(units))
    chance[int(START)] = 1.0
    stock, short, before = [], [], []
    for arrival in lots():
        chance = np.roll(chance, int(arrival))
        before.append(float(chance @ units))
        left = np.convolve(chance, demand.pmf(units)[::-1])[len(units) - 1 :]
        short.append(MEAN_LONG - before[-1] + float(left @ units))
        left[0] += 1.0 - left.sum()
        stock.append(float(left @ units))
        chance = left
    return stock, short, before


def lots() -> np.ndarray:
    return np.where(np.arange(LONG) % 3 == 2, LOT, 0.0)


def test_many_weeks_are_followed_as_closely_as_few() -> None:
    """All that ever arrives does not lie on the shelf at once: the grid stays fine however long the horizon is."""
    stock, short = along(
        np.array([START]), lots()[None, :], np.full((1, LONG), MEAN_LONG), np.full((1, LONG), VARIANCE)
    )
    expected = unit_by_unit()
    assert stock[0] == pytest.approx(expected[0], rel=1e-3, abs=1e-3)
    assert short[0] == pytest.approx(expected[1], rel=1e-3, abs=1e-3)


def test_the_curve_of_a_late_first_arrival_starts_from_what_is_left_by_then() -> None:
    blank, demand = np.zeros((1, LONG, 11)), np.full((1, LONG), MEAN_LONG)
    variance = np.full((1, LONG), VARIANCE)
    curves = from_the_shelf(
        Curves(blank, blank, blank[:, :, 1:]), demand, variance, variance.cumsum(axis=1), np.array([START]),
        lots()[None, :], np.array([LONG - 1]), np.array([0.2]), np.array([True]),
    )  # fmt: skip
    _, short, before = unit_by_unit()
    assert curves.available[0, -1, 1] == pytest.approx(before[-1], rel=0.02)
    assert curves.shortage[0, -1, 1] == pytest.approx(short[-1], rel=0.02)
