"""`slipway reproduce`: build a version again, and compare it with the registered one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipway.cli.kept_trial import container_of, kept_option
from slipway.cli.output import json_option, print_json
from slipway.cli.signals import exit_on_sigterm

if TYPE_CHECKING:
    from slipway.stages.reproduce.reproduce import Reproduction


@click.command()
@click.argument("model")
@click.argument("version")
@kept_option
@json_option
def reproduce(model: str, version: str, *, kept: Path | None, as_json: bool) -> None:
    """Build VERSION of MODEL again from its records, and compare the two.

    VERSION is a number or an alias. The table versions and the event clock of its snapshot, the
    specs that were kept with its training, its own `pipeline.py` and its seed make the version
    once more in a temporary folder; registry and records are only read.

    It prints the largest and the mean difference of the predictions on the version's own holdout
    rows, which files are identical byte by byte, and what differs in the environment. The verdict
    is `reproduced` where the predictions agree within 1e-6 (absolute below 1, relative above), the
    tolerance that an engine's parity has, else `differs` with exit status 1. Without a table
    version, a spec or a record it says which is missing.
    """
    exit_on_sigterm()
    from slipway.stages.report.export import find_version
    from slipway.stages.reproduce.reproduce import REPRODUCED
    from slipway.wiring.reproduce import reproduce as rebuild

    container = container_of(kept)
    found = find_version(container.registry, model, version)
    done = rebuild(container, found, tell=lambda step: click.echo(f"{step} …", err=True))
    if as_json:
        print_json(done.to_json())
    else:
        _print(done)
    if done.verdict.action != REPRODUCED:
        raise SystemExit(1)


def _print(done: Reproduction) -> None:
    verdict = done.verdict
    click.echo(f"{click.style(verdict.action, bold=True)}. {verdict.reason}")
    width = max(map(len, verdict.numbers))
    for name, value in verdict.numbers.items():
        click.echo(f"  {name:<{width}}  {value}")
    for name, (then, now) in done.difference.environment.items():
        click.echo(f"  {name}: {then} in training, {now} here")
