"""The contract of every table: columns, types, units, defaults, rules.

Reading, validation, `planner schema`, data/README.md and the header rows of exports all come from here.
A column word means the same in every table, so it is described once, in COLUMNS; a table lists the words it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

Type = Literal["text", "integer", "number", "date", "datetime", "time", "flag", "share", "weekdays"]
Default = str | float | bool | None


@dataclass(frozen=True)
class Column:
    """One column. `default` fills an empty or absent cell; None leaves it unknown ("" in text, NaN, NaT)."""

    name: str
    type: Type
    text: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    refers: str = ""
    required: bool = False
    default: Default = None


@dataclass(frozen=True)
class Table:
    """One table: `key` names the columns that no two rows share; without a key rows may repeat."""

    name: str
    text: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    group: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


def _text(name: str, text: str, *choices: str, refers: str = "") -> Column:
    return Column(name, "text", text, choices=choices, refers=refers)


def _number(name: str, text: str, unit: str = "", low: float | None = 0.0, high: float | None = None) -> Column:
    return Column(name, "number", text, unit, low, high)


def _whole(name: str, text: str, unit: str = "", low: float | None = 0.0, high: float | None = None) -> Column:
    return Column(name, "integer", text, unit, low, high)


def _typed(name: str, kind: Type, text: str) -> Column:
    return Column(name, kind, text)


LOCATION_KINDS = ("supplier", "plant", "port", "dc", "warehouse", "store", "zone")
CAMPAIGN_KINDS = ("price", "feature", "display", "email", "sms", "social", "recommendation")

_WORDS = (
    # identifiers
    _text("sku", "stock keeping unit", refers="items.sku"),
    _text("warehouse", "where it is stocked and sold", refers="locations.location"),
    _text("location", "a place", refers="locations.location"),
    _text("source", "where it comes from: a supplier, dc or warehouse", refers="locations.location"),
    _text("origin", "where it starts", refers="locations.location"),
    _text("destination", "where it goes", refers="locations.location"),
    _text("depot", "where vehicles start", refers="locations.location"),
    _text("home_warehouse", "warehouse that serves the customer", refers="locations.location"),
    _text("predecessor", "the SKU it replaces", refers="items.sku"),
    _text("campaign", "campaign code", refers="campaigns.campaign"),
    _text("customer", "keyed hash of the customer; never a name or an address"),
    _text("order_id", "order number"),
    _text("delivery", "delivery number"),
    _text("vehicle", "vehicle type"),
    _text("lot", "lot or batch"),
    _text("carrier", "carrier"),
    _text("service", "carrier's service"),
    _text("zone", "tariff zone"),
    _text("name", "name"),
    _text("description", "what it is"),
    _text("category", "product category"),
    _text("brand", "brand"),
    _text("unit", "unit of measure"),
    _text("country", "ISO country code"),
    _text("region", "region"),
    _text("currency", "ISO currency code"),
    _text("segment", "customer segment addressed"),
    _text("channel", "sales channel"),
    _text("mode", "mode of transport, such as road, sea, air"),
    _text("supplier", "who made it"),
    _text("parent_lots", "lots it was made from, separated by spaces"),
    _text("device", "reading device"),
    _text("text", "words that describe the item"),
    _text("hs_code", "customs tariff number, or a prefix of it"),
    _text("origin_country", "ISO code of the country of origin"),
    _text("resource", "a location, origin>destination>mode, or all"),
    _text("vehicle_kinds", "vehicle types that may serve it, separated by spaces"),
    _text("postcode_from", "first postcode"),
    _text("postcode_to", "last postcode"),
    _text("timezone", "IANA time zone"),
    _text("gender", "gender"),
    _text("occupation", "occupation"),
    _text("arm", "treatment; `control` is reserved"),
    _text("system", "the other system"),
    _text("ours", "code here"),
    _text("theirs", "code there"),
    _text("from", "where it left", refers="locations.location"),
    _text("to", "where it arrived", refers="locations.location"),
    # choices
    _text("shortage", "what demand does that finds no stock", "lost", "backorder"),
    _text("service_kind", "what the service target counts", "cycle", "fill"),
    _text("scope", "what the limit is on", "storage", "inbound", "outbound", "supply", "lane", "money"),
    _text("measure", "what the limit counts", "m3", "kg", "units", "pallets", "money"),
    _text("status", "state of the row"),
    _text("kind", "kind of the row"),
    # quantities
    _number("quantity", "how many", "units"),
    _number("on_hand", "on hand", "units"),
    _number("allocated", "on hand but promised", "units"),
    _number("quantity_step", "smallest step of a quantity", "units"),
    _number("case_quantity", "units in a case", "units"),
    _number("pallet_quantity", "units on a pallet", "units"),
    _number("moq", "minimum order quantity of a line", "units"),
    _number("order_multiple", "orders are whole multiples of this", "units"),
    _number("max_order", "largest order of a line", "units"),
    _number("min_quantity", "from this quantity on", "units"),
    _number("min_stock", "never plan below", "units"),
    _number("presentation_stock", "stock the shelf needs to look right", "units"),
    _number("max_stock", "never plan above", "units"),
    _number("safety_stock", "safety stock fixed by hand", "units"),
    _number("max_cover_weeks", "longest cover", "weeks"),
    _whole("count", "how many there are"),
    _whole("audience_size", "customers addressed"),
    _number("limit", "the limit in that week"),
    # money
    _number("unit_cost", "purchase cost of one unit", "currency per unit"),
    _number("unit_price", "sales price of one unit", "currency per unit"),
    _number("list_price", "price without any discount", "currency per unit"),
    _number("promo_price", "price during the campaign", "currency per unit"),
    _number("salvage_value", "what a left-over unit brings", "currency per unit"),
    _number("holding_rate_per_year", "holding cost as a share of cost", "per year"),
    _number("holding_cost_per_week", "holding cost of a unit; overrides the rate", "currency per unit and week"),
    _number("shortage_cost", "whole loss per unit short, margin included", "currency per unit"),
    _number("order_cost", "fixed cost of an order", "currency"),
    _number("min_order_value", "smallest joint order by value", "currency"),
    _number("fixed_cost", "cost of using it once", "currency"),
    _number("cost_per_shipment", "fixed cost of a shipment", "currency"),
    _number("cost_per_kg", "cost by weight", "currency per kg"),
    _number("cost_per_m3", "cost by volume", "currency per m3"),
    _number("cost_per_km", "cost by distance", "currency per km"),
    _number("cost_per_hour", "cost by time", "currency per hour"),
    _number("cost_per_contact", "cost of addressing one customer", "currency"),
    _number("budget", "money set aside", "currency"),
    _number("price", "price of the step", "currency"),
    _number("price_per_kg", "price by weight", "currency per kg"),
    _number("minimum_charge", "least charge", "currency"),
    _number("soft_price", "price of one unit over the limit; empty: the limit is hard", "currency"),
    _number("prize", "what serving it is worth", "currency"),
    _number("spend", "what the customer spent", "currency"),
    # shares and rates
    _number("service_target", "share of demand to be served", "share", 0.0, 1.0),
    _number("discount_rate", "discount as a share of list price", "share", 0.0, 1.0),
    _number("holdout_share", "share of customers not addressed", "share", 0.0, 1.0),
    _number("share", "share of the arm", "share", 0.0, 1.0),
    _number("rate", "duty as a share of value", "share", 0.0, 10.0),
    _number("rate_to_base", "one unit of it in base currency", "base currency", 1e-9),
    _number("fuel_surcharge_rate", "surcharge as a share of freight", "share", 0.0, 10.0),
    # physics
    _number("weight_kg", "weight of one unit", "kg"),
    _number("volume_m3", "volume of one unit", "m3"),
    _number("kg", "weight", "kg"),
    _number("m3", "volume", "m3"),
    _number("pickup_kg", "weight to collect", "kg"),
    _number("pickup_m3", "volume to collect", "m3"),
    _number("min_order_kg", "smallest joint order by weight", "kg"),
    _number("min_order_m3", "smallest joint order by volume", "m3"),
    _number("from_kg", "from this weight on", "kg"),
    _number("capacity_kg", "capacity by weight", "kg"),
    _number("capacity_m3", "capacity by volume", "m3"),
    _number("volumetric_divisor", "cm3 per kg", "cm3 per kg", 1e-9),
    _number("temperature_min_c", "coldest allowed", "°C", -273.15),
    _number("temperature_max_c", "warmest allowed", "°C", -273.15),
    _number("temperature_c", "temperature", "°C", -273.15),
    _number("distance_km", "distance", "km"),
    _number("max_km", "longest tour", "km"),
    _number("co2_kg_per_tkm", "emission", "kg per tonne-km"),
    _number("co2_kg_per_km", "emission", "kg per km"),
    _number("latitude", "latitude", "degrees", -90.0, 90.0),
    _number("longitude", "longitude", "degrees", -180.0, 180.0),
    _number("value", "value", low=None),
    # times
    _number("lead_days", "from order to availability", "days"),
    _number("lead_days_sd", "standard deviation of the lead time", "days"),
    _number("review_days", "days between two chances to order", "days"),
    _number("shelf_life_days", "days until it expires", "days"),
    _number("transit_days", "days on the way", "days"),
    _number("transit_days_sd", "standard deviation of the transit time", "days"),
    _number("customs_days", "days at customs", "days"),
    _number("payment_days", "days between receipt and payment", "days"),
    _number("service_minutes", "time at the stop", "minutes"),
    _whole("priority", "1 is first", low=0.0),
    _whole("reloads", "times it may return to reload"),
    _whole("birth_year", "year of birth", low=1900.0, high=2100.0),
    _typed("order_weekdays", "weekdays", "days on which orders are placed: mon tue wed thu fri sat sun"),
    _typed("date", "date", "day"),
    _typed("week", "date", "week, named by its Monday"),
    _typed("start", "date", "first day"),
    _typed("end", "date", "last day"),
    _typed("due_date", "date", "day it is due"),
    _typed("launch_date", "date", "first day of sale"),
    _typed("end_date", "date", "last day of sale"),
    _typed("listed_from", "date", "first day stocked here"),
    _typed("listed_to", "date", "last day stocked here"),
    _typed("expiry_date", "date", "last day it may be sold"),
    _typed("created_on", "date", "first known on"),
    _typed("ordered_on", "date", "day ordered"),
    _typed("promised_on", "date", "day promised"),
    _typed("received_on", "date", "day received"),
    _typed("made_at", "datetime", "when it was made"),
    _typed("counted_at", "datetime", "when it was counted"),
    _typed("opted_out_at", "datetime", "when the customer opted out"),
    _typed("sent_at", "datetime", "when it was sent"),
    _typed("at", "datetime", "when"),
    _typed("opens", "time", "opening time"),
    _typed("closes", "time", "closing time"),
    _typed("window_start", "time", "earliest arrival"),
    _typed("window_end", "time", "latest arrival"),
    _typed("shift_start", "time", "start of the shift"),
    _typed("shift_end", "time", "end of the shift"),
    # flags
    _typed("in_stock", "share", "true, false, or the share of the time in stock"),
    _typed("returned", "flag", "a return: the quantity came back"),
    _typed("firm", "flag", "may not be moved"),
    _typed("backorder", "flag", "already late"),
    _typed("closed", "flag", "no work on that day"),
    _typed("required", "flag", "must be served"),
    _typed("consent_email", "flag", "may be written to by e-mail"),
    _typed("consent_sms", "flag", "may be written to by SMS"),
    _typed("consent_ads", "flag", "may be shown ads"),
    _typed("visit", "flag", "visited the shop"),
    _typed("conversion", "flag", "bought"),
)
COLUMNS: Mapping[str, Column] = MappingProxyType({word.name: word for word in _WORDS})


def _table(name: str, text: str, words: str, key: str = "", **changes: Column | Default | tuple[str, ...]) -> Table:
    """Build a contract from words. `!` behind a word: required. `word=choices` or `word=default` in `changes`."""
    return Table(name, text, tuple(_column(name, word, changes) for word in words.split()), tuple(key.split()))


def _column(table: str, word: str, changes: Mapping[str, Column | Default | tuple[str, ...]]) -> Column:
    name = word.rstrip("!")
    column = replace(COLUMNS[name], required=word.endswith("!"))
    if column.refers == f"{table}.{name}":
        column = replace(column, refers="")
    change = changes.get(name)
    if isinstance(change, Column):
        return replace(change, name=name, required=column.required)
    if isinstance(change, tuple):
        return replace(column, choices=change, default=None if column.required else change[0])
    return column if change is None else replace(column, default=change)


_PLACES = (
    _table(
        "items",
        "What is sold and stocked, one row a SKU",
        "sku! description category brand unit quantity_step case_quantity pallet_quantity unit_cost unit_price "
        "salvage_value holding_rate_per_year holding_cost_per_week shortage_cost shortage weight_kg volume_m3 "
        "shelf_life_days temperature_min_c temperature_max_c hs_code origin_country launch_date end_date predecessor",
        "sku",
        unit="each",
        quantity_step=1.0,
    ),
    _table(
        "locations",
        "Every place: suppliers, ports, dcs, warehouses, stores, delivery zones",
        "location! kind! name country region currency latitude longitude capacity_m3 timezone opens closes",
        "location",
        kind=LOCATION_KINDS,
    ),
    _table(
        "stocking",
        "Which SKU is stocked where, and how",
        "sku! warehouse! service_target service_kind shortage_cost review_days min_stock presentation_stock "
        "max_stock max_cover_weeks safety_stock listed_from listed_to",
        "sku warehouse",
        service_kind=("cycle", "fill"),
        min_stock=0.0,
        presentation_stock=0.0,
    ),
    _table(
        "suppliers",
        "What holds for a joint order at a supplier",
        "location! min_order_value min_order_m3 min_order_kg order_cost payment_days order_weekdays",
        "location",
        min_order_value=0.0,
        min_order_m3=0.0,
        min_order_kg=0.0,
        order_cost=0.0,
        payment_days=0.0,
    ),
    _table(
        "sourcing",
        "From where each SKU reaches each warehouse, at what cost and how fast",
        "sku! source! destination! unit_cost currency order_cost moq order_multiple max_order lead_days lead_days_sd "
        "order_weekdays priority start end",
        "sku source destination start",
        moq=0.0,
        order_multiple=1.0,
        lead_days_sd=0.0,
        priority=1.0,
    ),
    _table(
        "price_breaks",
        "Lower unit costs from a quantity on, for all units of the line",
        "sku! source! min_quantity! unit_cost!",
        "sku source min_quantity",
    ),
    _table(
        "lanes",
        "How goods travel between two places",
        "origin! destination! mode! carrier distance_km transit_days transit_days_sd cost_per_shipment cost_per_kg "
        "cost_per_m3 cost_per_km currency capacity_kg capacity_m3 customs_days co2_kg_per_tkm start end",
        "origin destination mode carrier start",
        cost_per_shipment=0.0,
        cost_per_kg=0.0,
        cost_per_m3=0.0,
        cost_per_km=0.0,
        customs_days=0.0,
        transit_days_sd=0.0,
    ),
    _table("zones", "Tariff zones of a carrier", "carrier! country! zone! postcode_from postcode_to"),
    _table(
        "rates",
        "Rate cards",
        "carrier! service! zone! from_kg! price price_per_kg minimum_charge currency fuel_surcharge_rate "
        "volumetric_divisor transit_days",
        "carrier service zone from_kg",
    ),
    _table(
        "duties",
        "Import duty by tariff number and countries",
        "hs_code! origin! destination! rate!",
        "hs_code origin destination",
        origin=COLUMNS["origin_country"],
        destination=COLUMNS["country"],
    ),
    _table("currencies", "Exchange rates", "currency! date! rate_to_base!", "currency date"),
    _table(
        "capacities",
        "Limits of a week",
        "scope! resource! measure! week! limit! soft_price",
        "scope resource measure week",
    ),
    _table(
        "calendar",
        "Holidays, paydays, events and closures; country holds a country or a location",
        "country! date! name kind closed",
        kind=("holiday", "payday", "event", "closure"),
        closed=False,
    ),
    _table(
        "vehicles",
        "Vehicle types at a depot",
        "vehicle! depot! count capacity_kg capacity_m3 fixed_cost cost_per_km cost_per_hour co2_kg_per_km shift_start "
        "shift_end max_km reloads",
        "vehicle depot",
        count=1.0,
        fixed_cost=0.0,
        cost_per_km=0.0,
        cost_per_hour=0.0,
        reloads=0.0,
    ),
    _table(
        "stops",
        "When and how a location is served",
        "location! window_start window_end service_minutes vehicle_kinds",
        "location",
        service_minutes=0.0,
    ),
)

_EVENTS = (
    _table(
        "sales",
        "What was sold; a missing bucket is zero, an empty quantity is unknown",
        "date! sku! warehouse! quantity! unit_price list_price in_stock returned channel",
        "date sku warehouse channel unit_price returned",
        quantity=replace(COLUMNS["quantity"], minimum=None),
    ),
    _table(
        "drivers",
        "Anything known ahead: prices to come, weather, events; an empty key means all",
        "name! date! value! sku warehouse country",
        "name date sku warehouse country",
    ),
    _table(
        "stock",
        "What is on hand",
        "sku! warehouse! on_hand! allocated status lot expiry_date counted_at",
        "sku warehouse status lot",
        status=("free", "quarantine"),
        allocated=0.0,
        on_hand=replace(COLUMNS["on_hand"], minimum=None),
    ),
    _table(
        "pipeline",
        "What is on order or on its way",
        "order_id! sku! source destination! quantity! due_date! kind firm",
        "order_id sku destination due_date",
        kind=("purchase", "transfer"),
        firm=True,
    ),
    _table(
        "customer_orders",
        "Orders of customers: they consume the forecast, they do not add to it",
        "order_id! sku! warehouse! quantity! due_date! customer backorder",
        "order_id sku warehouse due_date",
        backorder=False,
    ),
    _table(
        "deliveries",
        "What vehicles have to bring or collect",
        "delivery! location! date! kg m3 pickup_kg pickup_m3 prize required window_start window_end depot",
        "delivery",
        kg=0.0,
        m3=0.0,
        pickup_kg=0.0,
        pickup_m3=0.0,
        required=True,
    ),
    _table(
        "receipts",
        "Orders that arrived: what lead times really are",
        "order_id! sku! source! destination! ordered_on! promised_on received_on! quantity!",
        "order_id sku destination received_on",
    ),
    _table("movements", "Where a lot went", "lot! sku! from! to! at! quantity!"),
    _table("lots", "Where a lot came from", "lot! sku! made_at! supplier quantity expiry_date parent_lots", "lot"),
    _table("readings", "What a device in a warehouse saw", "at! device! warehouse! sku lot quantity temperature_c"),
    _table(
        "campaigns",
        "Promotions: past ones teach the lift, planned ones are planned for",
        "campaign! kind! start! end! name country region segment audience_size cost_per_contact discount_rate budget "
        "holdout_share status",
        "campaign",
        kind=CAMPAIGN_KINDS,
        status=("planned", "done", "draft", "cancelled"),
        discount_rate=0.0,
        cost_per_contact=0.0,
        holdout_share=0.0,
    ),
    _table(
        "campaign_items",
        "Which SKUs a campaign promotes; warehouse * means everywhere",
        "campaign! sku! warehouse promo_price",
        "campaign sku warehouse",
        warehouse="*",
    ),
    _table(
        "customers",
        "Customers as keyed hashes, with consent",
        "customer! country region home_warehouse created_on birth_year gender occupation consent_email consent_sms "
        "consent_ads opted_out_at",
        "customer",
        consent_email=False,
        consent_sms=False,
        consent_ads=False,
    ),
    _table(
        "order_lines",
        "What customers bought",
        "order_id! date! customer! sku! quantity! unit_price warehouse country channel returned",
        quantity=replace(COLUMNS["quantity"], minimum=None),
    ),
    _table(
        "behaviour",
        "What customers looked at",
        "at! customer! sku! kind!",
        kind=("view", "search", "cart", "shown", "click"),
    ),
    _table(
        "assignments",
        "Who got which treatment, and what came of it",
        "campaign! customer! arm! share sent_at visit conversion spend",
        "campaign customer",
    ),
    _table("item_features", "Words and features of items; further columns are features too", "sku! text", "sku"),
    _table(
        "erp_ids",
        "Codes of the other system",
        "system! kind! ours! theirs!",
        "system kind ours",
        kind=("item", "location", "supplier", "order"),
    ),
)

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        table.name: replace(table, group=group)
        for group, tables in (("Things and places", _PLACES), ("What happened and where we stand", _EVENTS))
        for table in tables
    }
)
QUANTILES = (0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
QUANTILE_COLUMNS = tuple(f"q{level:.2f}" for level in QUANTILES)
NEEDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"forecast": ("sales",), "optimize": ("sales", "stock", "sourcing"), "route": ("locations", "lanes")}
)
