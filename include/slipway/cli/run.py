"""`slipway run`: run one stage, as an Airflow task or a pod does."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from slipway import wiring
from slipway.cli.origin import Origin, shell_origin
from slipway.cli.output import (
    json_option,
    print_json,
    print_outcome,
    print_training_start,
    verdict_of,
)
from slipway.cli.signals import exit_on_sigterm
from slipway.wiring.stage import Input, Stage
from slipway.wiring.stage_table import STAGES

REFUSED = frozenset({"blocked", "refuse", "refused", "aborted", "inconclusive"})
"""Actions of verdicts after which a script shall not go on."""


def run_command(stages: Mapping[str, Stage]) -> click.Command:
    """Build `slipway run`: its stages and options are those of the stage table."""
    inputs = {one.name: one for row in stages.values() for one in row.inputs}
    params = [
        click.Argument(["stage"], type=click.Choice(list(stages))),
        *(_option(one) for one in inputs.values()),
        click.Option(
            ["--origin"],
            type=Origin(),
            envvar="SLIPWAY_ORIGIN",
            help="Origin for the run record, a JSON object; default: the user of this shell.",
        ),
        click.Option(["--outcome"], help="Store key for the result; set by the task of a pod."),
    ]
    help_text = f"{inspect.cleandoc(_run.__doc__ or '')}\n\n\b\nStages:\n{_listed(stages)}"
    return json_option(click.Command("run", callback=_run, params=params, help=help_text))


def _run(
    stage: str, *, origin: dict[str, Any] | None, outcome: str | None, as_json: bool, **given: Any
) -> None:
    """Run one stage of the ring and print its verdict.

    A repeat prints the recorded verdict, and when it was recorded. A stage takes only its own
    inputs. Exit status 1 when the verdict is a refusal (blocked, refuse, refused, aborted or
    inconclusive), as for an error; with `--outcome` 0 for each verdict, since the task reads it.
    """
    exit_on_sigterm()
    began = datetime.now(UTC)
    inputs = {name: value for name, value in given.items() if value is not None}
    result = wiring.run_stage(stage, inputs, origin=origin or shell_origin(), outcome=outcome)
    if as_json:
        print_json(result.to_json())
    else:
        print_outcome(stage, result, began=began)
        if stage == "accept" and outcome is None:
            print_training_start(inputs["model"], result)
    if outcome is None and verdict_of(result).action in REFUSED:
        raise SystemExit(1)


def _option(one: Input) -> click.Option:
    kind: Any = None
    if one.choices:
        kind = click.Choice(one.choices)
    elif one.bounds is not None:
        kind = click.IntRange(*one.bounds)
    return click.Option([f"--{one.name.replace('_', '-')}"], type=kind, help=one.help)


def _listed(stages: Mapping[str, Stage]) -> str:
    width = max(map(len, stages))
    return "\n".join(f"  {name:<{width}}  {row.summary}" for name, row in stages.items())


run = run_command(STAGES)
