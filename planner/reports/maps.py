"""A simple map: places where they are, lanes between them, the tours of vehicles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from planner.reports.svg import Canvas, Point, text_width

WIDTH, MARGIN = 440.0, 26.0
_MOST_LABELS = 40


@dataclass(frozen=True)
class Place:
    """`core` places set the section of the map; others beyond it stand at its edge."""

    name: str
    latitude: float
    longitude: float
    css: str = "place"
    core: bool = True


@dataclass(frozen=True)
class Link:
    """A way through places, in order; `weight` 0..1 is its width."""

    places: Sequence[str]
    title: str
    css: str = "lane"
    weight: float = 0.3


def draw_map(places: Sequence[Place], links: Sequence[Link], slug: str, title: str) -> Markup:
    """The map; every place has a name where there is room for it, and says it when pointed at."""
    height, points, beyond = _projected(places)
    text = f"{len(places)} places, {len(links)} lines" + (
        f"; off the map, at its edge: {', '.join(beyond)}" if beyond else ""
    )
    canvas = Canvas(WIDTH, height, slug, title, text)
    for link in links:
        way = [points[name] for name in link.places if name in points]
        canvas.path(way, f"{link.css} w{round(link.weight * 4)}", title=link.title)
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in points.values()]
    for place in places:
        x, y = points[place.name]
        css = f"{place.css} beyond" if place.name in beyond else place.css
        canvas.circle(x, y, 4.5 if place.core else 3.5, css, place.name)
    for place in sorted(places, key=lambda place: not place.core)[:_MOST_LABELS]:
        _label(canvas, place.name, points[place.name], taken)
    return canvas.draw("map")


def _projected(places: Sequence[Place]) -> tuple[float, Mapping[str, Point], list[str]]:
    """Height of the map, pixels of each place, names of those beyond. Equal scale both ways at the middle latitude."""
    core = [place for place in places if place.core] or list(places)
    middle = sum(place.latitude for place in core) / len(core)
    stretch = max(math.cos(math.radians(middle)), 0.1)
    flat = {place.name: (place.longitude * stretch, -place.latitude) for place in places}
    inner = _near([flat[place.name] for place in core], list(flat.values()))
    left, right = _widened([x for x, _ in inner])
    top, bottom = _widened([y for _, y in inner])
    height = min(max((bottom - top) / (right - left) * (WIDTH - 2 * MARGIN), 170.0), 400.0) + 2 * MARGIN
    scale = min((WIDTH - 2 * MARGIN) / (right - left), (height - 2 * MARGIN) / (bottom - top))
    centre = ((left + right) / 2, (top + bottom) / 2)
    points = {}
    beyond = []
    for name, (x, y) in flat.items():
        away = ((x - centre[0]) * scale, (y - centre[1]) * scale)
        reach = max(abs(away[0]) / (WIDTH / 2 - 12), abs(away[1]) / (height / 2 - 12))
        if reach > 1:
            beyond.append(name)
            away = (away[0] / reach, away[1] / reach)
        points[name] = (WIDTH / 2 + away[0], height / 2 + away[1])
    return height, points, beyond


def _near(core: Sequence[Point], everything: Sequence[Point]) -> list[Point]:
    """The core, and what lies less than twice as far from its centre as the core itself reaches."""
    x, y = (sum(point[axis] for point in core) / len(core) for axis in (0, 1))
    reach = max(math.hypot(point[0] - x, point[1] - y) for point in core)
    return [point for point in everything if math.hypot(point[0] - x, point[1] - y) <= 2 * reach] or list(core)


def _widened(values: Sequence[float]) -> tuple[float, float]:
    """A tenth of room on both sides, and never less than a tenth of a degree."""
    room = max((max(values) - min(values)) * 0.1, 0.05)
    return min(values) - room, max(values) + room


def _label(canvas: Canvas, name: str, at: Point, taken: list[tuple[float, float, float, float]]) -> None:
    """Write the name right, left, above or below of its place, wherever nothing stands yet; else nowhere."""
    x, y = at
    width = text_width(name, 10.5)
    spots = (
        (x + 8, y + 4, "start"),
        (x - 8 - width, y + 4, "end"),
        (x - width / 2, y - 9, "middle"),
        (x - width / 2, y + 17, "middle"),
    )
    for left, base, anchor in spots:
        box = (left - 1, base - 10, left + width + 1, base + 3)
        inside = box[0] >= 0 and box[2] <= canvas.width and box[1] >= 0 and box[3] <= canvas.height
        if inside and not any(_touch(box, other) for other in taken if other[:2] != (x - 6, y - 6)):
            start = {"start": left, "end": left + width, "middle": x}[anchor]
            canvas.label(start, base, name, "place-name", anchor)
            taken.append(box)
            return


def _touch(one: tuple[float, float, float, float], two: tuple[float, float, float, float]) -> bool:
    return one[0] < two[2] and two[0] < one[2] and one[1] < two[3] and two[1] < one[3]
