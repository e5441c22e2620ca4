"""Lift by evidence: a curve over discount depth, then bands, category, brand and the SKU's own past events.

Lift is the factor on the baseline; everything here is its logarithm. For each kind of campaign

    log lift = constant + elasticity x -log(1 - depth) + shift of the band + of the category + of the brand + of the SKU

The lift is that of those whom the campaign reaches: of a message, of those it is sent to.

Every term is what its events say beyond the terms before it, weighed against no change as `prior_events` events.
The curve itself starts from a weak built-in one, so a kind without any past campaign still has a wide answer.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from planner.marketing.bookings import AUDIENCE_KINDS, Floats, Ints
from planner.marketing.phase import SETTLED
from planner.marketing.shares import between_groups
from planner.settings import CampaignSettings
from planner.tables import CAMPAIGN_KINDS

BANDS = ("no discount", "under 10 %", "10-20 %", "20-30 %", "30-40 %", "40-50 %", "50 % and more")
BAND_DEPTHS = (0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.60)
_BAND_EDGES = (0.005, 0.10, 0.20, 0.30, 0.40, 0.50)
LEVELS = ("category", "brand", "sku")
COLUMNS = (
    "level",
    "key",
    "kind",
    "depth_band",
    "depth",
    "events",
    "trials",
    "log_lift",
    "sd",
    "shift",
    "mean_factor",
    "slope",
    "pull_forward",
    "pull_forward_sd",
    "dip_slope",
    "cannibalised",
    "cannibalised_sd",
    "evidence",
)

# The mean own-price elasticity of 1,851 published ones is -2.62 (Bijmolt, van Heerde and Pieters 2005). Of a message
# not everybody takes notice. The spread says how little this is trusted.
_ELASTICITY = {kind: 2.3 if kind in AUDIENCE_KINDS else 2.6 for kind in CAMPAIGN_KINDS}
_CONSTANT = dict.fromkeys(AUDIENCE_KINDS, 0.25) | {"price": 0.0, "feature": 0.3, "display": 0.3}
_BUILT_IN_SPREAD = 0.35
_LEAST_SPREAD, _LARGEST_SPREAD = 0.05, 0.8
_TYPICAL_PRICE_CUT = 0.25
# SKUs of one campaign share its fate: together they say less than as many campaigns would.
_SHARED_FATE = 0.3
# Response drifts: on orange_juice lifts fall while promotions become more frequent. A year counts half.
_HALF_LIFE_DAYS = 364.0
# Categories differ in what is bought ahead: what keeps is, what spoils is not.
_PULL_CV, _LEAST_PULL_CV = 0.3, 0.1
_ROUNDS = 2


def band_of(depth: Floats) -> Ints:
    return np.searchsorted(_BAND_EDGES, depth + 1e-9, side="right")


def price_cut(depth: Floats) -> Floats:
    return -np.log1p(-np.clip(depth, 0.0, BAND_DEPTHS[-1]))


def built_in_log_lift(kind: pd.Series, depth: Floats) -> Floats:
    """Log lift before any evidence: what the stronger of two campaigns is, and where learning starts."""
    constant, elasticity = kind.map(_CONSTANT).to_numpy(float), kind.map(_ELASTICITY).to_numpy(float)
    return np.asarray(np.nan_to_num(constant + elasticity * price_cut(depth)), dtype=np.float64)


def no_evidence() -> pd.DataFrame:
    """The evidence of no past campaign at all."""
    text = {name: pd.Series(dtype=object) for name in ("campaign", "sku", "kind")}
    numbers = ("depth", "log_lift", "noise", "covered", "age", "dip", "claim", "dip_noise", "trial")
    return pd.DataFrame(text | {name: pd.Series(dtype=float) for name in numbers})


def learn(
    evidence: pd.DataFrame, items: pd.DataFrame, settings: CampaignSettings, slopes: tuple[float, float] = SETTLED
) -> pd.DataFrame:
    """The lift table: one row a level, key and kind (at level `prior` one a depth band as well).

    `evidence` has one row a campaign and SKU: campaign, sku, kind, depth, log_lift, noise (variance of log_lift),
    covered (units that the campaign could lift), age (days since its end), dip (units missed after the end), claim
    (excess units that the dip is a share of), dip_noise (its variance), trial (1 for what a trial says, else 0). What
    is said of several SKUs together has an empty sku, and category and brand where they have the same.
    `cannibalised` is the share of the settings here, see `with_shares`. `slopes` are those of gain and dip (`phase`).
    `sd` is the standard deviation of the log lift of the next event of an item that has no evidence of its own
    below that level. `shift` is what the row adds to the level above it, at any depth.
    """
    known = items.drop_duplicates("sku").set_index("sku")
    usable = evidence[np.isfinite(evidence["log_lift"]) & np.isfinite(evidence["noise"])].copy()
    for name in ("category", "brand"):
        told = usable[name] if name in usable else pd.Series("", index=usable.index, dtype=object)
        usable[name] = usable["sku"].map(known[name]).fillna(told).fillna("")
    parts = [_learn_kind(kind, usable[usable["kind"] == kind], settings) for kind in CAMPAIGN_KINDS]
    table = pd.concat(parts, ignore_index=True).assign(cannibalised=settings.cannibalised_share, cannibalised_sd=0.0)
    table = _by_category(table.assign(slope=slopes[0], dip_slope=slopes[1]), usable)
    order = table["level"].map({level: place for place, level in enumerate(("prior", *LEVELS))})
    table = table.assign(order=order).sort_values(["order", "kind", "key", "depth"], kind="stable")
    return table[list(COLUMNS)].reset_index(drop=True)


def without_evidence(items: pd.DataFrame, settings: CampaignSettings) -> pd.DataFrame:
    """The lift table before any campaign."""
    return learn(no_evidence(), items, settings)


def with_shares(lift: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """The lift table with the share that a promotion takes from its category (`learn_shares`): of the category at level
    `category`, else of all."""
    known = shares.set_index("category")
    key = lift["key"].where((lift["level"] == "category") & lift["key"].isin(known.index), "")
    taken = {"cannibalised": key.map(known["share"]), "cannibalised_sd": key.map(known["sd"])}
    return lift.assign(**taken)


def _learn_kind(kind: str, events: pd.DataFrame, settings: CampaignSettings) -> pd.DataFrame:
    fitted = _Fit(kind, events, _BUILT_IN_SPREAD, settings.prior_events)
    for _ in range(_ROUNDS if len(events) else 0):
        spread = _spread(fitted.residual, events["noise"].to_numpy(float), settings.prior_events)
        fitted = _Fit(kind, events, spread, settings.prior_events)
    return fitted.table().assign(mean_factor=fitted.mean_factor(), pull_forward=_pull_forward(events, settings))


class _Fit:
    """One pass over the events of one kind, with the spread between events given."""

    def __init__(self, kind: str, events: pd.DataFrame, spread: float, prior_events: float) -> None:
        self.kind, self.events, self.spread, self.prior_events = kind, events, spread, prior_events
        self.unseen = spread**2 / max(prior_events, 1.0)
        fresh = 0.5 ** (events["age"].to_numpy(float) / _HALF_LIFE_DAYS)
        self.weight = fresh / (spread**2 + events["noise"].to_numpy(float))
        band = band_of(events["depth"].to_numpy(float))
        self._fit_curve()
        self.residual = events["log_lift"].to_numpy(float) - _design(events["depth"].to_numpy(float)) @ self.curve
        self.bands = self._shifts(pd.Series(band, index=events.index))
        self.residual = self.residual - self.bands["shift"].reindex(band).to_numpy(float)
        self.levels = {level: self._fit_level(level) for level in LEVELS} if len(events) else {}

    def _fit_curve(self) -> None:
        """Ridge towards the built-in curve: (X'WX + P)^-1 X'W(y - X built-in), P worth `prior_events` events."""
        start = np.array([_CONSTANT[self.kind], _ELASTICITY[self.kind]])
        design = _design(self.events["depth"].to_numpy(float))
        weight = self._thinned(pd.Series(self.kind, index=self.events.index))
        prior = max(self.prior_events, 0.1) / self.spread**2 * np.diag([1.0, _TYPICAL_PRICE_CUT**2])
        precision = design.T @ (weight[:, None] * design) + prior
        self.covariance = np.linalg.inv(precision)
        gap = self.events["log_lift"].to_numpy(float) - design @ start
        self.curve = start + self.covariance @ (design.T @ (weight * gap))

    def _thinned(self, key: pd.Series) -> Floats:
        """Weights with the events of one campaign under one key thinned: w / (1 + (n - 1) x shared fate)."""
        together = self.events.groupby([key, self.events["campaign"]])["sku"].transform("size").to_numpy(float)
        return np.asarray(self.weight / (1.0 + (together - 1.0) * _SHARED_FATE), dtype=np.float64)

    def _shifts(self, key: pd.Series) -> pd.DataFrame:
        """Per key: shift = sum of w x residual / (sum of w + prior), trust = sum of w / (sum of w + prior)."""
        weight = self._thinned(key)
        trial = self.events["trial"].to_numpy(float)
        sums = pd.DataFrame({"key": key.to_numpy(), "weight": weight, "pull": weight * self.residual,
                             "events": 1.0 - trial, "trials": trial})  # fmt: skip
        sums = sums.groupby("key").sum()
        total = sums["weight"] + self.prior_events / self.spread**2
        own = 1.0 / (sums["weight"] + 1.0 / self.unseen)
        return sums.assign(shift=sums["pull"] / total, trust=sums["weight"] / total, own=own)

    def _fit_level(self, level: str) -> pd.DataFrame:
        shifts = self._shifts(self.events[level])
        shifts.loc[shifts.index == "", ["shift", "trust"]] = 0.0
        self.residual = self.residual - self.events[level].map(shifts["shift"]).to_numpy(float)
        return shifts

    def mean_factor(self) -> float:
        """Mean lift over median lift, by volume: events as they came out, shrunk to that of a log-normal.

        Estimated from the units themselves, since a few odd events stretch the spread of the logarithms.
        """
        volume = self.weight * self.events["covered"].to_numpy(float)
        came = self.events["log_lift"].to_numpy(float)
        median = float((volume * np.exp(came - self.residual)).sum())
        prior = max(self.prior_events, 1.0) / max(len(self.events), 1) * max(median, 1e-9)
        total = float((volume * np.exp(came)).sum()) + prior * float(np.exp(self.spread**2 / 2))
        return total / (median + prior)

    def table(self) -> pd.DataFrame:
        prior = self._prior_rows()
        log_lift = np.interp(self.events["depth"], BAND_DEPTHS, prior["log_lift"])
        variance = np.interp(self.events["depth"], BAND_DEPTHS, prior["sd"] ** 2) - self.spread**2 - 3 * self.unseen
        rows = [prior]
        for deeper, (level, shifts) in zip((2, 1, 0), self.levels.items(), strict=False):
            key = self.events[level]
            log_lift = log_lift + key.map(shifts["shift"]).to_numpy(float)
            # Error of the estimate = (1 - trust) x error of the level above + own error.
            variance = (1.0 - key.map(shifts["trust"]).to_numpy(float)) ** 2 * variance + key.map(shifts["own"])
            found = pd.DataFrame({"key": key, "depth": self.events["depth"], "log_lift": log_lift})
            found = found.assign(variance=variance + self.spread**2 + deeper * self.unseen).groupby("key").mean()
            found = found.assign(level=level, events=shifts["events"], trials=shifts["trials"], shift=shifts["shift"])
            rows.append(found[found.index != ""].rename_axis("key").reset_index())
            rows[-1] = rows[-1].assign(sd=np.sqrt(rows[-1].pop("variance").astype(float)), depth_band="all")
        table = pd.concat([part for part in rows if len(part)], ignore_index=True).assign(kind=self.kind)
        return table.assign(evidence=self._evidence(table))

    def _prior_rows(self) -> pd.DataFrame:
        design = _design(np.array(BAND_DEPTHS))
        bands = self.bands.reindex(range(len(BANDS)))
        variance = np.einsum("ij,jk,ik->i", design, self.covariance, design) + bands["own"].fillna(self.unseen)
        log_lift = design @ self.curve + bands["shift"].fillna(0.0)
        start = design @ np.array([_CONSTANT[self.kind], _ELASTICITY[self.kind]])
        sd = np.sqrt(variance + self.spread**2 + 3 * self.unseen)
        columns = {"level": "prior", "key": "", "depth_band": BANDS, "depth": BAND_DEPTHS}
        return pd.DataFrame(
            columns | {
                "events": bands["events"].fillna(0.0), "trials": bands["trials"].fillna(0.0), "log_lift": log_lift,
                "sd": sd, "shift": log_lift - start,
            }
        )  # fmt: skip

    def _evidence(self, table: pd.DataFrame) -> list[str]:
        start = f"built-in prior of elasticity {_ELASTICITY[self.kind]:g}, weighing {self.prior_events:g} events"
        campaigns = self.events["campaign"].nunique()
        if not campaigns:
            return [f"no past {self.kind} campaign: {start}"] * len(table)
        trials = int(self.events["trial"].sum())
        past = f"{campaigns} past {self.kind} campaign{'s' if campaigns > 1 else ''}"
        past += f" with {trials} settled trial{'s' if trials > 1 else ''}" if trials else ""
        return [f"{int(events)} events here, {past}, {start}" for events in table["events"]]


def _design(depth: Floats) -> Floats:
    return np.stack([np.ones(len(depth)), price_cut(depth)], axis=1)


def _spread(residual: Floats, noise: Floats, prior_events: float) -> float:
    """Standard deviation between events beyond their noise, from the residuals and the built-in one."""
    trust = (_BUILT_IN_SPREAD**2 / (_BUILT_IN_SPREAD**2 + noise)) ** 2
    excess = float((trust * (np.clip(residual, -2.0, 2.0) ** 2 - noise)).sum())
    prior = max(prior_events, 1.0)
    variance = (prior * _BUILT_IN_SPREAD**2 + excess) / (prior + float(trust.sum()))
    return float(np.sqrt(np.clip(variance, _LEAST_SPREAD**2, _LARGEST_SPREAD**2)))


def _pull_forward(events: pd.DataFrame, settings: CampaignSettings) -> float:
    """Share of the excess that was bought ahead = dips / excess, shrunk to the setting by events and noise."""
    seen = events[events["claim"] > 0]
    claim = float(seen["claim"].sum())
    if not len(seen) or not settings.pull_forward_weeks:
        return settings.pull_forward_share
    noise = float(seen["dip_noise"].sum()) / claim**2
    weight = len(seen) / (1.0 + noise / 0.1**2)
    share = (weight * float(seen["dip"].sum()) / claim + settings.prior_events * settings.pull_forward_share) / max(
        weight + settings.prior_events, 1e-9
    )
    return float(np.clip(share, 0.0, 0.9))


def _by_category(table: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """The lift table with pull_forward of its category at level `category`, and pull_forward_sd everywhere.

    Factor of a category = dips / dips by the share of the kind, drawn to one as far as categories do not differ beyond
    their noise (DerSimonian and Laird, 1986). Without two categories to compare they differ by `_PULL_CV`.
    """
    of_kind = table.drop_duplicates("kind").set_index("kind")["pull_forward"]
    seen = events[(events["claim"] > 0) & (events["category"] != "")]
    told = seen["claim"] * seen["kind"].map(of_kind)
    sums = pd.DataFrame({"category": seen["category"], "told": told, "dip": seen["dip"], "noise": seen["dip_noise"]})
    sums = sums.groupby("category").sum()
    sums = sums[sums["told"] > 0]
    factor, between = pd.Series(dtype=float), _PULL_CV**2
    spread = factor
    if len(sums) > 1:
        ratio, variance = sums["dip"] / sums["told"], sums["noise"] / sums["told"] ** 2
        between = max(between_groups(ratio.to_numpy(float), variance.to_numpy(float)), _LEAST_PULL_CV**2)
        trust = between / (between + variance)
        factor, spread = (1.0 + trust * (ratio - 1.0)).clip(lower=0.0), np.sqrt(trust * variance)
    key = table["key"].where(table["level"] == "category", "")
    pulled = table["pull_forward"]
    return table.assign(
        pull_forward=(pulled * key.map(factor).fillna(1.0)).clip(upper=0.9),
        pull_forward_sd=pulled * key.map(spread).fillna(float(np.sqrt(between))),
    )


def look_up(lift: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """`asked` (sku, category, brand, kind, depth) with log_lift, sd, mean_factor, slope, pull_forward, dip_slope,
    cannibalised, the sd of both shares and evidence added.

    The prior is interpolated over depth between the bands; each level that has a row adds its shift; the deepest one
    says how sure the answer is.
    """
    prior = lift[lift["level"] == "prior"]
    result = asked.assign(log_lift=0.0, sd=0.0, of_kind=0.0, tried=0.0)
    of_the_kind = ["mean_factor", "pull_forward", "pull_forward_sd", "slope", "dip_slope"]
    result[of_the_kind] = 0.0
    taken = ["cannibalised", "cannibalised_sd"]
    own = lift[lift["level"] == "category"].drop_duplicates("key").set_index("key")[taken]
    of_category = own.reindex(asked["category"]).set_axis(asked.index)
    result[taken] = of_category.fillna(prior[taken].iloc[0])
    depth = asked["depth"].to_numpy(float)
    for kind in asked["kind"].unique():
        here, rows = (asked["kind"] == kind).to_numpy(), prior[prior["kind"] == kind].sort_values("depth")
        result.loc[here, "log_lift"] = np.interp(depth[here], rows["depth"], rows["log_lift"])
        result.loc[here, "sd"] = np.interp(depth[here], rows["depth"], rows["sd"])
        result.loc[here, of_the_kind] = rows[of_the_kind].iloc[0].to_numpy(float)
        result.loc[here, "of_kind"], result.loc[here, "tried"] = rows["events"].sum(), rows["trials"].sum()
    at_depth = result["sd"] ** 2
    for level in LEVELS:
        rows = lift[lift["level"] == level].rename(columns={"key": level})[
            [level, "kind", "depth", "events", "sd", "shift", "pull_forward", "pull_forward_sd"]
        ]
        found = asked[[level, "kind"]].merge(rows, on=[level, "kind"], how="left").set_axis(asked.index)
        result["log_lift"] += found["shift"].fillna(0.0)
        if level == "category":
            for name in ("pull_forward", "pull_forward_sd"):
                result[name] = found[name].fillna(result[name])
        result[f"of_{level}"] = found["events"].fillna(0.0)
        there = _prior_variance(prior, found["depth"].fillna(0.0), asked["kind"])
        variance = found["sd"] ** 2 + np.maximum(at_depth - there, 0.0)
        result["sd"] = np.sqrt(variance).where(found["sd"].notna(), result["sd"])
    return result.assign(evidence=_words(result))


def _prior_variance(prior: pd.DataFrame, depth: pd.Series, kind: pd.Series) -> Floats:
    result = np.zeros(len(depth))
    for name in kind.unique():
        rows, here = prior[prior["kind"] == name].sort_values("depth"), (kind == name).to_numpy()
        result[here] = np.interp(depth[here], rows["depth"], rows["sd"]) ** 2
    return result


def _words(found: pd.DataFrame) -> list[str]:
    """One line of evidence a row: the lift with its 80 % band, and which events it stands on."""
    z = 1.2816
    lift = [np.exp(found["log_lift"].to_numpy(float) + step * found["sd"].to_numpy(float)) for step in (0.0, -z, z)]
    counts = found[["of_sku", "of_brand", "of_category", "of_kind", "tried"]].to_numpy(float)
    rows = zip(*lift, found["depth"].to_numpy(float), found["kind"].astype(str), counts, strict=True)
    return [
        f"lift {middle:.2f} ({low:.2f} to {high:.2f}) at {depth:.0%} off; {_basis(kind, *count)}"
        for middle, low, high, depth, kind, count in rows
    ]


def _basis(kind: str, of_sku: float, of_brand: float, of_category: float, of_kind: float, tried: float) -> str:
    trials = f"{tried:.0f} settled trial{'s' if tried > 1 else ''}" if tried else ""
    if not of_kind:
        return f"no past {kind} campaign but {trials}" if trials else f"no past {kind} campaign: built-in prior"
    known = f"{of_sku:.0f} of the SKU, {of_brand:.0f} of its brand, {of_category:.0f} of its category"
    return f"{of_kind:.0f} {kind} events, {known}{', and ' + trials if trials else ''}"
