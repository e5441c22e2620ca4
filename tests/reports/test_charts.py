"""Each chart: valid XML, said aloud, true to its numbers, and robust against what is missing."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from planner.reports.charts import Row, SeriesChart, differences, series_chart, spark, timeline, waterfall
from planner.reports.maps import Link, Place, draw_map
from tests.synthetic import AS_OF, make_tables

SVG = "{http://www.w3.org/2000/svg}"
KEYS = {"sku": "ORANGE-1L", "warehouse": "LEJ"}


def drawn(chart: object) -> ElementTree.Element:
    """The chart parsed, with a title and a description that it points at."""
    root = ElementTree.fromstring(str(chart))
    named = root.attrib["aria-labelledby"].split()
    assert root.attrib["role"] == "img"
    assert [root.find(f"{SVG}title").attrib["id"], root.find(f"{SVG}desc").attrib["id"]] == named  # type: ignore[union-attr]
    return root


def shapes(root: ElementTree.Element, css: str) -> list[ElementTree.Element]:
    return [shape for shape in root.iter() if css in shape.attrib.get("class", "").split()]


def one(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[(frame["sku"] == KEYS["sku"]) & (frame["warehouse"] == KEYS["warehouse"])]


def chart(**changes: object) -> SeriesChart:
    tables = make_tables(26, 1.0, 1.0)
    parts = {name: one(tables[name]) for name in ("history", "forecast", "plan")}
    return SeriesChart(**{"name": "ORANGE-1L at LEJ", "days": 7, "now": AS_OF, **parts, **changes})  # type: ignore[arg-type]


def test_series_chart_shows_bands_campaign_and_stock() -> None:
    root = drawn(series_chart(chart(), "s"))
    for css in (
        "band-wide",
        "band",
        "campaign-area",
        "base-line",
        "past-line",
        "mean-line",
        "stock-area",
        "target-line",
        "now",
    ):
        assert len(shapes(root, css)) == 1, css
    assert len(shapes(root, "receipt")) == int((chart().plan["receipts"] > 0).sum())


def test_series_chart_without_campaign_has_no_campaign() -> None:
    quiet = one(make_tables(26, 0.0, 1.0)["forecast"])
    root = drawn(series_chart(chart(forecast=quiet), "s"))
    assert not shapes(root, "campaign-area")
    assert not shapes(root, "base-line")


@pytest.mark.parametrize("missing", ["history", "forecast", "plan"])
def test_series_chart_without_one_part(missing: str) -> None:
    root = drawn(series_chart(chart(**{missing: getattr(chart(), missing).iloc[:0]}), "s"))
    gone = {"history": "past-line", "forecast": "mean-line", "plan": "stock-area"}
    assert [css for css in gone.values() if not shapes(root, css)] == [gone[missing]]


def test_series_chart_of_a_silent_series() -> None:
    silent = chart().forecast.assign(
        mean=0.0, base=0.0, campaign=0.0, **{"q0.05": 0.0, "q0.25": 0.0, "q0.75": 0.0, "q0.95": 0.0}
    )
    drawn(series_chart(chart(forecast=silent, history=chart().history.assign(demand=np.nan)), "s"))


def test_everything_stays_inside_the_drawing() -> None:
    root = drawn(series_chart(chart(), "s"))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for path in root.iter(f"{SVG}path"):
        numbers = [float(part) for part in path.attrib["d"].strip("MZ").replace("L", " ").split()]
        assert 0 <= min(numbers[::2]) <= max(numbers[::2]) <= width
        assert 0 <= min(numbers[1::2]) <= max(numbers[1::2]) <= height


def test_bars_of_the_timeline_are_as_high_as_their_amounts() -> None:
    weeks = pd.date_range(AS_OF, periods=4, freq="7D")
    row = Row("Demand", "units", list(zip(weeks, [10.0, 20.0, 0.0, 40.0], strict=True)), [(weeks[1], 10.0)])
    root = drawn(timeline([row], weeks[0], weeks[-1] + pd.Timedelta(days=6), "t"))
    heights = [float(bar.attrib["height"]) for bar in shapes(root, "demand")]
    assert heights[1] / heights[0] == pytest.approx(2, rel=0.05)
    assert len(heights) == 3
    (part,) = shapes(root, "campaign")
    assert float(part.attrib["height"]) == pytest.approx(heights[0], rel=0.05)


@pytest.mark.parametrize("narrow", [False, True])
def test_names_of_campaigns_stay_inside(narrow: bool) -> None:
    weeks = pd.date_range(AS_OF, periods=26, freq="7D")
    spans = [(weeks[0], weeks[-1], "A campaign that lasts all the time and has a very long name to tell of it" * 4),
             (weeks[24], weeks[25], "LATE"), (weeks[0], weeks[1], "EARLY")]  # fmt: skip
    root = drawn(timeline([Row("Campaigns", "", spans=spans)], weeks[0], weeks[-1], "t", narrow))
    names = [label for label in root.iter(f"{SVG}text") if label.attrib.get("class") in ("mark", "on-campaign")]
    assert [name.text for name in names[1:]] == ["LATE", "EARLY"]
    assert names[0].text.endswith("…")  # type: ignore[union-attr]
    assert names[1].attrib["text-anchor"] == "end"


def test_waterfall_ends_where_its_steps_add_up() -> None:
    steps = [("Base", 100.0, "total"), ("Gross", 50.0, "up"), ("Lost", -20.0, "down"), ("All", 130.0, "total")]
    root = drawn(waterfall(steps, "SPRING", "w"))
    totals, (up,), (down,) = shapes(root, "demand"), shapes(root, "campaign"), shapes(root, "short")
    right = float(down.attrib["x"])
    assert float(totals[1].attrib["x"]) + float(totals[1].attrib["width"]) == pytest.approx(right, abs=0.2)
    assert float(up.attrib["width"]) / float(down.attrib["width"]) == pytest.approx(2.5, rel=0.01)


def test_waterfall_below_zero_stays_inside() -> None:
    root = drawn(waterfall([("Base", 10.0, "total"), ("Pulled", -40.0, "down"), ("All", -30.0, "total")], "X", "w"))
    assert min(float(bar.attrib["x"]) for bar in root.iter(f"{SVG}rect")) >= 90


def test_spark_of_nothing_and_of_something() -> None:
    assert not shapes(drawn(spark([], [], "s", "t")), "demand")
    assert len(shapes(drawn(spark([1.0, 0.0, 2.0], [0.5, 0.0, 2.0], "s", "t")), "demand")) == 2


def test_differences_stand_above_and_below_zero() -> None:
    rows = [(AS_OF, 0.0, 40.0), (AS_OF + pd.Timedelta(weeks=1), -20.0, 0.0)]
    root = drawn(differences(rows, "d", "Extra"))
    (above,), (below,) = shapes(root, "campaign"), shapes(root, "demand")
    zero = float(above.attrib["y"]) + float(above.attrib["height"])
    assert float(below.attrib["y"]) == pytest.approx(zero, abs=0.2)
    assert float(above.attrib["height"]) == pytest.approx(2 * float(below.attrib["height"]), rel=0.01)


def test_map_keeps_places_and_names_inside_and_apart() -> None:
    places = [Place(f"PLACE-{n}", 50 + n * 0.01, 10 + n * 0.02) for n in range(30)]
    places.append(Place("FAR-AWAY", 35.0, 139.0, "outside", core=False))
    root = drawn(
        draw_map(places, [Link(("PLACE-1", "FAR-AWAY"), "lane"), Link(("PLACE-1", "UNKNOWN"), "lost")], "m", "Map")
    )
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for circle in root.iter(f"{SVG}circle"):
        assert 0 <= float(circle.attrib["cx"]) <= width
        assert 0 <= float(circle.attrib["cy"]) <= height
    assert len(shapes(root, "beyond")) == 1
    assert len(shapes(root, "lane")) == 1
    lines = sorted(float(label.attrib["y"]) for label in root.iter(f"{SVG}text"))
    assert 2 <= len(lines) < len(places)


def test_map_of_one_spot() -> None:
    drawn(draw_map([Place("A", 50.0, 10.0), Place("B", 50.0, 10.0)], [Link(("A", "B"), "lane")], "m", "Map"))
