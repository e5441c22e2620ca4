"""The words of the tables: a column word means the same in every table, so it is described once, here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


def _text(name: str, text: str, *choices: str, refers: str = "") -> Column:
    return Column(name, "text", text, choices=choices, refers=refers)


def _number(name: str, text: str, unit: str = "", low: float | None = 0.0, high: float | None = None) -> Column:
    return Column(name, "number", text, unit, low, high)


def _whole(name: str, text: str, unit: str = "", low: float | None = 0.0, high: float | None = None) -> Column:
    return Column(name, "integer", text, unit, low, high)


def _typed(name: str, kind: Type, text: str) -> Column:
    return Column(name, kind, text)


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
    _text("customs_area", "customs union, within which no duty is due; empty: the country"),
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
    _number("setup_units", "what an order takes of its source's capacity in units, beside its quantity", "units"),
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
    _number("rate", "duty as a share of the price", "share", 0.0, 10.0),
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
