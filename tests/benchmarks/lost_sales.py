"""How good a decision the stated approximation of lost sales makes, against the exact dynamic programme."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import stats

from planner.stock.case import Curves
from planner.stock.lost_sales import best_chance, from_the_shelf, net_of_repeats, repeat_share
from tests.benchmarks.registry import Figure, benchmark

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CASES, SMOKE_CASES = 200, 6
MOST_STATES = 7000
SHORTAGES = (4.0, 5.0, 10.0, 20.0, 40.0)
HIGHEST_MEAN = (8.0, 5.0, 3.0, 2.0)


@benchmark("lost-sales")
def run(full: bool, smoke: bool) -> list[Figure]:
    """200 random single series, seed 2: lead time 1 to 4 weeks, weekly demand Poisson or negative binomial with mean
    0.5 to 8 (to 2 at four weeks, where states are many) and variance 1, 1.3, 2 or 3 times the mean, holding 1 against
    a lost sale of 4 to 40, an order every week, no lots. Average cost per week of ordering what the curves of the
    stock model say in every state of shelf and pipeline, over that of the optimal policy by value iteration. Peer: the
    textbook order-up-to level on the newsvendor quantile of lead time plus review. With --full also 200 cases in which
    a lost sale is worth only two weeks of holding, where a single unit often decides."""
    count = SMOKE_CASES if smoke else CASES
    above, level = _above(count, SHORTAGES)
    name = "order-up-to at the newsvendor quantile"
    figures = [
        Figure("mean above the optimum", float(above.mean()), "%", 1.0, "lower", name, float(level.mean())),
        Figure("worst above the optimum", float(above.max()), "%", 3.0, "lower", name, float(level.max())),
        Figure("95th percentile", float(np.quantile(above, 0.95)), "%"),
    ]
    if full:
        cheap, _ = _above(count, (2.0,))
        figures += [Figure(f"{word}, a lost sale worth two weeks of holding", float(value), "%")
                    for word, value in (("mean", cheap.mean()), ("worst", cheap.max()))]  # fmt: skip
    return figures


def _above(count: int, shortages: tuple[float, ...]) -> tuple[Floats, Floats]:
    """Per cent above the optimum of so many random cases: the model's orders, and the textbook level."""
    rng = np.random.default_rng(2)
    ours, peer = [], []
    while len(ours) < count:
        series = draw(rng, shortages)
        if series.states.shape[1] <= MOST_STATES:
            best = series.optimal_cost()
            ours.append(series.cost_of(model_orders(series)) / best - 1)
            peer.append(series.cost_of(order_up_to(series)) / best - 1)
    return 100 * np.array(ours), 100 * np.array(peer)


@dataclass(frozen=True)
class Series:
    """One SKU with lost sales. A state is (available this week, arriving next week, ...); an order comes last."""

    mean: float
    variance: float
    lead: int
    shortage: float

    @property
    def tail(self) -> float:
        return 1 / (1 + self.shortage)

    @cached_property
    def chances(self) -> Floats:
        law = _law(self.mean, self.variance)
        chance = law.pmf(np.arange(int(law.ppf(1 - 1e-7)) + 2))
        return np.asarray(chance / chance.sum())

    @cached_property
    def most(self) -> tuple[int, int]:
        """Largest stock and largest order worth a look."""
        order = int(_law(self.mean, self.variance).ppf(max(0.995, 1 - self.tail))) + 2
        window = _law(self.mean * (self.lead + 1), self.variance * (self.lead + 1))
        return int(window.ppf(max(0.99, 1 - self.tail))) + order + 2, order

    @property
    def shape(self) -> tuple[int, ...]:
        stock, order = self.most
        return (stock + 1, *[order + 1] * (self.lead - 1))

    @cached_property
    def states(self) -> Ints:
        return np.indices(self.shape).reshape(self.lead, -1)

    @cached_property
    def week(self) -> tuple[Floats, Floats]:
        """Chances of stock left [available, left], and cost of the week [available, 1, ...]."""
        stock, _ = self.most
        demand = np.arange(len(self.chances))
        left = np.zeros((stock + 1, stock + 1))
        for available in range(stock + 1):
            np.add.at(left[available], np.maximum(available - demand, 0), self.chances)
        held = left @ np.arange(stock + 1)
        lost = self.mean - np.arange(stock + 1) + held
        return left, (held + self.shortage * lost).reshape(-1, *[1] * (self.lead - 1))

    def ahead(self, value: Floats) -> Floats:
        """Expected value of the next state: [available, arriving next week, ..., order]."""
        stock, order = self.most
        place = np.minimum(np.arange(stock + 1)[:, None] + np.arange(order + 1)[None, :], stock)
        grown = value[place]
        after: Floats = (self.week[0] @ grown.reshape(stock + 1, -1)).reshape(grown.shape)
        return after

    def optimal_cost(self) -> float:
        return self._average(lambda ahead: ahead.min(axis=-1))

    def cost_of(self, orders: Ints) -> float:
        chosen = np.clip(orders, 0, self.most[1])[..., None]
        return self._average(lambda ahead: np.take_along_axis(ahead, chosen, axis=-1)[..., 0])

    def _average(self, pick: object) -> float:
        """Relative value iteration until the average cost is known to one in ten thousand."""
        value = np.zeros(self.shape)
        for _ in range(5000):
            grown = self.week[1] + pick(self.ahead(value))  # type: ignore[operator]
            low, high = float((grown - value).min()), float((grown - value).max())
            value = grown - grown.flat[0]
            if high - low < 1e-4 * low:
                break
        return (low + high) / 2


def draw(rng: np.random.Generator, shortages: tuple[float, ...]) -> Series:
    lead = int(rng.integers(1, 5))
    mean = float(np.exp(rng.uniform(np.log(0.5), np.log(HIGHEST_MEAN[lead - 1]))))
    return Series(mean, mean * float(rng.choice([1.0, 1.3, 2.0, 3.0])), lead, float(rng.choice(shortages)))


def model_orders(series: Series) -> Ints:
    """What the curve of the week of arrival asks for, in every state."""
    weeks, count = series.lead + 1, series.states.shape[1]
    tail, first = np.full(count, series.tail), np.full(count, series.lead)
    share, lost = repeat_share(first), np.ones(count, bool)
    demand = np.full((count, weeks), series.mean)
    spread = np.full((count, weeks), series.variance)
    window = spread.cumsum(axis=1)
    pipeline = np.zeros((count, weeks))
    pipeline[:, 1 : series.lead] = series.states[1:].T
    blank = np.zeros((count, weeks, 11))
    curves = from_the_shelf(
        Curves(blank, blank, blank[:, :, 1:]), demand, spread, window, series.states[0].astype(float), pipeline, first,
        best_chance(tail, share), lost,
    )  # fmt: skip
    decided = np.zeros((count, weeks), bool)
    decided[:, -1] = True
    curves = net_of_repeats(curves, tail, share, decided)
    available, short = curves.available[:, -1], curves.shortage[:, -1]
    cost = available - series.mean + short + series.shortage * short
    best = 1 + cost[:, 1:].argmin(axis=1)
    order = np.take_along_axis(available, best[:, None], 1)[:, 0] - available[:, 1]
    return np.round(order).astype(np.int64).reshape(series.shape)


def order_up_to(series: Series) -> Ints:
    level = _law(series.mean * (series.lead + 1), series.variance * (series.lead + 1)).ppf(1 - series.tail)
    return np.maximum(level - series.states.sum(axis=0), 0).astype(np.int64).reshape(series.shape)


def _law(mean: float, variance: float) -> stats.rv_discrete:
    if variance <= 1.0001 * mean:
        return stats.poisson(mean)
    return stats.nbinom(mean**2 / (variance - mean), mean / variance)
