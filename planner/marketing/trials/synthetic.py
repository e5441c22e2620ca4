"""A synthetic control: the mix of untreated places that moved as the treated ones did before.

Weights w >= 0 that sum to 1 make |y - Y w| over the weeks before smallest (Abadie, Diamond and Hainmueller 2010, with
every week before as a predictor and all weeks alike). The effect is the gap after. How large a gap is by chance is
seen from placebos: any other places, as many as were treated, are read as if they had been. Effect, interval and
p-value read one statistic, the mean log gap after over the root mean squared log gap before; the interval holds every
effect that the test would not refuse once it is taken off the treated places (Firpo and Possebom 2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
CONFIDENCE = 0.95
FEWEST_DONORS = 5
FEWEST_WEEKS = 12
_MOST_PLACEBOS = 200
_WEEKS_A_DONOR = 3
_TINY = 1e-9
# A place that sells less than a twentieth of its mean counts as a twentieth: the logarithm of nothing says nothing.
_LEAST = 0.05
_FARTHEST, _HALVINGS = 4.0, 12


@dataclass(frozen=True)
class Synthetic:
    """`effect`, `low`, `high` as a share of what the mix sold; `confidence` of the interval; `units` gained.

    `fit` is the root mean squared log gap before, `usual_fit` the median of the placebos'. `weights`: of each place in
    the mix, 0 for the treated ones. `placebos`: how many stand-ins were read.
    """

    effect: float
    low: float
    high: float
    confidence: float
    p_value: float
    units: float
    fit: float
    usual_fit: float
    weights: Floats
    placebos: int


def mix(target: Floats, donors: Floats) -> Floats:
    """Weights >= 0 with sum 1 that make |target - donors w| smallest. `target` [weeks], `donors` [weeks, places].

    As the weights sum to 1 the gap is A w with A = target - donors. The minimum of |A v|^2 + (1 - sum v)^2 over v >= 0
    lies in the same direction: for v = t w the best t leaves |A w|^2 / (1 + |A w|^2). So one NNLS solves it exactly.
    """
    gaps = target[:, None] - donors
    scale = math.sqrt(float((gaps**2).mean())) or 1.0
    system = np.vstack([gaps / scale, np.ones(gaps.shape[1])])
    wanted = np.append(np.zeros(len(gaps)), 1.0)
    found, _ = nnls(system, wanted)
    return np.asarray(found / found.sum(), dtype=np.float64)


def compare(units: Floats, treated: Flags, after: Flags, seed: int = 1) -> Synthetic:
    """Read the treated places, taken together, against a mix of the others. `units` is [places, weeks], all known.

    Every place is measured by its own mean before. Placebos are all other sets of as many places, or 200 at random.
    """
    own = np.flatnonzero(treated)
    table = _Sets.of(units, [tuple(own), *_placebos(len(units), own, seed)], after)

    def ratios(log_effect: float) -> Floats:
        """Mean log gap over fit of each set, once the effect is taken off the treated places."""
        return np.asarray(np.abs(table.gaps(_without(units, treated, after, log_effect), after)) / table.fit)

    def chance(log_effect: float) -> float:
        found = ratios(log_effect)
        return float((found >= found[0] * (1 - _TINY)).mean())

    found, count = float(table.gaps(units, after)[0]), len(table.fit)
    level = max(1 - CONFIDENCE, 1 / count)
    low, high = (found + side * _reach(lambda step: chance(found + step), level, side) for side in (-1, 1))
    level_after = float((table.weights[0] @ (units / table.scale[:, None]))[after].sum())
    return Synthetic(
        effect=math.expm1(found),
        low=math.expm1(low),
        high=math.expm1(high),
        confidence=1 - level,
        p_value=chance(0.0),
        units=math.expm1(found) * level_after * float(table.scale[own].sum()),
        fit=float(table.fit[0]),
        usual_fit=float(np.median(table.fit[1:])),
        weights=table.weights[0],
        placebos=count - 1,
    )


def _without(units: Floats, treated: Flags, after: Flags, log_effect: float) -> Floats:
    factor = np.where(treated[:, None] & after[None, :], math.exp(-log_effect), 1.0)
    return np.asarray(units * factor, dtype=np.float64)


def _reach(chance: Callable[[float], float], level: float, side: int) -> float:
    """How far from the estimate an effect is still not refused: by doubling, then by halving."""
    step = 0.01
    while chance(side * step) > level + _TINY and step < _FARTHEST:
        step *= 2
    near, far = step / 2, step
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        near, far = (middle, far) if chance(side * middle) > level + _TINY else (near, middle)
    return far


@dataclass(frozen=True)
class _Sets:
    """Sets of places, each against its mix: `member` and `weights` are [sets, places], `fit` is [sets]; `scale` is the
    mean before of each place.
    """

    member: Floats
    weights: Floats
    fit: Floats
    scale: Floats

    @classmethod
    def of(cls, units: Floats, sets: Sequence[tuple[int, ...]], after: Flags) -> _Sets:
        scale = np.maximum(units[:, ~after].mean(axis=1), _TINY)
        before = units[:, ~after] / scale[:, None]
        member, weights = np.zeros((2, len(sets), len(units)))
        for row, chosen in enumerate(sets):
            member[row, list(chosen)] = 1.0
            target = member[row] @ units[:, ~after] / (member[row] @ scale)
            donors = _nearest(target, before, np.flatnonzero(member[row] == 0))
            weights[row, donors] = mix(target, before[donors].T)
        plain = cls(member, weights, np.ones(len(sets)), scale)
        fit = np.sqrt((plain.log_gaps(units[:, ~after]) ** 2).mean(axis=1))
        return replace(plain, fit=np.maximum(fit, _TINY))

    def log_gaps(self, units: Floats) -> Floats:
        """log(what the set sold / what its mix did) [sets, weeks], each as a share of its mean before."""
        own = self.member @ units / (self.member @ self.scale)[:, None]
        expected = self.weights @ (units / self.scale[:, None])
        return np.asarray(np.log(np.maximum(own, _LEAST) / np.maximum(expected, _LEAST)), dtype=np.float64)

    def gaps(self, units: Floats, after: Flags) -> Floats:
        return np.asarray(self.log_gaps(units[:, after]).mean(axis=1), dtype=np.float64)


def _nearest(target: Floats, before: Floats, donors: Ints) -> Ints:
    """The donors that moved most alike, a third as many as weeks: more could follow mere noise."""
    most = max(FEWEST_DONORS, before.shape[1] // _WEEKS_A_DONOR)
    distance = ((before[donors] - target) ** 2).mean(axis=1)
    return np.sort(donors[np.argsort(distance, kind="stable")[:most]])


def _placebos(places: int, own: Ints, seed: int) -> list[tuple[int, ...]]:
    """Other sets of as many places: all of them, or 200 at random where there are more."""
    size, itself = len(own), tuple(own.tolist())
    if math.comb(places, size) - 1 <= _MOST_PLACEBOS:
        return [chosen for chosen in combinations(range(places), size) if chosen != itself]
    rng = np.random.default_rng(seed)
    found: set[tuple[int, ...]] = set()
    while len(found) < _MOST_PLACEBOS:
        chosen = tuple(sorted(rng.choice(places, size, replace=False).tolist()))
        found |= {chosen} - {itself}
    return sorted(found)
