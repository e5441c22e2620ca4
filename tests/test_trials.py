"""`planner campaign settle` and `campaign power`, as they are typed, on the demo's trials."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.cli.app import main

Capture = pytest.CaptureFixture[str]


def test_settle_reads_every_trial_of_the_demo(demo: Path, capsys: Capture) -> None:
    assert main(["-C", str(demo), "campaign", "settle", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {"visit", "conversion", "spend"} == {row["outcome"] for row in said["results"]}
    assert [row["campaign"] for row in said["refused"]] == ["SOCIAL25"]
    assert "only 2 warehouses without it" in said["refused"][0]["why"]
    assert all(row["low"] < row["effect"] < row["high"] for row in said["results"])


def test_a_swapped_trial_is_refused_with_its_reason(demo: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(demo, tmp_path / "shop", ignore=shutil.ignore_patterns("truth", "reports", ".planner"))
    path = tmp_path / "shop" / "data" / "assignments.csv"
    text = path.read_text(encoding="utf-8").replace(",control,", ",x,").replace(",email,", ",control,")
    path.write_text(text.replace(",x,", ",email,"), encoding="utf-8")
    assert main(["-C", str(tmp_path / "shop"), "campaign", "settle", "FRESH26", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert "swapped" in said["refused"][0]["why"]
    assert said["results"] == []


@pytest.mark.parametrize(
    ("sent", "says"),
    [("2026-01-18T20:00:00", "different zones"), ("2025-12-01T09:00:00", "the dates of one of them are wrong")],
)
def test_messages_sent_outside_the_campaign_are_refused(
    demo: Path, tmp_path: Path, capsys: Capture, sent: str, says: str
) -> None:
    shutil.copytree(demo, tmp_path / "shop", ignore=shutil.ignore_patterns("truth", "reports", ".planner"))
    path = tmp_path / "shop" / "data" / "assignments.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("2026-01-19T09:00:00", sent), encoding="utf-8")
    assert main(["-C", str(tmp_path / "shop"), "campaign", "settle", "FRESH26", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert says in said["refused"][0]["why"]
    assert said["results"] == []


def test_power_says_what_a_trial_could_see(demo: Path, tmp_path: Path, capsys: Capture) -> None:
    shutil.copytree(demo, tmp_path / "shop", ignore=shutil.ignore_patterns("truth", "reports", ".planner"))
    shop = str(tmp_path / "shop")
    path = tmp_path / "shop" / "data" / "campaigns.csv"
    with path.open("a", encoding="utf-8") as handle:
        names = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        told = {
            "kind": "email",
            "start": "2026-04-06",
            "end": "2026-04-12",
            "audience_size": "1000",
            "status": "planned",
        }
        for code, held in (("MAIL", "0.2"), ("ALL", "")):
            row = told | {"campaign": code, "holdout_share": held}
            handle.write(",".join(row.get(name, "") for name in names) + "\n")
    arguments = ["-C", shop, "campaign", "power", "MAIL", "--rate", "0.1", "--effect", "0.01", "--format", "json"]
    assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["treated"], said["control"]) == (800, 200)
    assert 0.06 < said["smallest_effect"] < 0.09
    assert said["needed"] > 20_000
    assert main(["-C", shop, "campaign", "power", "ALL"]) == 2
    assert "no holdout: everybody is treated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["settle", "NONE"], "has no assignments"),
        (["settle", "--uplift", "visit"], "needs one campaign"),
        (["settle", "FRESH26", "--uplift", "smile"], "there is no outcome"),
        (["settle", "FRESH26", "--by", "region"], "--by needs --uplift"),
        (["settle", "FRESH26", "--uplift", "visit", "--by", "shoe_size"], "customers have no column 'shoe_size'"),
        (["power", "NONE"], "there is no campaign"),
        (["power", "XMAS23"], "has no audience_size"),
    ],
)
def test_what_cannot_be_meant_is_refused(demo: Path, capsys: Capture, words: list[str], says: str) -> None:
    assert main(["-C", str(demo), "campaign", *words]) == 2
    assert says in capsys.readouterr().err


def test_uplift_comes_to_the_places_that_are_named(tmp_path: Path, capsys: Capture) -> None:
    """Half a thousand a side; the mail works in the city alone, and a third of the customers live there."""
    rng = np.random.default_rng(4)
    lines = ["recency,history,mens,womens,zip_code,newbie,channel,segment,visit,conversion,spend"]
    for number in range(1500):
        city, sent = number % 3 == 0, rng.random() < 0.5
        visit = int(rng.random() < 0.2 + 0.5 * (city and sent))
        arm = "Mens E-Mail" if sent else "No E-Mail"
        place = "Urban" if city else "Rural"
        lines.append(f"{number % 9},{number % 50},{number % 2},1,{place},0,Web,{arm},{visit},0,0.0")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "email_trial.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    shop = str(tmp_path / "shop")
    assert main(["import", "hillstrom", str(tmp_path / "raw"), "--into", shop]) == 0
    capsys.readouterr()
    words = ["campaign", "settle", "EMAIL", "--uplift", "visit", "--by", "region", "--format", "json"]
    assert main(["-C", shop, *words]) == 0
    said = json.loads(capsys.readouterr().out)
    extra = {row["place"]: row["expected"] for row in said["places"]}
    assert extra["Urban"] == pytest.approx(250, rel=0.25)
    assert abs(extra["Rural"]) < 80
    assert [row["way"] for row in said["ways"] if row["chosen"]] == ["sum of customers"]


def test_a_regional_campaign_is_read_without_customers(tmp_path: Path, capsys: Capture) -> None:
    """Twenty-two regions of one warehouse; a price campaign in one of them brings 60 % more for four weeks."""
    rng = np.random.default_rng(6)
    weeks, data = pd.date_range("2025-01-06", periods=60, freq="W-MON"), tmp_path / "data"
    data.mkdir()
    (tmp_path / "planner.toml").write_text('[plan]\nas_of = 2026-03-02\nbucket = "week"\n', encoding="utf-8")
    names = [f"W{n:02d}" for n in range(22)]
    places = pd.DataFrame({"location": names, "kind": "warehouse", "region": [f"R{name}" for name in names]})
    places.to_csv(data / "locations.csv", index=False)
    pd.DataFrame({"sku": ["TEA"]}).to_csv(data / "items.csv", index=False)
    campaign = {"campaign": "NORTH", "kind": "price", "start": weeks[-6], "end": weeks[-2] - pd.Timedelta(days=1)}
    pd.DataFrame([campaign | {"region": "RW00", "status": "done"}]).to_csv(data / "campaigns.csv", index=False)
    pd.DataFrame({"campaign": ["NORTH"], "sku": ["TEA"]}).to_csv(data / "campaign_items.csv", index=False)
    season = 1 + 0.3 * np.sin(np.arange(60) / 8)
    units = rng.poisson(200 * rng.uniform(0.5, 2, 22)[:, None] * season).astype(float)
    units[0, -6:-2] = (units[0, -6:-2] * 1.6).round()
    sales = pd.DataFrame({"warehouse": np.repeat(names, 60), "date": np.tile(weeks, 22), "quantity": units.ravel()})
    sales.assign(sku="TEA").to_csv(data / "sales.csv", index=False)
    assert main(["-C", str(tmp_path), "campaign", "settle", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    (row,) = said["regions"]
    assert (row["campaign"], row["level"], row["treated"], row["donors"]) == ("NORTH", "region", "RW00", 21)
    assert row["low"] < 0.6 < row["high"]
    assert row["verdict"] == "more units"
    assert sum(part["weight"] for part in said["mix"]) == pytest.approx(1.0)
    assert said["results"] == said["refused"] == []
    assert main(["-C", str(tmp_path), "campaign", "settle", "NORTH", "--uplift", "visit"]) == 2
    assert "has no assignments" in capsys.readouterr().err
