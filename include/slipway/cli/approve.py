"""`slipway approve`: say yes or no to a retrain request that waits for a person."""

from __future__ import annotations

import click

from slipway.cli.origin import shell_origin
from slipway.cli.output import json_option, print_json, print_outcome, print_training_start
from slipway.cli.signals import exit_on_sigterm


@click.command()
@click.argument("model")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--no", "is_no", is_flag=True, help="Say no: the request is suppressed.")
@click.option("--reason", default="", help="Kept with the answer.")
@json_option
def approve(model: str, number: int, *, is_no: bool, reason: str, as_json: bool) -> None:
    """Say yes to request NUMBER of MODEL, which waits for a person.

    With `retraining.mode: approve` each automatic request that no rule is against waits;
    `slipway status` lists those. Your name and the time are kept with the answer, and the first
    answer counts. The next run of the train DAG takes an approved request up.
    """
    from slipway import wiring

    exit_on_sigterm()
    inputs = {"model": model, "reject" if is_no else "approve": number}
    inputs |= {"reason": reason} if reason.strip() else {}
    result = wiring.run_stage("accept", inputs, origin=shell_origin())
    if as_json:
        print_json(result.to_json())
    else:
        print_outcome("accept", result)
        print_training_start(model, result)
