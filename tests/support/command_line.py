"""The command line as tests run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from slipway.cli.commands import commands

Make = Callable[[Mapping[str, str]], Path]


def slipway(*words: str) -> Result:
    """Output and exit status of a command line."""
    return CliRunner().invoke(commands, list(words), catch_exceptions=False)
