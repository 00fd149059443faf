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


def test_a_project_elsewhere_is_named(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that the command is a part of is the project of a folder that is in none."""
    monkeypatch.setenv("SLIPWAY_PROJECT", str(home))
    for folder, name, is_named in ((tmp_path, "a", True), (home / "include", "b", False)):
        monkeypatch.chdir(folder)
        file = csv_file(binary(), tmp_path / f"houses_{name}.csv")
        output = CliRunner().invoke(commands, ["new", str(file), "--yes"]).output
        assert (f"the project is {home}\nwrote include/" in output) == is_named
        assert f"wrote include/datasets/houses_{name}/dataset.yaml" in output


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


@pytest.mark.parametrize(
    ("stem", "options", "said"),
    [
        ("städte", [], "name        stadte: as specs spell names"),
        (
            "houses",
            ["--name", "Städte & Dörfer"],
            "name        stadte_dorfer: as specs spell names",
        ),
        ("город", [], "name        data: as specs spell names"),
        ("houses", [], "target"),
    ],
)
def test_a_name_that_specs_spell_otherwise_is_told(
    stem: str, options: list[str], said: str, tmp_path: Path, home: Path
) -> None:
    """Of the file, or the one that a person gave; the first line after the table says so."""
    file = csv_file(binary(), tmp_path / f"{stem}.csv")
    command = ["new", str(file), "--yes", "--target", "sold", *options]
    output = CliRunner().invoke(commands, command, catch_exceptions=False).output
    line = next(one for one in output.splitlines() if one.startswith(("name  ", "target  ")))
    assert line.startswith(said)
    assert not line.startswith("name") or f"of {(options or ['', stem])[1]!r}" in line
    assert len(list((home / "include/datasets").glob("*/dataset.yaml"))) == 1


def test_a_name_of_which_nothing_is_left_is_refused(tmp_path: Path, home: Path) -> None:
    """Before the file is read."""
    file = csv_file(binary(), tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file), "--yes", "--name", "都市"])
    assert result.exit_code == 1
    assert "a dataset cannot be named '都市'" in result.output
    assert "--name NAME" in result.output
    assert not list((home / "include/datasets").glob("*/dataset.yaml"))


def test_many_columns_of_some_categories_are_warned_of(tmp_path: Path, home: Path) -> None:
    """By `new` itself and by `check`, although each has a feature for each category."""
    rng = np.random.default_rng(2)
    columns = {f"c{number:02}": rng.integers(0, 80, 3000).astype(str) for number in range(20)}
    frame = binary(3000).assign(**{name: "v" + one for name, one in columns.items()})
    file = csv_file(frame, tmp_path / "houses.csv")
    result = CliRunner().invoke(commands, ["new", str(file), "--yes", "--target", "sold"])
    told = " ".join(result.output.split())
    assert "c00, c01, c02 and 18 more have 1,603 categories together" in told
    del home
    checked = CliRunner().invoke(commands, ["check"])
    assert checked.exit_code == 0, checked.output
    assert "c00, c01, c02 and 18 more may have 1,923 categories together" in checked.output
