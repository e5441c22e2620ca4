"""Profiles -> segments: by RFM, K-means or Ward's hierarchy, with how stable they are over seeds, and their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.segments.profiles import SHARE

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
METHODS = ("kmeans", "hierarchical", "rfm")
SMALLEST, LARGEST = 3, 8
SEEDS = 8
STABLE = 0.8
NEVER = "never ordered"
# Ward's tree needs every pair: beyond this many customers it is built on a sample, and the rest join the nearest.
_MOST_IN_TREE = 3000
_LOGGED = ("recency_days", "orders", "value_per_order", "gap_days", "looks")
_PLAIN = ("price_sensitivity", "returned_share")
# What a segment is called where it lies this many standard deviations off the mean of all.
_MARKED = 0.5
_WORDS = {
    "orders": ("frequent", "rare"),
    "recency_days": ("lapsed", "recent"),
    "value_per_order": ("large baskets", "small baskets"),
    "price_sensitivity": ("bargain seekers", "full-price buyers"),
    "returned_share": ("often returning", ""),
    "looks": ("browsing", ""),
}


@dataclass(frozen=True)
class Segmentation:
    """`labels`: the segment's name of each row of the profiles. `stability`: per number of segments the mean adjusted
    Rand index between seeds (1: the same segments) and whether it was chosen; empty for RFM, which has no seed.
    """

    labels: npt.NDArray[np.object_]
    stability: pd.DataFrame


def segment(profiles: pd.DataFrame, method: str = "kmeans", count: int = 0, seed: int = 1) -> Segmentation:
    """Segments of all customers. With `count` 0 the number is the largest whose stability is at least STABLE, else
    the most stable. Customers who never ordered are a segment of their own.
    """
    ordered = profiles["orders"].to_numpy() > 0
    labels = np.full(len(profiles), NEVER, dtype=object)
    buyers = profiles[ordered]
    if method == "rfm" or len(buyers) < 2 * SMALLEST:
        labels[ordered] = rfm(buyers)["name"].to_numpy()
        return Segmentation(labels, pd.DataFrame(columns=["segments", "stability", "chosen"]))
    points = _points(buyers)
    cut = _kmeans if method == "kmeans" else _ward
    counts = [count] if count else list(range(SMALLEST, min(LARGEST, len(buyers) // 2) + 1))
    found = {number: [cut(points, number, seed + turn) for turn in range(SEEDS)] for number in counts}
    stability = pd.DataFrame({"segments": counts, "stability": [_agreement(found[number]) for number in counts]})
    stable = stability.loc[stability["stability"] >= STABLE, "segments"]
    chosen = int(stable.max()) if len(stable) else counts[int(stability["stability"].argmax())]
    labels[ordered] = named(buyers, found[chosen][0])
    return Segmentation(labels, stability.assign(chosen=stability["segments"] == chosen))


def rfm(buyers: pd.DataFrame) -> pd.DataFrame:
    """Scores 1 to 5 of recency, frequency and money (5 is best, by rank), and the name of each combination."""
    scores = {
        "r": _fifth(-buyers["recency_days"].to_numpy(float)),
        "f": _fifth(buyers["orders"].to_numpy(float)),
        "m": _fifth(buyers["value"].to_numpy(float)),
    }
    r, f = scores["r"], scores["f"]
    name = np.select(
        [(r >= 4) & (f >= 4), f >= 4, (r >= 4) & (f <= 2), r >= 3, f >= 3],
        ["champions", "loyal, slowing down", "new", "steady", "at risk"],
        "lost",
    )
    name = np.where((f >= 4) & (r <= 2), "at risk", name)
    return pd.DataFrame(scores | {"name": name.astype(object)}, index=buyers.index)


def _fifth(values: Floats) -> Ints:
    """1..5 by rank; equals share the score of their mean rank."""
    rank = pd.Series(values).rank(method="average").to_numpy()
    return np.clip(np.ceil(5 * rank / max(len(values), 1)), 1, 5).astype(np.int64)


def _points(buyers: pd.DataFrame) -> Floats:
    """Standardised columns: logs of counts, shares as they are; a category mix weighs as much as one column."""
    gap = buyers["gap_days"].fillna(buyers["gap_days"].max() if buyers["gap_days"].notna().any() else 0.0)
    known = buyers.assign(gap_days=gap)
    columns = [*(np.log1p(known[name]) for name in _LOGGED), *(known[name] for name in _PLAIN)]
    values = _standard(np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1))
    mix = [name for name in buyers.columns if name.startswith(SHARE)]
    shares = _standard(buyers[mix].to_numpy(float)) / np.sqrt(max(len(mix), 1))
    return np.concatenate([values, shares], axis=1)


def _standard(values: Floats) -> Floats:
    spread = values.std(axis=0)
    return np.asarray(np.clip((values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0), -4.0, 4.0))


def _kmeans(points: Floats, count: int, seed: int) -> Ints:
    from sklearn.cluster import KMeans

    return np.asarray(KMeans(count, n_init=4, random_state=seed).fit_predict(points), dtype=np.int64)


def _ward(points: Floats, count: int, seed: int) -> Ints:
    """Ward's tree of a sample, cut at `count`; each customer joins the nearest centre."""
    from sklearn.cluster import AgglomerativeClustering

    rng = np.random.default_rng(seed)
    size = min(len(points), _MOST_IN_TREE, max(2 * count, int(0.8 * len(points))))
    some = points[np.sort(rng.permutation(len(points))[:size])]
    label = AgglomerativeClustering(count).fit_predict(some)
    centres = np.stack([some[label == number].mean(axis=0) for number in range(count)])
    distance = ((points[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(distance.argmin(axis=1), dtype=np.int64)


def _agreement(labels: list[Ints]) -> float:
    """Mean adjusted Rand index of all pairs of seeds."""
    from sklearn.metrics import adjusted_rand_score

    score: Callable[[Ints, Ints], float] = adjusted_rand_score
    return float(np.mean([score(one, other) for place, one in enumerate(labels) for other in labels[place + 1 :]]))


def named(buyers: pd.DataFrame, label: Ints) -> npt.NDArray[np.object_]:
    """A name a person understands: what sets the segment apart most, three things at most, the larger ones first."""
    marks = {name: np.log1p(buyers[name]) if name in _LOGGED else buyers[name] for name in _WORDS}
    marks |= {name: buyers[name] for name in buyers.columns if name.startswith(SHARE)}
    frame = pd.DataFrame(marks)
    centre = (frame - frame.mean()) / frame.std().where(frame.std() > 0, 1.0)
    means = centre.groupby(label).mean()
    names: dict[int, str] = {}
    for number in pd.Series(label).value_counts().index:
        name = _name(means.loc[number])
        same = sum(used == name or used.startswith(f"{name} (") for used in names.values())
        names[int(number)] = f"{name} ({same + 1})" if same else name
    return np.array([names[int(number)] for number in label], dtype=object)


def _name(means: pd.Series) -> str:
    ordered = means[means.abs() >= _MARKED].sort_values(key=np.abs, ascending=False, kind="stable")
    words = []
    for column, value in ordered.items():
        name = str(column)
        if name.startswith(SHARE):
            words.append(f"fond of {name.removeprefix(SHARE)}" if value > 0 else "")
        else:
            words.append(_WORDS[name][0 if value > 0 else 1])
    return ", ".join([word for word in words if word][:3]) or "average"
