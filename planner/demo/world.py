"""A seed -> a whole world: assortment, network, campaigns, demand, people, and where everything stands today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from planner.demo import assortment, deliveries, demand, network, people, promotions, state
from planner.demo.assortment import Floats
from planner.demo.settings import scenarios
from planner.demo.sizes import FUTURE_WEEKS, Size, stream
from planner.demo.truth import make_truth

COUNTING = ("planned", "done")


@dataclass(frozen=True)
class World:
    """Everything that is written: `tables` into data/, `truth` into truth/, `scenarios` as TOML texts."""

    tables: Mapping[str, pd.DataFrame]
    truth: Mapping[str, pd.DataFrame]
    scenarios: Mapping[str, str]


@dataclass(frozen=True)
class _Market:
    """Assortment and demand: what all other parts hang on. Matrices are [series, weeks]."""

    goods: pd.DataFrame
    series: pd.DataFrame
    mean: Floats
    bookings: promotions.Bookings
    past: promotions.Effects
    drafts: promotions.Effects
    drawn: demand.Drawn

    @property
    def coming(self) -> Floats:
        return self.mean + self.past.gross - self.past.lost


def make_world(size: Size, seed: int) -> World:
    market = _market(size, seed)
    goods, series = market.goods, market.series
    sourcing = network.make_sourcing(goods, series, size, stream(seed, "sourcing"))
    nodes = state.make_nodes(series, goods, market.coming, sourcing, size)
    receipts, lead_times = state.make_receipts(nodes, size, stream(seed, "receipts"))
    pipeline = state.make_pipeline(nodes, stream(seed, "pipeline"))
    persons, response, segments = _people(market, size, seed)
    tables = {
        **_things(market, size, seed),
        **_places(market, sourcing, size, seed),
        **_today(market, nodes, size, seed),
        **persons,
        "receipts": receipts,
        "pipeline": pipeline,
    }
    truth = make_truth(series, market.mean, market.past, market.drafts, market.drawn, market.bookings, size)
    truth |= {"lead_times": lead_times, "response": response, "segments": segments}
    port = "CNNGB"
    texts = scenarios(size, _four_fifths_of_spend(market, size), port, network.behind(port, sourcing), pipeline)
    return World(tables, truth, texts)


def _market(size: Size, seed: int) -> _Market:
    goods = assortment.make_goods(size, stream(seed, "goods"))
    series = assortment.make_series(goods, size, stream(seed, "series"))
    mean = demand.expected(series, size)
    campaigns = promotions.make_campaigns(size, stream(seed, "campaigns"))
    bookings = promotions.book(campaigns, goods, series, size, stream(seed, "lift"))
    past = promotions.effects(bookings.only(COUNTING), series, mean, size)
    drafts = promotions.effects(bookings.only(("draft",)), series, mean, size)
    drawn = demand.draw(series, mean, past, drafts, size, stream(seed, "demand"))
    return _Market(goods, series, mean, bookings, past, drafts, drawn)


def _things(market: _Market, size: Size, seed: int) -> dict[str, pd.DataFrame]:
    goods, series = market.goods, market.series
    discount = promotions.discounts(market.bookings.only(COUNTING), series, size)
    lists = demand.list_prices(goods, size)
    return {
        "items": assortment.make_items(goods),
        "item_features": assortment.make_features(goods),
        "stocking": assortment.make_stocking(series, goods, size, stream(seed, "stocking")),
        "sales": demand.make_sales(series, market.drawn, lists, discount, size, stream(seed, "sales")),
        "drivers": demand.make_drivers(goods, size, stream(seed, "drivers")),
        "campaigns": promotions.campaign_table(market.bookings, size),
        "campaign_items": promotions.campaign_items(market.bookings, goods, series),
    }


def _places(market: _Market, sourcing: pd.DataFrame, size: Size, seed: int) -> dict[str, pd.DataFrame]:
    lanes = network.make_lanes(sourcing, size)
    storage = network.storage_of(market.series, size)
    locations = network.make_locations(lanes, deliveries.stores_of(size), size, storage)
    zones, rates = network.make_parcels()
    return {
        "locations": locations,
        "suppliers": network.make_suppliers(size),
        "sourcing": sourcing,
        "price_breaks": network.make_price_breaks(sourcing, size, stream(seed, "price breaks")),
        "lanes": lanes,
        "zones": zones,
        "rates": rates,
        "duties": network.make_duties(market.goods, size),
        "currencies": network.make_currencies(locations, stream(seed, "currencies")),
        "calendar": network.make_calendar(locations, size),
        "capacities": state.make_capacities(
            market.series, market.goods, market.coming, market.drafts.gross, storage, size
        ),
        "vehicles": deliveries.make_vehicles(size),
        "stops": deliveries.make_stops(size, stream(seed, "stops")),
        "deliveries": deliveries.make_deliveries(size, stream(seed, "deliveries")),
    }


def _today(market: _Market, nodes: pd.DataFrame, size: Size, seed: int) -> dict[str, pd.DataFrame]:
    stock, lots = state.make_stock(nodes, stream(seed, "stock"))
    return {
        "stock": stock,
        "lots": lots,
        "movements": state.make_movements(stock, lots),
        "readings": state.make_readings(size, stream(seed, "readings")),
        "customer_orders": state.make_customer_orders(nodes, size, stream(seed, "customer orders")),
        "erp_ids": state.make_erp_ids(market.goods, size),
    }


def _people(market: _Market, size: Size, seed: int) -> tuple[dict[str, pd.DataFrame], pd.DataFrame, pd.DataFrame]:
    """Tables of customers, the true response to messages, and the hidden segments."""
    persons = people.make_customers(size, seed, stream(seed, "customers"))
    discount = promotions.discounts(market.bookings.only(COUNTING), market.series, size)
    price = demand.list_prices(market.goods, size)[market.series["good"].to_numpy()] * (1 - discount)
    sold = market.drawn.sold[:, : size.weeks]
    orders = people.make_order_lines(
        persons, market.goods, market.series, sold, np.round(price, 2), size, stream(seed, "orders")
    )
    assignments, response = people.make_assignments(market.bookings, persons, stream(seed, "assignments"))
    tables = {
        "customers": persons.drop(columns=["segment", "pace"]),
        "order_lines": orders,
        "behaviour": people.make_behaviour(orders, stream(seed, "behaviour")),
        "assignments": assignments,
    }
    return tables, response, persons[["customer", "segment"]]


def _four_fifths_of_spend(market: _Market, size: Size) -> float:
    """Four fifths of what a week's demand costs on average, to a hundred."""
    units = market.coming[:, size.weeks : size.weeks + FUTURE_WEEKS].mean(axis=1)
    return float(round(float((units * market.series["unit_cost"]).sum()) * 0.8, -2))
