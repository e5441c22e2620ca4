"""Sample paths: each bucket as its distribution says, together as errors were; and what upper levels read from them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

from planner.forecast.hierarchy import build, levels_table, node_paths, path_table, reconcile
from planner.forecast.paths import GROUPS, Cells, Shared, fit_shared, numbered, sample
from planner.forecast.quantiles import quantiles
from tests.forecast.frames import panel

NOTHING = dict.fromkeys(GROUPS, 0.0)
ALONE = Shared(NOTHING, NOTHING)


def groups(series: int, warehouses: int = 2) -> pd.DataFrame:
    rows = np.arange(series)
    return pd.DataFrame(
        {
            "sku": [f"s{row // warehouses:04d}" for row in rows],
            "warehouse": [f"w{row % warehouses}" for row in rows],
            "category": [f"c{row // warehouses % 3}" for row in rows],
            "brand": "b",
            "country": "DE",
        }
    )


def cells(mean: float = 6.0, variance: float = 12.0, series: int = 12, buckets: int = 4, own: float = 0.0, whole=True):
    table = groups(series)
    shape = (series, buckets)
    dates = pd.date_range("2024-01-01", periods=buckets, freq="7D")
    flags = np.full(series, whole)
    return Cells(table[["sku", "warehouse"]], dates, np.full(shape, mean), np.full(shape, variance), flags,
                 np.full(series, own), numbered(table))  # fmt: skip


def drawn(given: Cells, shared: Shared = ALONE, count: int = 2000, seed: int = 1) -> np.ndarray:
    return np.concatenate([paths for _, paths in sample(given, shared, count, seed)])


@pytest.mark.parametrize(("mean", "variance"), [(0.2, 0.3), (6.0, 12.0), (300.0, 5000.0)])
def test_each_bucket_keeps_its_distribution(mean, variance):
    values = drawn(cells(mean, variance))
    assert values.mean() == pytest.approx(mean, rel=0.02)
    assert values.var() == pytest.approx(variance, rel=0.06)
    assert (values == np.round(values)).all()
    size = mean**2 / (variance - mean)
    assert (values == 0).mean() == pytest.approx(stats.nbinom.cdf(0, size, size / (size + mean)), abs=0.01)
    exact = quantiles([mean], [variance])[0]
    assert np.abs(np.quantile(values, [0.05, 0.5, 0.95]) - exact[[0, 3, 6]]).max() <= 1 + 0.02 * mean


def test_fractions_stay_fractions_and_nothing_stays_nothing():
    values = drawn(cells(6.0, 12.0, whole=False))
    assert values.mean() == pytest.approx(6, rel=0.02)
    assert (values != np.round(values)).any()
    assert (drawn(cells(0.0, 0.0)) == 0).all()


def test_the_seed_decides():
    np.testing.assert_array_equal(drawn(cells()), drawn(cells()))
    assert (drawn(cells(), seed=2) != drawn(cells())).any()


def correlation(values: np.ndarray, one: tuple[int, int], other: tuple[int, int]) -> float:
    return float(np.corrcoef(values[one], values[other])[0, 1])


def test_buckets_of_a_series_go_together_as_measured():
    values = drawn(cells(50.0, 100.0, own=0.4), count=6000)
    assert correlation(values, (0, 0), (0, 3)) == pytest.approx(0.4, abs=0.04)
    assert correlation(values, (0, 0), (2, 0)) == pytest.approx(0.0, abs=0.04)


def test_series_go_together_by_what_they_share():
    shared = Shared({**NOTHING, "category": 0.3}, {**NOTHING, "all": 0.2})
    values = drawn(cells(50.0, 100.0), shared, count=6000)
    same, other = (0, 6), (0, 2)  # rows 0 and 6 share a category, 0 and 2 do not
    assert correlation(values, (same[0], 1), (same[1], 1)) == pytest.approx(0.5, abs=0.04)
    assert correlation(values, (same[0], 1), (same[1], 2)) == pytest.approx(0.3, abs=0.04)
    assert correlation(values, (other[0], 1), (other[1], 1)) == pytest.approx(0.2, abs=0.04)
    assert correlation(values, (other[0], 1), (other[1], 2)) == pytest.approx(0.0, abs=0.04)


def test_what_series_share_is_found_again():
    rng = np.random.default_rng(5)
    table = groups(60)
    code = numbered(table)
    weeks = 160
    lasting = np.repeat(rng.normal(0, 1, (3, weeks // 8)), 8, axis=1)[code["category"]]
    passing = rng.normal(0, 1, (1, weeks))
    noise = rng.normal(0, 1, (60, weeks))
    found = fit_shared(panel(100 + 4 * lasting + 5 * passing + 6 * noise), code, None, 8, "week")
    assert found.passing["all"] > 0.15
    assert found.lasting["category"] + found.passing["category"] > 0.1
    assert found.lasting["warehouse"] + found.lasting["sku"] < 0.05
    quiet = fit_shared(panel(rng.poisson(20, (60, weeks))), code, None, 8, "week")
    assert sum(quiet.lasting.values()) + sum(quiet.passing.values()) < 0.05
    short = fit_shared(panel(np.ones((4, 3))), numbered(groups(4)), None, 1, "week")
    assert short == ALONE


def test_sums_are_wider_the_more_errors_go_together():
    tree = build(groups(12), ["total"])
    spread = [node_paths(tree, cells(), shared, 2000, 1).std() for shared in
              (ALONE, Shared({**NOTHING, "all": 0.5}, NOTHING))]  # fmt: skip
    assert spread[0] == pytest.approx(np.sqrt(12 * 12), rel=0.05)
    assert spread[1] == pytest.approx(np.sqrt(12 * 12 + 12 * 11 * 12 * 0.5), rel=0.08)


def test_levels_add_up_and_quantiles_rise():
    given = cells()
    table = levels_table(build(groups(12)), given, Shared({**NOTHING, "all": 0.3}, NOTHING), 1)
    sums = table.groupby(["level", "date"])["mean"].sum()
    assert np.allclose(sums, given.mean.sum(axis=0)[0])
    levels = table.filter(like="q0").to_numpy()
    assert (np.diff(levels, axis=1) >= 0).all()
    assert (levels >= 0).all()


def test_orphans_are_named_and_counted_apart():
    table = groups(12)
    table.loc[:1, "category"] = ""
    tree = build(table, ["category"])
    assert "(none)" in tree.nodes["node"].tolist()
    assert tree.orphans["sku"].tolist() == ["s0000", "s0000"]
    assert set(tree.orphans["lacks"]) == {"category"}
    assert np.asarray(tree.members.sum(axis=0)).ravel().tolist() == [1.0] * 12
    assert build(groups(12)).orphans.empty
    assert build(groups(12).assign(brand=""), ["brand"]).orphans.empty  # nobody has one: no hierarchy, no orphan


def test_reconciled_means_are_the_least_squares_solution():
    rng = np.random.default_rng(3)
    members = sparse.csr_matrix((rng.random((5, 9)) < 0.5).astype(float))
    bottom, upper = rng.gamma(5, 2, (9, 2)), rng.gamma(20, 2, (5, 2))
    low, high = rng.gamma(3, 1, 9), rng.gamma(3, 2, 5)
    found = reconcile(members, bottom, upper, low, high)
    dense = members.toarray()
    normal = np.diag(1 / low) + dense.T @ np.diag(1 / high) @ dense
    exact = np.linalg.solve(normal, bottom / low[:, None] + dense.T @ (upper / high[:, None]))
    np.testing.assert_allclose(found, np.maximum(exact, 0), rtol=1e-4, atol=1e-4)
    same = reconcile(members, bottom, members @ bottom, low, high)
    np.testing.assert_allclose(same, bottom)
    blind = reconcile(members, bottom, np.full((5, 2), np.nan), low, high)
    np.testing.assert_allclose(blind, bottom)


def test_paths_as_a_table():
    table = pd.concat(list(path_table(cells(), ALONE, 1, 3)), ignore_index=True)
    assert list(table.columns) == ["sku", "warehouse", "date", "path1", "path2", "path3"]
    assert len(table) == 12 * 4
