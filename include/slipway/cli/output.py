"""Output that all commands share: verdicts, JSON, and errors without a traceback."""

from __future__ import annotations

import json
from typing import IO, Any

import click

from slipway.errors import SlipwayError
from slipway.records.outcomes import Outcome
from slipway.records.verdicts import Verdict

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of words.")


class Refusal(click.ClickException):
    """One of Slipway's own errors, printed with all its lines; exit status 1."""

    def __init__(self, error: SlipwayError) -> None:
        super().__init__(str(error))

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error to standard error."""
        click.echo(f"{click.style('Error:', fg='red')} {self.message}", file=file, err=True)


class Commands(click.Group):
    """A group whose commands end in a `Refusal` where Slipway raises one of its errors.

    Commands are listed in the order in which they were added.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except SlipwayError as error:
            raise Refusal(error) from error

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands."""
        return list(self.commands)


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
