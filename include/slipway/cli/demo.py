"""Commands that play the whole ring on this machine, and stop it."""

from __future__ import annotations

import click

from slipway.cli.signals import exit_on_hangup, exit_on_sigterm


@click.command()
@click.option("--once", is_flag=True, help="End with the story instead of staying up.")
def demo(*, once: bool) -> None:
    """Play a year of flights on a real Airflow, MLflow and serving platform."""
    # Either one ends every process of the stack, as Ctrl-C does.
    exit_on_sigterm()
    exit_on_hangup()
    from slipway.local.demo.main import main

    raise SystemExit(main(once=once))


@click.command()
def down() -> None:
    """Stop everything that `slipway demo` left running."""
    from slipway.local.demo.main import down as stop

    stop()
