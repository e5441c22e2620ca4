"""campaign fit, campaign apply and explain campaign: figures that add up, and words that hold."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.cli.app import main
from planner.errors import UsageError
from planner.explain_campaign import PARTS, CampaignReasons, banded, explain_campaign
from planner.plan import compute, prepare
from planner.workspace import Workspace

Capture = pytest.CaptureFixture[str]
SPRING = ("--scenario", "spring-campaign")


def explained(folder: Path, name: str, scenario: str = "spring-campaign", with_run: bool = True) -> CampaignReasons:
    workspace = Workspace(folder)
    prepared = prepare(workspace, scenario)
    run = workspace.latest(scenario, "orders") if with_run else None
    return explain_campaign(prepared, compute(prepared, "uplift"), name, run)


def said(capsys: Capture, folder: Path, *words: str) -> dict:
    assert main(["-C", str(folder), *words, "--format", "json", "-q"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_waterfall_adds_up_to_the_uplift_table(planned: Path) -> None:
    found = explained(planned, "SPRING")
    units = found.waterfall["units"].tolist()
    assert units[-1] == pytest.approx(sum(units[:-1]), rel=1e-12)
    assert units[-1] - units[0] == pytest.approx(found.weeks["net"].sum(), rel=1e-12)
    assert found.weeks["net"].sum() == pytest.approx(found.series["net"].sum(), rel=1e-12)
    assert found.waterfall["part"].tolist()[:: len(units) - 1] == ["Base", "Base and net"]
    parts = found.weeks["gross"] - found.weeks["cannibalised"] + found.weeks["halo"] - found.weeks["pulled_forward"]
    np.testing.assert_allclose(parts, found.weeks["net"], atol=1e-9)


def test_orders_and_loads_are_those_that_name_it(planned: Path) -> None:
    run = Workspace(planned).latest("spring-campaign", "orders")
    found = explained(planned, "SPRING")
    for mine, every in ((found.orders, run.table("orders")), (found.loads, run.table("loads"))):
        named = every["campaigns"].str.split("|").map(lambda codes: "SPRING" in codes)
        assert len(mine) == named.sum() > 0
    assert f"{len(found.orders)} lines of run {run.name}" in found.words["orders"]
    assert found.words["supply"].startswith("Supply: Campaign SPRING ")


def test_the_words_tell_evidence_and_weeks(planned: Path) -> None:
    found = explained(planned, "SPRING")
    largest = found.series.iloc[0]
    assert f"{largest['sku']}: {largest['evidence']}" in found.words["evidence"]
    assert str(found.weeks.loc[found.weeks["net"].idxmax(), "date"].date()) in found.words["weeks"]
    assert found.words["effect"].startswith(f"Ahead it adds +{found.weeks['net'].sum():,.0f} units net")


def test_with_the_campaign_the_promoted_series_sell_more(planned: Path) -> None:
    around = explained(planned, "SPRING").around
    ahead = around[around["demand"].isna()]
    assert ahead["mean"].sum() > ahead["base"].sum() > 0
    assert (ahead["low"] <= ahead["high"]).all()
    past = around[around["demand"].notna()]
    assert len(past) > 52
    assert past["mean"].isna().all()


def test_a_past_campaign_tells_what_it_did(planned: Path) -> None:
    found = explained(planned, "SPRING25")
    row = found.past.iloc[0]
    assert row["excess"] == pytest.approx(row["sold"] - row["baseline"])
    assert f"Lift {row['lift']:.2f}" in found.words["past"]
    assert row["lift_low"] < row["lift"] < row["lift_high"]
    assert found.words["effect"].endswith("it is over.")
    assert found.weeks.empty
    assert found.orders.empty


def test_a_draft_says_that_it_adds_nothing_and_what_to_do(planned: Path) -> None:
    assert "being draft: set its status to planned" in explained(planned, "SPRING", "base").words["effect"]


def test_without_a_run_the_next_step_is_a_plan(planned: Path) -> None:
    assert explained(planned, "SPRING", with_run=False).words["orders"].endswith("planner plan makes them.")


def test_a_run_that_knew_less_is_told(planned: Path) -> None:
    workspace = Workspace(planned)
    prepared = prepare(workspace, "spring-campaign", {"campaigns.pull_forward_share": 0.9})
    run = workspace.latest("spring-campaign", "orders")
    found = explain_campaign(prepared, compute(prepared, "uplift"), "SPRING", run)
    assert "planner plan makes another" in found.words["orders"]


def test_an_unknown_campaign_is_refused_with_the_nearest(planned: Path) -> None:
    with pytest.raises(UsageError, match="there is no campaign 'SPRIN'") as caught:
        explained(planned, "SPRIN")
    assert "SPRING" in caught.value.hint


def test_explain_campaign_prints_plot_tables_and_words(planned: Path, capsys: Capture) -> None:
    assert main(["-C", str(planned), "explain", "campaign", "SPRING", *SPRING, "-q"]) == 0
    shown = capsys.readouterr().out
    for part in ("Waterfall", "By bucket", "Order lines because of it", "Loads because of it", "80 % band", "└──"):
        assert part in shown


def test_the_drawing_holds_waterfall_and_weeks(planned: Path, tmp_path: Path, capsys: Capture) -> None:
    for name in ("SPRING", "SPRING25"):
        target = tmp_path / f"{name}.svg"
        assert main(["-C", str(planned), "explain", "campaign", name, *SPRING, "-o", str(target), "-q"]) == 0
        root = ElementTree.parse(target).getroot()
        inner = [part for part in root if part.tag.endswith("svg")]
        assert len(inner) == (2 if name == "SPRING" else 1)
        assert all(any(shape.tag.endswith("path") for shape in part.iter()) for part in inner)
    capsys.readouterr()


def test_fit_writes_the_lift_with_its_band(planned: Path, capsys: Capture) -> None:
    found = said(capsys, planned, "campaign", "fit")
    lift = pd.DataFrame(found["lift"])
    assert set(lift["level"]) == {"prior", "category", "brand", "sku"}
    np.testing.assert_allclose(np.log(lift["lift"]), lift["log_lift"])
    np.testing.assert_allclose(np.log(lift["lift_high"] / lift["lift_low"]), 2 * 1.2816 * lift["sd"])
    assert lift["evidence"].str.len().gt(0).all()
    events = pd.DataFrame(said(capsys, planned, "campaign", "fit", "--events")["events"])
    campaigns = pd.DataFrame(found["campaigns"]).set_index("campaign")
    read = events[events["note"] == ""].groupby("campaign")["excess"].sum()
    np.testing.assert_allclose(campaigns.loc[read.index, "excess"], read)


def test_apply_writes_the_uplift_table_and_shows_its_sums(planned: Path, capsys: Capture) -> None:
    rows = pd.DataFrame(said(capsys, planned, "campaign", "apply", *SPRING)["uplift"])
    wanted = {"base", "gross", "cannibalised", "halo", "pulled_forward", "net", "variance", "q0.50", "evidence"}
    assert wanted < set(rows.columns)
    net = rows["gross"] - rows["cannibalised"] + rows["halo"] - rows["pulled_forward"]
    np.testing.assert_allclose(net, rows["net"])
    one = pd.DataFrame(said(capsys, planned, "campaign", "apply", "SPRING", *SPRING)["uplift"])
    assert set(one["campaign"]) == {"SPRING"}
    part = pd.DataFrame(said(capsys, planned, "campaign", "apply", *SPRING, "--select", "warehouse:LEJ")["uplift"])
    assert set(part["warehouse"]) == {"LEJ"}
    assert main(["-C", str(planned), "campaign", "apply", *SPRING, "-q"]) == 0
    shown = capsys.readouterr().out
    assert f"{one['net'].sum():,.0f}" in shown


def test_apply_refuses_a_campaign_that_is_not_there(planned: Path, capsys: Capture) -> None:
    assert main(["-C", str(planned), "campaign", "apply", "SPRIN"]) == 2
    assert "SPRING" in capsys.readouterr().err


def test_switched_off_is_said(planned: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_CAMPAIGNS_ENABLED", "false")
    assert main(["-C", str(planned), "campaign", "apply", *SPRING, "-q"]) == 0
    assert "campaigns are switched off" in capsys.readouterr().out


def test_the_band_of_a_total_adds_up_lifts_and_lets_noise_cancel() -> None:
    rows = pd.DataFrame(
        dict.fromkeys(PARTS, 0.0) | {"campaign": ["A"] * 100, "net": 10.0, "swing": 3.0, "variance": 25.0}
    )
    total = banded(rows, ["campaign"], []).iloc[0]
    assert total["net"] == 1000.0
    assert total["high"] - total["net"] == pytest.approx(1.2816 * np.sqrt(300.0**2 + 100 * 16.0))
    assert total["net"] - total["low"] == pytest.approx(total["high"] - total["net"])
    opposed = banded(rows.assign(swing=np.resize([3.0, -3.0], 100)), ["campaign"], []).iloc[0]
    assert opposed["high"] - opposed["net"] == pytest.approx(1.2816 * 40.0)
