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
def up() -> None:
    """Run a local Airflow, MLflow and serving platform with this project's specs.

    Everything listens on loopback alone, on free ports, and its state is kept in `.slipway/up` for
    the next time. It prints addresses and login, then the verdicts of the ring; a part that ends
    is started again. Ctrl-C, SIGTERM and `slipway down` end all of it.

    Meanwhile other commands of the project find it by themselves, unless a variable
    `SLIPWAY_STORE`, `SLIPWAY_MLFLOW` or `SLIPWAY_PLATFORM` is set. Where it runs already, the
    command says where.
    """
    exit_on_sigterm()
    exit_on_hangup()
    from slipway.local.up import up as run

    raise SystemExit(run())


@click.command()
def down() -> None:
    """End `slipway up` of this project, and whatever it or `slipway demo` left running."""
    from slipway.local.down import down as stop

    stop()
