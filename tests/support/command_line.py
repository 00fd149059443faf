"""The command line as tests run it, on a project whose registry and platform are fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from click.testing import CliRunner, Result

from slipway.cli import main

Make = Callable[[Mapping[str, str]], Path]


def slipway(*words: str) -> Result:
    """What a command line gives."""
    return CliRunner().invoke(main, list(words), catch_exceptions=False)
