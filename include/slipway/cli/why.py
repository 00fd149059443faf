"""`slipway why`: explain a model's served version, or a dataset's newest deliveries."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from slipway.cli.output import REPORT_WITHIN_S, json_option, print_json
from slipway.cli.specs_in_use import specs_in_use, warn
from slipway.errors import BadParameter, SpecError
from slipway.spec import ModelSpec

if TYPE_CHECKING:
    from slipway.spec import DatasetSpec
    from slipway.wiring import Container
    from slipway.wiring.found_specs import FoundSpecs


@click.command()
@click.argument("name", metavar="MODEL|DATASET")
@json_option
def why(name: str, *, as_json: bool) -> None:
    """Explain which version of a model serves, or what became of a dataset's deliveries.

    A model has five lines: the served version, since when, its evidence, what was refused, and
    what is next; where MLflow lost a version, its signature does not count, or a rollout waits for
    another one, a line tells that, too. Of a dataset the newest deliveries are listed, those first
    that were blocked or have bad rows: the reason, the commonest reasons of bad rows with what
    would accept them, and where the rows are; then what lies in the landing area and cannot be a
    delivery.

    An MLflow that does not answer within some seconds is named as that, and the rest is told.

    An invalid spec, or a folder that is gone, is a warning: the specs of the last rollout are used.
    """
    from slipway import wiring
    from slipway.wiring.found_specs import is_dataset

    container = wiring.Container(registry_within_s=REPORT_WITHIN_S)
    try:
        spec = container.model_or_dataset(name)
    except (BadParameter, SpecError) as error:
        if is_dataset(container, name):
            warn(str(error))
            _dataset(name, None, container, as_json=as_json)
        else:
            _model(specs_in_use(container, name, unknown=error), container, as_json=as_json)
        return
    if isinstance(spec, ModelSpec):
        _model(specs_in_use(container, name), container, as_json=as_json)
    else:
        _dataset(name, spec, container, as_json=as_json)


def _model(specs: FoundSpecs, container: Container, *, as_json: bool) -> None:
    from slipway.stages.report.signatures import describe_signature
    from slipway.stages.report.why import why as why_of
    from slipway.wiring.found_specs import reader_for
    from slipway.wiring.signing import state_trust_of

    lines = why_of(
        specs.name,
        store=container.store,
        registry=container.registry,
        platform=reader_for(container, specs),
        valid=specs.valid,
        policy=specs.model.retraining if specs.model else None,
        signature_of=partial(
            describe_signature, registry=container.registry, verifier=container.verifier
        ),
        trust=state_trust_of(container),
    )
    if as_json:
        print_json({"model": specs.name, "lines": lines, "spec_problem": specs.problem_text})
        return
    for line in lines:
        click.echo(line)


def _dataset(name: str, spec: DatasetSpec | None, container: Container, *, as_json: bool) -> None:
    from slipway.records.landing_area import list_undeliverable
    from slipway.stages.report.why_dataset import format_deliveries, why_dataset
    from slipway.wiring.found_specs import delivered_streams

    deliveries = why_dataset(name, store=container.store, spec=spec, tables=container.tables)
    streams = delivered_streams(container, name)
    undeliverable = list(map(str, list_undeliverable(container.store, name, streams=streams)))
    if as_json:
        listed = [one.to_json() for one in deliveries]
        print_json({"dataset": name, "deliveries": listed, "undeliverable": undeliverable})
        return
    for line in format_deliveries(name, deliveries):
        click.echo(line)
    for left in undeliverable:
        click.secho(f"cannot be a delivery: {left}", fg="yellow")
