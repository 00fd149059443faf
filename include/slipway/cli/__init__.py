"""`slipway …`: arguments in, words or JSON out; whatever decides or acts is further down.

Starts in a blink: everything heavy is imported by the command that needs it.
"""

from __future__ import annotations

import click

from slipway import __version__
from slipway.cli.bring import bring
from slipway.cli.demo import demo, down
from slipway.cli.export import export
from slipway.cli.ledger import ledger
from slipway.cli.output import Commands
from slipway.cli.render import render
from slipway.cli.rollback import rollback
from slipway.cli.run import run
from slipway.cli.serve import download, platform, serve, ship, token
from slipway.cli.specs import check, reference, sample
from slipway.cli.status import status, why

__all__ = ["main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="slipway")
def main() -> None:
    """Launch machine-learning models from Airflow and keep them seaworthy."""


for command in (
    *(check, sample, reference, render),
    *(status, why, ledger),
    *(run, rollback, bring, export),
    *(serve, download, ship, platform, token),
    *(demo, down),
):
    main.add_command(command)
