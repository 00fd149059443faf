"""Paths and names on the command line that lead nowhere end in one error, without a traceback."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from slipway.cli.command_errors import Commands
from slipway.errors import BadParameter
from slipway.local.new_project import project_files
from slipway.wiring import Container
from slipway.wiring.proposed_delivery import proposed_delivery
from tests.support.command_line import slipway


@click.group(cls=Commands)
def group() -> None:
    """Group of one command."""


@group.command()
@click.argument("file", type=click.Path(path_type=Path))
def write(file: Path) -> None:
    """Write a file that a person named."""
    file.write_text("card")


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Its folder is missing, a file stands in its way, or it is a folder itself."""
    (tmp_path / "file").touch()
    for name in ("missing/card.md", "file/card.md", "."):
        result = CliRunner().invoke(group, ["write", str(tmp_path / name)])
        assert result.exit_code == 1
        assert "Error: a file or a folder cannot be read or written" in result.stderr
        assert f"where: {tmp_path / name}" in result.stderr


def test_another_error_of_the_system_keeps_its_traceback() -> None:
    """One that names no path is none of a person's."""

    @click.group(cls=Commands)
    def connecting() -> None:
        """Group of one command."""

    @connecting.command()
    def work() -> None:
        """Lose a connection."""
        raise ConnectionResetError

    assert isinstance(CliRunner().invoke(connecting, ["work"]).exception, ConnectionResetError)


def test_the_folder_above_is_a_delivery_by_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`.` and `..` are no names; a link to a file is delivered by the name of the link."""
    (tmp_path / "may" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "may" / "inner")
    for place in (Path(), Path("..")):
        with (
            pytest.raises(BadParameter, match="this cannot be a delivery"),
            proposed_delivery(place),
        ):
            pass
    (tmp_path / "may.csv").write_text("id\na\n")
    (tmp_path / "newest.csv").symlink_to(tmp_path / "may.csv")
    with proposed_delivery(tmp_path / "newest.csv") as proposed:
        assert proposed.batch == "newest"


@pytest.mark.parametrize("command", [["show"], ["verify"], ["as-of", "2026-01-01", "--model"]])
def test_a_ledger_of_an_unknown_name_is_not_empty(container: Container, command: list[str]) -> None:
    """A misspelt name has no ledger that holds; a model without an entry has."""
    del container
    result = slipway("ledger", *command, "slaes")
    assert result.exit_code == 1
    assert "there is no model or dataset 'slaes'" in result.output
    assert slipway("ledger", *command, "sales").exit_code == 0


def test_a_project_in_a_folder_with_accents_keeps_its_letters() -> None:
    """Of the alphabet, as names of packages have them."""
    for folder, name in (("Städte 2", "stadte-2"), ("都市", "models")):
        text = dict(project_files(folder))["pyproject.toml"]
        assert f'name = "{name}"' in text
