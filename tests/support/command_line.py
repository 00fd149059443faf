"""The command line as tests run it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from slipway.cli import main

Make = Callable[[Mapping[str, str]], Path]


def slipway(*words: str) -> Result:
    """Output and exit status of a command line."""
    return CliRunner().invoke(main, list(words), catch_exceptions=False)
