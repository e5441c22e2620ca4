"""campaign settle, campaign power: what a trial says, and what one to come could see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.out import Answer, Sheet
from planner.cli.session import current
from planner.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

    from planner.marketing.trials.regional import Regional
    from planner.record import Prepared

_SHOWN = ("effect", "low", "high", "control_mean", "p_value", "verdict", "smallest_effect", "mean", "customers",
          "control_customers")  # fmt: skip
_REGIONS = ("effect", "low", "high", "confidence", "p_value", "units", "verdict", "weeks", "donors", "weeks_before",
            "fit", "usual_fit")  # fmt: skip
_LIFT = ("lift", "lift_low", "lift_high", "depth", "basis", "kind", "category")
_PLACES = ("customers", "expected", "way")


def settle(
    campaign: Annotated[str, typer.Argument(metavar="[CAMPAIGN]", help="One campaign, instead of all.")] = "",
    uplift: Annotated[
        str, typer.Option("--uplift", metavar="OUTCOME", help="For whom it worked: by visit or conversion.")
    ] = "",
    least: Annotated[float, typer.Option(metavar="SHARE", help="Gain per customer that sending has to bring.")] = 0.0,
    by: Annotated[
        str, typer.Option("--by", metavar="COLUMNS", help="With --uplift: places, by default home_warehouse.")
    ] = "",
) -> Answer:
    """Read finished trials: each arm against the control, with intervals, and no verdict on what they could not see.

    What they say of the lift is evidence for campaigns to come from then on, beside what sales say (campaign fit).

    A campaign for a country or region is read without customers: its places against a mix of the others that moved as
    they did before (a synthetic control). One whose items name warehouses is read so if it is named.
    With --uplift OUTCOME learners are compared on halves that they have not seen, and the first table, which -o writes,
    says for each customer whether to send. A further table brings the effect to places: summed over customers only
    where that is nearer than rate x head-count in cross-validation on the trial.
    """
    import pandas as pd

    from planner.marketing import factors
    from planner.marketing.trials.outcomes import evidence_of, told_of
    from planner.marketing.trials.settle import settle as read

    prepared = _prepared("")
    assignments = _assignments(prepared)
    places = _regional(prepared, campaign)
    if not len(places.results) + len(places.refused):
        prepared.dataset.require("campaign settle")
        _known(assignments, campaign)
    found = read(assignments, prepared.dataset["campaigns"], prepared.as_of, campaign)
    refused = pd.concat([found.refused, places.refused], ignore_index=True)
    told = told_of(evidence_of(prepared.dataset, assignments, set(found.results["campaign"]), prepared.as_of))
    sheets = [
        Sheet("results", found.results, "Arms against the control", ("campaign", "outcome", "arm"), _SHOWN,
              ("verdict",), 0, "no trial could be read"),
        Sheet("lift", factors(told), "Lift of those addressed, 80 % band", ("campaign", "arm"), _LIFT,
              shown=0, empty="no trial says anything of the lift"),
        Sheet("regions", places.results, "Places against a mix of the others", ("campaign", "level", "treated"),
              _REGIONS, ("verdict",), 0, "no regional campaign could be read"),
        Sheet("mix", places.donors, "What the mix is made of", ("campaign", "place"), shown=0, empty="none"),
        Sheet("refused", refused, "Not read", ("campaign",), folded=("why",), shown=0, empty="none"),
    ]  # fmt: skip
    if current().out.format == "table":
        sheets = [sheet for sheet in sheets if len(sheet.frame) or sheet.name not in ("lift", "regions", "mix")]
    if not uplift:
        if by:
            raise UsageError("--by needs --uplift", "planner campaign settle CAMPAIGN --uplift conversion --by region")
        return Answer(sheets, {}, [], "planner campaign settle CAMPAIGN --uplift conversion")
    _possible(campaign, uplift)
    _known(assignments, campaign)
    if len(found.refused):
        return Answer(sheets[::-1], {}, ["who responds to what cannot be read from this trial"])
    people = _people(prepared, campaign)
    columns = _columns(people, by or "home_warehouse")
    lists, quality, lines = _uplift(prepared, people, campaign, uplift, least)
    by_place = _places(prepared, people, campaign, uplift, columns)
    whom = Sheet("send", lists, "Whom to send to, the least gain first", ("customer", "arm"))
    learners = Sheet("learners", quality, "Qini and AUUC over 20 splits", ("arm", "learner"), shown=0)
    return Answer([whom, learners, *by_place, *sheets], {}, lines)


def power(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="A campaign to come, with an audience.")],
    rate: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="SHARE", help="Share that responds without it; else of past trials."),
    ] = None,
    effect: Annotated[
        float, typer.Option(metavar="SHARE", help="Effect that must not be missed: how many customers it needs.")
    ] = 0.0,
) -> Answer:
    """Say before a trial what it could see: the smallest effect on a share, at 95 % confidence and 80 % power."""
    from planner.marketing.trials import needed_customers
    from planner.marketing.trials.power import smallest_rate_effect

    prepared = _prepared("")
    row = _campaign(prepared, campaign)
    usual, basis = (rate, "as told") if rate is not None else _usual(prepared.dataset["assignments"])
    size, held = float(row["audience_size"]), float(row["holdout_share"])
    if not size > 0:
        raise UsageError(f"campaign {campaign} has no audience_size", "say in campaigns how many are addressed")
    if not 0 < held < 1:
        raise UsageError(
            f"campaign {campaign} has no holdout: everybody is treated, so nothing can be compared",
            "set holdout_share in campaigns, such as 0.1",
        )
    control = round(size * held)
    least = smallest_rate_effect(int(size) - control, control, usual)
    lines = [f"{int(size) - control:,} treated and {control:,} held out; {usual:.2%} respond without it ({basis})",
             f"it can see an effect of {least:.2%} points or more ({least / usual:.0%} of what is usual)"]  # fmt: skip
    facts = {
        "campaign": campaign,
        "rate": usual,
        "smallest_effect": least,
        "treated": int(size) - control,
        "control": control,
    }
    if effect:
        facts["needed"] = needed_customers(effect, usual, held)
        lines.append(
            f"an effect of {effect:.2%} points needs {facts['needed']:,} customers, {held:.0%} of them held out"
        )
    return Answer([], facts, lines, "planner campaign settle")


def _prepared(needs: str) -> Prepared:
    from planner.plan import prepare

    session = current()
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    if needs:
        prepared.dataset.require(needs)
    return prepared


def _regional(prepared: Prepared, campaign: str) -> Regional:
    """Campaigns for some places, read on the demand of the history; none where there is no history."""
    from planner.marketing.trials.regional import no_regional, read_regional
    from planner.panel import Panel
    from planner.plan import compute

    data, settings = prepared.dataset, prepared.scenario.settings
    if not data.has("sales") or not data.has("campaign_items") or settings.plan.bucket == "month":
        return no_regional()
    demand = Panel.from_wide(compute(prepared, "history", current().progress())["history"].table("demand"))
    return read_regional(
        demand, data["campaigns"], data["campaign_items"], data["items"], data["locations"], prepared.as_of,
        settings.plan.seed, campaign,
    )  # fmt: skip


def _assignments(prepared: Prepared) -> pd.DataFrame:
    """What came of trials that nobody reported on is read from what customers bought and looked at."""
    from planner.marketing.trials.outcomes import with_outcomes

    return with_outcomes(prepared.dataset)


def _known(assignments: pd.DataFrame, campaign: str) -> None:
    from planner.settings import nearest

    names = sorted(assignments["campaign"].unique())
    if campaign and campaign not in names:
        raise UsageError(
            f"campaign {campaign!r} has no assignments, nor was it for some places only", nearest(campaign, names)
        )


def _campaign(prepared: Prepared, campaign: str) -> pd.Series:
    from planner.settings import nearest

    campaigns = prepared.dataset["campaigns"]
    found = campaigns[campaigns["campaign"] == campaign]
    if found.empty:
        raise UsageError(f"there is no campaign {campaign!r}", nearest(campaign, sorted(campaigns["campaign"])))
    return found.iloc[0]


def _usual(assignments: pd.DataFrame) -> tuple[float, str]:
    control = assignments.loc[assignments["arm"] == "control", "conversion"].dropna()
    if not len(control) or not control.mean() > 0:
        raise UsageError("no past trial says how many respond without a campaign", "say it with --rate 0.05")
    return float(control.mean()), f"the {len(control):,} customers held out of past trials"


def _possible(campaign: str, outcome: str) -> None:
    from planner.marketing.extras import need_scikit_learn

    if not campaign:
        raise UsageError("--uplift needs one campaign", "planner campaign settle CAMPAIGN --uplift conversion")
    if outcome not in ("visit", "conversion"):
        raise UsageError(f"--uplift: there is no outcome {outcome!r}", "choose visit or conversion")
    need_scikit_learn("--uplift")


def _columns(people: pd.DataFrame, by: str) -> list[str]:
    from planner.settings import nearest

    names = [name.strip() for name in by.split(",")]
    for name in names:
        if name not in people.columns or name == "customer":
            known = sorted(set(map(str, people.columns)) - {"customer"})
            raise UsageError(f"--by: customers have no column {name!r}", nearest(name, known))
    return names


def _places(prepared: Prepared, people: pd.DataFrame, campaign: str, outcome: str, columns: list[str]) -> list[Sheet]:
    """What each arm brings to each place, and how far off both ways to sum are."""
    import pandas as pd

    from planner.marketing.trials.settle import by_place

    settings = prepared.scenario.settings
    rows = _assignments(prepared)
    rows = rows[rows["campaign"] == campaign]
    found = []
    for arm in sorted(set(rows["arm"]) - {"control"}):
        one = by_place(rows, people, arm, outcome, columns, settings.plan.seed, settings.customers.minimum_cell)
        found += [one] if one else []
    named = " / ".join(columns)
    tables = [pd.concat(parts, ignore_index=True) for parts in zip(*found, strict=True)]
    if not tables:
        tables = [pd.DataFrame(columns=["arm", "place", *_PLACES]), pd.DataFrame(columns=["arm", "way"])]
    nothing = f"nothing to sum by {named}: one place, or too few customers"
    return [
        Sheet("places", tables[0], f"Extra {outcome}s if all get it, by {named}", ("arm", "place"),
              _PLACES, shown=0, empty=nothing),
        Sheet("ways", tables[1], "Error of both ways on halves not learnt from", ("arm", "way"), shown=0,
              empty=nothing),
    ]  # fmt: skip


def _uplift(
    prepared: Prepared, people: pd.DataFrame, campaign: str, outcome: str, least: float
) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Lists and learners of each arm, and what to say of them."""
    import pandas as pd

    from planner.marketing.trials.settle import for_whom

    seed = prepared.scenario.settings.plan.seed
    rows = _assignments(prepared)
    rows = rows[rows["campaign"] == campaign]
    lists, quality, lines = [], [], []
    for arm in sorted(set(rows["arm"]) - {"control"}):
        with current().out.working(f"learning for whom {arm} worked"):
            found = for_whom(rows, people, arm, outcome, seed, least)
        if found is None:
            lines.append(f"{arm}: too few customers, responses or features to tell customers apart")
            continue
        one, sends = found
        lists.append(sends)
        quality.append(one.quality.assign(arm=arm))
        kept = int((~sends["send"]).sum())
        said = f"{kept:,} of {len(sends):,} are better left out"
        if not one.tells:
            said = "it does not beat chance by two standard deviations: send to all or to none"
        lines.append(f"{arm}: by {one.learner}; {said}")
    lists = lists or [pd.DataFrame(columns=["customer", "uplift", "send", "arm"])]
    quality = quality or [pd.DataFrame(columns=["arm", "learner"])]
    return pd.concat(lists, ignore_index=True), pd.concat(quality, ignore_index=True), lines


def _people(prepared: Prepared, campaign: str) -> pd.DataFrame:
    """Customers as they were known when the campaign began."""
    from planner.marketing.segments import make_profiles

    data = prepared.dataset
    start = _campaign(prepared, campaign)["start"].date()
    people = data["customers"].drop(columns=[name for name in data["customers"] if str(name).startswith("consent")])
    if not data.has("order_lines"):
        return people
    profiles = make_profiles(data["customers"], data["order_lines"], data["behaviour"], data["items"], start)
    return people.drop(columns=["country", "home_warehouse"]).merge(profiles, on="customer")
