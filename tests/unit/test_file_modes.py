"""Rights of files that commands write: those of data are for their owner."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from slipway.cli.commands import commands
from slipway.cli.file_modes import FOR_PEOPLE, keep_files_private


@pytest.fixture(autouse=True)
def shell_mask() -> Iterator[None]:
    """The mask of most shells."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode_of(command: str, folder: Path) -> int:
    """Rights of a file that a command writes."""
    parent = click.Context(commands)
    parent.invoked_subcommand = command
    with parent:
        keep_files_private(parent)
        (folder / "file").touch()
    return (folder / "file").stat().st_mode & 0o777


@pytest.mark.parametrize(
    ("command", "mask", "mode"),
    [
        ("up", None, 0o600),
        ("platform", None, 0o600),
        ("a-later-command", None, 0o600),
        ("run", "007", 0o640),
        ("run", "0027", 0o640),
        ("new", None, 0o644),
    ],
)
def test_files_of_a_command_have_its_rights(
    command: str, mask: str | None, mode: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of data are private, specs are as the shell has it, and the mask of the shell stays."""
    if mask:
        monkeypatch.setenv("SLIPWAY_UMASK", mask)
    assert mode_of(command, tmp_path) == mode
    assert os.umask(0o022) == 0o022


def test_every_command_for_people_is_one() -> None:
    """The list names commands that exist; all others are private."""
    assert commands.commands.keys() >= FOR_PEOPLE


def test_a_mask_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting."""
    monkeypatch.setenv("SLIPWAY_UMASK", "99")
    assert "SLIPWAY_UMASK is not valid" in CliRunner().invoke(commands, ["status"]).stderr
