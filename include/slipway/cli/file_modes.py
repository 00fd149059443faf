"""Keep files of commands to their owner: data, logs, tokens and databases."""

from __future__ import annotations

import os

import click

from slipway.settings import Settings

FOR_PEOPLE = frozenset(
    {
        *("init", "new", "check", "parse", "sample", "reference", "render"),
        *("card", "evidence", "export", "reproduce", "token"),
    }
)
"""Commands that write what a person goes on with, such as specs: the shell's mask counts."""


def keep_files_private(ctx: click.Context) -> None:
    """Set the process' file mode mask, which its children inherit, until the command ends.

    The shell's own mask stays where it is stricter.
    """
    if ctx.invoked_subcommand in FOR_PEOPLE | {None}:
        return
    wanted = int(Settings().umask, 8)
    before = os.umask(wanted)
    os.umask(before | wanted)
    ctx.call_on_close(lambda: os.umask(before))
