"""The `slipway` command: parse arguments, call the layers below, print text or JSON.

The package itself imports little, so that Ctrl-C is answered while the commands are imported.
"""

from __future__ import annotations

from slipway.cli.signals import ended_by_interrupt


def main() -> None:
    """Run the command line."""
    with ended_by_interrupt():
        from slipway.cli.commands import commands
    commands(prog_name="slipway")
