"""What is sold and where: items with hidden traits (class, level, growth), and the SKU-warehouses that stock them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from planner.demo.atlas import atlas
from planner.demo.catalogue import Category, Product, catalogue
from planner.demo.sizes import TODAY, Size
from planner.tables import TABLES

HOUSE_BRANDS = ("Kaufgut", "Primo Basic", "Naturia")
LOCAL = ("flower seeds", "dish soap", "laundry liquid", "bin liners")
CLASSES = ("smooth", "erratic", "intermittent", "lumpy")
CLASS_SHARES = (0.62, 0.14, 0.14, 0.10)
WEEK = pd.Timedelta(weeks=1)
UNKNOWN = ("holding_cost_per_week", "shortage_cost")  # they follow from rate, cost and price
Rng = np.random.Generator
Floats = npt.NDArray[np.float64]


def make_goods(size: Size, rng: Rng) -> pd.DataFrame:
    """One row a SKU, sorted: everything that items shows, and the traits that only the truth shows."""
    goods = pd.concat([_category(name, count, rng) for name, count in _counts(size).items()], ignore_index=True)
    goods = _prices(goods, rng)
    goods = _suppliers(goods, size, rng)
    goods = _behaviour(goods, size, rng)
    return _life_cycle(goods, rng).sort_values("sku", ignore_index=True)


def _counts(size: Size) -> dict[str, int]:
    """SKUs per category, in proportion to what the catalogue can name."""
    names = {name: sum(len(_names(category, p)) for p in category.products) for name, category in _chosen(size).items()}
    shares = np.cumsum(list(names.values())) / sum(names.values())
    edges = np.concatenate([[0], np.round(shares * size.skus)]).astype(int)
    return dict(zip(names, np.diff(edges).tolist(), strict=True))


def _chosen(size: Size) -> dict[str, Category]:
    return {name: catalogue().categories[name] for name in size.categories}


def _names(category: Category, product: Product) -> list[tuple[str, str, str, float]]:
    brands = (*category.brands, *HOUSE_BRANDS)
    return [
        (brand, variant, pack, factor)
        for brand in brands
        for variant in product.variants
        for pack, factor in product.packs
    ]


def _category(name: str, count: int, rng: Rng) -> pd.DataFrame:
    """The category's products in turn, each time with a brand, variant and pack that it had not before."""
    category = catalogue().categories[name]
    decks = [
        [_names(category, product)[i] for i in rng.permutation(len(_names(category, product)))]
        for product in category.products
    ]
    rows: list[dict[str, Any]] = []
    turn = 0
    while len(rows) < count:
        place = turn % len(decks)
        turn += 1
        if decks[place]:
            rows.append(_good(category, category.products[place], decks[place].pop(), len(rows) + 1))
    return pd.DataFrame(rows)


def _good(category: Category, product: Product, name: tuple[str, str, str, float], number: int) -> dict[str, Any]:
    brand, variant, pack, factor = name
    return {
        "sku": f"{category.prefix}-{number:04d}",
        "description": " ".join(word for word in (brand, product.name, variant, pack) if word),
        "category": category.name,
        "brand": brand,
        "product": product.name,
        "variant": variant,
        "pack": pack,
        "factor": factor,
        "season": product.season,
        "cost_low": product.cost[0],
        "cost_high": product.cost[1],
        "case_quantity": product.case if factor < 3 else max(product.case // 3, 2),
        "weight_kg": round(product.weight_kg * factor, 4),
        "volume_m3": round(product.volume_m3 * factor, 6),
        "shelf_life_days": float(product.life) if product.life else np.nan,
        "hs_code": product.hs_code,
        "fresh": category.fresh,
        "shortage": category.shortage,
        "response": category.response,
    }


def _prices(goods: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """Cost within the product's range; margin 25 to 45 %; prices above 2 end on 9."""
    cost = rng.uniform(goods["cost_low"], goods["cost_high"]) * goods["factor"].to_numpy()
    cost = np.maximum(np.round(cost, 2), 0.12)
    raw = np.round(cost / (1 - rng.uniform(0.27, 0.44, len(goods))), 6)
    price = np.where(raw < 2, np.round(raw, 2), np.round(np.ceil(raw * 10) / 10 - 0.01, 2))
    return goods.assign(unit_cost=cost, unit_price=price)


def _suppliers(goods: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """One supplier of the category each; what is bulky or sold by weight of water comes from nearby."""
    terms = {code: atlas().suppliers[code] for code in size.map.suppliers}
    supplier = np.empty(len(goods), dtype=object)
    for name, rows in goods.groupby("category", sort=True).indices.items():
        choice = [code for code, supply in terms.items() if name in supply.categories]
        supplier[rows] = np.array(choice, dtype=object)[rng.integers(0, len(choice), len(rows))]
    bulky = (goods["volume_m3"] > 0.015) | goods["product"].isin(LOCAL)
    home = goods["category"].map({"garden": "S-GELD", "household": "S-RHEI"})
    supplier = np.where(bulky & home.isin(list(terms)), home.fillna(""), supplier)
    origin = [terms[code].place.country for code in supplier]
    return goods.assign(supplier=supplier, origin_country=origin)


def _behaviour(goods: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """Demand class, weekly units over all warehouses, spread and yearly growth."""
    count = len(goods)
    edges = np.round(np.cumsum((0.0, *CLASS_SHARES)) * count).astype(int)
    kind = np.repeat(CLASSES, np.diff(edges))[rng.permutation(count)]
    kind = np.where(goods["fresh"] | goods["season"].isin(["strawberry", "spring", "barbecue"]), "smooth", kind)
    typical = size.level * np.select([kind == "smooth", kind == "erratic", kind == "lumpy"], [1.0, 0.6, 0.12], 0.02)
    cheap = np.sqrt(3.0 / (goods["unit_cost"].to_numpy() + 0.5))
    level = np.round(typical * cheap * np.exp(np.clip(rng.normal(0, 0.75, count), -1.6, 1.9)), 4)
    occurrence = np.select([kind == "intermittent", kind == "lumpy"], rng.uniform(0.15, 0.4, (2, count)), 1.0)
    dispersion = np.select([kind == "smooth", kind == "intermittent"], [rng.uniform(15, 45, count), 8.0], 2.5)
    growth = np.round(rng.normal(0.03, 0.07, count), 4)
    return goods.assign(demand_class=kind, level=level, occurrence=occurrence, dispersion=dispersion, growth=growth)


def _life_cycle(goods: pd.DataFrame, rng: Rng) -> pd.DataFrame:
    """New, coming, ending SKUs, and pairs where one follows the other ten weeks before today."""
    count = len(goods)
    launch = np.full(count, np.datetime64("NaT"), dtype="datetime64[ns]")
    end = launch.copy()
    predecessor = np.full(count, "", dtype=object)
    text = goods["description"].to_numpy(dtype=object).copy()
    old, new = _pairs(goods, rng)
    switch = TODAY - 10 * WEEK
    end[old], launch[new] = switch - pd.Timedelta(days=1), switch
    predecessor[new] = goods["sku"].to_numpy()[old]
    text[new] = [f"{name} new recipe" for name in text[old]]
    free = np.setdiff1d(np.flatnonzero(~goods["season"].isin(["strawberry", "spring", "december"])), [*old, *new])
    picks = rng.permutation(free)
    each = max(1, count // 45)
    for weeks, rows in zip((-7, -13, 5), np.split(picks[: 3 * each], 3), strict=True):
        launch[rows] = TODAY + weeks * WEEK
    end[picks[3 * each : 4 * each]] = TODAY + 6 * WEEK - pd.Timedelta(days=1)
    goods = goods.assign(description=text, launch_date=launch, end_date=end, predecessor=predecessor)
    level, kind = goods["level"].to_numpy().copy(), goods["demand_class"].to_numpy(dtype=object).copy()
    level[new], kind[new] = np.round(level[old] * 1.1, 4), kind[old]
    for trait in ("occurrence", "dispersion"):
        values = goods[trait].to_numpy().copy()
        values[new] = values[old]
        goods[trait] = values
    return goods.assign(level=level, demand_class=kind)


def _pairs(goods: pd.DataFrame, rng: Rng) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Steady sellers, and the next SKU of the same product that follows each."""
    steady = goods["demand_class"].isin(["smooth", "erratic"]) & (goods["season"] == "even")
    product = goods["category"] + "/" + goods["product"]
    after = goods.groupby(product, sort=False).cumcount()
    position = {key: row for row, key in enumerate(zip(product, after, strict=True))}
    both = [
        (row, position[name, turn + 1])
        for row, (name, turn, good) in enumerate(zip(product, after, steady, strict=True))
        if good and turn % 2 == 0 and (name, turn + 1) in position
    ]
    chosen = sorted(rng.permutation(len(both))[: max(1, len(goods) // 60)].tolist())
    return np.array([both[i][0] for i in chosen], dtype=np.intp), np.array([both[i][1] for i in chosen], dtype=np.intp)


def make_series(goods: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """One row a SKU-warehouse, sorted: `good` and `place` are positions, `level` its own weekly units."""
    count, places = len(goods), len(size.map.warehouses)
    weight = rng.uniform(0.7, 1.3, places)
    share = weight / weight.sum() * np.exp(rng.normal(0, 0.3, (count, places)))
    listed = rng.random((count, places)) < size.listed
    listed[goods["predecessor"] != ""] = True
    listed[goods["sku"].isin(goods["predecessor"])] = True
    good, place = np.nonzero(listed)
    frame = pd.DataFrame(
        {
            "sku": goods["sku"].to_numpy(dtype=object)[good],
            "warehouse": np.array(size.map.warehouses, dtype=object)[place],
            "good": good,
            "place": place,
            "level": np.round(goods["level"].to_numpy()[good] * share[good, place], 4),
        }
    )
    hidden = ["category", "season", "fresh", "demand_class", "occurrence", "dispersion", "growth", "launch_date"]
    return frame.join(goods[[*hidden, "end_date", "unit_cost", "unit_price", "volume_m3"]], on="good")


def make_items(goods: pd.DataFrame) -> pd.DataFrame:
    cold = goods["fresh"].to_numpy()
    frozen = goods["category"].to_numpy() == "frozen"
    layers = np.clip(np.round(1.1 / (goods["volume_m3"] * goods["case_quantity"])), 4, 90)
    return goods.assign(
        unit="each",
        quantity_step=1,
        pallet_quantity=(layers * goods["case_quantity"]).astype(int),
        salvage_value=np.where(cold, 0.0, np.round(goods["unit_cost"] * 0.3, 2)),
        holding_rate_per_year=np.where(cold | frozen, 0.4, 0.25),
        temperature_min_c=np.select([cold, frozen], [2.0, -25.0], np.nan),
        temperature_max_c=np.select([cold, frozen], [8.0, -18.0], np.nan),
    ).reindex(columns=[name for name in TABLES["items"].names if name not in UNKNOWN])


def make_stocking(series: pd.DataFrame, goods: pd.DataFrame, size: Size, rng: Rng) -> pd.DataFrame:
    """SKU-warehouses with their targets, and the SKUs that a dc holds for the warehouses behind it."""
    value = series["level"] * series["unit_cost"]
    important = value.rank(pct=True) > 0.8
    own = pd.DataFrame(
        {
            "sku": series["sku"],
            "warehouse": series["warehouse"],
            "service_target": np.where(important, 0.98, np.where(series["level"] < 2, 0.9, 0.95)),
            "service_kind": "fill",
            "review_days": 7,
            "presentation_stock": np.where(rng.random(len(series)) < 0.1, 6, 0),
            "max_cover_weeks": np.where(series["fresh"], 2.0, np.nan),
            "listed_from": series["launch_date"],
            "listed_to": series["end_date"],
        }
    )
    held = through_dc(series, goods, size)
    central = goods.loc[held["good"]].reset_index(drop=True)
    dc = pd.DataFrame(
        {
            "sku": held["sku"],
            "warehouse": held["dc"],
            "service_target": 0.9,
            "service_kind": "fill",
            "review_days": 7,
            "presentation_stock": 0,
            "listed_from": central["launch_date"],
            "listed_to": central["end_date"],
        }
    )
    return pd.concat([own, dc], ignore_index=True).sort_values(["sku", "warehouse"], ignore_index=True)


def through_dc(series: pd.DataFrame, goods: pd.DataFrame, size: Size) -> pd.DataFrame:
    """SKU and dc wherever a dc feeds a warehouse that stocks the SKU; fresh goods always travel direct."""
    dc = series["warehouse"].map(size.map.feeds).where(~series["fresh"])
    return (
        series.assign(dc=dc)
        .dropna(subset=["dc"])[["sku", "dc", "good"]]
        .drop_duplicates()
        .sort_values(["sku", "dc"], ignore_index=True)
    )


def make_features(goods: pd.DataFrame) -> pd.DataFrame:
    text = goods["brand"] + " " + goods["product"] + ", " + goods["variant"] + ". A " + goods["category"] + " item"
    organic = goods["variant"].str.contains("organic|recycled|compostable|peat-free")
    return pd.DataFrame(
        {
            "sku": goods["sku"],
            "text": text + np.where(goods["pack"] != "", ", pack of " + goods["pack"], "") + ".",
            "product": goods["product"],
            "variant": goods["variant"],
            "pack": goods["pack"],
            "season": goods["season"],
            "green": organic.astype(int),
        }
    )
