"""Output that all commands share: verdicts and JSON."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from slipway.records.outcomes import Listing, Outcome
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.stages.ingest.verdicts import OVER_LIMIT
from slipway.stages.report.why_dataset import DELIVER_AGAIN, RAISE_THE_LIMIT
from slipway.values.told_times import in_utc

REPORT_WITHIN_S = 8.0
"""Time limit of MLflow's answers to a report, which tells the rest without them."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")


def print_json(value: Any) -> None:
    """Print one JSON value that a person can read too."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_outcome(stage: str, outcome: Outcome, *, began: datetime | None = None) -> None:
    """Print a stage's verdict: action, reason, numbers and evidence.

    Args:
        stage: Its name.
        outcome: Its outcome.
        began: When the command was given, to tell a recorded verdict; None: not told.
    """
    verdict = verdict_of(outcome)
    click.echo(f"{stage}: {click.style(verdict.action, bold=True)}. {verdict.reason}")
    lines = {**verdict.numbers, **verdict.evidence}
    width = max(map(len, lines), default=0)
    for name, value in lines.items():
        click.echo(f"  {name:<{width}}  {value}")
    if isinstance(outcome, Listing):
        for stage_name, items in outcome.items.items():
            for item in items:
                inputs = " ".join(f"{name}={value}" for name, value in item.items())
                click.echo(f"  {stage_name}: {inputs}")
    if began is not None and isinstance(outcome, RunRecord):
        finished = datetime.fromisoformat(outcome.finished_at)
        if finished < began:
            click.echo(f"Recorded {in_utc(finished)}; nothing was done again.")
            is_refused = verdict.action == "blocked" or verdict.numbers.get("quarantined")
            if stage == "ingest" and is_refused:
                way = RAISE_THE_LIMIT if verdict.numbers.get(OVER_LIMIT) else DELIVER_AGAIN
                click.echo(f"To take what was refused: {way}.")


def print_training_start(model: str, outcome: Outcome) -> None:
    """Print when the training of an accepted request starts; nothing for other verdicts."""
    from slipway import wiring

    if verdict_of(outcome).action != "accept":
        return
    sweep = wiring.Container().model(model).retraining.sweep
    click.echo(
        f"It trains in the next run of {model}__train: after new data, at the latest by its sweep "
        f"({sweep}), at once if you start that DAG."
    )


def verdict_of(outcome: Outcome) -> Verdict:
    """The verdict of a stage, whether or not it keeps a run record."""
    return outcome if isinstance(outcome, Verdict) else outcome.verdict
