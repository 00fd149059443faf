"""`slipway new` as a command: what it prints, writes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from slipway.cli.commands import commands
from tests.support.new_specs import binary, csv_file, planned


@pytest.mark.parametrize(
    "options", [["--yes"], ["--yes", "--target", "rooms", "--name", "Flats 2"]]
)
def test_the_command_writes_and_says_why(options: list[str], tmp_path: Path, home: Path) -> None:
    """The table names each column; a second time nothing is overwritten."""
    file = csv_file(binary(), tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file), *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert all(name in result.stdout for name in ("Size m2", "rooms", "district", "sold"))
    assert "next: slipway try " in result.stdout
    before = {one: one.read_text() for one in home.rglob("*.yaml")}
    again = CliRunner().invoke(commands, ["new", str(file), *options])
    assert again.exit_code == 1
    assert "nothing is overwritten" in again.output
    assert before == {one: one.read_text() for one in home.rglob("*.yaml")}
    assert CliRunner().invoke(commands, ["check"]).exit_code == 0


def test_without_a_terminal_guesses_are_taken_with_yes_only(tmp_path: Path, home: Path) -> None:
    """The guesses are shown, and nothing is written."""
    file = csv_file(binary(), tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file)])
    assert result.exit_code == 1
    assert "--yes" in result.output
    assert "roc_auc" in result.output
    assert not (home / "include/datasets/houses").exists()


def test_an_unknown_target_has_a_nearest_name(tmp_path: Path, home: Path) -> None:
    """Case does not matter."""
    file = csv_file(binary(), tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file), "--target", "solt", "--yes"])
    assert "did you mean 'sold'?" in result.output
    assert planned(file, target="SOLD").target.column == "sold"
    del home
