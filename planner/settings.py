"""planner.toml and scenarios -> settings.

Priority: flag, then scenario, then environment `PLANNER_SECTION_KEY`, then planner.toml, then the default.
A scenario changes settings and selections of data; two changes of one key are an error that names both, and every
change that is applied is logged old -> new.
"""

from __future__ import annotations

import datetime as dt
import difflib
import os
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
    """`methods` are blended by their median; `history` keeps only the last so many buckets (0: all)."""

    methods: tuple[str, ...] = ("ses", "imapa", "tsb", "sba", "moving-average-13", "moving-average-26")
    seasonality: Literal["auto", "off"] = "auto"
    history: int = 0
    origins: int = 3


@dataclass(frozen=True)
class CampaignSettings:
    """Lift of planned campaigns. `prior_events`: how many own events weigh as much as the prior."""

    enabled: bool = True
    prior_events: float = 4.0
    pull_forward_share: float = 0.25
    pull_forward_weeks: int = 3
    cannibalised_share: float = 0.0
    halo_share: float = 0.0


@dataclass(frozen=True)
class StockSettings:
    """Defaults where a table is silent, shared limits, and how long the solver may search."""

    review_days: float = 7.0
    lead_days: float = 14.0
    shortage: Literal["lost", "backorder"] = "lost"
    holding_rate_per_year: float = 0.25
    shortage_rate: float = 0.5
    horizon_weeks: int = 26
    budget_per_week: float | None = None
    budget_charge: Literal["order", "receipt", "payment"] = "order"
    gap: float = 0.005
    nodes: int = 2000
    group_size: int = 40
    time_limit_seconds: float = 1800.0


@dataclass(frozen=True)
class RouteSettings:
    """How goods travel. Vehicle routes stop by iterations, so that the same input gives the same routes."""

    prefer: Literal["cheapest", "fastest"] = "cheapest"
    iterations: int = 2000
    speed_km_per_hour: float = 50.0
    detour_factor: float = 1.3


@dataclass(frozen=True)
class Settings:
    title: str = ""
    plan: PlanSettings = field(default_factory=PlanSettings)
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    campaigns: CampaignSettings = field(default_factory=CampaignSettings)
    stock: StockSettings = field(default_factory=StockSettings)
    routes: RouteSettings = field(default_factory=RouteSettings)

    def get(self, key: str) -> Any:
        section, _, name = key.partition(".")
        return getattr(getattr(self, section), name) if name else getattr(self, section)

    def as_dict(self) -> dict[str, Any]:
        """Plain values only, ready for JSON."""
        return {key: _plain(value) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Change:
    """One change of data: in `table`, rows that fit `where` (and start within from..to), `column` by one operation."""

    table: str
    column: str
    operation: Literal["set", "add", "scale", "remove"]
    amount: str | float | bool | None
    where: tuple[tuple[str, tuple[str, ...]], ...]
    start: dt.date | None
    end: dt.date | None
    by: str

    def describe(self) -> str:
        where = ", ".join(f"{name}={'|'.join(values)}" for name, values in self.where) or "all rows"
        span = f" {self.start or ''}..{self.end or ''}" if self.start or self.end else ""
        what = f"{self.table}.{self.column}" if self.column else self.table
        return f"{what} {self.operation} {'' if self.amount is None else self.amount} where {where}{span}".strip()


@dataclass(frozen=True)
class Applied:
    """One entry of the log: which key went from old to new, and who said so."""

    key: str
    old: str
    new: str
    by: str


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    settings: Settings
    changes: tuple[Change, ...]
    log: tuple[Applied, ...]


def resolve(
    root: Path, scenario: str = "base", flags: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> Scenario:
    """Settings and data changes of one scenario of the workspace at `root`.

    Raises UsageError for an unknown key (naming the nearest), a wrong type, a loop in `extends`, or two changes of
    one key.
    """
    settings = _merge(Settings(), _toml(root / "planner.toml"), "planner.toml")
    settings = _merge_environment(settings, os.environ if environ is None else environ)
    chain = _chain(root, scenario)
    log: list[Applied] = []
    changes: list[Change] = []
    seen: dict[str, str] = {}
    for name, body in chain:
        source = f"scenarios/{name}.toml"
        for key, value in _flatten(body.get("settings", {}), source):
            _claim(seen, key, source)
            settings = _set(settings, key, value, source, log)
        changes += [_change(entry, source) for entry in _entries(body, source)]
    for key, value in (flags or {}).items():
        settings = _set(settings, key, value, "command line", log)
    _no_twins(changes)
    title = str(chain[-1][1].get("title", "")) if chain else ""
    return Scenario(scenario, title or scenario, settings, tuple(changes), tuple(log))


def scenario_names(root: Path) -> list[str]:
    """Every scenario of the workspace; `base` exists even without a file."""
    return sorted({"base"} | {path.stem for path in (root / "scenarios").glob("*.toml")})


def scenario_title(root: Path, name: str) -> tuple[str, str]:
    """Title and parents of a scenario, as written."""
    body = _toml(root / "scenarios" / f"{name}.toml")
    return str(body.get("title", name)), ", ".join(_parents(body, name))


def _toml(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} is not valid TOML: {error}", "quote texts, write dates as 2026-03-02") from None


def _chain(root: Path, scenario: str) -> list[tuple[str, dict[str, Any]]]:
    """The scenario and everything it extends, ancestors first, each once."""
    found: dict[str, dict[str, Any]] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise UsageError(f"scenario {path[0]} extends itself: {' -> '.join((*path, name))}", "remove one `extends`")
        file = root / "scenarios" / f"{name}.toml"
        if not file.exists() and name != "base":
            raise UsageError(f"there is no scenario {name!r}", _nearest(name, scenario_names(root)))
        body = _toml(file)
        _known(body, ("title", "extends", "settings", "change"), f"scenarios/{name}.toml")
        for parent in _parents(body, name):
            visit(parent, (*path, name))
        found.setdefault(name, body)

    visit(scenario, ())
    return list(found.items())


def _parents(body: Mapping[str, Any], name: str) -> list[str]:
    extends = body.get("extends", [] if name == "base" else ["base"])
    return [str(parent) for parent in ([extends] if isinstance(extends, str) else extends)]


def _claim(seen: dict[str, str], key: str, source: str) -> None:
    if key in seen:
        raise UsageError(f"{key} is changed twice: in {seen[key]} and in {source}", "keep one of the two")
    seen[key] = source


def _no_twins(changes: list[Change]) -> None:
    seen: dict[str, str] = {}
    for change in changes:
        where = ", ".join(f"{name}={'|'.join(values)}" for name, values in change.where) or "all rows"
        _claim(
            seen, f"{change.table}.{change.column} ({where}) {change.start or ''}{change.end or ''}".strip(), change.by
        )


def _flatten(body: Any, source: str) -> list[tuple[str, Any]]:
    """Settings as dotted keys; `[settings.stock] gap = 1` and `"stock.gap" = 1` mean the same."""
    if not isinstance(body, dict):
        raise UsageError(f"{source}: `settings` must be a table", "write [settings.stock]")
    return [
        pair
        for section, values in body.items()
        for pair in (
            [(f"{section}.{key}", value) for key, value in values.items()]
            if isinstance(values, dict)
            else [(section, values)]
        )
    ]


def _merge(settings: Settings, body: Mapping[str, Any], source: str) -> Settings:
    for key, value in _flatten(dict(body), source):
        settings = _set(settings, key, value, source, [])
    return settings


def _merge_environment(settings: Settings, environ: Mapping[str, str]) -> Settings:
    for variable, value in sorted(environ.items()):
        if variable.startswith("PLANNER_") and variable not in NOT_SETTINGS:
            section, _, name = variable.removeprefix("PLANNER_").lower().partition("_")
            settings = _set(settings, f"{section}.{name}", value, f"environment {variable}", [])
    return settings


def _set(settings: Settings, key: str, value: Any, source: str, log: list[Applied]) -> Settings:
    known = _types()
    if key not in known:
        raise UsageError(f"{source}: there is no setting {key!r}", _nearest(key, list(known)))
    section, _, name = key.partition(".")
    old, new = settings.get(key), _convert(value, known[key], key, source)
    if not name:
        return replace(settings, **{section: new})
    log.append(Applied(key, str(_plain(old)), str(_plain(new)), source))
    return replace(settings, **{section: replace(getattr(settings, section), **{name: new})})


def _types() -> dict[str, Any]:
    sections = get_type_hints(Settings)
    known: dict[str, Any] = {"title": str}
    for section in fields(Settings):
        if section.name != "title":
            hints = get_type_hints(sections[section.name])
            known |= {f"{section.name}.{item.name}": hints[item.name] for item in fields(sections[section.name])}
    return known


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
    "stock.group_size": 1,
    "stock.time_limit_seconds": 1,
    "routes.iterations": 1,
    "routes.speed_km_per_hour": 1,
    "routes.detour_factor": 1,
    "campaigns.prior_events": 0,
    "campaigns.pull_forward_share": 0,
    "campaigns.pull_forward_weeks": 0,
    "campaigns.cannibalised_share": 0,
    "campaigns.halo_share": 0,
}


def _convert(value: Any, kind: Any, key: str, source: str) -> Any:
    """`value` as the type of the setting; texts from the environment are read as that type."""
    try:
        result = _as(value, kind)
    except (TypeError, ValueError):
        raise UsageError(f"{source}: {key} = {value!r} is not {_words(kind)}", f"write {_words(kind)}") from None
    low = _AT_LEAST.get(key)
    if low is not None and result is not None and result < low:
        raise UsageError(f"{source}: {key} = {value!r} is below {low}", f"write {low} or more")
    return result


def _as(value: Any, kind: Any) -> Any:
    if isinstance(kind, UnionType):
        return (
            None
            if value in (None, "", "none")
            else _as(value, next(arg for arg in get_args(kind) if arg is not NoneType))
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
        if isinstance(value, bool) or float(value) != float(value):
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


def _entries(body: Mapping[str, Any], source: str) -> list[dict[str, Any]]:
    entries = body.get("change", [])
    if not isinstance(entries, list):
        raise UsageError(f"{source}: `change` must be a list", "write [[change]]")
    return entries


def _change(entry: Mapping[str, Any], source: str) -> Change:
    _known(entry, ("table", "column", "where", "from", "to", "set", "add", "scale", "remove"), source)
    operations = [name for name in ("set", "add", "scale", "remove") if name in entry]
    if len(operations) != 1 or "table" not in entry:
        raise UsageError(
            f"{source}: a change needs a table and one of set, add, scale, remove", "see scenarios/port-delay.toml"
        )
    operation = operations[0]
    table = str(entry["table"])
    column = str(entry.get("column", "quantity" if table == "demand" else ""))
    if operation == "remove":
        if entry["remove"] is not True or column:
            raise UsageError(f"{source}: `remove` takes `true` and no column", "write remove = true")
    elif not column:
        raise UsageError(f"{source}: the change of {table} names no column", 'write column = "lead_days"')
    amount = None if operation == "remove" else _amount(entry[operation], operation, source)
    return Change(
        table,
        column,
        operation,
        amount,
        _where(entry, source),
        _date(entry, "from", source),
        _date(entry, "to", source),
        source,
    )  # type: ignore[arg-type]


def _amount(value: Any, operation: str, source: str) -> str | float | bool:
    if operation in ("add", "scale"):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UsageError(f"{source}: {operation} = {value!r} is not a number", f"write {operation} = 1.2")
        return float(value)
    return value if isinstance(value, bool) else float(value) if isinstance(value, int | float) else str(value)


def _where(entry: Mapping[str, Any], source: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    where = entry.get("where", {})
    if not isinstance(where, dict):
        raise UsageError(f"{source}: `where` must be a table", 'write where = { category = "juice" }')
    return tuple(
        (name, tuple(str(value) for value in (values if isinstance(values, list) else [values])))
        for name, values in sorted(where.items())
    )


def _date(entry: Mapping[str, Any], name: str, source: str) -> dt.date | None:
    value = entry.get(name)
    if value is None:
        return None
    try:
        return _as(value, dt.date)  # type: ignore[no-any-return]
    except ValueError:
        raise UsageError(f"{source}: {name} = {value!r} is not a date", "write 2026-03-02") from None


def _known(body: Mapping[str, Any], names: tuple[str, ...], source: str) -> None:
    for name in body:
        if name not in names:
            raise UsageError(f"{source}: there is no key {name!r}", _nearest(name, list(names)))


def _nearest(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(names[:12])}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, dt.date) else value
