"""What the demo sells: categories, products, brands, seasons, read from catalogue.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Product:
    """One kind of thing. `cost`: lowest and highest purchase cost of the smallest pack; `life`: shelf life in days."""

    name: str
    season: str
    cost: tuple[float, float]
    weight_kg: float
    volume_m3: float
    case: int
    hs_code: str
    packs: tuple[tuple[str, float], ...]
    variants: tuple[str, ...]
    life: int = 0


@dataclass(frozen=True)
class Category:
    """`response`: how strongly demand answers a discount, lift = exp(response x discount + effect of the kind) - 1."""

    name: str
    prefix: str
    response: float
    brands: tuple[str, ...]
    products: tuple[Product, ...]
    fresh: bool = False
    shortage: str = "lost"


@dataclass(frozen=True)
class Catalogue:
    """`seasons`: monthly multipliers, January to December, with a mean of one."""

    seasons: Mapping[str, npt.NDArray[np.float64]]
    categories: Mapping[str, Category]


@cache
def catalogue() -> Catalogue:
    body = tomllib.loads(files("planner.demo").joinpath("catalogue.toml").read_text(encoding="utf-8"))
    seasons = {name: np.array(months) / np.mean(months) for name, months in body["seasons"].items()}
    return Catalogue(seasons, {entry["name"]: _category(entry, body["packs"]) for entry in body["category"]})


def _category(entry: dict[str, object], packs: dict[str, list[tuple[str, float]]]) -> Category:
    products = tuple(
        Product(**product | {"packs": tuple((label, factor) for label, factor in packs[product["packs"]])})
        for product in entry["products"]  # type: ignore[attr-defined]
    )
    return Category(**entry | {"products": products})  # type: ignore[arg-type]
