"""Errors of commands: printed without a traceback, with exit status 1."""

from __future__ import annotations

from typing import IO, Any

import click

from slipway.errors import SlipwayError


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
