"""One SKU in two countries: lift, channel, consent, currency and duty of each, and so orders that differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from planner.audience import choose_audience
from planner.errors import UsageError
from planner.explain_plan import explain_order
from planner.plan import prepare, run_plan
from planner.settings import Settings, merge
from planner.workspace import Run, Workspace

WEEKS = pd.date_range("2024-09-02", periods=78, freq="W-MON")
SETTINGS = """[plan]
as_of = 2026-03-02
bucket = "week"
currency = "EUR"
horizon = 12

[stock]
horizon_weeks = 12
gap = 0.05
"""
MAIL = """[settings.countries.DE]
consent = "opt-in"

[settings.countries.CH]
consent = "opt-out"
gain_factor = 0.5
"""
TARIFF = """
[[change]]
table = "duties"
column = "rate"
set = 1.0
where = { destination = "CH" }
"""


def write(folder: Path) -> Path:
    """Tea from one supplier for Berlin (EUR) and Basel (CHF), the same sales, a mail to come.

    Of ten Germans three agreed to e-mail; of ten Swiss one objected and none agreed.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "planner.toml").write_text(SETTINGS, encoding="utf-8")
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "base.toml").write_text('title = "As told"\n', encoding="utf-8")
    (folder / "scenarios" / "rules.toml").write_text('title = "Rules"\n\n' + MAIL, encoding="utf-8")
    (folder / "scenarios" / "tariff.toml").write_text('title = "Tariff"\n' + TARIFF, encoding="utf-8")
    places = [
        ("BER", "warehouse", "DE", "EU", "EUR"), ("BSL", "warehouse", "CH", "", "CHF"),
        ("SUP", "supplier", "PL", "EU", "EUR"),
    ]  # fmt: skip
    words = ("location", "kind", "country", "customs_area", "currency")
    units = np.random.default_rng(3).poisson(100, len(WEEKS))
    people = [
        {"customer": f"{code}{n}", "country": code, "consent_email": code == "DE" and n < 3,
         "opted_out_at": "2025-01-01T00:00:00" if code == "CH" and n == 0 else ""}
        for code in ("DE", "CH") for n in range(10)
    ]  # fmt: skip
    tables = {
        "items": [{"sku": "TEA", "category": "tea", "unit_price": 10.0, "unit_cost": 4.0, "weight_kg": 1.0,
                   "hs_code": "09023000"}],
        "locations": [dict(zip(words, place, strict=True)) for place in places],
        "stocking": [{"sku": "TEA", "warehouse": place, "service_target": 0.95} for place in ("BER", "BSL")],
        "sourcing": [
            {"sku": "TEA", "source": "SUP", "destination": "BER", "unit_cost": 4.0, "currency": "EUR", "lead_days": 7},
            {"sku": "TEA", "source": "SUP", "destination": "BSL", "unit_cost": 4.0, "currency": "CHF", "lead_days": 7},
        ],
        "duties": [{"hs_code": "0902", "origin": "PL", "destination": "CH", "rate": 0.25}],
        "currencies": [{"currency": "CHF", "date": "2026-01-01", "rate_to_base": 1.05}],
        "stock": [{"sku": "TEA", "warehouse": place, "on_hand": 150} for place in ("BER", "BSL")],
        "sales": [{"date": day.date(), "sku": "TEA", "warehouse": place, "quantity": sold}
                  for place in ("BER", "BSL") for day, sold in zip(WEEKS, units, strict=True)],
        "campaigns": [{"campaign": "MAIL", "kind": "email", "start": "2026-03-16", "end": "2026-03-29",
                       "discount_rate": 0.4, "status": "planned"}],
        "campaign_items": [{"campaign": "MAIL", "sku": "TEA"}],
        "customers": people,
    }  # fmt: skip
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(data / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    folder = write(tmp_path_factory.mktemp("two") / "w")
    return run_plan(Workspace(folder)), run_plan(Workspace(folder), "rules")


def gross(run: Run) -> pd.Series:
    return run.table("uplift").groupby("warehouse")["gross"].sum()


def test_without_rules_both_countries_gain_the_same(runs: tuple[Run, Run]) -> None:
    told = gross(runs[0])
    assert told["BER"] == pytest.approx(told["BSL"], rel=1e-6)
    assert told["BER"] > 20


def test_each_country_gains_by_its_lift_and_its_consent(runs: tuple[Run, Run]) -> None:
    """Germany opt-in: 3 of 10. Switzerland opt-out: 9 of 10, and half of the gain."""
    share = gross(runs[1]) / gross(runs[0])
    assert share["BER"] == pytest.approx(0.3, rel=1e-6)
    assert share["BSL"] == pytest.approx(0.45, rel=1e-6)


def test_the_audience_is_those_whom_the_demand_counts(runs: tuple[Run, Run], tmp_path: Path) -> None:
    """Without rules only the three Germans who agreed; under the rules the Swiss who did not object as well."""
    workspace = Workspace(write(tmp_path / "w"))
    share = gross(runs[1]) / gross(runs[0]) / pd.Series({"BER": 1.0, "BSL": 0.5})
    for scenario, expected in (("base", {"DE": 3}), ("rules", {"DE": 3, "CH": 9})):
        prepared = prepare(workspace, scenario, {})
        found = choose_audience(
            prepared.dataset, prepared.scenario.settings, prepared.as_of, "MAIL", "email", None
        ).people
        able = found[found["arm"] != ""]["country"].value_counts()
        assert able.to_dict() == expected
    assert able["DE"] / 10 == pytest.approx(share["BER"])
    assert able["CH"] / 10 == pytest.approx(share["BSL"])
    left = found.loc[found["arm"] == "", ["country", "outcome"]].value_counts().to_dict()
    assert left == {("DE", "no consent"): 7, ("CH", "opted out"): 1}


def test_nobody_is_written_to_where_the_channel_is_not_used(tmp_path: Path) -> None:
    settings = merge(Settings(), {"countries": {"DE": {"channels": ["sms"]}, "CH": {"consent": "opt-out"}}}, "-")
    prepared = prepare(Workspace(write(tmp_path / "w")), "base", {})
    found = choose_audience(prepared.dataset, settings, prepared.as_of, "MAIL", "email", None).people
    assert found.loc[found["country"] == "DE", "outcome"].unique().tolist() == ["channel not used"]
    assert (found.loc[found["country"] == "CH", "outcome"] == "addressed").sum() == 9


def test_the_cost_is_that_of_each_currency(runs: tuple[Run, Run]) -> None:
    """4 EUR in Berlin; 4 CHF x 1.05 EUR in Basel."""
    cost = runs[1].table("orders").groupby("destination")["unit_cost"].first()
    assert cost["BER"] == pytest.approx(4.0)
    assert cost["BSL"] == pytest.approx(4.0 * 1.05)


def test_the_duty_is_that_of_each_border(runs: tuple[Run, Run]) -> None:
    """Tea from Poland: nothing within the union, a quarter of the price into Switzerland."""
    orders = runs[0].table("orders")
    share = (orders["duty"] / (orders["quantity"] * orders["unit_cost"])).groupby(orders["destination"])
    assert share.min().to_dict() == share.max().to_dict() == pytest.approx({"BER": 0.0, "BSL": 0.25})
    assert runs[0].kpis["duty"] == pytest.approx(orders["duty"].sum())
    assert runs[0].kpis["spend"] == pytest.approx((orders["quantity"] * orders["unit_cost"]).sum())


def test_a_scenario_of_the_tariff_changes_the_plan_where_it_is_due(tmp_path: Path) -> None:
    """Stock that is dear to hold and earns less: at a duty of the whole price Basel holds less, Berlin as before."""
    folder = write(tmp_path / "w")
    (folder / "data" / "stocking.csv").write_text("sku,warehouse\nTEA,BER\nTEA,BSL\n", encoding="utf-8")
    workspace = Workspace(folder)
    before, after = run_plan(workspace), run_plan(workspace, "tariff")
    assert len(after.manifest["changes"]) == 1
    stock = [run.table("plan").groupby("warehouse")["closing"].mean() for run in (before, after)]
    first = [run.table("orders").groupby("destination")["quantity"].first() for run in (before, after)]
    assert stock[1]["BER"] == pytest.approx(stock[0]["BER"])
    assert stock[1]["BSL"] < stock[0]["BSL"]
    assert first[1]["BSL"] < first[0]["BSL"]


def test_an_order_that_pays_duty_says_so(runs: tuple[Run, Run], tmp_path: Path) -> None:
    prepared = prepare(Workspace(write(tmp_path / "w")), "base", {})
    orders = runs[0].table("orders")
    first = orders[orders["destination"] == "BSL"].iloc[0]
    said = explain_order(runs[0], prepared, first["line_id"]).words["duty"]
    assert said.startswith("Duty: goods of hs code 09023000 from PL pay 25.0 % into CH (tariff 0902), EUR ")
    home = orders.loc[orders["destination"] == "BER", "line_id"].iloc[0]
    assert "duty" not in explain_order(runs[0], prepared, home).words


def test_a_channel_that_is_not_used_somewhere_brings_nothing_there(tmp_path: Path) -> None:
    folder = write(tmp_path / "w")
    (folder / "scenarios" / "rules.toml").write_text(
        'title = "No mail in Germany"\n\n[settings.countries.DE]\nchannels = ["sms", "social"]\n', encoding="utf-8"
    )
    told = gross(run_plan(Workspace(folder), "rules", until="forecast"))
    assert told.get("BER", 0.0) == 0.0
    assert told["BSL"] > 20


def test_so_the_orders_differ_between_countries_and_from_the_plan_without_rules(runs: tuple[Run, Run]) -> None:
    def ordered(run: Run) -> pd.Series:
        orders = run.table("orders")
        return orders[orders["due_date"] < "2026-04-20"].groupby("destination")["quantity"].sum()

    told, ruled = ordered(runs[0]), ordered(runs[1])
    assert ruled["BER"] < told["BER"]
    assert ruled["BSL"] < told["BSL"]
    assert ruled["BER"] != ruled["BSL"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"countries": {"Germany": {"consent": "any"}}}, "is no country code"),
        ({"countries": {"DE": {"consents": "any"}}}, "there is no setting 'countries.DE.consents'"),
        ({"countries": {"DE": {"consent": "maybe"}}}, "is not any or opt-in or opt-out"),
        ({"countries": {"DE": {"gain_factor": -1}}}, "is no factor"),
        ({"countries": {"DE": {"channels": ["fax"]}}}, "there is no channel 'fax'"),
        ({"countries": 3}, "is no country code"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_meant_is_refused(body: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        merge(Settings(), body, "planner.toml")
