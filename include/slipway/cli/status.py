"""Command that prints the state of models."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

import click

from slipway.cli.output import REPORT_WITHIN_S, json_option, print_json
from slipway.cli.specs_in_use import specs_in_use, warn
from slipway.spec.deployment_targets import TARGETS

if TYPE_CHECKING:
    from slipway.stages.report.status import Status
    from slipway.wiring import Container
    from slipway.wiring.found_specs import FoundSpecs


@click.command()
@click.argument("model", required=False)
@json_option
def status(model: str | None, *, as_json: bool) -> None:
    """Print the state of each model.

    Aliases, served versions, open requests, the last verdicts, and what lies in the landing area of
    its dataset and cannot be a delivery; then the same of datasets that no model uses.

    An invalid spec, or a folder that is gone, is a warning: the specs of the last rollout are used.
    """
    from slipway import wiring

    container = wiring.Container(registry_within_s=REPORT_WITHIN_S)
    if model is None:
        standings = _read_all(container)
    else:
        standings = [_read(container, specs_in_use(container, model))]
    if as_json:
        print_json([standing.to_json() for standing in standings])
        return
    for standing in standings:
        _print(standing)
    if not standings:
        click.echo("there is no model yet; docs/guides/your-own.md shows how to make one")
    if model is None:
        told = {line for standing in standings for line in standing.undeliverable}
        _print_other_datasets(container, told=told)
        _print_unknown_datasets(container)


def _read_all(container: Container) -> list[Status]:
    """Status of every model; one without a folder is shown as long as it serves, or may."""
    from slipway.wiring.found_specs import find_specs, model_names

    shown = []
    for name in model_names(container):
        specs = find_specs(container, name)
        standing = _read(container, specs)
        has_folder = (container.settings.models_folder / name).is_dir()
        if has_folder or standing.weights is None or standing.weights:
            shown.append(standing)
            if specs.warning is not None:
                warn(specs.warning)
    return shown


def _read(container: Container, specs: FoundSpecs) -> Status:
    from slipway.stages.report.signatures import describe_signature
    from slipway.stages.report.status import status as status_of
    from slipway.wiring.found_specs import delivered_streams, reader_for
    from slipway.wiring.signing import state_trust_of

    spec = specs.model
    return status_of(
        specs.name,
        store=container.store,
        registry=container.registry,
        platform=reader_for(container, specs),
        target=spec.deployment.target if spec else "local",
        dataset=spec.dataset if spec else None,
        streams=delivered_streams(container, spec.dataset) if spec else (),
        spec_problem=specs.problem_text,
        valid=specs.valid,
        policy=spec.retraining if spec else None,
        signature_of=partial(
            describe_signature, registry=container.registry, verifier=container.verifier
        ),
        trust=state_trust_of(container),
    )


def _print_other_datasets(container: Container, *, told: Collection[str]) -> None:
    """Print what cannot be a delivery and was told with no model."""
    from slipway.records.landing_area import list_undeliverable
    from slipway.wiring.found_specs import delivered_streams

    for name in sorted(_dataset_names(container)):
        streams = delivered_streams(container, name)
        for left in map(str, list_undeliverable(container.store, name, streams=streams)):
            if left not in told:
                click.secho(f"cannot be a delivery: {left}", fg="yellow")


def _dataset_names(container: Container) -> set[str]:
    home = container.settings.datasets_folder
    return {folder.name for folder in home.iterdir()} if home.is_dir() else set()


def _print_unknown_datasets(container: Container) -> None:
    from slipway.records.landing_area import list_unknown_datasets
    from slipway.spec.problems import nearest

    known = _dataset_names(container)
    for name in list_unknown_datasets(container.store, known):
        close = nearest(name, known)
        hint = f"; did you mean {close}?" if close else ""
        click.secho(f"landing/{name} belongs to no dataset{hint}", fg="yellow")


def _print(standing: Status) -> None:
    click.secho(standing.model, bold=True)
    for alias, version in standing.aliases.items():
        click.echo(f"  {alias:<11} {_format_version(standing, version)}")
    _print_versions(standing)
    _print_troubles(standing)
    for sentence in standing.waiting:
        click.secho(f"  {'waits':<11} {sentence}", fg="yellow")
    if standing.retraining:
        click.secho(f"  {'retraining':<11} {standing.retraining}", fg="yellow")
    for request in standing.requests:
        about = f"{request.number} ({request.kind}, {request.state})"
        click.echo(f"  request {about}: {request.reason}")
    for verdict in standing.verdicts:
        when = verdict.at[:16].replace("T", " ")
        click.echo(f"  {when}  {verdict.stage}: {verdict.action}. {verdict.reason}")


def _format_version(standing: Status, version: int | None) -> str:
    if version is None:
        return "none"
    outcome = standing.blocked.get(version, "").replace("_", " ")
    return f"version {version}" + (f" ({outcome})" if outcome else "")


def _print_troubles(standing: Status) -> None:
    for version in standing.failing:
        click.secho(f"  version {version} cannot answer", fg="red")
    troubles = {
        "lost": [loss.sentence for loss in standing.lost],
        "damaged": standing.damaged,
        "foreign": standing.foreign,
        "forged": standing.forged,
        "differs": filter(None, [standing.difference]),
    }
    for word, sentences in troubles.items():
        for sentence in sentences:
            click.secho(f"  {word:<11} {sentence}", fg="red")
    if standing.edited:
        click.secho(f"  edited by hand: {standing.edited}", fg="red")
    for left in standing.undeliverable:
        click.secho(f"  cannot be a delivery: {left}", fg="yellow")
    for trouble in standing.unknown:
        click.secho(f"  not known: {trouble}", fg="yellow")


def _print_versions(standing: Status) -> None:
    target = TARGETS[standing.target]
    # Without a server the pipeline itself scores; no engine is used.
    engines = standing.engines if target.has_server else {}
    for number, engine in sorted(engines.items()):
        click.echo(f"  {'engine':<11} version {number} {engine.shown}")
    for number, told in sorted(standing.signatures.items()):
        line = f"  {'signature':<11} version {number} {told}"
        click.secho(line, fg="red" if told.startswith("refused") else None)
    for number, origin in sorted(standing.sources.items()):
        click.echo(f"  {'brought':<11} version {number} is {origin}")
    shares = [f"version {one} {share:.0%}" for one, share in (standing.weights or {}).items()]
    nothing = "not known" if standing.weights is None else "nothing"
    where = f" ({standing.target})" if target.scores_in_batches else ""
    click.echo(f"  {'served':<11} {', '.join(shares) or nothing}{where}")
