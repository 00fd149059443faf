"""`slipway new` as a command: what it prints, writes and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
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


def test_plain_numbers_have_one_line_together(tmp_path: Path, home: Path) -> None:
    """Of forty of them; lines are left for columns about which something was decided."""
    rng = np.random.default_rng(5)
    frame = binary().assign(**{f"sensor {one}": rng.normal(9, 1, 400) for one in range(40)})
    file = csv_file(frame, tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file), "--yes", "--target", "sold"])
    assert "its texts are numbers" not in result.output
    assert "42 features are plain numbers without a missing value: Size m2, " in result.output
    assert "and 30 more" in result.output
    assert (home / "include/models/houses_sold/model.yaml").read_text().count("sensor") == 40


def test_lines_before_the_table_are_told(tmp_path: Path, home: Path) -> None:
    """A header such as `569,30,malignant,benign` is no row, and a person has to know."""
    text = "Report of May\n" + binary().to_csv(index=False)
    (tmp_path / "houses.csv").write_text(text)
    result = CliRunner().invoke(commands, ["new", str(tmp_path / "houses.csv"), "--yes"])
    assert "1 line stands before the table, not read: `csv.skip_lines`" in result.output
    assert (home / "include/datasets/houses/dataset.yaml").exists()
