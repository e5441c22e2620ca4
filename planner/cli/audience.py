"""campaign audience: who is addressed, as a file for the system that sends it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from planner.cli.out import Answer, Sheet
from planner.cli.session import current
from planner.errors import UsageError

if TYPE_CHECKING:
    from planner.audience import Audience
    from planner.workspace import Run, Workspace


def audience(
    campaign: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="A planned campaign.")],
    profile: Annotated[
        str, typer.Option(metavar="NAME", help="Layout: google, meta, salesforce, adobe, mautic or csv.")
    ] = "csv",
    channel: Annotated[
        str, typer.Option(metavar="NAME", help="email, sms or ads; without it, as the campaign or the layout is.")
    ] = "",
    contacts: Annotated[
        str, typer.Option(metavar="FILE", help="CSV of addresses by customer; it is joined here and kept nowhere.")
    ] = "",
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The file to write.")] = "",
    key_file: Annotated[
        str, typer.Option(metavar="FILE", help="Key of the hashes, if contacts are not hashed; else PLANNER_KEY.")
    ] = "",
) -> Answer:
    """Choose whom a campaign addresses, hold a part out, and write the file of the system that sends it.

    Left out, in this order: channel not used in their country, no consent, opted out, contacted too often, no stock at
    their warehouse, beyond the audience size. The arms are kept in the table assignments, for
    campaign settle. --dry-run only counts.
    """
    from planner.exports.audiences import PROFILES, columns_of

    session = current()
    if profile not in PROFILES:
        columns_of(profile, channel)
    chosen, workspace = _choose(campaign, profile, channel), session.workspace()
    columns = columns_of(profile, chosen.channel)
    lines = [*chosen.notes, f"columns of the file: {', '.join(columns)}"]
    facts = {"campaign": campaign, "profile": profile, "columns": list(columns)}
    day = chosen.people["send_on"].min()
    lines += [f"to be sent from {day.date()} on"] if len(chosen.people) else []
    sheet = Sheet("counts", chosen.counts, f"{len(chosen.people):,} candidates", ("channel", "outcome"),
                  ("customers", "share"), shown=0)  # fmt: skip
    if session.options.dry_run:
        return Answer([sheet], facts, lines, f"planner campaign audience {campaign} --profile {profile} --out FILE")
    target = _target(out, workspace)
    return _written(chosen, profile, contacts, target, key_file, workspace, Answer([sheet], facts, lines))


def _choose(campaign: str, profile: str, channel: str) -> Audience:
    from planner.audience import CHANNELS, OF_KIND, choose_audience
    from planner.exports.audiences import PROFILES, columns_of
    from planner.plan import prepare
    from planner.settings import nearest

    session = current()
    if channel and channel not in CHANNELS:
        raise UsageError(f"--channel: there is no {channel!r}", nearest(channel, list(CHANNELS)))
    prepared = prepare(session.workspace(), session.scenario, session.options.flags())
    rows = prepared.dataset["campaigns"]
    kind = rows.loc[rows["campaign"] == campaign, "kind"]
    usual = OF_KIND.get(str(kind.iloc[0]), "") if len(kind) else ""
    channel = channel or usual or PROFILES[profile][0]
    columns_of(profile, channel)
    with session.out.working("choosing whom to address"):
        return choose_audience(
            prepared.dataset, prepared.scenario.settings, prepared.as_of, campaign, channel, _latest()
        )


def _written(
    chosen: Audience, profile: str, contacts: str, target: Path, key_file: str, workspace: Workspace, said: Answer
) -> Answer:
    from planner.audience import check_arms_can_be_kept, keep_arms
    from planner.exports.audiences import write_audience
    from planner.importers.inputs import Inputs
    from planner.importers.keys import read_key

    key = read_key(Inputs(target.parent, target.parent, dict(os.environ)), key_file) if contacts else None
    path = Path(contacts).expanduser() if contacts else None
    check_arms_can_be_kept(chosen, workspace.data)
    done = write_audience(chosen, profile, path, target, key)
    lines = [*said.lines, f"wrote {done.rows:,} rows to {done.path}"]
    if done.without_address:
        lines.append(f"{done.without_address:,} have no usable address in {Path(contacts).name}")
    if not chosen.kept:
        lines.append(f"the arms are kept in {keep_arms(chosen, workspace.data)}")
    facts = {**said.facts, "rows": done.rows, "without_address": done.without_address}
    return Answer(said.sheets, facts, lines, f"when it is over: planner campaign settle {chosen.campaign}")


def _target(out: str, workspace: Workspace) -> Path:
    """Where -o of the data would lie is no place for people: a file must be named, and not one of a run."""
    if not out:
        raise UsageError("which file is to be written?", "--out FILE, or --dry-run to count only")
    target = Path(out).expanduser().resolve()
    for folder in (workspace.reports, workspace.data):
        if target.is_relative_to(folder.resolve()):
            raise UsageError(f"{folder.name}/ is no place for addresses", "name a file elsewhere with --out FILE")
    return target


def _latest() -> Run | None:
    """The latest run of the scenario with a plan; None before there is one."""
    session = current()
    runs = [run for run in session.workspace().runs() if run.scenario == session.scenario and "plan" in run.tables]
    return runs[0] if runs else None
