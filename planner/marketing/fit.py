"""What past campaigns did: the history without them, and the lift that each of them had."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.marketing.baseline import (
    Expected,
    Flags,
    calm_buckets,
    choose_controls,
    expect,
    season_index,
)
from planner.marketing.bookings import (
    Calendar,
    Floats,
    Ints,
    afterwards,
    book,
    count_days,
    day_numbers,
    give_way,
    stored_share,
    touch,
)
from planner.marketing.phase import SETTLED, Seen, learn_slope, position
from planner.marketing.pool import built_in_log_lift, learn, no_evidence, with_shares
from planner.marketing.shares import Beside, Gains, learn_shares
from planner.panel import Panel
from planner.periods import Bucket, first_day
from planner.settings import CampaignSettings

EVENT_COLUMNS = (
    "campaign", "sku", "warehouse", "kind", "depth", "reach", "start", "end", "buckets", "sold", "baseline", "excess",
    "covered", "log_lift", "sd", "dip", "claim", "dip_share", "note",
)  # fmt: skip
NOT_ON_SALE = "not on sale then"
_LEAST_LIFT = 0.1
# The logarithm of a noisy lift is too low by half of its variance, as long as that is not as large as the lift.
_LARGEST_NOISE = 1.0


@dataclass(frozen=True)
class Lift:
    """`cleaned`: demand as if no campaign had run. `lift`: by level. `events`: one row a past campaign and series.

    Of an event `covered` are the units of the baseline that it could lift, `sd` the noise of its `log_lift`, `dip` the
    units missed in the weeks after and `claim` the gain that they are a share of.
    """

    cleaned: Panel
    lift: pd.DataFrame
    events: pd.DataFrame


@dataclass(frozen=True)
class _Marks:
    """Cells of the history that campaigns touched: row is the booking, share how much of it counts.

    For promoted cells `share` is the share of the bucket that is promoted, for dips the share of the whole dip;
    `position` is where in the campaign or dip it lies (`phase`).
    """

    row: Ints
    bucket: Ints
    share: Floats
    position: Floats

    def sloped(self, slope: float) -> _Marks:
        return replace(self, share=self.share * (1.0 + slope * self.position))


def fit_lift(
    demand: Panel,
    campaigns: pd.DataFrame,
    campaign_items: pd.DataFrame,
    items: pd.DataFrame,
    locations: pd.DataFrame,
    settings: CampaignSettings,
    *,
    as_of: dt.date,
    bucket: Bucket,
    customers: pd.DataFrame | None = None,
    trials: pd.DataFrame | None = None,
) -> Lift:
    """Clean the history of past campaigns and learn their lift.

    `customers` say which share of the buyers an audience is; `trials` are what settled ones say of the lift of those
    addressed (`trial_evidence`), events of the same campaigns beside what the sales say.

    Promoted buckets become the baseline of their unpromoted neighbourhood; buckets after the end get back what was
    bought ahead. Of two campaigns on one series each day counts for the stronger one.
    """
    tried = no_evidence() if trials is None else trials
    past = _past(book(campaigns, campaign_items, items, locations, demand.keys, customers), demand, as_of, bucket)
    if past.empty:
        return Lift(demand, learn(tried, items, settings), _no_events())
    calendar = Calendar.of(demand.dates, bucket)
    promoted, crowded = _promoted(past, calendar)
    dips = _dips(past, calendar, settings, promoted)
    rows = np.unique(past["series"].to_numpy(np.int64))
    local = past.assign(series=np.searchsorted(rows, past["series"]))
    expected = _expected(demand, rows, local, promoted, dips, items, bucket)
    values = demand.values[rows].astype(np.float64)
    slopes = _slopes(local, values, expected, promoted, dips)
    promoted, dips = promoted.sloped(slopes[0]), dips.sloped(slopes[1])
    events = _events(local, values, expected, promoted, dips)
    evidence = _evidence(events, as_of)
    evidence = pd.concat([evidence, tried], ignore_index=True) if len(tried) else evidence
    lift = with_shares(
        learn(evidence, items, settings, slopes),
        _taken(demand, past, expected, promoted, dips, items, settings, bucket),
    )
    share = lift[lift["level"] == "prior"].drop_duplicates("kind").set_index("kind")["pull_forward"]
    cleaned = _cleaned(demand, rows, values, local, expected, promoted, dips, events, share)
    return Lift(cleaned, lift, _told(events, crowded))


def _past(booked: pd.DataFrame, demand: Panel, as_of: dt.date, bucket: Bucket) -> pd.DataFrame:
    """Bookings that began before the bucket of `as_of` and touch the history."""
    if not len(demand.dates):
        return booked.iloc[:0]
    began = booked["start"] < pd.Timestamp(first_day(as_of, bucket))
    return booked[began & (booked["end"] >= demand.dates[0])].reset_index(drop=True)


def _promoted(past: pd.DataFrame, calendar: Calendar) -> tuple[_Marks, Flags]:
    """Each promoted cell once, under the booking that has most of its days; and which bookings have no cell."""
    series = past["series"].to_numpy(np.int64)
    strength = past["reach"].to_numpy(float) * np.expm1(built_in_log_lift(past["kind"], past["depth"].to_numpy(float)))
    cells = touch(day_numbers(past["start"]), day_numbers(past["end"]), calendar)
    days = count_days(give_way(cells, series, strength))
    place = series[cells.row] * len(calendar.first) + cells.bucket
    order = np.lexsort((cells.row, -days, place))
    head = np.append(True, place[order][1:] != place[order][:-1])
    total = np.bincount(np.cumsum(head) - 1, days[order])
    kept = order[head]
    where = position(cells, day_numbers(past["start"]), day_numbers(past["end"]), calendar)[kept]
    marks = _Marks(cells.row[kept], cells.bucket[kept], total / calendar.length[cells.bucket[kept]], where)
    return marks, ~np.isin(np.arange(len(past)), marks.row)


def _dips(past: pd.DataFrame, calendar: Calendar, settings: CampaignSettings, promoted: _Marks) -> _Marks:
    """Buckets after each end in which what was bought ahead is missing, except where a campaign runs again."""
    end = day_numbers(past["end"])
    cells, share = afterwards(end, settings.pull_forward_weeks, calendar)
    where = position(cells, end + 1, end + 7 * settings.pull_forward_weeks, calendar)
    series, width = past["series"].to_numpy(np.int64), len(calendar.first)
    busy = np.isin(
        series[cells.row] * width + cells.bucket, series[promoted.row] * width + promoted.bucket, assume_unique=False
    )
    free = ~busy & np.isin(cells.row, promoted.row)
    return _Marks(cells.row[free], cells.bucket[free], share[free], where[free])


def _expected(
    demand: Panel, rows: Ints, local: pd.DataFrame, promoted: _Marks, dips: _Marks, items: pd.DataFrame, bucket: Bucket
) -> Expected:
    """Baseline of every promoted cell, then of every dip cell."""
    series = local["series"].to_numpy(np.int64)
    calm = _marked(demand, rows[series], promoted, dips, bucket)[1]
    sku, category, categories = _codes(demand, items)
    volume = np.where(calm, demand.values, 0.0).sum(axis=1, dtype=np.float64)
    promoted_categories = categories[np.unique(category[sku[rows]])]
    controls = choose_controls(categories[category[sku]], volume, promoted_categories)
    observed = np.where(calm[controls], np.maximum(demand.values[controls], 0.0), 0.0).astype(np.float64)
    index = season_index(observed, calm[controls], sku[controls], category, bucket)
    row, column = (np.concatenate([series[promoted.row], series[dips.row]]), np.append(promoted.bucket, dips.bucket))
    return expect(demand.values[rows].astype(np.float64), calm[rows], index, sku[rows], row, column, bucket)


def _slopes(
    local: pd.DataFrame, values: Floats, expected: Expected, promoted: _Marks, dips: _Marks
) -> tuple[float, float]:
    """How what campaigns gain, and what is missing after them, changes over the weeks (`learn_slope`)."""
    series, reach = local["series"].to_numpy(np.int64), local["reach"].to_numpy(float)
    gain = reach * np.expm1(built_in_log_lift(local["kind"], local["depth"].to_numpy(float)))
    count = len(promoted.row)
    told = expected.units[:count] * promoted.share * gain[promoted.row]
    stored = stored_share(day_numbers(local["start"]), day_numbers(local["end"]))
    gained = stored * np.bincount(promoted.row, np.nan_to_num(told), minlength=len(local))
    found = []
    for marks, sign, part, of, settled in (
        (promoted, 1.0, slice(None, count), told, SETTLED[0]),
        (dips, -1.0, slice(count, None), gained[dips.row] * dips.share, SETTLED[1]),
    ):
        units = sign * (values[series[marks.row], marks.bucket] - expected.units[part])
        rough = expected.dispersion[series[marks.row]] * (expected.units[part] + (of if sign > 0 else 0.0))
        noise = np.nan_to_num(rough + expected.variance[part])
        found.append(learn_slope(Seen(marks.row, units, of, noise, marks.position), settled))
    return found[0], found[1]


def _taken(
    demand: Panel, past: pd.DataFrame, expected: Expected, promoted: _Marks, dips: _Marks, items: pd.DataFrame,
    settings: CampaignSettings, bucket: Bucket,
) -> pd.DataFrame:  # fmt: skip
    """Share of the gross that promotions took from their category (`learn_shares`)."""
    series, reach = past["series"].to_numpy(np.int64), past["reach"].to_numpy(float)
    base = expected.units[: len(promoted.row)]
    units = demand.values[series[promoted.row], promoted.bucket] - base
    usual = reach * np.expm1(built_in_log_lift(past["kind"], past["depth"].to_numpy(float)))
    told, good = base * promoted.share * usual[promoted.row], np.isfinite(units)
    gains = Gains(series[promoted.row][good], promoted.bucket[good], units[good].astype(np.float64), told[good])
    marked, calm = _marked(demand, series, promoted, dips, bucket)
    codes = _codes(demand, items)
    warehouse = np.unique(demand.keys["warehouse"].to_numpy(dtype=object), return_inverse=True)[1]
    beside = Beside(warehouse.astype(np.int64), *codes, marked, calm)
    return learn_shares(demand.values.astype(np.float64), gains, beside, settings.cannibalised_share, bucket)


def _marked(demand: Panel, series: Ints, promoted: _Marks, dips: _Marks, bucket: Bucket) -> tuple[Flags, Flags]:
    """[N, T] where a campaign runs or its dip is felt, and where the baseline can be read."""
    marked = np.zeros((2, *demand.values.shape), dtype=bool)
    for layer, marks in zip(marked, (promoted, dips), strict=True):
        layer[series[marks.row], marks.bucket] = True
    calm = calm_buckets(marked[0], marked[1], np.isfinite(demand.values), bucket)
    return np.asarray(marked.any(axis=0), dtype=bool), calm


def _codes(demand: Panel, items: pd.DataFrame) -> tuple[Ints, Ints, npt.NDArray[np.object_]]:
    """Number of each series' SKU, of each SKU's category, and the categories by number."""
    skus, sku = np.unique(demand.keys["sku"].to_numpy(dtype=object), return_inverse=True)
    known = items.drop_duplicates("sku").set_index("sku")["category"]
    categories, category = np.unique(known.reindex(skus).fillna("").to_numpy(dtype=object), return_inverse=True)
    return sku.astype(np.int64), category.astype(np.int64), np.asarray(categories, dtype=object)


def _events(local: pd.DataFrame, values: Floats, expected: Expected, promoted: _Marks, dips: _Marks) -> pd.DataFrame:
    """Per booking: units sold, baseline, covered baseline, noise; then the dip that followed."""
    count, series = len(local), local["series"].to_numpy(np.int64)
    seen = values[series[promoted.row], promoted.bucket]
    base, variance = expected.units[: len(seen)], expected.variance[: len(seen)]
    good = np.isfinite(seen) & np.isfinite(base)
    row, seen, base = promoted.row[good], seen[good], base[good]
    reach = local["reach"].to_numpy(float)[row]
    sums = {
        "buckets": np.ones(len(row)),
        "sold": seen,
        "baseline": base,
        "excess": seen - base,
        "covered": base * promoted.share[good] * reach,
        "variance": expected.dispersion[series[row]] * base,
        # The same neighbours stand behind every bucket of an event, so the error of the level adds up undamped.
        "level_sd": np.sqrt(variance[good]),
    }
    sold = np.bincount(promoted.row, np.isfinite(values[series[promoted.row], promoted.bucket]), minlength=count) > 0
    events = local.assign(**{name: np.bincount(row, part, minlength=count) for name, part in sums.items()}, seen=sold)
    # The usual lift, not the one measured: else a lucky event would count for more than an unlucky one.
    usual = np.exp(built_in_log_lift(local["kind"], local["depth"].to_numpy(float)))
    whole = 1.0 + local["reach"].to_numpy(float) * (usual - 1.0)
    events = events.assign(noise=(events["variance"] * whole + events["level_sd"] ** 2 * whole**2) / usual**2)
    return _with_dips(events, values, expected, len(promoted.row), dips)


def _with_dips(events: pd.DataFrame, values: Floats, expected: Expected, offset: int, dips: _Marks) -> pd.DataFrame:
    """Dip = baseline - units in the buckets after; where the dips of two events meet, split by what each claims."""
    series, width = events["series"].to_numpy(np.int64), values.shape[1]
    lift = _log_lift(events.groupby(["campaign", "sku"])[["excess", "covered", "noise"]].transform("sum"))[0]
    stored = stored_share(day_numbers(events["start"]), day_numbers(events["end"]))
    gained = stored * np.nan_to_num(events["covered"].to_numpy() * np.maximum(np.expm1(lift), 0.0))
    base, variance = expected.units[offset:], expected.variance[offset:]
    missed = base - values[series[dips.row], dips.bucket]
    good = np.isfinite(missed)
    claim = gained[dips.row] * dips.share * good
    _, place = np.unique(series[dips.row] * width + dips.bucket, return_inverse=True)
    total = np.bincount(place, claim, minlength=1)[place] if len(place) else claim
    part = np.divide(claim, total, out=np.zeros_like(claim), where=total > 0)
    noise = part**2 * np.nan_to_num(expected.dispersion[series[dips.row]] * base + variance)
    sums = {"dip": np.nan_to_num(missed) * part, "claim": claim, "dip_noise": noise}
    return events.assign(
        gained=gained, **{name: np.bincount(dips.row, value, minlength=len(events)) for name, value in sums.items()}
    )


def _log_lift(sums: pd.DataFrame) -> tuple[Floats, Floats]:
    """Log lift and its noise variance: lift = 1 + excess / covered baseline, variance = noise / covered^2."""
    covered = sums["covered"].where(sums["covered"] > 0).to_numpy(float)
    lift = np.maximum(1.0 + sums["excess"].to_numpy(float) / covered, _LEAST_LIFT)
    return np.log(lift), sums["noise"].to_numpy(float) / covered**2


def _evidence(events: pd.DataFrame, as_of: dt.date) -> pd.DataFrame:
    """One row a campaign and SKU, over its warehouses."""
    sums = ["excess", "covered", "noise", "dip", "claim", "dip_noise", "weighted"]
    weighted = events.assign(weighted=events["depth"] * events["covered"])
    found = weighted.groupby(["campaign", "sku", "kind", "end"], as_index=False)[sums].sum()
    log_lift, noise = _log_lift(found)
    depth = found["weighted"] / found["covered"].where(found["covered"] > 0)
    age = (pd.Timestamp(as_of) - found["end"]).dt.days.clip(lower=0).astype(float)
    log_lift = log_lift + np.minimum(noise, _LARGEST_NOISE) / 2.0
    return found.assign(log_lift=log_lift, noise=noise, depth=depth, age=age, trial=0.0)


def _cleaned(
    demand: Panel,
    rows: Ints,
    values: Floats,
    local: pd.DataFrame,
    expected: Expected,
    promoted: _Marks,
    dips: _Marks,
    events: pd.DataFrame,
    pull_forward: pd.Series,
) -> Panel:
    """Promoted buckets = baseline; dip buckets = units + share pulled forward x units gained. Unknown stays unknown."""
    series = local["series"].to_numpy(np.int64)
    result = values.copy()
    base = expected.units[: len(promoted.row)]
    good = np.isfinite(base) & np.isfinite(values[series[promoted.row], promoted.bucket])
    result[series[promoted.row][good], promoted.bucket[good]] = base[good]
    share = local["kind"].map(pull_forward).to_numpy(float)
    back = (share * events["gained"].to_numpy(float))[dips.row] * dips.share
    np.add.at(result, (series[dips.row], dips.bucket), back)
    cleaned = demand.values.copy()
    cleaned[rows] = result
    return demand.with_values(cleaned)


def _told(events: pd.DataFrame, crowded: Flags) -> pd.DataFrame:
    log_lift, noise = _log_lift(events)
    note = np.where(events["buckets"] == 0, "nothing unpromoted to compare with", "")
    note = np.where(events["seen"], note, NOT_ON_SALE)
    note = np.where(events["reach"].to_numpy(float) <= 0, "nobody was addressed", note)
    note = np.where(crowded, "a stronger campaign ran on the same days", note)
    share = events["dip"] / events["claim"].where(events["claim"] > 0)
    told = events.assign(log_lift=log_lift, sd=np.sqrt(noise), dip_share=share, note=note)
    return told[list(EVENT_COLUMNS)].sort_values(["campaign", "sku", "warehouse"], kind="stable", ignore_index=True)


def _no_events() -> pd.DataFrame:
    text, dates = ("campaign", "sku", "warehouse", "kind", "note"), ("start", "end")
    kinds = {
        name: "object" if name in text else "datetime64[ns]" if name in dates else "float64" for name in EVENT_COLUMNS
    }
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in kinds.items()})
