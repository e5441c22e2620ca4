"""planner.toml -> settings: one frozen record a concern, every key typed and checked, unknown keys refused.

Priority: flag, scenario (scenarios.py), environment `PLANNER_SECTION_KEY`, planner.toml, default.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from planner.errors import UsageError
from planner.periods import DEFAULT_HORIZON, Bucket

NOT_SETTINGS = ("PLANNER_REAL_DATA", "PLANNER_KEY", "PLANNER_DEBUG")


@dataclass(frozen=True)
class PlanSettings:
    """What every stage shares. `horizon` counts buckets; without one: 28 days, 26 weeks or 12 months."""

    as_of: dt.date | None = None
    bucket: Bucket = "week"
    horizon: int | None = None
    currency: str = "EUR"
    seed: int = 1

    @property
    def buckets(self) -> int:
        return self.horizon or DEFAULT_HORIZON[self.bucket]


@dataclass(frozen=True)
class ForecastSettings:
    """`methods` are blended by their median, and lightgbm and regression weighed on top by what they did before.

    `history` keeps only the last so many buckets (0: all). `outliers`: one-off spikes are adjusted, or only reported.
    `reconcile`: upper levels are the sums of their series, or forecast too and all drawn to what adds up.
    `drivers` are those to learn from by name; auto: all that are known ahead; none.
    """

    drivers: tuple[str, ...] = ("auto",)
    methods: tuple[str, ...] = ("smoothing", "lightgbm")
    seasonality: Literal["auto", "off"] = "auto"
    history: int = 0
    outliers: Literal["adjust", "report"] = "adjust"
    reconcile: Literal["sums", "least-squares"] = "sums"
    origins: int = 3


@dataclass(frozen=True)
class CampaignSettings:
    """Lift of planned campaigns. `prior_events`: how many own events weigh as much as the prior.

    `pull_forward_share` and `cannibalised_share` are where learning from past campaigns begins; `halo_share` is not
    learnt.
    """

    enabled: bool = True
    prior_events: float = 4.0
    pull_forward_share: float = 0.25
    pull_forward_weeks: int = 3
    cannibalised_share: float = 0.0
    halo_share: float = 0.0


@dataclass(frozen=True)
class CustomerSettings:
    """Cells with fewer than `minimum_cell` people are merged or left out. `segments`: how many; 0 lets them choose.

    Nobody is sent more than `most_contacts` messages in `contact_weeks` weeks.
    """

    minimum_cell: int = 10
    segments: int = 0
    propensity_weeks: int = 4
    most_contacts: int = 2
    contact_weeks: int = 4


@dataclass(frozen=True)
class CountrySettings:
    """What holds for campaigns to come in one country.

    `gain_factor`: what they gain there, as a factor on what the lift says. `channels`: kinds of campaign that may be
    sent there. `consent`: of its customers those who agreed (opt-in), or who did not object (opt-out), are addressed;
    any: the gain is taken as told, and only those who agreed are addressed.
    """

    gain_factor: float = 1.0
    channels: tuple[str, ...] = ("email", "sms", "social", "recommendation")
    consent: Literal["any", "opt-in", "opt-out"] = "any"


@dataclass(frozen=True)
class StockSettings:
    """Defaults where a table is silent, shared limits, and how long the solver may search.

    `whole_trucks`: the vehicles of the lanes, each at its cost per shipment and km, are a cost of the plan.
    """

    review_days: float = 7.0
    lead_days: float = 14.0
    shortage: Literal["lost", "backorder"] = "lost"
    holding_rate_per_year: float = 0.25
    shortage_rate: float = 0.5
    horizon_weeks: int = 26
    budget_per_week: float | None = None
    budget_charge: Literal["order", "receipt", "payment"] = "order"
    whole_trucks: bool = False
    gap: float = 0.005
    nodes: int = 2000
    search_moves: int = 400
    time_limit_seconds: float = 1800.0


@dataclass(frozen=True)
class RouteSettings:
    """How goods travel. Vehicle routes stop by iterations, so that the same input gives the same routes."""

    prefer: Literal["cheapest", "fastest"] = "cheapest"
    iterations: int = 500
    speed_km_per_hour: float = 50.0
    detour_factor: float = 1.3


@dataclass(frozen=True)
class Settings:
    """Everything a run is told. `assumptions` says what an import had to assume; it steers nothing.

    `countries` is by ISO code, such as `[countries.DE]`.
    """

    title: str = ""
    plan: PlanSettings = field(default_factory=PlanSettings)
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    campaigns: CampaignSettings = field(default_factory=CampaignSettings)
    customers: CustomerSettings = field(default_factory=CustomerSettings)
    countries: dict[str, CountrySettings] = field(default_factory=dict)
    stock: StockSettings = field(default_factory=StockSettings)
    routes: RouteSettings = field(default_factory=RouteSettings)
    assumptions: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> Any:
        section, _, name = key.partition(".")
        return getattr(getattr(self, section), name) if name else getattr(self, section)

    def as_dict(self) -> dict[str, Any]:
        """Plain values only, ready for JSON."""
        return {key: plain(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Applied:
    """One entry of the log: which key went from old to new, and who said so."""

    key: str
    old: str
    new: str
    by: str


def read_toml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"{path.name} is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is not valid TOML: {error}", "quote texts, write dates as 2026-03-02") from None


def flatten(body: Any, source: str) -> list[tuple[str, Any]]:
    """Settings as dotted keys; `[settings.stock] gap = 1` and `"stock.gap" = 1` mean the same."""
    if not isinstance(body, dict):
        raise UsageError(f"{source}: `settings` must be a table", "write [settings.stock]")
    return [pair for section, values in body.items() for pair in _pairs(str(section), values)]


def _pairs(key: str, value: Any) -> list[tuple[str, Any]]:
    if not isinstance(value, dict):
        return [(key, value)]
    return [pair for name, inner in value.items() for pair in _pairs(f"{key}.{name}", inner)]


def merge(settings: Settings, body: Mapping[str, Any], source: str) -> Settings:
    body = dict(body)
    assumptions = {str(key): str(value) for key, value in dict(body.pop("assumptions", {})).items()}
    for key, value in flatten(body, source):
        settings = put(settings, key, value, source, [])
    return replace(settings, assumptions=settings.assumptions | assumptions)


def merge_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    for variable, value in sorted(environ.items()):
        if variable.startswith("PLANNER_") and variable not in NOT_SETTINGS:
            section, _, name = variable.removeprefix("PLANNER_").lower().partition("_")
            settings = put(settings, f"{section}.{name}", value, f"environment {variable}", [])
    return settings


def put(settings: Settings, key: str, value: Any, source: str, log: list[Applied]) -> Settings:
    if key.split(".")[0] == "countries":
        return _put_country(settings, key, value, source, log)
    known = _types()
    if any(name.startswith(f"{key}.") for name in known):
        raise UsageError(f"{source}: {key} is a section, not a setting", f"write [{key}] and its settings below it")
    if key not in known:
        raise UsageError(f"{source}: there is no setting {key!r}", nearest(key, list(known)))
    section, _, name = key.partition(".")
    old, new = settings.get(key), _convert(value, known[key], key, source)
    if not name:
        return replace(settings, **{section: new})
    log.append(Applied(key, str(plain(old)), str(plain(new)), source))
    return replace(settings, **{section: replace(getattr(settings, section), **{name: new})})


def _put_country(settings: Settings, key: str, value: Any, source: str, log: list[Applied]) -> Settings:
    """countries.DE.gain_factor = 0.8: the code of the country stands between."""
    kinds = get_type_hints(CountrySettings)
    code, _, name = key.removeprefix("countries").lstrip(".").partition(".")
    if len(code) != 2 or not (code.isascii() and code.isalpha() and code.isupper()):
        raise UsageError(f"{source}: {key}: {code!r} is no country code", "write [countries.DE], two capital letters")
    if name not in kinds:
        raise UsageError(f"{source}: there is no setting {key!r}", nearest(name, list(kinds)))
    before = settings.countries.get(code, CountrySettings())
    new = _convert(value, kinds[name], key, source)
    if name == "gain_factor" and not 0 <= new <= _LARGEST_GAIN_FACTOR:
        raise UsageError(f"{source}: {key} = {value!r} is no factor", f"write 0 to {_LARGEST_GAIN_FACTOR}")
    if name == "channels":
        for channel in new:
            if channel not in CountrySettings.channels:
                raise UsageError(f"{source}: {key}: there is no channel {channel!r}",
                                 nearest(channel, list(CountrySettings.channels)))  # fmt: skip
    log.append(Applied(key, str(plain(getattr(before, name))), str(plain(new)), source))
    return replace(settings, countries=settings.countries | {code: replace(before, **{name: new})})


def _types() -> dict[str, Any]:
    sections = get_type_hints(Settings)
    known: dict[str, Any] = {"title": str}
    for section in fields(Settings):
        if section.name not in ("title", "assumptions", "countries"):
            hints = get_type_hints(sections[section.name])
            known |= {f"{section.name}.{item.name}": hints[item.name] for item in fields(sections[section.name])}
    return known


_LARGEST_GAIN_FACTOR = 10
_AT_LEAST = {
    "plan.horizon": 1,
    "plan.seed": 0,
    "forecast.history": 0,
    "forecast.origins": 0,
    "stock.review_days": 1,
    "stock.lead_days": 0,
    "stock.holding_rate_per_year": 0,
    "stock.shortage_rate": 0,
    "stock.horizon_weeks": 1,
    "stock.budget_per_week": 0,
    "stock.gap": 0,
    "stock.nodes": 1,
    "stock.search_moves": 0,
    "stock.time_limit_seconds": 1,
    "routes.iterations": 1,
    "routes.speed_km_per_hour": 1,
    "routes.detour_factor": 1,
    "campaigns.prior_events": 0,
    "campaigns.pull_forward_share": 0,
    "campaigns.pull_forward_weeks": 0,
    "campaigns.cannibalised_share": 0,
    "campaigns.halo_share": 0,
    "customers.minimum_cell": 1,
    "customers.segments": 0,
    "customers.propensity_weeks": 1,
    "customers.most_contacts": 1,
    "customers.contact_weeks": 1,
}
# Beyond these a date or an array overflows, or a share is none.
_AT_MOST = {
    "plan.horizon": 3650,
    "plan.seed": 2**31 - 1,
    "forecast.history": 36_500,
    "forecast.origins": 52,
    "stock.review_days": 366,
    "stock.lead_days": 3650,
    "stock.horizon_weeks": 520,
    "stock.gap": 1,
    "campaigns.pull_forward_share": 1,
    "campaigns.pull_forward_weeks": 52,
    "campaigns.cannibalised_share": 1,
    "campaigns.halo_share": 1,
    "customers.segments": 20,
    "customers.propensity_weeks": 52,
}


def _convert(value: Any, kind: Any, key: str, source: str) -> Any:
    """`value` as the type of the setting; texts from the environment are read as that type."""
    try:
        result = read_as(value, kind)
    except (TypeError, ValueError):
        raise UsageError(f"{source}: {key} = {value!r} is not {_words(kind)}", f"write {_words(kind)}") from None
    low = _AT_LEAST.get(key)
    if low is not None and result is not None and result < low:
        raise UsageError(f"{source}: {key} = {value!r} is below {low}", f"write {low} or more")
    high = _AT_MOST.get(key)
    if high is not None and result is not None and result > high:
        raise UsageError(f"{source}: {key} = {value!r} is above {high}", f"write {high} or less")
    return result


def read_as(value: Any, kind: Any) -> Any:
    if isinstance(kind, UnionType):
        return (
            None
            if value in (None, "", "none")
            else read_as(value, next(arg for arg in get_args(kind) if arg is not NoneType))
        )
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(value)
        return value
    if get_origin(kind) is tuple:
        return tuple(str(item) for item in (value.split(",") if isinstance(value, str) else value))
    if kind is bool:
        return (
            {"true": True, "1": True, "false": False, "0": False}[value.lower()]
            if isinstance(value, str)
            else _exactly(value, bool)
        )
    if kind is dt.date:
        return value if type(value) is dt.date else dt.date.fromisoformat(str(value))
    if kind is int:
        return int(value) if isinstance(value, str) else _exactly(value, int)
    if kind is float:
        if isinstance(value, bool) or not math.isfinite(float(value)):
            raise ValueError(value)
        return float(value)
    return _exactly(value, kind)


def _exactly(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(value)
    return value


def _words(kind: Any) -> str:
    if isinstance(kind, UnionType):
        return _words(next(arg for arg in get_args(kind) if arg is not NoneType))
    if get_origin(kind) is Literal:
        return " or ".join(str(arg) for arg in get_args(kind))
    return {bool: "true or false", int: "a whole number", float: "a number", dt.date: "a date such as 2026-03-02"}.get(
        kind, "a list of names" if get_origin(kind) is tuple else "a text"
    )


def only(body: Mapping[str, Any], names: tuple[str, ...], source: str) -> None:
    for name in body:
        if name not in names:
            raise UsageError(f"{source}: there is no key {name!r}", nearest(name, list(names)))


def nearest(name: str, names: list[str]) -> str:
    """What was meant: the closest of the names, capitals aside, else the first dozen of them."""
    same = {known.casefold(): known for known in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), list(same), n=1, cutoff=0.5)
    if close:
        return f"did you mean {same[close[0]]}?"
    return f"known: {', '.join(names[:12])}{', ...' if len(names) > 12 else ''}"


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value
