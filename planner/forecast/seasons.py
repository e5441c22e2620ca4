"""The season of each series as it is known now and as it was known at past origins."""

from __future__ import annotations

from planner.forecast.calendar import day_season
from planner.forecast.drivers import Tables
from planner.forecast.scene import Scene
from planner.forecast.seasonality import Factors, Season, fit_season, positions, season_before
from planner.settings import ForecastSettings


def seasons(scene: Scene, settings: ForecastSettings, tables: Tables) -> tuple[Season, list[Factors]]:
    """The season, and the factors of all buckets, those ahead included, as they were known at each end."""
    origins = scene.origins if settings.seasonality == "auto" else ()
    if scene.bucket == "day":
        return day_season(scene, origins, tables)
    category = list(scene.attribute("category"))
    season = fit_season(scene.values, scene.history, category, scene.bucket, origins, scene.span)
    place = positions(scene.dates, scene.bucket)
    past = [season_before(season, scene.values, scene.history, scene.bucket, end) for end in scene.origins]
    return season, [known.factors(place) for known in (season, *past)]
