"""Commands that print the ledger, verify it, accept it, and look up past champions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from slipway.cli.command_errors import Commands
from slipway.cli.origin import shell_origin
from slipway.cli.output import json_option, print_json
from slipway.cli.time_argument import Time
from slipway.errors import SpecError
from slipway.records import ledger as chain
from slipway.records.champion_history import champion_beside_damage
from slipway.stages.model.own_anchors import SHORT_ID
from slipway.values.told_times import in_utc

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.wiring import Container


@click.group(cls=Commands)
def ledger() -> None:
    """Print the ledger, verify it, accept it, and look up past champions."""


@ledger.command()
@click.argument("subject", required=False)
@click.option("--last", type=click.IntRange(min=1), help="Only this many of the newest entries.")
@json_option
def show(subject: str | None, *, last: int | None, as_json: bool) -> None:
    """Print the entries: time, stage, run, verdict and reason.

    SUBJECT is a dataset or a model; default: all of them. Oldest first.
    """
    store = _store(subject)
    entries = [
        entry
        for one in _subjects(store, subject)
        for entry in (
            chain.read(store, one, damaged="mark") if last is None else _newest(store, one, last)
        )
    ]
    if as_json:
        print_json(entries)
        return
    for entry in entries:
        if "damaged" in entry:
            click.secho(f"{entry['sequence']:>6}  {entry['damaged']} is no entry", fg="red")
            continue
        fact = entry["fact"]
        at = entry["at"][:19].replace("T", " ")
        words = f"{fact.get('stage', '')} {fact.get('run', '')}: {fact.get('action', '')}"
        click.echo(f"{entry['sequence']:>6}  {at}  {entry['subject']}  {words}")
        click.echo(f"{'':>8}{fact.get('reason', '')}")


@ledger.command()
@click.argument("subject", required=False)
@click.option("--without-anchor", is_flag=True, help="Do not read the anchored heads from MLflow.")
@json_option
def verify(subject: str | None, *, without_anchor: bool, as_json: bool) -> None:
    """Verify that no entry was edited, removed or cut off.

    Checks every entry, the run record it refers to, the clocks that they were made by, the heads
    that are anchored in MLflow, and which desired states no rollout wrote. Without SUBJECT all
    ledgers are verified that the store, the specs or MLflow know of; one of another store that
    shares MLflow is named.

    An edit after the anchored head which rewrites the whole chain cannot be detected. Exit status 1
    when a check fails.
    """
    from slipway import wiring
    from slipway.wiring.verified_ledgers import verify_ledgers

    container = wiring.Container()
    report = verify_ledgers(container, subject, has_anchors=not without_anchor)
    if as_json:
        print_json(report)
    else:
        _print_verified(report)
    if any(one["breaks"] for one in report):
        raise SystemExit(1)


def _print_verified(report: list[dict[str, Any]]) -> None:
    for one in report:
        if others := [store[:SHORT_ID] for store in one["other_stores"]]:
            click.echo(f"{one['subject']}: of store {', '.join(others)}, which shares MLflow")
            continue
        anchored = f"anchored at {one['anchored']}" if one["anchored"] else "not anchored"
        state = "broken" if one["breaks"] else "holds"
        count = "1 entry" if one["entries"] == 1 else f"{one['entries']:,} entries"
        click.echo(f"{one['subject']}: {count}, {anchored}: {state}")
        for found in one["breaks"]:
            click.secho(f"  {found['key']} {found['problem']}", fg="red")
    if not report:
        click.echo("the ledger is empty")


@ledger.command()
@click.argument("subject")
@click.option("--reason", required=True, help="Kept with your name in the ledger.")
@json_option
def accept(subject: str, *, reason: str, as_json: bool) -> None:
    """Accept a ledger that is damaged or does not continue what is anchored, as after a restore.

    SUBJECT is a dataset or a model. Your name, the reason and what is broken become an entry of its
    ledger, and the head behind it is anchored in MLflow in the place of the old one. Until then no
    version of the model is registered. An entry that was changed names no version from then on.
    """
    from slipway import wiring
    from slipway.records.run_context import RunContext
    from slipway.stages.model.accept_ledger import accept_ledger

    container = wiring.Container()
    record = accept_ledger(
        subject,
        reason=reason,
        context=RunContext(container.store, shell_origin()),
        registry=container.registry,
    )
    if as_json:
        print_json(record.to_json())
    else:
        click.echo(f"{subject}: {record.verdict.reason}")


@ledger.command("as-of")
@click.argument("time", type=Time())
@click.option("--model", help="Only this model.")
@json_option
def as_of(time: datetime, *, model: str | None, as_json: bool) -> None:
    """Print which version was champion at TIME.

    TIME is ISO 8601; UTC without a time zone. Damaged entries are named and left out.
    """
    store, known = _store(model), {}
    for one in _subjects(store, model):
        champion, damaged = champion_beside_damage(store, one, time)
        if champion is not None:
            known[one] = champion
        for key in damaged:
            text = f"{key} is no entry, and may be about a newer champion: `slipway ledger verify`"
            click.secho(text, fg="red", err=True)
    if as_json:
        print_json({one: asdict(champion) for one, champion in known.items()})
        return
    for one, champion in known.items():
        since = in_utc(champion.since)
        click.echo(f"{one}: version {champion.version} since {since}. {champion.reason}")
    if not known:
        click.echo(f"no model had a champion at {in_utc(time)}")


def _newest(store: Store, subject: str, count: int) -> list[dict[str, Any]]:
    return list(islice(chain.newest_first(store, subject, damaged="mark"), count))[::-1]


def _store(subject: str | None) -> Store:
    from slipway import wiring

    container = wiring.Container()
    _require_known(container, subject)
    return container.store


def _require_known(container: Container, subject: str | None) -> None:
    """Raise for a name that neither ledger nor project has: it would look like an empty ledger.

    Raises:
        BadParameter: There is no such model or dataset.
    """
    if subject is None or subject in chain.subjects(container.store):
        return
    # One whose spec is invalid is known, and has no entries.
    with suppress(SpecError):
        container.model_or_dataset(subject)


def _subjects(store: Store, subject: str | None) -> list[str]:
    return chain.subjects(store) if subject is None else [subject]
