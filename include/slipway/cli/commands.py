"""The commands of `slipway`, as one group.

Starts fast: heavy modules are imported by the command that needs them.
"""

from __future__ import annotations

import click

from slipway import __version__
from slipway.cli.approve import approve
from slipway.cli.backtest import backtest
from slipway.cli.bring import bring
from slipway.cli.card import card
from slipway.cli.command_errors import Commands
from slipway.cli.deliver import deliver
from slipway.cli.demo import demo, down, up
from slipway.cli.evidence import evidence
from slipway.cli.export import export
from slipway.cli.file_modes import keep_files_private
from slipway.cli.init import init
from slipway.cli.keys import keys
from slipway.cli.ledger import ledger
from slipway.cli.local_installation import use_local_installation
from slipway.cli.new import new
from slipway.cli.parse import parse
from slipway.cli.render import render
from slipway.cli.replay import replay
from slipway.cli.reproduce import reproduce
from slipway.cli.rollback import rollback
from slipway.cli.run import run
from slipway.cli.serve import download, platform, serve, ship, token
from slipway.cli.sign import sign
from slipway.cli.specs import check, reference, sample
from slipway.cli.status import status
from slipway.cli.trial import trial
from slipway.cli.why import why

__all__ = ["commands"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="slipway")
@click.pass_context
def commands(ctx: click.Context) -> None:
    """Launch machine-learning models from Airflow and keep them seaworthy."""
    use_local_installation(ctx.invoked_subcommand)
    keep_files_private(ctx)


for command in (
    *(init, new, check, parse, sample, reference, render),
    *(trial, backtest, deliver),
    *(status, why, ledger),
    *(card, reproduce, evidence),
    *(run, approve, rollback, bring, export),
    *(keys, sign),
    *(serve, download, ship, platform, token),
    *(up, replay, demo, down),
):
    commands.add_command(command)
