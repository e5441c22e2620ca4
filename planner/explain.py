"""Why this forecast: what the series is like, how it was forecast, what was adjusted, and how right that has been."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.errors import UsageError
from planner.figures import number, percent, plural
from planner.forecast.baseline import REST
from planner.forecast.drivers import CALENDAR, DAYS_IN, PRICES
from planner.forecast.likeness import described, most_alike
from planner.forecast.methods import GLOBAL
from planner.forecast.surroundings import OTHERS
from planner.forecast.weights import BASE
from planner.judged import FORECAST, by_step
from planner.periods import Bucket
from planner.publications import judge_published, publications
from planner.record import Prepared
from planner.remembered import recall
from planner.trail import Trail, summary, trail
from planner.trail import notes as adjustments
from planner.workspace import Result

YEAR = {"day": 91, "week": 52, "month": 24}
_KEY = ["sku", "warehouse"]
_MOST = 3


@dataclass(frozen=True)
class Explanation:
    """`words`: one sentence or two a subject. `past`: the trail's table, `ahead`: the rows of the forecast table.

    `drivers`: driver, contribution over the horizon, the largest first; `alike`: sku, likeness, for new items.
    """

    trail: Trail
    ahead: pd.DataFrame
    words: Mapping[str, str]
    weights: pd.DataFrame
    drivers: pd.DataFrame
    alike: pd.DataFrame


@dataclass(frozen=True)
class _Case:
    """What is known of one series."""

    prepared: Prepared
    results: Mapping[str, Result]
    trail: Trail
    ahead: pd.DataFrame
    series: pd.Series

    @property
    def bucket(self) -> Bucket:
        return self.prepared.scenario.settings.plan.bucket

    def own(self, table: pd.DataFrame) -> pd.DataFrame:
        here = (table["sku"] == self.trail.sku) & (table["warehouse"] == self.trail.warehouse)
        return table[here].reset_index(drop=True)


def explain_forecast(prepared: Prepared, results: Mapping[str, Result], series: str) -> Explanation:
    """Explain the forecast of `SKU@WAREHOUSE` from the results of the stages up to forecast. Raises UsageError."""
    found = trail(prepared.dataset, results, series)
    rows = results["baseline"].table("series")
    row = rows[(rows["sku"] == found.sku) & (rows["warehouse"] == found.warehouse)].iloc[0]
    ahead = results["forecast"].table("forecast")
    case = _Case(prepared, results, found, ahead, row)
    case = _Case(prepared, results, found, case.own(ahead), row)
    weights, drivers, alike = _weights(case), _drivers(case), _alike(case)
    words = {
        "forecast": _forecast(case),
        "sale": _sale(case),
        "demand": _demand(case),
        "method": _method(case, weights, alike),
        "season": _season(case),
        "drivers": " ".join(filter(None, [_of_drivers(drivers), _effects(case)])),
        "adjustments": _adjusted(case),
        "campaigns": _campaigns(case),
        "changes": _changes(case),
        "accuracy": _accuracy(case),
        "notes": _notes(case),
    }
    return Explanation(found, case.ahead, {name: text for name, text in words.items() if text}, weights, drivers, alike)


def _forecast(case: _Case) -> str:
    open_from = case.ahead[case.ahead["q0.99"] > 0]
    first, total = (open_from if len(open_from) else case.ahead).iloc[0], case.ahead["mean"].sum()
    name = f"{case.trail.sku}{_description(case)} at {case.trail.warehouse}"
    begin, at = case.ahead["date"].iloc[0], "On" if case.bucket == "day" else "In"
    when = f"the first {case.bucket}" if first["date"] == begin else f"its first {case.bucket}, {first['date'].date()},"
    return (
        f"{name}: {number(total)} units in {plural(len(case.ahead), case.bucket)} from {begin.date()}. {at} {when} "
        f"{number(first['mean'])}; nine times out of ten between {number(first['q0.05'])} and "
        f"{number(first['q0.95'])}, one time in a hundred above {number(first['q0.99'])}."
    )


def _sale(case: _Case) -> str:
    """First and last day of sale, where they limit what is expected."""
    begins, ends = case.trail.begins, case.trail.ends
    first = case.ahead["date"].iloc[0]
    told = [f"Its sale begins on {begins.date()}: nothing is expected before."] if begins > first else []
    if ends < first:
        told.append(f"Its last day of sale was {ends.date()}: nothing is expected any more.")
    elif ends <= case.ahead["date"].iloc[-1]:
        told.append(f"Its last day of sale is {ends.date()}: nothing is expected after it.")
    return " ".join(told)


def _description(case: _Case) -> str:
    items = case.prepared.dataset["items"]
    told = items.loc[items["sku"] == case.trail.sku, "description"]
    return f" ({told.iloc[0]})" if len(told) and told.iloc[0] else ""


def _demand(case: _Case) -> str:
    """The class in figures: how often it sells, how much at a time, how much sizes vary."""
    recent = case.trail.table["adjusted"].dropna().tail(YEAR[case.bucket])
    label = f"{case.series['demand_class']}, {case.series['abc']}{case.series['xyz']}"
    if not len(recent):
        return f"{label[0].upper()}{label[1:]}: nothing is known of it yet."
    sold = recent[recent > 0]
    often = f"sold in {len(sold)} of the last {plural(len(recent), case.bucket)}"
    if not len(sold):
        return f"{label[0].upper()}{label[1:]}: {often}."
    vary = f", sizes vary by {percent(float(sold.std() / sold.mean()))} of their mean" if len(sold) > 2 else ""
    return f"{label[0].upper()}{label[1:]}: {often}, {number(float(sold.mean()))} at a time{vary}."


def _method(case: _Case, weights: pd.DataFrame, alike: pd.DataFrame) -> str:
    method = str(case.series["method"])
    if method == "no demand":
        return "No demand is expected: nothing was ever sold here, and no start of sale is known."
    if method == "new item" and not len(alike):
        return "A young series among young ones: its level is the blend of all methods over the little that is known."
    if method == "new item":
        pairs = zip(alike["sku"].head(_MOST), alike["likeness"].head(_MOST).tolist(), strict=True)
        like = ", ".join(f"{name} ({percent(likeness)} alike)" for name, likeness in pairs)
        return (
            "A new item: its level comes from items like it, the more so the fewer buckets of its own there are"
            f" ({int(case.series['buckets'])}), and its spread says how far off such a guess can be."
            + (f" Most alike: {like}." if like else "")
        )
    members = [name for name in case.prepared.scenario.settings.forecast.methods if name not in GLOBAL]
    shares = zip(weights["method"], weights["weight"].tolist(), strict=True)
    told = [f"{name} moves it with a weight of {percent(share)}" for name, share in shares
            if name != BASE and share >= 0.005]  # fmt: skip
    base = method.split(" + ")[0].replace("median", f"the median of {', '.join(members)}")
    base = base.replace(" x drivers", ", times what drivers do")
    base = base.replace(" x season", f", times the season of {_seasonal(case)}")
    return f"Method: {base}" + (f"; {'; '.join(told)}, by what it did for {case.series['demand_class']} series." if told
                                else ".")  # fmt: skip


def _weights(case: _Case) -> pd.DataFrame:
    """Weights of the learning methods for the class of this series; empty where the run has none."""
    columns = ["method", "weight"]
    table = case.results["baseline"].table("weights")
    if "demand_class" not in table:
        return pd.DataFrame({"method": pd.Series(dtype=object), "weight": pd.Series(dtype=float)})
    own = table[table["demand_class"] == case.series["demand_class"]]
    return pd.DataFrame(own.reset_index(drop=True)[columns])


def _season(case: _Case) -> str:
    """Where the base is highest and lowest while the series is on sale."""
    on_sale = case.ahead[case.ahead["base"] > 0]
    if not len(on_sale):
        return ""
    if not case.series["season"]:
        return "Season: none that would have helped its category."
    shape = on_sale["base"] / on_sale["base"].mean() - 1
    low, high = shape.idxmin(), shape.idxmax()
    return (
        f"Season of {_seasonal(case)}: lowest on {case.ahead['date'][low].date()} "
        f"({percent(float(shape[low]), signed=True)}), highest on {case.ahead['date'][high].date()} "
        f"({percent(float(shape[high]), signed=True)} of the mean ahead)."
    )


def _seasonal(case: _Case) -> str:
    """Whose season it is, in words."""
    name = str(case.series["season"])
    if name.startswith(" in "):  # by day a season is that of a category in a warehouse
        return f"items without a category{name}"
    return "all smaller categories together" if name == REST else name or "its category"


def _drivers(case: _Case) -> pd.DataFrame:
    """What each driver adds over the horizon; empty where the run has no table of contributions."""
    baseline = case.results["baseline"]
    told = baseline.table("contributions") if "contributions" in baseline.digests else pd.DataFrame()
    if not len(told):
        return pd.DataFrame({"driver": pd.Series(dtype=object), "contribution": pd.Series(dtype=float)})
    table = case.own(told)
    total = table.groupby("driver", as_index=False, observed=True)["contribution"].sum()
    order = total["contribution"].abs().sort_values(ascending=False, kind="stable").index
    return pd.DataFrame(total.loc[order].reset_index(drop=True))


def _of_drivers(drivers: pd.DataFrame) -> str:
    pairs = zip(drivers["driver"].head(_MOST), drivers["contribution"].head(_MOST).tolist(), strict=True)
    told = [f"{name} {number(amount, signed=True)}" for name, amount in pairs if abs(amount) >= 0.05]
    return f"Drivers, over the horizon: {', '.join(told)} units." if told else ""


def _effects(case: _Case) -> str:
    """What a step of each driver in the base does to this SKU."""
    table = case.results["baseline"].table("effects")
    own = table[table["sku"] == case.trail.sku]
    steps = [(*_step(name, case.bucket), slope) for name, slope in zip(own["driver"], own["slope"], strict=True)]
    changes = [(what, float(np.expm1(slope * step))) for what, step, slope in steps]
    told = [f"{what} {percent(change, signed=True)}" for what, change in changes if abs(change) >= 0.005]
    return f"What they do to demand: {', '.join(told[:_MOST])}." if told else ""


def _step(driver: str, bucket: Bucket) -> tuple[str, float]:
    """A step of a driver that means something to people, and how large it is in the units of its slope."""
    if driver.removesuffix(OTHERS) in PRICES:
        return f"{driver} 10 % lower", float(np.log(0.9))
    if driver.startswith(CALENDAR):
        return f"a day of {driver.removeprefix(CALENDAR)}", 1 / DAYS_IN[bucket]
    return f"{driver} up by 1", 1.0


def _adjusted(case: _Case) -> str:
    noted = case.own(adjustments(case.results))
    recent = noted[noted["date"].isin(case.trail.table["date"].tail(YEAR[case.bucket]))].reset_index(drop=True)
    span = f"the last {plural(min(len(case.trail.table), YEAR[case.bucket]), case.bucket)}"
    if not len(recent):
        return f"Adjusted in {span}: nothing." if len(case.trail.table) else ""
    table = summary(recent)
    rows = zip(table["reason"], table["buckets"].tolist(), table["difference"].tolist(), strict=True)
    parts = [
        f"{plural(count, case.bucket)} {why.replace(', kept', ', left as sold')}"
        + (f" ({number(gap, signed=True)})" if abs(gap) >= 0.005 else "")
        for why, count, gap in rows
    ]
    return f"Adjusted in {span}: {', '.join(parts)}. planner history shows each."


def _campaigns(case: _Case) -> str:
    extra = float(case.ahead["campaign"].sum())
    if not (case.ahead["campaign"].abs() > 1e-9).any():
        return ""
    uplift = case.own(case.results["uplift"].table("uplift"))
    each = uplift.groupby("campaign", observed=True)["net"].sum().sort_values(ascending=False)
    told = ", ".join(f"{name} {number(float(value), signed=True)}" for name, value in each.head(_MOST).items())
    return f"Campaigns ahead: {number(extra, signed=True)} units ({told})."


def _changes(case: _Case) -> str:
    plain = case.own(case.results["baseline"].table("forecast"))["mean"].sum()
    gap = float(case.ahead["base"].sum() - plain)
    return f"The scenario changes demand by {number(gap, signed=True)} units." if abs(gap) > 1e-6 else ""


def _accuracy(case: _Case) -> str:
    """From what was published, else from the last backtest, else how to learn it."""
    told = list(_judged(case))
    if not told:
        return "Accuracy: not known yet; planner backtest tells it, or planner forecast --publish and time."
    return "Accuracy: " + " ".join(told)


def _judged(case: _Case) -> Iterator[str]:
    versions = publications(case.prepared.workspace, case.prepared.scenario.name)
    try:
        judged = judge_published(case.prepared, versions)
        here = (judged.cells["sku"] == case.trail.sku) & (judged.cells["warehouse"] == case.trail.warehouse)
        own = judged.having(here.to_numpy())
        if len(own.cells):
            steps = by_step(own).set_index("step")[["wape", "bias"]].T
            yield _figures("published forecasts", steps[FORECAST], float(steps["naive"]["wape"]), len(own.cells))
    except UsageError:
        pass
    last = recall(case.prepared)
    if last is not None and len(row := case.own(last.table)):
        first = row.iloc[0]
        said = _figures(f"backtest from {first['origins']}", first, first["naive_wape"], int(first["cells"]))
        yield said if not last.changed else f"{said} Stale, since {_told(last.changed)} changed: planner backtest anew."


def _told(changed: Sequence[str]) -> str:
    """The first few names."""
    rest = f" and {len(changed) - _MOST} more" if len(changed) > _MOST else ""
    return f"{', '.join(changed[:_MOST])}{rest}"


def _figures(what: str, row: pd.Series, naive: float, cells: int) -> str:
    return (
        f"{what}, {plural(cells, 'bucket')}: WAPE {percent(float(row['wape']))} (naive {percent(float(naive))}), bias "
        f"{percent(float(row['bias']), signed=True)}."
    )


def _notes(case: _Case) -> str:
    noted = case.own(case.results["baseline"].table("notes"))
    return f"Notes: {'; '.join(noted['note'])}." if len(noted) else ""


def _alike(case: _Case) -> pd.DataFrame:
    """Established SKUs most like a new one."""
    if case.series["method"] != "new item":
        return pd.DataFrame({"sku": pd.Series(dtype=object), "likeness": pd.Series(dtype=float)})
    rows = case.results["baseline"].table("series")
    known = rows.loc[~rows["method"].isin(("new item", "no demand")), "sku"].unique().tolist()
    data = case.prepared.dataset
    found = most_alike(case.trail.sku, known, described(data["items"], data["item_features"]))
    return pd.DataFrame(found, columns=["sku", "likeness"]).astype({"likeness": np.float64})
