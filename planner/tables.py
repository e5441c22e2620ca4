"""The contract of every table: columns, types, units, defaults, rules.

Reading, validation, `planner schema`, data/README.md and the header rows of exports all come from here.
A table lists the words of columns.py that it has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from planner.columns import COLUMNS, Column, Default

LOCATION_KINDS = ("supplier", "plant", "port", "dc", "warehouse", "store", "zone")
CAMPAIGN_KINDS = ("price", "feature", "display", "email", "sms", "social", "recommendation")


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
        "location! kind! name country customs_area region currency latitude longitude capacity_m3 timezone opens "
        "closes",
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
        "sku! source! destination! unit_cost currency order_cost moq order_multiple max_order setup_units lead_days "
        "lead_days_sd order_weekdays priority start end",
        "sku source destination start",
        moq=0.0,
        order_multiple=1.0,
        setup_units=0.0,
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
    {
        "forecast": ("sales",),
        "optimize": ("sales", "stock", "sourcing"),
        "route": ("locations", "lanes"),
        "recommend": ("order_lines",),
        "segment": ("order_lines",),
        "campaign settle": ("assignments",),
    }
)
