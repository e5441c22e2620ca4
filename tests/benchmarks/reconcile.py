"""Reconciliation of a retailer's hierarchy by sparse weighted least squares."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import linalg

from planner.forecast.hierarchy import reconcile
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]


@benchmark("reconcile")
def run(full: bool, smoke: bool) -> list[Figure]:
    """3,049 items in 10 stores of 3 states, 7 departments, 3 categories: the 42,840 nodes of M5, 28 buckets.

    Forecasts of all 12,350 upper nodes are off by a tenth at random. CPU seconds, since other work may share the
    machine. `off the optimum` is the largest derivative left over the one at the start. The peer is scipy's own
    conjugate gradient, bucket by bucket to the same accuracy, on the same equations.
    """
    items = 100 if smoke else 3049
    members, bottom, upper, low, high = world(items)
    begin = time.process_time()
    found = reconcile(members, bottom, upper, low, high)
    ours = time.process_time() - begin
    begin = time.process_time()
    other = peer(members, bottom, upper, low, high)
    theirs = time.process_time() - begin
    slope = np.abs(gradient(members, bottom, upper, low, high, found)[found > 0]).max()
    start = np.abs(gradient(members, bottom, upper, low, high, bottom)).max()
    nodes = sum(members.shape)
    return [
        Figure(f"reconciling {nodes:,} nodes, 28 buckets", ours, "CPU s", 1.0, peer="scipy.sparse.linalg.cg",
               peer_value=theirs),
        Figure("off the optimum", float(slope / start), "share", 1e-5),
        Figure("largest difference to the peer", float(np.abs(found - np.maximum(other, 0)).max()), "units", 1e-3),
    ]  # fmt: skip


def world(items: int) -> tuple[sparse.csr_matrix, Floats, Floats, Floats, Floats]:
    """Members, forecasts of series and nodes [.., 28], and the variances of their errors."""
    rng = np.random.default_rng(5)
    item, store = np.repeat(np.arange(items), 10), np.tile(np.arange(10), items)
    state = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])[store]
    department = np.sort(rng.integers(0, 7, items))[item]
    category = department // 3
    levels = [0 * item, state, store, category, department, state * 10 + category, state * 10 + department,
              store * 10 + category, store * 10 + department, item, item * 3 + state]  # fmt: skip
    codes = [np.unique(level, return_inverse=True)[1] for level in levels]
    blocks = [sparse.csr_matrix((np.ones(item.size), (code, np.arange(item.size)))) for code in codes]
    members = sparse.csr_matrix(sparse.vstack(blocks))
    bottom = rng.gamma(1, 1, (item.size, 1)) * np.ones((1, 28))
    upper = (members @ bottom) * (1 + 0.1 * rng.standard_normal((members.shape[0], 1)))
    low = 2 * bottom[:, 0]
    return members, bottom, upper, low, 1.5 * np.asarray(members @ low)


def peer(members: sparse.csr_matrix, bottom: Floats, upper: Floats, low: Floats, high: Floats) -> Floats:
    up = sparse.csr_matrix(members.T)
    size = bottom.shape[0]
    equations = linalg.LinearOperator(
        (size, size), matvec=lambda x: x / low + up @ ((members @ x) / high), dtype=np.float64
    )
    scale = linalg.LinearOperator((size, size), matvec=lambda x: x / (1 / low + up @ (1 / high)), dtype=np.float64)
    columns = [
        linalg.cg(equations, bottom[:, t] / low + up @ (upper[:, t] / high), x0=bottom[:, t], rtol=1e-7, M=scale)[0]
        for t in range(bottom.shape[1])
    ]
    return np.column_stack(columns)


def gradient(
    members: sparse.csr_matrix, bottom: Floats, upper: Floats, low: Floats, high: Floats, at: Floats
) -> Floats:
    return np.asarray((at - bottom) / low[:, None] + members.T @ ((members @ at - upper) / high[:, None]))
