"""The page: whole, offline, the same for the same run, with the sections that its data allow."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

from planner.reports.html import render
from planner.workspace import Draft, Run, Workspace
from tests.synthetic import make_run, make_tables, small_run

SECTIONS = {"weeks", "exceptions", "orders", "comparison", "series", "campaigns", "loads", "routes", "solved"}
HOSTILE = '<script>alert("1")</script>&\x00'
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """The ids of sections, every tag and attribute; fails on a tag that is closed in the wrong place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @property
    def sections(self) -> set[str]:
        return SECTIONS & set(self.ids)


@pytest.fixture(scope="module")
def text(base_run: Run, spring_run: Run) -> str:
    return render(spring_run, [base_run])


def test_a_full_run_has_every_section(text: str) -> None:
    page = Page(text)
    assert page.sections == SECTIONS
    assert set(re.findall(r'href="#(\w+)"', text)) == SECTIONS
    assert len(page.ids) == len(set(page.ids))


def test_the_page_needs_nothing_from_elsewhere(text: str) -> None:
    page = Page(text)
    outward = [value for name, value in page.attributes if name in ("src", "href", "action", "poster", "srcset")]
    assert all(value.startswith("#") for value in outward)
    assert "script" not in page.tags
    assert "link" not in page.tags
    rest = text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|//cdn|@import|url\(", rest)
    assert len(text) < 1_000_000


def test_every_drawing_is_valid_xml(text: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) > 20
    for drawing in drawings:
        ElementTree.fromstring(drawing)


def test_both_colour_schemes_and_paper(text: str) -> None:
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    light, dark = (
        set(re.findall(r"(--[\w-]+):", part)) for part in re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
    )
    assert light == dark
    assert set(re.findall(r"var\((--[\w-]+)\)", text)) <= light | {"--k"}


def test_key_figures_stand_on_the_page(text: str, spring_run: Run) -> None:
    assert f"EUR {spring_run.kpis['spend']:,.0f}" in text
    assert f"{spring_run.kpis['fill_rate']:.1%}".replace("%", " %") in text
    assert "Proven gap" in text
    assert "found no violation" in text


def test_this_week_is_what_is_ordered_this_week(text: str, spring_run: Run) -> None:
    orders = spring_run.table("orders")
    now = orders[(orders["order_week"] == pd.Timestamp("2026-03-02")) & (orders["kind"] == "purchase")]
    worth = (now["quantity"] * now["unit_cost"]).sum()
    plain = re.sub(r"<[^>]+>", "", text)
    assert f"Order EUR {worth:,.0f} this week: {len(now)} lines from {now['source'].nunique()} suppliers." in plain


def test_exceptions_are_ranked_by_money_with_next_step(text: str) -> None:
    plain = re.sub(r"<[^>]+>", "", text[text.index('id="exceptions"') : text.index('id="orders"')])
    places = [plain.index(amount) for amount in ("EUR 8,410", "EUR 2,210", "EUR 980", "EUR 412")]
    assert places == sorted(places)
    assert "Move SPRING one week later" in plain


def test_what_the_scenario_changed_is_logged(spring_run: Run) -> None:
    alone = render(spring_run)
    assert "What this scenario changes" in alone
    assert "campaigns.status where campaign=SPRING" in alone


def test_base_is_the_measure_in_either_order(base_run: Run, spring_run: Run, text: str) -> None:
    for page in (text, render(base_run, [spring_run])):
        assert "spring-campaign against base" in page
        assert "1,338 more units than base" in page


def test_three_runs_side_by_side(base_run: Run, spring_run: Run, tmp_path: Path) -> None:
    page = Page(render(base_run, [spring_run, make_run(tmp_path, "surge", demand=1.2)]))
    assert {"difference-0-title", "difference-1-title"} <= set(page.ids)


def test_the_same_run_gives_the_same_page(base_run: Run, spring_run: Run, text: str) -> None:
    assert render(Run(spring_run.path), [Run(base_run.path)]) == text


@pytest.mark.parametrize(
    ("tables", "sections"),
    [
        ((), set()),
        (("forecast",), {"weeks", "series"}),
        (("forecast", "history", "uplift"), {"weeks", "series", "campaigns"}),
        (("plan",), {"weeks", "series"}),
        (("orders",), {"weeks", "orders"}),
        (("loads", "locations"), {"weeks", "loads"}),
        (("vehicle_routes", "visits"), {"routes"}),
        (("exceptions",), {"exceptions"}),
    ],
)
def test_sections_follow_the_data(tmp_path: Path, tables: tuple[str, ...], sections: set[str]) -> None:
    everything = make_tables(8, 1.0, 1.0)
    page = Page(render(small_run(tmp_path, "base", {name: everything[name] for name in tables})))
    assert page.sections == sections | {"solved"}


def test_tables_without_rows_are_like_no_tables(tmp_path: Path) -> None:
    empty = {name: frame.iloc[:0] for name, frame in make_tables(4, 1.0, 1.0).items()}
    assert Page(render(small_run(tmp_path, "base", empty))).sections == {"solved"}


def test_a_run_of_one_series(tmp_path: Path) -> None:
    def one(frame: pd.DataFrame) -> pd.DataFrame:
        kept = frame[frame["sku"] == "MATE-500"] if "sku" in frame else frame.iloc[:0]
        return kept[kept["warehouse"] == "WAW"] if "warehouse" in kept else kept[kept["destination"] == "WAW"]

    tables = {name: one(make_tables(8, 0.0, 1.0)[name]) for name in ("forecast", "history", "plan", "orders")}
    page = Page(render(small_run(tmp_path, "base", tables)))
    assert [name for name in page.ids if re.fullmatch(r"series-\d+-title", name)] == ["series-0-title"]


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    tables = make_tables(8, 1.0, 1.0)
    named = {"sku", "warehouse", "campaign", "text", "hint", "type", "source", "origin", "location", "vehicle"}
    for frame in tables.values():
        for column in named & set(frame.select_dtypes("object").columns):
            frame[column] = HOSTILE + frame[column]
    tables["orders"]["campaigns"] = HOSTILE
    changes = [{"key": HOSTILE, "old": HOSTILE, "new": HOSTILE, "by": HOSTILE}]
    hostile = {"title": HOSTILE, "changes": changes, "assumptions": {HOSTILE: HOSTILE}, "notes": [HOSTILE]}
    page = render(small_run(tmp_path, "base", tables, **hostile))
    assert "script" not in Page(page).tags
    for drawing in re.findall(r"<svg.*?</svg>", page, re.DOTALL):
        ElementTree.fromstring(drawing)


def test_only_the_largest_of_many_series_are_drawn(tmp_path: Path) -> None:
    forecast = make_tables(4, 0.0, 1.0)["forecast"]
    many = pd.concat(
        [forecast.assign(sku=forecast["sku"] + f"-{copy}", mean=forecast["mean"] + copy) for copy in range(40)]
    )
    page = Page(render(small_run(tmp_path, "base", {"forecast": many})))
    assert len([name for name in page.ids if re.fullmatch(r"series-\d+-title", name)]) == 21


def test_series_that_campaigns_lift_are_shown_though_small(tmp_path: Path) -> None:
    forecast = make_tables(4, 0.0, 1.0)["forecast"]
    small = (forecast["sku"] == "APPLE-1L") & (forecast["warehouse"] == "LEJ")
    lifted = forecast.assign(campaign=forecast["mean"].where(small, 0.0) * 0.1)
    for frame, shown in ((forecast, False), (lifted, True)):
        page = render(small_run(tmp_path / str(shown), "base", {"forecast": frame}))
        assert ("APPLE-1L at LEJ" in page.partition("<details>")[0]) == shown


def test_accuracy_is_told_only_where_it_was_measured(base_run: Run, tmp_path: Path) -> None:
    assert "Accuracy of the forecast" not in render(base_run)
    content = {"scenario": "base", "as_of": "2026-03-02", "currency": "EUR"}
    measured = Workspace(tmp_path).write_run("run", Draft({}, {"forecast_wape": 0.312}), {}, content)
    assert "Forecast wape: 31.2 %" in render(measured)


def test_a_plan_that_breaks_a_rule_says_so(tmp_path: Path) -> None:
    stock = {"status": "feasible", "objective": 10.0, "bound": 9.0, "gap": 0.1, "check": ["moq of A at W"]}
    assert "found 1 violation." in render(small_run(tmp_path, "base", {}, stock=stock))
