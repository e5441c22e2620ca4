"""dunnhumby's The Complete Journey: baskets of 2,500 households, the coupons sent to them, displays and mailers.

Sales of the largest stores become series; every line, of whichever store, stays with its household. Coupon campaigns
have no control group: they were not randomised. Displays and mailers become one campaign a week and kind.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from planner.errors import DataError, Issue, UsageError
from planner.importers import assume
from planner.importers.draft import Draft
from planner.importers.inputs import Inputs
from planner.importers.journey_files import Read, find, read_file, read_parts
from planner.importers.keys import NO_KEY, keyed_hashes, read_key
from planner.importers.registry import Options
from planner.periods import days_long

RECENT = pd.Timedelta(weeks=assume.RECENT_WEEKS)
_SENT = pd.Timedelta(hours=9)
_WEEK, _DAY = pd.Timedelta(weeks=1), pd.Timedelta(days=1)
_SHOWN_AS = {"display": "displays of a week", "feature": "mailers of a week"}
# Lines that fall into the week they name: fewer, and DAY and WEEK_NO do not belong together.
_FIT = 0.9
_FACTS = ("age", "marital_status", "income", "home_ownership", "household_comp", "household_size", "kids_count")


@dataclass(frozen=True)
class _Mail:
    """Coupon campaigns; sku `promoted` by campaign; household, campaign, sent_at and conversion (0 or 1) `sent`."""

    campaigns: pd.DataFrame
    promoted: pd.DataFrame
    sent: pd.DataFrame


@dataclass(frozen=True)
class _Baskets:
    """`lines`: date, week, basket, household, sku, store, quantity, unit_price, list_price. `week_one`: the first day
    of week 1. `notes`: what was left out.
    """

    lines: pd.DataFrame
    week_one: pd.Timestamp
    as_of: dt.date
    notes: list[str]


def read(inputs: Inputs, options: Options) -> Draft:
    """The eight files as tables. Raises DataError where one does not fit its layout."""
    paths = find(inputs)
    key = read_key(inputs, options["key_file"])
    first_day = _day(str(options["first_day"]))
    inputs.say(f"reading {paths['lines'].name}")
    products = read_file(paths["products"], "products")
    baskets = _baskets(read_file(paths["lines"], "lines"), products, first_day)
    stores = _largest(baskets.lines, int(options["stores"]))
    sold = baskets.lines[baskets.lines["store"].isin(stores).to_numpy()]
    inputs.say("reading campaigns and coupons")
    mail = _mail(paths, first_day, baskets.as_of)
    people = read_file(paths["households"], "households")
    people.texts("household")
    inputs.say(f"reading {paths['shown'].name}")
    shown = _shown(paths["shown"], set(baskets.lines["sku"]), set(stores), baskets.week_one)
    items = _items(baskets.lines, products, baskets.as_of, options["drop_after_weeks"], options["cost_share"])
    promoted = mail.promoted[mail.promoted["sku"].isin(items["sku"]).to_numpy()]
    notes = [*baskets.notes, *_left_out(baskets.lines, stores, sold, len(mail.promoted) - len(promoted))]
    tables = {
        "items": items,
        "locations": _locations(baskets.lines, str(options["supplier"])),
        **_supply(sold, items, baskets.as_of, options),
        "sales": _sales(sold),
        **_promotions(mail.campaigns, promoted, shown, baskets.as_of),
        **({} if key is None else _people(baskets.lines, mail, people, key)),
    }
    return Draft(
        title="The Complete Journey",
        tables=tables,
        as_of=baskets.as_of,
        bucket="week",
        currency="USD",
        assumptions=options.assumptions() | _assumed(baskets),
        stock={"review_days": float(options["review_days"]), "lead_days": float(options["lead_days"])},
        notes=tuple(notes if key else [*notes, f"customers, order_lines and assignments {NO_KEY}"]),
    )


def _assumed(baskets: _Baskets) -> dict[str, str]:
    last = baskets.lines["date"].max()
    return {
        "mail": "coupons by post count as kind email; what they are worth is not in the source: discount_rate 0",
        "last_week": f"the week up to {baskets.as_of} is complete: the last line kept is of {last:%Y-%m-%d}",
        "consent": "the source tells no consent: nobody may be written to before customers says so",
    }


def _day(text: str) -> pd.Timestamp:
    try:
        return pd.Timestamp(dt.date.fromisoformat(text))
    except ValueError:
        raise UsageError(f"--first-day {text!r} is not a date", "write 2014-01-01") from None


def _baskets(file: Read, products: Read, first_day: pd.Timestamp) -> _Baskets:
    """Lines with dates and prices. Shelf price = (sales value + both discounts of the shop) / quantity; the files
    write discounts with a minus or without, so their size counts.
    """
    quantity = file.numbers("quantity")
    value = file.numbers("sales_value")
    cut = np.abs(file.numbers("retail_disc", -np.inf)) + np.abs(file.numbers("coupon_match_disc", -np.inf))
    units = np.where(quantity > 0, quantity, np.nan)
    lines = pd.DataFrame(
        {
            "date": file.days("day", first_day),
            "week": file.numbers("week"),
            "basket": file.texts("basket"),
            "household": file.texts("household"),
            "sku": file.texts("product"),
            "store": file.texts("store"),
            "quantity": quantity,
            "unit_price": (value / units).round(4),
            "list_price": ((value + cut) / units).round(4),
        }
    )
    if lines.empty:
        raise DataError([Issue(file.path.name, None, "", "", "holds no rows", "download it again")])
    week_one = _week_one(file, lines)
    lines, notes = _clean(lines, products)
    as_of = _nearest_monday(lines["date"].max() + pd.Timedelta(days=1))
    late = lines["date"] >= as_of
    if late.any():
        notes.append(f"{int(late.sum()):,} lines left out: they belong to a week that has only begun")
    return _Baskets(lines[~late.to_numpy()], week_one, as_of.date(), notes)


def _week_one(file: Read, lines: pd.DataFrame) -> pd.Timestamp:
    """The first day of week 1, so that most lines fall into the week they name; of equals a Monday, then the first."""
    zero = lines["date"] - days_long(7 * lines["week"])
    count = zero.value_counts()
    days = {day - back * _DAY for day in count.index for back in range(7)}
    fit = {day: int(count[(count.index >= day) & (count.index < day + _WEEK)].sum()) for day in days}
    best = max(fit, key=lambda day: (fit[day], day.weekday() == 0, -day.toordinal()))
    if fit[best] < _FIT * len(lines):
        row = int(np.flatnonzero(~zero.between(best, best + _WEEK, inclusive="left"))[0])
        shown = str(file.frame["week"].iloc[row])
        rule = f"does not fit the day: {fit[best] / len(lines):.0%} of the lines lie in the week that they name"
        raise DataError([Issue(file.path.name, row + 2, file.headers["week"], shown, rule, "count weeks from day 1")])
    return pd.Timestamp(best) + _WEEK


def _clean(lines: pd.DataFrame, products: Read) -> tuple[pd.DataFrame, list[str]]:
    """Lines of goods that can be stocked, and a note for each kind that is left out."""
    kind = products.texts("kind", blank=True).str.startswith("GASOLINE")
    fuel = lines["sku"].isin(products.texts("product")[kind.to_numpy()])
    unknown = ~lines["sku"].isin(products.texts("product"))
    none = ~fuel & ~unknown & (lines["quantity"] <= 0)
    told = (
        (fuel, "fuel: its quantity is no number of units"),
        (unknown, f"their product does not stand in {products.path.name}"),
        (none, "no quantity"),
    )
    notes = [f"{int(out.sum()):,} lines left out: {why}" for out, why in told if out.any()]
    return lines[~(fuel | unknown | none).to_numpy()], notes


def _nearest_monday(day: pd.Timestamp) -> pd.Timestamp:
    return day + pd.Timedelta(days=3) - pd.Timedelta(days=(day + pd.Timedelta(days=3)).weekday())


def _largest(lines: pd.DataFrame, wanted: int) -> list[str]:
    """The stores with the most lines, all of them for 0; of equals the first by code."""
    counts = lines["store"].value_counts().rename_axis("store").reset_index()
    ordered = counts.sort_values(["count", "store"], ascending=[False, True])["store"]
    return sorted(ordered.head(wanted) if wanted else ordered)


def _left_out(lines: pd.DataFrame, stores: list[str], sold: pd.DataFrame, unsold: int) -> list[str]:
    notes = []
    if len(sold) < len(lines):
        away, count = lines["store"].nunique() - len(stores), len(lines) - len(sold)
        notes.append(
            f"sales of {away:,} smaller stores left out ({count:,} lines; --stores 0 takes all): order_lines has them"
        )
    if unsold:
        notes.append(f"{unsold:,} pairs of a coupon campaign and a product left out: nobody bought the product")
    return notes


def _items(
    lines: pd.DataFrame, products: Read, as_of: dt.date, drop_after_weeks: int, cost_share: float
) -> pd.DataFrame:
    """One row a product that was sold: what it is, its mean price of late, and its end if it sells no more."""
    last = lines.groupby("sku")["date"].max()
    recent = lines[(lines["date"] > lines["sku"].map(last) - RECENT).to_numpy()]
    sums = recent.assign(money=recent["list_price"] * recent["quantity"]).groupby("sku")[["money", "quantity"]].sum()
    price = (sums["money"] / sums["quantity"]).round(4)
    ended = last < pd.Timestamp(as_of) - pd.Timedelta(weeks=drop_after_weeks) if drop_after_weeks else last.isna()
    words = {"description": "kind", "category": "commodity", "brand": "brand", "department": "department",
             "maker": "maker", "size": "size"}  # fmt: skip
    told = pd.DataFrame({name: products.texts(word, blank=True) for name, word in words.items()})
    told = told.assign(sku=products.texts("product")).drop_duplicates("sku").set_index("sku").reindex(price.index)
    told = told.assign(unit_cost=(price * cost_share).round(4), unit_price=price, end_date=last.where(ended))
    return told.rename_axis("sku").sort_index().reset_index()


def _locations(lines: pd.DataFrame, supplier: str) -> pd.DataFrame:
    stores = pd.DataFrame({"location": sorted(lines["store"].unique()), "kind": "store", "country": "US"})
    return assume.places(stores, supplier)


def _supply(sold: pd.DataFrame, items: pd.DataFrame, as_of: dt.date, options: Options) -> dict[str, pd.DataFrame]:
    """Stocking, sourcing and stock of what each store sold; nothing is on hand of items that ended."""
    series = sold[["sku", "store"]].drop_duplicates().rename(columns={"store": "warehouse"})
    series = series.sort_values(["sku", "warehouse"], ignore_index=True)
    recent = sold[(sold["date"] >= pd.Timestamp(as_of) - RECENT).to_numpy()]
    weekly = recent.groupby(["sku", "store"])["quantity"].sum() / assume.RECENT_WEEKS
    ends = series["sku"].map(items.set_index("sku")["end_date"])
    known = weekly.reindex(pd.MultiIndex.from_frame(series)).fillna(0.0).to_numpy()
    mean = pd.Series(np.where(ends.isna(), known, 0.0))
    supplier, lead, review = str(options["supplier"]), float(options["lead_days"]), float(options["review_days"])
    supply = assume.supply(series, mean, supplier, lead, review, options["cover_weeks"])
    supply["stocking"] = supply["stocking"].assign(listed_to=ends.to_numpy())
    return supply


def _sales(sold: pd.DataFrame) -> pd.DataFrame:
    """One row a product, store and day, with the mean of what was paid and of the shelf price."""
    key = ["date", "sku", "store"]
    money = sold.assign(paid=sold["unit_price"] * sold["quantity"], full=sold["list_price"] * sold["quantity"])
    sums = money.groupby(key)[["quantity", "paid", "full"]].sum().reset_index()
    parts = {"unit_price": "paid", "list_price": "full"}
    prices = {name: (sums[part] / sums["quantity"]).round(4) for name, part in parts.items()}
    sales = sums[[*key, "quantity"]].assign(**prices).rename(columns={"store": "warehouse"})
    return sales.sort_values(["date", "sku", "warehouse"], ignore_index=True)


def _mail(paths: Mapping[str, Path], first_day: pd.Timestamp, as_of: dt.date) -> _Mail:
    """What was sent to whom, for which products, and who redeemed a coupon of it."""
    campaigns, starts = _campaigns(read_file(paths["campaigns"], "campaigns"), first_day, as_of)
    coupons, addressed = read_file(paths["coupons"], "coupons"), read_file(paths["addressed"], "addressed")
    redeemed = read_file(paths["redeemed"], "redeemed")
    redeemed.days("day", first_day)
    promoted = pd.DataFrame({"campaign": _codes(coupons, starts), "sku": coupons.texts("product")}).drop_duplicates()
    sent, used = (
        pd.DataFrame({"campaign": _codes(file, starts), "household": file.texts("household")}).drop_duplicates()
        for file in (addressed, redeemed)
    )
    sent = sent.merge(used.assign(conversion=1.0), how="left", on=["campaign", "household"]).fillna({"conversion": 0.0})
    sent = sent.assign(sent_at=sent["campaign"].map(campaigns.set_index("campaign")["start"]) + _SENT)
    size = campaigns["campaign"].map(sent["campaign"].value_counts()).fillna(0).astype(float)
    return _Mail(campaigns.assign(audience_size=size), promoted, sent)


def _campaigns(file: Read, first_day: pd.Timestamp, as_of: dt.date) -> tuple[pd.DataFrame, pd.Index]:
    """Coupon campaigns as a table, and their codes in the source."""
    start, end, code = file.days("start", first_day), file.days("end", first_day), file.texts("campaign")
    file.refuse("end", (end < start).to_numpy(), "lies before the start", "correct the one or the other")
    file.refuse("campaign", code.duplicated().to_numpy(), "stands twice", "keep one row")
    table = pd.DataFrame(
        {
            "campaign": _name(code),
            "kind": "email",
            "start": start,
            "end": end,
            "name": "coupons by post, " + file.texts("type").str.replace(" ", ""),
            "status": np.where(end < pd.Timestamp(as_of), "done", "planned"),
        }
    )
    return table.sort_values("campaign", ignore_index=True), pd.Index(code, name=file.path.name)


def _codes(file: Read, known: pd.Index) -> pd.Series:
    """The campaigns of a file by the names of the table."""
    return _name(file.known("campaign", list(known), str(known.name)))


def _name(code: pd.Series) -> pd.Series:
    return "COUPON-" + code.str.zfill(2)


def _shown(path: Path, skus: set[str], stores: set[str], week_one: pd.Timestamp) -> pd.DataFrame:
    """kind, start, sku, warehouse: what stood on display or in the mailer, of products and stores that count."""
    parts = [pd.DataFrame({name: pd.Series(dtype=object) for name in ("kind", "start", "sku", "warehouse")})]
    for part in read_parts(path, "shown"):
        rows = pd.DataFrame({"sku": part.texts("product"), "warehouse": part.texts("store")})
        rows["start"] = week_one + pd.to_timedelta(7 * (part.numbers("week", 1.0) - 1), unit="D")
        counts = rows["sku"].isin(skus) & rows["warehouse"].isin(stores)
        for kind, word in (("display", "display"), ("feature", "mailer")):
            on = counts & ~part.texts(word, blank=True).isin(["", "0"])
            parts.append(rows[on.to_numpy()].assign(kind=kind))
    found = [part for part in parts if len(part)]
    return pd.concat(found, ignore_index=True) if found else parts[0]


def _promotions(
    mail: pd.DataFrame, promoted: pd.DataFrame, shown: pd.DataFrame, as_of: dt.date
) -> dict[str, pd.DataFrame]:
    """Coupon campaigns, one campaign a week of displays and one a week of mailers, and what each promotes."""
    weeks = shown[["kind", "start"]].drop_duplicates().sort_values(["kind", "start"])
    end = pd.to_datetime(weeks["start"]) + _WEEK - _DAY
    own = weeks.assign(
        campaign=_weekly_name(weeks), end=end, name=weeks["kind"].map(_SHOWN_AS),
        status=np.where(end < pd.Timestamp(as_of), "done", "planned"),
    )  # fmt: skip
    items = shown.assign(campaign=_weekly_name(shown))[["campaign", "sku", "warehouse"]].drop_duplicates()
    both = pd.concat([promoted.assign(warehouse="*"), items], ignore_index=True)
    return {
        "campaigns": pd.concat([mail, own], ignore_index=True) if len(own) else mail,
        "campaign_items": both.sort_values(["campaign", "sku", "warehouse"], ignore_index=True),
    }


def _weekly_name(rows: pd.DataFrame) -> pd.Series:
    return rows["kind"].str.upper() + "-" + pd.to_datetime(rows["start"]).dt.strftime("%Y-%m-%d")


def _people(lines: pd.DataFrame, mail: _Mail, people: Read, key: bytes) -> dict[str, pd.DataFrame]:
    """Households, their lines and what was sent to them, all under keyed hashes."""
    facts = pd.DataFrame({name: people.texts(name, blank=True) for name in _FACTS})
    facts = facts.set_index(people.texts("household")).groupby(level=0).first()
    names = pd.Index(sorted({*lines["household"], *facts.index, *mail.sent["household"]}))
    hashed = pd.Series(np.asarray(keyed_hashes(pd.Series(names), key)), index=names)
    home = lines.groupby(["household", "store"]).size().rename("lines").reset_index()
    home = home.sort_values(["household", "lines", "store"], ascending=[True, False, True]).drop_duplicates("household")
    customers = pd.DataFrame(
        {
            "customer": hashed.to_numpy(),
            "country": "US",
            "home_warehouse": home.set_index("household")["store"].reindex(names).fillna("").to_numpy(),
            "created_on": lines.groupby("household")["date"].min().reindex(names).to_numpy(),
            **{name: facts[name].reindex(names).fillna("").to_numpy() for name in _FACTS},
        }
    )
    order_lines = lines.assign(customer=lines["household"].map(hashed), country="US").rename(
        columns={"basket": "order_id", "store": "warehouse"}
    )
    told = ["order_id", "date", "customer", "sku", "quantity", "unit_price", "warehouse", "country"]
    order_lines = order_lines[told].sort_values(["date", "order_id", "sku", "quantity"], ignore_index=True)
    sent = mail.sent.assign(customer=mail.sent["household"].map(hashed), arm="coupons", share=1.0)
    sent = sent[["campaign", "customer", "arm", "share", "sent_at", "conversion"]]
    return {
        "customers": customers.sort_values("customer", ignore_index=True),
        "order_lines": order_lines,
        "assignments": sent.sort_values(["campaign", "customer"], ignore_index=True),
    }
