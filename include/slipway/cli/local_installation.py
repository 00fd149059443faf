"""Let commands of a project find the installation of `slipway up` by themselves."""

from __future__ import annotations

import os

import click

from slipway.settings import Settings

USERS = frozenset(
    {
        *("status", "why", "ledger", "run", "rollback", "deliver"),
        *("approve", "bring", "export", "render", "download", "replay", "sign"),
    }
)
"""Commands that always work on an installation; `find_installation` serves those that may."""

ADDRESSES = ("SLIPWAY_STORE", "SLIPWAY_MLFLOW", "SLIPWAY_PLATFORM")


def use_local_installation(command: str | None) -> None:
    """Set the addresses of a project's `slipway up` for a command, and say so once.

    Args:
        command: Name of the command.
    """
    if command in USERS:
        find_installation(makes_store=command == "deliver")


def find_installation(*, makes_store: bool = False) -> None:
    """Set the addresses of a project's `slipway up`, and say so once.

    Only where none of them is set. While it does not run, its store is used, which is kept.

    Args:
        makes_store: Whether that store is used before the first `slipway up`, too.
    """
    if any(os.environ.get(name) for name in ADDRESSES):
        return
    from slipway.local.running import find_running, up_folder, up_store

    project = Settings().project
    running = find_running(project)
    if running is not None:
        os.environ.update(running.variables())
        _say(f"the installation of `slipway up` is used: {running.store}")
    elif makes_store or up_folder(project).is_dir():
        store = up_store(project)
        os.environ["SLIPWAY_STORE"] = str(store)
        _say(f"the store that `slipway up` keeps is used, which is not running now: {store}")


def _say(line: str) -> None:
    click.secho(line, dim=True, err=True)
