"""Output that all commands share: verdicts and JSON."""

from __future__ import annotations

import json
from typing import Any

import click

from slipway.records.outcomes import Outcome
from slipway.records.verdicts import Verdict

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")


def print_json(value: Any) -> None:
    """Print one JSON value that a person can read too."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_outcome(stage: str, outcome: Outcome) -> None:
    """Print a stage's verdict: action, reason, numbers and evidence."""
    verdict = verdict_of(outcome)
    click.echo(f"{stage}: {click.style(verdict.action, bold=True)}. {verdict.reason}")
    lines = {**verdict.numbers, **verdict.evidence}
    width = max(map(len, lines), default=0)
    for name, value in lines.items():
        click.echo(f"  {name:<{width}}  {value}")


def verdict_of(outcome: Outcome) -> Verdict:
    """The verdict of a stage, whether or not it keeps a run record."""
    return outcome if isinstance(outcome, Verdict) else outcome.verdict
